"""The company in which a right flow happens: how it is asked for, by whom, about whom, with which scopes, and with which of its tokens.

Real servers keep a rule on the first launch of the first user and break it elsewhere. A situation changes only what a right app may
choose, so every rule that binds there binds as before, and an app in a situation is an app like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smartlaunch.oauth import scopes as words


@dataclass(frozen=True)
class Situation:
    """One company; the plain one is a first launch: by GET, the first user, the first patient, the token as it came.

    ``user`` and ``patient``: ``other`` or empty. ``token``: ``refreshed``, ``narrowed`` (refreshed for fewer scopes) or empty.
    ``scopes``: ``v1``, ``wildcard`` or empty for those of the registration.
    """

    method: str = "GET"
    user: str = ""
    patient: str = ""
    token: str = ""
    scopes: str = ""

    @property
    def slug(self) -> str:
        """The situation in an id, such as ``posted+other-patient``; empty for the plain one."""
        parts = (
            "posted" if self.method == "POST" else "",
            "other-user" if self.user else "",
            "other-patient" if self.patient else "",
            self.token,
            self.scopes,
        )
        return "+".join(part for part in parts if part)

    @property
    def words(self) -> str:
        """The situation in a sentence."""
        parts = (
            "the authorization request sent by POST" if self.method == "POST" else "",
            "as another user" if self.user else "",
            "for another patient" if self.patient else "",
            {"refreshed": "with a refreshed token", "narrowed": "with a token refreshed for fewer scopes", "": ""}[self.token],
            {"v1": "with scopes in the syntax of version 1", "wildcard": "with wildcard scopes", "": ""}[self.scopes],
        )
        return ", ".join(part for part in parts if part)

    def scopes_for(self, scopes: Sequence[str]) -> tuple[str, ...]:
        """The scopes of a registration as this situation writes them."""
        if self.scopes == "v1":
            return tuple(dict.fromkeys(_in_version_1(scope) for scope in scopes))
        if self.scopes == "wildcard":
            return tuple(dict.fromkeys(_for_all_types(scope) for scope in scopes))
        return tuple(scopes)

    def fewer(self, granted: Sequence[str]) -> list[str] | None:
        """What a narrowing refresh asks for: all but the last scope on FHIR data; None where nothing can be left out."""
        on_data = [scope for scope in granted if words.parse(scope) is not None]
        if self.token != "narrowed" or len(on_data) < 2:
            return None
        return [scope for scope in granted if scope != on_data[-1]]


PLAIN = Situation()


def _in_version_1(scope: str) -> str:
    """The scope in version 1 where that says no more and no less, else as it is."""
    return scope if words.version_of(scope) == 1 else words.other_version(scope)


def _for_all_types(scope: str) -> str:
    """The scope for every type where it lets read and search one, else as it is; nothing is written under a wildcard."""
    parsed = words.parse(scope)
    if parsed is None or "?" in scope or not {"r", "s"} <= set(parsed.interactions):
        return scope
    return f"{parsed.level}/*.{'read' if words.version_of(scope) == 1 else 'rs'}"
