"""The order of scenarios changes no outcome: what holds state between them, put in three orders to a right server and to a broken one.

Each order is a run of its own, as a user would start it. What is put is what a run remembers or a server ends: refreshes, revocations,
keys that change, consent that is withheld, launches. Whole runs in other orders are tried by hand: ``smartlaunch run --shuffle 1``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from smartlaunch.cli import child
from smartlaunch.plugin import options
from smartlaunch.plugin.binding import every_plan
from smartlaunch.plugin.selection import Selection
from tests.forking import Warm

ROOT = Path(__file__).resolve().parents[2]

SEEDS = ("1", "2", "3")
PUT = {
    "standalone-public": (
        "features/refresh/",
        "features/revocation/revocation.feature",
        "features/authorization/denial.feature",
        "features/id_token/keys.feature",
    ),
    "ehr-launch-public": ("features/launch/", "features/refresh/refresh.feature"),
}
KEYS = "jwks"
"""Scenarios on key sets that the suite serves and changes have this in their id."""
BROKEN = "loses_scopes_with_rotation"
"""A fault that a server shows more of with each refresh, so that an order in which refreshes share a grant would tell."""


def selection() -> list[str]:
    """The scenarios that are put, one situation each."""
    return [
        plan.id
        for plan in every_plan()
        if not plan.again
        and (
            plan.path.startswith(PUT.get(plan.suite.id, ("none",)))
            or (plan.suite.id == "standalone-confidential-asymmetric" and KEYS in plan.slug)
        )
    ]


def begin(warm: Warm, folder: Path, seed: str, *more: str) -> int:
    """Begin the run in one order, with what the command line would start; its number."""
    parser = argparse.ArgumentParser()
    options.add_to_command(parser)
    words = [f"--scenario={identifier}" for identifier in selection()]
    asked = options.of_command(parser.parse_args(["--target=embedded", f"--shuffle={seed}", *words, *more]))
    folder.mkdir()
    paths = [ROOT / "suites" / f"test_{suite.id.replace('-', '_')}.py" for suite in Selection.of(asked).suites]
    command = child.pytest_command([f"--run-dir={folder}", *options.pytest_arguments(asked)], paths=paths)
    return warm.start(command[command.index("pytest") + 1 :], folder.with_suffix(".txt"))


def outcomes(folder: Path, code: int | None) -> dict[str, str]:
    """What each scenario came to in one order, and the order itself under an empty name."""
    assert code in (0, 1), folder.with_suffix(".txt").read_text("utf-8")[-3000:]
    run = json.loads((folder / "run.json").read_text("utf-8"))
    found = {scenario["id"]: scenario["outcome"] for scenario in run["scenarios"]}
    assert list(found) != sorted(found)
    return found | {"": " ".join(found)}


def test_what_is_put_holds_state() -> None:
    ids = selection()
    assert len(ids) > 60
    assert {identifier.partition("/")[0] for identifier in ids} == {*PUT, "standalone-confidential-asymmetric"}


@pytest.mark.parametrize("defect", ["", BROKEN], ids=["right", "broken"])
def test_three_orders_come_to_the_same(warm: Warm, tmp_path: Path, defect: str) -> None:
    more = [f"--defect={defect}"] if defect else []
    numbers = {seed: begin(warm, tmp_path / seed, seed, *more) for seed in SEEDS}
    first, *others = (outcomes(tmp_path / seed, warm.wait(number)) for seed, number in numbers.items())
    assert len({one.pop("") for one in (first, *others)}) == len(SEEDS), "the orders are the same"
    for other in others:
        assert {name: (first.get(name), other.get(name)) for name in first | other if first.get(name) != other.get(name)} == {}
    seen = set(first.values())
    assert "passed" in seen
    assert "failed" in seen if defect else "failed" not in seen
