"""Scopes put to the test: what their letters and types allow, and what they leave out.

Each probe that has to be refused has a twin, the same request with a token whose scopes cover it; without the twin's success a refusal
proves nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from smartlaunch.checks.fhir_answer import disclosed
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.fhir import describe
from smartlaunch.oauth import scopes as words
from smartlaunch.probes.fhir_access import categories
from smartlaunch.probes.fhir_access.further_types import MOST_TYPES, out_of_reach
from smartlaunch.probes.fhir_access.grants import covering, covers, granted, require_uncovered, scope
from smartlaunch.probes.fhir_access.patients import OF_THE_PERSON, asked_whether
from smartlaunch.probes.fhir_access.reads import EVERYTHING, NEXT_PAGE, next_page
from smartlaunch.probes.fhir_access.requests import WRITES, Trial, letter_of, require_works, tried, tried_in_vain, twin_of
from smartlaunch.probes.fhir_access.samples import (
    Query,
    Sample,
    fhir_user,
    kinds,
    patient,
    references_in,
    sample,
    samples,
    search,
)
from smartlaunch.probes.fhir_access.writes import BODIES
from smartlaunch.probes.fhir_access.writing import kind_to_write, written_beyond, written_under
from smartlaunch.probes.registered import own, types_of_data, unless_asked

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.fhir import Fhir
    from smartlaunch.client.grant import Grant
    from smartlaunch.exchange import Exchange

REFERENCES = {
    "Observation": (("encounter", "encounter"), ("performer", "performer")),
    "Condition": (("encounter", "encounter"),),
    "MedicationRequest": (("encounter", "encounter"), ("requester", "requester")),
    "Encounter": (("participant", "participant"), ("location", "location")),
    "DocumentReference": (("encounter", "context"), ("author", "author")),
    "Procedure": (("encounter", "encounter"), ("performer", "performer")),
    "DiagnosticReport": (("encounter", "encounter"), ("result", "result"), ("performer", "performer")),
    "Immunization": (("location", "location"),),
    "AllergyIntolerance": (("recorder", "recorder"),),
}
"""Search parameters of a type that refer to another one, with the element they look at."""


# -- letters ------------------------------------------------------------------------------------------------------------------


def within(app: App, letters: str, interaction: str, *, in_version: int = 2) -> Trial:
    """An interaction that the scope with these letters allows, under that scope alone."""
    if interaction in WRITES:
        return written_under(app, letters, interaction, in_version=in_version)
    return app.once(f"{interaction} under {letters} of version {in_version}", lambda: _read_under(app, letters, interaction, in_version))


def beyond(app: App, letters: str, interaction: str, *, in_version: int = 2) -> Trial:
    """An interaction that the scope with these letters does not allow; what it does allow has to work first."""
    if interaction in WRITES:
        return written_under(app, letters, interaction, in_version=in_version, forbidden=True)
    key = f"{interaction} beyond {letters} of version {in_version}"
    return app.once(key, lambda: _read_under(app, letters, interaction, in_version, forbidden=True))


def _read_under(app: App, letters: str, interaction: str, in_version: int, *, forbidden: bool = False) -> Trial:
    inside = sample(app)
    twin = twin_of(app, interaction, inside, app.grant().access_token)
    grant = covering(app, [scope(app, inside.type, letters, in_version=in_version)])
    if forbidden:
        require_uncovered(grant, inside.type, letter_of(interaction))
        require_works(app, grant, inside, letters)
    exchange = (tried_in_vain if forbidden else tried)(app, interaction, inside, grant.access_token)
    trial = Trial(interaction, inside.type, exchange, tuple(grant.granted), twin, frozenset({inside.id}))
    return _heeded(app, trial, interaction) if forbidden else trial


def _heeded(app: App, trial: Trial, interaction: str) -> Trial:
    """The trial as it is; ``TwinFailed`` where the server gives the same of a type that no scope was granted for.

    Such a server is found there. It looks at no scope in this request, so nothing shows what it would make of letters or of a batch.
    """
    if not disclosed(trial.exchange, trial.resource_type):
        return trial
    try:
        other = other_type(app, interaction)
    except NotApplicable:
        return trial
    if disclosed(other.exchange, other.resource_type):
        raise TwinFailed(f"the {interaction} brings data of a type too for which nothing was granted", by="scope-other-type")
    return trial


@dataclass(frozen=True)
class Wide:
    """Scopes that are no scopes of the patient for one type: their level, whether they are for all types, and their letters."""

    level: str = ""
    every_type: bool = False
    letters: str = "rs"


WIDE: Mapping[str, Wide] = {
    "r of a user/ scope": Wide("user", letters="r"),
    "rs of a user/ scope": Wide("user"),
    "rs of a wildcard scope": Wide(every_type=True),
}
"""Letters of scopes of other levels and for all types, by the words of the features."""


def beyond_wide(app: App, what: str, interaction: str) -> Trial:
    """An interaction that the letters of such a scope do not allow."""
    if interaction in WRITES:
        return _written_beyond(app, WIDE[what], interaction)
    return app.once(f"{interaction} beyond {what}", lambda: _read_beyond(app, WIDE[what], interaction))


def _wide_grant(app: App, wide: Wide, kind: str) -> Grant:
    if wide.every_type:
        every = scope(app, "*", wide.letters, wide.level)
        other = next(one for one in BODIES if one != kind)
        try:
            return covering(app, [every, scope(app, other, "cruds", wide.level)])  # the letters for another type do not count for this one
        except NotApplicable:
            return covering(app, [every])
    beside = [scope(app, "Patient", wide.letters, wide.level)] if wide.letters == "rs" else []  # a grant that other scenarios ask for too
    return covering(app, [*beside, scope(app, kind, wide.letters, wide.level)])


def _read_beyond(app: App, wide: Wide, interaction: str) -> Trial:
    inside = sample(app)
    twin = twin_of(app, interaction, inside, app.grant().access_token)
    grant = _wide_grant(app, wide, inside.type)
    require_uncovered(grant, inside.type, letter_of(interaction))
    require_works(app, grant, inside, wide.letters)
    exchange = tried_in_vain(app, interaction, inside, grant.access_token)
    trial = Trial(interaction, inside.type, exchange, tuple(grant.granted), twin, frozenset({inside.id}))
    return _heeded(app, trial, interaction)


def _written_beyond(app: App, wide: Wide, interaction: str) -> Trial:
    kind = kind_to_write(app)
    grant = _wide_grant(app, wide, kind)
    require_uncovered(grant, kind, letter_of(interaction))
    return written_beyond(app, interaction, kind, grant)


# -- types --------------------------------------------------------------------------------------------------------------------


def other_type(app: App, interaction: str) -> Trial:
    """An interaction with a type that the granted scopes leave out."""
    return app.once(f"{interaction} of another type", lambda: _other_type(app, interaction))


def _other_type(app: App, interaction: str) -> Trial:
    inside = sample(app)
    if (alone := _left_out_person(app, interaction, inside)) is not None:
        return alone
    outside = replace(_person(app) if interaction in OF_THE_PERSON else sample(app, 1), beside=inside)
    if interaction == NEXT_PAGE:
        outside = replace(outside, link=next_page(app.engine.fhir, outside, app.grant().access_token))
    twin = twin_of(app, interaction, outside, app.grant().access_token)
    # The operation needs the patient's own resource; what is judged is what comes along with it.
    beside = [scope(app, "Patient", "rs")] if interaction.startswith(EVERYTHING) else []
    grant = covering(app, [*beside, scope(app, inside.type, "rs")])
    require_uncovered(grant, outside.type, letter_of(interaction))
    require_works(app, grant, inside, "rs")
    exchange = tried_in_vain(app, interaction, outside, grant.access_token)
    trial = Trial(interaction, outside.type, exchange, tuple(grant.granted), twin, frozenset({outside.id}))
    wrapped = interaction.startswith(("batch", "transaction"))
    return _heeded(app, trial, "search" if "search" in interaction else "read") if wrapped else trial


_NEED_NO_TWIN = ("read", "search")


def _left_out_person(app: App, interaction: str, inside: Sample) -> Trial | None:
    """What an app with scopes for a single type can show: a request for the patient in context, whose own resource they do not open.

    The server itself named that patient in its token response, so there is one, and what comes of the request shows itself.
    """
    grant = app.grant()
    whose = grant.token.patient
    patients = any(covers([*grant.granted, *own(app)], "Patient", letter) for letter in "rs")
    if interaction not in _NEED_NO_TWIN or types_of_data(app) != 1 or patients or not whose or fhir_user(app) == f"Patient/{whose}":
        return None
    require_works(app, grant, inside, "rs")
    person = Sample({"resourceType": "Patient", "id": whose}, (("_id", whose),))
    exchange = tried_in_vain(app, interaction, person, grant.access_token)
    if answered(exchange).status not in (200, 401, 403, 404):
        raise NotApplicable(f"the server does not offer the {interaction} of {person.type}: {describe(exchange.answer)}")
    return Trial(interaction, "Patient", exchange, tuple(grant.granted), ids=frozenset({whose}))


def further_types(app: App) -> list[Trial]:
    """A search and a read of each further type that the granted scopes leave out."""
    return app.once("every type that was left out", lambda: _further_types(app))


def _further_types(app: App) -> list[Trial]:
    inside, whose = sample(app), patient(app)
    own = granted(app, [scope(app, kind, "rs") for kind in kinds(app)])
    grant = covering(app, [scope(app, inside.type, "rs")])
    require_works(app, grant, inside, "rs")
    beside = {inside.type, sample(app, 1).type}
    trials = list[Trial]()
    for kind in kinds(app):
        if kind in beside or not covers(own.granted, kind, "s") or any(covers(grant.granted, kind, letter) for letter in "rs"):
            continue
        trials += out_of_reach(app, kind, whose, own, grant)
        if len(trials) >= 2 * MOST_TYPES:
            break
    if not trials:
        raise NotApplicable("the patient has no data of any further type that the app's own scopes cover")
    return trials


def _person(app: App) -> Sample:
    """The patient's own resource; ``NotApplicable`` where it is that of the signed-in user, which ``fhirUser`` may open."""
    whose = patient(app)
    if fhir_user(app) == f"Patient/{whose}":
        raise NotApplicable("the signed-in user is the patient, whose own resource the scope fhirUser may open")
    exchange = app.engine.fhir.read(f"Patient/{whose}", app.grant().access_token)
    found = next(iter(disclosed(exchange, "Patient")), None)
    if found is None:
        none = NotApplicable(f"the app's own grant does not read the patient: {describe(answered(exchange))}")
        raise unless_asked(app, none, "patient/Patient.r", "user/Patient.r")
    return Sample(found, (("_id", whose),))


