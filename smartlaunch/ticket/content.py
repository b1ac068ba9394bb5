"""What a ticket says. Facts are filled in; what only a person can answer is left marked."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from smartlaunch import __version__
from smartlaunch.diagnosis.inputs.reader import Loaded
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.model import Diagnosis, Report
from smartlaunch.diagnosis.vendor import Vendor, all_vendors, vendor_named
from smartlaunch.diagnosis.weighing import vendor_of
from smartlaunch.exchange import Endpoint, RecordedExchange
from smartlaunch.finding import Side
from smartlaunch.records.record import Run, ScenarioResult
from smartlaunch.ticket import markdown as md

TO_FILL = "**[please fill in]**"
REMOVED = (
    "Secrets, tokens and the contents of patients' records were removed; values in angle brackets stand for them,"
    " equal ones for equal values."
    " User names and the ids of resources are left, for without them nobody finds the case again."
)
_SHOWN = 14
_OWN = {
    Side.APP: "the app",
    Side.REGISTRATION: "the registration of the app",
    Side.SESSION: "the browser or session",
    Side.TARGET_FILE: "the target file",
}
"""Sides that no vendor can act on, in words."""
_SERVERS = (Side.AUTHORIZATION_SERVER, Side.FHIR_SERVER, Side.SANDBOX)
_STEPS = (
    Endpoint.LAUNCH,
    Endpoint.DISCOVERY,
    Endpoint.AUTHORIZE,
    Endpoint.PAGE,
    Endpoint.REDIRECT,
    Endpoint.TOKEN,
    Endpoint.FHIR,
    Endpoint.INTROSPECTION,
)


@dataclass
class Ticket:
    """A finished ticket: its title, its text, and what goes into the ZIP beside it."""

    title: str
    text: str
    vendor: str
    exchanges: list[RecordedExchange] = field(default_factory=list)
    scenario: ScenarioResult | None = None


@dataclass
class _Facts:
    """Everything the text is made of."""

    report: Report
    vendor: Vendor
    exchanges: list[RecordedExchange]
    material: Material
    scenario: ScenarioResult | None
    run: Run | None

    @property
    def best(self) -> Diagnosis | None:
        return self.report.diagnoses[0] if self.report.diagnoses else None

    @property
    def errors(self) -> list[str]:
        """The error codes to tell: those of the exchange that shows the problem, since others of the flow are other answers."""
        return self._where_it_stands(self.material.errors)

    @property
    def urns(self) -> list[str]:
        """The error URNs to tell, by the same rule."""
        return self._where_it_stands(self.material.urns)

    def _where_it_stands(self, said: Sequence[str]) -> list[str]:
        if self.scenario is None or not any(f.exchange for f in self.scenario.findings):
            return list(said)
        failing = _failing(self)
        named = {failing.id if failing is not None else "", *(f.exchange for f in self.scenario.findings)}
        texts = [f"{x.url} {x.response_headers} {x.response_body}" for x in self.exchanges if x.id in named]
        return [one for one in said if any(one in text or quote(one, safe="") in text for text in texts)]


def build(loaded: Loaded, vendor: str = "", scenario: str = "") -> Ticket:
    """Write the ticket of an input; of a run, for the scenario named or the first that failed."""
    chosen = _scenario(loaded.run, scenario)
    report = loaded.report(vendor, chosen.id if chosen else "")
    exchanges = loaded.exchanges
    material = loaded.found[-1] if loaded.found else Material(source=loaded.kind)
    if loaded.run is not None:
        wanted = set(chosen.exchanges) if chosen else set()
        exchanges = [x for x in loaded.run.exchanges if x.id in wanted]
        from smartlaunch.diagnosis.runs import materials_of

        flows = materials_of(loaded.run, exchanges)
        material = next((m for m in flows if not m.succeeded), flows[-1] if flows else material)
    known = vendor_named(vendor) if vendor else all_vendors().get(report.vendor) or vendor_of(material)
    facts = _Facts(report, known, exchanges, material, chosen, loaded.run)
    _refuse_own_fault(facts)
    title = _title(facts)
    text = _oracle(facts, title) if known.ticket == "oracle-health" else _generic(facts, title)
    return Ticket(title, text, known.id, exchanges, chosen)


def build_all(loaded: Loaded, vendor: str = "") -> list[Ticket]:
    """One ticket for each cause of a run, in the order of the diagnosis; causes in the target file get none."""
    if loaded.run is None:
        return [build(loaded, vendor)]
    from smartlaunch.errors import UsageError

    order = {s.id: s for s in loaded.run.scenarios}
    tickets = []
    for item in loaded.report(vendor).diagnoses:
        shown = next((order[s] for s in item.scenarios if s in order), None)
        if item.side is not Side.TARGET_FILE and shown is not None:
            tickets.append(build(loaded, vendor, shown.id))
    if not tickets:
        raise UsageError("this run shows no cause that a vendor could act on\n  try: smartlaunch diagnose with the same input")
    return tickets


def _refuse_own_fault(facts: _Facts) -> None:
    """No vendor is asked about what stands in the target file."""
    from smartlaunch.errors import UsageError

    if facts.best is not None and facts.best.side is Side.TARGET_FILE:
        raise UsageError(f"no ticket: the target file has to be mended first\n  {facts.best.cause}\n  try: {facts.best.fix}")


def _mend_first(facts: _Facts) -> list[str]:
    """What stands at the top of a ticket whose likely cause lies on the asker's own side."""
    best = facts.best
    if best is None or best.side not in _OWN:
        return []
    return [
        f"> **Mend this first.** The likely cause is on your own side, {_OWN[best.side]}: {md.sentence(best.fix)}",
        "> Send this ticket only if the problem stays after that, and say in it that you tried.",
    ]


