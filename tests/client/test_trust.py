"""Secrets go over TLS, to the hosts that the server publishes, and where the target file names hosts to those alone."""

import socket

import httpx
import pytest

from smartlaunch.client.http import Http
from smartlaunch.client.trust import Trust, carries_secret
from smartlaunch.errors import Blocked
from smartlaunch.exchange import Endpoint, Failure

HOME = "https://fhir.example.org/r4"


@pytest.mark.parametrize(
    ("url", "pinned", "withheld"),
    [
        ("https://auth.example.org/token", (), ""),
        ("http://auth.example.org/token", (), "plain http"),
        ("http://fhir.example.org/r4", (), "plain http"),
        ("http://127.0.0.1:8080/token", (), ""),
        ("http://localhost:8080/token", ("auth.example.org",), ""),
        ("http://auth.example.org/token", ("auth.example.org",), ""),
        ("https://other.example.org/token", ("auth.example.org",), "not among the hosts"),
        ("https://fhir.example.org/r4", ("auth.example.org",), ""),
    ],
)
def test_hosts_that_get_secrets(url, pinned, withheld):
    said = Trust(HOME, pinned).withheld(url)
    assert withheld in said
    assert bool(said) is bool(withheld)


def test_other_hosts_are_told_with_what_they_get():
    document = {
        "authorization_endpoint": "https://login.example.com/authorize",
        "token_endpoint": "http://tokens.example.net/token",
        "introspection_endpoint": "https://fhir.example.org/introspect",
        "revocation_endpoint": "https://10.1.2.3/revoke",
        "jwks_uri": 7,
    }
    lines = Trust(HOME).elsewhere(document)
    assert [line.split(" gets ")[0] for line in lines] == ["login.example.com", "tokens.example.net", "10.1.2.3"]
    assert "user name and password" in lines[0]
    assert "withheld" in lines[1]
    assert "a private address" in lines[2]


@pytest.mark.parametrize(
    ("headers", "content", "carries"),
    [
        ([("Authorization", "Bearer x")], None, True),
        ([("Accept", "text/html")], None, False),
        ([], b"grant_type=authorization_code&code=abc", True),
        ([], b"grant_type=client_credentials&client_id=a", False),
        ([], b"\xff\xfe", False),
    ],
)
def test_requests_that_carry_a_secret(headers, content, carries):
    assert carries_secret(headers, content) is carries


class Sink:
    def __init__(self):
        self.kept = []

    def next_id(self):
        return f"x{len(self.kept):04d}"

    def record(self, exchange):
        self.kept.append(exchange)


def test_request_is_not_sent_and_the_scenario_says_why():
    reached = []

    def answer(request):
        reached.append(request)
        return httpx.Response(200, json={})

    http = Http(Sink(), transport=httpx.MockTransport(answer), trust=Trust(HOME))
    held = http.send("POST", "http://auth.example.org/token", endpoint=Endpoint.TOKEN, form=[("code", "abc")])
    assert held.failure is Failure.NOT_SENDABLE
    assert reached == []
    with pytest.raises(Blocked, match="over plain http"):
        _ = held.answer
    assert http.send("GET", "http://auth.example.org/page", endpoint=Endpoint.PAGE).heard.status == 200


@pytest.mark.parametrize("host", ["169.254.169.254", "metadata.google.internal", "[fe80::1]", "[::ffff:169.254.169.254]"])
def test_nothing_is_sent_to_a_link_local_address_that_a_server_names(host):
    sent = []
    http = Http(Sink(), transport=httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(200)), trust=Trust(HOME))
    exchange = http.send("GET", f"http://{host}/latest/meta-data", endpoint=Endpoint.JWKS)
    http.close()
    assert (exchange.failure, sent) == (Failure.NOT_SENDABLE, [])
    assert "link-local address" in exchange.error


def test_a_target_that_lives_at_a_link_local_address_is_reached():
    http = Http(Sink(), transport=httpx.MockTransport(lambda _: httpx.Response(200)), trust=Trust("http://169.254.7.7/fhir"))
    exchange = http.send("GET", "http://169.254.7.7/fhir/metadata", endpoint=Endpoint.METADATA)
    http.close()
    assert exchange.heard.status == 200


def test_a_name_that_leads_to_a_link_local_address_gets_nothing_either(monkeypatch):
    monkeypatch.setattr("smartlaunch.client.trust.is_link_local", lambda host: host == "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        http = Http(Sink(), trust=Trust(HOME))
        exchange = http.send("GET", f"http://localhost:{server.getsockname()[1]}/keys", endpoint=Endpoint.JWKS)
        http.close()
        connection, _ = server.accept()
        with connection:
            connection.settimeout(5)
            assert connection.recv(1000) == b""
    assert exchange.failure is Failure.NOT_SENDABLE
    assert "localhost is 127.0.0.1, which is a link-local address" in exchange.error
