"""One look at the target for all workers of a run: the first of them looks, the others wait until it has and are told what it saw.

What goes from one to the other is what the check before a run has to say and the SMART configuration as it came, by way of a file that
only this user can read and that goes with the run.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from smartlaunch.exchange import Actor, Endpoint, Exchange, Failure, Request, Response

if TYPE_CHECKING:
    from smartlaunch.client.engine import Engine

LOOK: Final = "SMARTLAUNCH_LOOK"
"""The environment variable that says which worker this is: ``first:FILE`` or ``told:FILE``."""
_WAIT_S: Final = 90.0
"""Whoever has heard nothing by then looks for itself."""


@dataclass(frozen=True)
class Look:
    """The part of a worker in the one look."""

    first: bool
    place: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self | None:
        """The part that the environment names; None for a run that is alone."""
        part, colon, place = environ.get(LOOK, "").partition(":")
        return cls(part == "first", Path(place)) if colon else None

    def tell(self, lines: list[dict[str, str]] | None, engine: Engine | None) -> None:
        """Let the others know what was seen; None for the lines lets each of them look for itself."""
        if not self.first or self.place.exists():
            return
        seen = engine.discovery.asked_for if engine is not None and lines is not None else None
        data = {
            "lines": lines,
            "base": engine.target.fhir_base_url if engine is not None else "",
            "exchange": _plain(seen) if seen else None,
        }
        beside = self.place.with_name(f"{self.place.name}.{os.getpid()}")
        beside.touch(mode=0o600)
        beside.write_text(json.dumps(data), encoding="utf-8")
        beside.replace(self.place)

    def hear(self, engine: Engine) -> list[dict[str, str]] | None:
        """What the first one saw, its SMART configuration given to the engine; None where this worker has to look for itself."""
        until = time.monotonic() + _WAIT_S
        while not self.place.exists():
            if time.monotonic() > until:
                return None
            time.sleep(0.02)
        data = json.loads(self.place.read_text(encoding="utf-8"))
        lines: list[dict[str, str]] | None = data["lines"]
        if lines is not None and data["exchange"] and data["base"] == engine.target.fhir_base_url:
            exchange = _exchange(data["exchange"], engine.recorder.next_id())
            engine.recorder.record(exchange)
            engine.discovery.exchange = exchange
        return lines


def _plain(exchange: Exchange) -> dict[str, Any]:
    answer = exchange.response
    return {
        "started": exchange.started.isoformat(),
        "duration_ms": exchange.duration_ms,
        "request": [exchange.request.method, exchange.request.url, exchange.request.headers],
        "response": [
            answer.status,
            answer.headers,
            base64.b64encode(answer.body).decode(),
            answer.reason,
            answer.http_version,
            answer.truncated,
        ]
        if answer is not None
        else None,
        "error": exchange.error,
        "redirect_of": "",
        "tls": exchange.tls,
        "failure": exchange.failure.value if exchange.failure is not None else "",
    }


def _exchange(data: Mapping[str, Any], identifier: str) -> Exchange:
    method, url, headers = data["request"]
    answer = None
    if data["response"] is not None:
        status, got, body, reason, version, truncated = data["response"]
        answer = Response(status, _pairs(got), base64.b64decode(body), reason, version, truncated)
    return Exchange(
        identifier,
        Actor.APP,
        Endpoint.DISCOVERY,
        datetime.fromisoformat(data["started"]),
        data["duration_ms"],
        Request(method, url, _pairs(headers)),
        answer,
        data["error"],
        data["redirect_of"],
        data["tls"],
        Failure(data["failure"]) if data["failure"] else None,
    )


def _pairs(headers: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in headers)
