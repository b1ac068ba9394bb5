"""The embedded EHR by https, right and with each way of getting TLS wrong."""

from __future__ import annotations

import socket
import ssl
import time
import warnings
from pathlib import Path
from typing import Any

import httpx
import pytest

from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import RunningSandbox, serve
from smartlaunch.embedded_ehr.target_file import write_target
from smartlaunch.target import load_target


def trusting(running: RunningSandbox) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=running.authority)


def get(running: RunningSandbox, path: str = "/fhir/.well-known/smart-configuration", scheme: str = "https") -> httpx.Response:
    with httpx.Client(verify=trusting(running), timeout=5) as client:
        return client.get(running.base_url.replace("https", scheme, 1) + path)


def speaks(running: RunningSandbox, version: ssl.TLSVersion) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    port = int(running.base_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="127.0.0.1"):
                return True
        except (ssl.SSLError, OSError):
            return False


def test_right_server_speaks_tls_1_2_and_1_3_only() -> None:
    with serve(SandboxOptions(tls=True)) as running:
        found = get(running)
        assert found.json()["token_endpoint"] == running.base_url + "/oauth/token"
        assert running.base_url.startswith("https://")
        assert found.headers["strict-transport-security"]
        assert speaks(running, ssl.TLSVersion.TLSv1_2)
        assert speaks(running, ssl.TLSVersion.TLSv1_3)
        assert not speaks(running, ssl.TLSVersion.TLSv1_1)
        with pytest.raises(httpx.TransportError):
            get(running, scheme="http")


def test_target_file_names_the_authority(tmp_path: Path) -> None:
    with serve(SandboxOptions(tls=True)) as running:
        target = load_target(str(write_target(tmp_path / "t.toml", running)))
        assert target.ca_file is not None
        assert target.ca_file.read_text() == running.authority
        assert target.fhir_base_url.startswith("https://")


@pytest.mark.parametrize(
    "defect", ["has_an_expired_certificate", "has_a_certificate_for_another_host", "has_a_certificate_of_an_unknown_authority"]
)
def test_broken_certificates_do_not_verify(defect: str) -> None:
    with (
        serve(SandboxOptions(tls=True, defects=(defect,))) as running,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        get(running)


def test_old_versions_are_spoken_by_the_defect() -> None:
    with serve(SandboxOptions(tls=True, defects=("accepts_tls_1_0_and_1_1",))) as running:
        assert speaks(running, ssl.TLSVersion.TLSv1_1)
        assert get(running).status_code == 200


def test_plain_http_is_answered_by_the_defect() -> None:
    with serve(SandboxOptions(tls=True, defects=("gives_plain_http_token_endpoint",))) as running:
        assert get(running).json()["token_endpoint"].startswith("http://")
        assert get(running, scheme="http").status_code == 200
    with serve(SandboxOptions(tls=True, defects=("omits_strict_transport_security",))) as running:
        assert "strict-transport-security" not in get(running).headers


def test_server_with_tls_stops_at_once() -> None:
    with serve(SandboxOptions(tls=True)) as running:
        client: Any = httpx.Client(verify=trusting(running), timeout=5)
        client.get(running.base_url + "/")
        begun = time.monotonic()
    assert time.monotonic() - begun < 3
    client.close()
