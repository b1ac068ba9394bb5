"""Where App State is kept, as whom the app asks, and about whom it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.fhir import resources
from smartlaunch.oauth import scopes as words
from smartlaunch.probes.fhir_access import grants, samples

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Grant

CAPABILITY = "smart-app-state"
_FALLBACK_SYSTEM = "urn:smart-launch-conformance"


def base(app: App) -> str:
    """The FHIR base URL of the state: the server's own or that of an associated endpoint; ``NotApplicable`` without either."""
    discovery = app.engine.discovery
    if CAPABILITY in discovery.capabilities:
        return discovery.fhir_base_url
    for endpoint in associated(app):
        if isinstance(endpoint.get("url"), str):
            return str(endpoint["url"]).rstrip("/")
    raise NotApplicable(f"the server does not claim the capability `{CAPABILITY}`")


def associated(app: App) -> list[dict[str, Any]]:
    """The associated endpoints that claim the capability."""
    listed = app.engine.discovery.document.get("associated_endpoints")
    return [e for e in listed if isinstance(e, dict) and CAPABILITY in (e.get("capabilities") or ())] if isinstance(listed, list) else []


def grant(app: App) -> Grant:
    """A grant of scopes on state, of patient and user level where the server gives both; ``NotApplicable`` when it gives none."""
    base(app)
    claimed = app.engine.discovery.capabilities
    version = 1 if "permission-v1" in claimed and "permission-v2" not in claimed else grants.version(app)
    letters = "cruds" if version == 1 else "cuds"  # in version 1 nothing stands between reading, writing and both
    user, patient = (grants.scope(app, "Basic", letters, level, version) for level in ("user", "patient"))
    reasons = []
    for wanted in ([patient, user], [user], [patient]):
        try:
            found = grants.granted(app, wanted)
        except NotApplicable as exc:
            reasons.append(str(exc))
            continue
        if any(all(words.allows(found.granted, level, "Basic", letter) for letter in "cuds") for level in ("user", "patient")):
            return found
        reasons.append(f"it grants {' '.join(found.granted) or 'nothing'}")
    raise NotApplicable(f"the server grants the app no scopes on App State: {'; '.join(reasons)}")


def token(app: App) -> str:
    """A living access token for state."""
    return grant(app).access_token


def system(app: App) -> str:
    """The system of the suite's state codes: the origin of the app, as the guide recommends."""
    parts = urlsplit(app.client.redirect_uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme == "https" and parts.netloc else _FALLBACK_SYSTEM


# -- about whom ---------------------------------------------------------------------------------------------------------------


def _nobody(app: App) -> str:
    if not words.allows(grant(app).granted, "user", "Basic", "c"):
        raise NotApplicable("state about nobody needs a user/ scope, which the server does not grant")
    return ""


def _the_patient(app: App) -> str:
    return f"{app.engine.discovery.fhir_base_url}/Patient/{grant(app).token.patient or samples.patient(app)}"


def _the_user(app: App) -> str:
    reference = samples.fhir_user(app)
    if "/" not in reference or not words.allows(grant(app).granted, "user", "Basic", "c"):
        raise NotApplicable("the user's own resource is not known, or no user/ scope is granted")
    return f"{app.engine.discovery.fhir_base_url}/{reference}"


WHO: Mapping[str, Callable[[App], str]] = {"nobody": _nobody, "the patient": _the_patient, "the user": _the_user}
"""Whom state is about, by the words of the features, as an absolute reference; empty for state about nobody."""

PERSONS = ("Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person")
"""Types of which state may be about one."""


def subject(app: App, who: str) -> str:
    """An absolute reference to whom state is about; empty for state about nobody."""
    return WHO[who](app)


def person(app: App, kind: str) -> str:
    """A resource of a type that exists at the server: the user, the patient, or one that a search finds."""
    where, user = app.engine.discovery.fhir_base_url, samples.fhir_user(app)
    if kind == "Patient":
        return subject(app, "the patient")
    if user.startswith(f"{kind}/"):
        return f"{where}/{user}"
    found_with = grants.covering(app, [grants.scope(app, kind, "rs", "user")])
    query = [("patient", samples.patient(app))] if kind == "RelatedPerson" else []
    for parameters in (query, [("_count", "1")]):
        found = resources(answered(app.engine.fhir.search(kind, parameters, found_with.access_token)), kind)
        if found and found[0].get("id"):
            return f"{where}/{kind}/{found[0]['id']}"
    raise NotApplicable(f"the server shows the app no {kind}")
