"""What to do on a page never seen before: a pure function from a page, a plan and a memory to the next action.

A person reads a page from the most to the least certain sign; so do the recipes, in this order: a link back to the app, a form for a
password or a user name, the choice of a role, of a patient, of an encounter, the consent question, a notice with one way on. Each
recipe answers with an action or passes the page on. Nothing here touches a browser.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from smartlaunch.browser import lexicon as words
from smartlaunch.browser.lexicon import field_words, normal, says, split_name
from smartlaunch.browser.plan import Deselect, LoginPlan
from smartlaunch.browser.snapshot import Control, PageSnapshot

OpKind = Literal["fill", "select", "check", "click", "enter"]


@dataclass(frozen=True)
class Op:
    """One thing to do to one control; ``secret`` keeps the value out of every message."""

    kind: OpKind
    control: Control
    value: str = field(default="", repr=False)
    on: bool = True
    secret: bool = False


@dataclass(frozen=True)
class Act:
    """Do these things in order. ``careful`` asks for a quiet page first, since it may be about to move on by itself."""

    topic: str
    note: str
    ops: tuple[Op, ...]
    careful: bool = False
    key: str = ""


@dataclass(frozen=True)
class Wait:
    """Nothing here that a person could use to go on, at least not yet."""


@dataclass(frozen=True)
class Stuck:
    """The page is understood, and there is no way on."""

    reason: str


@dataclass(frozen=True)
class Refused:
    """The credentials were sent and the same form came back: never send them again, accounts lock."""

    reason: str


Action = Act | Wait | Stuck | Refused


@dataclass(frozen=True)
class ChartGoal:
    """What to do in an EHR's own pages: open this patient, press the launch control of this app."""

    app_name: str = ""
    client_id: str = ""
    patient: str | None = None


@dataclass
class Memory:
    """What was already done in this walk."""

    logins: Counter[str] = field(default_factory=Counter)
    users: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    patient_chosen: bool = False
    searched: bool = False

    def note(self, action: Act) -> None:
        """Remember an action that was carried out."""
        self.done[f"{action.topic}|{action.key}"] += 1
        if action.topic == "login":
            self.logins[action.key] += 1
        elif action.topic == "user":
            self.users[action.key] += 1
        elif action.topic == "patient":
            self.patient_chosen = True
        elif action.topic == "search":
            self.searched = True

    def times(self, topic: str, key: str) -> int:
        """How often this was done before."""
        return self.done[f"{topic}|{key}"]


@dataclass(frozen=True)
class Situation:
    """Everything a recipe may look at."""

    page: PageSnapshot
    plan: LoginPlan
    memory: Memory
    catch: Sequence[str] = ()
    goal: ChartGoal | None = None

    @property
    def heading(self) -> str:
        """Title and headings: what the page says it is about."""
        return " ".join((self.page.title, *self.page.headings))

    @property
    def wording(self) -> str:
        """Title, headings and text."""
        return f"{self.heading} {self.page.text}"


Recipe = Callable[[Situation], Action | None]


def decide(
    page: PageSnapshot,
    plan: LoginPlan,
    memory: Memory,
    *,
    catch: Sequence[str] = (),
    goal: ChartGoal | None = None,
) -> Action:
    """Choose the next action on a page. An action that was done twice on the same page without effect is not proposed again."""
    situation = Situation(page, plan, memory, catch, goal)
    for recipe in RECIPES:
        action = recipe(situation)
        if action is None:
            continue
        if isinstance(action, Act) and memory.times(action.topic, action.key) >= 2:
            return Stuck(f"the page came back unchanged after: {action.note}")
        return action
    return Wait()


# --- a link back to the app ------------------------------------------------------------------------------------------------------


def back_to_app(s: Situation) -> Action | None:
    """Follow a link that leads to one of the URIs to catch."""
    for control in s.page.of_kind("link"):
        if any(control.href.split("?")[0].split("#")[0] == uri.split("?")[0] for uri in s.catch):
            return Act("link", f"followed the link {quoted(control)}", (Op("click", control),), key=control.href[:60])
    return None


# --- signing in ------------------------------------------------------------------------------------------------------------------


def is_login(page: PageSnapshot) -> bool:
    """Whether the page has a password field that can be filled."""
    return any(not c.readonly and not _one_time(c) for c in page.of_kind("password"))


