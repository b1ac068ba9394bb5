"""What comes beside the access token, and what it leads to: patient, encounter, ``fhirContext``, the style document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from smartlaunch.checks.launch_context import context_types, scope_type
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, NotConfigured, TwinFailed
from smartlaunch.exchange import Endpoint, Exchange
from smartlaunch.fhir import resources
from smartlaunch.oauth import scopes as scope_words
from smartlaunch.probes.fhir_access.requests import require_closed
from smartlaunch.probes.registered import CONTEXT as CONTEXT_SCOPES
from smartlaunch.probes.registered import unless_asked
from smartlaunch.probes.token_response import granted, readable

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Attempt, Grant
    from smartlaunch.oauth.token import TokenAnswer
    from smartlaunch.target import Target

CONTEXT = ("patient", "encounter")
"""The members of launch context that have a scope of their own."""
_UNKNOWN_ROLE = "https://smart-launch-conformance.invalid/role/nobody-knows"


# -- what is due --------------------------------------------------------------------------------------------------------------


def require_patient_scope(app: App) -> None:
    """``NotApplicable`` unless a scope on the data of one patient was granted."""
    if not any(parsed.level == "patient" for parsed in map(scope_words.parse, granted(app)) if parsed is not None):
        raise unless_asked(app, NotApplicable("no `patient/` scope was granted"), "patient/")


def without_its_scope(app: App) -> TokenAnswer:
    """The token response to ``patient/`` scopes without ``launch/patient``; ``NotApplicable`` where the server refuses or drops them."""
    require_patient_scope(app)
    scopes = [one for one in app.scopes if not one.startswith("launch") and one not in scope_words.REFRESH]
    attempt = app.once("patient scopes alone", lambda: app.attempt(scope=scopes, doubtful=True))
    token = attempt.token
    if token is None or not token.succeeded:
        raise NotApplicable(f"the server gives no token for `patient/` scopes without `launch/patient`: {attempt.authorization.describe()}")
    if not any(parsed.level == "patient" for parsed in map(scope_words.parse, token.scopes) if parsed is not None):
        raise NotApplicable("the server grants no `patient/` scope without `launch/patient`")
    return token


def require_member(app: App, name: str) -> None:
    """``NotApplicable`` unless the token response has the member; an EHR launch brings any, a standalone one what it asks for by name."""
    if name not in readable(app).body:
        asking = ("launch", f"launch/{name}") if name in CONTEXT else CONTEXT_SCOPES
        raise unless_asked(app, NotApplicable(f"the token response has no `{name}`, which is optional here"), *asking)


def asked(app: App) -> list[str]:
    """The members of launch context that granted scopes name; ``NotApplicable`` without any."""
    given = granted(app)
    names = [name for name in CONTEXT if f"launch/{name}" in given and f"launch/{name}" in app.scopes]
    if not names:
        raise unless_asked(app, NotApplicable("no scope for launch context was asked for and granted"), "launch/")
    return names


def declared(target: Target) -> list[str]:
    """The members of launch context that the target file expects to arrive."""
    return [name for name in CONTEXT if getattr(target.expect, name)]


def chart(app: App, name: str) -> str:
    """The patient or encounter that the EHR is known to have open, as the target file says; ``NotApplicable`` when unknown."""
    setting = app.engine.target.ehr_launch
    launch = app.grant().launch
    if setting is None or launch is None:
        raise NotApplicable("the app was not launched from an EHR")
    if app.patient and name == "patient":
        if setting.kind != "page" or (setting.steps and "{patient" not in str(setting.steps)):
            raise NotConfigured("the target file does not tell how the chart of another patient is opened", key="[ehr_launch] steps")
        return launch.patient
    value = getattr(setting, name) or (launch.patient if name == "patient" and setting.kind == "page" else "")
    if not value:
        raise NotConfigured(f"[ehr_launch] in the target file does not tell which {name} is open", key="[ehr_launch]")
    return str(value)


def expected(app: App, name: str) -> tuple[str, bool]:
    """What the context should be, and whether [expect] declares it: declared, chosen at the login, or open in the chart."""
    target = app.engine.target
    wanted = getattr(target.expect, name)
    if isinstance(wanted, str) and wanted:
        return wanted, True
    if app.launch_kind == "ehr":
        return chart(app, name), False
    if name == "patient" and target.patients.default and "launch/patient" in granted(app):
        return target.visible_patient(app.user, target.patients.default), False
    raise NotConfigured(f"the target file does not tell which {name} to expect", key="[ehr_launch]")


def require_visible_encounter(app: App) -> None:
    """``NotApplicable`` unless ``encounter`` came, or the app can see that the patient has an Encounter that is not over."""
    grant = app.grant()
    if grant.token.encounter:
        return
    if not any(scope_words.allows(grant.granted, level, "Encounter", "s") for level in ("patient", "user")) or not grant.token.patient:
        raise NotApplicable("no encounter came, and the app cannot see whether the patient has one")
    search = app.engine.fhir.search("Encounter", [("patient", grant.token.patient)], grant.access_token)
    if not any(under_way(encounter) for encounter in resources(answered(search), "Encounter")):
        raise NotApplicable("no encounter came, and the patient has none that is under way")


def under_way(encounter: Mapping[str, Any]) -> bool:
    """Whether an Encounter is one that a server may be expected to offer: one that is not over."""
    period = encounter.get("period")
    ended = isinstance(period, dict) and period.get("end")
    return encounter.get("status") in ("arrived", "triaged", "in-progress", "onleave") or (
        not ended and encounter.get("status") not in ("finished", "cancelled", "entered-in-error", "planned")
    )


# -- types of context beyond patient and encounter ------------------------------------------------------------------------------


def promised(app: App, name: str) -> bool:
    """Whether a granted scope asks for a patient or encounter by name: ``launch/...``, or a ``patient/`` scope."""
    scopes = granted(app)
    patient = any(parsed.level == "patient" for parsed in map(scope_words.parse, scopes) if parsed is not None)
    return f"launch/{name}" in scopes or (name == "patient" and patient)


def comes_unasked(app: App, resource_type: str) -> bool:
    """Whether the server is known to have a resource of the type to put into ``fhirContext``."""
    return resource_type in context_types(app.grant().token.exchange)


def context_type(app: App) -> str:
    """A resource type beyond Patient and Encounter that the server is known to put into ``fhirContext``.

    Types that the client's scopes or its registration name come first, else one that came unasked.
    """
    named = [kind for kind in map(scope_type, (*app.scopes, *app.client.registered.scopes)) if kind]
    known = named or sorted(context_types(app.grant().token.exchange) - {"Patient", "Encounter"})
    if not known:
        none = NotApplicable("the server puts no resource into `fhirContext` that a context scope could ask for")
        raise unless_asked(app, none, *CONTEXT_SCOPES)
    return known[0]


def _with_scope(app: App, resource_type: str, *, role: str = "") -> tuple[str, Attempt]:
    """A flow that also asks for ``launch/<type>``, as far as it goes, and that scope."""
    app.grant()
    scope = f"launch/{resource_type.lower()}" + (f"?role={role}" if role else "")
    return scope, app.once(f"flow with {scope}", lambda: app.attempt(scope=[*app.scopes, scope], doubtful=True))


def with_type(app: App) -> tuple[str, TokenAnswer]:
    """A granted ``launch/<type>``: the type and the token response; ``NotApplicable`` when the scope is not granted."""
    resource_type = context_type(app)
    scope, attempt = _with_scope(app, resource_type)
    if attempt.token is None or not attempt.token.succeeded or scope not in attempt.token.scopes:
        raise NotApplicable(f"the server does not grant `{scope}`")
    return resource_type, attempt.token


def with_unknown_role(app: App) -> tuple[str, Attempt]:
    """A flow that asks for a type the server has, in a role that nobody knows; ``TwinFailed`` when the type alone brings nothing."""
    resource_type, answer = with_type(app)
    if resource_type not in context_types(answer.exchange):
        raise TwinFailed(f"`launch/{resource_type.lower()}` without a role brought no {resource_type}")
    return resource_type, _with_scope(app, resource_type, role=_UNKNOWN_ROLE)[1]


# -- what the context leads to --------------------------------------------------------------------------------------------------


def style(app: App) -> Exchange:
    """The style document that ``smart_style_url`` names, fetched without any token."""
    url = readable(app).text("smart_style_url")
    if not url.startswith(("http://", "https://")):
        raise NotApplicable("the token response has no absolute `smart_style_url`; another scenario judges its form")
    return app.engine.http.send("GET", url, endpoint=Endpoint.STYLE, headers={"Accept": "application/json"}, follow=3)


def style_again(app: App) -> tuple[Exchange, Exchange]:
    """The style document fetched twice; ``TwinFailed`` where none arrives, or no JSON object."""
    first, second = style(app), style(app)
    for one in (first, second):
        if not 200 <= answered(one).status < 300:
            raise TwinFailed(f"no style document arrived: status {one.answer.status}", by="style-document-arrives")
        if not isinstance(one.answer.json, dict):
            raise TwinFailed("the style document is no JSON object", by="style-document-json")
    return first, second


def read(app: App, grant: Grant, resource_type: str, identifier: str) -> Exchange:
    """Read a resource of the launch context with the grant's token, when its scopes cover that."""
    if not identifier:
        raise NotApplicable(f"the token response names no {resource_type}")
    if not any(scope_words.allows(grant.granted, level, resource_type, "r") for level in ("patient", "user")):
        none = NotApplicable(f"no granted scope lets the app read the {resource_type}")
        raise unless_asked(app, none, f"patient/{resource_type}.r", f"user/{resource_type}.r")
    exchange = app.engine.fhir.read(f"{resource_type}/{identifier}", grant.access_token)
    answered(exchange)
    return exchange


