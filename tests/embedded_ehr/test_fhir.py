"""The sandbox's FHIR server keeps its rules: what is right works, what is not is refused in the right form."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from smartlaunch.embedded_ehr import brands, fhir_endpoint
from smartlaunch.embedded_ehr.defects import Defects, Variants
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.registry import Client, User
from smartlaunch.embedded_ehr.state import AccessToken, State

BASE = "http://ehr.test"
LAB = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
VITALS = "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
A_LAB, A_VITAL = "amelia-stone-glucose-1", "amelia-stone-heart-rate-1"
USERS = {
    "lena": User("lena", "pw", "Dr. Lena Hart", "Practitioner/dr-lena-hart", "clinician", ("amelia-stone", "bruno-castellano")),
    "grace": User("grace", "pw", "Grace Lindqvist", None, "clinician", ()),
}


class InProcess:
    """A plain client that calls the application without a socket."""

    def __init__(self, app: Starlette) -> None:
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE)

    def request(self, method: str, url: str, **more: Any) -> httpx.Response:
        return asyncio.run(self._client.request(method, url, **more))

    def get(self, url: str, **more: Any) -> httpx.Response:
        return self.request("GET", url, **more)

    def post(self, url: str, **more: Any) -> httpx.Response:
        return self.request("POST", url, **more)


class Harness:
    """A FHIR server alone, with tokens made to measure."""

    def __init__(self, *defects: str, variants: tuple[str, ...] = ()) -> None:
        self.state = State(BASE, clients={"app": Client("app", "App", "public")}, users=USERS)
        rules = Defects(defects), Variants(variants)
        options = SandboxOptions()
        routes = [*fhir_endpoint.routes(self.state, *rules, options), *brands.routes(self.state, *rules, options)]
        self.http = InProcess(Starlette(routes=routes))

    def token(self, scopes: str, **changes: Any) -> str:
        now = time.time()
        value = f"{'t' * 20}-{len(self.state.access_tokens)}-{changes.get('tag', '')}"
        changes.pop("tag", None)
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

    def ask(self, method: str, path: str, scopes: str = "patient/*.cruds", body: Any = None, headers: Any = None, **changes: Any) -> Any:
        bearer = {"Authorization": f"Bearer {self.token(scopes, **changes)}"}
        if isinstance(body, str):
            content, kind = body.encode(), "application/x-www-form-urlencoded"
        else:
            content, kind = (b"" if body is None else json.dumps(body).encode()), "application/fhir+json"
        return self.http.request(method, f"/fhir{path}", content=content, headers={"Content-Type": kind, **bearer, **(headers or {})})

    def get(self, path: str, scopes: str = "patient/*.cruds", **more: Any) -> Any:
        return self.ask("GET", path, scopes, **more)


@pytest.fixture
def server() -> Harness:
    return Harness()


def observation(patient: str = "amelia-stone", category: str = "vital-signs", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": f"Patient/{patient}"},
        **more,
    }


def ids(bundle: dict[str, Any]) -> set[str]:
    return {entry["resource"]["id"] for entry in bundle.get("entry", [])}


# -- tokens -------------------------------------------------------------------------------------------------------------


def test_read_of_the_patient_in_context(server: Harness) -> None:
    answer = server.get("/Patient/amelia-stone", "patient/Patient.r")
    assert answer.status_code == 200
    assert answer.json()["id"] == "amelia-stone"
    assert answer.headers["content-type"] == "application/fhir+json; charset=utf-8"
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"


def test_no_token(server: Harness) -> None:
    answer = server.http.get("/fhir/Patient/amelia-stone")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="Lakeside EHR"'
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    "change",
    [{"expires_at": 1.0}, {"revoked": True}, {"aud": "https://other.example/fhir"}],
    ids=["expired", "revoked", "foreign-aud"],
)
def test_token_that_does_not_hold(server: Harness, change: dict[str, Any]) -> None:
    answer = server.get("/Patient/amelia-stone", **change)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert "Stone" not in answer.text


def test_junk_token_comes_before_a_bad_body(server: Harness) -> None:
    answer = server.http.post("/fhir/Observation", content=b"{", headers={"Authorization": "Bearer junk"})
    assert answer.status_code == 401


def test_token_travels_in_the_header_only(server: Harness) -> None:
    value = server.token("patient/*.rs")
    assert server.http.get(f"/fhir/Patient/amelia-stone?access_token={value}").status_code == 401
    assert server.http.post("/fhir/Observation/_search", data={"access_token": value}).status_code == 401
    assert server.http.get("/fhir/Patient/amelia-stone", headers={"Authorization": f"bearer {value}"}).status_code == 200
    twice = server.http.get(f"/fhir/Patient/amelia-stone?access_token={value}", headers={"Authorization": f"Bearer {value}"})
    assert twice.status_code == 400


# -- the scope matrix ---------------------------------------------------------------------------------------------------

O1 = f"/Observation/{A_VITAL}"
PATCH = [{"op": "replace", "path": "/status", "value": "amended"}]
MATRIX: dict[str, tuple[str, str, str, Any]] = {
    # operation: letter, method, path, body
    "read": ("r", "GET", O1, None),
    "vread": ("r", "GET", f"{O1}/_history/1", None),
    "history": ("r", "GET", f"{O1}/_history", None),
    "search": ("s", "GET", "/Observation?patient=amelia-stone", None),
    "post-search": ("s", "POST", "/Observation/_search", "patient=amelia-stone"),
    "type-history": ("s", "GET", "/Observation/_history", None),
    "create": ("c", "POST", "/Observation", observation()),
    "update": ("u", "PUT", O1, observation(id=A_VITAL)),
    "patch": ("u", "PATCH", O1, PATCH),
    "delete": ("d", "DELETE", O1, None),
}
EQUAL = {
    "c": ["c", "write", "*", "cruds"],
    "r": ["r", "read", "*", "rs"],
    "u": ["u", "write", "*"],
    "d": ["d", "write", "cud"],
    "s": ["s", "read"],
}


@pytest.mark.parametrize("operation", MATRIX)
def test_scope_matrix(operation: str) -> None:
    letter, method, path, body = MATRIX[operation]
    headers = {"Content-Type": "application/json-patch+json"} if operation == "patch" else None
    for form in EQUAL[letter]:
        for level in ("patient", "user", "system"):
            for kind in ("Observation", "*"):
                answer = Harness().ask(method, path, f"{level}/{kind}.{form}", body, headers)
                assert answer.status_code in (200, 201, 204), (form, level, kind, answer.text)
    for other in "cruds".replace(letter, ""):
        answer = Harness().ask(method, path, f"patient/Observation.{other} patient/Condition.cruds", body, headers)
        assert answer.status_code == 403, other
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert Harness().ask(method, path, "openid fhirUser launch", body, headers).status_code == 403


def test_version_1_write_does_not_read(server: Harness) -> None:
    assert server.get(O1, "patient/Observation.write").status_code == 403
    assert server.ask("PUT", O1, "patient/Observation.read", observation(id=A_VITAL)).status_code == 403


def test_letters_out_of_order_grant_nothing(server: Harness) -> None:
    assert server.get(O1, "patient/Observation.sr").status_code == 403


def test_granular_scope(server: Harness) -> None:
    scope = f"patient/Observation.rs?category={LAB}"
    assert server.get(f"/Observation/{A_LAB}", scope).status_code == 200
    assert server.get(f"/Observation/{A_VITAL}", scope).status_code == 403
    found = server.get("/Observation?patient=amelia-stone", scope).json()
    assert A_LAB in ids(found)
    assert A_VITAL not in ids(found)
    assert ids(server.get(f"/Observation?patient=amelia-stone&category={VITALS}", scope).json()) == set()
    union = server.get("/Observation?patient=amelia-stone", f"{scope} patient/Observation.rs?category={VITALS}").json()
    assert {A_LAB, A_VITAL} <= ids(union)


def test_granular_scope_on_writes(server: Harness) -> None:
    scope = f"patient/Observation.cu?category={LAB}"
    assert server.ask("POST", "/Observation", scope, observation(category="laboratory")).status_code == 201
    assert server.ask("POST", "/Observation", scope, observation()).status_code == 403
    assert server.ask("PUT", f"/Observation/{A_LAB}", scope, observation(id=A_LAB)).status_code == 403


# -- compartment and user -----------------------------------------------------------------------------------------------

B1 = "/Observation/bruno-castellano-heart-rate-1"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/Patient/bruno-castellano", None),
        ("GET", B1, None),
        ("GET", f"{B1}/_history/1", None),
        ("GET", f"{B1}/_history", None),
        ("GET", "/Observation?patient=bruno-castellano", None),
        ("GET", "/Observation?subject=Patient/bruno-castellano", None),
        ("GET", f"/Observation?patient={BASE}/fhir/Patient/bruno-castellano", None),
        ("GET", "/Observation?patient=amelia-stone,bruno-castellano", None),
        ("GET", "/Patient?_id=bruno-castellano", None),
        ("POST", "/Observation/_search", "patient=bruno-castellano"),
        ("POST", "/Observation", observation("bruno-castellano")),
        ("PUT", B1, observation("bruno-castellano", id="bruno-castellano-heart-rate-1")),
        ("PUT", B1, observation("amelia-stone", id="bruno-castellano-heart-rate-1")),
        ("PUT", f"/Observation/{A_VITAL}", observation("bruno-castellano", id=A_VITAL)),
        ("DELETE", B1, None),
    ],
)
def test_other_patient_is_out_of_reach(server: Harness, method: str, path: str, body: Any) -> None:
    answer = server.ask(method, path, "patient/*.cruds", body)
    assert answer.status_code == 403
    assert "Castellano" not in answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_search_without_patient_finds_the_one_in_context(server: Harness) -> None:
    for path in ("/Patient", "/Observation", "/Observation?code=8867-4", "/?_type=Observation,Condition", "/Observation/_history"):
        bundle = server.get(path, "patient/*.rs").json()
        assert bundle["entry"]
        assert "bruno-castellano" not in json.dumps(bundle), path


def test_patient_scope_without_a_patient_reaches_nobody(server: Harness) -> None:
    assert server.get("/Patient/amelia-stone", "patient/*.rs", patient=None).status_code == 403


def test_user_scope_reaches_the_users_patients(server: Harness) -> None:
    assert server.get("/Patient/bruno-castellano", "user/*.rs").status_code == 200
    assert server.get("/Patient/chidi-okafor", "user/*.rs").status_code == 403
    assert ids(server.get("/Patient", "user/Patient.rs").json()) == {"amelia-stone", "bruno-castellano"}
    assert ids(server.get("/Patient", "user/Patient.rs", user="grace").json()) == set()
    assert ids(server.get("/Patient", "system/Patient.rs", user=None).json()) >= {"chidi-okafor"}


def test_fhir_user_can_be_read(server: Harness) -> None:
    assert server.get("/Practitioner/dr-lena-hart", "openid fhirUser").status_code == 200
    assert server.get("/Practitioner/dr-omar-nasser", "openid fhirUser").status_code == 403
    assert server.get("/Practitioner/dr-lena-hart", "openid").status_code == 403


# -- search -------------------------------------------------------------------------------------------------------------


def test_search_bundle(server: Harness) -> None:
    bundle = server.get(f"/Observation?patient=amelia-stone&category={LAB}&_count=2&_sort=-date").json()
    assert (bundle["type"], bundle["total"], len(bundle["entry"])) == ("searchset", 5, 2)
    links = {link["relation"]: link["url"] for link in bundle["link"]}
    assert links["self"].startswith(f"{BASE}/fhir/Observation?")
    following = server.get(links["next"].removeprefix(f"{BASE}/fhir")).json()
    assert not ids(bundle) & ids(following)
    assert bundle["entry"][0]["fullUrl"].startswith(f"{BASE}/fhir/Observation/")
    assert "entry" not in server.get("/Observation?_summary=count").json()


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("code=http://loinc.org|4548-4", 1),
        ("code=4548-4,2345-7", 2),
        ("date=2026-04", 4),
        ("date=ge2026-11-20", 5),
        ("date=lt2026-11-20&date=gt2026-11-01", 6),
        ("_id=amelia-stone-glucose-1", 1),
        ("category:not=laboratory", 10),
        ("encounter=Encounter/amelia-stone-checkup", 4),
        ("code:missing=true", 0),
    ],
)
def test_search_parameters(server: Harness, query: str, count: int) -> None:
    assert server.get(f"/Observation?{query}").json()["total"] == count


def test_include_keeps_to_the_scopes(server: Harness) -> None:
    path = "/Observation?_id=amelia-stone-glucose-1&_include=Observation:patient&_include=Observation:encounter"
    wide = server.get(path, "patient/*.rs").json()
    assert ids(wide) == {"amelia-stone-glucose-1", "amelia-stone", "amelia-stone-checkup"}
    assert [entry["search"]["mode"] for entry in wide["entry"]] == ["match", "include", "include"]
    assert ids(server.get(path, "patient/Observation.rs patient/Patient.r").json()) == {"amelia-stone-glucose-1", "amelia-stone"}
    back = server.get("/Encounter?_id=amelia-stone-checkup&_revinclude=Observation:encounter", "patient/Encounter.rs").json()
    assert ids(back) == {"amelia-stone-checkup"}


def test_bad_requests(server: Harness) -> None:
    assert server.get("/Observation?date=soon").status_code == 400
    assert server.get("/Observation?shoe=1", headers={"Prefer": "handling=strict"}).status_code == 400
    assert server.get("/Observation?shoe=1").status_code == 200
    assert server.get("/Observation?_count=many").status_code == 400
    assert server.get("/Spaceship/1").status_code == 404
    assert server.get("/Patient/nobody").status_code == 404
    assert server.get("/Patient/amelia-stone/$everything").status_code == 200
    assert server.get("/Patient/amelia-stone/$nothing-known").status_code == 404
    assert server.get("/Patient/amelia-stone", headers={"Accept": "application/fhir+xml"}).status_code == 406
    assert server.ask("POST", "/Observation", body=[1]).status_code == 400
    assert server.ask("POST", "/Observation", body={"resourceType": "Patient"}).status_code == 400
    assert server.ask("POST", "/Observation", body=observation(), headers={"Content-Type": "text/plain"}).status_code == 415
    assert server.ask("PUT", "/Patient", body={"resourceType": "Patient"}).status_code == 405


# -- writes -------------------------------------------------------------------------------------------------------------


def test_life_of_a_resource(server: Harness) -> None:
    created = server.ask("POST", "/Observation", body=observation())
    assert created.status_code == 201
    path = created.headers["location"].removeprefix(f"{BASE}/fhir").partition("/_history")[0]
    resource = created.json()
    changed = server.ask("PUT", path, body={**resource, "status": "amended"}, headers={"If-Match": 'W/"1"'})
    assert changed.json()["meta"]["versionId"] == "2"
    assert server.ask("PUT", path, body=resource, headers={"If-Match": 'W/"1"'}).status_code == 412
    patched = server.ask("PATCH", path, body=PATCH, headers={"Content-Type": "application/json-patch+json"})
    assert patched.json()["meta"]["versionId"] == "3"
    assert server.get(f"{path}/_history/1").json()["status"] == "final"
    assert server.get(path, headers={"If-None-Match": 'W/"3"'}).status_code == 304
    assert server.ask("DELETE", path).status_code == 204
    assert server.ask("DELETE", path).status_code == 204
    assert server.get(path).status_code == 410
    assert [entry["request"]["method"] for entry in server.get(f"{path}/_history").json()["entry"]] == ["DELETE", "PATCH", "PUT", "POST"]


def test_patch_cannot_move_a_resource_to_another_patient(server: Harness) -> None:
    move = [{"op": "replace", "path": "/subject/reference", "value": "Patient/bruno-castellano"}]
    assert server.ask("PATCH", O1, body=move).status_code == 403
    assert server.ask("PATCH", O1, body=[{"op": "replace", "path": "/id", "value": "x"}]).status_code == 422
    assert server.ask("PATCH", O1, body=[{"op": "remove", "path": "/nothing"}]).status_code == 422


def bundle_of(kind: str, *entries: tuple[str, str, Any]) -> dict[str, Any]:
    rows = [{"request": {"method": method, "url": url}} | ({"resource": body} if body else {}) for method, url, body in entries]
    return {"resourceType": "Bundle", "type": kind, "entry": rows}


def test_batch_judges_each_entry(server: Harness) -> None:
    body = bundle_of(
        "batch",
        ("GET", "Patient/amelia-stone", None),
        ("GET", "Patient/bruno-castellano", None),
        ("GET", "Observation?patient=amelia-stone", None),
        ("POST", "Observation", observation()),
        ("DELETE", A_VITAL, None),
    )
    answer = server.ask("POST", "", "patient/Patient.r patient/Observation.s", body)
    assert answer.json()["type"] == "batch-response"
    assert [entry["response"]["status"] for entry in answer.json()["entry"]] == ["200", "403", "200", "403", "404"]
    assert "Castellano" not in answer.text


def test_transaction_is_all_or_nothing(server: Harness) -> None:
    before = server.get("/Observation").json()["total"]
    refused = server.ask("POST", "/", body=bundle_of("transaction", ("POST", "Observation", observation()), ("GET", B1[1:], None)))
    assert refused.status_code == 403
    assert server.get("/Observation").json()["total"] == before
    linked = bundle_of(
        "transaction",
        ("POST", "Observation", observation(encounter={"reference": "urn:uuid:1"})),
        ("POST", "Encounter", {"resourceType": "Encounter", "status": "planned", "subject": {"reference": "Patient/amelia-stone"}}),
    )
    linked["entry"][1]["fullUrl"] = "urn:uuid:1"
    done = server.ask("POST", "/", body=linked).json()
    made = [entry["resource"] for entry in done["entry"]]
    assert made[0]["encounter"]["reference"] == f"Encounter/{made[1]['id']}"


# -- metadata, variants -------------------------------------------------------------------------------------------------


def test_capability_statement(server: Harness) -> None:
    statement = server.http.get("/fhir/metadata").json()
    security = statement["rest"][0]["security"]
    addresses = {row["url"]: row["valueUri"] for row in security["extension"][0]["extension"]}
    assert addresses["token"] == f"{BASE}/oauth/token"
    assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    assert statement["fhirVersion"] == "4.0.1"


def test_variants_stay_within_what_is_permitted() -> None:
    assert Harness(variants=("finds_nothing_of_other_patients",)).get("/Observation?patient=bruno-castellano").json()["total"] == 0
    assert Harness(variants=("hides_other_patients_as_not_found",)).get("/Patient/bruno-castellano").status_code == 404
    assert Harness(variants=("offers_no_writes",)).ask("POST", "/Observation", body=observation()).status_code == 405
    assert Harness(variants=("offers_no_writes",)).ask("POST", "/Observation/_search", body="code=8867-4").status_code == 200
    assert Harness(variants=("refuses_search_by_post",)).ask("POST", "/Observation/_search", body="code=8867-4").status_code == 405
    assert Harness(variants=("offers_no_batch",)).ask("POST", "", body=bundle_of("batch")).status_code == 405
    assert Harness(variants=("offers_no_history",)).get(f"{O1}/_history").status_code == 404
    assert "total" not in Harness(variants=("omits_total_of_search",)).get("/Observation").json()
    keeping = Harness(variants=("keeps_back_shared_resources",))
    assert keeping.get("/Practitioner/dr-omar-nasser").status_code == 403
    assert keeping.get("/Practitioner/dr-lena-hart", "fhirUser patient/*.rs").status_code == 200
    form = Harness(variants=("accepts_token_in_form_body",))
    assert form.http.post("/fhir/Patient/_search", data={"access_token": form.token("patient/*.rs")}).status_code == 200
    assert "x-request-id" not in Harness(variants=("sends_no_request_id",)).get(O1).headers
    gone = Harness(variants=("answers_deleted_with_404",))
    gone.ask("DELETE", O1)
    assert gone.get(O1).status_code == 404


# -- App State and brands -----------------------------------------------------------------------------------------------


def app_state(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Basic",
        "code": {"coding": [{"system": "https://app.example", "code": "preferences"}]},
        "subject": {"reference": f"{BASE}/fhir/Patient/amelia-stone"},
        "extension": [{"url": "https://app.example/v1", "valueString": "{}"}],
        **more,
    }


def test_app_state(server: Harness) -> None:
    created = server.ask("POST", "/Basic", body=app_state())
    assert created.status_code == 201
    kept, etag = created.json(), created.headers["etag"]
    path = f"/Basic/{kept['id']}"
    query = f"/Basic?code=https://app.example|preferences&subject={BASE}/fhir/Patient/amelia-stone"
    assert ids(server.get(query).json()) == {kept["id"]}
    assert ids(server.get("/Basic?code=https://app.example|preferences&subject:missing=true").json()) == set()
    assert ids(server.get(query, client_id="other").json()) == set()
    assert server.ask("PUT", path, body=kept).status_code == 400
    changed = server.ask("PUT", path, body={**kept, "extension": []}, headers={"If-Match": etag})
    assert changed.status_code == 200
    assert server.ask("PUT", path, body=kept, headers={"If-Match": etag}).status_code == 412
    now = {"If-Match": changed.headers["etag"]}
    assert server.ask("PUT", path, body={**kept, "code": {"coding": [{"code": "x"}]}}, headers=now).status_code == 412
    no_subject = {name: value for name, value in kept.items() if name != "subject"}
    assert server.ask("PUT", path, body=no_subject, headers=now).status_code == 412
    assert server.ask("DELETE", path).status_code == 400
    assert server.ask("DELETE", path, headers={"If-Match": etag}).status_code == 412
    assert server.ask("DELETE", path, headers=now).status_code == 204
    assert server.ask("PUT", path, body=kept, headers=now).status_code == 412
    assert server.ask("DELETE", path, headers=now).status_code == 412


@pytest.mark.parametrize(
    "body",
    [
        app_state(id="mine"),
        app_state(meta={"versionId": "1"}),
        app_state(code={"coding": []}),
        app_state(subject={"reference": "Patient/amelia-stone"}),
        app_state(subject={"reference": f"{BASE}/fhir/Encounter/amelia-stone-checkup"}),
        app_state(extension=[{"url": "u", "valueInteger": 1}]),
        app_state(extension=[{"url": "u", "valueString": "x" * 270_000}]),
    ],
)
def test_app_state_that_cannot_be_kept(server: Harness, body: dict[str, Any]) -> None:
    assert server.ask("POST", "/Basic", body=body).status_code in (400, 413, 422)


def test_brands(server: Harness) -> None:
    answer = server.http.get(brands.BUNDLE_PATH)
    bundle = answer.json()
    assert answer.headers["access-control-allow-origin"] == "*"
    preflight = server.http.request("OPTIONS", brands.BUNDLE_PATH, headers={"Access-Control-Request-Headers": "if-none-match"})
    assert "If-None-Match" in preflight.headers["access-control-allow-headers"]
    primary = [entry for entry in bundle["entry"] if brands.PRIMARY_IDENTIFIER in entry["resource"].get("identifier", [])]
    assert len(primary) == 1
    assert server.http.get(brands.BUNDLE_PATH, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
