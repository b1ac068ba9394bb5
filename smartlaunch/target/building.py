"""A target of what a file says, with what the schema cannot tell: what belongs together, what a role needs, what an address is."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.addresses import is_loopback
from smartlaunch.errors import LookupFailed
from smartlaunch.target import launcher
from smartlaunch.target.form import suggestion
from smartlaunch.target.model import (
    APP_ROLES,
    LAUNCHES,
    Client,
    Deviation,
    EhrLaunch,
    Expect,
    Limits,
    Login,
    Patients,
    Probes,
    RecipeFile,
    Registered,
    Target,
    User,
    ehr_launch_scopes,
    launches_of,
)
from smartlaunch.target.problems import Place, Problems, dotted, named, section
from smartlaunch.target.recipe_files import bundled_recipes, load_recipe, places

_SECRET_METHODS = ("client_secret_basic", "client_secret_post")
_AUTH_METHODS = {
    "public": ("none",),
    "confidential-symmetric": _SECRET_METHODS,
    "confidential-asymmetric": ("private_key_jwt",),
    "backend": ("private_key_jwt",),
    "resource-server": (*_SECRET_METHODS, "private_key_jwt"),
}
_OWN_HEADERS = ("authorization", "host", "content-type", "content-length", "transfer-encoding", "connection", "accept", "origin", "cookie")
_POLITE_RATE = 5.0
"""Requests a second to a server on another machine, where the file does not say how many."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class Builder:
    """Builds one target; notes every problem and goes on."""

    def __init__(self, path: Path, problems: Problems) -> None:
        self.path, self.problems = path, problems

    def build(self, plain: dict[str, Any], document: dict[str, Any]) -> Target:
        """The target of a document whose form is right and whose references are resolved."""
        head = plain["target"]
        base = head["fhir_base_url"]
        self._check_url(("target", "fhir_base_url"), base, bare=True)
        options = head.get("smart_launcher")
        if options is not None and options["launch_type"] not in launcher.BY_EHR:
            base = launcher.standalone_base(base, options)
        shared = self._launcher_launch(plain, base) or self._ehr_launch(("ehr_launch",), plain.get("ehr_launch"), base)
        clients = {name: self._client(name, table, shared, base) for name, table in plain["clients"].items()}
        self._check_unique(clients)
        users = {name: _user(name, table) for name, table in plain.get("users", {}).items()}
        ca_file = self._file_beside("ca_file", head.get("ca_file"))
        certificate = self._file_beside("client_certificate", head.get("client_certificate"))
        if (certificate is None) != ("client_key" not in head):
            self.problems.add(
                ("target", "client_certificate"), "target.client_certificate and target.client_key belong together", "give both"
            )
        if head.get("proxy"):
            self._check_proxy(head["proxy"])
        for name in (name for name in head.get("headers", {}) if name.lower() in _OWN_HEADERS):
            self.problems.add(
                ("target", "headers", name), f"the header {name} is the suite's own", "give only what a gateway wants beside it"
            )
        patients = dict(plain.get("patients", {}))
        names = {key: _texts(value) for key, value in patients.pop("names", {}).items()}
        if patients.get("default") and patients.get("default") == patients.get("other"):
            self.problems.add(("patients", "other"), "patients.other is the same patient as patients.default")
        expect = dict(plain.get("expect", {}))
        limits = dict(plain.get("limits", {}))
        limits |= {"hosts": tuple(limits["hosts"])} if "hosts" in limits else {}
        at_home = is_loopback(urlsplit(base).hostname or "")
        limits.setdefault("rate", 0 if at_home else _POLITE_RATE)
        return Target(
            name=head.get("name") or self.path.stem,
            fhir_base_url=base,
            edition=head.get("edition", "2.2"),
            vendor=head.get("vendor", ""),
            ca_file=ca_file,
            aud=head.get("aud", ""),
            headers=head.get("headers", {}),
            header_hosts=tuple(head.get("header_hosts", ())),
            proxy=head.get("proxy", ""),
            client_certificate=certificate,
            client_key=head.get("client_key"),
            clients=clients,
            users=users,
            patients=Patients(**patients, names=names),
            login=self._login(plain.get("login", {}), head.get("vendor", "")),
            ehr_launch=shared,
            expect=Expect(**(expect | {"scopes": _scopes(expect.get("scopes", ()))})),
            limits=Limits(**(limits | ({"body_bytes": int(limits["body_bytes"])} if "body_bytes" in limits else {}))),
            probes=Probes(**({"intrusive": at_home} | plain.get("probes", {}))),
            deviations=self.deviations(plain.get("deviations", [])),
            path=self.path,
            warnings=tuple(self.problems.warnings),
            hash=_hash(plain, document),
        )

    def _login(self, table: Mapping[str, Any], vendor: str) -> Login:
        """How to sign in, with the recipe that is named."""
        recipe, steps = table.get("recipe", "automatic"), tuple(table.get("steps", ()))
        path: Place = ("login", "recipe")
        chosen = None
        if recipe == "steps" and not steps:
            self.problems.add(path, "login.recipe is `steps` but there are no [[login.steps]]")
        if recipe not in ("automatic", "steps"):
            chosen = self._recipe(path, recipe)
        if chosen is not None and vendor and chosen.vendors and vendor not in chosen.vendors:
            meant = next((name for name, other in bundled_recipes().items() if vendor in other.vendors), "")
            self.problems.warnings.append(
                f"{self.problems.shown}:{self.problems.lines.line(path)}: login.recipe `{recipe}` is for the pages of"
                f" {', '.join(chosen.vendors)}, and target.vendor is {vendor}" + (f"; its recipe is `{meant}`" if meant else "")
            )
        if table.get("logout_url"):
            self._check_url(("login", "logout_url"), table["logout_url"])
        return Login(recipe, steps, places(("login",), steps, self.problems), chosen, table.get("logout_url", ""))

    def _recipe(self, path: Place, wanted: str) -> RecipeFile | None:
        try:
            return load_recipe(wanted, beside=self.path.parent)
        except LookupFailed:
            known = ["automatic", "steps", *bundled_recipes()]
            hint = f"there are {', '.join(known)}, or a file that ends in .toml"
            self.problems.add(path, f"there is no recipe `{wanted}`{suggestion(wanted, known)}", hint)
        return None

    def _client(self, name: str, table: dict[str, Any], shared: EhrLaunch | None, base: str) -> Client:
        path: Place = ("clients", name)
        role = table["role"]
        table = dict(table)
        registered = dict(table.pop("registered", {}))
        scopes = _scopes(table.pop("scopes", ()))
        own = self._ehr_launch((*path, "ehr_launch"), table.pop("ehr_launch", None), base)
        launches = self._launches(path, role, table, scopes, own or shared)
        self._check_auth_method(path, role, table)
        launch_scopes = _scopes(table.pop("ehr_launch_scopes", ())) or ehr_launch_scopes(scopes)
        for key in _needed(role, table):
            self.problems.add(path, f"key `{key}` is missing {section(path)}, a client with role `{role}` needs it")
        for key in ("redirect_uri", "launch_uri"):
            if key in table:
                self._check_uri((*path, key), table[key])
        if "jwks_uri" in table:
            self._check_url((*path, "jwks_uri"), table["jwks_uri"])
        if role != "resource-server" and not scopes:
            self.problems.add(path, f"key `scopes` is missing {section(path)}")
        if "private_jwk" in table and "private_jwks" in table:
            self.problems.add((*path, "private_jwks"), f"both `private_jwk` and `private_jwks` are given {section(path)}", "keep one")
        return Client(
            name=name,
            scopes=scopes,
            ehr_launch_scopes=launch_scopes,
            launches=launches,
            ehr_launch=own,
            registered=Registered(
                **(
                    registered
                    | {"scopes": _scopes(registered.get("scopes", ())), "redirect_uris": tuple(registered.get("redirect_uris", ()))}
                )
            ),
            **table,
        )

    def _launches(self, path: Place, role: str, table: dict[str, Any], scopes: Sequence[str], setting: EhrLaunch | None) -> tuple[str, ...]:
        """How an app can be launched, as written or as told by scopes and URIs."""
        given = table.pop("launches", None)
        if role not in APP_ROLES:
            if given is not None:
                self.problems.add(
                    (*path, "launches"), f"`launches` stands {section(path)}, but nobody launches a client with role `{role}`"
                )
            return ()
        if given is None:
            return launches_of(scopes, table.get("launch_uri", ""), setting)
        pasted = setting is not None and setting.kind == "pasted"
        if "ehr" in given and not table.get("launch_uri") and not pasted:
            self.problems.add(
                (*path, "launches"),
                f"`launches` has `ehr`, but key `launch_uri` is missing {section(path)}",
                "add the registered launch URI, at which the EHR opens the app",
            )
        return tuple(kind for kind in LAUNCHES if kind in given)

    def _check_auth_method(self, path: Place, role: str, table: Mapping[str, Any]) -> None:
        method = table.get("token_endpoint_auth_method")
        if method is not None and method not in _AUTH_METHODS[role]:
            fitting = ", ".join(_AUTH_METHODS[role])
            self.problems.add(
                (*path, "token_endpoint_auth_method"),
                f"{named((*path, 'token_endpoint_auth_method'))} is {method!r}, a client with role `{role}` has: {fitting}",
            )

    def _check_unique(self, clients: Mapping[str, Client]) -> None:
        seen: dict[tuple[str, str], str] = {}
        for name, client in clients.items():
            other = seen.setdefault((client.role, client.use), name)
            if other != name and client.use != "other":
                self.problems.add(
                    ("clients", name),
                    f"[clients.{other}] and [clients.{name}] both have role `{client.role}` and use `{client.use}`",
                    "give one another `use`: second, short-lived or narrow, or other for an app that scenarios put by its name",
                )

    def _check_proxy(self, value: str) -> None:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            self.problems.add(
                ("target", "proxy"), "`target.proxy` must be the address of an HTTP proxy", "such as http://proxy.example:3128"
            )

    def _file_beside(self, key: str, name: str | None) -> Path | None:
        if not name:
            return None
        path = self.path.parent / name
        if not path.is_file():
            self.problems.add(
                ("target", key),
                f"target.{key}: {name} is {'a folder' if path.is_dir() else 'not there'}, looked for beside the target file",
            )
        return path

    def _ehr_launch(self, path: Place, table: dict[str, Any] | None, base: str) -> EhrLaunch | None:
        if table is None:
            return None
        needed = ("iss", "launch") if table["kind"] == "pasted" else ("url",)
        for key in (key for key in needed if not table.get(key)):
            self.problems.add(path, f"key `{key}` is missing {section(path)}, kind `{table['kind']}` needs it")
        if table.get("url"):
            self._check_url((*path, "url"), table["url"])
        if table.get("iss") and table["iss"].rstrip("/") != base.rstrip("/"):
            self.problems.warnings.append(f"{dotted(path)}.iss is not target.fhir_base_url: the launch is of another server")
        values = _texts(table.get("launch", ()))
        if table["kind"] == "pasted" and len(set(values)) != len(values):
            self.problems.add((*path, "launch"), f"{named((*path, 'launch'))} holds the same value twice, and each serves one flow only")
        steps = tuple(table.get("steps", ()))
        return EhrLaunch(**(table | {"steps": steps, "places": places(path, steps, self.problems), "launch": values}))

    def _launcher_launch(self, plain: Mapping[str, Any], base: str) -> EhrLaunch | None:
        """The EHR launch that the options of the SMART Health IT launcher are, which works any number of times."""
        options = plain["target"].get("smart_launcher")
        if options is None or options["launch_type"] not in launcher.BY_EHR:
            return None
        if "ehr_launch" in plain:
            kind = options["launch_type"]
            text = f"[ehr_launch] and target.smart_launcher with `{kind}` both say where the EHR launch comes from"
            self.problems.add(("ehr_launch",), text, "keep one of the two")
        return EhrLaunch(kind="pasted", iss=base, launch=(launcher.code(options),), reusable=True)

    def deviations(self, rows: Sequence[dict[str, Any]]) -> tuple[Deviation, ...]:
        """The rows of ``[[deviations]]``."""
        out = []
        for number, row in enumerate(rows):
            expires = None
            if "expires" in row:
                try:
                    expires = date.fromisoformat(row["expires"])
                except ValueError:
                    self.problems.add(
                        ("deviations", number, "expires"), f"{named(('deviations', number, 'expires'))} must be a day, such as 2027-01-31"
                    )
            out.append(Deviation(**(row | {"expires": expires})))
        return tuple(out)

    def _check_uri(self, path: Place, value: str) -> None:
        if not _SCHEME.match(value):
            self.problems.add(
                path, f"{named(path)} must be an absolute URI, such as https://app.example/redirect or org.example.app:/redirect"
            )
        elif "#" in value or any(char.isspace() for char in value):
            self.problems.add(path, f"{named(path)} must have no fragment and no blanks")

    def _check_url(self, path: Place, value: str, *, bare: bool = False) -> None:
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            self.problems.add(path, f"{named(path)} is not a URL that can be read")
            return
        if parts.scheme not in ("http", "https") or not host or any(char.isspace() for char in value):
            self.problems.add(path, f"{named(path)} must be an absolute http or https URL", "such as https://ehr.example/fhir/r4")
        elif parts.username is not None:
            self.problems.add(path, f"{named(path)} must not hold a user name or password")
        elif bare and (parts.query or parts.fragment):
            self.problems.add(path, f"{named(path)} must have no query and no fragment")
        elif parts.scheme == "http" and not is_loopback(host):
            self.problems.warnings.append(f"{dotted(path)} is plain http on {host}: secrets and tokens cross the network unencrypted")


