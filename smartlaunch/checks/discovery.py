"""Checks on the SMART configuration (SMART App Launch 2.2, Conformance, "Using Well-Known") and the OpenID configuration."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

from smartlaunch.checks.members import (
    Findings,
    absent,
    absolute_url,
    advice,
    age,
    boolean,
    issuer_url,
    mapping,
    media_type,
    number,
    require_member,
    secure_url,
    show,
    some_strings,
    string,
    strings,
)
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding

FORMS: dict[str, Callable[[object], str]] = {
    "an absolute URL": absolute_url,
    "a URL with TLS": secure_url,
    "a string": string,
    "an array of strings": strings,
    "an array of strings that is not empty": some_strings,
    "a boolean": boolean,
    "a number": number,
    "an object": mapping,
}

CAPABILITIES = frozenset(
    {
        "launch-ehr",
        "launch-standalone",
        "authorize-post",
        "client-public",
        "client-confidential-symmetric",
        "client-confidential-asymmetric",
        "sso-openid-connect",
        "context-banner",
        "context-style",
        "context-ehr-patient",
        "context-ehr-encounter",
        "context-standalone-patient",
        "context-standalone-encounter",
        "permission-offline",
        "permission-online",
        "permission-patient",
        "permission-user",
        "permission-v1",
        "permission-v2",
        "smart-app-state",
    }
)
"""Every capability that the guide defines."""

EARLIER_CAPABILITIES = frozenset({"context-passthrough-banner", "context-passthrough-style", "permission-single-patient", "launch"})
"""Names from drafts and editions before 2.2; old, but no invention of the server's."""

OTHER_GUIDES = frozenset({"health-cards"})
"""Simple names that other guides published by HL7 define, as the guide lets them."""

CAPABILITY_SETS: dict[str, frozenset[str]] = {
    "Patient Access for Standalone Apps": frozenset({"launch-standalone", "context-standalone-patient", "permission-patient"}),
    "Patient Access for EHR Launch": frozenset({"launch-ehr", "context-ehr-patient", "permission-patient"}),
    "Clinician Access for Standalone": frozenset({"launch-standalone", "permission-user", "permission-patient"}),
    "Clinician Access for EHR Launch": frozenset(
        {"launch-ehr", "permission-user", "permission-patient", "context-ehr-patient", "context-ehr-encounter"}
    ),
}
"""What a capability set needs beside one kind of client; see :func:`supports_a_capability_set`."""

ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "registration_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
    "management_endpoint",
    "jwks_uri",
    "userinfo_endpoint",
    "user_access_brand_bundle",
    "smart_app_state_endpoint",
    "issuer",
)
ARRAYS = (
    "capabilities",
    "grant_types_supported",
    "scopes_supported",
    "response_types_supported",
    "code_challenge_methods_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
)


def member(requirement: str, exchange: Exchange, name: str, form: str, *, required: bool) -> Findings:
    """One member of a discovery document: there where it must be, and of the named form."""
    return require_member(requirement, exchange.answer.object, name, FORMS[form], exchange, required=required, words=form)


def json_object(requirement: str, exchange: Exchange) -> Findings:
    """The document is a JSON object answered with status 200."""
    answer = exchange.answer
    if answer.status != 200:
        return [
            Finding(
                requirement,
                "status 200 with a JSON object",
                f"status {answer.status}, {answer.media_type or 'no media type'}",
                exchange.id,
                "status",
            )
        ]
    if isinstance(answer.json, dict):
        return []
    actual = answer.json_error or f"the body is {show(answer.json)}"
    return [Finding(requirement, "a JSON object in the body", actual, exchange.id, "body")]


