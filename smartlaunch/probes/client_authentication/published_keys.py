"""A client whose JWK Set the suite serves itself, so that keys, places and cache headers can change under the server's eyes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smartlaunch.client.http import answered
from smartlaunch.errors import Blocked, NotApplicable, NotConfigured, TwinFailed
from smartlaunch.oauth.client_authentication import algorithm_of, new_key, public_part
from smartlaunch.probes import backend_services as client_credentials
from smartlaunch.probes.client_authentication.assertion import send_right

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.keys import JwksServer
    from smartlaunch.oauth.token import TokenAnswer

SHORT_S = 1
"""``max-age`` of a set that is about to change."""
LONG_S = 5
"""``max-age`` of a set that should be fetched once; short enough for what comes after to wait it out."""
_MARGIN_S = 1.5

Form = list[tuple[str, str]]


@dataclass(frozen=True)
class Rotation:
    """Both keys put to the server once the old one was withdrawn and its time in the cache was over."""

    old: TokenAnswer
    new: TokenAnswer


@dataclass(frozen=True)
class Fetches:
    """How often the JWK Set was fetched for each of two token requests within its ``max-age``."""

    first: int
    second: int
    exchange: str


# -- requests -----------------------------------------------------------------------------------------------------------------


def _server(app: App) -> JwksServer:
    return app.keys.server(app.client)


def _key(app: App) -> dict[str, Any]:
    """The key that the server knows the client by."""
    return app.keys.signing_key(app.client)


def _forms(app: App, count: int) -> list[Form]:
    """Right token requests without credentials; their codes are fetched before the keys are touched."""
    server = _server(app)
    server.settle()
    server.restore()
    if app.client.role != "backend":
        return [app.code_form(app.bare_code()) for _ in range(count)]
    answer = client_credentials.ask(app)
    answered(answer.exchange)
    if not answer.succeeded:
        raise TwinFailed(f"a right assertion of the client with a served JWK Set was refused: {answer.describe()}")
    return [[("grant_type", "client_credentials"), ("scope", " ".join(app.scopes))] for _ in range(count)]


def _send(app: App, form: Form, key: dict[str, Any] | None = None, **header: Any) -> TokenAnswer:
    signing = key or _key(app)
    assertion = app.assertion().having(key=signing, algorithm=algorithm_of(signing), header={"kid": signing.get("kid"), **header})
    answer = app.token_request(form, assertion.credentials())
    answered(answer.exchange)
    return answer


def _send_right(app: App, form: Form, key: dict[str, Any] | None = None) -> TokenAnswer:
    answer = _send(app, form, key)
    if not answer.succeeded:
        raise TwinFailed(f"the same request with nothing wrong in it was refused: {answer.describe()}")
    return answer


def _send_judged(app: App, form: Form, key: dict[str, Any] | None = None, **header: Any) -> TokenAnswer:
    """An answer that counts only when the server looked at the changed set, or refused anyway."""
    before = _server(app).fetches
    answer = _send(app, form, key, **header)
    if answer.succeeded and _server(app).fetches == before:
        raise NotApplicable("the server did not fetch the changed JWK Set; the scenario on its cache judges that")
    return answer


def _go_on(app: App, form: Form) -> None:
    """Serve the registered keys again, and find the key that the client goes on with.

    A server may keep a set for longer than it is told, which one scenario judges: right requests after it are signed with a key that is
    in every set. The code of the form is good for the second try, since a client that is not let in uses none up.
    """
    _server(app).restore()
    with suppress(Blocked):
        if _send(app, form).succeeded:
            return
        spare = _server(app).spare
        if spare is not None and _send(app, form, spare).succeeded:
            app.keys.renew(app.client)


# -- probes, of which each leaves the registered keys behind --------------------------------------------------------------------


def _other_key(app: App) -> dict[str, Any]:
    return new_key(algorithm_of(_key(app)))


def _duplicate_kid(app: App) -> TokenAnswer:
    form, after = _forms(app, 2)
    own = next(key for key in app.keys.all(app.client) if algorithm_of(key) == algorithm_of(_key(app)))
    try:
        _server(app).replace([public_part(own), public_part({**_other_key(app), "kid": own.get("kid")})])
        return _send_judged(app, form, own)
    finally:
        _go_on(app, after)


def _kid_of_another(app: App) -> TokenAnswer:
    first, again, after = _forms(app, 3)
    other = _other_key(app)
    try:
        _server(app).replace([public_part(_key(app)), public_part(other)])
        _send_right(app, first, other)
        return _send_judged(app, again, kid=other["kid"])
    finally:
        _go_on(app, after)


def _foreign_jku(app: App, path: str) -> TokenAnswer:
    (form,), other, server = _forms(app, 1), _other_key(app), _server(app)
    server.elsewhere[path] = [public_part(other)]
    return _send(app, form, other, jku=server.address + path)


def _idle_jku(app: App) -> TokenAnswer:
    (form,) = _forms(app, 1)
    return _send(app, form, jku=_server(app).address + "/nothing-here.json")


WRONG: Mapping[str, Callable[[App], TokenAnswer]] = {
    "a kid that two of its keys have": _duplicate_kid,
    "the kid of one of its keys and the signature of another": _kid_of_another,
    "a jku that nobody registered and the key that is there": lambda app: _foreign_jku(app, "/elsewhere/jwks.json"),
    "a jku that begins like the registered one and the key that is there": lambda app: _foreign_jku(app, _server(app).path + ".other"),
    "a jku that nobody registered and its own key": _idle_jku,
}
"""What is wrong with the assertion or with the key set that is published."""


def present(app: App, label: str) -> TokenAnswer:
    """The answer to the assertion or key set that the words name."""

    def make() -> TokenAnswer:
        try:
            return WRONG[label](app)
        finally:
            _server(app).restore()

    return app.once(f"published {label}", make)


def methods(app: App) -> tuple[TokenAnswer, list[str]]:
    """A right request, and the methods by which the set was fetched for it."""
    server = _server(app)
    server.settle()
    server.restore()
    before = len(server.methods)
    answer = send_right(app)
    answered(answer.exchange)
    return answer, server.methods[before:]


def rotated(app: App) -> Rotation:
    """The key withdrawn and replaced after a ``max-age`` of a second has run out; both are tried, the old one first."""
    limit_s = app.engine.target.limits.wait_for_expiry_s
    if limit_s < SHORT_S + _MARGIN_S:
        raise NotConfigured(
            f"limits.wait_for_expiry_s = {limit_s:g} is too short to let a JWK Set of {SHORT_S} s grow stale",
            key="[limits] wait_for_expiry_s",
        )
    return app.once("published rotation", lambda: _rotated(app))


def _rotated(app: App) -> Rotation:
    first, old, renewed, after = _forms(app, 4)
    server = _server(app)
    try:
        server.restore(max_age=SHORT_S)
        _send_right(app, first)
        new = _other_key(app)
        server.replace([public_part(new)])
        time.sleep(SHORT_S + _MARGIN_S)
        return Rotation(_send(app, old), _send(app, renewed, new))
    finally:
        _go_on(app, after)


def fetched(app: App) -> Fetches:
    """Two right requests within the ``max-age`` of the set."""
    first, again = _forms(app, 2)
    server = _server(app)
    try:
        server.restore(max_age=LONG_S)
        start = server.fetches
        _send_right(app, first)
        between = server.fetches
        answer = _send_right(app, again)
        if time.monotonic() > server.fresh_until:
            raise TwinFailed(f"two token requests took longer than the {LONG_S} s for which the JWK Set may be kept")
        return Fetches(between - start, server.fetches - between, answer.exchange.id)
    finally:
        server.restore()
