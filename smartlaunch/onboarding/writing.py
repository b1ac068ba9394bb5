"""Writes a target file with comments, and its secrets aside: readable by their owner only, and never over something that is there."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from smartlaunch.addresses import is_loopback
from smartlaunch.errors import UsageError
from smartlaunch.onboarding.discovering import Server
from smartlaunch.onboarding.proposal import Answers
from smartlaunch.onboarding.sandbox import Sandbox

_RATE = 5


def name_for(answers: Answers) -> str:
    """A file name out of what the server is called."""
    text = answers.name or answers.vendor or re.sub(r"^https?://", "", answers.base).split("/")[0]
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-") or "target"


def refuse_to_overwrite(path: Path) -> None:
    """End where a file is there already: it may hold what somebody wrote by hand."""
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} is there already and is left alone\n  try: --out with another name, or take the file away first")


def write_private(path: Path, text: str) -> None:
    """Write a secret with mode 0600 into a folder of mode 0700."""
    refuse_to_overwrite(path)
    try:
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as exc:
        raise UsageError(f"{path} cannot be written ({exc.strerror})") from None


def write_plain(path: Path, text: str) -> None:
    """Write a file that is no secret, never over another one."""
    refuse_to_overwrite(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as exc:
        raise UsageError(f"{path} cannot be written ({exc.strerror})") from None


def target_text(answers: Answers, scopes: Sequence[str], server: Server, box: Sandbox | None) -> str:
    """The target file, each line with what it is for."""
    return "\n".join(_lines(answers, scopes, server, box)) + "\n"


def _lines(answers: Answers, scopes: Sequence[str], server: Server, box: Sandbox | None) -> Iterator[str]:
    yield f"# Written by smartlaunch init for {answers.base}"
    if box is not None:
        yield f"# What to register and known departures: docs/vendors/{box.id}.md"
    yield "# Every key is explained in docs/target-file.md; `smartlaunch doctor --target THIS-FILE` tries what stands here."
    yield "schema = 1\n"
    yield "[target]"
    yield f"name = {_toml(answers.name or name_for(answers))}"
    yield f"fhir_base_url = {_toml(answers.base)}   # sent as `aud`, letter for letter"
    yield f"edition = {_toml(server.edition)}   # which rules bind; told from what the server advertises"
    if answers.vendor:
        yield f"vendor = {_toml(answers.vendor)}"
    yield from _client(answers, scopes)
    yield from _people(answers)
    if answers.launch != "standalone":
        yield "\n# Where an EHR launch comes from: copy `iss` and `launch` from the address bar, or let the suite press a chart's button."
        yield "# [ehr_launch]"
        yield '# kind = "pasted"                # or "page" or "link", with url'
        yield f"# iss = {_toml(answers.base)}"
        yield '# launch = ["..."]               # each value serves one flow'
    yield "\n# What your app needs beyond the guide: not met is failed, not a warning."
    yield "# [expect]"
    yield f"# scopes = {_toml(' '.join(scope for scope in scopes if '/' in scope and not scope.startswith('launch/')))}"
    yield "\n[limits]"
    own = "# " if is_loopback(urlsplit(answers.base).hostname or "") else ""
    yield f"{own}rate = {_RATE}                         # requests a second: be a polite guest"
    if answers.intrusive is not None:
        yield "\n[probes]"
        allowed = "true" if answers.intrusive else "false"
        yield f"intrusive = {allowed}                # whether wrong codes, secrets, redirect URIs may be tried; not judged without"


def _client(answers: Answers, scopes: Sequence[str]) -> Iterator[str]:
    yield "\n[clients.app]"
    yield f"role = {_toml(answers.role)}"
    if answers.client_id:
        yield f"client_id = {_toml(answers.client_id)}"
    else:
        yield f"client_id = {_reference('env', env_name(answers, 'CLIENT_ID'))}   # once the app is registered; or the text itself"
    if answers.auth == "secret":
        yield f"client_secret = {_reference(*answers.secret)}"
    if answers.auth in ("key", "backend"):
        yield f"private_jwks = {_reference('file', answers.key)}"
        yield f"{'' if answers.jwks_uri else '# '}jwks_uri = {_toml(answers.jwks_uri or 'https://app.example/jwks.json')}"
    yield "# Each resource by its name: many servers drop a wildcard without an error."
    yield f"scopes = {_toml(' '.join(scopes))}"
    if answers.auth != "backend":
        yield f"redirect_uri = {_toml(answers.redirect_uri)}   # as registered; nothing is sent there"
        if answers.launch_uri:
            yield f"launch_uri = {_toml(answers.launch_uri)}   # where the EHR opens the app"
        yield f"launches = {_list(('standalone', 'ehr') if answers.launch == 'both' else (answers.launch,))}"


def _people(answers: Answers) -> Iterator[str]:
    if answers.username:
        yield f"\n[users.{_key(answers.persona)}]"
        yield f"username = {_toml(answers.username)}"
        if answers.password[0]:
            yield f"password = {_reference(*answers.password)}"
        yield f"persona = {_toml(answers.persona)}"
        if answers.patient:
            yield f"patients = {_list((answers.patient,))}"
    if answers.patient:
        yield f"\n[patients]\ndefault = {_toml(answers.patient)}"
        yield '# other = "..."                  # a second one, whose data must stay closed'


def env_name(answers: Answers, what: str) -> str:
    """The name of an environment variable for a value of this target."""
    return re.sub(r"[^A-Z0-9]+", "_", f"{name_for(answers)}_{what}".upper()).lstrip("0123456789_")


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_toml, values))}]"


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else _toml(text)


def _reference(kind: str, name: str) -> str:
    return f"{{ {kind} = {_toml(name)} }}"
