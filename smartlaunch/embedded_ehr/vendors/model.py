"""What is known of a vendor, read from its data file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from smartlaunch.embedded_ehr.profile import Profile
from smartlaunch.embedded_ehr.registry import Client, User
from smartlaunch.embedded_ehr.state import new_secret

_HERE = Path(__file__).parent
_PLAIN = ("openid", "fhirUser", "profile", "launch", "launch/patient", "offline_access", "online_access")
_EVERYTHING = (*_PLAIN, "patient/*.cruds", "user/*.cruds")


class UnknownVendor(LookupError):
    """A vendor, or a set of its apps, was named that no data file describes."""


@dataclass(frozen=True)
class Problem:
    """A refusal in the vendor's words; without ``error`` the app hears nothing and the browser gets a page."""

    urn: str
    error: str = ""
    text: str = ""
    status: int = 400


@dataclass(frozen=True)
class App:
    """A registration as the vendor's console holds it, and what the app's code asks for.

    ``boxes`` are the ticks of API access: level, then ``read`` or ``write``, then resource types.  ``target`` says whether the written
    target file has the app.
    """

    name: str
    title: str
    type: str
    client_id: str
    app_id: str
    smart_version: str
    asks: str
    access: str = ""
    privacy: str = "public"
    use: str = "other"
    launch_page: bool = False
    target: bool = True
    boxes: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Where the app is served; no such host exists."""
        return f"https://{self.name}.app.example"

    @property
    def redirect_uri(self) -> str:
        """The registered redirect URI."""
        return f"{self.host}/callback"

    @property
    def launch_uri(self) -> str | None:
        """The registered launch URI, for an app that has a page there."""
        return f"{self.host}/launch" if self.launch_page else None

    @property
    def registered_scopes(self) -> tuple[str, ...]:
        """The scopes that the ticked boxes stand for, in the form of the registered SMART version."""
        endings = {"v1": {"read": "read", "write": "write"}, "v2": {"read": "rs", "write": "cud"}}[self.smart_version]
        return tuple(
            f"{level}/{kind}.{endings[right]}" for level, rights in self.boxes.items() for right, kinds in rights.items() for kind in kinds
        )


@dataclass(frozen=True)
class Vendor:
    """One vendor's data; ``raw`` is the whole file for the parts that are read where they are used."""

    id: str
    name: str
    tenant: str
    apps: tuple[App, ...]
    problems: Mapping[str, Problem]
    raw: Mapping[str, Any]

    def path(self, name: str, *, host: str = "", persona: str = "provider") -> str:
        """Return the path of an endpoint, with tenant, host and persona filled in."""
        text: str = self.raw["paths"][name]
        return text.format(tenant=self.tenant, host=host or self.hosts[0][0], persona=persona)

    @property
    def hosts(self) -> tuple[tuple[str, str], ...]:
        """The FHIR hosts with the persona that each one's discovery names; the first is the one that targets are written for."""
        return tuple((row["name"], row["persona"]) for row in self.raw["fhir_host"])

    @property
    def variants(self) -> tuple[str, ...]:
        """The permitted choices of the plain server that this vendor makes."""
        return tuple(self.raw["behaviour"]["variants"])

    def headers(self, *names: str) -> dict[str, str]:
        """Return the vendor's fixed headers of some kinds of answers."""
        return {key: value for name in names for key, value in self.raw["headers"][name].items()}

    def app(self, *, client_id: str = "", app_id: str = "") -> App | None:
        """Return the app with a client id or with an app id."""
        return next((one for one in self.apps if one.client_id == client_id or (app_id and one.app_id == app_id)), None)

    def persona_of(self, user: User) -> str:
        """Return the vendor's word for the kind of person."""
        return "patient" if user.persona == "patient" else "provider"

    def sign_in(self, persona: str) -> tuple[str, str]:
        """Return realm and page of the sign-in of a persona."""
        row = self.raw["sign_in"][persona]
        return row["realm"].format(tenant=self.tenant), row["page"]

    @property
    def profile(self) -> Profile:
        """The paths and lifetimes in which the plain server follows the vendor."""
        lifetimes, behaviour = self.raw["lifetimes"], self.raw["behaviour"]
        return Profile(
            name=self.id,
            authorize_path=self.path("authorize"),
            token_path=self.path("token"),
            fhir_path=self.path("fhir"),
            issuer_path=self.path("id_token_issuer"),
            realm=self.hosts[0][0],
            code_lifetime_s=lifetimes["code_s"],
            token_lifetime_s=lifetimes["access_token_s"],
            backend_token_lifetime_s=lifetimes["access_token_s"],
            launch_lifetime_s=lifetimes["launch_s"],
            no_consent=tuple(behaviour["no_consent"]),
            no_patient_choice=tuple(behaviour["no_patient_choice"]),
        )

    def clients(self) -> dict[str, Client]:
        """Return the apps as the plain server knows them: with every scope, because the vendor's rules on scopes come before."""
        return {app.client_id: _client(app) for app in self.apps}


def _client(app: App) -> Client:
    if app.type == "system":
        return Client(
            app.client_id,
            app.title,
            "backend",
            grant_types=("client_credentials",),
            auth_methods=("client_secret_basic",),
            secret=new_secret(),
            scopes=app.registered_scopes,
        )
    public = app.privacy == "public"
    return Client(
        app.client_id,
        app.title,
        "public" if public else "confidential-symmetric",
        app.use,
        launch_uri=app.launch_uri,
        redirect_uris=(app.redirect_uri,),
        origins=(app.host,),
        scopes=_EVERYTHING,
        auth_methods=("none",) if public else ("client_secret_basic",),
        secret=None if public else new_secret(),
    )


def names() -> list[str]:
    """Return the vendors that can be imitated, each with its sets of changed apps."""
    found = []
    for path in sorted(_HERE.glob("*.toml")):
        found.append(path.stem)
        found += [f"{path.stem}:{one}" for one in _sets(_read(path.stem))]
    return found


def _sets(raw: Mapping[str, Any]) -> list[str]:
    return sorted({key for row in raw["app"] for key, value in row.items() if isinstance(value, dict) and key != "boxes"})


@cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_HERE / f"{name}.toml").read_text(encoding="utf-8"))


def choose(wanted: str) -> Vendor:
    """Return the vendor named, with one set of its apps' changes after a colon."""
    if wanted not in names():
        message = f"no vendor is named {wanted!r}; there are: {', '.join(names())}"
        raise UnknownVendor(message)
    name, _, changed = wanted.partition(":")
    raw = _read(name)
    sets = _sets(raw)
    apps = []
    for row in raw["app"]:
        values = {key: value for key, value in row.items() if key not in sets} | (row.get(changed, {}) if changed else {})
        apps.append(App(**values))
    problems = {key: Problem(**row) for key, row in raw["errors"].items() if isinstance(row, dict)}
    return Vendor(raw["id"], raw["name"], raw["tenant"], tuple(apps), problems, raw)
