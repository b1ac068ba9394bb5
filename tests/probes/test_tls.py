"""The TLS probes against small servers on this machine, with certificates made by trustme, not by the embedded EHR."""

from __future__ import annotations

import contextlib
import datetime as dt
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

from smartlaunch.client.discovery import Discovery
from smartlaunch.client.http import Http
from smartlaunch.errors import Blocked, NotApplicable, Unreachable
from smartlaunch.evidence.recorder import Recorder
from smartlaunch.evidence.redaction import Redactor
from smartlaunch.probes import tls

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


class Authority:
    """An authority, and the file by which a target file names it."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.file = folder / "authority.pem"
        self.ca.cert_pem.write_to_path(self.file)

    def context(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """A server's context with a certificate for these names."""
        until = dt.datetime.now(dt.UTC) - dt.timedelta(days=1) if expired else None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names, not_after=until).configure_cert(context)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextlib.contextmanager
def served(context: ssl.SSLContext | None, *, silent: bool = False) -> Iterator[int]:
    """A server that answers every request alike: by TLS, by plain http without a context, or, when silent, never."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    listener.settimeout(0.05)
    stop = threading.Event()

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(5)
            if silent:
                stop.wait(5)
                return
            channel = connection if context is None else context.wrap_socket(connection, server_side=True)
            with channel:
                if channel.recv(65536):
                    channel.sendall(ANSWER)

    def run() -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        thread.join(5)
        listener.close()


@pytest.fixture
def engine(authority: Authority, tmp_path: Path) -> Iterator[Any]:
    """What the probes need of an engine."""
    recorder = Recorder(tmp_path, Redactor())
    http = Http(recorder, request_s=2, ca_file=str(authority.file))
    target = SimpleNamespace(ca_file=authority.file, limits=SimpleNamespace(request_s=1.0))
    yield SimpleNamespace(target=target, http=http, recorder=recorder, discovery=Discovery(http, "https://ehr.example/fhir"))
    http.close()
    recorder.close()


def at(port: int, scheme: str = "https", host: str = "127.0.0.1", name: str = "token endpoint") -> tls.Address:
    return tls.Address(name, f"{scheme}://{host}:{port}/token")


def test_modern_client_gets_tls(engine: Any, authority: Authority) -> None:
    with served(authority.context("127.0.0.1")) as port:
        assert tls.modern(engine, at(port)).version == "TLSv1.3"
    limited = authority.context("127.0.0.1")
    limited.maximum_version = ssl.TLSVersion.TLSv1_2
    with served(limited) as port:
        assert tls.modern(engine, at(port)).version == "TLSv1.2"


def outdated_context(authority: Authority, version: ssl.TLSVersion, *, only: bool = True) -> ssl.SSLContext:
    context = authority.context("127.0.0.1")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = version
        if only:
            context.maximum_version = version
    return context


def test_server_of_old_times_is_not_reached_by_a_modern_client(engine: Any, authority: Authority) -> None:
    with served(outdated_context(authority, ssl.TLSVersion.TLSv1_1)) as port:
        found = tls.modern(engine, at(port))
    assert not found.version
    assert found.problem


@pytest.mark.parametrize(("version", "name"), [(ssl.TLSVersion.TLSv1, "TLSv1"), (ssl.TLSVersion.TLSv1_1, "TLSv1.1")])
def test_outdated_versions_are_seen_where_they_are_taken(engine: Any, authority: Authority, version: ssl.TLSVersion, name: str) -> None:
    with served(outdated_context(authority, version)) as port:
        assert tls.outdated(engine, at(port)).version == name
    with served(outdated_context(authority, version, only=False)) as port:
        assert tls.outdated(engine, at(port)).version == "TLSv1.1"


def test_outdated_versions_are_turned_away_by_a_modern_server(engine: Any, authority: Authority) -> None:
    with served(authority.context("127.0.0.1")) as port:
        found = tls.outdated(engine, at(port))
    assert (found.version, bool(found.problem)) == ("", True)


def test_certificates(engine: Any, authority: Authority) -> None:
    with served(authority.context("127.0.0.1", "localhost")) as port:
        assert tls.verified(engine, at(port)).problem == ""
        assert tls.verified(engine, at(port, host="localhost")).problem == ""
    with served(authority.context("localhost")) as port:
        assert "mismatch" in tls.verified(engine, at(port)).problem
    with served(authority.context("127.0.0.1", expired=True)) as port:
        assert "expired" in tls.verified(engine, at(port)).problem
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with served(context) as port:
        assert "issuer" in tls.verified(engine, at(port)).problem


def test_plain_http_is_seen(engine: Any, authority: Authority) -> None:
    with served(None) as port:
        assert tls.plainly(engine, at(port)).answer.status == 200
        assert tls.plain_bearer(engine, at(port, name="FHIR base URL")).answer.status == 200
    with served(authority.context("127.0.0.1")) as port:
        assert tls.plainly(engine, at(port)).response is None
    with pytest.raises(NotApplicable):
        tls.plain_bearer(engine, at(1, scheme="http"))
    assert tls.modern(engine, at(1, scheme="http")).problem == "it is reached by plain http"


def test_no_server_and_no_answer_block(engine: Any) -> None:
    with served(None, silent=True) as port, pytest.raises(Blocked, match="did not finish a TLS handshake"):
        tls.modern(engine, at(port))
    with pytest.raises(Unreachable):
        tls.modern(engine, at(port))


def test_no_tls_is_due_on_loopback_only(engine: Any) -> None:
    assert [a.name for a in (tls.address(engine, "FHIR base URL"), tls.address(engine, "SMART configuration"))]
    engine.discovery = Discovery(engine.http, "http://127.0.0.1:9/fhir")
    with pytest.raises(NotApplicable, match="loopback"):
        tls.address(engine, "FHIR base URL")
    engine.discovery = Discovery(engine.http, "http://ehr.example/fhir")
    assert not tls.address(engine, "FHIR base URL").secure
