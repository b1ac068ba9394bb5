"""Requests that read, by the words that features use for them: one resource or patient asked for in every form that FHIR has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.fhir import describe, link
from smartlaunch.probes.fhir_access.samples import identifier_of, references_in

if TYPE_CHECKING:
    from smartlaunch.client.fhir import Fhir
    from smartlaunch.exchange import Exchange
    from smartlaunch.probes.fhir_access.samples import Sample

Read = Callable[["Fhir", "Sample", str | None], "Exchange"]


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
    identifier = identifier_of(sample.resource)
    if not identifier:
        raise NotApplicable(f"the {sample.type} has no identifier to search by")
    return fhir.search(sample.type, [("identifier", identifier)], token)


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


# -- forms that are put together ----------------------------------------------------------------------------------------------


def _read_at(where: Callable[[Sample], str], headers: Mapping[str, str] | None = None) -> Read:
    """A read whose address is written in this way."""
    return lambda fhir, sample, token: fhir.send("GET", where(sample), token, headers=headers)


def _search_at(where: Callable[[Sample], str], *beside: tuple[str, str]) -> Read:
    """A search whose address is written in this way, with one more parameter."""
    return lambda fhir, sample, token: fhir.read(f"{where(sample)}?{urlencode([*sample.query, *beside])}", token)


def _encoded_type(sample: Sample) -> str:
    return f"%{ord(sample.type[0]):02X}{sample.type[1:]}"


def _by_address(parameter: str) -> Read:
    """A search that names the patient by a whole URL."""

    def send(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
        address = f"{fhir.base_url}/Patient/{_patient_of(sample)}"
        return fhir.search(sample.type, [(parameter, address) if k == "patient" else (k, v) for k, v in sample.query], token)

    return send


def _search_for_one_after_another(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    """A search with the same parameter twice: no resource fits both patients, of whom the token reaches the first."""
    own = _patient_of(_beside(sample))
    _patient_of(sample)
    return fhir.search(sample.type, [("patient", own), *sample.query], token)


def _by_identifier_of_the_patient(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    """A search by the identifier of the patient behind a chain, which says what ``patient`` says in other words."""
    _patient_of(sample)
    if not sample.identifier:
        raise NotApplicable("the patient has no identifier to search by")
    chained = ("patient.identifier", sample.identifier)
    return fhir.search(sample.type, [chained if pair[0] == "patient" else pair for pair in sample.query], token)


def _compartment_search_by_post(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    rest = [pair for pair in sample.query if pair[0] != "patient"]
    return fhir.send("POST", f"Patient/{_patient_of(sample)}/{sample.type}/_search", token, form=rest)


def _everything_by_post(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueCode": sample.type}]}
    return fhir.send("POST", f"Patient/{_patient_of(sample)}/$everything", token, resource=parameters)


def _of_one_entry(bundle: str, url: Callable[[Sample], str]) -> Read:
    """A batch or transaction of one read at this address."""

    def send(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
        entry = {"request": {"method": "GET", "url": url(sample)}}
        return fhir.send("POST", "", token, resource={"resourceType": "Bundle", "type": bundle, "entry": [entry]})

    return send


def _last_n(fhir: Fhir, sample: Sample, token: str | None) -> Exchange:
    if sample.type != "Observation":
        raise NotApplicable(f"the operation $lastn is one on observations, not on {sample.type}")
    return fhir.read(f"Observation/$lastn?{urlencode([*sample.query, ('max', '100')])}", token)


_LONG_AGO = "Mon, 01 Jan 1990 00:00:00 GMT"

FURTHER: Mapping[str, Read] = {
    "read with a percent-encoded type": _read_at(lambda of: f"{_encoded_type(of)}/{of.id}"),
    "read with a matrix parameter": _read_at(lambda of: f"{of.type};v=1/{of.id}"),
    "read with dot segments": _read_at(lambda of: f"metadata/%2e%2e/{of.reference}"),
    "read that names a public document": _read_at(lambda of: f"{of.reference}?for=metadata"),
    "read with If-Modified-Since": _read_at(lambda of: of.reference, {"If-Modified-Since": _LONG_AGO}),
    "read with If-None-Match of another version": _read_at(lambda of: of.reference, {"If-None-Match": 'W/"conformance"'}),
    "read with _summary": _read_at(lambda of: f"{of.reference}?_summary=data"),
    "search by the address of the patient": _by_address("patient"),
    "search by the address of the subject": _by_address("subject"),
    "search for one patient after another": _search_for_one_after_another,
    "search by the identifier of the patient": _by_identifier_of_the_patient,
    "search with _elements": _with("_elements", "id,subject,patient"),
    "search with _summary=true": _with("_summary", "true"),
    "search with _total": _with("_total", "accurate"),
    "search with _lastUpdated": _with("_lastUpdated", "gt1990-01-01"),
    "search with _count": _with("_count", "100"),
    "search with _format": _with("_format", "json"),
    "search with a trailing slash": _search_at(lambda of: f"{of.type}/"),
    "search with a doubled slash": _search_at(lambda of: f"/{of.type}"),
    "search with a percent-encoded type": _search_at(_encoded_type),
    "search with a matrix parameter": _search_at(lambda of: f"{of.type};v=1"),
    "search with the type in lower case": _search_at(lambda of: of.type.lower()),
    "search that names a public document": _search_at(lambda of: of.type, ("for", "metadata")),
    "compartment search by POST": _compartment_search_by_post,
    "search of the whole compartment": lambda fhir, of, token: fhir.read(f"Patient/{_patient_of(of)}/*", token),
    f"{EVERYTHING} by POST": _everything_by_post,
    "operation $lastn": _last_n,
    "type history with _since": _read_at(lambda of: f"{of.type}/_history?_since=1990-01-01T00:00:00Z"),
    "instance history with _count": _read_at(lambda of: f"{of.reference}/_history?_count=50"),
    "batch with a slash before the address": _of_one_entry("batch", lambda of: f"/{of.reference}"),
    "batch with a type history": _of_one_entry("batch", lambda of: f"{of.type}/_history"),
    "batch with a compartment search": _of_one_entry("batch", lambda of: f"Patient/{_patient_of(of)}/{of.type}"),
    "transaction with an instance history": _of_one_entry("transaction", lambda of: f"{of.reference}/_history"),
}
"""Rarer forms: every rule that binds a request is put in each of them, all in one scenario."""

OTHERWISE_WRITTEN = (
    *("read with a doubled slash", "read with a trailing slash", "read with a percent-encoded id", "read with the type in lower case"),
    *("read with _format", "read with a percent-encoded type", "read with a matrix parameter", "read with dot segments"),
    *("read that names a public document", "search with a doubled slash", "search with a trailing slash"),
    *("search with a percent-encoded type", "search with a matrix parameter", "search with the type in lower case"),
    *("search that names a public document", "search with _format", "search with _count", "search with _total"),
)
"""Forms that ask for nothing else than a plain read or search and are only written in another way."""

EVERY_READ: Mapping[str, Read] = {**READS, **FURTHER}
"""Every form of a request that reads, by its words."""
