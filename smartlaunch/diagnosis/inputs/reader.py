"""One door for every input: run, HAR, archive, pipe, and any text that a person may paste."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smartlaunch.diagnosis.inputs import documents, opening
from smartlaunch.diagnosis.inputs.cleaning import clean_report
from smartlaunch.diagnosis.inputs.coverage import covered
from smartlaunch.diagnosis.inputs.flows import Reading as HarReading
from smartlaunch.diagnosis.inputs.flows import materials, read_har_file, read_har_items
from smartlaunch.diagnosis.inputs.mixed import read_data, read_text
from smartlaunch.diagnosis.inputs.observed import OAUTH_ERRORS
from smartlaunch.diagnosis.inputs.pieces import LONGEST, condensed
from smartlaunch.diagnosis.inputs.readings import Reading
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.model import ClientFinding, Missing, Report
from smartlaunch.diagnosis.runs import diagnose
from smartlaunch.diagnosis.signals.client_rules import client_findings
from smartlaunch.diagnosis.weighing import examine
from smartlaunch.errors import LookupFailed, UsageError
from smartlaunch.evidence.redaction import Redactor
from smartlaunch.exchange import RecordedExchange
from smartlaunch.records.record import Run
from smartlaunch.records.store import load_run

LARGEST_JSON = 64_000_000
_WORD = re.compile(r"[\w.-]{1,80}")
_FILE_ENDINGS = (".har", ".json", ".txt", ".log", ".gz", ".zip", ".xml", ".html")


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
    """Knows the secrets that others wrote into the input, so that an answer and a ticket can be checked for them."""
    read: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    """What the input itself lacks, whatever the rules find."""

    def report(self, vendor: str = "", scenario: str = "") -> Report:
        """The diagnosis of this input."""
        if self.run is not None:
            report = diagnose(self.run, vendor, scenario)
            report.warnings = list(self.warnings)
            return report
        report = Report(source=self.kind)
        for m in self.found or [Material(source=self.kind)]:
            _join(report, examine(m, vendor))
        if len(self.found) > 1:
            report.diagnoses.sort(key=lambda d: -d.weight)
        if report.diagnoses and report.diagnoses[0].weight >= 55:
            report.missing = []
        elif self.missing:
            report.missing = [*self.missing, *(m for m in report.missing if m not in self.missing)][:6]
        report.client_findings = self.client_findings()
        report.warnings, report.read, report.left = list(self.warnings), list(self.read), list(self.left)
        return clean_report(report, self.redactor) if self.redactor is not None else report

    def client_findings(self) -> list[ClientFinding]:
        """Rules for clients that the messages break; a run of this suite breaks some on purpose, so it is not asked."""
        return client_findings(self.exchanges) if self.run is None else []


_CODE = re.compile(r"AADSTS|ERR_|^eyJ|^urn|^[A-Z]{1,8}\d{4,}$|^[A-Z][A-Za-z]{2,60}(?:Error|Exception)$")
"""A word that is what a server or a library calls an error, and no name of a run."""
READABLE = "what stands under NAME stays readable, although it looks like a secret (may be given again)"
_READABLE: ContextVar[tuple[str, ...]] = ContextVar("readable", default=())


def keep_readable(names: Sequence[str]) -> None:
    """Let what stands under these names in an input be read, although it looks like a secret."""
    _READABLE.set(tuple(names))


def load(text: str, reports: Path | None = None) -> Loaded:
    """Read an input by what it is; raises ``UsageError`` for what is empty, no text, or a file that is not there."""
    stripped = text.strip()
    if stripped == "-":
        return _from_bytes(opening.standard_input(), "standard input")
    if not stripped:
        raise UsageError("the input is empty; give a run, a HAR, an address, an error body, a log line or whatever you have")
    path = Path(stripped)
    if _exists(path):
        return _from_run(load_run(stripped, reports)) if path.is_dir() else _from_path(path)
    if _is_name(stripped):
        return _named(stripped, reports)
    return _pasted(stripped, "what was pasted")


def load_together(texts: list[str], reports: Path | None = None) -> Loaded:
    """Read several inputs as parts of one launch: what is pasted becomes one text, recordings are read one after the other."""
    pasted: list[str] = []
    whole: list[Loaded] = []
    for text in texts:
        path = Path(text.strip())
        if text.strip() == "-":
            pasted.append(_decoded(opening.standard_input(), "standard input"))
        elif _exists(path) and not path.is_dir():
            loaded = _from_path(path)
            if loaded.kind in ("har", "run"):
                whole.append(loaded)
            else:
                pasted.append(_decoded(path.read_bytes()[:LARGEST_JSON], str(path)))
        elif _is_name(text.strip()):
            whole.append(_named(text.strip(), reports))
        else:
            pasted.append(text)
    if not whole:
        return _pasted("\n\n".join(pasted), f"{len(texts)} inputs together")
    if pasted:
        whole.append(_pasted("\n\n".join(pasted), "what was pasted"))
    first = whole[0]
    for other in whole[1:]:
        first.exchanges += other.exchanges
        if pasted and other is whole[-1] and first.run is None and first.found and other.found:
            first.found[-1] = first.found[-1].joined(other.found[0])
        else:
            first.found += other.found
        first.warnings += other.warnings
        first.read += other.read
        first.left += other.left
    if pasted:
        first.missing = []
        first.found = [m for m in first.found if not m.succeeded] or first.found
    first.name = f"{len(texts)} inputs together"
    return first


def _exists(path: Path) -> bool:
    try:
        return "\n" not in str(path) and path.exists()
    except (OSError, ValueError):
        return False


def _is_name(text: str) -> bool:
    """Whether a text can only be meant as a run's id or a file: one word that is no error code."""
    if text.lower().endswith(_FILE_ENDINGS) and not re.search(r"[\s?=]|://", text):
        return True
    return _WORD.fullmatch(text) is not None and text not in OAUTH_ERRORS and "_" not in text and not _CODE.search(text)


