"""What the scopes of a client in the target file can bring, so that what its registration cannot show is no silence of the server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from smartlaunch.errors import NotApplicable, NotConfigured
from smartlaunch.oauth import scopes as words

if TYPE_CHECKING:
    from smartlaunch.client.app import App

CONTEXT: Final = ("launch", "launch/")
"""Scopes that ask for launch context of any kind."""
_A_SECOND_TYPE: Final = "patient/<type>.rs patient/<another type>.rs"


def line_for(scope: str) -> str:
    """The line of the target file that would let be judged what comes with a scope; a type of data stands for any."""
    parsed = words.parse(scope)
    if parsed is not None:
        letters = scope.partition("?")[0].rpartition(".")[2]
        scope = f"{parsed.level}/{'*' if parsed.resource == '*' else '<type>'}.{letters}"
    return f'[clients.<name>] scopes = "... {scope}"'


def own(app: App) -> tuple[str, ...]:
    """All scopes that the target file has for the client of an app, in each way in which it is launched."""
    client = app.client
    by_ehr = client.ehr_launch_scopes if "ehr" in client.launches else ()
    return (*client.scopes, *by_ehr, *client.registered.scopes)


def unless_asked(app: App, silence: NotApplicable, *scopes: str) -> NotApplicable:
    """What to raise where something lacks that comes with one of these scopes: where the client has none of them, its scopes are why.

    A scope that ends in ``/`` stands for all that begin with it.
    """
    if isinstance(silence, NotConfigured) or any(_has(own(app), one) for one in scopes):
        return silence
    return NotConfigured(
        f"{silence}; the scopes of the client in the target file have {_none_of(scopes)}", key=line_for(_written(scopes[0]))
    )


def no_refresh_token(app: App) -> NotApplicable:
    """What to raise where no refresh token came."""
    none = NotApplicable("the token response has no refresh token; another scenario tells whether one was due")
    return unless_asked(app, none, *words.REFRESH)


def unless_all_asked(app: App, silence: NotApplicable, scopes: Iterable[str]) -> NotApplicable:
    """What to raise where the server does not grant these scopes: where the client has not all of them, its scopes are why."""
    beyond = words.missing(scopes, own(app))
    if not beyond:
        return silence
    return NotConfigured(f"{silence}; the scopes of the client in the target file do not have {' '.join(beyond)}", key=line_for(beyond[0]))


def _written(scope: str) -> str:
    """A scope of that kind, as it would be written."""
    return {"launch": "launch/patient", "launch/": "launch/patient", "patient/": "patient/<type>.rs"}.get(scope, scope)


def _has(scopes: tuple[str, ...], wanted: str) -> bool:
    return any(one.startswith(wanted) for one in scopes) if wanted.endswith("/") else words.covered(wanted, scopes)


def _none_of(scopes: tuple[str, ...]) -> str:
    return f"no `{scopes[0]}`" if len(scopes) == 1 else f"neither {' nor '.join(f'`{one}`' for one in scopes)}"


def types_of_data(app: App) -> int | None:
    """How many types of a patient's data the client has scopes for, Patient itself aside; None where a wildcard names all."""
    named = {parsed.resource for parsed in map(words.parse, own(app)) if parsed is not None and parsed.level != "system"}
    return None if "*" in named else len(named - {"Patient"})


def unless_named(app: App, number: int, silence: NotApplicable) -> NotApplicable:
    """What to raise where so many types with data were not found: where the client has scopes for fewer, its scopes are why."""
    named = types_of_data(app)
    if named is None or named >= number:
        return silence
    return NotConfigured(f"{silence}; the scopes of the client in the target file name {named or 'none'}", key=line_for(_A_SECOND_TYPE))
