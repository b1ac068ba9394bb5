"""The options of a run, each said once.

``smartlaunch run``, the pytest plugin, the arguments of the child process, the embedded EHR and ``docs/command-line.md`` are all made
from this table. Nothing heavy is imported here: ``--help`` reads it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from smartlaunch.errors import UsageError


@dataclass(frozen=True)
class Option:
    """One option: a flag without ``metavar``, else a value, or several with ``many``.

    ``pytest`` is the plugin's word where pytest or another plugin has ours, and ``-`` where the plugin does not know the option;
    ``run`` is False for what only the plugin knows. ``ehr`` marks what changes the embedded EHR.
    """

    name: str
    help: str
    metavar: str = ""
    many: bool = False
    pytest: str = ""
    run: bool = True
    ehr: bool = False

    @property
    def flag(self) -> str:
        """As it is typed."""
        return f"--{self.name}"

    @property
    def pytest_flag(self) -> str:
        """As it is typed for pytest; empty where the plugin does not know it."""
        return "" if self.pytest == "-" else f"--{self.pytest or self.name}"

    @property
    def attribute(self) -> str:
        """As argparse keeps it."""
        return self.name.replace("-", "_")

    def keywords(self) -> dict[str, Any]:
        """What `add_argument` and pytest's `addoption` both take."""
        if not self.metavar:
            return {"action": "store_true", "help": self.help}
        if self.many:
            return {"action": "append", "default": [], "metavar": self.metavar, "help": self.help}
        return {"default": None, "metavar": self.metavar, "help": self.help}


OPTIONS = (
    Option("target", "bundled name, name in ./targets/, or target file (default: SMARTLAUNCH_TARGET, else embedded)", "T"),
    Option("suite", "only this suite; may be given several times", "ID", many=True, pytest="smartlaunch-suite"),
    Option("requirement", "only scenarios that put this requirement", "ID", many=True),
    Option("scenario", "only this scenario: suite/slug, suite/slug[label], a slug (in every suite); `*` is any letters", "ID", many=True),
    Option("ids", "only the scenarios whose ids stand in this file, a line each, such as one shard of a selection", "FILE"),
    Option("defect", "break a rule of the embedded EHR", "NAME", many=True, ehr=True),
    Option("variant", "let the embedded EHR take an unusual but permitted choice", "NAME", many=True, ehr=True),
    Option("vendor", "let the embedded EHR imitate a vendor, such as oracle-health", "V", pytest="smartlaunch-vendor", ehr=True),
    Option("list", "list the selected scenarios and send nothing", pytest="-"),
    Option("json", "with --list: a JSON array of scenarios, with title, feature, rule, requirements, tags and situation", pytest="-"),
    Option("headed", "show the browser; a person can help where the login gets stuck", pytest="smartlaunch-headed"),
    Option("storage-state", "begin with the session kept by `smartlaunch login try --storage-state FILE`: who is signed in there", "FILE"),
    Option("passive", "leave out what a right app never sends"),
    Option("quick", "a short selection"),
    Option("thorough", "put each rule in more situations: other clients, users, patients, refreshed tokens, forms of scopes"),
    Option("shuffle", "put the suites, and the scenarios of each, in an order drawn by this number; no outcome depends on it", "SEED"),
    Option("strict", "let warnings end the run with 1", pytest="-"),
    Option("features", "also put the scenarios of the feature files in this folder of yours", "DIR", pytest="smartlaunch-features"),
    Option("deviations", "known deviations beside those of the target file: a TOML file of [[deviations]]", "FILE"),
    Option("strict-known", "let a deviation that expired or no longer occurs end the run with 1", pytest="-"),
    Option("baseline", "compare with this run: only what became worse ends with 1", "RUN", pytest="-"),
    Option(
        "history",
        "keep the run in this SQLite file (default: history.sqlite beside runs under ./reports/; `off` for none)",
        "FILE",
        pytest="-",
    ),
    Option("down-nights", "with --baseline: let a target that was down for so many runs end with 1 (default: 3)", "N", pytest="-"),
    Option("workers", "put scenarios by so many runs side by side (default: limits.workers of the target file, else 1)", "N", pytest="-"),
    Option("out", "the run's folder (default: a new one under ./reports/)", "DIR", pytest="run-dir"),
    Option("junit", "also write JUnit XML here (default: junit.xml in the run's folder)", "FILE", pytest="-"),
    Option("slim", "keep less: of exchanges that nothing was found in only that they were"),
    Option("no-allure", "do not make the Allure report; `smartlaunch report` makes it later", pytest="-"),
    Option("verbose", "show pytest's own output as well", pytest="-"),
    Option("trace-rules", "let the embedded EHR name the rules behind each answer (for the defect matrix)", run=False, ehr=True),
    Option("quiet-progress", "no progress line", run=False),
)
BY_NAME = {option.name: option for option in OPTIONS}

FAMILY = "smartlaunch"
"""Before each option's name in pytest, which also takes the short words of the table."""