def absolute_endpoints(requirement: str, exchange: Exchange) -> Findings:
    """Every endpoint that is given is an absolute URL, those of associated endpoints too."""
    document = exchange.answer.object
    found: Findings = []
    for name in ENDPOINTS:
        if isinstance(document.get(name), str):
            found += require_member(requirement, document, name, absolute_url, exchange, required=False, words="an absolute URL")
    associated = document.get("associated_endpoints")
    for position, entry in enumerate(associated if isinstance(associated, list) else []):
        problem = absolute_url(entry["url"]) if isinstance(entry, dict) and isinstance(entry.get("url"), str) else ""
        if problem:
            pointer = f"/associated_endpoints/{position}/url"
            found.append(Finding(requirement, "`url` of an associated endpoint: an absolute URL", problem, exchange.id, pointer))
    return found


def contains(requirement: str, exchange: Exchange, name: str, *wanted: str, any_of: bool = False) -> Findings:
    """An array member holds the values (or, with ``any_of``, one of them)."""
    value = exchange.answer.object.get(name)
    listed = value if isinstance(value, list) else []
    missing = [w for w in wanted if w not in listed]
    if (any_of and len(missing) < len(wanted)) or not missing:
        return []
    words = (" or " if any_of else " and ").join(f"`{w}`" for w in wanted)
    actual = f"it is {show(value)}" if name in exchange.answer.object else absent(exchange)
    return [Finding(requirement, f"`{name}` with {words}", actual, exchange.id, f"/{name}")]


def lacks(requirement: str, exchange: Exchange, name: str, unwanted: str) -> Findings:
    """An array member does not hold a value."""
    value = exchange.answer.object.get(name)
    if isinstance(value, list) and unwanted in value:
        return [Finding(requirement, f"`{name}` without `{unwanted}`", f"it is {show(value)}", exchange.id, f"/{name}")]
    return []


def known_capabilities(requirement: str, exchange: Exchange) -> Findings:
    """A capability of the server's own is a full URI."""
    listed = exchange.answer.object.get("capabilities")
    known = CAPABILITIES | EARLIER_CAPABILITIES | OTHER_GUIDES
    own = [c for c in (listed if isinstance(listed, list) else []) if isinstance(c, str) and c not in known]
    wrong = [c for c in own if ":" not in c]
    if not wrong:
        return []
    return [
        Finding(requirement, "capabilities that the guide defines, or full URIs", f"`{'`, `'.join(wrong)}`", exchange.id, "/capabilities")
    ]


def supports_a_capability_set(requirement: str, exchange: Exchange, name: str = "") -> Findings:
    """The named capability set, or at least one, is complete."""
    listed = _listed(exchange, "capabilities")
    if name:
        missing = sorted(CAPABILITY_SETS[name] - listed) + _missing_client(listed)
        return (
            []
            if not missing
            else [Finding(requirement, f"all of {name}", f"it lacks `{'`, `'.join(missing)}`", exchange.id, "/capabilities")]
        )
    if any(needs <= listed and not _missing_client(listed) for needs in CAPABILITY_SETS.values()):
        return []
    return [
        Finding(
            requirement,
            f"all capabilities of one of: {', '.join(CAPABILITY_SETS)}",
            f"capabilities: {', '.join(sorted(listed)) or 'none'}",
            exchange.id,
            "/capabilities",
        )
    ]


def grant_types(requirement: str, exchange: Exchange) -> Findings:
    """``grant_types_supported`` has what the claimed capabilities need."""
    listed = _listed(exchange, "capabilities")
    if listed & {"launch-ehr", "launch-standalone"}:
        return contains(requirement, exchange, "grant_types_supported", "authorization_code")
    return []


def issuer_form(requirement: str, exchange: Exchange) -> Findings:
    """``issuer`` is there and is an https URL (http on loopback let through) without query and fragment."""
    words = "`issuer`: an https URL without query and fragment"
    document = exchange.answer.object
    problem = absent(exchange) if "issuer" not in document else issuer_url(document["issuer"])
    return [Finding(requirement, words, problem, exchange.id, "/issuer")] if problem else []


