"""The committed matrix speaks of every defect and variant, and a few of its rows are made again here."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from smartlaunch.embedded_ehr.defects import load_defects, load_variants

HERE = Path(__file__).resolve().parent


def table(name: str) -> dict[str, list[str]]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()[1:]
    return {line.split("\t")[0]: line.split("\t") for line in lines}


def test_every_defect_has_a_row_and_every_row_a_defect() -> None:
    assert set(table("results.tsv")) == set(load_defects())


def test_every_variant_has_a_row_and_every_row_a_variant() -> None:
    assert set(table("variants.tsv")) == set(load_variants())


def test_every_variant_is_in_one_bundle() -> None:
    members = [name for entry in tomllib.loads((HERE / "bundles.toml").read_text("utf-8"))["bundle"] for name in entry["variants"]]
    assert sorted(members) == sorted(load_variants())


def test_no_variant_is_a_false_alarm() -> None:
    assert [name for name, row in table("variants.tsv").items() if row[1] != "clear"] == []


def test_nothing_is_missed_and_nothing_red_is_undeclared() -> None:
    known = {"killed", "preflight", "elsewhere", "untestable", "unnoticed"}
    assert [name for name, row in table("results.tsv").items() if row[1] not in known] == []


def test_what_no_scenario_notices_yet_says_what_is_not_put() -> None:
    """The figure only goes down: a new defect comes with the scenario that sees it, or not at all."""
    unnoticed = {name: row[-1] for name, row in table("results.tsv").items() if row[1] == "unnoticed"}
    assert unnoticed == {name: defect.unnoticed for name, defect in load_defects().items() if defect.unnoticed}
    assert len(unnoticed) <= 14


def test_what_is_not_killed_says_why() -> None:
    rows = {name: row for name, row in table("results.tsv").items() if row[1] in ("elsewhere", "untestable")}
    assert [name for name, row in rows.items() if not row[-1]] == []
    assert len(rows) <= 15


@pytest.mark.xdist_group("matrix")
def test_a_few_rows_made_again() -> None:
    rows = table("results.tsv")
    killed = [name for name, row in rows.items() if row[1] == "killed"]
    known = [killed[0], killed[len(killed) // 2], killed[-1]]
    command = [
        sys.executable,
        str(HERE / "matrix.py"),
        "--jobs",
        "2",
        "--fresh",
        "--no-write",
        *(p for n in known for p in ("--defect", n)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    for name in known:
        assert any(name in line and "killed" in line for line in done.stdout.splitlines())
