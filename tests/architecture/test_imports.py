"""Imports go one way: ARCHITECTURE.md draws the rooms, this table says which room may use which, and what no line names is forbidden."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "smartlaunch"

VALUES = {"addresses", "errors", "exchange", "finding", "fhir", "interruption", "markup"}
"""What all rooms but the embedded EHR may use."""

MAY_USE: dict[str, set[str]] = {
    "addresses": set(),
    "errors": set(),
    "exchange": {"errors"},
    "finding": set(),
    "interruption": set(),
    "markup": set(),
    "fhir": {"exchange"},
    "target": VALUES | {"_suite"},
    "catalogue": VALUES,
    "oauth": VALUES,
    "evidence": VALUES | {"oauth"},
    "browser": VALUES,
    "checks": VALUES | {"oauth", "catalogue"},
    "client": VALUES | {"target", "oauth", "browser", "evidence"},
    "probes": VALUES | {"target", "oauth", "browser", "evidence", "client", "checks"},
    "records": VALUES,
    "diagnosis": VALUES | {"evidence", "catalogue", "oauth", "records"},
    "reporting": VALUES | {"evidence", "catalogue", "records"},
    "survey": VALUES | {"catalogue", "checks", "client", "reporting"},
    "nights": VALUES | {"catalogue", "client", "evidence", "records", "reporting", "target"},
    "ticket": VALUES | {"evidence", "catalogue", "records", "diagnosis", "reporting"},
    "setup": VALUES | {"browser", "reporting"},
    "onboarding": VALUES | {"target", "oauth", "client", "browser", "evidence", "records", "diagnosis"},
    "plugin": VALUES
    | {
        "target",
        "catalogue",
        "oauth",
        "client",
        "probes",
        "browser",
        "evidence",
        "records",
        "diagnosis",
        "reporting",
        "embedded_ehr",
        "_suite",
    },
    "cli": VALUES
    | {
        "target",
        "catalogue",
        "client",
        "browser",
        "evidence",
        "records",
        "nights",
        "survey",
        "diagnosis",
        "reporting",
        "ticket",
        "setup",
        "onboarding",
        "plugin",
        "embedded_ehr",
        "_suite",
    },
    "embedded_ehr": set(),
    "_suite": set(),
    "schemas": set(),
}
STEPS_MAY_USE = VALUES | {"target", "oauth", "client", "probes", "checks", "plugin"}
FOREIGN = {
    "checks": {"pytest", "pytest_bdd", "httpx", "playwright"},
    "probes": {"pytest", "pytest_bdd", "playwright"},
    "client": {"pytest", "pytest_bdd", "playwright"},
}
"""Packages that a room must not know: checks are pure, and what talks to a server knows no test runner."""


@cache
def imported(path: Path) -> frozenset[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms_used(path: Path) -> set[str]:
    parts = [name.split(".") for name in imported(path) if name.split(".")[0] == "smartlaunch" and len(name.split(".")) > 1]
    return {p[1] for p in parts if (PACKAGE / p[1]).is_dir() or (PACKAGE / f"{p[1]}.py").is_file()}


MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.stem != "__init__")


def test_every_room_is_in_the_table() -> None:
    assert {room_of(p) for p in MODULES} <= set(MAY_USE)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_a_room_uses_only_rooms_below_it(path: Path) -> None:
    room = room_of(path)
    assert rooms_used(path) - MAY_USE[room] - {room} == set()
    assert {name.split(".")[0] for name in imported(path)} & FOREIGN.get(room, set()) == set()


@pytest.mark.parametrize("path", sorted((ROOT / "steps").glob("*.py")), ids=lambda p: p.name)
def test_steps_use_probes_and_checks(path: Path) -> None:
    assert rooms_used(path) - STEPS_MAY_USE == set()


def drawn() -> dict[str, int]:
    """The floor of each room in the picture of ARCHITECTURE.md, the shared values as the modules that they are."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    floors = {room: int(number) for number, rooms in re.findall(r"^ {4}floor (\d)\s+(.*)$", text, re.MULTILINE) for room in rooms.split()}
    ground = floors.pop("values")
    return floors | dict.fromkeys(VALUES, ground)


