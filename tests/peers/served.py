"""What the peers share on our side: a child that serves until its input closes, and the target file for it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_START_S, _STOP_S = 60, 10


class CannotRun(Exception):
    """A program or package that the peer needs is not to be had; the sentence says which."""


@dataclass(frozen=True)
class Peer:
    """The running server."""

    base_url: str
    fhir_base_url: str
    target_file: Path
    log: Path


@contextlib.contextmanager
def child(command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """What a server says of itself in its first line; it is ended when the block is left."""
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stream, env={**os.environ, **(env or {})})
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            late = threading.Timer(_START_S, process.kill)
            late.start()
            line = process.stdout.readline()
            late.cancel()
            if not line:
                raise RuntimeError(f"the server did not start: {log.read_text('utf-8', 'replace')[-2000:]}")
            said: dict[str, str] = json.loads(line)
            yield said
        finally:
            process.stdin.close()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(_STOP_S)
            process.stdout.close()


def secret(path: Path, value: str) -> None:
    """A file that only its owner can read."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(value)


def target_text(name: str, fhir: str, clients: Sequence[Mapping[str, Any]], users: Sequence[Mapping[str, Any]], store: Path) -> str:
    """The tables of server, clients and users; their secrets are written to files beside the target file."""
    lines = ["schema = 1", "[target]", f'name = "{name}"', f'fhir_base_url = "{fhir}"', 'edition = "2.2"']
    for client in clients:
        lines += [f"[clients.{client['client_id']}]"]
        said = ("role", "use", "client_id", "redirect_uri", "launch_uri", "scopes")
        lines += [f'{key} = "{client[key]}"' for key in said if client.get(key)]
        if "client_secret" in client:
            secret(store / client["client_id"], client["client_secret"])
            lines.append(f'client_secret = {{ file = "{store.name}/{client["client_id"]}" }}')
    for user in users:
        key = user["username"].replace(".", "-")
        secret(store / key, user["password"])
        lines += [f"[users.{key}]", f'username = "{user["username"]}"', f'password = {{ file = "{store.name}/{key}" }}']
        lines += [f'persona = "{user.get("persona", "clinician")}"', f"patients = {json.dumps(list(user['patients']))}"]
        lines += [f'fhir_user = "{user["fhir_user"]}"'] if user.get("fhir_user") else []
    return "\n".join(lines) + "\n"


def registered(role: str, use: str, scopes: str, **more: object) -> dict[str, Any]:
    """One client of a peer, with a secret where its role has one."""
    name = f"{role}-{use}"
    held = {"client_secret": secrets.token_urlsafe(32)} if role != "public" else {}
    uris = {"redirect_uri": f"https://{name}.example/redirect", "launch_uri": f"https://{name}.example/launch"}
    return {"client_id": name, "role": role, "use": use, **uris, "scopes": scopes, **more, **held}


def serve_until_interrupted(running: Callable[[Path], contextlib.AbstractContextManager[Peer]]) -> None:
    """The peer for people who want to look at it, in the folder that the command line names."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with running(folder) as peer, contextlib.suppress(KeyboardInterrupt):
        print(peer.target_file, flush=True)
        threading.Event().wait()
