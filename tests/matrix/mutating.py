"""Changes answers of any server mechanically, one change at a time: a member, a header, a status, an item of a list.

    python tests/matrix/mutating.py --to http://127.0.0.1:8080 --port 9000 --mutation "POST /oauth/token authorization_code 200 | body /scope | absent"

stands in front of a server and writes its own address wherever the server wrote its address. Name the proxy's address in the target
file. What a server signed keeps the server's address: a server whose own address can be set is best told the proxy's. The same code runs
as middleware of the embedded EHR, for which ``mutations.py`` tries every change.

A mutation is said in one line, ``PLACE | PART WHERE | KIND``. The place is method, path (``{id}`` for the ids of FHIR), grant type and
status of the answers that are changed; so a change holds for each answer of its kind, as a mistake of a server does.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

STRING_KINDS = ("absent", "null", "empty", "number", "twice", "doubled", "other case", "padded", "name in other case")
NUMBER_KINDS = ("absent", "null", "empty", "string", "zero", "negative", "thousandfold", "twice", "name in other case")
FLAG_KINDS = ("absent", "null", "empty", "string", "opposite", "twice", "name in other case")
LIST_KINDS = ("absent", "null", "empty", "string", "doubled", "twice", "name in other case")
OBJECT_KINDS = ("absent", "null", "empty", "list", "twice", "name in other case")
HEADER_KINDS = ("absent", "empty", "twice", "other case")
PARAMETER_KINDS = ("absent", "empty", "twice", "other case", "padded", "name in other case")
NEIGHBOURS = {
    200: (201, 202, 204, 206, 400, 401, 404, 500),
    201: (200, 202, 204, 500),
    204: (200, 202, 404),
    302: (200, 301, 303, 307, 308, 400),
    303: (200, 301, 302, 307),
    304: (200, 404),
    400: (200, 401, 403, 404, 422, 500),
    401: (200, 400, 403, 404, 407, 500),
    403: (200, 400, 401, 404, 500),
    404: (200, 400, 403, 410, 500),
    405: (200, 400, 404, 500),
    410: (200, 404, 500),
    412: (200, 400, 409, 500),
    413: (200, 400, 500),
    422: (200, 400, 500),
}
PLUMBING = {b"content-length", b"transfer-encoding", b"connection", b"keep-alive", b"x-sandbox-rules"}
"""Headers that belong to the connection or to this machinery."""
TWICE = "\u0000twice"


@dataclass(frozen=True)
class Mutation:
    """One change of one kind of answer."""

    place: str
    part: str
    where: str
    kind: str

    def __str__(self) -> str:
        return f"{self.place} | {self.part} {self.where}".rstrip() + f" | {self.kind}"

    @classmethod
    def read(cls, text: str) -> Mutation:
        place, what, kind = text.split(" | ")
        part, _, where = what.partition(" ")
        return cls(place, part, where, kind)


def place_of(method: str, path: str, form: str, status: int) -> str:
    """Where an answer belongs: method, path without ids, grant type, status."""
    parts = path.split("/")
    for i, part in enumerate(parts):
        if re.fullmatch(r"[A-Z][A-Za-z]+", part):
            parts[i] = "{type}"
            if i + 1 < len(parts) and parts[i + 1] and not parts[i + 1].startswith(("_", "$")):
                parts[i + 1] = "{id}"
        elif i and parts[i - 1] == "_history" and part:
            parts[i] = "{version}"
        elif re.search(r"[0-9a-f]{8}", part):
            parts[i] = re.sub(r"[0-9a-f]{8,}", "{hash}", part)
    grant = dict(parse_qsl(form)).get("grant_type", "") if method == "POST" and status == 200 else ""
    return " ".join(each for each in (method, "/".join(parts), grant, str(status)) if each)


# -- what can be changed ------------------------------------------------------------------------------------------------------------


def members(value: Any, pointer: str = "") -> Iterable[tuple[str, Any]]:
    """Each member of a document with its pointer; items of lists share one, ``*``."""
    if isinstance(value, dict):
        for name, each in value.items():
            below = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            yield below, each
            yield from members(each, below)
    elif isinstance(value, list):
        for each in value:
            yield from members(each, f"{pointer}/*")


def kinds_of(value: Any) -> tuple[str, ...]:
    """The changes that fit a member."""
    if isinstance(value, bool):
        return FLAG_KINDS
    if isinstance(value, int | float):
        return NUMBER_KINDS
    if isinstance(value, str):
        return STRING_KINDS
    if isinstance(value, list):
        items = dict.fromkeys(each for each in value if isinstance(each, str))
        return (*LIST_KINDS, *(f"without {each}" for each in items))
    return OBJECT_KINDS if isinstance(value, dict) else ("absent",)


# -- changing ----------------------------------------------------------------------------------------------------------------------


def change_document(document: Any, pointer: str, kind: str) -> tuple[Any, bool]:
    """The document with the change at each place that the pointer names, and whether there was one."""
    *way, last = [each.replace("~1", "/").replace("~0", "~") for each in pointer.split("/")[1:]]
    found = [document]
    for step in way:
        if step == "*":
            found = [each for node in found if isinstance(node, list) for each in node]
        else:
            found = [node[step] for node in found if isinstance(node, dict) and step in node]
    owners = [node for node in found if isinstance(node, dict) and last in node]
    for owner in owners:
        _change_member(owner, last, kind)
    return document, bool(owners)


def _change_member(owner: dict[str, Any], name: str, kind: str) -> None:
    value = owner[name]
    if kind == "absent":
        del owner[name]
    elif kind == "name in other case":
        owner[swapped(name)] = owner.pop(name)
    elif kind == "twice":
        owner[TWICE + name] = value
    else:
        owner[name] = changed(value, kind)


def changed(value: Any, kind: str) -> Any:
    """A value with one change."""
    if kind.startswith("without "):
        return [each for each in value if each != kind.removeprefix("without ")] if isinstance(value, list) else value
    simple: dict[str, Callable[[], Any]] = {
        "null": lambda: None,
        "empty": lambda: "" if isinstance(value, str | int | float | bool) or value is None else type(value)(),
        "number": lambda: 7,
        "string": lambda: json.dumps(value) if not isinstance(value, list) else " ".join(map(str, value)),
        "list": lambda: [value],
        "zero": lambda: 0,
        "negative": lambda: -value,
        "thousandfold": lambda: value * 1000,
        "opposite": lambda: not value,
        "other case": lambda: swapped(value) if isinstance(value, str) else value,
        "padded": lambda: f" {value} " if isinstance(value, str) else value,
        "doubled": lambda: [*value, *value] if isinstance(value, list) else f"{value} {value}",
    }
    return simple[kind]()


def swapped(text: str) -> str:
    """A text in another case: the first letter's case, for what has one word; all of it in capitals where that is the same."""
    turned = text.swapcase()
    return turned if turned != text else text


