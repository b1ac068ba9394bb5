"""The words a diagnosis is made of.

A category names the kind of cause, never the symptom: a FHIR read refused because a wildcard scope was dropped is ``scope-syntax``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from smartlaunch.finding import Side


class Category(StrEnum):
    """The fixed kinds of cause."""

    LAUNCH_CONTEXT = "launch-context"
    SCOPE_REGISTRATION = "scope-registration"
    SCOPE_SYNTAX = "scope-syntax"
    SCOPE_VERSION = "scope-version"
    REDIRECT_URI = "redirect-uri"
    CLIENT_REGISTRATION = "client-registration"
    TENANT = "tenant"
    CLIENT_AUTH = "client-auth"
    PKCE = "pkce"
    AUD = "aud"
    TOKEN_LIFETIME = "token-lifetime"
    IDENTITY_SESSION = "identity-session"
    CORS = "cors"
    EMBEDDING = "embedding"
    FHIR_AUTHORIZATION = "fhir-authorization"
    DISCOVERY = "discovery"
    SERVER_DEFECT = "server-defect"
    OTHER = "other"


DEFINITIONS: dict[Category, str] = {
    Category.LAUNCH_CONTEXT: "The launch value, the launch scopes or the context they bring do not fit the way the app was started.",
    Category.SCOPE_REGISTRATION: "A well-formed scope is not among those this client is registered or allowed for.",
    Category.SCOPE_SYNTAX: "A scope is written in a way the server does not serve: wildcard, unknown verb, separator, prefix.",
    Category.SCOPE_VERSION: "The scopes are of another SMART version than the one the app is registered for.",
    Category.REDIRECT_URI: "The redirect URI sent is not, character by character, one that is registered, or differs between the steps.",
    Category.CLIENT_REGISTRATION: "The client is unknown, another one, or not enabled for what it asks.",
    Category.TENANT: "The tenant in a URL is wrong, unknown to that host, or not the one the token was made for.",
    Category.CLIENT_AUTH: "The client could not be authenticated: credentials, header, assertion or key are wrong or missing.",
    Category.PKCE: "The code verifier and the code challenge do not fit together, or one of them is missing or malformed.",
    Category.AUD: "The aud parameter does not name the FHIR server that this authorization server protects.",
    Category.TOKEN_LIFETIME: "A code or token was too old, already used, or cannot be renewed.",
    Category.IDENTITY_SESSION: "Another user than expected is signed in, or the sign-in or session ended or was refused.",
    Category.CORS: "The browser kept the answer from the app because of the cross-origin headers.",
    Category.EMBEDDING: "A frame, an embedded browser or blocked cookies kept the page or the app's own storage from working.",
    Category.FHIR_AUTHORIZATION: "The token is good, but the FHIR server does not allow this request with it.",
    Category.DISCOVERY: "The endpoints came from the wrong host or document, or the document cannot be had.",
    Category.SERVER_DEFECT: "The server failed or broke the specification, whatever the client does.",
    Category.OTHER: "A cause outside the protocol, such as a firewall in front of the server.",
}
"""What each category means, in one line."""


class Confidence(StrEnum):
    """How sure a diagnosis is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was observed, for or against a cause; ``exchange`` is the id of the exchange that shows it.

    ``by`` is who said it, where it is a statement in words: what only the asker says proves little.
    """

    text: str
    stance: str = "for"
    exchange: str = ""
    by: str = ""

    def __str__(self) -> str:
        """One line: the stance, what was seen, and where."""
        return f"{self.stance}: {self.text}" + (f" ({self.exchange})" if self.exchange else "")


@dataclass(slots=True)
class Diagnosis:
    """One likely cause, with what to change and how to make sure."""

    rule: str
    category: Category
    side: Side
    cause: str
    fix: str
    next: str
    confidence: Confidence
    weight: int
    evidence: list[Evidence] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    scenarios: list[str] = field(default_factory=list)
    requirements: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The diagnosis as plain data, in the published order of keys."""
        found: dict[str, Any] = {
            "rule": self.rule,
            "category": self.category.value,
            "side": self.side.value,
            "cause": self.cause,
            "fix": self.fix,
            "next": self.next,
            "confidence": self.confidence.value,
            "evidence": [str(item) for item in self.evidence],
            "sources": list(self.sources),
        }
        if self.scenarios:
            found["scenarios"] = list(self.scenarios)
        if self.requirements:
            found["requirements"] = list(self.requirements)
        return found


@dataclass(frozen=True, slots=True)
class Missing:
    """A fact that would decide, and how to get it."""

    what: str
    how: str

    def to_json(self) -> dict[str, str]:
        """The missing fact as plain data."""
        return {"what": self.what, "how": self.how}


@dataclass(frozen=True, slots=True)
class ClientFinding:
    """A client rule of the guide that the app's own messages break."""

    requirement: str
    text: str
    exchange: str = ""

    def to_json(self) -> dict[str, str]:
        """The finding as plain data."""
        return {"requirement": self.requirement, "text": self.text, "exchange": self.exchange}


@dataclass(slots=True)
class Report:
    """What ``diagnose`` answers: ranked diagnoses, or none and what is missing."""

    diagnoses: list[Diagnosis] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    client_findings: list[ClientFinding] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    """Error codes and URNs that no rule knows, kept by name."""
    unknown_keys: list[str] = field(default_factory=list)
    vendor: str = ""
    source: str = ""
    warnings: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    """What in the input was understood, in its order."""
    left: list[str] = field(default_factory=list)
    """What in the input was not understood or not used, and why."""

    @property
    def declined(self) -> bool:
        """Whether the facts did not decide."""
        return not self.diagnoses

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "source": self.source,
            "vendor": self.vendor,
            "diagnoses": [item.to_json() for item in self.diagnoses],
            "missing": [item.to_json() for item in self.missing],
            "client_findings": [item.to_json() for item in self.client_findings],
            "named": list(self.named),
            "unknown_keys": list(self.unknown_keys),
            "warnings": list(self.warnings),
            "read": list(self.read),
            "left": list(self.left),
        }
