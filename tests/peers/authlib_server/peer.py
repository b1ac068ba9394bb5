"""Starts the server around Authlib and writes the target file for it."""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.peers.served import Peer, child, registered, secret, serve_until_interrupted, target_text

HERE = Path(__file__).parent
_SCOPES = "openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs patient/Condition.rs"


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Peer]:
    """Serve until the block is left; target file, secrets and log are in the folder."""
    clients = [
        registered(role, use, _SCOPES, launch_uri="") for role in ("public", "confidential-symmetric") for use in ("primary", "second")
    ]
    clients.append({"client_id": "records", "role": "resource-server", "use": "primary", "client_secret": secrets.token_urlsafe(32)})
    user = {
        "username": "una.yew",
        "password": secrets.token_urlsafe(18),
        "sub": "u-1",
        "fhir_user": "Practitioner/prac-yew",
        "patients": ["pat-elm", "pat-fir"],
    }
    config, log, target = folder / "config.json", folder / "server.log", folder / "authlib.toml"
    secret(config, json.dumps({"clients": clients, "users": [user]}))
    with child([sys.executable, str(HERE / "server.py"), str(config)], log) as said:
        text = target_text("authlib", said["fhir_base_url"], clients, [user], folder / "secrets")
        target.write_text(text + '[patients]\ndefault = "pat-elm"\nother = "pat-fir"\n[probes]\nlockout = true\n', encoding="utf-8")
        yield Peer(said["base_url"], said["fhir_base_url"], target, log)


if __name__ == "__main__":
    serve_until_interrupted(running)
