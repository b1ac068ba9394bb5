"""What one client that cannot authenticate leaves unspent is good for the next one, and a refusal for anything else proves nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from smartlaunch.probes.client_authentication import unspent


class App:
    """Remembers what it was asked once."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        return self.known.setdefault(key, make())


def answer(error: str) -> Any:
    return SimpleNamespace(error=error, succeeded=not error)


def put(app: App, codes: Iterator[str], server: Callable[[str], str]) -> tuple[str, list[str]]:
    """What the last of the requests was answered with, and the codes that were sent."""
    sent: list[str] = []

    def send(code: str) -> Any:
        sent.append(code)
        return answer(server(code))

    found = unspent.put(app, "code", lambda: next(codes), send)  # type: ignore[arg-type]
    return found.error, sent


def test_a_code_that_nobody_got_anything_for_goes_on_to_the_next() -> None:
    app, codes = App(), iter(["one", "two"])
    assert put(app, codes, lambda _: "invalid_client") == ("invalid_client", ["one"])
    assert put(app, codes, lambda _: "invalid_client") == ("invalid_client", ["one"])


def test_a_refusal_for_anything_else_is_put_again_with_a_fresh_code() -> None:
    app, codes = App(), iter(["one", "two", "three"])
    put(app, codes, lambda _: "invalid_client")
    assert put(app, codes, lambda code: "invalid_grant" if code == "one" else "") == ("", ["one", "two"])
    assert put(app, codes, lambda _: "invalid_client") == ("invalid_client", ["three"])


def test_a_code_that_brought_a_token_is_not_used_again() -> None:
    app, codes = App(), iter(["one", "two"])
    put(app, codes, lambda _: "invalid_client")
    assert put(app, codes, lambda _: "") == ("", ["one"])
    assert put(app, codes, lambda _: "invalid_client") == ("invalid_client", ["two"])
