"""What a target file with the one registration that a person has can judge: full runs, one for each kind of registration.

    python benchmarks/registrations.py [--server embedded|oidc-provider]... [--only NAME]... [--keep FOLDER [--again]] [--write]

Each target file has a single client and a single user. The server is the clean embedded EHR, or oidc-provider with its SMART layer as the
tests of the peers serve it. Goal: nothing red that is not expected of the server, nothing blocked, and of the rules that the registration
can show at all at least 95 in 100 judged. Exit code 1 when that is not so. ``--write`` renews docs/registrations.md.

Which rules a registration can show comes from the records. A run with everything configured tells which rules this server lets be judged
at all. Of these a registration cannot show a rule when each scenario of it is not configured for want of something that the registration
has not: another kind of client or a second one, another way of launching, another scope, a second user or patient, leave to write, time.
What is left is judged or counts against the share, whatever the reason.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from smartlaunch.embedded_ehr import data
from smartlaunch.embedded_ehr.keys import client_key_set, public_key_set
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import serve

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tests.peers import outcomes  # noqa: E402 - found from the root
from tests.peers.oidc_provider import peer  # noqa: E402

PAGE = ROOT / "docs" / "registrations.md"
SECRET = "a-secret-of-the-only-app-0123456789"
RUN_LIMIT_S = 1500
OUTCOMES = ("passed", "warning", "failed", "blocked", "error", "not-configured", "not-applicable")
JUDGED = {"passed", "warning", "failed"}
GOAL = 95
REDIRECT, LAUNCH = "https://only.app.example/redirect", "https://only.app.example/launch"


@dataclass(frozen=True)
class Case:
    """One registration: what the app is, how it is launched, and for what it asks."""

    name: str
    role: str
    scopes: str
    launch: str = "standalone"
    portal: bool = False
    """Whether the user is a patient."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further keys of the client in the target file."""
    pasted: int = 0


@dataclass(frozen=True)
class Place:
    """A server that knows the app of a case."""

    base_url: str
    fhir_base_url: str
    user: str
    password: str
    patient: str
    launches: Sequence[str] = ()
    """Launch values for the target file."""
    patient_name: str = ""


@dataclass(frozen=True)
class Result:
    """What a run found: scenarios by outcome, what is red or blocked beyond expectation, and the rules."""

    counts: Counter[str]
    surprises: tuple[str, ...]
    judged: frozenset[str]
    shown: frozenset[str]

    @property
    def share(self) -> float:
        """How many in 100 of the rules that the registration can show were judged."""
        return 100 * len(self.judged) / len(self.shown) if self.shown else 0.0

    @property
    def good(self) -> bool:
        return not self.surprises and self.share >= GOAL


V2 = "openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs patient/Condition.rs"
EHR = "openid fhirUser launch patient/Patient.rs patient/Observation.rs patient/Condition.rs"
CASES = (
    Case("public, standalone, v2", "public", V2),
    Case("public, standalone, v1", "public", "openid fhirUser launch/patient patient/Patient.read patient/Observation.read"),
    Case("public, standalone, wildcard v1", "public", "openid fhirUser launch/patient patient/*.read"),
    Case("public, standalone, wildcard v2", "public", "openid fhirUser launch/patient offline_access patient/*.rs"),
    Case("public, standalone, user scopes", "public", "openid fhirUser offline_access user/Patient.rs user/Observation.rs"),
    Case("public, standalone, user wildcard v1", "public", "openid fhirUser user/*.read"),
    Case("public, standalone, no openid", "public", "launch/patient patient/Patient.rs patient/Observation.rs"),
    Case("public, standalone, portal user", "public", V2, portal=True),
    Case("public, standalone, one type", "public", "launch/patient patient/Observation.rs"),
    Case("public, standalone, identity only", "public", "openid fhirUser"),
    Case("public, EHR, first ticket's app", "public", "launch openid fhirUser patient/*.read", "ehr"),
    Case("public, EHR, v2", "public", EHR + " offline_access", "ehr"),
    Case("public, EHR, user scopes", "public", "launch openid fhirUser user/Patient.rs user/Observation.rs", "ehr"),
    Case("public, EHR, no openid", "public", "launch patient/Patient.rs patient/Observation.rs", "ehr"),
    Case("public, EHR, three pasted launches", "public", EHR, "ehr", pasted=3),
    Case("public, EHR, one pasted launch", "public", "launch openid fhirUser patient/*.read", "ehr", pasted=1),
    Case("secret, standalone, v2", "confidential-symmetric", V2),
    Case("secret in the body, standalone", "confidential-symmetric", V2, more={"token_endpoint_auth_method": "client_secret_post"}),
    Case("secret, EHR, wildcard v1", "confidential-symmetric", "launch openid fhirUser patient/*.read", "ehr"),
    Case("secret, both launches", "confidential-symmetric", V2, "both"),
    Case("key pair, standalone, v2", "confidential-asymmetric", V2),
    Case("key pair, EHR, v2", "confidential-asymmetric", EHR, "ehr"),
    Case("backend, v2", "backend", "system/Patient.rs system/Observation.rs"),
    Case("backend, wildcard v1", "backend", "system/*.read"),
)


