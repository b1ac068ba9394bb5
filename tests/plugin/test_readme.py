"""README stays one screen; the tables of what is tested (docs/what-is-tested.md), what is not (docs/not-tested.md) and of the command line
(docs/command-line.md) are those that features, catalogue and the table of options give.

`python tests/plugin/test_readme.py` renews them.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTED = ROOT / "docs" / "what-is-tested.md"
NOT_TESTED = ROOT / "docs" / "not-tested.md"
COMMAND_LINE = ROOT / "docs" / "command-line.md"
GRID = ROOT / "docs" / "grid.md"
FORMS = ROOT / "docs" / "forms.md"
sys.path.insert(0, str(ROOT))

from smartlaunch.catalogue import load  # noqa: E402
from smartlaunch.embedded_ehr.defects import load_defects, load_variants  # noqa: E402
from smartlaunch.plugin import grid, options  # noqa: E402
from smartlaunch.plugin.binding import every_plan  # noqa: E402
from smartlaunch.records.exits import MEANING  # noqa: E402
from tests import forms  # noqa: E402

NAMES = {
    "discovery": "Discovery",
    "launch": "EHR and standalone launch",
    "authorization": "Authorization, PKCE, aud, redirect URI, denial",
    "token": "Token endpoint, client authentication",
    "launch_context": "Launch context",
    "id_token": "OpenID Connect",
    "scopes": "Scopes",
    "fhir_access": "FHIR access",
    "refresh": "Refresh",
    "introspection": "Introspection",
    "revocation": "Revocation",
    "backend_services": "Backend services",
    "cors": "CORS",
    "tls": "TLS",
    "brands": "Brands",
    "app_state": "App State",
}


def table() -> str:
    scenarios, requirements = defaultdict(set), defaultdict(set)
    for plan in every_plan():
        if plan.suite.default:
            folder = Path(plan.path).parts[1]
            rows = sum(len(e.examples) for e in plan.template.examples) or 1
            scenarios[folder] |= {(plan.slug, n) for n in range(rows)}
            requirements[folder] |= set(plan.requirements)
    catalogue = load()
    lines = ["| group | scenarios | rules |", "|---|---:|---:|"]
    for folder in sorted(scenarios, key=lambda f: list(NAMES).index(f) if f in NAMES else 99):
        lines.append(f"| {NAMES.get(folder, folder)} | {len(scenarios[folder])} | {len(requirements[folder])} |")
    every = set().union(*requirements.values())
    binding = [r for r in catalogue.values() if r.binding]
    lines.append(f"| **in all** | **{len(set().union(*scenarios.values()))}** | **{len(every)}** |")
    reasons = defaultdict(int)
    for row in binding:
        if row.reason:
            reasons[row.reason.split(":")[0]] += 1
    not_tested = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items(), key=lambda p: -p[1]))
    listed = {n for r in catalogue.values() if r.id in every and r.strength.fails for n in r.source_ids}
    lines += [
        "",
        (
            f"Of the {len(binding)} SHALL and SHOULD rules that bind a server, {sum(r.id in every for r in binding)} are put to it; the rest has a reason"
            f" in the catalogue ({not_tested}). {len(listed)} of the numbers of the guide's own list that say SHALL or SHALL NOT are among them."
            f" The embedded EHR has {len(load_defects())} defects and {len(load_variants())} legal variants."
        ),
    ]
    return "\n".join(lines)


KINDS = {
    "not-observable": "Nothing of it shows from outside: it speaks of what a server does within, or of what only its logs hold.",
    "attestation": "Somebody who knows the server has to say so: it speaks of policy, of documents, of agreements.",
    "needs-two-organizations": "It takes a second organization that takes part.",
    "registration-api": "It speaks of how an app is registered, for which there is no interface that a test could use.",
    "permissive": "It allows something. A server that does otherwise breaks nothing, so there is nothing to judge.",
    "deprecated": "The guide itself has given it up.",
}


def not_tested() -> str:
    by_kind = defaultdict(list)
    for row in load().values():
        if row.reason:
            by_kind[row.reason.split(":")[0]].append(row)
    lines = [
        "# What is not tested, and why",
        "",
        "Each rule of the catalogue has scenarios or a reason. These have a reason. The list is made from the catalogue; `smartlaunch explain ID`",
        "shows a row with its link.",
    ]
    for kind in sorted(by_kind, key=lambda k: list(KINDS).index(k)):
        rows = by_kind[kind]
        lines += ["", f"## {kind} ({len(rows)})", "", KINDS[kind], "", "| rule | strength | what it says | why not |", "|---|---|---|---|"]
        for row in rows:
            why = row.reason.partition(":")[2].strip() or "as above"
            lines.append(" | ".join(("| " + row.id, row.strength.value, row.text.replace("|", "\\|"), why.replace("|", "\\|"))) + " |")
    return "\n".join(lines) + "\n"


COLUMNS = {
    "profiles": lambda plan: True,
    "POST": lambda plan: plan.situation.method == "POST",
    "other user": lambda plan: bool(plan.situation.user),
    "other patient": lambda plan: bool(plan.situation.patient),
    "refreshed": lambda plan: plan.situation.token == "refreshed",
    "narrowed": lambda plan: plan.situation.token == "narrowed",
    "v1 scopes": lambda plan: plan.situation.scopes == "v1",
    "wildcard": lambda plan: plan.situation.scopes == "wildcard",
}
DIMENSION = {
    "POST": "method",
    "other user": "user",
    "other patient": "patient",
    "refreshed": "token",
    "narrowed": "token",
    "v1 scopes": "scopes",
    "wildcard": "scopes",
}


def grid_page() -> str:
    plans = [plan for plan in every_plan() if plan.suite.default]
    by_rule = defaultdict(list)
    for plan in plans:
        for requirement in plan.requirements:
            by_rule[requirement].append(plan)
    again = [plan for plan in plans if plan.again]
    lines = [
        "# Rule x situation",
        "",
        "A rule is put in the plain situation first: the first user and patient of the target file, the request by GET, the access token as it",
        "came, the scopes of the registration. Servers break rules elsewhere, so most scenarios are put again. `profiles` counts the client types",
        "and ways of launching with which a rule is put in a usual run, and with `--thorough`. In the other columns **x** is put in every run,",
        "`t` with `--thorough`, `o` is left to other rules of the same feature (the choice meets all pairs of values within a feature), and an",
        "empty cell does not bind: `smartlaunch/plugin/grid.toml` says where a scenario binds and why some do not.",
        "",
        f"{len(by_rule)} rules; {sum(not p.thorough for p in again)} scenarios are put again in a usual run, {len(again)} with `--thorough`.",
        "",
        "| rule | profiles | " + " | ".join(list(COLUMNS)[1:]) + " |",
        "|---|---:|" + ":-:|" * (len(COLUMNS) - 1),
    ]
    for requirement in sorted(by_rule):
        mine = by_rule[requirement]
        usual, thorough = ({p.suite.id for p in mine if not p.thorough}, {p.suite.id for p in mine})
        bound = set().union(*(grid.dimensions_of(p.path, p.slug) for p in mine))
        cells = []
        for column, holds in list(COLUMNS.items())[1:]:
            here = [p for p in mine if holds(p)]
            binds = DIMENSION[column] in bound
            cells.append("**x**" if any(not p.thorough for p in here) else "t" if here else "o" if binds else "")
        count = f"{len(usual)}" if len(usual) == len(thorough) else f"{len(usual)} ({len(thorough)})"
        lines.append(f"| {requirement} | {count} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def exits() -> str:
    lines = ["| exit code | means |", "|---:|---|", *(f"| {code} | {meaning} |" for code, meaning in MEANING.items())]
    return "\n".join(lines)


def command_line() -> str:
    return f"""\
