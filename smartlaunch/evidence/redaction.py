"""Redaction: what may leave the memory of the suite, and in what form.

Two steps, in this order. First each message is taken apart, and what stands in a place for secrets is learned and replaced: by exact
name in queries, fragments, forms, JSON (also JSON inside strings), headers, cookies, HTML inputs and SAML messages. Then the whole
message is searched for every secret that is known by then, in all its encodings.

Placeholders are ordinal in a run: ``<access_token 1>`` is the same value wherever it stands. Special forms:

- ``<state 1 length 43>``: the length of the value is of use.
- ``<id_token 1 {header}.{claims}>`` and the same for client_assertion and request_object, in the field that carries them. The
  signature is gone; claims that may name a person read ``<personal data>``. Elsewhere the short form ``<id_token 1>`` stands.
- ``Basic base64(client_id:<client_secret 1>)``: the client id stays readable.
- ``<patient data>``, ``<personal data>``, ``<person_name 1>`` and ``<form_value 1>`` for what is no credential but nobody else's business.

``client_id``, ``error``, ``error_description``, ``error_uri``, scopes, ``code_challenge``, ``nonce`` and correlation ids stay readable.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote, unquote, unquote_plus

from smartlaunch.evidence import pages
from smartlaunch.evidence.correlation import correlation
from smartlaunch.evidence.media import charset_of, is_text
from smartlaunch.evidence.patient_data import HIDDEN, is_resource, names, reduce_resource, reduce_xml
from smartlaunch.evidence.registry import PLACEHOLDER, SecretRegistry
from smartlaunch.evidence.secret_names import ENCODED_JSON, is_opaque, looks_secret, means_secret
from smartlaunch.evidence.vocabulary import (
    AMBIGUOUS_IN_JSON,
    CREDENTIAL_HEADERS,
    OAUTH_SHAPE,
    OPEN_CLAIMS,
    PATIENT_SEARCH_PARAMETERS,
    PERSONAL_CLAIMS,
    PRIVATE_JWK_MEMBERS,
    SECRET_HEADERS,
    SECRET_PARAMETERS,
)
from smartlaunch.exchange import Endpoint, Exchange, Headers, RecordedExchange

PERSONAL: Final = "<personal data>"
_OWN_WORDS: Final = frozenset({HIDDEN, PERSONAL})
_DEPTH: Final = 6
_PARSED_BYTES: Final = 4_000_000
_WORK: Final = 2_000_000
"""How many characters of text of unknown make are looked through for one message; nested encodings count once for each layer."""
NOT_KEPT: Final = "<not kept"
_SHOWN: Final = 400_000
"""What is longer once it is redacted is cut before it is searched; a recorder keeps less."""
_JWT_KINDS: Final = frozenset({"id_token", "client_assertion", "request_object"})
_READABLE: Final = "<>\"{}[]:,/ @!$'()*;~-._"
_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,3}")
_CREDENTIAL = re.compile(
    r"(?i)\b(bearer|basic|dpop|token)(\s+)"
    r"(?!(?:realm|scope|error(?:_description|_uri)?|authorization_uri|resource_id|resource_metadata|client_id)=\"[^\"]*\")"
    r"(?=[^\s\"',;]*[0-9=])([A-Za-z0-9._~+/=-]{8,})"
)
"""A scheme with what follows it; the parameters of a challenge (``Bearer realm="..."``) are the server's words and no credential."""
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_PAIR = re.compile(r"(?<![A-Za-z0-9_.-])([A-Za-z_][A-Za-z0-9_.-]{1,60}+)=([^&\s\"'<>#;,)}\]\\]+)")
_QUOTED = re.compile(r"([\"']?)(?<![A-Za-z0-9_.-])([A-Za-z_][A-Za-z0-9_.-]{1,60}+)\1(\s{0,40}[:=]\s{0,40})(\\*+[\"'])")
_ELEMENT = re.compile(r"<(?:[A-Za-z]\w{0,20}:)?([A-Za-z_][\w.-]{1,60})>(\s{0,40})([^<\s]{6,4000})(?=\s{0,40}</)")
_SEGMENT = re.compile(r"(?<=/)[A-Za-z0-9+_~=-]{20,}(?=/|$)")
_NEXT_COOKIE = re.compile(r"(?:,[ \t]*|[\r\n]+)(?=[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}=)")
_URL = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{0,30}://[^\s\"'<>\\^`{|}]+")
_ENCODED = re.compile(r"(?<![^\s\"'<>])[^\s\"'<>%]*+(?:%[^\s\"'<>%]*+)*?%(?:25)*(?:22|3[dD]|7[bB])[^\s\"'<>]*+")
_LONE = re.compile("[\ud800-\udfff]")
_URL_HEADERS: Final = frozenset({"location", "content-location", "referer", "origin", "refresh", "link", "sourcemap"})
_TYPED: Final = frozenset({"text", "email", "tel", "search", "number", "date"})
_ADDRESS_ATTRIBUTES: Final = frozenset({"href", "action", "src", "formaction", "content", "data-url", "data-href"})
_PART_NAME = re.compile(r"(?i)content-disposition:[^\r\n]{0,300}?\bname=\"([^\"\r\n]{0,200})\"")
_BLANK_LINE = re.compile(r"\r?\n\r?\n")
_LONGEST_PART_HEADER: Final = 4_000
_TYPED_SECRETS: Final = frozenset({"otp", "passcode", "password", "passwd", "pwd"})
_URLSAFE: Final = str.maketrans("-_", "+/")
_FHIR_PLACES: Final = frozenset({Endpoint.FHIR, Endpoint.METADATA})
_PUBLISHED: Final = frozenset(
    {Endpoint.DISCOVERY, Endpoint.OPENID_CONFIGURATION, Endpoint.METADATA, Endpoint.JWKS, Endpoint.STYLE, Endpoint.BRANDS}
)


