"""The mechanical table: changes each answer of the embedded EHR in every way that needs no thought, and looks who notices.

    python tests/matrix/mutations.py                      every change that the table has no verdict of
    python tests/matrix/mutations.py --open               also those that nobody noticed
    python tests/matrix/mutations.py --only TEXT          those whose line holds the text
    python tests/matrix/mutations.py --again              also those that have a verdict
    python tests/matrix/mutations.py --list               the changes, without running any
    python tests/matrix/mutations.py --minutes 10         begin none after this time; the next call goes on

A run on the clean embedded EHR notes each kind of answer, what is in it, and which scenarios saw it. A change then runs, in a forked
child, scenarios that saw such an answer, those first whose rule speaks of what is changed, and stops at the first that turns red.
``mutations.tsv`` beside this file has the verdicts; ``mutations.toml`` says why what nobody notices does no harm.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE)]

import matrix  # noqa: E402
from mutating import Mutating, Mutation, note, place_of  # noqa: E402

from smartlaunch.catalogue import load  # noqa: E402
from smartlaunch.plugin.binding import every_plan  # noqa: E402
from tests import forking  # noqa: E402

TABLE = HERE / "mutations.tsv"
REASONS = HERE / "mutations.toml"
HEAD = "place\tpart\twhere\tkind\tverdict\tby"
FIRST, MORE = 5, 30
ACCESS = "standalone-public/access-granted-works"
"""What a token is worth: judges what blocks whatever needs one."""
LIMIT_S = 150
VERDICTS = ("unseen", "unnoticed", "silent", "blocked", "broken", "preflight", "noticed", "error")
OPEN = ("unseen", "unnoticed", "silent", "blocked")
"""What a run ended as, from the least to the most; those that are open are put before more scenarios."""


@dataclass
class Seen:
    """The clean run: what each kind of answer holds, which scenarios saw it, and how they ended."""

    points: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    touched: dict[str, list[str]] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)

    def by_place(self) -> dict[str, list[str]]:
        result: dict[str, list[str]] = defaultdict(list)
        for scenario, places in self.touched.items():
            for place in places:
                result[place].append(scenario)
        return result


class Watching:
    """A plugin of the child: puts the mutation in front of the embedded EHR, and stops at the first scenario that it turns red."""

    def __init__(self, mutation: Mutation, folder: Path, clean: dict[str, str]) -> None:
        self.mutation, self.folder, self.clean = mutation, folder, clean
        self.fronts: list[Mutating] = []
        self.red = ""

    def pytest_configure(self, config: Any) -> None:
        from smartlaunch.embedded_ehr import server
        from smartlaunch.plugin.session import RunSession

        build, add = server.build_app, RunSession.add

        def built(*args: Any, **kwargs: Any) -> Any:
            front = Mutating(build(*args, **kwargs), self.mutation)
            self.fronts.append(front)
            return front

        def added(session: RunSession, result: Any) -> None:
            add(session, result)
            if str(result.outcome) in matrix.RED and self.clean.get(result.id) not in matrix.RED:
                self.red = result.id

        server.build_app = built  # type: ignore[assignment]
        RunSession.add = added  # type: ignore[method-assign]

    def pytest_runtest_logfinish(self, nodeid: str, location: Any) -> None:
        if self.red:
            self.session.shouldstop = "noticed"

    def pytest_sessionstart(self, session: Any) -> None:
        self.session = session

    def pytest_unconfigure(self, config: Any) -> None:
        (self.folder / "mutating.json").write_text(json.dumps({"times": sum(each.times for each in self.fronts)}))


def record(*, latest: bool) -> Seen:
    """What the matrix's clean run saw: made where there is none of this state of the code, or the newest there is."""
    shared = Path(tempfile.gettempdir()) / "smartlaunch-matrix"
    shared.mkdir(exist_ok=True)
    found = sorted(shared.glob("clean-*/clean.json"), key=lambda each: each.stat().st_mtime)
    if not (latest and found):
        matrix.clean_run(shared)
        found = [shared / f"clean-{matrix.fingerprint()}" / "clean.json"]
    folder = found[-1].parent
    places: dict[str, str] = {}
    points: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for line in matrix.lines(folder / "exchanges.jsonl"):
        if not line["status"]:
            continue
        place = place_of(line["method"], urlsplit(line["url"]).path, line["request_body"], line["status"])
        places[line["id"]] = place
        headers = [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in line["response_headers"]]
        note(points[place], line["status"], headers, line["response_body"].encode())
    scenarios = matrix.results(folder)
    touched = {s["id"]: sorted({places[x] for x in s["exchanges"] if x in places}) for s in scenarios}
    return Seen({k: sorted(v) for k, v in points.items()}, touched, {s["id"]: s["outcome"] for s in scenarios})