def existence(app: App, request: str) -> Trial:
    """The question whether there are data of a type that the granted scopes leave out."""
    return app.once(f"whether a {request} tells of another type", lambda: _existence(app, request))


def _existence(app: App, request: str) -> Trial:
    inside, outside = sample(app), sample(app, 1)
    grant = covering(app, [scope(app, inside.type, "rs")])
    require_uncovered(grant, outside.type, "s" if "search" in request else "r")
    require_works(app, grant, inside, "rs")
    nobody = f"conformance-{secrets.token_hex(8)}"
    made_up = Sample({"resourceType": outside.type, "id": nobody}, tuple((k, nobody if k == "patient" else v) for k, v in outside.query))
    return asked_whether(app, request, outside, made_up, app.grant(), grant)


@dataclass(frozen=True)
class Inclusion:
    """A search that may take in another type: the type searched, the type taken in, which resources of it, and the request."""

    kind: str
    target: str
    query: Query
    ids: frozenset[str] = frozenset()


def _included_by_reference(app: App) -> Iterator[Inclusion]:
    own_user = fhir_user(app)
    for kind, matches in samples(app).items():
        for parameter, element in REFERENCES.get(kind, ()):
            references = [r for m in matches for r in references_in(m.resource.get(element)) if r != own_user]
            for target in dict.fromkeys(r.partition("/")[0] for r in references):
                ids = frozenset(r.partition("/")[2] for r in references if r.startswith(f"{target}/"))
                yield Inclusion(kind, target, (*matches[0].query, ("_include", f"{kind}:{parameter}")), ids)


