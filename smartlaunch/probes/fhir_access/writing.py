"""What the suite writes where the target file allows it: resources of its own, which it deletes at the end of the run."""

from __future__ import annotations

import itertools
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from smartlaunch.checks.fhir_answer import disclosed, done
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.fhir import describe
from smartlaunch.probes.fhir_access.grants import covering, covers, require_patient_level, require_uncovered, scope
from smartlaunch.probes.fhir_access.offered import described, offers
from smartlaunch.probes.fhir_access.requests import Trial, letter_of
from smartlaunch.probes.fhir_access.samples import Sample, other_patient, patient, sample

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Grant
    from smartlaunch.exchange import Exchange

BODIES: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "Observation": (
        {
            "status": "final",
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
            "effectiveDateTime": "2020-02-02T02:02:02Z",
            "valueQuantity": {"value": 61, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
        },
        [{"op": "replace", "path": "/status", "value": "amended"}],
    ),
    "Condition": (
        {
            "clinicalStatus": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "resolved"}],
            },
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}]}],
            "code": {"text": "Conformance test, to be deleted"},
        },
        [{"op": "add", "path": "/recordedDate", "value": "2020-02-02"}],
    ),
}
"""What the suite writes where it may: the body without its patient, and a patch of it."""

_NUMBERS = itertools.count(1)

NEW_ID = "update of a new id"

BY_URL = "create with an absolute reference"
ON_A_CONDITION = "create on a condition"
BY_VERSION = "update with If-Match"

OF_ANOTHER_PATIENT = (
    *("create", "update", "patch", "delete", NEW_ID, "conditional update", "conditional delete"),
    *(BY_URL, ON_A_CONDITION, BY_VERSION),
)
"""Writes that are put for a patient other than the one in context."""

MOVES = {"update that moves it": "update", "patch that moves it": "patch"}
"""Writes of a resource of the patient in context that give it to another patient, with the same write that does not."""

_PATCH_TYPE = "application/json-patch+json"


def kind_to_write(app: App) -> str:
    """The type to write: that of the patient's data where the suite has a body for it."""
    found = sample(app).type
    kind = found if found in BODIES else next(iter(BODIES))
    if not offers(app, kind, "create"):
        raise NotApplicable(f"the CapabilityStatement offers no create of {kind}")
    return kind


def body(kind: str, whose: str) -> dict[str, Any]:
    """A resource of the suite's own about a patient, none like another: a server may refuse or merge what it takes for a duplicate."""
    number = next(_NUMBERS)
    moment = f"2020-02-02T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    named = {"system": "urn:smart-launch-conformance", "value": secrets.token_hex(8)}
    made = {"resourceType": kind, **BODIES[kind][0], "identifier": [named], "subject": {"reference": f"Patient/{whose}"}}
    if kind == "Observation":
        made |= {"effectiveDateTime": moment, "valueQuantity": {**made["valueQuantity"], "value": 60 + number % 40}}
    else:
        made |= {"code": {"text": f"Conformance test {number}, to be deleted"}, "onsetDateTime": moment}
    return made


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
    return exchange, made


# -- what is left behind ------------------------------------------------------------------------------------------------------


def _left_behind(app: App) -> list[tuple[str, Grant]]:
    return app.once("resources that the suite wrote", list[tuple[str, "Grant"]])


def remember(app: App, exchange: Exchange, grant: Grant) -> Sample | None:
    """The resource that a create made, to be deleted at the end; None when none was made."""
    if not done(exchange):
        return None
    found = next(iter(disclosed(exchange)), None)
    if found is None or not found.get("id"):
        location = exchange.answer.header("location") or ""
        parts = [p for p in location.split("/_history")[0].split("/") if p]
        if len(parts) < 2:
            return None
        found = {"resourceType": parts[-2], "id": parts[-1]}
    made = Sample(found)
    _left_behind(app).append((made.reference, grant))
    return made


def clean_up(app: App) -> None:
    """Delete what the suite wrote; what cannot be deleted stays, the run's exchanges name it."""
    left = _left_behind(app)
    for reference, grant in left:
        app.engine.fhir.send("DELETE", reference, grant.access_token)
    left.clear()


# -- writes -------------------------------------------------------------------------------------------------------------------


def write(app: App, interaction: str, kind: str, own: Sample, whose: str, token: str | None) -> Exchange:
    """The write that the words name, of a resource that the suite made."""
    fhir, resource, token = app.engine.fhir, body(kind, whose), app.tokens.current(token) if token else None
    match interaction:
        case "create":
            return fhir.send("POST", kind, token, resource=resource)
        case "create with an absolute reference":
            about = {"reference": f"{fhir.base_url}/Patient/{whose}"}
            return fhir.send("POST", kind, token, resource={**resource, "subject": about})
        case "create on a condition":
            return fhir.send("POST", kind, token, resource=resource, headers={"If-None-Exist": _condition(Sample(resource))})
        case "update":
            return fhir.send("PUT", own.reference, token, resource={**resource, "id": own.id})
        case "update with If-Match":
            if not own.version:
                raise NotApplicable(f"the server gives {kind} no version")
            tag = f'W/"{own.version}"'
            return fhir.send("PUT", own.reference, token, resource={**resource, "id": own.id}, headers={"If-Match": tag})
        case "patch":
            return fhir.send("PATCH", own.reference, token, resource=BODIES[kind][1], headers={"Content-Type": _PATCH_TYPE})
        case "delete":
            return fhir.send("DELETE", own.reference, token)
        case "update of a new id":
            new = f"conformance-{int(time.time() * 1000) % 10**9}"
            return fhir.send("PUT", f"{kind}/{new}", token, resource={**resource, "id": new})
        case "conditional update":
            return fhir.send("PUT", f"{kind}?{_condition(own)}", token, resource={**resource, "identifier": own.resource.get("identifier")})
        case "conditional delete":
            return fhir.send("DELETE", f"{kind}?{_condition(own)}", token)
    wrapper = interaction.partition(" with a ")[0]
    entry = {"resource": resource, "request": {"method": "POST", "url": kind}}
    return fhir.send("POST", "", token, resource={"resourceType": "Bundle", "type": wrapper, "entry": [entry]})


