"""``smartlaunch try``: one launch, start to read, told step by step, without a target file."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from smartlaunch.cli import questions
from smartlaunch.errors import UsageError
from smartlaunch.finding import Outcome
from smartlaunch.plugin import options
from smartlaunch.records import files, own_side
from smartlaunch.records.exits import BLOCKED, FAILED, GOOD
from smartlaunch.records.store import new_run_folder

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.onboarding.trial import Teller, Told
    from smartlaunch.plugin.session import RunSession
    from smartlaunch.records.record import Run
    from smartlaunch.target import Target

_LAUNCH, _PASSWORD, _SECRET = "SMARTLAUNCH_LAUNCH", "SMARTLAUNCH_PASSWORD", "SMARTLAUNCH_SECRET"
_EXIT = {Outcome.PASSED: GOOD, Outcome.WARNING: GOOD, Outcome.FAILED: FAILED}
_NAME = "the command line"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; a secret is none of them, it comes from the environment or is asked for."""
    add = parser.add_argument
    add("--fhir-base", metavar="URL", help="the FHIR base URL")
    add("--client-id", metavar="ID", help="the client id")
    add("--redirect-uri", metavar="URI", help="its redirect URI, as registered; nothing is sent there")
    add("--scopes", metavar="S", help="the scopes to ask for (default: some that the server lists, in its version)")
    add("--ehr", action="store_true", help=f"an EHR launch: the address that it opened, or its launch value, from {_LAUNCH} or asked for")
    add("--secret", action="store_true", help=f"the client has a secret: from {_SECRET} or asked for")
    add("--key", metavar="FILE", help="the client has a private key: a file with a JWK or a JWK Set")
    add("--username", metavar="USER", help=f"who signs in; the password comes from {_PASSWORD} or is asked for")
    add("--persona", metavar="P", help="patient, clinician, or the sign-in page's word (default: patient)")
    add("--patient", metavar="ID", help="the patient to choose in a picker")
    add("--ca-file", metavar="PEM", help="a private certification authority")
    add("--headed", action="store_true", help="show the browser; a person can help, or sign in by hand")
    add("--target", metavar="T", help="take all of this from a target file")
    add("--client", metavar="NAME", help="which client of the target file (default: the first that can be launched)")
    add("--out", metavar="DIR", help="where to keep what was sent and received (default: a new folder under ./reports/)")


def run(args: argparse.Namespace) -> int:
    """Launch once, tell it, keep it as a run, and say what it came to."""
    from smartlaunch.onboarding.trial import Teller, launch_once
    from smartlaunch.plugin.session import RunSession

    target = None if args.target else _target(args)
    folder = Path(args.out) if args.out else new_run_folder(Path.cwd() / files.REPORTS)
    session = RunSession(options.Options(target=args.target or _NAME, headed=args.headed), folder, ready=target)
    started = datetime.now(UTC).astimezone()
    try:
        app = _app(args, session)
        teller = Teller(lambda line: print(session.scrub(line), flush=True))
        print(f"One {'EHR' if app.launch_kind == 'ehr' else 'standalone'} launch of {app.client.client_id}\n", flush=True)
        told = launch_once(app, teller)
        record = _keep(session, app, told, teller, started)
    finally:
        session.close()
    return _tell(record, told, session)


def _target(args: argparse.Namespace) -> Target:
    """The target that the flags describe, checked as a target file is."""
    from smartlaunch.onboarding.discovering import discover
    from smartlaunch.onboarding.proposal import Answers, scopes_for
    from smartlaunch.onboarding.sandbox import sandbox_at
    from smartlaunch.onboarding.writing import target_text
    from smartlaunch.target import parse_target

    missing = [f"--{name.replace('_', '-')}" for name in ("fhir_base", "client_id", "redirect_uri") if not getattr(args, name)]
    if missing:
        raise UsageError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
            "\n  try: smartlaunch try --fhir-base URL --client-id ID --redirect-uri URI --username USER, or --target T"
        )
    if args.secret and args.key:
        raise UsageError("a client has a secret or a key, not both: leave out --secret or --key")
    server = discover(args.fhir_base, ca_file=args.ca_file or "")
    box = sandbox_at(server.base)
    answers = Answers(
        base=server.base,
        vendor=box.id if box is not None else "",
        name=server.base,
        launch="ehr" if args.ehr else "standalone",
        auth="secret" if args.secret else "key" if args.key else "none",
        client_id=args.client_id,
        redirect_uri=args.redirect_uri,
        username=args.username or "",
        persona=args.persona or ("clinician" if args.ehr else "patient"),
        patient=args.patient or "",
        secret=("env", _SECRET),
        password=("env", _PASSWORD) if args.username else ("", ""),
        key=str(Path(args.key).resolve()) if args.key else "",
    )
    env = dict(os.environ)
    overrides: dict[str, object] = {"limits.request_s": 30, "limits.login_s": 600 if args.headed else 120}
    if args.secret:
        env[_SECRET] = _secret(_SECRET, "The client secret")
    if args.username:
        env[_PASSWORD] = _secret(_PASSWORD, f"The password of {args.username}")
    if args.ca_file:
        overrides["target.ca_file"] = str(Path(args.ca_file).resolve())
    if args.ehr:
        overrides["ehr_launch"] = _pasted(_secret(_LAUNCH, "The address that the EHR opened, or its launch value"), server.base)
    scopes = tuple((args.scopes or "").split()) or scopes_for(server, answers)
    return parse_target(target_text(answers, scopes, server, box), path=_NAME, env=env, overrides=overrides)


