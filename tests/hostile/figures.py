"""Prints what is tried against the suite and what is held, and writes ``docs/hostile.md``.

    python tests/hostile/figures.py [--check]

Secrets are planted and looked for here. Behaviours, settings and ends are tests that start servers and runs: for those the number of
cases is told, and `make hostile` says whether they hold.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT), str(HERE)]
DOCUMENT = ROOT / "docs" / "hostile.md"
HEAD = """# What is tried against the suite, and what holds

`make hostile` runs all of it and prints these tables; `tests/hostile/figures.py` writes them here. A test fails while they are old.

"""


def planted() -> list[str]:
    """Secrets in somebody's HAR, by place."""
    from injections import INJECTIONS
    from test_injections import comes_through

    tried, held = Counter(each.place for each in INJECTIONS), Counter(each.place for each in INJECTIONS if not comes_through(each))
    lines = ["## Secrets in somebody's HAR, by place", "", "| place | planted | taken out |", "|---|---|---|"]
    lines += [f"| {place} | {tried[place]} | {held[place]} |" for place in sorted(tried)]
    return [
        *lines,
        f"| all | {sum(tried.values())} | {sum(held.values())} |",
        "",
        "[evidence.md](evidence.md) lists what no rule can know.",
        "",
    ]


def dressed() -> list[str]:
    """Known secrets in other clothes, by place."""
    from clothes import CLOTHES, PLACES, SECRET, naked
    from test_clothes import written

    lines = ["## Known secrets in other clothes", "", "| written | places | found |", "|---|---|---|"]
    total = 0
    for clothes in CLOTHES:
        found = 0
        for place in PLACES:
            inside, shown = written(clothes, place)
            found += inside not in shown and SECRET.lower() not in naked(shown)
        total += found
        lines.append(f"| {clothes} | {len(PLACES)} | {found} |")
    return [*lines, f"| all | {len(CLOTHES) * len(PLACES)} | {total} |", ""]


def started() -> list[str]:
    """What needs servers and runs, by test file, with the number of cases."""
    from shapes import SHAPES
    from test_ends import FULL
    from test_hostile_servers import CASES

    from tests.browser.test_pixels import WAYS

    what = {
        "bodies made to keep a redactor busy (5 MB each)": len(SHAPES),
        "hostile behaviours of a server at one endpoint": len(CASES),
        "pages whose pictures show neither secret nor person, by their pixels": len(WAYS),
        "secrets looked for in every file of runs": _tests("test_canaries.py"),
        "wrong settings": _tests("test_wrong_settings.py"),
        "ends and faults: signals, kills, folders, full disks": _tests("test_ends.py") + 4 + len(FULL),
    }
    lines = [
        "## Behaviours, files, faults",
        "",
        "| what | cases |",
        "|---|---|",
        *(f"| {name} | {number} |" for name, number in what.items()),
    ]
    return [*lines, "", "Each is a test of `tests/hostile`; `make hostile` is red when one does not hold.", ""]


def measured() -> list[str]:
    """The benchmark's last table, if there is one."""
    file = ROOT / "benchmarks" / "redaction.md"
    if not file.is_file():
        return []
    rows = re.findall(r"^\| [^|]+ \| [\d.]+ \| (\d+) \| (\d+) \|", file.read_text(encoding="utf-8"), re.MULTILINE)
    worst = max(int(ms) for ms, _ in rows)
    ratio = max(int(times) for _, times in rows)
    return [f"Redaction of 5 MB takes {worst} ms at most, {ratio} times reading the bytes ([all shapes](../benchmarks/redaction.md)).", ""]


def _tests(name: str) -> int:
    tree = ast.parse((HERE / name).read_text(encoding="utf-8"))
    return sum(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in ast.walk(tree))


def document() -> str:
    """The whole page."""
    return HEAD + "\n".join([*planted(), *dressed(), *started(), *measured()])


def main() -> int:
    text = document()
    if "--check" in sys.argv:
        return 0 if DOCUMENT.read_text(encoding="utf-8") == text else 1
    DOCUMENT.write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
