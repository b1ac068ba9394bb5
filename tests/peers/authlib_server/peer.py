"""Starts the server around Authlib and writes the target file for it."""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.peers.served import Peer, child, secret, target_text

HERE = Path(__file__).parent
_SCOPES = "openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs patient/Condition.rs"


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
    secret(config, json.dumps({"clients": clients, "users": [user]}))
    with child([sys.executable, str(HERE / "server.py"), str(config)], log) as said:
        text = target_text("authlib", said["fhir_base_url"], clients, [user], folder / "secrets")
        target.write_text(text + '[patients]\ndefault = "pat-elm"\nother = "pat-fir"\n[probes]\nlockout = true\n', encoding="utf-8")
        yield Peer(said["base_url"], said["fhir_base_url"], target, log)


def _client(role: str, use: str) -> dict[str, Any]:
    name = f"{role}-{use}"
    held = {"client_secret": secrets.token_urlsafe(32)} if role != "public" else {}
    return {"client_id": name, "role": role, "use": use, "redirect_uri": f"https://{name}.example/redirect", "scopes": _SCOPES, **held}


def main() -> None:
    """Serve until interrupted: ``peer.py FOLDER``, for people who want to look at it."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with running(folder) as peer, contextlib.suppress(KeyboardInterrupt):
        print(peer.target_file, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
