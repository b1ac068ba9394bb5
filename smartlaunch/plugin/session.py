"""The life of one run: target, embedded EHR where asked for, evidence folder, engine, preflight, results."""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from smartlaunch import __version__
from smartlaunch.catalogue import EDITIONS, load
from smartlaunch.client.apps import Apps
from smartlaunch.client.engine import Engine
from smartlaunch.client.http import proxy_parts
from smartlaunch.client.waits import Waits
from smartlaunch.errors import InternalError, UsageError
from smartlaunch.evidence.recorder import Recorder
from smartlaunch.evidence.redaction import NOT_KEPT, Redactor
from smartlaunch.finding import Outcome
from smartlaunch.plugin.finish import scrubbed
from smartlaunch.plugin.logs import keep_secrets_out
from smartlaunch.plugin.options import RATE_SHARE, Options, ehr_arguments, refuse_switches
from smartlaunch.records.files import DIAGNOSES_FILE, EXCHANGES_FILE, HEADER_FILE, RUN_FILE, SCENARIOS_FILE
from smartlaunch.records.record import SCHEMA_VERSION, ScenarioResult
from smartlaunch.records.store import append_scenario, rescrubbed, rewrite_scenarios, write_header, written_scenarios
from smartlaunch.reporting.words import count
from smartlaunch.target import Deviation, Target, load_deviations, load_target

_READY_S = 20
_TAKE_BACK_S = 20.0
_ALLURE_TEXT = (".json", ".txt", ".html", ".xml")
_QUICKLY_S = 1.0


class EmbeddedEhr:
    """The embedded EHR as a child process that ends when this process ends or the run is over."""

    def __init__(self, options: Options, folder: Path) -> None:
        self._folder = folder
        self.target_file = folder / "embedded.toml"
        self.jwks_place, jwks_uri = place_for_jwks()
        command = [sys.executable, "-m", "smartlaunch.embedded_ehr", "--port", "0", "--die-with-parent", "--ready-stdout"]
        command += ["--write-target", str(self.target_file), "--client-jwks-uri", jwks_uri]
        command += ehr_arguments(options)
        self._log = (folder / "embedded.log").open("wb")
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log)  # noqa: S603 - our own module
        self._wait_ready()

    def _wait_ready(self) -> None:
        assert self._child.stdout is not None
        stream, line = self._child.stdout, b""
        timer = threading.Timer(_READY_S, self._child.kill)
        timer.start()
        try:
            line = stream.readline()
        finally:
            timer.cancel()
        if not line:
            self.stop()
            stream.close()
            text = (self._folder / "embedded.log").read_text("utf-8", "replace").strip()
            raise UsageError(f"the embedded EHR did not start within {_READY_S} s: {text[-2000:] or 'it said nothing'}")
        threading.Thread(target=stream.read, daemon=True).start()

    def stop(self) -> None:
        """End the child and wait for it, killing it when it does not go."""
        if self._child.stdin is not None:
            self._child.stdin.close()
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(5)
        self._log.close()
        self.jwks_place.close()


class ThreadedEhr:
    """The embedded EHR in a thread of this process, for the defect matrix, which starts hundreds of them."""

    def __init__(self, options: Options, folder: Path) -> None:
        from smartlaunch.embedded_ehr.options import SandboxOptions
        from smartlaunch.embedded_ehr.profile import Profile
        from smartlaunch.embedded_ehr.server import start
        from smartlaunch.embedded_ehr.target_file import write_target
        from smartlaunch.embedded_ehr.vendors import choose

        vendor = choose(options.vendor) if options.vendor else None
        self.jwks_place, jwks_uri = place_for_jwks()
        self.target_file = folder / "embedded.toml"
        self._running = start(
            SandboxOptions(
                defects=options.defect,
                variants=options.variant,
                trace_rules=options.trace_rules,
                client_jwks_uri=jwks_uri,
                profile=vendor.profile if vendor is not None else Profile(),
                vendor=vendor,
            )
        )
        write_target(self.target_file, self._running)

    def stop(self) -> None:
        """Stop serving."""
        self._running.stop()
        self.jwks_place.close()


def place_for_jwks() -> tuple[socket.socket, str]:
    """A bound socket for the JWK Set that the suite serves itself, and its address; nobody listens there until a scenario needs it."""
    place = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    place.bind(("127.0.0.1", 0))
    return place, f"http://127.0.0.1:{place.getsockname()[1]}/jwks.json"


