"""What is known of each vendor's sandbox: data with sources, the bundled targets, and the pages made from them.

`python tests/onboarding/test_sandboxes.py` renews the pages.
"""

import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "vendors"
RECIPES = ROOT / "docs" / "login-recipes.md"
sys.path.insert(0, str(ROOT))

from smartlaunch.diagnosis.vendor import all_vendors  # noqa: E402
from smartlaunch.errors import InternalError, LookupFailed  # noqa: E402
from smartlaunch.onboarding.page import BEGIN, END, index, page_with, recipes, section, sources_of  # noqa: E402
from smartlaunch.onboarding.sandbox import read_sandbox, sandbox_at, sandbox_named, sandboxes  # noqa: E402
from smartlaunch.target import load_target  # noqa: E402

TARGETS = ROOT / "targets"
ASKED_FOR = [
    "oracle-health-provider",
    "oracle-health-patient",
    "epic-patient",
    "smart-health-it",
    "athenahealth",
    "eclinicalworks",
    "meditech-greenfield",
    "nextgen",
    "veradigm",
    "medplum",
    "openemr",
    "keycloak",
    "azure",
    "blue-button",
    "va-lighthouse",
    "hapi",
]
ENV = re.compile(r'\{ env = "(\w+)" \}')


def read(name):
    """A bundled target, every reference answered with something that looks like it."""
    text = (TARGETS / f"{name}.toml").read_text("utf-8")
    env = {key: "https://ehr.example/fhir" if key.endswith(("_URL", "_URI", "_BASE")) else f"value-of-{key}" for key in ENV.findall(text)}
    return load_target(str(TARGETS / f"{name}.toml"), env=env)


def test_every_vendor_asked_for_has_a_bundled_target():
    bundled = {name for box in sandboxes().values() for name in box.targets}
    assert set(ASKED_FOR) <= bundled
    assert bundled == {path.stem for path in TARGETS.glob("*.toml")} - {"template"}


@pytest.mark.parametrize("path", sorted(TARGETS.glob("*.toml")), ids=lambda p: p.stem)
def test_a_bundled_target_is_read_without_a_complaint_and_holds_no_secret(path):
    target = read(path.stem)
    assert target.clients
    assert not target.warnings
    text = path.read_text("utf-8")
    assert all(secret.kind in ("env", "file") for secret in target.secrets)
    assert "rate" in text, "a server that others use as well gets a bounded rate"


@pytest.mark.parametrize("box", sandboxes().values(), ids=lambda b: b.id)
def test_a_bundled_target_says_what_its_sandbox_file_says(box):
    for name in box.targets:
        target = read(name)
        fixed = tomllib.loads((TARGETS / f"{name}.toml").read_text("utf-8"))["target"]["fhir_base_url"]
        assert target.vendor == box.id
        if isinstance(fixed, str):
            assert fixed in {base.url for base in box.bases}
        else:
            assert not any(base.url for base in box.bases), "a base that is known stands in the file"


@pytest.mark.parametrize("box", sandboxes().values(), ids=lambda b: b.id)
def test_a_bundled_target_names_its_sources(box):
    for name in box.targets:
        assert sources_of(box) in (TARGETS / f"{name}.toml").read_text("utf-8"), "renew: python tests/onboarding/test_sandboxes.py"


def test_a_vendor_known_to_the_diagnosis_has_its_name_there():
    own = {"blue-button", "va-lighthouse", "veradigm"}
    assert set(sandboxes()) - own <= set(all_vendors())


@pytest.mark.parametrize("box", sandboxes().values(), ids=lambda b: b.id)
def test_every_statement_has_a_source_or_the_mark_and_every_source_is_used(box):
    used = {item.source for item in (*box.bases, *box.register, *box.clicks, *box.departures, *box.users) if item.source}
    assert set(box.sources) == used
    assert box.register
    assert box.clicks
    assert box.departures
    assert all(user.password_at.startswith("https://") for user in box.users)