def sign_in(s: Situation) -> Action | None:
    """Fill user name and password, or one of the two, and submit."""
    passwords = [c for c in s.page.of_kind("password") if not c.readonly and not _one_time(c)]
    if passwords:
        return _with_password(s, passwords)
    return _chosen_user(s) or _user_name_alone(s) or _one_time_code(s)


def _with_password(s: Situation, passwords: list[Control]) -> Action:
    by_form: dict[int, list[Control]] = {}
    for control in passwords:
        by_form.setdefault(control.form, []).append(control)
    known = [f for f in by_form.values() if len(f) == 1 and not _wants_new(f[0])]
    if not known:
        return Stuck("the page asks for a new password")
    known.sort(key=lambda f: (f[0].autocomplete != "current-password", _registers(f[0])))
    secret = known[0][0]
    user = _user_field(s.page, secret)
    key = _form_key(s.page, secret, user)
    said = _complaint(s.page)
    if s.memory.logins[key]:
        if _invalid(s.page):
            return Stuck(f"the form cannot be sent: {_invalid(s.page)}")
        return Refused(
            f"the sign-in form came back after user name and password were sent{said}; they are not sent again, since accounts lock"
        )
    if sum(s.memory.logins.values()) >= 3:
        return Refused(f"a fourth sign-in form in one walk{said}")
    if not s.plan.password or (user is not None and not s.plan.username):
        return Stuck("the page asks for a user name and a password, and the target file gives none for this user")
    ops = []
    if user is not None:
        ops.append(Op("fill", user, s.plan.username))
    ops.append(Op("fill", secret, s.plan.password, secret=True))
    button = submit_of(s.page, secret, words.SIGN_IN, s.plan.persona)
    ops.append(Op("click", button) if button else Op("enter", secret))
    done = "filled user name and password" if user is not None else "filled the password"
    return Act("login", f"{done}, pressed {quoted(button) if button else 'Enter'}", tuple(ops), key=key)


def _user_field(page: PageSnapshot, secret: Control) -> Control | None:
    fields = [c for c in page.of_kind("text") if not c.readonly and not _search(c) and not _one_time(c)]
    near = [c for c in fields if c.form == secret.form]
    before = [c for c in near if c.ref < secret.ref] or near
    scored = sorted(((_user_score(c), c.ref, c) for c in before), key=lambda item: (-item[0], item[1]))
    if scored and scored[0][0] > 0:
        return scored[0][2]
    empty = [c for c in before if not c.filled]
    return empty[-1] if empty and not any(c.kind == "text" and c.readonly and c.form == secret.form for c in page.controls) else None


def _user_score(control: Control) -> int:
    score = 0
    if "username" in control.autocomplete:
        score += 8
    said = field_words(control)
    if re.search(r"\b(domain|tenant|first|last|given|family)\b", said, re.IGNORECASE):
        return 0
    if words.USER_FIELD.search(said):
        score += 4
    if re.search(r"user|login|benutzer|usuario", said, re.IGNORECASE):
        score += 2
    if control.type == "email" or control.autocomplete == "email":
        score += 1
    return score


def _user_name_alone(s: Situation) -> Action | None:
    fields = [c for c in s.page.of_kind("text") if not c.readonly and not _search(c) and not _one_time(c) and _user_score(c) > 0]
    if not fields or not s.plan.username or _patient_choices(s):
        return None
    user = max(fields, key=lambda c: (_user_score(c), -c.ref))
    same_form = [c for c in s.page.of_kind("text") if c.form == user.form and c.ref != user.ref and c.required and not c.filled]
    if same_form:
        return None
    button = submit_of(s.page, user, words.SIGN_IN, s.plan.persona)
    if button is None and not (user.type == "email" or "username" in user.autocomplete or user.form >= 0):
        return None
    key = _form_key(s.page, user, user)
    if s.memory.users[key]:
        if _invalid(s.page):
            return Stuck(f"the form cannot be sent: {_invalid(s.page)}")
        what = "user name and password were sent" if s.memory.logins else "the user name was sent"
        return Refused(f"the form for the user name came back after {what}{_complaint(s.page)}; nothing is sent again, since accounts lock")
    ops = (Op("fill", user, s.plan.username), Op("click", button) if button else Op("enter", user))
    return Act("user", f"filled the user name, pressed {quoted(button) if button else 'Enter'}", ops, key=key)


