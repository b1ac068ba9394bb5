"""Access token requests with one thing changed, by the words that features use for them."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from smartlaunch.client.app import App
from smartlaunch.client.authorization import AuthorizationAnswer
from smartlaunch.client.http import FORM_WITH_CHARSET, Form, answered
from smartlaunch.client.memory import Aging
from smartlaunch.errors import NotApplicable, NotConfigured, TwinFailed
from smartlaunch.exchange import Exchange
from smartlaunch.oauth import scopes as words
from smartlaunch.oauth.client_authentication import Credentials, none
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.probes import pkce
from smartlaunch.probes.authorization import mistyped, posted
from smartlaunch.probes.client_authentication import clients
from smartlaunch.probes.faults import altered, never_issued, other_case, other_end
from smartlaunch.probes.redirect_uri import COLLECTOR
from smartlaunch.probes.refresh.lines import has_refresh_token, refused
from smartlaunch.probes.revocation import Use, read_until_refused, used

REDEEMED_LATE = "code redeemed late"

_CODE_LIFETIME_S = 60
"""The guide recommends that codes live about a minute; what is older than this may be expected to be dead."""

Send = Callable[[App, AuthorizationAnswer], TokenAnswer]


def _changed(**changes: str | None) -> Send:
    """One form parameter set to another value; None leaves it out."""
    return lambda app, answer: app.token_request(app.code_form(answer, **changes))


def _longer_redirect_uri(app: App, answer: AuthorizationAnswer) -> TokenAnswer:
    return app.token_request(app.code_form(answer, redirect_uri=answer.request.redirect_uri + "x"))


def _queried(uri: str) -> str:
    return f"{uri}{'&' if '?' in uri else '?'}x=1"


def _encoded(path: str) -> str:
    """The path with its last letter written as its percent-encoding, which names the same place and is another string."""
    place = max((number for number, letter in enumerate(path) if letter.isascii() and letter.isalpha()), default=-1)
    return path if place < 0 else f"{path[:place]}%{ord(path[place]):02X}{path[place + 1 :]}"


def _with_path(change: Callable[[str], str]) -> Send:
    """The redirect URI with its path changed; ``NotApplicable`` where it has none that changes."""

    def send(app: App, answer: AuthorizationAnswer) -> TokenAnswer:
        right = answer.request.redirect_uri
        parts = urlsplit(right)
        other = urlunsplit(parts._replace(path=change(parts.path)))
        if other == right:
            raise NotApplicable("the path of the redirect URI has no letters to change")
        return app.token_request(app.code_form(answer, redirect_uri=other))

    return send


def _repeating(name: str, value: Callable[[], str]) -> Send:
    return lambda app, answer: app.token_request([*app.code_form(answer), (name, value())])


SECOND: Mapping[str, Callable[[], str]] = {
    "grant_type": lambda: "client_credentials",
    "code": never_issued,
    "redirect_uri": lambda: COLLECTOR,
    "code_verifier": lambda: secrets.token_urlsafe(48),
    "client_id": lambda: "another-client",
}
"""What a parameter is sent with a second time: another value of the same form."""

WITH: Mapping[str, Send] = {
    "no grant_type": _changed(grant_type=None),
    "an empty grant_type": _changed(grant_type=""),
    "an unknown grant_type": _changed(grant_type="authorization_codes"),
    "the grant_type in capitals": _changed(grant_type="AUTHORIZATION_CODE"),
    "the grant_type of a refresh": _changed(grant_type="refresh_token"),
    "no code": _changed(code=None),
    "an empty code": _changed(code=""),
    "no redirect_uri": _changed(redirect_uri=None),
    "the redirect_uri of another site": _changed(redirect_uri=COLLECTOR),
    "the redirect_uri with a trailing character": _longer_redirect_uri,
    "the redirect_uri with its path in the other case": _with_path(str.swapcase),
    "the redirect_uri with another trailing slash": _with_path(lambda path: path[:-1] if path.endswith("/") else path + "/"),
    "the redirect_uri with a letter of its path encoded": _with_path(_encoded),
    "the redirect_uri with a query": lambda app, a: app.token_request(app.code_form(a, redirect_uri=_queried(a.request.redirect_uri))),
    "a parameter it does not know": _changed(x_unknown_parameter="x"),
    "an unknown parameter without a value": _changed(x_unknown_parameter=""),
    "an empty scope": _changed(scope=""),
    "an empty resource": _changed(resource=""),
    "an empty client_assertion": _changed(client_assertion=""),
    "an empty refresh_token": _changed(refresh_token=""),
    **{f"a second {name}": _repeating(name, value) for name, value in SECOND.items()},
}
"""What is changed in the form of an access token request; everything else in it is right."""


def _everything(app: App, answer: AuthorizationAnswer, credentials: Credentials) -> tuple[str, list[tuple[str, str]]]:
    """All parameters of a right request, and the address that has them in its query."""
    pairs = [*app.code_form(answer), *credentials.form]
    joint = "&" if "?" in app.token_endpoint else "?"
    return app.token_endpoint + joint + urlencode(pairs), pairs


def _by_get(app: App, answer: AuthorizationAnswer) -> TokenAnswer:
    credentials = app.authentication.credentials()
    url, _ = _everything(app, answer, credentials)
    return app.token_request((), credentials, method="GET", url=url, content=b"")


def _in_the_query(app: App, answer: AuthorizationAnswer) -> TokenAnswer:
    credentials = app.authentication.credentials()
    url, _ = _everything(app, answer, credentials)
    return app.token_request((), credentials, url=url, content=b"")


def _as_json(app: App, answer: AuthorizationAnswer) -> TokenAnswer:
    credentials = app.authentication.credentials()
    _, pairs = _everything(app, answer, credentials)
    return app.token_request((), credentials, headers={"Content-Type": "application/json"}, content=json.dumps(dict(pairs)).encode())


BY: Mapping[str, Send] = {"GET": _by_get, "POST with everything in the query": _in_the_query, "POST as JSON": _as_json}
"""Ways of sending a request that is right in all else."""


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


OF_ANOTHER_CODE = "the code verifier of another code"
VERIFIERS = (*pkce.VERIFIERS, OF_ANOTHER_CODE)
"""Code verifiers that must not redeem a code."""


def redeem_with_verifier(app: App, label: str) -> TokenAnswer:
    """A fresh code with a code verifier that must not redeem it."""

    def make() -> TokenAnswer:
        other = app.bare_code().request.proof if label == OF_ANOTHER_CODE else None
        answer = app.bare_code()
        wrong = other.code_verifier if other is not None else pkce.VERIFIERS[label](answer.request.proof)
        return app.token_request(app.code_form(answer, code_verifier=wrong))

    return app.once(f"redeem {label}", make)


def redeem_without_verifier_after_a_wrong_one(app: App) -> TokenAnswer:
    """A code that was refused for its code verifier, redeemed once more with none."""

    def make() -> TokenAnswer:
        first = redeem_with_verifier(app, "another code verifier")
        require_refusal(first)
        form = dict(first.exchange.request.form)
        return app.token_request([(name, form[name]) for name in ("grant_type", "code", "redirect_uri")])

    return app.once("redeem without a verifier after a wrong one", make)


def redeem_with_wrong_verifier_after_a_slip(app: App) -> TokenAnswer:
    """A code whose user mistyped the password first, redeemed with a code verifier that is not its own."""

    def make() -> TokenAnswer:
        answer = mistyped(app)
        return app.token_request(app.code_form(answer, code_verifier=pkce.VERIFIERS["another code verifier"](answer.request.proof)))

    return app.once("redeem with a wrong verifier after a slip", make)


def redeem(app: App, label: str) -> TokenAnswer:
    """A fresh code redeemed by the access token request that the words name."""
    return app.once(f"redeem {label}", lambda: {**WITH, **BY}[label](app, app.bare_code()))


def redeem_elsewhere_after_post(app: App) -> TokenAnswer:
    """A code of a request by POST, redeemed with the redirect URI of another site; ``NotApplicable`` where no such request brings one."""

    def make() -> TokenAnswer:
        posted(app)
        answer = app.authorize(app.prepare().by("POST"))
        if not answer.code:
            raise NotApplicable("a right request by POST brings no code; the scenario on POST judges that")
        return app.token_request(app.code_form(answer, redirect_uri=COLLECTOR))

    return app.once("redeem elsewhere after a request by POST", make)


def redeem_junk(app: App) -> TokenAnswer:
    """A code that no server issued."""
    answer = app.grant().authorization
    return app.once("redeem junk", lambda: app.token_request(app.code_form(answer, code=never_issued())))


def redeem_junk_with_charset(app: App) -> TokenAnswer:
    """Such a code in a form whose media type names the charset; without that it is refused for the code alone."""
    answer, headers = app.grant().authorization, {"Content-Type": FORM_WITH_CHARSET}
    return app.once("redeem junk with charset", lambda: app.token_request(app.code_form(answer, code=never_issued()), headers=headers))


ALTERED: Mapping[str, Callable[[str], str]] = {
    "one character changed": altered,
    "another end": other_end,
    "its letters in the other case": other_case,
    "a blank at its end": lambda code: f"{code} ",
}
"""What becomes of a code that is another one then."""


def redeem_altered(app: App, label: str) -> TokenAnswer:
    """A code that is like one that was issued and not the same; nothing but such ones is ever tried with it."""
    answer = app.once("a code that nobody redeems as it is", app.bare_code)
    return app.token_request(app.code_form(answer, code=ALTERED[label](answer.code)))


def redeem_junk_as_nobody(app: App) -> TokenAnswer:
    """A code that no server issued, redeemed by a client that nobody knows."""
    answer = app.grant().authorization
    nobody = none(f"nobody-{secrets.token_hex(6)}")
    return app.once("redeem junk as nobody", lambda: app.token_request(app.code_form(answer, code=never_issued()), nobody))


def redeemed_by_second(app: App) -> TokenAnswer:
    """A fresh code of this app, redeemed by the second client with its own right credentials and this app's verifier."""
    other = app.other()
    other.grant()
    answer = app.bare_code()
    return other.token_request(app.code_form(answer))


