"""``smartlaunch run``: put the requirements to a server and report."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from smartlaunch.cli.compare import DOWN_NIGHTS
from smartlaunch.cli.folders import alone, folder_of, scratch_folder
from smartlaunch.cli.output import shown
from smartlaunch.errors import InternalError, LookupFailed, UsageError
from smartlaunch.evidence import signature
from smartlaunch.plugin import options
from smartlaunch.records import files
from smartlaunch.records.comparison import Change, Comparison
from smartlaunch.records.exits import BLOCKED, GOOD, INTERNAL, USAGE, exit_code
from smartlaunch.records.history import History
from smartlaunch.records.store import load_run
from smartlaunch.reporting.words import count

if TYPE_CHECKING:
    from smartlaunch.cli.child import Ended
    from smartlaunch.plugin.binding import Plan, Suite
    from smartlaunch.plugin.selection import Selection
    from smartlaunch.records.record import Run
    from smartlaunch.target import Target

_PYTEST_GOOD, _PYTEST_INTERNAL, _PYTEST_USAGE = 0, 3, 4
_TAIL = 4000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    options.add_to_command(parser)
    parser.add_argument("--sign", default="", metavar="KEY", help="sign the manifest of the run with this private key (ssh or minisign)")


def run(args: argparse.Namespace) -> int:
    """Check the selection, start pytest, and turn its run into an exit code."""
    from smartlaunch.plugin.selection import Selection

    asked = options.of_command(args)
    if asked.features:
        _own_features(asked.features)
    selection = Selection.of(asked)
    filtered = args.list or asked.requirement or asked.scenario or asked.ids or asked.quick or asked.passive
    plans = selection.plans() if filtered else []
    if args.json and not args.list:
        raise UsageError("--json goes with --list; what a run found stands in its run.json")
    if args.list:
        return _list_as_json(selection, plans) if args.json else _list(selection, plans)
    if args.sign:
        signature.check_key(Path(args.sign))
    _check_target(asked)
    if asked.storage_state and not Path(asked.storage_state).is_file():
        raise UsageError(
            f"--storage-state {asked.storage_state}: no such file\n  try: smartlaunch login try --storage-state {asked.storage_state}"
        )
    if filtered and not plans:
        raise UsageError(
            "no scenario is selected: the suites and requirements asked for have none in common\n  try: smartlaunch run --list"
        )
    baseline = load_run(args.baseline) if args.baseline else None
    _number(args.down_nights)
    from smartlaunch.cli.workers import number_of
    from smartlaunch.target import load_target

    target = load_target(asked.target)
    workers, folder = number_of(args.workers, target), folder_of(args.out)

    def changes(record: Run) -> Comparison | None:
        return _changes(args, record, baseline)

    with alone(folder), scratch_folder() as scratch:
        if workers > 1:
            return _side_by_side(args, asked, selection, target, folder, workers, changes)
        return _run(args, asked, selection.suites, folder, scratch, changes)


def _number(given: str | None) -> int:
    if given is None:
        return DOWN_NIGHTS
    if not given.isdigit() or int(given) < 1:
        raise UsageError(f"--down-nights {given}: a whole number from 1 is wanted")
    return int(given)


def _changes(args: argparse.Namespace, record: Run, baseline: Run | None) -> Comparison | None:
    """Keep the run in the history, and say what changed since the baseline, where there is one."""
    from smartlaunch.cli.compare import compared

    history = _history(args)
    if history is not None:
        History(history).add(record)
    if baseline is None:
        return None
    from smartlaunch.catalogue import load
    from smartlaunch.reporting.changes import as_text

    found = compared(baseline, record, history)
    sys.stdout.write("\n" + as_text(found, load(), strict=args.strict))
    return found


def _history(args: argparse.Namespace) -> Path | None:
    """The file of the history: the one that is named, else the usual one for a run in the usual place."""
    if args.history == "off":
        return None
    if args.history:
        return Path(args.history)
    return None if args.out else Path.cwd() / files.REPORTS / files.HISTORY_FILE


def _own_features(given: str) -> None:
    """Let this process, which lists and counts, see what its child will put."""
    from smartlaunch.plugin.binding import OWN_FEATURES

    if not Path(given).is_dir() or not any(Path(given).rglob("*.feature")):
        raise UsageError(f"--features {given}: this is no folder with feature files")
    os.environ[OWN_FEATURES] = str(Path(given).resolve())


def _list(selection: Selection, plans: Sequence[Plan]) -> int:
    """Print one block per suite: ids as reports print them, title, requirements."""
    ids = {plan.id: selection.scenarios_of(plan) for plan in plans}
    suite = ""
    for plan in plans:
        if plan.suite.id != suite:
            suite = plan.suite.id
            print(f"{suite} ({count(sum(len(ids[each.id]) for each in plans if each.suite.id == suite), 'scenario')})")
        for identifier in ids[plan.id]:
            print(f"  {identifier}")
        print(f"      {plan.title}")
        if plan.requirements:
            print(f"      {', '.join(plan.requirements)}")
    print(f"{count(sum(map(len, ids.values())), 'scenario')} selected")
    return GOOD


def _list_as_json(selection: Selection, plans: Sequence[Plan]) -> int:
    """Print what is selected for a program: an object for each scenario."""
    found = [
        {
            "id": identifier,
            "suite": plan.suite.id,
            "slug": plan.slug,
            "title": plan.title,
            "feature": plan.feature,
            "rule": plan.rule,
            "requirements": list(plan.requirements),
            "capabilities": list(plan.capabilities),
            "tags": sorted(plan.flags),
            "situation": plan.situation.slug,
            "place": f"{plan.path}:{plan.line}",
        }
        for plan in plans
        for identifier in selection.scenarios_of(plan)
    ]
    print(json.dumps(found, indent=1, ensure_ascii=False))
    return GOOD


def _check_target(asked: options.Options) -> None:
    """Load the target before anything is started, so that a mistake in it is the first and only thing said."""
    from smartlaunch.target import load_deviations, load_target

    if asked.deviations:
        load_deviations(asked.deviations)
    if load_target(asked.target).embedded:
        check_switches(asked)
    else:
        options.refuse_switches(asked)


def check_switches(asked: options.Options) -> None:
    """End with the names that exist when a defect, variant or vendor is asked for that the embedded EHR does not have."""
    from smartlaunch.embedded_ehr.defects import load_defects, load_variants
    from smartlaunch.embedded_ehr.vendors import names

    for kind, wanted, known in (("defect", asked.defect, load_defects()), ("variant", asked.variant, load_variants())):
        for name in wanted:
            if name not in known:
                raise _switch_unknown(kind, name, list(known))
    if asked.vendor and asked.vendor not in names():
        raise LookupFailed("vendor", asked.vendor, names())


def _switch_unknown(kind: str, name: str, known: list[str]) -> LookupFailed:
    """The error for an unknown defect or variant; a long list is cut to the closest names."""
    import difflib

    near = difflib.get_close_matches(name, known, n=8, cutoff=0.4) or sorted(known)[:8]
    hint = f"all {len(known)}: smartlaunch defects" if kind == "defect" else f"{len(known)} in all"
    return LookupFailed(kind, name, near if len(known) > len(near) else known, hint=hint)


def _run(
    args: argparse.Namespace,
    asked: options.Options,
    suites: Sequence[Suite],
    folder: Path,
    scratch: Path,
    changes: Callable[[Run], Comparison | None],
) -> int:
    from smartlaunch._suite import suite_root
    from smartlaunch.cli.child import Ended, child_environment, pytest_command

    root = suite_root() / "suites"
    paths = [root / f"test_{suite.id.replace('-', '_')}.py" for suite in suites]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise LookupFailed("binder", missing[0], sorted(path.name for path in root.glob("test_*.py")))
    command = pytest_command(pytest_arguments(args, asked, folder), paths=paths)
    env = child_environment() | {"SMARTLAUNCH_SUMMARY": "off", "TMPDIR": str(scratch)}
    code, ended = 0, None
    with tempfile.TemporaryFile(dir=scratch) as log:
        try:
            code = _put(command, env, None if args.verbose else log)
        except Ended as exc:
            ended = exc
        log.seek(0)
        said = log.read().decode("utf-8", "replace")
    if ended is not None:
        return _interrupted(folder, ended)
    if code < 0:
        _write_what_there_is(folder)
    return _verdict(folder, code, said, args, changes)


def _interrupted(folder: Path, ended: Ended) -> int:
    """Write the reports of what is on disk, unless somebody was in a hurry, and say in a line where it is."""
    code, how = 128 + ended.number, ended.args[0]
    if not ended.at_once:
        _write_what_there_is(folder)
    try:
        record = load_run(folder)
    except UsageError:
        print(f"smartlaunch: interrupted ({how}) before the first scenario; {shown(folder)} holds no run", file=sys.stderr)
        return code
    if not ended.at_once:
        _summary(record, folder)
    print(f"smartlaunch: interrupted ({how}); what was recorded until then is in {shown(folder)}", file=sys.stderr)
    return code


def _write_what_there_is(folder: Path) -> None:
    """Put a run together that had no time to do so itself; a `run.json` alone may be of a child that was ended while it wrote."""
    from smartlaunch.plugin.finish import finish
    from smartlaunch.records.store import assemble

    if (folder / files.HTML_FILE).is_file() or not any((folder / name).is_file() for name in files.STREAMED):
        return
    with suppress(InternalError, OSError):  # what could be written is there
        finish(folder, lambda: assemble(folder).header, scrub=str)


def _put(command: Sequence[str], env: Mapping[str, str], output: IO[bytes] | None) -> int:
    """Run pytest; where a person sits at the terminal, the run can ask for what only that person has."""
    from smartlaunch.cli import asking
    from smartlaunch.cli.child import run_pytest

    if not asking.somebody_is_there():
        return run_pytest(command, env=env, output=output)
    with asking.Asked() as asked:
        return run_pytest(command, env={**env, asking.VARIABLE: str(asked.number)}, output=output, lines=(asked.number,))


def _side_by_side(
    args: argparse.Namespace,
    asked: options.Options,
    selection: Selection,
    target: Target,
    folder: Path,
    workers: int,
    changes: Callable[[Run], Comparison | None],
) -> int:
    """Let several runs put the selection and join them to one, also where a signal ended them."""
    from smartlaunch.cli.merge import join
    from smartlaunch.cli.workers import Stopped, clear, run_side_by_side

    stopped: Stopped | None = None
    broken: list[str] = []
    try:
        runs, broken = run_side_by_side(asked, selection, target, folder, workers)
    except Stopped as ended:
        stopped, runs = ended, list(ended.runs)
    if not runs:
        print(f"smartlaunch: no worker has recorded anything; what they said is in {shown(folder / files.WORKERS)}", file=sys.stderr)
        return 128 + stopped.number if stopped is not None else INTERNAL
    order = [name for plan in selection.plans() for name in selection.scenarios_of(plan)]
    join(runs, folder, allure=not args.no_allure and stopped is None, told=False, order=order)
    clear(folder)
    if stopped is not None:
        _summary(load_run(folder), folder)
        print(f"smartlaunch: interrupted ({stopped.args[0]}); what was recorded until then is in {shown(folder)}", file=sys.stderr)
        return 128 + stopped.number
    return _verdict(folder, _PYTEST_INTERNAL if broken else _PYTEST_GOOD, "\n".join(broken), args, changes)


def _write_manifest(folder: Path) -> str:
    """Write what needs every other file to be there, the digests of them all; the answer is what went wrong."""
    from smartlaunch.evidence.manifest import write_manifest

    try:
        if (folder / files.RUN_FILE).is_file():
            write_manifest(folder)
    except OSError as exc:
        return f"{files.MANIFEST_FILE} could not be written: {exc.strerror or exc}"
    return ""


def _sign(folder: Path, key: str) -> str:
    """Sign the manifest where that was asked for; the answer is what went wrong."""
    try:
        if key:
            signature.sign(folder, Path(key))
    except (UsageError, OSError) as exc:
        return f"the run is not signed: {exc}"
    return ""


def _write_junit(record: Run, place: str | None) -> str:
    """Write the JUnit file where it was asked for besides the run's folder; the answer is what went wrong."""
    from smartlaunch.reporting.junit import write_junit

    try:
        if place:
            write_junit([record], Path(place))
    except OSError as exc:
        return f"--junit {place} could not be written: {exc.strerror or exc}"
    return ""


