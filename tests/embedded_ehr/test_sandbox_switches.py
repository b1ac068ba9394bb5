"""The tables of defects and variants agree with the code and with the catalogue."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from smartlaunch import embedded_ehr as sandbox
from smartlaunch.embedded_ehr.defects import Defects, UnknownName, Variants, consulted, load_defects, load_variants

HERE = Path(sandbox.__file__).parent
CALLS = {"defects": "defect", "_defects": "defect", "rules": "defect", "variant": "variant", "_variant": "variant"}


def strings_in_code() -> tuple[set[str], dict[str, set[str]]]:
    """Return every string of the package's code, and those that a switch is asked with."""
    every: set[str] = set()
    asked: dict[str, set[str]] = {"defect": set(), "variant": set()}
    for path in HERE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                every.add(node.value)
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in CALLS and isinstance(node.args[0].value, str):
                    asked[CALLS[name]].add(node.args[0].value)
    return every, asked


EVERY, ASKED = strings_in_code()


def test_the_sandbox_imports_nothing_else_of_the_suite() -> None:
    for path in HERE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            foreign = [
                name for name in names if name.partition(".")[0] == "smartlaunch" and not name.startswith("smartlaunch.embedded_ehr")
            ]
            assert not foreign, f"{path.name} imports {foreign}"


def test_every_row_is_consulted_somewhere() -> None:
    assert sorted(set(load_defects()) - EVERY) == []
    assert sorted(set(load_variants()) - EVERY) == []


def test_everything_asked_for_has_a_row() -> None:
    assert sorted(ASKED["defect"] - set(load_defects())) == []
    assert sorted(ASKED["variant"] - set(load_variants())) == []


def test_rows_are_complete() -> None:
    assert len(load_defects()) >= 250
    assert len(load_variants()) >= 36
    for defect in load_defects().values():
        assert defect.summary.endswith("."), defect.name
        assert defect.requirements, f"{defect.name} breaks no requirement"
    for variant in load_variants().values():
        assert variant.summary.endswith("."), variant.name
        assert variant.permitted_because, variant.name
        assert variant.source, variant.name


def test_requirements_exist() -> None:
    folder = HERE.parent / "catalogue"
    known = {
        row["id"]
        for path in folder.glob("*.toml")
        for rows in tomllib.loads(path.read_text(encoding="utf-8")).values()
        if isinstance(rows, list)
        for row in rows
        if isinstance(row, dict) and "id" in row
    }
    named = {name for defect in load_defects().values() for name in (*defect.requirements, *defect.consequences)}
    assert sorted(named - known) == []


def test_unknown_names_are_refused_at_once() -> None:
    with pytest.raises(UnknownName, match="no defect is named 'omits_everything'"):
        Defects(["omits_everything"])
    with pytest.raises(UnknownName):
        Defects()("omits_everything")
    with pytest.raises(UnknownName, match="no variant"):
        Variants(["omits_everything"])


def test_a_request_remembers_the_rules_it_came_to() -> None:
    defects = Defects(["omits_state"])
    seen: set[str] = set()
    token = consulted.set(seen)
    assert defects("omits_state")
    assert not defects("omits_nonce")
    consulted.reset(token)
    assert seen == {"omits_state", "omits_nonce"}
    assert "omits_state" in defects
    assert list(defects) == ["omits_state"]
    assert len(defects) == 1


def test_answers_name_the_rules_of_their_request(start_ehr) -> None:
    ehr = start_ehr(trace_rules=True)
    rules = ehr.back_end.get(ehr.fhir + "/.well-known/smart-configuration").headers["x-sandbox-rules"].split(",")
    assert "lists_plain_challenge_method" in rules
    assert "omits_state" not in rules
    assert ehr.back_end.get(ehr.fhir + "/Patient/amelia-stone").headers["x-sandbox-rules"]
    silent = start_ehr()
    assert "x-sandbox-rules" not in silent.back_end.get(silent.fhir + "/metadata").headers
