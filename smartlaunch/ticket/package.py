"""Write a ticket to disk: the Markdown, and a ZIP with the evidence. Nothing is written when a secret would get out."""

from __future__ import annotations

import json
import re
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from smartlaunch.diagnosis.inputs.reader import Loaded
from smartlaunch.diagnosis.model import Report
from smartlaunch.errors import UsageError
from smartlaunch.evidence.har.writing import write_har
from smartlaunch.evidence.manifest import write_manifest
from smartlaunch.evidence.redaction import Redactor
from smartlaunch.evidence.sequence import mermaid
from smartlaunch.records.packing import spread
from smartlaunch.records.record import Run
from smartlaunch.records.store import write_run
from smartlaunch.ticket.content import Ticket

MOMENT = (1980, 1, 1, 0, 0, 0)
"""The time stamp of every file in the ZIP, so that equal tickets are equal files."""
_IMAGES = frozenset({".png", ".jpg", ".jpeg"})
_TEXTS = frozenset({".md", ".har", ".json", ".html", ".mmd", ".txt", ".sha256"})
_PLACEHOLDER = re.compile(r"<([a-z_]+) \d+")
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a signed JWT", re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("an Authorization value", re.compile(r"(?i)\b(?:bearer|basic)\s+(?=[A-Za-z0-9._~+/=-]*\d)[A-Za-z0-9._~+/-]{12,}=*")),
    (
        "a secret parameter",
        re.compile(
            r"(?i)\b(?:access_token|refresh_token|client_secret|code_verifier|client_assertion|password)[\"']?\s*[=:]\s*[\"']?"
            r"(?![<\[{\s*.…])[^\s&\"'<>,;]{6,}"
        ),
    ),
)


class SecretInTicketError(UsageError):
    """A secret would get out; the message says what kind and where, never the value."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        """Name each place and kind once."""
        self.found = list(dict.fromkeys(found))
        listed = "\n".join(f"  {where}: {kind}" for where, kind in self.found)
        super().__init__(
            f"the ticket was not written, because secrets would get out:\n{listed}\n"
            "  try: take them out of the input, or record the flow with this suite"
        )


def write(ticket: Ticket, loaded: Loaded, report: Report, out: Path, *, pictures: bool = False) -> list[Path]:
    """Write ``ticket.md`` and ``ticket.zip`` into a folder; raises ``SecretInTicketError`` and writes nothing when a secret shows.

    ``pictures`` lets the run's screenshots go with it: what they show nobody can search for secrets afterwards.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _fill(folder, ticket, loaded, report, pictures=pictures)
        leaks = list(_leaks(folder, loaded.redactor))
        if leaks:
            raise SecretInTicketError(leaks)
        write_manifest(folder)
        out.mkdir(parents=True, exist_ok=True)
        text, archive = out / "ticket.md", out / "ticket.zip"
        text.write_bytes((folder / "ticket.md").read_bytes())
        _zip(folder, archive)
    return [text, archive]


def pictures_of(ticket: Ticket, loaded: Loaded) -> list[Path]:
    """The screenshots of the run that belong to a ticket's scenario."""
    source = loaded.run.folder if loaded.run is not None else None
    names = ticket.scenario.attachments if ticket.scenario is not None else ()
    return [path for name in names if (path := _picture(source, name)) is not None]


def _fill(folder: Path, ticket: Ticket, loaded: Loaded, report: Report, *, pictures: bool) -> None:
    (folder / "ticket.md").write_text(ticket.text, encoding="utf-8")
    (folder / "diagnosis.json").write_text(json.dumps(report.to_json(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if ticket.exchanges:
        write_har(ticket.exchanges, folder / "flow.har", title=ticket.title)
        (folder / "sequence.mmd").write_text(mermaid(ticket.exchanges), encoding="utf-8")
    if loaded.run is None or ticket.scenario is None:
        return
    from smartlaunch.catalogue import load
    from smartlaunch.reporting.html import write_html

    scenario = ticket.scenario if pictures else replace(ticket.scenario, attachments=())
    run = Run(
        header={k: v for k, v in loaded.run.header.items() if k != "selection"},
        scenarios=(scenario,),
        exchanges=tuple(ticket.exchanges),
        diagnoses=tuple(loaded.run.diagnoses_for(scenario.id)),
        folder=loaded.run.folder,
    )
    for path in pictures_of(ticket, loaded) if pictures else ():
        target = folder / "screenshots" / safe_name(path.name)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
    write_run(run, folder)
    write_html(run, folder, load())


def _picture(source: Path | None, name: str) -> Path | None:
    """A screenshot of the run; None for a name that leads out of the run's folder."""
    pure = PurePosixPath(name.replace("\\", "/"))
    if source is None or pure.is_absolute() or ".." in pure.parts or pure.suffix.lower() not in _IMAGES:
        return None
    wanted = (source / pure).resolve()
    return wanted if wanted.is_relative_to(source.resolve()) and wanted.is_file() else None


def safe_name(name: str) -> str:
    """A file name without separators, leading dots or anything that a system reads in a way of its own."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:100] or "file"


def _leaks(folder: Path, known: Redactor | None) -> Iterator[tuple[str, str]]:
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix in _TEXTS):
        name = path.relative_to(folder).as_posix()
        text = spread(path.read_text("utf-8", "replace"))
        if known is not None:
            yield from ((name, leak) for leak in known.leaks(text))
        for kind, pattern in _PATTERNS:
            if pattern.search(text):
                yield name, kind
        if path.suffix == ".md":
            before = len(_PLACEHOLDER.findall(text))
            after = _PLACEHOLDER.findall(Redactor(keep_patient_data=True).text(text))
            if len(after) > before:
                yield name, f"something that looks like {after[-1].replace('_', ' ')}"


def _zip(folder: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), MOMENT)
            info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
            out.writestr(info, path.read_bytes())
