"""Access token requests with one thing changed, by the words that features use for them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, TwinFailed

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.oauth.authorization import AuthorizationAnswer
    from smartlaunch.oauth.token import TokenAnswer

Form = list[tuple[str, str]]

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


def junk_code() -> str:
    """A code of plausible length that no server issued."""
    return secrets.token_urlsafe(32)


def altered_code(code: str) -> str:
    """A code with one character in its middle changed; the last one may carry padding bits that nobody compares."""
    place = len(code) // 2
    return code[:place] + ("A" if code[place] != "A" else "B") + code[place + 1 :]


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
        import json

        return app.token_request(
            (), credentials, headers={"Content-Type": "application/json"}, content=json.dumps(dict(everything)).encode()
        )
    raise KeyError(label)


def _other(name: str) -> str:
    return {
        "grant_type": "client_credentials",
        "code": junk_code(),
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
    from smartlaunch.oauth.client_authentication import Credentials

    return app.token_request(app.code_form(app.bare_code()), Credentials())
