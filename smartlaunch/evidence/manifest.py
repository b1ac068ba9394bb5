"""``manifest.sha256``: what the evidence of a run consisted of when it was written.

The format is that of ``sha256sum``, so the folder can also be checked without this tool.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from smartlaunch.errors import UsageError

NAME: Final = "manifest.sha256"
SIGNATURE_NAME: Final = f"{NAME}.sig"
_APART: Final = frozenset({NAME, SIGNATURE_NAME, "run.lock"})
"""What is no evidence: the manifest itself, what signs it, and what is held while a run writes."""


def write_manifest(folder: Path) -> Path:
    """Write the digest of every file below a folder, the manifest itself left out, in order of their paths."""
    lines = [f"{_digest(path)}  {_line_name(path.relative_to(folder))}\n" for path in _files(folder)]
    target = folder / NAME
    target.write_text("".join(lines), encoding="utf-8")
    return target


def verify(folder: Path) -> list[str]:
    """What differs between a folder and its manifest, one sentence each; empty when nothing does."""
    manifest = folder / NAME
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{NAME} cannot be read in {folder.name or folder}: {type(exc).__name__}") from exc
    listed: dict[str, str] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        digest, blank, name = line.partition("  ")
        if not blank or len(digest) != 64 or Path(name).is_absolute() or ".." in Path(name).parts:
            problems.append(f"{NAME} line {number} is not a digest and a path inside the folder")
            continue
        listed[name] = digest
    present = {_line_name(path.relative_to(folder)): path for path in _files(folder)}
    for name, digest in listed.items():
        if name not in present:
            problems.append(f"{name} is missing")
        elif _digest(present[name]) != digest:
            problems.append(f"{name} was changed")
    problems += [f"{name} was added" for name in present if name not in listed]
    return problems


def _files(folder: Path) -> list[Path]:
    apart = {folder / name for name in _APART}
    found = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and path not in apart]
    return sorted(found, key=lambda path: path.as_posix())


def _line_name(path: Path) -> str:
    return path.as_posix().replace("\\", "\\\\").replace("\n", "\\n")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
