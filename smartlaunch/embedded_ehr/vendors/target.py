"""Writes the target file of an imitated vendor: its apps as a developer knows them, before or after the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from smartlaunch.embedded_ehr import data

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.registry import User
    from smartlaunch.embedded_ehr.server import RunningSandbox
    from smartlaunch.embedded_ehr.vendors.model import Vendor


class Writer(Protocol):
    """What collects the lines of the file and writes its secrets aside."""

    ca_file: str

    def table(self, header: str, **values: Any) -> None:
        """Add a table."""

    def user(self, user: User) -> None:
        """Add a person."""


def write_vendor_target(writer: Writer, running: RunningSandbox, vendor: Vendor, *, wait_for_expiry_s: float) -> None:
    """Add the tables of the vendor's target file."""
    writer.table("", schema=1)
    writer.table(
        "target",
        name=f"{vendor.name}, imitated",
        fhir_base_url=running.fhir_base_url,
        edition="2.0",
        vendor=vendor.id,
        ca_file=writer.ca_file,
    )
    for app in vendor.apps:
        if not app.target:
            continue
        writer.table(
            f"clients.{app.name}",
            role=app.privacy,
            use=app.use,
            client_id=app.client_id,
            app_id=app.app_id,
            redirect_uri=app.redirect_uri,
            launch_uri=app.launch_uri,
            scopes=app.asks,
        )
        writer.table(
            f"clients.{app.name}.registered",
            smart_version=app.smart_version,
            app_type=app.type.capitalize(),
            access_type=app.access,
        )
    for user in sorted(running.sandbox.state.users.values(), key=lambda one: vendor.persona_of(one) != "provider"):
        writer.user(user)
    writer.table("patients", default=data.PATIENTS[0], other=data.PATIENTS[1])
    writer.table("patients.names", **{one: data.display_name(one) for one in data.PATIENTS})
    visit = data.encounter_summaries(data.PATIENTS[0])[0]["id"]
    writer.table("ehr_launch", kind="page", url=f"{running.base_url}/console", patient=data.PATIENTS[0], encounter=visit)
    writer.table("limits", request_s=5, login_s=30, wait_for_expiry_s=wait_for_expiry_s, rate=0)
    writer.table("probes", intrusive=True, allow_writes=True, lockout=True)
