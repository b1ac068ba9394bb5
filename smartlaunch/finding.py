"""What a check says, and what a scenario ends as.

A check returns findings and never decides how bad they are: the strength of the requirement in the catalogue decides,
see :func:`smartlaunch.catalogue.Catalogue.severity`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Strength(StrEnum):
    """How binding a requirement is, in the words of RFC 2119 (DEPRECATED as the guide marks it)."""

    SHALL = "SHALL"
    SHALL_NOT = "SHALL NOT"
    SHOULD = "SHOULD"
    SHOULD_NOT = "SHOULD NOT"
    MAY = "MAY"
    DEPRECATED = "DEPRECATED"

    @property
    def fails(self) -> bool:
        """Whether a breach makes a scenario fail."""
        return self in (Strength.SHALL, Strength.SHALL_NOT)

    @property
    def warns(self) -> bool:
        """Whether a breach is a warning."""
        return self in (Strength.SHOULD, Strength.SHOULD_NOT)


class Kind(StrEnum):
    """Where a finding comes from: a rule of a document, what the user expects, or good practice."""

    REQUIREMENT = "requirement"
    EXPECTATION = "expectation"
    HYGIENE = "hygiene"


class Outcome(StrEnum):
    """The seven ways a scenario ends; only ``passed`` counts as passed.

    ``not-applicable``: the rule does not bind this server. ``not-configured``: it may bind, but this target file cannot show it.
    """

    PASSED = "passed"
    FAILED = "failed"
    WARNING = "warning"
    NOT_APPLICABLE = "not-applicable"
    NOT_CONFIGURED = "not-configured"
    BLOCKED = "blocked"
    ERROR = "error"


class Side(StrEnum):
    """Who has to act."""

    APP = "app"
    REGISTRATION = "registration"
    AUTHORIZATION_SERVER = "authorization-server"
    FHIR_SERVER = "fhir-server"
    SESSION = "session"
    SANDBOX = "sandbox"
    TARGET_FILE = "target-file"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement that is not met.

    ``requirement`` is a catalogue id; ``expected`` lists every acceptable answer in words; ``actual`` says what came, free of
    secrets once the judge has scrubbed it; ``exchange`` is the id of the exchange that shows it; ``pointer`` is a JSON pointer,
    ``header: Name`` or ``parameter: name`` inside that exchange.
    """

    requirement: str
    expected: str
    actual: str
    exchange: str = ""
    pointer: str = ""
    kind: Kind = Kind.REQUIREMENT
    side: Side = Side.AUTHORIZATION_SERVER
    severity: Outcome | None = None
    """Only for expectations and hygiene, which have no catalogue strength: ``failed`` or ``warning``."""
