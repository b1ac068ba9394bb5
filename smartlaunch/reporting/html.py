"""The HTML page of a run: one file, no request to anywhere, always written.

This module turns a :class:`~smartlaunch.records.run.Run` into what the page shows; the templates lay it out. Every text that came
from a server is escaped by the template engine, and a content security policy in the page forbids any script but our own.
Bodies are cut and repeated texts are stored once, so that a run of thousands of exchanges stays a page that opens at once.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from smartlaunch.evidence import replay, sequence
from smartlaunch.exchange import RecordedExchange
from smartlaunch.finding import Kind, Outcome
from smartlaunch.records.run import Cause, FindingRecord, Run, ScenarioResult, group_findings, group_unjudged, launches_of, moment
from smartlaunch.reporting.words import (
    ENDPOINT_WORDS,
    OUTCOME_LETTERS,
    OUTCOME_WORDS,
    WORST_FIRST,
    Rows,
    address,
    count,
    on_side,
    printable,
    seconds,
    sections,
    shortened,
    verdict,
)

PAGE = "index.html"
BODIES_BUDGET = 3_000_000
IMAGES_BUDGET = 3_000_000
FINDING_BODY = 6_000
MOST_CHIPS = 40
MOST_ARROWS = 40
MOST_LAUNCHES = 60
_IMAGES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


def write_html(run: Run, folder: Path, rows: Rows) -> Path:
    """Write ``index.html`` into the run's folder and return its path."""
    path = folder / PAGE
    path.write_text(render_html(run, rows, folder=folder), encoding="utf-8", errors="backslashreplace")
    return path