def _scenario(run: Run | None, wanted: str) -> ScenarioResult | None:
    from smartlaunch.errors import LookupFailed, UsageError

    if run is None:
        return None
    if not run.scenarios:
        said = "; ".join(str(line.get("problem", "")) for line in run.preflight if line.get("verdict") in ("mend", "unreachable"))
        raise UsageError(f"no scenario of this run gave a result, so there is nothing to report{f': {said}' if said else ''}")
    if wanted:
        found = run.scenario_by_id.get(wanted) or next((s for s in run.scenarios if s.id.endswith("/" + wanted)), None)
        if found is None:
            raise LookupFailed("scenario", wanted, [s.id for s in run.scenarios])
        return found
    for outcome in ("failed", "blocked", "warning"):
        for result in run.scenarios:
            if result.outcome == outcome:
                return result
    raise UsageError(
        "nothing failed in this run, so there is nothing to report\n  try: --scenario ID for a ticket about one scenario all the same"
    )


def _failing(facts: _Facts) -> RecordedExchange | None:
    """The exchange that shows the problem: of a finding, of the evidence, else the last that was refused."""
    by_id = {x.id: x for x in facts.exchanges}
    named = [f.exchange for f in facts.scenario.findings if f.exchange] if facts.scenario else []
    named += [e.exchange for e in facts.best.evidence if e.exchange] if facts.best else []
    refused = [x for x in facts.exchanges if x.status >= 400 or "error" in x.facts]
    if refused and (not named or by_id.get(named[0]) not in refused):
        return refused[-1]
    return next((by_id[i] for i in named if i in by_id), refused[-1] if refused else None)


def _title(facts: _Facts) -> str:
    best, m, urns, errors = facts.best, facts.material, facts.urns, facts.errors
    error = urns[-1].split("error:", 1)[-1] if urns else errors[-1] if errors else ""
    what = {
        "scope-syntax": "Requested scopes are not granted",
        "scope-version": "Requested scopes are not granted",
        "scope-registration": "Requested scopes are not granted",
        "launch-context": "SMART launch is refused or lacks its context",
        "redirect-uri": "Authorization request is refused for its redirect URI",
        "client-auth": "Token request is refused: client authentication",
        "pkce": "Token request is refused: PKCE",
        "aud": "Authorization request is refused for its aud",
        "fhir-authorization": "FHIR request is refused with a valid token",
        "token-lifetime": "Code or token is refused as used or expired",
    }.get(best.category.value if best else "", "")
    if facts.scenario and best and best.rule == "requirement-not-met":
        what = facts.scenario.title
    what = what or (facts.scenario.title if facts.scenario else "SMART App Launch fails")
    if m.granted is not None and m.requested is not None and best and best.category.value.startswith("scope"):
        lost = [s for s in m.requested.items if s not in m.granted]
        what += f": {' '.join(lost[:3])}" + (" ..." if len(lost) > 3 else "") if lost else ""
    return " ".join((what + (f" ({error})" if error else "")).split())[:160]


