"""What a target is before a run: each thing that is called ready has been tried, and each that is not has one line on what to do.

Beside one right launch it sends one thing that a right app never sends, once for each client with an app: a token request with a code that
nobody issued, which has to be refused for the code and for nothing else.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal

from smartlaunch.client.app import App
from smartlaunch.client.apps import Apps
from smartlaunch.client.engine import Engine
from smartlaunch.client.preflight import preflight
from smartlaunch.diagnosis.scopes import Kind, kind_of
from smartlaunch.diagnosis.vendor import all_vendors
from smartlaunch.errors import Blocked, NotApplicable, UsageError
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Outcome
from smartlaunch.oauth import scopes as words
from smartlaunch.onboarding.trial import Teller, Told, launch_once
from smartlaunch.target import Client

Verdict = Literal["ready", "mend", "note", "unreachable"]
_SKEW_S = 5
_NOT_OFFERED = {
    "public": "none",
    "confidential-symmetric": "client_secret_",
    "confidential-asymmetric": "private_key_jwt",
    "backend": "private_key_jwt",
}


@dataclass(frozen=True)
class Checked:
    """One thing that was looked at: ``ready`` was tried and works, ``note`` could not be tried or is worth knowing."""

    name: str
    verdict: Verdict
    said: str
    do: str = ""


_LINES_OF_A_REASON = 3
"""What went wrong, the page, and what was done until then; all of it is told by ``smartlaunch try``."""


def checkup(apps: Apps, *, sign_in: bool = True) -> Iterator[Checked]:
    """Try everything, in the order in which a run would stumble; what rests on something that is not there is left out."""
    engine = apps.engine
    early = [line for line in preflight(engine) if line["verdict"] in ("mend", "unreachable", "untrusted")]
    secrets_missing = engine.target.missing_secrets()
    yield from preflight_lines(early)
    yield from (Checked("target file", "note", text) for text in engine.target.warnings)
    if secrets_missing or not engine.target.clients:
        return
    exchange = engine.discovery.exchange
    if exchange.response is None:
        return
    yield Checked("reach", "ready", f"{engine.target.fhir_base_url} answers{_trusted(exchange)}")
    yield from clock(exchange)
    if not engine.discovery.document:
        yield Checked(
            "discovery", "mend", _no_document(exchange), "give the FHIR base URL itself, the address to which /Patient is appended"
        )
        return
    for client in engine.target.clients.values():
        yield from _scopes(engine, client)
    blamed = " ".join(line["problem"] for line in early)
    for client in engine.target.clients.values():
        if f"[clients.{client.name}]" not in blamed:
            yield from _client(apps, client)
    if sign_in and not any(line["verdict"] == "mend" for line in early):
        yield from _browser(engine)
        yield from _sign_in(apps)


def preflight_lines(lines: Sequence[dict[str, str]]) -> Iterator[Checked]:
    """What every run asks first, in this form."""
    for line in lines:
        said, _, do = line["problem"].partition("\n  try: ")
        yield Checked("before", "unreachable" if line["verdict"] == "unreachable" else "mend", said, do)


def _trusted(exchange: Exchange) -> str:
    return f", and its certificate is trusted ({exchange.tls})" if exchange.tls else " (plain http)"


def _no_document(exchange: Exchange) -> str:
    kind = exchange.heard.header("content-type") or "no Content-Type"
    return f"status {exchange.heard.status} with {kind} in place of the SMART configuration"


def clock(exchange: Exchange) -> Iterator[Checked]:
    """Clock skew by the Date header, against the middle of the exchange; the header counts whole seconds."""
    try:
        theirs = parsedate_to_datetime(exchange.heard.header("date") or "")
    except (TypeError, ValueError):
        yield Checked("clock", "note", "the server sends no Date, so its clock cannot be compared")
        return
    theirs = theirs if theirs.tzinfo is not None else theirs.replace(tzinfo=UTC)
    ours = exchange.started.timestamp() + exchange.duration_ms / 2000
    skew = ours - theirs.timestamp() - _age(exchange)
    said = f"this machine and the server are {abs(skew):.0f} s apart"
    if abs(skew) <= _SKEW_S:
        yield Checked("clock", "ready", said)
    else:
        yield Checked(
            "clock",
            "mend" if abs(skew) > 60 else "note",
            f"{said}: assertions and lifetimes are misjudged",
            "set this machine's clock (NTP)",
        )


def _age(exchange: Exchange) -> float:
    age = exchange.heard.header("age") or ""
    return float(age) if age.isascii() and age.isdigit() else 0.0


# -- scopes ------------------------------------------------------------------------------------------------------------------


def _scopes(engine: Engine, client: Client) -> Iterator[Checked]:
    """Well-formed, in the server's version, out of what it lists, and plausible for the vendor and the way of launching."""
    where, found = f"scopes of {client.name}", list(_scope_problems(engine, client))
    yield from (Checked(where, verdict, said, do) for verdict, said, do in found)
    if client.scopes and not found:
        yield Checked(where, "ready", f"{len(client.scopes)} scopes, well-formed, in the server's version and among those that it lists")


