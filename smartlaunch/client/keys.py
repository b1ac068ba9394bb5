"""The private keys of asymmetric clients: those of the target file, and a JWK Set the suite serves itself."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.addresses import is_loopback
from smartlaunch.client.discovery import Discovery
from smartlaunch.client.waits import let_pass
from smartlaunch.errors import Blocked, NotApplicable, NotConfigured, UsageError
from smartlaunch.oauth.client_authentication import algorithm_of, new_key, public_part
from smartlaunch.target import Client

NO_STORE = "max-age=0, no-store"


class Keys:
    """Signing keys by client and algorithm."""

    def __init__(self, discovery: Discovery) -> None:
        self._discovery = discovery
        self._servers: dict[str, JwksServer] = {}
        self._kept: dict[int, socket.socket] = {}
        self._renewed: dict[str, dict[str, Any]] = {}

    def keep(self, place: socket.socket) -> None:
        """Take a socket that is bound and does not listen yet: the server at its port will use it, so nobody else can get there first."""
        self._kept[place.getsockname()[1]] = place

    def all(self, client: Client) -> list[dict[str, Any]]:
        """Every private JWK of a client; ``UsageError`` when none is usable."""
        found = client.private_keys()
        if not found:
            raise UsageError(f"the client {client.name!r} has neither private_jwk nor private_jwks in the target file")
        return found

    def signing_key(self, client: Client, algorithm: str = "") -> dict[str, Any]:
        """The key for an algorithm; without one, the first that the server says it verifies, else the first."""
        keys = self.all(client)
        if client.name in self._renewed:
            keys = [self._renewed[client.name], *keys]
        if algorithm:
            for key in keys:
                if algorithm_of(key) == algorithm:
                    return key
            raise NotConfigured(
                f"the client {client.name!r} has no {algorithm} key in the target file", key="[clients.<name>] private_jwks"
            )
        accepted = self._discovery.listed("token_endpoint_auth_signing_alg_values_supported")
        return next((k for k in keys if algorithm_of(k) in accepted), keys[0])

    def server(self, client: Client) -> JwksServer:
        """The suite's own JWK Set server at the client's registered loopback ``jwks_uri``; ``NotApplicable`` for any other address."""
        address = client.jwks_uri or ""
        parts = urlsplit(address)
        host = parts.hostname or ""
        if not is_loopback(host):
            raise NotConfigured(
                f"the jwks_uri of client {client.name!r} is not a loopback address that the suite could serve",
                key="[clients.<name>] jwks_uri",
            )
        if address not in self._servers:
            port, keys = parts.port or 80, self.all(client)
            place = self._kept.pop(port, None)
            # A key without an id may stand in its set by itself only.
            spare = new_key(algorithm_of(self.signing_key(client))) if all(key.get("kid") for key in keys) else None
            self._servers[address] = JwksServer(host, port, parts.path or "/", [public_part(key) for key in keys], place, spare)
        return self._servers[address]

    def renew(self, client: Client) -> None:
        """Sign with the spare key of the client's published set from now on."""
        spare = self.server(client).spare
        if spare is not None:
            self._renewed[client.name] = spare

    def serve(self, client: Client) -> None:
        """Publish a client's keys when its ``jwks_uri`` is an address the suite can serve; else its developer does."""
        if client.jwks_uri:
            with contextlib.suppress(NotApplicable, Blocked):
                self.server(client)

    def close(self) -> None:
        """Stop every JWK Set server."""
        for server in self._servers.values():
            server.stop()
        self._servers.clear()
        for place in self._kept.values():
            place.close()
        self._kept.clear()


class JwksServer:
    """A JWK Set on loopback whose keys and cache header can change while it counts how often it is fetched.

    ``spare`` is a private key whose public part is in every set that is served, whatever else changes: a server that keeps a set for
    longer than it is told still knows the client by it. ``elsewhere`` holds further sets by path, for assertions that point to a place
    nobody registered, and ``certificates`` holds certificates for those that point to one. ``methods`` are those of all requests so
    far; ``fresh_until`` is the monotonic moment until which a fetcher may keep what it got.
    """

    def __init__(
        self,
        host: str,
        port: int,
        path: str,
        keys: Sequence[Mapping[str, Any]],
        place: socket.socket | None = None,
        spare: dict[str, Any] | None = None,
    ) -> None:
        self.spare = spare
        self.registered: list[Mapping[str, Any]] = self._with_spare(keys)
        self.keys: list[Mapping[str, Any]] = list(self.registered)
        self.elsewhere: dict[str, list[Mapping[str, Any]]] = {}
        self.certificates: dict[str, str] = {}
        self.cache_control = NO_STORE
        self.max_age = 0.0
        self.fetches = 0
        self.methods: list[str] = []
        self.fresh_until = 0.0
        self.address, self.path = f"http://{host}:{port}", path
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Answer it too, so that only the method is wrong with a server that asks so."""
                self.do_GET()

            def do_GET(self) -> None:
                asked, media_type, body = self.path.split("?")[0], "application/json", b""
                if asked == path:
                    keys = owner.keys
                    owner.fetches += 1
                    owner.methods.append(self.command)
                    owner.fresh_until = time.monotonic() + owner.max_age
                elif asked in owner.elsewhere:
                    keys = owner.elsewhere[asked]
                elif asked in owner.certificates:
                    keys, media_type, body = [], "application/pem-certificate-chain", owner.certificates[asked].encode()
                else:
                    self.send_error(404)
                    return
                body = body or json.dumps({"keys": keys}).encode()
                self.send_response(200)
                self.send_header("Content-Type", media_type)
                self.send_header("Cache-Control", owner.cache_control)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Keep the terminal quiet."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler, bind_and_activate=place is None)
            if place is not None:
                self._server.socket.close()
                self._server.socket = place
                self._server.server_activate()
        except OSError as exc:
            raise Blocked(
                f"the suite cannot serve the JWK Set at {host}:{port}: {exc.strerror}", waited_for="the address of jwks_uri"
            ) from exc
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def restore(self, *, max_age: int | None = None) -> None:
        """Serve the registered keys again, to be kept for ``max_age`` seconds or, without it, not at all.

        Waits until what was fetched before may no longer be kept; what was fetched before is the same when the keys never changed, so
        only a probe that changes them has to ``settle`` first.
        """
        if self.keys != self.registered:
            self.settle()
        self.keys, self.elsewhere, self.certificates = list(self.registered), {}, {}
        self.max_age = float(max_age or 0)
        # After another directive, as servers send it: one that reads the first only takes the set for one without a time.
        self.cache_control = NO_STORE if max_age is None else f"must-revalidate, max-age={max_age}"

    def replace(self, keys: Sequence[Mapping[str, Any]]) -> None:
        """Serve these keys in place of the registered ones, not to be kept, so that nobody has to wait for their end."""
        self.keys, self.max_age, self.cache_control = self._with_spare(keys), 0.0, NO_STORE

    def _with_spare(self, keys: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        there = {key.get("kid") for key in keys}
        return [*keys, *([public_part(self.spare)] if self.spare is not None and self.spare["kid"] not in there else [])]

    def settle(self) -> None:
        """Wait until what was fetched before may no longer be kept."""
        let_pass(self.fresh_until - time.monotonic())

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
