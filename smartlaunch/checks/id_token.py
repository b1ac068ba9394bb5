"""Checks on the ID Token (OpenID Connect Core sections 2 and 3.1.3.7, SMART "Scopes for requesting identity data").

The claims come decoded and the signature verified by ``smartlaunch.oidc``; here they are only compared. Values that identify a person
(``sub``, ``fhirUser``) are not shown.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.checks.fhir_answer import describe, refused_read
from smartlaunch.checks.members import Findings, secure_url, show, skew
from smartlaunch.checks.resource_types import relative_reference
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding, Kind, Outcome, Side

LEEWAY_S = 60
NEAR_S = 600
"""How old ``iat`` may be when the token arrives, with room for a slow clock."""

USER_TYPES = ("Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person")
_CLINICIANS = ("Practitioner", "PractitionerRole")
_LONGEST_SUB = 255
_MILLISECONDS = 10**11
_KEY_HEADERS = ("x5u", "x5c", "jku", "jwk")
_POINTER = "/id_token"
_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
_ALGORITHMS = "id_token_signing_alg_values_supported"


def present(requirement: str, token: Exchange) -> Findings:
    """The token response has an ``id_token``."""
    value = token.answer.object.get("id_token")
    if isinstance(value, str) and value:
        return []
    actual = "it is absent" if "id_token" not in token.answer.object else f"it is {show(value)}"
    return [Finding(requirement, "`id_token` beside the access token, because `openid` was granted", actual, token.id, _POINTER)]


def signed(requirement: str, token: Exchange, header: Mapping[str, Any], problem: str) -> Findings:
    """The ID Token is a JWS with a signature."""
    words = "a signed JWT: three parts, with an `alg` other than `none`"
    if problem:
        return [Finding(requirement, words, problem, token.id, _POINTER)]
    algorithm = header.get("alg")
    last = str(token.answer.object.get("id_token", "")).rsplit(".", 1)[-1]
    if isinstance(algorithm, str) and algorithm.lower() != "none" and last:
        return []
    actual = f"`alg` is {show(algorithm)}" + ("" if last else " and the signature is empty")
    return [Finding(requirement, words, actual, token.id, _POINTER)]


def not_unsigned(requirement: str, token: Exchange, header: Mapping[str, Any], problem: str) -> Findings:
    """The ID Token does not say of itself that it is unsigned; one that is no JWT says nothing."""
    if problem or str(header.get("alg", "")).lower() != "none":
        return []
    return [Finding(requirement, "an `alg` other than `none`", "`alg` is `none`", token.id, _POINTER)]


def listed_algorithms(configuration: Exchange) -> list[object] | None:
    """The algorithms that the OpenID configuration lists for ID Tokens, or None where it lists none."""
    value = configuration.answer.object.get(_ALGORITHMS)
    return value if isinstance(value, list) else None


def supports_rs256(requirement: str, token: Exchange, used: object, listed: Sequence[object]) -> Findings:
    """RS256 is what this ID Token has, or what the OpenID configuration lists beside other algorithms."""
    if used == "RS256" or "RS256" in listed:
        return []
    actual = f"this ID Token has {show(used)}, and `{_ALGORITHMS}` is {show(listed)}"
    return [Finding(requirement, "RS256 among the algorithms for ID Tokens", actual, token.id, _POINTER)]


def algorithm(requirement: str, token: Exchange, header: Mapping[str, Any]) -> Findings:
    """The algorithm is RS256, the default of a client that registered no other."""
    actual = header.get("alg")
    if actual == "RS256":
        return []
    return [
        Finding(
            requirement,
            "`alg`: `RS256`, as for every client that registered no other algorithm",
            f"it is {show(actual)}",
            token.id,
            _POINTER,
        )
    ]


def no_key_headers(requirement: str, token: Exchange, header: Mapping[str, Any]) -> Findings:
    """The header carries no key and no address of a key."""
    found = [name for name in _KEY_HEADERS if name in header]
    if not found:
        return []
    return [Finding(requirement, "no `x5u`, `x5c`, `jku` or `jwk` in the header", f"it has `{'`, `'.join(found)}`", token.id, _POINTER)]


def names_its_key(requirement: str, token: Exchange, header: Mapping[str, Any], keys: int) -> Findings:
    """With several published keys the header has a ``kid``."""
    if keys < 2 or (isinstance(header.get("kid"), str) and header["kid"]):
        return []
    return [Finding(requirement, f"a `kid` in the header, because the JWK Set has {keys} keys", "it has none", token.id, _POINTER)]


def signature_verifies(requirement: str, token: Exchange, problem: str) -> Findings:
    """The signature verifies with a published key; ``problem`` is what the verification said."""
    if not problem:
        return []
    return [Finding(requirement, "a signature that a key of the JWK Set verifies", problem, token.id, _POINTER)]


def issuer_form(requirement: str, token: Exchange, claims: Mapping[str, Any]) -> Findings:
    """``iss`` is an https URL without query and fragment."""
    words = "`iss`: an https URL without query and fragment"
    if "iss" not in claims:
        return [Finding(requirement, words, "it is absent", token.id, _POINTER)]
    problem = secure_url(claims["iss"])
    if not problem:
        parts = urlsplit(str(claims["iss"]))
        problem = f"{show(claims['iss'])} has a query or fragment" if parts.query or parts.fragment else ""
    return [Finding(requirement, words, problem, token.id, _POINTER)] if problem else []


def issuer_is(requirement: str, token: Exchange, claims: Mapping[str, Any], issuer: str) -> Findings:
    """``iss`` is identical to the issuer of the metadata."""
    if claims.get("iss") == issuer:
        return []
    actual = f"it is {show(claims['iss'])}" if "iss" in claims else "it is absent"
    return [Finding(requirement, f"`iss`: {show(issuer)}, identical to the published issuer", actual, token.id, _POINTER)]


def subject_form(requirement: str, token: Exchange, claims: Mapping[str, Any]) -> Findings:
    """``sub`` is a string of 1 to 255 ASCII characters."""
    words = f"`sub`: a string of 1 to {_LONGEST_SUB} ASCII characters"
    value = claims.get("sub")
    if not isinstance(value, str):
        return [Finding(requirement, words, "it is absent" if "sub" not in claims else "it is no string", token.id, _POINTER)]
    if not value or not value.isascii() or len(value) > _LONGEST_SUB:
        actual = "it has characters beyond ASCII" if not value.isascii() else f"it has {len(value)} characters"
        return [Finding(requirement, words, actual, token.id, _POINTER)]
    return []


def audience(requirement: str, token: Exchange, claims: Mapping[str, Any], client_id: str) -> Findings:
    """``aud`` is the client_id, or an array that contains it."""
    value = claims.get("aud")
    if value == client_id or (isinstance(value, list) and client_id in value):
        return []
    actual = f"it is {show(value)}" if "aud" in claims else "it is absent"
    return [Finding(requirement, f"`aud` with the client_id {show(client_id)}", actual, token.id, _POINTER)]


def authorized_party(requirement: str, token: Exchange, claims: Mapping[str, Any], client_id: str) -> Findings:
    """``azp``, where it is there, is the client_id."""
    if "azp" not in claims or claims["azp"] == client_id:
        return []
    return [Finding(requirement, f"`azp`: {show(client_id)}", f"it is {show(claims['azp'])}", token.id, _POINTER)]


def numeric_date(requirement: str, token: Exchange, claims: Mapping[str, Any], name: str) -> Findings:
    """A time claim is a JSON number of seconds since 1970."""
    words = f"`{name}`: a number of seconds since 1970"
    value = claims.get(name)
    if name not in claims:
        return [Finding(requirement, words, "it is absent", token.id, _POINTER)]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return [Finding(requirement, words, f"it is {show(value)}", token.id, _POINTER)]
    if value > _MILLISECONDS:
        return [Finding(requirement, words, f"it is {show(value)}, which looks like milliseconds", token.id, _POINTER)]
    return []


def issued_before(requirement: str, token: Exchange, claims: Mapping[str, Any], received_at: float) -> Findings:
    """``iat`` is no time to come by the server's own clock: a moment that has not been is not the time of issue."""
    value = _number(claims.get("iat"))
    now = received_at + skew(token)
    if value is None or value > _MILLISECONDS or value - now <= NEAR_S:
        return []
    words = "`iat`: the time at which the ID Token was issued"
    return [Finding(requirement, words, f"it is {value - now:.0f} s after the arrival by the server's own clock", token.id, _POINTER)]


