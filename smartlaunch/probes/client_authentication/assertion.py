"""Client assertions with one fault, by the words that features use for them (RFC 7523 section 3, SMART asymmetric profile).

A fault is put with the request that costs least: the client credentials request of a backend service where one is configured, else
an access token request with a fresh code. Either way the same request with a right assertion has to succeed first.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, NotConfigured, TwinFailed
from smartlaunch.exchange import Endpoint, Response
from smartlaunch.oauth.client_authentication import (
    ASSERTION_TYPE,
    Assertion,
    Credentials,
    algorithm_of,
    basic,
    certificate,
    encode,
    new_key,
    none,
    post,
    public_part,
)
from smartlaunch.probes import backend_services as client_credentials
from smartlaunch.probes import revocation
from smartlaunch.probes.client_authentication.secret import redeem_with, refresh_with, right_refresh, unproven_code
from smartlaunch.probes.faults import altered, never_issued
from smartlaunch.probes.registered import no_refresh_token
from smartlaunch.probes.token import Race, race

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.oauth.token import TokenAnswer

HOUR_S = 3600
"""Far beyond any tolerance for clocks that differ."""
ALGORITHMS = ("RS384", "ES384")
_CRITICAL = "https://smart-launch-conformance.invalid/critical"


def _right(app: App) -> Assertion:
    """The right assertion, which the wrong ones are made of."""
    return app.authentication.assertion()


def prove(app: App, make: Callable[[App], Credentials]) -> TokenAnswer:
    """A token request with the credentials that ``make`` gives at the last moment; the right request has to succeed first."""
    if app.client.role == "backend":
        client_credentials.require_right(app)
        return client_credentials.ask(app, make(app))
    return redeem_with(app, make)


def right(app: App) -> TokenAnswer:
    """The answer to a right assertion."""
    if app.client.role == "backend":
        return client_credentials.right(app)
    return app.grant().token


def present(app: App, label: str) -> TokenAnswer:
    """The answer to the assertion that the words name, put once per run."""
    if label in AGAIN:
        return app.once(f"assertion {label}", lambda: AGAIN[label](app))
    return app.once(f"assertion {label}", lambda: prove(app, FAULTS[label]))


def refresh(app: App, label: str) -> TokenAnswer:
    """A refresh token of its own, used with the assertion that the words name; a right refresh has to succeed first."""
    return refresh_with(app, label, REFRESHED)


def redeem(app: App, label: str) -> TokenAnswer:
    """A fresh code redeemed with the assertion that the words name."""
    if label in AGAIN:
        return app.once(f"redeem with {label}", lambda: AGAIN[label](app))
    return app.once(f"redeem with {label}", lambda: redeem_with(app, FAULTS[label]))


# -- one fault each -----------------------------------------------------------------------------------------------------------


def _claims(**changes: Any) -> Callable[[App], Credentials]:
    """The right assertion with claims changed; a callable is asked at the last moment, None leaves the claim out."""
    return lambda app: _right(app).having(claims={k: v() if callable(v) else v for k, v in changes.items()}).credentials()


def _header(**changes: Any) -> Callable[[App], Credentials]:
    return lambda app: _right(app).having(header=changes).credentials()


def _request(**changes: Any) -> Callable[[App], Credentials]:
    return lambda app: _right(app).having(**changes).credentials()


def _text(change: Callable[[App, Assertion], str]) -> Callable[[App], Credentials]:
    def make(app: App) -> Credentials:
        assertion = _right(app)
        return assertion.credentials(change(app, assertion))

    return make


def _in(seconds: int) -> Callable[[], int]:
    return lambda: int(time.time()) + seconds


def _foreign_key(app: App) -> Credentials:
    """Signed with a new key under the ``kid`` of the registered one."""
    right = _right(app)
    return right.having(key=new_key(right.algorithm)).credentials()


def _key_of_another_client(app: App) -> Credentials:
    right = _right(app)
    own = {_thumb(key) for key in app.keys.all(app.client)}
    for client in app.engine.target.clients.values():
        for key in client.private_keys() if client.role in ("backend", "confidential-asymmetric") else ():
            if _thumb(key) not in own and algorithm_of(key) in ALGORITHMS:
                return right.having(key=key, algorithm=algorithm_of(key)).credentials()
    raise NotConfigured("no other client of the target file has a key pair of its own", key="[clients.<name>] private_jwks")


def _embedded_key(app: App) -> Credentials:
    right = _right(app)
    key = new_key(right.algorithm)
    return right.having(key=key, header={"jwk": public_part(key), "kid": key["kid"]}).credentials()


def _certified_key(app: App) -> Credentials:
    """Signed with a new key whose certificate, made by nobody but itself, is in the header."""
    right = _right(app)
    key = new_key(right.algorithm)
    return right.having(key=key, header={"x5c": [certificate(key)], "kid": key["kid"]}).credentials()


def _exp_as_text(app: App) -> Credentials:
    return _right(app).having(claims={"exp": str(int(time.time()) + 240)}).credentials()


def _hmac_with_public_key(app: App) -> Credentials:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from jwt import PyJWK

    right = _right(app)
    key: Any = PyJWK(public_part(right.key), right.algorithm).key
    pem: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return right.credentials(encode({"typ": "JWT", "kid": right.header["kid"]}, right.claims, pem, "HS256"))


def _altered_claims(_app: App, assertion: Assertion) -> str:
    """Another ``jti`` put into a signed assertion."""
    other = assertion.having(claims={"jti": secrets.token_urlsafe(24)}).sign().split(".")
    head, _, signature = assertion.sign().split(".")
    return f"{head}.{other[1]}.{signature}"


def _altered_signature(_app: App, assertion: Assertion) -> str:
    head, payload, signature = assertion.sign().split(".")
    return f"{head}.{payload}.{altered(signature)}"


def _without_signature(_app: App, assertion: Assertion) -> str:
    head, payload, _ = assertion.sign().split(".")
    return f"{head}.{payload}."


def _two_parts(_app: App, assertion: Assertion) -> str:
    return assertion.sign().rpartition(".")[0]


def _two_in_one(_app: App, assertion: Assertion) -> str:
    second = assertion.having(claims={"jti": secrets.token_urlsafe(24)}).sign()
    return f"{assertion.sign()} {second}"


def _two_parameters(app: App) -> Credentials:
    first, second = _right(app).credentials(), _right(app).credentials()
    return Credentials(form=(*first.form, *(pair for pair in second.form if pair[0] == "client_assertion")))


def _other_type_of_key(app: App) -> Credentials:
    """Signed by one key of the client under the ``kid`` of its key of the other type."""
    keys = {str(key.get("kty")): key for key in app.keys.all(app.client) if algorithm_of(key) in ALGORITHMS}
    if set(keys) < {"RSA", "EC"}:
        raise NotConfigured(f"the client {app.client.name!r} has keys of one type only", key="[clients.<name>] private_jwks")
    signing = keys["EC"]
    right = app.authentication.assertion(algorithm_of(signing))
    return right.having(header={"kid": keys["RSA"].get("kid")}).credentials()


def _other_client_id(app: App) -> str:
    """The client_id of another client of the target file, or one that nobody has."""
    return next((c.client_id for c in app.engine.target.clients.values() if c.client_id != app.client.client_id), "another-client")


def _path_in_other_case(url: str) -> str:
    """The URL of another place on the same host; ``NotApplicable`` where its path has no letters."""
    parts = urlsplit(url)
    other = urlunsplit(parts._replace(path=parts.path.swapcase()))
    if other == url:
        raise NotApplicable("the path of the token endpoint has no letters to change")
    return other


def _exp_of_null(_app: App, assertion: Assertion) -> str:
    """A claim set whose ``exp`` is there and says nothing, signed as it is."""
    return encode({"typ": "JWT", **assertion.header}, {**assertion.claims, "exp": None}, assertion.key, assertion.algorithm)


def _thumb(key: Any) -> tuple[str, ...]:
    return tuple(str(key.get(name)) for name in ("kty", "n", "x", "y"))


def _nobody(app: App) -> Credentials:
    name = f"nobody-{secrets.token_hex(6)}"
    return _right(app).having(claims={"iss": name, "sub": name}).credentials()


def _other_case(value: str, what: str) -> str:
    """A name with its letters in the other case; ``NotApplicable`` where it has none."""
    other = value.swapcase()
    if other == value:
        raise NotApplicable(f"the {what} has no letters to change")
    return other


def _cased_name(app: App) -> Credentials:
    name = _other_case(app.client.client_id, "client_id")
    if any(client.client_id == name for client in app.engine.target.clients.values()):
        raise NotApplicable("another client of the target file has the client_id in the other case")
    return _right(app).having(claims={"iss": name, "sub": name}).credentials()


def _cased_kid(app: App) -> Credentials:
    right = _right(app)
    other = _other_case(str(right.header["kid"]), "kid")
    if any(key.get("kid") == other for key in app.keys.all(app.client)):
        raise NotApplicable("another key of the client has the kid in the other case")
    return right.having(header={"kid": other}).credentials()


FAULTS: Mapping[str, Callable[[App], Credentials]] = {
    # claims
    "no iss claim": _claims(iss=None),
    "an iss claim that names nobody": _claims(iss=lambda: f"nobody-{secrets.token_hex(6)}"),
    "an iss claim and a sub claim that name nobody": _nobody,
    "an iss claim and a sub claim in the other case": _cased_name,
    "the iss claim of another client": lambda app: _right(app).having(claims={"iss": _other_client_id(app)}).credentials(),
    "no sub claim": _claims(sub=None),
    "a sub claim that names nobody": _claims(sub=lambda: f"nobody-{secrets.token_hex(6)}"),
    "the sub claim of another client": lambda app: _right(app).having(claims={"sub": _other_client_id(app)}).credentials(),
    "no aud claim": _claims(aud=None),
    "the aud claim of another server": _claims(aud="https://authorization.other.example/token"),
    "an empty list as aud claim": _claims(aud=[]),
    "a list of other servers as aud claim": _claims(aud=["https://authorization.other.example/token", "https://other.example"]),
    "the aud claim in other case": lambda app: _right(app).having(claims={"aud": _path_in_other_case(app.token_endpoint)}).credentials(),
    "the aud claim with a longer path": lambda app: _right(app).having(claims={"aud": app.token_endpoint + "-of-another"}).credentials(),
    "no exp claim": _claims(exp=None),
    "an exp claim of zero": _claims(exp=0),
    "a negative exp claim": _claims(exp=-1),
    "an exp claim of null": _text(_exp_of_null),
    "an exp claim a year ahead": _claims(exp=_in(8760 * HOUR_S)),
    "an exp claim in milliseconds": _claims(exp=lambda: int(time.time() + 240) * 1000),
    "an exp claim in the past": _claims(exp=_in(-HOUR_S), iat=_in(-HOUR_S - 240)),
    "an exp claim that is no time": _claims(exp="soon"),
    "an exp claim that is a string of digits": _exp_as_text,
    "an exp claim an hour ahead": _claims(exp=_in(HOUR_S)),
    "an nbf claim in the future": _claims(nbf=_in(HOUR_S)),
    # signature
    "the signature of a key that nobody registered": _foreign_key,
    "the signature of another client": _key_of_another_client,
    "the signature of a key in its own header": _embedded_key,
    "the signature of a key certified in its own header": _certified_key,
    "an altered signature": _text(_altered_signature),
    "an altered claim": _text(_altered_claims),
    "its signature cut off": _text(_without_signature),
    "the algorithm none": lambda app: _right(app).having(algorithm="none").credentials(),
    "the algorithm none in other case": lambda app: _right(app).having(algorithm="none", header={"alg": "nOnE"}).credentials(),
    "a critical header that nobody knows": _header(crit=[_CRITICAL], **{_CRITICAL: True}),
    "HS256 and the public key as secret": _hmac_with_public_key,
    # key
    "an unknown kid": lambda app: _right(app).having(header={"kid": secrets.token_hex(8)}).credentials(),
    "a kid in the other case": _cased_kid,
    "no kid": _header(kid=None),
    "the kid of a key of another type": _other_type_of_key,
    "a jku that nobody registered": _header(jku="https://keys.other.example/jwks.json"),
    # form
    "no client_assertion_type": _request(assertion_type=None),
    "another client_assertion_type": _request(assertion_type="urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
    "the client_assertion_type of another grant": _request(assertion_type="urn:ietf:params:oauth:grant-type:jwt-bearer"),
    "a text that is no JWT": _text(lambda _app, _assertion: "not-a-jwt"),
    "a JWT of two parts": _text(_two_parts),
    "nothing in client_assertion": _text(lambda _app, _assertion: ""),
    "two JWTs in client_assertion": _text(_two_in_one),
    "two client_assertion parameters": _two_parameters,
    "the client_id of another client beside it": lambda app: _right(app).having(client_id=_other_client_id(app)).credentials(),
    "a client_id that nobody has beside it": lambda app: _right(app).having(client_id=f"nobody-{secrets.token_hex(6)}").credentials(),
    # no assertion at all
    "no assertion": lambda app: none(app.client.client_id),
    "no assertion but its type": lambda app: Credentials(
        form=(("client_id", app.client.client_id), ("client_assertion_type", ASSERTION_TYPE))
    ),
    "no word of who it is": lambda _app: Credentials(),
    "a client secret in the header": lambda app: basic(app.client.client_id, secrets.token_urlsafe(24)),
    "a client secret in the body": lambda app: post(app.client.client_id, secrets.token_urlsafe(24)),
}
"""What is wrong with the assertion; everything else in the request is right."""


# -- the same again -----------------------------------------------------------------------------------------------------------


def _form(app: App) -> list[tuple[str, str]]:
    """A right token request without credentials, for one use of an assertion: a server may keep one code for a user at a time."""
    if app.client.role == "backend":
        client_credentials.require_right(app)
        return [("grant_type", "client_credentials"), ("scope", " ".join(app.scopes))]
    return app.code_form(app.bare_code())


def _replay(app: App) -> TokenAnswer:
    form = _form(app)
    credentials = _right(app).credentials()
    _first(app, form, credentials)
    return app.token_request(_form(app), credentials)


def _replay_once_more(app: App) -> TokenAnswer:
    """The third use of an assertion, whose second one was refused; the second one where that was not."""
    form = _form(app)
    credentials = _right(app).credentials()
    _first(app, form, credentials)
    second = app.token_request(_form(app), credentials)
    return second if second.succeeded else app.token_request(_form(app), credentials)


def _replay_after_another(app: App) -> TokenAnswer:
    """The second use of an assertion, once another one was taken in between: a server that keeps the last one only forgets the first."""
    form = _form(app)
    credentials = _right(app).credentials()
    _first(app, form, credentials)
    _first(app, _form(app), _right(app).credentials())
    return app.token_request(_form(app), credentials)


def _replay_after_a_refusal(app: App) -> TokenAnswer:
    """An assertion whose request was refused for what it asked for, used again with a right one.

    That the server had looked at it is told by the same request with a bad signature, which is refused for that.
    """

    def ask(credentials: Credentials) -> TokenAnswer:
        if app.client.role == "backend":
            return client_credentials.ask(app, credentials, scope="system/Patient.xyz")
        return app.token_request(app.code_form(app.grant().authorization, code=never_issued()), credentials)

    form = _form(app)
    if ask(_foreign_key(app)).error != "invalid_client":
        raise NotApplicable("a request with another fault beside a bad assertion is not refused for the assertion, so nobody looked at it")
    credentials = _right(app).credentials()
    refused = ask(credentials)
    answered(refused.exchange)
    if refused.succeeded or refused.error == "invalid_client":
        raise NotApplicable(f"a right assertion was not refused for what its request asked for: {refused.describe()}")
    return app.token_request(form, credentials)


def _replay_after_a_revocation(app: App) -> TokenAnswer:
    """An assertion that came with a revocation, used again at the token endpoint; a bad one has to be refused at the former."""
    revocation.endpoint(app)
    form = _form(app)
    if 200 <= answered(revocation.revoke(app, never_issued(), credentials=_foreign_key(app))).status < 300:
        raise NotApplicable("the revocation endpoint does not look at assertions; the scenarios on revocation judge that")
    app.authentication.credentials_at("revocation")
    credentials = _right(app).credentials()
    first = answered(revocation.revoke(app, never_issued(), credentials=credentials))
    if not 200 <= first.status < 300:
        raise NotApplicable(f"the revocation with a right assertion was refused with status {first.status}")
    return app.token_request(form, credentials)


def _replay_after_an_introspection(app: App) -> TokenAnswer:
    """An assertion with which a token was introspected, used again at the token endpoint; a bad one has to be refused at the former."""
    place = app.engine.discovery.offered("introspection_endpoint")
    form = _form(app)

    def ask(credentials: Credentials) -> Response:
        headers = [("Accept", "application/json"), *credentials.headers]
        pairs = [("token", never_issued()), *credentials.form]
        return answered(app.engine.http.send("POST", place, endpoint=Endpoint.INTROSPECTION, headers=headers, form=pairs))

    if 200 <= ask(_foreign_key(app)).status < 300:
        raise NotApplicable("the introspection endpoint does not look at assertions; the scenarios on introspection judge that")
    app.authentication.credentials_at("introspection")
    credentials = _right(app).credentials()
    first = ask(credentials)
    if not 200 <= first.status < 300:
        raise NotApplicable(f"the query with a right assertion was refused with status {first.status}")
    return app.token_request(form, credentials)


def _reused_jti(app: App) -> TokenAnswer:
    form = _form(app)
    first = _right(app)
    _first(app, form, first.credentials())
    # Another `exp` as well, so that the two differ in more than their signature.
    again = {"jti": first.claims["jti"], "exp": first.claims["exp"] - 30}
    return app.token_request(_form(app), _right(app).having(claims=again).credentials())


def _twice_without_jti(app: App) -> TokenAnswer:
    """Refused at once is as good as refused the second time: what counts is that nothing can be replayed."""
    form = _form(app)
    credentials = _right(app).having(claims={"jti": None}).credentials()
    first = app.token_request(form, credentials)
    answered(first.exchange)
    return app.token_request(_form(app), credentials) if first.succeeded else first


def _first(app: App, form: list[tuple[str, str]], credentials: Credentials) -> None:
    answer = app.token_request(form, credentials)
    answered(answer.exchange)
    if not answer.succeeded:
        raise TwinFailed(f"the first use of a right assertion did not bring an access token: {answer.describe()}")


def raced(app: App) -> Race:
    """Two right requests at once with one assertion; ``TwinFailed`` where one after the other does as well."""

    def make() -> Race:
        found = race(app, [_form(app), _form(app)], [_right(app).credentials()] * 2)
        if found.uses and _replay(app).succeeded:
            raise TwinFailed("an assertion is taken a second time also when it comes again later", by="assertion-replay-refused")
        return found

    return app.once("race with an assertion", make)


AGAIN: Mapping[str, Callable[[App], TokenAnswer]] = {
    "the same assertion again": _replay,
    "the same assertion after another one": _replay_after_another,
    "the same assertion after a request that was refused": _replay_after_a_refusal,
    "the same assertion after a revocation": _replay_after_a_revocation,
    "the same assertion after an introspection": _replay_after_an_introspection,
    "a jti used before": _reused_jti,
    "the same assertion a third time": _replay_once_more,
    "no jti claim": _twice_without_jti,
}
"""Faults that show at the second use of an assertion only."""


def _spent_at_a_refresh(app: App) -> Credentials:
    """An assertion with which a refresh has gone well."""
    credentials = _right(app).credentials()
    right_refresh(app, credentials)
    return credentials


REFRESHED: Mapping[str, Callable[[App], Credentials]] = {**FAULTS, "the same assertion again": _spent_at_a_refresh}
"""What is wrong with the assertion of a refresh."""


def _spent_at_a_code(app: App) -> TokenAnswer:
    """The refresh token of a code, used with the assertion with which the code was redeemed."""
    credentials = _right(app).credentials()
    answer = app.exchange(app.bare_code(), credentials)
    if not answer.succeeded:
        raise TwinFailed(f"the first use of a right assertion did not bring an access token: {answer.describe()}")
    if not answer.refresh_token:
        raise no_refresh_token(app)
    return app.refresh(answer.refresh_token, credentials)


def _at_a_code(app: App) -> TokenAnswer:
    credentials = _spent_at_a_refresh(app)
    return app.token_request(app.code_form(app.bare_code()), credentials)


ELSEWHERE: Mapping[str, Callable[[App], TokenAnswer]] = {
    "which its code was redeemed, at the refresh": _spent_at_a_code,
    "which a refresh went well, at a code": _at_a_code,
}
"""The second use of an assertion in a request of another grant type."""


def replayed_elsewhere(app: App, label: str) -> TokenAnswer:
    """The second use of an assertion in a request of another grant type; a right refresh has to succeed first."""

    def make() -> TokenAnswer:
        app.once("a right refresh", lambda: right_refresh(app))
        return ELSEWHERE[label](app)

    return app.once(f"an assertion with {label}", make)


PRESENTED = (*FAULTS, *AGAIN)
"""Every fault of an assertion by its words."""


# -- algorithms ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tried:
    """What came of each algorithm of the guide that the client has a key for."""

    answers: tuple[tuple[str, TokenAnswer], ...]

    @property
    def best(self) -> TokenAnswer:
        """The first answer that is no refusal, else the last one."""
        answers = [answer for _, answer in self.answers]
        return next((answer for answer in answers if 200 <= answer.response.status < 300), answers[-1])


def algorithms(app: App) -> Tried:
    """A right assertion with each key of the guide's algorithms, without asking for an earlier success."""
    found = []
    for name in ALGORITHMS:
        if any(algorithm_of(key) == name for key in app.keys.all(app.client)):
            found.append((name, app.once(f"algorithm {name}", lambda name=name: send_right(app, name))))  # type: ignore[misc]
    if not found:
        raise NotConfigured(
            f"the client {app.client.name!r} has neither an RS384 nor an ES384 key in the target file", key="[clients.<name>] private_jwks"
        )
    for _, answer in found:
        answered(answer.exchange)
    return Tried(tuple(found))