def _chosen_user(s: Situation) -> Action | None:
    """A list of users in place of a user name, as simulators have it: beside a disabled password, or named so."""
    off = any(c.kind == "password" and c.disabled for c in s.page.controls)
    for control in s.page.of_kind("select"):
        if not off and not (words.USER_FIELD.search(field_words(control)) and words.SIGN_IN.search(s.heading)):
            continue
        names = [n for n in (s.plan.username, s.plan.patient, *s.plan.patient_names) if n]
        option = next(
            (o for n in names for o in control.options if normal(n) in (normal(o.value), normal(o.text)) or _token(n, o.value)), None
        )
        ops: list[Op] = [Op("select", control, option.value)] if option and not option.selected else []
        button = submit_of(s.page, control, words.SIGN_IN, s.plan.persona)
        if button:
            ops.append(Op("click", button))
            chosen = "chose the user" if option else "kept the user that was chosen"
            return Act("user", f"{chosen}, pressed {quoted(button)}", tuple(ops), key=f"{s.page.host} {control.id} {control.name}")
    return None


def _one_time_code(s: Situation) -> Action | None:
    if any(_one_time(c) for c in s.page.of_kind("text", "password") if c.kind != "text" or not _search(c)):
        return Stuck("the page asks for a one-time code; use a test user without a second factor")
    return None


def _one_time(control: Control) -> bool:
    return control.autocomplete == "one-time-code" or (
        bool(words.ONE_TIME_CODE.search(field_words(control)))
        and not words.USER_FIELD.search(field_words(control))
        and "password" not in field_words(control).lower()
    )


def _search(control: Control) -> bool:
    if control.type == "search" or "username" in control.autocomplete:
        return control.type == "search"
    return bool(words.SEARCH.search(field_words(control)))


def _wants_new(control: Control) -> bool:
    return control.autocomplete == "new-password" and bool(words.NEW_PASSWORD.search(field_words(control)))


def _registers(control: Control) -> bool:
    return control.autocomplete == "new-password" or bool(re.search(r"regist|sign ?up|signup", split_name(control.form_label)))


def _form_key(page: PageSnapshot, *controls: Control | None) -> str:
    names = "+".join(sorted({c.id or c.name or c.label for c in controls if c is not None}))
    return f"{page.host}|{names}"


def _invalid(page: PageSnapshot) -> str:
    """What the browser itself holds against a field, such as a user name that is no email address."""
    return next((f"{c.describe()}: {c.invalid}" for c in page.of_kind("text", "password") if c.filled and c.invalid), "")


def _complaint(page: PageSnapshot) -> str:
    return f", and the page says: {page.errors[0][:160]}" if page.errors else ""


# --- choosing a role -------------------------------------------------------------------------------------------------------------


def choose_role(s: Situation) -> Action | None:
    """Sign in as a provider or as a patient, or take one of several profiles."""
    if _consent_pair(s)[0] is not None and _consent_pair(s)[1] is not None:
        return None
    items = [
        c
        for c in s.page.of_kind("radio", "button", "link")
        if not c.outer and len(c.caption) <= 60 and not says(c, words.NEVER, deep=False)
    ]
    provider = [c for c in items if role_of(c) == "provider"]
    patient = [c for c in items if role_of(c) == "patient"]
    if provider and patient and len(provider) + len(patient) <= 6:
        wants_patient = bool(s.plan.persona and words.PATIENT_ROLE.search(split_name(s.plan.persona)))
        chosen = (patient if wants_patient else provider)[0]
        return _take(s, chosen, "role", f"chose the role {quoted(chosen)}")
    if words.CHOOSE.search(s.wording) and words.ROLE.search(s.heading) and not words.PATIENT.search(s.heading):
        choices = _choices(s)
        if choices:
            wanted = [normal(n) for n in (s.plan.username, s.plan.persona, *s.plan.patient_names) if n]
            chosen = next((c for w in wanted for c in choices if w in normal(f"{c.text} {c.label} {c.value}")), None) or next(
                (c for c in choices if c.checked), choices[0]
            )
            return _take(s, chosen, "role", f"chose {quoted(chosen)}")
    return None


def role_of(control: Control) -> str:
    """Which role a control stands for: ``patient``, ``provider`` or neither; its value is asked when its caption does not say."""
    said = [control.caption] if control.kind == "link" else [control.caption, split_name(control.value)]
    for text in said:
        patient, provider = words.PATIENT_ROLE.search(text), words.PROVIDER_ROLE.search(text)
        if patient and not (provider and text is said[0]):
            return "patient"
        if provider and not patient:
            return "provider"
    return ""


