"""What a backend service reaches with a narrow token: each form of a request, each letter of a scope, and one category of a type.

The service's token for all its scopes shows that the data are there and that the server offers the request at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from smartlaunch.checks.fhir_answer import disclosed
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.fhir import describe, resources
from smartlaunch.oauth import scopes as words
from smartlaunch.probes.backend_services import narrowed, search, token
from smartlaunch.probes.fhir_access.offered import offers
from smartlaunch.probes.fhir_access.reads import BY_HAS, EVERY_READ, EVERYTHING, NEXT_PAGE, OTHERWISE_WRITTEN, READS
from smartlaunch.probes.fhir_access.requests import TWINS, Trial, each, letter_of, require_closed, tried, tried_in_vain, twin_of
from smartlaunch.probes.fhir_access.samples import PREFERRED, Sample, gather
from smartlaunch.probes.fhir_access.writes import BODIES, body

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.oauth.token import TokenAnswer

_REVINCLUDE = "search with _revinclude"
FORMS = (*READS, _REVINCLUDE)
"""Requests for a type that the token does not cover."""


def _all_scopes(app: App) -> tuple[str, ...]:
    """What the service is granted when it asks for all its scopes."""
    return app.once("the scopes of a backend token", lambda: tuple(token(app).scopes))


def _wide(app: App) -> str:
    """An access token for all scopes, asked for anew each time: a server may end a service's token when it issues the next."""
    return token(app).access_token


def _sample(app: App, kind: str) -> Sample:
    """A resource of a type, found with the token for all scopes."""
    return app.once(f"a {kind} for the backend service", lambda: _found(app, kind)[0])


def _found(app: App, kind: str) -> list[Sample]:
    exchange = search(app, token(app), kind)
    query = tuple(pair for pair in exchange.request.query if pair[0] != "_count")
    found = resources(answered(exchange), kind)
    if not found:
        raise NotApplicable(f"a search of {kind} with a token for all scopes brings none: {describe(exchange.answer)}")
    return [Sample(one, query) for one in found]


def _narrow(app: App, scope: str, *beyond: tuple[str, str]) -> TokenAnswer:
    """A new token for one scope; ``NotApplicable`` where it covers what it is to be refused for, or not what it was asked for."""
    narrow = token(app, scope)
    if words.missing([scope], narrow.scopes):
        raise NotApplicable(f"the server does not grant {scope}; it grants {' '.join(narrow.scopes) or 'nothing'}")
    for kind, letter in beyond:
        if words.allows(narrow.scopes, "system", kind, letter):
            raise NotApplicable(f"the token for {scope} covers more than that; the scenario on narrower requests judges that")
    return narrow


def outside(app: App, form: str) -> Trial:
    """A request for a type that the token does not cover, beside one that it does."""
    return app.once(f"{form} beyond the backend token", lambda: _outside(app, form))


def _outside(app: App, form: str) -> Trial:
    _, allowed, other = narrowed(app)
    inside, beyond = _sample(app, allowed), _sample(app, other)
    scope = f"system/{allowed}.rs"
    if form == _REVINCLUDE:
        return _included(app, scope, inside, beyond)
    wanted = Sample(beyond.resource, beyond.query, beside=inside)
    twin = twin_of(app, form, wanted, _wide(app))
    narrow = _narrow(app, scope, (other, "r"), (other, "s"))
    if not disclosed(tried(app, "read", inside, narrow.access_token), allowed):
        raise NotApplicable(f"a read of {allowed} with a token for {scope} brings nothing")
    exchange = tried_in_vain(app, form, wanted, narrow.access_token)
    return Trial(form, other, exchange, tuple(narrow.scopes), twin, frozenset({beyond.id}))


PUT_ALONE = frozenset(
    {
        *("search by POST", "system search", "type history", "vread", "compartment search", "batch with a search"),
        *("batch with a second read", "read", "search"),
    }
)
"""The forms that have scenarios of their own."""

LEFT_OUT: Mapping[str, str] = {
    **dict.fromkeys(OTHERWISE_WRITTEN, "how a request is written is put for another patient, another type and no token"),
    **dict.fromkeys(("read of the patient", "search by the patient", *TWINS), "what is looked for is the same patient"),
    BY_HAS: "it finds the patient, not what there is about the patient",
    NEXT_PAGE: "the link is the one that the token for all scopes was given, and a server may know it by its own",
    "search by subject": "a search by subject is put typed and by the reference",
    **dict.fromkeys((one for one in EVERY_READ if one.startswith(EVERYTHING)), "it needs a scope on the patient beside the type"),
    "operation $lastn": "the service's token of one type is mostly the one for observations",
}
"""The forms in which no token of a backend service is tried, and why."""


def in_every_form(app: App) -> list[Trial]:
    """The rarer forms of a request for a type that the token does not cover, all with one token."""
    return app.once("every form beyond the backend token", lambda: _in_every_form(app))


def _in_every_form(app: App) -> list[Trial]:
    _, allowed, other = narrowed(app)
    inside, beyond = _sample(app, allowed), _sample(app, other)
    wanted, ids, wide = replace(beyond, beside=inside), frozenset({beyond.id}), _wide(app)
    further = [one for one in EVERY_READ if one not in PUT_ALONE and one not in LEFT_OUT]
    shown = each(further, lambda form: Trial(form, other, twin_of(app, form, wanted, wide), ids=ids))
    scope = f"system/{allowed}.rs"
    narrow = _narrow(app, scope, (other, "r"), (other, "s"))
    if not disclosed(tried(app, "read", inside, narrow.access_token), allowed):
        raise NotApplicable(f"a read of {allowed} with a token for {scope} brings nothing")

    def put(form: str) -> Trial:
        twin = next(one.exchange for one in shown if one.interaction == form)
        return Trial(form, other, tried_in_vain(app, form, wanted, narrow.access_token), tuple(narrow.scopes), twin, ids)

    return each([one.interaction for one in shown], put)


