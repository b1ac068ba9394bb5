"""Access token requests with one thing changed, by the words that features use for them."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from smartlaunch.client.app import App
from smartlaunch.client.authorization import AuthorizationAnswer
from smartlaunch.client.http import answered
from smartlaunch.client.memory import Aging
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.exchange import Exchange
from smartlaunch.oauth.client_authentication import Credentials
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.probes import authorization
from smartlaunch.probes.faults import altered, never_issued

Form = list[tuple[str, str]]

REDEEMED_LATE = "code redeemed late"

_CODE_LIFETIME_S = 60
"""The guide recommends that codes live about a minute; what is older than this may be expected to be dead."""

CHANGES: dict[str, dict[str, str | None]] = {
    "no grant_type": {"grant_type": None},
    "an empty grant_type": {"grant_type": ""},
    "an unknown grant_type": {"grant_type": "authorization_codes"},
    "the grant_type of a refresh": {"grant_type": "refresh_token"},
    "no code": {"code": None},
    "an empty code": {"code": ""},
    "no redirect_uri": {"redirect_uri": None},
    "the redirect_uri of another site": {"redirect_uri": "https://collector.example/redirect"},
    "a parameter it does not know": {"x_unknown_parameter": "x"},
    "an unknown parameter without a value": {"x_unknown_parameter": ""},
}
"""One form parameter set to another value; None leaves it out."""


def send(app: App, answer: AuthorizationAnswer, label: str) -> TokenAnswer:
    """Send the access token request that the words name; everything else in it is right."""
    right = app.code_form(answer)
    if label in CHANGES:
        return app.token_request(app.code_form(answer, **CHANGES[label]))
    if label == "the redirect_uri with a trailing character":
        return app.token_request(app.code_form(answer, redirect_uri=answer.request.redirect_uri + "x"))
    if label.startswith("a second "):
        return app.token_request([*right, (label.removeprefix("a second "), _other(label.removeprefix("a second ")))])
    credentials = app.credentials()
    everything = [*right, *credentials.form]
    if label == "GET":
        joint = "&" if "?" in app.token_endpoint else "?"
        return app.token_request((), credentials, method="GET", url=app.token_endpoint + joint + urlencode(everything), content=b"")
    if label == "POST with everything in the query":
        joint = "&" if "?" in app.token_endpoint else "?"
        return app.token_request((), credentials, url=app.token_endpoint + joint + urlencode(everything), content=b"")
    if label == "POST as JSON":
        return app.token_request(
            (), credentials, headers={"Content-Type": "application/json"}, content=json.dumps(dict(everything)).encode()
        )
    raise KeyError(label)


def _other(name: str) -> str:
    return {
        "grant_type": "client_credentials",
        "code": never_issued(),
        "redirect_uri": "https://collector.example/redirect",
        "code_verifier": secrets.token_urlsafe(48),
        "client_id": "another-client",
    }[name]


def require_refusal(token: TokenAnswer) -> None:
    """``NotApplicable`` when a token came instead of a refusal: the scenario on the refusal itself judges that."""
    answered(token.exchange)
    if token.succeeded:
        raise NotApplicable("the request was not refused; the scenario on the refusal judges that")


def require_no_other_cause(token: TokenAnswer) -> None:
    """``TwinFailed`` when a client that was let in got no token for another reason: its authentication was not the matter."""
    answered(token.exchange)
    if token.error in ("unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_grant"):
        raise TwinFailed(f"the request was refused for another reason than client authentication: {token.describe()}")


def without_client_id(app: App) -> TokenAnswer:
    """A public client's fresh code with everything but the ``client_id``."""
    return app.token_request(app.code_form(app.bare_code()), Credentials())


def redeem_with_verifier(app: App, label: str) -> TokenAnswer:
    """A fresh code with a code verifier that must not redeem it."""

    def make() -> TokenAnswer:
        other = app.bare_code().request.proof if label == "the code verifier of another code" else None
        answer = app.bare_code()
        wrong = other.code_verifier if other is not None else authorization.verifier(label, answer.request.proof)
        return app.token_request(app.code_form(answer, code_verifier=wrong))

    return app.once(f"redeem {label}", make)


def redeem(app: App, label: str) -> TokenAnswer:
    """A fresh code redeemed by the access token request that the words name."""
    return app.once(f"redeem {label}", lambda: send(app, app.bare_code(), label))


def redeem_junk(app: App) -> TokenAnswer:
    """A code that no server issued."""
    answer = app.grant().authorization
    return app.once("redeem junk", lambda: app.token_request(app.code_form(answer, code=never_issued())))


def redeem_altered(app: App) -> TokenAnswer:
    """A fresh code with one character changed."""
    answer = app.bare_code()
    return app.token_request(app.code_form(answer, code=altered(answer.code)))


def redeemed_by_second(app: App) -> TokenAnswer:
    """A fresh code of this app, redeemed by the second client with its own right credentials and this app's verifier."""
    other = app.other()
    answer = app.bare_code()
    return other.token_request(app.code_form(answer))


def redeemed_late(app: App) -> TokenAnswer:
    """A code redeemed after its time.

    The client registered with short-lived codes is used where there is one. ``NotApplicable`` when the target file allows no waiting.
    """
    return app.aged(REDEEMED_LATE, lambda: redeem_late(app))


def redeem_late(app: App) -> Aging[TokenAnswer]:
    """The probe of ``redeemed_late``."""
    limit_s = app.engine.target.limits.wait_for_expiry_s
    if limit_s <= 0:
        raise NotApplicable("waiting is not allowed: set limits.wait_for_expiry_s in the target file to let codes and tokens expire")
    try:
        other = app.other("short-lived")
    except NotApplicable:
        if limit_s < _CODE_LIFETIME_S:
            raise NotApplicable(
                f"codes may live {_CODE_LIFETIME_S} s; limits.wait_for_expiry_s = {limit_s:g} is shorter and no client with"
                " use = 'short-lived' is configured"
            ) from None
        other = app
    answer = other.fresh_code()
    yield time.time() + min(limit_s, _CODE_LIFETIME_S if other is app else limit_s)
    return other.exchange(answer)


@dataclass(frozen=True)
class Replay:
    """A code redeemed twice: both answers, and a read with the token of the first."""

    first: TokenAnswer
    second: TokenAnswer
    read: Exchange


def replayed(app: App) -> Replay:
    """A code of its own redeemed twice; other tokens of this client are tried before they are handed out again."""
    return app.once("replay", lambda: _replayed(app))


def _replayed(app: App) -> Replay:
    answer = app.fresh_code()
    first = app.exchange(answer)
    if not first.succeeded:
        raise TwinFailed(f"a fresh code was not redeemed: {first.describe()}")
    replay = app.exchange(answer)
    app.suspect()
    return Replay(first, replay, app.probe(first))


def ask_each_grant_type(app: App) -> dict[str, Exchange]:
    """What the token endpoint says to a request with nothing but a grant type, for each that the SMART configuration lists.

    ``NotApplicable`` when none is listed. A grant type that another of the configured clients is there for is asked as that one.
    """
    listed = app.engine.discovery.listed("grant_types_supported")
    if not listed:
        raise NotApplicable("the SMART configuration lists no grant types")
    backend = app.engine.target.find_client("backend")
    answers = {}
    for name in listed:
        asking = app.beside(backend, "") if name == "client_credentials" and backend is not None else app
        answers[name] = asking.token_request([("grant_type", name)]).exchange
        answered(answers[name])
    return answers
