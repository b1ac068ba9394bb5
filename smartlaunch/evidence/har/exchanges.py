"""Entries of a HAR as exchanges, whoever wrote it; of this suite's own the exchange comes back with its facts."""

from __future__ import annotations

import base64
import binascii
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_plus, urljoin

from smartlaunch.evidence.endpoints import EndpointGuess
from smartlaunch.evidence.har.entries import LARGEST_ENTRY, HarReport, read_entries
from smartlaunch.evidence.har.members import number_of, object_of, pairs_of, text_of
from smartlaunch.evidence.har.writing import OWN_MEMBER
from smartlaunch.exchange import Actor, Endpoint, Exchange, RecordedExchange, Request, Response

_BROWSER_ENDPOINTS: Final = frozenset({Endpoint.AUTHORIZE, Endpoint.PAGE, Endpoint.REDIRECT, Endpoint.LAUNCH})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def recorded(item: dict[str, Any]) -> RecordedExchange | None:
    """The exchange that this suite wrote as this entry, with its facts; None for an entry of anyone else."""
    own = item.get(OWN_MEMBER)
    if not isinstance(own, dict) or not isinstance(own.get("id"), str):
        return None
    request, response = object_of(item.get("request")), object_of(item.get("response"))
    return RecordedExchange(
        id=own["id"],
        actor=text_of(own.get("actor")),
        endpoint=text_of(own.get("endpoint")),
        started=text_of(item.get("startedDateTime")),
        duration_ms=number_of(item.get("time")),
        method=text_of(request.get("method")),
        url=text_of(request.get("url")),
        request_headers=[[name, value] for name, value in pairs_of(request.get("headers"))],
        request_body=text_of(object_of(request.get("postData")).get("text")),
        status=int(number_of(response.get("status"))),
        reason=text_of(response.get("statusText")),
        http_version=text_of(own.get("http_version")),
        response_headers=[[name, value] for name, value in pairs_of(response.get("headers"))],
        response_body=text_of(object_of(response.get("content")).get("text")),
        truncated=own.get("truncated") is True,
        error=text_of(own.get("error")),
        redirect_of=text_of(own.get("redirect_of")),
        tls=text_of(own.get("tls")),
        facts=object_of(own.get("facts")),
        correlation={name: value for name, value in object_of(own.get("correlation")).items() if isinstance(value, str)},
    )


def read_har(
    path: Path, report: HarReport | None = None, *, largest_entry: int = LARGEST_ENTRY, in_order: bool = False
) -> Iterator[Exchange]:
    """The exchanges of a HAR in the order of the file, one at a time; with ``in_order`` in the order of their start.

    What cannot be used is left out and noted in ``report``. A file that is no HAR at all raises :class:`HarError`; one that is cut off
    gives what is whole.
    """
    report = HarReport() if report is None else report
    if in_order and not _is_in_order(path, largest_entry):
        report.warn("the entries of the file are not in the order of their start; they were sorted")
        yield from exchanges_of(read_entries(path, report, largest_entry=largest_entry), report, in_order=True)
        return
    yield from exchanges_of(read_entries(path, report, largest_entry=largest_entry), report)


def exchanges_of(items: Iterable[tuple[int, dict[str, Any]]], report: HarReport, *, in_order: bool = False) -> Iterator[Exchange]:
    """The exchanges of entries that are at hand; ``in_order`` sorts them by their start, those without one staying where they are."""
    if in_order:
        kept = [(number, _light(item)) for number, item in items]
        last, keys = _EPOCH, {}
        for number, item in kept:
            last = _start(item.get("startedDateTime")) or last
            keys[number] = last
        items = sorted(kept, key=lambda pair: keys[pair[0]])
    reader = _EntryReader(report)
    for number, item in items:
        exchange = reader.exchange(item, number)
        if exchange is not None:
            yield exchange


def _light(item: dict[str, Any]) -> dict[str, Any]:
    """An entry without the body of a picture, script or style sheet, so that many can be held while they are sorted."""
    content = object_of(object_of(item.get("response")).get("content"))
    if re.match(r"(?:image|font|video|audio)/|text/css|(?:text|application)/(?:x-)?javascript", text_of(content.get("mimeType"))):
        content.pop("text", None)
        content.pop("size", None)
    return item


def _is_in_order(path: Path, largest_entry: int) -> bool:
    """Whether no entry starts before the one in front of it; entries without a start do not count."""
    last = _EPOCH
    for _, item in read_entries(path, HarReport(), largest_entry=largest_entry):
        started = _start(item.get("startedDateTime"))
        if started is not None:
            if started < last:
                return False
            last = started
    return True


def _start(value: Any) -> datetime | None:
    try:
        started = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return started if started.tzinfo is not None else started.replace(tzinfo=UTC)


