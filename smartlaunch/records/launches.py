"""The launches of a run, found in the order of its exchanges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from smartlaunch.exchange import Endpoint, RecordedExchange
from smartlaunch.records.record import Launch, Run, ScenarioResult

_DISCOVERY = (Endpoint.DISCOVERY, Endpoint.METADATA, Endpoint.OPENID_CONFIGURATION)


def launches_of(run: Run) -> Sequence[Launch]:
    """The launches of a run; of one that was recorded without them, what its exchanges show."""
    return run.launches or find_launches(run.exchanges, run.scenarios)


def find_launches(exchanges: Iterable[RecordedExchange], scenarios: Sequence[ScenarioResult]) -> list[Launch]:
    """The launches that the order of the exchanges shows.

    A launch begins with the browser's request to the launch URL or, without one, to the authorization endpoint, with the discovery
    just before it, and lasts until the next begins.
    """
    found: list[list[RecordedExchange]] = []
    discovered: list[RecordedExchange] = []
    heading_for_authorize = False
    for exchange in exchanges:
        opens_launch = exchange.endpoint == Endpoint.LAUNCH and not exchange.redirect_of
        opens_authorize = exchange.endpoint == Endpoint.AUTHORIZE and not exchange.redirect_of and exchange.actor == "browser"
        if opens_launch or (opens_authorize and not heading_for_authorize):
            found.append([*discovered, exchange])
            discovered, heading_for_authorize = [], opens_launch
        elif exchange.endpoint in _DISCOVERY:
            discovered.append(exchange)
        elif found:
            found[-1] += [*discovered, exchange]
            discovered = []
            if exchange.endpoint in (Endpoint.AUTHORIZE, Endpoint.TOKEN):
                heading_for_authorize = False
    suite_of = {x: s.suite for s in reversed(scenarios) for x in s.exchanges}
    return [
        Launch(
            id=f"launch-{number}",
            title=("EHR launch" if any(x.endpoint == Endpoint.LAUNCH for x in group) else "Authorization") + f" {number}",
            exchanges=tuple(x.id for x in group),
            suite=next((suite_of[x.id] for x in group if x.id in suite_of), ""),
        )
        for number, group in enumerate(found, 1)
    ]
