"""Each check on TLS passes what is right and names exactly what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from smartlaunch.checks import tls as checks
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response
from smartlaunch.finding import Side

REQ = "RFC6749-3.2-a"
URL = "https://ehr.example/token"


def answer(status: int, *headers: tuple[str, str]) -> Exchange:
    """An answer by plain http."""
    request = Request("GET", "http://ehr.example/metadata")
    return Exchange("x1", Actor.APP, Endpoint.FHIR, datetime.now(UTC), 1.0, request, Response(status, headers))


def test_an_endpoint_is_reached_by_tls() -> None:
    for version in ("TLSv1.2", "TLSv1.3"):
        assert checks.reached_by_tls(REQ, "token endpoint", URL, version, "") == []
    [finding] = checks.reached_by_tls(REQ, "token endpoint", "http://ehr.example/token", "", "it is reached by plain http", "x1", "/t")
    assert (finding.actual, finding.exchange, finding.pointer) == ("its address begins with http:", "x1", "/t")
    [finding] = checks.reached_by_tls(REQ, "FHIR base URL", URL, "", "unsupported protocol", fhir=True)
    assert (finding.actual, finding.side) == ("unsupported protocol", Side.FHIR_SERVER)
    [finding] = checks.reached_by_tls(REQ, "token endpoint", URL, "TLSv1.1", "")
    assert finding.actual == "TLSv1.1"


def test_outdated_versions_are_refused() -> None:
    assert checks.refuses_outdated(REQ, "ehr.example:443", "") == []
    [finding] = checks.refuses_outdated(REQ, "ehr.example:443", "TLSv1.1")
    assert finding.actual == "it agreed on TLSv1.1"


def test_a_certificate_verifies() -> None:
    assert checks.certificate_verifies(REQ, "ehr.example:443", "") == []
    [finding] = checks.certificate_verifies(REQ, "ehr.example:443", "certificate has expired")
    assert finding.actual == "certificate has expired"


@pytest.mark.parametrize("status", [301, 400, 404])
def test_plain_http_brings_no_content(status: int) -> None:
    assert checks.not_by_plain_http(REQ, answer(status), "FHIR base URL") == []
    assert checks.takes_no_token(REQ, answer(status)) == []


def test_content_by_plain_http_is_named() -> None:
    assert checks.not_by_plain_http(REQ, answer(200, ("Content-Type", "text/html")), "FHIR base URL") == []
    assert checks.takes_no_token(REQ, answer(200, ("Content-Type", "text/html"))) == []
    [finding] = checks.not_by_plain_http(REQ, answer(200, ("Content-Type", "application/json")), "FHIR base URL")
    assert finding.actual.startswith("status 200")
    assert checks.takes_no_token(REQ, answer(401, ("WWW-Authenticate", "Basic"))) == []
    [finding] = checks.takes_no_token(REQ, answer(401, ("WWW-Authenticate", "Bearer")))
    assert finding.actual.endswith("so tokens are taken without TLS")


def test_pages_tell_the_browser_to_stay() -> None:
    assert checks.strict_transport(REQ, [("x1", "max-age=31536000; includeSubDomains")]) == []
    assert checks.strict_transport(REQ, [("x1", 'includeSubDomains; max-age="600"')]) == []
    for value in ("max-age=0", "includeSubDomains", "max-age=soon"):
        [finding] = checks.strict_transport(REQ, [("x1", value)])
        assert finding.actual == f"`Strict-Transport-Security: {value}`"
    [finding] = checks.strict_transport(REQ, [("x1", "")])
    assert (finding.actual, finding.exchange) == ("no `Strict-Transport-Security` header", "x1")