# --- choosing a patient ----------------------------------------------------------------------------------------------------------


def choose_patient(s: Situation) -> Action | None:
    """Choose the configured patient by id or name; look for it with the search box; else the only one."""
    if s.goal and s.memory.patient_chosen:
        return None
    wanted = s.goal.patient if s.goal and s.goal.patient else s.plan.patient
    names = [normal(n) for n in s.plan.patient_names if n.strip()]
    found = _find_patient(s, wanted, names)
    if found is not None:
        return found
    if s.goal and wanted is None:
        return None
    if is_consent(s.page) and not s.page.of_kind("radio", "select"):
        return None  # a consent page that names the patient is no picker; only its own question is to be answered
    choices = _patient_choices(s)
    box = _patient_search(s, bool(choices))
    if box is not None and not s.memory.searched and (wanted or names):
        text = (max(s.plan.patient_names, key=len).split()[-1] if names else wanted) or ""
        button = submit_of(s.page, box, words.SEARCH, "") if box.form >= 0 else _beside(s.page, box)
        go = Op("click", button) if button else Op("enter", box)
        return Act("search", "searched for the patient", (Op("fill", box, text), go), key=s.page.host)
    if not choices:
        return None
    if len(choices) == 1:
        return _choose(s, choices[0], "patient", "chose the only patient")
    if wanted is None and not names:
        first = next((c for c in choices if c[0].checked or (c[1] and _option_selected(c))), choices[0])
        return _choose(s, first, "patient", "chose the first patient, since none is configured")
    return Stuck(f"the configured patient is not among the {len(choices)} that the page offers")


_Choice = tuple[Control, str]
"""A control and, for a select, the value to choose."""


def _find_patient(s: Situation, wanted: str | None, names: list[str]) -> Action | None:
    if not wanted and not names:
        return None
    pair = _consent_pair(s)
    asking = pair[0] is not None and pair[1] is not None
    best: tuple[int, int, _Choice] | None = None
    for control in s.page.controls:
        if control.disabled or control.kind in ("text", "password") or control.outer:
            continue
        if asking and control.kind in ("button", "link"):
            continue
        if control.kind in ("button", "link") and says(control, words.DENY, deep=False):
            continue
        if control.kind == "checkbox" and _is_scope_box(control):
            continue
        for choice, score in _patient_scores(control, wanted, names):
            rank = (score, -control.ref)
            if best is None or rank > (best[0], best[1]):
                best = (score, -control.ref, choice)
    if best is None:
        return None
    how = "by id" if best[0] >= 4 else "by name"
    return _choose(s, best[2], "patient", f"chose the patient {how}")


def _patient_scores(control: Control, wanted: str | None, names: list[str]) -> list[tuple[_Choice, int]]:
    if control.kind == "select":
        scored = []
        for option in control.options:
            score = _match(wanted, names, exact=(option.value,), loose=(option.value,), shown=option.text, context="")
            if score:
                scored.append(((control, option.value), score))
        return scored
    data = tuple(d.split("=", 1)[1] for d in control.data if "=" in d)
    score = _match(
        wanted,
        names,
        exact=(control.value, control.id, *data),
        loose=(control.value, control.href, control.id, f"{control.text} {control.label}"),
        shown=f"{control.text} {control.label}",
        context="" if says(control, words.NEVER, deep=False) else control.context,
    )
    return [((control, ""), score)] if score else []


def _match(wanted: str | None, names: list[str], *, exact: Sequence[str], loose: Sequence[str], shown: str, context: str) -> int:
    if wanted and any(value in (wanted, f"Patient/{wanted}") for value in exact):
        return 6
    if wanted and any(_token(wanted, value) for value in loose):
        return 5
    if wanted and _token(wanted, context):
        return 4
    if any(_has_name(name, shown) for name in names):
        return 3
    if any(_has_name(name, context) for name in names):
        return 2
    return 0


def _token(wanted: str, text: str) -> bool:
    return bool(text) and re.search(rf"(?<![\w-]){re.escape(wanted)}(?![\w-])", text) is not None


def _has_name(name: str, text: str) -> bool:
    have = set(re.findall(r"[^\W_]+(?:['-][^\W_]+)*", normal(text)))
    parts = re.findall(r"[^\W_]+(?:['-][^\W_]+)*", name)
    return bool(parts) and all(part in have for part in parts)