def render_html(run: Run, rows: Rows, *, folder: Path | None = None) -> str:
    """The page as text; ``folder`` is where the attachments lie."""
    page = _Page(run, rows, folder or run.folder)
    return _environment().get_template("index.html.j2").render(page.view())


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("smartlaunch.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["ticks"] = ticks
    environment.filters["seconds"] = seconds
    environment.globals.update(words=OUTCOME_WORDS, letters=OUTCOME_LETTERS, on_side=on_side, count=count)
    return environment


def ticks(text: str) -> Markup:
    """A text with what stands between backticks set as code, everything escaped."""
    parts = printable(text).split("`")
    if len(parts) % 2 == 0:
        return escape("`".join(parts))
    return Markup("").join(_code(part) if i % 2 else escape(part) for i, part in enumerate(parts))


def _code(text: str) -> Markup:
    """A word of code; one that begins with hyphens is an option, which no line break may cut after them."""
    if text.startswith("-"):
        return Markup('<code class="option">{}</code>').format(text)
    return Markup("<code>{}</code>").format(text)


@dataclass
class _Message:
    """One exchange laid out for a finding: lines of header and body, the place of the finding marked."""

    exchange: RecordedExchange
    endpoint: str
    request_headers: list[tuple[str, str, bool]]
    response_headers: list[tuple[str, str, bool]]
    request_body: list[tuple[str, bool]]
    response_body: list[tuple[str, bool]]
    curl: str


@dataclass
class _Interner:
    """Stores each long text once; the page's data refers to it by number."""

    texts: list[str] = field(default_factory=list)
    index: dict[str, int] = field(default_factory=dict)

    def __call__(self, text: str) -> int:
        if text not in self.index:
            self.index[text] = len(self.texts)
            self.texts.append(text)
        return self.index[text]


class _Page:
    """Builds the page's parts; each method is one part."""

    def __init__(self, run: Run, rows: Rows, folder: Path | None) -> None:
        self.run, self.rows, self.folder = run, rows, folder
        self.causes = group_findings(run)
        self.anchors = _anchors([s.id for s in run.scenarios])
        self.images_left = IMAGES_BUDGET
        self.cause_of: dict[str, list[tuple[int, Cause]]] = {}
        for number, cause in enumerate((c for _, group in sections(self.causes) for c in group), 1):
            for scenario in cause.scenarios:
                self.cause_of.setdefault(scenario.id, []).append((number, cause))

    def view(self) -> dict[str, Any]:
        script = _resource("report.js")
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        launches = self._launches()
        return {
            "css": Markup(_resource("report.css")),  # noqa: S704 - our own file
            "script": Markup(script),  # noqa: S704 - our own file
            "script_digest": digest,
            "run": self.run,
            "title": f"{verdict(self.run).word} · {self.run.target_name or 'SMART App Launch'}",
            "verdict": verdict(self.run),
            "facts": self._facts(),
            "strip": self._strip(),
            "problems": [p for p in self._problems() if p["tone"] != Outcome.NOT_APPLICABLE],
            "notes": [_capital(p["message"]) for p in self._problems() if p["tone"] == Outcome.NOT_APPLICABLE],
            "unjudged": self._unjudged(),
            "sections": self._sections(),
            "matrix": self._matrix(),
            "launches": launches[:MOST_LAUNCHES],
            "more_launches": len(launches[MOST_LAUNCHES:]),
            "features": self._features(),
            "timeline": self._timeline(),
            "environment": self._environment_rows(),
            "exchange_data": self._exchange_data(),
            "exchanges_total": len(self.run.exchanges),
        }

    # --- the head of the page

    def _facts(self) -> list[tuple[str, str]]:
        header = self.run.header
        target = _mapping(header.get("target"))
        start = moment(header.get("start"))
        facts = [
            ("FHIR base URL", str(target.get("fhir_base_url", ""))),
            ("Edition", ", ".join(map(str, header.get("editions", ())))),
            ("Started", start.strftime("%d %B %Y, %H:%M:%S %Z") if start else ""),
            ("Took", seconds(self.run.duration_s) if self.run.duration_s else ""),
            ("Exchanges", f"{len(self.run.exchanges):,}"),
        ]
        return [(name, printable(value)) for name, value in facts if value]

    def _strip(self) -> list[dict[str, Any]]:
        total = max(1, len(self.run.scenarios))
        order = ("failed", "warning", "passed", "blocked", "error", "not-configured", "not-applicable")
        return [
            {
                "outcome": o,
                "word": "with advisories" if o == Outcome.WARNING else OUTCOME_WORDS[o],
                "number": self.run.counts[o],
                "share": round(100 * self.run.counts[o] / total, 3),
            }
            for o in order
            if self.run.counts[o]
        ]

    def _problems(self) -> list[dict[str, str]]:
        tones = {"mend": "failed", "unreachable": "blocked"}
        return [
            {
                "message": printable(str(line.get("problem", ""))),
                "fix": printable(str(line.get("fix", ""))),
                "tone": tones.get(str(line.get("verdict", "")), "not-applicable"),
            }
            for line in self.run.preflight
        ]

    def _unjudged(self) -> list[dict[str, Any]]:
        return [
            {
                "outcome": group.outcome,
                "lines": printable(group.reason).splitlines() or [""],
                "scenarios": [{"id": s.id, "title": printable(s.title), "anchor": self.anchors[s.id]} for s in group.scenarios],
                "images": [i for s in group.scenarios[:1] for i in self._images(s)],
                "diagnosis": group.diagnosis,
            }
            for group in group_unjudged(self.run)
        ]

    # --- findings

    def _sections(self) -> list[dict[str, Any]]:
        number = 0
        found = []
        for title, causes in sections(self.causes):
            cards = []
            for cause in causes:
                number += 1
                cards.append(self._card(number, cause))
            found.append({"title": title, "cards": cards, "slug": title.lower().replace(" ", "-").replace(",", "")})
        return found

    def _card(self, number: int, cause: Cause) -> dict[str, Any]:
        finding = cause.first
        row = self.rows.get(finding.requirement)
        exchanges = dict.fromkeys(f.exchange for f in cause.variants if f.exchange in self.run.exchange_by_id)
        places = {f.exchange: f.pointer for f in reversed(cause.variants)}
        return {
            "number": number,
            "outcome": cause.outcome,
            "finding": finding,
            "heading": row.text if row and finding.kind == Kind.REQUIREMENT else printable(shortened(_capital(finding.expected), 200)),
            "url": _web(row.url) if row else "",
            "note": getattr(row, "note", "") if row else "",
            "side": on_side(cause.side),
            "count": cause.count,
            "scenarios": [{"id": s.id, "title": printable(s.title), "anchor": self.anchors[s.id]} for s in cause.scenarios],
            "variants": [self._statement(f) for f in cause.variants[:8]],
            "more_variants": max(0, len(cause.variants) - 8),
            "diagnosis": cause.diagnosis,
            "messages": [self._message(self.run.exchange_by_id[x], places.get(x, "")) for x in list(exchanges)[:3]],
            "images": [i for s in cause.scenarios[:1] for i in self._images(s)],
        }

    def _statement(self, finding: FindingRecord) -> dict[str, str]:
        row = self.rows.get(finding.requirement)
        exchange = self.run.exchange_by_id.get(finding.exchange)
        return {
            "requirement": finding.requirement,
            "text": row.text if row else "",
            "url": _web(row.url) if row else "",
            "strength": finding.strength,
            "kind": finding.kind,
            "expected": printable(shortened(finding.expected, 2000)),
            "actual": printable(shortened(finding.actual, 2000)),
            "exchange": finding.exchange if exchange else "",
            "where": _place(exchange) if exchange else "",
            "pointer": printable(finding.pointer),
        }

    def _message(self, exchange: RecordedExchange, pointer: str) -> _Message:
        header = pointer.removeprefix("header:").strip().lower() if pointer.startswith("header:") else ""
        parameter = pointer.removeprefix("parameter:").strip() if pointer.startswith("parameter:") else ""
        return _Message(
            exchange=exchange,
            endpoint=ENDPOINT_WORDS.get(exchange.endpoint, exchange.endpoint),
            request_headers=_headers(exchange.request_headers, ""),
            response_headers=_headers(exchange.response_headers, header),
            request_body=_body_lines(exchange.request_body, parameter=parameter),
            response_body=_body_lines(exchange.response_body, pointer=pointer if pointer.startswith("/") else ""),
            curl=printable(replay.curl(exchange)),
        )

    # --- requirement matrix

    def _matrix(self) -> dict[str, Any]:
        suites = self.run.suites
        cells: dict[tuple[str, str], list[ScenarioResult]] = {}
        for scenario in self.run.scenarios:
            for requirement in scenario.requirements:
                cells.setdefault((requirement, scenario.suite), []).append(scenario)
        used = dict.fromkeys(r for r, _ in cells)
        listed = [r for r in self.rows.values() if r.id in used or getattr(r, "actor", "server") == "server"]
        groups: dict[str, list[dict[str, Any]]] = {}
        for row in listed:
            title = str(getattr(row, "title", "") or "Requirements")
            groups.setdefault(title, []).append(self._matrix_row(row.id, row, cells, suites))
        groups = dict(sorted(groups.items(), key=lambda g: (not g[0].startswith("SMART"), g[1][0]["id"].startswith("HYGIENE"))))
        unknown = [r for r in used if r not in self.rows]
        if unknown:
            groups["Not in the catalogue"] = [self._matrix_row(r, None, cells, suites) for r in unknown]
        rows = [row for group in groups.values() for row in group]
        return {
            "suites": [{"id": s, "words": s.split("-")} for s in suites],
            "groups": [{"title": t, "rows": g, "used": sum(r["used"] for r in g)} for t, g in groups.items()],
            "used": sum(r["used"] for r in rows),
            "total": len(rows),
            "strengths": sorted({r["strength"] for r in rows if r["strength"]}),
            "outcomes": [o for o in WORST_FIRST if any(o in r["outcomes"] for r in rows)],
        }

    def _matrix_row(
        self,
        requirement: str,
        row: Any,
        cells: Mapping[tuple[str, str], Sequence[ScenarioResult]],
        suites: Iterable[str],
    ) -> dict[str, Any]:
        found: list[dict[str, Any] | None] = []
        for suite in suites:
            scenarios = cells.get((requirement, suite), ())
            if not scenarios:
                found.append(None)
                continue
            worst = min(scenarios, key=lambda s: WORST_FIRST.index(s.outcome))
            says = f"{OUTCOME_WORDS[worst.outcome]}, {count(len(scenarios), 'scenario')} in {suite}"
            found.append({"outcome": worst.outcome, "anchor": self.anchors[worst.id], "number": len(scenarios), "says": says})
        return {
            "id": requirement,
            "text": row.text if row else "",
            "url": _web(row.url) if row else "",
            "strength": str(row.strength) if row else "",
            "reason": getattr(row, "reason", "") if row else "",
            "condition": getattr(row, "condition", "") if row else "",
            "cells": found,
            "used": any(found),
            "outcomes": sorted({c["outcome"] for c in found if c}),
        }

    # --- launches

    def _launches(self) -> list[dict[str, Any]]:
        """The launches, those of one shape drawn once; launches in which something was found come first."""
        bad = {f.exchange for c in self.causes for _, f in c.findings}
        shapes: dict[tuple[Any, ...], list[Any]] = {}
        for launch in launches_of(self.run):
            exchanges = [_caught(self.run.exchange_by_id[x]) for x in launch.exchanges if x in self.run.exchange_by_id]
            if exchanges:
                shape = tuple((x.endpoint, x.actor, x.method, x.status, x.id in bad) for x in exchanges[:MOST_ARROWS])
                shapes.setdefault((launch.suite, *shape), []).append((launch, exchanges))
        found = []
        for alike in shapes.values():
            launch, exchanges = alike[0]
            first, last = moment(exchanges[0].started), moment(exchanges[-1].started)
            took = (last - first).total_seconds() + exchanges[-1].duration_ms / 1000 if first and last else 0.0
            found.append(
                {
                    "id": launch.id,
                    "title": printable(launch.title),
                    "suite": launch.suite,
                    "number": len(exchanges),
                    "took": seconds(max(0.0, took)),
                    "alike": [printable(other.title) for other, _ in alike[1:]],
                    "bad": sum(x.id in bad for x in exchanges),
                    "complete": any(x.endpoint == "token" and x.status == 200 for x in exchanges),
                    "diagram": Markup(sequence.svg(exchanges[:MOST_ARROWS], title=launch.title)),  # noqa: S704 - escaped by its writer
                    "left_out": max(0, len(exchanges) - MOST_ARROWS),
                    "rows": [
                        {
                            "id": x.id,
                            "actor": x.actor,
                            "endpoint": ENDPOINT_WORDS.get(x.endpoint, x.endpoint),
                            "place": _place(x),
                            "answer": _answer(x),
                            "ms": round(x.duration_ms),
                            "bad": x.id in bad,
                        }
                        for x in exchanges[:MOST_ARROWS]
                    ],
                }
            )
        return sorted(found, key=lambda launch: (-launch["bad"], not launch["complete"]))

    # --- scenarios

    def _features(self) -> list[dict[str, Any]]:
        features: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for scenario in self.run.scenarios:
            features.setdefault(scenario.feature, {}).setdefault(scenario.rule, []).append(self._scenario(scenario))
        return [
            {
                "title": printable(title) or "Scenarios",
                "rules": [{"title": printable(rule), "scenarios": found} for rule, found in rules.items()],
                "counts": _tally(s["outcome"] for found in rules.values() for s in found),
            }
            for title, rules in features.items()
        ]

    def _scenario(self, scenario: ScenarioResult) -> dict[str, Any]:
        known = [self.run.exchange_by_id[x] for x in scenario.exchanges if x in self.run.exchange_by_id]
        return {
            "id": scenario.id,
            "anchor": self.anchors[scenario.id],
            "title": printable(scenario.title),
            "suite": scenario.suite,
            "outcome": scenario.outcome,
            "reason": printable(shortened(scenario.reason, 2000)).splitlines(),
            "took": seconds(scenario.duration_s),
            "requirements": [{"id": r, "url": _web(self.rows[r].url) if r in self.rows else ""} for r in scenario.requirements],
            "inferno": scenario.inferno,
            "steps": [{"keyword": s.keyword, "name": printable(s.name), "status": s.status} for s in scenario.steps],
            "causes": [(number, cause.first.requirement) for number, cause in self.cause_of.get(scenario.id, ())],
            "exchanges": [{"id": x.id, "what": f"{x.endpoint} {x.status or 'no answer'}"} for x in known[-MOST_CHIPS:]],
            "left_out": max(0, len(known) - MOST_CHIPS),
            "attachments": [a for a in scenario.attachments if _relative(a)],
            "images": self._images(scenario) if scenario.outcome == Outcome.PASSED else [],
        }

    def _images(self, scenario: ScenarioResult) -> list[dict[str, str]]:
        """The scenario's pictures as data URLs, as long as they fit; what does not fit stays a link."""
        found: list[dict[str, str]] = []
        for name in scenario.attachments:
            kind = _IMAGES.get(PurePosixPath(name).suffix.lower())
            path = self.folder / name if self.folder and kind and _relative(name) else None
            if path is None or not path.is_file() or path.stat().st_size > self.images_left:
                continue
            data = path.read_bytes()
            self.images_left -= len(data)
            found.append({"name": name, "src": f"data:{kind};base64,{base64.b64encode(data).decode()}"})
        return found

    # --- course of the run and environment

    def _timeline(self) -> dict[str, Any]:
        timed = [(s, moment(s.started)) for s in self.run.scenarios]
        begin = moment(self.run.header.get("start")) or min((t for _, t in timed if t), default=None)
        ends = [(t - begin).total_seconds() + s.duration_s for s, t in timed if t and begin]
        span = max([*ends, self.run.duration_s, 0.001])
        lanes: dict[str, dict[str, Any]] = {
            suite: {"suite": suite, "bars": [], "counts": {}, "took": 0.0, "number": 0} for suite in self.run.suites
        }
        for scenario, at in timed:
            lane = lanes[scenario.suite]
            lane["number"] += 1
            lane["took"] += scenario.duration_s
            lane["counts"][scenario.outcome] = lane["counts"].get(scenario.outcome, 0) + 1
            if at and begin:
                left = min(99.8, 100 * max(0.0, (at - begin).total_seconds()) / span)
                width = min(100 - left, max(0.15, 100 * scenario.duration_s / span))
                says = f"{printable(scenario.title)}: {OUTCOME_WORDS[scenario.outcome]}, {seconds(scenario.duration_s)}"
                lane["bars"].append({"left": round(left, 3), "width": round(width, 3), "outcome": scenario.outcome, "says": says})
        marks = [{"left": 25 * i, "text": seconds(span * i / 4) if i else "0 s"} for i in range(5)]
        outcomes = [o.value for o in Outcome if self.run.counts[o]]
        return {"lanes": list(lanes.values()), "marks": marks, "drawn": bool(ends), "outcomes": outcomes}

    def _environment_rows(self) -> list[tuple[str, str]]:
        header = self.run.header
        suite, environment, target = (_mapping(header.get(name)) for name in ("suite", "environment", "target"))
        rows = [
            ("Run", self.run.id),
            ("Suite", " ".join(str(p) for p in (suite.get("version"), str(suite.get("commit") or "")[:12]) if p)),
            ("Target", f"{target.get('name', '')}, file {str(target.get('hash', ''))[:16]}"),
            ("Vendor", str(target.get("vendor") or "")),
            ("Start", str(header.get("start", ""))),
            ("End", str(header.get("end", ""))),
            ("Zone", str(header.get("zone", ""))),
            *((name.capitalize(), str(value)) for name, value in environment.items() if isinstance(value, str)),
            *((str(name), str(version)) for name, version in _mapping(environment.get("libraries")).items()),
            ("Sandbox defects on", ", ".join(map(str, target.get("defects") or ()))),
            ("Sandbox variants on", ", ".join(map(str, target.get("variants") or ()))),
            ("Intrusive probes", "none, the run was passive" if header.get("passive") else ""),
        ]
        return [(name, printable(value)) for name, value in rows if value]

    # --- the data behind the exchange view

    def _exchange_data(self) -> Markup:
        """All exchanges as JSON for the dialog, long texts stored once and cut so that the page keeps its size."""
        bodies = {b for x in self.run.exchanges for b in (x.request_body, x.response_body) if b}
        lengths = [len(b) for b in bodies]
        cap = next((c for c in (16_000, 8_000, 4_000, 2_000, 1_000, 400) if sum(min(n, c) for n in lengths) <= BODIES_BUDGET), 150)
        keep = _Interner()
        rows = [
            [
                x.id,
                x.actor,
                ENDPOINT_WORDS.get(x.endpoint, x.endpoint),
                x.started,
                round(x.duration_ms),
                x.method,
                keep(x.url),
                [[keep(k), keep(shortened(v, 2_000))] for k, v in x.request_headers],
                keep(x.request_body[:cap]),
                x.status,
                x.reason,
                x.http_version,
                [[keep(k), keep(shortened(v, 2_000))] for k, v in x.response_headers],
                keep(x.response_body[:cap]),
                len(x.response_body) if len(x.response_body) > cap else 0,
                x.truncated,
                x.error,
                x.redirect_of,
                x.tls,
                x.correlation,
                keep(shortened(replay.curl(x), 3_000)) if x.actor == "app" else keep(""),
            ]
            for x in self.run.exchanges
        ]
        text = json.dumps({"texts": [printable(t) for t in keep.texts], "rows": rows}, ensure_ascii=False, separators=(",", ":"))
        safe = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
        return Markup(safe)  # noqa: S704 - no character left that could end the element


# --- small helpers -----------------------------------------------------------------------------------------------------


@cache
def _resource(name: str) -> str:
    return (files("smartlaunch.reporting") / "templates" / name).read_text(encoding="utf-8")


def _anchors(ids: Iterable[str]) -> dict[str, str]:
    """A fragment for each scenario id, unique in the page."""
    taken: Counter[str] = Counter()
    anchors: dict[str, str] = {}
    for name in ids:
        slug = "s-" + (re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "scenario")
        taken[slug] += 1
        anchors[name] = slug if taken[slug] == 1 else f"{slug}--{taken[slug]}"
    return anchors


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _web(url: str) -> str:
    return url if url.startswith(("https://", "http://")) else ""


def _relative(name: str) -> str:
    """A path inside the run's folder as a link, or an empty string for anything else."""
    path = PurePosixPath(name)
    return "" if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name else quote(name)


def _caught(exchange: RecordedExchange) -> RecordedExchange:
    """The exchange without an error where the navigation to the app was caught: that no answer came is then as it should be."""
    if exchange.endpoint in ("redirect", "launch") and exchange.actor == "browser" and exchange.error.startswith("caught"):
        return replace(exchange, error="")
    return exchange


def _place(exchange: RecordedExchange) -> str:
    return printable(shortened(f"{exchange.method} {''.join(address(exchange.url))}", 300))


def _answer(exchange: RecordedExchange) -> str:
    if exchange.status:
        return printable(f"{exchange.status} {exchange.reason}".strip())
    return f"no answer: {printable(exchange.error)}" if exchange.error else "caught"


def _headers(headers: Iterable[Sequence[str]], marked: str) -> list[tuple[str, str, bool]]:
    return [(printable(k), printable(shortened(v, 2_000)), bool(marked) and k.lower() == marked) for k, v in headers]


def _tally(outcomes: Iterable[str]) -> list[tuple[str, int]]:
    found = Counter(outcomes)
    return [(o, found[o]) for o in WORST_FIRST if found[o]]


def _body_lines(body: str, *, pointer: str = "", parameter: str = "") -> list[tuple[str, bool]]:
    """A body as lines, each with whether it is the place of the finding; JSON is set out, a form gets a line per parameter."""
    if not body:
        return []
    if len(body) <= 20 * FINDING_BODY and body.lstrip()[:1] in ("{", "["):
        path = [p.replace("~1", "/").replace("~0", "~") for p in pointer.split("/")[1:]] if pointer else None
        with contextlib.suppress(ValueError, RecursionError):
            return _cut(_json_lines(json.loads(body), path))
    if re.fullmatch(r"[\w.~%<> -]+=[^\n&]*(?:&[\w.~%<> -]+=[^\n&]*)*", body[:FINDING_BODY]):
        return _cut((part, bool(parameter) and part.split("=")[0] == parameter) for part in body.split("&"))
    return _cut((line, False) for line in body[: FINDING_BODY + 1].splitlines())


def _cut(lines: Iterable[tuple[str, bool]]) -> list[tuple[str, bool]]:
    kept: list[tuple[str, bool]] = []
    left = FINDING_BODY
    for line, marked in lines:
        left -= len(line) + 1
        if left < 0:
            kept.append((printable(line[: max(0, left + len(line))]) + "… cut here, the rest is in run.json", marked))
            break
        kept.append((printable(line), marked))
    return kept


def _json_lines(value: Any, path: list[str] | None, indent: str = "", lead: str = "", tail: str = "") -> Iterator[tuple[str, bool]]:
    """The lines of a JSON value, those of the member that ``path`` leads to marked."""
    here = path == []
    if isinstance(value, (dict, list)) and value:
        opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
        items = list(value.items()) if isinstance(value, dict) else [(str(i), v) for i, v in enumerate(value)]
        yield f"{indent}{lead}{opening}", here
        for number, (key, item) in enumerate(items, 1):
            inner = path[1:] if path and path[0] == key else ([] if here else None)
            name = f"{json.dumps(key, ensure_ascii=False)}: " if isinstance(value, dict) else ""
            yield from _json_lines(item, inner, indent + "  ", name, "," if number < len(items) else "")
        yield f"{indent}{closing}{tail}", here
    else:
        yield f"{indent}{lead}{json.dumps(value, ensure_ascii=False)}{tail}", here
