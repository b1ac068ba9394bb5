"""Read recorded exchanges: those of a run, and those of a HAR.

Exchanges are cut into flows, one for each authorization request (or token request of a backend service), and each flow becomes one
material. What a later step proves right is not held against the flow: when a code came, the authorization request was good, and
when a token came, so was the token request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

from smartlaunch.addresses import parameters_of
from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.inputs import tokens
from smartlaunch.diagnosis.inputs.weblinks import collect_urns, host_of, read_authorize_url, read_error_uri
from smartlaunch.diagnosis.material import FhirCall, Material
from smartlaunch.diagnosis.request_faults import UNFILLED
from smartlaunch.evidence.facts import FlowMemory, derive
from smartlaunch.evidence.har.entries import HarReport, read_entries
from smartlaunch.evidence.har.exchanges import exchanges_of, read_har, recorded
from smartlaunch.evidence.redaction import Redactor
from smartlaunch.exchange import Endpoint, Exchange, RecordedExchange, Response
from smartlaunch.markup import words

_TEXT_LIMIT = 3000
_AUTHORIZE = re.compile(r"(?i)/(?:authorize|authorise|auth)(?:[?#]|$)")
_MOST_EXCHANGES = 5000
_KEPT = frozenset(e.value for e in Endpoint) - {Endpoint.OTHER.value, Endpoint.STYLE.value, Endpoint.BRANDS.value}
_AUTHORIZE_ONLY = (
    "aud_present",
    "aud_equals_base",
    "aud_slash_differs",
    "code_challenge_present",
    "launch_equal",
    "launch_changed",
    "launch_reused",
    "endpoint_as_discovered",
)
_TOKEN_ONLY = (
    "verifier_present", "verifier_length", "verifier_unreserved", "verifier_matches_challenge", "verifier_match_unpadded", "challenge_sent",
    "code_challenge_base64url", "code_challenge_method", "redirect_uri_equal", "client_id_equal", "code_reused", "seconds_since_code",
    "basic_percent_encoded", "basic_well_formed", "basic_secret_empty", "assertion", "assertion_iss_equals_sub", "assertion_lifetime_s",
    "assertion_age_s", "assertion_expired", "assertion_jti_reused", "assertion_aud_equals_token_endpoint", "auth_missing",
)  # fmt: skip


@dataclass
class Reading:
    """The exchanges of a HAR, redacted, and what the reader had to say about the file."""

    exchanges: list[RecordedExchange] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_har_file(path: Path, redactor: Redactor | None = None) -> Reading:
    """Read a HAR as a stream; keeps the messages of the flow only, redacted, with their facts.

    A HAR that this suite wrote brings its facts along; for any other they are derived here, before redaction. Entries are taken in the
    order of their start, which is not everywhere the order of the file.
    """
    report = HarReport()
    if _is_own(path):
        found = Reading()
        found.exchanges = [own for _, item in read_entries(path, report) if (own := recorded(item)) is not None]
        found.warnings += [*report.skipped, *report.warnings]
        return found
    return _reading(read_har(path, report, in_order=True), report, redactor or Redactor(foreign=True))


def read_har_items(items: list[dict[str, Any]], redactor: Redactor | None = None) -> Reading:
    """The same for entries that came without the frame of a HAR."""
    report = HarReport()
    return _reading(exchanges_of(enumerate(items, 1), report, in_order=True), report, redactor or Redactor(foreign=True))


def _reading(exchanges: Iterable[Exchange], report: HarReport, clean: Redactor) -> Reading:
    found, memory, spelling, hidden = Reading(), FlowMemory(), Spelling(), True
    for exchange in exchanges:
        facts = derive(exchange, memory)
        spelling.look(exchange, facts)
        sensitive = ("authorization", "cookie", "set-cookie")
        hidden = hidden and not any(k.lower() in sensitive for k, _ in (*exchange.request.headers, *exchange.heard.headers))
        if exchange.endpoint.value in _KEPT or _tells(exchange, facts):
            kept = clean.exchange(exchange)
            kept.facts = facts
            found.exchanges.append(kept)
        if len(found.exchanges) >= _MOST_EXCHANGES:
            found.warnings.append(f"only the first {_MOST_EXCHANGES} exchanges of the flow were read")
            break
    if hidden and found.exchanges and (not report.creator or report.creator.startswith("WebInspector")):
        _forget_hidden(found)
    found.warnings += [*report.skipped, *report.warnings]
    return found


def _forget_hidden(found: Reading) -> None:
    """A browser that saves "sanitized" leaves out credentials and cookies: that they are not in the file says nothing of the request."""
    for item in found.exchanges:
        if item.facts.get("bearer_present") is False:
            del item.facts["bearer_present"]
        if item.endpoint == Endpoint.TOKEN and item.facts.get("client_auth") == "none":
            item.facts.pop("client_auth")
    found.warnings.append(
        "no request in the file has an Authorization header or a cookie: the browser saved it sanitized, so nothing is said about them; "
        "save it with sensitive data to see (a ticket is written without it all the same)"
    )


def _token_request(exchange: Exchange, facts: dict[str, Any]) -> None:
    """Notice a token request at the authorization endpoint, its parameters in the address, and a code that is named and not given.

    A code without a value at the end of the form may be one that was cut off.
    """
    request = exchange.request
    if request.method == "POST" and b"grant_type=" in request.body and _AUTHORIZE.search(request.url):
        facts["token_request_at_authorize"] = True
    if exchange.endpoint is not Endpoint.TOKEN:
        return
    sent = dict(request.form)
    if "grant_type" in dict(parameters_of(request.url)) and "grant_type" not in sent:
        facts["token_parameters_in_query"] = True
    unfilled = sent.get("code") == "" or sent.get("code") in UNFILLED
    if unfilled and sent.get("grant_type") == "authorization_code" and list(sent)[-1] != "code":
        facts["code_empty"] = True


class Spelling:
    """Notices what became of a value on its way through the app, while the raw values are at hand."""

    def __init__(self) -> None:
        self._launches: list[str] = []

    def look(self, exchange: Exchange, facts: dict[str, Any]) -> None:
        """Remember the launch value of a launch; at an authorization request say how another spelling of it came about.

        Besides: how a token request was written, and what a token says of itself that a FHIR server refuses.
        """
        _token_request(exchange, facts)
        if exchange.endpoint is Endpoint.FHIR and exchange.response is not None and exchange.response.status == 401:
            _refused_token(exchange, exchange.response, facts)
        sent = dict(parameters_of(exchange.request.url))
        value = sent.get("launch", "")
        if not value:
            return
        if exchange.endpoint is Endpoint.LAUNCH:
            self._launches.append(value)
        elif exchange.endpoint is Endpoint.AUTHORIZE and self._launches and value not in self._launches:
            facts["launch_changed"] = next((how for given in reversed(self._launches) if (how := changed(given, value))), "other")


def _refused_token(exchange: Exchange, response: Response, facts: dict[str, Any]) -> None:
    """The claims of a bearer token that is a JWT, and the server's clock (else the recorder's); the token itself is kept nowhere."""
    request = exchange.request
    scheme, _, token = (request.header("authorization") or "").partition(" ")
    if scheme.lower() == "bearer" and (shown := tokens.shown_of(token.strip())):
        facts["bearer_shows"] = shown
        facts["bearer_at"] = host_of(request.url)
        answered = tokens.date_of(response.header("date") or "")
        facts["answered_at"] = exchange.started.timestamp() if answered is None else answered


def changed(given: str, sent: str) -> str:
    """How a value was changed on its way: ``plus-to-blank``, ``decoded-twice``, ``encoded-twice``, ``cut``, ``case``; empty when not."""
    if given == sent:
        return ""
    if given.replace("+", " ") == sent:
        return "plus-to-blank"
    if given == sent.replace("+", " "):
        return "blank-to-plus"
    if unquote(given) == sent or unquote_plus(given) == sent:
        return "decoded-twice"
    if unquote(sent) == given or unquote_plus(sent) == given:
        return "encoded-twice"
    if given.lower() == sent.lower():
        return "case"
    if given.startswith(sent) or given.endswith(sent) or given.strip("= ") == sent.strip("= "):
        return "cut"
    return ""


def _is_own(path: Path) -> bool:
    """Whether this suite wrote the HAR, told by its first entry."""
    return next((recorded(item) is not None for _, item in read_entries(path, HarReport())), False)


def _tells(exchange: Exchange, facts: Mapping[str, Any]) -> bool:
    return "error" in facts or "error_uri" in facts or "/errors/urn" in unquote(exchange.request.url)


def materials(exchanges: Iterable[RecordedExchange], source: str, registered: Mapping[str, Any] | None = None) -> list[Material]:
    """One material for each flow, in order; ``registered`` holds facts of the registration that the target file knows."""
    return [_material(flow, source, registered or {}) for flow in _flows(list(exchanges))]


def _flows(exchanges: list[RecordedExchange]) -> Iterator[list[RecordedExchange]]:
    flow: list[RecordedExchange] = []
    begun = False
    waiting: list[RecordedExchange] = []
    for item in exchanges:
        asks = "client_id" in item.facts or "response_type" in item.facts
        opens = item.endpoint == Endpoint.AUTHORIZE and asks and not item.redirect_of
        if opens and begun:
            yield flow
            flow, waiting = [*waiting], []
        if opens:
            begun = True
        if item.endpoint in (Endpoint.LAUNCH, Endpoint.DISCOVERY, Endpoint.METADATA, Endpoint.OPENID_CONFIGURATION) and begun:
            waiting.append(item)
            continue
        flow += waiting
        waiting = []
        flow.append(item)
    if flow or waiting:
        yield [*flow, *waiting]


def _material(flow: list[RecordedExchange], source: str, registered: Mapping[str, Any]) -> Material:
    m = Material(source=source)
    m.structured.add("exchanges")
    _registration(m, registered)
    done = _read(m, flow)
    _settle(m, flow, done)
    return m


def read_into(m: Material, exchanges: list[RecordedExchange]) -> None:
    """Add single messages of a flow to a material; what is not among them is not known, so success is never concluded."""
    done = _read(m, exchanges)
    had = "no_redirect" in m.facts
    _settle(m, exchanges, done)
    m.succeeded = False
    if not had:
        m.facts.pop("no_redirect", None)


def _read(m: Material, flow: list[RecordedExchange]) -> set[str]:
    """Take each exchange into the material by what it was for; the steps that succeeded come back."""
    done: set[str] = set()
    for item in flow:
        _note(m, item)
        match item.endpoint:
            case Endpoint.LAUNCH:
                _launch(m, item)
            case Endpoint.DISCOVERY:
                _discovery(m, item)
            case Endpoint.AUTHORIZE:
                _authorize(m, item, done)
            case Endpoint.REDIRECT:
                _redirect(m, item, done)
            case Endpoint.TOKEN:
                _token(m, item, done)
            case Endpoint.FHIR:
                _fhir(m, item)
            case _:
                _page(m, item)
    return done


def _registration(m: Material, registered: Mapping[str, Any]) -> None:
    for name in ("smart_version", "access_type", "app_type", "privacy"):
        if isinstance(registered.get(name), str):
            setattr(m, name, registered[name].lower())
    if m.smart_version and not m.smart_version.startswith("v"):
        m.smart_version = "v" + m.smart_version[:1]
    known = registered.get("scopes")
    if isinstance(known, (list, tuple)) and known:
        m.registered = scopes.ScopeList(tuple(str(s) for s in known))
    elif isinstance(known, str) and known:
        m.registered = scopes.from_parameter(known)
    for name, key in (("client_id_registered", "client_id"), ("app_id", "app_id")):
        if isinstance(registered.get(key), str):
            setattr(m, name, registered[key])
    uri = registered.get("redirect_uri")
    if isinstance(uri, str) and uri:
        m.redirect_registered = (uri,)


def _take(m: Material, item: RecordedExchange, *names: str) -> None:
    for name in names:
        if name in item.facts:
            m.facts[name] = item.facts[name]
            m.fact_of[name] = item.id


def _note(m: Material, item: RecordedExchange) -> None:
    """What any exchange may show: who is framed, what the browser kept back, how the clocks stand."""
    _take(m, item, "frame", "clock_offset_s", "token_request_at_authorize", "token_parameters_in_query", "code_empty")
    if item.facts.get("cors_wildcard_with_credentials"):
        _take(m, item, "cors_wildcard_with_credentials")
    origin = item.facts.get("origin")
    if (
        isinstance(origin, str)
        and item.endpoint in (Endpoint.DISCOVERY, Endpoint.METADATA, Endpoint.TOKEN, Endpoint.FHIR)
        and host_of(origin) != host_of(item.url)
    ):
        allowed = item.facts.get("cors_origin")
        if not allowed and (item.status or "cors" in item.error.lower()):
            m.facts["cors_missing"], m.fact_of["cors_missing"] = ("preflight" if item.method == "OPTIONS" else item.endpoint), item.id
            m.facts["cors_address"] = item.url.partition("?")[0]
        elif allowed and allowed not in ("*", origin):
            m.facts["cors_other_origin"], m.fact_of["cors_other_origin"] = True, item.id
        elif allowed and m.fact_of.get("cors_missing") != item.id:
            m.facts.pop("cors_missing", None)
    if item.facts.get("frame"):
        headers = [(k.lower(), v) for k, v in item.response_headers]
        refused = any(k == "x-frame-options" or (k == "content-security-policy" and "frame-ancestors" in v) for k, v in headers)
        if refused and item.endpoint in (Endpoint.AUTHORIZE, Endpoint.PAGE, Endpoint.LAUNCH):
            m.facts["frame_refused"], m.fact_of["frame_refused"] = True, item.id
        cookies = [v for k, v in headers if k == "set-cookie"]
        if item.endpoint == Endpoint.LAUNCH and cookies and not any("samesite=none" in c.lower() for c in cookies):
            m.facts["third_party_cookie"], m.fact_of["third_party_cookie"] = True, item.id
    if not item.status and item.error and item.endpoint not in (Endpoint.REDIRECT, Endpoint.PAGE, Endpoint.OTHER):
        m.facts["unreachable"], m.fact_of["unreachable"] = item.error[:300], item.id
        m.hear("server", f"{item.endpoint} error", item.error, item.id)
    elif item.status and m.fact_of.get("unreachable") and urlsplit(item.url).netloc:
        m.facts.pop("unreachable", None)


def _launch(m: Material, item: RecordedExchange) -> None:
    m.launch_type = m.launch_type or "EHR launch"
    m.fhir_base = m.fhir_base or str(item.facts.get("launch_iss", ""))
    m.launch_uri = str(item.facts.get("launch_uri", ""))
    if item.facts.get("launch_present") is False and not item.facts.get("launch_iss"):
        m.facts["launch_opened_bare"], m.fact_of["launch_opened_bare"] = True, item.id


def _discovery(m: Material, item: RecordedExchange) -> None:
    m.fhir_base = m.fhir_base or str(item.facts.get("fhir_base", ""))
    if item.status >= 400 or not item.status:
        m.statuses["discovery"] = item.status
        m.fact_of["status.discovery"] = item.id
        return
    m.statuses.pop("discovery", None)
    if "html" in str(item.facts.get("media_type", "")):
        m.facts["discovery_html"], m.fact_of["discovery_html"] = True, item.id
    m.facts.setdefault("issuer", item.facts.get("issuer"))


def _authorize(m: Material, item: RecordedExchange, done: set[str]) -> None:
    f = item.facts
    if "client_id" in f or "response_type" in f:
        m.authorize_url = item.url
        m.client_id, m.aud = str(f.get("client_id", "")), str(f.get("aud", ""))
        m.redirect_sent = str(f.get("redirect_uri", ""))
        if f.get("scope_requested") is not None:
            sent = dict(parameters_of(item.url)).get("scope", "")
            m.requested = scopes.ScopeList(
                tuple(s.strip(",") for s in f["scope_requested"]), comma="," in sent or any("," in s for s in f["scope_requested"])
            )
        if f.get("launch_present"):
            m.launch_value = "given" if f.get("launch_length", 1) else ""
        elif "launch_present" in f:
            m.launch_value = ""
            m.launch_type = m.launch_type or "standalone"
        m.facts["aud_present"] = bool(m.aud)
        m.fact_of["launch_present"] = item.id
        for name in (
            "aud_equals_base",
            "aud_slash_differs",
            "state_present",
            "state_length",
            "code_challenge_present",
            "code_challenge_base64url",
            "code_challenge_method",
            "launch_equal",
            "launch_changed",
            "launch_reused",
            "endpoint_as_discovered",
            "response_type",
            "prompt",
        ):
            _take(m, item, name)
        if not m.persona and (persona := re.search(r"/personas/(\w+)/", item.url)):
            m.persona = persona.group(1)
    if item.status >= 400:
        m.statuses["authorize"], m.fact_of["status.authorize"] = item.status, item.id
    _error(m, item)
    if "code_present" in f:
        _redirect(m, item, done)


def _redirect(m: Material, item: RecordedExchange, done: set[str]) -> None:
    _take(m, item, "state_returned", "state_returned_equal")
    if item.facts.get("code_present"):
        done.add("authorize")
        m.statuses.pop("authorize", None)
        m.errors.clear()
        m.urns.clear()
        m.said = [s for s in m.said if s.who != "server" or s.where == "redirect uri"]
    elif item.facts.get("error"):
        done.add("returned")
        _error(m, item)


def _token(m: Material, item: RecordedExchange, done: set[str]) -> None:
    f = item.facts
    if item.method == "OPTIONS":
        return
    m.token_url = item.url
    m.grant_type = str(f.get("grant_type", ""))
    m.client_auth = str(f.get("client_auth", ""))
    m.client_id = m.client_id or str(f.get("client_id", ""))
    m.redirect_at_token = ""
    for name in (*_TOKEN_ONLY, "code_known", "refresh_token_known"):
        _take(m, item, name)
    m.facts["client_id_at_token"] = "client_id" in f
    m.fact_of["client_auth"] = item.id
    content = _header(item, "content-type")
    if "json" in content:
        m.facts["token_content_type"] = "json"
    elif "multipart" in content:
        m.facts["token_content_type"] = "multipart"
    if m.grant_type == "client_credentials":
        m.app_type = m.app_type or "system"
        if f.get("scope_requested") is not None:
            m.requested = scopes.ScopeList(tuple(f["scope_requested"]), comma=any("," in s for s in f["scope_requested"]))
    elif m.requested is None and f.get("scope_requested") and m.grant_type == "authorization_code":
        m.requested = scopes.ScopeList(tuple(f["scope_requested"]))
    if f.get("scope_granted") is not None or f.get("access_token_is_jwt") is not None or (item.status == 200 and "token_type" in f):
        _issued(m, item, done)
        return
    if item.status >= 400 or item.status == 0:
        m.statuses["token"], m.fact_of["status.token"] = item.status, item.id
        done.discard("token")
        if item.status and not f.get("error") and "json" not in str(f.get("media_type", "")):
            m.facts["body_is_text"] = True
        _error(m, item)


def _issued(m: Material, item: RecordedExchange, done: set[str]) -> None:
    """A token came: what was wrong before at this step is over."""
    f = item.facts
    done |= {"token", "authorize"}
    m.statuses.pop("token", None)
    m.errors.clear()
    m.urns.clear()
    m.said = [s for s in m.said if s.who != "server"]
    m.facts["token_issued"] = True
    if m.grant_type == "authorization_code" and not m.privacy:
        m.privacy = "public" if f.get("client_auth") == "none" else "confidential"
    if m.grant_type != "refresh_token" or m.granted is None:
        m.granted = scopes.ScopeList(tuple(f["scope_granted"])) if f.get("scope_granted") is not None else None
        m.fact_of["scope_granted"] = item.id
        _take(m, item, "context", "refresh_token_present")
    _take(m, item, "expires_in", "token_type")
    if f.get("scope_granted") is None:
        m.facts["token_without_scope"], m.fact_of["token_without_scope"] = True, item.id
    claims = (f.get("id_token") or {}).get("claims", {})
    issuer = m.facts.get("issuer")
    if issuer and isinstance(claims.get("iss"), str) and claims["iss"].rstrip("/") != str(issuer).rstrip("/"):
        m.facts["id_token_issuer_differs"], m.fact_of["id_token_issuer_differs"] = True, item.id


def _fhir(m: Material, item: RecordedExchange) -> None:
    f = item.facts
    if item.method == "OPTIONS":
        return
    call = FhirCall(str(f.get("resource_type", "")), str(f.get("interaction", "")), item.status, item.id)
    m.fhir = [c for c in m.fhir if (c.resource, c.interaction) != (call.resource, call.interaction)] + [call]
    if item.status < 400 and item.status:
        m.said = [s for s in m.said if s.exchange not in {c.exchange for c in m.fhir if c is call}]
        return
    for name in (
        "bearer_present",
        "bearer_kind",
        "bearer_looks_like_assertion",
        "bearer_known",
        "token_age_s",
        "token_expired",
        "fhir_base_equal",
    ):
        _take(m, item, name)
    if isinstance(f.get("bearer_shows"), dict) and "jwt" not in m.facts:
        m.facts["jwt"], m.fact_of["jwt"] = f["bearer_shows"], item.id
        m.facts["fhir_host"] = f.get("bearer_at", "")
        _take(m, item, "answered_at")
    m.statuses["fhir"], m.fact_of["status.fhir"] = item.status, item.id
    challenge = f.get("www_authenticate") or {}
    if isinstance(challenge, Mapping):
        m.hear("server", "www_authenticate", " ".join(f"{k}={v}" for k, v in challenge.items()), item.id)
        if challenge.get("error") and challenge["error"] not in m.errors:
            m.errors.append(str(challenge["error"]))
    _error(m, item)


def _page(m: Material, item: RecordedExchange) -> None:
    """A page on the way: an error page says why nothing came back."""
    if "/errors/urn" in unquote(unquote(item.url)) or item.facts.get("error_uri"):
        read_error_uri(item.url, m)
        m.fact_of["urn"] = item.id
        m.facts["no_redirect"] = True
    if 400 <= item.status < 500 and _fetched_by_page(item):
        _error(m, item)  # what a page asks for may be missing without any harm, and is no answer to the authorization request
    elif item.endpoint in (Endpoint.PAGE, Endpoint.REDIRECT) and (item.status >= 400 or "error" in item.url.lower()):
        if item.endpoint == Endpoint.PAGE and item.status >= 400:
            m.statuses["authorize"], m.fact_of["status.authorize"] = item.status, item.id
        _error(m, item)


def _fetched_by_page(item: RecordedExchange) -> bool:
    """Whether a page asked for it, a script, a text or a picture, and not the person; of a request without headers nobody knows."""
    to = _header(item, "sec-fetch-dest")
    if to:
        return to not in ("document", "iframe", "frame")
    return bool(item.request_headers) and not (_header(item, "upgrade-insecure-requests") or "text/html" in _header(item, "accept"))


def _header(item: RecordedExchange, name: str) -> str:
    return next((value.lower() for key, value in item.request_headers if key.lower() == name), "")


def _error(m: Material, item: RecordedExchange) -> None:
    """Error code, URN and wording of an answer."""
    f = item.facts
    code = f.get("error")
    if isinstance(code, str) and code not in m.errors:
        m.errors.append(code)
        m.fact_of["error"] = item.id
    for name in ("error_description", "error_uri"):
        if isinstance(f.get(name), str):
            m.hear("server", name, unquote(unquote(f[name])) if name == "error_uri" else f[name], item.id)
    if isinstance(f.get("error_uri"), str):
        read_error_uri(f["error_uri"], m)
        m.fact_of["urn"] = item.id
    location = next((v for k, v in item.response_headers if k.lower() == "location"), "")
    if "/errors/urn" in unquote(unquote(location)) and "error" not in f:
        read_error_uri(location, m)
        m.fact_of["urn"] = item.id
        m.facts["no_redirect"] = True
    body = item.response_body[: _TEXT_LIMIT * 4]
    if item.status >= 400 and body:
        text = words(body)[:_TEXT_LIMIT]
        m.hear("server", f"{item.endpoint} answer", text, item.id)
        for urn in collect_urns(body):
            if urn not in m.urns:
                m.urns.append(urn)
                m.fact_of["urn"] = item.id
        if re.search(r"\binsufficient_scope\b", body) and "insufficient_scope" not in m.errors:
            m.errors.append("insufficient_scope")


def _settle(m: Material, flow: list[RecordedExchange], done: set[str]) -> None:
    """Drop what later steps proved right, and say whether anything is left that failed."""
    _drop_what_is_proved(m, done)
    for call in m.fhir:
        if call.status >= 400 and call.status != 404:
            m.statuses["fhir"] = call.status
    if all(c.status < 400 for c in m.fhir):
        m.statuses.pop("fhir", None)
        if "token" in done and "token" not in m.statuses:
            m.errors.clear()
            m.urns.clear()
    worst = [s for s in m.statuses.values() if s >= 400]
    m.succeeded = not m.errors and not m.urns and not worst and bool(done & {"authorize", "token"}) and "unreachable" not in m.facts
    if m.succeeded:
        for name in (
            "cors_missing",
            "cors_other_origin",
            "cors_wildcard_with_credentials",
            "third_party_cookie",
            "frame_refused",
            "body_is_text",
        ):
            m.facts.pop(name, None)
        m.said.clear()
    if not done and m.authorize_url and not any(x.endpoint == Endpoint.REDIRECT for x in flow):
        m.facts["no_redirect"] = True
    if m.authorize_url and not m.fhir_base:
        read_authorize_url(m.authorize_url, m, whole=False)


def _drop_what_is_proved(m: Material, done: set[str]) -> None:
    """Drop what a code or a token that came has proved right."""
    if "authorize" in done:
        for name in _AUTHORIZE_ONLY:
            m.facts.pop(name, None)
        m.launch_value = None
        m.redirect_registered = ()
    if "token" in done:
        for name in _TOKEN_ONLY:
            if name != "code_reused" or "token" not in m.statuses:
                m.facts.pop(name, None)
        if "token" not in m.statuses:
            m.client_auth = ""
        m.facts.pop("clock_offset_s", None)
    if m.facts.get("state_returned_equal") is not False and m.facts.get("state_returned") is not False:
        m.facts.pop("state_returned", None)