def _patient_choices(s: Situation) -> list[_Choice]:
    """The patients that the page offers, when it is a page for choosing one."""
    about = bool(words.PATIENT.search(s.heading)) or bool(words.CHOOSE.search(s.wording) and words.PATIENT.search(s.page.text[:600]))
    return _offered(s, words.PATIENT, about=about and not words.ENCOUNTER.search(s.heading))


def _offered(s: Situation, subject: re.Pattern[str], *, about: bool) -> list[_Choice]:
    for control in s.page.of_kind("select"):
        if subject.search(field_words(control)) or (
            about and not words.ROLE.search(field_words(control)) and len(s.page.of_kind("select")) == 1
        ):
            options = [(control, o.value) for o in control.options if o.value and not o.disabled]
            if options:
                return options
    named = [
        c
        for c in s.page.of_kind("radio", "button", "link")
        if not c.outer
        and subject.search(" ".join((split_name(c.name), split_name(c.classes), *(split_name(d.split("=")[0]) for d in c.data))))
        and not says(c, words.CANCEL, deep=False)
        and not says(c, words.SKIP, deep=False)
        and not says(c, words.NEVER, deep=False)
    ]
    rows = (
        [c for c in named if c.kind == "radio"]
        or [c for c in named if c.data or c.tag in ("tr", "li")]
        or [c for c in named if not c.submit or c.value]
    )
    if rows and (about or any(c.kind == "radio" or c.data for c in rows)):
        return [(c, "") for c in rows]
    if about and words.CHOOSE.search(s.wording):
        return [(c, "") for c in _choices(s)]
    return []


def _choices(s: Situation) -> list[Control]:
    """The things of one sort among which a page asks to choose: radio buttons, else rows, else buttons, else links."""
    radios = s.page.of_kind("radio")
    if radios:
        return radios
    pressable = [
        c
        for c in s.page.of_kind("button", "link")
        if not c.outer
        and not any(says(c, p, deep=False) for p in (words.NEVER, words.CANCEL, words.DENY, words.SKIP, words.OTHER_PROVIDER))
    ]
    rows = [c for c in pressable if c.tag in ("tr", "li", "div", "article", "td", "span")]
    if rows:
        return rows
    buttons = [c for c in pressable if c.kind == "button" and (not words.CONTINUE.fullmatch(normal(c.caption)) or c.context)]
    return buttons or [c for c in pressable if c.kind == "link"]


def _option_selected(choice: _Choice) -> bool:
    return any(o.selected and o.value == choice[1] for o in choice[0].options)


def _patient_search(s: Situation, listed: bool) -> Control | None:
    boxes = [c for c in s.page.of_kind("text") if _search(c) and not c.readonly]
    about = listed or bool(words.PATIENT.search(s.heading)) or bool(s.goal)
    named = [c for c in boxes if words.PATIENT.search(field_words(c)) or re.search(r"name\b|lname|family", field_words(c), re.IGNORECASE)]
    return (named or boxes)[0] if about and boxes else None


def _beside(page: PageSnapshot, box: Control) -> Control | None:
    return next((c for c in page.of_kind("button") if c.ref > box.ref and words.SEARCH.search(c.caption)), None)


def _choose(s: Situation, choice: _Choice, topic: str, note: str) -> Act:
    control, value = choice
    key = f"{s.page.host}|{control.name or control.id or topic}|{len(s.page.controls)}"
    if control.kind == "select":
        ops = [] if _option_selected(choice) else [Op("select", control, value)]
        return _and_submit(s, control, topic, note, ops, key)
    if control.kind in ("radio", "checkbox"):
        return _and_submit(s, control, topic, note, [Op("check", control)] if not control.checked else [], key)
    return Act(topic, note, (Op("click", control),), careful=control.form < 0 and control.kind != "link", key=key)


def _and_submit(s: Situation, control: Control, topic: str, note: str, ops: list[Op], key: str) -> Act:
    allow, deny = _consent_pair(s)
    if allow is not None and deny is not None:
        answer = consent(Situation(s.page, s.plan, Memory(), s.catch, None))
        if isinstance(answer, Act):
            rest = [op for op in answer.ops if not (op.kind == "check" and control.kind == "radio" and op.control.name == control.name)]
            return Act(topic, f"{note}, {answer.note}", (*ops, *rest), key=key)
    button = submit_of(s.page, control, words.CONTINUE, s.plan.persona) or allow
    if button is not None:
        return Act(topic, f"{note}, pressed {quoted(button)}", (*ops, Op("click", button)), key=key)
    return Act(topic, note, tuple(ops or [Op("check", control)]), key=key)


