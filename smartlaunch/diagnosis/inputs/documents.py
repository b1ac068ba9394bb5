"""JSON by what it is: discovery documents, collections, library errors, log lines, messages of the flow, observations."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from smartlaunch.diagnosis.inputs.observed import is_observation
from smartlaunch.exchange import Request, Response

_DISCOVERY = frozenset(
    [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "capabilities",
        "code_challenge_methods_supported",
        "issuer",
        "grant_types_supported",
    ]
)
_LOG_TEXT = (
    "msg",
    "message",
    "@message",
    "event",
    "log",
    "textPayload",
    "exception",
    "exc",
    "exc_info",
    "traceback",
    "cause",
    "error",
    "err",
    "stack_trace",
    "throwable",
    "details",
    "fields",
)
_LOG_SIGNS = frozenset(
    [
        "level",
        "severity",
        "@timestamp",
        "timestamp",
        "time",
        "ts",
        "logger",
        "logger_name",
        "thread",
        "levelname",
        "lvl",
        "pid",
        "hostname",
    ]
)
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


def kind_of(data: Any) -> str:
    """What a JSON value is; ``body`` for an error or answer, ``other`` when nothing of a launch is in it."""
    if isinstance(data, list):
        return _kind_of_list(data)
    if not isinstance(data, Mapping):
        return "other"
    return next((kind for kind, holds in _KINDS if holds(data)), "body")


def _is_har_entries(data: Mapping[str, Any]) -> bool:
    return (isinstance(data.get("entries"), list) and _kind_of_list(data["entries"]) == "har entries") or _is_entry(data)


def _is_collection(data: Mapping[str, Any]) -> bool:
    of_postman = "postman" in str(_get(data, "info", "schema")).lower()
    has_items = isinstance(data.get("item"), list) and isinstance(data.get("info"), Mapping)
    inside = data.get("collection")
    return of_postman or has_items or (isinstance(inside, Mapping) and isinstance(inside.get("item"), list))


def _is_resource(data: Mapping[str, Any]) -> bool:
    return isinstance(data.get("resourceType"), str) and data["resourceType"] != "OperationOutcome"


def _is_key_set(data: Mapping[str, Any]) -> bool:
    keys = data.get("keys")
    return isinstance(keys, list) and all(isinstance(key, Mapping) and "kty" in key for key in keys)


def _is_authorization_request(data: Mapping[str, Any]) -> bool:
    return "error" not in data and "response_type" in data and ("client_id" in data or "redirect_uri" in data)


def _is_log_line(data: Mapping[str, Any]) -> bool:
    told = any(name in data for name in _LOG_TEXT)
    return bool(_LOG_SIGNS & set(data)) and "error_description" not in data and told and not _spring(data)


_KINDS: tuple[tuple[str, Callable[[Mapping[str, Any]], bool]], ...] = (
    ("run", lambda data: "header" in data and "scenarios" in data),
    ("har", lambda data: isinstance(data.get("log"), Mapping) and "entries" in data["log"]),
    ("har entries", _is_har_entries),
    ("postman", _is_collection),
    ("capability statement", lambda data: data.get("resourceType") in ("CapabilityStatement", "Conformance")),
    ("resource", _is_resource),
    ("configuration", lambda data: "error" not in data and len(_DISCOVERY & set(data)) >= 2),
    ("keys", _is_key_set),
    ("observation", lambda data: isinstance(data.get("observed"), Mapping)),
    ("token request", lambda data: "grant_type" in data),
    ("authorization request", _is_authorization_request),
    ("jwt part", lambda data: "alg" in data and not data.keys() - {"alg", "kid", "typ", "jku", "x5t"}),
    ("claims", lambda data: {"iss", "sub"} <= set(data) and ("exp" in data or "aud" in data)),
    ("observation", is_observation),
    ("log line", _is_log_line),
)
"""What a JSON object is, by the first of these that holds."""


def _kind_of_list(data: list[Any]) -> str:
    items = [d for d in data if isinstance(d, Mapping)]
    if items and all(_is_entry(d) for d in items[:5]):
        return "har entries"
    return "list" if data else "other"


def _is_entry(data: Mapping[str, Any]) -> bool:
    request = data.get("request")
    if not (isinstance(request, Mapping) and "url" in request and isinstance(data.get("response"), Mapping)):
        return False
    return "startedDateTime" in data or ("headers" in request and "timings" in data)


def _spring(data: Mapping[str, Any]) -> bool:
    return {"timestamp", "status", "path"} <= set(data)


def log_texts(data: Mapping[str, Any]) -> Iterator[str]:
    """The texts of one log line, and objects in it as JSON."""
    for name in _LOG_TEXT:
        value = data.get(name)
        if isinstance(value, str) and value.strip():
            yield value
        elif isinstance(value, (Mapping, list)) and value:
            yield json.dumps(value)


def configuration(data: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a SMART or OpenID configuration, by the names that a recorded discovery gives them."""
    found: dict[str, Any] = {}
    for name, key in (
        ("issuer", "issuer"), ("discovered_authorize", "authorization_endpoint"), ("discovered_token", "token_endpoint"),
        ("discovered_jwks", "jwks_uri"), ("discovered_revocation", "revocation_endpoint"),
    ):  # fmt: skip
        if isinstance(data.get(key), str):
            found[name] = data[key]
    for name, key in (
        ("capabilities", "capabilities"), ("scopes_supported", "scopes_supported"),
        ("challenge_methods", "code_challenge_methods_supported"),
        ("auth_methods", "token_endpoint_auth_methods_supported"), ("grant_types", "grant_types_supported"),
        ("response_types", "response_types_supported"),
    ):  # fmt: skip
        if isinstance(data.get(key), list):
            found[name] = [str(v) for v in data[key][:200]]
    if isinstance(data.get("capabilities"), list):
        found["configuration_faults"] = _lacking(data)
    return found