def issuer_agrees(requirement: str, configuration: Exchange, openid: Exchange) -> Findings:
    """The OpenID configuration's ``issuer`` is the one it was fetched below."""
    expected = configuration.answer.object.get("issuer")
    actual = openid.answer.object.get("issuer")
    if actual == expected:
        return []
    return [Finding(requirement, f"`issuer`: {show(expected)}", f"it is {show(actual)}", openid.id, "/issuer")]


def agrees(
    requirement: str, configuration: Exchange, openid: Exchange, names: Iterable[str], *, reached: Mapping[str, tuple[Exchange, Exchange]]
) -> Findings:
    """Members that both documents have lead to the same: they are equal, or something answers at either address.

    An endpoint may have two names. ``reached`` has what was answered at the address of the SMART configuration and at the other one,
    where the two differ.
    """
    ours, theirs = configuration.answer.object, openid.answer.object
    found: Findings = []
    for name in names:
        if name not in ours or name not in theirs or _plain(ours[name]) == _plain(theirs[name]):
            continue
        problem = f"it is {show(theirs[name])}"
        if name in reached:
            difference = _leads_elsewhere(name, *reached[name])
            if not difference:
                continue
            problem = f"{problem}, and {difference}"
        wanted = f"`{name}`: {show(ours[name])} as in the SMART configuration, or another name of the same endpoint"
        found.append(Finding(requirement, wanted, problem, openid.id, f"/{name}"))
    return found


def _leads_elsewhere(name: str, at_ours: Exchange, at_theirs: Exchange) -> str:
    """What shows that two addresses are not the same endpoint; empty where nothing does."""
    for exchange, whose in ((at_ours, "SMART"), (at_theirs, "OpenID")):
        if exchange.heard.status in _NOBODY_THERE or exchange.heard.status >= _SERVER_ERROR:
            return f"that of the {whose} configuration answers with status {exchange.heard.status}"
    if name == "jwks_uri" and at_ours.heard.object != at_theirs.heard.object:
        return "the two JWK Sets differ"
    return ""


def no_empty_members(requirement: str, exchange: Exchange) -> Findings:
    """No member is an empty array or an array where the standard wants one (OpenID Connect Discovery section 4.2)."""
    document = exchange.answer.object
    found = [
        Finding(requirement, f"`{name}` left out or with elements", "it is an empty array", exchange.id, f"/{name}")
        for name, value in document.items()
        if value == [] and name.endswith("_supported")
    ]
    found += [
        Finding(requirement, f"`{name}`: an array", f"it is {show(value)}", exchange.id, f"/{name}")
        for name, value in document.items()
        if name
        in {*ARRAYS, "subject_types_supported", "id_token_signing_alg_values_supported", "claims_supported", "response_modes_supported"}
        and not isinstance(value, list)
    ]
    return found


def associated_endpoints(requirement: str, exchange: Exchange) -> Findings:
    """``associated_endpoints`` is an array of objects with ``url`` and ``capabilities``."""
    if "associated_endpoints" not in exchange.answer.object:
        return []
    value = exchange.answer.object["associated_endpoints"]
    words = "`associated_endpoints`: an array of objects with `url` (absolute) and `capabilities` (an array of strings)"
    if not isinstance(value, list):
        return [Finding(requirement, words, f"it is {show(value)}", exchange.id, "/associated_endpoints")]
    found: Findings = []
    for index, entry in enumerate(value):
        pointer = f"/associated_endpoints/{index}"
        if not isinstance(entry, dict):
            found.append(Finding(requirement, words, f"{show(entry)} is not an object", exchange.id, pointer))
            continue
        for name, rule in (("url", absolute_url), ("capabilities", strings)):
            problem = rule(entry.get(name)) if name in entry else "it is absent"
            if problem:
                found.append(Finding(requirement, words, f"`{name}`: {problem}", exchange.id, f"{pointer}/{name}"))
    return found


def _missing_client(listed: frozenset[str]) -> list[str]:
    clients = {"client-public", "client-confidential-symmetric"}
    return [] if clients & listed else ["client-public or client-confidential-symmetric"]