@dataclass
class RunSession:
    """One run; made by the plugin before the first scenario, ended after the last."""

    options: Options
    folder: Path
    started: datetime = field(default_factory=lambda: datetime.now(UTC).astimezone())
    redactor: Redactor = field(default_factory=Redactor)
    results: list[ScenarioResult] = field(default_factory=list)
    result_by_id: dict[str, ScenarioResult] = field(default_factory=dict)
    selection: list[str] = field(default_factory=list)
    preflight: list[dict[str, str]] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)
    """Files that could not be written while the run went, and why."""
    engine: Engine | None = None
    apps: Apps | None = None
    ready: Target | None = None
    """A target that somebody has made already, in the place of one that is looked up by its name."""
    allure_results: Path | None = None
    """Where Allure writes while the run goes, if it does."""
    _ehr: EmbeddedEhr | ThreadedEhr | None = None
    _scratch: Path | None = None
    _give_back_logs: Callable[[], None] | None = None

    @cached_property
    def target(self) -> Target:
        """The target; the embedded EHR is started when it is the one."""
        target = self.ready or load_target(self.options.target)
        if not target.embedded:
            refuse_switches(self.options)
            return target
        self._scratch = Path(tempfile.mkdtemp(prefix="smartlaunch-"))
        kind = ThreadedEhr if os.environ.get("SMARTLAUNCH_EMBEDDED") == "thread" else EmbeddedEhr
        self._ehr = kind(self.options, self._scratch)
        return load_target(self._ehr.target_file)

    @cached_property
    def deviations(self) -> tuple[Deviation, ...]:
        """What is known already: the target file's own word, then that of ``--deviations``."""
        return (*self.target.deviations, *(load_deviations(self.options.deviations) if self.options.deviations else ()))

    @cached_property
    def recorder(self) -> Recorder:
        """The one recorder of the run, which knows the target's secrets from the start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in (SCENARIOS_FILE, EXCHANGES_FILE, DIAGNOSES_FILE, RUN_FILE, HEADER_FILE):
            (self.folder / name).unlink(missing_ok=True)  # an earlier run in the same folder must not mix with this one
        recorder = Recorder(self.folder, self.redactor)
        self.redactor.publish(self.target.public_values)
        for secret in self.target.secrets:
            if secret.available:
                _learn(self.redactor, secret.where, secret.reveal())
        for names in self.target.patients.names.values():
            for name in names:
                self.redactor.learn("person_name", name)
        login = proxy_parts(self.target.proxy)[1] if self.target.proxy else None
        if login is not None and login[1]:
            self.redactor.learn("password", login[1])
        for value in self.target.pasted_launches:
            self.redactor.learn("launch", value)
        return recorder

    def start(self) -> Engine:
        """Load the target, start browser and client; raises ``UsageError`` for anything to mend in the configuration."""
        from smartlaunch.browser import Browser, find_browser

        target, recorder, _ = self.target, self.recorder, self.deviations
        self._give_back_logs = keep_secrets_out(self.redactor.text)
        browser = Browser(
            choice=find_browser(),
            headed=self.options.headed,
            on_exchange=lambda exchange: (recorder.record(exchange), None)[1],
            next_id=recorder.next_id,
            on_screenshot=lambda name, data: recorder.attach(name, data, "image/jpeg"),
            step_timeout_s=min(target.limits.request_s, 10.0),
            login_timeout_s=target.limits.login_s,
            scrub=self.redactor.text,
            people=self.redactor.keep_patient_data,
            home=target.fhir_base_url,
            ca_file=target.ca_file,
            proxy=proxy_parts(target.proxy) if target.proxy else None,
        )
        first = target.first_user
        if self.options.storage_state:
            browser.kept_state = (first.name if first is not None else "nobody", Path(self.options.storage_state).resolve())
        self.engine = Engine(target, recorder, browser, passive=self.options.passive, rate_share=int(os.environ.get(RATE_SHARE, "1")))
        self.apps = Apps(self.engine)
        if self._ehr is not None:
            self.apps.keys.keep(self._ehr.jwks_place)
        return self.engine

    def scrub(self, text: str) -> str:
        """A text without any known secret."""
        return self.redactor.scrub(text)

    def keep_traceback(self, name: str, text: str) -> str:
        """Store our own traceback for a bug report, scrubbed; source code is no message, so nothing is learned from it."""
        path = self.folder / "attachments" / f"{name}-traceback.txt"
        relative = path.relative_to(self.folder).as_posix()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.scrub(text), encoding="utf-8")
        except OSError as exc:
            self.lost[relative] = str(exc.strerror or exc)
            return ""
        return relative

    def add(self, result: ScenarioResult) -> None:
        """Keep a scenario's result, on disk at once."""
        self.results.append(result)
        self.result_by_id[result.id] = result
        self._append(result)

    def amend(self, result: ScenarioResult) -> None:
        """Put another result in the place of a scenario's earlier one; on disk the last one counts."""
        self.results = [result if each.id == result.id else each for each in self.results]
        self.result_by_id[result.id] = result
        self._append(result)

    def _append(self, result: ScenarioResult) -> None:
        try:
            append_scenario(self.folder, result)
        except OSError as exc:  # it is kept, and written at the end with all that could not be
            self.lost[SCENARIOS_FILE] = str(exc.strerror or exc)

    def close(self, *, quickly: bool = False) -> None:
        """Take back what was written on the server, keep what was learned late out of the evidence, stop what was started; never raises."""
        recorder: Recorder | None = self.__dict__.get("recorder")
        engine = self.engine
        steps: list[tuple[str, Callable[[], object]]] = []
        if engine is not None:
            limit, in_force = (_TAKE_BACK_S, self.apps.in_force) if self.apps is not None and not quickly else (_QUICKLY_S, str)
            steps.append(("what was written on the server", lambda: engine.fhir.take_back(limit, in_force)))
        if recorder is not None:
            steps += [("the exchanges", recorder.close), ("the scenarios", self._rescrub)]
        if quickly:
            steps.append(("the header", lambda: write_header(self.folder, {**self.header(), "interrupted": True})))
        if self.apps is not None:
            steps.append(("browser and connections", self.apps.close))
        if self._ehr is not None:
            steps.append(("the embedded EHR", self._ehr.stop))
        steps.append(("Allure's results", self._rescrub_allure))
        if self._give_back_logs is not None:
            steps.append(("the log", self._give_back_logs))
        for name, step in steps:
            try:
                step()
            except Exception as exc:  # noqa: BLE001 - the run is over; what could not be closed must not hide its results
                print(f"smartlaunch: could not close {name}: {self.scrub(str(exc))}", file=sys.stderr)  # noqa: T201
        if recorder is not None:
            self.lost |= recorder.lost
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _rescrub_allure(self) -> None:
        """The same in what Allure has written, scenario by scenario, while the run went."""
        stands = self.redactor.registry.stands_plainly_in
        for path in sorted(self.allure_results.glob("*")) if self.allure_results is not None else ():
            if path.suffix not in _ALLURE_TEXT or not stands(text := path.read_text("utf-8", "replace")):
                continue
            clean = json.dumps(scrubbed(json.loads(text), self.scrub), ensure_ascii=False) if path.suffix == ".json" else self.scrub(text)
            path.write_text(clean, encoding="utf-8")

    def _rescrub(self) -> None:
        """Hide in the scenarios what was learned to be a secret only after them."""
        texts = [json.dumps(asdict(each), ensure_ascii=False) for each in self.results]
        suspect = self.redactor.registry.suspect(texts, plainly=True)
        late = [number for number, text in enumerate(texts) if text in suspect]
        for number in late:
            self.results[number] = rescrubbed(self.results[number], self.scrub)
        if late or self.lost or written_scenarios(self.folder) < len(self.results):
            rewrite_scenarios(self.folder, self.results)
            self.lost.pop(SCENARIOS_FILE, None)

    def header(self) -> dict[str, Any]:
        """The header of ``run.json``: everything needed to say what was run against what."""
        target = self.target
        return {
            "schema": SCHEMA_VERSION,
            "id": self.folder.name,
            "suite": {"name": "smart-launch-conformance", "version": __version__, "commit": _commit()},
            "target": {
                "name": target.name,
                "given": self.options.target,
                "fhir_base_url": target.fhir_base_url,
                "vendor": target.vendor,
                "edition": target.edition,
                "hash": target.hash,
                "clients": {
                    name: {
                        "role": client.role,
                        "use": client.use,
                        "client_id": client.client_id,
                        "app_id": client.app_id,
                        "redirect_uri": client.redirect_uri,
                        "scopes": list(client.scopes),
                        "registered": {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(client.registered).items()},
                    }
                    for name, client in target.clients.items()
                },
                "defects": list(self.options.defect),
                "variants": list(self.options.variant),
                "imitates": self.options.vendor,
            },
            "editions": [target.edition] if target.edition else list(EDITIONS),
            "start": self.started.isoformat(timespec="milliseconds"),
            "end": datetime.now(UTC).astimezone().isoformat(timespec="milliseconds"),
            "zone": str(self.started.tzinfo),
            "let_pass_s": round(Waits.passed_s, 1),
            "environment": {
                "python": platform.python_version(),
                "platform": platform.system(),
                "browser": self.engine.browser.choice.how if self.engine is not None else "",
                "libraries": {
                    name: version(name) for name in ("pytest", "pytest-bdd", "httpx", "playwright", "PyJWT", "jsonschema", "allure-pytest")
                },
            },
            "passive": self.options.passive or not target.probes.intrusive,
            "selection": self.selection,
            "preflight": [{name: self.scrub(text) for name, text in line.items()} for line in (*self.preflight, *self._notes())],
            "coverage": self._coverage(),
            "deviations": scrubbed(self._deviations(), self.scrub),
        }

    def _deviations(self) -> list[dict[str, Any]]:
        """What became of each known deviation."""
        from smartlaunch.plugin import known
        from smartlaunch.plugin.binding import every_plan

        if not self.deviations:
            return []
        names = [name for plan in every_plan() for name in (plan.id, *map(plan.id_of, plan.labels), *plan.requirements)]
        asked = self.options
        whole = not (asked.suite or asked.requirement or asked.scenario or asked.quick or asked.passive)
        return known.account(self.results, self.deviations, [*names, *load()], whole=whole)

    def _notes(self) -> list[dict[str, str]]:
        """What was learned on the way, told like what the check before the run has to say."""
        said = list(self.engine.notes) if self.engine is not None else []
        recorder: Recorder | None = self.__dict__.get("recorder")
        dropped = [each for each in recorder.exchanges if NOT_KEPT in (each.request_body[:9], each.response_body[:9])] if recorder else []
        if dropped:
            said.append(
                f"{count(len(dropped), 'body', 'bodies')} not kept, since looking for secrets would have taken too long; what was judged"
                f" there cannot be looked up: {', '.join(f'{each.id} {each.method} {each.url[:120]}' for each in dropped[:5])}"
            )
        return [{"verdict": "note", "problem": text} for text in said]

    def _coverage(self) -> dict[str, int]:
        """How many binding server requirements exist, were selected, and were judged in this run."""
        catalogue = load()
        binding = {r.id for r in catalogue.values() if r.binding}
        judged = {
            requirement
            for result in self.results
            if result.outcome in (Outcome.PASSED, Outcome.FAILED, Outcome.WARNING)
            for requirement in result.requirements
        }
        selected = {requirement for result in self.results for requirement in result.requirements}
        return {"binding": len(binding), "selected": len(binding & selected), "judged": len(binding & judged)}


def _learn(redactor: Redactor, where: str, value: str) -> None:
    kind = "password" if "password" in where or "totp" in where else "private_key" if "jwk" in where else "client_secret"
    redactor.learn(kind, value)
    if kind != "private_key":
        return
    try:
        document = json.loads(value)
    except ValueError:
        return
    for key in document.get("keys", [document]) if isinstance(document, dict) else []:
        for member in ("d", "p", "q", "dp", "dq", "qi"):
            if isinstance(key, dict) and isinstance(key.get(member), str):
                redactor.learn("private_key", key[member])


def _commit() -> str:
    from smartlaunch._suite import suite_root

    root = suite_root()
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return os.environ.get("SMARTLAUNCH_COMMIT", "")
    done = subprocess.run([git, "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    return done.stdout.strip()


def elapsed(since: float) -> float:
    """Seconds since a monotonic moment, rounded for people."""
    return round(time.monotonic() - since, 3)


def explain_internal(exc: BaseException) -> str:
    """The sentence under which our own bug is reported."""
    return f"{type(exc).__name__}: {exc}" if isinstance(exc, InternalError) else f"unexpected {type(exc).__name__}: {exc}"
