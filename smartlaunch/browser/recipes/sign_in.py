"""Signing in: user name and password on one page or on two, or a list of users."""

from __future__ import annotations

import re
import secrets

from smartlaunch.browser import lexicon as words
from smartlaunch.browser.lexicon import field_words, normal, wants_patient
from smartlaunch.browser.one_time_code import one_time_code
from smartlaunch.browser.recipes.buttons import submit_of
from smartlaunch.browser.recipes.consent import unanswered
from smartlaunch.browser.recipes.fields import complaint, has_token, held_against, is_one_time, is_search, registers, user_score, wants_new
from smartlaunch.browser.recipes.patients import patient_choices
from smartlaunch.browser.recipes.situation import Act, Action, Op, Refused, Situation, Stuck, quoted
from smartlaunch.browser.snapshot import Control, Option, PageSnapshot


def sign_in(s: Situation) -> Action | None:
    """Fill user name and password, or one of the two, and submit."""
    passwords = [c for c in s.page.of_kind("password") if not c.readonly and not is_one_time(c)]
    if passwords:
        return _door_for_patients(s) or _with_password(s, passwords)
    return _chosen_user(s) or _user_name_alone(s) or _one_time_code(s)


_FOR_PATIENTS = re.compile(
    r"\bare you a patient\b|\bi(?:'| a)m a patient\b|\bpatients?,? (?:please )?(?:log|sign)[ -]?(?:in|on)\b", re.IGNORECASE
)


def _door_for_patients(s: Situation) -> Action | None:
    """The link that leads a patient from a form for the staff to one for patients."""
    if not wants_patient(s.plan.persona):
        return None
    for control in s.page.of_kind("link", "button"):
        if not control.submit and _FOR_PATIENTS.search(control.caption) and not s.memory.times("role", control.caption):
            return Act("role", f"followed {quoted(control)}", (Op("click", control),), key=control.caption)
    return None


def _with_password(s: Situation, passwords: list[Control]) -> Action:
    secret = _known_secret(passwords)
    if secret is None:
        return Stuck("the page asks for a new password")
    user = _user_field(s.page, secret)
    key = _form_key(s.page, secret, user)
    again = s.plan.mistypes and sum(s.memory.logins.values()) == s.memory.logins[key] == 1
    if (s.memory.logins[key] and not again) or s.memory.logins[f"{s.page.host}|step"]:
        return _came_back(
            s,
            f"the sign-in form came back after user name and password were sent{complaint(s.page)};"
            " they are not sent again, since accounts lock",
        )
    if sum(s.memory.logins.values()) >= 3:
        return Refused(f"a fourth sign-in form in one walk{complaint(s.page)}")
    if not _can_answer(s, secret, user):
        absent = "password" if s.plan.username else "username"
        return Stuck(
            "the page asks for a user name and a password, and the target file gives none for this user", lacks=f"[users.<name>] {absent}"
        )
    done: dict[str, Op] = {}
    if user is not None and s.plan.username:
        done["user name"] = Op("fill", user, s.plan.username)
    elif user is None:
        done.update(_listed_user(s, secret))
    mistyped = s.plan.mistypes and not s.memory.logins
    if mistyped or not secret.filled:
        done["password"] = Op("fill", secret, secrets.token_urlsafe(12) if mistyped else s.plan.password, secret=True)
    told = f"filled {' and '.join(done)}" if done else "kept what the form is filled with"
    return _submit(s, secret, "login", told, list(done.values()), key)


def _listed_user(s: Situation, secret: Control) -> dict[str, Op]:
    """The user in a list of the form, where a demonstration has one in place of a field."""
    for control in s.page.of_kind("select"):
        option = _option_of(s, control) if control.form == secret.form and words.USER_FIELD.search(field_words(control)) else None
        if option is not None:
            return {"user name": Op("select", control, option.value)}
    return {}


def _can_answer(s: Situation, secret: Control, user: Control | None) -> bool:
    """Whether what the form asks for is known; a demonstration fills some of it in itself."""
    demonstrates = secret.filled and submit_of(s.page, secret, words.SIGN_IN, s.plan.persona) is not None
    return bool(s.plan.password or demonstrates) and bool(user is None or s.plan.username or user.filled)


def _submit(s: Situation, last: Control, topic: str, done: str, ops: list[Op], key: str) -> Act:
    button = submit_of(s.page, last, words.SIGN_IN, s.plan.persona)
    go = Op("click", button) if button else Op("enter", last)
    taken = {op.control.ref for op in ops}
    wanted = [op for op in unanswered(s, last) if op.kind == "select" and op.control.form == last.form and op.control.ref not in taken]
    ops = [*wanted, *ops]
    return Act(topic, f"{done}, pressed {quoted(button) if button else 'Enter'}", (*ops, go), key=key)


def _came_back(s: Situation, reason: str) -> Action:
    """What a form that is there again means: the browser itself did not send it, or the server refused what was sent."""
    if s.memory.signed_in:
        return Stuck("the sign-in form came back after the user was signed in")
    against = held_against(s.page)
    return Stuck(f"the form cannot be sent: {against}") if against else Refused(reason)