def change_parameters(location: str, name: str, kind: str) -> tuple[str, bool]:
    """A redirect's address with one of its parameters changed."""
    parts = urlsplit(location)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if not any(each == name for each, _ in pairs):
        return location, False
    result: list[tuple[str, str]] = []
    for each, value in pairs:
        if each != name:
            result.append((each, value))
        elif kind == "name in other case":
            result.append((swapped(each), value))
        elif kind == "twice":
            result += [(each, value), (each, value)]
        elif kind != "absent":
            result.append((each, changed(value, kind)))
    return urlunsplit(parts._replace(query=urlencode(result))), True


def change_headers(headers: list[tuple[bytes, bytes]], name: str, kind: str) -> tuple[list[tuple[bytes, bytes]], bool]:
    """The headers with one of them changed."""
    key, result = name.lower().encode(), []
    if all(each.lower() != key for each, _ in headers):
        return headers, False
    for each, value in headers:
        if each.lower() != key:
            result.append((each, value))
        elif kind == "twice":
            result += [(each, value), (each, value)]
        elif kind != "absent":
            result.append((each, b"" if kind == "empty" else swapped(value.decode("latin-1")).encode("latin-1")))
    return result, True


def written(document: Any) -> bytes:
    """A document as JSON, with the members that stand there twice."""
    return json.dumps(document).replace(json.dumps(TWICE)[1:-1], "").encode()


