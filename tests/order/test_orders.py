"""The order of scenarios changes no outcome: what holds state between them, put in three orders to a right server and to a broken one.

Each order is a run of its own, as a user would start it. What is put is what a run remembers or a server ends: refreshes, revocations,
keys that change, consent that is withheld, launches. Whole runs in other orders are tried by hand: ``smartlaunch run --shuffle 1``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from smartlaunch.cli import main as smartlaunch
from smartlaunch.plugin.binding import every_plan

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


def outcomes(folder: Path, seed: str, *more: str) -> dict[str, str]:
    """What each scenario came to in one order, and the order itself under an empty name."""
    words = [f"--scenario={identifier}" for identifier in selection()]
    code = smartlaunch(["run", "--target=embedded", "--no-allure", f"--shuffle={seed}", f"--out={folder}", *words, *more])
    run = json.loads((folder / "run.json").read_text("utf-8"))
    assert code in (0, 1), (folder / "run.json").read_text("utf-8")[:500]
    found = {scenario["id"]: scenario["outcome"] for scenario in run["scenarios"]}
    assert list(found) != sorted(found)
    return found | {"": " ".join(found)}


def test_what_is_put_holds_state() -> None:
    ids = selection()
    assert len(ids) > 60
    assert {identifier.partition("/")[0] for identifier in ids} == {*PUT, "standalone-confidential-asymmetric"}


@pytest.mark.usefixtures("in_forks")
@pytest.mark.parametrize("defect", ["", BROKEN], ids=["right", "broken"])
def test_three_orders_come_to_the_same(tmp_path: Path, defect: str, capsys: pytest.CaptureFixture[str]) -> None:
    more = [f"--defect={defect}"] if defect else []
    first, *others = (outcomes(tmp_path / seed, seed, *more) for seed in SEEDS)
    capsys.readouterr()
    assert len({one.pop("") for one in (first, *others)}) == len(SEEDS), "the orders are the same"
    for other in others:
        assert {name: (first.get(name), other.get(name)) for name in first | other if first.get(name) != other.get(name)} == {}
    seen = set(first.values())
    assert "passed" in seen
    assert "failed" in seen if defect else "failed" not in seen
