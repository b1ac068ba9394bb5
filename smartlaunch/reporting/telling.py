"""A night told to people and programs elsewhere: CI jobs, chats, mail, a badge. The first line of each says what changed.

Everything here is a value or a text: nothing is sent. Whoever posts a payload does so with the address that the CI job has as a secret.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from smartlaunch.records.comparison import Change, Comparison, Entry
from smartlaunch.reporting.changes import as_json, as_markdown, as_text, failing_at_first, headline, night_headline
from smartlaunch.reporting.words import OUTCOME_WORDS, Rows, count, printable, shortened

MOST_ANNOTATIONS = 10
_SLACK_TEXT = 2900


@dataclass(frozen=True)
class Told:
    """A night: its comparisons, the catalogue, and what decides its colour; ``link`` leads to the page, where it has an address."""

    comparisons: Sequence[Comparison]
    rows: Rows
    strict: bool = False
    down_nights: int = 3
    link: str = ""
    not_run: Sequence[str] = ()
    """Targets that were to be run and have no run, by name."""

    @property
    def red(self) -> bool:
        """Whether somebody has to look."""
        return any(c.red(strict=self.strict, down_nights=self.down_nights) for c in self.comparisons)

    @property
    def headline(self) -> str:
        """The one sentence."""
        lost = f"{', '.join(map(printable, self.not_run))} {'was' if len(self.not_run) == 1 else 'were'} not run"
        if not self.comparisons and self.not_run:
            return lost
        said = night_headline(self.comparisons, self.rows, strict=self.strict, down_nights=self.down_nights)
        return f"{said}; {lost}" if self.not_run else said

    @property
    def word(self) -> str:
        """The few words above the sentence; a first night has nothing to be worse than, and says what failed."""
        if self.regressions:
            return "Worse"
        if self.red:
            return "Not answering"
        if self.not_run:
            return f"{count(len(self.not_run), 'target')} not run"
        if failing := self.failing_at_first:
            return f"{count(failing, 'scenario')} failed, the first time"
        return "Nothing failed, the first time" if self.comparisons and all(c.first for c in self.comparisons) else "Nothing worse"

    @property
    def failing_at_first(self) -> int:
        """How many scenarios fail at targets that no night before knows."""
        return sum(map(failing_at_first, self.comparisons))

    @property
    def regressions(self) -> list[tuple[Comparison, Entry]]:
        """What became worse, with the target it did so at."""
        return [(c, e) for c in self.comparisons for e in c.regressions(strict=self.strict)]


def write_all(told: Told, folder: Path) -> list[Path]:
    """Write every form into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    forms: Mapping[str, str] = {
        "github.md": markdown(told),
        "github-annotations.txt": "".join(f"{line}\n" for line in github_commands(told)),
        "gl-code-quality-report.json": _json(code_quality(told)),
        "slack.json": _json(slack(told)),
        "teams.json": _json(teams(told)),
        "mail.eml": mail(told),
        "badge.json": _json(badge(told)),
        "changes.json": _json(changes(told)),
    }
    for name, text in forms.items():
        (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
    return [folder / name for name in forms]


def tell_ci(told: Told, environ: Mapping[str, str] | None = None) -> list[str]:
    """Add to the job summary of GitHub where the job has one; the lines to print are its annotations."""
    env = os.environ if environ is None else environ
    place = env.get("GITHUB_STEP_SUMMARY", "")
    if place:
        with Path(place).open("a", encoding="utf-8", errors="backslashreplace") as out:
            out.write(markdown(told))
    return github_commands(told) if env.get("GITHUB_ACTIONS") == "true" else []


def markdown(told: Told) -> str:
    """The job summary."""
    end = f"\n[The report]({told.link})\n" if told.link else ""
    return as_markdown(told.comparisons, told.rows, strict=told.strict, title=told.headline) + end


def github_commands(told: Told) -> list[str]:
    """Workflow commands of GitHub: an error for each thing that became worse, a warning for a target that is down, else a notice."""
    if not told.regressions:
        level = (
            "error"
            if told.red
            else "warning"
            if told.failing_at_first or told.not_run or any(c.down for c in told.comparisons)
            else "notice"
        )
        return [f"::{level} title=SMART App Launch::{_command(told.headline)}"]
    lines = [f"::error title=SMART App Launch::{_command(told.headline)}"]
    for comparison, entry in told.regressions[: MOST_ANNOTATIONS - 1]:
        title = _command(f"{comparison.target}: {entry.scenario}", title=True)
        lines.append(f"::error title={title}::{_command(f'{OUTCOME_WORDS.get(entry.after, entry.after)}: {entry.reason}')}")
    return lines


def code_quality(told: Told) -> list[dict[str, Any]]:
    """GitLab's code quality report: what became worse, each under a fingerprint that stays."""
    return [
        {
            "description": shortened(printable(f"{comparison.target}: {entry.scenario}: {entry.reason}"), 500),
            "check_name": entry.requirements[0] if entry.requirements else entry.scenario,
            "fingerprint": hashlib.sha256(f"{comparison.target}\n{entry.scenario}".encode()).hexdigest(),
            "severity": "major" if entry.after == "failed" else "minor",
            "location": {"path": printable(comparison.target) or "target", "lines": {"begin": 1}},
        }
        for comparison, entry in told.regressions
    ]


def slack(told: Told) -> dict[str, Any]:
    """The payload of an incoming webhook of Slack."""
    lines = [_slack_escaped(f"• {headline(c, told.rows, strict=told.strict)}") for c in told.comparisons]
    details = shortened("\n".join(lines), _SLACK_TEXT)
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": shortened(f"*{_slack_escaped(told.headline)}*", _SLACK_TEXT)}}
    ]
    if len(told.comparisons) > 1:
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": details}})
    if told.link:
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": f"<{told.link}|The report>"}})
    return {"text": shortened(_slack_escaped(told.headline), _SLACK_TEXT), "blocks": blocks}


