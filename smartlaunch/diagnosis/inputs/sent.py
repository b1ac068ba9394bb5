"""The messages among what was pasted: requests are joined with the answers that follow them, and their facts are derived.

Messages that were pasted one by one have no times, and a message pasted twice was not sent twice: what follows from times or from
repetition is therefore never concluded here. Of a message that may be cut off, nothing is taken as missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from smartlaunch.diagnosis.inputs import bodies, documents, flows, messages, tokens
from smartlaunch.diagnosis.inputs.pieces import Piece
from smartlaunch.diagnosis.inputs.readings import Reading
from smartlaunch.diagnosis.inputs.weblinks import host_of
from smartlaunch.diagnosis.request_faults import is_placeholder
from smartlaunch.evidence.endpoints import EndpointGuess
from smartlaunch.evidence.facts import FlowMemory, derive
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response

_WHEN = datetime(2000, 1, 1, tzinfo=UTC)
_OF_TIME = (
    "seconds_since_code", "token_age_s", "token_expired", "clock_offset_s", "assertion_age_s", "assertion_expired", "code_reused",
    "launch_reused", "state_reused", "assertion_jti_reused", "bearer_known", "code_known", "refresh_token_known",
)  # fmt: skip
_COMPARED = (
    "launch_equal", "launch_changed", "aud_equals_base", "aud_slash_differs", "state_returned_equal", "state_length",
    "code_challenge_base64url", "code_challenge_length", "endpoint_as_discovered",
)  # fmt: skip
_FACTS_OF = {
    "code_verifier": "verifier_",
    "client_assertion": "assertion",
    "code_challenge": "code_challenge",
    "redirect_uri": "redirect_uri_",
    "client_id": "client_id_",
}
"""How the facts begin that tell of a parameter."""
_OF_VALUES = ("basic_", *_FACTS_OF.values())
"""Facts about a value, which of a message that was cut off may be the half of one."""
_CALLED = re.compile(r"\$[({]|\$\w|`|\{\{")
"""A command or a variable that is filled in when the request goes out."""


class Sent:
    """Reads messages piece by piece into the exchanges of a reading."""

    def __init__(self, out: Reading) -> None:
        """Begin with nothing sent."""
        self._out = out
        self._memory, self._guess, self._spelling = FlowMemory(), EndpointGuess(), flows.Spelling()
        self._pending: Request | None = None
        self._pending_cut = False
        self._number = 0
        self.authorization = ""
        """An ``Authorization`` line that stands by itself and belongs to the request beside it."""
        self.last = ""
        """The words of the last piece when the text ends with it, and may end too early."""
        self.final: Piece | None = None

    def take(self, piece: Piece) -> None:
        """Requests with the answers that belong to them."""
        match piece.kind:
            case "curl":
                self._send(piece.data[0], "a curl command", cut=not piece.data[1])
            case "request":
                sent: messages.Message = piece.data
                body = sent.body.encode("utf-8", "replace")
                whole = piece is not self.final or sent.header("content-length") == str(len(body))
                self._send(Request(sent.method, sent.url, sent.headers, body), "an HTTP request", cut=not whole)
            case "answer":
                self._receive(piece.data)
            case "postman":
                for request, response in documents.postman(piece.data):
                    self.flush()
                    self._exchange(request, response)
                    self._out.took(f"a request of a Postman collection: {_to(request)}")
            case "form" if "grant_type=" in piece.text:
                self._form(piece.text.lstrip("?#&"), cut=piece.text == self.last or "&" not in piece.text)
            case "token request":
                self._form(urlencode({str(k): v if isinstance(v, str) else json.dumps(v) for k, v in piece.data.items()}))
            case "body" if isinstance(piece.data, Mapping) and "grant_type=" in str(piece.data.get("body", ""))[:20_000]:
                headers = piece.data.get("headers")
                named = {str(k).lower(): str(v) for k, v in headers.items()} if isinstance(headers, Mapping) else {}
                self.authorization = self.authorization or named.get("authorization", "")
                self._form(str(piece.data["body"]))
            case "body":
                self._library(piece)
            case _:
                return

    def _send(self, request: Request, what: str, *, cut: bool = False) -> None:
        self.flush()
        self._pending_cut = cut
        if self.authorization and not request.header("authorization"):
            request = Request(request.method, request.url, (*request.headers, ("Authorization", self.authorization)), request.body)
        self._pending = request
        self._out.took(f"{what}: {_to(request)}")

    def _receive(self, got: messages.Message) -> None:
        response = Response(got.status, got.headers, got.body.encode("utf-8", "replace"), got.reason)
        if self._pending is not None and (self._pending.header("host") or "://" in self._pending.url):
            self._exchange(self._pending, response, cut=self._pending_cut)
            self._pending = None
        self._out.took(f"an HTTP answer with status {got.status}")

    def _form(self, text: str, *, cut: bool = False) -> None:
        """The body of an access token request without its address.

        How the client authenticated is known only if it shows, and of a body that may be cut off nothing is known to be missing.
        """
        self.flush()
        headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/x-www-form-urlencoded"),)
        if self.authorization:
            headers += (("Authorization", self.authorization),)
        self._exchange(Request("POST", "", headers, text.encode("utf-8", "replace")), None, part=True, cut=cut)
        self._out.took("the body of an access token request")

    def _library(self, piece: Piece) -> None:
        found = bodies.unwrap(piece.data)
        if found.request and (request := documents.library_request(found.request)) is not None:
            headers = (*tuple(found.headers), ("Content-Type", "application/json"))
            self.flush()
            self._exchange(request, Response(found.status, headers) if found.status else None)
            self._out.took(f"the request that the library names: {_to(request)}")

    def flush(self) -> None:
        """Keep a request that no answer followed."""
        if self._pending is not None:
            request, self._pending = self._pending, None
            self._exchange(request, None, cut=self._pending_cut)

    def _exchange(self, request: Request, response: Response | None, *, part: bool = False, cut: bool = False) -> None:
        endpoint = Endpoint.TOKEN if part else self._guess.endpoint(request, response)
        self._number += 1
        exchange = Exchange(f"p{self._number}", Actor.APP, endpoint, _WHEN, 0.0, request, response)
        facts = derive(exchange, self._memory)
        self._spelling.look(exchange, facts)
        for name in _OF_TIME:
            facts.pop(name, None)
        if part and facts.get("client_auth") == "none" and not self.authorization:
            facts.pop("client_auth")
        if cut:
            for name in [n for n, value in facts.items() if value is False or n.startswith(_OF_VALUES)]:
                del facts[name]
        stood_in = _stood_in(request)
        for name in [n for n in facts if n.startswith(stood_in)]:
            del facts[name]
        if endpoint is Endpoint.FHIR and not cut:
            self._token(request, response)
        kept = self._out.redactor.exchange(exchange)
        kept.facts = facts
        self._out.exchanges.append(kept)

    def _token(self, request: Request, response: Response | None) -> None:
        """What the token says of itself that the FHIR server refuses, and the server's clock."""
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        if response is None or response.status != 401 or scheme.lower() != "bearer":
            return
        tokens.read_bearer(token.strip(), self._out.m)
        self._out.m.facts["fhir_host"] = (host_of(request.url) if "://" in request.url else "") or host_of(request.header("host") or "")
        tokens.read_date(response.header("date") or "", self._out.m)

    def compare(self, url: str) -> dict[str, Any]:
        """What an address shows beside the messages and addresses before it."""
        request = Request("GET", url)
        endpoint = self._guess.endpoint(request, None)
        if endpoint not in (Endpoint.LAUNCH, Endpoint.AUTHORIZE, Endpoint.REDIRECT):
            return {}
        exchange = Exchange("p0", Actor.BROWSER, endpoint, _WHEN, 0.0, request)
        facts = derive(exchange, self._memory)
        self._spelling.look(exchange, facts)
        certain = url != self.last or facts.get("launch_changed", "cut") not in ("cut", "other")
        return {name: facts[name] for name in _COMPARED if name in facts and (certain or facts[name] is True)}


def _stood_in(request: Request) -> tuple[str, ...]:
    """The beginnings of the facts about values in whose place a variable of a shell or a blank was left."""
    scheme, _, value = (request.header("authorization") or "").partition(" ")
    basic = scheme.lower() == "basic" and (is_placeholder(value) or _CALLED.search(value) is not None)
    found = [_FACTS_OF[name] for name, given in request.form if name in _FACTS_OF and is_placeholder(given)]
    return ("basic_", *found) if basic else tuple(found)


def _to(request: Request) -> str:
    """Method and address of a request in a few words, without its query."""
    try:
        parts = urlsplit(request.url)
    except ValueError:
        return request.method
    return f"{request.method} {parts.scheme + '://' if parts.scheme else ''}{parts.netloc.rpartition('@')[2]}{parts.path}"[:160]
