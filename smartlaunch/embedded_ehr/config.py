"""Who is known to the embedded EHR at its start: apps and users.

Redirect URIs are on hosts that do not resolve, a custom scheme and a loopback address: the three kinds that apps register.
Secrets and passwords are drawn at each start unless the options fix them.
"""

from __future__ import annotations

import secrets
import socket
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr.keys import client_key_set, public_key_set
from smartlaunch.embedded_ehr.registry import Client, User
from smartlaunch.embedded_ehr.state import new_secret

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.options import SandboxOptions

PATIENTS = ("amelia-stone", "bruno-castellano", "chidi-okafor")

_APP_SCOPES = (
    "openid",
    "fhirUser",
    "profile",
    "launch",
    "launch/patient",
    "launch/encounter",
    "launch/location",
    "offline_access",
    "online_access",
    "patient/*.cruds",
    "user/*.cruds",
)
_NARROW_SCOPES = ("openid", "fhirUser", "launch", "launch/patient", "patient/Patient.rs", "patient/Observation.rs")
_SYSTEM_SCOPES = ("system/Patient.rs", "system/Observation.rs", "system/Encounter.rs", "system/Condition.rs")
_SHORT_S = 2


def free_loopback_port() -> int:
    """Return a port of the loopback address that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _app(role: str, use: str, name: str, **more: Any) -> Client:
    client_id = f"{role}-{use}"
    host = f"https://{client_id}.app.example"
    values: dict[str, Any] = {
        "launch_uri": f"{host}/launch",
        "redirect_uris": (f"{host}/redirect",),
        "origins": (host,),
        "scopes": _APP_SCOPES,
    }
    return Client(client_id, name, role, use, **(values | more))


def build_clients(options: SandboxOptions) -> dict[str, Client]:
    """Return the registry of apps for one start."""

    def secret(client_id: str) -> str:
        return options.secrets.get(client_id) or new_secret()

    short: dict[str, Any] = {"use": "short-lived", "code_lifetime_s": _SHORT_S, "token_lifetime_s": _SHORT_S}
    header_only = "takes_secrets_in_the_header_only" in options.variants
    basic: dict[str, Any] = {"auth_methods": ("client_secret_basic",) if header_only else ("client_secret_basic", "client_secret_post")}
    signed: dict[str, Any] = {"auth_methods": ("private_key_jwt",)}
    jwks_uri = options.client_jwks_uri or f"http://127.0.0.1:{free_loopback_port()}/jwks.json"
    both, elliptic = client_key_set("RS384", "ES384"), client_key_set("ES384")
    clients = [
        _app(
            "public",
            "primary",
            "Growth Chart",
            redirect_uris=(
                "https://public-primary.app.example/redirect",
                "org.example.app:/callback",
                "http://127.0.0.1:49717/redirect",
            ),
        ),
        _app("public", "second", "Vitals Timeline", redirect_uris=("https://public-second.app.example/redirect?site=north",)),
        _app("public", name="Growth Chart (two seconds)", **short),
        _app("public", "narrow", "Blood Pressure Diary", scopes=_NARROW_SCOPES),
        _app("confidential-symmetric", "primary", "Care Plan Review", secret=secret("confidential-symmetric-primary"), **basic),
        _app(
            "confidential-symmetric",
            "second",
            "Referral Desk",
            # Reserved characters: a client that does not form-encode its credentials fails, and so does a server that does not decode.
            secret=options.secrets.get("confidential-symmetric-second") or new_secret() + "+/%41:&=",
            **basic,
        ),
        _app(
            "confidential-symmetric",
            name="Care Plan Review (two seconds)",
            secret=secret("confidential-symmetric-short-lived"),
            **short,
            **basic,
        ),
        _app(
            "confidential-symmetric",
            "narrow",
            "Lab Notes",
            scopes=_NARROW_SCOPES,
            secret=secret("confidential-symmetric-narrow"),
            **basic,
        ),
        _app(
            "confidential-asymmetric",
            "primary",
            "Sepsis Watch",
            jwks=public_key_set(both),
            private_jwks=both,
            **signed,
        ),
        _app("confidential-asymmetric", "second", "Ward Board", jwks_uri=jwks_uri, private_jwks=elliptic, **signed),
        _app(
            "confidential-asymmetric",
            name="Sepsis Watch (two seconds)",
            jwks=public_key_set(elliptic),
            private_jwks=elliptic,
            **short,
            **signed,
        ),
    ]
    for use, name in (("primary", "Night Export"), ("second", "Registry Feed"), ("short-lived", "Night Export (two seconds)")):
        keys = {"primary": both, "second": elliptic}.get(use) or client_key_set("ES384")
        # The second one shares the published JWK Set of the second app, as two products of one developer do.
        published = use == "second"
        clients.append(
            Client(
                f"backend-{use}",
                name,
                "backend",
                use,
                scopes=_SYSTEM_SCOPES,
                grant_types=("client_credentials",),
                auth_methods=("private_key_jwt",),
                jwks=None if published else public_key_set(keys),
                jwks_uri=jwks_uri if published else None,
                private_jwks=keys,
                token_lifetime_s=_SHORT_S if use == "short-lived" else None,
            )
        )
    clients.append(
        Client(
            "resource-server-primary",
            "Imaging Archive",
            "resource-server",
            grant_types=(),
            auth_methods=("client_secret_basic",),
            secret=secret("resource-server-primary"),
        )
    )
    known = {f.name for f in fields(Client)}
    for extra in options.extra_clients:
        unknown = set(extra) - known
        if unknown:
            message = f"a client has no field {', '.join(sorted(unknown))}"
            raise ValueError(message)
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in extra.items()}
        clients.append(Client(**values))
    return {client.client_id: client for client in clients}


def build_users(options: SandboxOptions) -> dict[str, User]:
    """Return the people of one start."""
    everyone = [
        User("lena.hart", "", "Dr. Lena Hart", "Practitioner/dr-lena-hart", "clinician", PATIENTS),
        User("omar.nasser", "", "Dr. Omar Nasser", "Practitioner/dr-omar-nasser", "clinician", PATIENTS[:2], rights="crus"),
        User("amelia.stone", "", "Amelia Stone", "Patient/amelia-stone", "patient", PATIENTS[:1], rights="rs"),
        User("grace.lindqvist", "", "Grace Lindqvist", None, "clinician", ()),
    ]
    if "gives_its_second_clinician_other_patients" in options.variants:
        everyone[1] = replace(everyone[1], patients=PATIENTS[1:])
    if "gives_its_second_clinician_one_patient" in options.variants:
        everyone[1] = replace(everyone[1], patients=PATIENTS[2:])
    if "lists_a_patient_as_its_first_user" in options.variants:
        everyone.insert(0, everyone.pop(2))
    return {user.username: replace(user, password=options.passwords.get(user.username) or secrets.token_urlsafe(12)) for user in everyone}
