"""``smartlaunch run``: put the requirements to a server and report."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from smartlaunch.errors import LookupFailed, UsageError
from smartlaunch.records import files
from smartlaunch.records.exits import GOOD, INTERNAL, INTERRUPTED, USAGE, exit_code
from smartlaunch.records.store import load_run, new_run_folder

if TYPE_CHECKING:
    from smartlaunch.plugin.binding import Plan, Suite
    from smartlaunch.records.record import Run
    from smartlaunch.target import Target

_PYTEST_GOOD, _PYTEST_FAILED, _PYTEST_USAGE = 0, 1, 4
_TAIL = 4000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("--target", metavar="T", help="bundled name, name in ./targets/, or target file (default: SMARTLAUNCH_TARGET, else embedded)")
    add("--suite", metavar="ID", action="append", default=[], help="only this suite; may be given several times")
    add("--requirement", metavar="ID", action="append", default=[], help="only scenarios that put this requirement")
    add("--scenario", metavar="ID", action="append", default=[], help="only this scenario, as reports print it")
    add("--defect", metavar="NAME", action="append", default=[], help="break a rule of the embedded EHR")
    add("--variant", metavar="NAME", action="append", default=[], help="let the embedded EHR take an unusual but permitted choice")
    add("--vendor", metavar="V", default="", help="let the embedded EHR imitate a vendor, such as oracle-health")
    add("--list", action="store_true", help="list the selected scenarios and send nothing")
    add("--headed", action="store_true", help="show the browser; a person can help where the login gets stuck")
    add("--passive", action="store_true", help="send only what a right app sends")
    add("--quick", action="store_true", help="a short selection")
    add("--strict", action="store_true", help="let warnings end the run with 1")
    add("--out", metavar="DIR", help="the run's folder (default: a new one under ./reports/)")
    add("--junit", metavar="FILE", help="also write JUnit XML here (default: junit.xml in the run's folder)")
    add("--no-allure", action="store_true", help="do not render the Allure report; its results are written all the same")
    add("--verbose", action="store_true", help="show pytest's own output as well")


def run(args: argparse.Namespace) -> int:
    """Check the selection, start pytest, and turn its run into an exit code."""
    suites = choose_suites(args)
    filtered = args.list or args.requirement or args.scenario or args.quick
    plans = select(args, suites) if filtered else []
    if args.list:
        return _list(plans)
    name = target_name(args)
    _check_target(name, args)
    if filtered and not plans:
        raise UsageError(
            "no scenario is selected: the suites and requirements asked for have none in common\n  try: smartlaunch run --list"
        )
    folder = _folder(args.out)
    return _run(args, name, suites, folder)


def target_name(args: argparse.Namespace) -> str:
    """Return the target that is asked for: the option, else the environment, else the embedded EHR."""
    given: str | None = args.target
    return os.environ.get("SMARTLAUNCH_TARGET") or "embedded" if given is None else given


def choose_suites(args: argparse.Namespace) -> list[Suite]:
    """Return the suites that the arguments select: those named, else the default ones."""
    from smartlaunch.plugin.binding import BY_ID, SUITES

    for suite in args.suite:
        if suite not in BY_ID:
            raise LookupFailed("suite", suite, list(BY_ID))
    return [suite for suite in SUITES if (suite.id in args.suite if args.suite else suite.default or args.scenario)]


def select(args: argparse.Namespace, suites: Sequence[Suite]) -> list[Plan]:
    """Return the scenarios of the suites that the arguments select; unknown names end here."""
    from smartlaunch.plugin.binding import plans

    _check_requirements(args)
    every = [plan for suite in suites for plan in plans(suite.id)]
    wanted = {identifier.split("[", 1)[0] for identifier in args.scenario}
    known = {plan.id for plan in every}
    for identifier in sorted(wanted - known):
        raise _unknown_scenario(identifier, known)
    return [
        plan
        for plan in every
        if (not args.requirement or set(args.requirement) & set(plan.requirements))
        and (not wanted or plan.id in wanted)
        and (not args.quick or "quick" in plan.flags)
        and (not args.passive or "intrusive" not in plan.flags)
    ]


def _check_requirements(args: argparse.Namespace) -> None:
    from smartlaunch.cli.knowledge import requirement

    args.requirement = [requirement(identifier).id for identifier in args.requirement]


def _unknown_scenario(identifier: str, known: set[str]) -> LookupFailed:
    import difflib

    slug = identifier.rsplit("/", 1)[-1]
    near = sorted(name for name in known if name.endswith(f"/{slug}"))[:6] or difflib.get_close_matches(
        identifier, sorted(known), n=6, cutoff=0.4
    )
    return LookupFailed("scenario", identifier, near, hint=f"{len(known)} in all: smartlaunch run --list")


def _list(plans: Sequence[Plan]) -> int:
    """Print one block per suite: id, title, requirements."""
    suite = ""
    for plan in plans:
        if plan.suite.id != suite:
            suite = plan.suite.id
            count = sum(1 for each in plans if each.suite.id == suite)
            print(f"{suite} ({count} scenario{'s' if count != 1 else ''})")
        print(f"  {plan.id}\n      {plan.title}")
        if plan.requirements:
            print(f"      {', '.join(plan.requirements)}")
    print(f"{len(plans)} scenarios selected")
    return GOOD


def _check_target(name: str, args: argparse.Namespace) -> Target:
    """Load the target before anything is started, so that a mistake in it is the first and only thing said."""
    from smartlaunch.target import load_target

    target = load_target(name)
    if not target.embedded and (args.defect or args.variant or args.vendor):
        raise UsageError(f"--defect, --variant and --vendor change the embedded EHR; they do not go with --target {name}")
    if target.embedded:
        _check_switches(args)
    return target


def _check_switches(args: argparse.Namespace) -> None:
    from smartlaunch.embedded_ehr.defects import load_defects, load_variants

    for kind, asked, known in (("defect", args.defect, load_defects()), ("variant", args.variant, load_variants())):
        for name in asked:
            if name not in known:
                raise switch_unknown(kind, name, list(known))
    check_vendor(args.vendor)


def check_vendor(name: str) -> None:
    """End with the vendors that can be imitated when another is asked for."""
    from smartlaunch.embedded_ehr.vendors import names

    if name and name not in names():
        raise LookupFailed("vendor", name, names())


def switch_unknown(kind: str, name: str, known: list[str]) -> LookupFailed:
    """Build the error for an unknown defect or variant; a long list is cut to the closest names."""
    import difflib

    near = difflib.get_close_matches(name, known, n=8, cutoff=0.4) or sorted(known)[:8]
    hint = f"all {len(known)}: smartlaunch defects" if kind == "defect" else f"{len(known)} in all"
    return LookupFailed(kind, name, near if len(known) > len(near) else known, hint=hint)


def _folder(out: str | None) -> Path:
    if not out:
        return new_run_folder(Path.cwd() / files.REPORTS)
    folder = Path(out)
    try:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--out {out}: this is a file, a folder is wanted")
        if folder.is_dir():
            _clear(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise UsageError(f"--out {out}: the folder cannot be used ({exc.strerror})") from None
    return folder.resolve()


def _clear(folder: Path) -> None:
    """Take an earlier run out of its folder; a folder with anything else in it is left alone."""
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in files.EVERY)
    if foreign:
        raise UsageError(f"--out {folder}: the folder holds {foreign[0]}, which is no part of a run\n  try: a new folder")
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _run(args: argparse.Namespace, target: str, suites: Sequence[Suite], folder: Path) -> int:
    from smartlaunch._suite import suite_root
    from smartlaunch.cli.child import Ended, child_environment, pytest_command, run_pytest

    root = suite_root() / "suites"
    paths = [root / f"test_{suite.id.replace('-', '_')}.py" for suite in suites]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise LookupFailed("binder", missing[0], sorted(path.name for path in root.glob("test_*.py")))
    command = pytest_command(_arguments(args, target, folder), paths=paths)
    env = child_environment() | {"SMARTLAUNCH_SUMMARY": "off"} | ({"SMARTLAUNCH_ALLURE": "off"} if args.no_allure else {})
    interrupted, code = False, 0
    with tempfile.TemporaryFile() as log:
        try:
            code = run_pytest(command, env=env, output=None if args.verbose else log)
        except Ended:
            interrupted = True
        log.seek(0)
        said = log.read().decode("utf-8", "replace")
    if not interrupted:
        _finish(folder)
    return _verdict(folder, code, said, interrupted=interrupted, strict=args.strict)


def _finish(folder: Path) -> None:
    """Write what needs every other file to be there: the digests of them all."""
    from smartlaunch.evidence.manifest import write_manifest

    if (folder / files.RUN_FILE).is_file():
        write_manifest(folder)


def _arguments(args: argparse.Namespace, target: str, folder: Path) -> list[str]:
    """Return our options in the words of the pytest plugin."""
    out = [
        f"--target={target}",
        f"--run-dir={folder}",
        f"--junitxml={args.junit or folder / 'junit.xml'}",
        f"--alluredir={folder / 'allure-results'}",
    ]
    for option, values in (
        ("requirement", args.requirement),
        ("scenario", args.scenario),
        ("defect", args.defect),
        ("variant", args.variant),
    ):
        out += [f"--{option}={value}" for value in values]
    out += [f"--smartlaunch-vendor={args.vendor}"] if args.vendor else []
    for option, given in (("--smartlaunch-headed", args.headed), ("--passive", args.passive), ("--quick", args.quick)):
        out += [option] if given else []
    if not sys.stderr.isatty() or os.environ.get("CI"):
        out.append("--quiet-progress")
    else:
        out.append("--capture=no")  # the progress line goes to the terminal; pytest's own output goes to the log all the same
    return [*out, "-v"] if args.verbose else [*out, "-q", "--no-header", "--tb=no", "-rN"]


def _verdict(folder: Path, code: int, said: str, *, interrupted: bool, strict: bool) -> int:
    """Show the run's summary and return its exit code; a run without a record shows what pytest said instead."""
    try:
        record = load_run(folder)
    except UsageError:
        if interrupted:
            print(f"smartlaunch: interrupted before the first scenario; {folder} holds no run", file=sys.stderr)
            return INTERRUPTED
        return _no_record(code, said)
    _summary(record, folder)
    if interrupted:
        print(f"smartlaunch: interrupted; what was recorded until then is in {shown(folder)}", file=sys.stderr)
        return INTERRUPTED
    verdict = exit_code(record, strict=strict)
    if verdict == GOOD and code not in (_PYTEST_GOOD, _PYTEST_FAILED):
        return _no_record(code, said)
    return verdict


def _no_record(code: int, said: str) -> int:
    from smartlaunch.cli.crash import scrub

    tail = "" if code == _PYTEST_USAGE else "\n".join(line for line in scrub(said).splitlines() if line.strip())[-_TAIL:]
    print(f"smartlaunch: pytest ended with {code} and left no usable record{':' if tail else ''}\n{tail}", file=sys.stderr)
    return USAGE if code == _PYTEST_USAGE else INTERNAL


def _summary(record: Run, folder: Path) -> None:
    """Print the summary once, with the paths of what was written."""
    from smartlaunch.catalogue import load
    from smartlaunch.reporting.summary import render_summary, takes_colour

    paths = {name: shown(path) for name, path in files.reports(folder).items()}
    sys.stdout.write(render_summary(record, load(), paths=paths, colour=takes_colour(sys.stdout)))


def shown(path: Path) -> str:
    """Return a path as a person would type it from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
