"""What a run judges with the one registration that a person has: full runs on the clean embedded EHR, one for each kind of registration.

    python benchmarks/registrations.py [--only NAME]... [--write] [--keep FOLDER]

Each target file has a single client. Goal: nothing red, nothing blocked. Exit code 1 when a run has either. ``--write`` renews
docs/registrations.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smartlaunch.embedded_ehr import data
from smartlaunch.embedded_ehr.keys import client_key_set, public_key_set
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import serve

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "registrations.md"
PATIENT = data.PATIENTS[0]
SECRET = "a-secret-of-the-only-app-0123456789"
PASSWORDS = {"lena.hart": "of-lena-hart-1", "amelia.stone": "of-amelia-stone-1"}
RUN_LIMIT_S = 900
OUTCOMES = ("passed", "warning", "failed", "blocked", "error", "not-configured", "not-applicable")


@dataclass(frozen=True)
class Case:
    """One registration: what the app is, how it is launched, and for what it asks."""

    name: str
    role: str
    scopes: str
    launch: str = "standalone"
    user: str = "lena.hart"
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further keys of the client in the target file."""
    variants: tuple[str, ...] = ()
    pasted: int = 0
    patients: bool = True


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
    Case("public, standalone, portal user", "public", V2, user="amelia.stone"),
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


