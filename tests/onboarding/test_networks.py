"""What real networks need: a gateway's key, a proxy, a client certificate, tenants, an `aud` of the vendor's own spelling."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from smartlaunch.client.http import Http, proxy_parts
from smartlaunch.embedded_ehr.target_file import write_target
from smartlaunch.errors import LookupFailed, TargetFileError, UsageError
from smartlaunch.evidence.recorder import Recorder
from smartlaunch.evidence.redaction import Redactor
from smartlaunch.exchange import Endpoint
from smartlaunch.target import load_target, parse_target
from tests.onboarding.conftest import behind

KEY = "key-canary-93bd7f02"


class Gateway:
    """A gateway before an EHR: what belongs to the app's own traffic needs a key, pages that a person opens do not."""

    def __init__(self, app):
        self.app, self.without = app, []

    async def __call__(self, scope, receive, send):
        path = scope.get("path", "")
        sent = dict(scope.get("headers", ())).get(b"x-api-key", b"").decode()
        if scope["type"] == "http" and (path.startswith("/fhir") or path.endswith("/token")) and sent != KEY:
            self.without.append(path)
            await send({"type": "http.response.start", "status": 401, "headers": [(b"content-type", b"application/json")]})
            await send({"type": "http.response.body", "body": b'{"message": "no API key"}'})
            return
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def guarded():
    with behind(Gateway) as both:
        yield both


def file_with(running, lines, path="t.toml"):
    write_target(Path(path), running)
    text = Path(path).read_text("utf-8")
    Path(path).write_text(text.replace("[target]\n", f"[target]\n{lines}\n", 1), "utf-8")
    return path


def test_the_key_of_a_gateway_is_sent_and_kept_out_of_everything(cli, guarded, monkeypatch, tmp_path):
    running, gateway = guarded
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    said = cli("try", "--target", file_with(running, 'headers = { X-API-Key = { env = "GATEWAY_KEY" } }'), "--out", "kept")
    assert said.code == 0, said.all
    assert gateway.without == []
    assert KEY not in said.all + "".join(p.read_text("utf-8", "replace") for p in (tmp_path / "kept").rglob("*") if p.is_file())
    assert "X-API-Key" in (tmp_path / "kept/run.json").read_text()
    said = cli("try", "--target", file_with(running, ""), "--out", "kept2")
    assert said.code == 1
    assert gateway.without


def test_a_header_goes_to_the_hosts_of_the_file_only():
    text = """schema = 1
[target]
fhir_base_url = "https://ehr.example/fhir"
header_hosts = ["login.ehr.example:8443"]
headers = { X-API-Key = { env = "K" }, X-Team = "blue" }
[clients.a]
role = "public"
client_id = "a"
redirect_uri = "https://app.example/r"
scopes = "openid"
"""
    target = parse_target(text, env={"K": KEY})
    assert target.headers_for("ehr.example") == {"X-API-Key": KEY, "X-Team": "blue"}
    assert target.headers_for("LOGIN.ehr.example:8443")
    assert target.headers_for("login.ehr.example") == target.headers_for("elsewhere.example") == {}
    assert KEY not in repr(target)
    assert KEY in [secret.reveal() for secret in target.secrets]
    for name in ("Authorization", "host"):
        with pytest.raises(TargetFileError, match="is the suite's own"):
            parse_target(text.replace("X-Team", name), env={"K": KEY})
    with pytest.raises(TargetFileError):
        parse_target(text.replace("X-Team", '"bad name"'), env={"K": KEY})


@dataclass
class Proxy:
    """A forward proxy for plain http that wants a name and a password, and notes what it passes on."""

    port: int = 0
    passed: list[str] = field(default_factory=list)
    refused: int = 0

    def serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            request = stream.readline().decode("latin-1").split(" ")
            lines = []
            while (line := stream.readline()) not in (b"\r\n", b""):
                lines.append(line.decode("latin-1"))
            headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
            if headers.get("proxy-authorization") != f"Basic {base64.b64encode(b'lena:pass-canary-77').decode()}":
                self.refused += 1
                connection.sendall(
                    b'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="p"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
                )
                return
            parts = urlsplit(request[1])
            self.passed.append(f"{request[0]} {parts.path}")
            body = stream.read(int(headers.get("content-length", "0")))
            head = f"{request[0]} {parts.path}{f'?{parts.query}' if parts.query else ''} HTTP/1.1\r\n"
            kept = [line for line in lines if not line.lower().startswith(("proxy-", "connection:"))]
            with socket.create_connection((parts.hostname, parts.port or 80), timeout=20) as upstream:
                upstream.sendall((head + "".join(kept) + "Connection: close\r\n\r\n").encode("latin-1") + body)
                while chunk := upstream.recv(65536):
                    connection.sendall(chunk)


