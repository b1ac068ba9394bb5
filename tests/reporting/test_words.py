"""Every word that a report chooses by a name covers all the names there are, and names that two rooms must share are the same."""

from smartlaunch.evidence import manifest, sequence
from smartlaunch.exchange import Endpoint
from smartlaunch.finding import Outcome, Side
from smartlaunch.records import files
from smartlaunch.reporting import words
from smartlaunch.reporting.allure_results import STATUS


def test_every_outcome_has_a_word_a_letter_a_rank_and_a_status() -> None:
    every = {outcome.value for outcome in Outcome}
    assert set(words.OUTCOME_WORDS) == set(words.OUTCOME_LETTERS) == set(words.WORST_FIRST) == set(STATUS) == every
    assert len(set(words.OUTCOME_LETTERS.values())) == len(every)


def test_every_side_and_every_endpoint_has_a_word() -> None:
    assert set(words.SIDE_WORDS) == {side.value for side in Side}
    assert set(words.ENDPOINT_WORDS) == set(sequence.NAMES) == {endpoint.value for endpoint in Endpoint}


def test_what_the_recorder_and_the_manifest_write_has_the_name_by_which_a_run_looks_for_it() -> None:
    assert manifest.NAME == files.MANIFEST_FILE in files.EVERY
