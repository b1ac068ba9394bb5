"""What the server, the browser or the asker says in words, and which error codes and statuses there are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smartlaunch.diagnosis import libraries
from smartlaunch.diagnosis.inputs.observed import OAUTH_ERRORS
from smartlaunch.diagnosis.material import Material, Said
from smartlaunch.diagnosis.signals.signal import Signal, first_of, predicate, saw, shortened
from smartlaunch.diagnosis.vendor import Vendor

_WHO = {"server": "the message", "setting": "the description", "asker": "the asker"}
_WHERE = {"token": "token", "fhir": "fhir", "authorize": "authorize", "page": "page", "redirect": "authorize", "discovery": "discovery"}
_ONLY_AT = {
    "invalid_token": "fhir",
    "insufficient_scope": "fhir",
    "invalid_grant": "token",
    "unsupported_grant_type": "token",
    "unsupported_response_type": "authorize",
    "login_required": "authorize",
    "interaction_required": "authorize",
}
"""Error codes that belong to one stage of the flow."""


@predicate
def stated(m: Material, vendor: Vendor) -> Iterator[Signal]:
    """What is said in words, each wording only at the stage it belongs to."""
    for urn in m.urns:
        if says := vendor.says_of_urn(urn):
            yield saw(f"says:{says}", f"the server names {urn}", m.fact_of.get("urn", ""), urn=urn)
            yield saw("vendor-urn", f"the server names {urn}", urn=urn)
        else:
            yield saw("unknown-urn", f"the server names {urn}, which no rule knows", urn=urn)
    for said in sorted(m.said, key=lambda each: each.who == "asker"):
        for says, words, owner in _said_by(said, vendor, stage_of(m, said)):
            library = libraries.speaker_of(owner)
            speaker, by = (library, "server") if library else (_WHO[said.who], said.who)
            yield saw(f"says:{says}", f'{speaker} ({said.where}) says "{words}"', said.exchange, by=by, words=words)
            if library:
                yield saw("library-message", f'{library} says "{words}"', said.exchange)
            if (said.who == "server" and said.where != "error") or owner:
                yield saw("phrase-in-answer", f'the answer says "{words}"', said.exchange)
    for code in m.errors:
        yield saw(f"error:{code}", f"the error code is {code}", m.fact_of.get("error", ""))


_CODE_WORD = re.compile(r"(?<![\w/.:-])[A-Za-z][A-Za-z0-9]*(?:[_-][A-Za-z0-9]+)+(?![\w/:-])")


def _said_by(said: Said, vendor: Vendor, stage: str) -> Iterator[tuple[str, str, str]]:
    """What a text says; of a server's also what its codes say in words, for ``auth_code_not_found`` is a sentence too.

    The error codes of OAuth itself are none: each stands for many causes.
    """
    yield from vendor.says_in(said.text, said.who, stage)
    if said.who != "server":
        return
    known = libraries.said_in(said.text)
    found = {hit.group() for hit in _CODE_WORD.finditer(said.text[:2000]) if not libraries.covered(*hit.span(), known)}
    for code in sorted(found):
        if code not in OAUTH_ERRORS and code not in _NAMES:
            for says, _, owner in vendor.says_in(re.sub(r"[_-]", " ", code), said.who, stage):
                yield says, code, owner


_NAMES = frozenset(
    {"client_id", "client_secret", "redirect_uri", "access_token", "refresh_token", "id_token", "code_verifier", "grant_type"}
)
"""Names of parameters, which say nothing by themselves."""
_PATHS = (
    ("authorize", re.compile(r"(?i)(?<=[\w/])/(?:authori[sz]e|oauth2?/auth|openid-connect/auth)\b")),
    ("token", re.compile(r"(?i)(?<=[\w/])/token\b(?!_)")),
    ("discovery", re.compile(r"(?i)/\.well-known/|/metadata\b")),
)
"""The path in a short message that tells which endpoint it is about."""


def stage_of(m: Material, said: Said) -> str:
    """The stage of the flow that a text belongs to, or an empty string where nothing tells."""
    first = said.where.partition(" ")[0]
    if first in _WHERE and " " in said.where:
        return _WHERE[first]
    paths = {step for step, pattern in _PATHS if pattern.search(said.text)} if said.who == "server" and len(said.text) < 300 else set()
    if len(paths) == 1:
        return paths.pop()
    by_code = {_ONLY_AT[code] for code in m.errors if code in _ONLY_AT}
    if len(by_code) == 1:
        return by_code.pop()
    if m.facts.get("operation_outcome"):
        return "fhir"
    if m.facts.get("discovery_request"):
        return "discovery"
    if m.fhir and not m.errors:
        return "fhir"
    if m.authorize_url and not (m.grant_type or m.token_url or m.fhir):
        return "authorize"
    if (m.grant_type or m.token_url) and not m.authorize_url and not m.fhir:
        return "token"
    return ""


_FHIR_TOLD = re.compile(r"(?i)\bFHIR[- ](?:server|api|service|base)|/(?:fhir|r4|stu3|dstu2)/|\bOperationOutcome\b")
_SIGN_IN_TOLD = re.compile(
    r"(?i)\b(?:log ?in|sign[- ]?in|call-?back|redirect\w*|token (?:endpoint|request|exchange)|"
    r"authori[sz]e (?:endpoint|page|url))\b"
)


def _about_fhir_alone(m: Material) -> bool:
    """Whether the request is one to the FHIR server, or the text speaks of that server and of no sign-in."""
    if m.source != "text":
        return bool(m.fhir) and not (m.authorize_url or m.token_url or m.grant_type)
    text = " ".join([str(m.facts.get("first_line") or ""), *(said.text for said in m.said)])
    return bool(m.fhir or m.facts.get("fhir_address") or _FHIR_TOLD.search(text)) and _SIGN_IN_TOLD.search(text) is None


@predicate
def statuses(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """Statuses, and the step of the flow that failed."""
    for step, status in m.statuses.items():
        at = m.fact_of.get(f"status.{step}", "")
        if status >= 400:
            yield saw(f"status:{status}", f"the {'answer' if step == 'any' else step + ' answer'} has status {status}", at)
            yield saw(f"{step}-status:{status}", f"{step} answered {status}")
        if status >= 500:
            yield saw("status:5xx", f"the server answered {status}", at, status=str(status))
        if status >= 500 and (step == "fhir" or (step == "any" and _about_fhir_alone(m))):
            yield saw("fhir-5xx", f"the FHIR server answered {status}", at, status=str(status))
    token_error = {"invalid_client", "invalid_grant", "unsupported_grant_type"} & set(m.errors)
    if (m.token_url or m.grant_type or token_error) and not m.fhir:
        yield saw("at-token-endpoint", "the failing request went to the token endpoint")
    if m.facts.get("body_is_text") and not m.errors and not m.urns:
        yield saw("answer-not-oauth", "the answer is plain text without an OAuth error code")
    if m.facts.get("no_redirect"):
        yield saw("no-redirect", "the browser was never sent back to the app")


_ISSUE_CODE = re.compile(r'"code"\s*:\s*"(login|expired|unknown|forbidden|security|suppressed|processing|invalid)"|<code value="(\w+)"')
_ISSUE_CODES = frozenset({"login", "expired", "unknown", "forbidden", "security", "suppressed", "processing", "invalid"})


_TOKEN_REFUSED = re.compile(r"(?i)invalid[ _]?access[ _]?token|access[ _]?token (?:is )?(?:invalid|not valid|unknown)")


def _gateway_refuses(m: Material) -> bool:
    """Whether an answer without an OAuth code says that the access token is not taken, as a gateway before the FHIR server speaks."""
    return any(s.where.startswith("response_body") and _TOKEN_REFUSED.search(s.text) for s in m.texts("server"))


@predicate
def outcome(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """A FHIR refusal: by its status, or by an OperationOutcome, with or without one."""
    status = m.statuses.get("fhir") or (m.statuses.get("any", 0) if m.fhir or m.facts.get("operation_outcome") else 0)
    codes: set[str] = set()
    if m.facts.get("operation_outcome"):
        codes |= {said.text.strip() for said in m.texts("server") if said.where.endswith(" code")} & _ISSUE_CODES
        for said in m.texts("server"):
            codes |= {a or b for a, b in _ISSUE_CODE.findall(said.text)}
    unauthorized = any(re.search(r"\bnot authori[sz]ed\b|authori[sz]ation failed", s.text, re.IGNORECASE) for s in m.texts("server"))
    if status in (401, 403) or codes & {"login", "expired", "forbidden", "security"} or (m.facts.get("operation_outcome") and unauthorized):
        yield saw(
            "fhir-refused", f"the FHIR request was answered {status}" if status else "the FHIR server answers with an OperationOutcome"
        )
    of_token = not m.statuses and ("invalid_token" in m.errors or (not m.errors and _gateway_refuses(m)))
    if status in (401, 403) or codes & {"login", "expired", "forbidden", "security"} or of_token:
        yield saw("fhir-refused-or-token", "a request with an access token was refused")
    if status == 401 or (not status and codes & {"login", "expired"}):
        yield saw("fhir-401", "the FHIR server does not accept the token (401)" if status else "the OperationOutcome has code login")
    elif status == 403 or (not status and (codes & {"forbidden"} or (codes and unauthorized))):
        yield saw("fhir-403", "the FHIR server does not allow the request (403)" if status else "the OperationOutcome refuses the request")


_REFUSAL = r"\b(?:access_denied|invalid_(?:request|client|grant))\b"
_REFUSED = re.compile(_REFUSAL, re.IGNORECASE)
_BEFORE_REASON = re.compile(rf"^.*?{_REFUSAL}[\s,;:|\"'-]*(?:(?:error_?)?description\s*[:=]?\s*)?", re.IGNORECASE)
_DESCRIBED = re.compile(r"(?i)description|message|detail")
_STOCK = re.compile(
    r"(?i)^\W*(?:bad request|invalid (?:request|client|grant)|unauthori[sz]ed|access (?:is |was )?denied|"
    r"an? (?:unknown |unexpected )?error\b.*|null|none|undefined)\W*$"
)
"""What says no more than the code does."""


@predicate
def reason_given(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """The server says in words of its own why it refused: in a description, or behind the code."""
    if not any(_REFUSED.fullmatch(code) for code in m.errors):
        return
    for said in m.texts("server"):
        reason, behind = _BEFORE_REASON.subn("", said.text)
        reason = reason.strip(" .\"'")
        told = _DESCRIBED.search(said.where) or (behind and said.where not in ("line", "quoted"))
        if told and len(re.findall(r"[A-Za-z]{2,}", reason)) >= 2 and not _STOCK.match(reason):
            yield saw("reason-given", f'the server says "{shortened(reason)}"', said.exchange, reason=shortened(reason))
            return


_KEY_UNKNOWN = re.compile(
    r"(?i)(?:signature|signing|matching|public) key(?:\(s\))? (?:was |is |could )?not (?:be )?found|unable to match (?:key|'?kid)|"
    r"no matching key|IDX10(?:500|501|503)|SignatureKeyNotFound|(?:unknown|no such|cannot find) kid\b"
)
_RESOURCE_SERVER = re.compile(
    r"(?i)Bearer was not authenticated|Jwt-?Bearer|WWW-?Authenticate\W{0,3}Bearer|resource[ -]?server|Jwt-?Decoder|"
    r"protected API|invalid_token"
)


@predicate
def bearer_key(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """A server that is called with a token, and not the client that got it, looked for the key of the token's signature."""
    said = [each.text for each in m.said]
    key = first_of(_KEY_UNKNOWN, said)
    if key and ("invalid_token" in m.errors or first_of(_RESOURCE_SERVER, said)):
        yield saw("bearer-key-unknown", f'the server that was called with the token looked for its key ("{key}")')