def _included(app: App, scope: str, inside: Sample, beyond: Sample) -> Trial:
    if inside.type != "Patient":
        raise NotApplicable("the service asks for no scope on Patient, whose data a search could take in")
    query = (("_id", inside.id), ("_revinclude", f"{beyond.type}:patient"))
    twin = app.engine.fhir.search("Patient", query, _wide(app))
    if not disclosed(twin, beyond.type):
        raise NotApplicable(f"the search of Patient takes in no {beyond.type}: {describe(answered(twin))}")
    narrow = _narrow(app, scope, (beyond.type, "r"), (beyond.type, "s"))
    exchange = app.engine.fhir.search("Patient", query, narrow.access_token)
    answered(exchange)
    return Trial(_REVINCLUDE, beyond.type, require_closed(app, exchange), tuple(narrow.scopes), twin)


LETTERS: Mapping[str, str] = {"r": "search", "s": "read", "rs": "create"}
"""The letters of a scope, with a request that they do not allow."""


def beyond_letters(app: App, letters: str) -> Trial:
    """A request with a type that the token covers, by an interaction that it does not."""
    return app.once(f"beyond {letters} of the backend token", lambda: _beyond_letters(app, letters))


def _beyond_letters(app: App, letters: str) -> Trial:
    interaction = LETTERS[letters]
    _, first, second = narrowed(app)
    kind = next((one for one in (second, first) if interaction != "create" or one in BODIES), "")
    if not kind:
        raise NotApplicable("the service asks for no type that the suite writes")
    own = _sample(app, kind)
    scope, letter = f"system/{kind}.{letters}", "c" if interaction == "create" else letter_of(interaction)
    if interaction != "create":
        twin = twin_of(app, interaction, own, _wide(app))
        narrow = _narrow(app, scope, (kind, letter))
        exchange = tried_in_vain(app, interaction, own, narrow.access_token)
        return Trial(interaction, kind, exchange, tuple(narrow.scopes), twin, frozenset({own.id}))
    whose = dict(own.query).get("patient", "")
    if not whose or not offers(app, kind, "create"):
        raise NotApplicable(f"the server offers no create of {kind}, or no patient is known to write about")
    narrow = _narrow(app, scope, (kind, letter))
    exchange = app.engine.fhir.send("POST", kind, narrow.access_token, resource=body(kind, whose))
    answered(exchange)
    if 200 <= exchange.answer.status < 300 and exchange.answer.object.get("id"):
        app.engine.fhir.send("DELETE", f"{kind}/{exchange.answer.object['id']}", _wide(app))
    return Trial("create", kind, exchange, tuple(narrow.scopes))


def outside_category(app: App, interaction: str) -> Trial:
    """A request for a category that the scope of the token leaves out."""
    return app.once(f"{interaction} beyond the category of the backend token", lambda: _outside_category(app, interaction))


def _outside_category(app: App, interaction: str) -> Trial:
    reasons = list[str]()
    for kind in PREFERRED:
        if not words.allows(_all_scopes(app), "system", kind, "s"):
            continue
        exchange, found = gather(app.engine.fhir, kind, _search_of(app), _wide(app))
        answered(exchange)
        pairs = ((a, b) for a in found for b in found if a.categories and b.categories and not set(a.categories) & set(b.categories))
        inside, other = next(pairs, (None, None))
        if inside is None or other is None:
            reasons.append(f"no two {kind} of different categories are found")
            continue
        twin = twin_of(app, interaction, other, _wide(app))
        narrow = _narrow(app, _of_category(kind, inside.categories[0]), (kind, "r"), (kind, "s"))
        if not disclosed(tried(app, "read", inside, narrow.access_token), kind):
            raise NotApplicable(f"a read of the granted category brings nothing under {' '.join(narrow.scopes)}")
        answer = tried_in_vain(app, interaction, other, narrow.access_token)
        return Trial(interaction, kind, answer, tuple(narrow.scopes), twin, frozenset({other.id}), wanted=inside.categories[:1])
    raise NotApplicable("; ".join(reasons) or "the service asks for no type that has categories")


def for_one_category(app: App) -> TokenAnswer:
    """The answer to a request for one category of a type."""
    for kind in PREFERRED:
        if words.allows(_all_scopes(app), "system", kind, "s"):
            exchange, found = gather(app.engine.fhir, kind, _search_of(app), _wide(app))
            answered(exchange)
            codings = next((one.categories for one in found if one.categories), ())
            if codings:
                scope = _of_category(kind, codings[0])
                return app.once(f"a backend token for {scope}", partial(token, app, scope))
    raise NotApplicable("the service finds no type that has categories")


def _of_category(kind: str, coding: tuple[str, str]) -> str:
    return f"system/{kind}.rs?category={coding[0]}|{coding[1]}"


def _search_of(app: App) -> tuple[tuple[str, str], ...]:
    whose = app.engine.target.patients.default
    return (("patient", whose),) if whose else (("_count", "50"),)
