"""``smartlaunch doctor``: check a target file and its server before a run."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from smartlaunch.cli.output import field
from smartlaunch.errors import UsageError
from smartlaunch.plugin import options
from smartlaunch.records.exits import BLOCKED, GOOD, USAGE
from smartlaunch.target import Target, load_target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    options.add_to_command(parser, "target")


def run(args: argparse.Namespace) -> int:
    """Run the check that every run starts with, and say what is there and what to mend."""
    name = options.target_name(args.target)
    target = load_target(name)
    if target.embedded:
        field("target", "the embedded EHR, which is started for each run")
    else:
        _describe(target)
    lines = _check(name)
    for line in lines:
        mark = {"mend": "mend", "untrusted": "mend", "unreachable": "unreachable"}.get(line["verdict"], "note")
        print(f"\n{mark}: {line['problem']}")
    verdicts = {line["verdict"] for line in lines}
    if verdicts & {"mend", "untrusted"}:  # a run judges the certificate; whoever asks before it wants to know what to mend
        return USAGE
    if "unreachable" in verdicts:
        return BLOCKED
    print("\nready: smartlaunch run --target", name)
    return GOOD


def _describe(target: Target) -> None:
    field("target", f"{target.name} ({target.path})")
    field("server", target.fhir_base_url)
    field("edition", target.edition)
    field(
        "clients",
        ", ".join(
            f"{client.name} ({client.role}{'' if client.use == 'primary' else ', ' + client.use})" for client in target.clients.values()
        ),
    )
    field("users", ", ".join(target.users) or "none: only what needs no login can be judged")


def _check(name: str) -> list[dict[str, str]]:
    """Start what a run starts, ask what every run asks first, and stop it again."""
    from smartlaunch.client.preflight import preflight
    from smartlaunch.plugin.session import RunSession

    with tempfile.TemporaryDirectory() as scratch:
        session = RunSession(options.Options(target=name, passive=True), Path(scratch) / "doctor")
        try:
            lines = preflight(session.start())
        except UsageError as exc:
            lines = [{"verdict": "mend", "problem": str(exc)}]
        finally:
            session.close()
            if session.engine is not None:
                session.engine.recorder.close()
        return [{**line, "problem": session.scrub(line["problem"])} for line in lines]
