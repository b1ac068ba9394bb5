import json
from datetime import UTC, datetime, timedelta

import pytest

from smartlaunch.checks import discovery, members
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response
from smartlaunch.finding import Finding, Outcome

RIGHT = {
    "issuer": "https://ehr.example",
    "jwks_uri": "https://ehr.example/jwks",
    "authorization_endpoint": "https://ehr.example/authorize",
    "token_endpoint": "https://ehr.example/token",
    "grant_types_supported": ["authorization_code"],
    "capabilities": ["launch-standalone", "client-public", "context-standalone-patient", "permission-patient"],
    "code_challenge_methods_supported": ["S256"],
}


def answer(document=None, *, status=200, headers=(("Content-Type", "application/json"),), body=None) -> Exchange:
    data = body if body is not None else json.dumps(document if document is not None else RIGHT).encode()
    return Exchange(
        "x0001",
        Actor.APP,
        Endpoint.DISCOVERY,
        datetime.now(UTC),
        5,
        Request("GET", "https://ehr.example/fhir"),
        Response(status, headers, data),
    )


def without(*names: str) -> dict:
    return {k: v for k, v in RIGHT.items() if k not in names}


def one(findings: list[Finding], actual: str) -> Finding:
    assert len(findings) == 1, findings
    assert actual in findings[0].actual
    assert findings[0].exchange == "x0001"
    return findings[0]


@pytest.mark.parametrize(
    ("exchange", "actual"),
    [
        (answer(status=404), "status 404"),
        (answer(body=b"<html>"), "not JSON"),
        (answer(body=b"\xff\xfe"), "not UTF-8"),
        (answer([RIGHT]), "[{"),
    ],
)
def test_json_object(exchange, actual) -> None:
    assert discovery.json_object("R", answer()) == []
    one(discovery.json_object("R", exchange), actual)


@pytest.mark.parametrize(
    "value", ["/authorize", "ehr.example/authorize", "https://", "https:///a", "ftp://ehr.example/a", 7, "", "https://ehr.example:bad/"]
)
def test_absolute_endpoints(value) -> None:
    assert discovery.absolute_endpoints("R", answer()) == []
    if isinstance(value, str):
        one(discovery.absolute_endpoints("R", answer(RIGHT | {"associated_endpoints": [{"url": value, "capabilities": []}]})), "")
    if isinstance(value, str):
        one(discovery.absolute_endpoints("R", answer(RIGHT | {"token_endpoint": value})), "")
    assert members.absolute_url(value)


@pytest.mark.parametrize(
    ("name", "form", "value", "wrong"),
    [
        ("capabilities", "an array of strings", ["a"], "launch-ehr"),
        ("capabilities", "an array of strings that is not empty", ["a"], []),
        ("capabilities", "an array of strings", [], ["a", 1]),
        ("issuer", "an absolute URL", "http://localhost:1/x", "issuer"),
        ("x", "a string", "x", " "),
        ("x", "a boolean", False, "false"),
        ("x", "a number", 1.5, True),
        ("x", "an object", {}, []),
        ("x", "a URL with TLS", "http://127.0.0.1/x", "http://ehr.example/x"),
    ],
)
def test_member_forms(name, form, value, wrong) -> None:
    assert discovery.member("R", answer({name: value}), name, form, required=True) == []
    one(discovery.member("R", answer({name: wrong}), name, form, required=False), "")
    one(discovery.member("R", answer({}), name, form, required=True), "absent")
    assert discovery.member("R", answer({}), name, form, required=False) == []


def test_contains_and_lacks() -> None:
    assert discovery.contains("R", answer(), "code_challenge_methods_supported", "S256") == []
    one(discovery.contains("R", answer(without("code_challenge_methods_supported")), "code_challenge_methods_supported", "S256"), "absent")
    one(discovery.contains("R", answer({"a": "S256"}), "a", "S256"), "S256")
    assert discovery.contains("R", answer({"a": ["y"]}), "a", "x", "y", any_of=True) == []
    one(discovery.contains("R", answer({"a": ["z"]}), "a", "x", "y", any_of=True), "z")
    assert discovery.lacks("R", answer(), "code_challenge_methods_supported", "plain") == []
    one(discovery.lacks("R", answer({"a": ["S256", "plain"]}), "a", "plain"), "plain")


def test_capabilities() -> None:
    assert discovery.known_capabilities("R", answer({"capabilities": ["launch-ehr", "https://a.example/c", "urn:x:y"]})) == []
    one(discovery.known_capabilities("R", answer({"capabilities": ["launch-ehr", "own"]})), "own")
    assert discovery.supports_a_capability_set("R", answer()) == []
    one(discovery.supports_a_capability_set("R", answer({"capabilities": ["launch-standalone", "client-public"]})), "launch-standalone")
    asymmetric_only = {"capabilities": [c.replace("client-public", "client-confidential-asymmetric") for c in RIGHT["capabilities"]]}
    one(discovery.supports_a_capability_set("R", answer(asymmetric_only)), "client-confidential-asymmetric")


def test_grant_types() -> None:
    assert discovery.grant_types("R", answer()) == []
    one(discovery.grant_types("R", answer(RIGHT | {"grant_types_supported": ["client_credentials"]})), "client_credentials")
    assert discovery.grant_types("R", answer({"capabilities": ["permission-v2"]})) == []
    refused = {"odd": answer({"error": "unsupported_grant_type"}), "authorization_code": answer({"error": "invalid_request"})}
    assert one(discovery.grant_types_known("R", refused, {"odd"}), "unsupported_grant_type").severity is None
    assert one(discovery.grant_types_known("R", refused, {"authorization_code"}), "unsupported_grant_type").severity is Outcome.WARNING