def _scope_problems(engine: Engine, client: Client) -> Iterator[tuple[Verdict, str, str]]:
    asked = list(dict.fromkeys((*client.scopes, *(client.ehr_launch_scopes if "ehr" in client.launches else ()))))
    ill = [scope for scope in asked if kind_of(scope) is Kind.ILL_FORMED]
    if ill:
        yield (
            "mend",
            f"{' '.join(ill)}: not in a form that the guide knows",
            "write patient/Observation.rs (v2) or patient/Observation.read (v1)",
        )
    yield from _version(engine, client, asked)
    yield from _listed(engine, [scope for scope in asked if scope not in ill])
    yield from _plausible(engine, client, asked)


def _version(engine: Engine, client: Client, asked: Sequence[str]) -> Iterator[tuple[Verdict, str, str]]:
    spoken, versions = _spoken(engine), {words.version_of(scope) for scope in asked} - {0}
    for version in sorted(versions - spoken if spoken else ()):
        changed = " ".join(words.other_version(scope) for scope in asked if words.version_of(scope) == version)
        yield "mend", f"scopes of version {version} are asked for, and the server speaks version {min(spoken)}", f"write {changed}"
    registered = client.registered.smart_version.lstrip("vV")[:1]
    if registered in ("1", "2") and versions and versions != {int(registered)}:
        yield (
            "mend",
            f"registered as SMART v{registered}, and asked for in the other version",
            "write every scope in the version of the registration",
        )
    if versions == {1, 2}:
        yield "note", "scopes of both versions are asked for; some servers drop those of one", "write them in one version"


def _spoken(engine: Engine) -> set[int]:
    """The versions of scopes that the server claims, else those of the scopes that it lists; empty when neither tells."""
    claimed = {version for version, name in ((1, "permission-v1"), (2, "permission-v2")) if name in engine.discovery.capabilities}
    return claimed or {words.version_of(scope) for scope in engine.discovery.listed("scopes_supported")} - {0}


def _listed(engine: Engine, asked: Sequence[str]) -> Iterator[tuple[Verdict, str, str]]:
    listed = engine.discovery.listed("scopes_supported")
    if len([scope for scope in listed if words.parse(scope)]) < 2:
        return  # a list without scopes on data is no list of them
    absent = [scope for scope in asked if not words.covered(scope, listed) and not scope.startswith("launch")]
    if absent:
        yield "note", f"{' '.join(absent)}: not in `scopes_supported`, which may be incomplete", "see whether the registration offers them"


def _plausible(engine: Engine, client: Client, asked: Sequence[str]) -> Iterator[tuple[Verdict, str, str]]:
    vendor = all_vendors().get(engine.target.vendor)
    wild = [scope for scope in asked if (parsed := words.parse(scope)) is not None and parsed.resource == "*"]
    if wild and vendor is not None and "no-wildcards" in vendor.traits:
        yield "mend", f"{' '.join(wild)}: {vendor.name} drops wildcards without an error", "name each resource type"
    elif wild:
        yield "note", f"{' '.join(wild)}: many servers drop wildcards without an error", "name each resource type"
    if "standalone" in client.launches and "launch" in client.scopes:
        yield (
            "mend" if vendor is not None and "launch-code-checked" in vendor.traits else "note",
            "`launch` is asked for where the app opens itself: it needs a launch value",
            'ask for launch/patient, or say launches = ["ehr"]',
        )
    alone = [scope for scope in client.ehr_launch_scopes if scope.startswith("launch/")] if client.launches == ("ehr",) else []
    if alone:
        yield "note", f"{' '.join(alone)}: in an EHR launch the EHR has chosen already", "ask for launch"
    needs = any(scope.startswith("patient/") for scope in client.scopes) and "standalone" in client.launches
    if needs and not any(scope.startswith("launch/patient") for scope in client.scopes):
        yield "note", "patient/ scopes without launch/patient: the server may grant them for nobody", "add launch/patient"
    for kind, capability in (("standalone", "launch-standalone"), ("ehr", "launch-ehr")):
        if kind in client.launches and engine.discovery.capabilities and capability not in engine.discovery.capabilities:
            yield (
                "note",
                f"the server does not claim `{capability}`, so scenarios of that launch do not apply",
                f"leave {kind!r} out of launches",
            )


# -- clients -----------------------------------------------------------------------------------------------------------------


def _client(apps: Apps, client: Client) -> Iterator[Checked]:
    """The client's credentials by a token request that has to be refused for its code alone; a backend's by a right one."""
    discovery = apps.engine.discovery
    methods = discovery.listed("token_endpoint_auth_methods_supported")
    mine = _NOT_OFFERED.get(client.role, "")
    if methods and mine and not any(method.startswith(mine) for method in methods) and client.role != "public":
        yield Checked(
            f"client {client.name}",
            "note",
            f"the server lists {', '.join(methods)} and not {mine.rstrip('_')}",
            "compare the kind of client",
        )
    if client.role == "resource-server" or not discovery.has("token_endpoint"):
        return
    app = apps.of(client, "" if client.role == "backend" else client.launches[0])
    try:
        yield _backend(app) if client.role == "backend" else _credentials(app)
    except (Blocked, NotApplicable, UsageError) as exc:
        yield Checked(f"client {client.name}", "mend" if isinstance(exc, UsageError) else "note", str(exc).splitlines()[0])


