"""``smartlaunch doctor`` and ``run`` against servers that answer wrongly or not at all: one message, the right exit code, in time."""

import socket
import ssl
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

TARGET = """\
schema = 1
[target]
fhir_base_url = "{base}"
[clients.web]
role = "public"
client_id = "web-1"
scopes = "openid launch/patient patient/*.rs"
redirect_uri = "https://app.example/redirect"
[users.person]
username = "person"
password = {{ env = "PERSON_PASSWORD" }}
[limits]
request_s = 1
login_s = 3
"""
JSON = b"application/json"


def answer(status: bytes, media_type: bytes, body: bytes, extra: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n"
    return head % (status, media_type, len(body), extra) + body


@contextmanager
def server(reply, context: ssl.SSLContext | None = None):
    """A socket that gives every connection the same bytes, or, for None, nothing for longer than any limit."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    listener.settimeout(0.2)
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        try:
            connection.settimeout(10)
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
            connection.recv(65536)
            if reply is None:
                over.wait(20)
            else:
                connection.sendall(reply)
        except OSError:
            pass
        finally:
            connection.close()

    def accept() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=serve, args=(connection,), daemon=True)
            threads.append(thread)
            thread.start()

    threads = [threading.Thread(target=accept, daemon=True)]
    threads[0].start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{listener.getsockname()[1]}/fhir"
    finally:
        over.set()
        for thread in threads:
            thread.join(5)
        listener.close()


@pytest.fixture
def doctor(cli, monkeypatch):
    """Runs ``doctor`` on a base URL."""
    browser = Path("browser").resolve()
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    monkeypatch.setenv("SMARTLAUNCH_BROWSER", str(browser))
    monkeypatch.setenv("PERSON_PASSWORD", "pass-canary-1")

    def call(base: str, text: str = TARGET):
        Path("t.toml").write_text(text.format(base=base))
        start = time.monotonic()
        said = cli("doctor", "--target", "t.toml")
        assert time.monotonic() - start < 15
        assert "canary" not in said.out + said.err
        return said

    return call


def test_a_closed_port_and_a_host_that_does_not_exist_are_unreachable(doctor):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{unused.getsockname()[1]}/fhir"
        said = doctor(base)
    assert said.code == 3
    assert base in said.out
    assert "unreachable" in said.out
    assert doctor("https://no-such-host.invalid/fhir").code in (2, 3)


@pytest.mark.parametrize(
    "reply",
    [None, b"", b"\x00\x01 nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"],
    ids=["hangs", "closes", "garbage", "cut"],
)
def test_a_server_without_a_usable_answer_is_unreachable(doctor, reply):
    with server(reply) as base:
        said = doctor(base)
    assert said.code == 3
    assert "unreachable: fhir_base_url" in said.out


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"200 OK", b"text/html", b"<html><body>Welcome</body></html>"),
        answer(b"200 OK", JSON, b'{"a": "' + b"x" * 10_000_000 + b'"}'),
        answer(b"200 OK", JSON, b'{"a": "\xff\xfe"}'),
        answer(b"200 OK", JSON, b"[" * 100_000),
        answer(b"302 Found", b"text/plain", b"", b"Location: /fhir/.well-known/smart-configuration\r\n"),
        answer(b"500 Oops", b"text/plain", b"oops"),
    ],
    ids=["html", "10 MB", "bad UTF-8", "deep", "circle", "500"],
)
def test_a_server_with_a_wrong_answer_is_left_to_the_scenarios_or_to_be_mended(doctor, reply):
    with server(reply) as base:
        said = doctor(base)
    assert said.code in (0, 2, 3)
    assert said.err == ""


def test_a_base_without_any_document_is_to_be_mended(doctor):
    with server(answer(b"404 Not Found", b"text/plain", b"nothing here")) as base:
        said = doctor(base)
    assert said.code == 2
    assert "smart-configuration" in said.out


def test_an_untrusted_certificate_is_to_be_mended_and_a_given_one_is_trusted(doctor):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with server(answer(b"404 Not Found", b"text/plain", b""), context) as base:
        said = doctor(base)
        assert said.code == 2
        assert "not trusted" in said.out
        authority.cert_pem.write_to_path("ca.pem")
        said = doctor(base, TARGET.replace('"{base}"', '"{base}"\nca_file = "ca.pem"'))
        assert "not trusted" not in said.out


def test_a_missing_secret_is_named_with_its_line_before_anything_is_sent(doctor, monkeypatch):
    monkeypatch.delenv("PERSON_PASSWORD")
    said = doctor("http://127.0.0.1:9/fhir")
    assert said.code == 2
    assert "t.toml:11: users.person.password: environment variable PERSON_PASSWORD is not set" in said.out
