"""One launch, from discovery to the first reads, told step by step: what was asked, what was granted, and where it stopped.

The flow is the right one of an app and nothing else is sent. Everything that is said is free of patients' data: types and statuses of
what was read, never ids.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from smartlaunch.client.app import App
from smartlaunch.client.authorization import AuthorizationAnswer, require_settled
from smartlaunch.client.reading import candidates
from smartlaunch.errors import Blocked, NotApplicable
from smartlaunch.exchange import Exchange, RecordedExchange
from smartlaunch.fhir import describe
from smartlaunch.finding import Finding, Kind, Outcome, Side
from smartlaunch.oauth import scopes as words
from smartlaunch.oauth.authorization import AuthorizationRequest, Launch
from smartlaunch.oauth.token import TokenAnswer

_MOST_READS = 8


@dataclass
class Teller:
    """Says what happens and when, counted from the beginning."""

    say: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)
    steps: list[tuple[str, bool]] = field(default_factory=list)

    def step(self, name: str, said: str, *, good: bool = True) -> None:
        """Tell a step that is over."""
        self.steps.append((name, good))
        self.say(f"{time.monotonic() - self.began:6.1f} s  {'ok  ' if good else 'STOP'}  {name}: {said}")

    def more(self, said: str) -> None:
        """Tell more of the last step."""
        self.say(f"{'':16}{said}")


@dataclass(frozen=True)
class Told:
    """How a trial ended; ``reason`` is the sentence on where it stopped, empty when it came to its end."""

    outcome: Outcome
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    picture: str = ""
    chosen: bool = False
    """Whether the patient in context is the one of the target file."""
    read: bool = False
    """Whether that patient's resource was read."""
    kind: str = ""
    """The kind of the block that it stopped at, by which a fault of the person's own side is known."""


class _Stopped(Exception):
    """The launch came no further."""

    def __init__(self, told: Told) -> None:
        self.told = told
        super().__init__(told.reason)


def launch_once(app: App, teller: Teller) -> Told:
    """Launch the app once and say how it went."""
    findings: list[Finding] = []
    try:
        _discover(app, teller)
        launch = _launched(app, teller)
        request = app.request(launch=launch)
        _asked(request, teller)
        answer = _authorize(app, request, teller)
        token = _exchange(app, answer, teller)
        findings += _granted(app, request, token, teller)
        findings += _read(app, request, token, teller)
    except _Stopped as stopped:
        return stopped.told
    except (Blocked, NotApplicable) as exc:
        teller.step("stopped", _first(str(exc)), good=False)
        artifacts = exc.artifacts if isinstance(exc, Blocked) else ()
        kind = exc.kind if isinstance(exc, Blocked) else ""
        return Told(Outcome.BLOCKED, str(exc), picture=next(iter(artifacts), ""), kind=kind)
    failed = [finding for finding in findings if finding.severity is Outcome.FAILED]
    outcome = Outcome.FAILED if failed else Outcome.WARNING if findings else Outcome.PASSED
    why, default = "; ".join(finding.actual for finding in failed or findings), app.engine.target.patients.default
    read = bool(default) and any(_is_read_of(exchange, default) for exchange in app.engine.recorder.exchanges)
    return Told(outcome, why, tuple(findings), chosen=bool(default) and token.patient == default, read=read)


def _is_read_of(exchange: RecordedExchange, patient: str) -> bool:
    return exchange.method == "GET" and exchange.status == 200 and exchange.url.split("?")[0].endswith(f"/Patient/{patient}")


def _first(text: str) -> str:
    return text.splitlines()[0]


def _stop(teller: Teller, name: str, said: str, exchange: str = "", side: Side = Side.UNDECIDED, picture: str = "") -> _Stopped:
    teller.step(name, said, good=False)
    finding = Finding("EXPECT-authorization", f"{name} succeeds", said, exchange, kind=Kind.EXPECTATION, side=side, severity=Outcome.FAILED)
    return _Stopped(Told(Outcome.FAILED, f"{name}: {said}", (finding,), picture))


def _discover(app: App, teller: Teller) -> None:
    exchange, discovery = app.engine.discovery.exchange, app.engine.discovery
    answer = exchange.answer  # raises where nobody answers
    if not discovery.document:
        raise _stop(teller, "SMART configuration", f"status {answer.status}, and no JSON object", exchange.id, Side.FHIR_SERVER)
    teller.step("SMART configuration", f"status {answer.status} from {discovery.fhir_base_url}")
    for member in ("authorization_endpoint", "token_endpoint"):
        teller.more(f"{member}: {discovery.document.get(member, 'absent')}")


def _launched(app: App, teller: Teller) -> Launch | None:
    launch = app.launched()
    if launch is not None:
        teller.step("EHR launch", f"iss={launch.iss} and a launch value of {len(launch.launch)} characters")
    return launch


def _asked(request: AuthorizationRequest, teller: Teller) -> None:
    teller.step("authorization request", request.endpoint)
    for name in ("client_id", "redirect_uri", "scope", "aud"):
        teller.more(f"{name}: {request.get(name)}")
    teller.more("code_challenge_method: S256" + (", with launch" if request.get("launch") else ""))


