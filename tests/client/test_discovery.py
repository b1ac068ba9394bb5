"""What a server says of itself, also when it says it badly."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from smartlaunch.client.discovery import Discovery, absolute
from smartlaunch.client.http import Http
from smartlaunch.errors import Blocked, Unreachable
from tests.client.conftest import Server

BASE = "https://ehr.example/fhir"


class Sink:
    def next_id(self) -> str:
        return "x"

    def record(self, exchange: object) -> None:
        """Nothing is kept."""


def discovery(answers: dict[str, Any]) -> Discovery:
    def handler(request: httpx.Request) -> httpx.Response:
        found = answers.get(request.url.path, httpx.Response(404))
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, httpx.Response) else httpx.Response(200, json=found)

    return Discovery(Http(Sink(), transport=httpx.MockTransport(handler)), BASE + "/")


CONFIGURATION = "/fhir/.well-known/smart-configuration"


def test_a_right_document() -> None:
    found = discovery(
        {
            CONFIGURATION: {
                "token_endpoint": " https://ehr.example/token ",
                "capabilities": ["launch-ehr", 3],
                "jwks_uri": "keys",
                "issuer": "",
            }
        }
    )
    assert found.url("token_endpoint") == "https://ehr.example/token"
    assert found.url("jwks_uri") == f"{BASE}/keys"
    assert found.capabilities == {"launch-ehr"}
    assert found.listed("capabilities") == ["launch-ehr"]
    assert found.has("token_endpoint")
    assert not found.has("issuer")
    with pytest.raises(Blocked, match="no usable `issuer`"):
        found.url("issuer")


@pytest.mark.parametrize("answer", [httpx.Response(404), httpx.Response(200, text="<html>"), httpx.Response(200, json=["a"])])
def test_no_document(answer: httpx.Response) -> None:
    found = discovery({CONFIGURATION: answer})
    assert found.document == {}
    assert found.capabilities == frozenset()
    assert found.listed("grant_types_supported") == []
    with pytest.raises(Blocked):
        found.url("token_endpoint")


def test_no_answer() -> None:
    with pytest.raises(Unreachable):
        discovery({CONFIGURATION: httpx.ReadTimeout("late")}).url("token_endpoint")


def test_keys_that_are_objects_and_the_documents_below_the_issuer() -> None:
    found = discovery(
        {
            CONFIGURATION: {"issuer": "https://id.example/", "jwks_uri": "https://ehr.example/jwks"},
            "/jwks": {"keys": [{"kty": "RSA"}, "x"]},
            "/.well-known/openid-configuration": {"issuer": "https://id.example/"},
        }
    )
    assert found.keys == [{"kty": "RSA"}]
    assert found.openid_configuration.request.url == "https://id.example/.well-known/openid-configuration"


def test_edition_1_leaves_issuer_and_keys_to_openid_connect() -> None:
    found = discovery({CONFIGURATION: {}, "/.well-known/openid-configuration": {"jwks_uri": "https://id.example/jwks"}})
    found.issuer_of_id_tokens = "not a url"
    with pytest.raises(Blocked):
        found.url("issuer")
    found.issuer_of_id_tokens = "https://id.example"
    assert found.url("issuer") == "https://id.example"
    assert found.url("jwks_uri") == "https://id.example/jwks"


def test_oauth_uris_of_the_capability_statement() -> None:
    extension = {
        "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
        "extension": [{"url": "token", "valueUri": "https://ehr.example/token"}, {"url": "odd", "valueUri": 3}, "x"],
    }
    rest = [{"security": {"extension": [{"url": "other"}, extension]}}, {"security": "x"}, {}]
    assert discovery({"/fhir/metadata": {"rest": rest}}).oauth_uris == {"token": "https://ehr.example/token"}
    assert discovery({}).oauth_uris == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [("https://a.example/x", True), ("http://a", True), ("/x", False), ("ftp://a", False), ("https://[", False), (3, False)],
)
def test_absolute_addresses(value: object, expected: bool) -> None:
    assert absolute(value) is expected


def test_metadata_of_an_issuer_that_no_configuration_names() -> None:
    issuer = "https://ehr.example/realm"
    metadata = {"issuer": issuer, "authorization_response_iss_parameter_supported": True}
    assert discovery({"/.well-known/oauth-authorization-server/realm": metadata}).metadata_of(issuer) == [metadata]
    assert discovery({"/realm/.well-known/openid-configuration": metadata}).metadata_of(issuer) == [metadata]
    assert discovery({"/realm/.well-known/openid-configuration": {**metadata, "issuer": "https://other.example"}}).metadata_of(issuer) == []
    assert discovery({}).metadata_of(issuer) == []
    assert discovery({}).metadata_of("realm") == []


def test_the_document_below_the_issuer_of_the_id_tokens_takes_the_place_of_one_that_is_not_there(run: Any, server: Server) -> None:
    named, real = "https://ehr.example/t", "https://ehr.example/t/oidc"
    server.configuration |= {"issuer": named}
    server.fhir = lambda request: (
        httpx.Response(200, json={"issuer": real, "jwks_uri": f"{real}/keys"})
        if request.url.path == "/t/oidc/.well-known/openid-configuration"
        else httpx.Response(404)
    )
    discovery = run().engine.discovery
    assert discovery.openid.answer.status == 404
    discovery.issuer_of_id_tokens = "https://elsewhere.example"
    assert discovery.openid.answer.status == 404
    discovery.issuer_of_id_tokens = real
    assert discovery.openid.answer.object["issuer"] == real
    assert discovery.openid_configuration.answer.status == 404
    assert discovery.url("issuer") == named
    assert discovery.url("jwks_uri") == f"{real}/keys"