def _named(text: str, reports: Path | None) -> Loaded:
    """A run by its id; a word that may be a secret is not repeated when there is none."""
    if text.lower().endswith(_FILE_ENDINGS):
        raise UsageError(f"{text}: there is no such file")
    try:
        return _from_run(load_run(text, reports))
    except LookupFailed as exc:
        if len(text) >= 16 and not re.fullmatch(r"[a-z-]+|[\d-]+T?[\w-]*", text):
            raise LookupFailed("run", f"({len(text)} characters)", list(exc.known)) from None
        raise


def _from_run(run: Run) -> Loaded:
    return Loaded("run", run.id, run=run, exchanges=list(run.exchanges))


def _from_path(path: Path) -> Loaded:
    with opening.opened(path) as file:
        loaded = _from_file(file.path, path)
        loaded.name = str(path) if loaded.kind != "run" else loaded.name
        loaded.warnings = [*file.warnings, *loaded.warnings]
        return loaded


def _from_file(file: Path, shown: Path) -> Loaded:
    """Read an ordinary file; ``shown`` is the one that was named."""
    if (file.suffix.lower() == ".har" and not _begins_with(file, rb"\s*\[")) or _begins_with(file, rb'\s*\{\s*"log"\s*:'):
        return _from_har(file, shown)
    size = file.stat().st_size
    if size > LARGEST_JSON:
        if _begins_with(file, rb"\s*[\[{]"):
            raise UsageError(f"{shown}: the file is larger than {LARGEST_JSON // 1_000_000} MB and no HAR")
        with file.open("rb") as end:
            end.seek(size - 4 * LONGEST)
            return _from_bytes(end.read(), str(shown))
    return _from_bytes(file.read_bytes(), str(shown), shown)


def _begins_with(path: Path, pattern: bytes) -> bool:
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", "ignore").encode()
    return re.match(rb"(?:\xef\xbb\xbf)?" + pattern, head) is not None


