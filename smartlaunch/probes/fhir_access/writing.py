"""What the suite writes where the target file allows it: resources of its own, which it deletes at the end of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smartlaunch.checks.fhir_answer import belongs_to, disclosed, done
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.fhir import describe
from smartlaunch.probes import revocation
from smartlaunch.probes.fhir_access.grants import covering, covers, require_patient_level, require_uncovered, scope
from smartlaunch.probes.fhir_access.offered import described, offers
from smartlaunch.probes.fhir_access.requests import Trial, letter_of
from smartlaunch.probes.fhir_access.samples import Sample, other_patient, patient, sample
from smartlaunch.probes.fhir_access.writes import (
    BODIES,
    BY_SEARCH,
    BY_URL,
    BY_VERSION,
    FURTHER_SENT,
    NEW_ID,
    ON_A_CONDITION,
    SENT,
    Written,
    body,
    fhirpath,
    json_patch,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Grant
    from smartlaunch.exchange import Exchange

OF_ANOTHER_PATIENT = (
    *("create", "update", "patch", "delete", NEW_ID, "conditional update", "conditional delete"),
    *(BY_URL, ON_A_CONDITION, BY_VERSION),
    *FURTHER_SENT,
)
"""Writes that are put for a patient other than the one in context."""

FURTHER_MOVES: Mapping[str, str] = {
    "patch of the whole subject that moves it": "patch",
    "FHIRPath patch that moves it": "FHIRPath patch",
    "update by an absolute reference that moves it": "update",
    "update with If-Match that moves it": "update with If-Match",
    "conditional update that moves it": "conditional update",
    "batch with an update that moves it": "batch with an update",
    "transaction with an update that moves it": "transaction with an update",
}
"""Rarer forms of such a write, which are put together."""

MOVES: Mapping[str, str] = {"update that moves it": "update", "patch that moves it": "patch", **FURTHER_MOVES}
"""Writes of a resource of the patient in context that give it to another patient, with the same write that does not."""


def kind_to_write(app: App) -> str:
    """The type to write: that of the patient's data where the suite has a body for it."""
    found = sample(app).type
    kind = found if found in BODIES else next(iter(BODIES))
    if not offers(app, kind, "create"):
        raise NotApplicable(f"the CapabilityStatement offers no create of {kind}")
    return kind


def _writer(app: App, kind: str, whose: str) -> Grant:
    """A grant that may do everything with a type of one patient's data."""
    return covering(app, [scope(app, kind, "cruds", "patient")], patient="" if whose == patient(app) else whose)


def created_own(app: App, kind: str, whose: str, headers: Mapping[str, str] | None = None) -> tuple[Exchange, Sample]:
    """A resource of the suite's own, created with a token that may."""
    writer = _writer(app, kind, whose)
    exchange = app.engine.fhir.send("POST", kind, writer.access_token, resource=body(kind, whose), headers=headers)
    answered(exchange)
    made = remember(app, exchange, writer)
    if made is None:
        raise NotApplicable(f"the server does not let the app create a {kind} of its own: {describe(exchange.answer)}")
    if made.resource.keys() <= {"resourceType", "id"}:
        made = _read_back(app, made, writer)
    return exchange, made


def _read_back(app: App, made: Sample, writer: Grant) -> Sample:
    """What a create has made whose answer had no body: without Prefer, that is the choice of the server."""
    read = app.engine.fhir.read(made.reference, app.tokens.current(writer.access_token))
    found = next((one for one in disclosed(read) if one.get("id") == made.id), None)
    return made if found is None else Sample(found)


# -- what is left behind ------------------------------------------------------------------------------------------------------


def _left_behind(app: App) -> list[tuple[str, Grant]]:
    return app.once("resources that the suite wrote", list[tuple[str, "Grant"]])


def remember(app: App, exchange: Exchange, grant: Grant) -> Sample | None:
    """The resource that a create made, to be deleted at the end; None when none was made."""
    if not done(exchange):
        return None
    found = next(iter(disclosed(exchange)), None)
    if found is None or not found.get("id"):
        location = exchange.answer.header("location") or _location_of_entry(exchange)
        parts = [p for p in location.split("/_history")[0].split("/") if p]
        if len(parts) < 2:
            return None
        found = {"resourceType": parts[-2], "id": parts[-1]}
    made = Sample(found)
    _left_behind(app).append((made.reference, grant))
    return made


