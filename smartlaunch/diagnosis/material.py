"""What is known of one failing flow, in one shape for every kind of input.

A live run, its ``run.json``, a HAR, a pasted URL, a JSON body and an observation file are all read into ``Material``; rules never see
where it came from. Nothing here is raw: secrets were turned into facts before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from smartlaunch.diagnosis.request_faults import Fault
from smartlaunch.diagnosis.scopes import ScopeList


@dataclass(frozen=True, slots=True)
class Said:
    """A text that a rule may match: who says it, where it stood, and the exchange that holds it.

    ``who`` is ``server`` for an error as shown, ``setting`` for a description of the flow and ``asker`` for a person's own notes.
    """

    who: str
    where: str
    text: str
    exchange: str = ""


@dataclass(frozen=True, slots=True)
class FhirCall:
    """One FHIR request: resource type, interaction and status as far as known."""

    resource: str = ""
    interaction: str = ""
    status: int = 0
    exchange: str = ""


@dataclass(slots=True)
class Material:
    """Everything known of a flow; a field that is None or empty is not known."""

    source: str = ""
    vendor: str = ""
    said: list[Said] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    urns: list[str] = field(default_factory=list)
    instances: list[str] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    """Status by step: ``authorize``, ``token``, ``fhir``, ``discovery`` or ``any``."""
    requested: ScopeList | None = None
    granted: ScopeList | None = None
    registered: ScopeList | None = None
    redirect_sent: str = ""
    redirect_registered: tuple[str, ...] = ()
    redirect_at_token: str = ""
    client_id: str = ""
    client_id_registered: str = ""
    client_id_in_error: str = ""
    app_id: str = ""
    aud: str = ""
    fhir_base: str = ""
    authorize_url: str = ""
    token_url: str = ""
    discovery_base: str = ""
    launch_uri: str = ""
    persona: str = ""
    app_type: str = ""
    privacy: str = ""
    access_type: str = ""
    smart_version: str = ""
    launch_type: str = ""
    grant_type: str = ""
    client_auth: str = ""
    verifier: str = ""
    challenge: str = ""
    launch_value: str | None = None
    """None: not known; empty: sent empty or known not to be sent; else any non-empty word."""
    fhir: list[FhirCall] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    fact_of: dict[str, str] = field(default_factory=dict)
    """The exchange a fact comes from."""
    unknown: dict[str, str] = field(default_factory=dict)
    request_faults: tuple[Fault, ...] = ()
    """Faults of a pasted authorization request, found before anything was taken out of it."""
    structured: set[str] = field(default_factory=set)
    """Names of the keys or messages that were given, for judging how thin the facts are."""
    succeeded: bool = False
    """A token was issued and no later step failed."""

    def hear(self, who: str, where: str, text: str, exchange: str = "") -> None:
        """Keep a text; empty ones are dropped."""
        if text and text.strip():
            self.said.append(Said(who, where, text[:8000], exchange))

    def fact(self, name: str) -> Any:
        """A fact by name, or None when it is not known."""
        return self.facts.get(name)

    def texts(self, *who: str) -> Iterable[Said]:
        """The texts of some speakers, or of all."""
        return (s for s in self.said if not who or s.who in who)

    def joined(self, other: Material) -> Material:
        """Add what else is known of the same launch: what is known here stays, what is not is taken from there."""
        whole = Material()
        for each in fields(self):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            value: Any = mine if mine not in (None, "", ()) else theirs
            if isinstance(mine, dict):
                value = {**theirs, **mine}
            elif isinstance(mine, list):
                value = [*mine, *(item for item in theirs if item not in mine)]
            elif isinstance(mine, set):
                value = mine | theirs
            setattr(whole, each.name, value)
        failed = bool(other.errors or other.urns or any(s >= 400 for s in other.statuses.values()) or any(other.texts("server")))
        whole.succeeded = self.succeeded and not failed
        return whole

    @property
    def status(self) -> int:
        """The most telling status: that of the last step that failed, else the one given without a step."""
        for step in ("fhir", "token", "authorize", "discovery", "any"):
            if self.statuses.get(step, 0) >= 400:
                return self.statuses[step]
        return self.statuses.get("any", 0)
