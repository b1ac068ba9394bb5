"""A question at the terminal goes through the starting process and leaves nothing open behind it."""

from __future__ import annotations

import gc
import socket
import threading
import warnings

import pytest

from smartlaunch.plugin.asking import VARIABLE, at_the_terminal


def test_nobody_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert at_the_terminal() is None


def test_questions_are_put_one_by_one_and_nothing_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = socket.socketpair()
    monkeypatch.setenv(VARIABLE, str(there.fileno()))
    asked: list[str] = []

    def answer() -> None:
        with here.makefile("rw", encoding="utf-8") as lines:
            for reply in ("first", ""):
                asked.append(lines.readline().strip())
                lines.write(f"{reply}\n")
                lines.flush()

    person = threading.Thread(target=answer)
    person.start()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        ask = at_the_terminal()
        assert ask is not None
        assert [ask("one?"), ask("two?")] == ["first", ""]
        del ask
        gc.collect()
    person.join(5)
    here.close()
    there.close()
    assert asked == ["one?", "two?"]
    assert [str(one.message) for one in said if issubclass(one.category, ResourceWarning)] == []
