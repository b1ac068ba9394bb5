"""Authorization requests: unusual but right ones, wrong ones, and how far a wrong one goes.

Each variation changes a right request in exactly one place, so that a refusal proves that this place was looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit, urlunsplit

from smartlaunch.addresses import origin
from smartlaunch.client.app import App
from smartlaunch.client.authorization import AuthorizationAnswer, require_settled
from smartlaunch.client.grant import Attempt
from smartlaunch.client.http import answered
from smartlaunch.client.situation import PLAIN
from smartlaunch.errors import LoginStuck, NotApplicable, NotConfigured, TwinFailed
from smartlaunch.exchange import Exchange
from smartlaunch.fhir import describe
from smartlaunch.oauth.authorization import AuthorizationRequest
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.probes import pkce
from smartlaunch.probes.faults import other_case
from smartlaunch.probes.pkce import Variation
from smartlaunch.probes.redirect_uri import COLLECTOR, OF_ANOTHER_APP, neighbour

RESERVED_STATE = "a+b c/d=e&f?g#h%25i;j:k,l~m.n_o-p@q!r$s'(t)*="
"""Every character that is reserved or easily decoded twice (RFC 3986 section 2.2), in one state."""

MARKUP = '"><img src=x onerror=smartlaunch_probe>'
"""Markup that would be live on a page that returns it unescaped."""


def _with_port(url: str) -> str:
    parts = urlsplit(url)
    port = (parts.port or (443 if parts.scheme == "https" else 80)) + 1
    return urlunsplit(parts._replace(netloc=f"{parts.hostname}:{port}"))


def _with_host_suffix(url: str, suffix: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.hostname}{suffix}" + (f":{parts.port}" if parts.port else "")))


def _path_above(url: str) -> str:
    parts = urlsplit(url.rstrip("/"))
    if not parts.path:
        raise NotApplicable("the FHIR base URL has no path, so there is none above it")
    return urlunsplit(parts._replace(path=parts.path.rpartition("/")[0]))


EMPTY_LAUNCH = "an empty launch"

BY: Mapping[str, Variation] = {"GET": lambda r: r, "POST": lambda r: r.by("POST")}
"""Methods of HTTP."""

WITH: Mapping[str, Variation] = {
    **pkce.RIGHT,
    "a state of reserved characters": lambda r: r.having(state=RESERVED_STATE),
    "a state of 256 characters": lambda r: r.having(state=(r.state * 8)[:256]),
    "a state with percent signs": lambda r: r.having(state="%41%2B%20" + r.state),
    "a state with blanks at its ends": lambda r: r.having(state=f" {r.state} "),
    "a state of one character": lambda r: r.having(state=r.state[0]),
    "a state in a request by POST": lambda r: r.having(state=RESERVED_STATE).by("POST"),
    "a state with blanks at its ends in a request by POST": lambda r: r.having(state=f" {r.state} ").by("POST"),
    "a parameter it does not know": lambda r: r.having(x_unknown_parameter="x"),
    "an unknown parameter without a value": lambda r: r.having(x_unknown_parameter=""),
    "an empty prompt": lambda r: r.having(prompt=""),
    "an empty login_hint": lambda r: r.having(login_hint=""),
    "an empty display": lambda r: r.having(display=""),
    "an empty max_age": lambda r: r.having(max_age=""),
    "an empty request": lambda r: r.having(request=""),
    EMPTY_LAUNCH: lambda r: r.having(launch=""),
}
"""What an unusual request has that is right all the same."""

RIGHT: Mapping[str, Variation] = {**BY, **WITH}
"""Unusual requests that are right and must succeed."""

AUD: Mapping[str, Variation] = {
    "another host": lambda r: r.having(aud="https://fhir.other-organization.example/r4"),
    "another path": lambda r: r.having(aud=r.get("aud").rstrip("/") + "-of-another-tenant"),
    "a path below": lambda r: r.having(aud=r.get("aud").rstrip("/") + "/another-tenant"),
    "the path above": lambda r: r.having(aud=_path_above(r.get("aud"))),
    "another port": lambda r: r.having(aud=_with_port(r.get("aud"))),
    "another host in a request by POST": lambda r: r.having(aud="https://fhir.other-organization.example/r4").by("POST"),
    "this host as a prefix": lambda r: r.having(aud=_with_host_suffix(r.get("aud"), ".evil.example")),
}
"""An ``aud`` parameter that names another server."""

RESPONSE_TYPES: Mapping[str, Variation] = {
    "no response_type": lambda r: r.having(response_type=None),
    "an unknown response_type": lambda r: r.having(response_type="cod"),
    "the response_type token": lambda r: r.having(response_type="token"),
    "an empty response_type": lambda r: r.having(response_type=""),
    "the response_type code and an unknown one": lambda r: r.having(response_type="code smartlaunch"),
    "the response_type code in capitals": lambda r: r.having(response_type="CODE"),
}

CLIENTS: Mapping[str, Variation] = {
    "an unknown client_id": lambda r: r.having(client_id=r.get("client_id") + "-nobody"),
    "no client_id": lambda r: r.having(client_id=None),
    "an empty client_id": lambda r: r.having(client_id=""),
    "a client_id that holds markup": lambda r: r.having(client_id=MARKUP),
    "a redirect_uri that holds markup": lambda r: r.having(redirect_uri=r.redirect_uri + MARKUP),
    "a response_type that holds markup": lambda r: r.having(response_type="code" + MARKUP),
    "the client_id in other case": lambda r: r.having(client_id=other_case(r.get("client_id"))),
}

SECOND: Mapping[str, str] = {
    "response_type": "token",
    "client_id": "another-client",
    "redirect_uri": COLLECTOR,
    "scope": "openid",
    "state": "another-state-another-state-another-state",
    "code_challenge": "A" * 43,
    "code_challenge_method": "plain",
    "aud": "https://fhir.other-organization.example/r4",
}
"""What a parameter is sent with a second time: another value of the same form."""


def _repeating(name: str) -> Variation:
    return lambda request: request.repeating(name, SECOND[name])


BY_POST: Mapping[str, Variation] = {
    "an unknown response_type by POST": lambda r: RESPONSE_TYPES["an unknown response_type"](r).by("POST"),
    "no challenge by POST": lambda r: pkce.WRONG["no challenge"](r).by("POST"),
    "a second scope by POST": lambda r: _repeating("scope")(r).by("POST"),
}
"""Faults in a request by POST."""

FOREIGN_SITE: Mapping[str, Variation] = {
    "a malformed scope": lambda r: r.having(scope='patient/"Patient".rs'),
    "another FHIR server as aud": AUD["another host"],
    "the wish for no page": lambda r: r.having(prompt="none"),
}
"""Further faults of a request that names the redirect URI of another site."""

WRONG: Mapping[str, Variation] = {
    **pkce.WRONG,
    **BY_POST,
    **RESPONSE_TYPES,
    **CLIENTS,
    **{f"a second {name}": _repeating(name) for name in SECOND},
    "an earlier redirect_uri": lambda r: r.preceding("redirect_uri", COLLECTOR),
}
"""Requests with one fault."""

UNUSUAL_STATE = "an unknown response_type and an unusual state"
BESIDE: Mapping[str, Variation] = {
    UNUSUAL_STATE: lambda r: RESPONSE_TYPES["an unknown response_type"](r.having(state=(RESERVED_STATE + r.state * 8)[:256]))
}
"""Requests with one fault, and with something that is unusual and right."""

ASKED = (*WRONG, *BESIDE)
"""What is wrong with a request."""


# -- put to the server ------------------------------------------------------------------------------------------------------


def vary(app: App, label: str) -> Attempt:
    """The right flow with an unusual but permitted request, as far as it goes; the usual one has to succeed first."""

    def make() -> Attempt:
        app.grant()
        if label == EMPTY_LAUNCH and app.launch_kind == "ehr":
            raise NotApplicable("the request of an EHR launch has a launch parameter, so there is no empty one to put")
        if label != "POST" and RIGHT[label](app.request()).method == "POST":
            posted(app)
        return app.attempt(change=RIGHT[label])

    return app.once(f"authorize {label}", make)


def ask(app: App, fault: Variation, *, catch: Sequence[str] = ()) -> AuthorizationAnswer:
    """A request with one fault, put to the server once the right one has succeeded; what may have another cause is followed by one."""
    app.grant()
    return app.require_still_right(app.authorize(fault(app.prepare()), catch=catch))


def posted(app: App) -> Attempt:
    """The right flow by POST; ``NotApplicable`` where it brings no code, or gets stuck where one by GET does not."""
    attempt: Attempt | None = None
    with suppress(LoginStuck):
        attempt = vary(app, "POST")
    if attempt is None or not attempt.authorization.code:
        raise NotApplicable("a right request by POST brings no code; the scenario on POST judges that")
    return attempt


def ask_wrong(app: App, label: str) -> AuthorizationAnswer:
    """A request with the fault that the words name; ``NotApplicable`` where the target's edition finds nothing wrong with it."""
    if label in BY_POST:
        posted(app)
    if label == UNUSUAL_STATE and not vary(app, "a state of 256 characters").authorization.code:
        raise NotApplicable("a right request with a long state brings no code; the scenario on unusual states judges that")
    if label.removesuffix(" by POST") in pkce.WRONG and app.engine.target.edition == "1.0":
        raise NotApplicable("PKCE came with edition 2.0, so for edition 1.0 nothing is wrong with such a request")
    return app.once(f"authorize {label}", lambda: ask(app, {**WRONG, **BESIDE}[label]))


