"""Answers that many scenarios look at, each obtained once in a run: token responses, ID Tokens, and what they lead to.

A step asks for a sample in one call. What a server does not offer is ``NotApplicable``; what could not be obtained is ``TwinFailed``.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from smartlaunch.checks.launch_context import context_types, scope_type
from smartlaunch.client.grant import Grant
from smartlaunch.client.http import answered
from smartlaunch.errors import Missing, NotApplicable, TwinFailed
from smartlaunch.exchange import Endpoint, Exchange
from smartlaunch.fhir import resources
from smartlaunch.oauth import scopes as scope_words
from smartlaunch.oauth.id_token import IdToken, decode, verify

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.engine import Engine
    from smartlaunch.client.grant import Attempt
    from smartlaunch.oauth.token import TokenAnswer
    from smartlaunch.target import User

_UNKNOWN_ROLE = "https://smart-launch-conformance.invalid/role/nobody-knows"
_UNKNOWN_SCOPE = "https://smart-launch-conformance.invalid/scope/nobody-knows"
_IDENTITY = ("openid", "fhirUser", "profile", "email", "address", "phone")
T = TypeVar("T")


@dataclass(frozen=True)
class Identity:
    """An ID Token as it came: the token response, header and claims, the nonce sent, and whose login it was."""

    token: TokenAnswer
    id_token: IdToken
    nonce: str
    granted: tuple[str, ...]
    user: User | None = None

    @property
    def claims(self) -> dict[str, Any]:
        """The claims, or none when the token could not be decoded."""
        return self.id_token.claims

    @property
    def header(self) -> dict[str, Any]:
        """The header, or an empty one."""
        return self.id_token.header


@dataclass
class Samples:
    """The samples of one run."""

    engine: Engine

    # -- token responses --------------------------------------------------------------------------------------------------

    def token(self, app: App) -> TokenAnswer:
        """The answer to the right access token request, also when it is malformed; an OAuth error is ``TwinFailed``."""
        attempt = app.shared_attempt()
        if attempt.token is None:
            raise TwinFailed(
                f"a right authorization request got no code: {attempt.authorization.describe()}", by="authorization-code-issued"
            )
        answered(attempt.token.exchange)
        if attempt.token.error or attempt.token.response.status >= 300:
            raise TwinFailed(f"a right access token request was refused: {attempt.token.describe()}", by="token-response-holds-token")
        return attempt.token

    def readable(self, app: App) -> TokenAnswer:
        """The answer to the right access token request when it is a JSON object; ``Missing`` when it is not."""
        token = self.token(app)
        if not isinstance(token.response.json, dict):
            raise Missing(
                f"the token response cannot be read: {token.response.json_error or 'no JSON object'}", by="token-response-holds-token"
            )
        return token

    def having(self, token: TokenAnswer, name: str) -> TokenAnswer:
        """The same answer when it has the member, else ``NotApplicable``."""
        if not token.text(name):
            raise NotApplicable(f"the token response has no `{name}`")
        return token

    def refused(self, app: App) -> TokenAnswer:
        """The answer to an access token request with a code that was never issued."""
        grant = app.grant()
        return app.token_request(app.code_form(grant.authorization, code=secrets.token_urlsafe(32)))

    def refreshed(self, app: App) -> TokenAnswer:
        """The answer to the right use of a refresh token of its own."""

        def obtain() -> TokenAnswer:
            grant = app.fresh_grant()
            if not grant.token.refresh_token:
                raise NotApplicable("the token response has no refresh token")
            answer = app.refresh(grant.token.refresh_token)
            answered(answer.exchange)
            if answer.error or answer.response.status >= 300:
                raise TwinFailed(f"a right refresh was refused: {answer.describe()}", by="refresh-access-token-works")
            return answer

        return app.once("sample: refreshed", obtain)

    def other_users_grant(self, app: App) -> Grant:
        """A grant of another person for the same app."""
        fitting = self.engine.target.other_users()
        if not fitting:
            raise NotApplicable("the target file names one user only; a second one is needed")
        return app.grant(user=fitting[0])

    def second_grant(self, app: App) -> Grant:
        """One more grant of the first user, from a login in a browser that knows nothing of the first."""
        return app.once("sample: second login", lambda: app.fresh_grant(session=f"second-login-{app.client.name}-{app.launch_kind}"))

    def without_identity(self, app: App) -> TokenAnswer:
        """The token response to a request without identity scopes."""
        scopes = [scope for scope in app.scopes if scope not in _IDENTITY]
        if not scopes or len(scopes) == len(app.scopes):
            raise NotApplicable("the scopes of the client in the target file do not have `openid` and others")
        return app.grant(scope=scopes).token

    def with_unknown_scope(self, app: App) -> TokenAnswer:
        """The token response to the right request with one scope more that no server can grant; most grant the rest."""
        app.grant()
        attempt = app.once("sample: unknown scope", lambda: app.attempt(scope=[*app.scopes, _UNKNOWN_SCOPE]))
        if attempt.token is None or not attempt.token.succeeded:
            raise NotApplicable(f"the server refuses the whole request: {attempt.describe()}")
        return attempt.token

    # -- launch context ---------------------------------------------------------------------------------------------------

    def granted(self, app: App) -> list[str]:
        """The scopes of the right flow, as its token response tells them."""
        token = self.readable(app)
        return token.scopes if "scope" in token.body else list(app.scopes)

    def needs_scope(self, app: App, scope: str) -> None:
        """``NotApplicable`` unless the scope was asked for and granted."""
        if scope not in app.scopes:
            raise NotApplicable(f"the scopes of the client in the target file do not have `{scope}`")
        if scope not in self.granted(app):
            raise NotApplicable(f"the server did not grant `{scope}`")

    def needs_patient_scope(self, app: App) -> None:
        """``NotApplicable`` unless a scope on the data of one patient was granted."""
        if not any(parsed.level == "patient" for parsed in map(scope_words.parse, self.granted(app)) if parsed is not None):
            raise NotApplicable("no `patient/` scope was granted")

    def asked_context(self, app: App) -> list[str]:
        """The members of launch context that granted scopes name; ``NotApplicable`` without any."""
        granted = self.granted(app)
        names = [name for name in ("patient", "encounter") if f"launch/{name}" in granted and f"launch/{name}" in app.scopes]
        if not names:
            raise NotApplicable("no scope for launch context was asked for and granted")
        return names

    def chart(self, app: App, name: str) -> str:
        """The patient or encounter that the EHR is known to have open, as the target file says; ``NotApplicable`` when unknown."""
        setting = self.engine.target.ehr_launch
        launch = app.grant().launch
        if setting is None or launch is None:
            raise NotApplicable("the app was not launched from an EHR")
        value = getattr(setting, name) or (launch.patient if name == "patient" and setting.kind == "page" else "")
        if not value:
            raise NotApplicable(f"[ehr_launch] in the target file does not tell which {name} is open")
        return str(value)

    def expected_context(self, app: App, name: str) -> tuple[str, bool]:
        """What the context should be, and whether [expect] declares it: declared, chosen at the login, or open in the chart."""
        target = self.engine.target
        declared = getattr(target.expect, name)
        if isinstance(declared, str) and declared:
            return declared, True
        if app.launch_kind == "ehr":
            return self.chart(app, name), False
        if name == "patient" and target.patients.default and "launch/patient" in self.granted(app):
            return target.patients.default, False
        raise NotApplicable(f"the target file does not tell which {name} to expect")

    def declared_context(self) -> list[str]:
        """The members of launch context that the target file expects to arrive."""
        return [name for name in ("patient", "encounter") if getattr(self.engine.target.expect, name)]

    def needs_visible_encounter(self, app: App) -> None:
        """``NotApplicable`` unless ``encounter`` came, or the app can see that the patient has an Encounter."""
        grant = app.grant()
        if grant.token.encounter:
            return
        if not any(scope_words.allows(grant.granted, level, "Encounter", "s") for level in ("patient", "user")) or not grant.token.patient:
            raise NotApplicable("no encounter came, and the app cannot see whether the patient has one")
        search = self.engine.fhir.search("Encounter", [("patient", grant.token.patient)], grant.access_token)
        if not resources(answered(search), "Encounter"):
            raise NotApplicable("no encounter came, and the patient has none")

    def context_type(self, app: App) -> str:
        """A resource type beyond Patient and Encounter that the server is known to put into ``fhirContext``.

        Types that the client's scopes or its registration name come first, else one that came unasked.
        """
        asked = [kind for kind in map(scope_type, (*app.scopes, *app.client.registered.scopes)) if kind]
        known = asked or sorted(context_types(app.grant().token.exchange) - {"Patient", "Encounter"})
        if not known:
            raise NotApplicable("the server puts no resource into `fhirContext` that a context scope could ask for")
        return known[0]

    def with_context_scope(self, app: App, resource_type: str, *, role: str = "") -> tuple[str, Attempt]:
        """A flow that also asks for ``launch/<type>``, as far as it goes, and that scope."""
        app.grant()
        scope = f"launch/{resource_type.lower()}" + (f"?role={role}" if role else "")
        attempt = app.once(f"sample: {scope}", lambda: app.attempt(scope=[*app.scopes, scope]))
        return scope, attempt

    def with_context(self, app: App) -> tuple[str, TokenAnswer]:
        """A granted ``launch/<type>``: the type and the token response; ``NotApplicable`` when the scope is not granted."""
        resource_type = self.context_type(app)
        scope, attempt = self.with_context_scope(app, resource_type)
        if attempt.token is None or not attempt.token.succeeded or scope not in attempt.token.scopes:
            raise NotApplicable(f"the server does not grant `{scope}`")
        return resource_type, attempt.token

    def with_unknown_role(self, app: App) -> tuple[str, Attempt]:
        """A flow that asks for a type the server has, in a role that nobody knows; ``TwinFailed`` when the type alone brings nothing."""
        resource_type, token = self.with_context(app)
        if resource_type not in context_types(token.exchange):
            raise TwinFailed(f"`launch/{resource_type.lower()}` without a role brought no {resource_type}")
        _, attempt = self.with_context_scope(app, resource_type, role=_UNKNOWN_ROLE)
        return resource_type, attempt

    def style(self, token: TokenAnswer) -> Exchange:
        """The style document that ``smart_style_url`` names, fetched without any token."""
        url = token.text("smart_style_url")
        if not url.startswith(("http://", "https://")):
            raise NotApplicable("the token response has no absolute `smart_style_url`; another scenario judges its form")
        return self.engine.http.send("GET", url, endpoint=Endpoint.STYLE, headers={"Accept": "application/json"}, follow=3)

    def read(self, app: App, grant: Grant, resource_type: str, identifier: str) -> Exchange:
        """Read a resource of the launch context with the grant's token, when its scopes cover that."""
        if not identifier:
            raise NotApplicable(f"the token response names no {resource_type}")
        if not any(scope_words.allows(grant.granted, level, resource_type, "r") for level in ("patient", "user")):
            raise NotApplicable(f"no granted scope lets the app read the {resource_type}")
        exchange = app.engine.fhir.read(f"{resource_type}/{identifier}", grant.access_token)
        answered(exchange)
        return exchange

    def encounter_read(self, app: App) -> tuple[Grant, Exchange]:
        """The Encounter of the launch, read with a scope that reaches beyond the patient where the first read is refused."""
        grant = app.grant()
        exchange = self.read(app, grant, "Encounter", grant.token.encounter)
        wide = "user/Encounter.rs"
        if exchange.answer.status in (401, 403, 404) and scope_words.covered(wide, app.client.registered.scopes):
            narrow = [scope for scope in app.scopes if not _on_encounters(scope)]
            grant = app.grant(scope=[*narrow, wide])
            exchange = self.read(app, grant, "Encounter", grant.token.encounter)
        return grant, exchange

    def patient_search(self, app: App) -> tuple[Grant, Exchange]:
        """A search of Patient under scopes of the ``patient/`` level alone."""
        grant = app.grant()
        clinical = [parsed for parsed in map(scope_words.parse, grant.granted) if parsed is not None]
        if not any(p.level == "patient" and p.resource in ("*", "Patient") and "s" in p.interactions for p in clinical):
            raise NotApplicable("no granted `patient/` scope lets the app search Patient")
        if any(p.level != "patient" and p.resource in ("*", "Patient") for p in clinical):
            raise NotApplicable("a granted `user/` scope on Patient reaches beyond the patient in context")
        exchange = app.engine.fhir.search("Patient", [], grant.access_token)
        answered(exchange)
        return grant, exchange

    # -- identity ---------------------------------------------------------------------------------------------------------

    def identity(self, app: App) -> Identity:
        """The ID Token of the right flow."""
        token = self.readable(app)
        attempt = app.shared_attempt()
        granted = tuple(token.scopes) if "scope" in token.body else tuple(attempt.authorization.request.scopes)
        return self._identity(app, token, attempt.authorization.request.get("nonce"), granted, self.engine.target.first_user)

    def identity_of(self, app: App, grant: Grant, user: User | None = None) -> Identity:
        """The ID Token of a grant."""
        return self._identity(app, grant.token, grant.authorization.request.get("nonce"), tuple(grant.granted), user)

    def needs_openid(self, app: App) -> TokenAnswer:
        """The token response of a grant that has ``openid``."""
        token = self.readable(app)
        granted = token.scopes if "scope" in token.body else list(app.scopes)
        if "openid" not in app.scopes:
            raise NotApplicable("the scopes of the client in the target file do not have `openid`")
        if "openid" not in granted:
            raise NotApplicable("the server did not grant `openid`")
        return token

    def _identity(self, app: App, token: TokenAnswer, nonce: str, granted: tuple[str, ...], user: User | None) -> Identity:
        if not token.id_token:
            if "openid" not in app.scopes:
                raise NotApplicable("the scopes of the client in the target file do not have `openid`")
            if "openid" not in granted:
                raise NotApplicable("the server did not grant `openid`")
            raise Missing("the token response has no ID Token", by="id-token-present")
        return Identity(token, decode(token.id_token), nonce, granted, user)

    def issuer(self) -> str:
        """The issuer of the OpenID configuration; ``Missing`` where there is no such document."""
        discovery = self.engine.discovery
        below = discovery.url("issuer")
        document = discovery.openid_configuration
        self.engine.recorder.attach_to_current([discovery.exchange.id, document.id])
        value = document.answer.object.get("issuer")
        if not isinstance(value, str) or not value:
            found = document.answer.status == 200 and document.answer.object
            by = "openid-issuer-form" if found else "openid-configuration-found"
            raise Missing(f"no OpenID configuration below {below} tells the issuer: status {document.answer.status}", by=by)
        return value

    def jwks(self) -> Exchange:
        """The JWK Set."""
        exchange = self.engine.discovery.jwks
        answered(exchange)
        self.engine.recorder.attach_to_current([exchange.id])
        return exchange

    def verified(self, identity: Identity) -> IdToken:
        """The ID Token with its signature checked against the published keys; ``Missing`` without a JWK Set."""
        exchange = self.jwks()
        if not self.engine.discovery.keys:
            raise Missing(f"there is no JWK Set with keys: status {exchange.answer.status}", by="jwks-published")
        return verify(identity.token.id_token, self.engine.discovery.keys)

    def fhir_user_elsewhere(self, identity: Identity) -> bool:
        """Whether ``fhirUser`` is an absolute URL outside the target's FHIR base URL."""
        value = identity.claims.get("fhirUser")
        return isinstance(value, str) and "://" in value and not value.startswith(self.engine.fhir.base_url + "/")

    def fhir_user_read(self, identity: Identity) -> Exchange:
        """The resource that ``fhirUser`` names, read with the access token at the FHIR server of the target and nowhere else."""
        value = identity.claims.get("fhirUser")
        if not isinstance(value, str) or not value:
            raise NotApplicable("the ID Token has no `fhirUser`")
        if self.fhir_user_elsewhere(identity):
            raise NotApplicable("`fhirUser` is on another server, to which the app does not send its token")
        reference = value.removeprefix(self.engine.fhir.base_url + "/").split("/_history/")[0]
        kind = reference.split("/")[0]
        if not any(scope_words.allows(identity.granted, level, kind, "r") for level in ("user", "patient")):
            raise NotApplicable(f"no granted scope lets the app read the {kind}")
        exchange = self.engine.fhir.read(reference, identity.token.access_token)
        answered(exchange)
        return exchange

    def unresourced(self, app: App) -> Grant:
        """A grant of identity to a user for whom the target file names no FHIR resource."""
        user = self.engine.target.user_without_resource()
        reading = [scope for scope in app.scopes if scope.startswith("user/")]
        launch = ["launch"] if app.launch_kind == "ehr" else []
        app.grant()
        attempt = app.once(
            "sample: user without a resource", lambda: app.attempt(scope=[*launch, "openid", "fhirUser", *reading], user=user)
        )
        if attempt.token is None or not attempt.token.succeeded:
            raise NotApplicable(f"the server gives this user no access at all: {attempt.describe()}")
        self.engine.recorder.attach_to_current(list(attempt.exchanges))
        return Grant(attempt.authorization, attempt.token, attempt.launch, attempt.exchanges)

    def unresourced_read(self, app: App, grant: Grant) -> Exchange | None:
        """What ``fhirUser`` of such a grant leads to; None when that cannot be read."""
        try:
            return self.fhir_user_read(self.identity_of(app, grant))
        except NotApplicable:
            return None

    def userinfo(self, token: str) -> Exchange:
        """The UserInfo endpoint's answer to an access token."""
        document = self.engine.discovery.openid_configuration.answer.object
        url = document.get("userinfo_endpoint") or self.engine.discovery.document.get("userinfo_endpoint")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise NotApplicable("the server offers no UserInfo endpoint")
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        exchange = self.engine.http.send("GET", url, endpoint=Endpoint.OTHER, headers=headers)
        answered(exchange)
        return exchange


def _on_encounters(scope: str) -> bool:
    parsed = scope_words.parse(scope)
    return parsed is not None and parsed.resource in ("Encounter", "*")
