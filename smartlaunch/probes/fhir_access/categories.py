"""Scopes with a search parameter put to the test: a token for one category of a type, and resources of another category."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from smartlaunch.checks.fhir_answer import disclosed, done
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.fhir import describe
from smartlaunch.oauth import scopes as words
from smartlaunch.probes.fhir_access import patients
from smartlaunch.probes.fhir_access.grants import covering, level, require_patient_level, require_uncovered, scope
from smartlaunch.probes.fhir_access.reads import EVERY_READ, EVERYTHING, NEXT_PAGE, next_page
from smartlaunch.probes.fhir_access.requests import Trial, require_closed, require_works, send, tried, tried_in_vain, twin_of
from smartlaunch.probes.fhir_access.samples import Sample, other_patient, patient, samples
from smartlaunch.probes.fhir_access.samples import categories as categories_of
from smartlaunch.probes.fhir_access.writes import BODIES, body, json_patch
from smartlaunch.probes.fhir_access.writing import created_own, kind_to_write, remember, written_beyond

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Grant
    from smartlaunch.exchange import Exchange

_CREATE = "create"
_REVINCLUDE = "search with _revinclude"
_CHANGES = ("update", "patch", "delete")
_MOVES: Mapping[str, str] = {"update that takes it out": "update", "patch that takes it out": "patch"}
"""Changes of a resource within the granted category that give it another one."""
_SEARCH_FOR_OTHER = "search for the other category"

OUTSIDE: Mapping[str, str] = {
    **{word: word for word in (*EVERY_READ, _REVINCLUDE, _CREATE, *_CHANGES, *_MOVES)},
    _SEARCH_FOR_OTHER: "search",
}
"""Requests for another category by their words, with the request that each comes to."""


def two_categories(app: App) -> tuple[Sample, Sample]:
    """Two resources of one type of which neither has a category of the other."""
    for matches in samples(app).values():
        for one in matches:
            for two in matches:
                if one.categories and two.categories and not set(one.categories) & set(two.categories):
                    return one, two
    raise NotApplicable("the patient has no two resources of one type with different categories")


def scope_of(app: App, of: Sample, letters: str = "rs", at: str = "") -> str:
    """A scope with the first category of a sample as its search parameter."""
    system, code = of.categories[0]
    return f"{at or level(app)}/{of.type}.{letters}?category={system}|{code}"


def some_scope(app: App) -> str:
    """A scope with a category of the patient's data as search parameter."""
    return scope_of(app, two_categories(app)[0])


def search_of(one: Sample) -> Sample:
    """The sample searched for by its category and nothing else but the patient."""
    return Sample(one.resource, (*(pair for pair in one.query if pair[0] != "category"), ("category", "|".join(one.categories[0]))))


def _granted(app: App, inside: Sample, letters: str = "rs", beside: Sequence[str] = ()) -> Grant:
    grant = covering(app, [*beside, scope_of(app, inside, letters)])
    for letter in letters:
        require_uncovered(grant, inside.type, letter)
    return grant


def require_one_works(app: App) -> None:
    """``TwinFailed`` where a scope that names one category opens nothing by itself: several of them cannot add up then."""
    inside = two_categories(app)[0]
    require_works(app, covering(app, [scope_of(app, inside)]), inside, "r")


def lasting_grant(app: App) -> tuple[Grant, str]:
    """A grant of one category that can be refreshed where the app asks for that, and the scope that names the category."""
    narrow = some_scope(app)
    lasting = [scope for scope in words.REFRESH if scope in app.scopes]
    grant = covering(app, [narrow, *lasting])
    require_uncovered(grant, two_categories(app)[0].type, "r")
    return grant, next((scope for scope in grant.granted if "?" in scope), narrow)


