"""The words that all reports share: the verdict, names of outcomes and sides, and text made safe to show.

One place, so that the terminal, the HTML page and JUnit never disagree about what a run came to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.finding import Outcome, Side
from smartlaunch.records import own_side
from smartlaunch.records.causes import Cause, group_findings
from smartlaunch.records.record import Run

OUTCOME_WORDS = {
    Outcome.PASSED.value: "passed",
    Outcome.FAILED.value: "failed",
    Outcome.WARNING.value: "advisory",
    Outcome.NOT_APPLICABLE.value: "not applicable",
    Outcome.NOT_CONFIGURED.value: "not configured",
    Outcome.BLOCKED.value: "blocked",
    Outcome.ERROR.value: "suite error",
}

OUTCOME_LETTERS = {
    Outcome.PASSED.value: "P",
    Outcome.FAILED.value: "F",
    Outcome.WARNING.value: "A",
    Outcome.NOT_APPLICABLE.value: "N",
    Outcome.NOT_CONFIGURED.value: "C",
    Outcome.BLOCKED.value: "B",
    Outcome.ERROR.value: "E",
}

WORST_FIRST = (
    Outcome.FAILED.value,
    Outcome.ERROR.value,
    Outcome.BLOCKED.value,
    Outcome.WARNING.value,
    Outcome.PASSED.value,
    Outcome.NOT_CONFIGURED.value,
    Outcome.NOT_APPLICABLE.value,
)

SIDE_WORDS = {
    Side.APP.value: "the app",
    Side.REGISTRATION.value: "the app's registration",
    Side.AUTHORIZATION_SERVER.value: "the authorization server",
    Side.FHIR_SERVER.value: "the FHIR server",
    Side.SESSION.value: "the browser or session",
    Side.SANDBOX.value: "a limit of the sandbox",
    Side.TARGET_FILE.value: "the target file",
    Side.UNDECIDED.value: "side not decided",
}

ENDPOINT_WORDS = {
    "discovery": "SMART configuration",
    "openid-configuration": "OpenID configuration",
    "metadata": "CapabilityStatement",
    "jwks": "JWK Set",
    "authorize": "authorization endpoint",
    "page": "page of the server",
    "redirect": "redirect URI",
    "launch": "launch URI",
    "token": "token endpoint",
    "introspection": "introspection endpoint",
    "revocation": "revocation endpoint",
    "fhir": "FHIR server",
    "style": "style document",
    "brands": "brands",
    "other": "other",
}


Rows = Mapping[str, Any]
"""Catalogue rows by id: what the reports read of one is its ``id``, ``text``, ``url`` and ``strength``."""


_MOST_OF_IT = 0.75
"""A run that could judge less of what binds the server is no plain pass, however green."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run came to: a word or two, the sentence, and an outcome that gives the colour."""

    word: str
    sentence: str
    tone: str


def verdict(run: Run) -> Verdict:
    """Sum a run up, what lies in the target file first; what could not be judged is part of the sentence and never counts as passed."""
    found = _verdict(run)
    own = [f"{said[:-1]}: mend the target file first." for said in own_side.sentences(run)]
    return replace(found, sentence=" ".join([*own, found.sentence])) if own else found


def _verdict(run: Run) -> Verdict:
    check = run.preflight_verdict
    counts, unjudged, judged = run.counts, _unjudged(run), count(run.judged, "judged scenario")
    if check == "mend":
        return Verdict("Not run", "The configuration has to be mended first; no scenario was put to the server.", Outcome.BLOCKED.value)
    if check == "unreachable" and not run.judged:
        return Verdict("Not run", "The target could not be reached, so nothing was judged.", Outcome.BLOCKED.value)
    failed, known = run.unknown(Outcome.FAILED), f" Known deviations: {count(len(run.known), 'scenario')}." if run.known else ""
    unjudged = f"{known}{unjudged}"
    if failed:
        causes = sum(c.outcome == Outcome.FAILED and not c.known for c in group_findings(run)) or failed
        breaks = f"{count(causes, 'cause')} {'breaks' if causes == 1 else 'break'} {failed} of {judged}"
        return Verdict("Failed", f"{breaks}.{unjudged}", Outcome.FAILED.value)
    if not run.judged:
        return Verdict("Nothing judged", f"No scenario came to a verdict.{unjudged}", Outcome.BLOCKED.value)
    nothing = "Nothing new failed" if run.known else "Nothing failed"
    if counts[Outcome.ERROR] or run.missing or run.unknown(Outcome.BLOCKED):
        return Verdict("Incomplete", f"{nothing} in {judged}.{unjudged}", Outcome.BLOCKED.value)
    if run.unknown(Outcome.WARNING):
        advisories = count(sum(c.outcome == Outcome.WARNING and not c.known for c in group_findings(run)), "advisory", "advisories")
        return Verdict("Passed with advisories", f"{nothing} in {judged}; {advisories} to read.{unjudged}", "warning")
    if run.known:
        return Verdict("Passed with known deviations", f"{nothing} in {judged}.{unjudged}", "warning")
    if run.judged < _MOST_OF_IT * run.bound:
        share = f"{100 * run.judged // run.bound} in 100 of what binds this server"
        return Verdict("Passed in part", f"Nothing was found wrong in {judged}, {share}.{unjudged}", "warning")
    return Verdict("Passed", f"Nothing was found wrong in {judged}.{unjudged}", Outcome.PASSED.value)


