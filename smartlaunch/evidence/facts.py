"""What can be said of an exchange without telling a secret.

A verifier, a code or a token disappears when an exchange is redacted, and with it the answer to most questions about a failed
launch: did the verifier fit the challenge, was the code spent before, how old was the token. So the answers are taken first, as
plain facts, and stored with the exchange. Reports and diagnosis read facts and redacted messages only.

``FlowMemory`` holds the raw values of one process; ``derive`` reads an exchange, answers with its facts and remembers what later
exchanges will be compared with. A fact that cannot be known is absent, never false. Values that were redacted before they came
here (a HAR that this suite wrote) still compare for equality, because equal values have equal placeholders.

Facts, by exchange:

- any request: ``origin``, ``frame``, ``bearer_present``, ``secret_in_url``
- a page: ``page``, what the browser found on it (``login``, ``patient``, ``consent`` and so on)
- any answer: ``error``, ``error_description``, ``error_uri``, ``media_type``, ``clock_offset_s``, ``cors_origin``, ``cors_credentials``,
  ``cors_wildcard_with_credentials``
- launch: ``launch_iss``, ``launch_present``, ``launch_length``, ``launch_uri``
- discovery: ``fhir_base``, ``issuer``, ``authorization_endpoint``, ``token_endpoint``, ``capabilities``, ``scopes_supported``,
  ``challenge_methods``, ``auth_methods``
- authorize: ``client_id``, ``redirect_uri``, ``aud``, ``aud_equals_base``, ``aud_slash_differs``, ``response_type``, ``prompt``,
  ``scope_requested``, ``state_present``, ``state_length``, ``state_reused``, ``launch_present``, ``launch_length``, ``launch_equal``,
  ``launch_reused``, ``code_challenge_present``, ``code_challenge_base64url``, ``code_challenge_method``, ``code_challenge_length``,
  ``authorize_method``, ``endpoint_as_discovered``
- redirect to the app: ``code_present``, ``state_returned``, ``state_returned_equal``, ``redirect_uri_returned_equal``
- token: ``grant_type``, ``client_auth``, ``client_id``, ``client_id_equal``, ``redirect_uri``, ``redirect_uri_equal``, ``challenge_sent``,
  ``verifier_present``, ``verifier_length``, ``verifier_unreserved``, ``verifier_matches_challenge``, ``verifier_match_unpadded``,
  ``code_present``, ``code_known``, ``code_reused``, ``seconds_since_code``, ``scope_requested``, ``refresh_token_known``
- client authentication: ``basic_well_formed``, ``basic_secret_empty``, ``basic_percent_encoded``, ``assertion`` (header, non-personal
  claims), ``assertion_is_jwt``, ``assertion_lifetime_s``, ``assertion_age_s``, ``assertion_expired``,
  ``assertion_aud_equals_token_endpoint``, ``assertion_iss_equals_sub``, ``assertion_jti_reused``
- token answer: ``scope_granted``, ``scope_dropped``, ``scope_added``, ``expires_in``, ``token_type``, ``refresh_token_present``,
  ``id_token_present``, ``context`` (names of the launch parameters that came), ``access_token_is_jwt``, ``id_token`` (header, claims)
- FHIR: ``resource_type``, ``interaction``, ``fhir_base_equal``, ``bearer_is_jwt``, ``bearer_looks_like_assertion``, ``bearer_known``,
  ``bearer_kind``, ``token_age_s``, ``token_expired``, ``scope_granted``, ``www_authenticate``
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.addresses import parameters_of
from smartlaunch.exchange import Actor, Endpoint, Exchange

JSON = Any
Facts = dict[str, JSON]

PLACEHOLDER = re.compile(r"^<[a-z_]+ \d+[^>]*>$")
LAUNCH_PARAMETERS = ("patient", "encounter", "need_patient_banner", "intent", "smart_style_url", "tenant", "fhirContext", "fhirUser")
"""Launch context parameters of a token answer whose presence is a fact; their values are not."""

_UNRESERVED = re.compile(r"^[A-Za-z0-9\-._~]*$")
_BASE64URL = re.compile(r"^[A-Za-z0-9\-_]*$")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_JWT = re.compile(r"^[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]*$")
_RESOURCE = re.compile(r"^[A-Z][A-Za-z]{2,40}$")
_CHALLENGE_PARAMETER = re.compile(r'([A-Za-z_-]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))')
_SECRET_PARAMETERS = ("access_token", "refresh_token", "client_secret", "id_token", "password", "code_verifier", "client_assertion")
_ASSERTION_CLAIMS = ("iss", "sub", "aud", "exp", "iat", "nbf")
_ID_TOKEN_CLAIMS = ("iss", "aud", "azp", "exp", "iat", "nbf", "acr", "auth_time")
_LIMIT = 4000
"""Longest text kept as a fact; an endless parameter is cut, so that facts stay small."""


@dataclass
class Authorization:
    """One authorization request as the app sent it, raw."""

    client_id: str = ""
    redirect_uri: str = ""
    scope: str = ""
    state: str = ""
    code_challenge: str = ""
    code_challenge_method: str = ""
    launch: str = ""
    aud: str = ""


@dataclass
class Token:
    """What is known of a token that was issued here."""

    kind: str
    issued: datetime
    expires_in: float | None = None
    scopes: list[str] | None = None


@dataclass
class FlowMemory:
    """Raw values seen in this process; holds secrets and is never written anywhere."""

    by_state: dict[str, Authorization] = field(default_factory=dict)
    last_authorization: Authorization | None = None
    codes: dict[str, tuple[datetime, Authorization | None]] = field(default_factory=dict)
    spent_codes: dict[str, int] = field(default_factory=dict)
    launches: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    assertion_ids: set[str] = field(default_factory=set)
    assertions: set[str] = field(default_factory=set)
    fhir_bases: list[str] = field(default_factory=list)
    authorization_endpoints: set[str] = field(default_factory=set)
    token_endpoints: set[str] = field(default_factory=set)

    def remember_launch(self, launch: str) -> None:
        """Say that the EHR gave this launch value, when it did not come by an exchange that is recorded."""
        if launch:
            self.launches.setdefault(launch, 0)

    def remember_base(self, base: str) -> None:
        """Say that the app works on this FHIR base URL."""
        if base and base not in self.fhir_bases:
            self.fhir_bases.append(base)


def derive(exchange: Exchange, memory: FlowMemory) -> Facts:
    """The non-secret facts of an exchange; later calls with the same memory are compared with it.

    Order matters: call once for each exchange, in the order sent.
    """
    facts: Facts = {}
    query = first_values(parameters_of(exchange.request.url))
    _common(exchange, query, facts)
    match exchange.endpoint:
        case Endpoint.LAUNCH:
            _launch(exchange, query, memory, facts)
        case Endpoint.DISCOVERY | Endpoint.OPENID_CONFIGURATION | Endpoint.METADATA:
            _discovery(exchange, memory, facts)
        case Endpoint.AUTHORIZE:
            _authorize(exchange, query, memory, facts)
        case Endpoint.REDIRECT:
            _redirect(exchange.request.url, query | _form(exchange), exchange.started, memory, facts)
        case Endpoint.TOKEN:
            _token(exchange, memory, facts)
        case Endpoint.FHIR:
            _fhir(exchange, memory, facts)
        case _:
            pass
    if exchange.endpoint in (Endpoint.AUTHORIZE, Endpoint.PAGE):
        _location(exchange, memory, facts)
    return {key: value for key, value in facts.items() if value is not None}


def is_redacted(value: str) -> bool:
    """Whether a value is a placeholder of the redactor and not the value itself."""
    return value.startswith("<") and PLACEHOLDER.match(value) is not None


def first_values(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The first value of each name."""
    found: dict[str, str] = {}
    for key, value in pairs:
        found.setdefault(key, value)
    return found