# `smartlaunch run` and pytest

The options of a run, and the words in which plain `pytest` takes them. Both select the same scenarios.

{options.table()}
`--list` shows what the other options select. Give pytest its options with `=`: a bare `--target FILE` makes it load a
`conftest.py` beside the file.

## Exit codes of `smartlaunch run`

{exits()}

Where several hold, the first of 2, 1, 4, 3 counts; an internal error of pytest is always 4. `pytest` keeps its own exit codes.

## pytest's own way

- `-m` selects by group (a folder or a file of the features), suite, tag and strength: `-m "pkce and not intrusive"`, `-m "ehr-launch-public and shall"`;
  `-m "req(id='RFC7636-4.6')"` by requirement. `-k pkce` finds a group, too. `pytest --markers` lists all.
- `--lf` and `--ff` put what failed last alone or first.
- Every option is also there under its family name, `--smartlaunch-<name>`, where another plugin has the short one.
- Other people's plugins may be loaded beside it: a run with pytest-asyncio, -randomly, -playwright, -html, -timeout, -rerunfailures and -cov comes to the
  same outcomes, and what ends grants stays last in an order that another plugin draws.
- Without a checkout: `pytest --pyargs smartlaunch._suite.suites.test_standalone_public --target=T`.
- Feature files of your own: a folder with `.feature` files that use the phrases of this suite, each scenario with an `@id:` of its own under a `Rule`
  with a `@req:` of the catalogue. `smartlaunch run --features DIR` (pytest: `--smartlaunch-features=DIR`) puts them in the suites that their tags fit, beside
  ours. A step that does not exist is named at collection, with the phrases that come closest.
"""


def parts() -> tuple[str, str, str]:
    text = TESTED.read_text(encoding="utf-8")
    found = re.search(r"(.*<!-- table:groups -->\n)(.*?)(<!-- /table:groups -->.*)", text, re.DOTALL)
    assert found is not None
    return found[1], found[2], found[3]


def test_the_readme_is_one_screen_with_its_picture_and_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    for said in ("docs/images/report.png", "    make conformance ", "    make test ", "## Every night"):
        assert said in text


def test_the_table_is_current() -> None:
    assert parts()[1].strip() == table().strip()


def test_the_list_of_what_is_not_tested_is_current() -> None:
    assert NOT_TESTED.read_text(encoding="utf-8") == not_tested()


def test_the_table_of_rules_and_situations_is_current() -> None:
    assert GRID.read_text(encoding="utf-8") == grid_page()


def test_the_table_of_rules_and_forms_is_current() -> None:
    assert FORMS.read_text(encoding="utf-8") == forms.page()


def test_the_page_of_the_command_line_is_current() -> None:
    assert COMMAND_LINE.read_text(encoding="utf-8") == command_line()


if __name__ == "__main__":
    before, _, after = parts()
    NOT_TESTED.write_text(not_tested(), encoding="utf-8")
    COMMAND_LINE.write_text(command_line(), encoding="utf-8")
    GRID.write_text(grid_page(), encoding="utf-8")
    FORMS.write_text(forms.page(), encoding="utf-8")
    TESTED.write_text(before + table() + "\n" + after, encoding="utf-8")
