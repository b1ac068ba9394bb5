"""Silence is no verdict: each "not applicable" names what it rests on, and who turns red where a broken server brings that about."""

from __future__ import annotations

import ast
import fnmatch
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from smartlaunch.plugin.binding import every_plan

ROOT = Path(__file__).resolve().parent.parent.parent
ROWS = tomllib.loads((Path(__file__).resolve().parent / "silence.toml").read_text("utf-8"))["silence"]
RELAYED = "{}"
"""A sentence that was made elsewhere, of those that are said here."""


def sentence(node: ast.expr) -> str:
    """A message as the code has it, with ``{}`` for what is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(sentence(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return "{}"


def silences() -> Iterator[tuple[str, str]]:
    """Where "not applicable" is said, and in which words."""
    for folder in ("smartlaunch", "steps"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "NotApplicable" and node.args:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", sentence(node.args[0])


def like(text: str, pattern: str) -> bool:
    return re.match(fnmatch.translate(pattern.replace("[", "[[]")), text) is not None


SAID = {(place, text) for place, text in silences() if text != RELAYED}


@pytest.mark.parametrize("text", sorted({text for _, text in SAID}))
def test_each_silence_names_what_it_rests_on(text: str) -> None:
    places = [place for place, said in SAID if said == text]
    assert [row["rests_on"] for row in ROWS if any(like(text, each) for each in row["says"])], (
        f"{places}: {text!r} is in no row of silence.toml"
    )


def test_no_row_speaks_of_what_nobody_says() -> None:
    texts = {text for _, text in SAID}
    assert [each for row in ROWS for each in row["says"] if not any(like(text, each) for text in texts)] == []


def test_each_row_says_who_judges_or_why_a_server_may() -> None:
    assert [row["says"] for row in ROWS if not (row.get("judged_by") or row.get("permitted") or row.get("ours"))] == []


def test_who_judges_a_silence_turns_red_for_some_defect() -> None:
    """A scenario that no defect of the matrix turns red would be a witness who never speaks."""
    rows = [line.split("\t") for line in (ROOT / "tests" / "matrix" / "results.tsv").read_text("utf-8").splitlines()[1:]]
    red = {each.split("[", maxsplit=1)[0].split("@", maxsplit=1)[0] for row in rows if len(row) > 2 for each in row[2].split()}
    known = {plan.slug for plan in every_plan()}
    named = sorted({slug for row in ROWS for slug in row.get("judged_by", ())})
    assert [slug for slug in named if slug not in known] == []
    requirements = {plan.slug: set(plan.requirements) for plan in every_plan()}
    killed = {r for slug in red for r in requirements.get(slug, ())}
    assert [slug for slug in named if slug not in red and not requirements[slug] & killed] == []