def apply(
    mutation: Mutation, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> tuple[int, list[tuple[bytes, bytes]], bytes, bool]:
    """An answer with the change, and whether there was something to change."""
    if mutation.part == "status":
        return int(mutation.kind), headers, body, True
    if mutation.part == "header":
        changed_headers, did = change_headers(headers, mutation.where, mutation.kind)
        return status, changed_headers, body, did
    if mutation.part == "redirect":
        result, did = [], False
        for name, value in headers:
            location, one = (
                change_parameters(value.decode("latin-1"), mutation.where, mutation.kind) if name.lower() == b"location" else ("", False)
            )
            result.append((name, location.encode("latin-1") if one else value))
            did |= one
        return status, result, body, did
    try:
        document = json.loads(body)
    except ValueError:
        return status, headers, body, False
    document, did = change_document(document, mutation.where, mutation.kind)
    return status, headers, written(document) if did else body, did


# -- in front of a server ------------------------------------------------------------------------------------------------------------


class Mutating:
    """ASGI middleware: answers with the change."""

    def __init__(self, app: App, mutation: Mutation | None = None) -> None:
        self.app, self.mutation, self.times = app, mutation, 0

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = bytearray()

        async def receiving() -> Message:
            message = await receive()
            asked.extend(message.get("body", b"") or b"")
            return message

        begun: list[Message] = []
        body = bytearray()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.append(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            await self._answer(scope, bytes(asked), begun[0], bytes(body), send)

        await self.app(scope, receiving, sending)

    async def _answer(self, scope: Message, asked: bytes, start: Message, body: bytes, send: Callable[[Message], Awaitable[None]]) -> None:
        status, headers = start["status"], [(bytes(k), bytes(v)) for k, v in start["headers"]]
        place = place_of(scope["method"], scope["path"], asked.decode("latin-1"), status)
        if self.mutation is not None and place == self.mutation.place:
            status, headers, body, did = apply(self.mutation, status, headers, body)
            self.times += did
            if status in (204, 304):
                body = b""
            if scope["method"] != "HEAD":
                headers = [(k, v) for k, v in headers if k.lower() != b"content-length"]
                headers += [(b"content-length", str(len(body)).encode())] if status not in (204, 304) else []
        await send({**start, "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def note(points: set[tuple[str, str, str]], status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Add what can be changed in an answer: part, where, kind."""
    points.update(("status", "", str(each)) for each in NEIGHBOURS.get(status, (500,)))
    for name, value in headers:
        if name.lower() in PLUMBING:
            continue
        points.update(("header", name.decode("latin-1").lower(), kind) for kind in HEADER_KINDS)
        if name.lower() == b"location":
            query = urlsplit(value.decode("latin-1")).query
            points.update(("redirect", each, kind) for each, _ in parse_qsl(query, keep_blank_values=True) for kind in PARAMETER_KINDS)
    try:
        document = json.loads(body)
    except ValueError:
        return
    points.update(("body", pointer, kind) for pointer, value in members(document) for kind in kinds_of(value))


# -- as a program of its own ---------------------------------------------------------------------------------------------------------


def forwarding(upstream: str, own: str) -> App:
    """An application that passes each request on, and writes its own address for the server's, both ways."""
    import httpx

    trust = httpx.create_ssl_context()

    def there(data: bytes) -> bytes:
        for mine, its in _spellings(own, upstream):
            data = data.replace(mine, its)
        return data

    def back(data: bytes) -> bytes:
        for mine, its in _spellings(own, upstream):
            data = data.replace(its, mine)
        return data

    async def app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
        if scope["type"] != "http":
            return
        body = bytearray()
        while True:
            message = await receive()
            body.extend(message.get("body", b"") or b"")
            if not message.get("more_body"):
                break
        path = scope.get("raw_path") or scope["path"].encode()
        query = b"?" + there(scope["query_string"]) if scope["query_string"] else b""
        dropped = PLUMBING | {b"host", b"accept-encoding"}
        headers = [(k, there(v)) for k, v in scope["headers"] if k.lower() not in dropped]
        url = upstream + (path + query).decode("latin-1")
        async with httpx.AsyncClient(timeout=30, follow_redirects=False, trust_env=False, verify=trust) as client:
            asked = [*headers, (b"accept-encoding", b"identity")]
            answer = await client.request(scope["method"], url, headers=asked, content=there(bytes(body)))
        content = back(answer.content)
        kept = [(k.lower(), back(v)) for k, v in answer.headers.raw if k.lower() not in PLUMBING]
        kept.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
        await send({"type": "http.response.body", "body": content})

    return app


def _spellings(own: str, upstream: str) -> list[tuple[bytes, bytes]]:
    from urllib.parse import quote

    return [
        (spell(own).encode(), spell(upstream).encode())
        for spell in (str, lambda each: quote(each, safe=""), lambda each: each.replace("/", "\\/"))
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", required=True, help="the server's address, without a path")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--mutation", default="", help="PLACE | PART WHERE | KIND; without it answers pass as they are")
    args = parser.parse_args()
    import uvicorn

    own = f"http://127.0.0.1:{args.port}"
    app = Mutating(forwarding(args.to.rstrip("/"), own), Mutation.read(args.mutation) if args.mutation else None)
    print(f"{own} answers for {args.to}", flush=True)
    uvicorn.run(app, host="127.0.0.1", port=args.port, log_level="warning", server_header=False, date_header=False, lifespan="off")  # type: ignore[arg-type]
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
