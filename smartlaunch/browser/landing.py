"""Where a walk through a server's pages ended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

LandingKind = Literal["caught", "stopped", "error-page", "no-way-on", "timeout", "unreachable"]
ObstacleKind = Literal["locked", "captcha", "second-factor", "rate-limit", "outage", "firewall"]


_PERSONAL = re.compile(r"\S+@\S+|\b\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b|\b\d[\d -]{3,}\d\b|\b(?=\w*\d)[\w-]{12,}\b")
"""Addresses, dates, long numbers and ids: in a page's text they may be a person's."""


def told(text: str) -> str:
    """What a page says in its first words, for a message: on one line, without what may be a person's date, number or address.

    A long text is a list or a chart, whose words are about people.
    """
    line = " ".join(text.split())
    if not 0 < len(line) <= 600:
        return ""
    return _PERSONAL.sub("...", line[:240]) + ("…" if len(line) > 240 else "")


@dataclass(frozen=True)
class Landing:
    """The end of one walk, with what a person would have seen.

    - ``caught``: the browser was sent to one of the URIs to catch, or to the host of one. ``caught_uri`` is the member of ``catch``
      that matches exactly by components; it is empty when only the host was right (``url`` says where it went instead).
    - ``stopped``: ``stop_when`` said so.
    - ``error-page``: a document with a status of 400 or more and no way to sign in; or a sign-in that was refused although the same
      user name and password had worked, which is a refusal of this request (``refused_sign_in`` holds the page's words).
    - ``no-way-on``: a page on which nothing can be done, or a download, or an empty answer; ``reason`` says which.
    - ``timeout``: the server did not answer, or a page did not finish loading, within the limit.
    - ``unreachable``: no connection, an untrusted certificate, redirects in a circle.

    ``params`` are those of the query, the fragment and the form, in this order, decoded, repeated names kept. ``status``, ``title``,
    ``text``, ``controls`` and ``page_url`` describe the last page that was shown. These are raw values: scrub them before writing.
    """

    kind: LandingKind
    caught_uri: str = ""
    url: str = ""
    method: str = "GET"
    params: tuple[tuple[str, str], ...] = ()
    fragment_used: bool = False
    status: int = 0
    title: str = ""
    text: str = ""
    controls: tuple[str, ...] = ()
    page_url: str = ""
    reason: str = ""
    screenshot: str = ""
    refused_sign_in: str = ""
    """What the page, or the answer to its script, said when it refused credentials that had worked; "no reason given" when nothing."""
    not_offered: bool = False
    """The page does not offer the patient or the encounter that the target file asks for."""
    no_denial: bool = False
    """The user wanted to deny, and the page that asks for consent takes no denial."""
    lacks: str = ""
    """The key of the target file that a page wants and that is not there."""
    complaint: str = ""
    """What the last page calls an error, where it came back however it was answered, or has nothing to fill in or choose and no way on."""
    refusal_exchanges: tuple[str, ...] = ()
    """The exchanges that came of the last sign-in form that was sent, when it was refused."""
    obstacle: ObstacleKind | Literal[""] = ""
    """What stands in the way and is neither a refusal nor a success; nothing can be judged by a walk that ended at one."""
    proposal: str = ""
    """A step for the target file that does what can be done on the last page, where the walk got stuck on it."""
    script_errors: tuple[str, ...] = ()
    """What the pages' own scripts failed at."""
    captures: tuple[str, ...] = ()
    """Screenshots of consent pages, taken when ``capture=True``, or of every page on which something was done, when pictures are wanted."""
    pages: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    """What was done, in words for people; what a program has to know stands in the fields below."""
    asked_consent: bool = False
    """Whether a page asked the user for consent, and was answered."""
    denied: bool = False
    """Whether a consent page was answered with a refusal."""
    unticked: tuple[str, ...] = ()
    """The scopes that were left out at a consent page."""
    agreed: tuple[str, ...] = ()
    """What the boxes of consent pages say that were left ticked, value and label."""
    mistyped: bool = False
    """Whether a wrong password was typed first, as the plan wanted it, and the right one after that."""
    chose_patient: bool = False
    """Whether a page let the user choose the patient on the way."""
    exchange_ids: tuple[str, ...] = ()
    duration_ms: float = 0.0

    def values(self, name: str) -> list[str]:
        """Every value of a parameter, in order."""
        return [value for key, value in self.params if key == name]

    def value(self, name: str) -> str | None:
        """The first value of a parameter, or None."""
        return next(iter(self.values(name)), None)

    @property
    def caught(self) -> bool:
        """Whether the browser was sent exactly to one of the URIs to catch."""
        return self.kind == "caught" and bool(self.caught_uri)

    def describe(self) -> str:
        """Say in a few lines where the walk ended: for messages of a stuck login. Holds no parameter values."""
        said = f"{self.kind.replace('-', ' ')}: {self.reason}" if self.reason else self.kind.replace("-", " ")
        lines = [said] if self.reason or self.kind != "no-way-on" else []  # whoever knows no way on has said so before
        if self.title or self.page_url:
            lines.append(f"page: {self.title or 'without a title'} (status {self.status}) at {self.page_url.split('?')[0].split('#')[0]}")
        if self.steps:
            lines.append(f"done so far: {'; '.join(self.steps)}")
        if self.kind not in ("caught", "unreachable"):
            lines.append(f"controls: {'; '.join(self.controls[:12]) or 'none'}")
            lines.extend(f"the page says: {said}" for said in [told(self.text)] if said)
        lines.extend(f"script error: {error}" for error in self.script_errors)
        if self.proposal:
            lines.append(f"to get on, paste this into the target file:\n{self.proposal}")
        return "\n".join(lines)