def _take(s: Situation, control: Control, topic: str, note: str) -> Act:
    return _choose(s, (control, ""), topic, note)


# --- choosing an encounter -------------------------------------------------------------------------------------------------------


def choose_encounter(s: Situation) -> Action | None:
    """Choose the configured encounter, else the one that is chosen or the first, else go on without."""
    about = bool(words.ENCOUNTER.search(s.heading)) or bool(words.CHOOSE.search(s.heading) and words.ENCOUNTER.search(s.page.text[:400]))
    choices = _offered(s, words.ENCOUNTER, about=about)
    if not choices:
        if about and words.CHOOSE.search(s.wording):
            without = next((c for c in s.page.of_kind("button", "link") if says(c, words.SKIP, deep=False)), None)
            return Act("encounter", f"pressed {quoted(without)}", (Op("click", without),), key=s.page.host) if without else None
        return None
    wanted = s.plan.encounter
    if wanted:
        for control in s.page.controls:
            if control.kind in ("text", "password") or control.disabled:
                continue
            scored = _patient_scores(control, wanted, [])
            if scored:
                return _choose(s, scored[0][0], "encounter", "chose the encounter by id")
        return Stuck(f"the configured encounter is not among the {len(choices)} that the page offers")
    chosen = next((c for c in choices if c[0].checked or _option_selected(c)), choices[0])
    return _choose(s, chosen, "encounter", "chose the first encounter, since none is configured")


# --- the consent question --------------------------------------------------------------------------------------------------------


def _consent_pair(s: Situation) -> tuple[Control | None, Control | None]:
    """The controls that allow and deny, None for what is not there."""
    pressable = [c for c in s.page.of_kind("button", "link") if not c.outer]
    denies = [c for c in pressable if says(c, words.DENY)]
    cancels = [c for c in pressable if c not in denies and says(c, words.CANCEL)]
    allows = [
        c for c in pressable if c not in denies and c not in cancels and says(c, words.ALLOW) and not says(c, words.NEVER, deep=False)
    ]
    allows.sort(key=lambda c: (not c.submit, c.kind == "link", c.ref))
    denies.sort(key=lambda c: (c.kind == "link", c.ref))
    deny = denies[0] if denies else (cancels[0] if cancels else None)
    allow = allows[0] if allows else None
    if allow is None and deny is not None and _consent_text(s):
        rest = [c for c in pressable if c.submit and c not in denies and c not in cancels and not says(c, words.NEVER, deep=False)]
        allow = rest[0] if len(rest) == 1 else None
    return allow, deny


def _consent_text(s: Situation) -> bool:
    return bool(words.CONSENT.search(s.wording))


def is_consent(page: PageSnapshot) -> bool:
    """Whether the page asks for consent."""
    s = Situation(page, LoginPlan(), Memory())
    if is_login(page):
        return False
    allow, deny = _consent_pair(s)
    boxes = [c for c in page.of_kind("checkbox") if _is_scope_box(c)]
    return allow is not None and (deny is not None or bool(boxes) or _consent_text(s)) and not words.STAY.search(s.wording)


def _is_scope_box(control: Control) -> bool:
    text = f"{control.value} {control.label} {control.name}"
    return bool(
        re.search(r"\b(?:patient|user|system)/[A-Za-z*]+", text)
        or re.search(r"\b(openid|fhirUser|offline_access|online_access|launch(/\w+)?|profile)\b", text)
        or re.search(r"scope|grant|permission|resource", control.name, re.IGNORECASE)
    )


def consent(s: Situation) -> Action | None:
    """Allow, deny, or untick some scopes and allow."""
    if not is_consent(s.page):
        return None
    allow, deny = _consent_pair(s)
    key = f"{s.page.host}|{allow.caption if allow else ''}|{len(s.page.controls)}"
    if s.plan.consent == "deny":
        if deny is None:
            return Stuck("the consent page offers no way to deny")
        return Act("consent", f"denied with {quoted(deny)}", (Op("click", deny),), key=key)
    assert allow is not None  # is_consent says so
    ops, notes = _boxes(s)
    if isinstance(s.plan.consent, Deselect):
        missing = [scope for scope in s.plan.consent.scopes if not _boxes_for(s.page, scope)]
        if missing:
            return Stuck(f"the consent page offers no box to untick for {', '.join(missing)}")
    ops.extend(_unanswered(s, allow))
    notes.append(f"allowed with {quoted(allow)}")
    return Act("consent", ", ".join(notes), (*ops, Op("click", allow)), key=key)


