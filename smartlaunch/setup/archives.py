"""Unpacks archives so that nothing leaves the folder, also on Python 3.11.0 to 3.11.3, whose tarfile has no filters."""

from __future__ import annotations

import tarfile
from pathlib import Path, PurePosixPath


class UnsafeArchive(ValueError):
    """A member would be written outside of the folder, or is no plain file, folder or link within it."""


def extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Write the members of an archive below a folder; raises ``UnsafeArchive``, before anything is written, when one would leave it."""
    for member in archive.getmembers():
        _require_inside(member)
    if hasattr(tarfile, "data_filter"):
        archive.extractall(folder, filter="data")
    else:
        archive.extractall(folder)  # noqa: S202 - each member was looked at above


def _require_inside(member: tarfile.TarInfo) -> None:
    linked = member.issym() or member.islnk()
    if not (linked or member.isfile() or member.isdir()):
        raise UnsafeArchive(f"{member.name} is neither file, folder nor link")
    # No way up at all, also where it would stay inside: behind a link, the folder above is another than the name says.
    for path in (PurePosixPath(member.name), *([PurePosixPath(member.linkname)] if linked else [])):
        if path.is_absolute() or ".." in path.parts:
            raise UnsafeArchive(f"{member.name} leads out of the folder")
