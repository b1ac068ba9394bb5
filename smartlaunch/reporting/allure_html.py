"""Renders Allure results into one HTML file that asks nobody for anything.

The renderer is the npm package ``allure`` run by the Node that Playwright's wheel brings, so no Node has to be installed. Its page
comes with a tracker and no switch for it: a report on a hospital's server must not call one, so it is cut out, and a page in which
it cannot be found and removed for sure is not kept.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smartlaunch.reporting.allure_packing import packed

SETTING = "SMARTLAUNCH_ALLURE"
HISTORY = "SMARTLAUNCH_ALLURE_HISTORY"
"""A file of JSON lines to which each page adds what its run came to, and from which it shows the runs before."""
KEPT = 30
RENDER_S = 120

_TRACKER = re.compile(
    r"<script[^>]*\bsrc=\"https://www\.googletagmanager\.com[^>]*>\s*</script>\s*"
    r"(?:<script>(?:(?!</script>).)*?gtag\((?:(?!</script>).)*?</script>)?",
    re.DOTALL,
)
_TRACES = ("https://www.googletagmanager.com", "https://www.google-analytics.com", "gtag('config", 'gtag("config')


@dataclass(frozen=True, slots=True)
class Renderer:
    """A Node and the command file of Allure 3."""

    node: str
    script: Path


def find_renderer(environ: Mapping[str, str] | None = None) -> Renderer | None:
    """The renderer: ``SMARTLAUNCH_ALLURE`` (a folder or its ``cli.js``), then the cache that ``smartlaunch setup`` fills.

    None when it is switched off (``SMARTLAUNCH_ALLURE=off``) or not installed.
    """
    env = os.environ if environ is None else environ
    setting = env.get(SETTING, "")
    if setting.lower() in ("off", "0", "no"):
        return None
    cache = Path(env.get("XDG_CACHE_HOME") or Path(env.get("HOME") or Path.home()) / ".cache")
    places = [Path(setting)] if setting else [cache / "smartlaunch" / "allure"]
    script = next((found for place in places if (found := _script(place))), None)
    node = find_node(env) if script else None
    return Renderer(node, script) if script and node else None


def find_node(environ: Mapping[str, str] | None = None) -> str | None:
    """Playwright's own Node, else one on the path."""
    env = os.environ if environ is None else environ
    import playwright

    bundled = Path(playwright.__file__).parent / "driver" / ("node.exe" if os.name == "nt" else "node")
    return str(bundled) if bundled.is_file() else shutil.which("node", path=env.get("PATH"))


class Rendering:
    """A page that is being made by a process of its own, so that other work can go on until ``finish``."""

    def __init__(self, results: Path, target: Path, *, title: str, renderer: Renderer) -> None:
        """Start the renderer; raises OSError when it cannot be started."""
        self._target = target
        self._scratch = tempfile.TemporaryDirectory(prefix="smartlaunch-allure-")
        folder = Path(self._scratch.name)
        config = folder / "allurerc.json"
        config.write_text(json.dumps(_config(title, folder / "report")), encoding="utf-8")
        command = [renderer.node, str(renderer.script), "generate", "--config", str(config), "--output", str(folder / "report")]
        none = subprocess.DEVNULL
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own installation
                [*command, str(results.resolve())], cwd=folder, env=_child_environment(), stdin=none, stdout=none, stderr=none
            )
        except OSError:
            self._scratch.cleanup()
            raise

    def finish(self) -> Path | None:
        """Wait for the page and write it; None when the renderer did not do its work, or a trace of the tracker would be left."""
        with self._scratch as folder:
            try:
                code = self._process.wait(RENDER_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                code = self._process.wait()
            page = next(iter(sorted((Path(folder) / "report").rglob("index.html"))), None)
            html = without_tracker(page.read_text(encoding="utf-8")) if code == 0 and page is not None else None
        if html is None:
            return None
        self._target.write_text(packed(html), encoding="utf-8")
        return self._target


def begin_rendering(results: Path, target: Path, *, title: str = "", renderer: Renderer | None = None) -> Rendering | None:
    """Begin to render a folder of results into one file; None when there are none, or no renderer that starts."""
    found = renderer or find_renderer()
    if found is None or not any(results.glob("*-result.json")):
        return None
    try:
        return Rendering(results, target, title=title, renderer=found)
    except OSError:
        return None


def without_tracker(html: str) -> str | None:
    """The page without its tracker, or None when a trace of one would be left."""
    cleaned = _TRACKER.sub("", html)
    return None if any(trace in cleaned for trace in _TRACES) else cleaned


def _config(title: str, output: Path) -> dict[str, object]:
    """What the renderer is told: one file, grouped as the suite is, categories in our words."""

    def by(name: str, *statuses: str, **labels: str) -> dict[str, object]:
        matchers: dict[str, object] = {"statuses": list(statuses)}
        if labels:
            matchers["labels"] = labels
        return {"name": name, "matchers": matchers, "groupBy": [{"label": "requirement"}]}

    rules = [
        by("Known deviations", "failed", "broken", known="yes"),
        by("A requirement is not met", "failed"),
        by("Blocked: could not be judged", "broken", outcome="blocked"),
        by("Error of the suite", "broken", outcome="error"),
        by("Does not apply", "skipped"),
    ]
    options = {"singleFile": True, "groupBy": ["epic", "feature", "story"], "reportName": title or "SMART App Launch conformance"}
    past = os.environ.get(HISTORY, "")
    history: dict[str, object] = {"historyPath": str(Path(past).resolve()), "historyLimit": KEPT, "appendHistory": True} if past else {}
    return {
        **history,
        "name": title or "SMART App Launch conformance",
        "output": str(output),
        "categories": {"rules": rules},
        "plugins": {"awesome": {"options": options}},
    }


def _child_environment() -> dict[str, str]:
    """The environment for Node: nothing in it that could be a secret of the target file."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "SYSTEMROOT")
    return {**{k: os.environ[k] for k in kept if k in os.environ}, "CI": "true", "ALLURE_NO_ANALYTICS": "true"}


def _script(place: Path) -> Path | None:
    candidates = (place, place / "cli.js", place / "node_modules" / "allure" / "cli.js", place / "allure" / "cli.js")
    return next((p for p in candidates if p.is_file() and p.suffix in (".js", ".mjs")), None)
