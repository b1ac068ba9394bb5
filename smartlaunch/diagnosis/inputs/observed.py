"""Read an observation file: what a person wrote down about a failing launch.

The keys are few, their values may be whole sentences. Everything that can be read with care is taken out (scopes, URLs, codes, URNs,
what a request lacked); what cannot be read is kept as text and named. Nothing is guessed: a word that is not there is not known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from smartlaunch.addresses import parameters_of
from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.inputs.bodies import Found, parsed, unwrap
from smartlaunch.diagnosis.inputs.weblinks import collect_urns, read_authorize_url, read_error_uri
from smartlaunch.diagnosis.material import FhirCall, Material
from smartlaunch.evidence.facts import s256

OAUTH_ERRORS = frozenset(
    [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "access_denied",
        "unsupported_response_type",
        "server_error",
        "temporarily_unavailable",
        "invalid_token",
        "insufficient_scope",
        "login_required",
        "consent_required",
        "interaction_required",
        "account_selection_required",
        "invalid_redirect_uri",
        "invalid_client_metadata",
        "invalid_target",
    ]
)
"""Error codes of the OAuth and OpenID documents."""

_URL = re.compile(r"https?://[^\s\"'<>)\]}]+|(?<=\.\.\.)/[^\s\"'<>)\]}]+")
_ERROR_WORD = re.compile(r"(?<![\w:/-])(" + "|".join(sorted(OAUTH_ERRORS, key=len, reverse=True)) + r")(?![\w-])")
_CODE_SHAPE = re.compile(r"^[a-z][a-z0-9]*(?:_[a-z0-9]+)+$")
_GUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_RESOURCE_WORD = re.compile(
    r"\b(Patient|Observation|Condition|AllergyIntolerance|MedicationRequest|MedicationStatement|Medication|Encounter|Procedure|Immunization|"
    r"DiagnosticReport|DocumentReference|Binary|CarePlan|CareTeam|Goal|Device|Practitioner|PractitionerRole|Organization|Location|Schedule|"
    r"Slot|Appointment|Coverage|Account|ChargeItem|Communication|Consent|Specimen|ServiceRequest|Task|Questionnaire|QuestionnaireResponse|"
    r"RelatedPerson|Provenance|Group|List|Person|Media|Composition|Bundle|Claim|ExplanationOfBenefit|FamilyMemberHistory|InsurancePlan|"
    r"NutritionOrder|MedicationDispense|MedicationAdministration|Basic|Flag)\b"
)
_VERB = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE|create|update|search|read)\b", re.IGNORECASE)
_STATUS = re.compile(r"\b([1-5]\d\d)\b")


def read_observation(data: Mapping[str, Any], source: str = "observation") -> Material:
    """Turn an observation into material; keys that are not known are kept and named."""
    m = Material(source=source)
    read_into(m, data)
    finish(m)
    return m


def read_into(m: Material, data: Mapping[str, Any]) -> None:
    """Add what an observation holds to a material; ``finish`` has to follow when all is read."""
    for key, value in data.items():
        if value in (None, "", [], {}):
            continue
        name = alias(str(key))
        if name == "":
            m.unknown[str(key)] = _text(value)[:2000]
            m.hear("asker", str(key), _text(value))
            continue
        if name in _IGNORED:
            continue
        m.structured.add(name)
        _READERS[name](m, value)


def alias(key: str) -> str:
    """The name of an observation's key, however it is spelt; an empty string when it is none."""
    return ALIASES.get(key.strip().lower().replace("-", "_").replace(" ", "_"), "")


def is_observation(data: Mapping[str, Any]) -> bool:
    """Whether an object has a key that only a person writes: an error body has none of them."""
    return any(alias(str(key)) and (alias(str(key)) not in _OF_SERVERS or str(key).lower() in ("notes", "note")) for key in data)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _keep(name: str) -> Callable[[Material, Any], None]:
    def read(m: Material, value: Any) -> None:
        setattr(m, name, _text(value).strip())
        m.hear("setting", name, _text(value))

    return read