def main() -> int:
    """Run the cases asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="only cases whose name holds this")
    parser.add_argument("--write", action="store_true", help=f"renew {PAGE.relative_to(ROOT)}")
    parser.add_argument("--keep", default="", metavar="FOLDER", help="keep the run folders here")
    parser.add_argument("--again", action="store_true", help="with --keep: put only cases that have no run there yet")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    asked = parser.parse_args()
    cases = [case for case in CASES if not asked.only or any(text in case.name for text in asked.only)]
    if asked.list:
        print("\n".join(case.name for case in cases))
        return 0
    rows = []
    with tempfile.TemporaryDirectory(prefix="registrations-") as scratch:
        for case in cases:
            folder = Path(asked.keep or scratch)
            counts = kept(case, folder) if asked.again else None
            counts = counts if counts is not None else measure(case, folder)
            rows.append((case, counts))
            print(line(case, counts), flush=True)
    if asked.write:
        PAGE.write_text(page(rows), encoding="utf-8")
    return int(any(counts["failed"] or counts["blocked"] or counts["error"] for _, counts in rows))


def place_of(case: Case, folder: Path) -> Path:
    """Where a case keeps its target file and its run."""
    return folder / "".join(char if char.isalnum() else "-" for char in case.name).replace("--", "-")


def kept(case: Case, folder: Path) -> Counter[str] | None:
    """What an earlier run of the case found, or None."""
    path = place_of(case, folder) / "run" / "run.json"
    if not path.is_file():
        return None
    return Counter(scenario["outcome"] for scenario in json.loads(path.read_text("utf-8"))["scenarios"])


def measure(case: Case, folder: Path) -> Counter[str]:
    """One full run; the number of scenarios by outcome."""
    place = place_of(case, folder)
    place.mkdir(parents=True, exist_ok=True)
    keys = client_key_set("RS384", "ES384")
    with serve(SandboxOptions(passwords=PASSWORDS, variants=case.variants, extra_clients=(registration(case, keys),))) as ehr:
        values = [ehr.sandbox.state.create_launch("only-app", case.user, PATIENT, None) for _ in range(case.pasted)]
        target = place / "target.toml"
        target.write_text("\n".join(target_lines(case, ehr.base_url, ehr.fhir_base_url, values)) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "smartlaunch.cli", "run", "--target", str(target), "--no-allure", "--out", str(place / "run")]
        environment = {**os.environ, "ONLY_SECRET": SECRET, "ONLY_KEYS": json.dumps(keys), "ONLY_PASSWORD": PASSWORDS[case.user]}
        with (place / "run.log").open("wb") as log:
            subprocess.run(command, env=environment, stdout=log, stderr=log, timeout=RUN_LIMIT_S, check=False)
    return kept(case, folder) or Counter(error=1)


def registration(case: Case, keys: dict[str, Any]) -> dict[str, Any]:
    """The app as the embedded EHR has it: nothing registered beyond what it asks for."""
    credentials: dict[str, dict[str, Any]] = {
        "public": {},
        "confidential-symmetric": {"secret": SECRET, "auth_methods": ("client_secret_basic", "client_secret_post")},
        "confidential-asymmetric": {"jwks": public_key_set(keys), "auth_methods": ("private_key_jwt",)},
        "backend": {"jwks": public_key_set(keys), "auth_methods": ("private_key_jwt",), "grant_types": ("client_credentials",)},
    }
    app = (
        {}
        if case.role == "backend"
        else {"redirect_uris": ("https://only.app.example/redirect",), "origins": ("https://only.app.example",)}
    )
    launch = {"launch_uri": "https://only.app.example/launch"} if case.launch != "standalone" else {}
    scopes = tuple(case.scopes.split()) + (("launch",) if case.launch == "both" else ())
    return {"client_id": "only-app", "name": "Only App", "role": case.role, "scopes": scopes, **app, **launch, **credentials[case.role]}


def target_lines(case: Case, base_url: str, fhir_base_url: str, values: list[str]) -> Iterator[str]:
    """The target file of a person who has this registration and nothing else."""
    yield from ("schema = 1", "", "[target]", f'fhir_base_url = "{fhir_base_url}"', "", "[clients.only-app]")
    yield from (f'role = "{case.role}"', 'client_id = "only-app"', f'scopes = "{case.scopes}"')
    if case.role == "confidential-symmetric":
        yield 'client_secret = { env = "ONLY_SECRET" }'
    if case.role in ("confidential-asymmetric", "backend"):
        yield 'private_jwks = { env = "ONLY_KEYS" }'
    if case.role != "backend":
        yield 'redirect_uri = "https://only.app.example/redirect"'
    if case.launch != "standalone" and not values:
        yield 'launch_uri = "https://only.app.example/launch"'
    yield from (f"{key} = {json.dumps(value)}" for key, value in case.more.items())
    if case.role != "backend":
        yield from ("", "[users.me]", f'username = "{case.user}"', 'password = { env = "ONLY_PASSWORD" }')
    if case.patients:
        yield from ("", "[patients]", f'default = "{PATIENT}"')
    if values:
        yield from ("", "[ehr_launch]", 'kind = "pasted"', f'iss = "{fhir_base_url}"', f"launch = {json.dumps(values)}")
    elif case.launch != "standalone":
        yield from ("", "[ehr_launch]", 'kind = "page"', f'url = "{base_url}/chart"')


def line(case: Case, counts: Counter[str]) -> str:
    """One row of the table."""
    return f"{case.name:<50} " + "  ".join(f"{name} {counts[name]:>4}" for name in OUTCOMES)


def page(rows: list[tuple[Case, Counter[str]]]) -> str:
    """The table for the documents."""
    head = [
        "# What one registration judges",
        "",
        "Full runs on the clean embedded EHR, each with a target file that has a single client and a single user. Made by",
        "`python benchmarks/registrations.py --write`. Nothing may be red or blocked: a clean server is never at fault for what is missing",
        "in a target file. What the file cannot show is *not configured*, with the key that would let it be judged. A row with fewer",
        "scenarios than another was measured before later scenarios joined.",
        "",
        "| registration | scopes | scenarios | " + " | ".join(OUTCOMES) + " |",
        "|---|---|---:|" + "---:|" * len(OUTCOMES),
    ]
    body = [
        f"| {case.name} | `{case.scopes}` | {counts.total()} | " + " | ".join(str(counts[name]) for name in OUTCOMES) + " |"
        for case, counts in rows
    ]
    return "\n".join([*head, *body]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
