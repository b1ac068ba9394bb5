"""FHIR requests with an access token that is missing, wrong, dead, or sent in an unusual way (RFC 6750).

What is asked for is what the app's own token has just read, so a refusal is one of the token and of nothing else.
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from smartlaunch.client.app import Grant, second
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.exchange import Endpoint
from smartlaunch.fhir import describe, discloses
from smartlaunch.probes.authorization import wrong
from smartlaunch.probes.fhir_access.reach import leeway

if TYPE_CHECKING:
    from smartlaunch.client.app import Aging, App, EndState
    from smartlaunch.exchange import Exchange

SCHEMES: Mapping[str, Callable[[str], str]] = {
    "the scheme Basic": lambda token: f"Basic {token}",
    "the scheme Token": lambda token: f"Token {token}",
    "no scheme": lambda token: token,
}
"""``Authorization`` values with a good token under something else than ``Bearer``."""

EXPIRED = "bearer expired"


@dataclass
class Bearer:
    """The probes of one app; every answer is fetched once in a run."""

    app: App

    @property
    def path(self) -> str:
        """What the token reads."""
        return self.app.probe_path(self.app.grant().token)

    def good(self) -> Exchange:
        """The read with the right token in the right place; ``TwinFailed`` when it discloses nothing."""
        grant = self.app.grant()
        exchange = self.app.once(f"a good read {grant.expires_at}", lambda: self.app.probe(grant))
        answered(exchange)
        if not discloses(exchange.answer):
            raise TwinFailed(f"a read with a good token was refused: {describe(exchange.answer)}")
        return exchange

    def _once(self, label: str, make: Callable[[], Exchange]) -> Exchange:
        self.good()
        exchange = self.app.once(f"bearer {label}", make)
        answered(exchange)
        return exchange

    # -- without a token, or with a wrong one -----------------------------------------------------------------------------------

    def without_token(self, form: str = "read") -> Exchange:
        """A request without any token: a read, a search, a search by POST or a batch."""
        return self._once(f"no token {form}", lambda: self._without(form))

    def _without(self, form: str) -> Exchange:
        fhir, patient = self.app.engine.fhir, self.app.grant().token.patient or self.app.engine.target.patients.default
        if form == "read":
            return fhir.read(self.path, None)
        if not patient:
            raise NotApplicable("no patient is known to search for")
        if form == "batch":
            entry = {"request": {"method": "GET", "url": f"Patient/{patient}"}}
            batch = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
            offered = answered(fhir.send("POST", "", self.app.grant().access_token, resource=batch))
            if not 200 <= offered.status < 300:
                raise NotApplicable(f"the server takes no batch: {describe(offered)}")
            return fhir.send("POST", "", None, resource=batch)
        if form == "search by POST":
            return fhir.search_by_post("Observation", [("patient", patient)], None)
        return fhir.search("Observation", [("patient", patient)], None)

    def with_wrong_token(self, label: str) -> Exchange:
        """The read with a token that the words name."""
        return self._once(label, lambda: self.app.engine.fhir.read(self.path, self._wrong(label)))

    def _wrong(self, label: str) -> str:
        grant = self.app.grant()
        token, answer = grant.access_token, grant.token
        if label == "a token that was never issued":
            return secrets.token_urlsafe(32)
        if label == "an altered token":
            place = len(token) // 2
            return token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        if label == "half a token":
            return token[: len(token) // 2]
        if label == "the authorization code":
            return grant.authorization.code
        if label in ("the refresh token", "the ID Token"):
            found = answer.refresh_token if label == "the refresh token" else answer.id_token
            if not found:
                raise NotApplicable(f"the token response has no {label.removeprefix('the ')}")
            return found
        parts = token.split(".")
        claims = _claims(parts[1]) if len(parts) == 3 else None
        if claims is None:
            raise NotApplicable("the access token is not a readable JWT")
        if label == "a token without its signature":
            return f"{_encoded({'alg': 'none', 'typ': 'JWT'})}.{parts[1]}."
        if label == "a token with other content":
            return f"{parts[0]}.{_encoded({**claims, 'scope': 'system/*.cruds user/*.cruds', 'exp': int(time.time()) + 86400})}.{parts[2]}"
        raise KeyError(label)

    # -- dead tokens ------------------------------------------------------------------------------------------------------------

    def expired(self) -> Exchange:
        """The read with a token after its ``expires_in`` and a leeway for clocks; the same token worked before."""
        return self.app.aged(EXPIRED, self.expire)

    def expire(self) -> Aging[Exchange]:
        """The probe of ``expired``."""
        limit = self.app.engine.target.limits.wait_for_expiry_s
        if limit <= 0:
            raise NotApplicable("waiting is not allowed: set limits.wait_for_expiry_s in the target file to let codes and tokens expire")
        app, own = self.app, self.app.grant().token.expires_in
        if own is None or own + leeway(own) > limit:
            with contextlib.suppress(NotApplicable):
                app = second(self.app, "short-lived")
        # A shared grant is not used: this one is to die.
        grant = app.require_grant(app.attempt())
        lifetime = grant.token.expires_in
        if lifetime is None:
            raise NotApplicable("the token response has no `expires_in`, so nobody knows when the token ends")
        wait = lifetime + leeway(lifetime)
        if wait > limit:
            raise NotApplicable(f"the token ends after {lifetime:g} s; set limits.wait_for_expiry_s = {wait:.0f} to judge this")
        path = app.probe_path(grant.token)
        twin = self.app.engine.fhir.read(path, grant.access_token)
        answered(twin)
        if not discloses(twin.answer):
            raise TwinFailed(f"a read with a fresh token was refused: {describe(twin.answer)}")
        yield grant.token.received_at + wait
        exchange = self.app.engine.fhir.read(path, grant.access_token)
        answered(exchange)
        return exchange

    def revoked(self) -> Exchange:
        """The read with a token that the app has revoked; the same token worked before."""
        return self.app.once("bearer revoked", self._revoked)

    def _revoked(self) -> Exchange:
        if not self.app.engine.discovery.has("revocation_endpoint"):
            raise NotApplicable("the SMART configuration has no `revocation_endpoint`")
        grant: Grant = self.app.fresh_grant()
        path = self.app.probe_path(grant.token)
        twin = self.app.engine.fhir.read(path, grant.access_token)
        answered(twin)
        if not discloses(twin.answer):
            raise TwinFailed(f"a read with a fresh token was refused: {describe(twin.answer)}")
        proof = self.app.credentials()
        form = [("token", grant.access_token), ("token_type_hint", "access_token"), *proof.form]
        revocation = self.app.engine.http.send(
            "POST",
            self.app.engine.discovery.url("revocation_endpoint"),
            endpoint=Endpoint.REVOCATION,
            headers=[("Accept", "application/json"), *proof.headers],
            form=form,
        )
        self.app.suspect()
        answered(revocation)
        if not 200 <= revocation.answer.status < 300:
            raise NotApplicable(f"the server did not revoke the access token: status {revocation.answer.status}")
        exchange = self.app.engine.fhir.read(path, grant.access_token)
        answered(exchange)
        return exchange

    def for_other_server(self) -> EndState:
        """How far the app comes with a request for a token for another resource server."""
        return self.app.once("bearer other server", lambda: self.app.pursue(self.app.ask_wrong(wrong("another path"))))

    # -- the way a token travels ------------------------------------------------------------------------------------------------

    def sent(self, way: str) -> Exchange:
        """The read with a good token, sent in the way that the words name."""
        return self._once(way, lambda: self._sent(way))

    def _sent(self, way: str) -> Exchange:
        fhir, token = self.app.engine.fhir, self.app.grant().access_token
        joint = "&" if "?" in self.path else "?"
        in_query = f"{self.path}{joint}{urlencode({'access_token': token})}"
        if way == "the query alone":
            return fhir.read(in_query, None)
        if way == "the header and the query":
            return fhir.read(in_query, token)
        if way == "the scheme in lower case":
            return fhir.send("GET", self.path, token, scheme="bearer")
        return fhir.send("GET", self.path, None, headers={"Authorization": SCHEMES[way](token)})


def _claims(part: str) -> dict[str, object] | None:
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _encoded(value: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
