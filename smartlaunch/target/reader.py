"""Reads and checks a target file.

`load_target` turns a name or a file into a `Target`.  Everything that can be wrong with the file is found on the way, all at once:
its form in `form`, what belongs together in `building`, each a sentence in the words and lines of the file (`problems`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from smartlaunch.errors import LookupFailed, TargetFileError
from smartlaunch.target.building import Builder
from smartlaunch.target.form import check_form, check_form_of_deviations, rule_of, schema
from smartlaunch.target.lines import LineIndex
from smartlaunch.target.model import Deviation, Target
from smartlaunch.target.older_words import take_older_words
from smartlaunch.target.problems import Place, Problems, dotted
from smartlaunch.target.secret import Secret
from smartlaunch.target.text import document_of, text_of

EMBEDDED = "embedded"


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


class _Reader:
    """Reads one file; collects every problem before it raises."""

    def __init__(self, path: Path, shown: str, env: Mapping[str, str], overrides: Mapping[str, Any], tenant: str = "") -> None:
        self.tenant = tenant
        self.path, self.shown, self.env, self.overrides = path, str(path) if path.name != shown else shown, env, overrides
        self.problems = Problems(self.shown)

    def read(self) -> Target:
        return self.parse(text_of(self.path, self.problems, f"targets by name: {', '.join(target_names())}"))

    def parse(self, text: str) -> Target:
        document = document_of(text, self.problems)
        self.problems.lines = LineIndex(text)
        for key, value in self.overrides.items():
            self._override(document, key, value)
        _dates_to_text(document)
        take_older_words(document, self.problems)
        check_form(document, self.problems)
        self.problems.require_none()
        self._take_tenant(document)
        plain = self._resolve(document, (), schema())
        self.problems.require_none()
        target = Builder(self.path, self.problems).build(plain, document)
        self.problems.require_none()
        return target

    def read_deviations(self) -> tuple[Deviation, ...]:
        """Read a file that holds nothing but ``[[deviations]]``."""
        text = text_of(self.path, self.problems, f"targets by name: {', '.join(target_names())}")
        document = document_of(text, self.problems)
        self.problems.lines = LineIndex(text)
        _dates_to_text(document)
        check_form_of_deviations(document, self.problems)
        self.problems.require_none()
        found = Builder(self.path, self.problems).deviations(document.get("deviations", []))
        self.problems.require_none()
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

    def _override(self, document: dict[str, Any], key: str, value: Any) -> None:
        *tables, last = key.split(".")
        place = document
        for name in tables:
            inner = place.setdefault(name, {})
            if not isinstance(inner, dict):
                raise self.problems.failure(f"the override {key} does not fit: `{name}` is not a table")
            place = inner
        place[last] = value

    def _resolve(self, value: Any, path: Place, rule: Mapping[str, Any]) -> Any:
        """Replace references by `Secret` objects where the schema says secret, and by their values elsewhere."""
        rule = rule_of(rule)
        if isinstance(value, dict):
            if rule.get("x-secret") or ("anyOf" in rule and set(value) <= {"env", "file"}):
                kind, name = next(iter(value.items()))
                secret = Secret(kind, name, where=dotted(path), origin=(str(self.path), self.problems.lines.line(path)), env=self.env)
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
            self.problems.add_raised(exc)
            return ""


def _dates_to_text(document: dict[str, Any]) -> None:
    """Write the days of deviations as text; TOML has dates and JSON Schema has none."""
    rows = document.get("deviations")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and type(row.get("expires")) is date:
            row["expires"] = row["expires"].isoformat()