def ask_listed_response_types(app: App) -> dict[str, AuthorizationAnswer]:
    """What comes of each response type beside ``code`` that the SMART configuration lists; ``NotApplicable`` where it lists no other."""
    listed = [name for name in app.engine.discovery.listed("response_types_supported") if name != "code"]
    if not listed:
        raise NotApplicable("the SMART configuration lists no response type other than `code`")
    return {name: app.once(f"listed response type {name}", partial(_ask_response_type, app, name)) for name in listed}


def _ask_response_type(app: App, name: str) -> AuthorizationAnswer:
    return ask(app, lambda request: request.having(response_type=name))


def ask_wrong_aud(app: App, label: str) -> AuthorizationAnswer:
    """A request for another server's data, watched for at that server, to which no page of this one may lead."""
    if AUD[label](app.request()).method == "POST":
        posted(app)
    named = AUD[label](app.prepare()).get("aud")
    elsewhere = [named] if origin(named) != origin(app.engine.target.fhir_base_url) else []
    return app.once(f"authorize aud {label}", lambda: ask(app, AUD[label], catch=elsewhere))


def strayed(answer: AuthorizationAnswer) -> bool:
    """Whether the pages led the browser, with the request, to the server that nothing but its ``aud`` parameter names."""
    landing, named = answer.landing, answer.request.get("aud")
    return landing.kind == "caught" and bool(named) and origin(landing.url) == origin(named) != origin(answer.request.redirect_uri)


