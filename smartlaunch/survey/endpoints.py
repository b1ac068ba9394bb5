"""The endpoints to look at: from a list of addresses, a CSV file, a FHIR Bundle of Endpoint resources, or NDJSON of them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from smartlaunch.errors import UsageError

MOST_BYTES = 500_000_000
_SHOWN = 10
_CREDENTIALS = re.compile(r"//[^/\s]*@")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A FHIR base URL, and whose it is said to be."""

    url: str
    name: str = ""


@dataclass(slots=True)
class LeftOut:
    """What a file names and nobody is asked for: how many are no web address, the first of them, and how many stand there once more."""

    no_address: int = 0
    doubled: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, said: str) -> None:
        """Count what is no web address; an empty line or cell is nothing."""
        if not said.strip():
            return
        self.no_address += 1
        if len(self.first) < _SHOWN:
            self.first.append(_CREDENTIALS.sub("//", " ".join(said[:2000].split()))[:200])


def read_endpoints(path: Path, left_out: LeftOut) -> Iterator[Endpoint]:
    """The endpoints of a file, each address once, in its order; what is left out is counted."""
    seen: set[int] = set()
    for endpoint in _read(path):
        url = _clean(endpoint.url)
        key = hash(url)
        if not url:
            left_out.add(endpoint.url)
        elif key in seen:
            left_out.doubled += 1
        else:
            seen.add(key)
            yield Endpoint(url, " ".join(endpoint.name.split())[:200])


def _read(path: Path) -> Iterator[Endpoint]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path}: the file is larger than {MOST_BYTES} bytes")
        with path.open(encoding="utf-8-sig", errors="replace") as lines:
            start = next((line for line in lines if line.strip()), "").lstrip()
        if start.startswith("{"):
            yield from _of_json(path)
        elif "," in start or path.suffix == ".csv":
            yield from _of_csv(path)
        else:
            with path.open(encoding="utf-8-sig", errors="replace") as lines:
                for line in lines:
                    yield Endpoint(line.partition("#")[0].strip())
    except OSError as exc:
        raise UsageError(f"{path}: the file cannot be read ({exc.strerror})") from None


def _of_json(path: Path) -> Iterator[Endpoint]:
    """A Bundle, or one resource a line."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        documents = [json.loads(text)]
    except (ValueError, RecursionError):
        documents = []
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    documents.append(json.loads(line))
                except (ValueError, RecursionError):
                    raise UsageError(f"{path}:{number}: this is no JSON") from None
    del text
    for document in documents:
        entries = (
            document.get("entry") if isinstance(document, dict) and document.get("resourceType") == "Bundle" else [{"resource": document}]
        )
        resources = [e["resource"] for e in entries or () if isinstance(e, dict) and isinstance(e.get("resource"), dict)]
        names = {f"Organization/{r.get('id')}": str(r.get("name", "")) for r in resources if r.get("resourceType") == "Organization"}
        for resource in resources:
            if resource.get("resourceType") == "Endpoint" and isinstance(resource.get("address"), str):
                yield Endpoint(resource["address"], _name(resource, names))


def _name(resource: dict[str, Any], names: dict[str, str]) -> str:
    """Whose endpoint it is: the name it bears, else that of the organization which manages it."""
    owner = resource.get("managingOrganization")
    owner = owner if isinstance(owner, dict) else {}
    candidates = (resource.get("name"), owner.get("display"), names.get(str(owner.get("reference", ""))))
    return next((each for each in candidates if isinstance(each, str) and each), "")


def _of_csv(path: Path) -> Iterator[Endpoint]:
    """A table with a heading: the column that holds addresses, and one that is called a name."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        rows = csv.reader(lines)
        head = next(rows, [])
        words = [word.strip().lower() for word in head]
        place = next((n for n, word in enumerate(words) if word in ("url", "address", "fhir_base_url", "endpoint", "base url")), None)
        name = next((n for n, word in enumerate(words) if "name" in word or word == "organization"), None)
        if place is None:
            place = next((n for n, cell in enumerate(head) if cell.strip().startswith(("http://", "https://"))), None)
            if place is None:
                raise UsageError(f"{path}:1: no column is called url or address")
            yield Endpoint(head[place])
        for row in rows:
            if place < len(row):
                yield Endpoint(row[place], row[name] if name is not None and name < len(row) else "")


def _clean(url: str) -> str:
    """The address without credentials, query, fragment and closing slash; empty for what is no web address."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    place = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, place + (f":{port}" if port else ""), parts.path.rstrip("/"), "", ""))
