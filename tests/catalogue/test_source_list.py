"""Every row of the published list of requirements 2.2.0 has its place in the catalogue, in words of our own.

The list lies beside the checkout and is not part of it; without it these tests are skipped.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from smartlaunch.catalogue import Requirement, load

LIST = Path(__file__).parents[3] / "shared" / "reference" / "requirements-smart-app-launch-2.2.0.csv"

pytestmark = pytest.mark.skipif(not LIST.is_file(), reason="the list of requirements does not lie beside this checkout")

# Rows the list gives to the client, or to nobody, although the sentence binds servers.
MOVED = {42: "server", 43: "server", 347: "server"}

# Rows whose sentence stands under another heading than the one the list links to; their notes name both.
LINKED_ELSEWHERE = {
    "SMART-2.2-client-confidential-asymmetric-error",
    "SMART-2.2-client-confidential-asymmetric-cache-a",
    "SMART-2.2-client-confidential-asymmetric-cache-b",
    "SMART-2.2-conformance-capability-set-b",
    "SMART-2.2-conformance-capability-set-c",
    "SMART-2.2-conformance-capability-set-d",
}

# Rows of the list that hold several duties, or one duty that breaks in several places.
SEVERAL = {
    17: 2,
    31: 2,
    42: 2,
    59: 2,
    90: 2,
    170: 2,
    171: 2,
    177: 2,
    179: 2,
    181: 2,
    183: 2,
    184: 2,
    186: 2,
    335: 6,
    337: 2,
    338: 6,
    381: 2,
    382: 2,
    384: 3,
    386: 3,
    389: 2,
    390: 2,
    394: 2,
    406: 2,
    437: 2,
    438: 2,
    439: 2,
}


@pytest.fixture(scope="module")
def listed() -> dict[int, dict[str, str]]:
    """The rows of the list by number."""
    with LIST.open(encoding="utf-8", newline="") as stream:
        return {int(row["id"]): row for row in csv.DictReader(stream)}


@pytest.fixture(scope="module")
def placed() -> dict[int, list[Requirement]]:
    """The catalogue's rows by number of the list."""
    found: dict[int, list[Requirement]] = defaultdict(list)
    for row in load().values():
        for number in row.source_ids:
            found[number].append(row)
    return found


def test_each_number_appears_as_often_as_intended(listed: dict[int, dict[str, str]], placed: dict[int, list[Requirement]]) -> None:
    """All 439 numbers appear: most in one row, the named ones in several, none beyond the list."""
    assert {number: len(rows) for number, rows in sorted(placed.items())} == {number: SEVERAL.get(number, 1) for number in sorted(listed)}


def test_actors_agree_but_for_the_corrections(listed: dict[int, dict[str, str]], placed: dict[int, list[Requirement]]) -> None:
    """A row binds whom the list names, apart from three that it gives wrongly."""
    for number, rows in placed.items():
        expected = MOVED.get(number, listed[number]["actor"].lower())
        assert {row.actor for row in rows} == {expected}, number


@pytest.fixture(scope="module")
def departing(listed: dict[int, dict[str, str]]) -> list[tuple[Requirement, set[str], set[str]]]:
    """The rows whose strength or link is not the list's, with the strengths and the links that the list has for their numbers."""
    found = []
    for row in load().values():
        strengths = {listed[number]["conformance"] for number in row.source_ids}
        links = {listed[number]["url"] for number in row.source_ids}
        if row.source_ids and (strengths != {row.strength} or row.url not in links):
            found.append((row, strengths - {row.strength}, set() if row.url in links else links))
    return found


def test_a_departure_is_explained_by_its_place_in_the_text(departing: list[tuple[Requirement, set[str], set[str]]]) -> None:
    """A row with another strength or link than the list says why for itself: where the sentence stands, and what the list has instead."""
    assert departing
    for row, strengths, links in departing:
        assert f"`#{row.url.partition('#')[2]}`" in row.note, row.id
        assert "list" in row.note or "item" in row.note, row.id
        assert len(row.note.split()) >= 15, row.id
        for link in links:
            assert f"`#{link.partition('#')[2]}`" in row.note, row.id
        assert row.strength == "SHALL" or not strengths or any(word in row.note for word in (row.strength, *strengths)), row.id


def test_no_two_departures_share_an_explanation(departing: list[tuple[Requirement, set[str], set[str]]]) -> None:
    """A stock sentence explains nothing: no note is another one's, nor most of it."""
    notes = [(row.id, row.note) for row, _, _ in departing]
    alike = [
        (one, other)
        for number, (one, note) in enumerate(notes)
        for other, second in notes[number + 1 :]
        if SequenceMatcher(None, note, second).ratio() > 0.8
    ]
    assert alike == []


def test_known_mistakes_of_the_list_are_corrected(placed: dict[int, list[Requirement]]) -> None:
    """The strengths that contradict the guide's own words are those of the guide."""
    guide = {190: "SHALL NOT", 342: "SHOULD", 379: "SHOULD", 419: "SHOULD", 429: "SHALL", 431: "SHOULD"}
    assert {number: {str(row.strength) for row in placed[number]} for number in guide} == {
        number: {strength} for number, strength in guide.items()
    }


def test_links_lead_where_the_list_leads(listed: dict[int, dict[str, str]]) -> None:
    """The section of a row is that of one of the numbers it stands for, but for the sentences that the list puts under another heading."""
    elsewhere = {
        row.id for row in load().values() if row.source_ids and row.url not in {listed[number]["url"] for number in row.source_ids}
    }
    assert elsewhere == LINKED_ELSEWHERE


def test_sentences_are_our_own(listed: dict[int, dict[str, str]], placed: dict[int, list[Requirement]]) -> None:
    """No sentence repeats the list's text."""
    for number, rows in placed.items():
        prose = re.sub(r"\(https?://[^)]*\)", "", listed[number]["requirement"]).lower()
        for row in rows:
            assert SequenceMatcher(None, row.text.lower(), prose).ratio() < 0.9, (number, row.id)


def test_most_binding_rows_can_be_tested_from_outside(listed: dict[int, dict[str, str]], placed: dict[int, list[Requirement]]) -> None:
    """Of the 172 binding server rows of the list at least 150 carry no reason against a test."""
    binding = [number for number, row in listed.items() if row["actor"] == "Server" and row["conformance"] in {"SHALL", "SHALL NOT"}]
    assert len(binding) == 172
    testable = [number for number in binding if any(not row.reason for row in placed[number])]
    assert len(testable) >= 150


def test_counts_of_the_list(listed: dict[int, dict[str, str]]) -> None:
    """The list is the one the catalogue was made from."""
    assert Counter(row["actor"] for row in listed.values()) == {"Server": 265, "Client": 173, "": 1}
