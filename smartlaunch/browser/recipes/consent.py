"""The consent question: allow, deny, or untick some scopes and allow."""

from __future__ import annotations

import re

from smartlaunch.browser import lexicon as words
from smartlaunch.browser.lexicon import says, split_name
from smartlaunch.browser.plan import Deselect, LoginPlan
from smartlaunch.browser.recipes.fields import has_token, is_login
from smartlaunch.browser.recipes.situation import Act, Action, Memory, Op, Situation, Stuck, quoted
from smartlaunch.browser.snapshot import Control, PageSnapshot


def consent_pair(s: Situation) -> tuple[Control | None, Control | None]:
    """The controls that allow and deny, None for what is not there."""
    by_meaning: dict[str, list[Control]] = {"allow": [], "deny": [], "cancel": [], "other": [], "": []}
    for control in s.page.of_kind("button", "link"):
        by_meaning[_meaning(control)].append(control)
    allow = min(by_meaning["allow"], key=lambda c: (not c.submit, c.kind == "link", c.ref), default=None)
    deny = min(by_meaning["deny"], key=lambda c: (c.kind == "link", c.ref), default=next(iter(by_meaning["cancel"]), None))
    if allow is None and (any(is_scope_box(c) for c in s.page.of_kind("checkbox")) or (deny is not None and _consent_text(s))):
        submits = [c for c in by_meaning["other"] if c.submit]
        allow = submits[0] if len(submits) == 1 else None
    return allow, deny


def _meaning(control: Control) -> str:
    """What pressing it would answer: ``allow``, ``deny``, ``cancel``, ``other``; empty for what is no answer at all."""
    if control.outer or control.menu:
        return ""  # what opens a menu gives no answer, whatever its id says
    if says(control, words.DENY):
        return "deny"
    if says(control, words.CANCEL):
        return "cancel"
    if says(control, words.NEVER, deep=False):
        return ""
    return "allow" if says(control, words.ALLOW) else "other"


def _consent_text(s: Situation) -> bool:
    return bool(words.CONSENT.search(s.wording))


def is_consent(page: PageSnapshot) -> bool:
    """Whether the page asks for consent."""
    s = Situation(page, LoginPlan(), Memory())
    if is_login(page):
        return False
    allow, deny = consent_pair(s)
    boxes = [c for c in page.of_kind("checkbox") if is_scope_box(c)]
    if not boxes and words.TERMS.search(s.heading) and not words.CONSENT.search(s.heading):
        return False  # terms bind the user to the server; they are no question about the app
    return allow is not None and (deny is not None or bool(boxes) or _consent_text(s)) and not words.STAY.search(s.wording)


def is_scope_box(control: Control) -> bool:
    """Whether a check box stands for a scope."""
    text = f"{control.value} {control.label} {control.name}"
    return bool(
        re.search(r"\b(?:patient|user|system)/[A-Za-z*]+", text)
        or re.search(r"\b(openid|fhirUser|offline_access|online_access|launch(/\w+)?|profile)\b", text)
        or re.search(r"scope|grant|permission|resource", control.name, re.IGNORECASE)
    )


def consent(s: Situation) -> Action | None:
    """Allow, deny, or untick some scopes and allow."""
    meant = _denial_is_meant(s)
    if meant is not None:
        return meant
    if not is_consent(s.page):
        return None
    allow, deny = consent_pair(s)
    assert allow is not None  # is_consent says so
    key = f"{s.page.host}|{allow.caption}|{len(s.page.controls)}|{s.heading}|{hash(s.page.text)}"
    if s.plan.consent == "deny":
        return _denial(s, allow, deny, key)
    ops, notes = _boxes(s)
    if isinstance(s.plan.consent, Deselect):
        missing = [scope for scope in s.plan.consent.scopes if not _boxes_for(s.page, scope)]
        if missing:
            return Stuck(f"the consent page offers no box to untick for {', '.join(missing)}")
    ops.extend(_granting(s))
    ops.extend(unanswered(s, allow))
    notes.append(f"allowed with {quoted(allow)}")
    # Where the answer hangs on it, what a script has yet to make of a button is waited for: pressed early, a denial may be sent as a yes.
    return Act("consent", ", ".join(notes), (*ops, Op("click", allow)), careful=s.plan.consent != "allow", key=key)


def _denial(s: Situation, allow: Control, deny: Control | None, key: str) -> Action:
    """Press what denies; where each scope has a pair of radio buttons instead, choose the denying ones."""
    if deny is not None:
        # A form whose other questions must have an answer is not sent without one, whichever of its buttons is pressed.
        needed = [op for op in unanswered(s, deny) if deny.submit and op.control.required and op.control.form == deny.form]
        return Act("consent", f"denied with {quoted(deny)}", (*needed, Op("click", deny)), careful=True, key=key)
    radios = [c for c in s.page.of_kind("radio") if says(c, words.DENY)]
    if not radios:
        return Stuck("the consent page offers no way to deny", no_denial=True)
    return Act("consent", f"denied each scope, pressed {quoted(allow)}", (*(Op("check", c) for c in radios), Op("click", allow)), key=key)


def _denial_is_meant(s: Situation) -> Act | None:
    """Confirm a denial where a page asks whether it was meant; its yes is no consent, whatever it says on the button."""
    if s.plan.consent != "deny" or not any(key.startswith("consent|") for key in s.memory.done) or not words.SURE.search(s.wording):
        return None
    pressable = [c for c in s.page.of_kind("button", "link") if not c.outer]
    yes = [c for c in pressable if says(c, words.DENY, deep=False)] or [
        c for c in pressable if (says(c, words.ALLOW, deep=False) or says(c, words.CONTINUE, deep=False)) and not says(c, words.CANCEL)
    ]
    if len(yes) != 1:
        return None
    return Act("consent", f"meant the denial, pressed {quoted(yes[0])}", (Op("click", yes[0]),), key=f"{s.page.host}|sure")


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
    named = [c for c in boxes if has_token(scope, c.label)]
    if named:
        return named
    resource = re.match(r"(?:patient|user|system)/([A-Za-z]+)", scope)
    word = split_name(resource[1]) if resource else split_name(scope)
    pattern = re.compile(rf"\b{re.escape(word)}s?\b", re.IGNORECASE)
    return [c for c in boxes if pattern.search(split_name(f"{c.label} {c.name} {c.value}"))]


def _granting(s: Situation) -> list[Op]:
    """The radio buttons that grant where one that denies is chosen at first."""
    radios = s.page.of_kind("radio")
    denied = {c.name for c in radios if c.checked and c.name and says(c, words.DENY)}
    return [Op("check", c) for c in radios if c.name in denied and says(c, words.ALLOW) and not says(c, words.DENY)]


def unanswered(s: Situation, near: Control) -> list[Op]:
    """Answers to questions that must have one: a radio group with nothing chosen, a required select with nothing chosen."""
    groups: dict[str, list[Control]] = {}
    for control in s.page.of_kind("radio"):
        if control.form in (near.form, -1) or near.form == -1:
            groups.setdefault(control.name or str(control.ref), []).append(control)
    ops = [Op("check", _best(group)) for group in groups.values() if not any(c.checked for c in group)]
    for control in s.page.of_kind("select"):
        value = _first_value(control)
        if control.required and value and not any(o.selected and o.value for o in control.options):
            ops.append(Op("select", control, value))
    return ops


def _best(group: list[Control]) -> Control:
    return next((c for c in group if says(c, words.ALLOW)), next((c for c in group if not says(c, words.DENY)), group[0]))


def _first_value(control: Control) -> str:
    return next((o.value for o in control.options if o.value and not o.disabled), "")
