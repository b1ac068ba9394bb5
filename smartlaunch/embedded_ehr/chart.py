"""The chart: what a clinician works in, and from where apps are launched.

A launch is made at the server and bound to the app, the clinician and the open chart; the browser only carries its opaque value.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from smartlaunch.embedded_ehr import fhir_search
from smartlaunch.embedded_ehr.data import encounter_summaries, patient_summaries, seed_store
from smartlaunch.embedded_ehr.pages import page
from smartlaunch.embedded_ehr.state import new_secret

if TYPE_CHECKING:
    from starlette.requests import Request

    from smartlaunch.embedded_ehr.defects import Defects, Variants
    from smartlaunch.embedded_ehr.fhir_store import Resource, Store
    from smartlaunch.embedded_ehr.options import SandboxOptions
    from smartlaunch.embedded_ehr.registry import Client, User
    from smartlaunch.embedded_ehr.state import State

_SEE_OTHER = 303


class Chart:
    """The pages of the chart over one store."""

    def __init__(self, state: State, defects: Defects, variant: Variants, store: Store) -> None:
        self.state = state
        self.defects = defects
        self.variant = variant
        self.store = store
        self.same = new_secret()

    async def list_patients(self, request: Request) -> Response:
        """Show the clinician's patients, or the sign-in."""
        user = self.state.session_user(request)
        if user is None:
            return self._sign_in_page("/chart")
        patients: list[dict[str, Any]] = []
        for patient in patient_summaries(user.patients):
            visit = next(iter(encounter_summaries(patient["id"])), None)
            patients.append(
                {**patient, "reason": visit["display"] if visit else "", "here": bool(visit and visit["status"] == "in-progress")}
            )
        return self._page("chart_list", user, patients=patients)

    async def open_patient(self, request: Request) -> Response:
        """Show one chart."""
        user = self.state.session_user(request)
        if user is None:
            return self._sign_in_page(request.url.path)
        patient_id = str(request.path_params["patient"])
        if patient_id not in user.patients:
            return self._no_such_patient()
        self.state.open_charts[user.username] = patient_id
        summary = patient_summaries((patient_id,))[0]
        observations = sorted(self._of(patient_id, "Observation"), key=lambda found: str(found.get("effectiveDateTime", "")), reverse=True)
        latest: dict[str, dict[str, str]] = {}
        for observation in observations:
            if fhir_search.matches(observation, "category", "vital-signs", ""):
                latest.setdefault(_coded(observation), _measured(observation))
        return self._page(
            "chart_patient",
            user,
            patient=summary,
            allergies=[_coded(allergy) for allergy in self._of(patient_id, "AllergyIntolerance")],
            vitals=list(latest.values()),
            results=[_measured(found) for found in observations if fhir_search.matches(found, "category", "laboratory", "")],
            problems=[
                {"name": _coded(problem), "since": str(problem.get("onsetDateTime", ""))} for problem in self._of(patient_id, "Condition")
            ],
            medicines=[
                {"name": _coded(medicine, "medicationCodeableConcept"), "dosage": _dosage(medicine)}
                for medicine in self._of(patient_id, "MedicationRequest")
            ],
            encounters=encounter_summaries(patient_id),
            apps=[client for client in self.state.clients.values() if client.launch_uri],
            new_window=self.variant("chart_opens_app_in_new_window"),
            links=self.variant("chart_lists_apps_as_links_that_name_several"),
        )

    async def sign_in(self, request: Request) -> Response:
        """Check user name and password, and go on to where the person wanted to be."""
        form = await request.form()
        username, password, onward = (str(form.get(name, "")) for name in ("username", "password", "next"))
        if not onward.startswith("/chart"):
            onward = "/chart"
        user = self.state.users.get(username)
        if user is None or not secrets.compare_digest(user.password.encode(), password.encode()):
            return self._sign_in_page(onward, username=username, error="User name or password is wrong.")
        response = RedirectResponse(onward, status_code=_SEE_OTHER)
        self.state.sign_in(response, user)
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the session, and with it the access of apps that were allowed while online."""
        response = page("signed_out", rules=self.defects)
        self.state.sign_out(request, response)
        return response

    async def launch(self, request: Request) -> Response:
        """Launch an app on the open chart: by the form of the chart, or by a link."""
        if request.method == "POST":
            form = await request.form()
            asked = {name: str(form.get(name, "")) for name in ("client_id", "patient", "encounter")}
        else:
            asked = {name: request.query_params.get(name, "") for name in ("client_id", "patient", "encounter")}
            if self.variant("chart_lists_apps_as_links_that_name_several"):
                apps = [client.client_id for client in self.state.clients.values() if client.launch_uri]
                asked["client_id"] = dict(enumerate(apps)).get(int(request.query_params.get("open", "0")), "")
        user = self.state.session_user(request)
        if user is None:
            return self._sign_in_page(f"/chart/launch?{urlencode(asked)}")
        client = self.state.clients.get(asked["client_id"])
        if client is None or not client.launch_uri:
            return page("error", status=404, rules=self.defects, title="No such app", message="This app cannot be launched from here.")
        if asked["patient"] not in user.patients:
            return self._no_such_patient()
        visits = {visit["id"] for visit in encounter_summaries(asked["patient"])}
        if asked["encounter"] and asked["encounter"] not in visits:
            return page("error", status=404, rules=self.defects, title="No such visit", message="The visit is not one of this patient's.")
        value = self._new_launch(client, user, asked["patient"], asked["encounter"] or None)
        return self._to_app(client, value)

    def _new_launch(self, client: Client, user: User, patient: str, encounter: str | None) -> str:
        defects = self.defects
        if defects("chart_launches_another_patient"):
            patient = next(other["id"] for other in patient_summaries() if other["id"] != patient)
            encounter = encounter_summaries(patient)[0]["id"] if encounter else None
        if encounter is not None and defects("chart_loses_encounter"):
            encounter = None
        if encounter is not None and defects("chart_sends_encounter_of_another_patient"):
            encounter = next(encounter_summaries(other["id"])[0]["id"] for other in patient_summaries() if other["id"] != patient)
        client_id = client.client_id
        if defects("chart_binds_launch_to_another_app"):
            client_id = next(other for other in self.state.clients if other != client_id)
        value = self.state.create_launch(client_id, user.username, patient, encounter)
        if defects("chart_launch_value_repeats"):
            return self._renamed(value, "launch-0001")
        if defects("chart_launch_value_names_patient"):
            return self._renamed(value, f"{patient}.{value[:8]}")
        return self._renamed(value, self._written(value))

    def _written(self, value: str) -> str:
        """Return the value of a new launch in the form that this EHR gives it; whatever it is, apps only carry it."""
        launch = self.state.launches[value]
        if self.variant("writes_long_launch_values"):
            return value * 48
        if self.variant("writes_launch_values_with_punctuation"):
            return f"~{value}.%7E+%&=;/?#[]@!'(*)"
        if self.variant("writes_launch_values_as_json"):
            return json.dumps({"id": value, "v": 2, "a": ["b", None]})
        if self.variant("gives_the_same_launch_for_the_same_chart"):
            known = "\n".join((launch.client_id, launch.username, launch.patient or "", launch.encounter or "", self.same))
            return hashlib.sha256(known.encode()).hexdigest()
        return value

    def _renamed(self, value: str, new_value: str) -> str:
        launch = self.state.launches.pop(value)
        launch.value = new_value
        self.state.launches[new_value] = launch
        return new_value

    def _to_app(self, client: Client, value: str) -> Response:
        defects = self.defects
        iss = self.state.fhir_base_url
        if self.variant("chart_iss_ends_with_slash"):
            iss += "/"
        if defects("chart_sends_issuer_as_iss"):
            iss = self.state.issuer
        if defects("chart_sends_iss_of_another_server"):
            iss = "https://fhir.other.example/r4"
        if defects("chart_encodes_iss_twice"):
            iss = quote(iss, safe="")
        parameters = {"iss": iss, "launch": value}
        if defects("chart_omits_iss"):
            del parameters["iss"]
        if defects("chart_omits_launch"):
            del parameters["launch"]
        elif defects("chart_sends_empty_launch"):
            parameters["launch"] = ""
        if self.variant("launches_with_more_parameters"):
            parameters = {"tenant": "lakeside-7", **parameters, "lang": "en-US", "_": new_secret()[:8]}
        base = str(client.launch_uri)
        if defects("chart_launches_at_unregistered_uri"):
            base += "/start"
        joint = "#" if defects("chart_sends_parameters_in_fragment") else "&" if urlsplit(base).query else "?"
        target = base + joint + urlencode(parameters)
        if self.variant("chart_launches_by_page"):
            return HTMLResponse(
                f'<!doctype html><title>Opening the app</title><meta http-equiv="refresh" content="0;url={target.replace("&", "&amp;")}">'
            )
        return RedirectResponse(target, status_code=302, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})

    def _of(self, patient_id: str, kind: str) -> list[Resource]:
        return [
            found for found in self.store.resources(kind) if fhir_search.matches(found, "patient", patient_id, self.state.fhir_base_url)
        ]

    def _page(self, name: str, user: User, **context: Any) -> Response:
        return page(name, rules=self.defects, user=user.display, **context)

    def _sign_in_page(self, onward: str, *, username: str = "", error: str = "") -> Response:
        status = 200 if not error else 401
        return page("login", status=status, rules=self.defects, action="/chart/sign-in", next=onward, username=username, error=error)

    def _no_such_patient(self) -> Response:
        return page("error", status=404, rules=self.defects, title="No such patient", message="There is no such patient on your list.")


def routes(state: State, defects: Defects, variant: Variants, options: SandboxOptions, store: Store | None = None) -> list[Route]:  # noqa: ARG001 - one signature for all parts
    """Return the routes of the chart, with their full paths from `/chart` on."""
    chart = Chart(state, defects, variant, store if store is not None else seed_store())
    return [
        Route("/chart", chart.list_patients),
        Route("/chart/", chart.list_patients),
        Route("/chart/sign-in", chart.sign_in, methods=["POST"]),
        Route("/chart/sign-out", chart.sign_out, methods=["POST"]),
        Route("/chart/launch", chart.launch, methods=["GET", "POST"]),
        Route("/chart/patients/{patient}", chart.open_patient),
    ]


def _coded(resource: Resource, name: str = "code") -> str:
    concept = resource.get(name) or {}
    return str(concept.get("text") or next((coding.get("display", "") for coding in concept.get("coding", [])), ""))


def _dosage(resource: Resource) -> str:
    return "; ".join(str(dosage.get("text", "")) for dosage in resource.get("dosageInstruction", []))


def _measured(observation: Resource) -> dict[str, str]:
    quantities = [part.get("valueQuantity", {}) for part in observation.get("component", [])] or [observation.get("valueQuantity", {})]
    at = str(observation.get("effectiveDateTime", ""))
    return {
        "name": _coded(observation),
        "value": "/".join(str(quantity.get("value", "")) for quantity in quantities),
        "unit": str(quantities[0].get("unit", "")),
        "at": f"{at[:10]} {at[11:16]}".strip(),
    }
