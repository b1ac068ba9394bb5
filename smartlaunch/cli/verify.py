"""``smartlaunch verify``: whether the evidence of a run is what was written, and who signed for it."""

from __future__ import annotations

import argparse
from pathlib import Path

from smartlaunch.cli.output import shown
from smartlaunch.errors import LookupFailed
from smartlaunch.evidence import manifest, signature
from smartlaunch.records import files
from smartlaunch.records.exits import FAILED, GOOD
from smartlaunch.records.store import load_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("run", metavar="RUN", help="a run's folder, its id, or latest")
    parser.add_argument("--key", default="", metavar="FILE", help="the public key (ssh or minisign) that has to have signed it")


def run(args: argparse.Namespace) -> int:
    """Say what differs, one line each; 1 when anything does."""
    folder = _folder(args.run)
    problems = manifest.verify(folder)
    signed = (folder / files.SIGNATURE_FILE).is_file()
    if args.key:
        problems += signature.verify(folder, Path(args.key)) if signed else [f"{files.SIGNATURE_FILE} is missing: the run was not signed"]
    for problem in problems:
        print(problem)
    if problems:
        return FAILED
    who = f"signed with {args.key}" if args.key else "signed, name the public key with --key to check by whom" if signed else "not signed"
    print(f"{shown(folder)}: every file is as it was written; {who}")
    return GOOD


def _folder(name: str) -> Path:
    if (Path(name) / manifest.NAME).is_file():
        return Path(name)
    folder = load_run(name).folder
    if folder is None or not (folder / manifest.NAME).is_file():
        raise LookupFailed("manifest", name, [], hint=f"the run has no {manifest.NAME}: it was interrupted, or is no folder of a run")
    return folder
