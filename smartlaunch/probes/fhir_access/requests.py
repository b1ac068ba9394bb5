"""Requests for a sample by the words that features use for them, and what a token was granted when it was tried with one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from smartlaunch.checks.fhir_answer import disclosed
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.fhir import describe, link
from smartlaunch.oauth import scopes as scope_words
from smartlaunch.probes.fhir_access.samples import references_in

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.fhir import Fhir
    from smartlaunch.client.grant import Grant
    from smartlaunch.exchange import Exchange
    from smartlaunch.probes.fhir_access.samples import Sample

Read = Callable[["Fhir", "Sample", str | None], "Exchange"]


@dataclass(frozen=True)
class Trial:
    """One request put to the FHIR server, with what the token was granted.

    ``resource_type`` and ``ids`` name what the request is after; ``twin`` is the same request with a token that covers it, None where
    the request itself has to succeed.
    """

    interaction: str
    resource_type: str
    exchange: Exchange
    granted: tuple[str, ...] = ()
    twin: Exchange | None = None
    ids: frozenset[str] = frozenset()
    scope: str = ""
    wanted: tuple[tuple[str, str], ...] = ()
    undone: bool = False
    """Whether a look at the end state shows that a write which was answered with success did nothing."""

    @property
    def expected(self) -> frozenset[str]:
        """The ids of which one shows success: those it is after, and those that its twin gave, which may be another page's."""
        seen = {str(r.get("id")) for r in disclosed(self.twin, self.resource_type)} if self.twin is not None else set()
        return self.ids | seen if self.ids else self.ids

    @property
    def words(self) -> str:
        """The request in words."""
        return f"{self.interaction} of {self.resource_type}" if self.resource_type else self.interaction


