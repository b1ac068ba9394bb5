"""``smartlaunch init``: from a vendor's name or a FHIR base to a target file, by questions at a terminal or by flags."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smartlaunch.addresses import is_loopback
from smartlaunch.cli import questions
from smartlaunch.errors import Blocked, UsageError
from smartlaunch.records.exits import GOOD

if TYPE_CHECKING:
    from smartlaunch.onboarding.discovering import Server
    from smartlaunch.onboarding.proposal import Answers
    from smartlaunch.onboarding.sandbox import Sandbox

_AUTH = ("none", "secret", "key", "backend")
_LAUNCH = ("standalone", "ehr", "both")
_REDIRECT, _LAUNCH_URI = "https://app.example/redirect", "https://app.example/launch"
_AUTH_WORDS = {
    "none": "neither secret nor key: a public client",
    "secret": "a client secret",
    "key": "a key pair",
    "backend": "a key pair, and nobody signs in: a backend service",
}
_LAUNCH_WORDS = {"standalone": "it opens by itself", "ehr": "the EHR opens it", "both": "both"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; each one that is given is not asked for."""
    add = parser.add_argument
    add("server", nargs="?", metavar="VENDOR-OR-BASE", help="a vendor's name, such as epic, or a FHIR base URL")
    add("--fhir-base", metavar="URL", help="the FHIR base URL, as smartlaunch try takes it")
    add("--name", metavar="NAME", help="what reports call the server")
    add("--out", metavar="FILE", help="the target file to write (default: ./targets/NAME.toml)")
    add("--launch", choices=_LAUNCH, help="how the app is launched: by itself, from the EHR, or both")
    add("--auth", choices=_AUTH, help="what the app has: none, a secret, a key pair, or backend for a backend service")
    add("--client-id", metavar="ID", help="the client id, once the app is registered")
    add("--redirect-uri", metavar="URI", help=f"its redirect URI, letter for letter (default: {_REDIRECT})")
    add("--launch-uri", metavar="URI", help=f"its launch URI, for an EHR launch (default: {_LAUNCH_URI})")
    add("--scopes", metavar="S", help="the scopes to ask for (default: proposed from what the server lists)")
    add("--jwks-uri", metavar="URL", help="where the public keys will be, for a key pair")
    add("--secret-env", metavar="NAME", help="the environment variable that holds the client secret")
    add("--username", metavar="USER", help="who signs in")
    add("--password-env", metavar="NAME", help="the environment variable that holds that person's password")
    add("--persona", metavar="P", help="patient, clinician, or the sign-in page's word (default: patient)")
    add("--patient", metavar="ID", help="the patient to choose in a picker")
    add("--ca-file", metavar="PEM", help="a private certification authority, for asking the server what it is")
    add(
        "--intrusive",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether the server may be sent what a right app never sends (asked for another machine's server)",
    )
    add("--no-doctor", action="store_true", help="do not try the file at the end")


def run(args: argparse.Namespace) -> int:
    """Find the server, propose, write, print the sheet, and let doctor try it."""
    from smartlaunch.onboarding.proposal import scopes_for
    from smartlaunch.onboarding.sheet import sheet
    from smartlaunch.onboarding.writing import name_for, refuse_to_overwrite, target_text, write_plain

    if args.server and args.fhir_base:
        raise UsageError(f"{args.server} and --fhir-base {args.fhir_base}: one server is wanted")
    args.server = args.server or args.fhir_base
    asking = questions.at_terminal()
    found = _server(args, asking=asking)
    _tell(found)
    answers = answers_of(args, found, asking=asking)
    path = Path(args.out) if args.out else Path("targets") / f"{name_for(answers)}.toml"
    refuse_to_overwrite(path)
    scopes = tuple(answers.scopes.split()) or scopes_for(found.server, answers)
    answers, public = _secrets(args, answers, path, asking=asking)
    text = target_text(answers, scopes, found.server, found.box)
    _check(text, path)
    write_plain(path, text)
    print(f"\nwritten: {path}")
    for line in ("", *sheet(answers, scopes, found.box, public_key=public)):
        print(line)
    return _doctor(answers, path, skip=args.no_doctor)


@dataclass(frozen=True)
class Found:
    """The server that is meant, and what is known of its vendor."""

    server: Server
    box: Sandbox | None


def _server(args: argparse.Namespace, *, asking: bool) -> Found:
    """The server that is meant, asked what it is; at a terminal a wrong answer is asked for again."""
    if args.server or not asking:
        if not args.server:
            raise UsageError(
                "no server is named\n  try: smartlaunch init VENDOR-OR-BASE --client-id ID ..., or at a terminal without flags"
            )
        return _look_up(args.server, args, asking=asking)
    for _ in range(3):
        try:
            return _look_up(questions.ask("A vendor's name, or the FHIR base URL"), args, asking=True)
        except (UsageError, Blocked) as exc:
            print(f"  {exc}")
    raise UsageError("no server was found under what was answered")


def _look_up(said: str, args: argparse.Namespace, *, asking: bool) -> Found:
    from smartlaunch.onboarding.discovering import discover
    from smartlaunch.onboarding.sandbox import sandbox_at, sandbox_named

    ca_file = _readable(args.ca_file)
    if _is_address(said):
        return Found(discover(said, ca_file=ca_file), sandbox_at(said))
    box = sandbox_named(said)
    base = box.base_for(args.persona or ("patient" if "patient" in said else "clinician" if "provider" in said else ""))
    if base is not None:
        return Found(discover(base.url, ca_file=ca_file), box)
    if not asking:
        raise UsageError(f"every user of {box.name} has a FHIR base of their own\n  try: smartlaunch init FHIR-BASE; {box.bases[0].note}")
    return Found(discover(questions.ask(f"The FHIR base of your {box.name} ({box.bases[0].note})"), ca_file=ca_file), box)


def _is_address(said: str) -> bool:
    return "://" in said or "/" in said or said.startswith(("localhost", "127."))


def _readable(name: str | None) -> str:
    if name and not Path(name).is_file():
        raise UsageError(f"--ca-file {name}: no such file")
    return name or ""


def _tell(found: Found) -> None:
    from smartlaunch.onboarding.proposal import offered_auth, offered_launches, version_of

    server = found.server
    print(f"\nfound:     {server.base}")
    if found.box is not None:
        print(f"vendor:    {found.box.name}")
    if server.document:
        print(f"launches:  {', '.join(word for word in offered_launches(server) if word != 'both')}")
        print(f"clients:   {', '.join(_AUTH_WORDS[kind].split(':')[0] for kind in offered_auth(server))}")
        print(f"scopes:    version {version_of(server)}")
    for note in server.notes:
        print(f"note:      {note}")


def answers_of(args: argparse.Namespace, found: Found, *, asking: bool) -> Answers:
    """What the flags say, and at a terminal the answers to what they leave open."""
    from smartlaunch.onboarding.proposal import Answers, offered_auth, offered_launches

    server = found.server
    vendor = found.box.id if found.box is not None else ""
    launches, kinds = offered_launches(server), [*offered_auth(server), "backend"]
    print() if asking else None
    launch = args.launch or _chosen("Is the app launched from the EHR or by itself?", _LAUNCH_WORDS, launches, asking=asking)
    auth = args.auth or _chosen("What has it been given, or shall it be?", _AUTH_WORDS, kinds, asking=asking)
    by_ehr, backend = launch != "standalone" and auth != "backend", auth == "backend"
    asked = _Asked(args=args, asking=asking)
    answers = Answers(
        base=server.base,
        vendor=vendor,
        name=args.name or (found.box.name if found.box is not None else ""),
        launch="standalone" if backend else launch,
        auth=auth,
        client_id=asked("client_id", "The client id (Enter when it is not registered yet)", needed=False),
        redirect_uri="" if backend else asked("redirect_uri", "Its redirect URI, letter for letter", _REDIRECT, fits=_uri),
        launch_uri=asked("launch_uri", "Its launch URI", _LAUNCH_URI, fits=_uri) if by_ehr else "",
        scopes=args.scopes or "",
        jwks_uri=args.jwks_uri or "",
        username="" if backend else asked("username", "Who signs in: the user name (Enter for nobody)", needed=False),
        persona=args.persona or "",
        patient="" if backend else asked("patient", "The id of a patient to choose (Enter to leave it open)", needed=False),
    )
    if not is_loopback(urlsplit(server.base).hostname or "") or args.intrusive is not None:
        may = "May the suite send this server what a right app never sends: wrong codes, secrets, redirect URIs"
        allowed = args.intrusive if args.intrusive is not None else asking and questions.yes(may, default=False)
        answers = replace(answers, intrusive=allowed)
    persona = args.persona or ("clinician" if launch == "ehr" else "patient")
    if asking and answers.username and not args.persona:
        persona = questions.ask("A patient or a clinician, or the page's word", persona)
    return replace(answers, persona=persona)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A flag's value; where it was not given, the answer to a question, or without a terminal the default."""

    args: argparse.Namespace
    asking: bool

    def __call__(
        self, flag: str, question: str, default: str = "", *, fits: Callable[[str], str] | None = None, needed: bool = True
    ) -> str:
        given = getattr(self.args, flag)
        if given is not None:
            wrong = fits(given) if fits is not None else ""
            if wrong:
                raise UsageError(f"--{flag.replace('_', '-')} {given}: {wrong}")
            return str(given)
        return questions.ask(question, default, fits=fits, needed=needed) if self.asking else default


def _uri(said: str) -> str:
    parts = urlsplit(said)
    if not parts.scheme or "#" in said or any(char.isspace() for char in said):
        return "an absolute URI is wanted, such as https://app.example/redirect, without a fragment"
    return ""


def _chosen(question: str, meanings: dict[str, str], offered: Sequence[str], *, asking: bool) -> str:
    if not asking:
        return offered[0]
    return questions.choose(question, [(word, meanings[word]) for word in offered], offered[0])


def _secrets(args: argparse.Namespace, answers: Answers, path: Path, *, asking: bool) -> tuple[Answers, str]:
    """The answers with where each secret is found; what is typed or made goes into files of mode 0600 beside the target file."""
    from smartlaunch.onboarding.keypair import make_jwks
    from smartlaunch.onboarding.writing import env_name, write_plain, write_private

    folder, public = f"{path.stem}.secrets", ""

    def kept(kind: str, question: str, given: str | None, what: str) -> tuple[str, str]:
        variable = given or env_name(answers, what)
        typed = questions.secret(f"{question} (not shown; Enter to take it from {variable})") if asking and not given else ""
        if not typed:
            return "env", variable
        write_private(path.parent / folder / kind, typed)
        return "file", f"{folder}/{kind}"

    if answers.auth == "secret":
        answers = replace(answers, secret=kept("client.secret", "The client secret", args.secret_env, "CLIENT_SECRET"))
    if answers.username:
        answers = replace(answers, password=kept("user.password", "The password", args.password_env, "PASSWORD"))
    if answers.auth in ("key", "backend"):
        public = f"{path.stem}.jwks.json"
        if not asking or questions.yes("Make a key pair", default=True):
            private_set, public_set = make_jwks()
            write_private(path.parent / folder / "private.jwks.json", json.dumps(private_set, indent=1))
            write_plain(path.parent / public, json.dumps(public_set, indent=1))
        answers = replace(answers, key=f"{folder}/private.jwks.json")
    return answers, public


def _check(text: str, path: Path) -> None:
    """Read what is about to be written: whatever was answered, the file has to be one."""
    from smartlaunch.target import parse_target

    env = dict.fromkeys(_variables(text), "https://app.example/value")
    parse_target(text, path=str(path), env=env)


def _variables(text: str) -> list[str]:
    return re.findall(r'\{ env = "(\w+)" \}', text)


def _doctor(answers: Answers, path: Path, *, skip: bool) -> int:
    from smartlaunch.cli import doctor

    again = f"smartlaunch doctor --target {path}"
    if not answers.client_id:
        print(f"\nnext: register the app, set {_variables(path.read_text('utf-8'))[0]} to its client id, then {again}")
        return GOOD
    if skip:
        print(f"\nnext: {again}")
        return GOOD
    print()
    return doctor.run(argparse.Namespace(target=str(path), headed=False, no_sign_in=False))
