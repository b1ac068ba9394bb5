"""What the diagnosis knows as data: the TOML files beside its code."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any


def read(folder: str, name: str) -> dict[str, Any]:
    """One file of a folder."""
    return tomllib.loads(files(__package__).joinpath(folder, name).read_text("utf-8"))


def read_all(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every file of a folder with its name, in the order of the names."""
    for name in sorted(entry.name for entry in files(__package__).joinpath(folder).iterdir()):
        if name.endswith(".toml"):
            yield name, read(folder, name)
