"""A history of twenty nights at three targets, with what happens in one: a regression, a fix, flakiness, an outage, a known deviation."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from runs import finding, scenario, write

from smartlaunch.catalogue import load
from smartlaunch.records.history import History

NIGHTS = 20


def outcome(target: str, number: int, day: int) -> str:
    if number == 3 and target == "ehr-b":
        return "failed" if day >= 15 else "passed"
    if number == 5:
        return "failed" if day < 9 else "passed"
    if number == 7 and target == "ehr-a":
        return "failed" if day % 3 == 0 else "passed"
    if number == 9:
        return "warning" if day > 4 else "passed"
    if number == 11 and day == 12:
        return "blocked"
    if number == 13:
        return "failed"
    return "not-applicable" if number == 17 else "passed"


def make(folder: Path, *, scenarios: int = 40) -> History:
    history = History(folder / "history.sqlite")
    rules = [row.id for row in load().values() if row.binding][:scenarios]
    for day in range(1, NIGHTS + 1):
        for target in ("ehr-a", "ehr-b", "ehr-c"):
            base = f"https://{target}.example/fhir/r4/0b8a0111-e8e6-4c26-a91c-5069cbc6b1ca"
            if target == "ehr-c" and 6 <= day <= 8:
                lines = [{"problem": "no answer", "verdict": "unreachable"}]
                run = write(folder / f"{target}-{day}", day=day, target=target, base=base, preflight=lines, minutes=0)
            else:
                found = []
                for number, rule in enumerate(rules):
                    known = {"match": rule, "reason": "ticket 7"} if number == 13 else {}
                    what = outcome(target, number, day)
                    findings = (finding(rule, "what came", what),) if what in ("failed", "warning") else ()
                    found.append(scenario(f"s{number}", what, (rule,), findings=findings, known=known, duration_s=1.5))
                run = write(folder / f"{target}-{day}", *found, day=day, target=target, base=base, minutes=2 + (day * 7) % 5)
            history.add(run)
    return history