def _word(name: str, words: Mapping[str, str]) -> Callable[[Material, Any], None]:
    """Read one of a few words; the first that stands in the text counts."""

    def read(m: Material, value: Any) -> None:
        text = _text(value)
        found = sorted((p.start(), word) for pattern, word in words.items() if (p := re.search(pattern, text, re.IGNORECASE)))
        if found:
            setattr(m, name, found[0][1])
        m.hear("setting", name, text)

    return read


def _vendor(m: Material, value: Any) -> None:
    m.vendor = _text(value)


def _notes(m: Material, value: Any) -> None:
    m.hear("asker", "notes", _text(value))


def _requested(m: Material, value: Any) -> None:
    m.requested = _scope_list(value)
    m.hear("setting", "requested_scopes", _text(value))


def _granted(m: Material, value: Any) -> None:
    m.granted = _scope_list(value)
    m.hear("setting", "granted_scopes", _text(value))


def _registered(m: Material, value: Any) -> None:
    m.registered = _scope_list(value)


def _scope_list(value: Any) -> scopes.ScopeList:
    if isinstance(value, list):
        return scopes.ScopeList(tuple(dict.fromkeys(str(v) for v in value)))
    return scopes.from_text(_text(value))


def _error(m: Material, value: Any) -> None:
    if isinstance(value, Mapping):
        _body(m, value)
        return
    text = _text(value)
    m.hear("server", "error", text)
    _error_words(m, text, exact=True)


def _error_words(m: Material, text: str, *, exact: bool = False) -> None:
    for found in _ERROR_WORD.finditer(text):
        if found.group(1) not in m.errors:
            m.errors.append(found.group(1))
    stripped = text.strip()
    if exact and _CODE_SHAPE.match(stripped) and stripped not in m.errors:
        m.errors.append(stripped)
    _urns(m, text)


def _urns(m: Material, text: str) -> None:
    for urn in collect_urns(text):
        if urn not in m.urns:
            m.urns.append(urn)


def _server_text(where: str) -> Callable[[Material, Any], None]:
    def read(m: Material, value: Any) -> None:
        text = _text(value)
        m.hear("server", where, text)
        _error_words(m, text)

    return read


def _error_uri(m: Material, value: Any) -> None:
    text = _text(value)
    m.hear("server", "error_uri", unquote(unquote(text)))
    read_error_uri(text, m)


def _error_context(m: Material, value: Any) -> None:
    text = _text(value)
    m.hear("setting", "error_context", text)
    for name, pattern in (("persona", r"persona=(\w+)"), ("client_id_in_error", r"client(?:_?id)?[=:]\s*([\w.-]+)")):
        if (found := re.search(pattern, text)) and not getattr(m, name):
            setattr(m, name, found.group(1))


def _body(m: Material, value: Any) -> None:
    body = value
    if isinstance(value, str):
        body = parsed(value)
        if body is None:
            m.facts["body_is_text"] = True
            m.hear("server", "response_body", value)
            _error_words(m, value)
            return
    read_body(m, body)


def read_body(m: Material, body: Any) -> Found:
    """Read an error body or a token answer, whatever wraps it."""
    found = unwrap(body)
    m.structured.add("response_body")
    for code in found.errors:
        if code not in m.errors and (code in OAUTH_ERRORS or _CODE_SHAPE.match(code)):
            m.errors.append(code)
        m.hear("server", "error", code)
    for name, text in found.texts:
        m.hear("server", "error_description" if "descr" in name.lower() else f"response_body {name}"[:60], text)
        _error_words(m, text)
    if found.error_uri:
        _error_uri(m, found.error_uri)
    if found.status:
        m.statuses.setdefault("any", found.status)
    for name, text in found.headers:
        if name.lower() == "www-authenticate":
            m.structured.add("www_authenticate")
            _header_auth(m, text)
    if found.outcome:
        m.facts["operation_outcome"] = True
    if found.token is not None:
        _token_answer(m, found.token)
    return found


def _token_answer(m: Material, body: Mapping[str, Any]) -> None:
    if isinstance(body.get("scope"), str):
        m.granted = m.granted or scopes.from_parameter(body["scope"])
    if isinstance(body.get("expires_in"), (int, float)) and not isinstance(body["expires_in"], bool):
        m.facts["expires_in"] = body["expires_in"]
    m.facts["token_issued"] = True
    m.facts["refresh_token_present"] = bool(body.get("refresh_token"))
    context = [n for n in ("patient", "encounter", "need_patient_banner", "smart_style_url") if body.get(n) not in (None, "")]
    m.facts["context"] = context


