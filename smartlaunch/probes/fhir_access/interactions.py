"""Scopes put to the test: what their letters and types allow, and what they leave out.

Each probe that has to be refused has a twin, the same request with a token whose scopes cover it; without the twin's success a refusal
proves nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from smartlaunch.checks.fhir_access import disclosed
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.fhir import describe
from smartlaunch.oauth import scopes as words
from smartlaunch.probes.fhir_access import categories
from smartlaunch.probes.fhir_access.grants import covering, covers, granted, require_uncovered, scope
from smartlaunch.probes.fhir_access.patients import OF_THE_PERSON, asked_whether
from smartlaunch.probes.fhir_access.requests import NEXT_PAGE, WRITES, Trial, letter_of, next_page, send, tried, tried_in_vain, twin_of
from smartlaunch.probes.fhir_access.samples import Query, Sample, fhir_user, patient, references_in, sample, samples
from smartlaunch.probes.fhir_access.writing import written_under

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Grant

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
        _require_works(app, grant, inside, letters)
    exchange = (tried_in_vain if forbidden else tried)(app, interaction, inside, grant.access_token)
    return Trial(interaction, inside.type, exchange, tuple(grant.granted), twin, frozenset({inside.id}))


def _require_works(app: App, grant: Grant, inside: Sample, letters: str) -> None:
    """The narrow token works for what it was granted, else its refusals prove nothing; for writes their own scenario shows it."""
    word = "read" if "r" in letters else "search" if "s" in letters else ""
    if not word:
        return
    key = f"works {' '.join(grant.granted)} {grant.expires_at}"
    exchange = app.once(key, lambda: send(app, word, inside, grant.access_token))
    if not disclosed(exchange, inside.type):
        raise TwinFailed(f"the token does not work for what it was granted ({' '.join(grant.granted)}): {describe(answered(exchange))}")


# -- types --------------------------------------------------------------------------------------------------------------------


def other_type(app: App, interaction: str) -> Trial:
    """An interaction with a type that the granted scopes leave out."""
    return app.once(f"{interaction} of another type", lambda: _other_type(app, interaction))


def _other_type(app: App, interaction: str) -> Trial:
    inside = sample(app)
    outside = _person(app) if interaction in OF_THE_PERSON else sample(app, 1)
    if interaction == NEXT_PAGE:
        outside = replace(outside, link=next_page(app.engine.fhir, outside, app.grant().access_token))
    twin = twin_of(app, interaction, outside, app.grant().access_token)
    # The operation needs the patient's own resource; what is judged is what comes along with it.
    beside = [scope(app, "Patient", "rs")] if interaction == "operation $everything" else []
    grant = covering(app, [*beside, scope(app, inside.type, "rs")])
    require_uncovered(grant, outside.type, letter_of(interaction))
    _require_works(app, grant, inside, "rs")
    exchange = tried_in_vain(app, interaction, outside, grant.access_token)
    return Trial(interaction, outside.type, exchange, tuple(grant.granted), twin, frozenset({outside.id}))


def _person(app: App) -> Sample:
    """The patient's own resource; ``NotApplicable`` where it is that of the signed-in user, which ``fhirUser`` may open."""
    whose = patient(app)
    if fhir_user(app) == f"Patient/{whose}":
        raise NotApplicable("the signed-in user is the patient, whose own resource the scope fhirUser may open")
    exchange = app.engine.fhir.read(f"Patient/{whose}", app.grant().access_token)
    found = next(iter(disclosed(exchange, "Patient")), None)
    if found is None:
        raise NotApplicable(f"the app's own grant does not read the patient: {describe(answered(exchange))}")
    return Sample(found, (("_id", whose),))


def existence(app: App, request: str) -> Trial:
    """The question whether there are data of a type that the granted scopes leave out."""
    return app.once(f"{request} of another type", lambda: _existence(app, request))


def _existence(app: App, request: str) -> Trial:
    inside, outside = sample(app), sample(app, 1)
    grant = covering(app, [scope(app, inside.type, "rs")])
    require_uncovered(grant, outside.type, "s" if "search" in request else "r")
    _require_works(app, grant, inside, "rs")
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


def _included_in_reverse(app: App) -> Iterator[Inclusion]:
    for kind in samples(app):
        yield Inclusion("Patient", kind, (("_id", patient(app)), ("_revinclude", f"{kind}:patient")))


INCLUSIONS: Mapping[str, Callable[[App], Iterator[Inclusion]]] = {
    "search with _include": _included_by_reference,
    "search with _revinclude": _included_in_reverse,
}
"""Searches that take in other types, by the words of the features."""


def included(app: App, interaction: str) -> Trial:
    """A search that asks for resources of a type beside its matches which the granted scopes leave out."""
    return app.once(f"{interaction} of another type", lambda: _included(app, interaction))


def _included(app: App, interaction: str) -> Trial:
    own, reasons, fhir = app.grant().access_token, [], app.engine.fhir
    for plan in INCLUSIONS[interaction](app):
        twin = fhir.search(plan.kind, plan.query, own)
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
        exchange = fhir.search(plan.kind, plan.query, grant.access_token)
        answered(exchange)
        if not disclosed(exchange, plan.kind):
            raise NotApplicable(f"the search with {interaction.rsplit(maxsplit=1)[-1]} is refused as a whole: {describe(exchange.answer)}")
        return Trial(interaction, plan.target, exchange, tuple(grant.granted), twin, seen)
    raise NotApplicable("; ".join(reasons) or "no type with data refers to another one that the app may see")


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
        raise NotApplicable(f"the server grants no wildcard scope; it grants {' '.join(grant.granted) or 'nothing'}")
    trials = []
    for kind, matches in found.items():
        for word in ("read", "search"):
            if covers(grant.granted, kind, letter_of(word)):
                twin = twin_of(app, word, matches[0], app.grant().access_token)
                exchange = tried(app, word, matches[0], grant.access_token)
                trials.append(Trial(word, kind, exchange, tuple(grant.granted), twin, frozenset({matches[0].id})))
    return trials
