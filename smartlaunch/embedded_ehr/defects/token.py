"""What the defects make of the exchange of a code and of the token response."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from smartlaunch.embedded_ehr.defects.spoiling import Change, Whim, anywhere
from smartlaunch.embedded_ehr.scopes import parse_resource_scope

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.core import OAuthError
    from smartlaunch.embedded_ehr.registry import Client
    from smartlaunch.embedded_ehr.state import AccessToken, Code

SHORTEST_VERIFIER = 43
_LONG_VERIFIER = 100


def s256(verifier: str) -> str:
    """Return the code challenge of a verifier (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


# -- the code verifier --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Exchange:
    """A code about to be exchanged, and the verifier that came along; ``codes`` are all that were ever issued."""

    client: Client
    code: Code
    verifier: str | None
    sent_empty: bool
    codes: Iterable[Code] = ()

    @property
    def challenge(self) -> str:
        """The code challenge of the authorization request."""
        return self.code.code_challenge or ""

    @property
    def hashed(self) -> str:
        """The hash of the verifier."""
        return s256(self.verifier or "")

    def fits_another_code(self) -> bool:
        """Say whether the verifier is the one of another code of the same client."""
        return self.hashed in {one.code_challenge for one in self.codes if one.client_id == self.code.client_id}


MISSING_CHALLENGE: dict[str, Callable[[Exchange], bool]] = {
    "accepts_missing_challenge": anywhere,
    "requires_challenge_of_public_clients_only": anywhere,
}
MISSING_VERIFIER: dict[str, Callable[[Exchange], bool]] = {
    "accepts_empty_verifier": lambda asked: asked.sent_empty,
    "accepts_missing_verifier": lambda asked: not asked.sent_empty,
    "asks_verifier_of_public_clients_only": lambda asked: not asked.client.public,
}
MALFORMED_VERIFIER: dict[str, Callable[[Exchange], bool]] = {
    "accepts_short_verifier": lambda asked: len(asked.verifier or "") < SHORTEST_VERIFIER,
}
WRONG_VERIFIER: dict[str, Callable[[Exchange], bool]] = {
    "accepts_challenge_as_verifier": lambda asked: asked.verifier == asked.challenge,
    "ignores_case_of_challenge": lambda asked: asked.hashed.casefold() == asked.challenge.casefold(),
    "compares_the_beginning_of_the_hash_only": lambda asked: asked.hashed[:10] == asked.challenge[:10],
    "binds_no_challenge_to_the_code": Exchange.fits_another_code,
    "does_not_compare_verifier": anywhere,
}
"""Which defect lets which fault of a verifier pass."""

REFUSED_VERIFIERS: dict[str, Whim[Exchange]] = {
    "refuses_long_verifier": Whim(lambda asked: len(asked.verifier or "") > _LONG_VERIFIER, "The code_verifier is too long."),
    "refuses_verifier_of_43_characters": Whim(
        lambda asked: len(asked.verifier or "") == SHORTEST_VERIFIER, "The code_verifier is too short."
    ),
    "refuses_punctuation_in_verifier": Whim(
        lambda asked: re.search(r"[.~]", asked.verifier or "") is not None, "The code_verifier has a character that is not allowed."
    ),
}
"""Which right verifiers a defect refuses."""


# -- the redirect URI ---------------------------------------------------------------------------------------------------

OTHER_REDIRECT_URI: dict[str, Callable[[tuple[str, str]], bool]] = {
    "ignores_case_of_redirect_uri_at_exchange": lambda pair: pair[0].casefold() == pair[1].casefold(),
    "ignores_trailing_slash_of_redirect_uri_at_exchange": lambda pair: pair[0].rstrip("/") == pair[1].rstrip("/"),
    "decodes_redirect_uris_at_exchange": lambda pair: pair[0] != pair[1] and unquote(pair[0]) == unquote(pair[1]),
    "ignores_query_of_redirect_uri_at_exchange": lambda pair: pair[0] == pair[1].partition("?")[0],
    "ignores_redirect_uri_at_exchange": anywhere,
}
"""Which other redirect URI a defect takes for the one of the authorization request, which comes first."""


# -- refusals -----------------------------------------------------------------------------------------------------------


@dataclass
class Refusal:
    """A refused token request: what the server says, and by which way it came to refuse."""

    problem: OAuthError
    way: str
    html: bool = False

    def take(self, status: int) -> None:
        """Give it another status."""
        self.problem.status = status

    def rename(self, error: str) -> None:
        """Give it another error code."""
        self.problem.error = error

    def quote(self) -> None:
        """Put its text into quotes."""
        self.problem.description = f'"{self.problem.description}"'

    def print(self) -> None:
        """Let it be a page."""
        self.html = True


WAYS = (
    "wider_refreshes",
    "foreign_refresh_tokens",
    "foreign_codes",
    "wrong_verifiers",
    "expired_assertions",
    "unknown_scopes_of_backend_services",
    "used_codes",
    "ended_refresh_tokens",
)
"""The ways by which a request comes to be refused that have defects of their own; the errors name them."""
AT_REFRESH = "wrong_secrets"
"""A way that has them at a refresh only."""
_MADE_OF_REFUSALS: dict[str, Callable[[Refusal], None]] = {
    "with_403": lambda refusal: refusal.take(403),
    "in_quotes": Refusal.quote,
    "as_html": Refusal.print,
    "with_a_code_of_its_own": lambda refusal: refusal.rename("EHR-4711"),
}
_NOT_OF_SCOPES = ("as_html", "with_a_code_of_its_own")
REFUSALS: dict[str, Change[Refusal]] = {
    f"answers_{way}_{how}": Change(make, lambda refusal, way=way: refusal.way == way)  # type: ignore[misc]
    for way in (*WAYS, f"{AT_REFRESH}_at_refresh")
    for how, make in _MADE_OF_REFUSALS.items()
    if way != "unknown_scopes_of_backend_services" or how not in _NOT_OF_SCOPES
}
"""What each defect makes of the refusals of one way."""


# -- the answers to further requests ------------------------------------------------------------------------------------


@dataclass
class Further:
    """A right answer on its way: its body, its headers, its media type, and which further request it answers."""

    body: dict[str, Any]
    headers: dict[str, str]
    ways: frozenset[str]
    text: bool = False

    def print(self) -> None:
        """Let it be a text."""
        self.text = True


_MADE_OF_ANSWERS: dict[str, Callable[[Further], object]] = {
    "lets_answers_to_{}_be_cached": lambda answer: answer.headers.clear(),
    "answers_{}_as_text": Further.print,
    "omits_scope_for_{}": lambda answer: answer.body.pop("scope", None),
    "sends_negative_expires_in_for_{}": lambda answer: answer.body.update(expires_in=-1),
    "omits_token_type_for_{}": lambda answer: answer.body.pop("token_type", None),
    "sends_expires_in_as_string_for_{}": lambda answer: answer.body.update(expires_in=str(answer.body.get("expires_in"))),
}
FURTHER: dict[str, Change[Further]] = {
    name.format(way): Change(make, lambda answer, way=way: way in answer.ways)  # type: ignore[arg-type,misc]
    for way in ("second_refreshes", "refreshes_for_a_part", "requests_of_pages", "refreshes_of_pages", "requests_without_accept")
    for name, make in _MADE_OF_ANSWERS.items()
}
"""What each defect makes of the answers to further requests of one kind."""


# -- the token response -------------------------------------------------------------------------------------------------


@dataclass
class TokenResponse:
    """The body of a token response before it is sent, and what it is about."""

    body: dict[str, Any]
    access: AccessToken
    requested: tuple[str, ...]

    @property
    def of_backend(self) -> bool:
        """Say whether nobody is signed in: the app itself was granted access."""
        return self.access.user is None


def _gives(member: str, value: Any, where: Callable[[TokenResponse], bool] = anywhere) -> Change[TokenResponse]:
    def change(response: TokenResponse) -> None:
        response.body[member] = value(response) if callable(value) else value

    return Change(change, where)


def _omits(member: str, where: Callable[[TokenResponse], bool] = anywhere) -> Change[TokenResponse]:
    def change(response: TokenResponse) -> None:
        response.body.pop(member, None)

    return Change(change, where)


def _without_resource_scopes(response: TokenResponse) -> str:
    return " ".join(one for one in response.body["scope"].split() if parse_resource_scope(one) is None)


TOKEN_RESPONSE: dict[str, Change[TokenResponse]] = {
    "states_a_shorter_life_than_the_token_has": _gives("expires_in", 2),
    "sends_expires_in_as_string": _gives("expires_in", lambda response: str(response.body["expires_in"])),
    "sends_negative_expires_in": _gives("expires_in", -1),
    "sends_expires_in_of_zero": _gives("expires_in", 0),
    "sends_expires_in_as_a_time": _gives("expires_in", lambda response: int(response.access.expires_at)),
    "reports_requested_scopes_as_granted": _gives(
        "scope",
        lambda response: " ".join(response.requested),
        lambda response: " ".join(response.requested) != response.body["scope"],
    ),
    "reports_less_than_it_grants": _gives("scope", _without_resource_scopes),
    "lists_the_first_scope_twice": _gives("scope", lambda response: f"{response.body['scope']} {response.body['scope'].split()[0]}"),
    "sends_scope_as_list": _gives("scope", lambda response: response.body["scope"].split()),
    "separates_scopes_with_commas": _gives("scope", lambda response: response.body["scope"].replace(" ", ",")),
    "sends_another_token_type": _gives("token_type", "mac"),
    "sends_expires_in_as_string_for_backend_services": _gives(
        "expires_in", lambda response: str(response.body["expires_in"]), lambda response: response.of_backend
    ),
    "omits_expires_in_for_backend_services": _omits("expires_in", lambda response: response.of_backend),
    "omits_token_type_for_backend_services": _omits("token_type", lambda response: response.of_backend),
    "omits_scope_for_backend_services": _omits("scope", lambda response: response.of_backend),
    "omits_scope_of_a_smaller_grant": _omits("scope", lambda response: set(response.requested) != set(response.access.scopes)),
    "omits_access_token": _omits("access_token"),
    "omits_token_type": _omits("token_type"),
    "omits_scope": _omits("scope"),
    "leaves_expires_in_out": _omits("expires_in"),
}
"""What each defect does to a right token response, whatever the grant."""
