"""Writes a target file for the running server, so that the suite can be pointed at it like at any other."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr import data
from smartlaunch.embedded_ehr.vendors.target import write_vendor_target

if TYPE_CHECKING:
    from pathlib import Path

    from smartlaunch.embedded_ehr.registry import Client, User
    from smartlaunch.embedded_ehr.server import RunningSandbox

_WANTED = {
    "primary": (
        "openid fhirUser launch/patient launch/encounter offline_access "
        "patient/Patient.rs patient/Observation.rs patient/Condition.rs patient/Encounter.rs user/Practitioner.r"
    ),
    "narrow": "openid fhirUser launch/patient patient/Patient.rs patient/Observation.rs",
}
_SYSTEM = "system/Patient.rs system/Observation.rs"


def write_target(path: Path, running: RunningSandbox, *, name: str = "embedded", wait_for_expiry_s: float = 4) -> Path:
    """Write the target file and, beside it, one file of mode 0600 for each secret; return the target file's path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer, vendor = TargetWriter(path), running.sandbox.options.vendor
    if running.authority:
        writer.ca_file = f"{path.stem}-authority.pem"
        (path.parent / writer.ca_file).write_text(running.authority, encoding="ascii")
    if vendor is not None:
        write_vendor_target(writer, running, vendor, wait_for_expiry_s=wait_for_expiry_s)
    else:
        _write_plain(writer, running, name, wait_for_expiry_s)
    path.write_text("\n".join(writer.lines) + "\n", encoding="utf-8")
    return path


def _write_plain(writer: TargetWriter, running: RunningSandbox, name: str, wait_for_expiry_s: float) -> None:
    state = running.sandbox.state
    edition = "1.0" if running.sandbox.variant("is_of_edition_1_0") else "2.2"
    writer.version_1_scopes = edition == "1.0"
    writer.table("", schema=1)
    writer.table("target", name=name, fhir_base_url=running.fhir_base_url, edition=edition, vendor="embedded", ca_file=writer.ca_file)
    for client in state.clients.values():
        writer.client(client)
    for user in state.users.values():
        writer.user(user)
    writer.table("patients", default=data.PATIENTS[0], other=data.PATIENTS[1])
    writer.table("patients.names", **{one: data.display_name(one) for one in data.PATIENTS})
    visit = data.encounter_summaries(data.PATIENTS[0])[0]["id"]
    writer.table("ehr_launch", kind="page", url=f"{running.base_url}/chart", patient=data.PATIENTS[0], encounter=visit)
    writer.table("limits", request_s=5, login_s=30, wait_for_expiry_s=wait_for_expiry_s, leeway_s=2, rate=0)
    writer.table("probes", intrusive=True, allow_writes=True, lockout=True)


class TargetWriter:
    """Collects the lines of the file and writes its secrets aside."""

    def __init__(self, path: Path) -> None:
        self.lines: list[str] = []
        self.ca_file = ""
        self.version_1_scopes = False
        self.path = path

    def table(self, header: str, **values: Any) -> None:
        """Add a table, without what is empty."""
        if header:
            self.lines += ["", f"[{header}]"]
        self.lines += [f"{_key(key)} = {_toml(value)}" for key, value in values.items() if value not in (None, "", ())]

    def secret(self, name: str, value: str) -> dict[str, str]:
        """Write one secret file, readable by its owner only, and return the reference to it."""
        folder = self.path.parent / f"{self.path.stem}.secrets"
        folder.mkdir(mode=0o700, exist_ok=True)
        place = folder / name
        place.unlink(missing_ok=True)
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(value)
        return {"file": f"{folder.name}/{name}"}

    def client(self, client: Client) -> None:
        """Add an app, and write its secrets aside."""
        values: dict[str, Any] = {"role": client.role, "use": client.use, "client_id": client.client_id}
        if client.secret is not None:
            values["client_secret"] = self.secret(f"{client.client_id}.secret", client.secret)
        if client.private_jwks is not None:
            values["private_jwks"] = self.secret(f"{client.client_id}.jwks.json", json.dumps(client.private_jwks))
        values["jwks_uri"] = client.jwks_uri
        if client.role == "backend":
            values["scopes"] = _SYSTEM
        elif client.redirect_uris:
            values["scopes"] = self._scopes(_WANTED.get(client.use, _WANTED["primary"]))
            values["redirect_uri"] = client.redirect_uris[0]
            values["launch_uri"] = client.launch_uri
        self.table(f"clients.{client.client_id}", **values)
        if client.scopes or client.redirect_uris:
            scopes = self._scopes(" ".join(client.scopes))
            self.table(f"clients.{client.client_id}.registered", scopes=scopes, redirect_uris=list(client.redirect_uris) or None)

    def _scopes(self, scopes: str) -> str:
        return re.sub(r"\.r?s?(?= |$)", ".read", scopes) if self.version_1_scopes else scopes

    def user(self, user: User) -> None:
        """Add a person, and write the password aside."""
        self.table(
            f"users.{user.username.replace('.', '-')}",
            username=user.username,
            password=self.secret(f"{user.username}.password", user.password),
            persona=user.persona,
            fhir_user=user.fhir_user,
            patients=list(user.patients),
        )


def _key(key: str) -> str:
    return key


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
