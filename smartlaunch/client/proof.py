"""What refusals rest on: that the right flow still goes well, and which conclusions have been drawn since it last did.

A captcha, a lock, a limit or an outage refuses everything. A refusal tells of the request only where a right one is not refused, before
and after.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from smartlaunch.client.authorization import AuthorizationAnswer
from smartlaunch.exchange import TRANSIENT

_OF_THE_REQUEST = re.compile(
    r"invalid_(?:request|client|scope|grant|target)|unauthorized_client|unsupported_response|access_denied|redirect|\bclient\b|client_id"
    r"|response[_ ]type|code[_ ]challenge|\bpkce\b|\baud(?:ience)?\b|\bscopes?\b|\blaunch\b|\bparameters?\b|\bapp(?:lication)?\b"
    r"|(?:bad|invalid|malformed|wrong) request",
    re.IGNORECASE,
)


@dataclass
class Proofs:
    """Which scenarios have concluded something from a refusal since the right flow of each client last went well."""

    _resting: dict[str, list[str]] = field(default_factory=dict)
    _ways: dict[str, Callable[[], None]] = field(default_factory=dict)
    _refused: set[str] = field(default_factory=set)

    def refused(self, client: str, prove: Callable[[], None]) -> None:
        """A request of a client was refused; ``prove`` goes through its right flow, or raises."""
        self._refused.add(client)
        self._ways.setdefault(client, prove)

    def seen(self) -> set[str]:
        """The clients that were refused something since this was asked last."""
        found, self._refused = self._refused, set()
        return found

    def good(self, client: str) -> None:
        """The right flow of a client has just gone well, so what was concluded before stands."""
        self._resting.pop(client, None)

    def rests(self, client: str, scenario: str) -> None:
        """A scenario has concluded something from a refusal to a client."""
        self._resting.setdefault(client, []).append(scenario)

    def due(self, at_most: int) -> list[str]:
        """The clients on whom that many scenarios rest, or more."""
        return [client for client, scenarios in self._resting.items() if len(scenarios) >= at_most]

    def prove(self, client: str) -> None:
        """Go through the right flow of a client; ``Blocked`` says that it no longer goes well."""
        self._ways[client]()
        self.good(client)

    def taken_back(self, client: str) -> list[str]:
        """The same, which the right flow no longer bears out."""
        return self._resting.pop(client, [])


def doubtful(answer: AuthorizationAnswer) -> bool:
    """Whether a refusal at the authorization endpoint may come from something else than the request.

    A redirect back to the app with an error of the request, or a page that speaks of the request, is the server's word on it.
    """
    landing = answer.landing
    if landing.kind == "caught":
        return answer.error in ("server_error", "temporarily_unavailable")
    if landing.kind not in ("error-page", "no-way-on"):
        return False
    if landing.status in TRANSIENT or landing.status >= 500:
        return True
    return _OF_THE_REQUEST.search(f"{landing.title}\n{landing.text}") is None
