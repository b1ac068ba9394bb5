"""Fetches the two npm packages, from lock files in this package that pin every version and hash and name no host."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

from smartlaunch.setup.commands import Done, on_path, run

_LIMIT_S = 240
_STAMP = "installed-lock.json"


def is_installed(name: str, folder: Path) -> bool:
    """Say whether the folder holds exactly what the lock file in this package pins."""
    stamp = folder / _STAMP
    return stamp.is_file() and stamp.read_bytes() == _data(name, "package-lock.json")


def install(name: str, folder: Path) -> Done:
    """Install the package set ``allure`` or ``browser`` into the folder, or say why not; no package's own script is run."""
    npm = on_path("npm")
    if npm is None:
        return Done(ok=False, said="npm is not on the PATH")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _STAMP).unlink(missing_ok=True)
        for file in ("package.json", "package-lock.json"):
            (folder / file).write_bytes(_data(name, file))
    except OSError as exc:
        return Done(ok=False, said=f"{folder} cannot be written ({exc.strerror})")
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--omit=dev", "--loglevel=error"]
    done = run([npm, "ci", *quiet], limit_s=_LIMIT_S, cwd=folder)
    if done.ok:
        (folder / _STAMP).write_bytes(_data(name, "package-lock.json"))
    else:
        shutil.rmtree(folder / "node_modules", ignore_errors=True)
    return done


def _data(name: str, file: str) -> bytes:
    return resources.files("smartlaunch.setup").joinpath("npm", name, file).read_bytes()
