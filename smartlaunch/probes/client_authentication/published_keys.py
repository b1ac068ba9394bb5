"""A client whose JWK Set the suite serves itself, so that keys, places and cache headers can change under the server's eyes."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smartlaunch.client.http import answered
from smartlaunch.client.waits import let_pass
from smartlaunch.errors import Blocked, NotApplicable, NotConfigured, TwinFailed
from smartlaunch.oauth.client_authentication import algorithm_of, certificate, new_key, public_part
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
_PAUSE_S = 5.0
_PATIENCE_S = 35.0
"""Libraries that fetch keys pause between two fetches for half a minute, so that nobody makes them fetch without end."""

Form = list[tuple[str, str]]


@dataclass(frozen=True)
class Rotation:
    """Both keys put to the server once the old one was withdrawn and its time in the cache was over."""

    old: TokenAnswer
    new: TokenAnswer
    late_s: float = 0.0
    """How long after the end of the old set's time both were put, where the server needed a pause before it fetched again."""

    @property
    def over(self) -> bool:
        """Whether the old key is refused and the new one taken."""
        return self.new.succeeded and not self.old.succeeded


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


def _ready(app: App) -> Callable[[], Form]:
    """Serve the registered keys, see a right request go well, and give what makes right token requests without credentials.

    Each has a code that is fetched just before its use, since a server may keep one code for each user, or codes of some seconds.
    """
    server = _server(app)
    server.settle()
    server.restore()
    if app.client.role != "backend":
        codes = app.bare_codes()
        return lambda: app.code_form(codes())
    answer = client_credentials.ask(app)
    answered(answer.exchange)
    if not answer.succeeded:
        raise TwinFailed(f"a right assertion of the client with a served JWK Set was refused: {answer.describe()}")
    return lambda: [("grant_type", "client_credentials"), ("scope", " ".join(app.scopes))]


def _send(app: App, form: Form, key: dict[str, Any] | None = None, **header: Any) -> TokenAnswer:
    signing = key or _key(app)
    assertion = app.authentication.assertion().having(
        key=signing, algorithm=algorithm_of(signing), header={"kid": signing.get("kid"), **header}
    )
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


def _go_on(app: App, make: Callable[[], Form]) -> None:
    """Serve the registered keys again, and find the key that the client goes on with.

    A server may keep a set for longer than it is told, which one scenario judges: right requests after it are signed with a key that is
    in every set. The code of the form is good for the second try, since a client that is not let in uses none up.
    """
    _server(app).restore()
    with suppress(Blocked):
        form = make()
        if _send(app, form).succeeded:
            return
        spare = _server(app).spare
        if spare is not None and _send(app, form, spare).succeeded:
            app.keys.renew(app.client)


# -- probes, of which each leaves the registered keys behind --------------------------------------------------------------------


def _other_key(app: App) -> dict[str, Any]:
    return new_key(algorithm_of(_key(app)))


def _duplicate_kid(app: App) -> TokenAnswer:
    form = _ready(app)
    own = next(key for key in app.keys.all(app.client) if algorithm_of(key) == algorithm_of(_key(app)))
    try:
        _server(app).replace([public_part(own), public_part({**_other_key(app), "kid": own.get("kid")})])
        return _send_judged(app, form(), own)
    finally:
        _go_on(app, form)


def _kid_of_another(app: App) -> TokenAnswer:
    form, other = _ready(app), _other_key(app)
    try:
        _server(app).replace([public_part(_key(app)), public_part(other)])
        _send_right(app, form(), other)
        return _send_judged(app, form(), kid=other["kid"])
    finally:
        _go_on(app, form)


def _foreign_jku(app: App, path: str) -> TokenAnswer:
    form, other, server = _ready(app), _other_key(app), _server(app)
    server.elsewhere[path] = [public_part(other)]
    return _send(app, form(), other, jku=server.address + path)


def _idle_jku(app: App) -> TokenAnswer:
    form = _ready(app)
    return _send(app, form(), jku=_server(app).address + "/nothing-here.json")


def _certified_elsewhere(app: App) -> TokenAnswer:
    """Signed with a new key whose certificate, made by nobody but itself, is at a URL in the header (RFC 7515 section 4.1.5)."""
    form, other, server, path = _ready(app), _other_key(app), _server(app), "/elsewhere/certificate.pem"
    lines = textwrap.wrap(certificate(other), 64)
    server.certificates[path] = "\n".join(("-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""))
    return _send(app, form(), other, x5u=server.address + path)


WRONG: Mapping[str, Callable[[App], TokenAnswer]] = {
    "the signature of a key certified at a URL in its own header": _certified_elsewhere,
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


def _patience(app: App) -> float:
    """How long a pause between two fetches is waited for; a server that keeps the old set for good costs this once."""
    return min(_PATIENCE_S, app.engine.target.limits.wait_for_expiry_s)


def _rotated(app: App) -> Rotation:
    form, server = _ready(app), _server(app)
    try:
        server.restore(max_age=SHORT_S)
        _send_right(app, form())
        new = _other_key(app)
        server.replace([public_part(new)])
        let_pass(SHORT_S + _MARGIN_S)
        began = time.monotonic()
        rotation = Rotation(_send(app, form()), _send(app, form(), new))
        while not rotation.over and time.monotonic() + _PAUSE_S < began + _patience(app):
            let_pass(_PAUSE_S)
            rotation = Rotation(_send(app, form()), _send(app, form(), new), late_s=time.monotonic() - began)
        return rotation
    finally:
        _go_on(app, form)


def fetched(app: App) -> Fetches:
    """Two right requests within the ``max-age`` of the set."""
    form, server = _ready(app), _server(app)
    try:
        server.restore(max_age=LONG_S)
        start = server.fetches
        _send_right(app, form())
        between = server.fetches
        answer = _send_right(app, form())
        if time.monotonic() > server.fresh_until:
            raise TwinFailed(f"two token requests took longer than the {LONG_S} s for which the JWK Set may be kept")
        return Fetches(between - start, server.fetches - between, answer.exchange.id)
    finally:
        server.restore()