def _location_of_entry(exchange: Exchange) -> str:
    """Where the first entry of a batch says that its resource is, or an empty string."""
    entries = exchange.answer.object.get("entry")
    answers = [e.get("response") for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    return next((str(a["location"]) for a in answers if isinstance(a, dict) and a.get("location")), "")


def clean_up(app: App) -> None:
    """Delete what the suite wrote; what cannot be deleted stays, the run's exchanges name it."""
    left = _left_behind(app)
    for reference, grant in left:
        app.engine.fhir.send("DELETE", reference, grant.access_token)
    left.clear()


# -- writes -------------------------------------------------------------------------------------------------------------------


def write(app: App, interaction: str, kind: str, own: Sample, whose: str, token: str | None) -> Exchange:
    """The write that the words name, of a resource that the suite made."""
    return SENT[interaction][1](app.engine.fhir, Written(own, body(kind, whose), whose), app.tokens.current(token) if token else None)


def makes_one(interaction: str) -> bool:
    """Whether a write leaves a new resource behind."""
    return letter_of(interaction) == "c" or interaction.endswith("update of a new id")


def written_under(app: App, letters: str, interaction: str, *, in_version: int, forbidden: bool = False) -> Trial:
    """A write under the scope with these letters alone, which allows it or, where it is forbidden, does not."""
    kind = kind_to_write(app)
    grant = covering(app, [scope(app, kind, letters, "patient", in_version)])
    letter = letter_of(interaction)
    if forbidden:
        require_uncovered(grant, kind, letter)
    elif not covers(grant.granted, kind, letter):
        raise NotApplicable(f"the server does not grant {letter} of {kind}; it grants {' '.join(grant.granted)}")
    whose = patient(app)
    twin, own = _twin(app, interaction, kind, whose)
    exchange = write(app, interaction, kind, own, whose, grant.access_token)
    if makes_one(interaction):
        remember(app, exchange, _writer(app, kind, whose))
    answered(exchange)
    undone = may_find_nothing(interaction) and forbidden and _there(app, own, _writer(app, kind, whose).access_token)
    _spend(app, exchange, own)
    return Trial(interaction, kind, exchange, tuple(grant.granted), twin, frozenset({own.id}), undone=undone)


def _twin(app: App, interaction: str, kind: str, whose: str) -> tuple[Exchange, Sample]:
    """The same write with a token that may, of another resource of the suite's own; and the resource for the trial."""
    twin = app.once(f"twin {interaction} of {kind} for {whose}", lambda: _written_right(app, interaction, kind, whose))
    return twin, _spare(app, kind, whose)


def _spares(app: App) -> dict[tuple[str, str], Sample]:
    return app.once("resources that no write has reached", dict[tuple[str, str], Sample])


def _spare(app: App, kind: str, whose: str) -> Sample:
    """A resource of the suite's own that is as it was made; one serves every write that is refused."""
    kept = _spares(app)
    if (kind, whose) not in kept:
        kept[(kind, whose)] = created_own(app, kind, whose)[1]
    return kept[(kind, whose)]


def _spend(app: App, exchange: Exchange, own: Sample) -> None:
    """Put a resource aside that a write has reached, or may have."""
    if not 400 <= exchange.answer.status < 500:
        kept = _spares(app)
        for key in [key for key, one in kept.items() if one.id == own.id]:
            del kept[key]


def may_find_nothing(interaction: str) -> bool:
    """Whether a write that finds nothing may be answered with success: one that names what it deletes by a search, or in a batch."""
    return letter_of(interaction) == "d" and interaction != "delete"


def _written_right(app: App, interaction: str, kind: str, whose: str) -> Exchange:
    if interaction == "create":
        return created_own(app, kind, whose)[0]
    writer = _writer(app, kind, whose)
    _, spare = created_own(app, kind, whose)
    twin = write(app, interaction, kind, spare, whose, writer.access_token)
    answered(twin)
    made = remember(app, twin, writer) if makes_one(interaction) else None
    bundled = interaction.startswith(("batch", "transaction"))
    if not done(twin) or (bundled and twin.answer.object.get("resourceType") != "Bundle"):
        raise NotApplicable(f"the server does not offer the {interaction} of {kind} to a token that covers it: {describe(twin.answer)}")
    if interaction == BY_SEARCH:
        about = app.engine.fhir.read(made.reference, writer.access_token) if made is not None else None
        if about is None or not any(whose in belongs_to(one) for one in disclosed(about, kind)):
            raise NotApplicable("the server does not follow a reference by a search")
    return twin


def written_for_another(app: App, interaction: str) -> Trial:
    """A write for another patient under ``patient/`` scopes; the same under that patient's own token has to succeed."""
    kind, other = kind_to_write(app), other_patient(app)
    grant = _writer(app, kind, patient(app))
    require_patient_level(grant, kind)
    theirs = _writer(app, kind, other)
    if theirs.token.patient != other:
        raise NotApplicable(f"no login brings the patient {other} into context")
    twin, own = _twin(app, interaction, kind, other)
    exchange = write(app, interaction, kind, own, other, grant.access_token)
    if makes_one(interaction):
        remember(app, exchange, theirs)
    answered(exchange)
    undone = may_find_nothing(interaction) and _there(app, own, theirs.access_token)
    _spend(app, exchange, own)
    return Trial(interaction, kind, exchange, tuple(grant.granted), twin, frozenset({own.id}), undone=undone)


def moved(app: App, interaction: str) -> Trial:
    """A write that gives a resource of the patient in context to another patient; the same write that leaves it there has to succeed."""
    kind, whose, other = kind_to_write(app), patient(app), other_patient(app)
    grant = _writer(app, kind, whose)
    require_patient_level(grant, kind)
    _, own = created_own(app, kind, whose)
    twin = write(app, MOVES[interaction], kind, own, whose, grant.access_token)
    answered(twin)
    if not done(twin):
        raise NotApplicable(f"the server does not offer the {MOVES[interaction]} of {kind}: {describe(twin.answer)}")
    exchange = _move(app, interaction, kind, own, other, grant.access_token)
    if done(exchange):
        _left_behind(app).append((own.reference, _writer(app, kind, other)))
    answered(exchange)
    return Trial(interaction, kind, exchange, tuple(grant.granted), twin, frozenset({own.id}))


def _move(app: App, interaction: str, kind: str, own: Sample, other: str, token: str) -> Exchange:
    """The write that gives a resource to another patient."""
    fhir, about = app.engine.fhir, {"reference": f"Patient/{other}"}
    match interaction:
        case "patch that moves it" | "patch of the whole subject that moves it":
            whole = "whole" in interaction
            value, path = (about, "/subject") if whole else (about["reference"], "/subject/reference")
            patch = [{"op": "replace", "path": path, "value": value}]
            return json_patch(fhir, own.reference, token, patch)
        case "FHIRPath patch that moves it":
            to = [{"name": "type", "valueCode": "replace"}, {"name": "path", "valueString": f"{kind}.subject"}]
            return fhir.send("PATCH", own.reference, token, resource=fhirpath([*to, {"name": "value", "valueReference": about}]))
        case "update by an absolute reference that moves it":
            moved_to = {**body(kind, other), "id": own.id, "subject": {"reference": f"{fhir.base_url}/Patient/{other}"}}
            return fhir.send("PUT", own.reference, token, resource=moved_to)
        case "update with If-Match that moves it":
            # The write before has made a version of its own.
            own = Sample(app.engine.fhir.read(own.reference, token).answer.object)
    return write(app, MOVES[interaction], kind, own, other, token)


def _there(app: App, own: Sample, token: str) -> bool:
    """Whether a resource is still what the suite wrote: a delete that found nothing may be answered with success."""
    read = app.engine.fhir.read(own.reference, app.tokens.current(token))
    return bool(disclosed(read, own.type))


def written_beyond(app: App, interaction: str, kind: str, grant: Grant) -> Trial:
    """A write of the suite's own resource about the patient, under a grant that does not reach it; another token's write succeeds."""
    twin, own = _twin(app, interaction, kind, patient(app))
    exchange = write(app, interaction, kind, own, patient(app), grant.access_token)
    if makes_one(interaction):
        remember(app, exchange, _writer(app, kind, patient(app)))
    answered(exchange)
    undone = may_find_nothing(interaction) and _there(app, own, _writer(app, kind, patient(app)).access_token)
    _spend(app, exchange, own)
    return Trial(interaction, kind, exchange, tuple(grant.granted), twin, frozenset({own.id}), undone=undone)


WITHOUT_TOKEN = ("create", "update", "delete", "patch", "conditional update", "conditional delete", *FURTHER_SENT)
"""Writes that are tried without any token."""


def without_token(app: App, interaction: str) -> Trial:
    """A write without a token; the same with one has to succeed."""
    kind, whose = kind_to_write(app), patient(app)
    twin, own = _twin(app, interaction, kind, whose)
    exchange = write(app, interaction, kind, own, whose, None)
    if makes_one(interaction):
        remember(app, exchange, _writer(app, kind, whose))
    answered(exchange)
    undone = may_find_nothing(interaction) and _there(app, own, _writer(app, kind, whose).access_token)
    _spend(app, exchange, own)
    return Trial(interaction, kind, exchange, (), twin, frozenset({own.id}), undone=undone)


def with_revoked_token(app: App) -> list[Trial]:
    """A create and an update with an access token that has made a resource before it was revoked."""
    return app.once("writes with a revoked token", lambda: _with_revoked_token(app))


def _with_revoked_token(app: App) -> list[Trial]:
    revocation.endpoint(app)
    kind, whose = kind_to_write(app), patient(app)
    writer = _writer(app, kind, whose)
    dying = app.fresh_grant(scope=writer.authorization.request.scopes)
    made = write(app, "create", kind, _spare(app, kind, whose), whose, dying.access_token)
    if remember(app, made, writer) is None:
        raise NotApplicable(f"the server does not offer the create of {kind} to a token that covers it: {describe(answered(made))}")
    answer = answered(revocation.revoke(app, dying.access_token, hint="access_token"))
    app.tokens.suspect()
    if not 200 <= answer.status < 300 or 200 <= revocation.read_until_refused(app, dying).answer.status < 300:
        raise NotApplicable("no access token could be revoked; the scenarios on revocation judge that")
    trials = list[Trial]()
    for interaction in ("create", "update"):
        own = _spare(app, kind, whose)
        exchange = write(app, interaction, kind, own, whose, dying.access_token)
        if makes_one(interaction):
            remember(app, exchange, writer)
        answered(exchange)
        _spend(app, exchange, own)
        trials.append(Trial(interaction, kind, exchange, (), made, frozenset({own.id})))
    return trials


def found_of_another(app: App) -> Trial:
    """A create about the patient on the condition that no resource has the identifier of one of another patient."""
    kind, other = kind_to_write(app), other_patient(app)
    grant, theirs = _writer(app, kind, patient(app)), _writer(app, kind, other)
    require_patient_level(grant, kind)
    if theirs.token.patient != other:
        raise NotApplicable(f"no login brings the patient {other} into context")
    _, own = created_own(app, kind, other)
    headers = {"If-None-Exist": Written(own, body(kind, other), other).condition}
    twin = app.engine.fhir.send("POST", kind, app.tokens.current(theirs.access_token), resource=body(kind, other), headers=headers)
    answered(twin)
    if own.id not in {str(one.get("id")) for one in disclosed(twin, kind)}:
        remember(app, twin, theirs)
        raise NotApplicable(f"the server does not look at If-None-Exist: {describe(twin.answer)}")
    token = app.tokens.current(grant.access_token)
    exchange = app.engine.fhir.send("POST", kind, token, resource=body(kind, patient(app)), headers=headers)
    answered(exchange)
    if own.id not in {str(one.get("id")) for one in disclosed(exchange, kind)}:
        remember(app, exchange, grant)
    return Trial("conditional create", kind, exchange, tuple(grant.granted), twin, frozenset({other}))


def updated_new(app: App) -> Trial:
    """An update that creates a resource, under the update scope alone, where the server says that updates may create."""
    kind = kind_to_write(app)
    stated = described(app, kind) or {}
    if stated.get("updateCreate") is False:
        raise NotApplicable(f"the CapabilityStatement says that an update does not create a {kind}")
    return written_under(app, "u", "update of a new id", in_version=2)


def created(app: App) -> Exchange:
    """A create by a token that may."""
    return created_own(app, kind_to_write(app), patient(app))[0]


def deleted_read(app: App) -> Exchange:
    """A read of a resource that the suite made and deleted."""
    kind, whose = kind_to_write(app), patient(app)
    _, own = created_own(app, kind, whose)
    token = _writer(app, kind, whose).access_token
    gone = write(app, "delete", kind, own, whose, token)
    if not done(gone):
        raise NotApplicable(f"the server does not let the app delete a {kind}: {describe(gone.answer, gone.error)}")
    exchange = app.engine.fhir.read(own.reference, token)
    answered(exchange)
    return exchange
