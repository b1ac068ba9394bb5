"""Who the client says it is and how it shows it: ids, authentication, assertion."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.signals.signal import Signal, predicate, saw
from smartlaunch.diagnosis.vendor import Vendor

MAX_ASSERTION_S = 300


CLOCK_LIMIT_S = 60


@predicate
def clients(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """Whether the client that the server saw is the one that was meant."""
    seen = m.client_id_in_error
    own = m.client_id_registered or m.client_id
    if seen and seen.lower() == "unknown":
        yield saw("client-not-recognised", "the server did not get as far as recognising the client (client=unknown)")
    elif seen and own and _is_id(own) and seen != own:
        yield saw("client-differs", f"the server saw client {seen}, the app is registered as {own}", seen=seen, own=own)
    elif m.client_id and m.client_id_registered and m.client_id != m.client_id_registered:
        yield saw(
            "client-differs",
            f"the request names client {m.client_id}, the app is registered as {m.client_id_registered}",
            seen=m.client_id,
            own=m.client_id_registered,
        )
    if m.app_id and m.app_id in (seen, m.client_id):
        yield saw("app-id-as-client", "the id sent as client_id is the App ID of the registration", app_id=m.app_id)
    if m.facts.get("client_id_equal") is False:
        yield saw(
            "client-differs-between-steps",
            "the token request names another client than the authorization request",
            m.fact_of.get("client_id_equal", ""),
        )


@predicate
def authentication(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """How the client showed who it is."""
    f, at = m.facts, m.fact_of
    if m.client_auth:
        yield saw(f"auth:{m.client_auth.replace(' ', '-')}", f"the client authenticated by {m.client_auth}", at.get("client_auth", ""))
    if m.client_auth == "authorization bearer":
        yield saw("bearer-at-token-endpoint", "the token request carries Authorization: Bearer", at.get("client_auth", ""))
    if f.get("basic_percent_encoded"):
        yield saw(
            "basic-percent-encoded",
            "id and secret were percent-encoded before they went into the Basic header",
            at.get("basic_percent_encoded", ""),
        )
    if f.get("basic_well_formed") is False:
        yield saw("basic-malformed", "the Basic header is not base64 of id:secret", at.get("basic_well_formed", ""))
    if f.get("secret_empty") or f.get("basic_secret_empty"):
        yield saw("secret-empty", "the client secret sent is empty")
    unauthenticated = f.get("auth_missing") or m.client_auth == "none"
    if unauthenticated and m.privacy == "confidential":
        yield saw("confidential-without-auth", "a confidential client sent no authentication", at.get("client_auth", ""))
    if m.privacy == "public" and m.client_auth in ("client_secret_basic", "client_secret_post") and not f.get("secret_empty"):
        yield saw("public-with-secret", "a public client sent a secret or a Basic header")
    if m.grant_type == "refresh_token" and unauthenticated and m.privacy != "public":
        yield saw("refresh-without-auth", "the refresh request carries no client authentication", at.get("client_auth", ""))
    if m.grant_type == "refresh_token" and m.privacy == "public" and f.get("client_id_at_token") is False:
        yield saw("refresh-without-client-id", "the refresh request of a public client names no client_id")


@predicate
def token_form(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """How the token request was written."""
    f, at = m.facts, m.fact_of
    if f.get("token_content_type") == "json":
        yield saw("token-request-json", "the token request was sent as JSON, not form-encoded")
    if f.get("code_empty"):
        yield saw("code-empty-sent", "the token request names a code and gives none", at.get("code_empty", ""))
    if f.get("token_content_type") == "multipart":
        yield saw("token-request-multipart", "the token request was sent as multipart/form-data")
    if f.get("token_method") == "GET":
        yield saw("token-request-get", "the token request was sent with GET")
    if f.get("token_parameters_in_query") and {"unsupported_grant_type", "invalid_request"} & set(m.errors):
        problem = "the parameters of the token request stand in its address"
        yield saw("token-parameters-in-query", problem, at.get("token_parameters_in_query", ""))
    if "unsupported_grant_type" in m.errors and not m.grant_type and any(_CODE_GRANT.search(s.text) for s in m.said):
        yield saw("code-grant-refused", "the server knows no grant_type authorization_code, which every authorization server has")


_CODE_GRANT = re.compile(
    r"grant[ _]?type\W{1,12}authorization_code|authorization_code\W{1,3}(?:as|for|in) (?:the |my )?\W?grant[ _]?type", re.IGNORECASE
)


@predicate
def assertions(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """The client assertion, as far as its header and claims show faults."""
    f, at = m.facts, m.fact_of
    seen = f.get("assertion") or {}
    header, faults = seen.get("header", {}), []
    if f.get("assertion_iss_equals_sub") is False:
        faults.append("iss and sub are not both the client id")
    if f.get("assertion_aud_equals_token_endpoint") is False:
        faults.append("aud is not the URL of the token endpoint")
    life = f.get("assertion_lifetime_s")
    if isinstance(life, (int, float)) and life > MAX_ASSERTION_S:
        faults.append(f"it lives {life:.0f} s, at most {MAX_ASSERTION_S} are allowed")
    if f.get("assertion_expired") or (isinstance(life, (int, float)) and life <= 0):
        faults.append("it had expired when it was sent")
    age = f.get("assertion_age_s")
    if isinstance(age, (int, float)) and age < -CLOCK_LIMIT_S:
        faults.append("its iat lies in the future")
    if f.get("assertion_jti_reused"):
        faults.append("its jti was used before")
    if seen.get("jti_present") is False:
        faults.append("it has no jti")
    if header.get("alg") and header["alg"] not in ("RS384", "ES384", "RS256", "ES256", "PS384", "RS512", "ES512", "PS256"):
        faults.append(f"its algorithm {header['alg']} is not an asymmetric one")
    if header and "kid" not in header and seen.get("claims"):
        faults.append("its header has no kid")
    if faults:
        yield saw(
            "assertion-faulty", "the client assertion is faulty: " + "; ".join(faults), at.get("assertion", ""), faults="; ".join(faults)
        )
    elif f.get("assertion_iss_equals_sub") and isinstance(life, (int, float)):
        yield saw("assertion-well-formed", "the claims of the client assertion are as they must be", at.get("assertion", ""))
    offset = f.get("clock_offset_s")
    if isinstance(offset, (int, float)) and abs(offset) >= CLOCK_LIMIT_S:
        yield saw(
            "clock-skew",
            f"the clocks of client and server are {abs(offset):.0f} s apart",
            at.get("clock_offset_s", ""),
            offset=f"{abs(offset):.0f}",
        )


def _is_id(text: str) -> bool:
    """Whether a text is an id and not a description of one."""
    return not re.search(r"[\s()<>{}]|\.\.\.", text)