def test_a_statement_with_neither_source_nor_mark_is_refused():
    text = (ROOT / "smartlaunch/onboarding/sandboxes/keycloak.toml").read_text("utf-8")
    with pytest.raises(InternalError, match="either a source or the mark"):
        read_sandbox(text.replace('from = "admin"\n', "", 1))
    with pytest.raises(InternalError, match="either a source or the mark"):
        read_sandbox(text.replace('from = "admin"\n', 'from = "admin"\nunverified = true\n', 1))


@pytest.mark.parametrize("box", sandboxes().values(), ids=lambda b: b.id)
def test_the_page_is_what_the_data_give(box):
    text = (PAGES / f"{box.id}.md").read_text("utf-8")
    assert section(box) in text, "renew: python tests/onboarding/test_sandboxes.py"


def test_the_index_names_every_page():
    text = (PAGES / "README.md").read_text("utf-8")
    assert index(list(sandboxes().values())) in text, "renew: python tests/onboarding/test_sandboxes.py"


def test_the_table_of_recipes_is_made_from_their_files():
    assert recipes() in RECIPES.read_text("utf-8"), "renew: python tests/onboarding/test_sandboxes.py"


def test_what_others_write_on_a_page_stays():
    box = sandboxes()["epic"]
    page = page_with(box, "# Epic\n\nBefore.\n\n" + f"{BEGIN}\nold\n{END}\n\n## Later\n\nAfter.\n")
    assert page.startswith("# Epic\n\nBefore.\n")
    assert page.endswith("## Later\n\nAfter.\n")
    assert "old" not in page
    fresh = page_with(box, "# Epic\n\n## When it fails\n")
    assert fresh.index(BEGIN) < fresh.index("## When it fails")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("epic", "epic"),
        ("Oracle Health", "oracle-health"),
        ("cerner", "oracle-health"),
        ("oracle-health-patient", "oracle-health"),
        ("Blue Button", "blue-button"),
        ("greenfield", "meditech"),
        ("azure", "azure"),
        ("smart health it", "smart-health-it"),
        ("smile cdr", "hapi"),
    ],
)
def test_a_sandbox_is_found_by_what_people_call_it(said, found):
    assert sandbox_named(said).id == found


@pytest.mark.parametrize("said", ["", "health", "no such vendor"])
def test_a_name_that_means_none_or_several_is_answered_with_the_names(said):
    with pytest.raises(LookupFailed, match="athenahealth"):
        sandbox_named(said)


def test_a_sandbox_is_found_by_its_host():
    assert sandbox_at("https://fhir.epic.com/interconnect-fhir-oauth/api/FHIR/DSTU2").id == "epic"
    assert sandbox_at("https://ehr.example/fhir") is None


def renew():
    PAGES.mkdir(exist_ok=True)
    for box in sandboxes().values():
        path = PAGES / f"{box.id}.md"
        path.write_text(page_with(box, path.read_text("utf-8") if path.is_file() else ""), "utf-8")
        for name in box.targets:
            file = TARGETS / f"{name}.toml"
            lines = [line for line in file.read_text("utf-8").splitlines() if not re.match(r"# Sources|#   https://", line)]
            file.write_text("\n".join([lines[0], sources_of(box), *lines[1:]]) + "\n", "utf-8")
    path = PAGES / "README.md"
    head = "# Vendors\n\nWhat is known of each sandbox: what to register, where to click, how it departs, who can sign in.\n\n<!-- table:vendors -->\n<!-- /table:vendors -->\n"
    text = path.read_text("utf-8") if path.is_file() else head
    known = f"<!-- table:recipes -->\n{recipes()}\n<!-- /table:recipes -->"
    page = RECIPES.read_text("utf-8")
    RECIPES.write_text(re.sub(r"<!-- table:recipes -->.*?<!-- /table:recipes -->", lambda _: known, page, flags=re.DOTALL), "utf-8")
    table = f"<!-- table:vendors -->\n{index(list(sandboxes().values()))}\n<!-- /table:vendors -->"
    path.write_text(re.sub(r"<!-- table:vendors -->.*?<!-- /table:vendors -->", lambda _: table, text, flags=re.DOTALL), "utf-8")


if __name__ == "__main__":
    renew()