def _problem(facts: _Facts) -> str:
    """The problem in one sentence, as Markdown."""
    failing = _failing(facts)
    m, urns, errors = facts.material, facts.urns, facts.errors
    error = md.code(urns[-1] if urns else ", ".join(errors)) if urns or errors else ""
    if m.granted is not None and m.requested is not None and (facts.best is None or facts.best.category.value.startswith("scope")):
        granted = md.code(" ".join(m.granted.items)) if m.granted.items else "no scope"
        then = f", and the FHIR request is answered {m.status}" if m.fhir and m.status >= 400 else ""
        return f"The token answer grants {granted}, although {md.code(' '.join(m.requested.items))} was requested{then}."
    if failing is not None and failing.status >= 400:
        return f"{failing.method} {md.code(_short(failing.url))} is answered {failing.status}" + (f" with {error}" if error else "") + "."
    if error:
        return f"The flow ends with the error {error}."
    if facts.scenario and facts.scenario.findings:
        finding = facts.scenario.findings[0]
        return f"Expected: {md.sentence(finding.expected)}. Actual: {md.sentence(finding.actual)}."
    reason = facts.scenario.reason.splitlines()[0] if facts.scenario and facts.scenario.reason else ""
    return md.sentence(reason) or "The launch does not come to its end."


def _short(url: str) -> str:
    parts = urlsplit(url) if "://" in url else None
    return f"{parts.scheme}://{parts.netloc}{parts.path}" if parts else url


def _expected(facts: _Facts) -> list[str]:
    lines: list[str] = []
    for finding in facts.scenario.findings if facts.scenario else ():
        lines.append(f"- {md.sentence(finding.expected)} {_rule(finding.requirement)}".rstrip())
    m = facts.material
    if not lines and m.requested is not None and m.granted is not None:
        lines.append(f"- The scopes asked for are granted: {md.code(' '.join(m.requested.items))}")
    if not lines:
        lines.append("- The launch ends with an access token, and the FHIR request with the resource.")
    if facts.best:
        lines += [f"- See {md.link(_source_name(url), url)}" for url in facts.best.sources[:2]]
    return list(dict.fromkeys(lines))


def _rule(identifier: str) -> str:
    from smartlaunch.catalogue import load

    row = load().get(identifier)
    if row is None:
        return f"({md.code(identifier)})"
    return f"({md.link(identifier, row.url)}{f': {md.sentence(row.source)}' if row.source else ''})"


def _source_name(url: str) -> str:
    return (urlsplit(url).netloc + urlsplit(url).path).rstrip("/").split("/", 1)[-1] or url


def _actual(facts: _Facts) -> list[str]:
    lines = [
        f"- {md.sentence(f.actual)}" + (f" ({md.code(f.exchange)})" if f.exchange else "")
        for f in (facts.scenario.findings if facts.scenario else ())
    ]
    m = facts.material
    if m.granted is not None and m.requested is not None:
        lines.append(f"- Requested: {md.code(' '.join(m.requested.items))}")
        lines.append(f"- Granted: {md.code(' '.join(m.granted.items) or '(nothing)')}")
    lines += [f"- Error: {md.code(e)}" for e in facts.errors]
    lines += [f"- Error URN: {md.code(u)}" for u in facts.urns]
    failing = _failing(facts)
    if failing is not None and failing.status >= 400:
        lines.append(f"- {md.code(failing.id)} {failing.method} {md.code(_short(failing.url))} answered {failing.status}")
        if failing.response_body and "html" not in _header(failing.response_headers, "content-type"):
            lines += ["", md.block(failing.response_body[:1500])]
    return list(dict.fromkeys(lines)) or ["- " + _problem(facts)]


