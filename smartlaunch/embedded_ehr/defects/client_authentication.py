"""Which clients the defects let pass that have not shown who they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.core import Parameters
    from smartlaunch.embedded_ehr.registry import Client

_CENTURY_S = 100 * 365 * 86400

Asked = tuple["Client", "Parameters"]
"""A client that came without credentials, and what it sent."""


def _of_role(role: str) -> Callable[[Asked], bool]:
    return lambda asked: asked[0].role == role


WITHOUT_CREDENTIALS: dict[str, Callable[[Asked], bool]] = {
    "accepts_empty_client_secret": lambda asked: asked[1].sent_empty("client_secret"),
    "refreshes_without_authentication": lambda asked: asked[1].get("grant_type") == "refresh_token",
    "accepts_confidential_client_without_secret": _of_role("confidential-symmetric"),
    "accepts_asymmetric_client_without_assertion": _of_role("confidential-asymmetric"),
    "accepts_backend_service_without_assertion": _of_role("backend"),
}


@dataclass(frozen=True)
class Secret:
    """A wrong secret that was sent, the right one, and those of all clients."""

    sent: str
    right: str
    of_clients: frozenset[str]


Audience = tuple["Client", list[object], str]
"""A client, the ``aud`` claim of its assertion as a list, and the URL of the token endpoint, which is not in it."""


def _some(asked: Audience, fits: Callable[[str], bool]) -> bool:
    return any(isinstance(one, str) and fits(one) for one in asked[1])


OTHER_AUDIENCE: dict[str, Callable[[Audience], bool]] = {
    "ignores_case_of_aud_of_assertion": lambda asked: _some(asked, lambda one: one.casefold() == asked[2].casefold()),
    "compares_the_beginning_of_aud_of_assertion": lambda asked: _some(asked, lambda one: one.startswith(asked[2])),
    "takes_a_list_as_aud_of_assertion_unread": lambda asked: len(asked[1]) > 1,
    "looks_at_aud_of_backend_services_only": lambda asked: asked[0].role != "backend",
    "ignores_aud_of_assertion": lambda _: True,
}
PAST_EXPIRY: dict[str, Callable[[Client], bool]] = {
    "looks_at_exp_of_backend_services_only": lambda client: client.role != "backend",
    "accepts_expired_assertion": lambda _: True,
}
LONG_LIFE: dict[str, Callable[[float], bool]] = {
    "takes_exp_in_milliseconds": lambda seconds: seconds > _CENTURY_S,
    "accepts_assertion_that_lives_too_long": lambda _: True,
}
"""Which wrong claim of an assertion a defect lets pass; of a life it is given the seconds left."""

WRONG_SECRET: dict[str, Callable[[Secret], bool]] = {
    "accepts_any_client_secret": lambda secret: bool(secret.sent),
    "accepts_the_beginning_of_a_client_secret": lambda secret: bool(secret.sent) and secret.right.startswith(secret.sent),
    "accepts_a_client_secret_with_something_behind_it": lambda secret: bool(secret.right) and secret.sent.startswith(secret.right),
    "ignores_case_of_client_secret": lambda secret: secret.sent.casefold() == secret.right.casefold(),
    "accepts_client_secret_of_another_client": lambda secret: secret.sent in secret.of_clients,
    "accepts_empty_client_secret": lambda secret: not secret.sent,
}
