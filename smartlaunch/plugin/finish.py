"""What happens when the last scenario has ended: the run is put together, diagnosed, and written in every form.

A report is never lost: ``run.json`` is there before anything is explained or rendered, and every further artefact is made by itself. One
that fails leaves the others, is named in the run, and makes ``smartlaunch run`` end with 4.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from smartlaunch.catalogue import load
from smartlaunch.errors import InternalError
from smartlaunch.records.files import DIAGNOSES_FILE, HAR_FILE, HTML_FILE, JUNIT_FILE, RUN_FILE
from smartlaunch.records.record import Run
from smartlaunch.records.store import assemble, with_diagnoses, write_run


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
) -> Run:
    """Write ``run.json``, then what explains and shows it; ``on_run`` gets the run when it is explained, ``at_end`` waits for it.

    Where not even ``run.json`` can be written, the others are made all the same before that is raised.
    """
    gc.freeze()  # what the run left in memory is not looked through again for each of the million small objects made here
    writers = Writers(folder, scrub)
    made: list[Mapping[str, Any]] = []
    writers.attempt("header", lambda: made.append(header()))
    run = assemble(folder, made[0] if made else None)  # without a new header that from the start of the run counts
    return _write(run, writers, on_run=on_run, at_end=at_end)


def write_artefacts(run: Run, folder: Path, *, scrub: Callable[[str], str], on_run: Callable[[Run, Path], None] | None = None) -> Run:
    """Write a run that is there already once more, in every form."""
    header = {name: value for name, value in run.header.items() if name != "unwritten"}
    return _write(replace(run, header=header), Writers(folder, scrub), on_run=on_run)


def _write(
    run: Run, writers: Writers, *, on_run: Callable[[Run, Path], None] | None = None, at_end: Callable[[], None] | None = None
) -> Run:
    from smartlaunch.evidence.har import write_har
    from smartlaunch.reporting.html import write_html
    from smartlaunch.reporting.junit import write_junit

    folder, scrub = writers.folder, writers.scrub
    writers.attempt(RUN_FILE, lambda: write_run(run, folder))
    explained: list[Run] = []
    writers.attempt(DIAGNOSES_FILE, lambda: explained.append(explain(run, folder, scrub)))
    told = explained[0] if explained else run
    for artefact, make in (
        ("Allure", lambda: on_run(told, folder) if on_run is not None else None),
        (HAR_FILE, lambda: write_har(told.exchanges, folder / HAR_FILE)),
        (HTML_FILE, lambda: write_html(told, folder, load())),
        (JUNIT_FILE, lambda: write_junit([told], folder / JUNIT_FILE)),
        ("Allure", lambda: at_end() if at_end is not None else None),
    ):
        writers.attempt(artefact, make)
    lost = next((line["problem"] for line in writers.unwritten if line["artefact"] == RUN_FILE), "")
    if lost:
        raise InternalError(f"{RUN_FILE} could not be written: {lost}")
    if writers.unwritten:
        told = replace(told, header={**told.header, "unwritten": writers.unwritten})
        write_run(told, folder)
    return told


def explain(run: Run, folder: Path, scrub: Callable[[str], str]) -> Run:
    """The run with its diagnoses, which are also kept beside it."""
    from smartlaunch.diagnosis import diagnose_run

    diagnoses = scrubbed(diagnose_run(run.as_dict()), scrub)
    run = with_diagnoses(run, diagnoses)
    write_run(run, folder)
    (folder / DIAGNOSES_FILE).write_text(json.dumps(diagnoses, indent=1), encoding="utf-8")
    return run


def scrubbed(value: Any, scrub: Callable[[str], str]) -> Any:
    """The value with every text in it scrubbed; never its JSON, where a secret is spelt differently and quotes have a meaning."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        return {scrub(str(key)): scrubbed(item, scrub) for key, item in value.items()}
    return [scrubbed(item, scrub) for item in value] if isinstance(value, (list, tuple)) else value
