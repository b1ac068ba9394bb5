import json
from datetime import UTC, datetime

import pytest

from smartlaunch.checks import launch, members, token_error
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response

JSON = (("Content-Type", "application/json"),)


def answer(document, *, status=400, headers=JSON) -> Exchange:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Exchange(
        "x1", Actor.APP, Endpoint.TOKEN, datetime.now(UTC), 5, Request("POST", "https://e.example/token"), Response(status, headers, data)
    )


def test_no_token() -> None:
    assert token_error.no_token("R", answer({"error": "invalid_grant"}), "it") == []
    assert token_error.no_token("R", answer({"access_token": ""}), "it") == []
    assert token_error.no_token("R", answer({"access_token": "t"}, status=200), "it")[0].pointer == "/access_token"


def test_the_charset_of_a_form_changes_neither_status_nor_members() -> None:
    plain = answer({"error": "invalid_grant", "error_description": "a"})
    assert members.charset_changes_nothing("R", plain, answer({"error": "invalid_grant", "error_description": "b"}), "error") == []
    other, refused = answer({"error": "invalid_request"}), answer({"error": "invalid_grant"}, status=415)
    assert [f.actual for f in members.charset_changes_nothing("R", plain, other, "error")] == ['status 400, `error` is "invalid_request"']
    assert [f.actual for f in members.charset_changes_nothing("R", plain, refused)] == ["status 415"]


def test_a_token_is_not_shown() -> None:
    assert "s3cr3t" not in repr(token_error.no_token("R", answer({"access_token": "s3cr3t-token"}, status=200), "it"))


@pytest.mark.parametrize(("status", "found"), [(400, 0), (401, 0), (403, 0), (200, 1), (302, 1), (500, 1)])
def test_status(status, found) -> None:
    assert len(token_error.status_400("R", answer({}, status=status))) == found
    assert len(token_error.clear_refusal("R", answer({}, status=status))) == found


@pytest.mark.parametrize(
    ("body", "actual"),
    [({"error": "invalid_grant"}, ""), ({}, "no `error`"), ({"error": 7}, "7"), (b"<html>", "not JSON"), ([], "[]"), ({"error": ""}, '""')],
)
def test_has_error(body, actual) -> None:
    found = token_error.has_error("R", answer(body))
    assert bool(found) is bool(actual)
    assert not found or actual in found[0].actual


@pytest.mark.parametrize(("error", "found"), [("invalid_grant", 0), ("urn:x", 0), ("oops", 1), ("invalid_target", 0), (None, 0)])
def test_defined_error(error, found) -> None:
    assert len(token_error.defined_error("R", answer({"error": error}))) == found


def test_error_is() -> None:
    assert token_error.error_is("R", answer({"error": "invalid_grant"}), "invalid_grant", "invalid_client") == []
    assert "invalid_request" in token_error.error_is("R", answer({"error": "invalid_request"}), "invalid_grant")[0].actual
    assert "without" in token_error.error_is("R", answer({}), "invalid_grant")[0].actual


@pytest.mark.parametrize(("text", "found"), [("fine", 0), ('"x"', 1), ("naïve", 1)])
def test_legal_text(text, found) -> None:
    assert len(token_error.legal_error_text("R", answer({"error": "invalid_grant", "error_description": text}))) == found


@pytest.mark.parametrize(
    ("status", "headers", "found"),
    [
        (401, (("WWW-Authenticate", 'Basic realm="x"'),), 0),
        (401, (("www-authenticate", "Bearer"), ("www-authenticate", "basic")), 0),
        (401, (), 1),
        (400, (("WWW-Authenticate", "Basic"),), 1),
    ],
)
def test_challenge(status, headers, found) -> None:
    assert len(token_error.challenge_for_basic("R", answer({}, status=status, headers=headers))) == found


