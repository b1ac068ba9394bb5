"""Starts the Django server with django-oauth-toolkit and writes the target file for it.

Its packages come from the lock beside this file, into a folder of their own in the cache. ``python -m tests.peers.django_server.peer FOLDER``
serves until interrupted, for people who want to look at it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from smartlaunch.setup import commands
from tests.peers.served import CannotRun, Peer, child, registered, secret, serve_until_interrupted, target_text

HERE = Path(__file__).parent
_INSTALL_S = 240
_CONTEXT = "openid fhirUser offline_access"
_CLINICAL = "patient/Patient.rs patient/Observation.rs patient/Condition.rs user/Practitioner.rs"
_USERS = (
    {"username": "ora.wicker", "fhir_user": "Practitioner/prac-wicker", "patients": ["pat-oak", "pat-osier"]},
    {"username": "ned.withy", "fhir_user": "Practitioner/prac-withy", "patients": ["pat-oak", "pat-rowan"]},
)
_MORE = """
[patients]
default = "pat-oak"
other = "pat-osier"
[ehr_launch]
kind = "page"
url = "{base}/chart"
patient = "pat-oak"
[probes]
lockout = true
"""


def packages() -> Path:
    """The folder with the packages that the lock pins, fetched once per lock; ``CannotRun`` says why it is not to be had."""
    lock = HERE / "requirements.txt"
    folder = commands.cache_folder() / f"peer-django-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    ready, inside = folder / f"ready-{sys.version_info.minor}", folder / f"packages-{sys.version_info.minor}"
    if ready.is_file():
        return inside
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
    done = commands.run([*command, "--require-hashes", "--target", str(inside), "-r", str(lock)], limit_s=_INSTALL_S)
    if not done.ok:
        raise CannotRun(f"django-oauth-toolkit could not be fetched: {done.said}")
    ready.touch()
    return inside


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Peer]:
    """Serve until the block is left; target file, secrets, database and log are in the folder."""
    path = os.pathsep.join([str(packages()), os.environ.get("PYTHONPATH", "")])
    clients = [
        registered(role, use, f"{_CONTEXT} launch/patient {_CLINICAL}")
        for role in ("public", "confidential-symmetric")
        for use in ("primary", "second")
    ]
    clients.append({"client_id": "records", "role": "resource-server", "use": "primary", "client_secret": secrets.token_urlsafe(32)})
    users = [{**one, "password": secrets.token_urlsafe(18)} for one in _USERS]
    patients = sorted({patient for user in _USERS for patient in user["patients"]})
    practitioners = [str(user["fhir_user"]).partition("/")[2] for user in _USERS]
    config, log, target = folder / "config.json", folder / "server.log", folder / "django.toml"
    secret(config, json.dumps({"clients": clients, "users": users, "patients": patients, "practitioners": practitioners}))
    with child([sys.executable, str(HERE / "server.py"), str(config), str(folder)], log, {"PYTHONPATH": path}) as said:
        text = target_text("django", said["fhir_base_url"], clients, users, folder / "secrets")
        target.write_text(text + _MORE.format(base=said["base_url"]), encoding="utf-8")
        yield Peer(said["base_url"], said["fhir_base_url"], target, log)


if __name__ == "__main__":
    serve_until_interrupted(running)
