"""The access tokens of one app: which of them live, and what can be read with them."""

from __future__ import annotations

import time
from collections.abc import Callable

from smartlaunch.client.engine import Engine
from smartlaunch.client.grant import Attempt, Grant
from smartlaunch.client.memory import Memory, TokenLife
from smartlaunch.client.reading import candidates
from smartlaunch.errors import NotConfigured, TwinFailed
from smartlaunch.exchange import Exchange
from smartlaunch.oauth import scopes as scope_words
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.target import Client

RIGHT_FLOW = "the right flow"
"""Under which an app remembers its right flow."""
_MARGIN_S = 20
"""A shared token is not handed out in its last seconds: the scenario needs time to use it."""


class AccessTokens:
    """Hands out access tokens that live, and knows a read that each should allow."""

    def __init__(self, engine: Engine, client: Client, memory: Memory, scopes: tuple[str, ...]) -> None:
        self.engine, self.client, self.memory, self.scopes = engine, client, memory, scopes
        # Grants that were handed out, by their access token, with what makes each of them anew.
        self._lent: dict[str, tuple[Grant, Callable[[], Grant]]] = {}
        # The reads that a good token of this app was answered with success.
        self._answered: set[str] = set()

    def lend(self, key: str, make: Callable[[], Grant]) -> Grant:
        """A living grant that several scenarios share, by key."""
        grant = self.memory.living(key, make, self.living)
        self._lent[grant.access_token] = (grant, lambda: self.lend(key, make))
        return grant

    def current(self, token: str) -> str:
        """The access token of a lent grant as it is by now.

        A server may keep one access token for each user, so that a login for one grant ends the token of another that a scenario still
        holds; what comes of that token then tells nothing of its scopes. Only where the server was seen to do so is anything asked.
        """
        life, lent = self._life, self._lent.get(token)
        if lent is None or not life.ends_overtaken or life.is_proven(token) or time.time() > lent[0].expires_at:
            return token
        return lent[1]().access_token

    def in_its_place(self, token: str) -> str:
        """The access token of a lent grant as it is by now, asked for anew where it is over; empty for any other token."""
        lent = self._lent.get(token)
        return lent[1]().access_token if lent is not None else ""

    def nearly_over(self, token: TokenAnswer) -> bool:
        """Whether the time that the answer gave its access token has passed, or is about to."""
        lifetime = token.expires_in
        return lifetime is not None and time.time() > token.received_at + lifetime - min(_MARGIN_S, lifetime / 4)

    def suspect(self) -> None:
        """Say that a probe may have made the server revoke tokens; each shared grant is tried before its next use."""
        self._life.serial += 1

    def begin(self, token: str) -> None:
        """Note a token that was just issued."""
        self._life.begin(token)
        self.engine.fhir.expect(token, self._holder)

    @property
    def _life(self) -> TokenLife:
        """What is known of the tokens of all apps together: a server may have one session for a user, whatever the app."""
        return self.engine.token_lives.setdefault(self._holder, TokenLife())

    @property
    def _holder(self) -> str:
        """Whose tokens may end each other: those of all apps with a user, and those of each backend service by itself."""
        return self.client.name if self.client.role == "backend" else ""

    def living(self, grant: Grant) -> bool:
        """Whether a grant from before can be handed out again: a server may end tokens when somebody logs in once more, or by itself.

        Tried by one read, and only where other tokens were issued or minutes have passed since the last one. A server may refuse a dead
        token with 403; that counts where the same read was answered before and the scopes of this token allow it.
        """
        life, token = self._life, grant.access_token
        if time.time() > grant.expires_at - min(_MARGIN_S, (grant.token.expires_in or 60) / 4):
            return False
        if life.is_proven(token):
            return True
        try:
            path = self.probe_path(grant.token)
        except NotConfigured:
            return True  # nothing can be read with it, so nothing can be tried
        answer = self.engine.fhir.read(path, token).heard
        allowed = path in self._answered and path in self._allowed(grant.token)
        if answer.status == 401 or (answer.status == 403 and allowed):
            if not life.renew(token):
                raise TwinFailed(
                    "the server ends access tokens so often that none lives long enough to be judged",
                    waited_for="an access token that lives for some requests",
                )
            return False
        if not answer.status:
            life.silent = True  # a server that keeps silent would cost its limit each time
        life.prove(token)
        return True

    def probe(self, token: TokenAnswer | Grant) -> Exchange:
        """A harmless FHIR read that the token should allow."""
        answer = token.token if isinstance(token, Grant) else token
        path = self.probe_path(answer)
        exchange = self.engine.fhir.read(path, answer.access_token)
        if 200 <= exchange.heard.status < 300:
            self._answered.add(path)
        return exchange

    def read_again(self, token: TokenAnswer) -> Exchange | None:
        """The read that a good token was answered with success before, with this token; None where nothing was."""
        return self.probe(token) if self._answered and self.probe_path(token) in self._answered else None

    def readable(self, grant: Grant) -> Exchange:
        """A read that a token is answered with success, the first of several that its scopes should allow.

        ``TwinFailed`` where there is none: then no refusal of a read tells anything of a token.
        """
        refused: list[Exchange] = []
        for path in dict.fromkeys([self.probe_path(grant.token), *self._candidates(grant.token)]):
            exchange = self.engine.fhir.read(path, grant.access_token)
            if 200 <= exchange.answer.status < 300:
                self._answered.add(path)
                return exchange
            refused.append(exchange)
        raise TwinFailed(
            f"none of {len(refused)} reads that the granted scopes allow is answered with success: status {refused[0].answer.status}",
            waited_for="one read that tells a good token from a bad one",
            by="bearer-header",
        )

    def probe_path(self, token: TokenAnswer) -> str:
        """What to read with a token: what has been answered before, else the likeliest of what its scopes should allow."""
        found = self._candidates(token)
        return next((path for path in found if path in self._answered), found[0])

    def _candidates(self, token: TokenAnswer) -> list[str]:
        """The reads that a token should allow; ``NotConfigured`` where the app has no scope on FHIR data, so that any server refuses."""
        if not any(map(scope_words.parse, [*self.scopes, *token.scopes])):
            key = f"[clients.{self.client.name}] scopes"
            raise NotConfigured("the app asks for no scope on FHIR data, so there is nothing to read", key=key)
        whose = token.patient or self._usual_patient or self.engine.target.patients.default
        return self._allowed(token) or [f"Patient/{whose}" if whose else "Patient?_count=1"]

    def _allowed(self, token: TokenAnswer) -> list[str]:
        """The reads that the scopes of a token allow; none where they are for what nobody knows an id of."""
        patient, known = token.patient or self._usual_patient, self.engine.target.patients.default or ""
        return candidates(token.scopes or list(self.scopes), patient, known)

    @property
    def _usual_patient(self) -> str:
        """The patient of the app's right flow: the answer to a refresh need not name the patient again."""
        ended = self.memory.outcome(RIGHT_FLOW)
        return ended.token.patient if isinstance(ended, Attempt) and ended.token is not None else ""
