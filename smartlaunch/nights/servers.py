"""Which authorization server a target has: runs against one server go one after the other, also those of two nights at once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from smartlaunch.client.discovery import Discovery
from smartlaunch.client.reaching import http_for
from smartlaunch.errors import UsageError
from smartlaunch.evidence import Recorder, Redactor
from smartlaunch.nights.state import take_lock
from smartlaunch.target import Target

_WAIT_S = 0.5


def server_of(target: Target) -> str:
    """Host and port of the authorization server, from the SMART configuration; of the FHIR server where that says nothing.

    The embedded EHR is started anew for each run, so it is nobody else's: the answer is empty.
    """
    return "" if target.embedded else _place(_authorization_endpoint(target) or target.fhir_base_url)


def _authorization_endpoint(target: Target) -> str:
    try:
        with contextlib.closing(http_for(target, Recorder(None, Redactor()))) as http:
            document = Discovery(http, target.fhir_base_url).document
    except UsageError:
        return ""  # the run itself will say what is wrong
    found = document.get("authorization_endpoint") or document.get("token_endpoint")
    return found if isinstance(found, str) else ""


def _place(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        return url
    return f"{(parts.hostname or url).lower()}:{port}"


@contextlib.contextmanager
def alone_at(server: str, stopped: Callable[[], bool]) -> Iterator[bool]:
    """Wait until no other process of this user runs against the server; False when the night was stopped meanwhile."""
    if not server:
        yield True
        return
    folder = Path(tempfile.gettempdir()) / f"smartlaunch-servers-{os.getuid() if hasattr(os, 'getuid') else 'all'}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / hashlib.sha256(server.encode()).hexdigest()).open("a+") as lock:
        while not take_lock(lock.fileno()):
            if stopped():
                yield False
                return
            time.sleep(_WAIT_S)
        yield True