def _status(m: Material, value: Any) -> None:
    codes = [int(c) for c in _STATUS.findall(_text(value))]
    if codes:
        m.statuses.setdefault("any", max(codes))
    m.hear("setting", "http_status", _text(value))


def _authorize_url(m: Material, value: Any) -> None:
    text = _text(value)
    found = _URL.search(text)
    m.authorize_url = found.group(0) if found else text.split()[0]
    m.hear("setting", "authorize_url", text)
    read_authorize_url(m.authorize_url, m, whole="cut" not in text and "..." not in text.split("?", 1)[-1])
    if (status := re.search(r"(?:->|answers?|returns?|gives?)\s*(?:HTTP\s*)?([345]\d\d)\b", text)) is not None:
        m.statuses.setdefault("authorize", int(status.group(1)))


def _authorize_params(m: Material, value: Any) -> None:
    if isinstance(value, str):
        value = dict(parameters_of("?" + value)) if "=" in value else {}
    if not isinstance(value, Mapping):
        return
    if isinstance(value.get("scope"), str):
        m.requested = scopes.from_text(value["scope"])
    for name, key in (("aud", "aud"), ("redirect_sent", "redirect_uri"), ("client_id", "client_id"), ("challenge", "code_challenge")):
        if isinstance(value.get(key), str):
            setattr(m, name, value[key])
    m.launch_value = _text(value["launch"]) if "launch" in value else m.launch_value
    for name in ("response_type", "code_challenge_method", "prompt"):
        if isinstance(value.get(name), str):
            m.facts[name] = value[name]


def _token_request(m: Material, value: Any) -> None:
    text = _text(value) if not isinstance(value, Mapping) else "&".join(f"{k}={_text(v)}" for k, v in value.items())
    m.hear("setting", "token_request", text)
    low = text.lower()
    if found := re.search(r"grant_type=([\w:.-]+)", text):
        m.grant_type = found.group(1)
    else:
        words = (
            "client_credentials",
            "authorization_code",
            "refresh_token",
            "password",
            "client credentials",
            "authorization code",
            "refresh",
        )
        m.grant_type = next((w.replace(" ", "_") for w in words if w in low), "").replace("refresh_token", "refresh")
    m.grant_type = "refresh_token" if m.grant_type == "refresh" else m.grant_type
    _token_authentication(m, low)
    if url := _URL.search(text):
        m.token_url = m.token_url or url.group(0)
    if (found := re.search(r"(?:^|[&\s?])scope=((?:[^&;]|(?<=\s)&)*)", text)) is not None:
        sent = scopes.from_text(unquote(found.group(1).replace("+", " ")))
        if m.requested is None and sent.items:
            m.requested = sent
        m.facts["scope_at_token"] = list(sent.items)
    if re.search(r"\b(?:no|without|missing|lacks?|omits?)\s+(?:a\s+|the\s+)?code_?\s?verifier", low):
        m.facts["verifier_present"] = False
    elif "code_verifier" in low:
        m.facts["verifier_present"] = True
    if re.search(r"\bno pkce|without pkce", low):
        m.facts["verifier_present"] = False
        m.facts["challenge_sent"] = False
    if "redirect_uri" in low and (found := re.search(r"redirect_uri=([^&\s]+)", text)):
        m.redirect_at_token = unquote(found.group(1))
    if re.search(r"(?:application|as)[/ ]json|json body|content-type:?\s*application/json", low):
        m.facts["token_content_type"] = "json"
    if re.search(r"\bGET\b", text) and not re.search(r"\bPOST\b", text):
        m.facts["token_method"] = "GET"
    if "client_id=" in low or re.search(r"\bclient_id\b(?! (?:missing|absent|left))", low):
        m.facts.setdefault("client_id_at_token", True)
    if re.search(r"(?:no|without|missing)\s+(?:a\s+|the\s+)?client_?\s?id", low):
        m.facts["client_id_at_token"] = False