def _boxes(s: Situation) -> tuple[list[Op], list[str]]:
    ops: list[Op] = []
    notes: list[str] = []
    off: set[int] = set()
    if isinstance(s.plan.consent, Deselect):
        for scope in s.plan.consent.scopes:
            for box in _boxes_for(s.page, scope):
                if box.ref not in off:
                    off.add(box.ref)
                    if box.checked:
                        ops.append(Op("check", box, on=False))
            notes.append(f"unticked {scope}")
    for box in s.page.of_kind("checkbox"):
        if box.ref not in off and not box.checked and not says(box, words.REMEMBER) and not box.outer:
            ops.append(Op("check", box))
    return ops, notes


def _boxes_for(page: PageSnapshot, scope: str) -> list[Control]:
    """The boxes of one scope: by its exact text, else by its resource type in words."""
    boxes = page.of_kind("checkbox")
    exact = [c for c in boxes if c.value == scope or scope in c.label.split() or scope in c.name or f"={scope}" in " ".join(c.data)]
    if exact:
        return exact
    named = [c for c in boxes if _token(scope, c.label)]
    if named:
        return named
    resource = re.match(r"(?:patient|user|system)/([A-Za-z]+)", scope)
    word = split_name(resource[1]) if resource else split_name(scope)
    pattern = re.compile(rf"\b{re.escape(word)}s?\b", re.IGNORECASE)
    return [c for c in boxes if pattern.search(split_name(f"{c.label} {c.name} {c.value}"))]


def _unanswered(s: Situation, near: Control) -> list[Op]:
    """Answers to questions that must have one: a radio group with nothing chosen, a required select with nothing chosen."""
    ops: list[Op] = []
    groups: dict[str, list[Control]] = {}
    for control in s.page.of_kind("radio"):
        if control.form in (near.form, -1) or near.form == -1:
            groups.setdefault(control.name or str(control.ref), []).append(control)
    for group in groups.values():
        if not any(c.checked for c in group):
            ops.append(Op("check", group[0]))
    for control in s.page.of_kind("select"):
        if control.required and not any(o.selected and o.value for o in control.options):
            option = next((o for o in control.options if o.value and not o.disabled), None)
            if option:
                ops.append(Op("select", control, option.value))
    return ops


# --- an EHR's own pages ----------------------------------------------------------------------------------------------------------


def launch_from_chart(s: Situation) -> Action | None:
    """Press the launch control of the app, once the patient is open."""
    if s.goal is None:
        return None
    if s.goal.patient and not s.memory.patient_chosen:
        opened = choose_patient(s)
        if isinstance(opened, Act):
            return opened
    items = s.page.of_kind("button", "link")
    marked = [
        c
        for c in items
        if s.goal.client_id and any(_token(s.goal.client_id, t) for t in (c.value, c.href, *(d.split("=", 1)[1] for d in c.data)))
    ]
    name = normal(s.goal.app_name)
    titled = [c for c in items if name and name in normal(f"{c.text} {c.label}")]
    in_row = [c for c in items if name and name in normal(c.context)]
    candidates = marked or titled or in_row
    launching = [c for c in candidates if words.LAUNCH.search(c.caption)] or candidates
    for control in [c for c in s.page.of_kind("select") if name]:
        option = next((o for o in control.options if name in normal(o.text) or o.value == s.goal.client_id), None)
        button = submit_of(s.page, control, words.LAUNCH, "") if option else None
        if option and button:
            return Act(
                "launch",
                f"chose the app, pressed {quoted(button)}",
                (Op("select", control, option.value), Op("click", button)),
                key="select",
            )
    if launching:
        return Act("launch", f"pressed {quoted(launching[0])}", (Op("click", launching[0]),), key=launching[0].caption)
    anyone = [c for c in items if words.LAUNCH.search(c.caption) and not c.outer]
    if len(anyone) == 1:
        return Act("launch", f"pressed {quoted(anyone[0])}", (Op("click", anyone[0]),), key=anyone[0].caption)
    menu = [c for c in items if re.fullmatch(r"(smart )?apps?|applications|more( apps)?|launch app", normal(c.caption))]
    if menu and s.memory.times("menu", menu[0].caption) == 0:
        return Act("menu", f"opened {quoted(menu[0])}", (Op("click", menu[0]),), careful=True, key=menu[0].caption)
    return None