def outside(app: App, interaction: str) -> Trial:
    """A request for a resource of another category under a scope that names one category."""
    if interaction == _CREATE:
        return app.once("create of another category", lambda: _created_outside(app))
    if interaction in _MOVES:
        return app.once(f"{interaction} of its category", lambda: _moved_outside(app, interaction))
    if interaction in _CHANGES:
        return app.once(f"{interaction} of another category", lambda: _changed_outside(app, interaction))
    return app.once(f"{interaction} of another category", lambda: _outside(app, interaction))


def _outside(app: App, interaction: str) -> Trial:
    inside, other = two_categories(app)
    with_patient = interaction == _REVINCLUDE or interaction.startswith(EVERYTHING)
    grant = _granted(app, inside, beside=[scope(app, "Patient", "rs")] if with_patient else [])
    require_works(app, grant, inside, "r")
    ids = frozenset({other.id})
    if interaction == _REVINCLUDE:
        query = (("_id", patient(app)), (_REVINCLUDE.rpartition(" ")[2], f"{inside.type}:patient"))
        twin, exchange = (app.engine.fhir.search("Patient", query, app.tokens.current(one.access_token)) for one in (app.grant(), grant))
        if other.id not in {str(r.get("id")) for r in disclosed(twin, inside.type)}:
            raise NotApplicable(f"the search of Patient takes in no {inside.type}: {describe(answered(twin))}")
        return Trial(interaction, inside.type, require_closed(app, exchange), tuple(grant.granted), twin, ids, wanted=inside.categories[:1])
    wanted = replace(other, beside=inside)
    if interaction == _SEARCH_FOR_OTHER:
        wanted = replace(wanted, query=(*other.query, ("category", "|".join(other.categories[0]))))
    if interaction == NEXT_PAGE:
        # Half of the resources on the first page: on the second there are some of each category, whatever the order.
        size = max(1, len(disclosed(app.engine.fhir.search(other.type, other.query, app.grant().access_token), other.type)) // 2)
        wanted = replace(other, link=next_page(app.engine.fhir, other, app.grant().access_token, size=size))
    word = OUTSIDE[interaction]
    twin = twin_of(app, word, wanted, app.grant().access_token)
    exchange = tried_in_vain(app, word, wanted, grant.access_token)
    return Trial(interaction, inside.type, exchange, tuple(grant.granted), twin, ids, wanted=inside.categories[:1])


def of_user(app: App, interaction: str) -> Trial:
    """The same under a ``user/`` scope."""
    return app.once(f"{interaction} of another category of the user", lambda: _of_user(app, interaction))


def _of_user(app: App, interaction: str) -> Trial:
    inside, other = two_categories(app)
    grant = covering(app, [scope_of(app, inside, at="user")])
    for letter in "rs":
        require_uncovered(grant, inside.type, letter)
    require_works(app, grant, inside, "r")
    twin = twin_of(app, interaction, other, app.grant().access_token)
    exchange = tried_in_vain(app, interaction, other, grant.access_token)
    return Trial(interaction, inside.type, exchange, tuple(grant.granted), twin, frozenset({other.id}), wanted=inside.categories[:1])


def of_another_patient(app: App, interaction: str) -> Trial:
    """A request for another patient's data of the granted category, which that patient's own token gets."""
    return app.once(f"{interaction} of the category for another patient", lambda: _of_another_patient(app, interaction))


def _of_another_patient(app: App, interaction: str) -> Trial:
    inside, _ = two_categories(app)
    theirs, _, _ = patients.of_other(app)
    whose = other_patient(app)
    grant = _granted(app, inside)
    require_patient_level(grant, inside.type)
    require_works(app, grant, inside, "r")
    query = tuple((k, whose if k == "patient" else v) for k, v in search_of(inside).query)
    found = app.engine.fhir.search(inside.type, query, app.tokens.current(theirs.access_token))
    matches = [one for one in disclosed(found, inside.type) if one.get("id")]
    if not matches:
        raise NotApplicable(f"the patient {whose} has no {inside.type} of that category: {describe(answered(found))}")
    wanted = Sample(matches[0], query)
    exchange = tried_in_vain(app, interaction, wanted, grant.access_token)
    return Trial(interaction, inside.type, exchange, tuple(grant.granted), found, frozenset({whose}))


def existence(app: App, request: str) -> Trial:
    """The question whether there are data of another category."""
    return app.once(f"whether a {request} tells of another category", lambda: _existence(app, request))


def _existence(app: App, request: str) -> Trial:
    inside, other = two_categories(app)
    grant = _granted(app, inside)
    require_works(app, grant, inside, "r")
    nobody = f"conformance-{secrets.token_hex(8)}"
    query = search_of(other).query
    made_up = Sample({"resourceType": other.type, "id": nobody}, tuple((k, nobody if k == "patient" else v) for k, v in query))
    return patients.asked_whether(app, request, replace(other, query=query), made_up, app.grant(), grant)


def _changed_outside(app: App, interaction: str) -> Trial:
    """A change of the suite's own resource under a scope for a category that this resource has not."""
    kind = kind_to_write(app)
    has = categories_of(body(kind, patient(app)))
    known = [one for matches in samples(app).values() for one in matches if one.type == kind and one.categories]
    inside = next((one for one in known if not set(one.categories) & set(has)), None)
    if inside is None:
        raise NotApplicable(f"the patient has no {kind} of a category other than that of what the suite writes")
    grant = _granted(app, inside, "cruds")
    require_works(app, grant, inside, "r")
    return written_beyond(app, interaction, kind, grant)


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


def _moved_outside(app: App, interaction: str) -> Trial:
    """A change that gives a resource of the granted category another one; the same change that leaves it there has to succeed."""
    inside, other = two_categories(app)
    kind, whose, fhir = inside.type, patient(app), app.engine.fhir
    if kind not in BODIES:
        raise NotApplicable(f"the suite has no {kind} to write")
    grant = _granted(app, inside, "cruds")
    resource = {**body(kind, whose), "category": inside.resource.get("category")}
    made = fhir.send("POST", kind, app.tokens.current(grant.access_token), resource=resource)
    own = remember(app, made, grant)
    if own is None:
        raise NotApplicable(f"the server does not let the app create a {kind} of its own: {describe(answered(made))}")

    def change(category: object) -> Exchange:
        token = app.tokens.current(grant.access_token)
        if _MOVES[interaction] == "patch":
            return json_patch(fhir, own.reference, token, [{"op": "replace", "path": "/category", "value": category}])
        return fhir.send("PUT", own.reference, token, resource={**resource, "id": own.id, "category": category})

    twin = change(inside.resource.get("category"))
    if not done(twin):
        raise NotApplicable(f"the server does not offer the {_MOVES[interaction]} of {kind}: {describe(answered(twin))}")
    exchange = change(other.resource.get("category"))
    answered(exchange)
    return Trial(_MOVES[interaction], kind, exchange, tuple(grant.granted), twin, frozenset({own.id}))


# -- two parameters in one scope ------------------------------------------------------------------------------------------------

_BESIDE = ", beside another category"

ORDERS: Mapping[str, bool] = {"a category and a code": False, f"a code and a category{_BESIDE}": True}
"""Scopes with two search parameters, by the words of the features: whether the code comes first, and then without its system.

Beside another category stands a second scope for the same type, where the patient has data of one: each keeps its own limits.
"""


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
    apart = [one for one in samples(app)[inside.type] if one.categories and not set(one.categories) & set(other.categories)]
    beside = [scope_of(app, one) for one in apart[:1] if order.endswith(_BESIDE)]

    def granted_with(code: str) -> Grant:
        parts = [f"category={'|'.join(inside.categories[0])}", f"code={code}"]
        return covering(app, [f"{level(app)}/{inside.type}.rs?{'&'.join(reversed(parts) if ORDERS[order] else parts)}", *beside])

    system, plain = _codes(inside)[0]
    try:
        grant = granted_with(plain if ORDERS[order] else f"{system}|{plain}")  # a token may be written without its system
    except NotApplicable:
        if not ORDERS[order]:
            raise
        grant = granted_with(f"{system}|{plain}")
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
