"""What stands in the way of a sign-in and is neither a refusal nor a success: a lock, a captcha, a second factor, a limit, an outage."""

from __future__ import annotations

import re
from dataclasses import dataclass

from smartlaunch.browser.landing import ObstacleKind
from smartlaunch.browser.recipes.fields import is_login, is_one_time
from smartlaunch.browser.snapshot import PageSnapshot


@dataclass(frozen=True)
class Obstacle:
    """What stands in the way, and the page's own words for it."""

    kind: ObstacleKind
    said: str = ""

    @property
    def sentence(self) -> str:
        """One sentence for a message."""
        return f"{_SENTENCES[self.kind]}{f' ({self.said})' if self.said else ''}"


_SENTENCES: dict[ObstacleKind, str] = {
    "locked": "the page says that the account is locked",
    "captcha": "the page asks for a captcha; no test can pass it",
    "second-factor": "the page asks for a second factor; give totp_secret for this user, or use a test user without one",
    "rate-limit": "the server says that it was asked too often",
    "outage": "the server says that it is out of service for now",
    "firewall": "a firewall in front of the server does not let the browser through",
}

_LOCKED = re.compile(
    r"\b(?:account|user(?:name)?)\b[^.\n]{0,40}\b(?:is|was|has been|have been|been|now|temporarily)\b[^.\n]{0,20}"
    r"\b(?:locked|disabled|suspended|blocked|deactivated|frozen)\b|\baccount (?:locked|lockout|disabled|suspended)\b|\blocked out\b|"
    r"\btoo many (?:failed |unsuccessful |incorrect |invalid )(?:\w+[ -]){0,2}(?:attempts?|log-?ins?|sign-?ins?|tries)\b|"
    r"\b(?:konto|benutzer)[^.\n]{0,30}gesperrt\b|\bcompte[^.\n]{0,30}(?:bloqué|verrouillé)|\bcuenta[^.\n]{0,30}bloqueada",
    re.IGNORECASE,
)
_RATE = re.compile(r"\btoo many (?:requests|attempts|log-?ins?|sign-?ins?)\b|\brate[ -]limit(?:ed|s)?\b|\bthrottled\b", re.IGNORECASE)
_OUTAGE = re.compile(
    r"\b(?:under|scheduled|planned|undergoing) maintenance\b|\bmaintenance (?:mode|window|in progress)\b|\bbad gateway\b|"
    r"\bgateway time-?out\b|\bservice (?:is )?(?:temporarily )?unavailable\b|\btemporarily (?:unavailable|down|out of service|offline)\b|"
    r"\bwe(?:'|\u2019)?(?:ll| will) be back\b",
    re.IGNORECASE,
)
_FIREWALL = re.compile(
    r"\brequest (?:was |has been )?(?:blocked|rejected)\b|\bincident id\b|\bsupport id is\b|\bray id\b|\bunusual traffic\b|"
    r"\bchecking (?:your browser|if the site connection is secure)\b|\bverify(?:ing)? (?:that )?you are (?:a )?human\b|"
    r"\byou have been blocked\b|\bweb application firewall\b",
    re.IGNORECASE,
)
_SECOND_FACTOR = re.compile(
    r"\b(?:two|2|multi)[ -]?(?:factor|step)\b|\bauthenticator app\b|\bone[ -]time (?:code|password|passcode)\b|"
    r"\b(?:verification|security) code\b|\bapprove (?:the |this |your )?(?:sign-?in|log-?in|request|notification)\b|"
    r"\bpush notification\b|\bcheck your (?:phone|device)\b|\bverify (?:it(?:'|\u2019)?s you|your identity)\b|"
    r"\bset ?up (?:an? )?(?:security method|authenticator|mfa)\b",
    re.IGNORECASE,
)
_WRONG = re.compile(
    r"\b(?:invalid|incorrect|wrong|bad|unknown|unrecogni[sz]ed|not (?:valid|correct|recogni[sz]ed|match))\b[^.\n]{0,60}"
    r"\b(?:user ?(?:name|id)?|e-?mail|passwords?|passcode|credentials?|log-?in|account|combination)\b|"
    r"\b(?:user ?(?:name|id)?|e-?mail|passwords?|credentials?|account|combination)\b[^.\n]{0,60}"
    r"\b(?:invalid|incorrect|wrong|not (?:valid|correct|recogni[sz]ed|found|exist)|did(?:n't| not) match|"
    r"do(?:es)?(?:n't| not) (?:match|exist))\b|"
    r"\b(?:do not|don'?t|could not|couldn'?t) (?:know|find|recogni[sz]e) (?:this|your|that|the|an?) (?:\w+ )?(?:account|user|email)\b|"
    r"\b(?:authentication|log-?in|sign-?in) (?:has )?failed\b|\bbad credentials\b|\b(?:benutzer|passwort|kennwort)\w*[^.\n]{0,40}falsch\b|"
    r"\bmot de passe[^.\n]{0,40}(?:incorrect|invalide)|\bcontraseña[^.\n]{0,40}(?:incorrecta|no válida)",
    re.IGNORECASE,
)


def obstacle_of(page: PageSnapshot) -> Obstacle | None:
    """What stands in the way on this page, by its status, its fields and its words."""
    said, locked = _told(page), locked_words(page)
    if locked:
        return Obstacle("locked", locked)
    if page.captcha and (page.status < 400 or page.status in (403, 429)):
        return Obstacle("captcha")
    if _second_factor(page, said):
        return Obstacle("second-factor", _words(page))
    if page.status == 429 or _RATE.search(said):
        return Obstacle("rate-limit", _words(page))
    if page.status in (502, 503, 504) or (not 400 <= page.status < 500 and _OUTAGE.search(said)):
        return Obstacle("outage", _words(page))
    if _FIREWALL.search(said):
        return Obstacle("firewall", _words(page))
    return None


def _second_factor(page: PageSnapshot, said: str) -> bool:
    if any(is_one_time(c) for c in page.of_kind("text", "password")):
        return True
    return page.status < 400 and not is_login(page) and bool(_SECOND_FACTOR.search(said))


def locked_words(page: PageSnapshot) -> str:
    """What the page says of an account that is locked, or an empty string."""
    said = _told(page)
    found = _LOCKED.search(said)
    return _around(said, found) if found is not None else ""


def blames_credentials(said: str) -> bool:
    """Whether a refusal calls user name or password wrong; one that says nothing may as well."""
    return not said.strip() or bool(_WRONG.search(said))


def _told(page: PageSnapshot) -> str:
    """Errors, headings and the beginning of the text: what a page says first, not what stands in its small print."""
    return "\n".join((*page.errors, page.title, *page.headings, page.text[:800]))


def _around(said: str, found: re.Match[str]) -> str:
    """The line of the words that were found, as much as a message bears."""
    begin = said.rfind("\n", 0, found.start()) + 1
    end = said.find("\n", found.end())
    return " ".join(said[begin : end if end >= 0 else len(said)].split())[:160]


def _words(page: PageSnapshot) -> str:
    """What the page says it is about."""
    return " ".join((page.errors or page.headings or (page.title,))[0].split())[:160]