def teams(told: Told) -> dict[str, Any]:
    """The payload of a workflow of Teams: an Adaptive Card."""
    colour = "Attention" if told.red else "Warning" if told.failing_at_first or told.not_run else "Good"
    body: list[dict[str, Any]] = [
        {"type": "TextBlock", "text": _plain(told.headline), "weight": "Bolder", "wrap": True, "color": colour},
        *(
            {"type": "TextBlock", "text": _plain(headline(c, told.rows, strict=told.strict)), "wrap": True}
            for c in told.comparisons
            if len(told.comparisons) > 1
        ),
    ]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    if told.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "The report", "url": told.link}]
    return {"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]}


def mail(told: Told) -> str:
    """A mail without addresses: subject and text, both beginning with what changed."""
    message = EmailMessage(policy=SMTP.clone(linesep="\n"))
    message["Subject"] = shortened(" ".join(_plain(told.headline).split()), 200)
    parts = [told.headline, "", *(as_text(c, told.rows, strict=told.strict) for c in told.comparisons)]
    message.set_content("\n".join([*parts, *([told.link] if told.link else [])]))
    return message.as_string()


def badge(told: Told) -> dict[str, Any]:
    """A badge in the form that shields.io's endpoint takes."""
    down = sum(c.down for c in told.comparisons)
    failing = sum(c.still_failing for c in told.comparisons) + sum(
        e.after == "failed" for c in told.comparisons for e in (*c.of(Change.NEW), *c.of(Change.FLAKY))
    )
    if told.regressions:
        message, colour = f"{count(len(told.regressions), 'scenario')} worse", "red"
    elif down:
        message, colour = f"{count(down, 'target')} down", "red" if told.red else "lightgrey"
    elif told.not_run:
        message, colour = f"{count(len(told.not_run), 'target')} not run", "lightgrey"
    else:
        message, colour = (f"{failing} failing", "orange") if failing else ("passing", "brightgreen")
    return {"schemaVersion": 1, "label": "SMART App Launch", "message": message, "color": colour}


def changes(told: Told) -> dict[str, Any]:
    """Everything for programs."""
    return {
        "headline": told.headline,
        "red": told.red,
        "not_run": list(told.not_run),
        "targets": [as_json(c, told.rows, strict=told.strict) for c in told.comparisons],
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=True) + "\n"


def _plain(text: str) -> str:
    return printable(text).encode("utf-8", "backslashreplace").decode()


def _command(text: str, *, title: bool = False) -> str:
    """A text in the escapes of GitHub's workflow commands, so that what a server said is never a command."""
    found = shortened(printable(text), 1000).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return found.replace(":", "%3A").replace(",", "%2C") if title else found


def _slack_escaped(text: str) -> str:
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("*", "\u2217").replace("\n", " ")
