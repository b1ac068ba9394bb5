"""The port of the JWK Set that the suite serves is kept for it from the moment it stands in the target file."""

from __future__ import annotations

import json
import socket
import urllib.request
from types import SimpleNamespace

import pytest

from smartlaunch.client.keys import JwksServer, Keys
from smartlaunch.errors import Blocked
from smartlaunch.oauth.client_authentication import new_key
from smartlaunch.plugin.session import place_for_jwks


def client(uri: str) -> SimpleNamespace:
    return SimpleNamespace(name="app", jwks_uri=uri, private_keys=lambda: [new_key("ES384")])


def test_nobody_else_gets_the_port_and_the_suite_does() -> None:
    place, uri = place_for_jwks()
    port = place.getsockname()[1]
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    keys = Keys(SimpleNamespace(listed=lambda _: []))  # type: ignore[arg-type]
    keys.keep(place)
    try:
        assert keys.server(client(uri)).address == f"http://127.0.0.1:{port}"  # type: ignore[arg-type]
        with urllib.request.urlopen(uri, timeout=5) as answer:
            assert [key["kty"] for key in json.load(answer)["keys"]] == ["EC", "EC"], "the registered key, and the spare one"
    finally:
        keys.close()


def test_a_port_that_was_not_needed_is_given_back() -> None:
    place, _ = place_for_jwks()
    keys = Keys(SimpleNamespace(listed=lambda _: []))  # type: ignore[arg-type]
    keys.keep(place)
    keys.close()
    assert place.fileno() == -1


def test_a_taken_port_blocks() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(Blocked, match="cannot serve the JWK Set"):
            JwksServer("127.0.0.1", other.getsockname()[1], "/jwks.json", [])
