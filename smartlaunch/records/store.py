"""A run on disk: written as it goes, put together at its end, read again.

``header.json`` is there at the start, ``scenarios.jsonl`` gets one line per scenario, ``exchanges.jsonl`` one per exchange.
:func:`assemble` joins them into one :class:`Run`, also after a kill, and so does :func:`load_run` on a folder that never got its
``run.json``.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from smartlaunch.errors import LookupFailed, UsageError
from smartlaunch.exchange import RecordedExchange
from smartlaunch.records import packing
from smartlaunch.records.files import DIAGNOSES_FILE, EXCHANGES_FILE, HEADER_FILE, REPORTS, RUN_FILE, SCENARIOS_FILE
from smartlaunch.records.launches import find_launches
from smartlaunch.records.record import SCHEMA_VERSION, Diagnosis, Run, ScenarioResult, record_of, strings


def new_run_folder(base: Path) -> Path:
    """A folder name that sorts by time and never repeats."""
    return base / f"{datetime.now(UTC).strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def write_header(folder: Path, header: Mapping[str, Any]) -> None:
    """Keep the header at the start of a run, so that a killed run can still say what it was."""
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / HEADER_FILE, json.dumps({"schema": SCHEMA_VERSION, **header}, ensure_ascii=False, indent=1) + "\n")


def append_scenario(folder: Path, result: ScenarioResult) -> None:
    """Add one result to ``scenarios.jsonl``.

    One write of one line in append mode: several workers may share the file, and a kill costs the last line at most.
    """
    folder.mkdir(parents=True, exist_ok=True)
    line = json.dumps(asdict(result), ensure_ascii=False, separators=(",", ":")) + "\n"
    with (folder / SCENARIOS_FILE).open("ab", buffering=0) as out:
        out.write(line.encode("utf-8", "backslashreplace"))


def rewrite_scenarios(folder: Path, results: Sequence[ScenarioResult]) -> None:
    """Write all results anew, one line each."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(asdict(each), ensure_ascii=False, separators=(",", ":")) + "\n" for each in results]
    replace_file(folder / SCENARIOS_FILE, "".join(lines))


def written_scenarios(folder: Path) -> int:
    """How many lines the file of results has, none when somebody took it away."""
    try:
        return (folder / SCENARIOS_FILE).read_bytes().count(b"\n")
    except OSError:
        return 0


def rescrubbed(result: ScenarioResult, scrub: Callable[[str], str]) -> ScenarioResult:
    """The same result with every text in it scrubbed; its names are ours, whatever was learned."""

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return scrub(value)
        if isinstance(value, Mapping):
            return {key: clean(item) for key, item in value.items()}
        return [clean(item) for item in value] if isinstance(value, (list, tuple)) else value

    return record_of(ScenarioResult, clean(asdict(result)))


def assemble(
    folder: Path,
    header: Mapping[str, Any] | None = None,
    *,
    results: Sequence[ScenarioResult] | None = None,
    recorded: Sequence[RecordedExchange] | None = None,
) -> Run:
    """Join what a run wrote into one record; ``results`` and ``recorded`` are what it still holds where there was no room to write it.

    The last result of a scenario counts. Selected scenarios (``header.selection``) without a result are named in
    ``header.coverage.missing``: a run that did not put every selected scenario is not a good run.
    """
    stored = _json_file(folder / HEADER_FILE)
    merged: dict[str, Any] = {"schema": SCHEMA_VERSION, **(stored if isinstance(stored, dict) else {}), **(header or {})}
    by_id: dict[str, ScenarioResult] = {}
    for line in _json_lines(folder / SCENARIOS_FILE) if results is None else _as_lines(results):
        result = record_of(ScenarioResult, line)
        by_id.pop(result.id, None)
        by_id[result.id] = result
    lines = _json_lines(folder / EXCHANGES_FILE) if recorded is None else _as_lines(recorded)
    exchanges = tuple(record_of(RecordedExchange, line) for line in lines)
    diagnoses = _json_file(folder / DIAGNOSES_FILE)
    scenarios = tuple(by_id.values())
    merged["coverage"] = _coverage(merged, scenarios)
    if not header and isinstance(merged.get("deviations"), list):
        merged["deviations"] = _seen(merged["deviations"], scenarios)
    if not merged.get("end"):
        merged["interrupted"] = True
        merged["end"] = max((x.started for x in exchanges), default=merged.get("start", ""))
    return Run(
        header=merged,
        scenarios=scenarios,
        exchanges=exchanges,
        diagnoses=tuple(Diagnosis.of(d) for d in diagnoses) if isinstance(diagnoses, list) else (),
        launches=tuple(find_launches(exchanges, scenarios)),
        folder=folder,
    )


def with_diagnoses(run: Run, diagnoses: Sequence[Mapping[str, Any]]) -> Run:
    """The run with what explains it."""
    return replace(run, diagnoses=tuple(Diagnosis.of(d) for d in diagnoses))


