"""The access token request and its answer (RFC 6749 sections 4.1.3, 5 and 6; SMART "Obtain access token")."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from smartlaunch.exchange import Exchange, Response
from smartlaunch.oauth import scopes
from smartlaunch.oauth.id_token import decode

_LASTING = frozenset({"offline_access", "online_access"})


@dataclass(frozen=True)
class TokenAnswer:
    """The answer of the token endpoint; every property tolerates members of a wrong type."""

    exchange: Exchange
    received_at: float = field(default_factory=time.time)
    before: Mapping[str, Any] = field(default_factory=dict)
    """What still holds of the answer that a refresh followed: scope and launch context (RFC 6749 section 6)."""

    @property
    def response(self) -> Response:
        """The HTTP answer; status 0 when none came."""
        return self.exchange.answer

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object of the answer, or an empty one."""
        return self.response.object

    @property
    def succeeded(self) -> bool:
        """Whether an access token came: the end state a refusal is judged by."""
        return bool(self.access_token)

    @property
    def access_token(self) -> str:
        """The access token, or an empty string."""
        return self.text("access_token")

    @property
    def refresh_token(self) -> str:
        """The refresh token, or an empty string."""
        return self.text("refresh_token")

    @property
    def id_token(self) -> str:
        """The ID Token, or an empty string."""
        return self.text("id_token")

    @property
    def scopes(self) -> list[str]:
        """The granted scopes."""
        return scopes.split(self.body.get("scope", self.before.get("scope")))

    @property
    def patient(self) -> str:
        """The patient in context, or an empty string."""
        return self.text("patient") or str(self.before.get("patient", ""))

    @property
    def encounter(self) -> str:
        """The encounter in context, or an empty string."""
        return self.text("encounter") or str(self.before.get("encounter", ""))

    @property
    def expires_in(self) -> float | None:
        """The lifetime in seconds; a number in a string counts, the type is another check's business."""
        value = self.body.get("expires_in")
        try:
            return None if value is None or isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            return None

    @property
    def error(self) -> str:
        """The error code, or an empty string."""
        return self.text("error")

    def brings(self, scope: str) -> bool:
        """Whether what a scope on context, identity or lasting access asks for came beside the token.

        Such a scope adds nothing to what the token can do, so a server may leave it out of ``scope``.
        """
        name = scope.partition("?")[0]
        if name in _LASTING:
            return bool(self.refresh_token) and not _LASTING & set(self.scopes)
        if name == "openid":
            return bool(self.id_token)
        if name == "fhirUser":
            return bool(self.id_token) and bool(decode(self.id_token).claims.get("fhirUser"))
        context = {"launch": self.patient or self.encounter, "launch/patient": self.patient, "launch/encounter": self.encounter}
        return bool(context.get(name))

    def after(self, first: TokenAnswer) -> TokenAnswer:
        """The answer to a refresh, with what still holds of the first one."""
        kept = {"scope": " ".join(first.scopes), "patient": first.patient, "encounter": first.encounter}
        return replace(self, before={name: value for name, value in kept.items() if value})

    def text(self, name: str) -> str:
        """A member that is a string, else an empty string."""
        value = self.body.get(name)
        return value if isinstance(value, str) else ""

    def describe(self) -> str:
        """One sentence on what came."""
        if self.exchange.response is None:
            return f"no answer: {self.exchange.error}"
        if self.succeeded:
            return f"status {self.response.status} with an access token"
        detail = f" error={self.error}" if self.error else ""
        if not detail and 200 <= self.response.status < 300:
            detail = (
                f" without an access token ({self.response.header('content-type') or 'no Content-Type'}, {len(self.response.body)} bytes)"
            )
        more = self.text("error_description")
        return f"status {self.response.status}{detail}" + (f" ({more})" if more else "")