def _included_again(app: App) -> Iterator[Inclusion]:
    for plan in _included_by_reference(app):
        yield replace(plan, query=tuple(("_include:iterate" if k == "_include" else k, v) for k, v in plan.query))


def _included_everything(app: App) -> Iterator[Inclusion]:
    for plan in _included_by_reference(app):
        yield replace(plan, query=tuple((k, f"{plan.kind}:*") if k == "_include" else (k, v) for k, v in plan.query))


def _included_in_reverse(app: App) -> Iterator[Inclusion]:
    for kind in samples(app):
        yield Inclusion("Patient", kind, (("_id", patient(app)), ("_revinclude", f"{kind}:patient")))


INCLUSIONS: Mapping[str, Callable[[App], Iterator[Inclusion]]] = {
    "search with _include": _included_by_reference,
    "search with _include:iterate": _included_again,
    "search with _include of everything": _included_everything,
    "search with _revinclude": _included_in_reverse,
    "search by POST with _include": _included_by_reference,
    "search by POST with _revinclude": _included_in_reverse,
    "batch of a search with _include": _included_by_reference,
    "batch of a search with _revinclude": _included_in_reverse,
}
"""Searches that take in other types, by the words of the features."""


def _asked_to_include(fhir: Fhir, interaction: str, plan: Inclusion, token: str) -> Exchange:
    """The search of a plan in the form that the words name."""
    if interaction.startswith("search by POST"):
        return fhir.search_by_post(plan.kind, plan.query, token)
    if interaction.startswith("batch"):
        entry = {"request": {"method": "GET", "url": f"{plan.kind}?{urlencode(plan.query)}"}}
        return fhir.send("POST", "", token, resource={"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    return fhir.search(plan.kind, plan.query, token)


def included(app: App, interaction: str) -> Trial:
    """A search that asks for resources of a type beside its matches which the granted scopes leave out."""
    return app.once(f"{interaction} of another type", lambda: _included(app, interaction))


def _included(app: App, interaction: str) -> Trial:
    own, reasons, fhir = app.grant().access_token, [], app.engine.fhir
    for plan in INCLUSIONS[interaction](app):
        twin = _asked_to_include(fhir, interaction, plan, own)
        answered(twin)
        seen = frozenset(str(r.get("id")) for r in disclosed(twin, plan.target))
        seen = seen & plan.ids if plan.ids else seen
        if not seen or plan.target == plan.kind:
            reasons.append(f"{interaction} from {plan.kind} to {plan.target} brings none: {describe(twin.answer)}")
            continue
        grant = covering(app, [scope(app, plan.kind, "rs")])
        if any(covers(grant.granted, plan.target, letter) for letter in "rs"):
            reasons.append(f"the server granted {plan.target} too")
            continue
        if disclosed(fhir.read(f"{plan.target}/{min(seen)}", grant.access_token), plan.target):
            reasons.append(f"{plan.target} is open to a token without a scope on it")
            continue
        exchange = _asked_to_include(fhir, interaction, plan, grant.access_token)
        answered(exchange)
        if not disclosed(exchange, plan.kind):
            raise NotApplicable(f"the search with {interaction.rsplit(maxsplit=1)[-1]} is refused as a whole: {describe(exchange.answer)}")
        return Trial(interaction, plan.target, exchange, tuple(grant.granted), twin, seen)
    raise NotApplicable("; ".join(reasons) or "no type with data refers to another one that the app may see")


# -- what several scopes do not give together ---------------------------------------------------------------------------------


def crossed(app: App) -> list[Trial]:
    """The search of a type under ``r`` and the read of one under ``s``: each letter was granted, for the other type."""
    return app.once("letters of two types crossed", lambda: _crossed(app))


def _crossed(app: App) -> list[Trial]:
    first, second = sample(app), sample(app, 1)
    grant = covering(app, [scope(app, first.type, "r", in_version=2), scope(app, second.type, "s", in_version=2)])
    require_uncovered(grant, first.type, "s")
    require_uncovered(grant, second.type, "r")
    require_works(app, grant, first, "r")
    trials = []
    for word, one in (("search", first), ("read", second)):
        twin = twin_of(app, word, one, app.grant().access_token)
        exchange = tried_in_vain(app, word, one, grant.access_token)
        trials.append(Trial(word, one.type, exchange, tuple(grant.granted), twin, frozenset({one.id})))
    return trials


LONGER: Mapping[str, str] = {
    "PractitionerRole": "Practitioner",
    "MedicationRequest": "Medication",
    "MedicationStatement": "Medication",
    "MedicationDispense": "Medication",
    "MedicationAdministration": "Medication",
    "OrganizationAffiliation": "Organization",
}
"""Types whose names begin with that of another type."""


def longer_type(app: App) -> Trial:
    """A search of a type under a scope for the type whose name is the beginning of its name."""
    return app.once("a type with a longer name", lambda: _longer_type(app))


def _longer_type(app: App) -> Trial:
    fhir, reasons = app.engine.fhir, list[str]()
    narrow = covering(app, [scope(app, sample(app).type, "rs")])
    for kind, beginning in LONGER.items():
        query = [("patient", patient(app))] if kind.startswith("Medication") else [("_count", "5")]
        if covers(narrow.granted, kind, "s") or disclosed(fhir.search(kind, query, app.tokens.current(narrow.access_token)), kind):
            reasons.append(f"{kind} is open to a token without a scope on it")
            continue
        at = "patient" if kind.startswith("Medication") else "user"
        try:
            may = covering(app, [scope(app, kind, "rs", at)])
            twin = fhir.search(kind, query, app.tokens.current(may.access_token))
            if not disclosed(twin, kind):
                reasons.append(f"the app finds no {kind}: {describe(twin.answer)}")
                continue
            grant = covering(app, [scope(app, beginning, "rs", at)])
        except NotApplicable as exc:
            reasons.append(str(exc))
            continue
        require_uncovered(grant, kind, "s")
        exchange = fhir.search(kind, query, app.tokens.current(grant.access_token))
        answered(exchange)
        return Trial("search", kind, exchange, tuple(grant.granted), twin)
    raise NotApplicable("; ".join(dict.fromkeys(reasons)))


# -- several scopes together --------------------------------------------------------------------------------------------------


Part = tuple[str, Sample, str]
"""A request, what it is for, and the scope that allows it alone; an empty scope stands for the app's own grant."""


def _two_letters(app: App) -> tuple[list[str], list[Part]]:
    first = sample(app)
    reading, searching = (scope(app, first.type, letter, in_version=2) for letter in "rs")
    return [reading, searching], [("read", first, reading), ("search", first, searching)]


def _two_types(app: App) -> tuple[list[str], list[Part]]:
    both = (sample(app), sample(app, 1))
    scopes = [scope(app, one.type, "rs") for one in both]
    return scopes, [(word, one, alone) for one, alone in zip(both, scopes, strict=True) for word in ("read", "search")]


def _two_categories(app: App) -> tuple[list[str], list[Part]]:
    both = categories.two_categories(app)
    categories.require_one_works(app)
    return [categories.scope_of(app, one) for one in both], [(word, one, "") for one in both for word in ("read", "search")]


def _two_versions(app: App) -> tuple[list[str], list[Part]]:
    """One type in each version; what counts is the pair, so each part is held against the app's own grant."""
    one, other = sample(app), sample(app, 1)
    scopes = [scope(app, one.type, "rs", in_version=1), scope(app, other.type, "rs", in_version=2)]
    return scopes, [(word, each, "") for each in (one, other) for word in ("read", "search")]


def _one_scope_twice(app: App) -> tuple[list[str], list[Part]]:
    one = scope(app, sample(app).type, "rs")
    return [one, one], [(word, sample(app), one) for word in ("read", "search")]


def _wildcard_and_category(app: App) -> tuple[list[str], list[Part]]:
    inside, outside = categories.two_categories(app)
    scopes = [scope(app, "*", "rs"), categories.scope_of(app, inside)]
    return scopes, [(word, each, "") for each in (inside, outside) for word in ("read", "search")]


UNIONS: Mapping[str, Callable[[App], tuple[list[str], list[Part]]]] = {
    "two letters": _two_letters,
    "two types": _two_types,
    "two categories": _two_categories,
    "two versions": _two_versions,
    "a scope twice": _one_scope_twice,
    "a wildcard and a category": _wildcard_and_category,
}
"""Scopes granted together, by the words of the features: the scopes, and what each of them allows."""


def union(app: App, form: str) -> list[Trial]:
    """What several scopes allow together: two letters of one type, two types, or two categories."""
    return app.once(f"union of {form}", lambda: _union(app, form))


def _union(app: App, form: str) -> list[Trial]:
    sample(app)
    scopes, parts = UNIONS[form](app)
    twins = [twin_of(app, word, one, (covering(app, [alone]) if alone else app.grant()).access_token) for word, one, alone in parts]
    grant = covering(app, scopes)  # the last login: a server may end a user's earlier tokens at each
    trials = []
    for (word, one, _), twin in zip(parts, twins, strict=True):
        exchange = tried(app, word, one, grant.access_token)
        trials.append(Trial(word, one.type, exchange, tuple(grant.granted), twin, frozenset({one.id})))
    return trials


def wildcard(app: App) -> list[Trial]:
    """Reads and searches of every type with data under a wildcard scope alone."""
    return app.once("wildcard", lambda: _wildcard(app))


def _wildcard(app: App) -> list[Trial]:
    found = samples(app)
    if not found:
        raise NotApplicable("no type with data of the patient can be read and searched with the app's own grant")
    grant = granted(app, [scope(app, "*", "rs")])
    if not any(p is not None and p.resource == "*" for p in map(words.parse, grant.granted)):
        none = NotApplicable(f"the server grants no wildcard scope; it grants {' '.join(grant.granted) or 'nothing'}")
        raise unless_asked(app, none, scope(app, "*", "rs"))
    trials = []
    for kind, matches in found.items():
        for word in ("read", "search"):
            if covers(grant.granted, kind, letter_of(word)):
                twin = twin_of(app, word, matches[0], app.grant().access_token)
                exchange = tried(app, word, matches[0], grant.access_token)
                trials.append(Trial(word, kind, exchange, tuple(grant.granted), twin, frozenset({matches[0].id})))
    return [*trials, *_further_under(app, grant, set(found))]


def _further_under(app: App, wide: Grant, known: set[str]) -> list[Trial]:
    """Searches of further types under a wildcard scope, of which scopes that name them find something."""
    try:
        named = granted(app, [scope(app, kind, "rs") for kind in kinds(app)])
    except NotApplicable:
        return []
    trials = list[Trial]()
    further = [one for one in kinds(app) if one not in known and covers(named.granted, one, "s") and covers(wide.granted, one, "s")]
    for kind in further[:MOST_TYPES]:
        twin, query = search(app, kind, patient(app), app.tokens.current(named.access_token))
        ids = frozenset(str(one.get("id")) for one in disclosed(twin, kind))
        if ids:
            exchange = app.engine.fhir.search(kind, query, app.tokens.current(wide.access_token))
            answered(exchange)
            trials.append(Trial("search", kind, exchange, tuple(wide.granted), twin, ids))
    return trials
