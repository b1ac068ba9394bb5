"""Completion of commands, options and names in bash, zsh and fish, by argcomplete.

eval "$(register-python-argcomplete smartlaunch)"                       # bash, zsh
register-python-argcomplete --shell fish smartlaunch | source          # fish
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable
from typing import Any


def complete(parser_of: Callable[[str], tuple[argparse.ArgumentParser, argparse.ArgumentParser, Any]]) -> None:
    """Answer the shell and end the process; the command on its line gets its arguments, the others only their names."""
    import argcomplete

    words = os.environ.get("COMP_LINE", "").split()[1:]
    parser, child, _ = parser_of(next((word for word in words if not word.startswith("-")), ""))
    for action in child._actions:  # noqa: SLF001 - argparse has no other list of them, and argcomplete reads the same one
        names = NAMES.get(action.dest)
        if names is not None:
            action.completer = names  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser)


def _targets(**_: Any) -> Iterable[str]:
    from smartlaunch.target.reader import target_names

    return target_names()


def _suites(**_: Any) -> Iterable[str]:
    from smartlaunch.plugin.binding import SUITES

    return [suite.id for suite in SUITES]


def _scenarios(**_: Any) -> Iterable[str]:
    from smartlaunch.plugin.binding import every_plan

    return [plan.id for plan in every_plan() if not plan.again]


def _requirements(**_: Any) -> Iterable[str]:
    from smartlaunch.catalogue import load

    return load()


def _defects(**_: Any) -> Iterable[str]:
    from smartlaunch.embedded_ehr.defects import load_defects

    return load_defects()


def _variants(**_: Any) -> Iterable[str]:
    from smartlaunch.embedded_ehr.defects import load_variants

    return load_variants()


def _runs(**_: Any) -> Iterable[str]:
    from pathlib import Path

    from smartlaunch.records.files import REPORTS

    return ["latest", *(path.name for path in Path(REPORTS).glob("*/") if (path / "run.json").is_file())]


NAMES: dict[str, Callable[..., Iterable[str]]] = {
    "target": _targets,
    "suite": _suites,
    "scenario": _scenarios,
    "requirement": _requirements,
    "defect": _defects,
    "variant": _variants,
    "run": _runs,
    "runs": _runs,
    "baseline": _runs,
}
"""What an argument can be, by its name."""