def redeemed_under_another_name(app: App) -> TokenAnswer:
    """A fresh code of a public app, redeemed with its ``client_id`` in the other case, which is that of nobody or of somebody else."""

    def make() -> TokenAnswer:
        name = app.client.client_id.swapcase()
        if name == app.client.client_id:
            raise NotApplicable("the client_id has no letters to change")
        return app.token_request(app.code_form(app.bare_code()), none(name))

    return app.once("redeemed under another name", make)


def redeemed_by_another_kind(app: App) -> TokenAnswer:
    """A fresh code of this app, redeemed by a client that authenticates in another way, or not at all, with its own right credentials."""

    def make() -> TokenAnswer:
        other = clients.of_another_kind(app)
        other.grant()
        return other.token_request(app.code_form(app.bare_code()))

    return app.once("redeemed by a client of another kind", make)


def redeemed_late(app: App) -> TokenAnswer:
    """A code redeemed after its time.

    The client registered with short-lived codes is used where there is one. ``NotApplicable`` when the target file allows no waiting.
    """
    return app.aged(REDEEMED_LATE, lambda: redeem_late(app))


def redeem_late(app: App) -> Aging[TokenAnswer]:
    """The probe of ``redeemed_late``."""
    limit_s = app.engine.target.limits.wait_for_expiry_s
    if limit_s <= 0:
        raise NotConfigured(
            "waiting is not allowed: set limits.wait_for_expiry_s in the target file to let codes and tokens expire",
            key="[limits] wait_for_expiry_s",
        )
    try:
        other = app.other("short-lived")
    except NotApplicable:
        if limit_s < _CODE_LIFETIME_S:
            raise NotConfigured(
                f"codes may live {_CODE_LIFETIME_S} s; limits.wait_for_expiry_s = {limit_s:g} is shorter and no client with"
                " use = 'short-lived' is configured",
                key="[limits] wait_for_expiry_s",
            ) from None
        other = app
    answer = other.fresh_code()
    yield time.time() + min(limit_s, _CODE_LIFETIME_S if other is app else limit_s)
    return other.exchange(answer)