def pytest_arguments(args: argparse.Namespace, asked: options.Options, folder: Path) -> list[str]:
    """Return what the child is asked, in the words of pytest and of our plugin in it."""
    out = [
        *options.pytest_arguments(asked),
        f"{options.BY_NAME['out'].pytest_flag}={folder}",
        *([] if args.no_allure else [f"--alluredir={folder / files.ALLURE_RESULTS}"]),
    ]
    out.append("--capture=no")  # progress goes to standard error; pytest's own output goes to the log all the same
    return [*out, "-v"] if args.verbose else [*out, "-q", "--no-header", "--tb=no", "-rN"]


def _verdict(folder: Path, code: int, said: str, args: argparse.Namespace, changes: Callable[[Run], Comparison | None]) -> int:
    """Show the run's summary and return its exit code; a run without a record shows what pytest said instead."""
    try:
        record = load_run(folder)
    except UsageError:
        return _no_record(code, said)
    _summary(record, folder)
    unkept, found = "", None
    try:
        found = changes(record)
    except UsageError as exc:
        unkept = str(exc)
    regressed = found.red(strict=args.strict, down_nights=_number(args.down_nights)) if found else None
    blocked_before = found is not None and (found.down or (record.judged > 0 and not found.of(Change.BLOCKED)))
    verdict = exit_code(record, strict=args.strict, strict_known=args.strict_known, regressed=regressed, blocked_before=blocked_before)
    unsigned = _write_manifest(folder) or _sign(folder, args.sign) or _write_junit(record, args.junit) or unkept
    if unsigned:
        print(f"smartlaunch: {unsigned}", file=sys.stderr)
        verdict = INTERNAL if verdict in (GOOD, BLOCKED) else verdict
    if code == _PYTEST_INTERNAL or code < 0:
        return _broken_off(code, said, folder)
    accounted = regressed is not None and (record.counts["failed"] or record.counts["blocked"])
    if verdict == GOOD and code != _PYTEST_GOOD and not accounted:  # something broke that no scenario's result holds
        return _no_record(code, said)
    return verdict