def login_before(requirement: str, token: Exchange, claims: Mapping[str, Any]) -> Findings:
    """``auth_time`` is a time in seconds that is not after ``iat``, give or take a minute between two clocks of the server's."""
    found = numeric_date(requirement, token, claims, "auth_time")
    login, issued = _number(claims.get("auth_time")), _number(claims.get("iat"))
    if found or login is None or issued is None or login <= issued + LEEWAY_S:
        return found
    actual = f"it is {login - issued:.0f} s after `iat`"
    return [Finding(requirement, "`auth_time`: when the user signed in, before the ID Token was issued", actual, token.id, _POINTER)]


def in_force(requirement: str, token: Exchange, claims: Mapping[str, Any], received_at: float) -> Findings:
    """``nbf`` is a time in seconds that has come by the server's own clock, give or take a minute."""
    found = numeric_date(requirement, token, claims, "nbf")
    value = _number(claims.get("nbf"))
    now = received_at + skew(token)
    if found or value is None or value <= now + LEEWAY_S:
        return found
    actual = f"`nbf` is {value - now:.0f} s after the arrival by the server's own clock"
    return [Finding(requirement, "an ID Token that is in force when it arrives", actual, token.id, _POINTER)]


def not_expired(requirement: str, token: Exchange, claims: Mapping[str, Any], received_at: float) -> Findings:
    """``exp`` is later than the arrival by the server's clock, give or take a minute."""
    received_at += skew(token)
    value = _number(claims.get("exp"))
    if value is None or value > received_at - LEEWAY_S:
        return []
    actual = f"`exp` was {received_at - value:.0f} s before the arrival"
    return [Finding(requirement, "an ID Token that has not expired when it arrives", actual, token.id, _POINTER)]


