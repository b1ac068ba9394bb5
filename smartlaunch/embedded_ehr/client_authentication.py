"""How a client proves who it is: secret in the header or the body, a signed assertion, or nothing for a public client."""

from __future__ import annotations

import base64
import binascii
import hmac
import ssl
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus, urlsplit

import anyio
import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey, import_key

from smartlaunch.embedded_ehr.core import OAuthError, Parameters, Part, Sandbox, crash, parse_json
from smartlaunch.embedded_ehr.defects.client_authentication import (
    LONG_LIFE,
    OTHER_AUDIENCE,
    PAST_EXPIRY,
    WITHOUT_CREDENTIALS,
    WRONG_SECRET,
    Secret,
)
from smartlaunch.embedded_ehr.defects.spoiling import excused

if TYPE_CHECKING:
    from starlette.requests import Request

    from smartlaunch.embedded_ehr.registry import Client

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS384", "ES384")
_ASSERTION_LIFETIME_S = 300
_CLOCK_SKEW_S = 10
_FETCH_LIMIT_S = 3.0
_UNSTATED_CACHE_S = 60.0
_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}

Used = tuple[str, str]
"""How an assertion that was used is remembered: by its client and its ``jti``."""


@dataclass
class _Fetched:
    """A developer's JWK Set, kept for as long as its Cache-Control says."""

    keys: list[dict[str, Any]]
    stale_at: float


class _WithLongHeaders(jws.JWSRegistry):
    """Room for a header with a key or a long URL in it; the library's own limit is 512 bytes."""

    max_header_length = 8192

    def check_header(self, header: dict[str, Any]) -> None:
        """Take every header: what is critical is judged before, and what is not known is ignored (RFC 7515 section 4)."""