def test_agreement() -> None:
    assert discovery.issuer_agrees("R", answer(), answer()) == []
    one(discovery.issuer_agrees("R", answer(), answer(RIGHT | {"issuer": "https://ehr.example/"})), "https://ehr.example/")
    assert discovery.agrees("R", answer(), answer(without("jwks_uri")), ["jwks_uri", "token_endpoint"], reached={}) == []
    one(
        discovery.agrees("R", answer(), answer(RIGHT | {"jwks_uri": "https://other.example/jwks"}), ["jwks_uri"], reached={}),
        "other.example",
    )


def test_openid_arrays() -> None:
    assert discovery.no_empty_members("R", answer({"scopes_supported": ["openid"], "claims_supported": ["sub"]})) == []
    one(discovery.no_empty_members("R", answer({"scopes_supported": []})), "empty")
    one(discovery.no_empty_members("R", answer({"claims_supported": "sub"})), "sub")


@pytest.mark.parametrize(
    "value",
    [
        {"url": "x"},
        ["x"],
        [{"url": "/a", "capabilities": []}],
        [{"url": "https://a.example"}],
        [{"url": "https://a.example", "capabilities": [1]}],
    ],
)
def test_associated_endpoints(value) -> None:
    assert discovery.associated_endpoints("R", answer()) == []
    assert (
        discovery.associated_endpoints("R", answer({"associated_endpoints": [{"url": "https://a.example", "capabilities": ["x"]}]})) == []
    )
    assert len(discovery.associated_endpoints("R", answer({"associated_endpoints": value}))) == 1


def test_fragment() -> None:
    assert discovery.no_fragment("R", answer(), "token_endpoint") == []
    one(discovery.no_fragment("R", answer({"token_endpoint": "https://a.example/#x"}), "token_endpoint"), "#x")


@pytest.mark.parametrize(("seconds", "wrong"), [(0, False), (59, False), (-59, False), (3600, True), (-3600, True)])
def test_clock(seconds, wrong) -> None:
    from email.utils import format_datetime

    when = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    assert bool(discovery.clock("R", answer(headers=(("Date", when),)))) is wrong
    assert discovery.clock("R", answer(headers=())) == []
    assert discovery.clock("R", answer(headers=(("Date", "yesterday"),)))


def test_utf8() -> None:
    assert discovery.utf8("R", answer(headers=(("Content-Type", "application/json; charset=UTF-8"),))) == []
    one(discovery.utf8("R", answer(headers=(("Content-Type", 'application/json; charset="iso-8859-1"'),))), "iso-8859-1")
    one(discovery.utf8("R", answer(body="\xe9".encode("latin-1"))), "byte 0")


@pytest.mark.parametrize(
    ("headers", "found"),
    [((("Cache-Control", "no-store"),), 0), ((("cache-control", "private, No-Store"),), 0), ((("Cache-Control", "no-cache"),), 1), ((), 1)],
)
def test_header(headers, found) -> None:
    assert len(members.require_header("R", answer(headers=headers), "Cache-Control", "no-store")) == found


def test_media_type_and_status() -> None:
    assert members.media_type("R", answer(headers=(("Content-Type", "Application/JSON; charset=utf-8"),)), "application/json") == []
    one(members.media_type("R", answer(headers=(("Content-Type", "text/html"),)), "application/json"), "text/html")
    one(members.media_type("R", answer(headers=()), "application/json"), "no Content-Type")
    assert members.status("R", answer(status=401), 400, 401) == []
    one(members.status("R", answer(status=500), 400), "500")


def test_the_document_may_change_between_two_answers_but_has_to_be_json() -> None:
    assert discovery.json_whatever("R", answer(without("issuer"))) == []
    assert len(discovery.json_whatever("R", answer(status=406))) == 1


def test_a_listed_response_type_that_is_not_known_warns() -> None:
    assert discovery.response_types_known("X", {"id_token": ("unauthorized_client", "x1"), "code token": ("", "x2")}) == []
    [finding] = discovery.response_types_known("X", {"code token": ("unsupported_response_type", "x2")})
    assert (finding.exchange, finding.severity) == ("x2", Outcome.WARNING)


def test_both_documents_lead_to_the_same_endpoints() -> None:
    names = ("token_endpoint", "jwks_uri")
    other = answer(RIGHT | {"token_endpoint": "https://ehr.example/v2/token"})
    assert discovery.agrees("R", answer(), answer(), names, reached={}) == []
    one(discovery.agrees("R", answer(), other, names, reached={}), "v2/token")
    alive = answer({"error": "invalid_request"}, status=400)
    assert discovery.agrees("R", answer(), other, names, reached={"token_endpoint": (alive, alive)}) == []
    for dead in (404, 405, 410, 500):
        gone = answer({}, status=dead)
        one(
            discovery.agrees("R", answer(), other, names, reached={"token_endpoint": (alive, gone)}),
            f"OpenID configuration answers with status {dead}",
        )
        one(
            discovery.agrees("R", answer(), other, names, reached={"token_endpoint": (gone, alive)}),
            f"SMART configuration answers with status {dead}",
        )


def test_two_addresses_of_keys_lead_to_the_same_keys() -> None:
    other = answer(RIGHT | {"jwks_uri": "https://ehr.example/v2/jwks"})
    keys, others = answer({"keys": [{"kid": "a"}]}), answer({"keys": [{"kid": "b"}]})
    assert discovery.agrees("R", answer(), other, ["jwks_uri"], reached={"jwks_uri": (keys, keys)}) == []
    one(discovery.agrees("R", answer(), other, ["jwks_uri"], reached={"jwks_uri": (keys, others)}), "the two JWK Sets differ")
