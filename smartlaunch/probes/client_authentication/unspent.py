"""A code or refresh token that goes from one client that cannot authenticate to the next, for as long as each is refused for that.

A grant costs a login, and a request refused with ``invalid_client`` has not come as far as the code or token. Where it was refused for
anything else, the value may have been spent or ended before, which says nothing of who asked: then the same is put with a fresh one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.oauth.token import TokenAnswer

T = TypeVar("T")


@dataclass
class _Kept(Generic[T]):
    """What the last request left unspent."""

    value: T | None = None


def put(app: App, key: str, fresh: Callable[[], T], send: Callable[[T], TokenAnswer]) -> TokenAnswer:
    """The answer to a request with what was left unspent, or with a fresh one."""
    kept: _Kept[T] = app.once(f"unspent {key}", _Kept)
    value, kept.value = kept.value, None
    if value is not None:
        answer = send(value)
        if answer.error == "invalid_client" and not answer.succeeded:
            kept.value = value
            return answer
        if answer.succeeded:
            return answer
    value = fresh()
    answer = send(value)
    if answer.error == "invalid_client" and not answer.succeeded:
        kept.value = value
    return answer