# --- notices with one way on -----------------------------------------------------------------------------------------------------


def notice(s: Situation) -> Action | None:
    """Pass a page that only wants to be passed: stay signed in (no), cookies (only the needed), terms, warnings, durations."""
    pressable = [c for c in s.page.of_kind("button", "link") if not c.outer]
    if not pressable:
        return None
    key = f"{s.page.host}|{s.page.title}|{s.page.headings[:1]}"
    if words.STAY.search(s.wording):
        no = next((c for c in pressable if says(c, words.CANCEL) or says(c, words.SKIP) or says(c, words.DENY)), None)
        if no is not None:
            return Act("notice", f"pressed {quoted(no)}", (Op("click", no),), careful=True, key=key)
    if any(c.modal for c in pressable) and re.search(r"cookies?", s.wording, re.IGNORECASE):
        only = next((c for c in pressable if words.NECESSARY_ONLY.search(c.caption)), None)
        if only is not None:
            return Act("notice", f"pressed {quoted(only)}", (Op("click", only),), careful=True, key=key)
    skip = next((c for c in pressable if says(c, words.SKIP, deep=False) and not says(c, words.NEVER, deep=False)), None)
    if skip is not None:
        return Act("notice", f"pressed {quoted(skip)}", (Op("click", skip),), careful=True, key=key)
    trouble = bool(words.TROUBLE.search(s.heading)) or (bool(s.page.errors) and bool(words.TROUBLE.search(" ".join(s.page.errors))))
    if trouble:
        return None
    wanting = [c for c in s.page.of_kind("text") if c.required and not c.filled and not c.readonly]
    onward = [c for c in pressable if _leads_on(c) and (c.kind == "button" or words.CONTINUE.search(c.caption))]
    forward = [c for c in onward if says(c, words.CONTINUE) or says(c, words.ALLOW)]
    forward.sort(key=lambda c: (not c.submit, c.kind == "link", c.ref))
    chosen = forward[0] if forward else None
    how = ""
    if chosen is None:
        submits = [c for c in onward if c.submit]
        if len(submits) != 1 or s.page.of_kind("text"):
            return None
        chosen, how = submits[0], ", the only button"
    if wanting and any(c.form == chosen.form for c in wanting):
        return None
    ops = [
        Op("check", c)
        for c in s.page.of_kind("checkbox")
        if not c.checked and not says(c, words.REMEMBER) and (c.required or says(c, words.ALLOW))
    ]
    return Act("notice", f"pressed {quoted(chosen)}{how}", (*ops, *_unanswered(s, chosen), Op("click", chosen)), careful=True, key=key)


def _leads_on(control: Control) -> bool:
    return not any(
        says(control, p, deep=False) for p in (words.NEVER, words.DENY, words.CANCEL, words.OTHER_PROVIDER, words.SEARCH)
    ) and not (control.href.startswith(("mailto:", "tel:", "javascript:void")) or "logout" in split_name(control.href))


# --- helpers ---------------------------------------------------------------------------------------------------------------------


def submit_of(page: PageSnapshot, near: Control, wanted: re.Pattern[str], persona: str) -> Control | None:
    """The control that submits the form of ``near``: of several, the one whose words fit, else the first that leads on."""
    buttons = [c for c in page.of_kind("button") if near.form >= 0 and c.form == near.form]
    if not buttons:
        buttons = [c for c in page.of_kind("button") if c.form < 0 and not c.outer]
        fitting = [c for c in buttons if says(c, wanted) and _leads_on(c)]
        after = [c for c in fitting if c.ref > near.ref]
        return next(iter(after or fitting), None)
    usable = [c for c in buttons if (c.submit or says(c, wanted)) and _leads_on(c)]
    if len(usable) > 1 and persona:
        role = "patient" if words.PATIENT_ROLE.search(split_name(persona)) else "provider"
        fits = [c for c in usable if role_of(c) == role]
        if fits:
            return fits[0]
    fitting = [c for c in usable if says(c, wanted)]
    return next(iter(fitting or usable), None)


def quoted(control: Control) -> str:
    """The caption in quotes, for the record of what was done."""
    return f'"{control.caption or control.kind}"'


RECIPES: tuple[Recipe, ...] = (
    back_to_app,
    sign_in,
    launch_from_chart,
    choose_role,
    choose_encounter,
    choose_patient,
    consent,
    notice,
)