def _header(headers: Iterable[Iterable[str]], name: str) -> str:
    return next((v for k, v in headers if k.lower() == name), "")


def _requests(facts: _Facts) -> str:
    relevant = [x for x in facts.exchanges if x.endpoint in _STEPS]
    if not relevant:
        return "No messages were recorded; the facts come from a description."
    shown = relevant if len(relevant) <= _SHOWN else [*relevant[:4], *relevant[-(_SHOWN - 4) :]]
    rows = []
    for item in shown:
        ids = "<br>".join(f"{md.line(k)}: {md.code(v, table=True)}" for k, v in item.correlation.items())
        caught = item.endpoint == Endpoint.REDIRECT and not item.status
        status = str(item.status) if item.status else "not sent, caught in the browser" if caught else f"none: {md.line(item.error[:80])}"
        rows.append(
            [
                md.code(item.id, table=True),
                md.code(item.started, table=True),
                f"{item.method} {md.code(_short(item.url), table=True)}",
                status,
                ids,
            ]
        )
    left = len(relevant) - len(shown)
    note = f"\n\n{left} more {'is' if left == 1 else 'are'} in the HAR." if left > 0 else ""
    return md.table(["", "Time", "Request", "Status", "Correlation ids"], rows) + note


def _correlation(facts: _Facts) -> str:
    failing = _failing(facts)
    chosen = [failing] if failing is not None and failing.correlation else [x for x in facts.exchanges if x.correlation][-3:]
    found = [f"{md.line(k)} {md.code(v)} ({md.code(x.id)})" for x in chosen for k, v in x.correlation.items()]
    found += [f"error_uri instance {md.code(i)}" for i in facts.material.instances if not any(i in f for f in found)]
    return "; ".join(dict.fromkeys(found)) or TO_FILL


def _time(facts: _Facts) -> str:
    failing = _failing(facts) or (facts.exchanges[-1] if facts.exchanges else None)
    return md.code(failing.started) if failing is not None and failing.started else TO_FILL


def _steps(facts: _Facts) -> list[str]:
    """The least that repeats the problem, in the order of the flow."""
    m, steps = facts.material, []
    shown_by = {finding.exchange for finding in facts.scenario.findings} if facts.scenario else set()
    base = _base(facts)
    if base:
        steps.append(f"FHIR base URL: {md.code(base)}")
    if m.launch_type:
        steps.append(f"Start: {md.line(m.launch_type)}")
    for item in facts.exchanges:
        if item.endpoint == Endpoint.AUTHORIZE and "client_id" in item.facts:
            f = item.facts
            pkce = f"PKCE {f.get('code_challenge_method', '')}" if f.get("code_challenge_present") else "no PKCE"
            launch = "with launch" if f.get("launch_present") else "without launch"
            scope = md.code(" ".join(f.get("scope_requested") or []))
            redirect = md.code(str(f.get("redirect_uri", "")))
            aud = "" if f.get("aud") == base else f", aud {md.code(str(f['aud']))}" if f.get("aud") else ", no aud"
            steps.append(f"Authorization request ({md.code(item.id)}): scope {scope}, redirect_uri {redirect}{aud}, {pkce}, {launch}")
        elif item.endpoint == Endpoint.TOKEN and item.facts.get("grant_type"):
            f = item.facts
            grant, shown = md.code(str(f["grant_type"])), md.code(str(f.get("client_auth", "none")))
            steps.append(f"Token request ({md.code(item.id)}): grant_type {grant}, client authentication {shown}: answered {item.status}")
        elif item.endpoint == Endpoint.FHIR and (item.status >= 400 or item.id in shown_by):
            steps.append(f"FHIR request ({md.code(item.id)}): {item.method} {md.code(_short(item.url))}: answered {item.status}")
    if not facts.exchanges:
        known = [
            ("authorize", m.authorize_url.split("?")[0]),
            ("redirect_uri", m.redirect_sent),
            ("token endpoint", m.token_url),
            ("grant type", m.grant_type),
        ]
        if m.requested is not None:
            known.insert(1, ("scope", " ".join(m.requested.items)))
        known += [("FHIR request", f"{c.interaction or 'read'} {c.resource}") for c in m.fhir]
        known += [("answer", f"status {m.status}")] if m.status else []
        steps += [f"{md.line(name)}: {md.code(value)}" for name, value in known if value]
    return [f"{n}. {text}" for n, text in enumerate(dict.fromkeys(steps), 1)][:12] or [f"1. {TO_FILL}"]


