"""Checks on what the FHIR server gives to a token and what it withholds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from smartlaunch.checks.fhir_answer import belongs_to, categories_of, describe, disclosed, done, granted_read, of_fhir_server
from smartlaunch.checks.members import Findings, advice
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding, Kind, Outcome, Side

_SAYS_NOTHING = frozenset({400, 404, 405, 410, 422, 429})
"""Answers to a search or read that tell neither of rights nor of data: a parameter is missing, or nothing is there."""


def withholds_type(requirement: str, exchange: Exchange, resource_type: str, what: str, granted: Iterable[str] = ()) -> Findings:
    """The end state of a refusal: no resource of the type is disclosed, whatever the status."""
    if not disclosed(exchange, resource_type):
        return []
    scopes = f" (granted: {' '.join(granted)})" if granted else ""
    return of_fhir_server(requirement, f"no {resource_type or 'resource'} for {what}{scopes}", describe(exchange), exchange, "body")


def withholds_ids(requirement: str, exchange: Exchange, ids: Collection[str], what: str, granted: Iterable[str] = ()) -> Findings:
    """None of these resources is disclosed; others may be, as a search gives what the scope does cover."""
    if not any(r.get("id") in ids for r in disclosed(exchange)):
        return []
    expected = f"nothing outside the granted scopes for the {what} (granted: {' '.join(granted)})"
    return of_fhir_server(requirement, expected, describe(exchange), exchange, "body")


def carries_nothing_out(requirement: str, exchange: Exchange, what: str, granted: Iterable[str] = ()) -> Findings:
    """The end state of a refused write: no 2xx status, neither of the answer nor of its entries."""
    if not done(exchange):
        return []
    scopes = f" (granted: {' '.join(granted)})" if granted else ""
    return of_fhir_server(requirement, f"a refusal of the {what}{scopes}", describe(exchange), exchange, "status")


def discloses_sample(requirement: str, exchange: Exchange, resource_type: str, ids: Collection[str], what: str) -> Findings:
    """A request that the granted scopes cover brings the resource."""
    if any(not ids or r.get("id") in ids for r in disclosed(exchange, resource_type)) and 200 <= exchange.answer.status < 300:
        return []
    return of_fhir_server(requirement, f"the {resource_type} for {what}", describe(exchange), exchange, "body")


def discloses_unless_policy(requirement: str, exchange: Exchange, resource_type: str, ids: Collection[str], what: str) -> Findings:
    """As above for what a user may see, which a scope does not widen: 403 and a search that finds nothing are told as advice."""
    found = discloses_sample(requirement, exchange, resource_type, ids, what)
    answer = exchange.answer
    nothing = 200 <= answer.status < 300 and answer.object.get("resourceType") == "Bundle" and not disclosed(exchange, resource_type)
    return advice(found) if answer.status == 403 or nothing else found


def carried_out(requirement: str, exchange: Exchange, what: str) -> Findings:
    """A write that the granted scopes cover is carried out."""
    return [] if done(exchange) else of_fhir_server(requirement, f"the {what} is carried out", describe(exchange), exchange, "status")


def withholds_patient(requirement: str, exchange: Exchange, patients: Collection[str], what: str) -> Findings:
    """No resource of these patients is disclosed; a history counts as each of its versions."""
    seen = [r for r in disclosed(exchange) if belongs_to(r) & set(patients)]
    if not seen:
        return []
    kinds = sorted({str(r.get("resourceType")) for r in seen})
    return of_fhir_server(
        requirement,
        f"nothing of another patient for {what}",
        f"{describe(exchange)}: {len(seen)} of another patient ({', '.join(kinds)})",
        exchange,
        "body",
    )


def tells_nothing(requirement: str, exchange: Exchange, texts: Sequence[str], what: str) -> Findings:
    """A refusal holds none of the data it keeps back."""
    body = exchange.answer.text
    found = [t for t in texts if t in body]
    return (
        of_fhir_server(
            requirement,
            f"no patient data in the refusal of {what}",
            f"{len(found)} texts of the patient's record are in it",
            exchange,
            "body",
        )
        if found
        else []
    )


def tells_of_data(exchange: Exchange) -> bool:
    """Whether an answer without data says that there are some: success of HEAD, a number of matches, or that nothing has changed."""
    answer = exchange.answer
    if answer.status == 304:
        return True
    if not 200 <= answer.status < 300:
        return False
    total = answer.object.get("total")
    return exchange.request.method == "HEAD" or bool(disclosed(exchange)) or (isinstance(total, int) and total > 0)


def keeps_existence(requirement: str, exchange: Exchange, what: str, granted: Iterable[str] = ()) -> Findings:
    """An answer does not say that data are there which the token does not reach."""
    if not tells_of_data(exchange):
        return []
    total = exchange.answer.object.get("total")
    scopes = f" (granted: {' '.join(granted)})" if granted else ""
    actual = f"status {exchange.answer.status}" + (f", a total of {total}" if isinstance(total, int) else "")
    return of_fhir_server(requirement, f"the same answer to the {what} as where there is nothing{scopes}", actual, exchange, "status")


def fits_category(
    requirement: str, exchange: Exchange, resource_type: str, wanted: Collection[tuple[str, str]], outside: Collection[str] | None = None
) -> Findings:
    """Every resource of the type has one of the categories that the scope names.

    Where it is known which resources are ``outside``, one without a category counts only if it is one of them: a server may leave
    elements out of what it gives.
    """
    wrong = [
        r
        for r in disclosed(exchange, resource_type)
        if not set(categories_of(r)) & set(wanted) and (outside is None or r.get("id") in outside or categories_of(r))
    ]
    if not wrong:
        return []
    names = " or ".join(f"{system}|{code}" for system, code in wanted)
    found = sorted({code for r in wrong for _, code in categories_of(r)}) or ["none"]
    return of_fhir_server(
        requirement,
        f"{resource_type} of the category {names} only",
        f"{describe(exchange)}: {len(wrong)} of other categories ({', '.join(found)})",
        exchange,
        "body",
    )


def granted_works(requirement: str, exchange: Exchange, words: str, scope: str, *, declared: bool = False) -> Findings:
    """A request that a granted scope covers succeeds; a policy may refuse it, so this is an expectation and no rule."""
    if granted_read(exchange) or exchange.answer.status in _SAYS_NOTHING:
        return []
    return [
        Finding(
            requirement,
            f"the {words} succeeds, as `{scope}` is granted",
            describe(exchange),
            exchange.id,
            "status",
            kind=Kind.EXPECTATION,
            side=Side.FHIR_SERVER,
            severity=Outcome.FAILED if declared else Outcome.WARNING,
        )
    ]


def says_something(exchanges: Sequence[Exchange]) -> bool:
    """Whether one of the answers tells if the scopes are honoured."""
    return any(x.answer.status not in _SAYS_NOTHING for x in exchanges)


def something_works(requirement: str, exchanges: Sequence[Exchange], what: str) -> Findings:
    """At least one of the requests that the granted scopes cover brings data; a server that refuses them all honours none.

    A request that is answered with 400, 404 or 422 may have lacked a parameter, so it counts for neither side. A search that is forbidden
    may have lacked one too, so without a read of a known id among the refusals they warn.
    """
    telling = [x for x in exchanges if x.answer.status not in _SAYS_NOTHING]
    if any(granted_read(x) for x in telling) or not telling:
        return []
    found = of_fhir_server(
        requirement, f"data for {what}", f"each of {len(telling)} requests is refused: {describe(telling[0])}", telling[0], "status"
    )
    reads = [x for x in telling if x.request.method == "GET" and "?" not in x.request.url]
    return found if reads else advice(found)
