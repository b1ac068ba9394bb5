"""What happens when the last scenario has ended: the run is put together, diagnosed, and written in every form.

A report is never lost: ``run.json`` is there before anything is explained or rendered, and every further artefact is made by itself. One
that fails leaves the others, is named in the run, and makes ``smartlaunch run`` end with 4.
"""

from __future__ import annotations

import gc
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smartlaunch.catalogue import load
from smartlaunch.errors import InternalError
from smartlaunch.exchange import RecordedExchange
from smartlaunch.finding import Outcome
from smartlaunch.records.files import (
    ATTACHMENTS,
    DIAGNOSES_FILE,
    EXCHANGES_FILE,
    HAR_FILE,
    HTML_FILE,
    JUNIT_FILE,
    README_FILE,
    RUN_FILE,
    SCENARIOS_FILE,
    readme,
)
from smartlaunch.records.merging import merge
from smartlaunch.records.record import Run, ScenarioResult
from smartlaunch.records.store import assemble, load_run, with_diagnoses, write_header, write_run

if TYPE_CHECKING:
    from smartlaunch.reporting.allure_results import AllurePage

_OF_AN_END = re.compile(r"-(?:error-page|no-way-on|timeout)(?:-\d+)?\.jpg$")
"""How the picture of a page at which a walk ended is called."""


@dataclass
class Writers:
    """Makes the artefacts one by one and keeps what went wrong, in words free of secrets."""

    folder: Path
    scrub: Callable[[str], str]
    unwritten: list[dict[str, str]] = field(default_factory=list)

    def attempt(self, artefact: str, make: Callable[[], object]) -> None:
        """Make one artefact; half of one is not left behind."""
        try:
            make()
        except Exception as exc:  # noqa: BLE001 - whatever happened to one artefact must not cost the others
            self.unwritten.append({"artefact": artefact, "problem": self.scrub(f"{type(exc).__name__}: {exc}")[:500]})
            path = self.folder / artefact
            if path.is_file():
                path.unlink()


def finish(
    folder: Path,
    header: Callable[[], Mapping[str, Any]],
    *,
    scrub: Callable[[str], str],
    on_run: Callable[[Run, Path], None] | None = None,
    at_end: Callable[[], None] | None = None,
    slim: bool = False,
    lost: Mapping[str, str] | None = None,
    results: Sequence[ScenarioResult] | None = None,
    recorded: Sequence[RecordedExchange] | None = None,
) -> Run:
    """Write ``run.json``, then what explains and shows it; ``on_run`` gets the run when it is explained, ``at_end`` waits for it.

    ``slim`` keeps of what no finding speaks of only that it happened. ``lost`` names what could not be written while the run went;
    ``results`` and ``recorded`` are then in the place of the files.

    Where not even ``run.json`` can be written, the others are made all the same before that is raised.
    """
    gc.freeze()  # what the run left in memory is not looked through again for each of the million small objects made here
    writers = Writers(folder, scrub, [{"artefact": name, "problem": scrub(why)} for name, why in (lost or {}).items()])
    made: list[Mapping[str, Any]] = []
    writers.attempt("header", lambda: made.append(header()))
    run = assemble(
        folder, made[0] if made else None, results=results, recorded=recorded
    )  # without a new header that from the start of the run counts
    writers.attempt(ATTACHMENTS, lambda: _drop_pictures(run, folder))
    run = _write(run, writers, on_run=on_run, at_end=at_end, slim=slim)
    for streamed in (EXCHANGES_FILE, SCENARIOS_FILE):
        (folder / streamed).unlink(missing_ok=True)  # run.json has them; nothing is kept twice
    return run


def write_artefacts(run: Run, folder: Path, *, scrub: Callable[[str], str], page: AllurePage | None = None) -> Run:
    """Write a run that is there already once more, in every form."""
    header = {name: value for name, value in run.header.items() if name != "unwritten"}
    on_run, at_end = (page.begin, page.finish) if page is not None else (None, None)
    return _write(replace(run, header=header), Writers(folder, scrub), on_run=on_run, at_end=at_end)


def join(runs: Sequence[Run], folder: Path, order: Sequence[str] = ()) -> Run:
    """Put the run of all into a folder, with what they kept beside their records; its reports are made from there."""
    merged = merge(runs, order)
    whole = merged.run
    header = {**whole.header, "id": folder.name, "coverage": _coverage(whole)}
    folder.mkdir(parents=True, exist_ok=True)
    for source, name in merged.files:
        place = folder / name
        if source.is_file() and place.resolve().is_relative_to(folder.resolve()):
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)
    write_header(folder, header)
    write_run(Run(header, whole.scenarios, whole.exchanges, (), whole.launches), folder)
    return load_run(folder)