def _token_authentication(m: Material, low: str) -> None:
    without = re.search(
        r"(?:no|without|lacks?|missing|omits?)\s+(?:an?\s+|the\s+|any\s+)?(?:http\s+)?"
        r"(?:authorization|basic|client (?:auth\w*|secret)|client_secret|secret|auth\w*\s+header)",
        low,
    )
    if without:
        m.client_auth = "none"
        m.facts["auth_missing"] = True
    elif re.search(r"authorization:?\s*\"?bearer|bearer (?:token|header|auth\w*)|\bjwt\b[^.;]*\bas (?:a )?bearer", low):
        m.client_auth = "authorization bearer"
    elif re.search(r"jwt|private_key_jwt|client[_ ]assertion|jwks|signed assertion", low):
        m.client_auth = "private_key_jwt"
    elif "basic" in low:
        m.client_auth = "client_secret_basic"
    elif re.search(r"client_secret_post|client_secret=", low):
        m.client_auth = "client_secret_post"
    if re.search(r"client_secret=(?:\(empty\)|&|\s|$)|empty (?:client )?secret|blank secret", low):
        m.facts["secret_empty"] = True
    if re.search(r"url-?\s?encod|percent-?\s?encod|encodeuricomponent", low) and "not url" not in low and "without url" not in low:
        m.facts["basic_percent_encoded"] = "basic" in low or m.client_auth == "client_secret_basic" or None


def _token_endpoint(m: Material, value: Any) -> None:
    text = _text(value)
    found = _URL.search(text)
    m.token_url = found.group(0) if found else text
    m.hear("setting", "token_endpoint", text)


def _fhir_request(m: Material, value: Any) -> None:
    text = _text(value)
    m.hear("setting", "fhir_request", text)
    for part in re.split(r";|\band\b(?= (?:GET|POST|PUT))", text):
        status = re.search(r"(?:->|:|returns?|answers?|gives?|=)\s*(?:HTTP\s*)?([1-5]\d\d)\b", part)
        verb = _VERB.search(part)
        word = verb.group(1).lower() if verb else ""
        for resource in dict.fromkeys(_RESOURCE_WORD.findall(part)):
            interaction = {"post": "create", "put": "update", "patch": "update"}.get(word, "")
            if not interaction:
                by_id = re.search(resource + r"/(?:\{|\[|<|:?\w*id|\d)", part)
                interaction = (
                    word if word in ("create", "update", "search", "delete") else "read" if by_id else "search" if "?" in part else "read"
                )
                if "search" in part.lower():
                    interaction = "search"
            m.fhir.append(FhirCall(resource, interaction, int(status.group(1)) if status else 0))
    if (url := _URL.search(text)) is not None and not m.fhir_base:
        base = re.split(r"/(?:[A-Z][A-Za-z]+|metadata|\.well-known)(?:[/?]|$)", url.group(0))[0]
        m.fhir_base = base
    if "metadata" in text or ".well-known" in text:
        m.facts["discovery_request"] = True
    if re.search(r"browser|javascript|XMLHttpRequest|\bfetch\(|\bSPA\b|angular|react", text, re.IGNORECASE):
        m.facts["from_browser"] = True


def _redirect_registered(m: Material, value: Any) -> None:
    items = value if isinstance(value, list) else [value]
    m.redirect_registered = tuple(_text(v).strip() for v in items)


