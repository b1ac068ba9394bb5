"""Asks each endpoint once, many at a time, few at one host, and appends what was learned, one line an endpoint.

Nothing is kept in memory but what is under way: a survey that is killed goes on after the last line.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from smartlaunch import __version__
from smartlaunch.catalogue import Catalogue
from smartlaunch.client.http import failure_of
from smartlaunch.exchange import TRANSIENT, Actor, Exchange, Failure, Request, Response
from smartlaunch.exchange import Endpoint as Kind
from smartlaunch.finding import Outcome
from smartlaunch.survey.endpoints import Endpoint
from smartlaunch.survey.rules import judge

WELL_KNOWN = "/.well-known/smart-configuration"
RESULTS = "survey.jsonl"
_SHOWN = 200
_HOSTS = 20_000


@dataclass
class Manners:
    """How a survey behaves: how many requests at a time, how many at one host, how many a second there, and its limits."""

    parallel: int = 64
    per_host: int = 4
    host_rate: float = 10.0
    limit_s: float = 20.0
    body_bytes: int = 1_000_000
    redirects: int = 5


@dataclass
class _Host:
    """The queue at one host: how many are under way, and when the next may go."""

    room: asyncio.Semaphore
    due: float = 0.0
    waiting: int = 0


@dataclass
class Gatherer:
    """One survey: reads endpoints lazily, writes lines."""

    manners: Manners
    catalogue: Catalogue
    on_result: Callable[[], None] = lambda: None
    transport: httpx.AsyncBaseTransport | None = None
    stopped: bool = False
    _hosts: OrderedDict[str, _Host] = field(default_factory=OrderedDict)

    async def run(self, endpoints: Iterator[Endpoint], out: Path) -> int:
        """Ask all that are not in the file yet; the answer is how many were asked."""
        known = done_before(out)
        asked = 0
        limits = httpx.Limits(max_connections=self.manners.parallel, max_keepalive_connections=0)
        headers = {"Accept": "application/json", "User-Agent": f"smartlaunch-survey/{__version__}"}
        room = asyncio.Semaphore(self.manners.parallel)
        async with httpx.AsyncClient(
            limits=limits,
            timeout=self.manners.limit_s,
            follow_redirects=True,
            max_redirects=self.manners.redirects,
            headers=headers,
            transport=self.transport,
            trust_env=True,
        ) as client:
            with out.open("a", encoding="utf-8") as lines:
                async with asyncio.TaskGroup() as tasks:
                    for endpoint in endpoints:
                        if hash(endpoint.url) in known:
                            continue
                        if self.stopped:
                            break
                        await room.acquire()
                        asked += 1
                        tasks.create_task(self._one(client, endpoint, lines.write, room))
        return asked

    async def _one(self, client: httpx.AsyncClient, endpoint: Endpoint, write: Callable[[str], object], room: asyncio.Semaphore) -> None:
        try:
            host = self._host(endpoint.url)
            host.waiting += 1
            try:
                async with host.room:
                    await self._turn(host)
                    exchange = await self._ask(client, endpoint.url)
            finally:
                host.waiting -= 1
            write(json.dumps(self._result(endpoint, exchange), ensure_ascii=False, separators=(",", ":")) + "\n")
            self.on_result()
        finally:
            room.release()

    def _host(self, url: str) -> _Host:
        """The queue of an address's host; those that nobody waits at are forgotten when there are many."""
        name = urlsplit(url).hostname or ""
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = _Host(asyncio.Semaphore(self.manners.per_host))
            for old in list(self._hosts)[: max(0, len(self._hosts) - _HOSTS)] if len(self._hosts) > _HOSTS else ():
                if not self._hosts[old].waiting:
                    del self._hosts[old]
        return host

    async def _turn(self, host: _Host) -> None:
        if self.manners.host_rate <= 0:
            return
        now = time.monotonic()
        at = max(now, host.due)
        host.due = at + 1 / self.manners.host_rate
        if at > now:
            await asyncio.sleep(at - now)

    async def _ask(self, client: httpx.AsyncClient, base: str) -> Exchange:
        """One request with its redirects, within the limits of time and size."""
        url = base + WELL_KNOWN
        started, began = datetime.now(UTC), time.monotonic()
        response: Response | None = None
        failure: Failure | None = None
        error = ""
        try:
            async with asyncio.timeout(self.manners.limit_s), client.stream("GET", url) as answer:
                body = bytearray()
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > self.manners.body_bytes:
                        break
                truncated = len(body) > self.manners.body_bytes
                headers = tuple((k, v) for k, v in answer.headers.multi_items())
                response = Response(answer.status_code, headers, bytes(body[: self.manners.body_bytes]), truncated=truncated)
        except TimeoutError:
            failure, error = Failure.TIMEOUT, f"no complete answer within {self.manners.limit_s:g} s"
        except httpx.TooManyRedirects:
            failure, error = Failure.PROTOCOL, f"more than {self.manners.redirects} redirects"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as exc:
            failure, error = failure_of(exc), f"{type(exc).__name__}: {exc}"
        took = (time.monotonic() - began) * 1000
        return Exchange("x", Actor.APP, Kind.DISCOVERY, started, took, Request("GET", url), response, error[:_SHOWN], failure=failure)

    def _result(self, endpoint: Endpoint, exchange: Exchange) -> dict[str, Any]:
        """What is kept of one endpoint: no body, no header, findings cut to a length."""
        result: dict[str, Any] = {
            "url": endpoint.url,
            "name": endpoint.name,
            "status": exchange.heard.status,
            "ms": round(exchange.duration_ms, 1),
            "kind": "answered",
            "failure": exchange.failure.value if exchange.failure else "",
            "error": exchange.error,
            "capabilities": [],
            "outcomes": {},
            "findings": [],
        }
        if exchange.response is None:
            return {**result, "kind": "no-answer"}
        if exchange.response.status in TRANSIENT:
            return {**result, "kind": "not-now"}
        outcomes, findings = judge(exchange, self.catalogue)
        document = exchange.heard.object if exchange.heard.status == 200 else {}
        listed = document.get("capabilities")
        return {
            **result,
            "kind": "document" if document else "no-document",
            "capabilities": [c[:100] for c in listed if isinstance(c, str)][:100] if isinstance(listed, list) else [],
            "outcomes": outcomes,
            "findings": [
                {"requirement": f.requirement, "actual": f.actual[:_SHOWN]}
                for f in findings
                if self.catalogue.severity(f) is not Outcome.PASSED
            ],
        }


def done_before(path: Path) -> set[int]:
    """The hashes of the addresses that a file has; a line cut by a kill is taken off it."""
    known: set[int] = set()
    if not path.is_file():
        return known
    whole = 0
    with path.open("rb") as lines:
        for line in lines:
            try:
                known.add(hash(json.loads(line)["url"]))
            except (ValueError, KeyError, TypeError):
                break
            if not line.endswith(b"\n"):
                break
            whole += len(line)
    with path.open("rb+") as out:
        out.truncate(whole)
    return known


def results(path: Path) -> Iterator[dict[str, Any]]:
    """The results of a survey, one at a time."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            value = json.loads(line)
            if isinstance(value, dict):
                yield value