def patient_read(app: App) -> tuple[Grant, Exchange]:
    """The Patient of the launch, and the grant that names it."""
    grant = app.grant()
    return grant, read(app, grant, "Patient", grant.token.patient)


def encounter_read(app: App) -> tuple[Grant, Exchange]:
    """The Encounter of the launch, and the grant that names it."""
    grant = app.grant()
    return grant, read(app, grant, "Encounter", grant.token.encounter)


def encounter_read_widely(app: App) -> tuple[Grant, Exchange]:
    """The Encounter of the launch, read with a scope that reaches beyond the patient where the first read is refused."""
    grant = app.grant()
    exchange = read(app, grant, "Encounter", grant.token.encounter)
    wide = "user/Encounter.rs"
    if exchange.answer.status in (401, 403, 404) and scope_words.covered(wide, app.client.registered.scopes):
        narrow = [scope for scope in app.scopes if not _on_encounters(scope)]
        grant = app.grant(scope=[*narrow, wide])
        exchange = read(app, grant, "Encounter", grant.token.encounter)
    return grant, exchange


def patient_search(app: App) -> tuple[Grant, Exchange]:
    """A search of Patient under scopes of the ``patient/`` level alone."""
    grant = app.grant()
    clinical = [parsed for parsed in map(scope_words.parse, grant.granted) if parsed is not None]
    if not any(p.level == "patient" and p.resource in ("*", "Patient") and "s" in p.interactions for p in clinical):
        raise unless_asked(app, NotApplicable("no granted `patient/` scope lets the app search Patient"), "patient/Patient.s")
    if any(p.level != "patient" and p.resource in ("*", "Patient") for p in clinical):
        raise NotApplicable("a granted `user/` scope on Patient reaches beyond the patient in context")
    exchange = app.engine.fhir.search("Patient", [], grant.access_token)
    answered(exchange)
    if any(found.get("id") != grant.token.patient for found in resources(exchange.answer, "Patient")):
        require_closed(app, exchange)
    return grant, exchange


def _on_encounters(scope: str) -> bool:
    parsed = scope_words.parse(scope)
    return parsed is not None and parsed.resource in ("Encounter", "*")
