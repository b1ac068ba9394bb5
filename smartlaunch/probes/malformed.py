"""Requests that cannot be read: credentials of no form, bodies that are no form, assertions that are no JWT.

Each carries a code or token that no server issued, so that no right server can have anything to grant, whatever it makes of the rest.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from smartlaunch.client.app import App
from smartlaunch.client.http import FORM_TYPE, Form, answered
from smartlaunch.exchange import Endpoint, Exchange
from smartlaunch.oauth.client_authentication import ASSERTION_TYPE
from smartlaunch.probes import introspection, revocation
from smartlaunch.probes.faults import never_issued

_BOUNDARY = "smartlaunch-boundary"


@dataclass(frozen=True)
class Unreadable:
    """The headers and the body of a request."""

    headers: tuple[tuple[str, str], ...]
    content: bytes


Make = Callable[[Form], Unreadable]
"""What is made of the form of a request that names its client and a token that nobody issued."""


def _with_header(value: Callable[[], str]) -> Make:
    return lambda form: Unreadable((("Content-Type", FORM_TYPE), ("Authorization", value())), urlencode(list(form)).encode())


def _with_assertion(value: str) -> Make:
    more = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", value)]
    return lambda form: Unreadable((("Content-Type", FORM_TYPE),), urlencode([*form, *more]).encode())


def _with_body(content: Callable[[Form], bytes], media_type: str = FORM_TYPE) -> Make:
    headers = (("Content-Type", media_type),) if media_type else ()
    return lambda form: Unreadable(headers, content(form))


def _parts(form: Form) -> bytes:
    parts = (f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in form)
    return ("".join(parts) + f"--{_BOUNDARY}--\r\n").encode()


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


CREDENTIALS: Mapping[str, Make] = {
    "an Authorization header without a scheme": _with_header(never_issued),
    "an empty Authorization header": _with_header(lambda: ""),
    "Basic credentials that are no base64": _with_header(lambda: "Basic %%%"),
    "Basic credentials without a colon": _with_header(lambda: f"Basic {_encoded(b'nobody')}"),
    "Basic credentials that are no text": _with_header(lambda: f"Basic {_encoded(bytes((255, 254)) + b':' + bytes((255,)))}"),
}
"""Credentials in the header that cannot be read."""

ASSERTIONS: Mapping[str, Make] = {
    "an assertion that is no JWT": _with_assertion("not-a-jwt"),
    "an assertion of parts that are no JSON": _with_assertion("bm8.bm8.bm8"),
    "an assertion of parts that are lists": _with_assertion("W10.W10.W10"),
}
"""Assertions that cannot be read."""

BODIES: Mapping[str, Make] = {
    "a bare percent sign": _with_body(lambda form: urlencode(list(form)).encode() + b"&scope=%"),
    "bytes that are no text": _with_body(lambda form: urlencode(list(form)).encode() + b"&scope=%ff%fe"),
    "a JSON body": _with_body(lambda form: json.dumps(dict(form)).encode(), "application/json"),
    "a multipart body": _with_body(_parts, f"multipart/form-data; boundary={_BOUNDARY}"),
    "a body without media type": _with_body(lambda form: urlencode(list(form)).encode(), ""),
    "no body": _with_body(lambda _form: b""),
}
"""Bodies that are no form, or no right one."""

UNREADABLE: Mapping[str, Make] = {**CREDENTIALS, **ASSERTIONS, **BODIES}


def _send(app: App, url: str, endpoint: Endpoint, make: Make, form: Form) -> Exchange:
    request = make([*form, ("client_id", app.client.client_id)])
    headers = [("Accept", "application/json"), *request.headers]
    exchange = app.engine.http.send("POST", url, endpoint=endpoint, headers=headers, content=request.content)
    answered(exchange)
    return exchange


def ask_token(app: App, label: str) -> Exchange:
    """A token request that cannot be read, with a code that nobody issued."""

    def make() -> Exchange:
        form = app.code_form(app.grant().authorization, code=never_issued())
        return _send(app, app.token_endpoint, Endpoint.TOKEN, UNREADABLE[label], form)

    return app.once(f"token request with {label}", make)


def introspect(app: App, label: str) -> Exchange:
    """An introspection request that cannot be read, about a token that nobody issued; the right one has to be answered first."""
    url = introspection.endpoint(app)
    introspection.proven(app)

    def make() -> Exchange:
        return _send(app, url, Endpoint.INTROSPECTION, UNREADABLE[label], [("token", never_issued())])

    return app.once(f"introspection request with {label}", make)


def revoke(app: App, label: str) -> Exchange:
    """A revocation request that cannot be read, for a token that nobody issued; the right one has to be answered first."""
    url = revocation.endpoint(app)
    answered(revocation.unknown(app))

    def make() -> Exchange:
        return _send(app, url, Endpoint.REVOCATION, UNREADABLE[label], [("token", never_issued())])

    return app.once(f"revocation request with {label}", make)