def reasons() -> dict[str, Any]:
    return tomllib.loads(REASONS.read_text("utf-8"))


def mutations(seen: Seen) -> list[Mutation]:
    """Every change that is tried; what lies outside the guide's answers is left out, by the reasons' own table."""
    outside = reasons().get("outside", [])
    found = []
    for place, points in sorted(seen.points.items()):
        for part, where, kind in points:
            mutation = Mutation(place, part, where, kind)
            if not any(fits(mutation, each) for each in outside):
                found.append(mutation)
    return found


def fits(mutation: Mutation, row: dict[str, Any]) -> bool:
    """Whether a row of the reasons speaks of a mutation: each of its keys is a pattern, or a list of patterns."""
    for key in ("place", "part", "where", "kind"):
        wanted = row.get(key, "*")
        patterns = [wanted] if isinstance(wanted, str) else wanted
        value = getattr(mutation, key)
        if not any(_like(value, pattern) for pattern in patterns):
            return False
    return True


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")))


def _like(value: str, pattern: str) -> bool:
    return bool(_pattern(pattern).match(value))


def why_harmless(mutation: Mutation) -> str:
    """The reason why nobody needs to notice a change, or nothing."""
    return next((row["reason"] for row in reasons().get("harmless", []) if fits(mutation, row)), "")


class Choice:
    """Which scenarios a mutation is put before."""

    def __init__(self, seen: Seen) -> None:
        self.seen, self.by_place = seen, seen.by_place()
        self.plans = {plan.id: plan for plan in every_plan()}
        self.catalogue = load()
        self.red_before: Counter[str] = Counter()

    def next(self, mutation: Mutation, tried: list[str], blamed: str) -> list[str]:
        """Who is asked after those that noticed nothing: whoever judges what blocked them, else some more; nobody the third time."""
        judges = [each for each in (blamed, ACCESS) if blamed and each not in tried]
        if judges:
            return judges
        return [] if len(tried) > FIRST + 2 else [each for each in self.scenarios(mutation, FIRST + MORE) if each not in tried]

    def scenarios(self, mutation: Mutation, most: int = FIRST) -> list[str]:
        """Scenarios that saw such an answer: those that speak of the member or header, then those that see little else."""
        parts = [each for each in mutation.where.split("/") if each and each != "*"]
        words = dict.fromkeys([*parts[-1:], *parts[:1], *([mutation.kind.removeprefix("without ")] if " " in mutation.kind else [])])
        ranked = []
        for identifier in self.by_place.get(mutation.place, ()):
            plan = self.plans.get(identifier.split("[")[0])
            if plan is None or plan.waits or self.seen.outcomes.get(identifier) != "passed":
                continue
            rules = " ".join(f"{r} {self.catalogue[r].text}" for r in plan.requirements if r in self.catalogue)
            text = f"{identifier} {plan.title} {plan.rule} {rules}".lower().replace("-", "_").replace(" ", "_")
            speaks = sum(2 * (f"`{word}`" in rules) + (word.lower().replace("-", "_") in text) for word in words)
            home = any(noun in plan.feature.lower().replace("-", " ") for noun in nouns_of(mutation.place))
            known = self.red_before[f"{mutation.place} {mutation.part} {mutation.where} {plan.slug}"]
            again = self.red_before[f"{mutation.place} {mutation.part} {plan.slug}"]
            spread = len(self.seen.touched[identifier])
            ranked.append(
                (-known, -(speaks + 2 * home), -again, plan.again, not identifier.startswith("standalone-public"), spread, identifier)
            )
        slugs: set[tuple[str, str]] = set()
        chosen: list[str] = []
        for *_, identifier in sorted(ranked):
            suite, _, name = identifier.partition("/")
            # An EHR launch brings context that a standalone launch has not, so it is asked beside it, though not at first.
            key = (name.split("@")[0], "" if most == FIRST else suite.split("-")[0])
            if key not in slugs:
                slugs.add(key)
                chosen.append(identifier)
        return chosen[:most]

    def noticed(self, mutation: Mutation, by: str) -> None:
        """Remember who noticed a change: that scenario is asked first of the other changes there."""
        slug = by.split("[", maxsplit=1)[0].split("/", 1)[-1].split("@", maxsplit=1)[0]
        for key in (f"{mutation.place} {mutation.part} {mutation.where} {slug}", f"{mutation.place} {mutation.part} {slug}"):
            self.red_before[key] += 1


