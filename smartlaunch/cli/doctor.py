"""``smartlaunch doctor``: try everything that a run rests on, and say of each what is ready and what to mend."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from smartlaunch.cli.output import field
from smartlaunch.errors import UsageError
from smartlaunch.plugin import options
from smartlaunch.records import files
from smartlaunch.records.exits import BLOCKED, GOOD, USAGE
from smartlaunch.records.store import new_run_folder
from smartlaunch.target import Target, load_target

if TYPE_CHECKING:
    from smartlaunch.onboarding.checkup import Checked


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    options.add_to_command(parser, "target", "headed")
    parser.add_argument("--no-sign-in", action="store_true", help="do not launch: nothing is opened in a browser, and nobody signs in")


def run(args: argparse.Namespace) -> int:
    """Try everything, tell it as it goes, and end with the command to run or with what to mend."""
    name = options.target_name(args.target)
    target = load_target(name)
    if target.embedded:
        field("target", "the embedded EHR, which is started for each run")
    else:
        _describe(target)
    print()
    told = []
    for line in _checked(name, args):
        _print(line)
        told.append(line)
    return _verdict(name, told)


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


def _print(line: Checked) -> None:
    about = "" if line.name == "before" else f"{line.name}: "
    print(f"{line.verdict}: {about}{line.said}", flush=True)
    if line.do:
        print(f"  try: {line.do}", flush=True)


def _verdict(name: str, told: Sequence[Checked]) -> int:
    verdicts = {line.verdict for line in told}
    if "mend" in verdicts:
        return USAGE
    if "unreachable" in verdicts:
        return BLOCKED
    print(f"\nready: smartlaunch run --target {name}")
    return GOOD


def _checked(name: str, args: argparse.Namespace) -> Iterator[Checked]:
    """Start what a run starts, try it, and stop it again; pictures of a sign-in are kept, all else is not."""
    from dataclasses import replace

    from smartlaunch.onboarding.checkup import Checked, checkup
    from smartlaunch.plugin.session import RunSession

    with tempfile.TemporaryDirectory() as scratch:
        session = RunSession(options.Options(target=name, headed=args.headed), Path(scratch) / "doctor")
        try:
            session.start()
            assert session.apps is not None  # start() made them
            for line in checkup(session.apps, sign_in=not args.no_sign_in):
                yield replace(line, said=session.scrub(line.said), do=session.scrub(line.do))
            yield from _pictures(session.recorder.attachments, session.folder)
        except UsageError as exc:
            yield Checked("before", "mend", session.scrub(str(exc)))
        finally:
            session.close()


def _pictures(names: Sequence[str], folder: Path) -> Iterator[Checked]:
    """Keep the pictures of the sign-in where a person finds them."""
    import shutil

    from smartlaunch.cli.output import shown
    from smartlaunch.onboarding.checkup import Checked

    if not names:
        return
    kept = new_run_folder(Path.cwd() / files.REPORTS / "doctor")
    try:
        kept.mkdir(parents=True)
        for number, name in enumerate(names, start=1):
            shutil.copyfile(folder / name, kept / f"{number:02d}-{Path(name).name}")
    except OSError as exc:
        yield Checked("pictures", "note", f"they could not be kept ({exc.strerror})", "run this in a folder that can be written to")
        return
    yield Checked("pictures", "note", f"of each page of the sign-in: {shown(kept)}")
