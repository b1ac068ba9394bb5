"""Each defect of the FHIR side, the chart and the pages shows from outside, and the rule it breaks is traced.

A probe asks one thing of a server. The clean server and the one with the defect have to answer it differently.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response

import smartlaunch.embedded_ehr
from smartlaunch.embedded_ehr import brands, chart, fhir_endpoint, pages
from smartlaunch.embedded_ehr.defects import Defects, Variants, consulted, fhir_access
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.registry import Client, User
from smartlaunch.embedded_ehr.state import AccessToken, Code, RefreshToken, State

BASE = "http://ehr.test"
LAB = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
VITALS = "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
A1, B1, C1 = "/Observation/amelia-stone-heart-rate-1", "/Observation/bruno-castellano-heart-rate-1", "/Observation/chidi-okafor-glucose-1"
A_LAB = "/Observation/amelia-stone-glucose-1"
PATCH = [{"op": "replace", "path": "/status", "value": "amended"}]
USERS = {"lena": User("lena", "pw", "Dr. Lena Hart", "Practitioner/dr-lena-hart", "clinician", ("amelia-stone", "bruno-castellano"))}
CLIENTS = {
    name: Client(
        name, name.title(), "public", launch_uri=f"https://{name}.example/launch", redirect_uris=(f"https://{name}.example/redirect",)
    )
    for name in ("app", "other")
}


class Server:
    """FHIR server, chart, brands and pages, with tokens made to measure."""

    def __init__(self, *defects: str) -> None:
        self.state = State(BASE, clients=CLIENTS, users=USERS)
        self.defects = Defects(defects)
        rules = self.defects, Variants()
        options = SandboxOptions()
        routes = [*fhir_endpoint.routes(self.state, *rules, options), *brands.routes(self.state, *rules, options)]
        routes += [*chart.routes(self.state, *rules, options), *pages.routes(self.defects)]
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=routes)), base_url=BASE)

    def request(self, method: str, url: str, **more: Any) -> httpx.Response:
        return asyncio.run(self.client.request(method, url, **more))

    def token(self, scopes: str = "patient/*.cruds", **changes: Any) -> str:
        now = time.time()
        value = f"{len(self.state.access_tokens)}-{'abcdefghijklmnopqrstuvwxyz'}"
        fields: dict[str, Any] = {
            "value": value,
            "client_id": "app",
            "scopes": tuple(scopes.split()),
            "patient": "amelia-stone",
            "encounter": "amelia-stone-admission",
            "fhir_user": "Practitioner/dr-lena-hart",
            "user": "lena",
            "aud": f"{BASE}/fhir",
            "issued_at": now,
            "expires_at": now + 60,
        }
        self.state.access_tokens[value] = AccessToken(**(fields | changes))
        return value

    def bearer(self, value: str, path: str = "/Patient/amelia-stone", **headers: str) -> httpx.Response:
        return self.request("GET", f"/fhir{path}", headers={"Authorization": f"Bearer {value}", **headers})

    def ask(self, method: str, path: str, scopes: str = "patient/*.cruds", body: Any = None, **changes: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(scopes, **changes.pop('token', {}))}", **changes.pop("headers", {})}
        if isinstance(body, str):
            return self.request(
                method, f"/fhir{path}", content=body, headers={**headers, "Content-Type": "application/x-www-form-urlencoded"}
            )
        return self.request(
            method, f"/fhir{path}", content=json.dumps(body) if body else b"", headers={**headers, "Content-Type": "application/fhir+json"}
        )

    def launch(self, encounter: str = "amelia-stone-admission") -> httpx.Response:
        self.request("POST", "/chart/sign-in", data={"username": "lena", "password": "pw"})
        return self.request("POST", "/chart/launch", data={"client_id": "app", "patient": "amelia-stone", "encounter": encounter})

    def launched(self) -> tuple[str, str | None, str | None]:
        self.launch()
        found = next(iter(self.state.launches.values()))
        return found.client_id, found.patient, found.encounter


Probe = Callable[[Server], Any]


def observation(patient: str = "amelia-stone", category: str = "vital-signs", **more: Any) -> dict[str, Any]:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": category}
    subject = {"reference": f"Patient/{patient}"}
    return {"resourceType": "Observation", "status": "final", "category": [{"coding": [coding]}], "subject": subject, **more}


def status(method: str, path: str, scopes: str = "patient/*.cruds", body: Any = None, **token: Any) -> Probe:
    return lambda server: server.ask(method, path, scopes, body, token=token).status_code


def found(path: str, scopes: str = "patient/*.cruds", method: str = "GET", body: Any = None, **token: Any) -> Probe:
    def probe(server: Server) -> Any:
        answer = server.ask(method, path, scopes, body, token=token)
        return answer.status_code, sorted(entry["resource"]["id"] for entry in answer.json().get("entry", []))

    return probe


def body_of(path: str, key: str, scopes: str = "patient/*.cruds") -> Probe:
    return lambda server: server.ask("GET", path, scopes).json().get(key)


def no_token(server: Server) -> httpx.Response:
    return server.request("GET", "/fhir/Patient/amelia-stone")


def with_a_login_and_no_token(server: Server) -> int:
    session = server.state.begin_session("lena")
    response = Response()
    server.state.set_cookie(response, session)
    cookie = response.headers["set-cookie"].partition(";")[0]
    return server.request("GET", "/fhir/Patient/amelia-stone", headers={"Cookie": cookie}).status_code


def junk(server: Server) -> httpx.Response:
    return server.bearer("junk")


def no_scope(server: Server) -> httpx.Response:
    return server.ask("GET", "/Condition", "patient/Observation.rs")


def challenge(answer: Callable[[Server], httpx.Response]) -> Probe:
    return lambda server: answer(server).headers.get("www-authenticate")


def code(answer: Callable[[Server], httpx.Response]) -> Probe:
    return lambda server: answer(server).status_code


def code_as_access(server: Server) -> int:
    now = time.time()
    server.state.codes["c"] = Code(
        value="c",
        client_id="app",
        redirect_uri="https://app.example/redirect",
        code_challenge=None,
        code_challenge_method=None,
        requested=(),
        scopes=("patient/*.rs",),
        user="lena",
        aud=f"{BASE}/fhir",
        patient="amelia-stone",
        encounter=None,
        context={},
        nonce=None,
        session=None,
        grant="g",
        auth_time=now,
        issued_at=now,
        expires_at=now + 60,
    )
    return server.bearer("c").status_code


def refresh_as_access(server: Server) -> int:
    now = time.time()
    fields = ("r", "app", ("patient/*.rs",), "lena", "g", f"{BASE}/fhir", "amelia-stone", None, {}, False, None, now, now + 60)
    server.state.refresh_tokens["r"] = RefreshToken(*fields)
    return server.bearer("r").status_code


def id_token_as_access(server: Server) -> int:
    server.state.id_tokens["e.y.j"] = server.state.access_tokens[server.token()]
    return server.bearer("e.y.j").status_code


def id_token_in_a_search(server: Server) -> int:
    server.state.id_tokens["e.y.j"] = server.state.access_tokens[server.token()]
    return server.bearer("e.y.j", "/Observation").status_code


def refresh_token_in_a_batch(server: Server) -> int:
    refresh_as_access(server)
    headers = {"Authorization": "Bearer r", "Content-Type": "application/fhir+json"}
    return server.request("POST", "/fhir", content=json.dumps(BATCH), headers=headers).status_code


def altered(server: Server) -> int:
    return server.bearer(server.token()[:-1] + "_").status_code


def used_twice(server: Server) -> list[int]:
    value = server.token()
    return [server.bearer(value).status_code for _ in range(2)]


def under(template: str) -> Probe:
    return lambda server: (
        server.request("GET", "/fhir/Patient/amelia-stone", headers={"Authorization": template.format(server.token())}).status_code
    )


def batch(*entries: tuple[str, str, Any], kind: str = "batch", scopes: str = "patient/Patient.r") -> Probe:
    rows = [{"request": {"method": method, "url": url}} | ({"resource": body} if body else {}) for method, url, body in entries]

    def probe(server: Server) -> Any:
        answer = server.ask("POST", "", scopes, {"resourceType": "Bundle", "type": kind, "entry": rows})
        return answer.status_code, [entry["response"]["status"] for entry in answer.json().get("entry", [])]

    return probe


def deleted(server: Server) -> int:
    server.ask("DELETE", A1)
    return server.ask("GET", A1).status_code


def metadata(server: Server) -> Any:
    answer = server.request("GET", "/fhir/metadata")
    return answer.status_code, answer.json().get("rest", [{}])[0].get("security")


def target(server: Server) -> Any:
    return re.sub(r"launch=[\w-]{43}\b", "launch=...", server.launch().headers["location"])


def two_launches(server: Server) -> bool:
    return server.launch().headers["location"] == server.launch().headers["location"]


def brand_bundle(server: Server) -> Any:
    answer = server.request("GET", brands.BUNDLE_PATH)
    tag = answer.headers.get("etag", "")
    again = server.request("GET", brands.BUNDLE_PATH, headers={"If-None-Match": tag}).status_code
    if answer.status_code != 200:
        return answer.status_code
    body = answer.json()
    body["timestamp"] = "timestamp" in body
    return body, tag[:2], answer.headers.get("access-control-allow-origin"), again


def state_body(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Basic",
        "code": {"coding": [{"system": "https://app.example", "code": "preferences"}]},
        "subject": {"reference": f"{BASE}/fhir/Patient/amelia-stone"},
        "extension": [{"url": "https://app.example/v1", "valueString": "{}"}],
        **more,
    }


def keep(**more: Any) -> Probe:
    def probe(server: Server) -> Any:
        answer = server.ask("POST", "/Basic", body=state_body(**more))
        body = answer.json()
        return answer.status_code, "etag" in answer.headers, "extension" in body, "subject" in body

    return probe


def keep_two(server: Server) -> list[int]:
    bodies = (state_body(), state_body(code={"coding": [{"system": "https://app.example", "code": "else"}]}))
    return [server.ask("POST", "/Basic", body=body).status_code for body in bodies]


def keep_for_two_subjects(server: Server) -> list[int]:
    other = {"reference": f"{BASE}/fhir/Practitioner/dr-lena-hart"}
    return [server.ask("POST", "/Basic", body=body).status_code for body in (state_body(), state_body(subject=other))]


def change_in_full(without: str = "") -> Probe:
    """A right update but for a member left out: status, and the ETag of what came of it."""

    def probe(server: Server) -> Any:
        kept = server.ask("POST", "/Basic", body=state_body()).json()
        body = {name: value for name, value in kept.items() if name != without}
        answer = server.ask("PUT", f"/Basic/{kept['id']}", body=body, headers={"If-Match": 'W/"1"'})
        return answer.status_code, answer.headers.get("etag")

    return probe


def location_of_new_state(server: Server) -> bool:
    return "location" in server.ask("POST", "/Basic", body=state_body()).headers


def etag_of_new_state(server: Server) -> str:
    return server.ask("POST", "/Basic", body=state_body()).headers["etag"]


def found_after_delete(server: Server) -> int:
    kept = server.ask("POST", "/Basic", body=state_body()).json()
    server.ask("DELETE", f"/Basic/{kept['id']}", headers={"If-Match": 'W/"1"'})
    return int(server.ask("GET", "/Basic?code=https://app.example|preferences").json()["total"])


def versions_of_found_state(server: Server) -> list[bool]:
    server.ask("POST", "/Basic", body=state_body())
    entries = server.ask("GET", "/Basic?code=https://app.example|preferences").json()["entry"]
    return ["meta" in one["resource"] for one in entries]


def found_none(server: Server) -> int:
    return server.ask("GET", "/Basic?code=https://app.example|nothing").status_code


def extension_after_update(server: Server) -> Any:
    kept = server.ask("POST", "/Basic", body=state_body()).json()
    body = {**kept, "extension": [{"url": "https://app.example/v2", "valueString": "new"}]}
    answer = server.ask("PUT", f"/Basic/{kept['id']}", body=body, headers={"If-Match": 'W/"1"'})
    return answer.status_code, [one["url"] for one in server.ask("GET", f"/Basic/{kept['id']}").json()["extension"]]


def unchanged_for_anybody(server: Server) -> int:
    tag = server.ask("GET", A1).headers["etag"]
    return server.ask("GET", A1, "openid", headers={"If-None-Match": tag}).status_code


def unchanged_for_nobody(server: Server) -> int:
    tag = server.ask("GET", A1).headers["etag"]
    return server.request("GET", f"/fhir{A1}", headers={"If-None-Match": tag}).status_code


def moved_by_a_user(server: Server) -> int:
    body = observation("chidi-okafor", id=A1.rpartition("/")[2])
    return server.ask("PUT", A1, "user/*.cruds", body).status_code


def without_token(method: str, path: str, body: Any = None) -> Probe:
    def probe(server: Server) -> int:
        server.ask("POST", "/Basic", body=state_body())
        if isinstance(body, dict):
            headers = {"Content-Type": "application/fhir+json"}
            return server.request(method, f"/fhir{path}", content=json.dumps(body), headers=headers).status_code
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        return server.request(method, f"/fhir{path}", content=body, headers=headers).status_code

    return probe


def change(method: str, if_match: str | None = 'W/"1"', *, delete_first: bool = False, **changes: Any) -> Probe:
    def probe(server: Server) -> int:
        kept = server.ask("POST", "/Basic", body=state_body()).json()
        path = f"/Basic/{kept['id']}"
        if delete_first:
            server.ask("DELETE", path, headers={"If-Match": 'W/"1"'})
        headers = {} if if_match is None else {"If-Match": if_match}
        return server.ask(method, path, body={**kept, **changes} if method == "PUT" else None, headers=headers).status_code

    return probe


def state_search(query: str, **token: Any) -> Probe:
    def probe(server: Server) -> int:
        server.ask("POST", "/Basic", body=state_body())
        return int(server.ask("GET", f"/Basic?{query}", token=token).json()["total"])

    return probe


def headers_of_page(name: str) -> Probe:
    def probe(server: Server) -> Any:
        headers = pages.page(name, rules=server.defects).headers
        return {key: headers.get(key) for key in ("x-frame-options", "content-security-policy", "cache-control")}

    return probe


def style_again(server: Server) -> int:
    return len({server.request("GET", pages.SMART_STYLE_PATH).text for _ in range(5)})


def style(server: Server) -> Any:
    answer = server.request("GET", pages.SMART_STYLE_PATH)
    return answer.status_code, answer.text[:1]


WRITE_A1 = observation(id=A1.rpartition("/")[2])


def opened_before(server: Server) -> int:
    server.ask("GET", A1)
    return server.ask("GET", A1, "openid").status_code


GRANULAR = f"patient/Observation.cruds?category={LAB}"
UNION = f"{GRANULAR} patient/Observation.cruds?category={VITALS}"
BATCH = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": A1[1:]}}]}
MOVE = {
    "resourceType": "Parameters",
    "parameter": [
        {
            "name": "operation",
            "part": [
                {"name": "type", "valueCode": "replace"},
                {"name": "path", "valueString": "Observation.subject"},
                {"name": "value", "valueReference": {"reference": "Patient/bruno-castellano"}},
            ],
        }
    ],
}
INCLUDE = "/Observation?_id=amelia-stone-glucose-1&_include=Observation:encounter"

PROBES: dict[str, Probe] = {
    "accepts_missing_token": code(no_token),
    "accepts_junk_token": code(junk),
    "accepts_altered_token": altered,
    "accepts_expired_token": status("GET", A1, expires_at=1.0),
    "accepts_revoked_token": status("GET", A1, revoked=True),
    "remembers_tokens_that_were_used_before_their_revocation": status("GET", A1, revoked=True, seen=True),
    "accepts_token_for_other_audience": status("GET", A1, aud="https://other.example/fhir"),
    "accepts_refresh_token_at_fhir": refresh_as_access,
    "accepts_code_at_fhir": code_as_access,
    "fails_on_a_token_without_a_scheme": under("{}"),
    "accepts_id_token_at_fhir": id_token_as_access,
    "accepts_token_only_once": used_twice,
    "refuses_every_token": status("GET", A1),
    "accepts_token_in_query": lambda server: server.request("GET", f"/fhir{A1}?access_token={server.token()}").status_code,
    "lets_an_answer_to_a_token_in_the_query_be_shared": lambda server: server.request(
        "GET", f"/fhir{A1}?access_token={server.token()}"
    ).headers["Cache-Control"],
    "accepts_token_sent_twice": lambda server: server.bearer(server.token(), f"{A1}?access_token={server.token()}").status_code,
    "accepts_token_under_any_scheme": under("Token {}"),
    "accepts_token_without_scheme": under("{}"),
    "demands_capitalised_bearer": under("bearer {}"),
    "omits_www_authenticate": challenge(junk),
    "refuses_a_bad_token_without_a_challenge": challenge(junk),
    "challenges_with_basic": challenge(junk),
    "challenge_has_no_parameters": challenge(junk),
    "challenge_names_error_without_token": challenge(no_token),
    "challenge_lacks_error_for_bad_token": challenge(junk),
    "challenge_names_wrong_error": challenge(junk),
    "challenge_lacks_insufficient_scope": challenge(no_scope),
    "challenge_repeats_error": challenge(junk),
    "challenge_has_foreign_characters": challenge(junk),
    "answers_missing_token_with_403": code(no_token),
    "redirects_missing_token_to_login": code(no_token),
    "answers_bad_token_with_400": code(junk),
    "answers_bad_token_with_403": code(junk),
    "answers_bad_token_with_500": code(junk),
    "answers_bad_token_with_empty_bundle": code(junk),
    "answers_insufficient_scope_with_401": code(no_scope),
    "answers_insufficient_scope_with_500": code(no_scope),
    "answers_malformed_request_with_401": lambda server: server.bearer(server.token(), f"{A1}?access_token={server.token()}").status_code,
    "ignores_scopes_of_backend_clients": status("GET", A1, "system/Condition.rs", user=None, patient=None),
    "does_not_know_backend_tokens": status("GET", A1, "system/*.rs", user=None, patient=None),
    "only_first_scope_counts": status("GET", A1, "patient/Patient.rs patient/Observation.rs"),
    "answers_fhir_in_latin_1": lambda server: server.ask("GET", "/Observation/amelia-stone-body-temperature-1").content,
    "app_state_cannot_be_created": keep(),
    "app_state_needs_no_token": lambda server: server.request("GET", "/fhir/Basic").status_code,
    "refuses_without_operation_outcome": lambda server: no_scope(server).headers["content-type"],
    "refusal_repeats_token": lambda server: junk(server).text,
    "refusal_discloses_internals": lambda server: no_scope(server).text,
    "refusal_shows_patient_data": lambda server: "Castellano" in server.ask("GET", "/Patient/bruno-castellano").text,
    "ignores_scopes": status("GET", A1, "openid"),
    "opens_the_patient_to_every_scope": status("GET", "/Patient/amelia-stone", "patient/Observation.rs"),
    "ignores_resource_type_of_scope": status("GET", A1, "patient/Condition.r"),
    "read_ignores_scopes": status("GET", A1, "openid"),
    "vread_ignores_scopes": status("GET", f"{A1}/_history/1", "openid"),
    "history_ignores_scopes": status("GET", f"{A1}/_history", "openid"),
    "search_ignores_scopes": status("GET", "/Observation", "openid"),
    "post_search_ignores_scopes": status("POST", "/Observation/_search", "openid", "code=1"),
    "type_history_ignores_scopes": status("GET", "/Observation/_history", "openid"),
    "create_ignores_scopes": status("POST", "/Observation", "openid", observation()),
    "update_ignores_scopes": status("PUT", A1, "openid", WRITE_A1),
    "patch_ignores_scopes": status("PATCH", A1, "openid", PATCH),
    "delete_ignores_scopes": status("DELETE", A1, "openid"),
    "reads_with_search_scope": status("GET", A1, "patient/Observation.s"),
    "searches_with_read_scope": status("GET", "/Observation", "patient/Observation.r"),
    "creates_with_read_scope": status("POST", "/Observation", "patient/Observation.r", observation()),
    "creates_with_update_scope": status("POST", "/Observation", "patient/Observation.u", observation()),
    "updates_with_read_scope": status("PUT", A1, "patient/Observation.r", WRITE_A1),
    "updates_with_create_scope": status("PUT", A1, "patient/Observation.c", WRITE_A1),
    "deletes_with_read_scope": status("DELETE", A1, "patient/Observation.r"),
    "deletes_with_update_scope": status("DELETE", A1, "patient/Observation.u"),
    "v1_read_includes_write": status("DELETE", A1, "patient/Observation.read"),
    "v1_write_includes_read": status("GET", A1, "patient/Observation.write"),
    "v1_read_lacks_search": status("GET", "/Observation", "patient/*.read"),
    "v1_write_lacks_create": status("POST", "/Observation", "patient/*.write", observation()),
    "v1_write_lacks_update": status("PUT", A1, "patient/*.write", WRITE_A1),
    "v1_write_lacks_delete": status("DELETE", A1, "patient/*.write"),
    "refuses_v1_scopes": status("GET", A1, "patient/Observation.read"),
    "refuses_v2_scopes": status("GET", A1, "patient/Observation.r"),
    "refuses_wildcard_scopes": status("GET", A1, "patient/*.r"),
    "refuses_user_scopes": status("GET", A1, "user/Observation.r"),
    "refuses_system_scopes": status("GET", A1, "system/Observation.r"),
    "refuses_all_but_patient_resource": status("GET", A1),
    "update_needs_create_scope_for_new_id": status("PUT", "/Observation/new-one", "patient/Observation.u", observation(id="new-one")),
    "batch_ignores_scopes": batch(("GET", A1[1:], None)),
    "transaction_ignores_scopes": batch(("GET", A1[1:], None), kind="transaction"),
    "include_ignores_scopes": found(INCLUDE, "patient/Observation.rs"),
    "granular_parameters_ignored_on_search": found("/Observation", GRANULAR),
    "granular_parameters_ignored_on_read": status("GET", A1, GRANULAR),
    "granular_parameters_ignored_on_write": status("DELETE", A1, GRANULAR),
    "granular_union_stops_at_first_scope": found("/Observation", UNION),
    "granular_scopes_are_intersected": found("/Observation", UNION),
    "refuses_granular_scopes": status("GET", A_LAB, GRANULAR),
    "reads_other_patient": status("GET", B1),
    "vreads_other_patient": status("GET", f"{B1}/_history/1"),
    "history_shows_other_patient": status("GET", f"{B1}/_history"),
    "search_shows_other_patient": found("/Observation?patient=bruno-castellano"),
    "search_by_subject_shows_other_patient": found("/Observation?subject=Patient/bruno-castellano"),
    "compartment_search_shows_other_patient": found("/Patient/bruno-castellano/Observation"),
    "post_search_shows_other_patient": found("/Observation/_search", method="POST", body="patient=bruno-castellano"),
    "type_history_shows_other_patient": found("/Observation/_history"),
    "include_shows_other_patient": found("/Practitioner?_id=dr-omar-nasser&_revinclude=Patient:general-practitioner", "patient/*.rs"),
    "batch_ignores_compartment": batch(("GET", "Patient/bruno-castellano", None)),
    "creates_for_other_patient": status("POST", "/Observation", body=observation("bruno-castellano")),
    "updates_other_patient": status("PUT", B1, body=observation("bruno-castellano", id=B1.rpartition("/")[2])),
    "patches_other_patient": status("PATCH", B1, body=PATCH),
    "deletes_of_other_patient": status("DELETE", B1),
    "user_scope_reaches_all_patients": status("GET", C1, "user/*.rs"),
    "user_search_shows_all_patients": found("/Patient", "user/*.rs"),
    "refuses_patient_in_context": status("GET", "/Patient/amelia-stone"),
    "refuses_encounter_in_context": status("GET", "/Encounter/amelia-stone-admission"),
    "refuses_fhir_user_read": status("GET", "/Practitioner/dr-lena-hart", "openid fhirUser"),
    "answers_fhir_as_html": lambda server: server.ask("GET", A1).headers["content-type"],
    "answers_read_with_another_resource": body_of(A1, "id"),
    "omits_id_of_resource": body_of(A1, "id"),
    "reads_deleted_resource": deleted,
    "search_answers_with_collection": body_of("/Observation", "type"),
    "search_ignores_patient_parameter": found("/Observation?patient=amelia-stone", "user/*.rs"),
    "search_ignores_category_parameter": found(f"/Observation?category={LAB}"),
    "search_omits_what_scopes_allow": found("/Observation"),
    "forgets_the_patient_of_a_search_on_its_second_page": body_of("/Observation?patient=amelia-stone&_count=1", "link"),
    "takes_the_cookie_of_the_login_for_a_token": with_a_login_and_no_token,
    "read_lacks_etag": lambda server: "etag" in server.ask("GET", A1).headers,
    "create_answers_200": status("POST", "/Observation", body=observation()),
    "missing_resource_answered_with_200": status("GET", "/Patient/nobody", "user/*.rs"),
    "batch_response_lacks_entries": batch(("GET", A1[1:], None)),
    **dict.fromkeys(
        (
            "metadata_demands_token",
            "metadata_lacks_smart_service",
            "metadata_lacks_oauth_uris",
            "metadata_lacks_token_uri",
            "metadata_token_uri_differs",
            "metadata_authorize_uri_differs",
        ),
        metadata,
    ),
    **dict.fromkeys(
        (
            "chart_omits_iss",
            "chart_sends_iss_of_another_server",
            "chart_sends_issuer_as_iss",
            "chart_encodes_iss_twice",
            "chart_omits_launch",
            "chart_sends_empty_launch",
            "chart_sends_parameters_in_fragment",
            "chart_launches_at_unregistered_uri",
            "chart_launch_value_names_patient",
        ),
        target,
    ),
    "chart_launch_value_repeats": two_launches,
    **dict.fromkeys(
        (
            "chart_binds_launch_to_another_app",
            "chart_launches_another_patient",
            "chart_loses_encounter",
            "chart_sends_encounter_of_another_patient",
        ),
        Server.launched,
    ),
    "login_page_may_be_framed": headers_of_page("login"),
    "consent_page_may_be_framed": headers_of_page("consent"),
    "smart_style_url_is_dead": style,
    "smart_style_is_not_json": style,
    "smart_style_is_a_list": style,
    "accepts_expired_token_for_searches": status("GET", "/Observation", expires_at=1.0),
    "accepts_expired_token_for_searches_by_post": status("POST", "/Observation/_search", body="code=1", expires_at=1.0),
    "accepts_expired_token_for_histories": status("GET", f"{A1}/_history", expires_at=1.0),
    "accepts_expired_token_for_batches": status("POST", "", body=BATCH, expires_at=1.0),
    "accepts_expired_backend_token_for_searches": status(
        "GET", "/Observation", "system/Observation.rs", user=None, patient=None, expires_at=1.0
    ),
    "accepts_revoked_token_for_searches": status("GET", "/Observation", revoked=True),
    "accepts_revoked_token_for_searches_by_post": status("POST", "/Observation/_search", body="code=1", revoked=True),
    "accepts_revoked_token_for_head": status("HEAD", A1, revoked=True),
    "accepts_revoked_token_for_writes": status("POST", "/Observation", body=observation(), revoked=True),
    "accepts_expired_token_for_writes": status("POST", "/Observation", body=observation(), expires_at=1.0),
    "accepts_expired_token_for_head": status("HEAD", A1, expires_at=1.0),
    "refuses_writes_without_a_challenge": challenge(lambda server: server.request("DELETE", f"/fhir{A1}")),
    "later_pages_show_other_patients": found("/Observation?_count=3&_offset=3"),
    "serves_compartments_without_a_token": without_token("GET", "/Patient/amelia-stone/Observation"),
    "tells_without_a_token_that_a_resource_is_unchanged": unchanged_for_nobody,
    "updates_of_users_move_resources_to_all_patients": moved_by_a_user,
    "app_state_is_found_without_its_version": versions_of_found_state,
    "accepts_revoked_token_for_batches": status("POST", "", body=BATCH, revoked=True),
    "accepts_token_with_something_behind_it": lambda server: server.bearer(f"{server.token()}0").status_code,
    "ignores_the_end_of_a_token": lambda server: server.bearer(f"{server.token()[:-4]}0000").status_code,
    "accepts_expired_token_of_a_refresh": status("GET", A1, expires_at=1.0, context={"_renewed": True}),
    "heeds_one_of_two_patients_of_a_search": found("/Observation?patient=amelia-stone&subject=Patient/bruno-castellano"),
    "compares_tokens_without_regard_to_case": lambda server: server.bearer(server.token().upper()).status_code,
    "serves_head_without_a_token": without_token("HEAD", A1),
    "serves_histories_without_a_token": without_token("GET", f"{A1}/_history"),
    "takes_writes_without_a_token": without_token("POST", "/Observation", observation()),
    "tells_anybody_that_a_resource_is_unchanged": unchanged_for_anybody,
    "wildcard_scopes_leave_out_documents": status("GET", "/DocumentReference", "patient/*.rs"),
    "app_state_answers_a_search_without_matches_with_404": found_none,
    "app_state_create_tells_no_location": location_of_new_state,
    "app_state_etag_is_not_the_version": etag_of_new_state,
    "app_state_finds_what_was_deleted": found_after_delete,
    "app_state_is_not_about_relatives": keep(subject={"reference": f"{BASE}/fhir/RelatedPerson/nobody"}),
    "app_state_makes_new_state_by_update": lambda server: (
        server.ask("PUT", "/Basic/new", body=state_body(id="new"), headers={"If-Match": 'W/"1"'}).status_code
    ),
    "app_state_update_keeps_the_old_extensions": extension_after_update,
    "smart_style_changes_at_its_address": style_again,
    "serves_searches_by_post_without_a_token": without_token("POST", "/Observation/_search", "patient=amelia-stone"),
    "takes_batches_without_a_token": without_token("POST", "", BATCH),
    "app_state_is_found_without_a_token": without_token("GET", "/Basic?code=https://app.example|preferences"),
    "app_state_has_room_for_one_subject_of_a_code": keep_for_two_subjects,
    "app_state_answers_a_changed_code_with_422": change("PUT", code={"coding": [{"code": "x"}]}),
    "app_state_answers_changes_after_delete_with_410": change("PUT", delete_first=True),
    "app_state_lets_the_subject_be_dropped": change_in_full(without="subject"),
    "app_state_update_repeats_the_old_etag": change_in_full(),
    "app_state_is_not_found_by_absolute_subject": state_search(f"subject={BASE}/fhir/Patient/amelia-stone"),
    "app_state_takes_id_from_app": keep(id="mine"),
    "app_state_loses_extensions": keep(),
    "app_state_loses_subject": keep(),
    "app_state_drops_what_it_cannot_keep": keep(extension=[{"url": "u", "valueInteger": 1}]),
    "app_state_is_about_patients_only": keep(subject={"reference": f"{BASE}/fhir/Practitioner/dr-lena-hart"}),
    "app_state_has_room_for_one_state": keep_two,
    "app_state_answers_lack_etag": keep(),
    "app_state_updates_without_if_match": change("PUT", None),
    "app_state_deletes_without_if_match": change("DELETE", None),
    "app_state_overwrites_newer_version": change("PUT", 'W/"0"'),
    "app_state_deletes_newer_version": change("DELETE", 'W/"0"'),
    "app_state_lets_code_change": change("PUT", code={"coding": [{"code": "x"}]}),
    "app_state_lets_subject_change": change("PUT", subject={"reference": f"{BASE}/fhir/Practitioner/dr-lena-hart"}),
    "app_state_accepts_changes_after_delete": change("PUT", delete_first=True),
    "app_state_search_ignores_code": state_search("code=https://app.example|else"),
    "app_state_search_ignores_the_system_of_a_code": state_search("code=https://else.example|preferences"),
    "app_state_search_ignores_subject": state_search(f"subject={BASE}/fhir/Practitioner/dr-lena-hart"),
    "app_state_search_ignores_missing": state_search("subject:missing=true"),
    "heeds_the_last_of_two_values_of_a_patient": found("/Observation?patient=amelia-stone&patient=bruno-castellano&_count=200"),
    "tells_anybody_that_nothing_has_changed_since": lambda server: (
        server.bearer(server.token(), B1, **{"If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"}).status_code
    ),
    "ignores_search_parameters_without_a_system": status("GET", A1, "patient/Observation.rs?category=laboratory"),
    "remembers_for_all_tokens_what_one_of_them_opened": opened_before,
    "updates_take_resources_out_of_the_scope": status("PUT", A_LAB, GRANULAR, {**observation(), "id": A_LAB.rpartition("/")[2]}),
    "patches_take_resources_out_of_the_scope": status(
        "PATCH", A_LAB, GRANULAR, [{"op": "replace", "path": "/category", "value": observation()["category"]}]
    ),
    "fhirpath_patches_move_resources_to_other_patients": status("PATCH", A1, body=MOVE),
    "serves_what_lies_behind_metadata_without_a_token": without_token("GET", f"/metadata/%2e%2e{A1}"),
    "takes_fhirpath_patches_without_a_token": without_token("PATCH", A1, MOVE),
    "accepts_expired_token_for_compartments": status("GET", "/Patient/amelia-stone/Observation", expires_at=1.0),
    "accepts_revoked_token_for_histories_of_types": status("GET", "/Observation/_history", revoked=True),
    "accepts_id_token_for_searches": id_token_in_a_search,
    "accepts_refresh_token_for_batches": refresh_token_in_a_batch,
    "serves_what_names_a_public_document_without_a_token": without_token("GET", f"{A1}?for=metadata"),
    "app_state_shown_to_other_apps": state_search("code=https://app.example|preferences", client_id="other"),
}

HERE = Path(smartlaunch.embedded_ehr.__file__).parent
MODULES = (*sorted(path.stem for path in HERE.glob("fhir*.py")), "app_state", "pages", "chart", "brands")
TEXT = "".join((HERE / f"{module}.py").read_text(encoding="utf-8") for module in MODULES)
_TABLES = (fhir_access.REFUSAL, fhir_access.TOKENLESS, fhir_access.EXPIRED, fhir_access.REVOKED)
ASKED = set(re.findall(r'(?:defects|rules)\(\s*"(\w+)"', TEXT)) | set().union(*_TABLES)
WITH_A_LOGIN = {"finds_nothing_outside_the_scopes_of_backend_services", "answers_unknown_types_with_an_empty_bundle"}
WITH_A_LOGIN |= {"delegates_more_than_the_user_may"}
WITH_A_LOGIN |= {
    "accepts_token_in_query_of_search",
    "app_state_lets_two_updates_at_once_both_win",
    "compares_patients_by_length_of_id",
    "granular_scope_narrows_a_wider_one",
    "heeds_first_parameter_of_a_scope_only",
    "heeds_last_parameter_of_a_scope_only",
    "ignores_v1_scopes_beside_those_of_v2",
    "patches_move_resources_to_other_patients",
    "serves_later_pages_without_a_token",
    "trusts_types_in_lower_case",
    "updates_move_resources_to_other_patients",
}
"""What only a token of the authorization server shows; the tests of whole flows and the matrix have them."""

PROBES |= {name: brand_bundle for name in ASKED if name.startswith("brands_")}


def test_every_defect_of_these_modules_has_a_probe() -> None:
    assert set(PROBES) == ASKED - WITH_A_LOGIN


@pytest.mark.parametrize("name", sorted(PROBES))
def test_defect_shows_and_is_traced(name: str) -> None:
    probe = PROBES[name]
    seen: set[str] = set()
    token = consulted.set(seen)
    try:
        clean = probe(Server())
    finally:
        consulted.reset(token)
    assert name in seen, "the clean server does not come to this rule"
    assert probe(Server(name)) != clean