def _base(facts: _Facts) -> str:
    """The FHIR base URL: of the target where there is one, since a probe may name another server on purpose."""
    target = facts.run.header.get("target") if facts.run is not None else None
    configured = str(target.get("fhir_base_url") or "") if isinstance(target, Mapping) else ""
    return configured or facts.material.fhir_base or facts.material.aud


def _diagnosis(facts: _Facts) -> list[str]:
    if not facts.best:
        lines = ["The recorded facts do not decide the cause. What would help:"]
        return [*lines, *(f"- {md.sentence(item.what)}: {md.sentence(item.how)}" for item in facts.report.missing)]
    best = facts.best
    words = (f"category {md.code(best.category.value)}", f"side {md.code(best.side.value)}", f"confidence {best.confidence.value}")
    lines = [
        f"{md.sentence(best.cause)} ({', '.join(words)})",
        "",
        f"- {'What we ask for' if best.side in _SERVERS else 'What we shall try'}: {md.sentence(best.fix)}",
        f"- To make sure: {_next(best.next)}",
    ]
    lines += [
        f"- {'Seen' if item.stance == 'for' else 'Against'}: {md.sentence(item.text)}"
        + (f" ({md.code(item.exchange)})" if item.exchange else "")
        for item in best.evidence[:6]
    ]
    others = [f"{md.sentence(d.cause)} ({d.confidence.value})" for d in facts.report.diagnoses[1:3]]
    return [*lines, *([f"- Also possible: {'; '.join(others)}"] if others else [])]


def _next(text: str) -> str:
    return md.code(text) if text.startswith(("smartlaunch ", "curl ")) else md.sentence(text)


_RULED_OUT: tuple[tuple[str, object, str], ...] = (
    ("verifier_matches_challenge", True, "PKCE: the code verifier belongs to the code challenge"),
    ("state_returned_equal", True, "state came back as sent"),
    ("redirect_uri_equal", True, "redirect_uri is the same at both steps"),
    ("client_id_equal", True, "client_id is the same at both steps"),
    ("aud_equals_base", True, "aud is the FHIR base URL of the launch"),
    ("launch_equal", True, "launch is the value the EHR gave"),
    ("code_reused", False, "the code was exchanged once"),
    ("token_expired", False, "the access token had not run out"),
    ("bearer_known", True, "the bearer token is the access token of this flow"),
    ("assertion_aud_equals_token_endpoint", True, "the assertion's aud is the token endpoint"),
    ("endpoint_as_discovered", True, "the authorization endpoint is the one discovered"),
)


def _ruled_out(facts: _Facts) -> list[str]:
    seen: dict[str, object] = {}
    for item in facts.exchanges:
        seen.update({k: v for k, v in item.facts.items() if isinstance(v, bool)})
    found = [f"- {md.sentence(text)}" for name, value, text in _RULED_OUT if seen.get(name) is value]
    offsets = [x.facts["clock_offset_s"] for x in facts.exchanges if isinstance(x.facts.get("clock_offset_s"), (int, float))]
    if offsets and all(abs(offset) < 5 for offset in offsets):
        found.append("- the clocks of client and server agree")
    return found or ["- nothing beyond what stands above"]


