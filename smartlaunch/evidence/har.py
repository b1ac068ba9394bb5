"""HAR 1.2: written from redacted exchanges, and read as a stream from whatever browsers and proxies save.

The reader never holds more than a few entries. It asks the JSON decoder for one entry at a time at a known place of a sliding buffer,
so it runs at the decoder's own speed; an entry over the limit is named and stepped over without being decoded.

A HAR that this suite wrote carries a member ``_smartlaunch`` in each entry; :func:`recorded` gives the exchange back with its facts.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import gzip
import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import parse_qsl, quote_plus, urljoin

import smartlaunch
from smartlaunch.errors import UsageError
from smartlaunch.evidence.endpoints import EndpointGuess
from smartlaunch.exchange import Actor, Endpoint, Exchange, Headers, RecordedExchange, Request, Response

OWN_MEMBER: Final = "_smartlaunch"
LARGEST_ENTRY: Final = 16 * 1024 * 1024
_CHUNK: Final = 4 * 1024 * 1024
_VERSIONS: Final = ("", "1.1", "1.2", "1.3")
_BROWSER_ENDPOINTS: Final = frozenset({Endpoint.AUTHORIZE, Endpoint.PAGE, Endpoint.REDIRECT, Endpoint.LAUNCH})
_BLANK = re.compile(r"[ \t\r\n]*+")
_STRING_REST = re.compile(r"(?:[^\"\\]++|\\.)*+", re.DOTALL)
_STRUCTURE = re.compile(r"[\"{}\[\]]")
_NAMED = re.compile(r"\"(method|url)\"\s*:\s*\"([^\"\\?#]{1,200})")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class HarError(UsageError):
    """A file cannot be read as a HAR; the message says what it looks like instead and what to do."""


@dataclass
class HarReport:
    """What a reader should know of a HAR beside its exchanges: what was left out and what looked odd, one sentence each."""

    entries: int = 0
    creator: str = ""
    version: str = ""
    skipped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def warn(self, sentence: str) -> None:
        """Note something once, however often it happens."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)


# --- writing ----------------------------------------------------------------------------------------------------------------------


def write_har(exchanges: Iterable[RecordedExchange], path: Path, *, title: str = "") -> Path:
    """Write exchanges as one HAR, entry by entry, compressed where the name ends in ``.gz``; ``title`` names the scenario or run."""
    comment = f',"comment":{json.dumps(title, ensure_ascii=False)}' if title else ""
    creator = json.dumps({"name": "smart-launch-conformance", "version": smartlaunch.__version__})
    compressed = path.suffix == ".gz"
    with (
        gzip.open(path, "wt", compresslevel=6, encoding="utf-8", errors="replace")
        if compressed
        else path.open("w", encoding="utf-8", errors="replace")
    ) as file:
        file.write(f'{{"log":{{"version":"1.2","creator":{creator}{comment},"pages":[],"entries":[')
        for number, exchange in enumerate(exchanges):
            file.write(",\n" if number else "\n")
            file.write(json.dumps(entry(exchange), ensure_ascii=False, separators=(",", ":")))
        file.write("\n]}}\n")
    return path