def freshly_issued(requirement: str, token: Exchange, claims: Mapping[str, Any], received_at: float) -> Findings:
    """``iat`` is within ten minutes before the arrival and not after it by the server's clock, give or take a minute."""
    received_at += skew(token)
    value = _number(claims.get("iat"))
    if value is None or -LEEWAY_S <= received_at - value <= NEAR_S:
        return []
    age = received_at - value
    actual = f"`iat` is {age:.0f} s before the arrival" if age > 0 else f"`iat` is {-age:.0f} s after the arrival"
    return [Finding(requirement, f"`iat` within {NEAR_S} s before the arrival", actual, token.id, _POINTER)]


def nonce(requirement: str, token: Exchange, claims: Mapping[str, Any], sent: str) -> Findings:
    """``nonce`` is the one of the request, letter for letter."""
    value = claims.get("nonce")
    if value == sent:
        return []
    actual = "it is absent" if "nonce" not in claims else "it is another value"
    return [Finding(requirement, "`nonce`: the value of the authorization request", actual, token.id, _POINTER)]


def names_hash(header: Mapping[str, Any]) -> bool:
    """Whether the algorithm of an ID Token says by which hash ``at_hash`` is made."""
    return str(header.get("alg"))[-3:] in _HASHES


def access_token_hash(requirement: str, token: Exchange, header: Mapping[str, Any], claims: Mapping[str, Any]) -> Findings:
    """``at_hash``, where it is there, is the left half of the access token's hash (OpenID Connect Core section 3.1.3.6)."""
    value = claims.get("at_hash")
    hashing = _HASHES.get(str(header.get("alg"))[-3:])
    access = token.answer.object.get("access_token")
    if "at_hash" not in claims or hashing is None or not isinstance(access, str):
        return []
    digest = hashing(access.encode()).digest()
    wanted = base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")
    if isinstance(value, str) and value.rstrip("=") == wanted:
        return []
    return [Finding(requirement, "`at_hash`: the left half of the access token's hash", "it is another value", token.id, _POINTER)]


