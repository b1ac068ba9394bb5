"""What happens when the last scenario has ended: the run is put together, diagnosed, and written in every form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from smartlaunch.catalogue import load
from smartlaunch.records.files import DIAGNOSES_FILE
from smartlaunch.records.record import Run
from smartlaunch.records.store import assemble, with_diagnoses, write_run


def finish(
    folder: Path, header: Mapping[str, Any], *, scrub: Callable[[str], str], on_run: Callable[[Run, Path], None] | None = None
) -> Run:
    """Write ``run.json``, ``index.html`` and ``run.har`` into the run's folder; ``on_run`` gets the run once the first is there."""
    import gc
    import json

    from smartlaunch.diagnosis import diagnose_run
    from smartlaunch.evidence.har import write_har
    from smartlaunch.reporting.html import write_html

    gc.freeze()  # what the run left in memory is not looked through again for each of the million small objects made here
    run = assemble(folder, dict(header))
    diagnoses = json.loads(scrub(json.dumps(diagnose_run(run.as_dict()))))
    (folder / DIAGNOSES_FILE).write_text(json.dumps(diagnoses, indent=1), encoding="utf-8")
    run = with_diagnoses(run, diagnoses)
    write_run(run, folder)
    if on_run is not None:
        on_run(run, folder)
    write_har(run.exchanges, folder / "run.har")
    write_html(run, folder, load())
    return run
