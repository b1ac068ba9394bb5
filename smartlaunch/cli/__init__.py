"""The command line.

Each command is a module with ``add_arguments(parser)`` and ``run(args) -> int``; only the module of the command in hand is
imported, so that ``--help`` and completion stay quick.  Errors made on purpose become one message and an exit code here.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn, Protocol, cast

from smartlaunch import __version__
from smartlaunch.errors import Blocked, InternalError, SmartLaunchError, UsageError
from smartlaunch.records.exits import BLOCKED, INTERNAL, INTERRUPTED, MEANING, USAGE

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("smartlaunch.cli.run", "put the requirements to a server and report"),
    "setup": ("smartlaunch.cli.setup", "find or get the browser and the Allure renderer"),
    "init": ("smartlaunch.cli.init", "write a target file, from a vendor's name or a FHIR base"),
    "try": ("smartlaunch.cli.trying", "launch once, told step by step, without a target file"),
    "doctor": ("smartlaunch.cli.doctor", "check a target file and its server before a run"),
    "login": ("smartlaunch.cli.login", "watch a login and write its steps, or replay it with pictures"),
    "sandbox": ("smartlaunch.cli.sandbox", "serve the embedded EHR for people and tools"),
    "defects": ("smartlaunch.cli.defects", "list what the embedded EHR can be made to do wrong"),
    "requirements": ("smartlaunch.cli.requirements", "list the requirements, with their scenarios and defects"),
    "explain": ("smartlaunch.cli.explain", "say what a requirement, scenario, suite, tag, defect, cause, vendor or outcome means"),
    "schema": ("smartlaunch.cli.schema", "print the JSON Schema of the target file, of a recipe file or of run.json"),
    "verify": ("smartlaunch.cli.verify", "check that the evidence of a run is what was written, and who signed for it"),
    "diagnose": ("smartlaunch.diagnosis.cli", "name the likely cause in a run, a HAR, a URL or an error body"),
    "ticket": ("smartlaunch.ticket.cli", "write a support ticket from a run or a HAR"),
    "accept": ("smartlaunch.cli.accept", "write what a run found as known deviations, for review"),
    "report": ("smartlaunch.cli.report", "render a run again from what is on disk, also one that was killed"),
    "open": ("smartlaunch.cli.opening", "show the report of a run, the last one unless named"),
    "compare": ("smartlaunch.cli.compare", "say what changed from one run to another"),
    "history": ("smartlaunch.cli.history", "show the course of the nights, prune old runs"),
    "merge": ("smartlaunch.cli.merge", "join runs of one target, such as the shards of a CI matrix"),
    "survey": ("smartlaunch.cli.survey", "hold the SMART configurations of many endpoints against the rules, without a login"),
    "nightly": ("smartlaunch.cli.nightly", "run against many targets and say in one sentence what changed"),
}

_EPILOG = (
    f"exit codes of run: {'; '.join(f'{code} {meaning}' for code, meaning in MEANING.items())}; of several, the first of 2, 1, 4, 3."
    " Start with: smartlaunch setup, then smartlaunch run --target embedded"
)


class Command(Protocol):
    """What a command's module offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it and return the exit code."""


class Parser(argparse.ArgumentParser):
    """A parser that abbreviates nothing and suggests what was probably meant."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Take what `argparse.ArgumentParser` takes."""
        kwargs["allow_abbrev"] = False
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Print the message with the closest option or command, and exit with 2."""
        word = message.rsplit(":", 1)[-1].strip().split(" ")[0] if message.startswith("unknown") else ""
        options = [option for action in self._actions for option in action.option_strings]
        close = difflib.get_close_matches(word.split("=")[0], options, n=1) if word else []
        hint = f", did you mean {close[0]}?" if close else ""
        self.exit(USAGE, f"{self.prog}: {message}{hint}\n  try: {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(words)
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else USAGE
    except UsageError as exc:
        return _complain(exc, USAGE)
    except Blocked as exc:
        return _complain(exc, BLOCKED)
    except (InternalError, SmartLaunchError) as exc:
        return _crash(exc, words)
    except KeyboardInterrupt:
        print("\nsmartlaunch: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return _reader_left()
    except Exception as exc:  # noqa: BLE001 - the last handler: no traceback reaches the user
        return _crash(exc, words)


def _dispatch(words: list[str]) -> int:
    name = next((word for word in words if not word.startswith("-")), "")
    parser, child, module = parser_for(name)
    if "_ARGCOMPLETE" in os.environ:
        from smartlaunch.cli.completion import complete

        complete(parser_for)
    if name and name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f", did you mean {close[0]!r}?" if close else ""
        parser.exit(USAGE, f"smartlaunch: there is no command {name!r}{hint}\n  there are: {', '.join(COMMANDS)}\n")
    args, left = parser.parse_known_args(words)
    if left:
        child.error(f"unknown argument: {left[0]}")
    if module is None:
        parser.print_help()
        return USAGE
    code = module.run(args)
    sys.stdout.flush()
    return code


def parser_for(name: str) -> tuple[Parser, Parser, Command | None]:
    """Build the parser; only the named command gets its arguments, the others just their line in the help."""
    parser = Parser(prog="smartlaunch", description="Conformance test suite for SMART App Launch.", epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"smartlaunch {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    chosen: Command | None = None
    named = parser
    for command, (module, summary) in COMMANDS.items():
        child = commands.add_parser(command, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if command == name:
            chosen = cast("Command", importlib.import_module(module))
            chosen.add_arguments(child)
            named = child
    return parser, named, chosen


def _complain(problem: Exception, code: int) -> int:
    print(f"smartlaunch: {problem}", file=sys.stderr)
    return code


def _crash(problem: Exception, words: list[str]) -> int:
    from smartlaunch.cli.crash import write_crash_log

    try:
        where = f"; details in {write_crash_log(problem, words)}"
    except OSError:
        where = ""
    print(f"smartlaunch: this is a bug of smartlaunch ({type(problem).__name__}){where}", file=sys.stderr)
    return INTERNAL


def _reader_left() -> int:
    """End quietly when the reader of a pipe has gone, as ``head`` does."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.stdout.fileno())
    return 0
