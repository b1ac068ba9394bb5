"""Starts the server around Authlib and writes the target file for it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_START_S, _STOP_S = 60, 10
_SCOPES = "openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs patient/Condition.rs"


@dataclass(frozen=True)
class Peer:
    """The running server."""

    fhir_base_url: str
    target_file: Path
    log: Path


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Peer]:
    """Serve until the block is left; target file, secrets and log are in the folder."""
    clients = [_client(role, use) for role in ("public", "confidential-symmetric") for use in ("primary", "second")]
    clients.append({"client_id": "records", "role": "resource-server", "use": "primary", "client_secret": secrets.token_urlsafe(32)})
    user = {
        "username": "una.yew",
        "password": secrets.token_urlsafe(18),
        "sub": "u-1",
        "fhir_user": "Practitioner/prac-yew",
        "patients": ["pat-elm", "pat-fir"],
    }
    config, log, target = folder / "config.json", folder / "server.log", folder / "authlib.toml"
    _secret(config, json.dumps({"clients": clients, "users": [user]}))
    with log.open("wb") as stream:
        child = subprocess.Popen(
            [sys.executable, str(HERE / "server.py"), str(config)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stream
        )
        try:
            assert child.stdout is not None
            late = threading.Timer(_START_S, child.kill)
            late.start()
            line = child.stdout.readline()
            late.cancel()
            if not line:
                raise RuntimeError(f"the server did not start: {log.read_text('utf-8', 'replace')[-2000:]}")
            fhir = json.loads(line)["fhir_base_url"]
            _write_target(target, fhir, clients, user)
            yield Peer(fhir, target, log)
        finally:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.close()
            try:
                child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(_STOP_S)
            child.stdout.close()


def _client(role: str, use: str) -> dict[str, Any]:
    name = f"{role}-{use}"
    secret = {"client_secret": secrets.token_urlsafe(32)} if role != "public" else {}
    return {"client_id": name, "role": role, "use": use, "redirect_uri": f"https://{name}.example/redirect", **secret}


def _write_target(path: Path, fhir: str, clients: list[dict[str, Any]], user: dict[str, Any]) -> None:
    store = path.parent / "secrets"
    store.mkdir(mode=0o700, exist_ok=True)
    lines = ["schema = 1", "[target]", 'name = "authlib"', f'fhir_base_url = "{fhir}"', 'edition = "2.2"']
    for client in clients:
        lines += [f"[clients.{client['client_id']}]"]
        lines += [f'{key} = "{client[key]}"' for key in ("role", "use", "client_id", "redirect_uri") if key in client]
        lines += [f'scopes = "{_SCOPES}"'] if "redirect_uri" in client else []
        if "client_secret" in client:
            _secret(store / client["client_id"], client["client_secret"])
            lines.append(f'client_secret = {{ file = "secrets/{client["client_id"]}" }}')
    _secret(store / "password", user["password"])
    lines += ["[users.una]", f'username = "{user["username"]}"', 'password = { file = "secrets/password" }', 'persona = "clinician"']
    lines += [f'fhir_user = "{user["fhir_user"]}"', f"patients = {json.dumps(user['patients'])}"]
    lines += ["[patients]", 'default = "pat-elm"', 'other = "pat-fir"', "[probes]", "lockout = true"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _secret(path: Path, value: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(value)


def main() -> None:
    """Serve until interrupted: ``peer.py FOLDER``, for people who want to look at it."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with running(folder) as peer, contextlib.suppress(KeyboardInterrupt):
        print(peer.target_file, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
