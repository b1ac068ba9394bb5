"""Each check on App State passes the right answer and names exactly what is wrong with a wrong one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from smartlaunch.checks import app_state as checks
from smartlaunch.checks.members import Findings
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response
from smartlaunch.finding import Side

REQ = "SMART-2.2-app-state-create-b"
CODE = ("https://app.example", "prefs")
SUBJECT = "https://ehr.example/fhir/Patient/1"
SENT: dict[str, Any] = {
    "resourceType": "Basic",
    "code": {"coding": [{"system": CODE[0], "code": CODE[1]}]},
    "subject": {"reference": SUBJECT},
    "extension": [{"url": "https://app.example/a", "valueString": "1"}, {"url": "https://app.example/b", "valueString": "2"}],
}
STORED = {**SENT, "id": "9", "meta": {"versionId": "a"}}


def answer(body: object, *, status: int = 201, method: str = "POST", **headers: str) -> Exchange:
    """An answer of the FHIR server."""
    request = Request(method, "https://ehr.example/fhir/Basic")
    return Exchange(
        "x0001",
        Actor.APP,
        Endpoint.FHIR,
        datetime.now(UTC),
        1.0,
        request,
        Response(status, tuple(headers.items()), json.dumps(body).encode()),
    )


def bundle(*resources: dict[str, Any]) -> Exchange:
    """A searchset of resources."""
    return answer({"resourceType": "Bundle", "entry": [{"resource": r} for r in resources]}, status=200, method="GET")


def actual(findings: Findings) -> str:
    """The only finding's words."""
    assert len(findings) == 1, findings
    assert findings[0].side is Side.FHIR_SERVER
    return findings[0].actual


def test_the_right_answers_pass() -> None:
    good = answer(STORED, ETag='W/"a"')
    assert checks.created(REQ, good) == []
    assert checks.accepted(REQ, "update", good) == []
    assert checks.has_new_id(REQ, good) == []
    assert checks.keeps(REQ, SENT, good) == []
    assert checks.kept_or_refused(REQ, SENT, good) == []
    assert checks.answer_form(REQ, good) == []
    assert checks.answer_form(REQ, good, 'W/"z"') == []
    assert checks.ignores_chosen_id(REQ, {**SENT, "id": "mine"}, good) == []
    assert checks.finds(REQ, bundle(STORED), "9", CODE, SUBJECT) == []


def test_refused_creation_is_named() -> None:
    assert actual(checks.created(REQ, answer({}, status=405))) == "status 405, no media type"
    assert actual(checks.created(REQ, answer(STORED, status=200))) == "status 200, a Basic"
    assert checks.accepted(REQ, "delete", answer(None, status=204)) == []
    assert checks.accepted(REQ, "delete", answer({}, status=500))[0].expected == "the delete of App State carried out"


@pytest.mark.parametrize(("body", "said"), [({**STORED, "id": ""}, 'it is ""'), ({**STORED, "meta": {}}, "it is null")])
def test_missing_id_or_version_is_named(body: object, said: str) -> None:
    assert actual(checks.has_new_id(REQ, answer(body))) == said


def test_id_of_the_app_must_not_stay() -> None:
    assert actual(checks.ignores_chosen_id(REQ, {"id": "9"}, answer(STORED))) == "the id that the app chose was kept"
    assert checks.ignores_chosen_id(REQ, {"id": "9"}, answer(STORED, status=400)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"subject": {"reference": "Patient/2"}}, "`subject.reference` was changed"),
        ({"subject": None}, "`subject.reference` is absent"),
        ({"extension": SENT["extension"][:1]}, 'the extension "https://app.example/b" was lost or changed'),
        (
            {"extension": [SENT["extension"][0], {"url": "https://app.example/b", "valueString": "3"}]},
            'the extension "https://app.example/b" was lost or changed',
        ),
    ],
)
def test_what_was_lost_is_named(change: dict[str, Any], said: str) -> None:
    wrong = answer({**STORED, **change})
    assert actual(checks.keeps(REQ, SENT, wrong)) == said
    assert actual(checks.kept_or_refused(REQ, SENT, wrong)) == f"status 201, and {said}"
    assert checks.kept_or_refused(REQ, SENT, answer({}, status=422)) == []


def test_a_reference_to_the_server_itself_may_lose_its_base() -> None:
    assert checks.keeps(REQ, SENT, answer({**STORED, "subject": {"reference": "Patient/1"}})) == []


def test_other_code_is_named_and_a_display_is_allowed() -> None:
    described = {"coding": [{"system": CODE[0], "code": CODE[1], "display": "Preferences"}]}
    assert checks.keeps(REQ, SENT, answer({**STORED, "code": described})) == []
    assert "`code.coding` is []" in actual(checks.keeps(REQ, SENT, answer({**STORED, "code": {"coding": []}})))
    assert actual(checks.keeps(REQ, SENT, answer({"resourceType": "OperationOutcome"}))).startswith("status 201, OperationOutcome")


def test_form_of_the_answer() -> None:
    assert actual(checks.answer_form(REQ, answer(STORED))) == "there is none"
    assert actual(checks.answer_form(REQ, answer(STORED, ETag='W/"a"'), 'W/"a"')) == "it is the one from before the update"
    assert actual(checks.answer_form(REQ, answer({}, ETag='W/"a"'))) == "status 201, no media type"


