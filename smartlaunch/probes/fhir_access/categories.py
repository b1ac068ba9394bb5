"""Scopes with a search parameter put to the test: a token for one category of a type, and resources of another category."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from smartlaunch.checks.fhir_access import disclosed
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.probes.fhir_access.grants import covering, level, require_uncovered
from smartlaunch.probes.fhir_access.requests import READS, Trial, send, tried, tried_in_vain, twin_of
from smartlaunch.probes.fhir_access.samples import Sample, patient, samples
from smartlaunch.probes.fhir_access.writing import BODIES, body, created_own, remember

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Grant

_CREATE = "create"
_SEARCH_FOR_OTHER = "search for the other category"

OUTSIDE: Mapping[str, str] = {**{word: word for word in READS}, _SEARCH_FOR_OTHER: "search", _CREATE: _CREATE}
"""Requests for another category by their words, with the request that each comes to."""


def two_categories(app: App) -> tuple[Sample, Sample]:
    """Two resources of one type of which neither has a category of the other."""
    for matches in samples(app).values():
        for one in matches:
            for two in matches:
                if one.categories and two.categories and not set(one.categories) & set(two.categories):
                    return one, two
    raise NotApplicable("the patient has no two resources of one type with different categories")


def scope_of(app: App, of: Sample, letters: str = "rs") -> str:
    """A scope with the first category of a sample as its search parameter."""
    system, code = of.categories[0]
    return f"{level(app)}/{of.type}.{letters}?category={system}|{code}"


def some_scope(app: App) -> str:
    """A scope with a category of the patient's data as search parameter."""
    return scope_of(app, two_categories(app)[0])


def search_of(one: Sample) -> Sample:
    """The sample searched for by its category and nothing else but the patient."""
    return Sample(one.resource, (*(pair for pair in one.query if pair[0] != "category"), ("category", "|".join(one.categories[0]))))


def _granted(app: App, inside: Sample, letters: str = "rs") -> Grant:
    grant = covering(app, [scope_of(app, inside, letters)])
    for letter in letters:
        require_uncovered(grant, inside.type, letter)
    return grant


def outside(app: App, interaction: str) -> Trial:
    """A request for a resource of another category under a scope that names one category."""
    if interaction == _CREATE:
        return app.once("create of another category", lambda: _created_outside(app))
    return app.once(f"{interaction} of another category", lambda: _outside(app, interaction))


def _outside(app: App, interaction: str) -> Trial:
    inside, other = two_categories(app)
    grant = _granted(app, inside)
    if not disclosed(send(app, "read", inside, grant.access_token), inside.type):
        raise TwinFailed("the token does not work for the category that it was granted")
    wanted = other
    if interaction == _SEARCH_FOR_OTHER:
        wanted = replace(other, query=(*other.query, ("category", "|".join(other.categories[0]))))
    word = OUTSIDE[interaction]
    twin = twin_of(app, word, wanted, app.grant().access_token)
    exchange = tried_in_vain(app, word, wanted, grant.access_token)
    ids = frozenset({other.id})
    return Trial(interaction, inside.type, exchange, tuple(grant.granted), twin, ids, wanted=inside.categories[:1])


def _created_outside(app: App) -> Trial:
    inside, other = two_categories(app)
    kind = inside.type
    if kind not in BODIES:
        raise NotApplicable(f"the suite has no {kind} to write")
    twin, _ = created_own(app, kind, patient(app))
    grant = _granted(app, inside, "cruds")
    resource = {**body(kind, patient(app)), "category": other.resource.get("category")}
    exchange = app.engine.fhir.send("POST", kind, grant.access_token, resource=resource)
    remember(app, exchange, grant)
    answered(exchange)
    return Trial("create", kind, exchange, tuple(grant.granted), twin)


# -- two parameters in one scope ------------------------------------------------------------------------------------------------

ORDERS: Mapping[str, bool] = {"a category and a code": False, "a code and a category": True}
"""Scopes with two search parameters, by the words of the features: whether the code comes first."""


def _codes(of: Sample) -> tuple[tuple[str, str], ...]:
    concept = of.resource.get("code")
    coding = concept.get("coding") if isinstance(concept, dict) else None
    listed = [c for c in coding if isinstance(c, dict) and isinstance(c.get("code"), str)] if isinstance(coding, list) else []
    return tuple((str(c.get("system", "")), c["code"]) for c in listed)


def _two_codes(app: App) -> tuple[Sample, Sample]:
    """Two resources of one type and category of which neither has a code of the other."""
    for matches in samples(app).values():
        coded = [one for one in matches if one.categories and _codes(one)]
        for one in coded:
            for two in coded:
                if one.categories[:1] == two.categories[:1] and not set(_codes(one)) & set(_codes(two)):
                    return one, two
    raise NotApplicable("the patient has no two resources of one type and category with different codes")


def outside_one_of_two(app: App, interaction: str, order: str) -> Trial:
    """A request for a resource that fits the category of a scope and not its code."""
    return app.once(f"{interaction} outside {order}", lambda: _outside_one_of_two(app, interaction, order))


def _outside_one_of_two(app: App, interaction: str, order: str) -> Trial:
    inside, other = _two_codes(app)
    parts = [f"category={'|'.join(inside.categories[0])}", f"code={'|'.join(_codes(inside)[0])}"]
    asked = f"{level(app)}/{inside.type}.rs?{'&'.join(reversed(parts) if ORDERS[order] else parts)}"
    grant = covering(app, [asked])
    for letter in "rs":
        require_uncovered(grant, inside.type, letter)
    if not disclosed(send(app, "read", inside, grant.access_token), inside.type):
        raise TwinFailed("the token does not work for the category and code that it was granted")
    twin = twin_of(app, interaction, other, app.grant().access_token)
    exchange = tried_in_vain(app, interaction, other, grant.access_token)
    return Trial(interaction, inside.type, exchange, tuple(grant.granted), twin, frozenset({other.id}))


def within(app: App) -> list[Trial]:
    """Read and search of a resource that fits the granted search parameter."""
    return app.once("requests within a category", lambda: _within(app))


def _within(app: App) -> list[Trial]:
    inside, _ = two_categories(app)
    grant = _granted(app, inside)
    trials = []
    for word in ("read", "search"):
        twin = twin_of(app, word, inside, app.grant().access_token)
        exchange = tried(app, word, inside, grant.access_token)
        if word == "search" and exchange.answer.status in (400, 401, 403):
            exchange = tried(app, word, search_of(inside), grant.access_token)  # a search as narrow as the scope
        trials.append(Trial(word, inside.type, exchange, tuple(grant.granted), twin, frozenset({inside.id})))
    return trials
