"""The defect matrix: breaks one rule of the embedded EHR at a time and looks which scenarios turn red.

    python tests/matrix/matrix.py                    every defect, on all cores; goes on where it stopped
    python tests/matrix/matrix.py --defect NAME      only these
    python tests/matrix/matrix.py --variants         every legal variant, in bundles that one server can be: nothing may fail
    python tests/matrix/matrix.py --variant NAME     this variant by itself
    python tests/matrix/matrix.py --variants --since REF    only what joined the features since REF is put to each bundle
    python tests/matrix/matrix.py --changed REF      defects whose row, requirement or scenarios changed since REF
    python tests/matrix/matrix.py --full             every scenario for every defect, not a selection

A clean run with ``--trace-rules`` says which scenarios exercise which rule (the sandbox names the rules behind each answer, the
recorder keeps the header). A defect then runs the scenarios of its requirements, some of those that exercise its rule, and a fixed
sample; so what it breaks and what it must not break are both seen. Results go to ``results.tsv`` beside this file.

The clean run is kept under the state of the code that decides outcomes (`fingerprint`), so it is made again only where that changed. For
a few defects nothing is run clean but what they select: their own scenarios, the sample, and as neighbours those that exercised the rule
in the last whole clean run, or, where there was none, others of the same features.

Each defect runs in a forked child of one process that has everything imported: a run costs its exchanges, not its start.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from smartlaunch.catalogue import load  # noqa: E402
from smartlaunch.embedded_ehr.defects import load_defects, load_variants  # noqa: E402
from smartlaunch.plugin.binding import SUITES, every_plan  # noqa: E402
from tests.forking import one_run, wait_for, warm_up  # noqa: E402

RESULTS = HERE / "results.tsv"
VARIANTS = HERE / "variants.tsv"
BUNDLES = HERE / "bundles.toml"
UNRELATED = ("diagnosis", "reporting", "ticket", "setup", "onboarding", "cli", "schemas")
"""Rooms that read what a run leaves, or start one: no outcome of a scenario hangs on them."""
FEW = 40
"""So many defects select less than a whole clean run puts."""
COMPANIONS = 6
SAMPLE = 4
NEIGHBOURS = 5
PER_RUN_S = 240
RUN_BARELY = {"SMARTLAUNCH_DRAFT": "1", "SMARTLAUNCH_EMBEDDED": "thread", "SMARTLAUNCH_REPORTS": "off"}
"""What makes a run write nothing but its record, and keep its server in its own process."""
RED = ("failed", "warning", "error")


@dataclass
class Row:
    name: str
    verdict: str
    by: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    blocked: int = 0
    ran: int = 0
    note: str = ""
    beyond: tuple[str, ...] = ()
    """What turned red beyond the defect's own requirements: ``scenario=outcome requirement ...``, whether declared or not."""

    def line(self) -> str:
        return "\t".join((self.name, self.verdict, " ".join(self.by), " ".join(self.also[:6]), self.note))