def _known_secret(passwords: list[Control]) -> Control | None:
    """The field for a password that exists already, in the form that is most likely for signing in."""
    by_form: dict[int, list[Control]] = {}
    for control in passwords:
        by_form.setdefault(control.form, []).append(control)
    known = [form[0] for form in by_form.values() if len(form) == 1 and not wants_new(form[0])]
    return min(known, key=lambda c: (c.autocomplete != "current-password", registers(c)), default=None)


def _user_field(page: PageSnapshot, secret: Control) -> Control | None:
    near = [c for c in _plain_fields(page) if c.form == secret.form]
    before = [c for c in near if c.ref < secret.ref] or near
    best = min(before, key=lambda c: (-user_score(c), c.ref), default=None)
    if best is None or user_score(best) > 0:
        return best
    return None if _name_given(page, secret.form) else next((c for c in reversed(before) if not c.filled), None)


def _name_given(page: PageSnapshot, form: int) -> bool:
    """Whether the form shows a name that was given on the page before and can only be read."""
    return any(c.kind == "text" and c.readonly and c.form == form for c in page.controls)


def _plain_fields(page: PageSnapshot) -> list[Control]:
    return [c for c in page.of_kind("text") if not c.readonly and not is_search(c) and not is_one_time(c)]


def _user_name_alone(s: Situation) -> Action | None:
    fields = [c for c in _plain_fields(s.page) if user_score(c) > 0]
    if not fields or not s.plan.username or patient_choices(s):
        return None
    user = max(fields, key=lambda c: (user_score(c), -c.ref))
    if not _asks_for_one_name(s, user):
        return None
    key = _form_key(s.page, user, user)
    if s.memory.users[key]:
        what = "user name and password were sent" if s.memory.logins else "the user name was sent"
        reason = f"the form for the user name came back after {what}{complaint(s.page)}; nothing is sent again, since accounts lock"
        return _came_back(s, reason)
    return _submit(s, user, "user", "filled the user name", [Op("fill", user, s.plan.username)], key)


def _asks_for_one_name(s: Situation, user: Control) -> bool:
    """Whether the field is the first step of a sign-in, and not part of a longer form or a field by itself."""
    if any(c.form == user.form and c.ref != user.ref and c.required and not c.filled for c in s.page.of_kind("text")):
        return False
    sure = user.type == "email" or "username" in user.autocomplete or user.form >= 0
    return sure or submit_of(s.page, user, words.SIGN_IN, s.plan.persona) is not None


def _chosen_user(s: Situation) -> Action | None:
    """A list of users in place of a user name, as simulators have it: beside a disabled password, or named so."""
    off = any(c.kind == "password" and c.disabled for c in s.page.controls)
    for control in s.page.of_kind("select"):
        if not off and not (words.USER_FIELD.search(field_words(control)) and words.SIGN_IN.search(s.heading)):
            continue
        option = _option_of(s, control)
        if option is None and s.plan.username and _by_hand(s, control):
            continue  # the list is a help for those whom it names; the others write their name
        button = submit_of(s.page, control, words.SIGN_IN, s.plan.persona)
        if button:
            ops = (Op("select", control, option.value),) if option and not option.selected else ()
            chosen = "chose the user" if option else "kept the user that was chosen"
            key = f"{s.page.host} {control.id} {control.name}"
            return Act("user", f"{chosen}, pressed {quoted(button)}", (*ops, Op("click", button)), key=key)
    return None


def _by_hand(s: Situation, control: Control) -> bool:
    return any(c.form == control.form and user_score(c) > 0 for c in _plain_fields(s.page))


def _option_of(s: Situation, control: Control) -> Option | None:
    names = [n for n in (s.plan.username, s.plan.patient, *s.plan.patient_names) if n]
    return next(
        (o for n in names for o in control.options if normal(n) in (normal(o.value), normal(o.text)) or has_token(n, o.value)), None
    )


def _one_time_code(s: Situation) -> Action | None:
    """The code of an authenticator app, sent once: a wrong one may lock the account like a wrong password."""
    asked = [c for c in s.page.of_kind("text", "password") if is_one_time(c) and (c.kind != "text" or not is_search(c))]
    if not asked:
        return None
    if not s.plan.totp_secret:
        return Stuck("the page asks for a one-time code; give totp_secret for this user, or use a test user without a second factor")
    key = _form_key(s.page, asked[0])
    if s.memory.times("code", key):
        return Stuck(
            f"the one-time code was not taken{complaint(s.page)}; it is not sent again. Compare totp_secret and this machine's clock"
        )
    code = one_time_code(s.plan.totp_secret)
    one_each = len(asked) == len(code)
    ops = (
        [Op("fill", c, digit, secret=True) for c, digit in zip(asked, code, strict=True)]
        if one_each
        else [Op("fill", asked[0], code, secret=True)]
    )
    return _submit(s, asked[-1] if one_each else asked[0], "code", "filled the one-time code", ops, key)


def _form_key(page: PageSnapshot, *controls: Control | None) -> str:
    names = "+".join(sorted({c.id or c.name or c.label for c in controls if c is not None}))
    return f"{page.host}|{names}"
