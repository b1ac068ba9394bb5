"""What a survey came to: numbers by rule, by capability, by host; as JSON, CSV, Parquet and a page. Read line by line, never whole."""

from __future__ import annotations

import csv
import heapq
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

from smartlaunch.catalogue import Catalogue
from smartlaunch.errors import UsageError
from smartlaunch.finding import Outcome
from smartlaunch.reporting.page.text import web
from smartlaunch.reporting.pages import environment, resource
from smartlaunch.reporting.words import count, printable
from smartlaunch.survey.endpoints import LeftOut
from smartlaunch.survey.gather import results
from smartlaunch.survey.rules import requirements

CSV_FILE, JSON_FILE, PARQUET_FILE, PAGE_FILE = "survey.csv", "survey.json", "survey.parquet", "index.html"
WORST = 50
_SAMPLE = 4_000
_MOST_CAPABILITIES = 60
_KIND_WORDS = {
    "document": "answered with a SMART configuration",
    "no-document": "answered with something else",
    "not-now": 'answered "not now"',
    "no-answer": "no answer",
}


@dataclass
class Summary:
    """Counters only, so that a survey of any size fits; times are a sample of bounded size."""

    total: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    capabilities: Counter[str] = field(default_factory=Counter)
    rules: dict[str, Counter[str]] = field(default_factory=dict)
    by_number: Counter[int] = field(default_factory=Counter)
    worst: list[tuple[int, int, int, dict[str, Any]]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    left_out: LeftOut = field(default_factory=LeftOut)
    _answered: int = 0

    def add(self, result: dict[str, Any]) -> None:
        """Count one endpoint."""
        self.total += 1
        self.kinds[result["kind"]] += 1
        if result["failure"]:
            self.failures[result["failure"]] += 1
        if result["kind"] == "no-document":
            self.statuses[str(result["status"])] += 1
        for name, outcome in result["outcomes"].items():
            self.rules.setdefault(name, Counter())[outcome] += 1
        if result["kind"] == "document":
            for name in set(result["capabilities"]):
                if name in self.capabilities or len(self.capabilities) < 10_000:
                    self.capabilities[name] += 1
            failed, warned = _broken(result)
            self.by_number[failed] += 1
            if failed or warned:
                self._rank(failed, warned, result)
        if result["status"]:
            self._sample(float(result["ms"]))

    def _rank(self, failed: int, warned: int, result: dict[str, Any]) -> None:
        kept = {"url": result["url"], "name": result["name"], "findings": result["findings"][:8]}
        item = (failed, warned, -self.total, kept)
        if len(self.worst) < WORST:
            heapq.heappush(self.worst, item)
        else:
            heapq.heappushpop(self.worst, item)

    def _sample(self, value: float) -> None:
        """Every answer has the same chance to be in the sample."""
        self._answered += 1
        if len(self.times) < _SAMPLE:
            self.times.append(value)
        elif (place := random.randrange(self._answered)) < _SAMPLE:  # noqa: S311 - a sample of times, no secret
            self.times[place] = value

    def quantiles(self) -> dict[str, float]:
        """How long answers took, in milliseconds."""
        ordered = sorted(self.times)
        return {f"p{q}": ordered[min(len(ordered) - 1, len(ordered) * q // 100)] for q in (10, 50, 90, 99)} if ordered else {}

    def as_dict(self, catalogue: Catalogue) -> dict[str, Any]:
        """The summary for programs."""
        return {
            "endpoints": self.total,
            "left_out": {"no_web_address": self.left_out.no_address, "doubled": self.left_out.doubled},
            "kinds": dict(self.kinds),
            "failures": dict(self.failures),
            "statuses": dict(self.statuses),
            "milliseconds": self.quantiles(),
            "failed_rules_by_endpoint": {str(number): many for number, many in sorted(self.by_number.items())},
            "rules": [{"id": name, "strength": str(catalogue[name].strength), **_counts(self.rules[name])} for name in self.by_failures()],
            "capabilities": dict(self.capabilities.most_common()),
            "worst": [{"failed": failed, "warned": warned, **each} for failed, warned, _, each in sorted(self.worst, reverse=True)],
        }

    def by_failures(self) -> list[str]:
        """The rules, most broken first."""
        return sorted(self.rules, key=lambda name: (-self.rules[name]["failed"], -self.rules[name]["warning"], name))


def write_summary(
    folder: Path, jsonl: Path, catalogue: Catalogue, *, left_out: LeftOut | None = None, parquet: bool = False, title: str = ""
) -> Summary:
    """Read the results once and write every form of them."""
    summary = Summary(left_out=left_out or LeftOut())
    rules = list(requirements())
    writer = _Parquet(folder / PARQUET_FILE, rules) if parquet else None
    with (folder / CSV_FILE).open("w", encoding="utf-8", newline="", errors="backslashreplace") as out:
        table = csv.writer(out)
        table.writerow([*_COLUMNS, *rules])
        for result in results(jsonl):
            summary.add(result)
            row = _row(result, rules)
            table.writerow([_cell(value) for value in row])
            if writer is not None:
                writer.add(row)
    if writer is not None:
        writer.close()
    (folder / JSON_FILE).write_text(json.dumps(summary.as_dict(catalogue), indent=1) + "\n", encoding="utf-8")
    (folder / PAGE_FILE).write_text(render(summary, catalogue, title), encoding="utf-8", errors="backslashreplace")
    return summary


_COLUMNS = ("url", "name", "host", "kind", "status", "failure", "ms", "failed", "warned", "capabilities")


def _row(result: dict[str, Any], rules: list[str]) -> list[Any]:
    failed, warned = _broken(result)
    return [
        result["url"],
        result["name"],
        urlsplit(result["url"]).hostname or "",
        result["kind"],
        result["status"],
        result["failure"],
        float(result["ms"]),
        failed,
        warned,
        " ".join(result["capabilities"]),
        *(result["outcomes"].get(rule, "") for rule in rules),
    ]


def _cell(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula."""
    if isinstance(value, str):
        text = printable(value)
        return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text
    return value


def _broken(result: dict[str, Any]) -> tuple[int, int]:
    outcomes = list(result["outcomes"].values())
    return outcomes.count(Outcome.FAILED.value), outcomes.count(Outcome.WARNING.value)


def _counts(found: Counter[str]) -> dict[str, int]:
    return {outcome: found[outcome] for outcome in ("passed", "warning", "failed")}


class _Parquet:
    """Writes rows in groups, so that memory stays flat."""

    _GROUP = 5_000

    def __init__(self, path: Path, rules: list[str]) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            raise UsageError('--parquet needs the optional extra: pip install "smart-launch-conformance[parquet]"') from None
        kinds = {"status": pa.int32(), "ms": pa.float64(), "failed": pa.int32(), "warned": pa.int32()}
        self._pa = pa
        self._schema = pa.schema([(name, kinds.get(name, pa.string())) for name in (*_COLUMNS, *rules)])
        self._writer = pq.ParquetWriter(path, self._schema)
        self._rows: list[list[Any]] = []

    def add(self, row: list[Any]) -> None:
        """Take one row."""
        self._rows.append([_text(value) for value in row])
        if len(self._rows) >= self._GROUP:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            columns = list(zip(*self._rows, strict=True))
            self._writer.write_table(self._pa.table([list(column) for column in columns], schema=self._schema))
            self._rows = []


def _text(value: Any) -> Any:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def render(summary: Summary, catalogue: Catalogue, title: str = "") -> str:
    """The page: what answered, what rules are broken how often, what is claimed, who is worst."""
    documents = summary.kinds["document"]
    made = environment()
    rules = []
    for name in summary.by_failures():
        found, row = summary.rules[name], catalogue[name]
        put = sum(found.values())
        shares = [(o, found[o], round(100 * found[o] / put, 1)) for o in ("failed", "warning", "passed") if found[o]]
        rules.append({"id": name, "url": web(row.url), "text": row.text, "strength": str(row.strength), "put": put, "shares": shares})
    return made.get_template(
        "survey.html.j2"
    ).render(
        css=Markup(resource("report.css") + resource("history.css")),  # noqa: S704 - our own files
        title=printable(title) or "Survey",
        total=summary.total,
        documents=documents,
        doubled=summary.left_out.doubled,
        no_address=summary.left_out.no_address,
        no_addresses=[printable(each) for each in summary.left_out.first],
        kinds=[(_KIND_WORDS[k], n, _share(n, summary.total)) for k, n in summary.kinds.most_common()],
        failures=[(printable(k), n, _share(n, summary.total)) for k, n in summary.failures.most_common(20)],
        statuses=[(printable(k), n, _share(n, summary.total)) for k, n in summary.statuses.most_common(20)],
        rules=rules,
        numbers=[(count(number, "rule"), many, _share(many, documents)) for number, many in sorted(summary.by_number.items())[:30]],
        capabilities=[(printable(k), n, _share(n, documents)) for k, n in summary.capabilities.most_common(_MOST_CAPABILITIES)],
        times=[(name, f"{value:.0f} ms") for name, value in summary.quantiles().items()],
        worst=[
            {
                "url": printable(each["url"]),
                "name": printable(each["name"]),
                "failed": failed,
                "warned": warned,
                "findings": [(f["requirement"], printable(f["actual"])) for f in each["findings"]],
            }
            for failed, warned, _, each in sorted(summary.worst, reverse=True)
        ],
    )


def _share(number: int, of: int) -> float:
    return round(100 * number / of, 1) if of else 0.0