@dataclass
class Clean:
    """The clean run: which rules each scenario exercised, and what it ended as."""

    outcomes: dict[str, str] = field(default_factory=dict)
    rules: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, entries: dict[str, dict]) -> None:
        for identifier, entry in entries.items():
            self.outcomes[identifier] = entry["outcome"]
            self.add_rules({identifier: entry})

    def add_rules(self, entries: dict[str, dict]) -> None:
        for identifier, entry in entries.items():
            for rule in entry["rules"]:
                self.rules[rule].add(identifier)

    def knows(self, plan_id: str) -> bool:
        return plan_id in self.outcomes or any(identifier.startswith(f"{plan_id}[") for identifier in self.outcomes)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--defect", action="append", default=[])
    parser.add_argument("--variants", action="store_true")
    parser.add_argument("--variant", action="append", default=[])
    parser.add_argument("--requirement", action="append", default=[], help="the defects that break a requirement whose id begins so")
    parser.add_argument("--changed", metavar="REF")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--quick", action="store_true", help="variants: only the quick selection")
    parser.add_argument("--since", metavar="REF", default="", help="variants: only the scenarios that joined since REF; the table stays")
    parser.add_argument("--jobs", type=int, default=(os.cpu_count() or 2) + 1, help="a run waits a third of its time")
    parser.add_argument("--fresh", action="store_true", help="do not go on from an earlier, unfinished run")
    parser.add_argument("--keep", default="", help="keep the run folders here")
    parser.add_argument("--no-write", action="store_true", help="leave the table as it is")
    parser.add_argument("--minutes", type=float, default=0, help="start no further run after this time; what is finished is written")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--saved", default="", help="the folder of a finished run: judge its rows again by the consequences declared now")
    args = parser.parse_args()

    work = Path(args.keep) if args.keep else Path(tempfile.gettempdir()) / "smartlaunch-matrix"
    work.mkdir(parents=True, exist_ok=True)
    warm_up(**RUN_BARELY)
    state = Path(args.saved) if args.saved else work / fingerprint()
    state.mkdir(exist_ok=True)
    variants = args.variants or bool(args.variant)
    names = select(args, variants)
    few = not args.full and len(names) <= FEW
    clean = Clean() if variants or args.saved else clean_where_needed(names, work) if few else clean_run(work)
    bad = sorted(i for i, o in clean.outcomes.items() if o in ("failed", "error", "blocked", "warning"))
    if bad:
        print("the clean embedded EHR is not clean:\n  " + "\n  ".join(bad))
        if any(clean.outcomes[i] != "warning" for i in bad):
            return 1
    if variants and args.quick:
        state = state / "quick"
        state.mkdir(exist_ok=True)
    args.joined = joined_since(args.since) if variants and args.since else []
    if args.joined:
        state = state / f"since-{args.since}"
        state.mkdir(exist_ok=True)
    if args.limit:
        names = names[: args.limit]
    started = time.monotonic()
    whole = args.variants and not args.variant
    rows = run_bundles(args, state) if whole else run_all(names, clean, args, state, variants=variants)
    print(f"{len(rows)} in {time.monotonic() - started:.0f} s")
    if not args.no_write and not args.joined:
        write(rows, VARIANTS if variants else RESULTS, partial=len(rows) < len(load_variants() if variants else load_defects()))
    wrong = [r for r in rows if r.verdict in ("missed", "noticed", "undeclared", "false alarm", "broken")]
    for row in wrong:
        print(f"{row.verdict:12} {row.name}: {' '.join(row.also)[:300]} {row.note}")
    print(f"{len(rows) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


def fingerprint() -> str:
    """A name for the state of all that decides outcomes, under which the clean run and finished rows are kept."""
    digest = hashlib.sha256()
    for folder in ("features", "steps", "suites", "smartlaunch"):
        for path in sorted((ROOT / folder).rglob("*")):
            apart = "__pycache__" in path.parts or path.relative_to(ROOT).parts[:2] in {("smartlaunch", room) for room in UNRELATED}
            if path.is_file() and not apart and path.suffix in (".py", ".feature", ".toml", ".html", ".js", ".json"):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def clean_run(work: Path) -> Clean:
    """All suites on the clean embedded EHR, once for each state of the code."""
    folder = work / f"clean-{fingerprint()}"
    done = folder / "clean.json"
    if not done.exists():
        print("all suites on the clean embedded EHR first: what was changed since may exercise other rules", flush=True)
        done.write_text(json.dumps(traced(folder, ["suites"], limit=900)))
    clean = Clean()
    clean.add(json.loads(done.read_text()))
    return clean


def traced(folder: Path, arguments: list[str], *, limit: float) -> dict[str, dict]:
    """A run on the clean embedded EHR: how each scenario ended, and which rules it exercised."""
    pid = one_run(folder, [*arguments, "--trace-rules"])
    wait_for({pid: time.monotonic() + limit})
    scenarios, exchanges = results(folder), {}
    for line in lines(folder / "exchanges.jsonl"):
        header = next((v for k, v in line.get("response_headers", ()) if k.lower() == "x-sandbox-rules"), "")
        exchanges[line["id"]] = [r.strip() for r in header.split(",") if r.strip()]
    if not scenarios:
        raise SystemExit((folder / "out.txt").read_text()[-3000:])
    return {
        s["id"]: {
            "outcome": s["outcome"],
            "rules": sorted({r for x in s["exchanges"] for r in exchanges.get(x, ())}),
            "reason": s["reason"],
        }
        for s in scenarios
    }


def clean_where_needed(names: list[str], work: Path) -> Clean:
    """What the clean embedded EHR makes of the scenarios that a few defects select, and of no others."""
    folder = work / f"clean-{fingerprint()}"
    if (folder / "clean.json").exists():
        return clean_run(work)
    folder.mkdir(exist_ok=True)
    part = folder / "part.json"
    entries = json.loads(part.read_text()) if part.exists() else {}
    clean = Clean()
    clean.add(entries)
    clean.add_rules(last_whole(work))
    lone = not clean.rules
    before: set[str] | None = None
    while True:
        picked = [identifier for name in names for identifier in scenarios_for(name, clean, full=False, wide=False)]
        missing = {identifier for identifier in (*picked, *(companions(picked) if lone else ())) if not clean.knows(identifier)}
        if not missing or missing == before:
            return clean
        before = missing
        print(f"{len(missing)} scenarios on the clean embedded EHR first", flush=True)
        entries |= traced(folder / "run", chosen(sorted(missing)), limit=900)
        shutil.rmtree(folder / "run", ignore_errors=True)
        part.write_text(json.dumps({i: entry for i, entry in entries.items() if entry["outcome"] not in ("failed", "error", "blocked")}))
        clean.add(entries)


def last_whole(work: Path) -> dict[str, dict]:
    """The newest whole clean run of any state of the code, as far as its scenarios still exist."""
    found = sorted(work.glob("clean-*/clean.json"), key=lambda path: path.stat().st_mtime)
    known = {plan.id for plan in every_plan()}
    entries = json.loads(found[-1].read_text()) if found else {}
    return {identifier: entry for identifier, entry in entries.items() if identifier.split("[")[0] in known}


def companions(picked: list[str]) -> list[str]:
    """Other scenarios of the same features and suites, by chance: some will exercise the rule and must not turn red."""
    places = {(plan.suite.id, plan.path) for plan in every_plan() if plan.id in set(picked)}
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for plan in sorted(every_plan(), key=lambda plan: _by_chance(plan.id)):
        if (plan.suite.id, plan.path) in places and plan.id not in picked:
            found[plan.suite.id, plan.path].append(plan.id)
    return [identifier for identifiers in found.values() for identifier in identifiers[:COMPANIONS]]


def chosen(picked: list[str]) -> list[str]:
    """The arguments of a run of some scenarios."""
    modules = sorted({f"suites/test_{identifier.split('/')[0].replace('-', '_')}.py" for identifier in picked})
    return [*(modules or ["suites"]), *(f"--scenario={identifier}" for identifier in picked)]


def joined_since(ref: str) -> list[str]:
    """The scenarios of the default run whose id no feature had at a commit."""
    told = subprocess.run(
        ["git", "grep", "-hoE", "@id:[a-z0-9-]+", ref, "--", "features"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    before = {line.partition(":")[2] for line in told.stdout.split()}
    return [plan.id for plan in every_plan() if plan.slug not in before and plan.suite.default and not plan.thorough]


def bundles() -> dict[str, list[str]]:
    """The variants that run together, by the name of their bundle."""
    return {entry["name"]: entry["variants"] for entry in tomllib.loads(BUNDLES.read_text("utf-8"))["bundle"]}


def run_bundles(args: argparse.Namespace, state: Path) -> list[Row]:
    """A row for each variant: bundles first, and the members of a bundle that is not clear again by themselves."""
    rows: list[Row] = []
    together = bundles()
    for row in run_all(list(together), Clean(), args, state, variants=True):
        members = together[row.name]
        if row.verdict == "clear":
            note = f"as one server with the bundle {row.name!r}" + (f"; {row.note}" if row.note else "")
            rows += [replace(row, name=name, note=note) for name in members]
        else:
            print(f"the bundle {row.name!r} is not clear: {' '.join(row.also)}; its members one by one")
            rows += run_all(members, Clean(), args, state, variants=True)
    return rows


def select(args: argparse.Namespace, variants: bool) -> list[str]:
    if variants:
        return sorted(args.variant or load_variants())
    table = load_defects()
    names = args.defect or list(table)
    unknown = [n for n in names if n not in table]
    if unknown:
        raise SystemExit(f"no defect named {', '.join(unknown)}")
    if args.requirement:
        names = [n for n in names if any(r.startswith(tuple(args.requirement)) for r in table[n].requirements)]
    if args.changed:
        diff = subprocess.run(
            ["git", "-C", str(ROOT), "diff", "-U0", args.changed, "--", "features", "smartlaunch"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        names = [n for n in names if f'"{n}"' in diff or any(r in diff for r in table[n].requirements)]
    return sorted(names)


def sample() -> list[str]:
    """A fixed spread of quick scenarios of the first suite, which share its login; the same for every defect."""
    quick = sorted((p.id for p in every_plan() if "quick" in p.flags and p.suite is SUITES[0]), key=_by_chance)
    return quick[:SAMPLE]


def _by_chance(identifier: str) -> str:
    return hashlib.sha256(identifier.encode()).hexdigest()


def scenarios_for(name: str, clean: Clean, *, full: bool, wide: bool) -> list[str]:
    defect = load_defects()[name]
    if full:
        return []
    wanted: list[str] = []
    seen: set[str] = set()
    spare: dict[str, list[str]] = {}
    for plan in every_plan():
        if not set(plan.requirements) & set(defect.requirements) or not plan.suite.default:
            continue
        if plan.slug in seen and not wide:
            continue
        ended = {o for i, o in clean.outcomes.items() if i == plan.id or i.startswith(plan.id + "[")}
        if ended == {"not-applicable"}:
            spare.setdefault(plan.slug, []).append(
                plan.id
            )  # an optional member may be absent on the clean server and wrong under the defect
            continue
        seen.add(plan.slug)
        wanted.append(plan.id)
    wanted += [identifier for slug, found in spare.items() if slug not in seen for identifier in (found if wide else found[:1])]
    suites = {identifier.split("/")[0] for identifier in wanted} or {SUITES[0].id}
    exercised = sorted(
        {i.split("[")[0] for i in clean.rules.get(name, ())}, key=lambda i: (i.split("/")[0] not in suites, _by_chance(name + i))
    )
    return list(dict.fromkeys([*wanted, *exercised[:NEIGHBOURS], *sample()]))


def proved_elsewhere(name: str) -> str:
    """Where a defect is proved that no run can show."""
    if "second-redirect-uri" in load_defects()[name].needs:
        return "nowhere: a target file names one redirect URI of a client, and the probe would need a second registered one"
    return ""


def of_its_edition(name: str) -> list[str]:
    """What makes the embedded EHR one of the edition that a defect's rules bind, when that is not the latest."""
    catalogue = load()
    rows = [catalogue[r] for r in load_defects()[name].requirements if r in catalogue]
    return ["--variant=is_of_edition_1_0"] if rows and all("2.2" not in row.editions for row in rows) else []


def run_all(names: list[str], clean: Clean, args: argparse.Namespace, state: Path, *, variants: bool) -> list[Row]:
    todo = list(names)
    running: dict[int, tuple[str, Path, float, bool]] = {}
    rows: dict[str, Row] = {}
    for name in list(todo):
        saved = state / f"{'v' if variants else 'd'}-{name}{'-full' if args.full else ''}.json"
        if saved.exists() and not args.fresh:
            row = Row(**{k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(saved.read_text()).items()})
            rows[name] = row if variants else declared(row)
            todo.remove(name)
    for name in [] if variants else list(todo):
        why = proved_elsewhere(name)
        if why:
            rows[name] = Row(name, "elsewhere", note=why)
            todo.remove(name)
    queue = [(name, False) for name in todo]
    begun = time.monotonic()
    while queue or running:
        if args.minutes and time.monotonic() - begun > args.minutes * 60:
            queue = []
            if not running:
                break
        while queue and len(running) < args.jobs:
            name, wide = queue.pop(0)
            folder = state / f"run-{name.replace(' ', '-')}"
            if variants:
                together = bundles().get(name, [name])
                what = chosen(args.joined) if args.joined else ["suites", *(["--quick"] if args.quick else [])]
                arguments = [*what, *(f"--variant={each}" for each in together)]
            else:
                picked = scenarios_for(name, clean, full=args.full, wide=wide)
                arguments = [*chosen(picked), f"--defect={name}", *of_its_edition(name)]
            running[one_run(folder, arguments)] = (name, folder, time.monotonic(), wide)
        limit = PER_RUN_S * (4 if args.full or variants else 1)
        ended = wait_for({pid: started + limit for pid, (_, _, started, _) in running.items()})
        name, folder, started, wide = running.pop(ended.pid)
        row = judge_variant(name, folder) if variants else declared(judge_defect(name, folder, clean))
        if row.verdict == "missed" and not wide and not args.full and not variants:
            queue.insert(0, (name, True))
            continue
        rows[name] = row
        saved = state / f"{'v' if variants else 'd'}-{name}{'-full' if args.full else ''}.json"
        saved.write_text(json.dumps(row.__dict__))
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
        print(
            f"{len(rows):4}/{len(names)} {row.verdict:12} {name} {time.monotonic() - started:.1f} s, {ended.cpu_s:.1f} s of CPU, {row.ran} scenarios {' '.join(row.also)[:120]} {row.note}",
            flush=True,
        )
    return [rows[name] for name in names if name in rows]


def judge_defect(name: str, folder: Path, clean: Clean) -> Row:
    defect = load_defects()[name]
    own = set(defect.requirements)
    found = results(folder)
    by, beyond, blocked = [], [], 0
    for result in found:
        if clean.outcomes.get(result["id"]) in RED and result["outcome"] == clean.outcomes[result["id"]]:
            continue
        if result["outcome"] == "blocked":
            blocked += 1
        if result["outcome"] not in RED:
            continue
        named = {f["requirement"] for f in result["findings"]} | set(result["requirements"])
        if named & own and result["outcome"] != "error":
            by.append(result["id"])
        else:
            beyond.append(" ".join((f"{result['id']}={result['outcome']}", *sorted(named))))
    if not found:
        text = (folder / "out.txt").read_text("utf-8", "replace")[-300:].replace("\n", " ").replace("\t", " ")
        header = json.loads((folder / "header.json").read_text()) if (folder / "header.json").exists() else {}
        said = [line for line in header.get("preflight", ()) if line.get("verdict") in ("mend", "unreachable")]
        return Row(name, "preflight" if said else "broken", note="" if said else text)
    catalogue = load()
    if not by and all(catalogue[r].reason for r in own if r in catalogue):
        return Row(
            name, "untestable", beyond=tuple(sorted(beyond)), ran=len(found), note=catalogue[next(iter(sorted(own)))].reason.split(":")[0]
        )
    slugs = sorted({i.split("/", 1)[1] for i in by})
    errors = any(entry.split()[0].endswith("=error") for entry in beyond)
    verdict = "broken" if errors else "killed" if by else "missed"
    return Row(name, verdict, tuple(slugs[:6]), (), blocked, len(found), beyond=tuple(sorted(beyond)))


def declared(row: Row) -> Row:
    """The row with what its defect turned red beyond its own and its declared consequences."""
    expected = set(load_defects()[row.name].consequences)
    also = tuple(entry.split()[0] for entry in row.beyond if not set(entry.split()[1:]) & expected)
    verdict = row.verdict
    if verdict in ("killed", "undeclared"):
        verdict = "undeclared" if also else "killed"
    unnoticed, note = load_defects()[row.name].unnoticed, row.note
    if unnoticed and verdict == "missed":
        verdict, note = "unnoticed", unnoticed
    elif unnoticed and verdict == "killed":
        verdict, note = "noticed", "it is noticed by now: take `unnoticed` out of its row"
    return replace(row, verdict=verdict, also=also, note=note)


def judge_variant(name: str, folder: Path) -> Row:
    found = results(folder)
    red = [f"{r['id']}={r['outcome']}" for r in found if r["outcome"] in ("failed", "error")]
    blocked = sum(r["outcome"] == "blocked" for r in found)
    if not found:
        return Row(name, "broken", note=(folder / "out.txt").read_text("utf-8", "replace")[-300:].replace("\n", " ").replace("\t", " "))
    warned = tuple(sorted({r["id"].split("/", 1)[1] for r in found if r["outcome"] == "warning"})[:6])
    stuck = tuple(sorted({r["id"].split("/", 1)[1] for r in found if r["outcome"] == "blocked"})[:6])
    return Row(
        name,
        "false alarm" if red else "clear",
        warned,
        tuple(red[:8]),
        blocked,
        len(found),
        note=f"blocked: {' '.join(stuck)}" if stuck else "",
    )


def results(folder: Path) -> list[dict]:
    return list(lines(folder / "scenarios.jsonl"))


def lines(path: Path) -> list[dict]:
    if not path.exists():
        return []
    found = []
    for line in path.read_text("utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def write(rows: list[Row], path: Path, *, partial: bool) -> None:
    """Write the table; a partial run replaces only its own lines."""
    kept: dict[str, str] = {}
    known = set(load_variants()) | set(load_defects())
    if partial and path.exists():
        kept = {line.split("\t")[0]: line for line in path.read_text("utf-8").splitlines()[1:] if line.split("\t")[0] in known}
    kept.update({row.name: row.line().rstrip("\t") for row in rows})
    head = "name\tverdict\tby\talso\tnote"
    path.write_text("\n".join([head, *(kept[name] for name in sorted(kept))]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
