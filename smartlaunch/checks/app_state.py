"""Checks on App State (SMART App Launch 2.2, "App State"): what was sent, what came back, what a search finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smartlaunch.checks.fhir_answer import describe, found
from smartlaunch.checks.members import Findings, advice, show
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding, Side

Resource = Mapping[str, Any]


def _finding(requirement: str, expected: str, actual: str, exchange: Exchange, pointer: str = "") -> Finding:
    return Finding(requirement, expected, actual, exchange.id, pointer, side=Side.FHIR_SERVER)


def _stored(exchange: Exchange) -> dict[str, Any]:
    body = exchange.answer.object
    return body if body.get("resourceType") == "Basic" else {}


def _good(exchange: Exchange) -> bool:
    return 200 <= exchange.answer.status < 300


def created(requirement: str, exchange: Exchange) -> Findings:
    """Right state is taken with 201."""
    if exchange.answer.status == 201:
        return []
    return [_finding(requirement, "status 201 for right state", describe(exchange), exchange, "status")]


def accepted(requirement: str, step: str, exchange: Exchange) -> Findings:
    """A right request on state is carried out."""
    if _good(exchange):
        return []
    return [_finding(requirement, f"the {step} of App State carried out", describe(exchange), exchange, "status")]


def _version(resource: Resource) -> object:
    meta = resource.get("meta")
    return meta.get("versionId") if isinstance(meta, dict) else None


def has_new_id(requirement: str, exchange: Exchange) -> Findings:
    """The stored resource has an ``id`` and a version."""
    body = _stored(exchange)
    findings = []
    if not isinstance(body.get("id"), str) or not body["id"]:
        findings.append(_finding(requirement, "an `id` that the server gave", f"it is {show(body.get('id'))}", exchange, "/id"))
    version = _version(body)
    if not isinstance(version, str) or not version:
        findings.append(_finding(requirement, "a `meta.versionId`", f"it is {show(version)}", exchange, "/meta/versionId"))
    return findings


def ignores_chosen_id(requirement: str, sent: Resource, exchange: Exchange) -> Findings:
    """The ``id`` that the app chose is refused or replaced."""
    if not _good(exchange) or _stored(exchange).get("id") != sent.get("id"):
        return []
    return [_finding(requirement, "an `id` that the server makes, or a refusal", "the id that the app chose was kept", exchange, "/id")]


def _same_reference(one: object, two: object) -> bool:
    """Whether two references are one, where a server may keep those to itself without its base URL."""
    if not isinstance(one, str) or not isinstance(two, str):
        return one == two
    longer, shorter = sorted((one, two), key=len, reverse=True)
    return longer == shorter or ("://" in longer and "://" not in shorter and longer.endswith(f"/{shorter}"))


def lost(sent: Resource, kept: Resource) -> list[tuple[str, str]]:
    """What of the sent state is not in the kept one: pointer and sentence; the subject is not repeated, it may be a patient."""
    problems = []
    mine, theirs = sent.get("subject"), kept.get("subject")
    want = mine.get("reference") if isinstance(mine, dict) else None
    have = theirs.get("reference") if isinstance(theirs, dict) else None
    if want is not None and not _same_reference(want, have):
        problems.append(("/subject/reference", f"`subject.reference` {'is absent' if have is None else 'was changed'}"))
    mine, theirs = sent.get("code"), kept.get("code")
    want = mine.get("coding") if isinstance(mine, dict) else None
    have = theirs.get("coding") if isinstance(theirs, dict) else None
    if want is not None and not _same(want, have):
        problems.append(("/code/coding", f"`code.coding` is {show(have)} in place of {show(want)}"))
    extensions = kept.get("extension")
    held = [e for e in extensions if isinstance(e, dict)] if isinstance(extensions, list) else []
    for number, extension in enumerate(sent.get("extension", ())):
        if not any(_covers(extension, other) for other in held):
            problems.append((f"/extension/{number}", f"the extension {show(extension.get('url'))} was lost or changed"))
    return problems


def _same(want: object, have: object) -> bool:
    """Equal, where a server may add members of its own to a coding (a ``display``)."""
    if isinstance(want, list):
        return isinstance(have, list) and len(have) == len(want) and all(_same(w, h) for w, h in zip(want, have, strict=True))
    if isinstance(want, dict):
        return isinstance(have, dict) and all(_same(value, have.get(key)) for key, value in want.items())
    return want == have


def _covers(sent: Resource, kept: Resource) -> bool:
    return all(_same(value, kept.get(key)) for key, value in sent.items())


def keeps(requirement: str, sent: Resource, exchange: Exchange) -> Findings:
    """The answer holds subject, code and every extension as they were sent."""
    body = _stored(exchange)
    if not body:
        return [_finding(requirement, "the stored Basic resource in the answer", describe(exchange), exchange, "body")]
    return [_finding(requirement, "subject, code and extensions as sent", text, exchange, place) for place, text in lost(sent, body)]


def kept_or_refused(requirement: str, sent: Resource, exchange: Exchange) -> Findings:
    """State is kept in full or not at all."""
    if not _good(exchange):
        return []
    return [
        _finding(requirement, "state kept in full, or refused", f"status {exchange.answer.status}, and {text}", exchange, place)
        for place, text in lost(sent, _stored(exchange))
    ]


def answer_form(requirement: str, exchange: Exchange, before: str = "") -> Findings:
    """The answer to a create or an update has an ``ETag``, a new one after an update, and the stored resource."""
    findings = []
    tag = exchange.answer.header("etag")
    if not tag:
        findings.append(_finding(requirement, "an `ETag`", "there is none", exchange, "header: ETag"))
    elif before and tag == before:
        findings.append(_finding(requirement, "a new `ETag`", "it is the one from before the update", exchange, "header: ETag"))
    version = _version(_stored(exchange))
    if tag and isinstance(version, str) and version != tag.strip().removeprefix("W/").strip('"') and not (before and tag == before):
        said = f"`ETag` is {tag}, `meta.versionId` is {show(version)}"
        findings.append(_finding(requirement, "an `ETag` with the version of the stored resource", said, exchange, "header: ETag"))
    if not _stored(exchange):
        findings.append(_finding(requirement, "the stored Basic resource in the answer", describe(exchange), exchange, "body"))
    return findings


def not_carried_out(requirement: str, what: str, exchange: Exchange) -> Findings:
    """A wrong request changes nothing and shows nothing."""
    if not _good(exchange):
        return []
    if exchange.request.method == "GET" and not found(exchange, "Basic"):
        return []
    return [_finding(requirement, f"the {what} refused", describe(exchange), exchange, "status")]


def left_alone(requirement: str, what: str, exchange: Exchange, after: Exchange | None, wanted: str, tried: Resource | None) -> Findings:
    """The end state of a refusal: the state is still found, and is not what the refused request would have made of it."""
    if after is None or not _good(after):
        return []
    kept = next((one for one in found(after, "Basic") if one.get("id") == wanted), None)
    words = f"the {what}, answered with status {exchange.answer.status}, leaves the state as it was"
    if kept is None:
        return [_finding(requirement, words, "the state is no longer found under its code and subject", after, "/entry")]
    if tried is None or lost(tried, kept):
        return []
    return [_finding(requirement, words, "the state is what the refused request asked for", after, "/entry")]


def finds_as_sent(requirement: str, sent: Resource, exchange: Exchange, wanted: str) -> Findings:
    """A search gives state as it was sent last, whatever the answer to the sending said."""
    kept = next((one for one in found(exchange, "Basic") if one.get("id") == wanted), None)
    if kept is None:
        return []
    return [_finding(requirement, "the state as it was sent last", text, exchange, place) for place, text in lost(sent, kept)]


def empty_bundle(requirement: str, exchange: Exchange, unwanted: str) -> Findings:
    """A search that finds nothing is answered with a Bundle all the same."""
    words = "status 200 with a Bundle, in which the deleted state is not"
    if not _good(exchange) or exchange.answer.object.get("resourceType") != "Bundle":
        return [_finding(requirement, words, describe(exchange), exchange, "status")]
    if any(one.get("id") == unwanted for one in found(exchange, "Basic")):
        return [_finding(requirement, words, "it is still found", exchange, "/entry")]
    return []


def precondition_failed(requirement: str, what: str, exchange: Exchange) -> Findings:
    """A change whose precondition does not hold is answered with 412."""
    if exchange.answer.status == 412:
        return []
    return [_finding(requirement, f"status 412 for {what}", describe(exchange), exchange, "status")]


def gone(requirement: str, exchange: Exchange) -> Findings:
    """A request about deleted state is a failed precondition; what core FHIR answers to it warns, as core takes precedence."""
    status, delete = exchange.answer.status, exchange.request.method == "DELETE"
    found = precondition_failed(requirement, "a request about state that was deleted", exchange)
    return advice(found) if status in (404, 409, 410) or (delete and status in (200, 204)) else found


def finds(requirement: str, exchange: Exchange, wanted: str, code: tuple[str, str], subject: str) -> Findings:
    """A search finds the state that is there, and nothing of another code or about another subject."""
    if not _good(exchange):
        return [_finding(requirement, "status 200 with a Bundle", describe(exchange), exchange, "status")]
    findings = []
    matches = found(exchange, "Basic")
    kept = next((r for r in matches if r.get("id") == wanted), None)
    if kept is None:
        findings.append(_finding(requirement, "the state that the app keeps under this code", describe(exchange), exchange, "/entry"))
    elif not _version(kept):
        words = "the `meta.versionId` that was stored, which a change has to name"
        findings.append(_finding(requirement, words, "it is absent", exchange, "/entry/resource/meta/versionId"))
    for resource in matches:
        concept, person = resource.get("code"), resource.get("subject")
        codings = concept.get("coding") if isinstance(concept, dict) else None
        pairs = [(c.get("system"), c.get("code")) for c in codings if isinstance(c, dict)] if isinstance(codings, list) else []
        about = person.get("reference", "") if isinstance(person, dict) else ""
        if code not in pairs:
            findings.append(_finding(requirement, f"state under {'|'.join(code)} only", f"one is under {show(pairs)}", exchange, "/entry"))
        if about != subject:
            wrong = "another subject" if about else "no subject"
            findings.append(
                _finding(
                    requirement,
                    f"state about {'the subject searched for' if subject else 'nobody'} only",
                    f"one has {wrong}",
                    exchange,
                    "/entry",
                )
            )
    return findings


def finds_none(requirement: str, exchange: Exchange) -> Findings:
    """A search by the same code of another system finds nothing; a server may refuse it as well."""
    matches = found(exchange, "Basic") if _good(exchange) else []
    if not matches:
        return []
    return [_finding(requirement, "no state, as the system is part of the code", f"{len(matches)} found", exchange, "/entry")]


def claims_state(statement: Resource, server: str, profile: str) -> str:
    """How a CapabilityStatement says that the server keeps App State, or an empty string."""
    listed = statement.get("instantiates")
    if isinstance(listed, list) and any(str(url).partition("|")[0] == server for url in listed):
        return f"`instantiates` names {server}"
    rests = statement.get("rest")
    for rest in rests if isinstance(rests, list) else []:
        kinds = rest.get("resource") if isinstance(rest, dict) else None
        for kind in kinds if isinstance(kinds, list) else []:
            if isinstance(kind, dict) and kind.get("type") == "Basic":
                profiles = [str(p).partition("|")[0] for p in [kind.get("profile"), *(kind.get("supportedProfile") or ())]]
                if profile in profiles:
                    return f"the profile of Basic is {profile}"
    return ""


def lists_capability(requirement: str, configuration: Exchange, claim: str, *, listed: bool) -> Findings:
    """A server whose CapabilityStatement tells of App State lists the capability, for itself or for an associated endpoint."""
    if not claim or listed:
        return []
    return [
        _finding(
            requirement,
            "`smart-app-state` in `capabilities`, or in those of an associated endpoint",
            f"it is in neither, although in the CapabilityStatement {claim}",
            configuration,
            "/capabilities",
        )
    ]
