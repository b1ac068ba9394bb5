"""One door for every input: run folder, run.json, HAR, URL, JSON body, observation file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.diagnosis.inputs.flows import materials, read_har_file
from smartlaunch.diagnosis.inputs.observed import read_observation
from smartlaunch.diagnosis.inputs.weblinks import parameters_of, read_authorize_url, read_error_uri
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.model import ClientFinding, Report
from smartlaunch.diagnosis.runs import diagnose
from smartlaunch.diagnosis.signals.client_rules import client_findings
from smartlaunch.diagnosis.weighing import examine
from smartlaunch.errors import UsageError
from smartlaunch.evidence.redaction import Redactor
from smartlaunch.exchange import RecordedExchange
from smartlaunch.records.record import Run
from smartlaunch.records.store import load_run

LARGEST_JSON = 64_000_000
_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:/?/?[^\s]*[?#/][^\s]*$")
_BODY_KEYS = frozenset({"error", "error_description", "error_uri", "resourceType", "access_token", "message", "code"})


@dataclass
class Loaded:
    """An input as read: a run with its record, or exchanges, or the material of a few facts."""

    kind: str
    name: str
    run: Run | None = None
    exchanges: list[RecordedExchange] = field(default_factory=list)
    found: list[Material] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    redactor: Redactor | None = None
    """Knows the secrets of a HAR that others wrote, so that a ticket can be checked for them."""

    def report(self, vendor: str = "", scenario: str = "") -> Report:
        """The diagnosis of this input."""
        if self.run is not None:
            report = diagnose(self.run, vendor, scenario)
            report.warnings = list(self.warnings)
            return report
        report = Report(source=self.kind)
        for m in self.found or [Material(source=self.kind)]:
            _join(report, examine(m, vendor))
        report.diagnoses.sort(key=lambda d: -d.weight)
        if report.diagnoses and report.diagnoses[0].weight >= 55:
            report.missing = []
        report.client_findings = self.client_findings()
        report.warnings = list(self.warnings)
        return report

    def client_findings(self) -> list[ClientFinding]:
        """Rules for clients that the messages break; a run of this suite breaks some on purpose, so it is not asked."""
        return client_findings(self.exchanges) if self.run is None else []


def load(text: str, reports: Path | None = None) -> Loaded:
    """Read an input by what it is; raises ``UsageError`` with a clear sentence when it is nothing known."""
    stripped = text.strip()
    if not stripped:
        raise UsageError("the input is empty; give a run, a HAR, a URL, a JSON body or an observation file")
    if stripped[:1] in "{[":
        return _from_json(_parse(stripped, "the JSON on the command line"), "JSON on the command line")
    path = Path(stripped)
    if not _exists(path) and _URL.match(stripped):
        return Loaded("url", stripped.partition("?")[0], found=[_from_url(stripped)])
    if not _exists(path) or path.is_dir():
        return _from_run(load_run(stripped, reports))
    if path.suffix.lower() == ".har" or _looks_like_har(path):
        return _from_har(path)
    if path.stat().st_size > LARGEST_JSON:
        raise UsageError(f"{path}: the file is larger than {LARGEST_JSON // 1_000_000} MB and no HAR")
    try:
        content = path.read_text("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise UsageError(f"{path}: not text in UTF-8 (byte {exc.start}); a HAR, a run.json or JSON is wanted") from exc
    if content.lstrip()[:1] not in ("{", "["):
        line = content.strip()
        if "\n" not in line and _URL.match(line):
            return Loaded("url", str(path), found=[_from_url(line)])
        raise UsageError(f"{path}: neither JSON nor a URL; a HAR, a run.json, a JSON body or an observation file is wanted")
    return _from_json(_parse(content, str(path)), str(path), path)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _looks_like_har(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(4096)
    return re.match(rb'\s*(?:\xef\xbb\xbf)?\{\s*"log"\s*:', head) is not None


def _parse(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"{name}: not JSON: {exc}") from exc


def _from_run(run: Run) -> Loaded:
    return Loaded("run", run.id, run=run, exchanges=list(run.exchanges))


def _from_har(path: Path) -> Loaded:
    beside = path.with_name("run.json")
    if path.name == "run.har" and beside.is_file():
        loaded = _from_run(load_run(beside))
        loaded.warnings.append("this is the HAR of a conformance run, which breaks rules on purpose; run.json beside it was read")
        return loaded
    redactor = Redactor()
    reading = read_har_file(path, redactor)
    found = materials(reading.exchanges, "har")
    return Loaded("har", path.name, exchanges=reading.exchanges, found=found, warnings=reading.warnings, redactor=redactor)


def _from_json(data: Any, name: str, path: Path | None = None) -> Loaded:
    if isinstance(data, list):
        data = (
            {"error": data[0]}
            if len(data) == 1 and isinstance(data[0], str)
            else data[0]
            if data and isinstance(data[0], Mapping)
            else None
        )
    if not isinstance(data, Mapping):
        raise UsageError(f"{name}: JSON, but not an object; a run.json, a HAR, an error body or an observation is wanted")
    if "header" in data and "scenarios" in data:
        run = Run.of(data, folder=path.parent if path else None)
        return _from_run(run)
    if "log" in data and path is not None:
        return _from_har(path)
    if isinstance(data.get("observed"), Mapping):
        data = {"vendor": data.get("vendor", ""), **data["observed"]}
    own = set(data) - _BODY_KEYS
    if not own or "resourceType" in data or ("access_token" in data and "token_type" in data):
        return Loaded("body", name, found=[read_observation({"response_body": dict(data)}, "body")])
    return Loaded("observation", name, found=[read_observation(data)])


def _from_url(url: str) -> Material:
    """Read a pasted URL: an error_uri, a redirect with an error, or an authorization request."""
    m = Material(source="url")
    m.structured.add("url")
    sent = dict(parameters_of(url))
    if "error" in sent or "error_uri" in sent:
        read: dict[str, Any] = {k: sent[k] for k in ("error", "error_description", "error_uri") if k in sent}
        m = read_observation({**read, "redirect_uri": re.split(r"[?#]", url, maxsplit=1)[0]}, "url")
        m.facts["state_returned"] = bool(sent.get("state"))
    elif "/errors/urn" in url.replace("%3A", ":").replace("%253A", ":"):
        read_error_uri(url, m)
        m.facts["no_redirect"] = True
    elif "client_id" in sent or "response_type" in sent:
        m.authorize_url = url
        read_authorize_url(url, m)
    elif "code" in sent:
        m.facts["state_returned"] = bool(sent.get("state"))
    else:
        m.launch_uri = url.partition("?")[0] if "launch" in urlsplit(url).path.lower() else ""
        if "iss" in sent:
            m.facts["iss"] = True
            m.fhir_base = sent["iss"]
        read_error_uri(url, m)
    return m


def _join(report: Report, other: Report) -> None:
    known = {(d.rule, d.cause) for d in report.diagnoses}
    report.diagnoses += [d for d in other.diagnoses if (d.rule, d.cause) not in known]
    report.missing += [m for m in other.missing if m not in report.missing]
    report.named += [n for n in other.named if n not in report.named]
    report.unknown_keys += [k for k in other.unknown_keys if k not in report.unknown_keys]
    report.vendor = other.vendor if other.vendor != "generic" or not report.vendor else report.vendor
