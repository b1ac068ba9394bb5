"""npm packages that the tests drive: pinned by version and digest, fetched once, kept in the cache."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

from smartlaunch.setup import commands
from smartlaunch.setup.archives import extract
from smartlaunch.setup.commands import cache_folder, on_path
from tests.peers.served import CannotRun

_FETCH_S, _INSTALL_S = 120, 240


def unpacked(name: str, version: str, integrity: str) -> Path:
    """The folder of one published package without its dependencies; ``CannotRun`` when it cannot be had, also when it has changed."""
    folder = cache_folder() / f"peer-{name}-{version}"
    ready = folder / "ready"
    if ready.is_file() and ready.read_text("utf-8") == integrity:
        return folder / "package"
    npm = on_path("npm")
    if npm is None:
        raise CannotRun(f"npm is not on the path, so {name} cannot be fetched")
    folder.mkdir(parents=True, exist_ok=True)
    command = [npm, "pack", f"{name}@{version}", "--pack-destination", str(folder), "--ignore-scripts", "--loglevel=error"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_FETCH_S, check=False)
    except subprocess.TimeoutExpired:
        raise CannotRun(f"npm did not fetch {name} within {_FETCH_S} s") from None
    archive = folder / f"{name}-{version}.tgz"
    if done.returncode or not archive.is_file():
        raise CannotRun(f"npm could not fetch {name}: {done.stderr.strip()[-300:]}")
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != integrity:
        raise CannotRun(f"{name} {version} has the digest {digest}, not the pinned one")
    with tarfile.open(archive) as packed:
        extract(packed, folder)
    archive.unlink()
    ready.write_text(integrity, "utf-8")
    return folder / "package"


def installed(here: Path, name: str) -> Path:
    """The folder with the packages that the lock file of a peer pins, fetched once per lock; ``CannotRun`` says what is missing."""
    lock = (here / "package-lock.json").read_bytes()
    folder = cache_folder() / f"peer-{name}-{hashlib.sha256(lock).hexdigest()[:12]}"
    ready = folder / "ready"
    if ready.is_file():
        return folder / "node_modules"
    npm = on_path("npm")
    if npm is None:
        raise CannotRun(f"npm is not on the path, so {name} cannot be fetched")
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("package.json", "package-lock.json"):
        shutil.copyfile(here / file, folder / file)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    done = commands.run(command, limit_s=_INSTALL_S, cwd=folder)
    if not done.ok:
        raise CannotRun(f"npm could not fetch {name}: {done.said}")
    ready.touch()
    return folder / "node_modules"
