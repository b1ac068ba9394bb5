"""Everything the embedded EHR remembers while it runs.

Plain objects in dictionaries.  Nothing is thrown away at once when it expires or is revoked: that a token is known but no longer good
is for the place that uses it to judge, because that judgement is a rule that a defect can break.  What has been over for long is
forgotten, and of each kind only so many are kept, so that a server that runs for weeks does not grow.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection
    from starlette.responses import Response

    from smartlaunch.embedded_ehr.registry import Client, User

SESSION_COOKIE = "lakeside_session"
_RANDOM_BYTES = 32
KEPT_AFTER_ITS_END_S = 3600.0
SESSION_LIFETIME_S = 12 * 3600.0
MOST_OF_A_KIND = 20_000
_BETWEEN_SWEEPS_S = 60.0
T = TypeVar("T")


def new_secret() -> str:
    """Return 256 random bits, base64url."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


@dataclass
class AccessToken:
    """An access token and what it stands for."""

    value: str
    client_id: str
    scopes: tuple[str, ...]
    patient: str | None
    encounter: str | None
    fhir_user: str | None
    user: str | None
    aud: str
    issued_at: float
    expires_at: float
    revoked: bool = False
    session: str | None = None
    grant: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    enforced: tuple[str, ...] = ()
    subject: str | None = None
    seen: bool = False
    looked_up: bool = False
    told: bool = False
    """Somebody was told that it is active."""
    offered: tuple[str, ...] = ()
    """What the person could have granted, where they granted less."""


@dataclass
class RefreshToken:
    """A refresh token, bound to its client and to the grant it came from."""

    value: str
    client_id: str
    scopes: tuple[str, ...]
    user: str
    grant: str
    aud: str
    patient: str | None
    encounter: str | None
    context: dict[str, Any]
    online: bool
    session: str | None
    issued_at: float
    expires_at: float
    nonce: str | None = None
    auth_time: float = 0.0
    revoked: bool = False
    used: bool = False
    used_at: float = 0.0
    requested: tuple[str, ...] = ()
    unbound: bool = False
    """Only a server that forgets what was granted sets it."""


@dataclass
class Code:
    """An authorization code and everything it is bound to."""

    value: str
    client_id: str
    redirect_uri: str
    code_challenge: str | None
    code_challenge_method: str | None
    requested: tuple[str, ...]
    scopes: tuple[str, ...]
    user: str
    aud: str
    patient: str | None
    encounter: str | None
    context: dict[str, Any]
    nonce: str | None
    session: str | None
    grant: str
    auth_time: float
    issued_at: float
    expires_at: float
    used: bool = False
    posted: bool = False
    put_off: str = ""
    used_at: float = 0.0


@dataclass
class Launch:
    """A launch that the chart began: for one app, one user, one chart."""

    value: str
    client_id: str
    username: str
    patient: str | None
    encounter: str | None
    issued_at: float
    expires_at: float


@dataclass
class Transaction:
    """One authorization request on its way through login, pickers and consent."""

    value: str
    client_id: str
    redirect_uri: str
    parameters: dict[str, str]
    session: str | None = None
    username: str | None = None
    typed_username: str | None = None
    patient: str | None = None
    encounter: str | None = None
    launch: Launch | None = None
    context: dict[str, Any] = field(default_factory=dict)
    login_done: bool = False
    encounter_done: bool = False
    decided: bool = False
    put_off: str = ""
    same_person: bool = False
    auth_time: float = 0.0
    issued_at: float = 0.0

    @property
    def session_is_older(self) -> bool:
        """Say whether the person had signed in before this request came."""
        return self.username is not None and self.auth_time < self.issued_at


@dataclass
class Session:
    """A signed-in browser, with the scopes that were allowed in it, by user name and client."""

    value: str
    username: str
    started_at: float
    ended: bool = False
    approved: dict[tuple[str, str], set[str]] = field(default_factory=dict)


