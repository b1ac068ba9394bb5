"""Phrases whose placeholders are words of a small language: the labels of Examples, each known to the probe behind the phrase.

A step gives each placeholder the labels that its probe publishes. The lint walks all features and names a label that no probe knows, so
that a slip of the pen stops the collection and not the run. What stands in quotes is a value of the wire (the name of a member, an
error code) and no label.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from pytest_bdd import parsers

from smartlaunch.errors import InternalError

_PLACEHOLDER = re.compile(r'(")?\{(\w+)(:\w+)?\}')


class Phrase(parsers.parse):
    """The words of a step; each placeholder that is neither quoted nor typed has its labels."""

    known: list[Phrase] = []  # noqa: RUF012 - every phrase of every step module registers itself

    def __init__(self, words: str, **labels: Collection[str]) -> None:
        """Keep the labels; ``InternalError`` for a placeholder without any, or for labels without a placeholder."""
        super().__init__(words)
        found = _PLACEHOLDER.findall(words)
        bare = {name for quoted, name, typed in found if not quoted and not typed}
        if not bare <= set(labels) <= {name for _, name, _ in found}:
            raise InternalError(f"the phrase {words!r} wants labels for {sorted(bare)} and has them for {sorted(labels)}")
        self.labels = labels
        self.start = words.partition("{")[0]
        self.known.append(self)

    def unknown(self, step: str) -> Iterator[tuple[str, Collection[str]]]:
        """The words of a step that stand for a label and are none, each with the labels there are."""
        if not step.startswith(self.start) or not self.is_matching(step):
            return
        arguments: dict[str, Any] = self.parse_arguments(step)
        for name, labels in self.labels.items():
            if arguments[name] not in labels:
                yield str(arguments[name]), labels


def unknown_labels(steps: Iterable[str]) -> dict[str, str]:
    """What is wrong with the labels of some steps, by step; a step without labels, or with known ones, is not in it."""
    beginning: dict[str, list[Phrase]] = {}
    for phrase in Phrase.known:
        first, space, _ = phrase.start.partition(" ")
        beginning.setdefault(first if space else "", []).append(phrase)
    found = {}
    for step in set(steps):
        for phrase in (*beginning.get(step.partition(" ")[0], ()), *beginning.get("", ())):
            for word, labels in phrase.unknown(step):
                found[step] = f"no probe knows {word!r}; there are: {', '.join(sorted(labels))}"
    return found