def _environment(facts: _Facts) -> list[str]:
    m = facts.material
    header: Mapping[str, object] = facts.run.header if facts.run is not None else {}
    found = [
        ("Server", facts.vendor.name if facts.vendor.id != "generic" else ""),
        ("FHIR base URL", _base(facts)),
        ("client_id", m.client_id or m.client_id_in_error),
    ]
    target = header.get("target")
    if isinstance(target, Mapping):
        found.append(("SMART edition", str(target.get("edition") or "")))
    found += [("Persona", m.persona), ("Scenario", facts.scenario.id if facts.scenario else "")]
    found.append(("Recorded by", f"smart-launch-conformance {__version__}, Python {platform.python_version()}"))
    return [f"- {md.line(name)}: {md.code(value)}" for name, value in found if value]


def _generic(facts: _Facts, title: str) -> str:
    parts = [
        f"# {md.sentence(title)}",
        *(["\n".join(_mend_first(facts))] if _mend_first(facts) else []),
        _problem(facts),
        "## Expected",
        "\n".join(_expected(facts)),
        "## Actual",
        "\n".join(_actual(facts)),
        "## Steps to repeat",
        "\n".join(_steps(facts)),
        "## Requests",
        _requests(facts),
        "## Likely cause",
        "\n".join(_diagnosis(facts)),
        "## Ruled out",
        "\n".join(_ruled_out(facts)),
        "## Environment",
        "\n".join(_environment(facts)),
        REMOVED,
    ]
    return "\n\n".join(parts) + "\n"


ORACLE_FIELDS = (
    "Workflow or API calls:",
    "Background Information:",
    "Developer questions:",
    "Are you an OPN Member?",
    "Have you signed up to be in the Healthcare Developer Track?",
    "Are you a registered Code Program member?",
    "Does your App have a presence on the Oracle Healthcare App Marketplace?",
    "Are you developing on behalf of an Oracle Health client? If so, which client:",
    "Application's Client ID and App ID, if relevant:",
    "Expected Result:",
    "Actual Result:",
    "X-Request-Id / Cerner-Correlation-Id / opc-request-id:",
    "Date/time of the example:",
)
"""The fields of the forum's template, in its order."""


def _oracle(facts: _Facts, title: str) -> str:
    m = facts.material
    ids = [
        f"Client ID {md.code(m.client_id_registered or m.client_id or m.client_id_in_error)}"
        if m.client_id_registered or m.client_id or m.client_id_in_error
        else f"Client ID {TO_FILL}"
    ]
    if (
        m.client_id_in_error
        and m.client_id_in_error not in (m.client_id, m.client_id_registered, "unknown")
        and (m.client_id or m.client_id_registered)
    ):
        ids.append(f"the error names client {md.code(m.client_id_in_error)}")
    ids.append(f"App ID {md.code(m.app_id)}" if m.app_id else f"App ID {TO_FILL}")
    yes_no = f"Yes / No {TO_FILL}"
    answers = (
        "\n".join([_problem(facts), "", *_steps(facts), "", _requests(facts)]),
        "\n".join([*_environment(facts), "", "Likely cause:", "", *_diagnosis(facts), "", "Ruled out:", "", *_ruled_out(facts)]),
        "\n".join(_questions(facts)),
        yes_no,
        yes_no,
        yes_no,
        yes_no,
        TO_FILL,
        ", ".join(ids),
        "\n".join(_expected(facts)),
        "\n".join(_actual(facts)),
        _correlation(facts),
        _time(facts),
    )
    parts = [f"# {md.sentence(title)}", *(["\n".join(_mend_first(facts))] if _mend_first(facts) else [])]
    for name, answer in zip(ORACLE_FIELDS, answers, strict=True):
        parts += [f"**{name}**", answer]
    parts.append(REMOVED)
    return "\n\n".join(parts) + "\n"


def _questions(facts: _Facts) -> list[str]:
    """What the vendor is asked: to confirm the cause, or to give what is missing."""
    best = facts.best
    if best is None:
        return ["1. Which check refused this request, seen from your logs under the ids below?"]
    subject = re.sub(r"\.$", "", best.cause.split(". ")[0])
    return [
        f"1. Can you confirm from your logs that this is the reason: {md.line(subject)}?",
        f"2. Is this the change to make: {md.line(best.fix.split('. ')[0].rstrip('.'))}?",
    ]