class State:
    """The registry, and all that was issued since the start."""

    def __init__(
        self,
        base_url: str,
        *,
        clients: dict[str, Client],
        users: dict[str, User],
        launch_lifetime_s: float = 300,
        fhir_path: str = "/fhir",
        issuer_path: str = "/oauth",
        late_s: float = 0,
        one_session_each: bool = False,
        fhir_host: str = "",
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.clients = clients
        self.users = users
        self.launch_lifetime_s = launch_lifetime_s
        self.fhir_path = fhir_path
        self.issuer_path = issuer_path
        self.late_s = late_s
        self.one_session_each = one_session_each
        self.fhir_host = fhir_host
        self.sessions: dict[str, Session] = {}
        self.transactions: dict[str, Transaction] = {}
        self.launches: dict[str, Launch] = {}
        self.codes: dict[str, Code] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.refresh_tokens: dict[str, RefreshToken] = {}
        self.id_tokens: dict[str, AccessToken] = {}
        self.used_assertions: dict[tuple[str, str], float] = {}
        self.approved: dict[tuple[str, str], set[str]] = {}
        self.open_charts: dict[str, str] = {}
        self._swept_at = self.now()

    @property
    def fhir_base_url(self) -> str:
        """The FHIR base URL, without a trailing slash."""
        return (self.fhir_host or self.base_url) + self.fhir_path

    @property
    def issuer(self) -> str:
        """The issuer of ID Tokens and the identifier of the authorization server."""
        return self.base_url + self.issuer_path

    def now(self) -> float:
        """Return the time that every lifetime is measured with."""
        return time.time() - self.late_s

    # -- what is over ---------------------------------------------------------------------------------------------------

    def forget_what_is_over(self) -> None:
        """Let go of what ended so long ago that no answer depends on it any more; a matter of once a minute."""
        now = self.now()
        if now < self._swept_at + _BETWEEN_SWEEPS_S:
            return
        self._swept_at = now
        before = now - KEPT_AFTER_ITS_END_S
        _keep(self.sessions, lambda one: not one.ended and one.started_at > now - SESSION_LIFETIME_S)
        _keep(self.transactions, lambda one: one.issued_at > before)
        _keep(self.launches, lambda one: one.expires_at > before)
        _keep(self.codes, lambda one: one.expires_at > before)
        _keep(self.access_tokens, lambda one: one.expires_at > before)
        _keep(self.refresh_tokens, lambda one: one.expires_at > before and (not one.revoked or one.issued_at > now - SESSION_LIFETIME_S))
        _keep(self.id_tokens, lambda one: one.expires_at > before)
        for used in [key for key, end in self.used_assertions.items() if end < before]:
            del self.used_assertions[used]

    # -- tokens ---------------------------------------------------------------------------------------------------------

    def lookup_access_token(self, value: str) -> AccessToken | None:
        """Return what is known of an access token, be it expired or revoked, or None for a value never issued."""
        return self.access_tokens.get(value)

    def lookup_refresh_token(self, value: str) -> RefreshToken | None:
        """Return what is known of a refresh token."""
        return self.refresh_tokens.get(value)

    def lookup_id_token(self, value: str) -> AccessToken | None:
        """Return the access token that was issued beside an ID Token: for a server that mistakes one for the other."""
        return self.id_tokens.get(value)

    def revoke_access_tokens(self, grant: str) -> None:
        """Revoke the access tokens that came from one authorization."""
        for access in self.access_tokens.values():
            if access.grant == grant:
                access.revoked = True

    def revoke_grant(self, grant: str) -> None:
        """Revoke every token that came from one authorization."""
        self.revoke_access_tokens(grant)
        for refresh in self.refresh_tokens.values():
            if refresh.grant == grant:
                refresh.revoked = True

    # -- launches -------------------------------------------------------------------------------------------------------

    def create_launch(self, client_id: str, username: str, patient: str | None, encounter: str | None = None) -> str:
        """Begin a launch from the chart and return its opaque value."""
        self.forget_what_is_over()
        now = self.now()
        launch = Launch(new_secret(), client_id, username, patient, encounter, now, now + self.launch_lifetime_s)
        self.launches[launch.value] = launch
        return launch.value

    # -- browser sessions -----------------------------------------------------------------------------------------------

    def session_of(self, request: HTTPConnection) -> Session | None:
        """Return the browser's live session."""
        session = self.sessions.get(request.cookies.get(SESSION_COOKIE, ""))
        return None if session is None or session.ended else session

    def session_user(self, request: HTTPConnection) -> User | None:
        """Return who is signed in in this browser."""
        session = self.session_of(request)
        return None if session is None else self.users.get(session.username)

    def begin_session(self, username: str) -> Session:
        """Start a session that no browser has yet."""
        self.forget_what_is_over()
        for earlier in self.sessions.values():
            earlier.ended = earlier.ended or (self.one_session_each and earlier.username == username)
        session = Session(new_secret(), username, self.now())
        self.sessions[session.value] = session
        return session

    def set_cookie(self, response: Response, session: Session) -> None:
        """Give the session to the browser."""
        secure = self.base_url.startswith("https:")
        response.set_cookie(SESSION_COOKIE, session.value, httponly=True, samesite="lax", path="/", secure=secure)

    def sign_in(self, response: Response, user: User) -> Session:
        """Start a session for the user and set its cookie."""
        session = self.begin_session(user.username)
        self.set_cookie(response, session)
        return session

    def sign_out(self, request: HTTPConnection, response: Response) -> Session | None:
        """End the browser's session, which also ends what was granted for online use only."""
        session = self.session_of(request)
        if session is not None:
            session.ended = True
        response.delete_cookie(SESSION_COOKIE, path="/")
        return session


def _keep(found: dict[str, T], wanted: Callable[[T], bool]) -> None:
    """Keep what is wanted, and of that the latest; dictionaries remember in which order things came."""
    gone = [key for key, one in found.items() if not wanted(one)]
    for key in gone:
        del found[key]
    for key in list(found)[: max(0, len(found) - MOST_OF_A_KIND)]:
        del found[key]
