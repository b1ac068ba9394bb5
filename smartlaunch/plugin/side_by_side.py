"""``pytest -n N``: what the workers of pytest-xdist put is one run, with one folder, one look at the target, one report and one summary.

Every worker is a run of its own below that folder; whoever started them joins what they wrote. What shares a grant stays on one worker, and
what may lock an account or poison other flows waits until all others have ended.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from smartlaunch.errors import UsageError
from smartlaunch.plugin.binding import Plan
from smartlaunch.plugin.options import RATE_SHARE
from smartlaunch.plugin.sharing import LOOK
from smartlaunch.records import files
from smartlaunch.records.record import Run
from smartlaunch.records.store import is_run, load_run, new_run_folder

LAST: Final = frozenset({"last", "lockout"})
"""The tags of what comes after all others, by itself."""
SHARES_A_JWK_SET: Final = frozenset({"confidential-asymmetric", "backend"})
JOINED = pytest.StashKey[Path]()
"""The folder of the run that several workers made."""
UNUSABLE = pytest.StashKey[bool]()
"""Set in a worker that found the target away or its configuration wrong: it puts nothing, and says so by its header."""
_FOLDER: Final = "smartlaunch_folder"
_LONGEST_S: Final = 300.0
"""How long what comes last waits while no other worker gets any further."""


def unit_of(plan: Plan, *, one_jwk_set: bool) -> tuple[str, ...]:
    """What stays together with a scenario, since it shares its grants; ``one_jwk_set`` where keys are served at one address."""
    if one_jwk_set and plan.suite.role in SHARES_A_JWK_SET:
        return ("keys",)
    return (plan.suite.id, "again", plan.situation.slug) if plan.again else (plan.suite.id, "plain", plan.path)


def starts_workers(config: pytest.Config) -> bool:
    """Whether pytest-xdist is there and was asked for workers, and this is the process that starts them."""
    option = config.option
    return bool(getattr(option, "tx", None)) and getattr(option, "dist", "no") != "no" and not is_worker(config)


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


class Starter:
    """What the process does that starts the workers."""

    def __init__(self, config: pytest.Config, folder: str) -> None:
        """Choose the folder of the run; have the units of scenarios handed out in their order."""
        self._config = config
        self._folder = Path(folder) if folder else new_run_folder(Path.cwd() / files.REPORTS)
        if config.option.dist == "load":
            config.option.dist = "loadgroup"
        config.option.loadscopereorder = False

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give each worker a folder below that of the run."""
        node.workerinput[_FOLDER] = str((self._folder / files.WORKERS / node.gateway.id).absolute())

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Join what the workers wrote; a target that was not fit for a run ends this one as it ends any."""
        from smartlaunch.evidence.redaction import Redactor
        from smartlaunch.plugin.finish import join, write_artefacts

        place = self._folder / files.WORKERS
        runs = [run for each in sorted(place.glob("*")) if is_run(each) and (run := _loaded(each)) is not None]
        if not runs:
            return
        run = write_artefacts(join(runs, self._folder), self._folder, scrub=Redactor().scrub)
        if run.preflight_verdict != "ok":
            session.exitstatus = pytest.ExitCode.USAGE_ERROR if run.preflight_verdict == "mend" else pytest.ExitCode.NO_TESTS_COLLECTED
        shutil.rmtree(place, ignore_errors=True)
        self._config.stash[JOINED] = self._folder


def _loaded(folder: Path) -> Run | None:
    try:
        return load_run(folder)
    except UsageError:
        return None


def prepare(config: pytest.Config) -> Path | None:
    """Let a worker know its part: its share of ``limits.rate``, its part in the one look; its folder, or None for no worker."""
    given: Mapping[str, Any] = getattr(config, "workerinput", {})
    if _FOLDER not in given:
        return None
    folder = Path(given[_FOLDER])
    folder.parent.mkdir(parents=True, exist_ok=True)
    os.environ[RATE_SHARE] = str(given["workercount"])
    os.environ[LOOK] = f"{'first' if given['workerid'] == 'gw0' else 'told'}:{folder.parent / 'seen.json'}"
    return folder


def group(items: Iterable[tuple[pytest.Item, Plan | None]]) -> None:
    """Name for pytest-xdist what stays together."""
    for item, plan in items:
        if plan is not None:
            name = "last" if plan.flags & LAST else "/".join(unit_of(plan, one_jwk_set=True))
            item.add_marker(pytest.mark.xdist_group(name))


def wait_for_the_others(folder: Path, number: int) -> None:
    """Wait until so many scenarios have a result in all workers together, or none of them gets any further."""
    done, until = -1, time.monotonic() + _LONGEST_S
    while done < number and time.monotonic() < until:
        found = sum(_lines(each / files.SCENARIOS_FILE) for each in folder.parent.glob("*"))
        if found > done:
            done, until = found, time.monotonic() + _LONGEST_S
        if done < number:
            time.sleep(0.2)


def _lines(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except OSError:
        return 0