def same_subject(requirement: str, token: Exchange, first: Mapping[str, Any], second: Mapping[str, Any]) -> Findings:
    """One user has one ``sub`` at two logins, be they for one app or for two whose subjects are public."""
    if first.get("sub") == second.get("sub"):
        return []
    return [Finding(requirement, "the same `sub` for one user at each login", "the second login has another `sub`", token.id, _POINTER)]


def other_subject(requirement: str, token: Exchange, first: Mapping[str, Any], second: Mapping[str, Any]) -> Findings:
    """Two users have two ``sub``."""
    if first.get("sub") != second.get("sub"):
        return []
    return [Finding(requirement, "a `sub` of their own for each of two users", "both have the same `sub`", token.id, _POINTER)]


# -- fhirUser -------------------------------------------------------------------------------------------------------------


def fhir_user_present(requirement: str, token: Exchange, claims: Mapping[str, Any]) -> Findings:
    """The ``fhirUser`` claim is there."""
    if "fhirUser" in claims:
        return []
    return [Finding(requirement, "the claim `fhirUser`, because that scope was granted", "it is absent", token.id, _POINTER)]


def fhir_user_form(requirement: str, token: Exchange, claims: Mapping[str, Any]) -> Findings:
    """``fhirUser`` is an absolute URL or a relative reference that ends in a type for people and an id."""
    if "fhirUser" not in claims or user_reference(claims["fhirUser"]):
        return []
    words = f"`fhirUser`: a URL that ends in one of the types {', '.join(USER_TYPES)} and an id"
    value = claims["fhirUser"]
    parts = value.rstrip("/").split("/") if isinstance(value, str) else []
    kind = parts[-2] if len(parts) > 1 else ""
    actual = f"it names the type {show(kind)}" if kind else "it has no type and id" if isinstance(value, str) else f"it is {show(value)}"
    return [Finding(requirement, words, actual, token.id, _POINTER)]


def fhir_user_expected(requirement: str, token: Exchange, claims: Mapping[str, Any], wanted: str) -> Findings:
    """``fhirUser`` names the person who signed in, as the target file knows them.

    Another type may be a permitted choice (a Practitioner has PractitionerRoles, and everyone may have a Person); another id of the
    same type is another person, and so is one who receives care where one who gives it has signed in.
    """
    actual, known = user_reference(claims.get("fhirUser")), user_reference(wanted)
    if actual is None or known is None or actual == known:
        return []
    if actual[0] != known[0]:
        if "Person" in (actual[0], known[0]) or (actual[0] in _CLINICIANS) == (known[0] in _CLINICIANS):
            return []
        said = f"it is a {actual[0]}, and the target file names a {known[0]}"
        return [Finding(requirement, "the resource of the user who signed in", said, token.id, _POINTER)]
    return [
        Finding(
            requirement,
            "the resource of the user who signed in",
            f"it is another {actual[0]} than the target file names",
            token.id,
            _POINTER,
        )
    ]


def fhir_user_leads(requirement: str, read: Exchange, claims: Mapping[str, Any]) -> Findings:
    """The resource that ``fhirUser`` names is there and is of that type; a refusal may be policy and is an expectation only."""
    wanted = user_reference(claims.get("fhirUser"))
    if wanted is None:
        return []
    answer = read.answer
    words = f"the {wanted[0]} that `fhirUser` names"
    if 200 <= answer.status < 300:
        body = answer.object
        if (body.get("resourceType"), body.get("id")) == wanted:
            return []
        return [Finding(requirement, words, f"another resource: {describe(read)}", read.id, "body", side=Side.FHIR_SERVER)]
    if answer.status in (404, 410):
        return [Finding(requirement, words, describe(read), read.id, "status", side=Side.FHIR_SERVER)]
    return refused_read(read, words)


