"""Which browser program to drive."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smartlaunch.errors import UsageError

ON_PATH = ("chromium-headless-shell", "chromium", "google-chrome", "google-chrome-stable", "chromium-browser")


@dataclass(frozen=True)
class BrowserChoice:
    """A browser program and how it was found.

    ``path`` is None for the one that Playwright downloads and finds itself; ``library_path`` is a folder with shared libraries that
    the program brings along, or None.
    """

    path: Path | None
    how: str
    library_path: Path | None = None


def unpacked_folder(env: Mapping[str, str] | None = None) -> Path:
    """The folder into which ``smartlaunch setup`` unpacks a browser shipped inside an npm package."""
    values = os.environ if env is None else env
    cache = values.get("XDG_CACHE_HOME") or ""
    return (Path(cache) if cache else Path.home() / ".cache") / "smartlaunch" / "browser"


def find_browser(explicit: str | None = None, *, env: Mapping[str, str] | None = None) -> BrowserChoice:
    """Take the first browser there is: an explicit setting, the PATH, Playwright's own, the unpacked one.

    The headless shell comes before the full browser because it is about twice as fast. An explicit setting that does not exist is
    an error, never a reason to take another.
    """
    values = os.environ if env is None else env
    for setting, how in ((explicit, "as asked"), (values.get("SMARTLAUNCH_BROWSER"), "SMARTLAUNCH_BROWSER")):
        if setting:
            found = shutil.which(setting, path=values.get("PATH")) or (setting if Path(setting).is_file() else None)
            if found is None:
                raise UsageError(f"the browser {setting!r} ({how}) does not exist or cannot be run")
            return BrowserChoice(Path(found), how, _libraries(Path(found)))
    for name in ON_PATH:
        found = shutil.which(name, path=values.get("PATH"))
        if found:
            return BrowserChoice(Path(found), f"{name} on PATH")
    own = _playwrights_own(values)
    if own:
        return BrowserChoice(None, "Playwright's own download")
    folder = unpacked_folder(values)
    for name in ("chromium", "headless_shell", "chrome-headless-shell"):
        program = folder / name
        if program.is_file() and os.access(program, os.X_OK):
            return BrowserChoice(program, "unpacked by `smartlaunch setup`", _libraries(program))
    raise UsageError(
        "no browser was found. Do one of these:\n"
        "  smartlaunch setup\n"
        "  playwright install chromium\n"
        "or name one: SMARTLAUNCH_BROWSER=/path/to/chromium",
    )


def _libraries(program: Path) -> Path | None:
    folder = program.parent / "lib"
    return folder if folder.is_dir() and any(folder.glob("*.so*")) else None


def _playwrights_own(env: Mapping[str, str]) -> bool:
    setting = env.get("PLAYWRIGHT_BROWSERS_PATH", "")
    if setting and setting != "0":
        roots = [Path(setting)]
    elif sys.platform == "darwin":
        roots = [Path.home() / "Library" / "Caches" / "ms-playwright"]
    elif sys.platform == "win32":
        roots = [Path(env.get("LOCALAPPDATA", str(Path.home()))) / "ms-playwright"]
    else:
        roots = [Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ms-playwright"]
    return any(True for root in roots for _ in root.glob("chromium*-*/INSTALLATION_COMPLETE"))
