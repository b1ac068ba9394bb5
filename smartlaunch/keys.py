"""The private keys of asymmetric clients: those of the target file, and a JWK Set the suite serves itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smartlaunch.errors import NotApplicable, UsageError
from smartlaunch.oauth.client_authentication import algorithm_of, public_part

if TYPE_CHECKING:
    from smartlaunch.engine import Engine
    from smartlaunch.target import Client


class Keys:
    """Signing keys by client and algorithm."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._servers: dict[str, JwksServer] = {}

    def all(self, client: Client) -> list[dict[str, Any]]:
        """Every private JWK of a client; ``UsageError`` when none is usable."""
        found = client.private_keys()
        if not found:
            raise UsageError(f"the client {client.name!r} has neither private_jwk nor private_jwks in the target file")
        return found

    def signing_key(self, client: Client, algorithm: str = "") -> dict[str, Any]:
        """The key for an algorithm; without one, the first that the server says it verifies, else the first."""
        keys = self.all(client)
        if algorithm:
            for key in keys:
                if algorithm_of(key) == algorithm:
                    return key
            raise NotApplicable(f"the client {client.name!r} has no {algorithm} key in the target file")
        accepted = self._engine.discovery.listed("token_endpoint_auth_signing_alg_values_supported")
        return next((k for k in keys if algorithm_of(k) in accepted), keys[0])

    def server(self, client: Client) -> JwksServer:
        """The suite's own JWK Set server at the client's registered loopback ``jwks_uri``; ``NotApplicable`` for any other address."""
        address = client.jwks_uri or ""
        parts = urlsplit(address)
        if parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise NotApplicable(f"the jwks_uri of client {client.name!r} is not a loopback address that the suite could serve")
        if address not in self._servers:
            self._servers[address] = JwksServer(
                parts.hostname, parts.port or 80, parts.path or "/", [public_part(k) for k in self.all(client)]
            )
        return self._servers[address]

    def close(self) -> None:
        """Stop every JWK Set server."""
        for server in self._servers.values():
            server.stop()
        self._servers.clear()


class JwksServer:
    """A JWK Set on loopback whose keys and cache header can change while it counts how often it is fetched."""

    def __init__(self, host: str, port: int, path: str, keys: list[Mapping[str, Any]] | list[dict[str, Any]]) -> None:
        self.keys: list[Mapping[str, Any]] = list(keys)
        self.cache_control = "max-age=0, no-store"
        self.fetches = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802 - the name the base class calls
                if self.path.split("?")[0] != path:
                    self.send_error(404)
                    return
                owner.fetches += 1
                body = json.dumps({"keys": owner.keys}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Cache-Control", owner.cache_control)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Keep the terminal quiet."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as exc:
            raise UsageError(f"the suite cannot serve the JWK Set at {host}:{port}: {exc.strerror}") from exc
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