def ask_without_aud(app: App) -> AuthorizationAnswer:
    """A request that does not say whose data it is for."""
    return ask(app, lambda request: request.having(aud=None))


def ask_wrong_redirect(app: App, label: str) -> AuthorizationAnswer:
    """A request whose redirect URI is not a registered one, watched for at that address."""
    own, known = app.client.redirect_uri, app.client.registered.redirect_uris
    forged = app.engine.target.redirect_uri_of_another(app.client) if label == OF_ANOTHER_APP else neighbour(label, own)
    if forged in known:
        raise NotApplicable("that redirect URI is registered for this client too, by the target file")
    answer = app.once(f"redirect {label}", lambda: ask(app, lambda r: r.having(redirect_uri=forged), catch=[forged.split("#")[0]]))
    if label == OF_ANOTHER_APP and answer.code and not known:
        raise NotConfigured(
            "the server takes the redirect URI of another app, and nothing says that it is not registered for this one as well",
            key=f"[clients.{app.client.name}.registered] redirect_uris",
        )
    return answer


FORGED: Mapping[str, Variation] = {**WRONG, **FOREIGN_SITE}
"""What is wrong with a forged request besides its redirect URI."""


def ask_open_redirector(app: App, label: str) -> AuthorizationAnswer:
    """A request with a fault that also names the redirect URI of another site, watched for at that site."""
    return ask(app, lambda r: FORGED[label](r.having(redirect_uri=COLLECTOR)), catch=[COLLECTOR])


def _with_unusual_state(app: App) -> Variation:
    """Makes a request one with a state of reserved characters, where one comes back as it was sent: that it does not, is judged alone.

    In the plain situation only: there such a state is tried anyway.
    """
    if app.situation != PLAIN or ("state", RESERVED_STATE) not in vary(app, "a state of reserved characters").authorization.landing.params:
        return lambda request: request
    return lambda request: request.having(state=RESERVED_STATE + request.state[:16])


def denied(app: App) -> AuthorizationAnswer:
    """A right request that the user refuses at the consent page; ``NotApplicable`` when no such page is shown, or it takes no refusal."""
    return app.once("denial", lambda: _denied(app))