def test_wrong_requests_must_come_to_nothing() -> None:
    assert checks.not_carried_out(REQ, "update", answer({}, status=400)) == []
    assert checks.not_carried_out(REQ, "search", bundle()) == []
    assert actual(checks.not_carried_out(REQ, "search", bundle(STORED))) == "status 200, a Bundle with 1 resources"
    assert actual(checks.not_carried_out(REQ, "delete", answer(None, status=204, method="DELETE"))) == "status 204, no media type"
    assert checks.precondition_failed(REQ, "it", answer({}, status=412)) == []
    assert actual(checks.precondition_failed(REQ, "it", answer({}, status=409))) == "status 409, no media type"


def test_search_finds_the_state_and_no_other() -> None:
    other_code = {**STORED, "id": "10", "code": {"coding": [{"system": CODE[0], "code": "other"}]}}
    other_subject = {**STORED, "id": "11", "subject": {"reference": f"{SUBJECT}0"}}
    about_nobody = {k: v for k, v in STORED.items() if k != "subject"}
    assert actual(checks.finds(REQ, answer({}, status=400), "9", CODE, SUBJECT)) == "status 400, no media type"
    assert actual(checks.finds(REQ, bundle(), "9", CODE, SUBJECT)) == "status 200, a Bundle with 0 resources"
    assert actual(checks.finds(REQ, bundle(STORED, other_code), "9", CODE, SUBJECT)) == 'one is under [["https://app.example", "other"]]'
    assert actual(checks.finds(REQ, bundle(STORED, other_subject), "9", CODE, SUBJECT)) == "one has another subject"
    assert actual(checks.finds(REQ, bundle(about_nobody), "9", CODE, SUBJECT)) == "one has no subject"
    assert checks.finds(REQ, bundle(about_nobody), "9", CODE, "") == []
    assert actual(checks.finds(REQ, bundle(STORED), "9", CODE, "")) == "one has another subject"
    for meta in ({"lastUpdated": "2026-01-01T00:00:00Z"}, None):
        assert actual(checks.finds(REQ, bundle({**STORED, "meta": meta}), "9", CODE, SUBJECT)) == "it is absent"


def test_claims_of_the_capability_statement() -> None:
    server, profile = "https://x.example/server", "https://x.example/profile"

    def claim(statement: dict[str, Any]) -> str:
        return checks.claims_state(statement, server, profile)

    assert claim({"instantiates": [f"{server}|2.2.0"]}) == f"`instantiates` names {server}"
    rest = [{"resource": [{"type": "Patient"}, {"type": "Basic", "supportedProfile": [profile]}]}]
    assert claim({"rest": rest}) == f"the profile of Basic is {profile}"
    assert claim({"rest": [{"resource": [{"type": "Basic"}]}, None], "instantiates": "x"}) == ""
    assert checks.lists_capability(REQ, answer({}), "", listed=False) == []
    assert checks.lists_capability(REQ, answer({}), "it says so", listed=True) == []
    assert actual(checks.lists_capability(REQ, answer({}), "it says so", listed=False)).endswith("it says so")


def test_an_etag_that_is_not_the_version_is_named() -> None:
    for tag in ('W/"a"', '"a"', "a"):
        assert checks.answer_form(REQ, answer(STORED, ETag=tag)) == []
    assert actual(checks.answer_form(REQ, answer(STORED, ETag='W/"b"'))) == '`ETag` is W/"b", `meta.versionId` is "a"'
    assert checks.answer_form(REQ, answer({**SENT, "id": "9"}, ETag='W/"b"')) == []


def test_what_a_refusal_leaves() -> None:
    refused, tried = answer({}, status=412, method="PUT"), {**SENT, "extension": [{"url": "https://app.example/a", "valueString": "3"}]}
    assert checks.left_alone(REQ, "update", refused, None, "9", tried) == []
    assert checks.left_alone(REQ, "update", refused, answer({}, status=500), "9", tried) == []
    assert checks.left_alone(REQ, "update", refused, bundle(STORED), "9", tried) == []
    assert checks.left_alone(REQ, "delete", refused, bundle(STORED), "9", None) == []
    assert "no longer found" in actual(checks.left_alone(REQ, "delete", refused, bundle(), "9", None))
    done = bundle({**STORED, "extension": tried["extension"]})
    assert actual(checks.left_alone(REQ, "update", refused, done, "9", tried)) == "the state is what the refused request asked for"


def test_what_is_found_is_what_was_sent_last() -> None:
    assert checks.finds_as_sent(REQ, SENT, bundle(STORED), "9") == []
    assert checks.finds_as_sent(REQ, SENT, bundle(), "9") == []
    old = {**STORED, "extension": []}
    assert [one.pointer for one in checks.finds_as_sent(REQ, SENT, bundle(old), "9")] == ["/extension/0", "/extension/1"]


def test_a_search_without_matches_is_a_bundle() -> None:
    assert checks.empty_bundle(REQ, bundle(), "9") == []
    assert checks.empty_bundle(REQ, bundle({**STORED, "id": "10"}), "9") == []
    assert actual(checks.empty_bundle(REQ, answer({}, status=404), "9")) == "status 404, no media type"
    assert actual(checks.empty_bundle(REQ, answer([], status=200), "9")) == "status 200, no media type"
    assert actual(checks.empty_bundle(REQ, bundle(STORED), "9")) == "it is still found"
