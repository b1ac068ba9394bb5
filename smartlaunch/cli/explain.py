"""``smartlaunch explain ID``: what a requirement, scenario, suite, defect, variant or outcome means."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable
from pathlib import Path

from smartlaunch.catalogue import load
from smartlaunch.cli.knowledge import defects_by_requirement, scenarios_by_requirement
from smartlaunch.cli.output import field, paragraph
from smartlaunch.errors import LookupFailed
from smartlaunch.plugin.selection import unknown_requirement
from smartlaunch.records.exits import GOOD

OUTCOMES = {
    "passed": "The requirement was judged and nothing was found against it.",
    "failed": "A SHALL is broken, or an expectation that the target file declares under [expect] is not met.",
    "warning": "A SHOULD is broken, a requested scope was not granted, or good practice is not kept. Exit code 0, or 1 with --strict.",
    "not-applicable": "The requirement does not bind this target; the reason stands with it: a capability that is not claimed, "
    "an edition that did not have the rule yet.",
    "not-configured": "The requirement may bind, but the target file cannot show it: no such client, no second user, writes not allowed, "
    "no launch left. The reason names the key that would let it be judged.",
    "blocked": "It could not be judged: the server was not reached, the login got stuck, or the happy twin of a negative did not succeed. "
    "Exit code 3 when nothing failed.",
    "error": "A bug of smartlaunch. Exit code 4 when nothing failed.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("id", metavar="ID", help="whatever a report names: a requirement, scenario, suite, defect, cause, category, vendor")


def run(args: argparse.Namespace) -> int:
    """Explain the id in whichever list it is found first."""
    wanted = args.id.strip()
    if any(way(wanted) for way in _WAYS):
        return GOOD
    if wanted.upper().startswith(("SMART", "RFC", "OIDC", "HYGIENE")):
        raise unknown_requirement(wanted)
    known = _known()
    near = difflib.get_close_matches(wanted, known, n=6, cutoff=0.4)
    raise LookupFailed(
        "requirement, scenario, suite, tag, feature, defect, cause, category, vendor or outcome",
        wanted,
        near or list(OUTCOMES),
        hint="smartlaunch requirements; smartlaunch run --list; smartlaunch defects",
    )


def _known() -> list[str]:
    from smartlaunch.diagnosis.weighing import rules
    from smartlaunch.embedded_ehr.defects import load_defects, load_variants
    from smartlaunch.plugin.binding import SUITES, every_plan

    causes = (name for rule in rules() for name in (rule.id, rule.category.value))
    return [
        *OUTCOMES,
        *load(),
        *causes,
        *(suite.id for suite in SUITES),
        *(plan.id for plan in every_plan()),
        *load_defects(),
        *load_variants(),
    ]


def _outcome(wanted: str) -> bool:
    if wanted not in OUTCOMES:
        return False
    field("outcome", wanted)
    paragraph(OUTCOMES[wanted])
    return True


def _requirement(wanted: str) -> bool:
    row = load().get(next((name for name in load() if name.lower() == wanted.lower()), ""))
    if row is None:
        return False
    field("requirement", row.id)
    field("strength", row.strength.value)
    field("binds", row.actor)
    field("rule", row.text)
    field("source", f"{row.title}, {row.url}")
    field("list 2.2.0", ", ".join(str(number) for number in row.source_ids))
    field("in short", row.source)
    field("condition", row.condition)
    field("capability", row.capability)
    field("editions", ", ".join(row.editions))
    field("note", row.note)
    field("not put", row.reason)
    field("scenarios", ", ".join(scenarios_by_requirement().get(row.id, ())))
    field("defects", ", ".join(defects_by_requirement().get(row.id, ())))
    return True


def _number(wanted: str) -> bool:
    """A number of the list of requirements that HL7 publishes with the guide."""
    rows = [row for row in load().values() if wanted.isdigit() and int(wanted) in row.source_ids]
    for row in rows:
        _requirement(row.id)
    return bool(rows)


def _tag(wanted: str) -> bool:
    from smartlaunch.plugin.binding import TAGS, every_plan

    name = wanted.removeprefix("@")
    if name not in TAGS:
        return False
    field("tag", f"@{name}")
    paragraph(TAGS[name])
    field("scenarios", str(len({plan.slug for plan in every_plan() if name in plan.flags})))
    return True


def _feature(wanted: str) -> bool:
    """A feature, or a folder of them, by the name of its file."""
    from smartlaunch.plugin.binding import every_plan

    name = wanted.lower().replace("-", "_").removesuffix(".feature")
    plans = [plan for plan in every_plan() if name in Path(plan.path).with_suffix("").parts]
    if not plans or plans[0].path == "":
        return False
    field("feature", ", ".join(dict.fromkeys(plan.feature for plan in plans)))
    field("files", ", ".join(dict.fromkeys(plan.path for plan in plans)))
    field("rules", ", ".join(dict.fromkeys(r for plan in plans for r in plan.requirements)))
    field("scenarios", ", ".join(dict.fromkeys(plan.slug for plan in plans)))
    return True


def _category(wanted: str) -> bool:
    """A category of causes, as a diagnosis names it."""
    from smartlaunch.diagnosis.model import DEFINITIONS
    from smartlaunch.diagnosis.weighing import rules

    category = next((each for each in DEFINITIONS if each.value == wanted.lower().replace("_", "-")), None)
    if category is None:
        return False
    field("category", category.value)
    paragraph(DEFINITIONS[category])
    field("causes", ", ".join(rule.id for rule in rules() if rule.category is category))
    return True


def _cause(wanted: str) -> bool:
    """A cause that a diagnosis can name, by the id of its rule."""
    from smartlaunch.diagnosis.weighing import rules

    rule = next((each for each in rules() if each.id == wanted.lower()), None)
    if rule is None:
        return False
    field("cause", rule.id)
    field("category", rule.category.value)
    field("side", rule.side.value)
    field("what it is", rule.cause)
    field("to change", rule.fix)
    field("to make sure", rule.next)
    field("sources", ", ".join(rule.sources))
    return True


def _vendor(wanted: str) -> bool:
    from smartlaunch._suite import suite_root
    from smartlaunch.diagnosis.vendor import all_vendors
    from smartlaunch.target import bundled_recipes

    vendor = all_vendors().get(wanted.lower())
    if vendor is None:
        return False
    field("vendor", vendor.name)
    field("wording known", str(len(vendor.phrases) + len(vendor.urns)))
    recipe = bundled_recipes().get(vendor.id)
    field("login", f"{len(recipe.steps)} steps of the recipe `{recipe.name}`" if recipe is not None else "")
    pages = [f"docs/{folder}/{vendor.id}.md" for folder in ("diagnosis", "vendors")]
    field("read", ", ".join(page for page in pages if (suite_root() / page).is_file()))
    return True


def _suite(wanted: str) -> bool:
    from smartlaunch.plugin.binding import SUITES, plans

    suite = next((suite for suite in SUITES if suite.id == wanted), None)
    if suite is None:
        return False
    field("suite", suite.id)
    field("client", suite.role)
    field("launch", {"ehr": "by the EHR", "standalone": "by the app"}.get(suite.launch, "none, no person is there"))
    field("selected", "by default" if suite.default else "only when named with --suite")
    field("scenarios", str(len(plans(suite.id))))
    return True


def _scenario(wanted: str) -> bool:
    from smartlaunch._suite import suite_root
    from smartlaunch.plugin.binding import every_plan

    base = wanted.split("[", 1)[0]
    found = [plan for plan in every_plan() if base in (plan.id, plan.slug)]
    if not found:
        return False
    plan = found[0]
    field("scenario", ", ".join(each.id for each in found))
    field("title", plan.title)
    field("rule", plan.rule)
    field("feature", f"{plan.feature} ({plan.path}:{plan.line})")
    field("requires", ", ".join(plan.requirements))
    field("capability", ", ".join(plan.capabilities))
    field("tags", ", ".join(sorted(plan.flags)))
    print()
    print(_text_of(suite_root() / plan.path, plan.line))
    return True


def _text_of(path: Path, line: int) -> str:
    """Return the scenario as it stands in its feature: from its title to the next scenario, rule or tag line."""
    lines = path.read_text("utf-8").splitlines()[line - 1 :]
    out = lines[:1]
    for text in lines[1:]:
        if text.lstrip().startswith(("@", "Scenario", "Rule", "Example:")):
            break
        out.append(text)
    return "\n".join(out).rstrip()


def _defect(wanted: str) -> bool:
    from smartlaunch.embedded_ehr.defects import load_defects

    defect = load_defects().get(wanted)
    if defect is None:
        return False
    field("defect", defect.name)
    field("does", defect.summary)
    field("breaks", ", ".join(defect.requirements))
    field("also breaks", ", ".join(defect.consequences))
    field("needs", ", ".join(defect.needs))
    return True


def _variant(wanted: str) -> bool:
    from smartlaunch.embedded_ehr.defects import load_variants

    variant = load_variants().get(wanted)
    if variant is None:
        return False
    field("variant", variant.name)
    field("does", variant.summary)
    field("permitted", variant.permitted_because)
    field("source", variant.source)
    return True


_WAYS: tuple[Callable[[str], bool], ...] = (
    _outcome,
    _requirement,
    _number,
    _suite,
    _scenario,
    _defect,
    _variant,
    _tag,
    _feature,
    _category,
    _cause,
    _vendor,
)
