"""Checks on the authorization response (RFC 6749 section 4.1.2, RFC 9207, SMART "Obtain authorization code").

They take plain values, not the browser: where it ended (``landing`` kind), the parameters that arrived, and what had been sent.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

from smartlaunch.checks.members import Findings, advice, issuer_url, show
from smartlaunch.finding import Finding

Parameters = Sequence[tuple[str, str]]

AUTHORIZATION_ERRORS = frozenset(
    {
        "invalid_request",
        "unauthorized_client",
        "access_denied",
        "unsupported_response_type",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        # OpenID Connect Core section 3.1.2.6
        "interaction_required",
        "login_required",
        "account_selection_required",
        "consent_required",
        "invalid_request_uri",
        "invalid_request_object",
        "request_not_supported",
        "request_uri_not_supported",
        "registration_not_supported",
        # RFC 8707 section 2 and RFC 9396 section 5, for servers that take `aud` as a resource or authorization_details
        "invalid_target",
        "invalid_authorization_details",
    }
)
_TEXT = re.compile(r"^[\x20\x21\x23-\x5b\x5d-\x7e]+$")
_URI_REFERENCE = re.compile(r"^[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+$")


def first(parameters: Parameters, name: str) -> str | None:
    """The first value of a parameter, or None."""
    return next((value for key, value in parameters if key == name), None)


def same_state(requirement: str, parameters: Parameters, sent: str, exchange: str) -> Findings:
    """``state`` came back character for character; lengths and the first difference are told, never the value."""
    actual = first(parameters, "state")
    expected = f"`state` as sent ({len(sent)} characters)"
    if actual == sent:
        return []
    if actual is None:
        return [Finding(requirement, expected, "no `state`", exchange, "parameter: state")]
    if not sent:
        return [Finding(requirement, "no `state`, as none was sent", "a `state`", exchange, "parameter: state")]
    position = next((i for i, (a, b) in enumerate(zip(actual, sent, strict=False)) if a != b), min(len(actual), len(sent)))
    shown = "" if position >= len(sent) else f": {sent[position]!r} was sent there"
    return [
        Finding(
            requirement,
            expected,
            f"a `state` of {len(actual)} characters that differs from character {position + 1} on{shown}",
            exchange,
            "parameter: state",
        )
    ]


def in_query(requirement: str, url: str, method: str, exchange: str) -> Findings:
    """``code`` or ``error`` stand in the query (RFC 6749 section 4.1.2), neither in the fragment nor in a form that was posted."""
    parts = urlsplit(url)
    if method == "GET" and {"code", "error"} & {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}:
        return []
    where = "posted in a form" if method == "POST" else "in the fragment" if parts.fragment else "nowhere in the address"
    return [Finding(requirement, "`code` or `error` in the query of the redirect URI", where, exchange, "parameter: code")]


def code_or_error(requirement: str, parameters: Parameters, exchange: str) -> Findings:
    """The response has ``code`` or ``error``, not both and not neither."""
    code, error = first(parameters, "code"), first(parameters, "error")
    if (code is None) == (error is None):
        actual = "both" if code is not None else "neither"
        return [Finding(requirement, "`code` or `error`, one of them", actual, exchange, "parameter: code")]
    return []


def not_repeated(requirement: str, parameters: Parameters, exchange: str) -> Findings:
    """No parameter of the response occurs twice."""
    twice = sorted(name for name, count in Counter(key for key, _ in parameters).items() if count > 1)
    if not twice:
        return []
    return [Finding(requirement, "each parameter once", f"twice: {', '.join(twice)}", exchange, f"parameter: {twice[0]}")]


def defined_error(requirement: str, parameters: Parameters, exchange: str, accepted: frozenset[str] = AUTHORIZATION_ERRORS) -> Findings:
    """``error`` is one of the codes that the specifications define; URIs and names with a prefix are extensions and let through."""
    error = first(parameters, "error")
    if error is None or error in accepted or ":" in error:
        return []
    return [
        Finding(requirement, f"`error`: one of {', '.join(sorted(accepted)[:8])}, ...", f"`error={error}`", exchange, "parameter: error")
    ]


def error_code(requirement: str, parameters: Parameters, exchange: str, *accepted: str) -> Findings:
    """``error`` is the one that fits the fault."""
    error = first(parameters, "error")
    if error in accepted:
        return []
    return [
        Finding(
            requirement,
            f"`error`: {' or '.join(accepted)}",
            f"`error={error}`" if error is not None else "no `error`",
            exchange,
            "parameter: error",
        )
    ]


def legal_error_text(requirement: str, parameters: Parameters, exchange: str) -> Findings:
    """``error`` and ``error_description`` hold only the characters of RFC 6749 section 4.1.2.1."""
    found = []
    for name in ("error", "error_description"):
        value = first(parameters, name)
        if value is not None and not _TEXT.match(value):
            found.append(
                Finding(
                    requirement,
                    f"`{name}` of printable ASCII without quote and backslash, not empty",
                    f"it is {show(value)}",
                    exchange,
                    f"parameter: {name}",
                )
            )
    return found


def error_uri(requirement: str, parameters: Parameters, exchange: str) -> Findings:
    """``error_uri`` is a URI reference."""
    value = first(parameters, "error_uri")
    if value is None or _URI_REFERENCE.match(value):
        return []
    return [Finding(requirement, "`error_uri`: a URI reference", f"it is {show(value)}", exchange, "parameter: error_uri")]


def issuer(requirement: str, parameters: Parameters, exchange: str, expected: str, *, claimed: bool) -> Findings:
    """The ``iss`` response parameter (RFC 9207): there when claimed, and the issuer of the metadata."""
    value = first(parameters, "iss")
    if value is None:
        return [Finding(requirement, f"`iss={expected}`, as the metadata claim", "no `iss`", exchange, "parameter: iss")] if claimed else []
    if value != expected:
        return [Finding(requirement, f"`iss={expected}`", f"`iss={value}`", exchange, "parameter: iss")]
    return []


def issuer_form(requirement: str, parameters: Parameters, exchange: str) -> Findings:
    """``iss`` is an https URL (http on loopback let through) without query and fragment."""
    value = first(parameters, "iss")
    if value is None:
        return []
    if not issuer_url(value):
        return []
    return [Finding(requirement, "`iss`: an https URL without query and fragment", f"`iss={value}`", exchange, "parameter: iss")]


def keeps_query(requirement: str, url: str, redirect_uri: str, exchange: str) -> Findings:
    """The query that the redirect URI already had is still there."""
    wanted = urlsplit(redirect_uri).query
    kept = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    if all(pair in kept for pair in parse_qsl(wanted, keep_blank_values=True)):
        return []
    return [Finding(requirement, f"the query `{wanted}` of the redirect URI kept", "it is gone or changed", exchange, "url")]


def code_not_readable(requirement: str, code: str, secrets: Sequence[str], exchange: str) -> Findings:
    """Nothing of meaning can be decoded from an authorization code: no JSON object, no value the flow is about.

    A signed and encrypted code (five parts) is opaque; a signed one with a readable payload is not.
    """
    for part in [code, *code.split(".")]:
        decoded = _decode(part)
        if decoded is None:
            continue
        if isinstance(decoded, dict) and not (set(decoded) <= {"alg", "enc", "typ", "kid", "zip", "cty"}):
            return [
                Finding(
                    requirement,
                    "a code from which nothing can be read",
                    f"it decodes to JSON with {', '.join(sorted(map(str, decoded))[:6])}",
                    exchange,
                    "parameter: code",
                )
            ]
    for secret in secrets:
        if len(secret) >= 5 and secret in code:
            return [
                Finding(
                    requirement,
                    "a code from which nothing can be read",
                    "it contains a value of the request in clear",
                    exchange,
                    "parameter: code",
                )
            ]
    return []


def codes_unguessable(requirement: str, codes: Sequence[str], exchange: str) -> Findings:
    """A sample of codes: all different, long enough for 128 bits, and without a counter.

    Length is judged generously: the size of the alphabet seen, at the length of the part that changes between two codes.
    """
    import math

    if len(set(codes)) < len(codes):
        return [Finding(requirement, "a new code each time", "the same code came twice", exchange, "parameter: code")]
    if len(codes) < 2:
        return []
    shared = _common_prefix(codes) + _common_suffix(codes)
    alphabet = max(2, len({c for code in codes for c in code}))
    bits = (min(map(len, codes)) - shared) * math.log2(16 if alphabet <= 16 else 64 if alphabet > 36 else 36)
    if bits < 112:  # two hex digits short of 128 bits happen by equal neighbours in a small sample
        return [
            Finding(
                requirement,
                "at least 128 bits that change from code to code",
                f"about {bits:.0f} bits change over {len(codes)} codes",
                exchange,
                "parameter: code",
            )
        ]
    return []


def _decode(part: str) -> object:
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        return json.loads(raw.decode("utf-8"))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def _common_prefix(values: Sequence[str]) -> int:
    shortest = min(map(len, values))
    return next((i for i in range(shortest) if len({v[i] for v in values}) > 1), shortest)


def _common_suffix(values: Sequence[str]) -> int:
    shortest = min(map(len, values))
    return next((i for i in range(shortest) if len({v[-1 - i] for v in values}) > 1), shortest)


def takes_unclaimed_post(requirement: str, taken: bool, actual: str, exchange: str) -> Findings:
    """A server that does not claim POST takes it; otherwise it is warned, as the page on capabilities lets a server not claim it."""
    if taken:
        return []
    return advice([Finding(requirement, "a flow that ends with an access token, whether POST is claimed or not", actual, exchange)])


def post_refused_by_origin(requirement: str, actual: str, exchange: str) -> Findings:
    """A POST that is refused with 403 warns: the suite's form has no origin, and a server may let in registered origins only."""
    return advice([Finding(requirement, "a flow that ends with an access token, or a refusal of the missing origin", actual, exchange)])


def no_code_by_good_practice(requirement: str, exchange: str, actual: str, *, code: bool) -> Findings:
    """No code came for a request that a lenient server may take for a right one; values have a case, but nothing forbids to overlook it."""
    if not code:
        return []
    return advice([Finding(requirement, "a refusal: an error at the redirect URI or an error page", actual, exchange)])
