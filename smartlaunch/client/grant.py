"""A flow that came to an access token, and one that may not have."""

from __future__ import annotations

from dataclasses import dataclass

from smartlaunch.client.authorization import AuthorizationAnswer
from smartlaunch.oauth import scopes
from smartlaunch.oauth.authorization import Launch
from smartlaunch.oauth.token import TokenAnswer


@dataclass(frozen=True)
class Grant:
    """One completed flow: what the app sent, what it got, and the EHR launch it came from (standalone: None)."""

    authorization: AuthorizationAnswer
    token: TokenAnswer
    launch: Launch | None = None
    exchanges: tuple[str, ...] = ()

    @property
    def access_token(self) -> str:
        """The access token."""
        return self.token.access_token

    @property
    def requested(self) -> list[str]:
        """The scopes asked for."""
        return self.authorization.request.scopes

    @property
    def granted(self) -> list[str]:
        """The scopes granted; when the answer leaves ``scope`` out, RFC 6749 section 5.1 makes them those asked for."""
        return self.token.scopes if "scope" in self.token.body or self.token.before else self.requested

    @property
    def lacking(self) -> list[str]:
        """The scopes asked for that neither ``scope`` nor what came shows as granted."""
        return [scope for scope in scopes.missing(self.requested, self.granted) if not self.token.brings(scope)]

    @property
    def expires_at(self) -> float:
        """When the access token ends by its ``expires_in``, in seconds since the epoch; far away when unknown."""
        lifetime = self.token.expires_in
        return self.token.received_at + lifetime if lifetime is not None else float("inf")


@dataclass(frozen=True)
class Attempt:
    """A flow that may have failed at any step; ``token`` is None when no code came."""

    authorization: AuthorizationAnswer
    token: TokenAnswer | None = None
    launch: Launch | None = None
    exchanges: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether an access token came."""
        return self.token is not None and self.token.succeeded

    @property
    def exchange(self) -> str:
        """The exchange in which the flow ended."""
        return self.token.exchange.id if self.token is not None else self.authorization.exchange

    def describe(self) -> str:
        """One sentence on how far the flow came."""
        if self.token is None:
            return self.authorization.describe()
        return f"the token endpoint answered: {self.token.describe()}"
