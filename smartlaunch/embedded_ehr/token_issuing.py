"""What the token endpoint gives: access tokens, the token response around them, the ID Token beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr import grants
from smartlaunch.embedded_ehr.core import Part
from smartlaunch.embedded_ehr.defects.spoiling import spoil
from smartlaunch.embedded_ehr.defects.token import TOKEN_RESPONSE, TokenResponse
from smartlaunch.embedded_ehr.openid import id_token, sign, signing_key
from smartlaunch.embedded_ehr.state import AccessToken, Code, RefreshToken, new_secret

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.core import Sandbox
    from smartlaunch.embedded_ehr.registry import Client

REFRESH_LIFETIME_S = 90 * 86400
_SESSION_TOKENS_S = 3600
"""How long after a sign-in all that came of it ends, where it ends together."""
_READABLE = ("issues_jwt_access_tokens", "issues_access_tokens_of_8_kb")


class Issuing(Part):
    """Issues tokens for one running server, whatever grant they come of."""

    def access_token(self, client: Client, *, scopes: tuple[str, ...], **more: Any) -> AccessToken:
        """Issue an access token and remember it; ``more`` are the other members of an `AccessToken`."""
        now, defects = self.state.now(), self.defects
        backend = more.get("user") is None
        profile = self.sandbox.profile
        usual = profile.backend_token_lifetime_s if backend else self.sandbox.options.token_lifetime_s or profile.token_lifetime_s
        if not backend and self.variant("gives_access_tokens_a_minute"):
            usual = 60
        lifetime: float = client.token_lifetime_s or usual
        if backend and defects("gives_backend_services_an_hour"):
            lifetime = 3600
        if backend and defects("gives_backend_services_a_week"):
            lifetime = 604800
        if not backend and client.token_lifetime_s is None and defects("gives_tokens_a_day"):
            lifetime = 86400
        expires_at = now + (lifetime / 2 if defects("ends_access_tokens_at_half_their_life") else lifetime)
        if not backend and client.token_lifetime_s is not None and defects("keeps_tokens_longer_than_stated"):
            expires_at = now + 600
        if backend and client.token_lifetime_s is not None and defects("keeps_backend_tokens_longer_than_stated"):
            expires_at = now + 600
        if self.variant("ends_access_tokens_with_the_session"):
            session = self.state.sessions.get(more.get("session") or "")
            expires_at = expires_at if session is None else min(expires_at, max(now + 60, session.started_at + _SESSION_TOKENS_S))
        value = new_secret()
        if defects("issues_sequential_access_tokens"):
            value = f"at-{len(self.state.access_tokens) + 500001}"
        elif defects("issues_short_access_tokens"):
            value = value[:8]
        elif defects("issues_huge_access_tokens"):
            value = value + "A" * 20000
        elif defects("issues_access_tokens_with_illegal_characters"):
            value = f"{value[:20]} {value[20:]}\u00e9"
        elif defects("issues_the_same_access_token_again") and client.client_id in {t.client_id for t in self.state.access_tokens.values()}:
            value = next(t.value for t in self.state.access_tokens.values() if t.client_id == client.client_id)
        elif self.variant("writes_tokens_with_punctuation"):
            value = f"~{value}.+/-_~=="
        elif any(map(self.variant, _READABLE)) or defects("puts_the_password_into_readable_tokens"):
            value = self._readable(client, scopes, more, now, expires_at)
        self._end_earlier(client, more.get("user"), renewed=bool((more.get("context") or {}).get("_renewed")))
        self.state.forget_what_is_over()
        token = AccessToken(value=value, client_id=client.client_id, scopes=scopes, issued_at=now, expires_at=expires_at, **more)
        self.state.access_tokens[value] = token
        return token

    def _end_earlier(self, client: Client, user: str | None, *, renewed: bool) -> None:
        """End what an app, for a user or for itself, had before, where this server keeps one access token or one grant of each only."""
        of_users = "keeps_one_grant_for_each_app_and_user", "keeps_one_access_token_for_each_app_and_user"
        names = ("keeps_one_token_for_each_backend_service",) if user is None else of_users
        kept = [name for name in names if not renewed and self.variant(name)]
        issued: list[AccessToken | RefreshToken] = [*self.state.access_tokens.values()] if kept else []
        issued += self.state.refresh_tokens.values() if "keeps_one_grant_for_each_app_and_user" in kept else []
        for token in issued:
            if (token.client_id, token.user) == (client.client_id, user):
                token.revoked = True

    def _readable(self, client: Client, scopes: tuple[str, ...], more: dict[str, Any], now: float, expires_at: float) -> str:
        claims = {
            "iss": self.state.issuer,
            "sub": more.get("subject") or client.client_id,
            "aud": more["aud"],
            "client_id": client.client_id,
            "scope": " ".join(scopes),
            "iat": int(now),
            "exp": int(expires_at),
            "jti": new_secret(),
        }
        if self.variant("issues_access_tokens_of_8_kb"):
            claims["groups"] = [new_secret() for _ in range(130)]
        user = self.state.users.get(more.get("user") or "")
        if user is not None and self.defects("puts_the_password_into_readable_tokens"):
            claims |= {"username": user.username, "password": user.password}
        key = signing_key(self.sandbox)
        return sign(claims, key, {"alg": "RS256", "typ": "at+jwt", "kid": key.kid})

    def body(self, client: Client, access: AccessToken, *, requested: tuple[str, ...]) -> dict[str, Any]:
        """Return the token response as RFC 6749 section 5.1 and the guide have it, and then as the defects have it."""
        variant, scopes, stated = self.variant, grants.listed(self.sandbox, access.scopes), client.token_lifetime_s
        if variant("reorders_scopes"):
            scopes = grants.reordered(scopes)
        body: dict[str, Any] = {
            "access_token": access.value,
            "token_type": "bearer" if variant("writes_bearer_in_lower_case") else "Bearer",
            "expires_in": self._stated_life(access) if stated is None else int(stated),
            "scope": " ".join(scopes),
        }
        response = TokenResponse(body, access, requested)
        spoil(self.defects, response, TOKEN_RESPONSE)
        if variant("omits_expires_in") and not (response.of_backend or access.context.get("_renewed")):
            body.pop("expires_in", None)
        if variant("tells_where_its_tokens_are_good") and access.user is not None:
            here = {"type": "smart_on_fhir", "locations": [self.state.fhir_base_url], "fhirVersions": ["4.0.1"]}
            body["authorization_details"] = [here, {**here, "locations": ["https://r2.lakeside.example/fhir"], "fhirVersions": ["1.0.2"]}]
        if variant("adds_members_everywhere"):
            body |= {"__theme": "calm", "https://lakeside.example/node": 3, "issued_at": int(access.issued_at)}
        return body

    def _stated_life(self, access: AccessToken) -> int:
        real = access.expires_at - access.issued_at
        return max(1, round(real * 2 if self.defects("ends_access_tokens_at_half_their_life") else real))

    def add_id_token(self, client: Client, code: Code | RefreshToken, access: AccessToken, body: dict[str, Any]) -> None:
        """Put an ID Token beside the access token; one that comes with a refresh repeats no nonce."""
        if self.defects("omits_id_token"):
            return
        of_grant = (one.context.get("_id_token", {}) for one in self.state.access_tokens.values() if one.grant == code.grant)
        first = next((claims for claims in of_grant if claims), None)
        value, claims = id_token(
            self.sandbox,
            client,
            self.sandbox.user(code.user),
            scopes=access.scopes,
            nonce=code.nonce,
            auth_time=code.auth_time,
            access_token=access.value,
            renewed=isinstance(code, RefreshToken),
            first=first if isinstance(code, RefreshToken) else None,
            patient=access.patient,
        )
        body["id_token"] = value
        access.subject = claims.get("sub")
        access.context = access.context | {"_id_token": claims}
        self.state.id_tokens[value] = access

    def new_refresh_value(self) -> str:
        """Return the value of a new refresh token."""
        if self.defects("issues_sequential_refresh_tokens"):
            return f"rt-{len(self.state.refresh_tokens) + 700001}"
        return new_secret() + ("|{}.~+/%20&=;" if self.variant("writes_tokens_with_punctuation") else "")


class GrantType(Part):
    """A grant type over one running server, with what issues its tokens."""

    def __init__(self, sandbox: Sandbox, issuing: Issuing) -> None:
        super().__init__(sandbox)
        self.issuing = issuing
