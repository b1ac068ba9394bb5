"""What became of an authorization request in the browser."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from smartlaunch.browser import Landing
from smartlaunch.browser.catcher import same_target
from smartlaunch.errors import LoginStuck, NotConfigured, NotOffered, Unreachable
from smartlaunch.oauth.authorization import AuthorizationRequest


@dataclass(frozen=True)
class AuthorizationAnswer:
    """What became of an authorization request in the browser.

    ``landing`` says where the browser ended; ``exchanges`` are the ids of all that went over the wire for it.
    """

    request: AuthorizationRequest
    landing: Landing
    exchanges: tuple[str, ...] = ()
    obtained_at: float = 0.0

    def get(self, name: str) -> str:
        """The first value of a response parameter, or an empty string."""
        return next((value for key, value in self.landing.params if key == name), "")

    @property
    def arrived(self) -> bool:
        """Whether the browser came exactly to one of the addresses the app watches."""
        return self.landing.caught

    @property
    def came_near(self) -> bool:
        """Whether the browser came to the redirect URI, with or without the query that it has of its own."""
        return self.landing.kind == "caught" and same_target(
            urlsplit(self.request.redirect_uri)._replace(query="").geturl(), self.landing.url
        )

    @property
    def code(self) -> str:
        """The authorization code, or an empty string."""
        return self.get("code") if self.arrived else ""

    @property
    def error(self) -> str:
        """The error code of an error redirect, or an empty string."""
        return self.get("error") if self.arrived else ""

    @property
    def turned_away(self) -> bool:
        """Whether the last page says something and leaves nothing to do, or says what is wrong and leaves nothing that helps.

        That is a refusal, where a right request gets on by the same way.
        """
        landing = self.landing
        said = bool(landing.complaint) or (bool(landing.text.strip()) and not landing.controls)
        return landing.kind == "no-way-on" and said and not landing.obstacle

    @property
    def exchange(self) -> str:
        """The id of the last exchange, the one that shows the answer."""
        return self.exchanges[-1] if self.exchanges else ""

    @property
    def chose_patient(self) -> bool:
        """Whether a page let the user choose the patient on the way."""
        return self.landing.chose_patient

    def describe(self) -> str:
        """One sentence on where the browser ended, free of secrets but for values the judge scrubs."""
        landing = self.landing
        if landing.kind == "caught" and not landing.caught:
            return f"the browser was sent to {landing.url.split('?')[0].split('#')[0]}, which is not the redirect URI"
        if landing.kind == "caught":
            if self.code:
                return "the browser came back with an authorization code"
            if self.error:
                return f"the browser came back with error={self.error}" + (
                    f" ({self.get('error_description')})" if self.get("error_description") else ""
                )
            names = ", ".join(sorted({k for k, _ in landing.params})) or "no parameters"
            return f"the browser came back with neither code nor error ({names})"
        page = f" (status {landing.status}, title {landing.title!r})" if landing.title or landing.status else ""
        words = {
            "error-page": "the authorization server showed an error page",
            "no-way-on": "the authorization server showed a page with no way on",
            "timeout": "the login did not end within its limit",
            "unreachable": "the browser got no answer",
        }
        said = f', which says "{landing.complaint}"' if landing.complaint else ""
        return words.get(landing.kind, landing.kind) + page + said


def require_settled(answer: AuthorizationAnswer) -> None:
    """Raise ``LoginStuck`` or ``Unreachable`` when the browser got neither an answer nor a refusal."""
    landing = answer.landing
    if landing.kind == "unreachable" or (landing.kind == "timeout" and not landing.title and not landing.controls):
        raise Unreachable(
            f"the browser got no answer: {landing.reason or landing.text or landing.title}",
            waited_for="the authorization endpoint",
            hint="run `smartlaunch doctor`",
        )
    require_what_it_lacks(landing)
    if landing.kind in ("no-way-on", "timeout"):
        controls = "; ".join(landing.controls[:12]) if landing.controls else "none"
        raise (NotOffered if landing.not_offered else LoginStuck)(
            f"the login got stuck on the page {landing.title!r} (status {landing.status}) after: {', '.join(landing.steps) or 'nothing'}."
            + (f" {landing.reason[0].upper()}{landing.reason[1:]}." if landing.reason else "")
            + f" Visible controls: {controls}",
            waited_for="the navigation back to the app",
            hint="mend [patients] or the patients of the user in the target file"
            if landing.not_offered
            else "paste a step for this page into the target file (docs/target-file.md), or run with --headed and help by hand"
            + (f":\n{landing.proposal}" if landing.proposal else ""),
            artifacts=(landing.screenshot,) if landing.screenshot else (),
        )


def require_what_it_lacks(landing: Landing) -> None:
    """``NotConfigured`` where a page wants what the target file does not have."""
    if landing.lacks:
        raise NotConfigured(f"the page {landing.title!r}: {landing.reason}", key=landing.lacks)


def require_no_obstacle(landing: Landing) -> None:
    """Raise where a walk ended at something by which nothing is judged: a lock, a captcha, a second factor (``LoginStuck``), or a limit
    or an outage that may be over the next time (``Unreachable``).
    """
    if not landing.obstacle:
        return
    kind = Unreachable if landing.obstacle in ("rate-limit", "outage") else LoginStuck
    raise kind(
        f"the login ended at something that is neither a refusal nor a success ({landing.obstacle})\n{landing.describe()}",
        waited_for="the navigation back to the app",
        hint="see the page by hand, in a browser; use a test user without a second factor, and wait where the server asks for it",
        artifacts=(landing.screenshot,) if landing.screenshot else (),
    )
