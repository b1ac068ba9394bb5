"""Plain requests of FHIR R4 under the app's own grant: reads, searches and batches whose form is judged, not their scopes."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from smartlaunch.checks.fhir_answer import disclosed
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.fhir import describe
from smartlaunch.probes.fhir_access.categories import search_of, two_categories
from smartlaunch.probes.fhir_access.requests import Trial, send, tried
from smartlaunch.probes.fhir_access.samples import Sample, sample, samples

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.exchange import Exchange


def read(app: App) -> Trial:
    """A read of a resource of the patient."""
    return app.once("plain read", lambda: _plain(app, "read", sample(app)))


def search(app: App) -> Trial:
    """A search of one type for the patient."""
    return app.once("plain search", lambda: _plain(app, "search", sample(app)))


def search_by_category(app: App) -> Trial:
    """A search of one type for the patient and one of two categories that the data have."""

    def make() -> Trial:
        one, _ = two_categories(app)
        return replace(_plain(app, "search", search_of(one)), wanted=one.categories[:1])

    return app.once("category search", make)


def search_by_id(app: App) -> Trial:
    """A search by ``_id`` for a resource that a read yields; several ids in one search are an option of the server's."""

    def make() -> Trial:
        matches, token = next(iter(samples(app).values()), [])[:3], app.grant().access_token
        readable = [m for m in matches if disclosed(send(app, "read", m, token), m.type)]
        if not readable:
            raise NotApplicable("no resource of the patient can be read by its id")
        first, ids = readable[0], frozenset({readable[0].id})
        trial = _plain(app, "search", Sample(first.resource, (*first.query, ("_id", ",".join(sorted(ids))))))
        return replace(trial, ids=ids)

    return app.once("search by id", make)


def _plain(app: App, word: str, of: Sample) -> Trial:
    grant = app.grant()
    exchange = tried(app, word, of, grant.access_token)
    if not 200 <= exchange.answer.status < 300:
        raise NotApplicable(f"the {word} of {of.type} is refused: {describe(exchange.answer)}; the scenario on granted access tells it")
    return Trial(word, of.type, exchange, tuple(grant.granted), ids=frozenset({of.id}))


def absent_read(app: App) -> Exchange:
    """A read of an id that does not exist."""

    def make() -> Exchange:
        exchange = app.engine.fhir.read(f"{sample(app).type}/conformance-{secrets.token_hex(8)}", app.grant().access_token)
        answered(exchange)
        return exchange

    return app.once("absent read", make)


def mixed_batch(app: App) -> Exchange:
    """A batch of a read that succeeds and one that cannot; ``NotApplicable`` when the server takes no batches."""

    def make() -> Exchange:
        known = sample(app)
        urls = (known.reference, f"{known.type}/conformance-{secrets.token_hex(8)}")
        entries = [{"request": {"method": "GET", "url": url}} for url in urls]
        bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
        exchange = app.engine.fhir.send("POST", "", app.grant().access_token, resource=bundle)
        answered(exchange)
        if not (200 <= exchange.answer.status < 300 and exchange.answer.object.get("resourceType") == "Bundle"):
            raise NotApplicable(f"the server takes no batch: {describe(exchange.answer)}")
        return exchange

    return app.once("mixed batch", make)