def listed(app: App, name: str) -> TokenAnswer:
    """A right assertion by a listed algorithm; ``NotApplicable`` where it is not listed, ``NotConfigured`` without a key for it."""
    if name not in app.engine.discovery.listed("token_endpoint_auth_signing_alg_values_supported"):
        raise NotApplicable(f"the SMART configuration does not list `{name}`")
    if not any(algorithm_of(key) == name for key in app.keys.all(app.client)):
        raise NotConfigured(f"the client {app.client.name!r} has no {name} key in the target file", key="[clients.<name>] private_jwks")
    return app.once(f"algorithm {name}", lambda: send_right(app, name))


def with_the_guides_claims(app: App) -> TokenAnswer:
    """A right assertion with the claims that the guide names and no other; the usual one, which has ``iat`` too, has to be taken."""

    def make() -> TokenAnswer:
        usual = right(app)
        if not usual.succeeded:
            raise TwinFailed(f"a right assertion did not bring an access token: {usual.describe()}", by="assertion-algorithms")
        return prove(app, _claims(iat=None))

    return app.once("assertion with the claims of the guide", make)


def send_right(app: App, algorithm: str = "", **header: Any) -> TokenAnswer:
    """A token request with a right assertion, judged by its answer: nothing has to succeed at the token endpoint before."""
    if app.client.role == "backend":
        return client_credentials.ask(app, app.authentication.assertion(algorithm).having(header=header).credentials())
    form = app.code_form(unproven_code(app))
    return app.token_request(form, app.authentication.assertion(algorithm).having(header=header).credentials())
