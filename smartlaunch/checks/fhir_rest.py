"""Checks on the RESTful API of FHIR R4: the statement of capabilities, reads, searches, batches, creates."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from smartlaunch.checks.fhir_answer import belongs_to, categories_of, describe, of_fhir_server
from smartlaunch.checks.members import Findings, advice, show
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding, Kind, Outcome, Side


def capability_statement(requirement: str, exchange: Exchange) -> Findings:
    """``metadata`` is answered with a CapabilityStatement."""
    if exchange.answer.status == 200 and exchange.answer.object.get("resourceType") == "CapabilityStatement":
        return []
    return of_fhir_server(requirement, "status 200 with a CapabilityStatement", describe(exchange), exchange, "body")


def for_everybody(requirement: str, exchange: Exchange) -> Findings:
    """The statement is given without a token: the guide calls it public, FHIR does not say so, and thus it warns."""
    if exchange.answer.status not in (401, 403):
        return []
    return advice(
        of_fhir_server(requirement, "a CapabilityStatement for those who have no token yet", describe(exchange), exchange, "status")
    )


def resource_read(requirement: str, exchange: Exchange, reference: str) -> Findings:
    """A read yields the resource that the URL names, as FHIR JSON."""
    answer, (kind, _, identifier) = exchange.answer, reference.partition("/")
    found: Findings = []
    if (answer.object.get("resourceType"), answer.object.get("id")) != (kind, identifier):
        found += of_fhir_server(requirement, f"the resource {kind} with the id of the URL", _what(exchange, identifier), exchange, "/id")
    if answer.media_type not in ("application/fhir+json", "application/json", "application/json+fhir"):
        found += of_fhir_server(
            requirement, "`Content-Type: application/fhir+json`", f"`{answer.media_type or 'none'}`", exchange, "header: Content-Type"
        )
    return found


def _what(exchange: Exchange, identifier: str) -> str:
    given = exchange.answer.object.get("id")
    detail = "without an id" if given is None else "with that id" if given == identifier else "with another id"
    return f"{describe(exchange)} {detail}"


def searchset(requirement: str, exchange: Exchange) -> Findings:
    """A successful search yields a Bundle of type ``searchset``."""
    body = exchange.answer.object
    if body.get("resourceType") == "Bundle" and body.get("type") == "searchset":
        return []
    return of_fhir_server(
        requirement, "a Bundle of type `searchset`", f"{describe(exchange)}, type {show(body.get('type'))}", exchange, "/type"
    )


def _matches(exchange: Exchange) -> list[dict[str, Any]]:
    entries = exchange.answer.object.get("entry")
    found = []
    for entry in entries if isinstance(entries, list) else []:
        search = entry.get("search") if isinstance(entry, dict) else None
        mode = search.get("mode", "match") if isinstance(search, dict) else "match"
        if mode == "match" and isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
            found.append(entry["resource"])
    return [r for r in found if r.get("resourceType") != "OperationOutcome"]


def matches_are(requirement: str, exchange: Exchange, resource_type: str) -> Findings:
    """Every match has the type that was searched."""
    wrong = sorted({str(r.get("resourceType")) for r in _matches(exchange) if r.get("resourceType") != resource_type})
    return of_fhir_server(requirement, f"matches of type {resource_type}", f"also {', '.join(wrong)}", exchange, "/entry") if wrong else []


def matches_patient(requirement: str, exchange: Exchange, patient: str) -> Findings:
    """Every match belongs to the patient that the search names."""
    wrong = [r for r in _matches(exchange) if (owners := belongs_to(r)) and patient not in owners]
    return (
        of_fhir_server(requirement, "matches of the patient that the search names", f"{len(wrong)} of another patient", exchange, "/entry")
        if wrong
        else []
    )


def used(exchange: Exchange, parameter: str) -> bool:
    """Whether the self link of a searchset says that a parameter was used; servers SHOULD ignore those that they do not know."""
    links = exchange.answer.object.get("link")
    urls = [one.get("url") for one in links if isinstance(one, dict) and one.get("relation") == "self"] if isinstance(links, list) else []
    return any(isinstance(url, str) and re.search(rf"[?&]{parameter}(?::\w+)?=", url) for url in urls)


def matches_category(requirement: str, exchange: Exchange, code: tuple[str, str]) -> Findings:
    """Every match has the category that the search names."""
    wrong = [r for r in _matches(exchange) if code not in categories_of(r)]
    return (
        of_fhir_server(requirement, f"matches of the category {code[1]}", f"{len(wrong)} of another category", exchange, "/entry")
        if wrong
        else []
    )


def finds_again(requirement: str, exchange: Exchange, wanted: Collection[str]) -> Findings:
    """A search by ``_id`` finds each resource that a read yields; FHIR says what a match is and not that each one is found, so it warns."""
    missing = set(wanted) - {str(r.get("id")) for r in _matches(exchange)}
    actual = f"{len(missing)} of {len(wanted)} are missing"
    return advice(of_fhir_server(requirement, "each resource that can be read, as a match", actual, exchange, "/entry")) if missing else []


def batch_entries(requirement: str, exchange: Exchange, count: int) -> Findings:
    """The answer to a batch has an entry with a status for each entry of the request."""
    body = exchange.answer.object
    entries = body.get("entry") if body.get("resourceType") == "Bundle" else None
    states = [e["response"].get("status") for e in entries or [] if isinstance(e, dict) and isinstance(e.get("response"), dict)]
    if len(states) == count and all(isinstance(s, str) and re.match(r"^\d{3}", s) for s in states):
        return []
    return of_fhir_server(
        requirement,
        f"{count} entries, each with a status",
        f"{describe(exchange)}: {len(states)} entries with a response",
        exchange,
        "/entry",
    )


def created(requirement: str, exchange: Exchange) -> Findings:
    """A successful create is answered with 201 and a ``Location``."""
    found: Findings = []
    if exchange.answer.status != 201:
        found += of_fhir_server(requirement, "status 201", f"status {exchange.answer.status}", exchange, "status")
    if not exchange.answer.header("location"):
        found += of_fhir_server(requirement, "a `Location` header", "there is none", exchange, "header: Location")
    return found


def utf8(requirement: str, exchange: Exchange) -> Findings:
    """A JSON answer is UTF-8 and says nothing else of itself."""
    value = (exchange.answer.header("content-type") or "").lower()
    charset = re.search(r"charset=\"?([\w-]+)", value)
    problem = f"`charset={charset[1]}`" if charset and charset[1] not in ("utf-8", "utf8", "us-ascii") else exchange.answer.json_error
    if not problem or (not charset and "UTF-8" not in problem):
        return []
    return [
        Finding(requirement, "JSON in UTF-8", problem, exchange.id, "header: Content-Type", Kind.HYGIENE, Side.FHIR_SERVER, Outcome.WARNING)
    ]
