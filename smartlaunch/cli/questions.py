"""Questions at a terminal: an answer that does not fit is asked for again, a secret is not shown."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Sequence

from smartlaunch.errors import UsageError

_TRIES = 3


def at_terminal() -> bool:
    """Whether somebody is there who can answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(question: str, default: str = "", *, fits: Callable[[str], str] | None = None, needed: bool = True) -> str:
    """Ask until the answer fits; ``fits`` says what is wrong with it, or nothing. Enter takes the default."""
    for _ in range(_TRIES):
        said = _read(f"{question}{f' [{default}]' if default else ''}: ").strip() or default
        wrong = (fits(said) if fits is not None and said else "") or ("an answer is needed" if needed and not said else "")
        if not wrong:
            return said
        print(f"  {wrong}")
    raise UsageError(f"no usable answer to: {question}")


def choose(question: str, choices: Sequence[tuple[str, str]], default: str) -> str:
    """Ask for one of some words, each with what it means."""
    print(question)
    for word, meaning in choices:
        print(f"  {word:<12}{meaning}")
    words = [word for word, _ in choices]
    return ask("  which", default, fits=lambda said: "" if said in words else f"one of {', '.join(words)}")


def yes(question: str, *, default: bool) -> bool:
    """Ask for yes or no."""
    said = ask(f"{question} (yes/no)", "yes" if default else "no", fits=lambda t: "" if t.casefold() in _WORDS else "yes or no")
    return _WORDS[said.casefold()]


_WORDS = {"yes": True, "y": True, "no": False, "n": False}


def secret(question: str) -> str:
    """Ask for a secret without showing it; empty when Enter is pressed."""
    try:
        return getpass.getpass(f"{question}: ")
    except EOFError:
        raise UsageError("the input ended before every question was answered") from None


def _read(prompt: str) -> str:
    try:
        return input(prompt)
    except EOFError:
        raise UsageError("the input ended before every question was answered") from None
