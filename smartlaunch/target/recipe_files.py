"""Recipe files: the steps of a login as data, those that come with the suite and those of a person's own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from smartlaunch.errors import LookupFailed
from smartlaunch.target.form import check_form_of_recipe
from smartlaunch.target.lines import LineIndex
from smartlaunch.target.model import RecipeFile
from smartlaunch.target.problems import Place, Problems
from smartlaunch.target.text import document_of, text_of


@cache
def bundled_recipes() -> dict[str, RecipeFile]:
    """The recipes that come with the suite, by name."""
    folder = resources.files("smartlaunch.target").joinpath("recipes")
    files = [entry for entry in folder.iterdir() if entry.name.endswith(".toml")]
    found = [_read(Path(str(entry)), entry.name, checked=True) for entry in files]
    return {recipe.name: recipe for recipe in sorted(found, key=lambda recipe: recipe.name)}


def load_recipe(name_or_path: str | os.PathLike[str], *, beside: Path | None = None) -> RecipeFile:
    """Read a recipe by its bundled name or its file, which is looked for beside another one when it is relative."""
    wanted = os.fspath(name_or_path)
    if wanted in bundled_recipes():
        return bundled_recipes()[wanted]
    if wanted.endswith(".toml") or "/" in wanted or os.sep in wanted:
        return _read((beside or Path()) / wanted, wanted)
    raise LookupFailed("recipe", wanted, list(bundled_recipes()), hint="or name a file that ends in .toml")


def _read(path: Path, shown: str, *, checked: bool = False) -> RecipeFile:
    """Read ``[[login.steps]]`` and what the file says of itself; ``checked`` when its form was looked at before."""
    problems = Problems(shown)
    text = text_of(path, problems, f"recipes by name: {', '.join(bundled_recipes())}" if not checked else "")
    document = document_of(text, problems)
    problems.lines = LineIndex(text)
    if not checked:
        check_form_of_recipe(document, problems)
        problems.require_none()
    head, steps = document.get("recipe", {}), document["login"]["steps"]
    return RecipeFile(
        name=path.stem,
        path=shown,
        title=head.get("name", ""),
        steps=tuple(steps),
        places=places(("login",), steps, problems),
        unverified=head.get("unverified", ""),
        checked=head.get("checked", ""),
        **{key: tuple(head.get(key, ())) for key in ("vendors", "marks", "sources")},
    )


def places(table: Place, steps: Sequence[Any], problems: Problems) -> tuple[str, ...]:
    """File and line of each step of a table."""
    return tuple(f"{problems.shown}:{problems.lines.line((*table, 'steps', number))}" for number in range(len(steps)))