def _broken_off(code: int, said: str, folder: Path) -> int:
    """Pytest itself broke, whatever the scenarios before came to: say so; what was recorded until then is in the summary above."""
    how = "an internal error" if code == _PYTEST_INTERNAL else f"signal {-code}"
    from smartlaunch.cli.child import BROKE

    print(f"{BROKE} {how}; what was recorded until then is in {shown(folder)}\n{_tail(said)}", file=sys.stderr)
    return INTERNAL


def _tail(said: str) -> str:
    from smartlaunch.cli.crash import scrub

    return "\n".join(line for line in scrub(said).splitlines() if line.strip())[-_TAIL:]


def _no_record(code: int, said: str) -> int:
    if code == _PYTEST_USAGE:  # it has said why on the terminal
        print("smartlaunch: nothing was run; what is wrong stands above", file=sys.stderr)
        return USAGE
    tail = _tail(said)
    print(f"smartlaunch: pytest ended with {code} and left no record of why{':' if tail else ''}\n{tail}", file=sys.stderr)
    return INTERNAL


def _summary(record: Run, folder: Path) -> None:
    """Print the summary once, with the paths of what was written."""
    from smartlaunch.catalogue import load
    from smartlaunch.reporting.summary import render_summary, takes_colour

    paths = {name: shown(path) for name, path in files.reports(folder).items()}
    sys.stdout.write(render_summary(record, load(), paths=paths, colour=takes_colour(sys.stdout)))
