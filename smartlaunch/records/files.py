"""The names of what lies in a run's folder, each said once."""

from __future__ import annotations

from pathlib import Path

RUN_FILE = "run.json"
HEADER_FILE = "header.json"
SCENARIOS_FILE = "scenarios.jsonl"
EXCHANGES_FILE = "exchanges.jsonl"
LAUNCHES_FILE = "launches.jsonl"
DIAGNOSES_FILE = "diagnoses.json"
HTML_FILE = "index.html"
HAR_FILE = "run.har"
JUNIT_FILE = "junit.xml"
ALLURE_FILE = "allure.html"
ALLURE_RESULTS = "allure-results"
ATTACHMENTS = "attachments"
TICKETS = "tickets"
MANIFEST_FILE = "manifest.sha256"
SIGNATURE_FILE = "manifest.sha256.sig"
LOCK_FILE = "run.lock"
"""Held while a run writes to its folder."""

HISTORY_FILE = "history.sqlite"
"""Beside the folders of the runs."""

REPORTS = "reports"
"""Where runs go when no folder is named."""

STREAMED = (HEADER_FILE, SCENARIOS_FILE, EXCHANGES_FILE, LAUNCHES_FILE)
"""Written while the run goes; a run can be put together from these."""

EVERY = frozenset(
    (
        *STREAMED,
        RUN_FILE,
        DIAGNOSES_FILE,
        HTML_FILE,
        HAR_FILE,
        JUNIT_FILE,
        ALLURE_FILE,
        ALLURE_RESULTS,
        ATTACHMENTS,
        TICKETS,
        MANIFEST_FILE,
        SIGNATURE_FILE,
        LOCK_FILE,
    )
)
"""All that a run may write at the top of its folder: what else lies there is the user's."""


def reports(folder: Path) -> dict[str, Path]:
    """What a person opens of a run, by the name under which it is offered; only what is there."""
    named = (("report", HTML_FILE), ("Allure", ALLURE_FILE), ("run.json", RUN_FILE), ("JUnit", JUNIT_FILE), ("HAR", HAR_FILE))
    return {title: folder / name for title, name in named if (folder / name).is_file()}