def nouns_of(place: str) -> list[str]:
    """What features call the answers of a place."""
    nouns = {
        "smart-configuration": "smart configuration",
        "openid-configuration": "openid configuration",
        "jwks": "keys",
        "authorization_code 200": "token response",
        "refresh_token 200": "refresh",
        "client_credentials 200": "token of a backend",
        "token 4": "token error",
        "introspect": "introspection",
        "revoke": "revocation",
        "userinfo": "userinfo",
        "brands": "brand",
        "302": "authorization",
        "{id} 4": "refus",
        "OPTIONS": "cross origin",
        "static": "appearance",
    }
    return [noun for part, noun in nouns.items() if part in place]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--open", action="store_true", help="also those that nobody noticed")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--last", action="store_true", help="take the newest clean run there is, though the code has changed since")
    parser.add_argument("--scenario", action="append", default=[], help="put each change before these instead of a choice")
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=(os.cpu_count() or 2) + 1)
    parser.add_argument("--keep", action="store_true", help="keep the folders of the runs")
    args = parser.parse_args()
    work = Path(tempfile.gettempdir()) / "smartlaunch-mutations"
    work.mkdir(exist_ok=True)
    forking.warm_up(**matrix.RUN_BARELY)
    seen = record(latest=args.last)
    wanted = mutations(seen)
    table = read()
    keep = set() if args.again else {m for m, (verdict, _) in table.items() if not (args.open and verdict in OPEN)}
    todo = [m for m in wanted if m not in keep and all(text in str(m) for text in args.only) and not why_harmless(m)]
    if args.list:
        for mutation in todo:
            print(mutation)
        print(f"{len(wanted)} changes, {len(todo)} to be tried")
        return 0
    todo.sort(key=lambda m: (order(m), str(m)))
    todo = todo[: args.limit] if args.limit else todo
    run(todo, seen, table, work, args)
    write({m: table[m] for m in wanted if m in table})
    verdicts = Counter(verdict for m, (verdict, _) in table.items() if m in set(wanted))
    print(dict(verdicts), f"{len([m for m in wanted if m not in table and not why_harmless(m)])} not tried")
    return 0


def order(mutation: Mutation) -> tuple[int, int, int]:
    """Documents and tokens before headers and statuses, and of each member first what breaks it most."""
    places = (
        "oauth/token authorization_code",
        "smart-conf",
        "introspect 200",
        "openid-conf",
        "jwks",
        "refresh_token",
        "client_cred",
        "302",
        "brands",
    )
    kinds = ("absent", "null", "number", "string", "list", "empty")
    place = next((i for i, part in enumerate(places) if part in mutation.place), len(places))
    kind = kinds.index(mutation.kind) if mutation.kind in kinds else len(kinds)
    return (mutation.part not in ("body", "redirect"), kind if place < len(places) else len(kinds), place)


