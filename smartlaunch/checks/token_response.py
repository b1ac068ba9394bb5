"""Checks on a successful token response (RFC 6749 section 5.1, SMART "Obtain access token") and on the strength of tokens.

Values of tokens never enter a finding: lengths, names and counts are enough to tell what is wrong.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from smartlaunch.checks.members import Findings, absent, show, string
from smartlaunch.checks.resource_types import BY_LOWER_CASE, relative_reference
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding
from smartlaunch.oauth.scopes import IDENTITY, REFRESH, is_clinical

HOUR_S = 3600
HEADER_BYTES = 8192
"""The usual limit of HTTP servers for one header, which the guide names."""

TEXT_MEMBERS = ("access_token", "token_type", "refresh_token", "scope", "id_token", "error", "error_description", "error_uri")
CONTEXT_MEMBERS = ("patient", "encounter", "fhirContext", "need_patient_banner", "intent", "smart_style_url", "tenant")
"""The launch context that the guide names."""

_B64TOKEN = re.compile(r"^[A-Za-z0-9\-._~+/]+=*$")
_OF_THE_GUIDE = re.compile(r"^launch(/|$)|^smart/")
_BITS_PER_CHARACTER = math.log2(94)
_BITS = 128
_SECRET_NAMES = frozenset({"password", "passwd", "pwd", "client_secret", "clientsecret", "refresh_token", "refreshtoken", "private_key"})
_MILLISECONDS = 10**8


def _is_known(scope: str) -> bool:
    """Whether a scope is one that the specifications define."""
    return is_clinical(scope) or scope in (*IDENTITY, *REFRESH) or bool(_OF_THE_GUIDE.match(scope))


def holds_token_or_error(requirement: str, exchange: Exchange) -> Findings:
    """The body is a JSON object with an access token or an error."""
    words = "a JSON object with `access_token` or `error`"
    answer = exchange.answer
    if not isinstance(answer.json, dict):
        return [Finding(requirement, words, answer.json_error or f"the body is {show(answer.json)}", exchange.id, "body")]
    if any(isinstance(answer.object.get(name), str) and answer.object[name] for name in ("access_token", "error")):
        return []
    return [Finding(requirement, words, f"an object with {_names(answer.object)}", exchange.id, "body")]


def json_body(requirement: str, exchange: Exchange) -> Findings:
    """The parameters are members of a JSON object in the body, not of a form and not wrapped in another member."""
    answer = exchange.answer
    words = "the parameters as members of one JSON object in the body"
    if not isinstance(answer.json, dict):
        return [Finding(requirement, words, answer.json_error or f"the body is {_kind(answer.json)}", exchange.id, "body")]
    wrapped = [
        name
        for name, value in answer.object.items()
        if isinstance(value, dict) and {"access_token", "token_type"} & set(value) and "access_token" not in answer.object
    ]
    return [Finding(requirement, words, f"they are inside the member `{wrapped[0]}`", exchange.id, f"/{wrapped[0]}")] if wrapped else []


def access_token(requirement: str, exchange: Exchange) -> Findings:
    """There is an ``access_token`` that is a non-empty string."""
    body = exchange.answer.object
    if "access_token" not in body:
        return [Finding(requirement, "`access_token`: a non-empty string", absent(exchange), exchange.id, "/access_token")]
    value = body["access_token"]
    if isinstance(value, str) and value.strip():
        return []
    actual = "it is blank" if isinstance(value, str) else f"it is {_kind(value)}"
    return [Finding(requirement, "`access_token`: a non-empty string", actual, exchange.id, "/access_token")]


def token_type(requirement: str, exchange: Exchange) -> Findings:
    """``token_type`` is Bearer, in any case of letters."""
    body = exchange.answer.object
    value = body.get("token_type")
    if isinstance(value, str) and value.lower() == "bearer":
        return []
    actual = f"it is {show(value)}" if "token_type" in body else absent(exchange)
    return [Finding(requirement, "`token_type`: `Bearer` in any case of letters", actual, exchange.id, "/token_type")]


def lifetime(requirement: str, exchange: Exchange) -> Findings:
    """``expires_in`` is there and is a number."""
    body = exchange.answer.object
    words = "`expires_in`: the seconds that the access token still lives, as a number"
    if "expires_in" not in body:
        return [Finding(requirement, words, absent(exchange), exchange.id, "/expires_in")]
    value = body["expires_in"]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return [Finding(requirement, words, f"it is {show(value)}", exchange.id, "/expires_in")]
    return []


def lifetime_is_true(requirement: str, exchange: Exchange) -> Findings:
    """``expires_in``, where it is there, counts seconds to come: not zero or less, not a moment, not milliseconds.

    Milliseconds show by their size alone only above some years; an access token that is a JWT tells its own life.
    """
    body = exchange.answer.object
    seconds = seconds_of(body.get("expires_in"))
    if seconds is None:
        return []
    told, own = show(body["expires_in"]), _own_life(body.get("access_token"))
    if seconds <= 0:
        problem = f"it is {told}, so the token would be dead on arrival"
    elif seconds > _MILLISECONDS:
        problem = f"it is {told}, which looks like a moment or milliseconds"
    elif own and abs(seconds - 1000 * own) <= 1000:
        problem = f"it is {told}, and the access token says that it lives {own:g} s: these are milliseconds"
    else:
        return []
    return [Finding(requirement, "`expires_in`: the seconds that the access token still lives", problem, exchange.id, "/expires_in")]


def _own_life(token: object) -> float:
    """The seconds from ``iat`` to ``exp`` of an access token that is a JWT; 0 where it tells none."""
    for text in decoded_parts(token) if isinstance(token, str) else []:
        try:
            claims = json.loads(text)
        except ValueError:
            continue
        if isinstance(claims, dict) and all(isinstance(claims.get(name), int) for name in ("exp", "iat")):
            return float(claims["exp"] - claims["iat"])
    return 0.0


def lives_an_hour_at_most(requirement: str, exchange: Exchange) -> Findings:
    """The access token ends within the hour, by its own ``expires_in``."""
    seconds = seconds_of(exchange.answer.object.get("expires_in"))
    if seconds is None or seconds <= HOUR_S:
        return []
    return [
        Finding(
            requirement,
            f"`expires_in`: {HOUR_S} or less",
            f"it is {show(exchange.answer.object['expires_in'])}",
            exchange.id,
            "/expires_in",
        )
    ]


def json_types(requirement: str, exchange: Exchange) -> Findings:
    """Members that are text are JSON strings, ``expires_in`` is a JSON number (RFC 6749 section 5.1)."""
    body = exchange.answer.object
    found = [
        Finding(requirement, f"`{name}`: a JSON string", f"it is {_kind(body[name])}", exchange.id, f"/{name}")
        for name in TEXT_MEMBERS
        if name in body and not isinstance(body[name], str)
    ]
    if "expires_in" in body and (isinstance(body["expires_in"], bool) or not isinstance(body["expires_in"], (int, float))):
        found.append(Finding(requirement, "`expires_in`: a JSON number", f"it is {_kind(body['expires_in'])}", exchange.id, "/expires_in"))
    return found


def scope_listed(requirement: str, exchange: Exchange) -> Findings:
    """``scope`` is there, is a string, and has a space and nothing else between two scopes."""
    body = exchange.answer.object
    words = "`scope`: a string with the granted scopes, one space between two of them"
    if "scope" not in body:
        return [Finding(requirement, words, absent(exchange), exchange.id, "/scope")]
    value = body["scope"]
    if value == "":
        return []  # no scope was granted, and that is told
    if problem := string(value):
        return [Finding(requirement, words, problem, exchange.id, "/scope")]
    for token in value.split():
        parts = re.split("[,;]", token)
        if len(parts) > 1 and all(map(_is_known, parts[:2])):
            return [
                Finding(requirement, words, f"{show(parts[0])} and {show(parts[1])} are joined by another character", exchange.id, "/scope")
            ]
    return []


def scope_syntax(requirement: str, exchange: Exchange) -> Findings:
    """``scope`` follows RFC 6749 section 3.3: tokens of the listed characters, one space between two."""
    value = exchange.answer.object.get("scope")
    if not isinstance(value, str):
        return []
    words = "`scope`: tokens of visible ASCII characters without quote and backslash, one space between two"
    if value == "":
        return [Finding(requirement, words, "it is empty", exchange.id, "/scope")]
    if value != value.strip(" ") or "  " in value:
        return [Finding(requirement, words, "it has a space too many", exchange.id, "/scope")]
    wrong = sorted({c for c in value if c != " " and (not "\x21" <= c <= "\x7e" or c in '"\\')})
    return [Finding(requirement, words, f"it has the character {show(wrong[0])}", exchange.id, "/scope")] if wrong else []


def scope_once(requirement: str, exchange: Exchange) -> Findings:
    """No scope stands twice in ``scope``."""
    value = exchange.answer.object.get("scope")
    counted = Counter(value.split()) if isinstance(value, str) else Counter[str]()
    twice = [scope for scope, times in counted.items() if times > 1]
    if not twice:
        return []
    return [Finding(requirement, "each scope once", f"twice or more: {' '.join(twice)}", exchange.id, "/scope")]


def token_characters(requirement: str, exchange: Exchange) -> Findings:
    """The access token has the form that an ``Authorization: Bearer`` header can carry (RFC 6750 section 2.1)."""
    value = exchange.answer.object.get("access_token")
    if not isinstance(value, str) or not value or _B64TOKEN.match(value):
        return []
    wrong = sorted({c for c in value.rstrip("=") if not re.match(r"[A-Za-z0-9\-._~+/]", c)})
    words = "an access token of letters, digits and `-._~+/`, with `=` at its end only"
    return [Finding(requirement, words, f"it has the characters {show(''.join(wrong))}", exchange.id, "/access_token")]


def fits_a_header(requirement: str, exchange: Exchange) -> Findings:
    """The access token is small enough for one HTTP header."""
    value = exchange.answer.object.get("access_token")
    length = len("Authorization: Bearer ") + (len(value) if isinstance(value, str) else 0)
    if length <= HEADER_BYTES:
        return []
    return [
        Finding(
            requirement,
            f"an `Authorization` header of {HEADER_BYTES} bytes at most",
            f"it has {length} bytes",
            exchange.id,
            "/access_token",
        )
    ]


def holds_no_secret(requirement: str, exchange: Exchange, secrets: Iterable[str]) -> Findings:
    """What can be decoded from the access token has no password, client secret or refresh token in it."""
    value = exchange.answer.object.get("access_token")
    if not isinstance(value, str):
        return []
    known = [s for s in secrets if len(s) >= 6]
    refresh = exchange.answer.object.get("refresh_token")
    if isinstance(refresh, str) and refresh:
        known.append(refresh)
    words = "an access token from which no password, client secret or refresh token can be read"
    for text in decoded_parts(value):
        if any(secret in text for secret in known):
            return [Finding(requirement, words, "a secret of this run can be read from it", exchange.id, "/access_token")]
        names = sorted(name for name in _member_names(text) if name.lower() in _SECRET_NAMES)
        if names:
            return [Finding(requirement, words, f"a member `{names[0]}` can be read from it", exchange.id, "/access_token")]
    return []


def unguessable(requirement: str, first: Exchange, second: Exchange, name: str, *, same_user: bool) -> Findings:
    """Two tokens differ in enough characters that neither helps to guess the other (RFC 6749 section 10.10).

    The bound is generous: each character that differs counts as one of all 94 visible characters. One token given twice to one user
    is a permitted choice; given to two users it is not.
    """
    one, two = first.answer.object.get(name), second.answer.object.get(name)
    if not isinstance(one, str) or not isinstance(two, str) or not one or not two:
        return []
    words = f"`{name}` values of which at least {_BITS} bits cannot be known from another value"
    if one == two:
        if not same_user:
            return [Finding(requirement, words, "two users got the same value", second.id, f"/{name}")]
        differing = len(two)
    else:
        differing = _differing(one, two)
    bits = differing * _BITS_PER_CHARACTER
    if bits >= _BITS:
        return []
    actual = f"the values have {len(one)} and {len(two)} characters and differ in a run of {differing}, {bits:.0f} bits at the very most"
    return [Finding(requirement, words, actual, second.id, f"/{name}")]


def without_id_token(requirement: str, exchange: Exchange) -> Findings:
    """No ``id_token`` when identity was not asked for."""
    if "id_token" not in exchange.answer.object:
        return []
    return [Finding(requirement, "no `id_token` for a request without the scope `openid`", "it is there", exchange.id, "/id_token")]


def own_names(requirement: str, exchange: Exchange) -> Findings:
    """Launch context and scopes of the server's own carry a full URI or two underscores in front.

    A member counts as launch context when it is named after a FHIR resource type or holds a reference; anything else may be an OAuth
    extension, which SMART does not rule.
    """
    body = exchange.answer.object
    words = "a full URI or a name that starts with two underscores for what the guide does not define"
    known = {*CONTEXT_MEMBERS, *TEXT_MEMBERS, "expires_in", "fhirUser", "profile"}
    found = [
        Finding(requirement, words, f"the member `{name}` names launch context", exchange.id, f"/{name}")
        for name, value in body.items()
        if name not in known
        and ":" not in name
        and not name.startswith("__")
        and (name.lower() in BY_LOWER_CASE or relative_reference(value))
    ]
    scopes = body["scope"].split() if isinstance(body.get("scope"), str) else []
    found += [
        Finding(requirement, words, f"the granted scope {show(scope)}", exchange.id, "/scope")
        for scope in scopes
        if not _is_known(scope) and ":" not in scope and not scope.startswith("__")
    ]
    return found


def decoded_parts(token: str) -> list[str]:
    """What anyone can read out of a token: itself when it is JSON, its base64 parts when they are text."""
    found = [token] if token.lstrip().startswith("{") else []
    for part in {token, *token.split(".")}:
        try:
            raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
            text = raw.decode("utf-8")
        except ValueError:
            continue
        if len(text) > 3 and text.isprintable():
            found.append(text)
    return found


def _member_names(text: str) -> set[str]:
    try:
        document: Any = json.loads(text)
    except ValueError:
        return set()
    names: set[str] = set()
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            names |= {name for name, inner in value.items() if inner}
            pending += value.values()
        elif isinstance(value, list):
            pending += value
    return names


def _differing(one: str, two: str) -> int:
    """How many characters lie between the common beginning and the common end, in the shorter value."""
    shorter = min(len(one), len(two))
    start = next((i for i in range(shorter) if one[i] != two[i]), shorter)
    end = next((i for i in range(shorter - start) if one[-1 - i] != two[-1 - i]), shorter - start)
    return shorter - start - end


def seconds_of(value: object) -> float | None:
    """A lifetime as a number, also where it is written as text; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _kind(value: object) -> str:
    names: Sequence[tuple[type, str]] = (
        (bool, "a boolean"),
        (str, "a string"),
        (int, "a number"),
        (float, "a number"),
        (list, "an array"),
        (dict, "an object"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "null")


def _names(body: dict[str, Any]) -> str:
    return f"the members {', '.join(f'`{name}`' for name in body)}" if body else "no members"