def _listed(exchange: Exchange, name: str) -> frozenset[str]:
    value = exchange.answer.object.get(name)
    return frozenset(v for v in value if isinstance(v, str)) if isinstance(value, list) else frozenset()


_NOBODY_THERE = frozenset({0, 404, 405, 410})
_SERVER_ERROR = 500


def _plain(value: Any) -> Any:
    return sorted(value, key=str) if isinstance(value, list) else value


def json_whatever(requirement: str, exchange: Exchange) -> Findings:
    """The answer is the JSON document, whatever ``Accept`` said; two answers may differ in what changes with time."""
    return json_object(requirement, exchange) or media_type(requirement, exchange, "application/json")


def no_fragment(requirement: str, exchange: Exchange, name: str) -> Findings:
    """An endpoint's URI has no fragment (RFC 6749 sections 3.1 and 3.2)."""
    value = exchange.answer.object.get(name)
    if not isinstance(value, str) or "#" not in value:
        return []
    return [Finding(requirement, f"`{name}` without a fragment", f"it is {show(value)}", exchange.id, f"/{name}")]


def clock(requirement: str, exchange: Exchange) -> Findings:
    """The ``Date`` header is within a minute of when the answer came; without the header there is nothing to compare."""
    from datetime import UTC, timedelta
    from email.utils import parsedate_to_datetime

    value = exchange.answer.header("date")
    if value is None:
        return []
    try:
        theirs = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return [Finding(requirement, "`Date` as an HTTP date", f"`Date: {value}`", exchange.id, "header: Date")]
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    ours = exchange.started + timedelta(milliseconds=exchange.duration_ms)
    skew = (theirs - ours).total_seconds() + age(exchange)
    if abs(skew) <= 60 + exchange.duration_ms / 1000:
        return []
    return [
        Finding(
            requirement,
            "`Date` within a minute of the present time",
            f"it is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}",
            exchange.id,
            "header: Date",
        )
    ]


def utf8(requirement: str, exchange: Exchange) -> Findings:
    """The body is UTF-8 and no ``charset`` says otherwise (RFC 8259 section 8.1)."""
    answer = exchange.answer
    declared = (answer.header("content-type") or "").lower().partition("charset=")[2].strip(' "').split(";")[0]
    if declared and declared not in ("utf-8", "utf8", "us-ascii"):
        return [Finding(requirement, "JSON in UTF-8", f"`charset={declared}`", exchange.id, "header: Content-Type")]
    try:
        answer.body.decode("utf-8")
    except UnicodeDecodeError as exc:
        return [Finding(requirement, "JSON in UTF-8", f"byte {exc.start} is not UTF-8", exchange.id, "body")]
    return []


def grant_types_known(requirement: str, answers: Mapping[str, Exchange], usable: Container[str]) -> Findings:
    """No grant type that is listed is answered with ``unsupported_grant_type``; other refusals are right for an empty request.

    A grant type that no configured client may use warns: the server may say so to this client.
    """
    found: Findings = []
    for name, exchange in answers.items():
        if exchange.answer.object.get("error") == "unsupported_grant_type":
            words = f"the listed grant type `{name}` known at the token endpoint"
            finding = Finding(requirement, words, "`unsupported_grant_type`", exchange.id, "/error")
            found += [finding] if name in usable else advice([finding])
    return found


def response_types_known(requirement: str, told: Mapping[str, tuple[str, str]]) -> Findings:
    """No response type that is listed is answered with ``unsupported_response_type``; ``told`` has the error of each and its exchange.

    It warns: a server may say so to an app that is not registered for the type.
    """
    words = "the listed response type `{}` known at the authorization endpoint"
    return advice(
        [
            Finding(requirement, words.format(name), "`unsupported_response_type`", exchange, "parameter: error")
            for name, (error, exchange) in told.items()
            if error == "unsupported_response_type"
        ]
    )