def _condition(own: Sample) -> str:
    """The search by the identifier that the suite gave its resource."""
    listed = own.resource.get("identifier")
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    return urlencode([("identifier", f"{first.get('system', '')}|{first.get('value', own.id)}")])


def _makes_one(interaction: str) -> bool:
    """Whether a write leaves a new resource behind."""
    return letter_of(interaction) == "c" or interaction == "update of a new id"


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
    if _makes_one(interaction):
        remember(app, exchange, _writer(app, kind, whose))
    answered(exchange)
    undone = interaction == "conditional delete" and forbidden and _there(app, own, _writer(app, kind, whose).access_token)
    return Trial(interaction, kind, exchange, tuple(grant.granted), twin, frozenset({own.id}), undone=undone)


def _twin(app: App, interaction: str, kind: str, whose: str) -> tuple[Exchange, Sample]:
    """The same write with a token that may, of another resource of the suite's own; and the resource for the trial."""
    twin, own = created_own(app, kind, whose)
    if interaction == "create":
        return twin, own
    writer = _writer(app, kind, whose)
    _, spare = created_own(app, kind, whose)
    twin = write(app, interaction, kind, spare, whose, writer.access_token)
    answered(twin)
    if _makes_one(interaction):
        remember(app, twin, writer)
    bundled = interaction.startswith(("batch", "transaction"))
    if not done(twin) or (bundled and twin.answer.object.get("resourceType") != "Bundle"):
        raise NotApplicable(f"the server does not offer the {interaction} of {kind} to a token that covers it: {describe(twin.answer)}")
    return twin, own


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
    if _makes_one(interaction):
        remember(app, exchange, theirs)
    answered(exchange)
    undone = interaction == "conditional delete" and _there(app, own, theirs.access_token)
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
    if interaction == "update that moves it":
        exchange = write(app, "update", kind, own, other, grant.access_token)
    else:
        patch = [{"op": "replace", "path": "/subject/reference", "value": f"Patient/{other}"}]
        exchange = app.engine.fhir.send("PATCH", own.reference, grant.access_token, resource=patch, headers={"Content-Type": _PATCH_TYPE})
    if done(exchange):
        _left_behind(app).append((own.reference, _writer(app, kind, other)))
    answered(exchange)
    return Trial(interaction, kind, exchange, tuple(grant.granted), twin, frozenset({own.id}))


def _there(app: App, own: Sample, token: str) -> bool:
    """Whether a resource is still what the suite wrote: a delete that found nothing may be answered with success."""
    read = app.engine.fhir.read(own.reference, app.tokens.current(token))
    return bool(disclosed(read, own.type))


def written_beyond(app: App, interaction: str, kind: str, grant: Grant) -> Trial:
    """A write of the suite's own resource about the patient, under a grant that does not reach it; another token's write succeeds."""
    twin, own = _twin(app, interaction, kind, patient(app))
    exchange = write(app, interaction, kind, own, patient(app), grant.access_token)
    if _makes_one(interaction):
        remember(app, exchange, _writer(app, kind, patient(app)))
    answered(exchange)
    return Trial(interaction, kind, exchange, tuple(grant.granted), twin, frozenset({own.id}))


WITHOUT_TOKEN = ("create", "update", "delete")
"""Writes that are tried without any token."""


def without_token(app: App, interaction: str) -> Trial:
    """A write without a token; the same with one has to succeed."""
    kind, whose = kind_to_write(app), patient(app)
    twin, own = _twin(app, interaction, kind, whose)
    exchange = write(app, interaction, kind, own, whose, None)
    if interaction == "create":
        remember(app, exchange, _writer(app, kind, whose))
    answered(exchange)
    return Trial(interaction, kind, exchange, (), twin, frozenset({own.id}))


def found_of_another(app: App) -> Trial:
    """A create about the patient on the condition that no resource has the identifier of one of another patient."""
    kind, other = kind_to_write(app), other_patient(app)
    grant, theirs = _writer(app, kind, patient(app)), _writer(app, kind, other)
    require_patient_level(grant, kind)
    if theirs.token.patient != other:
        raise NotApplicable(f"no login brings the patient {other} into context")
    _, own = created_own(app, kind, other)
    headers = {"If-None-Exist": _condition(own)}
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
