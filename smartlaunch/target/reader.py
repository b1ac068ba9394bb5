"""Reads and checks a target file.

`load_target` turns a name or a file into a `Target`.  Everything that can be wrong with the file is found here, all at once, and
said in the words and lines of the file.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.addresses import is_loopback
from smartlaunch.errors import LookupFailed, TargetFileError
from smartlaunch.target import launcher
from smartlaunch.target.lines import LineIndex
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
    Registered,
    Target,
    User,
    ehr_launch_scopes,
    launches_of,
)
from smartlaunch.target.secret import Secret

EMBEDDED = "embedded"
_MAX_FILE = 1_000_000
_SHOWN_PROBLEMS = 12
_KEY = tuple[str | int, ...]
_SECRET_METHODS = ("client_secret_basic", "client_secret_post")
_AUTH_METHODS = {
    "public": ("none",),
    "confidential-symmetric": _SECRET_METHODS,
    "confidential-asymmetric": ("private_key_jwt",),
    "backend": ("private_key_jwt",),
    "resource-server": (*_SECRET_METHODS, "private_key_jwt"),
}
_OWN_HEADERS = ("authorization", "host", "content-type", "content-length", "transfer-encoding", "connection", "accept", "origin", "cookie")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def schema() -> dict[str, Any]:
    """Return the published JSON Schema of the target file."""
    text = resources.files("smartlaunch").joinpath("schemas/target.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def target_names() -> list[str]:
    """Return the names that `load_target` knows: the bundled ones and those in ``./targets/``."""
    return sorted({EMBEDDED, *(path.stem for folder in _folders() for path in folder.glob("*.toml"))})


def load_target(
    name_or_path: str | os.PathLike[str], *, env: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None
) -> Target:
    """Read a target by its bundled name, its name in ``./targets/``, or its file.

    ``overrides`` replaces values by dotted key (``{"limits.request_s": 3}``) before the check.  Raises `LookupFailed` for an
    unknown name and `TargetFileError` for everything that is wrong with a file.
    """
    wanted = os.fspath(name_or_path)
    tenant = ""
    if "@" in wanted and not Path(wanted).exists():
        wanted, _, tenant = wanted.rpartition("@")
    if wanted == EMBEDDED:
        return Target(name=EMBEDDED, embedded=True)
    return _Reader(_locate(wanted), wanted, os.environ if env is None else env, overrides or {}, tenant).read()


def parse_target(
    text: str, *, path: str = "target.toml", env: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None
) -> Target:
    """Check the text of a target file that has not been saved; secret files are taken to lie beside ``path``."""
    return _Reader(Path(path), path, os.environ if env is None else env, overrides or {}).parse(text)


def load_deviations(path: str | os.PathLike[str]) -> tuple[Deviation, ...]:
    """Read a file of ``[[deviations]]``; raises `TargetFileError` for everything that is wrong with it."""
    return _Reader(Path(path), os.fspath(path), os.environ, {}).read_deviations()


def _folders() -> list[Path]:
    from smartlaunch._suite import suite_root

    return [folder for folder in (Path("targets"), suite_root() / "targets") if folder.is_dir()]


def _locate(wanted: str) -> Path:
    if not wanted.strip():
        raise LookupFailed("target", wanted, target_names())
    looks_like_file = wanted.endswith(".toml") or "/" in wanted or os.sep in wanted
    try:
        if looks_like_file or Path(wanted).is_file():
            return Path(wanted)
        for folder in _folders():
            if (folder / f"{wanted}.toml").is_file():
                return folder / f"{wanted}.toml"
    except (OSError, ValueError):
        pass
    known = [*target_names(), *_files_called(wanted)]
    raise LookupFailed("target", wanted, known, hint="name a file that ends in .toml, or put NAME.toml into ./targets/")


def _files_called(wanted: str) -> list[str]:
    """The target files of this folder, where a file seems to be meant: its name holds a dot."""
    return sorted(path.name for path in Path().glob("*.toml")) if "." in wanted else []


@dataclass(frozen=True)
class _Problem:
    line: int | None
    text: str
    hint: str = ""


class _Reader:
    """Reads one file; collects every problem before it raises."""

    def __init__(self, path: Path, shown: str, env: Mapping[str, str], overrides: Mapping[str, Any], tenant: str = "") -> None:
        self.tenant = tenant
        self.path, self.shown, self.env, self.overrides = path, str(path) if path.name != shown else shown, env, overrides
        self.problems: list[_Problem] = []
        self.warnings: list[str] = []
        self.lines = LineIndex("")

    def read(self) -> Target:
        return self.parse(self._text())

    def parse(self, text: str) -> Target:
        document = self._toml(text)
        self.lines = LineIndex(text)
        for key, value in self.overrides.items():
            self._override(document, key, value)
        _dates_to_text(document)
        self._check_schema(document)
        self._raise()
        self._take_tenant(document)
        plain = self._resolve(document, (), schema())
        self._raise()
        target = self._build(plain, document)
        self._raise()
        return target

    def read_deviations(self) -> tuple[Deviation, ...]:
        """Read a file that holds nothing but ``[[deviations]]``."""
        text = self._text()
        document = self._toml(text)
        self.lines = LineIndex(text)
        _dates_to_text(document)
        whole = schema()
        rule = {**whole, "properties": {name: whole["properties"][name] for name in ("schema", "deviations")}, "required": ["deviations"]}
        for error in _validator().evolve(schema=rule).iter_errors(document):
            self._explain(error)
        self._raise()
        found = self._deviations(document.get("deviations", []))
        self._raise()
        return found

    def _take_tenant(self, document: dict[str, Any]) -> None:
        """Put what the asked-for tenant says in the place of what the file says for all."""
        tenants = document.pop("tenants", {})
        if not self.tenant:
            return
        if self.tenant not in tenants:
            raise LookupFailed(
                "tenant", self.tenant, sorted(tenants), hint=f"add [tenants.{self.tenant}] with its fhir_base_url to {self.shown}"
            )
        own = dict(tenants[self.tenant])
        patient = own.pop("patient", None)
        name = own.pop("name", None) or f"{document['target'].get('name') or self.path.stem}, {self.tenant}"
        document["target"] = {**{key: value for key, value in document["target"].items() if key != "aud"}, **own, "name": name}
        if patient is not None:
            document.setdefault("patients", {})["default"] = patient

    def _fail(self, text: str, line: int | None = None, hint: str = "") -> TargetFileError:
        return TargetFileError(text, path=self.shown, line=line, hint=hint)

    def _text(self) -> str:
        try:
            if self.path.is_dir():
                raise self._fail("this is a folder, not a target file", hint="name the .toml file in it")
            if not self.path.exists():
                near = sorted(path.name for path in self.path.parent.glob("*.toml")) if self.path.parent.is_dir() else []
                listed = f"{self.path.parent} has: {', '.join(near)}" if near else f"targets by name: {', '.join(target_names())}"
                raise self._fail("no such file", hint=listed)
            if not self.path.is_file():
                raise self._fail("this is not a regular file")
            with self.path.open("rb") as stream:
                raw = stream.read(_MAX_FILE + 1)
        except (OSError, ValueError) as exc:
            reason = getattr(exc, "strerror", None) or type(exc).__name__
            raise self._fail(f"the file cannot be read ({reason})") from None
        if len(raw) > _MAX_FILE:
            raise self._fail(f"the file is larger than {_MAX_FILE} bytes, which no target file needs to be")
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as exc:
            raise self._fail("the file is not UTF-8", raw.count(b"\n", 0, exc.start) + 1, "save it as UTF-8 text") from None

    def _toml(self, text: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as exc:
            raise self._syntax_error(text, str(exc)) from None
        except RecursionError:
            raise self._fail("the file is nested too deeply") from None

    def _syntax_error(self, text: str, message: str) -> TargetFileError:
        """Say a parser's complaint in the file's words; the offending line itself is not shown, it may hold a secret."""
        rows = text.splitlines()
        place = re.search(r"\(at line (\d+), column (\d+)\)", message)
        line = int(place[1]) if place else max(len(rows), 1)
        reason = re.sub(r"\s*\(at [^)]*\)$", "", message)
        row = rows[line - 1] if line <= len(rows) else ""
        key = re.match(r"\s*([\w.\"'-]+)\s*=", row)
        table = re.match(r"\s*\[+\s*([\w.\"' -]+?)\s*\]", row)
        if "overwrite" in reason and key:
            return self._fail(f"key `{key[1]}` is written twice", line, "keep one of the two")
        if ("twice" in reason or "overwrite" in reason or "Cannot mutate" in reason) and table:
            return self._fail(f"table [{table[1]}] is written twice", line, "keep one table and put all its keys there")
        subject = f" in the value of `{key[1]}`" if key else ""
        return self._fail(f"this is not TOML: {reason[:1].lower()}{reason[1:]}{subject}", line, 'texts need quotes: key = "value"')

    def _override(self, document: dict[str, Any], key: str, value: Any) -> None:
        *tables, last = key.split(".")
        place = document
        for name in tables:
            inner = place.setdefault(name, {})
            if not isinstance(inner, dict):
                raise self._fail(f"the override {key} does not fit: `{name}` is not a table")
            place = inner
        place[last] = value

    def _problem(self, path: _KEY, text: str, hint: str = "") -> None:
        self.problems.append(_Problem(self.lines.line(path), text, hint))

    def _raise(self) -> None:
        if not self.problems:
            return
        found = sorted(dict.fromkeys(self.problems), key=lambda item: item.line or 0)
        first, rest = found[0], found[1:_SHOWN_PROBLEMS]
        more = [f"  {self.shown}{f':{item.line}' if item.line else ''}: {item.text}" for item in rest]
        if len(found) > _SHOWN_PROBLEMS:
            more.append(f"  and {len(found) - _SHOWN_PROBLEMS} more")
        raise self._fail("\n".join([first.text, *more]), first.line, first.hint)

    def _check_schema(self, document: dict[str, Any]) -> None:
        for error in _validator().iter_errors(document):
            self._explain(error)
        for path, value in _numbers(document):
            if isinstance(value, float) and not math.isfinite(value):
                self._problem(path, f"{_named(path)} must be a finite number")

    def _explain(self, error: Any) -> None:
        """Turn one error of the schema into a sentence; values are shown only where they cannot be secrets."""
        path: _KEY = tuple(error.absolute_path)
        name = _named(path)
        parent = error.schema
        if error.validator == "additionalProperties":
            known = list(parent.get("properties", {}))
            for key in (key for key in error.instance if key not in known):
                self._problem((*path, key), f"unknown key `{key}` {_section(path)}{_suggestion(key, known)}", _known_keys(known))
        elif error.validator == "required":
            misspelt = {
                _closest(key, list(parent.get("properties", {}))) for key in error.instance if key not in parent.get("properties", {})
            }
            for key in (key for key in error.validator_value if key not in error.instance and key not in misspelt):
                text = f"key `{key}` is missing {_section(path)}"
                self._problem(
                    path,
                    text if path or key != "schema" else "key `schema` is missing at the top of the file",
                    "schema = 1" if key == "schema" else "",
                )
        elif "x-expected" in parent:
            self._problem(path, f"{name} must be {parent['x-expected']}")
        elif error.validator == "type":
            kinds = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
            self._problem(path, f"{name} must be {' or '.join(_KINDS[kind] for kind in kinds)}, not {_kind_of(error.instance)}")
        elif error.validator == "enum":
            values = [str(value) for value in error.validator_value]
            shown = f"{name} is {error.instance!r}" if isinstance(error.instance, str) else f"{name} is {_kind_of(error.instance)}"
            close = difflib.get_close_matches(str(error.instance), values, n=1)
            self._problem(path, f"{shown}, must be one of {', '.join(values)}" + (f"; did you mean `{close[0]}`?" if close else ""))
        elif error.validator == "const":
            self._problem(path, f"{name} must be {error.validator_value!r}, the version of the format that this program reads")
        elif error.validator in ("minimum", "exclusiveMinimum", "maximum"):
            words = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}
            self._problem(path, f"{name} is {error.instance}, must be {words[error.validator]} {error.validator_value}")
        elif error.validator in ("minLength", "minProperties"):
            self._problem(path, f"{name} is empty")
        else:
            self._problem(path, f"{name} does not have the right form; {parent.get('description', 'see smartlaunch schema target')}")

    def _resolve(self, value: Any, path: _KEY, rule: Mapping[str, Any]) -> Any:
        """Replace references by `Secret` objects where the schema says secret, and by their values elsewhere."""
        rule = _deref(rule)
        if isinstance(value, dict):
            if rule.get("x-secret") or ("anyOf" in rule and set(value) <= {"env", "file"}):
                kind, name = next(iter(value.items()))
                secret = Secret(kind, name, where=_dotted(path), origin=(str(self.path), self.lines.line(path)), env=self.env)
                return secret if rule.get("x-secret") else self._value_of(secret)
            properties, more = rule.get("properties", {}), rule.get("additionalProperties")
            return {key: self._resolve(item, (*path, key), properties.get(key, more or {})) for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolve(item, (*path, number), rule.get("items", {})) for number, item in enumerate(value)]
        return value

    def _value_of(self, secret: Secret) -> str:
        try:
            return secret.reveal()
        except TargetFileError as exc:
            self.problems.append(_Problem(exc.line, exc.problem, exc.hint))
            return ""

    def _build(self, plain: dict[str, Any], document: dict[str, Any]) -> Target:
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
            self._problem(("target", "client_certificate"), "target.client_certificate and target.client_key belong together", "give both")
        if head.get("proxy"):
            self._check_proxy(head["proxy"])
        for name in (name for name in head.get("headers", {}) if name.lower() in _OWN_HEADERS):
            self._problem(("target", "headers", name), f"the header {name} is the suite's own", "give only what a gateway wants beside it")
        patients = dict(plain.get("patients", {}))
        names = {key: _texts(value) for key, value in patients.pop("names", {}).items()}
        if patients.get("default") and patients.get("default") == patients.get("other"):
            self._problem(("patients", "other"), "patients.other is the same patient as patients.default")
        expect = dict(plain.get("expect", {}))
        login = dict(plain.get("login", {}))
        if login.get("recipe") == "steps" and not login.get("steps"):
            self._problem(("login", "recipe"), "login.recipe is `steps` but there are no [[login.steps]]")
        limits = dict(plain.get("limits", {}))
        limits |= {"hosts": tuple(limits["hosts"])} if "hosts" in limits else {}
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
            login=Login(login.get("recipe", "automatic"), tuple(login.get("steps", ()))),
            ehr_launch=shared,
            expect=Expect(**(expect | {"scopes": _scopes(expect.get("scopes", ()))})),
            limits=Limits(**(limits | ({"body_bytes": int(limits["body_bytes"])} if "body_bytes" in limits else {}))),
            probes=Probes(**plain.get("probes", {})),
            deviations=self._deviations(plain.get("deviations", [])),
            path=self.path,
            warnings=tuple(self.warnings),
            hash=_hash(plain, document),
        )

    def _client(self, name: str, table: dict[str, Any], shared: EhrLaunch | None, base: str) -> Client:
        path: _KEY = ("clients", name)
        role = table["role"]
        table = dict(table)
        registered = dict(table.pop("registered", {}))
        scopes = _scopes(table.pop("scopes", ()))
        own = self._ehr_launch((*path, "ehr_launch"), table.pop("ehr_launch", None), base)
        launches = self._launches(path, role, table, scopes, own or shared)
        self._check_auth_method(path, role, table)
        launch_scopes = _scopes(table.pop("ehr_launch_scopes", ())) or ehr_launch_scopes(scopes)
        for key in _needed(role, table):
            self._problem(path, f"key `{key}` is missing {_section(path)}, a client with role `{role}` needs it")
        for key in ("redirect_uri", "launch_uri"):
            if key in table:
                self._check_uri((*path, key), table[key])
        if "jwks_uri" in table:
            self._check_url((*path, "jwks_uri"), table["jwks_uri"])
        if role != "resource-server" and not scopes:
            self._problem(path, f"key `scopes` is missing {_section(path)}")
        if "private_jwk" in table and "private_jwks" in table:
            self._problem((*path, "private_jwks"), f"both `private_jwk` and `private_jwks` are given {_section(path)}", "keep one")
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

    def _launches(self, path: _KEY, role: str, table: dict[str, Any], scopes: Sequence[str], setting: EhrLaunch | None) -> tuple[str, ...]:
        """How an app can be launched, as written or as told by scopes and URIs."""
        given = table.pop("launches", None)
        if role not in APP_ROLES:
            if given is not None:
                self._problem((*path, "launches"), f"`launches` stands {_section(path)}, but nobody launches a client with role `{role}`")
            return ()
        if given is None:
            return launches_of(scopes, table.get("launch_uri", ""), setting)
        pasted = setting is not None and setting.kind == "pasted"
        if "ehr" in given and not table.get("launch_uri") and not pasted:
            self._problem(
                (*path, "launches"),
                f"`launches` has `ehr`, but key `launch_uri` is missing {_section(path)}",
                "add the registered launch URI, at which the EHR opens the app",
            )
        return tuple(kind for kind in LAUNCHES if kind in given)

    def _check_auth_method(self, path: _KEY, role: str, table: Mapping[str, Any]) -> None:
        method = table.get("token_endpoint_auth_method")
        if method is not None and method not in _AUTH_METHODS[role]:
            fitting = ", ".join(_AUTH_METHODS[role])
            self._problem(
                (*path, "token_endpoint_auth_method"),
                f"{_named((*path, 'token_endpoint_auth_method'))} is {method!r}, a client with role `{role}` has: {fitting}",
            )

    def _check_unique(self, clients: Mapping[str, Client]) -> None:
        seen: dict[tuple[str, str], str] = {}
        for name, client in clients.items():
            other = seen.setdefault((client.role, client.use), name)
            if other != name and client.use != "other":
                self._problem(
                    ("clients", name),
                    f"[clients.{other}] and [clients.{name}] both have role `{client.role}` and use `{client.use}`",
                    "give one another `use`: second, short-lived or narrow, or other for an app that scenarios put by its name",
                )

    def _check_proxy(self, value: str) -> None:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            self._problem(("target", "proxy"), "`target.proxy` must be the address of an HTTP proxy", "such as http://proxy.example:3128")

    def _file_beside(self, key: str, name: str | None) -> Path | None:
        if not name:
            return None
        path = self.path.parent / name
        if not path.is_file():
            self._problem(
                ("target", key),
                f"target.{key}: {name} is {'a folder' if path.is_dir() else 'not there'}, looked for beside the target file",
            )
        return path

    def _ehr_launch(self, path: _KEY, table: dict[str, Any] | None, base: str) -> EhrLaunch | None:
        if table is None:
            return None
        needed = ("iss", "launch") if table["kind"] == "pasted" else ("url",)
        for key in (key for key in needed if not table.get(key)):
            self._problem(path, f"key `{key}` is missing {_section(path)}, kind `{table['kind']}` needs it")
        if table.get("url"):
            self._check_url((*path, "url"), table["url"])
        if table.get("iss") and table["iss"].rstrip("/") != base.rstrip("/"):
            self.warnings.append(f"{_dotted(path)}.iss is not target.fhir_base_url: the launch is of another server")
        values = _texts(table.get("launch", ()))
        if table["kind"] == "pasted" and len(set(values)) != len(values):
            self._problem((*path, "launch"), f"{_named((*path, 'launch'))} holds the same value twice, and each serves one flow only")
        return EhrLaunch(**(table | {"steps": tuple(table.get("steps", ())), "launch": values}))

    def _launcher_launch(self, plain: Mapping[str, Any], base: str) -> EhrLaunch | None:
        """The EHR launch that the options of the SMART Health IT launcher are, which works any number of times."""
        options = plain["target"].get("smart_launcher")
        if options is None or options["launch_type"] not in launcher.BY_EHR:
            return None
        if "ehr_launch" in plain:
            kind = options["launch_type"]
            text = f"[ehr_launch] and target.smart_launcher with `{kind}` both say where the EHR launch comes from"
            self._problem(("ehr_launch",), text, "keep one of the two")
        return EhrLaunch(kind="pasted", iss=base, launch=(launcher.code(options),), reusable=True)

    def _deviations(self, rows: Sequence[dict[str, Any]]) -> tuple[Deviation, ...]:
        out = []
        for number, row in enumerate(rows):
            expires = None
            if "expires" in row:
                try:
                    expires = date.fromisoformat(row["expires"])
                except ValueError:
                    self._problem(
                        ("deviations", number, "expires"), f"{_named(('deviations', number, 'expires'))} must be a day, such as 2027-01-31"
                    )
            out.append(Deviation(**(row | {"expires": expires})))
        return tuple(out)

    def _check_uri(self, path: _KEY, value: str) -> None:
        if not _SCHEME.match(value):
            self._problem(
                path, f"{_named(path)} must be an absolute URI, such as https://app.example/redirect or org.example.app:/redirect"
            )
        elif "#" in value or any(char.isspace() for char in value):
            self._problem(path, f"{_named(path)} must have no fragment and no blanks")

    def _check_url(self, path: _KEY, value: str, *, bare: bool = False) -> None:
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            self._problem(path, f"{_named(path)} is not a URL that can be read")
            return
        if parts.scheme not in ("http", "https") or not host or any(char.isspace() for char in value):
            self._problem(path, f"{_named(path)} must be an absolute http or https URL", "such as https://ehr.example/fhir/r4")
        elif parts.username is not None:
            self._problem(path, f"{_named(path)} must not hold a user name or password")
        elif bare and (parts.query or parts.fragment):
            self._problem(path, f"{_named(path)} must have no query and no fragment")
        elif parts.scheme == "http" and not is_loopback(host):
            self.warnings.append(f"{_dotted(path)} is plain http on {host}: secrets and tokens cross the network unencrypted")


_KINDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table",
}


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    for kind, words in ((str, "a text"), (int, "a number"), (float, "a number"), (list, "a list"), (dict, "a table")):
        if isinstance(value, kind):
            return words
    return "a date or time"


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema())


def _deref(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = rule.get("$ref")
    if reference is None:
        return rule
    found: Mapping[str, Any] = _validator().schema["$defs"][reference.removeprefix("#/$defs/")]
    return found


def _dotted(path: _KEY) -> str:
    out = ""
    for part in path:
        out += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if out else part
    return out


def _named(path: _KEY) -> str:
    return f"`{_dotted(path)}`" if path else "the file"


def _section(path: _KEY) -> str:
    if not path:
        return "at the top of the file"
    if isinstance(path[-1], int):
        return f"in [[{_dotted(path[:-1])}]] number {path[-1] + 1}"
    return f"in [{_dotted(path)}]"


def _closest(key: str, known: Sequence[str]) -> str:
    """Return the known key that a misspelt one is most likely to mean, or an empty text."""
    squeezed = {name.replace("_", ""): name for name in known}
    plain = key.lower().replace("-", "").replace("_", "")
    if plain in squeezed:
        return squeezed[plain]
    return next(iter(difflib.get_close_matches(key.lower(), known, n=1, cutoff=0.6)), "")


def _suggestion(key: str, known: Sequence[str]) -> str:
    close = _closest(key, known)
    return f", did you mean `{close}`?" if close else ""


def _known_keys(known: Sequence[str]) -> str:
    return f"keys there: {', '.join(known)}"


def _dates_to_text(document: dict[str, Any]) -> None:
    """Write the days of deviations as text; TOML has dates and JSON Schema has none."""
    rows = document.get("deviations")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and type(row.get("expires")) is date:
            row["expires"] = row["expires"].isoformat()


def _numbers(value: Any, path: _KEY = ()) -> Iterator[tuple[_KEY, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(item, (*path, key))
    elif isinstance(value, int | float):
        yield path, value


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