def entry(exchange: RecordedExchange) -> dict[str, Any]:
    """One exchange as an entry of a HAR."""
    request: dict[str, Any] = {
        "method": exchange.method,
        "url": exchange.url,
        "httpVersion": exchange.http_version or "HTTP/1.1",
        "cookies": [],
        "headers": _named(exchange.request_headers),
        "queryString": [{"name": name, "value": value} for name, value in _query(exchange.url)],
        "headersSize": -1,
        "bodySize": len(exchange.request_body.encode("utf-8", "replace")),
    }
    if exchange.request_body:
        request["postData"] = {"mimeType": _value(exchange.request_headers, "content-type"), "text": exchange.request_body}
    size = len(exchange.response_body.encode("utf-8", "replace"))
    response = {
        "status": exchange.status,
        "statusText": exchange.reason,
        "httpVersion": exchange.http_version or "HTTP/1.1",
        "cookies": [],
        "headers": _named(exchange.response_headers),
        "content": {"size": size, "mimeType": _value(exchange.response_headers, "content-type"), "text": exchange.response_body},
        "redirectURL": _value(exchange.response_headers, "location"),
        "headersSize": -1,
        "bodySize": size,
    }
    own = {
        "id": exchange.id,
        "actor": exchange.actor,
        "endpoint": exchange.endpoint,
        "truncated": exchange.truncated,
        "error": exchange.error,
        "redirect_of": exchange.redirect_of,
        "tls": exchange.tls,
        "http_version": exchange.http_version,
        "facts": exchange.facts,
        "correlation": exchange.correlation,
    }
    ids = ", ".join(f"{name}: {value}" for name, value in exchange.correlation.items())
    return {
        "startedDateTime": exchange.started,
        "time": exchange.duration_ms,
        "request": request,
        "response": response,
        "cache": {},
        "timings": {"blocked": -1, "dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": exchange.duration_ms, "receive": 0},
        "comment": f"{exchange.id} {exchange.actor} {exchange.endpoint}" + (f"; {ids}" if ids else ""),
        OWN_MEMBER: own,
    }


def recorded(item: dict[str, Any]) -> RecordedExchange | None:
    """The exchange that this suite wrote as this entry, with its facts; None for an entry of anyone else."""
    own = item.get(OWN_MEMBER)
    if not isinstance(own, dict) or not isinstance(own.get("id"), str):
        return None
    request, response = _dict(item.get("request")), _dict(item.get("response"))
    return RecordedExchange(
        id=own["id"],
        actor=_text(own.get("actor")),
        endpoint=_text(own.get("endpoint")),
        started=_text(item.get("startedDateTime")),
        duration_ms=_number(item.get("time")),
        method=_text(request.get("method")),
        url=_text(request.get("url")),
        request_headers=[[name, value] for name, value in _pairs(request.get("headers"))],
        request_body=_text(_dict(request.get("postData")).get("text")),
        status=int(_number(response.get("status"))),
        reason=_text(response.get("statusText")),
        http_version=_text(own.get("http_version")),
        response_headers=[[name, value] for name, value in _pairs(response.get("headers"))],
        response_body=_text(_dict(response.get("content")).get("text")),
        truncated=own.get("truncated") is True,
        error=_text(own.get("error")),
        redirect_of=_text(own.get("redirect_of")),
        tls=_text(own.get("tls")),
        facts=_dict(own.get("facts")),
        correlation={name: value for name, value in _dict(own.get("correlation")).items() if isinstance(value, str)},
    )


def _query(url: str) -> list[tuple[str, str]]:
    return parse_qsl(url.partition("#")[0].partition("?")[2], keep_blank_values=True)


