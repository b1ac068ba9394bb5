"""Starts the express server with @node-oauth/oauth2-server and writes the target file for it.

``python -m tests.peers.oauth2_server.peer FOLDER`` serves until interrupted, for people who want to look at it.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

from smartlaunch.setup.commands import on_path, playwrights_node
from tests.peers import npm_packages
from tests.peers.served import CannotRun, Peer, child, registered, secret, serve_until_interrupted, target_text

HERE = Path(__file__).parent
_WANTED = "launch/patient offline_access patient/Patient.rs patient/Observation.rs patient/Condition.rs user/Practitioner.rs"
_REGISTERED = ["launch", "launch/patient", "offline_access", "patient/*.rs", "user/*.rs"]
_USERS = (
    {"username": "pia.alder", "patients": ["pat-ash", "pat-birch"]},
    {"username": "rob.hazel", "patients": ["pat-ash", "pat-cedar"]},
)
_MORE = """
[patients]
default = "pat-ash"
other = "pat-birch"
[patients.names]
pat-ash = "Ash Linden"
pat-birch = "Birch Marlow"
pat-cedar = "Cedar Novak"
[ehr_launch]
kind = "page"
url = "{base}/chart"
patient = "pat-ash"
[probes]
lockout = true
"""


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Peer]:
    """Serve until the block is left; target file, secrets and log are in the folder."""
    node = playwrights_node() or on_path("node")
    if node is None:
        raise CannotRun("there is no Node to run oauth2-server with")
    packages = npm_packages.installed(HERE, "oauth2-server")
    clients = [
        registered(role, use, _WANTED, registered=_REGISTERED)
        for role in ("public", "confidential-symmetric")
        for use in ("primary", "second")
    ]
    users = [{**one, "password": secrets.token_urlsafe(18)} for one in _USERS]
    config, log, target = folder / "config.json", folder / "server.log", folder / "oauth2-server.toml"
    secret(config, json.dumps({"clients": clients, "users": users}))
    with child([str(node), str(HERE / "server.mjs"), str(config), str(packages)], log) as said:
        text = target_text("oauth2-server", said["fhir_base_url"], clients, users, folder / "secrets")
        target.write_text(text + _MORE.format(base=said["base_url"]), encoding="utf-8")
        yield Peer(said["base_url"], said["fhir_base_url"], target, log)


if __name__ == "__main__":
    serve_until_interrupted(running)