def _authorize(app: App, request: AuthorizationRequest, teller: Teller) -> AuthorizationAnswer:
    answer = app.authorize(request)
    landing = answer.landing
    for said in landing.steps:
        teller.more(said)
    if not answer.code and not answer.error and landing.kind != "error-page":
        require_settled(answer)
    if not answer.code:
        uri = answer.get("error_uri") if answer.error else ""
        more = f"; error_uri {uri.partition('?')[0]}" if uri else ""
        said = answer.describe() + more + (f"; the page says: {_short(landing.text)}" if landing.kind == "error-page" else "")
        raise _stop(teller, "authorization", said, answer.exchange, picture=landing.screenshot)
    if answer.get("state") != request.state:
        raise _stop(teller, "authorization", "`state` came back changed", answer.exchange, Side.AUTHORIZATION_SERVER)
    teller.step("authorization", f"a code came back to {request.redirect_uri}")
    return answer


def _short(text: str) -> str:
    return " ".join(text.split())[:300]


def _exchange(app: App, answer: AuthorizationAnswer, teller: Teller) -> TokenAnswer:
    token = app.exchange(answer)
    if not token.succeeded and token.error == "invalid_client" and app.client.role == "confidential-symmetric":
        teller.more(f"the secret is refused by {app.authentication.secret_method}; the other form is tried with a new launch")
        again = app.attempt()
        token = again.token if again.token is not None else token
    if not token.succeeded:
        raise _stop(teller, "token", token.describe(), token.exchange.id)
    lifetime = f"{token.expires_in:g} s" if token.expires_in is not None else "no lifetime"
    teller.step("token", f"an access token ({lifetime}), {'a' if token.refresh_token else 'no'} refresh token")
    for note in app.engine.notes:
        teller.more(note)
    context = [name for name in ("patient", "encounter", "fhirContext", "need_patient_banner", "smart_style_url") if name in token.body]
    teller.more(f"launch context: {', '.join(context) or 'none'}; ID Token: {'yes' if token.id_token else 'no'}")
    return token


def _granted(app: App, request: AuthorizationRequest, token: TokenAnswer, teller: Teller) -> list[Finding]:
    """The scopes that were asked for and not granted, each a finding; failed where the target file expects them."""
    granted = token.scopes or request.scopes
    teller.more(f"granted: {' '.join(granted)}" + ("" if token.scopes else " (the answer leaves `scope` out: all that was asked for)"))
    missing = words.missing(request.scopes, granted)
    for scope in missing:
        teller.more(f"NOT granted: {scope}")
    wanted = app.engine.target.expect.scopes
    out = [
        Finding(
            "EXPECT-scopes",
            f"`{scope}`, which was asked for, is granted",
            f"granted: {' '.join(granted) or 'nothing'}",
            token.exchange.id,
            "/scope",
            kind=Kind.EXPECTATION,
            side=Side.UNDECIDED,
            severity=Outcome.FAILED if scope in wanted else Outcome.WARNING,
        )
        for scope in missing
    ]
    chosen = app.engine.target.patients.default
    if chosen and token.patient and token.patient != chosen:
        teller.more("the patient in context is another one than [patients] default")
        out.append(
            Finding(
                "EXPECT-patient",
                "the patient that was to be chosen is in context",
                "another patient is in context",
                token.exchange.id,
                "/patient",
                kind=Kind.EXPECTATION,
                side=Side.TARGET_FILE,
                severity=Outcome.FAILED,
            )
        )
    return out


def _read(app: App, request: AuthorizationRequest, token: TokenAnswer, teller: Teller) -> list[Finding]:
    """One read for each resource that was asked for: a scope that vanished shows in what is refused."""
    asked = [scope for scope in request.scopes if words.parse(scope)]
    if not asked:
        teller.step("read", "nothing: the app asks for no scope on FHIR data")
        return []
    out = []
    paths = candidates(asked, token.patient, app.engine.target.patients.default or "")
    if not paths:
        teller.step("read", "nothing: the scopes allow only reads by an id that nobody knows")
    for path in paths[:_MOST_READS]:
        exchange = app.engine.fhir.read(path, token.access_token)
        name = _named(path)
        if exchange.response is not None and 200 <= exchange.heard.status < 300:
            teller.step("read", f"{name}: status {exchange.heard.status}{_how_many(exchange)}")
            continue
        said = _refusal(exchange)
        teller.step("read", f"{name}: {said}", good=False)
        out.append(
            Finding(
                "EXPECT-fhir-read",
                f"the read that `{_scope_for(path, asked)}` allows is answered with success",
                f"{name}: {said}",
                exchange.id,
                kind=Kind.EXPECTATION,
                side=Side.UNDECIDED,
                severity=Outcome.FAILED,
            )
        )
    return out


def _named(path: str) -> str:
    """What was read, without whose it is."""
    kind = path.split("?", maxsplit=1)[0].split("/", maxsplit=1)[0]
    return f"{kind} by id" if "/" in path else f"{kind} by search"


def _how_many(exchange: Exchange) -> str:
    total = exchange.heard.object.get("total")
    return f", {total} in all" if isinstance(total, int) else ""


def _refusal(exchange: Exchange) -> str:
    if exchange.response is None:
        return exchange.error
    challenge = exchange.heard.header("www-authenticate")
    message = exchange.heard.object.get("message")
    more = f"; WWW-Authenticate: {challenge[:200]}" if challenge else f": {message[:300]}" if isinstance(message, str) else ""
    return describe(exchange.heard) + more


def _scope_for(path: str, asked: Sequence[str]) -> str:
    kind = path.split("?", maxsplit=1)[0].split("/", maxsplit=1)[0]
    return next((scope for scope in asked if (p := words.parse(scope)) is not None and p.resource in ("*", kind)), asked[0])
