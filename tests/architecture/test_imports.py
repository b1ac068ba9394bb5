"""Imports go one way: what ARCHITECTURE.md says is read off the code here."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "smartlaunch"
ENGINE = ("http.py", "discovery.py", "launch.py", "app.py", "ahead.py", "engine.py", "fhir.py", "keys.py", "preflight.py")


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files(*parts: str) -> list[Path]:
    return sorted(PACKAGE.joinpath(*parts).rglob("*.py"))


def reaches(path: Path, *forbidden: str) -> set[str]:
    return {name for name in imported(path) for bad in forbidden if name == bad or name.startswith(bad + ".")}


@pytest.mark.parametrize("path", files("checks"), ids=lambda p: p.name)
def test_checks_know_no_engine_no_pytest_no_http(path: Path) -> None:
    engine = [f"smartlaunch.{name.removesuffix('.py')}" for name in ENGINE]
    assert reaches(path, *engine, "smartlaunch.plugin", "smartlaunch.browser", "smartlaunch.sandbox", "pytest", "httpx", "playwright") == set()


@pytest.mark.parametrize("path", files("sandbox"), ids=lambda p: p.name)
def test_sandbox_imports_nothing_of_the_rest(path: Path) -> None:
    outside = {n for n in imported(path) if n.startswith("smartlaunch.") and not n.startswith("smartlaunch.sandbox")}
    assert outside == set()


@pytest.mark.parametrize(
    "path", [*(PACKAGE / name for name in ENGINE), *files("oauth"), *files("oidc"), *files("browser"), *files("evidence")], ids=lambda p: p.name
)
def test_engine_knows_no_pytest_and_no_sandbox(path: Path) -> None:
    assert reaches(path, "pytest", "pytest_bdd", "smartlaunch.plugin", "smartlaunch.sandbox", "smartlaunch.checks", "smartlaunch.reporting") == set()


@pytest.mark.parametrize("path", [*files("reporting"), *files("diagnosis"), *files("ticket")], ids=lambda p: p.name)
def test_reports_and_diagnosis_read_records_only(path: Path) -> None:
    assert reaches(path, "smartlaunch.engine", "smartlaunch.app", "smartlaunch.http", "smartlaunch.browser", "smartlaunch.sandbox") == set()


def test_no_step_asserts_on_raw_values() -> None:
    asserting = [
        f"{path.name}:{node.lineno}"
        for path in sorted((ROOT / "steps").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert)
    ]
    assert asserting == []