class _TooMuchError(Exception):
    """A message whose redaction would take too long; it is not kept."""


class Redactor:
    """Turns raw messages into what may be written down, and remembers the secrets it met on the way."""

    def __init__(self, *, keep_patient_data: bool = False, foreign: bool = False, readable: Iterable[str] = ()) -> None:
        """Hide patient data unless told otherwise; secrets are hidden always.

        ``foreign`` is for files from elsewhere, whose names nobody knows: values that nobody would type are secrets there.
        ``readable`` are names that hold none, whatever they look like.
        """
        self.keep_patient_data = keep_patient_data
        self._foreign, self._readable = foreign, frozenset(name.lower() for name in readable)
        self.registry = SecretRegistry()
        self._seen: dict[tuple[str, Endpoint, int], str] = {}
        self._left = _WORK

    def learn(self, kind: str, value: str) -> str:
        """Register a secret and give its placeholder."""
        return self.registry.learn(kind, value)

    def publish(self, values: Iterable[str]) -> None:
        """Name values that are no secret, such as client ids: evidence that hides a part of one cannot be read."""
        self.registry.publish(values)

    def scrub(self, text: str) -> str:
        """Replace every secret known so far in a text, in all its encodings; what comes out can be written as UTF-8."""
        text = self.registry.scrub(text)
        return text if text.isascii() else _LONE.sub("\ufffd", text)

    def _scrubbing(self, texts: Iterable[str]) -> Callable[[str], str]:
        """What scrubs each of these texts: they are looked through together, and by itself only what then needs it."""
        suspect = self.registry.suspect(texts)

        def scrub(text: str) -> str:
            return self.scrub(text) if text in suspect else text if text.isascii() else _LONE.sub("\ufffd", text)

        return scrub

    def leaks(self, text: str) -> list[str]:
        """The placeholders of known secrets that a text gives away; empty when it may be written."""
        return self.registry.leaks(text)

    def url(self, url: str, endpoint: Endpoint | str = Endpoint.OTHER) -> str:
        """A URL with the secrets in its query, fragment and user information replaced."""
        return self.scrub(self._within(url, lambda: self._url(url, _place(endpoint), _DEPTH))[0])

    def headers(self, headers: Headers | Iterable[Iterable[str]], endpoint: Endpoint | str = Endpoint.OTHER) -> list[list[str]]:
        """Headers in order, as [name, value] pairs, with credentials, cookies and the URLs in them redacted."""
        place = _place(endpoint)
        pairs = [(name, value) for name, value in headers]
        return [[self.scrub(name), self.scrub(value)] for name, value in self._pieces(pairs, place)]

    def body(
        self, content_type: str, data: bytes, endpoint: Endpoint | str = Endpoint.OTHER, *, status: int = 200, cut: bool = False
    ) -> str:
        """A body as text without secrets and, by default, without patient data; other than text is named with its size.

        ``status`` is that of the answer (pages of errors keep their words); ``cut`` says that the end of the body is missing.
        """
        text, kept = self._within(data, lambda: self._body(content_type, data, _place(endpoint), status))
        text = self.scrub(_shown(text))
        if not kept:
            return text
        return self.registry.cut_tail(text) if cut or len(data) > _PARSED_BYTES else text

    def exchange(self, exchange: Exchange) -> RecordedExchange:
        """The redacted form of an exchange, without facts: the recorder adds those."""
        place, request, answer = exchange.endpoint, exchange.request, exchange.heard
        url = self._within(request.url, lambda: self._url(request.url, place, _DEPTH))[0]
        sent = self._pieces(request.headers, place)
        sent_body, kept_sent = self._within(
            request.body, lambda: self._body(request.header("content-type") or "", request.body, place, 200)
        )
        got = self._pieces(answer.headers, place)
        got_body, kept_got = self._within(
            answer.body, lambda: self._body(answer.header("content-type") or "", answer.body, place, answer.status)
        )
        got_body, sent_body, error = (
            _shown(got_body),
            _shown(sent_body),
            self._within(exchange.error, lambda: self._text(exchange.error, place, _DEPTH))[0],
        )
        ids = correlation(exchange)
        pairs = [text for pair in (*sent, *got) for text in pair]
        scrub = self._scrubbing([exchange.request.method, url, sent_body, answer.reason, got_body, error, *ids.values(), *pairs])
        response_body = scrub(got_body)
        if kept_got and (answer.truncated or len(answer.body) > _PARSED_BYTES):
            response_body = self.registry.cut_tail(response_body)
        return RecordedExchange(
            id=exchange.id,
            actor=str(exchange.actor),
            endpoint=str(place),
            started=exchange.started.isoformat(timespec="milliseconds"),
            duration_ms=round(exchange.duration_ms, 3),
            method=scrub(request.method),
            url=scrub(url),
            request_headers=[[scrub(name), scrub(value)] for name, value in sent],
            request_body=scrub(sent_body),
            status=answer.status,
            reason=scrub(answer.reason),
            http_version=answer.http_version,
            response_headers=[[scrub(name), scrub(value)] for name, value in got],
            response_body=response_body,
            truncated=answer.truncated or not kept_sent or not kept_got,
            error=scrub(error),
            failure=str(exchange.failure or ""),
            redirect_of=exchange.redirect_of,
            tls=exchange.tls,
            correlation={name: scrub(value) for name, value in ids.items()},
        )

    def text(self, text: str, endpoint: Endpoint | str = Endpoint.OTHER) -> str:
        """Free text (a message, a page, a log line) with every secret replaced that can be told by name or is known."""
        return self.scrub(self._within(text, lambda: self._text(text, _place(endpoint), _DEPTH))[0])

    def value(self, value: Any) -> Any:
        """A JSON value with every text in it redacted, names of members as well."""
        read = each_text(value, lambda text: self._within(text, lambda: self._text(text, Endpoint.OTHER, _DEPTH))[0])
        return each_text(read, self._scrubbing(texts_in(read)))

    def _within(self, original: bytes | str, redact: Callable[[], str]) -> tuple[str, bool]:
        """What a message comes to, and whether it was kept: past the limit of work only its size is said."""
        self._left = _WORK
        try:
            return redact(), True
        except _TooMuchError:
            return not_kept(len(original)), False

    def _pieces(self, headers: Iterable[tuple[str, str]], place: Endpoint) -> list[list[str]]:
        def redacted(name: str, value: str) -> list[str]:
            return [name, self._within(value, lambda: self._header(name, value, place))[0]]

        return [redacted(name, value) for name, value in headers]

    # --- places -------------------------------------------------------------------------------------------------------------

    def _url(self, url: str, place: Endpoint, depth: int) -> str:
        head, mark, fragment = url.partition("#")
        path, question, query = head.partition("?")
        if "@" in path:
            path = re.sub(r"(?i)^([a-z][a-z0-9+.-]*://)([^/@:]*):([^/@]*)@", self._user_information, path)
        if "%" in path or "=" in path:
            path = self._inner(path, place, depth, plus=False)
        if self._foreign and place not in _FHIR_PLACES and place not in _PUBLISHED:
            path = _SEGMENT.sub(
                lambda match: self.learn("opaque_value", match.group()) if is_opaque("", match.group()) else match.group(), path
            )
        result = path + question + self._pairs(query, place, depth, plus=False)
        if not mark:
            return result
        route, asks, rest = fragment.partition("?")
        if asks and "=" not in route:
            return f"{result}#{route}?{self._pairs(rest, place, depth, plus=False)}"
        return f"{result}#{self._pairs(fragment, place, depth, plus=False)}"

    def _user_information(self, match: re.Match[str]) -> str:
        return f"{match.group(1)}{match.group(2)}:{self.learn('password', unquote(match.group(3)))}@"

    def _pairs(self, text: str, place: Endpoint, depth: int, *, plus: bool) -> str:
        """A query or form, each parameter redacted in place, everything else byte for byte as it was."""
        if not text or ("=" not in text and "%3" not in text):
            return self._inner(text, place, depth, plus=plus) if text else text
        self._left -= len(text)
        if self._left < 0:
            raise _TooMuchError
        return "&".join(self._pair(part, place, depth, plus=plus) for part in text.split("&"))

    def _pair(self, part: str, place: Endpoint, depth: int, *, plus: bool) -> str:
        name, equals, value = part.partition("=")
        if not equals or not value:
            return part
        key = unquote_plus(name).strip().lower()
        key = key.removesuffix("[]")
        kind = self._kind(unquote_plus(name), unquote_plus(value), place)
        if place in _FHIR_PLACES:
            if kind in ("code", "state") or key in ("request", "launch"):
                kind = None
            elif key.split(":")[0].split(".")[-1] in PATIENT_SEARCH_PARAMETERS and not self.keep_patient_data:
                return f"{name}={HIDDEN}"
        decoded = unquote_plus(value)
        if kind is None:
            inner = self._inner(value, place, depth, plus=plus)
            sent_to_a_page = plus and place is Endpoint.PAGE and inner == value and not self.keep_patient_data
            if sent_to_a_page and self.registry.scrub(decoded) == decoded and pages.tells_of_a_person(key, decoded):
                return f"{name}={PERSONAL}"
            return f"{name}={inner}"
        if kind == "state" and "+" in value and not plus:
            self.learn(kind, unquote(value))
        return f"{name}={_quoted(self._secret(kind, decoded))}"

    def _inner(self, value: str, place: Endpoint, depth: int, *, plus: bool) -> str:
        """A value that may itself hold a URL, a query, a form or JSON, one level of encoding further in."""
        if depth <= 0 or not _is_compound(value):
            return value
        decoded = unquote_plus(value) if plus or "%" in value else value
        changed = self._text(decoded, place, depth - 1)
        if changed == decoded:
            return value
        return changed if decoded == value else _quoted(changed)

    def _secret(self, kind: str, value: str) -> str:
        """Learn the value of a secret field and give what stands there instead; JWTs that are made to be read are opened."""
        if PLACEHOLDER.fullmatch(value):
            return value
        placeholder = self.learn(kind, value)
        if kind in _JWT_KINDS and value.count(".") >= 2:
            opened = self._opened(kind, value)
            if opened:
                return f"{placeholder[:-1]} {opened}>"
        if kind == "saml":
            self._saml(value)
        return placeholder

    def _saml(self, value: str) -> None:
        try:
            decoded = base64.b64decode(value, validate=False).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return
        for assertion in re.findall(r"<(?:\w+:)?SignatureValue>\s*([^<]{16,})<", decoded):
            self.learn("saml", assertion.strip())

    def _opened(self, kind: str, value: str) -> str:
        parts = value.split(".")
        header, claims = _json_part(parts[0]), _json_part(parts[1])
        if header is None or claims is None:
            return ""
        self.learn(kind, value.rsplit(".", 1)[0])
        if len(parts[2]) >= 16:
            self.learn(f"{kind}_signature", parts[2])
        header = self._json(header, Endpoint.OTHER, _DEPTH - 2)
        shown = {name: self._claim(kind, name, item) for name, item in claims.items()}
        return f"{_compact(header)}.{_compact(shown)}"

    def _claim(self, kind: str, name: str, item: Any) -> Any:
        lower = name.lower()
        if kind != "id_token":
            secret = SECRET_PARAMETERS.get(lower)
            return self._all(secret, item) if secret else self._json(item, Endpoint.OTHER, _DEPTH - 2)
        if lower in OPEN_CLAIMS or self.keep_patient_data:
            return self._json(item, Endpoint.OTHER, _DEPTH - 2)
        return PERSONAL

    def _header(self, name: str, value: str, place: Endpoint) -> str:
        lower = name.lower()
        if lower in CREDENTIAL_HEADERS:
            return self._credentials(value)
        if lower in SECRET_HEADERS:
            return self._secret("authorization", value)
        if lower == "cookie":
            return "; ".join(self._cookie(each) for each in value.split(";"))
        if lower == "set-cookie":
            return self._set_cookies(value)
        if lower in _URL_HEADERS:
            own = Endpoint.OTHER if place not in _FHIR_PLACES or lower == "referer" else place
            if lower in ("link", "refresh"):
                return self._text(value, own, _DEPTH)
            return self._url(value, own, _DEPTH)
        if self._kind(name, value.rpartition(" ")[2], place) is not None:
            return self._credentials(value)
        return self._text(value, place, _DEPTH)

    def _kind(self, name: str, value: str, place: Endpoint) -> str | None:
        """The kind of secret that a value under this name is, by its exact name, by the shape of the name, or by the value alone."""
        lower = name.strip().lower().removesuffix("[]")
        exact = SECRET_PARAMETERS.get(lower)
        if exact is not None:
            return exact
        if lower in self._readable or not value or place in _PUBLISHED:
            return None
        if self._shaped(name, value):
            return "opaque_value"
        return "opaque_value" if self._foreign and place not in _FHIR_PLACES and is_opaque(name, value) else None

    def _shaped(self, name: str, value: Any) -> bool:
        return isinstance(value, str) and means_secret(name) and looks_secret(value) and name.lower() not in self._readable

    def _set_cookies(self, value: str) -> str:
        """Every cookie of a header, also of one that some proxy joined from several."""
        shown: list[str] = []
        at = 0
        for match in [*_NEXT_COOKIE.finditer(value), None]:
            first, semicolon, rest = value[at : match.start() if match else len(value)].partition(";")
            shown += [self._cookie(first), semicolon, rest, match.group() if match else ""]
            at = match.end() if match else at
        return "".join(shown)

    def _cookie(self, text: str) -> str:
        name, equals, value = text.strip().partition("=")
        if not equals:
            return self.learn("cookie", name) if len(name) >= 8 else name
        self._text(unquote(value), Endpoint.OTHER, 2)
        bare = value.strip('"')
        return f"{name}={self.learn('cookie', bare)}"

    def _credentials(self, value: str) -> str:
        scheme, blank, rest = value.strip().partition(" ")
        rest = rest.strip()
        if not blank or not rest:
            return self.learn("authorization", value) if value else value
        if scheme.lower() == "basic":
            return self._basic(scheme, rest)
        if scheme.lower() in ("bearer", "dpop", "token"):
            return f"{scheme} {self.learn('access_token', rest)}"
        return f"{scheme} {self.learn('authorization', rest)}"

    def _basic(self, scheme: str, rest: str) -> str:
        try:
            padded = rest.replace("-", "+").replace("_", "/") + "=" * (-len(rest) % 4)
            user, colon, secret = base64.b64decode(padded).decode().partition(":")
        except (binascii.Error, ValueError):
            return f"{scheme} {self.learn('authorization', rest)}"
        if not colon:
            return f"{scheme} {self.learn('authorization', rest)}"
        if not secret:
            return f"{scheme} base64({user}:)"
        placeholder = self.learn("client_secret", unquote_plus(secret) if "%" in secret else secret)
        if self.registry.placeholder(secret) is None:
            self.learn("client_secret", secret)
        self.learn("authorization", rest)
        return f"{scheme} base64({user}:{placeholder})"

    # --- bodies -------------------------------------------------------------------------------------------------------------

    def _body(self, content_type: str, data: bytes, place: Endpoint, status: int) -> str:
        if not data:
            return ""
        media = content_type.partition(";")[0].strip().lower()
        if not is_text(media, data):
            return f"<{media or 'unnamed content'}, {len(data)} bytes>"
        text = data[:_PARSED_BYTES].decode(charset_of(content_type), "replace")
        if media == "application/x-www-form-urlencoded":
            return self._pairs(text, place, _DEPTH, plus=True)
        if media == "multipart/form-data":
            return self._multipart(text, place)
        start = text.lstrip("\ufeff \t\r\n")[:1]
        if media.endswith("json") or start in ("{", "["):
            parsed = self._parsed(text, place, _DEPTH)
            return self._uncertain(text, place) if parsed is None else parsed
        if "html" in media or (start == "<" and pages.looks_like_html(text)):
            return self._page(text, place, status)
        if start == "<":
            return self._xml(text, place)
        if place is not Endpoint.FHIR and _looks_like_form(text):
            return self._pairs(text, place, _DEPTH, plus=True)
        if place is Endpoint.FHIR and not self.keep_patient_data and status < 400:
            return f"{HIDDEN} ({media or 'text'}, {len(data)} bytes)"
        return self._uncertain(text, place)

    def _parsed(self, text: str, place: Endpoint, depth: int) -> str | None:
        """JSON with its secrets replaced; the very same text when there was nothing to replace; None when it is not JSON."""
        try:
            value = json.loads(text.lstrip("\ufeff"))
        except (ValueError, RecursionError):
            return None
        try:
            changed = self._json(value, place, depth)
        except RecursionError:
            return None
        if changed == value:
            return text
        return json.dumps(changed, ensure_ascii=False, indent=2 if "\n" in text.strip() else None)

    def _uncertain(self, text: str, place: Endpoint) -> str:
        """Text that could not be parsed: by names in quotes and by pairs."""
        if not self.keep_patient_data and text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[") and '"resourceType"' in text:
            outcome = re.search(r'"resourceType"\s*:\s*"(\w+)"', text)
            if outcome is None or outcome.group(1) not in ("OperationOutcome", "CapabilityStatement"):
                return f"<patient data that is not whole JSON, {len(text)} characters>"
        return self._text(text, place, _DEPTH)

    def _json(self, value: Any, place: Endpoint, depth: int) -> Any:
        if isinstance(value, dict):
            if is_resource(value) and not self.keep_patient_data:
                if place not in _PUBLISHED:
                    for name in names(value):
                        self.learn("person_name", name)
                value = reduce_resource(value, lambda url: self._url(url, Endpoint.FHIR, 2), public=place in _PUBLISHED)
            return self._object(value, place, depth)
        if isinstance(value, list):
            return [self._json(item, place, depth) for item in value]
        if isinstance(value, str):
            return self._text(value, place, depth)
        return value

    def _object(self, value: dict[str, Any], place: Endpoint, depth: int) -> dict[str, Any]:
        members = {name.lower() for name in value}
        fhir = is_resource(value) or place is Endpoint.FHIR
        oauth = not fhir and bool(members & OAUTH_SHAPE or {"code", "state"} <= members)
        key = "kty" in members
        person = not fhir and place not in _PUBLISHED and "sub" in members and not self.keep_patient_data
        result: dict[str, Any] = {}
        for name, item in value.items():
            lower = name.lower()
            kind = self._kind(name, item if isinstance(item, str) else "", place)
            if kind is not None and lower in AMBIGUOUS_IN_JSON and not oauth:
                kind = None
            if key and lower in PRIVATE_JWK_MEMBERS:
                result[name] = self._all("private_key", item)
            elif kind is not None and isinstance(item, str) and item:
                result[name] = self._secret(kind, item)
            elif kind is not None and isinstance(item, (list, dict)) and lower not in AMBIGUOUS_IN_JSON:
                result[name] = self._all(kind, item)
            elif kind is not None and isinstance(item, int) and not isinstance(item, bool) and lower in _TYPED_SECRETS:
                result[name] = self.learn(kind, str(item))
            elif isinstance(item, list) and means_secret(name) and place not in _PUBLISHED and not fhir:
                result[name] = [
                    self._secret("opaque_value", each) if self._shaped(name, each) else self._json(each, place, depth) for each in item
                ]
            elif lower in ("set-cookie", "cookie") and isinstance(item, str):
                result[name] = self._header(lower, item, place)
            elif person and lower in PERSONAL_CLAIMS:
                result[name] = PERSONAL
            else:
                result[name] = self._json(item, place, depth)
        return result

    def _all(self, kind: str, item: Any) -> Any:
        if isinstance(item, dict):
            return {name: self._all(kind, each) for name, each in item.items()}
        if isinstance(item, list):
            return [self._all(kind, each) for each in item]
        return self._secret(kind, item) if isinstance(item, str) else item

    def _text(self, text: str, place: Endpoint, depth: int) -> str:
        """Redact a string of unknown make: JSON, a URL, a query, a page, or prose with any of them inside."""
        if depth <= 0 or len(text) < 4 or text in _OWN_WORDS:
            return text
        if len(text) > 200:
            return self._read(text, place, depth)
        key = (text, place, depth)
        result = self._seen.get(key)
        if result is None:
            if len(self._seen) > 4096:
                self._seen.clear()
            result = self._seen[key] = self._read(text, place, depth)
        return result

    def _read(self, text: str, place: Endpoint, depth: int) -> str:
        self._left -= len(text)
        if self._left < 0:
            raise _TooMuchError
        if text[0] in '{["' and text[-1:] in '}]"':
            parsed = self._parsed(text, place, depth - 1)
            if parsed is not None:
                return parsed
        if "PRIVATE KEY" in text:
            text = _PEM.sub(lambda match: self.learn("private_key", match.group()), text)
        if "ey" in text or "ew" in text or "W" in text:
            text = ENCODED_JSON.sub(lambda match: self._encoded_json(match.group(), place, depth - 1), text)
        if "eyJ" in text:
            text = _JWT.sub(lambda match: self.learn("jwt", match.group()), text)
        if " " in text:
            text = _CREDENTIAL.sub(self._named_credential, text)
        if "://" in text:
            text = _URL.sub(lambda match: self._url(match.group(), place, depth - 1), text)
        if "%" in text:
            text = _ENCODED.sub(lambda match: self._encoded(match.group(), place, depth - 1), text)
        if "=" in text or ":" in text:
            text = self._quoted_fields(text, place)
            if place not in _FHIR_PLACES:
                text = _PAIR.sub(lambda match: self._plain_pair(match, place), text)
        if "</" in text:
            text = _ELEMENT.sub(lambda match: self._element(match, place), text)
        return text

    def _encoded_json(self, word: str, place: Endpoint, depth: int) -> str:
        """Base64 of JSON that holds a secret is hidden as a whole."""
        bare = word.rstrip("=").translate(_URLSAFE)
        try:
            held = base64.b64decode(bare + "=" * (-len(bare) % 4)).decode()
        except (binascii.Error, ValueError):
            return word
        changed = self._parsed(held, place, depth)
        return word if changed is None or changed == held else self.learn("opaque_value", word)

    def _element(self, match: re.Match[str], place: Endpoint) -> str:
        name, blank, value = match.groups()
        lower = name.lower()
        kind = None if lower in AMBIGUOUS_IN_JSON or place in _FHIR_PLACES else self._kind(name, value, place)
        return match.group() if kind is None else f"{match.group()[: match.start(2) - match.start()]}{blank}{self._secret(kind, value)}"

    def _encoded(self, word: str, place: Endpoint, depth: int) -> str:
        decoded = unquote(word)
        changed = self._text(decoded, place, depth)
        return word if changed == decoded else _quoted(changed)

    def _named_credential(self, match: re.Match[str]) -> str:
        scheme, blank, rest = match.groups()
        if scheme.lower() == "basic":
            return self._basic(scheme, rest)
        return f"{scheme}{blank}{self.learn('access_token', rest)}"

    def _quoted_fields(self, text: str, place: Endpoint) -> str:
        """Values in quotes after a secret's name and a colon or an equals sign, to the same quote or the end of the line."""
        parts: list[str] = []
        at = limit = 0
        while (match := _QUOTED.search(text, at)) is not None:
            if limit <= match.end():
                line = text.find("\n", match.end())
                limit = len(text) if line < 0 else line
            end = text.find(match.group(4), match.end(), limit)
            end = limit if end < 0 else end
            value = text[match.end() : end]
            bare = value.rstrip("\\")
            name = match.group(2).rpartition(".")[2]
            kind = None if name.lower() in AMBIGUOUS_IN_JSON else self._kind(name, bare, place)
            parts.append(text[at : match.end()])
            at = match.end()
            if kind is not None and bare and not bare.startswith("<"):
                parts += [self.learn(kind, bare), value[len(bare) :]]
                at = end
        return "".join([*parts, text[at:]])

    def _plain_pair(self, match: re.Match[str], place: Endpoint) -> str:
        name, value = match.groups()
        kind = None if value.startswith("<") else self._kind(name.rpartition(".")[2], unquote_plus(value), place)
        return match.group() if kind is None else f"{name}={self.learn(kind, unquote_plus(value))}"

    def _multipart(self, text: str, place: Endpoint) -> str:
        return "\n--".join(self._part(part, place) for part in text.split("\n--"))

    def _part(self, part: str, place: Endpoint) -> str:
        """One part of a multipart body: what its header names a secret is one, whatever is in it."""
        blank = _BLANK_LINE.search(part, 0, _LONGEST_PART_HEADER)
        named = _PART_NAME.search(part, 0, blank.start()) if blank is not None else None
        if blank is None or named is None:
            return self._text(part, place, _DEPTH)
        value = part[blank.end() :].removesuffix("\r")
        kind = self._kind(named.group(1), value, place)
        shown = self._secret(kind, value) if kind and value else self._text(value, place, _DEPTH)
        return self._text(part[: blank.end()], place, _DEPTH) + shown + part[blank.end() + len(value) :]

    def _xml(self, text: str, place: Endpoint) -> str:
        if re.search(r"<(?:\w+:)?(?:Response|Assertion|AuthnRequest|LogoutRequest)\b[^>]*urn:oasis:names:tc:SAML", text[:4000]):
            return self.learn("saml", text)
        if "http://hl7.org/fhir" in text[:2000] and not self.keep_patient_data and place not in _PUBLISHED:
            text = reduce_xml(text)
        return self._text(text, place, _DEPTH)

    def _page(self, text: str, place: Endpoint, status: int) -> str:
        def attribute(name: str, value: str) -> str:
            if name.startswith("data-") and self._kind(name, value, place) is not None:
                return self._secret("opaque_value", value)
            if name in _ADDRESS_ATTRIBUTES:
                return self._text(self._url(value, Endpoint.OTHER, _DEPTH), Endpoint.OTHER, 2) if "=" in value or "%" in value else value
            return self._text(value, place, 3) if len(value) >= 8 else value

        def words(text: str) -> str:
            return self._text(text, place, _DEPTH)

        keep = self.keep_patient_data or status >= 400
        return pages.redact(text, attribute=attribute, field=self._input, words=words, keep_words=keep)

    def _input(self, name: str, kind: str, value: str) -> str:
        secret = self._kind(name, value, Endpoint.OTHER)
        if kind == "meta":
            return value if secret is None else self._secret(secret, value)
        if kind == "password":
            return self.learn(secret or "password", value)
        if secret is not None:
            return self._secret(secret, value)
        if kind == "hidden" and name.lower() not in pages.OPEN_FIELDS and len(value) >= 6:
            nested = self._text(value, Endpoint.OTHER, _DEPTH)
            return nested if nested != value else self.learn("form_value", value)
        if kind in _TYPED and not self.keep_patient_data and name.lower() not in pages.OPEN_FIELDS:
            return PERSONAL
        return self._text(value, Endpoint.OTHER, _DEPTH)


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value with every text in it changed, names of members as well."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key) if isinstance(key, str) else key: each_text(item, change) for key, item in value.items()}
    return [each_text(item, change) for item in value] if isinstance(value, (list, tuple)) else value


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names of members as well."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from texts_in(name)
            yield from texts_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts_in(item)


def not_kept(size: int) -> str:
    """What stands for a body that is not in the evidence because looking through it would have taken too long."""
    return f"{NOT_KEPT}: {size} bytes>"


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}\n… {len(text) - _SHOWN} characters left out"


def _place(endpoint: Endpoint | str) -> Endpoint:
    try:
        return Endpoint(endpoint)
    except ValueError:
        return Endpoint.OTHER


def _quoted(text: str) -> str:
    """Percent-encode only what would break the query, so that placeholders stay readable."""
    return quote(text, safe=_READABLE)


def _is_compound(value: str) -> bool:
    return len(value) >= 6 and any(mark in value for mark in ("=", "%", "{", "eyJ", "://", "Bearer", "\\"))


def _looks_like_form(text: str) -> bool:
    return "=" in text and "\n" not in text.strip() and " " not in text.strip() and re.match(r"[\w.%\[\]-]+=", text.strip()) is not None


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _json_part(part: str) -> dict[str, Any] | None:
    try:
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