def _backend(app: App) -> Checked:
    token = app.token_request([("grant_type", "client_credentials"), ("scope", " ".join(app.scopes))])
    name = f"client {app.client.name}"
    if token.succeeded:
        return Checked(name, "ready", "its assertion is accepted and gets a token")
    return Checked(
        name,
        "mend",
        f"a right request for a token is refused: {token.describe()}",
        "compare client id, JWK Set and scopes with the registration",
    )


def _credentials(app: App) -> Checked:
    client, name = app.client, f"client {app.client.name}"
    form = [
        ("grant_type", "authorization_code"),
        ("code", secrets.token_urlsafe(24)),
        ("redirect_uri", client.redirect_uri),
        ("code_verifier", secrets.token_urlsafe(48)),
    ]
    answer = app.token_request(form)
    what = {"public": "the client id is", "confidential-symmetric": "client id and secret are"}.get(client.role, "client id and key are")
    if answer.error == "invalid_grant":
        return Checked(name, "ready", f"{what} not refused: a code that nobody issued is, with invalid_grant")
    if answer.error in ("invalid_client", "unauthorized_client") or answer.response.status == 401:
        return _refused(app, form, f"{what} refused ({answer.describe()})")
    return Checked(name, "note", f"a code that nobody issued is answered with {answer.describe()}: nothing can be told from that")


def _refused(app: App, form: list[tuple[str, str]], said: str) -> Checked:
    """A secret may only have been sent in the wrong way: the other one is tried before it is called wrong."""
    client, name = app.client, f"client {app.client.name}"
    methods = app.engine.secret_methods
    if client.role == "confidential-symmetric" and not client.token_endpoint_auth_method:
        before = app.authentication.secret_method
        methods[client.name] = "client_secret_basic" if before == "client_secret_post" else "client_secret_post"
        if app.token_request(form).error == "invalid_grant":
            return Checked(
                name,
                "note",
                f"the secret is taken by {methods[client.name]} only",
                f'write token_endpoint_auth_method = "{methods[client.name]}"',
            )
        methods.pop(client.name)
    do = {
        "public": "compare the client id with the registration, and whether it is registered as public",
        "confidential-symmetric": "compare client id and secret with the registration; a new one may need minutes",
    }
    return Checked(
        name, "mend", said, do.get(client.role, "compare client id and JWK Set with the registration; a new key may need minutes")
    )


# -- the browser ---------------------------------------------------------------------------------------------------------------


def _browser(engine: Engine) -> Iterator[Checked]:
    try:
        engine.browser.start()
    except UsageError as exc:
        said, _, do = str(exc).partition("\n  try: ")
        yield Checked("browser", "mend", " ".join(said.split()), do)
        return
    yield Checked("browser", "ready", f"{engine.browser.version} starts")


def _sign_in(apps: Apps) -> Iterator[Checked]:
    """One launch of the first app that can be launched without spending what a person pasted."""
    engine = apps.engine
    if not engine.browser.version:
        return
    chosen = _launchable(apps)
    if chosen is None:
        yield Checked(
            "sign-in",
            "note",
            "no client can be launched without a pasted launch, of which each serves once",
            "smartlaunch try --target T tries one",
        )
        return
    if engine.target.first_user is None:
        yield Checked("sign-in", "note", "no [users.<name>]: nobody can sign in", "add a user, or run with --headed and sign in by hand")
        return
    engine.browser.pictures = True
    told = launch_once(chosen, Teller(lambda _line: None))
    engine.browser.pictures = False
    pictures = f"; pictures: {len(engine.recorder.attachments)}"
    name = f"sign-in ({chosen.client.name}, {chosen.launch_kind})"
    if told.outcome is Outcome.PASSED:
        yield Checked(name, "ready", f"a launch from start to read, with every scope granted{pictures}")
        if engine.target.patients.default:
            yield _patient(told)
        return
    verdict: Verdict = "note" if told.outcome is Outcome.WARNING else "mend"
    yield Checked(
        name,
        verdict,
        f"{'; '.join(told.reason.splitlines()[:_LINES_OF_A_REASON])}{pictures}",
        "smartlaunch try --target T tells it step by step, with the likely cause",
    )


def _patient(told: Told) -> Checked:
    """What is known of the default patient after one launch."""
    if told.read:
        return Checked(
            "patient", "ready", f"[patients] default is there: {'chosen in the launch and ' if told.chosen else ''}read by its id"
        )
    if told.chosen:
        return Checked("patient", "ready", "[patients] default was chosen in the launch")
    said = "[patients] default was neither in context nor read: no scope of this client opens it"
    return Checked("patient", "note", said, "ask for patient/Patient.rs or user/Patient.rs")


def _launchable(apps: Apps) -> App | None:
    for client in apps.target.clients.values():
        for kind in client.launches:
            if apps.launches_by(client, kind) and not (kind == "ehr" and apps.launches.pasted(client)):
                return apps.of(client, kind)
    return None
