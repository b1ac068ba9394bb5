"""The tables of defects and variants agree with the code and with the catalogue."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import pytest

from smartlaunch import embedded_ehr as sandbox
from smartlaunch.embedded_ehr import defects
from smartlaunch.embedded_ehr.defects import Defects, UnknownName, Variants, consulted, load_defects, load_variants

HERE = Path(sandbox.__file__).parent
ROOT = HERE.parent.parent
CALLS = {"defects": "defect", "_defects": "defect", "rules": "defect", "variant": "variant", "_variant": "variant"}


def strings_in_code() -> tuple[set[str], dict[str, set[str]]]:
    """Return every string of the package's code, and those that a switch is asked with."""
    every: set[str] = set()
    asked: dict[str, set[str]] = {"defect": set(), "variant": set()}
    for path in HERE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                every.add(node.value)
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in CALLS and isinstance(node.args[0].value, str):
                    asked[CALLS[name]].add(node.args[0].value)
    return every, asked


def names_in_tables() -> set[str]:
    """Return the names by which the modules of defects keep what each does, those that are put together among them."""
    modules = [import_module(f"{defects.__name__}.{path.stem}") for path in (HERE / "defects").glob("*.py") if path.stem != "__init__"]
    tables = [value for module in modules for value in vars(module).values() if isinstance(value, Mapping)]
    return {name for table in tables for name in table if isinstance(name, str)}


EVERY, ASKED = strings_in_code()
EVERY |= names_in_tables()


def imported(path: Path) -> set[str]:
    """Return the names of the modules, and of what is in them, that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def test_the_sandbox_imports_nothing_else_of_the_suite() -> None:
    for path in HERE.rglob("*.py"):
        foreign = {name for name in imported(path) if name.partition(".")[0] == "smartlaunch"}
        foreign = {name for name in foreign if not name.startswith("smartlaunch.embedded_ehr") and name != "smartlaunch"}
        assert not foreign, f"{path.name} imports {foreign}"


def test_no_file_imports_a_file_that_imports_it() -> None:
    """Imports for the type checker count too: files that need each other's types are one file."""

    def files(names: set[str]) -> set[Path]:
        places = {ROOT / name.replace(".", "/") for name in names}
        return {place.with_suffix(".py") for place in places} | {place / "__init__.py" for place in places}

    needs = {path: files(imported(path)) for path in HERE.rglob("*.py")}

    def follow(path: Path, before: tuple[Path, ...]) -> None:
        assert path not in before, " -> ".join(str(one.relative_to(HERE)) for one in (*before[before.index(path) :], path))
        for other in sorted(needs.get(path, set())):
            if other not in clear:
                follow(other, (*before, path))
        clear.add(path)

    clear: set[Path] = set()
    for path in sorted(needs):
        follow(path, ())


def test_rows_stand_in_the_file_of_a_feature_folder() -> None:
    """How a client proves who it is has so many rows that they have a file of their own beside the token endpoint's."""
    areas = {path.name for path in (ROOT / "features").iterdir()} | {"client_authentication"}
    assert {path.stem for kind in ("defects", "variants") for path in (HERE / kind).glob("*.toml")} <= areas


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
