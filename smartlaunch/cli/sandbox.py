"""``smartlaunch sandbox``: serve the embedded EHR for people and tools."""

from __future__ import annotations

import argparse
import os
import sys

from smartlaunch.plugin import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("--port", metavar="N", type=_port, default=0, help="port on the loopback address (default: a free one)")
    options.add_to_command(parser, "vendor", "defect", "variant")
    add("--write-target", metavar="FILE", help="write a target file for this EHR, with its secret files beside it")


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 0 (any free one) to 65535")
    return number


def run(args: argparse.Namespace) -> int:
    """Become the sandbox's own process, so that signals and output are its own."""
    from smartlaunch.cli.child import child_environment
    from smartlaunch.cli.run import check_switches

    asked = options.of_command(args)
    check_switches(asked)
    command = [sys.executable, "-P", "-m", "smartlaunch.embedded_ehr", "--port", str(args.port), *options.ehr_arguments(asked)]
    if args.write_target:
        command += ["--write-target", args.write_target]
    sys.stdout.flush()
    os.execve(sys.executable, command, child_environment())  # noqa: S606 - our own module
