"""The probes below HTTP, against servers on this machine that do one thing right or wrong."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from smartlaunch import tls
from smartlaunch.errors import Blocked, NotApplicable, Unreachable
from smartlaunch.tls import Address

LIMIT_S = 5.0


class Server:
    """Takes connections with a context of the test's choice, shakes hands and says nothing."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(8)
        self._listener.settimeout(0.1)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def address(self) -> Address:
        """Where it is."""
        return Address("token endpoint", f"https://127.0.0.1:{self._listener.getsockname()[1]}/token")

    def stop(self) -> None:
        """End the thread and close the port."""
        self._stopping.set()
        self._thread.join(LIMIT_S)
        self._listener.close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            with contextlib.suppress(OSError), connection:
                connection.settimeout(LIMIT_S)
                if self._context is not None:
                    self._context.wrap_socket(connection, server_side=True).close()
                else:
                    connection.recv(1024)


@contextlib.contextmanager
def served(context: ssl.SSLContext | None) -> Iterator[Address]:
    """A server for the time of a test."""
    server = Server(context)
    try:
        yield server.address
    finally:
        server.stop()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The authority that the target file trusts."""
    return trustme.CA()


def context_of(authority: trustme.CA, host: str = "127.0.0.1") -> ssl.SSLContext:
    """A right context with a certificate for a host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    return context


def engine(base: str = "https://127.0.0.1:1/fhir", ca_file: Path | None = None, **document: str) -> Any:
    """As much of an engine as the probes look at."""
    discovery = SimpleNamespace(
        fhir_base_url=base,
        exchange=SimpleNamespace(id="x1"),
        has=lambda name: bool(document.get(name)),
        url=lambda name: document[name],
    )
    return SimpleNamespace(
        discovery=discovery,
        target=SimpleNamespace(ca_file=ca_file, limits=SimpleNamespace(request_s=LIMIT_S)),
        recorder=SimpleNamespace(attach_to_current=lambda ids: None),
    )


def test_a_modern_server_passes_every_probe(authority: trustme.CA, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with served(context_of(authority)) as where:
        assert tls.modern(engine(), where).version in ("TLSv1.2", "TLSv1.3")
        refused = tls.outdated(engine(), where)
        assert not refused.version
        assert refused.problem
        assert tls.verified(engine(ca_file=ca_file), where).problem == ""


def test_an_outdated_server_is_seen(authority: trustme.CA) -> None:
    context = context_of(authority)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with served(context) as where:
        assert tls.outdated(engine(), where).version == "TLSv1.1"
        modern = tls.modern(engine(), where)
        assert not modern.version
        assert modern.problem


def test_certificates_that_do_not_verify_say_why(authority: trustme.CA, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with served(context_of(authority, "ehr.example")) as where:
        assert "127.0.0.1" in tls.verified(engine(ca_file=ca_file), where).problem
    with served(context_of(trustme.CA())) as where:
        assert "issuer" in tls.verified(engine(ca_file=ca_file), where).problem


def test_a_server_without_tls_has_no_version() -> None:
    with served(None) as where:
        answer = tls.modern(engine(), where)
    assert not answer.version
    assert answer.problem


def test_nobody_at_the_port_is_unreachable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = Address("token endpoint", f"https://127.0.0.1:{free.getsockname()[1]}/")
        with pytest.raises(Unreachable):
            tls.modern(engine(), where)


def test_a_handshake_that_never_ends_is_blocked() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        slow = engine()
        slow.target.limits.request_s = 0.3
        with pytest.raises(Blocked, match="did not finish"):
            tls.modern(slow, Address("token endpoint", f"https://127.0.0.1:{silent.getsockname()[1]}/"))


def test_a_plain_address_is_no_handshake() -> None:
    answer = tls.modern(engine(), Address("token endpoint", "http://ehr.example/token"))
    assert answer.problem == "it is reached by plain http"


def test_plain_http_on_this_machine_is_not_judged() -> None:
    local = engine("http://127.0.0.1:8080/fhir", token_endpoint="http://127.0.0.1:8080/token")
    with pytest.raises(NotApplicable, match="loopback"):
        tls.address(local, "token endpoint")
    with pytest.raises(NotApplicable, match="loopback"):
        tls.addresses(local)


def test_plain_http_elsewhere_is_judged() -> None:
    remote = engine("https://ehr.example/fhir", token_endpoint="http://ehr.example/token")
    assert not tls.address(remote, "token endpoint").secure
    with pytest.raises(NotApplicable, match="revocation_endpoint"):
        tls.address(remote, "revocation endpoint")


def test_each_host_and_port_is_probed_once() -> None:
    remote = engine(
        "https://ehr.example/fhir",
        token_endpoint="https://ehr.example/token",
        authorization_endpoint="https://login.example:8443/authorize",
        management_endpoint="http://ehr.example/manage",
    )
    assert [a.origin for a in tls.addresses(remote)] == ["ehr.example:443", "login.example:8443"]
