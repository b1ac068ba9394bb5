"""The labels of Examples: each is known to the probe behind its phrase, and one that is not is found before the run."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from smartlaunch.errors import InternalError
from smartlaunch.plugin import lint
from smartlaunch.plugin.phrases import Phrase, unknown_labels

STEPS = sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "steps").glob("*.py") if path.stem != "__init__")


@pytest.fixture(autouse=True)
def _every_phrase() -> None:
    for name in STEPS:
        importlib.import_module(f"smartlaunch._suite.steps.{name}")


@pytest.fixture
def phrase() -> Iterator[Phrase]:
    made = Phrase("a made-up app eats {fruit} at {hour:d}", fruit=("an apple", "a pear"))
    yield made
    Phrase.known.remove(made)


def test_every_label_of_the_features_is_known_to_its_probe() -> None:
    assert lint.unknown_words() == []


def test_there_are_phrases_with_labels_for_most_nouns() -> None:
    assert len([each for each in Phrase.known if each.labels]) > 50


def test_an_unknown_label_is_named_with_those_there_are(phrase: Phrase) -> None:
    assert phrase.is_matching("a made-up app eats an apple at 7")
    found = unknown_labels(["a made-up app eats an apple at 7", "a made-up app eats a plum at 7", "somebody else does"])
    assert found == {"a made-up app eats a plum at 7": "no probe knows 'a plum'; there are: a pear, an apple"}


def test_a_slip_in_a_real_step_is_found() -> None:
    assert "no probe knows 'no chalenge'" in "".join(
        unknown_labels(["the app asks for authorization with no chalenge, which is wrong"]).values()
    )


@pytest.mark.parametrize("labels", [{}, {"fruit": ("an apple",), "tree": ("a pine",)}])
def test_a_phrase_has_labels_for_all_its_placeholders_and_no_others(labels: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(InternalError, match="wants labels"):
        Phrase('a made-up app eats {fruit} from "{place}"', **labels)
