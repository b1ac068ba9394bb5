"""No secret that went over the wire, or stands in the target's files, is in anything a run writes or prints.

The front of the embedded EHR notes every password, secret, token, code, launch, verifier and cookie as it passes, so the search knows
them all, also those that only the server knew before.
"""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from smartlaunch.records.packing import spread

LATE = "kq7Wm2xR9tLz4vBn8cHd3"  # what the server's fault `late` holds
SHORTEST = 8
GOOD = [
    "standalone-confidential-symmetric/authorization-code-issued",
    "standalone-confidential-symmetric/refresh-access-token-works",
    "standalone-confidential-symmetric/introspection-active",
    "standalone-public/wrong-verifier-refused",
    "standalone-public/authorize-by-post",
    "standalone-public/introspection-active",
    "standalone-public/id-token-signature",
    "ehr-launch-public/launch-value",
    "ehr-launch-public/forged-launch",
    "backend-services/backend-token-issued",
]
JOBS = [
    {"name": "passing", "scenarios": GOOD, "allure": True},
    {
        "name": "failing",
        "scenarios": [*GOOD, "standalone-public/code-reuse-refused", "standalone-public/state-returned"],
        "defects": ["omits_state"],
        "allure": True,
    },
    {
        "name": "crashing",
        "scenarios": [
            "standalone-public/context-patient-readable",
            "standalone-public/wrong-verifier-refused",
            "standalone-public/fhir-read",
        ],
        "crash": True,
        "allure": True,
    },
    {
        "name": "late",
        "scenarios": [
            "standalone-public/smart-configuration-found",
            "standalone-public/smart-configuration-tells-endpoints",
            "standalone-public/smart-configuration-absolute-urls",
            "standalone-public/aud-right",
        ],
        "place": "discovery",
        "fault": "late",
        "late": LATE,
        "allure": True,
    },
    {"name": "broken", "scenarios": GOOD[:5], "place": "token", "fault": "long-length", "allure": True},
]


@pytest.fixture(scope="module")
def runs(forked_runs):
    return forked_runs(JOBS)


def forms(value: str) -> set[str]:
    """A value in the encodings in which it could stand somewhere."""
    plain = {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], value.encode().hex()}
    return plain | {base64.b64encode(value.encode()).decode(), base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")}


def read(path: Path) -> bytes:
    """What is in a file, also what is compressed in it."""
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else spread(content.decode("utf-8", "replace")).encode("utf-8", "replace")


def planted(run) -> dict[str, str]:
    """Every secret in every form, with its name."""
    found = {form: name for name, values in run.secrets.items() for value in values if len(value) >= SHORTEST for form in forms(value)}
    for path in Path(f"{run.folder.parent}/{run.folder.name}.secrets").iterdir():
        text = path.read_text("utf-8")
        if path.suffix == ".json":
            members = {f"{path.name} {name}": key[name] for key in json.loads(text)["keys"] for name in ("d", "p", "q") if name in key}
        else:
            members = {path.name: text}
        found |= {form: name for name, value in members.items() for form in forms(value)}
    return found


@pytest.mark.parametrize("name", [job["name"] for job in JOBS if job["name"] != "late"])
def test_no_secret_is_in_any_file_or_on_the_terminal(runs, name):
    run = runs[name]
    wanted = planted(run)
    assert len(wanted) > 50
    leaks = []
    files = [path for path in run.folder.rglob("*") if path.is_file()] + [Path(f"{run.folder}.txt")]
    assert len(files) > 8
    for path in files:
        text = read(path).decode("utf-8", "replace")
        leaks += [
            f"{path.relative_to(run.folder.parent)}: {kind} ({len(value)} characters)" for value, kind in wanted.items() if value in text
        ]
    assert not leaks, "\n".join(leaks[:40])


def test_what_is_learned_late_is_in_no_file_and_in_nothing_said_at_the_end(runs):
    run = runs["late"]
    shown = {path.relative_to(run.folder).as_posix(): read(path) for path in run.folder.rglob("*") if path.is_file()} | {
        "the terminal": run.said.encode()
    }
    assert {name for name in shown if any(form.encode() in shown[name] for form in forms(LATE))} == set()
    told = {name for name in shown if b"access_token 1" in shown[name]}
    assert {"run.json", "index.html", "junit.xml", "run.har.gz", "the terminal"} <= told
    assert any(name.startswith("allure/") and name.endswith("result.json") for name in told)
    assert any(name.endswith("attachment.txt") for name in told)
    assert runs["late"].outcomes["smart-configuration-absolute-urls"] == "failed"


def test_the_runs_were_what_they_should_be(runs):
    assert set(runs["passing"].outcomes.values()) == {"passed"}
    assert runs["passing"].code == 0
    assert runs["failing"].outcomes["state-returned"] == "failed"
    assert runs["failing"].code == 1
    assert "error" in runs["crashing"].outcomes.values()
    assert runs["crashing"].code == 4
    assert "blocked" in runs["broken"].outcomes.values()
    assert runs["broken"].code == 3


def test_our_own_error_is_told_without_its_secrets(runs):
    scenario = next(s for s in runs["crashing"].record["scenarios"] if s["outcome"] == "error")
    assert "broken while reading" in scenario["reason"]


def test_every_kind_of_secret_went_by(runs):
    kinds = {
        "password",
        "code",
        "code_verifier",
        "refresh_token",
        "access_token",
        "launch",
        "state",
        "client_assertion",
        "authorization",
        "cookie",
    }
    assert kinds <= set(runs["passing"].secrets)