def s256(verifier: str) -> str:
    """The S256 code challenge of a verifier, without padding."""
    digest = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def split_jwt(token: str) -> tuple[dict[str, JSON], dict[str, JSON]] | None:
    """Header and claims of a compact JWS without any check of its signature, or None."""
    if not _JWT.match(token):
        return None
    header, claims = (_segment(part) for part in token.split(".")[:2])
    return None if header is None or claims is None else (header, claims)


def same_url(left: str, right: str) -> bool:
    """Whether two URLs differ at most by trailing slashes."""
    return left.rstrip("/") == right.rstrip("/")


def fhir_path(url: str) -> tuple[str, str, str]:
    """Base, resource type and kind of interaction of a FHIR request URL, as far as its path shows them."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", "", ""
    segments = parts.path.split("/")
    for index, segment in enumerate(segments):
        if _RESOURCE.match(segment) and segment not in ("R4", "STU3", "DSTU2", "FHIR", "API", "STU", "R4B"):
            rest = [part for part in segments[index + 1 :] if part]
            base = f"{parts.scheme}://{parts.netloc}{'/'.join(segments[:index])}"
            return base, segment, "read" if rest and not rest[0].startswith(("_", "$")) else "search"
    return "", "", ""


def parse_www_authenticate(value: str) -> dict[str, str]:
    """The parameters of a challenge, tolerant of servers that forget commas and quotes."""
    scheme, _, rest = value.partition(" ")
    found = {"scheme": scheme[:40]}
    for name, quoted, bare in _CHALLENGE_PARAMETER.findall(rest[:_LIMIT]):
        found.setdefault(name.lower(), quoted or bare)
    return found


def _of_a_script(exchange: Exchange, origin: str) -> bool:
    """Whether a browser holds an answer to the rules of CORS: a form names an origin as well, and a script of the same one is free."""
    own = urlsplit(exchange.request.url)
    return (
        bool(origin)
        and origin.lower() != f"{own.scheme}://{own.netloc}".lower()
        and exchange.request.header("sec-fetch-mode") != "navigate"
    )


def _common(exchange: Exchange, query: Mapping[str, str], facts: Facts) -> None:
    request, answer = exchange.request, exchange.heard
    if origin := request.header("origin"):
        facts["origin"] = origin[:_LIMIT]
    if (frame := request.header("sec-fetch-dest")) in ("iframe", "frame"):
        facts["frame"] = frame
    if (request.header("authorization") or "").lower().startswith("bearer"):
        facts["bearer_present"] = True
    exposed = [name for name in _SECRET_PARAMETERS if query.get(name)]
    if exposed:
        facts["secret_in_url"] = exposed
    if exchange.response is None:
        return
    if exchange.page:
        facts["page"] = exchange.page
    if answer.media_type:
        facts["media_type"] = answer.media_type
    if allowed := answer.header("access-control-allow-origin"):
        facts["cors_origin"] = allowed[:_LIMIT]
        facts["cors_credentials"] = (answer.header("access-control-allow-credentials") or "").strip().lower() == "true"
        if allowed.strip() == "*" and request.header("cookie") and _of_a_script(exchange, origin or ""):
            facts["cors_wildcard_with_credentials"] = True
    facts["clock_offset_s"] = _clock_offset(answer.header("date"), exchange)
    if answer.status >= 400 and exchange.endpoint is not Endpoint.FHIR:
        _error(answer.object, facts)


def _error(body: Mapping[str, JSON], facts: Facts) -> None:
    for name in ("error", "error_description", "error_uri"):
        value = body.get(name)
        if isinstance(value, str):
            facts[name] = value[:_LIMIT]


def _launch(exchange: Exchange, query: Mapping[str, str], memory: FlowMemory, facts: Facts) -> None:
    launch, iss = query.get("launch", ""), query.get("iss", "")
    facts["launch_present"] = bool(launch)
    facts["launch_uri"] = exchange.request.url.split("?", 1)[0][:_LIMIT]
    if launch:
        facts["launch_length"] = len(launch)
        memory.remember_launch(launch)
    if iss:
        facts["launch_iss"] = iss[:_LIMIT]
        memory.remember_base(iss)


def _discovery(exchange: Exchange, memory: FlowMemory, facts: Facts) -> None:
    url, body = exchange.request.url.split("?", 1)[0], exchange.heard.object
    for suffix in ("/.well-known/smart-configuration", "/metadata"):
        if url.endswith(suffix):
            facts["fhir_base"] = url.removesuffix(suffix)[:_LIMIT]
            memory.remember_base(url.removesuffix(suffix))
    for name in ("issuer", "authorization_endpoint", "token_endpoint"):
        if isinstance(body.get(name), str):
            facts[name] = body[name][:_LIMIT]
    for source, name in (
        ("capabilities", "capabilities"),
        ("scopes_supported", "scopes_supported"),
        ("code_challenge_methods_supported", "challenge_methods"),
        ("token_endpoint_auth_methods_supported", "auth_methods"),
    ):
        if isinstance(body.get(source), list):
            facts[name] = [item for item in body[source][:400] if isinstance(item, str)]
    if exchange.endpoint is Endpoint.DISCOVERY:
        for name, known in (("authorization_endpoint", memory.authorization_endpoints), ("token_endpoint", memory.token_endpoints)):
            if name in facts:
                known.add(facts[name])


def _authorize(exchange: Exchange, query: Mapping[str, str], memory: FlowMemory, facts: Facts) -> None:
    sent = {**query, **_form(exchange)}
    if "response_type" not in sent and "client_id" not in sent:
        return
    asked = Authorization(**{name.name: sent.get(name.name, "") for name in fields(Authorization)})
    facts["authorize_method"] = exchange.request.method.upper()
    for name in ("client_id", "redirect_uri", "aud", "response_type", "prompt", "code_challenge_method"):
        if name in sent:
            facts[name] = sent[name][:_LIMIT]
    facts["scope_requested"] = _scopes(asked.scope)
    facts["state_present"] = bool(asked.state)
    if asked.state:
        facts["state_length"] = _length(asked.state)
        facts["state_reused"] = asked.state in memory.by_state
    _challenge(asked.code_challenge, facts)
    facts["launch_present"] = "launch" in sent
    if "launch" in sent:
        facts["launch_length"] = _length(asked.launch)
        if memory.launches:
            facts["launch_equal"] = asked.launch in memory.launches
        facts["launch_reused"] = memory.launches.get(asked.launch, 0) > 0
        memory.launches[asked.launch] = memory.launches.get(asked.launch, 0) + 1
    if asked.aud and memory.fhir_bases:
        facts["aud_equals_base"] = asked.aud in memory.fhir_bases
        facts["aud_slash_differs"] = not facts["aud_equals_base"] and any(same_url(asked.aud, base) for base in memory.fhir_bases)
    if memory.authorization_endpoints:
        facts["endpoint_as_discovered"] = any(
            exchange.request.url.split("?", 1)[0] == known.split("?", 1)[0] for known in memory.authorization_endpoints
        )
    memory.last_authorization = asked
    if asked.state:
        memory.by_state[asked.state] = asked


def _challenge(challenge: str, facts: Facts) -> None:
    facts["code_challenge_present"] = bool(challenge)
    if challenge and not is_redacted(challenge):
        facts["code_challenge_length"] = len(challenge)
        facts["code_challenge_base64url"] = _BASE64URL.match(challenge) is not None


def _location(exchange: Exchange, memory: FlowMemory, facts: Facts) -> None:
    """Read the answer that sends the browser on, which may be the authorization response itself."""
    location = exchange.heard.header("location") or ""
    if not location or "?" not in location + location.replace("#", "?"):
        return
    parameters = first_values(parameters_of(location))
    if "code" in parameters or "error" in parameters:
        _redirect(location, parameters, exchange.started, memory, facts)


def _redirect(url: str, sent: Mapping[str, str], when: datetime, memory: FlowMemory, facts: Facts) -> None:
    if not sent and "#" in url:
        sent = first_values(parameters_of(url))
    code, state = sent.get("code", ""), sent.get("state", "")
    asked = memory.by_state.get(state) or memory.last_authorization
    facts["code_present"] = bool(code)
    facts["state_returned"] = bool(state)
    if asked is not None:
        facts["state_returned_equal"] = state == asked.state
        if asked.redirect_uri and not is_redacted(asked.redirect_uri):
            facts["redirect_uri_returned_equal"] = url.startswith(asked.redirect_uri)
    _error(sent, facts)
    if code:
        memory.codes.setdefault(code, (when, asked))


def _token(exchange: Exchange, memory: FlowMemory, facts: Facts) -> None:
    form = _form(exchange)
    grant = form.get("grant_type", "")
    facts["grant_type"] = grant[:200]
    basic_id = _client_authentication(exchange, form, facts)
    client_id = form.get("client_id") or basic_id
    if client_id:
        facts["client_id"] = client_id[:_LIMIT]
    if "scope" in form:
        facts["scope_requested"] = _scopes(form["scope"])
    asked: Authorization | None = None
    if grant == "authorization_code":
        asked = _code_exchange(exchange, form, client_id, memory, facts)
    elif grant == "refresh_token":
        token = memory.tokens.get(form.get("refresh_token", ""))
        facts["refresh_token_present"] = bool(form.get("refresh_token"))
        facts["refresh_token_known"] = token is not None
    _assertion(exchange, form.get("client_assertion", ""), memory, facts)
    _token_answer(exchange, grant, form, asked, memory, facts)


def _client_authentication(exchange: Exchange, form: Mapping[str, str], facts: Facts) -> str:
    """Name how the client showed who it is; answers with the client id of a Basic header."""
    header = exchange.request.header("authorization") or ""
    scheme, _, value = header.partition(" ")
    client_id = ""
    if scheme.lower() == "basic":
        facts["client_auth"] = "client_secret_basic"
        try:
            decoded = base64.b64decode(value.strip(), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            if not is_redacted(value.strip()):
                facts["basic_well_formed"] = False
            return ""
        client_id, colon, secret = decoded.partition(":")
        facts["basic_well_formed"] = bool(colon) and bool(client_id)
        facts["basic_secret_empty"] = not secret
        facts["basic_percent_encoded"] = _PERCENT.search(decoded) is not None
    elif scheme:
        facts["client_auth"] = f"authorization {scheme.lower()}"[:60]
    elif "client_assertion" in form:
        facts["client_auth"] = "private_key_jwt"
    elif form.get("client_secret"):
        facts["client_auth"] = "client_secret_post"
    else:
        facts["client_auth"] = "none"
    return client_id


def _code_exchange(exchange: Exchange, form: Mapping[str, str], client_id: str, memory: FlowMemory, facts: Facts) -> Authorization | None:
    code, verifier = form.get("code", ""), form.get("code_verifier", "")
    issued, asked = memory.codes.get(code, (None, None))
    facts["code_present"] = bool(code)
    if code:
        if memory.codes:
            facts["code_known"] = issued is not None
        facts["code_reused"] = memory.spent_codes.get(code, 0) > 0
        memory.spent_codes[code] = memory.spent_codes.get(code, 0) + 1
        if issued is not None:
            facts["seconds_since_code"] = _seconds(issued, exchange.started)
    if asked is None and len(memory.by_state) <= 1:
        asked = memory.last_authorization
    facts["verifier_present"] = bool(verifier)
    if verifier and not is_redacted(verifier):
        facts["verifier_length"] = len(verifier)
        facts["verifier_unreserved"] = _UNRESERVED.match(verifier) is not None
    if asked is not None:
        if "redirect_uri" in form:
            facts["redirect_uri_equal"] = form["redirect_uri"] == asked.redirect_uri
        if client_id and asked.client_id:
            facts["client_id_equal"] = client_id == asked.client_id
        facts["challenge_sent"] = bool(asked.code_challenge)
        if verifier and asked.code_challenge and not (is_redacted(verifier) or is_redacted(asked.code_challenge)):
            expected = verifier if asked.code_challenge_method == "plain" else s256(verifier)
            facts["verifier_matches_challenge"] = expected == asked.code_challenge
            if not facts["verifier_matches_challenge"]:
                plain = asked.code_challenge.replace("+", "-").replace("/", "_").replace(" ", "-").rstrip("=")
                facts["verifier_match_unpadded"] = expected == plain
    if "redirect_uri" in form:
        facts["redirect_uri"] = form["redirect_uri"][:_LIMIT]
    return asked


def _assertion(exchange: Exchange, assertion: str, memory: FlowMemory, facts: Facts) -> None:
    if not assertion:
        return
    memory.assertions.add(assertion)
    parts = split_jwt(assertion)
    facts["assertion_is_jwt"] = parts is not None if not is_redacted(assertion) else None
    if parts is None:
        return
    header, claims = parts
    kept = {name: claims[name] for name in _ASSERTION_CLAIMS if name in claims}
    facts["assertion"] = {
        "header": {name: header[name] for name in ("alg", "kid", "typ", "jku") if name in header},
        "claims": kept,
        "jti_present": bool(claims.get("jti")),
    }
    facts["assertion_iss_equals_sub"] = claims.get("iss") is not None and claims.get("iss") == claims.get("sub")
    audience = claims.get("aud")
    if isinstance(audience, str):
        facts["assertion_aud_equals_token_endpoint"] = audience == exchange.request.url
    elif isinstance(audience, list):
        facts["assertion_aud_equals_token_endpoint"] = exchange.request.url in audience
    now = _epoch(exchange.started)
    expires, issued = _number(claims.get("exp")), _number(claims.get("iat"))
    if expires is not None and now is not None:
        facts["assertion_lifetime_s"] = round(expires - (issued if issued is not None else now))
        facts["assertion_expired"] = expires < now
    if issued is not None and now is not None:
        facts["assertion_age_s"] = round(now - issued)
    if isinstance(jti := claims.get("jti"), str):
        facts["assertion_jti_reused"] = jti in memory.assertion_ids
        memory.assertion_ids.add(jti)


def _token_answer(
    exchange: Exchange, grant: str, form: Mapping[str, str], asked: Authorization | None, memory: FlowMemory, facts: Facts
) -> None:
    body = exchange.heard.object
    access = body.get("access_token")
    if exchange.heard.status != 200 or not isinstance(access, str):
        return
    scope = body.get("scope")
    granted = _scopes(scope) if isinstance(scope, str) else None
    requested: list[str] | None = None
    if grant == "authorization_code" and asked is not None:
        requested = _scopes(asked.scope)
    elif "scope" in form:
        requested = _scopes(form["scope"])
    elif grant == "refresh_token" and (old := memory.tokens.get(form.get("refresh_token", ""))) is not None:
        requested = old.scopes
    facts["scope_granted"] = granted
    if requested is not None and granted is not None:
        facts["scope_requested"] = requested
        facts["scope_dropped"] = [s for s in requested if s not in granted]
        facts["scope_added"] = [s for s in granted if s not in requested]
    facts["token_type"] = body["token_type"][:80] if isinstance(body.get("token_type"), str) else None
    facts["expires_in"] = _number(body.get("expires_in"))
    facts["context"] = [name for name in LAUNCH_PARAMETERS if body.get(name) not in (None, "")]
    facts["access_token_is_jwt"] = split_jwt(access) is not None if not is_redacted(access) else None
    memory.tokens[access] = Token("access_token", exchange.started, facts["expires_in"], granted)
    refresh, id_token = body.get("refresh_token"), body.get("id_token")
    facts["refresh_token_present"] = isinstance(refresh, str) and bool(refresh)
    facts["id_token_present"] = isinstance(id_token, str) and bool(id_token)
    if isinstance(refresh, str) and refresh:
        memory.tokens[refresh] = Token("refresh_token", exchange.started, None, granted)
    if isinstance(id_token, str) and id_token:
        memory.tokens[id_token] = Token("id_token", exchange.started)
        if (parts := split_jwt(id_token)) is not None:
            header, claims = parts
            facts["id_token"] = {
                "header": {name: header[name] for name in ("alg", "kid", "typ") if name in header},
                "claims": {name: claims[name] for name in _ID_TOKEN_CLAIMS if name in claims},
                "names": sorted(str(name)[:80] for name in claims)[:60],
            }


def _fhir(exchange: Exchange, memory: FlowMemory, facts: Facts) -> None:
    base, resource, interaction = fhir_path(exchange.request.url)
    if resource:
        facts["resource_type"] = resource
        method = exchange.request.method.upper()
        facts["interaction"] = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}.get(method, interaction)
        if exchange.request.url.split("?", 1)[0].rstrip("/").endswith("/_search"):
            facts["interaction"] = "search"
        if memory.fhir_bases:
            facts["fhir_base_equal"] = any(same_url(base, known) for known in memory.fhir_bases)
    header = exchange.request.header("authorization") or ""
    scheme, _, value = header.partition(" ")
    value = value.strip()
    facts["bearer_present"] = scheme.lower() == "bearer" and bool(value)
    if facts["bearer_present"]:
        _bearer(value, exchange, memory, facts)
    if challenge := exchange.heard.header("www-authenticate"):
        facts["www_authenticate"] = parse_www_authenticate(challenge[:_LIMIT])


def _bearer(value: str, exchange: Exchange, memory: FlowMemory, facts: Facts) -> None:
    if not is_redacted(value):
        parts = split_jwt(value)
        facts["bearer_is_jwt"] = parts is not None
        if parts is not None:
            claims = parts[1]
            facts["bearer_looks_like_assertion"] = claims.get("iss") is not None and claims.get("iss") == claims.get("sub")
    token = memory.tokens.get(value)
    if value in memory.assertions:
        facts["bearer_kind"] = "client_assertion"
    elif value in memory.codes:
        facts["bearer_kind"] = "code"
    elif token is not None:
        facts["bearer_kind"] = token.kind
    if memory.tokens:
        facts["bearer_known"] = token is not None
    if token is not None and (age := _seconds(token.issued, exchange.started)) is not None:
        facts["token_age_s"] = age
        if token.expires_in is not None:
            facts["token_expired"] = age >= token.expires_in
    if token is not None and token.scopes is not None:
        facts["scope_granted"] = token.scopes


def _form(exchange: Exchange) -> dict[str, str]:
    try:
        return first_values(exchange.request.form)
    except ValueError:
        return {}


def _scopes(text: str) -> list[str]:
    """The scopes of a space separated list in order, each once."""
    return list(dict.fromkeys(text[: _LIMIT * 4].split()))


def _length(value: str) -> int | None:
    """The length of a value, also of a placeholder that says it."""
    if is_redacted(value):
        said = re.search(r"length (\d+)", value)
        return int(said.group(1)) if said else None
    return len(value)


def _segment(part: str) -> dict[str, JSON] | None:
    try:
        decoded = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None


def _number(value: JSON) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value if abs(value) < 1e15 else None
    if isinstance(value, str) and re.fullmatch(r"\d{1,12}", value):
        return int(value)
    return None


def _seconds(start: datetime, end: datetime) -> float | None:
    try:
        return round((end - start).total_seconds(), 3)
    except (TypeError, OverflowError):
        return None


def _epoch(when: datetime) -> float | None:
    try:
        return when.timestamp()
    except (OverflowError, OSError, ValueError):
        return None


def _clock_offset(date: str | None, exchange: Exchange) -> float | None:
    """Seconds that the server's clock is ahead of ours; differences within the resolution of the header are none."""
    if not date or exchange.actor is Actor.BROWSER:
        return None
    try:
        theirs = parsedate_to_datetime(date)
        ours = exchange.started.timestamp() + exchange.duration_ms / 1000
        offset = theirs.timestamp() - ours
    except (TypeError, ValueError, OverflowError, OSError, IndexError):
        return None
    return 0.0 if abs(offset) < 5 else float(round(offset))