DEFAULT_TARGET = "embedded"
TARGET_VARIABLE = "SMARTLAUNCH_TARGET"
RATE_SHARE = "SMARTLAUNCH_RATE_SHARE"
"""How many workers ask the server at a time: ``limits.rate`` holds for all of them together."""


@dataclass(frozen=True)
class Options:
    """What was asked of a run, from whichever command line."""

    target: str = DEFAULT_TARGET
    suite: tuple[str, ...] = ()
    requirement: tuple[str, ...] = ()
    scenario: tuple[str, ...] = ()
    ids: str = ""
    defect: tuple[str, ...] = ()
    variant: tuple[str, ...] = ()
    vendor: str = ""
    shuffle: str = ""
    headed: bool = False
    storage_state: str = ""
    passive: bool = False
    quick: bool = False
    thorough: bool = False
    features: str = ""
    slim: bool = False
    deviations: str = ""
    trace_rules: bool = False

    @property
    def changes_the_ehr(self) -> bool:
        """Whether something was asked that only the embedded EHR can do."""
        return any(getattr(self, option.attribute) for option in OPTIONS if option.ehr)


def add_to_command(parser: argparse.ArgumentParser, *names: str) -> None:
    """Declare the options of ``smartlaunch run``, or the named ones for another command."""
    for option in OPTIONS:
        if option.name in names if names else option.run:
            parser.add_argument(option.flag, **option.keywords())


def add_to_pytest(add: Callable[..., None]) -> None:
    """Declare the plugin's options; ``add`` is the method of pytest's option group."""
    for option in OPTIONS:
        if option.pytest_flag:
            more = {"help": f"{option.help}; write --target=T"} if option.name == "target" else {}
            flags = dict.fromkeys((option.pytest_flag, f"--{FAMILY}-{option.name}"))
            add(*flags, dest=option.pytest_flag[2:].replace("-", "_"), **(option.keywords() | more))


def target_name(given: str | None) -> str:
    """The target that is asked for: the option, else the environment, else the embedded EHR."""
    return os.environ.get(TARGET_VARIABLE) or DEFAULT_TARGET if given is None else given


def read(look_up: Callable[[Option], Any]) -> Options:
    """The options as one value; ``look_up`` finds what was given for one of them, None for nothing."""
    values: dict[str, Any] = {}
    for option in OPTIONS:
        if option.attribute in Options.__dataclass_fields__:
            value = look_up(option)
            values[option.attribute] = tuple(value or ()) if option.many else bool(value) if not option.metavar else value or ""
    values["target"] = target_name(look_up(BY_NAME["target"]))
    return Options(**values)


def of_command(args: argparse.Namespace) -> Options:
    """The options as the command line of ``smartlaunch run`` gave them."""
    return read(lambda option: getattr(args, option.attribute, None))


def pytest_arguments(options: Options) -> list[str]:
    """The options in the words of the pytest plugin."""
    return list(_words(options, lambda option: option.pytest_flag))


def passed_on(args: argparse.Namespace, names: Iterable[str]) -> Iterator[str]:
    """The named options as a command line of ``smartlaunch run`` gives them on, in one order."""
    for option in OPTIONS:
        value = getattr(args, option.attribute, None) if option.name in names else None
        if value and not option.metavar:
            yield option.flag
        for each in (value if option.many else [value]) if value and option.metavar else ():
            yield f"{option.flag}={each}"


def command_arguments(options: Options, *, without: Collection[str]) -> list[str]:
    """The arguments of ``smartlaunch run`` that ask for the same, but for the named options."""
    return list(_words(options, lambda option: option.flag if option.run and option.name not in without else ""))


def ehr_arguments(options: Options) -> list[str]:
    """What the embedded EHR's own command is given."""
    return list(_words(options, lambda option: option.flag if option.ehr else ""))


def refuse_switches(options: Options) -> None:
    """End where something was asked of a server that only the embedded EHR can do."""
    if options.changes_the_ehr:
        flags = [option.flag for option in OPTIONS if option.ehr and option.run]
        raise UsageError(f"{', '.join(flags[:-1])} and {flags[-1]} change the embedded EHR; they do not go with --target {options.target}")


def _words(options: Options, flag_of: Callable[[Option], str]) -> Iterator[str]:
    for option in OPTIONS:
        value, flag = getattr(options, option.attribute, None), flag_of(option)
        if not value or not flag:
            continue
        if not option.metavar:
            yield flag
        for each in (value if option.many else [value]) if option.metavar else ():
            yield f"{flag}={each}"


def table() -> str:
    """The options of ``smartlaunch run`` and their words for pytest, as the documents show them."""
    lines = ["| option | pytest | does |", "|---|---|---|"]
    for option in OPTIONS:
        if option.run:
            value = f"{option.flag} {option.metavar}".strip()
            plugin = f"`{option.pytest_flag}{'=' + option.metavar if option.metavar else ''}`" if option.pytest_flag else ""
            lines.append(f"| `{value}` | {plugin} | {option.help} |")
    return "\n".join(lines) + "\n"