EVERYTHING = "everything configured"


def main() -> int:
    """Run the cases asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", action="append", default=[], choices=list(SERVERS), help="only this server")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="only cases whose name holds this")
    parser.add_argument("--write", action="store_true", help=f"renew {PAGE.relative_to(ROOT)}")
    parser.add_argument("--keep", default="", metavar="FOLDER", help="keep the run folders here")
    parser.add_argument("--again", action="store_true", help="with --keep: put only cases that have no run there yet")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    asked = parser.parse_args()
    servers = asked.server or list(SERVERS)
    rows: list[tuple[str, Case, Result]] = []
    with tempfile.TemporaryDirectory(prefix="registrations-") as scratch:
        for server in servers:
            folder = Path(asked.keep or scratch) / server
            cases = [case for case in cases_of(server) if not asked.only or any(text in case.name for text in asked.only)]
            if asked.list:
                print("\n".join(f"{server}: {case.name}" for case in cases))
                continue
            whole = record_of(folder / "everything", asked.again, lambda at, name=server: everything(name, at))
            for case in cases:
                record = record_of(place_of(case, folder), asked.again, lambda at, name=server, one=case: measure(name, one, at))
                result = judge(case, record, whole, outcomes.expected_of("oidc_provider") if server == "oidc-provider" else [])
                rows.append((server, case, result))
                print(line(server, case, result), flush=True)
    if asked.write:
        PAGE.write_text(page(rows), encoding="utf-8")
    return int(not all(result.good for _, _, result in rows))


def cases_of(server: str) -> list[Case]:
    """The registrations that a server can have: oidc-provider takes a secret in the header only."""
    return [case for case in CASES if server == "embedded" or "token_endpoint_auth_method" not in case.more]


def place_of(case: Case, folder: Path) -> Path:
    """Where a case keeps its target file and its run."""
    return folder / "".join(char if char.isalnum() else "-" for char in case.name).replace("--", "-")


def record_of(place: Path, again: bool, put: Any) -> dict[str, Any]:
    """The record of the run in a folder: of one made before, or of a new one."""
    path = place / "run" / "run.json"
    if not (again and path.is_file()):
        place.mkdir(parents=True, exist_ok=True)
        put(place)
    record: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return record


def everything(server: str, place: Path) -> None:
    """A run with every kind of client, for the rules that the server lets be judged at all."""
    if server == "embedded":
        run("embedded", place, {})
    else:
        with peer.running(place) as running:
            run(str(running.target_file), place, {})


def measure(server: str, case: Case, place: Path) -> None:
    """One full run of a case."""
    keys = client_key_set("RS384", "ES384")
    with SERVERS[server](case, keys, place) as there:
        target = place / "target.toml"
        target.write_text("\n".join(target_lines(case, there)) + "\n", encoding="utf-8")
        run(str(target), place, {"ONLY_SECRET": SECRET, "ONLY_KEYS": json.dumps(keys), "ONLY_PASSWORD": there.password})


def run(target: str, place: Path, environment: Mapping[str, str]) -> None:
    """Put every suite to a target; the run's folder is in the place."""
    command = [sys.executable, "-m", "smartlaunch.cli", "run", "--target", target, "--no-allure", "--out", str(place / "run")]
    with (place / "run.log").open("wb") as log:
        subprocess.run(command, env={**os.environ, **environment}, stdout=log, stderr=log, timeout=RUN_LIMIT_S, check=False)