def written() -> dict[str, set[str]]:
    """The rooms that each room may use besides the values, as the table of ARCHITECTURE.md has them."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w/]+)` \| [^|]+ \| ([^|]*)\|$", text, re.MULTILINE)
    return {room: set(re.findall(r"`(\w+)`", used)) for room, used in rows}


def test_the_picture_shows_every_room_above_what_it_uses() -> None:
    floors = drawn()
    assert set(floors) == set(MAY_USE) | {"steps/"}
    for room, used in [*MAY_USE.items(), ("steps/", STEPS_MAY_USE)]:
        lower = [floors[other] for other in used - VALUES] + [0] * bool(used & VALUES)
        if room not in VALUES:
            assert floors[room] == max(lower, default=-1) + 1, f"{room} stands on floor {floors[room]} above {sorted(used)}"


def test_the_page_says_what_each_room_may_use() -> None:
    rooms = {room: used - VALUES for room, used in MAY_USE.items() if used & VALUES and room not in VALUES}
    assert written() == rooms | {"steps/": STEPS_MAY_USE - VALUES}


def test_the_table_has_no_circle() -> None:
    def below(room: str, seen: tuple[str, ...] = ()) -> None:
        assert room not in seen, f"{' -> '.join((*seen, room))}"
        for lower in MAY_USE[room]:
            below(lower, (*seen, room))

    for room in MAY_USE:
        below(room)


def test_no_step_asserts_on_raw_values() -> None:
    asserting = [
        f"{path.name}:{node.lineno}"
        for path in sorted((ROOT / "steps").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert)
    ]
    assert asserting == []


KEPT_APART = {"smartlaunch/plugin/bdd.py"}
"""What may use private parts of a foreign package: the adapter to pytest-bdd, whose test names the version."""
PUBLIC_ALL_THE_SAME = {"smartlaunch._suite", "os._exit"}
"""Names with a line before them that are no secret: the folder of the suite in a wheel, and a documented function of Python."""
EVERYWHERE = sorted(p for folder in ("smartlaunch", "steps", "suites", "benchmarks", "tests") for p in (ROOT / folder).rglob("*.py"))


def private_names(tree: ast.AST) -> set[str]:
    """Private names of other modules that a module imports, or reads from what it has imported."""
    brought: dict[str, str] = {}
    read: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            brought |= {alias.asname or alias.name.split(".")[0]: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            brought |= {alias.asname or alias.name: f"{node.module or ''}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute):
            read.add(dotted(node))
    read = {name for name in read if name.split(".")[0] in brought}
    names = {*brought.values(), *(f"{brought[first]}.{rest}" for first, _, rest in (name.partition(".") for name in read))}
    return {name for name in names if any(re.match("_[a-zA-Z]", part) for part in unfolded(name).split("."))}


def dotted(node: ast.expr) -> str:
    """A name with the names that are read from it; empty where it begins with anything else."""
    if isinstance(node, ast.Name):
        return node.id
    inner = dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{inner}.{node.attr}" if isinstance(node, ast.Attribute) and inner else ""


def unfolded(name: str) -> str:
    """A name without what is public all the same."""
    for public in PUBLIC_ALL_THE_SAME:
        name = f"{name}.".removeprefix(f"{public}.")
    return name


def test_no_module_uses_a_private_name_of_another() -> None:
    others = {path.relative_to(ROOT).as_posix(): path for path in EVERYWHERE}
    used = {name: private_names(ast.parse(path.read_text(encoding="utf-8"))) for name, path in others.items() if name not in KEPT_APART}
    assert {name: names for name, names in used.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from smartlaunch.a import _b", {"smartlaunch.a._b"}),
        ("from smartlaunch import a\na.c._b()", {"smartlaunch.a.c._b"}),
        ("import smartlaunch.a as x\nx._b", {"smartlaunch.a._b"}),
        ("from smartlaunch._hidden import b", {"smartlaunch._hidden.b"}),
        ("from smartlaunch._suite.steps import common\nimport os\nos._exit(0)\nself._b\nfrom __future__ import annotations", set()),
    ],
)
def test_the_search_for_private_names_finds_them(source: str, found: set[str]) -> None:
    assert private_names(ast.parse(source)) == found