def run(todo: list[Mutation], seen: Seen, table: dict[Mutation, tuple[str, str]], work: Path, args: argparse.Namespace) -> None:
    choice = Choice(seen)
    for mutation, (verdict, by) in table.items():
        if verdict == "noticed":
            choice.noticed(mutation, by)
    queue = [(m, args.scenario or choice.scenarios(m)) for m in todo]
    tried: dict[Mutation, list[str]] = defaultdict(list)
    worst: dict[Mutation, tuple[str, str]] = {}
    running: dict[int, tuple[Mutation, Path, list[str], float]] = {}
    begun, done = time.monotonic(), 0
    while queue or running:
        if args.minutes and time.monotonic() - begun > args.minutes * 60:
            queue = []
        while queue and len(running) < args.jobs:
            mutation, picked = queue.pop(0)
            if not picked:
                table[mutation] = ("unseen", "")
                continue
            tried[mutation] += picked
            folder = work / f"run-{hashlib.sha256(str(mutation).encode()).hexdigest()[:12]}"
            modules = sorted({f"suites/test_{i.split('/')[0].replace('-', '_')}.py" for i in picked})
            arguments = [*modules, *(f"--scenario={i}" for i in picked)]
            pid = forking.one_run(folder, arguments, plugins=lambda m=mutation, f=folder: [Watching(m, f, seen.outcomes)])
            running[pid] = (mutation, folder, picked, time.monotonic())
        if not running:
            break
        ended = forking.wait_for({pid: each[-1] + LIMIT_S for pid, each in running.items()})
        mutation, folder, picked, started = running.pop(ended.pid)
        verdict, by = worst[mutation] = max(
            worst.get(mutation, ("unseen", "")), judge(folder, seen.outcomes), key=lambda each: VERDICTS.index(each[0])
        )
        following = (
            [] if args.scenario else choice.next(mutation, tried[mutation], by if verdict == "blocked" else "") if verdict in OPEN else []
        )
        if following:
            queue.insert(0, (mutation, following))
            continue
        table[mutation] = (verdict, by)
        if verdict == "noticed":
            choice.noticed(mutation, by)
        done += 1
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
        spent = f"{time.monotonic() - started:.1f} s {ended.cpu_s:.1f} CPU {len(tried[mutation])}"
        print(f"{done}/{len(todo)} {verdict:10} {mutation}  {by}  {spent}", flush=True)
        if done % 25 == 0:
            write(table)


def judge(folder: Path, clean: dict[str, str]) -> tuple[str, str]:
    """How a run ended: who turned red first, or that nobody did."""
    found = matrix.results(folder)
    if not found:
        header = json.loads((folder / "header.json").read_text()) if (folder / "header.json").exists() else {}
        said = [line for line in header.get("preflight", ()) if line.get("verdict") in ("mend", "unreachable", "untrusted")]
        text = (folder / "out.txt").read_text("utf-8", "replace")[-200:].replace("\n", " ").replace("\t", " ")
        return ("preflight", "") if said else ("broken", text)
    changed = [(r["id"], r["outcome"]) for r in found if r["outcome"] != clean.get(r["id"])]
    for wanted, verdict in ((("error",), "error"), (("failed", "warning"), "noticed"), (("blocked",), "blocked")):
        by = next((identifier for identifier, outcome in changed if outcome in wanted), "")
        if by and verdict == "blocked":
            by = next((r["blocked_by"] for r in found if r["outcome"] == "blocked" and r["blocked_by"]), by)
        if by:
            return verdict, by
    noted = json.loads((folder / "mutating.json").read_text()) if (folder / "mutating.json").exists() else {}
    if not noted.get("times"):
        return "unseen", ""
    silent = next((identifier for identifier, outcome in changed if outcome.startswith("not-")), "")
    return ("silent", silent) if silent else ("unnoticed", "")


def read() -> dict[Mutation, tuple[str, str]]:
    if not TABLE.exists():
        return {}
    rows = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines()[1:]]
    return {Mutation(*row[:4]): (row[4], row[5] if len(row) > 5 else "") for row in rows}


def write(table: dict[Mutation, tuple[str, str]]) -> None:
    lines = ["\t".join((m.place, m.part, m.where, m.kind, *table[m])).rstrip("\t") for m in sorted(table, key=str)]
    TABLE.write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
