"""In which form of a FHIR request each rule is put: what the features say, beside the tables of the probes."""

from __future__ import annotations

import re
from pathlib import Path

from smartlaunch.probes import backend_reach
from smartlaunch.probes.fhir_access import every_form
from smartlaunch.probes.fhir_access.reads import EVERY_READ

ROOT = Path(__file__).parents[1]
OUTLINES = {
    "patient": ("patient-scope", "patient-scope-in-other-words", "patient-scope-batch"),
    "type": ("scope-other-type", "scope-other-type-in-other-words", "scope-batch", "scope-batch-second"),
    "category": ("scope-granular-search", "scope-granular-search-in-other-words", "scope-granular-read"),
    "user": ("user-scope", "user-scope-in-other-words"),
    "letters": ("scope-r-refuses", "scope-s-refuses"),
    "no token": ("bearer-no-token", "bearer-no-token-in-other-forms"),
}
"""The scenarios in which each rule is put in one form at a time."""
SAME = {"batch": "batch with a read", "next page": "next page of a search"}
"""Words of the feature on tokens for forms that have another word elsewhere."""
BACKEND = "backend-data-outside-scope-in-other-words"


def rows(slug: str) -> set[str]:
    """The forms of one scenario, by the rows of its Examples or by its When."""
    for path in sorted((ROOT / "features").rglob("*.feature")):
        text = path.read_text(encoding="utf-8")
        found = re.search(rf"@id:{slug}(?: [^\n]*)?\n(.*?)(?=\n    @|\n  @|\Z)", text, re.DOTALL)
        if found is not None:
            cells = {line.strip().strip("|").split("|")[0].strip() for line in found[1].splitlines() if line.strip().startswith("|")}
            said = {form for form in EVERY_READ if f"the {form} is tried" in found[1]}
            return {SAME.get(one, one) for one in cells | said} & set(EVERY_READ)
    raise AssertionError(f"no scenario has the id {slug}")


def alone(rule: str) -> set[str]:
    """The forms in which a rule is put by itself."""
    return set().union(*map(rows, OUTLINES[rule]))


HEADS = {
    "patient": "another patient",
    "type": "type not granted",
    "category": "category not granted",
    "user": "patient the user may not see",
    "letters": "letter not granted",
    "no token": "no token",
    "backend": "backend: type not granted",
}


def page() -> str:
    """The table of rule and form."""
    by_themselves = {rule: alone(rule) for rule in OUTLINES} | {"backend": set(backend_reach.PUT_ALONE)}
    left_out = {**every_form.LEFT_OUT, "backend": backend_reach.LEFT_OUT}
    further = set(every_form.UNDER_OTHER_SCOPES)
    lines = [
        "# Rule x form of a request",
        "",
        "What a token does not reach has to be kept back in every form in which FHIR lets it be asked for. **x** is a form with a scenario of its",
        "own, `+` one that is put together with the other rarer forms, in one scenario for each rule; a number is a reason below. A form is judged",
        "only where the same request with a token that covers it works: a server need not offer any of them. Writes have such a table in",
        "`smartlaunch/probes/fhir_access/every_form.py`.",
        "",
        "| form | " + " | ".join(HEADS[rule] for rule in by_themselves) + " | other scopes |",
        "|---|" + ":-:|" * (len(by_themselves) + 1),
    ]
    reasons = list(dict.fromkeys(why for each in left_out.values() for why in each.values()))
    for form in EVERY_READ:
        cells = []
        for rule, own in by_themselves.items():
            why = left_out[rule].get(form)
            cells.append("**x**" if form in own else str(reasons.index(why) + 1) if why else "+")
        lines.append(f"| {form} | " + " | ".join([*cells, "+" if form in further else ""]) + " |")
    lines += ["", *(f"{number}. {why}" for number, why in enumerate(reasons, 1))]
    return "\n".join(lines) + "\n"