class ClientAuthentication(Part):
    """Finds out which client sends a request, over one running server."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self._fetched: dict[str, _Fetched] = {}
        self._used_at: dict[Used, float] = {}
        self._recognised: set[str] = set()

    def refusal(self, description: str, *, used_header: bool = False) -> OAuthError:
        """Return the error for a client that could not be authenticated.

        The challenge is a duty where the client tried the Authorization header, and a choice elsewhere.
        """
        defects, variant = self.defects, self.sandbox.variant
        error = "invalid_client"
        if defects("answers_failed_authentication_with_another_code"):
            error = "invalid_request"
        challenge = {"WWW-Authenticate": f'Basic realm="{self.sandbox.profile.realm}", charset="UTF-8"'}
        if used_header:
            if defects("answers_failed_basic_authentication_without_challenge"):
                challenge = {}
            if defects("challenges_failed_basic_authentication_to_bearer"):
                challenge = {"WWW-Authenticate": f'Bearer realm="{self.sandbox.profile.realm}"'}
            status = 400 if defects("answers_failed_basic_authentication_with_400") else 401
            return OAuthError(error, description, status=status, headers=challenge)
        if variant("answers_401_to_every_failed_authentication"):
            return OAuthError(error, description, status=401, headers=challenge)
        return OAuthError(error, description)

    async def authenticate(self, request: Request, given: Parameters) -> Client:
        """Return the client of a request to the token endpoint or a like one."""
        header = request.headers.get("authorization", "")
        scheme, _, credentials = header.partition(" ")
        basic = scheme.lower() == "basic" and (scheme != "basic" or not self.defects("demands_capitalised_basic"))
        secret, assertion = given.get("client_secret"), given.get("client_assertion")
        ways = sum((basic, secret is not None, assertion is not None))
        if ways > 1 and not self.defects("accepts_two_ways_of_authentication_at_once"):
            message = "The client authenticates in more than one way."
            raise OAuthError("invalid_request", message)
        if basic:
            return self._by_header(given, credentials)
        if header and not credentials and self.defects("fails_on_authorization_without_a_scheme"):
            raise crash()
        if header and self.sandbox.variant("refuses_other_authorization_schemes"):
            raise self.refusal("The Authorization header has another scheme than Basic.", used_header=True)
        assertion_type = given.get("client_assertion_type")
        if assertion is not None or assertion_type is not None:
            return await self._by_assertion_at(request, given, assertion or "", assertion_type)
        client = self.state.clients.get(given.get("client_id") or self._told_by_the_grant(given) or "")
        if client is None and given.get("client_id") and self.defects("ignores_case_of_client_id"):
            named = str(given.get("client_id")).casefold()
            client = next((one for name, one in self.state.clients.items() if one.public and name.casefold() == named), None)
        if client is None:
            if given.get("client_id") and self.defects("answers_unknown_clients_with_another_code"):
                message = "The client is not known."
                raise OAuthError("unauthorized_client", message)
            raise self.refusal("The client is not known or does not say who it is.")
        if secret is not None:
            if "client_secret_post" not in client.auth_methods and not self._loose_method(client):
                raise self.refusal("This client is not registered for client_secret_post.")
            if not (given.get("grant_type") == "refresh_token" and self.defects("takes_any_secret_in_the_body_at_refresh")):
                self._require_secret(client, secret, used_header=False)
        elif client.public:
            if self.defects("refuses_public_clients"):
                raise self.refusal("Every client has to authenticate.")
        elif not excused(self.defects, (client, given), WITHOUT_CREDENTIALS):
            raise self.refusal("This client has to authenticate.")
        return client

    async def _by_assertion_at(self, request: Request, given: Parameters, assertion: str, kind: str | None) -> Client:
        """Verify an assertion as this endpoint does, which right servers do in one way everywhere."""
        defects, path = self.defects, request.url.path
        revoking, asking = path.endswith("/revoke"), path.endswith("/introspect")
        if kind != ASSERTION_TYPE and not defects("ignores_client_assertion_type"):
            raise self.refusal("The client_assertion_type is not the one of RFC 7523.")
        unsigned = (revoking and defects("does_not_verify_assertions_at_revocation")) or (
            asking and defects("does_not_verify_assertions_at_introspection")
        )
        stale = asking and defects("looks_at_no_exp_at_introspection")
        arrived = getattr(request.state, "arrived", time.monotonic())
        client, used = await self._by_assertion(given, assertion, arrived, unsigned=unsigned, stale=stale)
        request.state.used_assertion = used
        forgetful = (revoking and defects("forgets_assertions_of_revocations")) or (
            asking and defects("forgets_assertions_of_introspections")
        )
        if forgetful and used is not None:
            self.state.used_assertions.pop(used, None)
        return client

    def _told_by_the_grant(self, given: Parameters) -> str | None:
        """Return the public client that a code or refresh token was issued to, where that alone may tell who asks."""
        client_id = None
        if given.get("code"):
            code = self.state.codes.get(given.get("code") or "")
            if code is not None and self.state.clients[code.client_id].public and self.defects("accepts_public_client_without_client_id"):
                client_id = code.client_id
        if client_id is None and given.get("grant_type") == "refresh_token":
            # The guide gives this request no client_id (app launch, "refresh token"); a public app is known by its token alone.
            refresh = self.state.refresh_tokens.get(given.get("refresh_token") or "")
            if refresh is not None and self.state.clients[refresh.client_id].public:
                client_id = refresh.client_id
        return client_id

    # -- secrets --------------------------------------------------------------------------------------------------------

    def _by_header(self, given: Parameters, credentials: str) -> Client:
        refreshing = given.get("grant_type") == "refresh_token"
        client, named = self._of_header(credentials, refreshing=refreshing), given.get("client_id")
        if named is not None and named != client.client_id and not self.defects("ignores_another_client_id_beside_basic"):
            raise self.refusal("The client_id is not the one that authenticates.", used_header=True)
        return client

    def _of_header(self, credentials: str, *, refreshing: bool) -> Client:
        try:
            decoded = base64.b64decode(credentials, validate=True).decode()
            client_id, colon, secret = decoded.partition(":")
        except (binascii.Error, UnicodeDecodeError) as problem:
            if self.defects("crashes_on_basic_credentials_that_cannot_be_decoded"):
                raise crash() from problem
            raise self.refusal("The Basic credentials cannot be decoded.", used_header=True) from problem
        if not colon:
            raise self.refusal("The Basic credentials have no colon.", used_header=True)
        # RFC 6749 section 2.3.1: both halves are form-encoded before they are joined.
        if not self.defects("does_not_form_decode_basic_credentials"):
            client_id, secret = unquote_plus(client_id), unquote_plus(secret)
        client = self.state.clients.get(client_id)
        if client is None:
            raise self.refusal("The client is not known.", used_header=True)
        if "client_secret_basic" not in client.auth_methods and not self._loose_method(client):
            raise self.refusal("This client is not registered for client_secret_basic.", used_header=True)
        if not (refreshing and self._loose_at_refresh(client, secret)):
            self._require_secret(client, secret, used_header=True)
        return client

    def _loose_at_refresh(self, client: Client, secret: str) -> bool:
        """Say whether a broken server takes a wrong secret where a client refreshes."""
        right, defects = client.secret or "", self.defects
        if not secret:
            return defects("accepts_an_empty_secret_at_refresh")
        if right.startswith(secret) and secret != right:
            return defects("accepts_the_beginning_of_a_client_secret_at_refresh")
        if secret.startswith(right) and secret != right:
            return defects("accepts_a_client_secret_with_something_behind_it_at_refresh")
        return secret != right and secret.casefold() == right.casefold() and defects("ignores_case_of_client_secret_at_refresh")

    def _loose_method(self, client: Client) -> bool:
        return client.public and self.sandbox.variant("ignores_a_secret_from_a_public_client")

    def _require_secret(self, client: Client, secret: str, *, used_header: bool) -> None:
        defects, right = self.defects, client.secret or ""
        if client.public:
            return
        if right and hmac.compare_digest(right.encode(), secret.encode()):
            body_only = defects("refuses_basic_authentication") or defects("takes_the_secret_in_the_body_only_without_saying_so")
            if used_header and body_only:
                raise self.refusal("Basic authentication is not available.", used_header=True)
            if not used_header and defects("refuses_client_secret_in_the_body"):
                raise self.refusal("Client secrets in the body are not available.")
            self._recognised.add(client.client_id)
            return
        if client.client_id in self._recognised and defects("remembers_who_has_authenticated"):
            return
        others = frozenset(other.secret for other in self.state.clients.values() if other.secret)
        if excused(defects, Secret(secret, right, others), WRONG_SECRET):
            return
        raise self.refusal("The client secret is not right.", used_header=used_header).by("wrong_secrets")

    # -- assertions -----------------------------------------------------------------------------------------------------

    async def _by_assertion(
        self, given: Parameters, assertion: str, arrived: float, *, unsigned: bool, stale: bool
    ) -> tuple[Client, Used | None]:
        """Verify a signed assertion as RFC 7523 section 3 and the guide's asymmetric profile ask; return whose it is and its ``jti``."""
        header, claims = self._parts(assertion)
        if " " in assertion:
            assertion = assertion.partition(" ")[0]
        client = self._claimed_client(given, claims)
        refreshing = given.get("grant_type") == "refresh_token"
        unsigned = unsigned or (refreshing and header.get("alg") == "none" and self.defects("accepts_unsigned_assertion_at_refresh"))
        if not unsigned:
            await self._require_signature(client, assertion, header)
        if refreshing and "exp" not in claims and self.defects("accepts_assertion_without_exp_at_refresh"):
            claims["exp"] = self.state.now()
        stale = stale or (refreshing and self.defects("looks_at_no_exp_at_refresh"))
        self._require_claims(client, claims, stale=stale)
        if refreshing and self.defects("knows_no_replays_at_refresh"):
            return client, None
        return client, self._require_first_use(client, claims, arrived, kind=given.get("grant_type") or "")

    def came_to_nothing(self, request: Request) -> None:
        """Learn that a request was refused for another reason than its authentication, which a right server does not care for."""
        used = getattr(request.state, "used_assertion", None)
        if used is not None and self.defects("forgets_assertions_of_refused_requests"):
            self.state.used_assertions.pop(used, None)

    def _parts(self, assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
        if " " in assertion and self.defects("accepts_two_assertions_in_one"):
            assertion = assertion.partition(" ")[0]
        try:
            if assertion.count(".") == 1 and self.defects("accepts_malformed_assertion"):
                assertion += "."
            head, payload, _ = assertion.split(".")
            header, claims = _json(head), _json(payload)
        except (ValueError, binascii.Error) as problem:
            if self.defects("crashes_on_an_assertion_that_cannot_be_read"):
                raise crash() from problem
            raise self.refusal("The client_assertion is not a JWT.") from problem
        return header, claims

    def _claimed_client(self, given: Parameters, claims: dict[str, Any]) -> Client:
        defects = self.defects
        issuer, subject = claims.get("iss"), claims.get("sub")
        if issuer is None and defects("accepts_assertion_without_iss"):
            issuer = subject
        if subject is None and defects("accepts_assertion_without_sub"):
            subject = issuer
        by_subject = self.state.clients.get(subject) if isinstance(subject, str) else None
        by_issuer = self.state.clients.get(issuer) if isinstance(issuer, str) else None
        if by_issuer is None and issuer == subject and defects("ignores_case_of_the_issuer_of_an_assertion"):
            by_issuer = next((one for name, one in self.state.clients.items() if name.casefold() == str(issuer).casefold()), None)
        if issuer != subject:
            if by_subject is not None and defects("accepts_assertion_with_another_iss"):
                by_issuer = by_subject
            elif by_issuer is not None and defects("accepts_assertion_with_another_sub"):
                by_subject = by_issuer
            else:
                raise self.refusal("The assertion's iss and sub are not both the client id.")
        client = by_issuer
        if client is None:
            raise self.refusal("The assertion's issuer is not a known client.")
        named = given.get("client_id")
        if named is not None and named != client.client_id and not defects("ignores_another_client_id_beside_an_assertion"):
            raise self.refusal("The client_id is not the assertion's issuer.")
        if "private_key_jwt" not in client.auth_methods:
            raise self.refusal("This client is not registered for private_key_jwt.")
        return client

    async def _require_signature(self, client: Client, assertion: str, header: dict[str, Any]) -> None:
        defects = self.defects
        if self._goes_unsigned(assertion, header):
            return
        self._require_algorithm(header)
        if defects("does_not_verify_assertion_signature"):
            return
        if client.role != "backend" and defects("verifies_assertions_of_backend_services_only"):
            return
        keys = await self._keys(client, header)
        if _verifies(assertion, header, self._candidates(header, keys)):
            return
        if defects("accepts_assertion_signed_by_another_client"):
            others = [key for other in self.state.clients.values() if other.jwks for key in other.jwks["keys"]]
            if _verifies(assertion, header, _of_kind(header, others)):
                return
        embedded = header.get("jwk")
        if isinstance(embedded, dict) and _verifies(assertion, header, [embedded]) and defects("trusts_the_key_inside_the_assertion"):
            return
        certified = _certified(header.get("x5c"))
        if certified and _verifies(assertion, header, [certified]) and defects("trusts_the_certificate_inside_the_assertion"):
            return
        if header.get("x5u") and self.defects("trusts_the_certificate_that_the_assertion_links_to"):
            linked = await self._certified_at(str(header["x5u"]))
            if linked and _verifies(assertion, header, [linked]):
                return
        raise self.refusal("The assertion's signature cannot be verified with the registered keys.")

    async def _certified_at(self, place: str) -> dict[str, Any] | None:
        """Return the public key of a certificate on this machine, which no server may trust without more."""
        if urlsplit(place).hostname not in _THIS_MACHINE:
            return None
        answer = await anyio.to_thread.run_sync(lambda: httpx.get(place, timeout=_FETCH_LIMIT_S, trust_env=False))
        return _certified(["".join(line for line in answer.text.splitlines() if "-----" not in line)])

    def _goes_unsigned(self, assertion: str, header: dict[str, Any]) -> bool:
        """Say whether a broken server does not ask for a signature that its clients alone can make."""
        defects, algorithm = self.defects, header.get("alg")
        if assertion.count(".") == 1:
            return True  # only a server that takes malformed assertions comes here
        if algorithm == "none":
            return defects("accepts_unsigned_assertion")
        if str(algorithm).lower() == "none":
            return defects("accepts_unsigned_assertion_in_another_spelling")
        return algorithm == "HS256" and defects("accepts_assertion_signed_with_the_public_key_as_secret")

    def _require_algorithm(self, header: dict[str, Any]) -> None:
        """Require a header that this server understands, and an algorithm that it lists."""
        defects, algorithm = self.defects, header.get("alg")
        if header.get("crit") is not None and not defects("ignores_crit_of_assertion"):
            raise self.refusal("The assertion's header has an extension that is critical and not known.")
        if header.get("typ") not in (None, "JWT", "jwt"):
            raise self.refusal("The assertion's typ is not JWT.")
        if algorithm not in ALGORITHMS:
            if isinstance(algorithm, str) and algorithm in {"RS256", "ES256", "PS384"} and self.sandbox.variant("takes_more_algorithms"):
                pass
            else:
                raise self.refusal("The assertion is not signed with RS384 or ES384.")
        only_other = {"RS384": "takes_es384_only", "ES384": "takes_rs384_only"}.get(str(algorithm))
        refused = (algorithm == "ES384" and defects("refuses_es384_assertions")) or defects("refuses_rs384_and_es384_assertions")
        if refused or (only_other is not None and self.sandbox.variant(only_other)):
            raise self.refusal("The algorithm is not supported.")

    async def _keys(self, client: Client, header: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the keys that may have signed: those of the registration, and of no other place that the header names."""
        place = header.get("jku")
        if place is not None and place != client.jwks_uri and self.defects("ignores_jku_of_assertion"):
            place = None
        if place is not None and place != client.jwks_uri:
            begun = client.jwks_uri is not None and str(place).startswith(client.jwks_uri)
            if not (begun and self.defects("compares_the_beginning_of_jku")) and not self.defects("fetches_keys_from_any_jku"):
                raise self.refusal("The assertion's jku is not the registered JWK Set URL.")
            return await self._fetch(str(place))
        if client.jwks_uri is not None:
            if self.defects("refuses_clients_with_a_jwks_uri"):
                raise self.refusal("JWK Set URLs are not supported.")
            if place is None and self.defects("needs_jku_for_clients_with_a_jwks_uri"):
                raise self.refusal("The assertion's header lacks jku.")
            if place is not None and self.defects("refuses_registered_jku"):
                raise self.refusal("The header jku is not supported.")
            return await self._fetch(client.jwks_uri)
        if self.defects("refuses_clients_with_a_jwks"):
            raise self.refusal("Register a JWK Set URL.")
        return list((client.jwks or {}).get("keys", ()))

    async def _fetch(self, place: str) -> list[dict[str, Any]]:
        now, kept = time.monotonic(), self._fetched.get(place)
        if kept is not None:
            if kept.stale_at > now and not self.defects("fetches_client_keys_every_time"):
                return kept.keys
            if kept.stale_at <= now and self.defects("keeps_client_keys_longer_than_allowed"):
                return kept.keys
        if urlsplit(place).hostname not in _THIS_MACHINE:
            # The embedded EHR never leaves the machine.
            raise self.refusal("The JWK Set cannot be fetched.")
        try:
            method = "POST" if self.defects("fetches_client_keys_by_post") else "GET"
            first_only = self.defects("reads_the_first_cache_directive_only")
            document, lifetime = await anyio.to_thread.run_sync(_get_keys, place, method, first_only)
        except (httpx.HTTPError, ValueError) as problem:
            raise self.refusal("The JWK Set cannot be fetched.") from problem
        self._fetched[place] = _Fetched(document, now + lifetime)
        return document

    def _candidates(self, header: dict[str, Any], keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the one key that kid and algorithm select, or none."""
        fitting, wanted = _of_kind(header, keys), header.get("kid")
        if wanted is None:
            return fitting if self.defects("accepts_assertion_without_kid") else []
        named = [key for key in keys if key.get("kid") == wanted]
        if not named and self.defects("ignores_case_of_kid"):
            named = [key for key in keys if str(key.get("kid")).casefold() == str(wanted).casefold()]
        if not named:
            return fitting if self.defects("ignores_kid_of_assertion") else []
        if self.defects("tries_every_key_of_the_client"):
            return fitting
        if len(named) > 1:
            return fitting if self.defects("accepts_kid_of_two_keys") else []
        if named[0] not in fitting:
            return fitting if self.defects("accepts_kid_of_a_key_of_another_type") else []
        return named

    def _require_claims(self, client: Client, claims: dict[str, Any], *, stale: bool) -> None:
        defects, now = self.defects, self.state.now()
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if audience is None:
            if not defects("accepts_assertion_without_aud"):
                raise self.refusal("The assertion has no aud claim.")
        elif (
            self.sandbox.token_url not in audiences
            and not (self.sandbox.variant("takes_issuer_as_assertion_audience") and self.state.issuer in audiences)
            and not excused(defects, (client, audiences, self.sandbox.token_url), OTHER_AUDIENCE)
        ):
            raise self.refusal("The assertion's aud claim is not the URL of this token endpoint.")
        expiry = claims.get("exp")
        if expiry == 0 and defects("takes_exp_of_zero_for_no_limit"):
            expiry = now
        if isinstance(expiry, str) and expiry.isdigit() and defects("takes_exp_as_a_string"):
            expiry = int(expiry)
        if "iat" not in claims and defects("demands_iat_in_assertions"):
            raise self.refusal("The assertion has no iat claim.")
        if expiry is None:
            if not defects("accepts_assertion_without_exp"):
                raise self.refusal("The assertion has no exp claim.")
            expiry = now
        elif not isinstance(expiry, int | float) or isinstance(expiry, bool):
            raise self.refusal("The assertion's exp claim is not a number.")
        late = expiry < now - _CLOCK_SKEW_S
        if late and not stale and not excused(defects, client, PAST_EXPIRY):
            raise self.refusal("The assertion has expired.").by("expired_assertions")
        if expiry > now + _ASSERTION_LIFETIME_S + _CLOCK_SKEW_S and not excused(defects, expiry - now, LONG_LIFE):
            raise self.refusal("The assertion's exp claim is more than five minutes ahead.")
        start = claims.get("nbf")
        if isinstance(start, int | float) and start > now + _CLOCK_SKEW_S and not defects("ignores_nbf_of_assertion"):
            raise self.refusal("The assertion is not valid yet.")

    def _require_first_use(self, client: Client, claims: dict[str, Any], arrived: float, *, kind: str) -> Used | None:
        """Require a ``jti`` that this client has not used while its assertion may live; return how it is remembered."""
        defects, now, unique = self.defects, self.state.now(), claims.get("jti")
        if not isinstance(unique, str) or not unique:
            if not defects("accepts_assertion_without_jti"):
                raise self.refusal("The assertion has no jti claim.")
            return None
        if defects("remembers_assertions_by_their_exp"):
            unique = f"{unique} {claims.get('exp')}"
        if defects("remembers_assertions_by_their_grant_type"):
            unique = f"{unique} {kind}"
        used = self.state.used_assertions
        for seen in [seen for seen, end in used.items() if end < now - _CLOCK_SKEW_S]:
            del used[seen]
            self._used_at.pop(seen, None)
        first = self._used_at.get((client.client_id, unique), 0.0)
        together = arrived < first and defects("lets_two_requests_at_once_use_one_assertion")
        with_user = client.role != "backend" and (client.client_id, unique) in used and defects("knows_replays_of_backend_services_only")
        if (client.client_id, unique) in used and not together and not with_user and not defects("accepts_replayed_assertion"):
            if defects("takes_an_assertion_again_after_refusing_it"):
                del used[(client.client_id, unique)]
            raise self.refusal("The assertion has been used before.")
        if defects("remembers_the_last_assertion_only"):
            for seen in [seen for seen in used if seen[0] == client.client_id]:
                del used[seen]
        expiry = claims.get("exp")
        lives_until = float(expiry) if isinstance(expiry, int | float) else now
        used[(client.client_id, unique)] = max(lives_until, now + _ASSERTION_LIFETIME_S)
        self._used_at[(client.client_id, unique)] = time.monotonic()
        return client.client_id, unique


def _of_kind(header: dict[str, Any], keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kind = "EC" if str(header.get("alg", "")).startswith("ES") else "RSA"
    return [key for key in keys if key.get("kty") == kind]


def _certified(chain: object) -> dict[str, Any] | None:
    """Return the public key of the first certificate in a header, which no server may trust without more."""
    if not isinstance(chain, list) or not chain or not isinstance(chain[0], str):
        return None
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(chain[0], validate=True))
        key = certificate.public_key()
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        found = import_key(pem, "EC") if isinstance(key, EllipticCurvePublicKey) else import_key(pem, "RSA")
        return dict(found.as_dict(private=False))
    except (ValueError, JoseError):
        return None


def _verifies(assertion: str, header: dict[str, Any], keys: list[dict[str, Any]]) -> bool:
    """Say whether one of the keys made the signature."""
    for candidate in keys:
        try:
            key = import_key({name: value for name, value in candidate.items() if name not in {"alg", "key_ops", "use"}})
            if isinstance(key, RSAKey | ECKey):
                jws.deserialize_compact(assertion, key, registry=_WithLongHeaders(algorithms=[str(header["alg"])]))
                return True
        except (JoseError, ValueError, KeyError):
            continue
    return False


def _json(part: str) -> dict[str, Any]:
    value = parse_json(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(value, dict):
        message = "not a JSON object"
        raise ValueError(message)  # noqa: TRY004 - the caller treats every malformed part alike
    return value


@cache
def _authorities() -> ssl.SSLContext:
    """Whom this server trusts, read once: to read them takes longer than to fetch a JWK Set."""
    return httpx.create_ssl_context(trust_env=False)


def _get_keys(place: str, method: str, first_only: bool) -> tuple[list[dict[str, Any]], float]:
    """Fetch a JWK Set and say for how many seconds it may be kept."""
    accept = {"Accept": "application/json"}
    answer = httpx.request(
        method, place, headers=accept, timeout=_FETCH_LIMIT_S, follow_redirects=False, trust_env=False, verify=_authorities()
    )
    answer.raise_for_status()
    document = parse_json(answer.content)
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        message = "not a JWK Set"
        raise ValueError(message)  # noqa: TRY004 - the caller treats every malformed document alike
    directives = [part.strip().lower() for part in answer.headers.get("cache-control", "").split(",")]
    if first_only:
        directives = directives[:1]
    if "no-store" in directives or "no-cache" in directives:
        return keys, 0.0
    for directive in directives:
        name, _, value = directive.partition("=")
        if name == "max-age" and value.isdigit():
            return keys, float(value)
    return keys, _UNSTATED_CACHE_S
