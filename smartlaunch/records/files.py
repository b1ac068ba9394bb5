"""The names of what lies in a run's folder, each said once."""

from __future__ import annotations

from pathlib import Path

RUN_FILE = "run.json"
HEADER_FILE = "header.json"
SCENARIOS_FILE = "scenarios.jsonl"
EXCHANGES_FILE = "exchanges.jsonl"
DIAGNOSES_FILE = "diagnoses.json"
HTML_FILE = "index.html"
HAR_FILE = "run.har.gz"
JUNIT_FILE = "junit.xml"
ALLURE_FILE = "allure.html"
ALLURE_RESULTS = "allure-results"
ATTACHMENTS = "attachments"
TICKETS = "tickets"
MANIFEST_FILE = "manifest.sha256"
SIGNATURE_FILE = "manifest.sha256.sig"
LOCK_FILE = "run.lock"
"""Held while a run writes to its folder."""

WORKERS = "workers"
"""What each worker wrote, until it is joined."""

HISTORY_FILE = "history.sqlite"
"""Beside the folders of the runs."""

REPORTS = "reports"
"""Where runs go when no folder is named."""

STREAMED = (HEADER_FILE, SCENARIOS_FILE, EXCHANGES_FILE)
"""Written while the run goes; a run can be put together from these."""

README_FILE = "README.txt"

MEANING = {
    HTML_FILE: "the report, one file; open it in a browser",
    RUN_FILE: "the whole run for programs: scenarios, findings, exchanges, diagnoses (smartlaunch schema run)",
    ALLURE_FILE: "the same as a report of Allure",
    JUNIT_FILE: "the same for CI systems",
    HAR_FILE: "the exchanges for tools that read HAR; browsers and proxies open it once it is unpacked",
    DIAGNOSES_FILE: "likely causes, as they stand in run.json",
    ALLURE_RESULTS: "what Allure's report is made of",
    ATTACHMENTS: "screenshots, and tracebacks of errors of the suite",
    TICKETS: "tickets for a vendor's support",
    MANIFEST_FILE: "digests of all these files",
    SIGNATURE_FILE: "the signature of the digests",
    LOCK_FILE: "held while the run goes",
    HEADER_FILE: "what was to be run, written at the start",
    SCENARIOS_FILE: "results in the order in which they came, written as the run goes; once run.json has them it is gone",
    EXCHANGES_FILE: "exchanges, written as the run goes; once run.json has them it is gone",
    README_FILE: "this text",
}
"""What each file of a run is, for whoever opens its folder."""

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
        README_FILE,
        "run.har",  # of earlier versions
        WORKERS,
    )
)
"""All that a run may write at the top of its folder: what else lies there is the user's."""


def reports(folder: Path) -> dict[str, Path]:
    """What a person opens of a run, by the name under which it is offered; only what is there."""
    named = (("report", HTML_FILE), ("Allure", ALLURE_FILE), ("run.json", RUN_FILE), ("JUnit", JUNIT_FILE), ("HAR", HAR_FILE))
    return {title: folder / name for title, name in named if (folder / name).is_file()}


def readme(folder: Path) -> str:
    """What lies in the folder, a line each; every secret is a placeholder in all of it."""
    width = max(map(len, MEANING))
    gone = {SCENARIOS_FILE, EXCHANGES_FILE} if (folder / RUN_FILE).is_file() else set()
    there = [name for name in MEANING if name not in gone and ((folder / name).exists() or name in (MANIFEST_FILE, README_FILE))]
    lines = [f"{name:<{width}}  {MEANING[name]}" for name in there]
    return "A run of smart-launch-conformance. Secrets are placeholders in every file.\n\n" + "\n".join(lines) + "\n"