def _secret(variable: str, question: str) -> str:
    """A secret from the environment, else typed at the terminal; never an argument, which other people of the machine can read."""
    value = os.environ.get(variable, "")
    if not value and questions.at_terminal():
        value = questions.secret(question)
    if not value:
        raise UsageError(
            f"{question[:1].lower()}{question[1:]} is missing\n  try: export {variable}=..., or run this at a terminal and type it"
        )
    return value


def _pasted(said: str, base: str) -> dict[str, object]:
    """The launch in what was copied from an address bar, or given by its value alone."""
    if "://" not in said:
        return {"kind": "pasted", "iss": base, "launch": said.strip()}
    values = parse_qs(urlsplit(said.strip()).query)
    if not values.get("launch"):
        raise UsageError("the address that was pasted has no `launch` parameter: copy the one that the EHR opened, before the app moved on")
    return {"kind": "pasted", "iss": values.get("iss", [base])[0], "launch": values["launch"][0]}


def _app(args: argparse.Namespace, session: RunSession) -> App:
    """The app to launch: the named client, or the first that can be launched."""
    session.start()
    apps = session.apps
    assert apps is not None  # start() made them
    for client in session.target.clients_named(args.client):
        kinds = [kind for kind in client.launches if kind == "ehr" or not args.ehr]
        if kinds:
            return apps.of(client, kinds[0])
    raise UsageError("no client of the target file can be launched this way")


def _keep(session: RunSession, app: App, told: Told, teller: Teller, started: datetime) -> Run:
    """Keep the launch as a run of one scenario, so that diagnose, ticket and report read it like any other."""
    from smartlaunch.plugin.finish import finish
    from smartlaunch.records.record import FindingRecord, ScenarioResult, StepResult

    stopped = told.outcome == Outcome.BLOCKED
    findings = [replace(f, actual=session.scrub(f.actual), expected=session.scrub(f.expected)) for f in told.findings]
    session.selection = ["try/launch"]
    session.add(
        ScenarioResult(
            id="try/launch",
            title="One launch, from discovery to the first reads",
            feature="A launch told step by step",
            rule="",
            suite="try",
            requirements=(),
            outcome=told.outcome,
            reason=session.scrub(told.reason),
            duration_s=round((datetime.now(UTC) - started).total_seconds(), 3),
            findings=tuple(FindingRecord.of(f, outcome=f.severity) for f in findings),
            exchanges=tuple(exchange.id for exchange in session.recorder.exchanges),
            steps=tuple(StepResult("Then", name, "passed" if good else "failed") for name, good in teller.steps),
            attachments=(told.picture,) if told.picture else (),
            started=started.isoformat(timespec="milliseconds"),
            block={"kind": told.kind or "launch", "cause": session.scrub(told.reason).splitlines()[0]} if stopped else {},
            profile=f"{app.client.role}, {app.launch_kind}",
        )
    )
    return finish(session.folder, session.header, scrub=session.scrub)


def _tell(record: Run, told: Told, session: RunSession) -> int:
    """Say what it came to: the cause of what did not go well, where the rest is, and what to do next."""
    from smartlaunch.cli.output import shown
    from smartlaunch.diagnosis.runs import diagnose
    from smartlaunch.diagnosis.text import render
    from smartlaunch.evidence.manifest import write_manifest

    folder = session.folder
    write_manifest(folder)
    report = diagnose(record)
    head = {Outcome.PASSED: "It works", Outcome.WARNING: "It works, with less than was asked for"}.get(told.outcome, "It stopped")
    why = report.diagnoses[0].cause if report.diagnoses else told.reason.splitlines()[0] if told.reason else ""
    print(session.scrub(f"\n{head}{f': {why}' if why else '.'}\n"))
    if told.outcome != Outcome.PASSED:
        print(session.scrub(render(report)))
    if told.picture:
        print(f"picture:  {shown(folder / told.picture)}")
    print(f"kept in:  {shown(folder / files.HTML_FILE)}")
    own = bool(own_side.sentences(record))
    if told.outcome in (Outcome.FAILED, Outcome.BLOCKED) and not own:
        print(f"ticket:   smartlaunch ticket {shown(folder)}")
    return FAILED if own else _EXIT.get(told.outcome, BLOCKED)
