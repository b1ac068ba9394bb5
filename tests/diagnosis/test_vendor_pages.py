"""The pages made from the rules are those that the rules give now."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import vendor_pages

from smartlaunch.diagnosis.vendor import all_vendors

MADE = vendor_pages.pages()
HINT = "python tests/diagnosis/vendor_pages.py writes it anew"


def test_every_vendor_known_has_a_page():
    assert {path.name for path in vendor_pages.FOLDER.glob("*.md")} == {f"{v}.md" for v in all_vendors() if v != "generic"} | {
        "README.md",
        "libraries.md",
    }


@pytest.mark.parametrize("name", sorted(MADE))
def test_page_is_what_the_rules_give(name):
    assert (vendor_pages.FOLDER / name).read_text("utf-8") == MADE[name], HINT


@pytest.mark.parametrize("name", sorted(set(MADE) - {"README.md", "libraries.md"}))
def test_page_says_something_and_where_it_is_from(name):
    assert ("| `" in MADE[name]) != ("nothing is known" in MADE[name])
    assert "](http" in MADE[name] or "<http" in MADE[name]


def test_table_of_symptoms_is_what_comes_out():
    page = vendor_pages.PAGE.read_text("utf-8")
    assert page == vendor_pages.with_symptoms(page), HINT
    assert len(vendor_pages.SYMPTOMS) >= 15


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        (r"\bcode (?:is|was) expired", "code is expired"),
        (r"no .{0,60}client", "no …client"),
        (r"(?<!x)a\d+", "a1"),
        (r"(?P<a>x)(?P=a)", ""),
    ],
)
def test_wording_shown_is_one_that_the_pattern_takes(pattern, shown):
    assert vendor_pages.sample(pattern) == shown