def _named(headers: list[list[str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _value(headers: list[list[str]], wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted), "")


# --- reading ----------------------------------------------------------------------------------------------------------------------


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
    content = _dict(_dict(item.get("response")).get("content"))
    if re.match(r"(?:image|font|video|audio)/|text/css|(?:text|application)/(?:x-)?javascript", _text(content.get("mimeType"))):
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


def read_entries(path: Path, report: HarReport, *, largest_entry: int = LARGEST_ENTRY) -> Iterator[tuple[int, dict[str, Any]]]:
    """The entries of a HAR as they stand in the file, with their number from 1, in bounded memory."""
    try:
        file = path.open("rb")
    except OSError as exc:
        raise HarError(f"{path}: cannot be opened ({exc.strerror or type(exc).__name__})") from exc
    with file:
        stream = _Stream(file, path.name, largest_entry)
        yield from _walk(stream, report)


class _UnusableError(Exception):
    """A value cannot be decoded here and has to be stepped over; the message says why, as the end of a sentence."""


class _TruncatedError(Exception):
    """The file ends inside a value."""


class _Stream:
    """A sliding window over the file's text, and a JSON decoder that works inside it."""

    def __init__(self, file: BinaryIO, name: str, largest: int) -> None:
        self.name, self.largest = name, largest
        self._file = file
        self._text, self._at, self._ended, self._passed = "", 0, False, 0
        head = file.read(4)
        encoding = "utf-8"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            encoding = "utf-16"
        elif head.startswith(codecs.BOM_UTF8):
            encoding = "utf-8-sig"
        file.seek(0)
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._json = json.JSONDecoder(strict=False)

    def fill(self, size: int = _CHUNK) -> bool:
        """Read on; False at the end of the file."""
        if self._ended:
            return False
        raw = self._file.read(size)
        self._ended = not raw
        self._passed += self._at
        self._text = self._text[self._at :] + self._decoder.decode(raw, self._ended)
        self._at = 0
        return not self._ended

    def peek(self) -> str:
        """The next character that is not blank, or "" at the end."""
        while True:
            match = _BLANK.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self.fill():
                return ""

    def take(self, expected: str) -> None:
        """Step over one character that has to come next."""
        found = self.peek()
        if not found:
            raise _TruncatedError
        if found != expected:
            raise self.wrong(f"{expected!r} was expected, {found!r} stands there")
        self._at += 1

    def value(self) -> Any:
        """Decode the value that begins here and step over it."""
        if not self.peek():
            raise _TruncatedError
        size = _CHUNK
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError as exc:
                cut_off = exc.pos >= len(self._text) - 16 or exc.msg.startswith("Unterminated string")
                if not cut_off:
                    raise self.wrong(exc.msg, exc.pos) from exc
            except RecursionError:
                raise _UnusableError("is nested too deeply") from None
            except ValueError:
                raise _UnusableError("holds a number that is too long") from None
            else:
                if end < len(self._text) or self._ended or self._text[end - 1] in '}]"':
                    self._at = end
                    return value
            if len(self._text) - self._at > self.largest:
                raise _UnusableError(f"is larger than {max(1, self.largest // (1024 * 1024))} MB")
            size = max(_CHUNK, min(len(self._text) - self._at, 4 * _CHUNK))
            if not self.fill(size):
                raise _TruncatedError

    def head(self) -> str:
        """The first characters of what comes next, to name it by."""
        return self._text[self._at : self._at + 4000]

    def step_over(self) -> None:
        """Go past the value that begins here without decoding or keeping it."""
        depth, inside = 0, False
        while True:
            if inside:
                match = _STRING_REST.match(self._text, self._at)
                self._at = match.end() if match else self._at
                if self._at < len(self._text) and self._text[self._at] == '"':
                    inside = False
                    self._at += 1
                    if depth == 0:
                        return
                    continue
            else:
                found = _STRUCTURE.search(self._text, self._at)
                if found:
                    self._at = found.end()
                    sign = found.group()
                    inside = sign == '"'
                    depth += (sign in "{[") - (sign in "}]")
                    if depth == 0 and not inside:
                        return
                    continue
                self._at = len(self._text)
            if not self.fill():
                raise _TruncatedError

    def wrong(self, problem: str, position: int | None = None) -> HarError:
        """The error for a place where the JSON is broken."""
        place = self._passed + (self._at if position is None else position)
        hint = "save the HAR again from the browser's network panel"
        return HarError(f"{self.name}: not JSON at character {place}: {problem}\n  try: {hint}")


def _walk(stream: _Stream, report: HarReport) -> Iterator[tuple[int, dict[str, Any]]]:
    name, seen, found = stream.name, 0, False
    first = stream.peek()
    if not first:
        raise HarError(f"{name}: the file is empty")
    if first != "{":
        raise HarError(f"{name}: not a HAR, it begins with {stream.head()[:20]!r}; a HAR is a JSON object with the member log")
    try:
        for outer in _members(stream):
            if outer != "log":
                _pass(stream, report, f"member {outer[:40]}")
                continue
            if stream.peek() != "{":
                raise HarError(f"{name}: not a HAR, its member log is no object")
            for member in _members(stream):
                if member == "entries":
                    if stream.peek() != "[":
                        raise HarError(f"{name}: not a HAR, log.entries is no array")
                    found = True
                    for number, item in _elements(stream, report):
                        seen = number
                        if item is not None:
                            yield number, item
                elif member in ("version", "creator"):
                    _describe(member, stream, report)
                else:
                    _pass(stream, report, f"log.{member[:40]}")
    except _TruncatedError:
        if not report.entries:
            raise HarError(f"{name}: the file is cut off before the first whole entry; save the HAR again") from None
        report.warn(f"the file is cut off after entry {seen}; what follows is missing")
        return
    if not found:
        raise HarError(f"{name}: JSON, but not a HAR: there is no log.entries")


def _members(stream: _Stream) -> Iterator[str]:
    """The names of an object's members; whoever asks has to consume each value."""
    stream.take("{")
    if stream.peek() == "}":
        stream.take("}")
        return
    while True:
        if stream.peek() != '"':
            stream.take('"')
        key = stream.value()
        stream.take(":")
        yield key
        if stream.peek() == "}":
            stream.take("}")
            return
        stream.take(",")


def _elements(stream: _Stream, report: HarReport) -> Iterator[tuple[int, dict[str, Any] | None]]:
    stream.take("[")
    if stream.peek() == "]":
        stream.take("]")
        return
    number = 0
    while True:
        number += 1
        try:
            item = stream.value()
        except _UnusableError as exc:
            name = _name_of(stream.head())
            stream.step_over()
            report.skipped.append(f"entry {number}{name} {exc}")
            item = None
        else:
            if isinstance(item, dict):
                report.entries += 1
            else:
                report.skipped.append(f"entry {number} is no object")
                item = None
        yield number, item
        if stream.peek() == "]":
            stream.take("]")
            return
        stream.take(",")


def _describe(member: str, stream: _Stream, report: HarReport) -> None:
    value = stream.value()
    if member == "creator":
        creator = _dict(value)
        report.creator = f"{_text(creator.get('name'))} {_text(creator.get('version'))}".strip()[:80]
        return
    report.version = _text(value) if isinstance(value, str) else str(value)
    if report.version not in _VERSIONS:
        if report.entries:
            report.warn(f"the file says HAR version {report.version[:20]!r}; it was read as 1.2")
            return
        raise HarError(f"{stream.name}: HAR version {report.version[:20]!r} is not read; versions 1.1 to 1.3 are")


def _pass(stream: _Stream, report: HarReport, what: str) -> None:
    try:
        stream.value()
    except _UnusableError as exc:
        stream.step_over()
        report.warn(f"{what} {exc} and was left out")


def _name_of(head: str) -> str:
    found: dict[str, str] = {}
    for match in _NAMED.finditer(head):
        found.setdefault(match.group(1), match.group(2))
    words = " ".join(found[part] for part in ("method", "url") if part in found)
    return f" ({words})" if words else ""


class _EntryReader:
    """Turns entries into exchanges; remembers what earlier ones say of endpoints and redirects."""

    def __init__(self, report: HarReport) -> None:
        self._report = report
        self._guess = EndpointGuess()
        self._redirects: OrderedDict[str, str] = OrderedDict()
        self._last = _EPOCH

    def exchange(self, item: dict[str, Any], number: int) -> Exchange | None:
        """One exchange, or None for an entry without a usable request."""
        sent, got = item.get("request"), _dict(item.get("response"))
        if not isinstance(sent, dict) or not isinstance(sent.get("url"), str) or not sent["url"]:
            self._report.skipped.append(f"entry {number} has no request with a URL")
            return None
        own = _dict(item.get(OWN_MEMBER))
        url = sent["url"]
        request = self._request(sent, url, number)
        response, error = self._response(got, item, number)
        endpoint = self._endpoint(own, request, response, item)
        identifier = _text(own.get("id")) or f"h{number:04d}"
        redirect_of = _text(own.get("redirect_of")) or self._redirects.pop(url.partition("#")[0], "")
        if response is not None and 300 <= response.status < 400:
            location = response.header("location")
            if location:
                self._remember(url, location, identifier)
        return Exchange(
            id=identifier,
            actor=self._actor(own, endpoint, item),
            endpoint=endpoint,
            started=self._started(item.get("startedDateTime"), number),
            duration_ms=max(0.0, _number(item.get("time"))),
            request=request,
            response=response,
            error=error,
            redirect_of=redirect_of,
            tls=_text(own.get("tls")) or _text(_dict(item.get("_securityDetails") or got.get("_securityDetails")).get("protocol")),
        )

    def _remember(self, url: str, location: str, identifier: str) -> None:
        try:
            self._redirects[urljoin(url, location).partition("#")[0]] = identifier
        except ValueError:
            return
        if len(self._redirects) > 256:
            self._redirects.popitem(last=False)

    def _request(self, sent: dict[str, Any], url: str, number: int) -> Request:
        headers = _pairs(sent.get("headers"))
        posted = sent.get("postData")
        body = b""
        if isinstance(posted, dict):
            body = self._posted(posted, number)
            media = posted.get("mimeType")
            if body and isinstance(media, str) and media and not any(name.lower() == "content-type" for name, _ in headers):
                headers += (("content-type", media),)
        return Request(_text(sent.get("method")).upper() or "GET", url, headers, body)

    def _posted(self, posted: dict[str, Any], number: int) -> bytes:
        text, params = posted.get("text"), posted.get("params")
        if isinstance(text, str) and text:
            if posted.get("encoding") == "base64":
                return self._base64(text, number, "request")
            return text.encode("utf-8", "surrogatepass")
        if isinstance(params, list):
            pairs = [(_text(_dict(each).get("name")), _text(_dict(each).get("value"))) for each in params]
            return "&".join(f"{_form_value(name)}={_form_value(value)}" for name, value in pairs).encode()
        return b""

    def _response(self, got: dict[str, Any], item: dict[str, Any], number: int) -> tuple[Response | None, str]:
        status = int(_number(got.get("status")))
        error = _text(got.get("_error")) or _text(item.get("_error")) or _text(_dict(item.get(OWN_MEMBER)).get("error"))
        if status <= 0:
            return None, error or _text(got.get("statusText")) or "the HAR holds no answer to this request"
        headers = _pairs(got.get("headers"))
        names = {name.lower() for name, _ in headers}
        content = _dict(got.get("content"))
        media, target = content.get("mimeType"), got.get("redirectURL")
        if isinstance(media, str) and media and media != "x-unknown" and "content-type" not in names:
            headers += (("content-type", media),)
        if isinstance(target, str) and target and "location" not in names and 300 <= status < 400:
            headers += (("location", target),)
        text, body, missing = content.get("text"), b"", False
        if isinstance(text, str):
            body = self._base64(text, number, "answer") if content.get("encoding") == "base64" else text.encode("utf-8", "surrogatepass")
        elif _number(content.get("size")) > 0 and status not in (204, 304):
            missing = True
            self._report.warn("some answers are in the file without their bodies; export the HAR with content")
        cut = missing or _dict(item.get(OWN_MEMBER)).get("truncated") is True
        return Response(status, headers, body, _text(got.get("statusText")), _text(got.get("httpVersion")), cut), error

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


def _pairs(value: Any) -> Headers:
    if isinstance(value, list):
        try:
            pairs = [(each["name"], each["value"]) for each in value]
        except (TypeError, KeyError):
            pairs = [(_dict(each).get("name"), _dict(each).get("value")) for each in value]
        return tuple((n, v if isinstance(v, str) else _text(v)) for n, v in pairs if isinstance(n, str) and n and n[0] != ":")
    if isinstance(value, dict):
        return tuple((name, _text(item)) for name, item in value.items())
    return ()


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None or isinstance(value, (dict, list, bool)) else str(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0.0
    return float(value) if abs(value) < 1e12 else 0.0
