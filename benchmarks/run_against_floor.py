"""Compares ``smartlaunch run`` on the embedded EHR with a floor: a bare script that makes the same logins and the same requests.

    python benchmarks/run_against_floor.py [--suite ID]... [--rounds N] [--write]

The floor reads the exchanges that the run recorded. For each request of the app it sends one of the same method, path and size over one
kept-alive httpx client; for each walk of the browser it opens a page, passes the same kinds of pages by their known selectors, and stops
at the redirect to the app; it waits where the run let time pass. It judges, records and reports nothing. Both start Python, browser and
embedded EHR. Target: a ratio of wall times of at most 1.5. Exit code 1 when it is missed. ``--write`` renews benchmarks/results.md.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).with_name("results.md")
TARGET_RATIO = 1.5
LIMIT_S = 3000
"""A whole run behind a delay of 200 ms takes some 25 minutes in a row."""
PAUSE_S = 1.5
"""A gap between two recorded exchanges that is longer than this was a wait on purpose."""

FIND = """who => {
  const password = document.querySelector('input[name=password]');
  if (password) {
    document.querySelector('input[name=username]').value = who.username;
    password.value = who.password;
    return document.querySelector('form.stack button[type=submit]');
  }
  const places = [`button[name=patient][value="${who.patient}"]`, 'button[name=encounter]', 'button[value=allow]', 'button[name=client_id]',
    `a[href*="${who.patient}"]`];
  return places.map(place => document.querySelector(place)).find(Boolean);
}"""
"""Fills the login page; gives the control of a page that leads on."""


@dataclass(frozen=True)
class Cost:
    """What a process and its children took."""

    wall_s: float
    cpu_s: float


def measured(command: list[str]) -> tuple[Cost, int, str]:
    """Run a command and return its cost, exit code and last words."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu), done.returncode, (done.stdout + done.stderr)[-3000:]


def walks(exchanges: list[dict[str, Any]]) -> Iterator[dict[str, Any] | list[dict[str, Any]]]:
    """The run in order: an exchange of the app, or a list of those of one walk of the browser."""
    walk: list[dict[str, Any]] = []
    for exchange in exchanges:
        path = urlsplit(exchange["url"]).path
        starts = not exchange["redirect_of"] and (exchange["endpoint"] == "authorize" or path == "/chart")
        if walk and (exchange["actor"] == "app" or starts):
            yield walk
            walk = []
        if exchange["actor"] == "app":
            yield exchange
        else:
            walk.append(exchange)
    if walk:
        yield walk


def counts(exchanges: list[dict[str, Any]]) -> dict[str, int]:
    """How much the run did."""
    parts = list(walks(exchanges))
    return {
        "requests of the app": sum(isinstance(part, dict) for part in parts),
        "walks of the browser": sum(isinstance(part, list) for part in parts),
        "browser logins": sum(
            isinstance(part, list) and any("/login" in x["url"] and x["method"] == "POST" for x in part) for part in parts
        ),
    }


class Floor:
    """The same traffic without anything around it."""

    def __init__(self, target: Path, browser: Any, http: Any) -> None:
        table = tomllib.loads(target.read_text("utf-8"))
        self.fhir = table["target"]["fhir_base_url"]
        self.base = self.fhir.rsplit("/", 1)[0]
        self.clients, user = table["clients"], next(iter(table["users"].values()))
        self.username, self.password = user["username"], (target.parent / user["password"]["file"]).read_text("utf-8")
        self.patient = table["patients"]["default"]
        self.browser, self.http = browser, http
        self.context: Any = None
        self.caught: list[str] = []
        self.cdp = browser.new_browser_cdp_session()
        hosts = {
            urlsplit(client[key]).netloc for client in self.clients.values() for key in ("redirect_uri", "launch_uri") if key in client
        }
        self.cdp.on("Fetch.requestPaused", self._stop)
        self.cdp.send("Fetch.enable", {"patterns": [{"urlPattern": f"https://{host}/*"} for host in sorted(hosts) if host]})

    def _stop(self, event: dict[str, Any]) -> None:
        self.caught.append(event["request"]["url"])
        answer = {"requestId": event["requestId"], "responseCode": 200, "body": base64.b64encode(b"received").decode()}
        self.cdp.send("Fetch.fulfillRequest", answer)

    def request(self, exchange: dict[str, Any]) -> None:
        """Send what the app sent: same method, path and size of body."""
        parts = urlsplit(exchange["url"])
        headers = {"accept": "application/json"}
        if exchange["request_body"]:
            headers["content-type"] = "application/x-www-form-urlencoded"
        url = f"{self.base}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        content = ("grant_type=none&" + "x" * len(exchange["request_body"])).encode() if exchange["request_body"] else None
        self.http.request(exchange["method"], url, headers=headers, content=content)

    def walk(self, exchanges: list[dict[str, Any]]) -> None:
        """Pass the same kinds of pages as a walk of the run."""
        posted = [urlsplit(x["url"]).path.rsplit("/", 1)[-1] for x in exchanges if x["method"] == "POST" and x["endpoint"] == "page"]
        if "login" in posted or self.context is None:
            if self.context is not None:
                self.context.close()
            self.context = self.browser.new_context()
            self.page = self.context.new_page()
        self.caught.clear()
        self.page.goto(self._start(exchanges[0], posted), wait_until="commit")
        for _ in range(len(posted) + 3):
            if self.caught or not self._press():
                break
        if self.caught:
            self.page.wait_for_url(lambda url: not url.startswith(self.base), wait_until="commit", timeout=5000)

    def _start(self, first: dict[str, Any], posted: list[str]) -> str:
        path = urlsplit(first["url"]).path
        if path.startswith("/chart"):
            return f"{self.base}/chart"
        asked = parse_qs(urlsplit(first["url"]).query).get("client_id", ["public-primary"])[0]
        client = self.clients.get(asked, self.clients["public-primary"])
        values = {
            "response_type": "code" if posted else "none",
            "client_id": client["client_id"],
            "redirect_uri": client.get("redirect_uri", ""),
            "scope": " ".join(one for one in client.get("scopes", "openid").split() if one.removeprefix("launch/") in (one, *posted)),
            "state": "s" * 43,
            "aud": self.fhir,
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        }
        return f"{self.base}/oauth/authorize?{urlencode(values)}"

    def _press(self) -> bool:
        """Do what the page is there for; False on a page with nothing to do."""
        from playwright.sync_api import Error

        self.page.wait_for_load_state("domcontentloaded")
        who = {"username": self.username, "password": self.password, "patient": self.patient}
        if not self.page.evaluate(f"who => Boolean(({FIND})(who))", who):
            return False
        try:
            with self.page.expect_event("framenavigated", timeout=5000):
                self.page.evaluate(f"who => ({FIND})(who).click()", who)
        except Error:  # the page was left before the script had ended, which is what it is for
            self.page.wait_for_load_state("domcontentloaded")
        return True