@contextlib.contextmanager
def embedded(case: Case, keys: dict[str, Any], _place: Path) -> Iterator[Place]:
    """The clean embedded EHR; nothing is registered beyond what the app asks for."""
    credentials: dict[str, dict[str, Any]] = {
        "public": {},
        "confidential-symmetric": {"secret": SECRET, "auth_methods": ("client_secret_basic", "client_secret_post")},
        "confidential-asymmetric": {"jwks": public_key_set(keys), "auth_methods": ("private_key_jwt",)},
        "backend": {"jwks": public_key_set(keys), "auth_methods": ("private_key_jwt",), "grant_types": ("client_credentials",)},
    }
    app = {} if case.role == "backend" else {"redirect_uris": (REDIRECT,), "origins": ("https://only.app.example",)}
    launch = {"launch_uri": LAUNCH} if case.launch != "standalone" else {}
    client = {"client_id": "only-app", "name": "Only App", "role": case.role, "scopes": registered(case)}
    user, password = "amelia.stone" if case.portal else "lena.hart", secrets.token_urlsafe(18)
    options = SandboxOptions(passwords={user: password}, extra_clients=({**client, **app, **launch, **credentials[case.role]},))
    with serve(options) as ehr:
        patient = data.PATIENTS[0]
        values = [ehr.sandbox.state.create_launch("only-app", user, patient, None) for _ in range(case.pasted)]
        yield Place(ehr.base_url, ehr.fhir_base_url, user, password, patient, values)


@contextlib.contextmanager
def oidc_provider(case: Case, keys: dict[str, Any], place: Path) -> Iterator[Place]:
    """oidc-provider with its SMART layer."""
    client: dict[str, Any] = {"name": "Only App", "client_id": "only-app", "role": case.role, "registered": list(registered(case))}
    if case.role == "confidential-symmetric":
        client["client_secret"] = SECRET
    if case.role in ("confidential-asymmetric", "backend"):
        client["jwks"] = public_key_set(keys)
    if case.role != "backend":
        client |= {"redirect_uri": REDIRECT} | ({"launch_uri": LAUNCH} if case.launch != "standalone" else {})
    user = {"username": "ash.linden" if case.portal else "ida.rowan", "password": secrets.token_urlsafe(18), "patients": ["pat-ash"]}
    user |= {"fhir_user": "Patient/pat-ash"} if case.portal else {"fhir_user": "Practitioner/prac-rowan"}
    user["patients"] = ["pat-ash"] if case.portal else ["pat-ash", "pat-birch"]
    with peer.serving(place, [client], [user]) as said:
        values = [launched(said["base_url"], user) for _ in range(case.pasted)]
        yield Place(said["base_url"], said["fhir_base_url"], user["username"], user["password"], "pat-ash", values, "Ash Linden")


def launched(base_url: str, user: Mapping[str, Any]) -> str:
    """The launch value that the chart of the peer gives the app."""
    with httpx.Client(base_url=base_url) as browser:
        browser.post("/chart", data={"username": user["username"], "password": user["password"]})
        answer = browser.post("/chart/pat-ash", data={"app": "only-app"})
    return parse_qs(urlsplit(answer.headers["location"]).query)["launch"][0]


def registered(case: Case) -> tuple[str, ...]:
    """The scopes of the registration."""
    return tuple(case.scopes.split()) + (("launch",) if case.launch == "both" else ())


SERVERS = {"embedded": embedded, "oidc-provider": oidc_provider}


def target_lines(case: Case, there: Place) -> Iterator[str]:
    """The target file of a person who has this registration and nothing else."""
    yield from ("schema = 1", "", "[target]", f'fhir_base_url = "{there.fhir_base_url}"', "", "[clients.only-app]")
    yield from (f'role = "{case.role}"', 'client_id = "only-app"', f'scopes = "{case.scopes}"')
    if case.role == "confidential-symmetric":
        yield 'client_secret = { env = "ONLY_SECRET" }'
    if case.role in ("confidential-asymmetric", "backend"):
        yield 'private_jwks = { env = "ONLY_KEYS" }'
    if case.role != "backend":
        yield f'redirect_uri = "{REDIRECT}"'
    if case.launch != "standalone" and not there.launches:
        yield f'launch_uri = "{LAUNCH}"'
    yield from (f"{key} = {json.dumps(value)}" for key, value in case.more.items())
    if case.role != "backend":
        yield from ("", "[users.me]", f'username = "{there.user}"', 'password = { env = "ONLY_PASSWORD" }')
    yield from ("", "[patients]", f'default = "{there.patient}"')
    if there.patient_name:
        yield from ("", "[patients.names]", f'{there.patient} = "{there.patient_name}"')
    if there.launches:
        yield from ("", "[ehr_launch]", 'kind = "pasted"', f'iss = "{there.fhir_base_url}"', f"launch = {json.dumps(list(there.launches))}")
    elif case.launch != "standalone":
        yield from ("", "[ehr_launch]", 'kind = "page"', f'url = "{there.base_url}/chart"')