class _EntryReader:
    """Turns entries into exchanges; remembers what earlier ones say of endpoints and redirects."""

    def __init__(self, report: HarReport) -> None:
        self._report = report
        self._guess = EndpointGuess()
        self._redirects: OrderedDict[str, str] = OrderedDict()
        self._last = _EPOCH

    def exchange(self, item: dict[str, Any], number: int) -> Exchange | None:
        """One exchange, or None for an entry without a usable request."""
        sent, got = item.get("request"), object_of(item.get("response"))
        if not isinstance(sent, dict) or not isinstance(sent.get("url"), str) or not sent["url"]:
            self._report.skipped.append(f"entry {number} has no request with a URL")
            return None
        own = object_of(item.get(OWN_MEMBER))
        url = sent["url"]
        request = self._request(sent, url, number)
        response, error = self._response(got, item, number)
        endpoint = self._endpoint(own, request, response, item)
        identifier = text_of(own.get("id")) or f"h{number:04d}"
        redirect_of = text_of(own.get("redirect_of")) or self._redirects.pop(url.partition("#")[0], "")
        if response is not None and 300 <= response.status < 400:
            location = response.header("location")
            if location:
                self._remember(url, location, identifier)
        return Exchange(
            id=identifier,
            actor=self._actor(own, endpoint, item),
            endpoint=endpoint,
            started=self._started(item.get("startedDateTime"), number),
            duration_ms=max(0.0, number_of(item.get("time"))),
            request=request,
            response=response,
            error=error,
            redirect_of=redirect_of,
            tls=text_of(own.get("tls")) or text_of(object_of(item.get("_securityDetails") or got.get("_securityDetails")).get("protocol")),
        )

    def _remember(self, url: str, location: str, identifier: str) -> None:
        try:
            self._redirects[urljoin(url, location).partition("#")[0]] = identifier
        except ValueError:
            return
        if len(self._redirects) > 256:
            self._redirects.popitem(last=False)

    def _request(self, sent: dict[str, Any], url: str, number: int) -> Request:
        headers = pairs_of(sent.get("headers"))
        posted = sent.get("postData")
        body = b""
        if isinstance(posted, dict):
            body = self._posted(posted, number)
            media = posted.get("mimeType")
            if body and isinstance(media, str) and media and not any(name.lower() == "content-type" for name, _ in headers):
                headers += (("content-type", media),)
        return Request(text_of(sent.get("method")).upper() or "GET", url, headers, body)

    def _posted(self, posted: dict[str, Any], number: int) -> bytes:
        text, params = posted.get("text"), posted.get("params")
        if isinstance(text, str) and text:
            if posted.get("encoding") == "base64":
                return self._base64(text, number, "request")
            return text.encode("utf-8", "surrogatepass")
        if isinstance(params, list):
            pairs = [(text_of(object_of(each).get("name")), text_of(object_of(each).get("value"))) for each in params]
            return "&".join(f"{_form_value(name)}={_form_value(value)}" for name, value in pairs).encode()
        return b""

    def _response(self, got: dict[str, Any], item: dict[str, Any], number: int) -> tuple[Response | None, str]:
        status = int(number_of(got.get("status")))
        error = text_of(got.get("_error")) or text_of(item.get("_error")) or text_of(object_of(item.get(OWN_MEMBER)).get("error"))
        if status <= 0:
            return None, error or text_of(got.get("statusText")) or "the HAR holds no answer to this request"
        headers = pairs_of(got.get("headers"))
        names = {name.lower() for name, _ in headers}
        content = object_of(got.get("content"))
        media, target = content.get("mimeType"), got.get("redirectURL")
        if isinstance(media, str) and media and media != "x-unknown" and "content-type" not in names:
            headers += (("content-type", media),)
        if isinstance(target, str) and target and "location" not in names and 300 <= status < 400:
            headers += (("location", target),)
        text, body, missing = content.get("text"), b"", False
        if isinstance(text, str):
            body = self._base64(text, number, "answer") if content.get("encoding") == "base64" else text.encode("utf-8", "surrogatepass")
        elif number_of(content.get("size")) > 0 and status not in (204, 304):
            missing = True
            self._report.warn("some answers are in the file without their bodies; export the HAR with content")
        cut = missing or object_of(item.get(OWN_MEMBER)).get("truncated") is True
        return Response(status, headers, body, text_of(got.get("statusText")), text_of(got.get("httpVersion")), cut), error

    def _base64(self, text: str, number: int, what: str) -> bytes:
        try:
            return base64.b64decode(text)
        except (binascii.Error, ValueError):
            self._report.warn(f"entry {number}: the base64 of its {what} is broken; the body was left out")
            return b""

    def _endpoint(self, own: dict[str, Any], request: Request, response: Response | None, item: dict[str, Any]) -> Endpoint:
        guessed = self._guess.endpoint(request, response, document=item.get("_resourceType") == "document")
        named = own.get("endpoint")
        return Endpoint(named) if isinstance(named, str) and named in Endpoint.__members__.values() else guessed

    @staticmethod
    def _actor(own: dict[str, Any], endpoint: Endpoint, item: dict[str, Any]) -> Actor:
        if own.get("actor") in ("app", "browser"):
            return Actor(own["actor"])
        if endpoint in _BROWSER_ENDPOINTS or item.get("_resourceType") == "document":
            return Actor.BROWSER
        return Actor.APP

    def _started(self, value: Any, number: int) -> datetime:
        started = _start(value)
        if started is None:
            self._report.warn(f"entry {number} has no readable start time; that of the entry before was taken")
            return self._last
        self._last = started
        return started


def _form_value(text: str) -> str:
    """Some writers list parameters decoded, some as sent; a percent escape shows the latter."""
    return text if re.search(r"%[0-9A-Fa-f]{2}", text) else quote_plus(text)
