"""Several runs against one target as one: shards of one selection, or a run and what was put again later.

Ids of exchanges and ordinals of placeholders begin anew in each run, so those of the later ones are moved up: two secrets that only
share a number must not look equal. The last verdict on a scenario counts; a later run without one takes none away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.errors import UsageError
from smartlaunch.exchange import Endpoint
from smartlaunch.finding import Outcome
from smartlaunch.records.record import Run, ScenarioResult, strings

_JUDGED = (Outcome.PASSED.value, Outcome.WARNING.value, Outcome.FAILED.value)
_PLACEHOLDER = re.compile(r"<([a-z][a-z_ ]*?) (\d+)(?=[ >])")
_TOLD = Endpoint.DISCOVERY.value
"""The endpoint of the exchange that workers tell each other of."""
_EXCHANGE = re.compile(r"\bx\d{4,}\b")


@dataclass(frozen=True)
class Merged:
    """The run of all, and which file becomes which: pairs of a path on disk and a path in the new folder."""

    run: Run
    files: tuple[tuple[Path, str], ...]


def merge(runs: Sequence[Run], order: Sequence[str] = ()) -> Merged:
    """Join the runs in the order in which they are given; raises ``UsageError`` when they are not of one target.

    ``order`` is that of the scenarios in one run; without it they stand as the runs have them.
    """
    if not runs:
        raise UsageError("there is no run to merge")
    _check_one_target(runs)
    found: dict[str, ScenarioResult] = {}
    parts: list[Run] = []
    files: list[tuple[Path, str]] = []
    offset, ordinals, before = 0, dict[str, int](), dict[tuple[object, ...], str]()
    for number, run in enumerate(runs):
        names = {a: _name(a, number) for s in run.scenarios for a in s.attachments}
        part, highest = _moved(run, offset, ordinals, names, number, before)
        offset += highest
        parts.append(part)
        if run.folder is not None:
            files += [(run.folder / old, new) for old, new in names.items()]
        for scenario in part.scenarios:
            earlier = found.get(scenario.id)
            if earlier is None or scenario.outcome in _JUDGED or earlier.outcome not in _JUDGED:
                found[scenario.id] = scenario
    selected = dict.fromkeys(name for run in runs for name in strings(run.header.get("selection")))
    places = {name: place for place, name in enumerate(dict.fromkeys((*order, *selected)))}
    selection = sorted(selected, key=places.__getitem__)
    scenarios = sorted(found.values(), key=lambda s: places.get(s.id, len(places)))
    whole = Run(
        header=_header(runs, selection, found),
        scenarios=tuple(scenarios),
        exchanges=tuple(x for part in parts for x in part.exchanges),
        launches=tuple(launch for part in parts for launch in part.launches),
    )
    return Merged(whole, tuple(files))


def _check_one_target(runs: Sequence[Run]) -> None:
    def key(run: Run) -> tuple[str, str]:
        base = str(_member(run, "target").get("fhir_base_url", ""))
        host = urlsplit(base).hostname or ""
        return run.target_name, "" if host in ("127.0.0.1", "localhost", "::1") else base

    others = [run for run in runs if key(run) != key(runs[0])]
    if others:
        one, other = " ".join(key(runs[0])), " ".join(key(others[0]))
        raise UsageError(f"run {others[0].id} is of {other} and run {runs[0].id} of {one}: only runs of one target are merged")


def _moved(
    run: Run, offset: int, ordinals: dict[str, int], names: Mapping[str, str], number: int, known: dict[tuple[object, ...], str]
) -> tuple[Run, int]:
    """The run with its numbers moved behind those of the runs before, and its own highest number of an exchange.

    ``known`` are the exchanges of all runs: one that workers told each other of stays one.
    """
    ids = {x.id for x in run.exchanges}
    places = {x.id: (x.started, x.duration_ms, x.url, x.status) for x in run.exchanges if x.endpoint == _TOLD}
    same = {name: known[place] for name, place in places.items() if number and place in known}
    highest = max((int(i[1:]) for i in ids if i[1:].isdigit()), default=0)
    before, seen = dict(ordinals), dict(ordinals)

    def placeholder(found: re.Match[str]) -> str:
        kind, ordinal = found[1], before.get(found[1], 0) + int(found[2])
        seen[kind] = max(seen.get(kind, 0), ordinal)
        return f"<{kind} {ordinal}"

    def exchange(found: re.Match[str]) -> str:
        return same.get(found[0]) or f"x{int(found[0][1:]) + offset:04d}" if found[0] in ids else found[0]

    data = run.as_dict()
    text = json.dumps({name: data[name] for name in ("scenarios", "exchanges", "launches")}, ensure_ascii=False)
    moved: dict[str, Any] = json.loads(_PLACEHOLDER.sub(placeholder, _EXCHANGE.sub(exchange, text) if offset else text))
    for scenario in moved["scenarios"]:
        scenario["attachments"] = [names.get(a, a) for a in scenario["attachments"]]
        if scenario.get("launch"):
            scenario["launch"] = f"{scenario['launch']}-{number}" if number else scenario["launch"]
    for launch in moved["launches"]:
        launch["id"] = f"{launch['id']}-{number}" if number else launch["id"]
    if same:
        kept = set(same.values())
        moved["exchanges"] = [row for row in moved["exchanges"] if row["id"] not in kept]
    known.update({place: name if not offset else f"x{int(name[1:]) + offset:04d}" for name, place in places.items() if name not in same})
    ordinals.update(seen)
    return Run.of({"header": dict(run.header), **moved}), highest


def _name(attachment: str, number: int) -> str:
    """The name of an attachment in the new folder."""
    path = Path(attachment)
    return attachment if number == 0 else (path.parent / f"{number}-{path.name}").as_posix()


def _header(runs: Sequence[Run], selection: list[str], found: Mapping[str, ScenarioResult]) -> dict[str, Any]:
    first = runs[0]
    missing = [name for name in selection if name not in found]
    reached = any(run.preflight_verdict == "ok" for run in runs)
    lines = [dict(line) for run in runs for line in run.preflight if not (reached and line.get("verdict") in ("unreachable", "mend"))]
    coverage = {**_member(first, "coverage"), "missing": missing}
    header = {name: value for name, value in first.header.items() if name not in ("interrupted", "unwritten")}
    return {
        **header,
        **({"interrupted": True} if missing and reached else {}),
        "merged": [run.id for run in runs],
        "start": min(str(run.header.get("start", "")) for run in runs),
        "end": max(str(run.header.get("end", "")) for run in runs),
        "let_pass_s": round(sum(run.let_pass_s for run in runs), 1),
        "selection": selection,
        "preflight": [line for place, line in enumerate(lines) if line not in lines[:place] and not line.get("probes")]
        + _probes([line for run in runs for line in run.preflight if line.get("probes")]),
        "coverage": coverage,
        "deviations": _deviations(runs, found),
    }


def _probes(lines: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """What the parts say of the probes they send, as one number."""
    if not lines:
        return []
    one, number = lines[0], str(sum(int(line["probes"]) for line in lines))
    return [{**one, "probes": number, "problem": one["problem"].replace(one["probes"], number, 1)}]


def _deviations(runs: Sequence[Run], found: Mapping[str, ScenarioResult]) -> list[dict[str, Any]]:
    """What became of each deviation over all runs: seen where one saw it, gone only where all that looked found nothing."""
    states: dict[str, list[str]] = {}
    lines: dict[str, Mapping[str, Any]] = {}
    for run in runs:
        for line in run.deviations:
            match = str(line.get("match", ""))
            lines[match] = line
            states.setdefault(match, []).append(str(line.get("state", "")))
    told = []
    for match, line in lines.items():
        seen = [s.id for s in found.values() if s.known.get("match") == match or any(f.known == match for f in s.findings)]
        order = ("expired", "unknown", "not-judged", "gone")
        told.append({**line, "state": "seen" if seen else next((s for s in order if s in states[match]), "not-judged"), "scenarios": seen})
    return told


def _member(run: Run, name: str) -> Mapping[str, Any]:
    value = run.header.get(name)
    return value if isinstance(value, Mapping) else {}