def _lacking(data: Mapping[str, Any]) -> list[str]:
    """What a SMART configuration does not say and has to, by what it says it can."""
    can = {str(c) for c in data["capabilities"][:200]}
    needed = ["token_endpoint"]
    if can & {"launch-ehr", "launch-standalone"}:
        second = "grant_types_supported" in data or can & {"permission-v1", "permission-v2"}
        needed += ["authorization_endpoint", "code_challenge_methods_supported"] if second else ["authorization_endpoint"]
    found = [f"{name} is missing" for name in needed if not data.get(name)]
    methods = data.get("code_challenge_methods_supported")
    if isinstance(methods, list) and methods and "S256" not in methods:
        found.append("code_challenge_methods_supported does not name S256")
    if isinstance(methods, list) and "plain" in methods:
        found.append("code_challenge_methods_supported names plain, which SMART forbids")
    if "sso-openid-connect" in can:
        found += [f"{name} is missing, which sso-openid-connect needs" for name in ("issuer", "jwks_uri") if not data.get(name)]
    return found


def capability(data: Mapping[str, Any]) -> dict[str, Any]:
    """The endpoints that a CapabilityStatement names, by the same names."""
    found: dict[str, Any] = {}
    rest = data.get("rest")
    for each in rest if isinstance(rest, list) else []:
        security = each.get("security") if isinstance(each, Mapping) else None
        extensions = security.get("extension") if isinstance(security, Mapping) else None
        for extension in extensions if isinstance(extensions, list) else []:
            if isinstance(extension, Mapping) and extension.get("url") == _OAUTH_URIS:
                for inner in extension.get("extension") or []:
                    if isinstance(inner, Mapping) and inner.get("url") in ("authorize", "token") and isinstance(inner.get("valueUri"), str):
                        found[f"discovered_{inner['url']}"] = inner["valueUri"]
    if not found:
        found["capability_without_oauth"] = True
    return found


def library_request(data: Mapping[str, Any], data_of: Any = None) -> Request | None:
    """The request that an HTTP library names in its error."""
    url = str(data.get("url") or data.get("uri") or data.get("href") or "")
    base = data.get("baseURL")
    if isinstance(base, str) and "://" not in url:
        url = base.rstrip("/") + "/" + url.lstrip("/")
    if "://" not in url:
        return None
    headers = (
        tuple((str(k), str(v)) for k, v in data["headers"].items() if isinstance(v, str))
        if isinstance(data.get("headers"), Mapping)
        else ()
    )
    body = data.get("data") or data.get("body") or data.get("form") or data_of or ""
    if isinstance(body, Mapping):
        form = any("urlencoded" in v.lower() for k, v in headers if k.lower() == "content-type") or "form" in data
        body = urlencode({k: str(v) for k, v in body.items()}) if form else json.dumps(body)
    params = data.get("params") or data.get("qs")
    if isinstance(params, Mapping) and params:
        url += ("&" if "?" in url else "?") + urlencode({k: str(v) for k, v in params.items()})
    return Request(str(data.get("method") or ("POST" if body else "GET")).upper(), url, headers, str(body).encode("utf-8", "replace"))