@dataclass(frozen=True)
class Replay:
    """A code redeemed again: each answer, and what the tokens of the first were good for before and after the second."""

    first: TokenAnswer
    second: TokenAnswer
    use: Use
    refreshed: TokenAnswer | None
    """What the refresh token of the first brought after the second; None where there was none."""
    third: TokenAnswer


def replayed(app: App) -> Replay:
    """A code of its own redeemed twice; other tokens of this client are tried before they are handed out again."""
    return app.once("replay", lambda: _replayed(app))


def _replayed(app: App) -> Replay:
    answer = app.fresh_code()
    first = app.exchange(answer)
    if not first.succeeded:
        raise TwinFailed(f"a fresh code was not redeemed: {first.describe()}")
    before = used(app, first)
    replay = app.exchange(answer)
    app.tokens.suspect()
    use = Use(before, read_until_refused(app, first) if before is not None else None)
    return Replay(first, replay, use, app.refresh(first.refresh_token) if first.refresh_token else None, app.exchange(answer))


def redeemed_after_refresh(app: App) -> TokenAnswer:
    """A code redeemed again once the refresh token that came of it was used; the refresh has to go well."""

    def make() -> TokenAnswer:
        grant = has_refresh_token(app, app.bare_grant())
        answer = app.refresh(grant.token.refresh_token)
        if not answer.succeeded:
            raise refused(answer)
        again = app.exchange(grant.authorization)
        app.tokens.suspect()
        return again

    return app.once("a code redeemed after a refresh", make)