def _assertion(m: Material, value: Any) -> None:
    m.client_auth = m.client_auth or "private_key_jwt"
    if not isinstance(value, Mapping):
        m.hear("setting", "client_assertion", _text(value))
        m.facts["assertion_text"] = _text(value)
        return
    inner = value.get("header")
    header: Mapping[str, Any] = inner if isinstance(inner, Mapping) else value
    claims = value.get("claims") or value.get("payload") or value
    m.facts["assertion"] = {"header": {k: header[k] for k in ("alg", "kid", "typ", "jku") if k in header}, "claims": {}}
    if isinstance(claims, Mapping) and "iss" in claims and "sub" in claims:
        m.facts["assertion_iss_equals_sub"] = claims["iss"] == claims["sub"]
    for source, name in (
        ("iss_equals_sub", "assertion_iss_equals_sub"),
        ("lifetime_seconds", "assertion_lifetime_s"),
        ("jti_reused", "assertion_jti_reused"),
    ):
        if source in value:
            m.facts[name] = value[source]
    if isinstance(claims, Mapping) and isinstance(claims.get("exp"), (int, float)) and isinstance(claims.get("iat"), (int, float)):
        m.facts["assertion_lifetime_s"] = claims["exp"] - claims["iat"]
    aud = claims.get("aud") if isinstance(claims, Mapping) else None
    if isinstance(aud, str):
        same = re.search(r"token (?:endpoint|url)", aud, re.IGNORECASE)
        if same and not re.search(r"\bnot\b|differ|other|wrong", aud, re.IGNORECASE):
            m.facts["assertion_aud_equals_token_endpoint"] = True
        elif aud.startswith("http"):
            m.facts["assertion_aud"] = aud
    m.hear("setting", "client_assertion", _text(value))


def _expires(m: Material, value: Any) -> None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        m.facts["expires_in"] = value


def _number_fact(name: str) -> Callable[[Material, Any], None]:
    def read(m: Material, value: Any) -> None:
        if isinstance(value, (bool, int, float)):
            m.facts[name] = value
        elif found := re.search(r"\d+(?:\.\d+)?", _text(value)):
            m.facts[name] = float(found.group(0))

    return read


def _flag_fact(name: str) -> Callable[[Material, Any], None]:
    def read(m: Material, value: Any) -> None:
        if isinstance(value, bool):
            m.facts[name] = value
        else:
            m.facts[name] = not re.match(r"\s*(?:no|not|never|false|none|absent|missing)\b", _text(value), re.IGNORECASE)

    return read


def _header_auth(m: Material, value: Any) -> None:
    m.hear("server", "www_authenticate", _text(value))
    _error_words(m, _text(value))


def _cors(m: Material, value: Any) -> None:
    m.hear("setting", "cors", _text(value))


def _launch(m: Material, value: Any) -> None:
    text = _text(value).strip()
    m.launch_value = "" if re.match(r"\(?(?:none|empty|absent|missing|not sent|no)\b", text, re.IGNORECASE) else text
    m.hear("setting", "launch", text)


_TYPES = {
    r"\bprovider|clinician|practitioner": "provider",
    r"\bpatient|consumer|proxy": "patient",
    r"\bsystem|backend|back-end|bulk|service account": "system",
}
_PRIVACY = {r"\bpublic\b": "public", r"\bconfidential\b": "confidential"}
_ACCESS_WORDS = {r"\bonline": "online", r"\boffline": "offline"}
_VERSIONS = {r"\bv?1(?:\.\d+)*\b|\bv1\b": "v1", r"\bv?2(?:\.\d+)*\b|\bv2\b": "v2"}