def _coverage(whole: Run) -> dict[str, object]:
    """How many binding requirements there are, were selected, were judged by the runs together."""
    binding = {row.id for row in load().values() if row.binding}
    judged = {r for s in whole.scenarios if s.outcome in (Outcome.PASSED, Outcome.FAILED, Outcome.WARNING) for r in s.requirements}
    selected = {r for s in whole.scenarios for r in s.requirements}
    return {
        "binding": len(binding),
        "selected": len(binding & selected),
        "judged": len(binding & judged),
        "missing": list(whole.missing),
    }


def _write(
    run: Run,
    writers: Writers,
    *,
    on_run: Callable[[Run, Path], None] | None = None,
    at_end: Callable[[], None] | None = None,
    slim: bool = False,
) -> Run:
    from smartlaunch.evidence.har.writing import write_har
    from smartlaunch.reporting.html import write_html
    from smartlaunch.reporting.junit import write_junit

    folder, scrub = writers.folder, writers.scrub
    writers.attempt(RUN_FILE, lambda: write_run(run, folder))
    explained: list[Run] = []
    writers.attempt(DIAGNOSES_FILE, lambda: explained.append(explain(run, folder, scrub)))
    told = explained[0] if explained else run
    if slim:
        told = slimmed(told)
        writers.attempt(RUN_FILE, lambda: write_run(told, folder))
    for artefact, make in (
        ("Allure", lambda: on_run(told, folder) if on_run is not None else None),
        (HAR_FILE, lambda: write_har(told.exchanges, folder / HAR_FILE)),
        (HTML_FILE, lambda: write_html(told, folder, load())),
        (JUNIT_FILE, lambda: write_junit([told], folder / JUNIT_FILE)),
        ("Allure", lambda: at_end() if at_end is not None else None),
        (README_FILE, lambda: (folder / README_FILE).write_text(readme(folder), encoding="utf-8")),
    ):
        writers.attempt(artefact, make)
    lost = next((line["problem"] for line in writers.unwritten if line["artefact"] == RUN_FILE), "")
    if lost:
        raise InternalError(f"{RUN_FILE} could not be written: {lost}")
    if writers.unwritten:
        told = replace(told, header={**told.header, "unwritten": writers.unwritten})
        write_run(told, folder)
    return told


def slimmed(run: Run) -> Run:
    """The run without headers and bodies of exchanges that no finding, block or error speaks of."""
    kept = run.spoken_of
    exchanges = tuple(x if x.id in kept else _outline(x) for x in run.exchanges)
    return replace(run, header={**run.header, "slim": True}, exchanges=exchanges)


def _outline(exchange: RecordedExchange) -> RecordedExchange:
    """That an exchange was, and the facts of it."""
    return replace(exchange, request_headers=[], request_body="", response_headers=[], response_body="", truncated=True)


def _drop_pictures(run: Run, folder: Path) -> None:
    """Take away the pictures of pages at which a walk ended, as it should, with nothing found: no result names them."""
    named = {a for s in run.scenarios for a in s.attachments}
    for path in (folder / ATTACHMENTS).glob("*.jpg"):
        if _OF_AN_END.search(path.name) and path.relative_to(folder).as_posix() not in named:
            path.unlink()
    with suppress(OSError):  # there are others in it, or none ever was
        (folder / ATTACHMENTS).rmdir()


def explain(run: Run, folder: Path, scrub: Callable[[str], str]) -> Run:
    """The run with its diagnoses, which are also kept beside it."""
    from smartlaunch.diagnosis import diagnose_run

    diagnoses = scrubbed(diagnose_run(run.as_dict()), scrub)
    told = with_diagnoses(run, diagnoses)
    if diagnoses or run.diagnoses:
        write_run(told, folder)
    (folder / DIAGNOSES_FILE).write_text(json.dumps(diagnoses, indent=1), encoding="utf-8")
    return told


def scrubbed(value: Any, scrub: Callable[[str], str]) -> Any:
    """The value with every text in it scrubbed; never its JSON, where a secret is spelt differently and quotes have a meaning."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        return {scrub(str(key)): scrubbed(item, scrub) for key, item in value.items()}
    return [scrubbed(item, scrub) for item in value] if isinstance(value, (list, tuple)) else value
