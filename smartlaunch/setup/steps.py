"""The ways to a browser and to Allure's renderer, tried in order until one works.

What is there is taken before anything is fetched, and what is asked for by name is taken before what is found.  Every way says
in one line what came of it, so that a person behind a proxy sees which door was closed.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from smartlaunch.browser.choice import find_browser, unpacked_folder
from smartlaunch.errors import UsageError
from smartlaunch.setup import npm_packages
from smartlaunch.setup.commands import Done, cache_folder, on_path, playwrights_node, run
from smartlaunch.setup.unpack import unpack

_DOWNLOAD_S = 300
_APT_S = 300
_TRY_S = 20


@dataclass(frozen=True)
class Outcome:
    """What came of one part: ``how`` says where it was found or got, ``tried`` what did not work."""

    ok: bool
    how: str
    tried: tuple[str, ...] = ()


@dataclass(frozen=True)
class SetUp:
    """What came of the whole; only the browser is needed to run."""

    browser: Outcome
    allure: Outcome

    @property
    def ok(self) -> bool:
        """Whether a run can start."""
        return self.browser.ok


@dataclass
class _Way:
    """One way to a browser: ``when`` says why it is left out, or an empty text."""

    name: str
    go: Callable[[], Done]
    when: Callable[[], str] = field(default=lambda: "")


def set_up(
    *, with_apt: bool = False, check: bool = False, browser: str | None = None, say: Callable[[str], None] = lambda _: None
) -> SetUp:
    """Find or get what a run needs; with ``check`` nothing is fetched."""
    found = _browser(explicit=browser, with_apt=with_apt, check=check, say=say)
    return SetUp(browser=found, allure=_allure(check=check, say=say))


def apt_allowed(*, asked: bool) -> str:
    """Return why Debian's package is not installed, or an empty text when it may be."""
    if not on_path("apt-get"):
        return "there is no apt-get here"
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "that needs root"
    if not asked and os.environ.get("CI", "").lower() not in ("1", "true", "yes"):
        return "only when asked for with --with-apt, or in CI"
    return ""


def _browser(*, explicit: str | None, with_apt: bool, check: bool, say: Callable[[str], None]) -> Outcome:
    found = _present(explicit)
    if found.ok or explicit or os.environ.get("SMARTLAUNCH_BROWSER"):
        return found
    if check:
        return Outcome(ok=False, how="no browser was found", tried=(advice(),))
    ways = [
        _Way("Playwright's own download", _playwright_download, lambda: "" if playwrights_node() else "Playwright is not installed"),
        _Way("Debian's package chromium-headless-shell", _apt, lambda: apt_allowed(asked=with_apt)),
        _Way("the browser inside the npm package @sparticuz/chromium", _npm_browser, _why_no_npm_browser),
    ]
    tried: list[str] = []
    for way in _in_order(ways, with_apt=with_apt):
        reason = way.when()
        if reason:
            tried.append(f"{way.name}: left out, {reason}")
            continue
        say(f"browser: trying {way.name} ...")
        done = way.go()
        found = _present(None) if done.ok else found
        if done.ok and found.ok:
            return Outcome(ok=True, how=f"{found.how} (got by {way.name})", tried=tuple(tried))
        tried.append(f"{way.name}: {done.said or 'did not work'}")
    return Outcome(ok=False, how="no browser was found and none could be got", tried=(*tried, advice()))


def _in_order(ways: list[_Way], *, with_apt: bool) -> list[_Way]:
    """Put Debian's package first when it was asked for by name; else keep the order."""
    return [ways[1], ways[0], *ways[2:]] if with_apt else ways


def advice() -> str:
    """Return the exact commands that a person can use."""
    return (
        "do one of these by hand:\n"
        f"      {_python()} -m playwright install chromium\n"
        "      sudo apt-get install --no-install-recommends chromium-headless-shell   (Debian)\n"
        "      export SMARTLAUNCH_BROWSER=/path/to/chromium                           (any Chromium you have)"
    )


def _python() -> str:
    return Path(sys.executable).name or "python"


def _present(explicit: str | None) -> Outcome:
    try:
        choice = find_browser(explicit)
    except UsageError as exc:
        return Outcome(ok=False, how=str(exc).splitlines()[0])
    return Outcome(ok=True, how=f"{choice.path or 'chromium'} ({choice.how})")


def _playwright_download() -> Done:
    return run([sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"], limit_s=_DOWNLOAD_S)


def _apt() -> Done:
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium-headless-shell"]
    first = run(install, limit_s=_APT_S, env=quiet)
    if first.ok:
        return first
    updated = run(["apt-get", "update", "-q"], limit_s=_APT_S, env=quiet)
    return run(install, limit_s=_APT_S, env=quiet) if updated.ok else updated


def _why_no_npm_browser() -> str:
    if sys.platform != "linux":
        return "it holds a browser for Linux only"
    return "" if on_path("npm") else "npm is not on the PATH"


def _npm_browser() -> Done:
    store = cache_folder() / "npm-browser"
    done = npm_packages.install("browser", store)
    if done.ok:
        done = unpack(store / "node_modules" / "@sparticuz" / "chromium", unpacked_folder())
    shutil.rmtree(store, ignore_errors=True)
    if not done.ok:
        return done
    works = run([str(unpacked_folder() / "chromium"), "--version"], limit_s=_TRY_S, env={"LD_LIBRARY_PATH": str(unpacked_folder() / "lib")})
    return works if works.ok else Done(ok=False, said=f"it was unpacked but does not start: {works.said}")


def _allure(*, check: bool, say: Callable[[str], None]) -> Outcome:
    from smartlaunch.reporting.allure_html import SETTING, find_renderer

    folder, setting = cache_folder() / "allure", os.environ.get(SETTING, "")
    renderer = find_renderer()
    if setting:
        return Outcome(ok=renderer is not None, how=f"{setting} ({SETTING})" + ("" if renderer else ": nothing is rendered"))
    if renderer and npm_packages.is_installed("allure", folder):
        return Outcome(ok=True, how=f"in the cache, run by {renderer.node}")
    if check:
        return Outcome(ok=False, how="the renderer of the Allure report is not there; runs write index.html and Allure results without it")
    say("allure: fetching the renderer ...")
    done = npm_packages.install("allure", folder)
    if done.ok and (found := find_renderer()):
        return Outcome(ok=True, how=f"fetched into the cache, run by {found.node}")
    return Outcome(ok=False, how=f"not fetched ({done.said}); runs write index.html and Allure results without it")