_READERS: dict[str, Callable[[Material, Any], None]] = {
    "vendor": _vendor,
    "notes": _notes,
    "error": _error,
    "error_description": _server_text("error_description"),
    "error_uri": _error_uri,
    "error_context": _error_context,
    "urn": _server_text("urn"),
    "subcode": _server_text("subcode"),
    "response_body": _body,
    "www_authenticate": _header_auth,
    "http_status": _status,
    "requested_scopes": _requested,
    "granted_scopes": _granted,
    "registered_scopes": _registered,
    "redirect_uri": _keep("redirect_sent"),
    "registered_redirect_uri": _redirect_registered,
    "token_redirect_uri": _keep("redirect_at_token"),
    "client_id": _keep("client_id"),
    "registered_client_id": _keep("client_id_registered"),
    "client_id_in_error": _keep("client_id_in_error"),
    "app_id": _keep("app_id"),
    "aud": _keep("aud"),
    "fhir_base": _keep("fhir_base"),
    "discovery_base": _keep("discovery_base"),
    "authorize_url": _authorize_url,
    "authorize_params": _authorize_params,
    "token_endpoint": _token_endpoint,
    "token_request": _token_request,
    "client_assertion": _assertion,
    "fhir_request": _fhir_request,
    "launch_uri": _keep("launch_uri"),
    "launch_type": _keep("launch_type"),
    "launch": _launch,
    "persona": _word("persona", _TYPES),
    "app_type": _word("app_type", _TYPES),
    "privacy": _word("privacy", _PRIVACY),
    "access_type": _word("access_type", _ACCESS_WORDS),
    "smart_version": _word("smart_version", _VERSIONS),
    "code_verifier": _keep("verifier"),
    "code_challenge": _keep("challenge"),
    "expires_in": _expires,
    "token_age": _number_fact("token_age_s"),
    "seconds_since_code": _number_fact("seconds_since_code"),
    "clock_skew": _number_fact("clock_offset_s"),
    "code_reused": _flag_fact("code_reused"),
    "refresh_token": _flag_fact("refresh_token_present"),
    "cors": _cors,
}
_OF_SERVERS = frozenset(
    ["error", "error_description", "error_uri", "http_status", "response_body", "requested_scopes", "fhir_base", "aud", "notes",
     "expires_in", "refresh_token", "client_id", "id", "title", "date", "url", "redirect_uri", "urn", "subcode"]
)  # fmt: skip
"""Keys that an error body or another message may have as well."""
_IGNORED = frozenset({"id", "title", "source_url", "date", "url"})
ALIASES: dict[str, str] = {
    **{name: name for name in (*_READERS, *_IGNORED)},
    "note": "notes",
    "description": "notes",
    "comment": "notes",
    "scope": "requested_scopes",
    "scopes": "requested_scopes",
    "scope_requested": "requested_scopes",
    "scope_granted": "granted_scopes",
    "status": "http_status",
    "status_code": "http_status",
    "body": "response_body",
    "response": "response_body",
    "token_response": "response_body",
    "error_body": "response_body",
    "error_message": "error",
    "message": "error",
    "browser_error": "error",
    "console_error": "error",
    "app_error": "error",
    "error_code": "error",
    "error_page": "error",
    "authorization_url": "authorize_url",
    "authorize_request": "authorize_url",
    "authorization_endpoint": "authorize_url",
    "authorization_request": "authorize_params",
    "token_url": "token_endpoint",
    "iss": "fhir_base",
    "fhir_base_url": "fhir_base",
    "base_url": "fhir_base",
    "audience": "aud",
    "launch_url": "launch_uri",
    "client_type": "privacy",
    "registered_redirect_uris": "registered_redirect_uri",
    "jwt": "client_assertion",
    "application_id": "app_id",
    "www-authenticate": "www_authenticate",
    "pkce_verifier": "code_verifier",
    "pkce_challenge": "code_challenge",
    "scopes_requested": "requested_scopes",
    "scopes_granted": "granted_scopes",
    "launch_param": "launch",
    "launch_parameter": "launch",
}


def finish(m: Material) -> None:
    """Turn values that are secret into facts, and drop them."""
    if m.verifier:
        m.facts["verifier_present"] = True
        m.facts["verifier_length"] = len(m.verifier)
        m.facts["verifier_unreserved"] = re.fullmatch(r"[A-Za-z0-9\-._~]*", m.verifier) is not None
    if m.challenge:
        m.facts["challenge_sent"] = True
        m.facts["code_challenge_base64url"] = re.fullmatch(r"[A-Za-z0-9_-]*", m.challenge) is not None
    if m.verifier and m.challenge:
        method = m.facts.get("code_challenge_method", "S256")
        m.facts["verifier_matches_challenge"] = (m.verifier if method == "plain" else s256(m.verifier)) == m.challenge
    m.said = [s for s in m.said if s.where not in ("verifier", "challenge")]
    m.verifier = m.challenge = ""
    if (found := m.facts.get("assertion_aud")) and m.token_url.startswith("http"):
        m.facts["assertion_aud_equals_token_endpoint"] = found == m.token_url
    for call in m.fhir:
        if call.status:
            m.statuses.setdefault("fhir", call.status)
    if not m.persona and (persona := re.search(r"/personas/(\w+)/", m.authorize_url)):
        m.persona = persona.group(1)
    for text in m.texts("server", "asker"):
        if text.where not in ("error", "urn", "error_uri", "response_body"):
            _urns(m, text.text)