@pytest.mark.parametrize(
    "text",
    [
        "Traceback (most recent call last):\n  File",
        "java.lang.NullPointerException: x\n  at org.example.auth.Token.read(Token.java:41)",
        "ORA-00942: table or view does not exist",
        "System.InvalidOperationException",
        "/usr/share/app/token.php on line 3",
    ],
)
def test_internals(text) -> None:
    assert token_error.no_internals("R", answer({"error": "server_error", "error_description": text}))


@pytest.mark.parametrize(
    "text", ["The code is not valid.", "See https://docs.example.com/errors", "invalid_grant", "Error: the code has expired"]
)
def test_plain_words_are_no_internals(text) -> None:
    found = token_error.no_internals("R", answer({"error": "invalid_grant", "error_description": text}))
    assert found == []


BASE = "https://e.example/fhir"


def found_at(token_endpoint: str, status: int = 200) -> Exchange:
    return answer({"token_endpoint": token_endpoint}, status=status)


@pytest.mark.parametrize(
    ("value", "document", "actual"),
    [
        (BASE, None, ""),
        (BASE + "/", None, ""),
        ("https://alias.example/fhir", found_at("https://e.example/token"), ""),
        ("https://alias.example/fhir", found_at("https://other.example/token"), "another server's"),
        ("https://alias.example/fhir", found_at("x", 404), "no SMART configuration"),
        (None, None, "no `iss`"),
        ("", None, "empty"),
    ],
)
def test_iss(value, document, actual) -> None:
    found = launch.iss("R", value, BASE, found_at("https://e.example/token"), document, "x1")
    assert bool(found) is bool(actual)
    assert not found or actual in found[0].actual


def test_launch() -> None:
    assert launch.launch("R", "v", "x1") == []
    assert launch.launch("R", None, "x1")
    assert launch.launch("R", "  ", "x1")
    assert launch.launch_opaque("R", "a8f3", ["patient-77", ""], "x1") == []
    assert launch.launch_opaque("R", "x-patient-77", ["patient-77"], "x1")
    assert launch.launch_opaque("R", "eyJwIjoicGF0aWVudC03NyJ9", ["patient-77"], "x1")
    assert launch.launch_opaque("R", "12", ["1"], "x1") == []


def test_no_context() -> None:
    launched = {"patient": "p", "encounter": "e"}

    def found(body: dict[str, str], *known: dict[str, str], forged: bool = False, launched: dict[str, str] = launched) -> list[str]:
        return [f.pointer for f in launch.no_context("R", body, launched=launched, known=known, exchange="x1", forged=forged)]

    assert found({}) == []
    assert found({"patient": ""}) == []
    assert found({"patient": "p"}) == ["/patient"]
    assert found({"encounter": "e"}) == ["/encounter"]
    assert found({"patient": "p"}, {"patient": "p"}) == [], "it would be there without the value"
    assert found({"patient": "p", "encounter": "e"}, {"patient": "p"}) == ["/encounter"]
    assert found({"patient": "own"}) == [], "nothing of that launch"
    assert found({"patient": "own"}, launched={}) == ["/patient"], "what the launch holds is not known"
    assert found({"patient": "own"}, {}, {"patient": "q"}, forged=True) == ["/patient"]
    assert found({"patient": "own"}, {"patient": "own"}, forged=True) == []


@pytest.mark.parametrize(("status", "found"), [(400, 0), (415, 0), (200, 0), (500, 1), (501, 1)])
def test_what_cannot_be_read_is_no_server_error(status: int, found: int) -> None:
    assert len(token_error.no_server_error("R", answer({}, status=status))) == found


@pytest.mark.parametrize(("statuses", "found"), [((), 0), ((200,), 0), ((200, 401), 0), ((401, 401), 0), ((200, 200), 1), ((403, 403), 1)])
def test_a_race_has_one_winner(statuses: tuple[int, ...], found: int) -> None:
    uses = [answer({}, status=status) for status in statuses]
    assert len(token_error.one_winner("R", uses, "one code")) == found