def _denied(app: App) -> AuthorizationAnswer:
    app.grant()
    session = f"{app.client.name}-{app.situation.slug}-denial"
    unusual = _with_unusual_state(app)
    answer = app.authorize(unusual(app.prepare()), consent="deny", session=session)
    if answer.code and not answer.landing.denied:
        answer = app.authorize(consent_anew(unusual(app.prepare())), consent="deny", session=f"{session}-anew")
    app.tokens.suspect()
    if answer.code and not answer.landing.denied:
        raise NotApplicable(no_consent(app, "to deny"))
    if answer.landing.no_denial:
        controls = "; ".join(answer.landing.controls[:12])
        raise NotApplicable(f"the page that asks for consent offers no way to deny; it has: {controls}")
    if not answer.arrived and not answer.landing.denied:
        require_settled(answer)
    return answer


def mistyped(app: App, time: str = "") -> AuthorizationAnswer:
    """A right request whose user types a wrong password first; ``NotApplicable`` where that did not end as it does without the slip.

    ``time`` tells one such request from another, each of which brings a code of its own.
    """

    def make() -> AuthorizationAnswer:
        app.grant()
        answer = app.authorize(app.prepare(), session=f"{app.client.name}-{app.situation.slug}-mistyped{time}", mistypes=True)
        app.tokens.suspect()
        if not answer.landing.mistyped:
            raise NotApplicable("no page asked for a password a second time, so none was mistyped")
        if not answer.code:
            raise NotApplicable(f"after a wrong password the right one brings no code: {answer.describe()}")
        return answer

    return app.once(f"mistyped password {time}".strip(), make)


def silent(app: App) -> AuthorizationAnswer:
    """A request that wants no page (``prompt=none``), in a browser where nobody is signed in; ``NotApplicable`` where a page comes."""

    def make() -> AuthorizationAnswer:
        app.grant()
        asked = _with_unusual_state(app)(app.prepare()).having(prompt="none")
        answer = app.engine.authorize_as_nobody(asked, catch=[app.client.redirect_uri])
        if not answer.arrived:
            raise NotApplicable("the server shows a page although the request wants none; the guide does not ask for that parameter")
        return answer

    return app.once("silent request", make)


def consent_anew(request: AuthorizationRequest) -> AuthorizationRequest:
    """The request with the wish to ask for consent though it was given before (OpenID Connect Core section 3.1.2.1)."""
    return request.having(prompt="consent")


def no_consent(app: App, what: str) -> str:
    """Why there was nothing to deny or to leave out."""
    if app.engine.asks_consent:
        return f"the server remembers an earlier consent and asks for none again, not even with prompt=consent, so there was nothing {what}"
    return f"the server asked for no consent, so there was nothing {what}"


def signed_in_by_nobody(app: App) -> AuthorizationAnswer:
    """A right request in a browser without any session, whose user has no credentials to give."""
    app.grant()
    return app.engine.authorize_as_nobody(app.prepare(), catch=[app.client.redirect_uri])


# -- how far does it go -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EndState:
    """How far a flow went that should have been refused: ``refused`` < ``code`` < ``token`` < ``data``."""

    stage: str
    authorization: AuthorizationAnswer
    token: TokenAnswer | None = None
    read: Exchange | None = None
    unread: NotConfigured | TwinFailed | None = None
    """Why nothing tells whether the token works, where it could not be tried."""

    def describe(self) -> str:
        """One sentence on the furthest step reached."""
        if self.read is not None:
            return f"an access token was issued and the FHIR server answered it with {describe(self.read.answer, self.read.error)}"
        if self.token is not None:
            return f"{self.authorization.describe()}; the token endpoint answered: {self.token.describe()}"
        return self.authorization.describe()

    def require_tried(self) -> None:
        """Raise where an access token came and nothing tells whether it works."""
        if self.unread is not None:
            raise self.unread

    @property
    def exchange(self) -> str:
        """The exchange that shows the furthest step."""
        if self.read is not None:
            return self.read.id
        return self.token.exchange.id if self.token is not None else self.authorization.exchange


def pursue(app: App, answer: AuthorizationAnswer, **changes: str | None) -> EndState:
    """Go on from an answer that should have been a refusal as far as the server lets the app.

    Whether a token works is told by a read that the app's own token was answered with success.
    """
    if not answer.code:
        return EndState("refused", answer)
    token = app.token_request(app.code_form(answer, **changes))
    answered(token.exchange)
    if not token.succeeded:
        return EndState("code", answer, token)
    try:
        app.tokens.readable(app.grant())
    except (NotConfigured, TwinFailed) as exc:
        return EndState("token", answer, token, unread=exc)
    read = app.tokens.probe(token)
    return EndState("data" if 200 <= read.answer.status < 300 else "token", answer, token, read)