@pytest.fixture
def proxy():
    listener, made = socket.create_server(("127.0.0.1", 0)), Proxy()
    made.port = listener.getsockname()[1]

    def loop():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=made.serve, args=(connection,), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()
    yield made
    listener.close()


def test_app_and_browser_go_through_the_proxy(cli, ehr, proxy, monkeypatch, tmp_path):
    monkeypatch.setenv("PROXY", f"http://lena:pass-canary-77@127.0.0.1:{proxy.port}")
    said = cli("try", "--target", file_with(ehr, 'proxy = { env = "PROXY" }'), "--out", "kept")
    assert said.code == 0, said.all
    assert any(line.startswith("GET /fhir/.well-known") for line in proxy.passed)
    assert any("authorize" in line for line in proxy.passed), "the browser's pages"
    assert any(line.startswith("POST") and "token" in line for line in proxy.passed)
    assert "canary" not in said.all + "".join(p.read_text("utf-8", "replace") for p in (tmp_path / "kept").rglob("*") if p.is_file())


def test_a_proxy_that_refuses_is_told(cli, ehr, proxy):
    said = cli("doctor", "--no-sign-in", "--target", file_with(ehr, f'proxy = "http://127.0.0.1:{proxy.port}"'))
    assert said.code in (2, 3), said.all
    assert "407" in said.out
    assert proxy.passed == []


def test_an_address_that_is_no_proxy_is_refused(cli, ehr):
    assert proxy_parts("http://u%40x:p%3A@proxy.example:3128") == ("http://proxy.example:3128", ("u@x", "p:"))
    file_with(ehr, 'proxy = "socks5://x"')
    with pytest.raises(TargetFileError, match="must be the address of an HTTP proxy"):
        load_target("t.toml")


def test_a_client_certificate_is_shown_to_who_asks_for_one(tmp_path):
    authority, people = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    people.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(65536)
                    secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            except ssl.SSLError:
                continue
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    mine = people.issue_cert("app.example")
    mine.cert_chain_pems[0].write_to_path(tmp_path / "mine.pem")
    key = mine.private_key_pem.bytes().decode()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}/"

    def ask(certificate):
        http = Http(Recorder(None, Redactor()), ca_file=str(tmp_path / "ca.pem"), certificate=certificate)
        try:
            return http.send("GET", url, endpoint=Endpoint.FHIR)
        finally:
            http.close()

    assert ask(None).response is None
    assert ask((str(tmp_path / "mine.pem"), key)).heard.status == 200
    with pytest.raises(UsageError, match="do not belong together, or are no PEM"):
        ask((str(tmp_path / "mine.pem"), "no key"))
    listener.close()


def test_certificate_and_key_belong_together(ehr, cli, tmp_path):
    (tmp_path / "mine.pem").write_text("x")
    file_with(ehr, 'client_certificate = "mine.pem"')
    with pytest.raises(TargetFileError, match="belong together"):
        load_target("t.toml")
    file_with(ehr, 'client_certificate = "none.pem"\nclient_key = { env = "K" }')
    with pytest.raises(TargetFileError, match=r"client_certificate: none\.pem is not there"):
        load_target("t.toml")


def test_a_tenant_takes_the_place_of_the_base(cli, ehr):
    file_with(ehr, "")
    text = Path("t.toml").read_text("utf-8").replace(ehr.fhir_base_url, "https://first.example/fhir", 1)
    Path("t.toml").write_text(text + f'\n[tenants.north]\nfhir_base_url = "{ehr.fhir_base_url}"\npatient = "p-north"\n', "utf-8")
    assert load_target("t.toml").fhir_base_url == "https://first.example/fhir"
    north = load_target("t.toml@north")
    assert (north.fhir_base_url, north.patients.default) == (ehr.fhir_base_url, "p-north")
    assert north.name.endswith(", north")
    assert north.hash != load_target("t.toml").hash
    with pytest.raises(LookupFailed, match="no tenant named 'south'"):
        load_target("t.toml@south")
    said = cli("doctor", "--no-sign-in", "--target", "t.toml@north")
    assert said.code == 0, said.all
    assert f"reach: {ehr.fhir_base_url} answers" in said.out


def test_aud_is_sent_as_the_vendor_wants_it(cli, ehr):
    said = cli("try", "--target", file_with(ehr, f'aud = "{ehr.fhir_base_url}/"'), "--out", "kept")
    assert f"aud: {ehr.fhir_base_url}/\n" in said.out
    sent = [x["url"] for x in json.loads(Path("kept/run.json").read_text())["exchanges"] if "aud=" in x["url"]]
    assert sent
    assert all("fhir%2F&" in url for url in sent)