def judge(case: Case, record: Mapping[str, Any], whole: Mapping[str, Any], expected: Sequence[dict[str, Any]]) -> Result:
    """What the record of a case comes to, beside that of everything configured."""
    counts = Counter(scenario["outcome"] for scenario in record["scenarios"])
    red = [one for one in record["scenarios"] if one["outcome"] in ("failed", "blocked", "error")]
    surprises = [f"{one['id']}: {one['outcome']}" for one in red if not any(outcomes.fits(row, one) for row in expected)]
    rules = by_rule(record)
    askable = {rule for rule, scenarios in by_rule(whole).items() if any(one["outcome"] in JUDGED for one in scenarios)}
    judged = {rule for rule in askable if any(one["outcome"] in JUDGED for one in rules.get(rule, ()))}
    shown = {rule for rule in askable if rule in judged or not all(beyond(case, one) for one in rules.get(rule, ()))}
    return Result(counts, tuple(surprises), frozenset(judged), frozenset(shown))


def by_rule(record: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The scenarios of each rule."""
    found: dict[str, list[dict[str, Any]]] = {}
    for scenario in record["scenarios"]:
        for rule in scenario["requirements"]:
            found.setdefault(rule, []).append(scenario)
    return found


def beyond(case: Case, scenario: Mapping[str, Any]) -> bool:
    """Whether a scenario is not configured for want of something that the registration has not."""
    need = scenario["needs"]
    if scenario["outcome"] != "not-configured" or not need:
        return False
    role = re.search(r"role = [\"']([a-z-]+)", need)
    if role:
        return role[1] != case.role or "use =" in need
    if "launches" in need:
        return not any(way in need for way in ({"both": ("ehr", "standalone")}.get(case.launch, (case.launch,))))
    return not need.startswith("[ehr_launch]") or case.launch == "standalone" or bool(case.pasted)


def line(server: str, case: Case, result: Result) -> str:
    """One row of the table, and below it what is against the goal."""
    head = f"{server:<14} {case.name:<42} " + "  ".join(f"{name} {result.counts[name]:>4}" for name in OUTCOMES)
    rows = [f"{head}  rules {len(result.judged)} of {len(result.shown)} ({result.share:.1f})"]
    rows += [f"    {text}" for text in result.surprises]
    if result.share < GOAL:
        rows.append("    not judged: " + " ".join(sorted(result.shown - result.judged)))
    return "\n".join(rows)


def page(rows: Sequence[tuple[str, Case, Result]]) -> str:
    """The tables for the documents."""
    parts = [HEAD]
    for server, title in TITLES.items():
        mine = [(case, result) for name, case, result in rows if name == server]
        if not mine:
            continue
        parts += [
            f"## {title}",
            "",
            "| registration | scopes | rules judged | can be shown | in 100 | " + " | ".join(OUTCOMES) + " |",
            "|---|---|---:|---:|---:|" + "---:|" * len(OUTCOMES),
            *(
                f"| {case.name} | `{case.scopes}` | {len(result.judged)} | {len(result.shown)} | {result.share:.1f} | "
                + " | ".join(str(result.counts[name]) for name in OUTCOMES)
                + " |"
                for case, result in mine
            ),
            "",
        ]
    return "\n".join(parts)


HEAD = """# What one registration judges

Full runs, each with a target file that has a single client and a single user, all on one state of the code. Made by
`python benchmarks/registrations.py --write`. Nothing may be red or blocked that is not expected of the server: none is at fault for what is
missing in a target file. What the file cannot show is *not configured*, with the key that would let it be judged.

*Can be shown* counts rules, not scenarios: those that this server lets be judged when everything is configured, without those of which
every scenario wants something that the registration has not (another kind of client or a second one, another way of launching, another
scope, a second user or patient, leave to write, time). *In 100* is how many of them were judged; the goal is 95. The last columns count
scenarios by outcome.
"""
TITLES = {"embedded": "The clean embedded EHR", "oidc-provider": "oidc-provider with its SMART layer"}


if __name__ == "__main__":
    sys.exit(main())