def _scopes(value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.split() if isinstance(value, str) else value))


def _texts(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _user(name: str, table: dict[str, Any]) -> User:
    return User(name=name, **(table | ({"patients": tuple(table["patients"])} if "patients" in table else {})))


def _needed(role: str, table: Mapping[str, Any]) -> list[str]:
    """Return the keys that a role cannot do without and that are missing."""
    missing = ["redirect_uri"] if role in APP_ROLES and not table.get("redirect_uri") else []
    keys = {"private_jwk", "private_jwks"} & set(table)
    if role == "confidential-symmetric" and "client_secret" not in table:
        missing.append("client_secret")
    if role == "resource-server" and "client_secret" not in table and not keys:
        missing.append("client_secret")
    if role in ("confidential-asymmetric", "backend") and not keys:
        missing.append("private_jwk")
    return missing


def _hash(plain: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Return a hash of what the file says, the same wherever its secrets come from and whatever they are."""
    readable = {key: value for key, value in plain.items() if key not in ("ehr_launch", "clients")}
    clients = {name: _without_launch(table, dict(document["clients"][name])) for name, table in plain["clients"].items()}
    text = json.dumps(
        {**readable, "clients": clients, **_without_launch({"ehr_launch": {}}, document)},
        sort_keys=True,
        default=lambda _: "secret",
        ensure_ascii=True,
    )
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _without_launch(table: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """The table with what the file says of the EHR launch, but for the launch values: they change from day to day."""
    if "ehr_launch" not in table:
        return dict(table)
    launch = {key: value for key, value in dict(document.get("ehr_launch", {})).items() if key != "launch"}
    return {**table, "ehr_launch": launch}
