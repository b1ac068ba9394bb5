"""Data of further types, tried with a token that must not reach them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smartlaunch.client.http import answered
from smartlaunch.fhir import resources
from smartlaunch.probes.fhir_access.requests import Trial, tried_in_vain
from smartlaunch.probes.fhir_access.samples import Sample, search

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Grant

MOST_TYPES = 6
"""So many types are tried beside the one that is mostly looked at."""


def out_of_reach(app: App, kind: str, whose: str, holder: Grant, grant: Grant) -> list[Trial]:
    """A search and a read of a patient's data of one type with a grant that must not reach them; ``holder`` does, and nothing is tried
    where it finds none.
    """
    found, query = search(app, kind, whose, app.tokens.current(holder.access_token))
    matches = resources(answered(found), kind)
    if not matches:
        return []
    wanted = Sample(matches[0], query)
    return [
        Trial(word, kind, tried_in_vain(app, word, wanted, grant.access_token), tuple(grant.granted), found, frozenset({wanted.id}))
        for word in ("search", "read")
    ]