def _unjudged(run: Run) -> str:
    parts = [
        (run.unknown(Outcome.BLOCKED), "blocked"),
        (run.counts[Outcome.ERROR], "ended in an error of the suite"),
        (len(run.missing), "gave no result"),
        (run.counts[Outcome.NOT_CONFIGURED], "not configured"),
    ]
    said = [f"{number} {words}" for number, words in parts if number]
    return f" Not judged: {', '.join(said)}." if said else ""


def sections(causes: list[Cause]) -> list[tuple[str, list[Cause]]]:
    """The causes under their headings, empty headings left out.

    What the user asked for and did not get comes first, even where it only warns: failures further down often follow from it.
    """
    known, new = [c for c in causes if c.known], [c for c in causes if not c.known]
    expectations = [c for c in new if c.outcome == Outcome.WARNING and any(f.kind == "expectation" for _, f in c.findings)]
    failures = [c for c in new if c.outcome == Outcome.FAILED]
    advisories = [c for c in new if c.outcome == Outcome.WARNING and c not in expectations]
    parts = (("Asked for, not given", expectations), ("Failures", failures), ("Advisories", advisories), ("Known deviations", known))
    return [(title, found) for title, found in parts if found]


STATE_WORDS = {
    "seen": "seen in",
    "gone": "no longer occurs: take it out",
    "expired": "is past its day: mend what it is about, or give it another day",
    "not-judged": "was not judged in this run",
    "unknown": "names nothing that there is",
}
"""What became of a deviation."""


def deviation_line(deviation: Mapping[str, Any]) -> str:
    """One deviation and what became of it, as a sentence."""
    state, scenarios = str(deviation.get("state", "")), deviation.get("scenarios") or []
    said = STATE_WORDS.get(state, state) + (f" {count(len(scenarios), 'scenario')}" if state == "seen" else "")
    until = f", until {deviation['expires']}" if deviation.get("expires") else ""
    link = f" ({deviation['link']})" if deviation.get("link") else ""
    return printable(f"{deviation.get('match', '')} {said}{until}: {deviation.get('reason', '')}{link}")


def on_side(side: str) -> str:
    """Where something has to be mended, as the end of a sentence."""
    return "side not decided" if side == Side.UNDECIDED else f"on the side of {SIDE_WORDS.get(side, side)}"


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun: ``1 scenario``, ``2 scenarios``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def wished(keys: Iterable[str]) -> tuple[str, list[str]]:
    """A title and the keys that would let more be judged, with a word where one belongs to the command and not to the target file."""
    every = list(keys)
    of_command = [key.startswith("--") for key in every]
    title = "To judge more" + ("" if any(of_command) else ", add to the target file")
    return title, [f"run with {key}" if command else key for key, command in zip(every, of_command, strict=True)]


def spent(run: Run) -> str:
    """Where the time of a run went, such as ``41 s for answers, 6.0 s waited on purpose, 22 s its own``; empty for a run that was joined.

    Runs side by side wait at the same time, so their sums say nothing of the whole.
    """
    if not run.duration_s or run.header.get("merged"):
        return ""
    own = max(0.0, run.duration_s - run.answers_s - run.let_pass_s)
    waited = f", {seconds(run.let_pass_s)} waited on purpose" if run.let_pass_s else ""
    return f"{seconds(run.answers_s)} for answers{waited}, {seconds(own)} its own"


def seconds(value: float) -> str:
    """A duration as people say it: ``0.3 s``, ``42 s``, ``3 min 5 s``."""
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def address(url: str) -> tuple[str, str]:
    """Origin and path of a URL; a URL that cannot be taken apart comes back whole, as a path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", url.partition("?")[0].partition("#")[0]
    return (f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:" if parts.scheme else ""), parts.path


_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters: a terminal would obey them
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]",  # invisible ones, which can reorder what is read
)


def printable(text: str) -> str:
    """A text in which nothing can move the cursor, change colours or reorder what is read; such characters show as escapes."""
    return _UNSAFE.sub(lambda m: f"\\x{ord(m[0]):02x}" if ord(m[0]) < 256 else f"\\u{ord(m[0]):04x}", text.replace("\r\n", "\n"))


def shortened(text: str, limit: int) -> str:
    """A text of at most ``limit`` characters, the cut marked."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
