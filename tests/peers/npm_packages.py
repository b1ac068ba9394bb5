"""npm packages that the tests drive: pinned by version and digest, fetched once, kept in the cache."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import tarfile
from pathlib import Path

from smartlaunch.setup.archives import extract
from smartlaunch.setup.commands import cache_folder, on_path

_FETCH_S = 120


class CannotFetch(Exception):
    """npm or the package is not to be had; the sentence says which."""


def unpacked(name: str, version: str, integrity: str) -> Path:
    """The folder of one published package without its dependencies; ``CannotFetch`` when it cannot be had, also when it has changed."""
    folder = cache_folder() / f"peer-{name}-{version}"
    ready = folder / "ready"
    if ready.is_file() and ready.read_text("utf-8") == integrity:
        return folder / "package"
    npm = on_path("npm")
    if npm is None:
        raise CannotFetch(f"npm is not on the path, so {name} cannot be fetched")
    folder.mkdir(parents=True, exist_ok=True)
    command = [npm, "pack", f"{name}@{version}", "--pack-destination", str(folder), "--ignore-scripts", "--loglevel=error"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_FETCH_S, check=False)
    except subprocess.TimeoutExpired:
        raise CannotFetch(f"npm did not fetch {name} within {_FETCH_S} s") from None
    archive = folder / f"{name}-{version}.tgz"
    if done.returncode or not archive.is_file():
        raise CannotFetch(f"npm could not fetch {name}: {done.stderr.strip()[-300:]}")
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != integrity:
        raise CannotFetch(f"{name} {version} has the digest {digest}, not the pinned one")
    with tarfile.open(archive) as packed:
        extract(packed, folder)
    archive.unlink()
    ready.write_text(integrity, "utf-8")
    return folder / "package"