def write_run(run: Run, folder: Path) -> Path:
    """Write ``run.json``: one scenario and one exchange per line, so that it is quick to write and can be compared by eye."""
    data = run.as_dict()
    parts = ['{\n"header": ', json.dumps(data["header"], ensure_ascii=False, indent=1)]
    exchanges, rest = packing.packed(data["exchanges"], run.spoken_of)
    for name in ("scenarios", "exchanges", "launches", "diagnoses"):
        lines = exchanges if name == "exchanges" else [packing.line(item) for item in data[name]]
        parts += [f',\n"{name}": [', "\n" if lines else "", ",\n".join(lines), "\n" if lines else "", "]"]
    parts.append(f',\n"packed": "{rest}"\n}}\n' if rest else "\n}\n")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / RUN_FILE
    replace_file(path, "".join(parts))
    return path


def add_unwritten(folder: Path, artefact: str, problem: str) -> None:
    """Note in a run that is written already that one more artefact could not be made."""
    run = load_run(folder)
    if any(line["artefact"] == artefact for line in run.unwritten):
        return
    write_run(replace(run, header={**run.header, "unwritten": [*run.unwritten, {"artefact": artefact, "problem": problem}]}), folder)


def load_run(name: str | Path, reports_dir: Path | None = None) -> Run:
    """Load a run by file, folder, id or the word ``latest``.

    A name that is no path is looked up in ``reports_dir``; what is not found is answered with what exists.
    """
    reports = reports_dir or Path(REPORTS)
    known = _run_folders(reports)
    if str(name) == "latest":
        if not known:
            raise LookupFailed("run", "latest", [], hint=f"{reports} holds no run; start one with: smartlaunch run --target embedded")
        return _load_folder(max(known, key=_written))
    path = Path(name)
    if path.is_file():
        return _load_file(path)
    for folder in (path, reports / str(name)):
        if is_run(folder):
            return _load_folder(folder)
    raise LookupFailed("run", str(name), [folder.name for folder in known], hint="give a run's folder, its run.json, its id, or latest")


def _load_folder(folder: Path) -> Run:
    file = folder / RUN_FILE
    return _load_file(file) if file.is_file() else assemble(folder)


def _load_file(path: Path) -> Run:
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as exc:
        raise UsageError(f"{path} cannot be read as a run.json: {exc}") from exc
    if not isinstance(data, dict):
        raise UsageError(f"{path} is not a run.json: its top is not an object")
    schema = data.get("header", {}).get("schema") if isinstance(data.get("header"), dict) else None
    if isinstance(schema, int) and schema > SCHEMA_VERSION:
        raise UsageError(f"{path} was written by a later version (schema {schema}, this one reads up to {SCHEMA_VERSION})")
    try:
        return Run.of(data, folder=path.parent)
    except (TypeError, ValueError, AttributeError) as exc:
        raise UsageError(f"{path} is not a run.json: {exc}") from exc


def _run_folders(reports: Path) -> list[Path]:
    return sorted(p for p in reports.iterdir() if is_run(p)) if reports.is_dir() else []


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run."""
    return folder.is_dir() and any((folder / name).is_file() for name in (RUN_FILE, SCENARIOS_FILE, HEADER_FILE))


def _written(folder: Path) -> tuple[float, str]:
    times = [(folder / name).stat().st_mtime for name in (RUN_FILE, SCENARIOS_FILE, HEADER_FILE) if (folder / name).is_file()]
    return max(times), folder.name


def _coverage(header: Mapping[str, Any], scenarios: Sequence[ScenarioResult]) -> dict[str, Any]:
    """The header's own numbers (of requirements) plus the selected scenarios that gave no result."""
    given = header.get("coverage")
    selected = header.get("selection")
    done = {s.id for s in scenarios}
    missing = [i for i in dict.fromkeys(strings(selected)) if i not in done] if isinstance(selected, list) else []
    return {**(given if isinstance(given, Mapping) else {}), "missing": missing}


def _seen(deviations: Sequence[Any], scenarios: Sequence[ScenarioResult]) -> list[Any]:
    """The deviations of a header from the start of a run, with what the results say of them."""
    matches: dict[str, list[str]] = {}
    for scenario in scenarios:
        for match in dict.fromkeys([scenario.known.get("match", ""), *(f.known for f in scenario.findings)]):
            matches.setdefault(match, []).append(scenario.id)
    return [
        {**line, "state": "seen", "scenarios": matches[line["match"]]}
        if isinstance(line, Mapping) and line.get("match") in matches
        else line
        for line in deviations
    ]


def _json_lines(path: Path) -> Iterator[Mapping[str, Any]]:
    """The objects of a JSON-lines file; a line cut by a kill is left out."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                yield value


def _as_lines(kept: Iterable[ScenarioResult | RecordedExchange]) -> Iterator[Mapping[str, Any]]:
    """What is held in memory as it would be read from a file."""
    for each in kept:
        yield json.loads(json.dumps(asdict(each), ensure_ascii=False))


def _json_file(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def replace_file(path: Path, text: str) -> None:
    """Write a file in one move, so that a reader never sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
