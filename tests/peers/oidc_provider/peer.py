"""Starts oidc-provider with its SMART layer and writes the target file for it.

``python -m tests.peers.oidc_provider.peer FOLDER`` serves until interrupted, for people who want to look at it.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey, KeySet, RSAKey

from smartlaunch.setup.commands import playwrights_node
from tests.peers import npm_packages
from tests.peers.served import CannotRun, Peer, child, secret, serve_until_interrupted

HERE = Path(__file__).parent
NAME = "oidc-provider"
_REDIRECT, _LAUNCH = "https://{}.example/redirect", "https://{}.example/launch"
_CLINICAL = (
    "openid",
    "fhirUser",
    "launch",
    "launch/patient",
    "launch/encounter",
    "offline_access",
    "patient/*.cruds",
    "user/*.cruds",
)
_WANTED = (
    "openid fhirUser launch/patient launch/encounter offline_access"
    " patient/Patient.rs patient/Observation.rs patient/Condition.rs patient/Encounter.rs user/Practitioner.rs"
)
_NARROW = "openid fhirUser launch/patient patient/Patient.rs patient/Observation.rs"
_SYSTEM = "system/Patient.rs system/Observation.rs"
_USERS = (
    {"username": "ida.rowan", "persona": "clinician", "fhir_user": "Practitioner/prac-rowan", "patients": ["pat-ash", "pat-birch"]},
    {"username": "jon.sorrel", "persona": "clinician", "fhir_user": "Practitioner/prac-sorrel", "patients": ["pat-birch", "pat-cedar"]},
    {"username": "ash.linden", "persona": "patient", "fhir_user": "Patient/pat-ash", "patients": ["pat-ash"]},
    {"username": "kim.teasel", "persona": "clinician", "fhir_user": "", "patients": []},
)
_NAMES = {"pat-ash": "Ash Linden", "pat-birch": "Birch Marlow", "pat-cedar": "Cedar Novak"}


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Peer]:
    """Serve the full set of clients and users until the block is left; target file, secrets and log are in the folder."""
    clients = _clients(_free_port())
    users: list[dict[str, Any]] = [{**user, "password": secrets.token_urlsafe(18)} for user in _USERS]
    with serving(folder, clients, users) as said:
        base, fhir = said["base_url"], said["fhir_base_url"]
        target = folder / f"{NAME}.toml"
        _write_target(target, base, fhir, clients, users)
        yield Peer(base, fhir, target, folder / "peer.log")


@contextlib.contextmanager
def serving(folder: Path, clients: list[dict[str, Any]], users: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    """Serve these clients and users; gives the addresses."""
    node = playwrights_node()
    if node is None:
        raise CannotRun("Playwright's own Node is not there; oidc-provider needs a newer one than distributions have")
    packages = npm_packages.installed(HERE, NAME)
    config = folder / "peer.json"
    secret(config, json.dumps({"clients": [_public(client) for client in clients], "users": users}))
    with child([str(node), str(HERE / "server.mjs"), str(config), str(packages)], folder / "peer.log") as said:
        yield said


def _clients(jwks_port: int) -> list[dict[str, Any]]:
    clients: list[dict[str, Any]] = []
    for role in ("public", "confidential-symmetric", "confidential-asymmetric"):
        clients += [_client(role, use) for use in ("primary", "second")]
    clients.append(_client("public", "short-lived", lifetime_s=4))
    clients.append(_client("public", "narrow", wanted=_NARROW))
    clients += [_client("backend", use, wanted=_SYSTEM) for use in ("primary", "second")]
    clients.append(_client("resource-server", "primary"))
    served = next(client for client in clients if client["role"] == "backend")
    served["jwks_uri"] = f"http://127.0.0.1:{jwks_port}/jwks.json"
    return clients


def _client(role: str, use: str, *, wanted: str = _WANTED, lifetime_s: int | None = None) -> dict[str, Any]:
    name = f"{role}-{use}"
    client: dict[str, Any] = {"name": name, "client_id": name, "role": role, "use": use, "lifetime_s": lifetime_s, "wanted": wanted}
    if role in ("confidential-symmetric", "resource-server"):
        client["client_secret"] = secrets.token_urlsafe(32) + ("+/%41:&=" if use == "second" else "")
    if role in ("confidential-asymmetric", "backend"):
        keys = KeySet([_key(RSAKey.generate_key(2048, auto_kid=True), "RS384"), _key(ECKey.generate_key("P-384", auto_kid=True), "ES384")])
        client["private_jwks"] = keys.as_dict(private=True)
        client["jwks"] = keys.as_dict(private=False)
    if role not in ("backend", "resource-server"):
        query = "?tenant=grove" if name == "confidential-symmetric-second" else ""
        client |= {"redirect_uri": _REDIRECT.format(name) + query, "launch_uri": _LAUNCH.format(name)}
    client["registered"] = {"backend": _SYSTEM.split(), "resource-server": []}.get(
        role, wanted.split() if use == "narrow" else list(_CLINICAL)
    )
    return client


def _key(key: RSAKey | ECKey, algorithm: str) -> RSAKey | ECKey:
    return type(key).import_key({**key.as_dict(private=True), "alg": algorithm, "use": "sig"})


def _public(client: dict[str, Any]) -> dict[str, Any]:
    """What the server is told at registration: public keys only, by value or by address."""
    hidden = {"private_jwks", "wanted"} | ({"jwks"} if "jwks_uri" in client else set())
    return {name: value for name, value in client.items() if name not in hidden}


def _write_target(path: Path, base: str, fhir: str, clients: list[dict[str, Any]], users: list[dict[str, Any]]) -> None:
    store = path.parent / "secrets"
    store.mkdir(mode=0o700, exist_ok=True)
    lines = ["schema = 1", "", "[target]", f'name = "{NAME}"', f'fhir_base_url = "{fhir}"', 'edition = "2.2"']
    for client in clients:
        lines += ["", f"[clients.{client['name']}]"]
        lines += [
            f'{key} = "{client[key]}"' for key in ("role", "use", "client_id", "redirect_uri", "launch_uri", "jwks_uri") if key in client
        ]
        if "client_secret" in client:
            lines.append(f"client_secret = {_secret(store, client['name'] + '.secret', client['client_secret'])}")
        if "private_jwks" in client:
            lines.append(f"private_jwks = {_secret(store, client['name'] + '.jwks.json', json.dumps(client['private_jwks']))}")
        if client["role"] != "resource-server":
            lines += [
                f'scopes = "{client["wanted"]}"',
                "",
                f"[clients.{client['name']}.registered]",
                f'scopes = "{" ".join(client["registered"])}"',
            ]
    for user in users:
        lines += ["", f"[users.{user['username'].replace('.', '-')}]", f'username = "{user["username"]}"', f'persona = "{user["persona"]}"']
        lines += [f'fhir_user = "{user["fhir_user"]}"'] if user["fhir_user"] else []
        lines += [f"patients = {json.dumps(user['patients'])}"]
        lines.append(f"password = {_secret(store, user['username'] + '.password', user['password'])}")
    lines += ["", "[patients]", 'default = "pat-ash"', 'other = "pat-birch"', "", "[patients.names]"]
    lines += [f'{patient} = "{name}"' for patient, name in _NAMES.items()]
    lines += ["", "[ehr_launch]", 'kind = "page"', f'url = "{base}/chart"', 'patient = "pat-ash"', 'encounter = "pat-ash-visit"']
    lines += [
        "",
        "[limits]",
        "request_s = 10",
        "login_s = 40",
        "wait_for_expiry_s = 8",
        "",
        "[probes]",
        "allow_writes = true",
        "lockout = true",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _secret(store: Path, name: str, value: str) -> str:
    secret(store / name, value)
    return f'{{ file = "{store.name}/{name}" }}'


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    serve_until_interrupted(running)
