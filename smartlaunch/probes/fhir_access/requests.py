"""Requests for a sample by the words that features use for them, and what a token was granted when it was tried with one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from smartlaunch.checks.fhir_answer import disclosed
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, TwinFailed, Unreachable
from smartlaunch.fhir import describe
from smartlaunch.oauth import scopes as scope_words
from smartlaunch.probes.fhir_access.reads import EVERY_READ
from smartlaunch.probes.fhir_access.writes import SENT

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Grant
    from smartlaunch.exchange import Exchange
    from smartlaunch.probes.fhir_access.samples import Sample


T = TypeVar("T")


@dataclass(frozen=True)
class Trial:
    """One request put to the FHIR server, with what the token was granted.

    ``resource_type`` and ``ids`` name what the request is after; ``twin`` is the same request with a token that covers it, None where
    the request itself has to succeed.
    """

    interaction: str
    resource_type: str
    exchange: Exchange
    granted: tuple[str, ...] = ()
    twin: Exchange | None = None
    ids: frozenset[str] = frozenset()
    scope: str = ""
    wanted: tuple[tuple[str, str], ...] = ()
    undone: bool = False
    """Whether a look at the end state shows that a write which was answered with success did nothing."""

    @property
    def expected(self) -> frozenset[str]:
        """The ids of which one shows success: those it is after, and those that its twin gave, which may be another page's."""
        seen = {str(r.get("id")) for r in disclosed(self.twin, self.resource_type)} if self.twin is not None else set()
        return self.ids | seen if self.ids else self.ids

    @property
    def words(self) -> str:
        """The request in words."""
        return f"{self.interaction} of {self.resource_type}" if self.resource_type else self.interaction


WRITES: Mapping[str, str] = {
    **{interaction: letter for interaction, (letter, _) in SENT.items()},
    "update that moves it": "u",
    "patch that moves it": "u",
    "conditional create": "c",
}
"""Requests that write, with the letter of the scope that each needs."""

INTERACTIONS = (*EVERY_READ, *WRITES)
"""Every request by its words."""


def letter_of(interaction: str) -> str:
    """The letter of the scope that an interaction needs."""
    if interaction in WRITES:
        return WRITES[interaction]
    return "s" if any(word in interaction for word in ("search", "type history", "system history")) else "r"


def send(app: App, interaction: str, sample: Sample, token: str) -> Exchange:
    """The request that the words name."""
    return EVERY_READ[interaction](app.engine.fhir, sample, app.tokens.current(token))


def each(interactions: Iterable[str], put: Callable[[str], T]) -> list[T]:
    """What comes of each of these requests that can be put; where none can, why the first one cannot.

    A form that a server does not offer, or stumbles over, says nothing of the others.
    """
    found, why = list[T](), list[Exception]()
    for interaction in interactions:
        try:
            found.append(put(interaction))
        except (NotApplicable, TwinFailed) as exc:
            why.append(exc)
        except Unreachable as exc:
            if sum(isinstance(one, Unreachable) for one in why):
                raise
            why.append(exc)
    if not found and why:
        raise next((one for one in why if not isinstance(one, NotApplicable)), why[0])
    return found


TWINS: Mapping[str, str] = {
    "search for one patient after another": "search",
    "search for two patients": "search",
    "search for two patients by two names": "search",
    "search by a list of ids": "search by _id",
}
"""Requests that no single token covers as a whole, with the request that shows what is there."""


def twin_of(app: App, interaction: str, sample: Sample, token: str) -> Exchange:
    """The request with a token that covers it, once for all rules; ``NotApplicable`` when the server does not offer it at all."""
    asked = f"twin {interaction} of {sample.reference} {sample.query} {sample.link} by {token}"
    return app.once(asked, lambda: _twin_of(app, interaction, sample, token))


def _twin_of(app: App, interaction: str, sample: Sample, token: str) -> Exchange:
    twin = send(app, TWINS.get(interaction, interaction), sample, token)
    answered(twin)
    if twin.answer.status == 401:
        raise TwinFailed(f"the {interaction} of {sample.type} was refused to a token that covers it: {describe(twin.answer)}")
    if not disclosed(twin, sample.type):
        raise NotApplicable(
            f"the server does not offer the {interaction} of {sample.type} to a token that covers it: {describe(twin.answer)}"
        )
    return twin


def tried(app: App, interaction: str, sample: Sample, token: str) -> Exchange:
    """The request, whatever the server answers; ``Unreachable`` when it does not."""
    exchange = send(app, interaction, sample, token)
    answered(exchange)
    return exchange


def tried_in_vain(app: App, interaction: str, sample: Sample, token: str) -> Exchange:
    """The request with a token that does not cover it; ``TwinFailed`` where no token is needed for what came of it."""
    return require_closed(app, tried(app, interaction, sample, token))


def require_closed(app: App, exchange: Exchange) -> Exchange:
    """The answer as it is; ``TwinFailed`` where it holds data that the server gives to the same request without any token.

    Of such a server another scenario says that it is open, and nothing shows whether it would look at this token if it looked at any.
    """
    request = exchange.request
    searching = request.method == "POST" and urlsplit(request.url).path.endswith("/_search")
    if not disclosed(exchange) or not (request.method == "GET" or searching):
        return exchange
    parts = urlsplit(request.url)
    query = urlencode([pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "access_token"])
    url, form = urlunsplit(parts._replace(query=query)), parse_qsl(request.body.decode()) if searching else None
    _require_shut(app, request.method, url, form)
    return exchange


def require_works(app: App, grant: Grant, own: Sample, letters: str) -> None:
    """``TwinFailed`` where a token does not work for what it was granted: its refusals prove nothing then.

    A read where the letters allow one, else a search; for writes their own scenario shows it.
    """
    word = "read" if "r" in letters else "search" if "s" in letters else ""
    if not word:
        return
    key = f"works {' '.join(grant.granted)} {grant.expires_at} {own.reference}"
    exchange = app.once(key, lambda: send(app, word, own, grant.access_token))
    if not disclosed(exchange, own.type):
        granular = any(parsed is not None and parsed.parameters for parsed in map(scope_words.parse, grant.granted))
        raise TwinFailed(
            f"the token does not work for what it was granted ({' '.join(grant.granted)}): {describe(answered(exchange))}",
            by="scope-granular-works" if granular else "",
        )


def require_kept(app: App, of: Sample) -> None:
    """``TwinFailed`` where the server gives a resource to everybody: then nothing shows whether it keeps from this token that it exists."""
    _require_shut(app, "GET", of.reference)
    _require_shut(app, "GET", f"{of.type}?{urlencode(of.query)}")


def _require_shut(app: App, method: str, url: str, form: list[tuple[str, str]] | None = None) -> None:
    door = app.once(f"at the open door {method} {url} {form}", lambda: app.engine.fhir.send(method, url, None, form=form))
    if disclosed(door):
        raise TwinFailed(
            "the FHIR server gives the same without any token, so nothing shows whether it looks at this one", by="bearer-no-token"
        )