def _read(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    return fhir.read(sample.reference, token)


def _vread(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    if not sample.version:
        raise NotApplicable(f"the server gives {sample.type} no version")
    return fhir.read(f"{sample.reference}/_history/{sample.version}", token)


def _search(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    return fhir.search(sample.type, sample.query, token)


def _search_by_subject(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    return fhir.search(sample.type, [("subject", f"Patient/{v}") if k == "patient" else (k, v) for k, v in sample.query], token)


def _compartment_search(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    patient = next((v for k, v in sample.query if k == "patient"), "")
    if not patient:
        raise NotApplicable(f"the search of {sample.type} names no patient, so there is no compartment to search")
    rest = urlencode([pair for pair in sample.query if pair[0] != "patient"])
    return fhir.read(f"Patient/{patient}/{sample.type}{'?' if rest else ''}{rest}", token)


def _search_without_patient(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    rest = [pair for pair in sample.query if pair[0] not in ("patient", "_id")]
    return fhir.search(sample.type, [*rest, ("_count", "200")], token)


def _system_search(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    return fhir.read(f"{fhir.base_url}?{urlencode([('_type', sample.type), *sample.query])}", token)


def _on_this_server(fhir: Fhir, url: str) -> str:
    """A link of a Bundle, which gets the token only where it leads to the server that gave it."""
    if urlsplit(url)[:2] != urlsplit(fhir.base_url)[:2]:
        raise NotApplicable("the link to the next page leads to another server")
    return url


def next_page(fhir: Fhir, sample: Sample, token: str, *, size: int = 1) -> str:
    """The link to the second page of a search with so many resources a page, as the token is given it."""
    first = fhir.search(sample.type, [*sample.query, ("_count", str(size))], token)
    answered(first)
    following = link(first.answer, "next")
    if not following:
        raise NotApplicable(f"the search of {sample.type} gives no link to a next page: {describe(first.answer)}")
    return _on_this_server(fhir, following)


def _percent_encoded(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    return fhir.read(f"{sample.type}/%{ord(sample.id[0]):02X}{sample.id[1:]}", token)


def _by_identifier(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    listed = sample.resource.get("identifier")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and one.get("value"):
            return fhir.search(sample.type, [("identifier", f"{one.get('system', '')}|{one['value']}")], token)
    raise NotApplicable(f"the {sample.type} has no identifier to search by")


def _chained(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    """A search by the patient's own id behind a chain, which says what ``patient`` says in other words."""
    return fhir.search(sample.type, [("patient._id", v) if k == "patient" else (k, v) for k, v in sample.query], token)


def _everything(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    patient = next((v for k, v in sample.query if k == "patient"), "")
    if not patient:
        raise NotApplicable(f"the search of {sample.type} names no patient whose record could be asked for")
    return fhir.read(f"Patient/{patient}/$everything", token)


def _wrapped(bundle: str, inner: str) -> Read:
    """A batch or transaction of one read or search."""

    def send(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
        url = sample.reference if inner == "read" else f"{sample.type}?{urlencode(sample.query)}"
        if inner == "absolute URL":
            url = f"{fhir.base_url}/{sample.reference}"
        entry = {"request": {"method": "GET", "url": url}}
        return fhir.send("POST", "", token, resource={"resourceType": "Bundle", "type": bundle, "entry": [entry]})

    return send


def _patient_of(sample: Sample) -> str:
    whose = dict(sample.query).get("patient", "")
    if not whose:
        raise NotApplicable(f"the search of {sample.type} names no patient")
    return whose


def _by_typed_subject(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    _patient_of(sample)
    return fhir.search(sample.type, [("subject:Patient", v) if k == "patient" else (k, v) for k, v in sample.query], token)


def _by_reference(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    _patient_of(sample)
    return fhir.search(sample.type, [(k, f"Patient/{v}") if k == "patient" else (k, v) for k, v in sample.query], token)


def _by_has(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    """A search for whoever has a resource of the sample's, which finds the patient and not that resource."""
    whose = _patient_of(sample)
    return fhir.search("Patient", [(f"_has:{sample.type}:patient:_id", sample.id), ("_id", whose)], token)


def _with(name: str, value: str) -> Read:
    """The search with one more parameter, which says how it is answered and not what is looked for."""
    return lambda fhir, sample, token: fhir.search(sample.type, [*sample.query, (name, value)], token)


def _system_search_by_post(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    return fhir.send("POST", "_search", token, form=[("_type", sample.type), *sample.query])


def _in_batch(path: str) -> Read:
    """A batch of one read below the sample's address."""

    def send(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
        if "{version}" in path and not sample.version:
            raise NotApplicable(f"the server gives {sample.type} no version")
        entry = {"request": {"method": "GET", "url": f"{sample.reference}/{path.format(version=sample.version)}"}}
        return fhir.send("POST", "", token, resource={"resourceType": "Bundle", "type": "batch", "entry": [entry]})

    return send


def _beside(sample: Sample) -> Sample:
    if sample.beside is None:
        raise NotApplicable("there is nothing that the token reaches to put beside it")
    return sample.beside


def _search_for_both(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    """A search for two patients at once, of whom the token reaches the first."""
    _patient_of(sample)
    own = _patient_of(_beside(sample))
    return fhir.search(sample.type, [(k, f"{own},{v}") if k == "patient" else (k, v) for k, v in sample.query], token)


def _search_by_both_names(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    """A search for a patient whom the token reaches by one name and for another by the other name: no resource fits both."""
    other, own = _patient_of(sample), _patient_of(_beside(sample))
    query = [(k, own) if k == "patient" else (k, v) for k, v in sample.query]
    return fhir.search(sample.type, [*query, ("subject", f"Patient/{other}")], token)


def _search_for_both_ids(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    """A search for two resources by their ids, of which the token reaches the first."""
    beside = _beside(sample)
    if beside.type != sample.type:
        raise NotApplicable(f"what the token reaches is no {sample.type}, so one list cannot name both")
    return fhir.search(sample.type, [("_id", f"{beside.id},{sample.id}")], token)


def _search_by_encounter(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    """A search by the visit that the sample belongs to, which names no patient."""
    reference = next(iter(references_in(sample.resource.get("encounter"))), "")
    if not reference.startswith("Encounter/"):
        raise NotApplicable(f"the {sample.type} names no encounter to search by")
    return fhir.search(sample.type, [("encounter", reference)], token)


def _everything_of_its_type(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    return fhir.read(f"Patient/{_patient_of(sample)}/$everything?_type={sample.type}", token)


def _search_by_post_with_a_query(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    """A search by POST that says in the address and not in its body what it looks for (FHIR R4 section 3.1.1.4.1)."""
    _patient_of(sample)
    return fhir.send("POST", f"{sample.type}/_search?{urlencode(sample.query)}", token, form=())


def _two_reads(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    """A batch of two reads, of which the token covers the first."""
    entries = [{"request": {"method": "GET", "url": one.reference}} for one in (_beside(sample), sample)]
    return fhir.send("POST", "", token, resource={"resourceType": "Bundle", "type": "batch", "entry": entries})


BY_HAS = "search by _has"
"""A search for the patient by what there is about the patient."""

NEXT_PAGE = "next page of a search"
"""The link that another token was given: the sample has it."""

EVERYTHING = "operation $everything"
"""The record of a patient, or a part of it: asked for with a scope on Patient, and judged by what comes along with that."""

READS: Mapping[str, Read] = {
    "read": _read,
    "read of the patient": _read,
    "vread": _vread,
    "instance history": lambda fhir, sample, token: fhir.read(f"{sample.reference}/_history", token),
    "search": _search,
    "search by the patient": _search,
    "search by subject": _search_by_subject,
    "compartment search": _compartment_search,
    "search by POST": lambda fhir, sample, token: fhir.search_by_post(sample.type, sample.query, token),
    "search without a patient": _search_without_patient,
    "type history": lambda fhir, sample, token: fhir.read(f"{sample.type}/_history", token),
    "system search": _system_search,
    "read with a doubled slash": lambda fhir, sample, token: fhir.read(f"/{sample.reference}", token),
    "search by a list of ids": _search_for_both_ids,
    "search by the encounter": _search_by_encounter,
    f"{EVERYTHING} of its type": _everything_of_its_type,
    "read with a trailing slash": lambda fhir, sample, token: fhir.read(f"{sample.reference}/", token),
    "read with a percent-encoded id": _percent_encoded,
    "read with the type in lower case": lambda fhir, sample, token: fhir.read(f"{sample.type.lower()}/{sample.id}", token),
    "read with _format": lambda fhir, sample, token: fhir.read(f"{sample.reference}?_format=json", token),
    "read with _elements": lambda fhir, sample, token: fhir.read(f"{sample.reference}?_elements=id,subject,patient", token),
    "search by _id": lambda fhir, sample, token: fhir.search(sample.type, [("_id", sample.id)], token),
    "search by identifier": _by_identifier,
    "chained search": _chained,
    NEXT_PAGE: lambda fhir, sample, token: fhir.read(sample.link, token),
    "system history": lambda fhir, _sample, token: fhir.read("_history", token),
    EVERYTHING: _everything,
    "batch with an absolute URL": _wrapped("batch", "absolute URL"),
    "batch with a read": _wrapped("batch", "read"),
    "batch with a search": _wrapped("batch", "search"),
    "batch with a second read": _two_reads,
    "search for two patients": _search_for_both,
    "search for two patients by two names": _search_by_both_names,
    "search by POST with a query": _search_by_post_with_a_query,
    "search by a typed subject": _by_typed_subject,
    "search by the reference of the patient": _by_reference,
    "search with _summary": _with("_summary", "data"),
    "search with _sort": _with("_sort", "_lastUpdated"),
    "system search by POST": _system_search_by_post,
    "batch with a vread": _in_batch("_history/{version}"),
    "batch with an instance history": _in_batch("_history"),
    BY_HAS: _by_has,
    "transaction with a read": _wrapped("transaction", "read"),
    "transaction with a search": _wrapped("transaction", "search"),
}
"""Requests that read, by the words of the features; each is for a resource of the patient in context or of another one."""

WRITES: Mapping[str, str] = {
    "create": "c",
    "update": "u",
    "patch": "u",
    "delete": "d",
    "update of a new id": "u",
    "update that moves it": "u",
    "patch that moves it": "u",
    "create with an absolute reference": "c",
    "create on a condition": "c",
    "update with If-Match": "u",
    "conditional create": "c",
    "conditional update": "u",
    "conditional delete": "d",
    "batch with a create": "c",
    "transaction with a create": "c",
}
"""Requests that write, with the letter of the scope that each needs."""

INTERACTIONS = (*READS, *WRITES)
"""Every request by its words."""


def letter_of(interaction: str) -> str:
    """The letter of the scope that an interaction needs."""
    if interaction in WRITES:
        return WRITES[interaction]
    return "s" if "search" in interaction or interaction in ("type history", "system history") else "r"


def send(app: App, interaction: str, sample: Sample, token: str) -> Exchange:
    """The request that the words name."""
    return READS[interaction](app.engine.fhir, sample, app.tokens.current(token))


TWINS: Mapping[str, str] = {
    "search for two patients": "search",
    "search for two patients by two names": "search",
    "search by a list of ids": "search by _id",
}
"""Requests that no single token covers as a whole, with the request that shows what is there."""


def twin_of(app: App, interaction: str, sample: Sample, token: str) -> Exchange:
    """The request with a token that covers it; ``NotApplicable`` when the server does not offer it at all."""
    twin = send(app, TWINS.get(interaction, interaction), sample, token)
    answered(twin)
    if twin.answer.status == 401:
        raise TwinFailed(f"the {interaction} of {sample.type} was refused to a token that covers it: {describe(twin.answer)}")
    if not disclosed(twin, sample.type):
        raise NotApplicable(
            f"the server does not offer the {interaction} of {sample.type} to a token that covers it: {describe(twin.answer)}"
        )
    return twin


def tried(app: App, interaction: str, sample: Sample, token: str) -> Exchange:
    """The request, whatever the server answers; ``Unreachable`` when it does not."""
    exchange = send(app, interaction, sample, token)
    answered(exchange)
    return exchange


def tried_in_vain(app: App, interaction: str, sample: Sample, token: str) -> Exchange:
    """The request with a token that does not cover it; ``TwinFailed`` where no token is needed for what came of it."""
    return require_closed(app, tried(app, interaction, sample, token))


def require_closed(app: App, exchange: Exchange) -> Exchange:
    """The answer as it is; ``TwinFailed`` where it holds data that the server gives to the same request without any token.

    Of such a server another scenario says that it is open, and nothing shows whether it would look at this token if it looked at any.
    """
    request = exchange.request
    searching = request.method == "POST" and urlsplit(request.url).path.endswith("/_search")
    if not disclosed(exchange) or not (request.method == "GET" or searching):
        return exchange
    parts = urlsplit(request.url)
    query = urlencode([pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "access_token"])
    url, form = urlunsplit(parts._replace(query=query)), parse_qsl(request.body.decode()) if searching else None
    _require_shut(app, request.method, url, form)
    return exchange


def require_works(app: App, grant: Grant, own: Sample, letters: str) -> None:
    """``TwinFailed`` where a token does not work for what it was granted: its refusals prove nothing then.

    A read where the letters allow one, else a search; for writes their own scenario shows it.
    """
    word = "read" if "r" in letters else "search" if "s" in letters else ""
    if not word:
        return
    key = f"works {' '.join(grant.granted)} {grant.expires_at} {own.reference}"
    exchange = app.once(key, lambda: send(app, word, own, grant.access_token))
    if not disclosed(exchange, own.type):
        granular = any(parsed is not None and parsed.parameters for parsed in map(scope_words.parse, grant.granted))
        raise TwinFailed(
            f"the token does not work for what it was granted ({' '.join(grant.granted)}): {describe(answered(exchange))}",
            by="scope-granular-works" if granular else "",
        )


def require_kept(app: App, of: Sample) -> None:
    """``TwinFailed`` where the server gives a resource to everybody: then nothing shows whether it keeps from this token that it exists."""
    _require_shut(app, "GET", of.reference)
    _require_shut(app, "GET", f"{of.type}?{urlencode(of.query)}")


def _require_shut(app: App, method: str, url: str, form: list[tuple[str, str]] | None = None) -> None:
    door = app.once(f"at the open door {method} {url} {form}", lambda: app.engine.fhir.send(method, url, None, form=form))
    if disclosed(door):
        raise TwinFailed(
            "the FHIR server gives the same without any token, so nothing shows whether it looks at this one", by="bearer-no-token"
        )
