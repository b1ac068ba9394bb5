"""A client whose JWK Set the suite serves itself, so that keys, places and cache headers can change under the server's eyes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.oauth.client_authentication import Assertion, algorithm_of, new_key, public_part
from smartlaunch.probes import backend_services as client_credentials

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.apps import Apps
    from smartlaunch.client.keys import JwksServer
    from smartlaunch.oauth.token import TokenAnswer

SHORT_S = 1
"""``max-age`` of a set that is about to change."""
LONG_S = 5
"""``max-age`` of a set that should be fetched once; short enough for what comes after to wait it out."""
_MARGIN_S = 1.5


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


class PublishedKeys:
    """The client and the server of its JWK Set; every probe leaves the registered keys behind."""

    def __init__(self, app: App, server: JwksServer) -> None:
        self.app, self.server = app, server
        self._key = app.keys.signing_key(app.client)
        self._forms: list[list[tuple[str, str]]] = []

    # -- requests ---------------------------------------------------------------------------------------------------------

    def _form(self) -> list[tuple[str, str]]:
        """A right token request without credentials; its code was fetched before the keys were touched."""
        return self._forms.pop()

    def _prepare(self, count: int) -> None:
        self.server.settle()
        self.server.restore()
        app = self.app
        if app.client.role == "backend":
            answer = client_credentials.ask(app)
            answered(answer.exchange)
            if not answer.succeeded:
                raise TwinFailed(f"a right assertion of the client with a served JWK Set was refused: {answer.describe()}")
            self._forms = [[("grant_type", "client_credentials"), ("scope", " ".join(app.scopes))] for _ in range(count)]
        else:
            self._forms = [app.code_form(app.bare_code()) for _ in range(count)]

    def _assertion(self, key: dict[str, Any] | None = None, **header: Any) -> Assertion:
        signing = key or self._key
        return self.app.assertion().having(key=signing, algorithm=algorithm_of(signing), header={"kid": signing.get("kid"), **header})

    def _send(self, key: dict[str, Any] | None = None, **header: Any) -> TokenAnswer:
        answer = self.app.token_request(self._form(), self._assertion(key, **header).credentials())
        answered(answer.exchange)
        return answer

    def _right(self, key: dict[str, Any] | None = None) -> TokenAnswer:
        answer = self._send(key)
        if not answer.succeeded:
            raise TwinFailed(f"the same request with nothing wrong in it was refused: {answer.describe()}")
        return answer

    def _judged(self, send: Callable[[], TokenAnswer]) -> TokenAnswer:
        """An answer that counts only when the server looked at the changed set, or refused anyway."""
        before = self.server.fetches
        answer = send()
        if answer.succeeded and self.server.fetches == before:
            raise NotApplicable("the server did not fetch the changed JWK Set; the scenario on its cache judges that")
        return answer

    # -- probes -----------------------------------------------------------------------------------------------------------

    def present(self, label: str) -> TokenAnswer:
        """The answer to the assertion or key set that the words name."""
        probes: dict[str, Callable[[], TokenAnswer]] = {
            "a kid that two of its keys have": self._duplicate_kid,
            "the kid of one of its keys and the signature of another": self._kid_of_another,
            "a jku that nobody registered and the key that is there": lambda: self._foreign_jku("/elsewhere/jwks.json"),
            "a jku that begins like the registered one and the key that is there": lambda: self._foreign_jku(self.server.path + ".other"),
            "a jku that nobody registered and its own key": self._idle_jku,
        }
        return self.app.once(f"published {label}", lambda: self._safely(probes[label]))

    def _safely(self, probe: Callable[[], TokenAnswer]) -> TokenAnswer:
        try:
            return probe()
        finally:
            self.server.restore()

    def _duplicate_kid(self) -> TokenAnswer:
        self._prepare(1)
        other = {**new_key(algorithm_of(self._key)), "kid": self._key.get("kid")}
        self.server.keys = [public_part(self._key), public_part(other)]
        return self._judged(self._send)

    def _kid_of_another(self) -> TokenAnswer:
        self._prepare(2)
        other = new_key(algorithm_of(self._key))
        self.server.keys = [public_part(self._key), public_part(other)]
        self._right(other)
        return self._judged(lambda: self._send(self._key, kid=other["kid"]))

    def _foreign_jku(self, path: str) -> TokenAnswer:
        self._prepare(1)
        other = new_key(algorithm_of(self._key))
        self.server.elsewhere[path] = [public_part(other)]
        return self._send(other, jku=self.server.address + path)

    def _idle_jku(self) -> TokenAnswer:
        self._prepare(1)
        return self._send(jku=self.server.address + "/nothing-here.json")

    def methods(self) -> tuple[TokenAnswer, list[str]]:
        """A right request, and the methods by which the set was fetched so far."""
        self.server.settle()
        self.server.restore()
        before = len(self.server.methods)
        answer = self._unconditional()
        return answer, self.server.methods[before:]

    def _unconditional(self) -> TokenAnswer:
        from smartlaunch.probes.client_assertion import send_right

        answer = send_right(self.app)
        answered(answer.exchange)
        return answer

    def rotated(self, limit_s: float) -> Rotation:
        """The key withdrawn and replaced after a ``max-age`` of a second has run out; both are tried, the old one first."""
        if limit_s < SHORT_S + _MARGIN_S:
            raise NotApplicable(f"limits.wait_for_expiry_s = {limit_s:g} is too short to let a JWK Set of {SHORT_S} s grow stale")
        return self.app.once("published rotation", self._rotate)

    def _rotate(self) -> Rotation:
        self._prepare(3)
        try:
            self.server.restore(max_age=SHORT_S)
            self._right()
            new = new_key(algorithm_of(self._key))
            self.server.replace([public_part(new)])
            time.sleep(SHORT_S + _MARGIN_S)
            return Rotation(self._send(), self._send(new))
        finally:
            self.server.restore()

    def fetched(self) -> Fetches:
        """Two right requests within the ``max-age`` of the set."""
        self._prepare(2)
        try:
            self.server.restore(max_age=LONG_S)
            start = self.server.fetches
            self._right()
            between = self.server.fetches
            answer = self._right()
            if time.monotonic() > self.server.fresh_until:
                raise TwinFailed(f"two token requests took longer than the {LONG_S} s for which the JWK Set may be kept")
            return Fetches(between - start, self.server.fetches - between, answer.exchange.id)
        finally:
            self.server.restore()


def published(apps: Apps) -> PublishedKeys:
    """The probes over a client with a ``jwks_uri`` on loopback; ``NotApplicable`` when no client has one."""
    reasons = []
    for app in apps.any_of(["backend", "confidential-asymmetric"], ("primary", "second")):
        if app.client.jwks_uri:
            try:
                return PublishedKeys(app, apps.keys.server(app.client))
            except NotApplicable as exc:
                reasons.append(str(exc))
    raise NotApplicable("; ".join(reasons) or "no client has a jwks_uri, so no key set can change during the run")
