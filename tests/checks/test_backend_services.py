"""Each check on backend services passes the right answer and names exactly what is wrong with a wrong one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from smartlaunch.checks import backend_services as checks
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response
from smartlaunch.finding import Side

REQ = "SMART-2.2-backend-services-token-lifetime-c"
CONFIGURATION: dict[str, Any] = {
    "token_endpoint": "https://ehr.example/token",
    "scopes_supported": ["system/*.rs"],
    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    "token_endpoint_auth_signing_alg_values_supported": ["ES384"],
    "capabilities": ["client-confidential-asymmetric"],
}


def answer(body: object, status: int = 200) -> Exchange:
    """An answer with the given JSON body."""
    request = Request("POST", "https://ehr.example/token")
    response = Response(status, (("Content-Type", "application/json"),), json.dumps(body).encode())
    return Exchange("x0001", Actor.APP, Endpoint.TOKEN, datetime.now(UTC), 1.0, request, response)


@pytest.mark.parametrize(
    ("value", "actual"),
    [(300, ""), (60, ""), ("300", ""), (301, "it is 301"), (3600.5, "it is 3600.5"), ("soon", ""), (True, ""), (None, ""), ([1], "")],
)
def test_lifetime(value: object, actual: str) -> None:
    found = checks.lives_at_most(REQ, answer({"expires_in": value}), checks.LIFETIME_S)
    assert [(f.requirement, f.actual, f.pointer) for f in found] == ([(REQ, actual, "/expires_in")] if actual else [])


def test_refresh_token() -> None:
    assert checks.no_refresh_token(REQ, answer({"access_token": "t"})) == []
    assert checks.no_refresh_token(REQ, answer({"refresh_token": None})) == []
    assert [f.pointer for f in checks.no_refresh_token(REQ, answer({"refresh_token": "r"}))] == ["/refresh_token"]


def test_nothing_beyond() -> None:
    granted = answer({"access_token": "t"})
    assert checks.nothing_beyond(REQ, granted, [], "those asked for") == []
    assert checks.nothing_beyond(REQ, answer({"error": "invalid_scope"}, 400), ["system/*.rs"], "those asked for") == []
    (found,) = checks.nothing_beyond(REQ, granted, ["system/*.rs"], "those asked for")
    assert (found.expected, found.actual) == ("no scope beyond those asked for", 'an access token for "system/*.rs" too')


@pytest.mark.parametrize(
    ("body", "right"),
    [
        ({"error": "invalid_scope", "error_description": "No such scope."}, True),
        ({"error": "invalid_scope", "error_uri": "https://ehr.example/errors/7"}, True),
        ({"error": "invalid_scope", "error_description": " "}, False),
        ({"error": "invalid_scope", "error_description": 7}, False),
        ({"error": "invalid_scope"}, False),
        ({}, True),
    ],
)
def test_refusal_explains_itself(body: object, right: bool) -> None:
    assert (checks.explains_itself(REQ, answer(body, 400)) == []) is right


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({}, []),
        ({"capabilities": ["launch-ehr"]}, ["/capabilities"]),
        ({"token_endpoint": "token"}, ["/token_endpoint"]),
        ({"scopes_supported": None}, ["/scopes_supported"]),
        ({"token_endpoint_auth_methods_supported": ["client_secret_basic"]}, ["/token_endpoint_auth_methods_supported"]),
        ({"token_endpoint_auth_signing_alg_values_supported": ["RS256"]}, ["/token_endpoint_auth_signing_alg_values_supported"]),
    ],
)
def test_discovery(changes: dict[str, Any], pointers: list[str]) -> None:
    document = {k: v for k, v in {**CONFIGURATION, **changes}.items() if v is not None}
    assert [f.pointer for f in checks.meets_asymmetric_discovery(REQ, answer(document))] == pointers


BUNDLE = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": {"resourceType": "Observation", "id": "1"}}]}
EMPTY = {"resourceType": "Bundle", "type": "searchset", "total": 0}
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"code": "forbidden"}]}


@pytest.mark.parametrize(
    ("exchange", "discloses", "succeeds"),
    [
        (answer(BUNDLE), True, True),
        (answer({"resourceType": "Observation", "id": "1"}), True, True),
        (answer(EMPTY), False, True),
        (answer(OUTCOME, 403), False, False),
        (answer(BUNDLE, 403), True, False),
    ],
)
def test_data(exchange: Exchange, discloses: bool, succeeds: bool) -> None:
    disclosed = checks.nothing_disclosed(REQ, exchange, "of type Observation")
    assert bool(disclosed) is discloses
    succeeded = checks.fails(REQ, exchange, "a search of type Observation")
    assert bool(succeeded) is succeeds
    assert all(f.side is Side.FHIR_SERVER for f in (*disclosed, *succeeded))


def test_a_fresh_token_is_taken() -> None:
    assert checks.token_taken(REQ, answer({}, status=403)) == []
    assert checks.token_taken(REQ, answer({"resourceType": "Patient"})) == []
    assert "status 401" in checks.token_taken(REQ, answer({}, status=401))[0].actual