def _decoded(data: bytes, name: str) -> str:
    """Bytes as text, in whatever a shell or editor writes; what is no text is refused by name."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as exc:
            text = data.decode("cp1252", "replace")
            if text.count("\ufffd") > 5:
                raise UsageError(f"{name}: not text in UTF-8 (byte {exc.start}); a HAR, a run.json, JSON or text is wanted") from exc
    controls = sum(1 for sign in text[:4000] if ord(sign) < 32 and sign not in "\t\r\n\x1b")
    if "\0" in text[:4000] or controls > len(text[:4000]) / 20:
        raise UsageError(f"{name}: not text in UTF-8, so it cannot be read; a HAR, a run.json, JSON or text is wanted")
    return text


def _from_bytes(data: bytes, name: str, path: Path | None = None) -> Loaded:
    text = _decoded(data, name)
    if not text.strip():
        raise UsageError(f"{name}: the file is empty" if path else f"{name} is empty")
    return _pasted(text, name, path)


def _pasted(text: str, name: str, path: Path | None = None) -> Loaded:
    """Read a text, or the run or HAR that it turns out to be."""
    redactor = Redactor(readable=_READABLE.get())
    warnings: list[str] = []
    if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
        try:
            data = json.loads(text.lstrip("\ufeff"), strict=False)
        except (ValueError, RecursionError):
            data = None
        if isinstance(data, (dict, list)):
            kind = documents.kind_of(data)
            if kind == "run" and isinstance(data, Mapping):
                return _from_run(_run(data, name, path))
            if kind in ("har", "har entries"):
                return _from_entries(data, name, redactor)
            return _loaded(read_data(data, redactor), name, redactor, [])
    text, remark = condensed(text)
    if remark:
        warnings.append(remark)
    elif len(text) > LONGEST:
        warnings.append(f"of {len(text)} characters the last {LONGEST} were looked at")
    return _loaded(read_text(text, redactor), name, redactor, warnings)


def _run(data: Mapping[str, Any], name: str, path: Path | None) -> Run:
    try:
        return Run.of(data, folder=path.parent if path else None)
    except (TypeError, ValueError, AttributeError) as exc:
        raise UsageError(f"{name} is not a run.json: {exc}") from exc


def _loaded(out: Reading, name: str, redactor: Redactor, warnings: list[str]) -> Loaded:
    if out.entries:
        loaded = _har(read_har_items(out.entries, redactor), name, redactor)
        if out.read:
            loaded.found.append(out.m)
        loaded.read += out.read
        loaded.left += out.left
        return loaded
    loaded = Loaded(out.m.source, name, found=[out.m], redactor=redactor, warnings=warnings, read=out.read, left=out.left)
    loaded.exchanges = [x for x in out.exchanges if x.url]
    if not out.read and not out.left:
        loaded.left.append("the text: no message, address, error or status of a launch was found in it")
    return loaded


def _from_entries(data: Any, name: str, redactor: Redactor) -> Loaded:
    entries = data if isinstance(data, list) else data.get("entries") or data.get("log", {}).get("entries") or [data]
    items = [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    return _har(read_har_items(items, redactor), name, redactor)


def _from_har(path: Path, shown: Path) -> Loaded:
    beside = shown.with_name("run.json")
    if shown.name in ("run.har", "run.har.gz") and beside.is_file():
        loaded = _from_run(load_run(beside))
        loaded.warnings.append("this is the HAR of a conformance run, which breaks rules on purpose; run.json beside it was read")
        return loaded
    redactor = Redactor(foreign=True, readable=_READABLE.get())
    return _har(read_har_file(path, redactor), shown.name, redactor)


def _har(reading: HarReading, name: str, redactor: Redactor) -> Loaded:
    found = materials(reading.exchanges, "har")
    shown, notes, missing = covered(reading.exchanges)
    loaded = Loaded("har", name, exchanges=reading.exchanges, found=found, warnings=[*reading.warnings, *notes], redactor=redactor)
    loaded.read, loaded.missing = shown, missing
    return loaded


def _join(report: Report, other: Report) -> None:
    known = {(d.rule, d.cause) for d in report.diagnoses}
    report.diagnoses += [d for d in other.diagnoses if (d.rule, d.cause) not in known]
    report.missing += [m for m in other.missing if m not in report.missing]
    report.named += [n for n in other.named if n not in report.named]
    report.unknown_keys += [k for k in other.unknown_keys if k not in report.unknown_keys]
    report.vendor = other.vendor if other.vendor != "generic" or not report.vendor else report.vendor