def floor(record: Path) -> None:
    """Make the traffic of a recorded run."""
    import httpx
    from playwright.sync_api import sync_playwright

    from smartlaunch.browser import find_browser
    from smartlaunch.records.store import load_run

    exchanges = [vars(exchange) for exchange in load_run(record).exchanges]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "floor.toml"
        command = [
            sys.executable,
            "-m",
            "smartlaunch.embedded_ehr",
            "--port",
            "0",
            "--die-with-parent",
            "--ready-stdout",
            "--write-target",
            str(target),
        ]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdin is not None
        assert child.stdout is not None
        if not child.stdout.readline():
            raise SystemExit("the embedded EHR did not start")
        with sync_playwright() as playwright, httpx.Client(timeout=15) as http:
            browser = playwright.chromium.launch(executable_path=find_browser().path)
            bare = Floor(target, browser, http)
            time.sleep(sum(pauses(exchanges)))
            for part in walks(exchanges):
                bare.request(part) if isinstance(part, dict) else bare.walk(part)
            browser.close()
        child.stdin.close()
        child.wait(10)
        child.stdout.close()


def pauses(exchanges: list[dict[str, Any]]) -> list[float]:
    """The gaps in which the run let time pass, so that something expires."""
    from datetime import datetime

    spans = [(datetime.fromisoformat(x["started"]).timestamp(), x["duration_ms"] / 1000) for x in exchanges]
    gaps = [after - begun - took for (begun, took), (after, _) in itertools.pairwise(spans)]
    return [gap for gap in gaps if gap > PAUSE_S]


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--floor", metavar="RECORD", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.floor:
        floor(args.floor)
        return 0
    from smartlaunch.records.store import load_run

    rows, did, waited = [], {}, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(args.rounds):
            out = Path(folder) / str(number)
            command = [sys.executable, "-m", "smartlaunch.cli", "run", "--target=embedded", "--no-allure", f"--out={out}"]
            ours, code, said = measured([*command, *(f"--suite={suite}" for suite in args.suite)])
            if code not in (0, 1):
                print(said)
                return 2
            run = load_run(out)
            exchanges = [vars(exchange) for exchange in run.exchanges]
            did = {"scenarios": len(run.scenarios), **counts(exchanges)}
            waited = sum(pauses(exchanges))
            bare, code, said = measured([sys.executable, __file__, f"--floor={out / 'run.json'}"])
            if code:
                print(said)
                return 2
            rows.append((ours, bare))
    table = report(rows, did, waited)
    print(table)
    if args.write:
        RESULTS.write_text(f"# Results of the benchmarks\n\n{table}\n", encoding="utf-8")
    return 1 if best(rows) > TARGET_RATIO else 0


def best(rows: list[tuple[Cost, Cost]]) -> float:
    """The ratio of the fastest run to the fastest floor; the rest is noise of the machine."""
    return min(ours.wall_s for ours, _ in rows) / min(bare.wall_s for _, bare in rows)


def report(rows: list[tuple[Cost, Cost]], did: dict[str, int], waited: float) -> str:
    """The numbers as a Markdown table."""
    lines = [
        "## `smartlaunch run` against the floor",
        "",
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}.",
        "",
    ]
    lines += [
        "| what | count |",
        "|---|---|",
        *(f"| {name} | {number} |" for name, number in did.items()),
        f"| seconds waited for expiry | {waited:.0f} |",
        "",
    ]
    lines += ["| round | run, wall s | run, CPU s | floor, wall s | floor, CPU s | ratio |", "|---|---|---|---|---|---|"]
    for number, (ours, bare) in enumerate(rows, 1):
        ratio = ours.wall_s / bare.wall_s
        lines.append(f"| {number} | {ours.wall_s:.1f} | {ours.cpu_s:.1f} | {bare.wall_s:.1f} | {bare.cpu_s:.1f} | {ratio:.2f} |")
    return "\n".join([*lines, "", f"Ratio of the fastest: {best(rows):.2f}; target: at most {TARGET_RATIO}."])


if __name__ == "__main__":
    raise SystemExit(main())