def postman(data: Mapping[str, Any]) -> Iterator[tuple[Request, Response | None]]:
    """The requests of a Postman collection with the first answer saved with each."""
    if isinstance(data.get("collection"), Mapping):
        data = data["collection"]
    yield from _items(data.get("item"), data.get("auth"), 0)


def _items(items: Any, auth: Any, depth: int) -> Iterator[tuple[Request, Response | None]]:
    for item in items[:200] if isinstance(items, list) and depth < 8 else []:
        if not isinstance(item, Mapping):
            continue
        own = item.get("auth") or auth
        if isinstance(item.get("item"), list):
            yield from _items(item["item"], own, depth + 1)
            continue
        request = item.get("request")
        if isinstance(request, str):
            request = {"url": request}
        if not isinstance(request, Mapping):
            continue
        sent = _postman_request(request, request.get("auth") or own)
        if sent is not None:
            saved = item.get("response")
            first = saved[0] if isinstance(saved, list) and saved and isinstance(saved[0], Mapping) else None
            yield sent, _postman_response(first) if first else None


def _postman_request(request: Mapping[str, Any], auth: Any) -> Request | None:
    url = request.get("url")
    raw = url.get("raw") if isinstance(url, Mapping) else url
    if not isinstance(raw, str) or not raw:
        return None
    headers = [
        (str(h.get("key")), str(h.get("value", "")))
        for h in request.get("header") or []
        if isinstance(h, Mapping) and not h.get("disabled")
    ]
    body = request.get("body")
    data = ""
    if isinstance(body, Mapping):
        rows = body.get("urlencoded") or body.get("formdata")
        if isinstance(rows, list):
            pairs = [(str(r.get("key")), str(r.get("value", ""))) for r in rows if isinstance(r, Mapping) and not r.get("disabled")]
            data = urlencode(pairs, quote_via=quote)
            multipart = not body.get("urlencoded")
            headers.append(("Content-Type", "multipart/form-data" if multipart else "application/x-www-form-urlencoded"))
        elif isinstance(body.get("raw"), str):
            data = body["raw"]
            options = body.get("options")
            raw_options = options.get("raw") if isinstance(options, Mapping) else None
            if isinstance(raw_options, Mapping) and raw_options.get("language") == "json":
                headers.append(("Content-Type", "application/json"))
    if isinstance(auth, Mapping):
        headers += _postman_auth(auth)
    return Request(str(request.get("method") or "GET").upper(), raw, tuple(headers), data.encode("utf-8", "replace"))


def _postman_auth(auth: Mapping[str, Any]) -> list[tuple[str, str]]:
    import base64

    kind = auth.get("type")
    rows = auth.get(str(kind))
    values = (
        {str(r.get("key")): str(r.get("value", "")) for r in rows if isinstance(r, Mapping)}
        if isinstance(rows, list)
        else rows
        if isinstance(rows, Mapping)
        else {}
    )
    if kind == "basic":
        return [
            ("Authorization", "Basic " + base64.b64encode(f"{values.get('username', '')}:{values.get('password', '')}".encode()).decode())
        ]
    if kind == "bearer":
        return [("Authorization", f"Bearer {values.get('token', '')}")]
    return []


def _postman_response(saved: Mapping[str, Any]) -> Response | None:
    code = saved.get("code")
    if not isinstance(code, int) or isinstance(code, bool):
        return None
    headers = tuple((str(h.get("key")), str(h.get("value", ""))) for h in saved.get("header") or [] if isinstance(h, Mapping))
    return Response(code, headers, str(saved.get("body") or "").encode("utf-8", "replace"), str(saved.get("status") or ""))


def _get(data: Mapping[str, Any], *names: str) -> Any:
    value: Any = data
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