@dataclass(frozen=True)
class Race:
    """What came of two requests for one thing that were under way at once: both answers, and what the tokens that came are good for."""

    answers: tuple[TokenAnswer, ...]
    uses: tuple[Exchange, ...]


def race(app: App, forms: Sequence[Form], credentials: Sequence[Credentials]) -> Race:
    """Both forms put at once; where more than one brought a token, each is tried, as a server that sees the race late revokes them."""
    answers = tuple(app.token_requests_together(forms, credentials))
    app.tokens.suspect()
    winners = [answer for answer in answers if answer.succeeded]
    return Race(answers, tuple(app.tokens.probe(winner) for winner in winners) if len(winners) > 1 else ())


def raced(app: App) -> Race:
    """A fresh code redeemed by two requests at once; ``TwinFailed`` where one after the other does as well."""

    def make() -> Race:
        form = app.code_form(app.bare_code())
        found = race(app, [form, form], [app.authentication.credentials() for _ in range(2)])
        if found.uses and replayed(app).second.succeeded:
            raise TwinFailed("a code brings a second token also when it comes again later", by="code-reuse-refused")
        return found

    return app.once("race for a code", make)


@dataclass(frozen=True)
class GrantTypes:
    """What the token endpoint says to each listed grant type, and which of them a configured client may use."""

    answers: Mapping[str, Exchange]
    usable: frozenset[str]


def ask_each_grant_type(app: App) -> GrantTypes:
    """What the token endpoint says to a request with nothing but a grant type, for each that the SMART configuration lists.

    ``NotApplicable`` when none is listed. A grant type that another of the configured clients is there for is asked as that one; that of
    the implicit grant never comes to the token endpoint.
    """
    listed = [name for name in app.engine.discovery.listed("grant_types_supported") if name != "implicit"]
    if not listed:
        raise NotApplicable("the SMART configuration lists no grant types of the token endpoint")
    backend = app.engine.target.find_client("backend")
    answers = {}
    for name in listed:
        asking = app.beside(backend, "") if name == "client_credentials" and backend is not None else app
        answers[name] = asking.token_request([("grant_type", name)]).exchange
        answered(answers[name])
    lasting = set(words.REFRESH) & set(app.scopes)
    usable = {"authorization_code"} | ({"client_credentials"} if backend is not None else set()) | ({"refresh_token"} if lasting else set())
    return GrantTypes(answers, frozenset(usable))