def fhir_user_here(token: Exchange, *, elsewhere: bool) -> Findings:
    """``fhirUser`` is below the FHIR base URL; another server is a permitted choice that leaves the app without the resource."""
    if not elsewhere:
        return []
    return [
        Finding(
            "EXPECT-fhir-read",
            "`fhirUser` below the FHIR base URL of the launch, where the access token is good",
            "it is on another server, which the app has no token for",
            token.id,
            _POINTER,
            kind=Kind.EXPECTATION,
            severity=Outcome.WARNING,
        )
    ]


def fhir_user_withheld(requirement: str, token: Exchange, granted: Sequence[str], read: Exchange | None) -> Findings:
    """A user without a FHIR resource is not granted ``fhirUser``; when the claim leads to a resource, the user has one after all."""
    if "fhirUser" not in granted or (read is not None and 200 <= read.answer.status < 300 and read.answer.object.get("id")):
        return []
    actual = "it was granted" + (f", and the claim leads to {describe(read)}" if read is not None else "")
    return [Finding(requirement, "no `fhirUser` among the granted scopes, as this user has no FHIR resource", actual, token.id, "/scope")]


def user_reference(value: object) -> tuple[str, str] | None:
    """Type and id at the end of a ``fhirUser`` claim, or None when it does not name a person."""
    if not isinstance(value, str) or re.search(r"\s", value):
        return None
    path = urlsplit(value).path if "://" in value else value
    parsed = relative_reference("/".join(path.split("/_history/")[0].strip("/").split("/")[-2:]))
    return parsed if parsed is not None and parsed[0] in USER_TYPES else None


# -- UserInfo -------------------------------------------------------------------------------------------------------------


def userinfo_subject(requirement: str, answer: Exchange, claims: Mapping[str, Any]) -> Findings:
    """The UserInfo response has the ``sub`` of the ID Token."""
    words = "a JSON object or JWT with the `sub` of the ID Token"
    if not 200 <= answer.answer.status < 300:
        return [Finding(requirement, words, f"status {answer.answer.status}", answer.id, "status")]
    body = answer.answer.object or _claims_of(answer.answer.text)
    if not body:
        return [Finding(requirement, words, answer.answer.json_error or "no JSON object", answer.id, "body")]
    if "sub" in body and body["sub"] == claims.get("sub"):
        return []
    return [Finding(requirement, words, "`sub` is absent" if "sub" not in body else "`sub` is another value", answer.id, "/sub")]


def userinfo_media_type(requirement: str, answer: Exchange) -> Findings:
    """A JSON object comes as ``application/json``, a signed or encrypted one as ``application/jwt``."""
    wanted = "application/json" if answer.answer.object else "application/jwt"
    if answer.answer.media_type == wanted:
        return []
    actual = answer.answer.media_type or "no media type"
    return [Finding(requirement, f"the media type {wanted}", actual, answer.id, "header: Content-Type")]


def userinfo_refuses(requirement: str, answer: Exchange) -> Findings:
    """A token that was never issued is refused as RFC 6750 section 3 lays down: 401 with ``WWW-Authenticate``, and no claims."""
    status = answer.answer.status
    if answer.answer.object.get("sub") or _claims_of(answer.answer.text):
        return [Finding(requirement, "a refusal without claims", f"status {status} with claims", answer.id, "body")]
    if status == 401 and answer.answer.all("www-authenticate"):
        return []
    lacking = f"status {status}" + ("" if answer.answer.all("www-authenticate") else " without `WWW-Authenticate`")
    return [Finding(requirement, "status 401 with `WWW-Authenticate`", lacking, answer.id, "status")]


def _claims_of(text: str) -> dict[str, Any]:
    import json

    parts = text.strip().split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def in_seconds(value: object) -> bool:
    """Whether a time claim is a number of seconds, and not of milliseconds."""
    seconds = _number(value)
    return seconds is not None and seconds <= _MILLISECONDS


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
