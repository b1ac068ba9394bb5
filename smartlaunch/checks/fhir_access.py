"""Checks on what the FHIR server gives to a token, and on the form of its refusals (RFC 6750 section 3, FHIR R4 HTTP)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from smartlaunch.checks.fhir_answer import describe, done
from smartlaunch.checks.members import Findings, advice, show
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding, Kind, Outcome, Side

_TOKEN68 = re.compile(r"^[A-Za-z0-9\-._~+/]+=*$")
_SCHEME = re.compile(r"^\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:\s+|$|(?=,))")
_PARAMETER = re.compile(r"^\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"=]+))\s*")
_TAKES_NO_SUCH_REQUEST = frozenset({404, 405, 501})
_SAYS_NOTHING = frozenset({400, 404, 405, 410, 422, 429})
"""Answers to a search or read that tell neither of rights nor of data: a parameter is missing, or nothing is there."""
_ONCE = ("realm", "scope", "error", "error_description", "error_uri")
_INTERNALS = re.compile(
    r"(?im)Traceback \(most recent call last\)|^\s*at [\w$.<>]+\([\w.]+:\d+\)|\b\w+\.\w*(?:Exception|Error)\b: |ORA-\d{5}|SQLSTATE"
    r"|System\.[A-Z]\w+Exception|/(?:usr|var|home|opt|srv)/[\w./-]+\.(?:py|rb|js|php|java)|\b(?:org|com|java|javax)\.[a-z]+(?:\.[A-Za-z]\w*){2,}"
)
_CHARACTERS = {
    "error": re.compile(r"^[\x20-\x21\x23-\x5b\x5d-\x7e]*$"),
    "error_description": re.compile(r"^[\x20-\x21\x23-\x5b\x5d-\x7e]*$"),
    "error_uri": re.compile(r"^[\x21\x23-\x5b\x5d-\x7e]*$"),
    "scope": re.compile(r"^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$"),
}


@dataclass(frozen=True)
class Challenge:
    """One challenge of a ``WWW-Authenticate`` header: its scheme and its parameters in order, repeated names kept."""

    scheme: str
    parameters: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """The first value of a parameter, or an empty string."""
        return next((v for k, v in self.parameters if k == name), "")


def challenges(exchange: Exchange) -> list[Challenge]:
    """Every challenge of an answer (RFC 9110 section 11.6.1): several in one header, or several headers."""
    found: list[Challenge] = []
    for value in exchange.answer.all("www-authenticate"):
        rest = value
        while rest.strip(" \t,"):
            rest = rest.lstrip(" \t,")
            parameter = _PARAMETER.match(rest)
            if parameter and found:
                last = found[-1]
                text = re.sub(r"\\(.)", r"\1", parameter[2]) if parameter[2] is not None else parameter[3]
                found[-1] = Challenge(last.scheme, (*last.parameters, (parameter[1].lower(), text)))
                rest = rest[parameter.end() :]
                continue
            scheme = _SCHEME.match(rest)
            if not scheme:
                break
            found.append(Challenge(scheme[1].lower()))
            rest = rest[scheme.end() :]
            token = rest.split(",")[0].strip()
            if token and _TOKEN68.match(token) and not _PARAMETER.match(rest):
                rest = rest[rest.index(token) + len(token) :]
    return found


def bearer(exchange: Exchange) -> Challenge | None:
    """The ``Bearer`` challenge of an answer, or None."""
    return next((c for c in challenges(exchange) if c.scheme == "bearer"), None)


def disclosed(exchange: Exchange, resource_type: str = "") -> list[dict[str, Any]]:
    """The resources of an answer with any status, those of Bundles inside a Bundle too; OperationOutcomes do not count."""
    found: list[dict[str, Any]] = []
    waiting: list[Any] = [exchange.answer.object]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, dict):
            continue
        kind = one.get("resourceType")
        if kind == "Bundle":
            entries = one.get("entry")
            waiting += [e.get("resource") for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
        elif kind not in (None, "OperationOutcome") and (not resource_type or kind == resource_type):
            found.append(one)
    return found


def _fhir(requirement: str, expected: str, actual: str, exchange: Exchange, pointer: str = "") -> Findings:
    return [Finding(requirement, expected, actual, exchange.id, pointer, side=Side.FHIR_SERVER)]


# -- what is given and what is withheld ---------------------------------------------------------------------------------------


def withholds_type(requirement: str, exchange: Exchange, resource_type: str, what: str, granted: Iterable[str] = ()) -> Findings:
    """The end state of a refusal: no resource of the type is disclosed, whatever the status."""
    if not disclosed(exchange, resource_type):
        return []
    scopes = f" (granted: {' '.join(granted)})" if granted else ""
    return _fhir(requirement, f"no {resource_type or 'resource'} for {what}{scopes}", describe(exchange), exchange, "body")


def withholds_ids(requirement: str, exchange: Exchange, ids: Collection[str], what: str, granted: Iterable[str] = ()) -> Findings:
    """None of these resources is disclosed; others may be, as a search gives what the scope does cover."""
    if not any(r.get("id") in ids for r in disclosed(exchange)):
        return []
    expected = f"nothing outside the granted scopes for the {what} (granted: {' '.join(granted)})"
    return _fhir(requirement, expected, describe(exchange), exchange, "body")


def carries_nothing_out(requirement: str, exchange: Exchange, what: str, granted: Iterable[str] = ()) -> Findings:
    """The end state of a refused write: no 2xx status, neither of the answer nor of its entries."""
    if not done(exchange):
        return []
    scopes = f" (granted: {' '.join(granted)})" if granted else ""
    return _fhir(requirement, f"a refusal of the {what}{scopes}", describe(exchange), exchange, "status")


def discloses_sample(requirement: str, exchange: Exchange, resource_type: str, ids: Collection[str], what: str) -> Findings:
    """A request that the granted scopes cover brings the resource."""
    if any(not ids or r.get("id") in ids for r in disclosed(exchange, resource_type)) and 200 <= exchange.answer.status < 300:
        return []
    return _fhir(requirement, f"the {resource_type} for {what}", describe(exchange), exchange, "body")


def discloses_unless_policy(requirement: str, exchange: Exchange, resource_type: str, ids: Collection[str], what: str) -> Findings:
    """As above for what a user may see, which a scope does not widen: 403 and a search that finds nothing are told as advice."""
    found = discloses_sample(requirement, exchange, resource_type, ids, what)
    answer = exchange.answer
    nothing = 200 <= answer.status < 300 and answer.object.get("resourceType") == "Bundle" and not disclosed(exchange, resource_type)
    return advice(found) if answer.status == 403 or nothing else found


def carried_out(requirement: str, exchange: Exchange, what: str) -> Findings:
    """A write that the granted scopes cover is carried out."""
    return [] if done(exchange) else _fhir(requirement, f"the {what} is carried out", describe(exchange), exchange, "status")


def belongs_to(resource: dict[str, Any]) -> set[str]:
    """The ids of the patients that a resource names as its own: Patient itself, ``patient``, or ``subject``."""
    if resource.get("resourceType") == "Patient":
        return {str(resource.get("id"))}
    found = set()
    for element in ("patient", "subject", "beneficiary"):
        value = resource.get(element)
        for one in value if isinstance(value, list) else [value]:
            reference = one.get("reference") if isinstance(one, dict) else None
            parts = reference.rstrip("/").split("/_history")[0].split("/")[-2:] if isinstance(reference, str) else []
            if len(parts) == 2 and parts[0] == "Patient":
                found.add(parts[1])
    return found


def withholds_patient(requirement: str, exchange: Exchange, patients: Collection[str], what: str) -> Findings:
    """No resource of these patients is disclosed; a history counts as each of its versions."""
    seen = [r for r in disclosed(exchange) if belongs_to(r) & set(patients)]
    if not seen:
        return []
    kinds = sorted({str(r.get("resourceType")) for r in seen})
    return _fhir(
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
        _fhir(
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
    return _fhir(requirement, f"the same answer to the {what} as where there is nothing{scopes}", actual, exchange, "status")


def fits_category(requirement: str, exchange: Exchange, resource_type: str, wanted: Collection[tuple[str, str]]) -> Findings:
    """Every resource of the type has one of the categories that the scope names."""
    wrong = [r for r in disclosed(exchange, resource_type) if not set(_categories(r)) & set(wanted)]
    if not wrong:
        return []
    names = " or ".join(f"{system}|{code}" for system, code in wanted)
    found = sorted({code for r in wrong for _, code in _categories(r)}) or ["none"]
    return _fhir(
        requirement,
        f"{resource_type} of the category {names} only",
        f"{describe(exchange)}: {len(wrong)} of other categories ({', '.join(found)})",
        exchange,
        "body",
    )


def _categories(resource: dict[str, Any]) -> list[tuple[str, str]]:
    value = resource.get("category")
    concepts = [c for c in (value if isinstance(value, list) else [value]) if isinstance(c, dict)]
    listed = [concept.get("coding") for concept in concepts]
    codings = [c for coding in listed if isinstance(coding, list) for c in coding]
    return [(str(c.get("system", "")), str(c.get("code", ""))) for c in codings if isinstance(c, dict)]


def granted_works(requirement: str, exchange: Exchange, words: str, scope: str, *, declared: bool = False) -> Findings:
    """A request that a granted scope covers succeeds; a policy may refuse it, so this is an expectation and no rule."""
    status = exchange.answer.status
    if 200 <= status < 300 or status in _SAYS_NOTHING:
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
    if any(200 <= x.answer.status < 300 for x in telling) or not telling:
        return []
    found = _fhir(
        requirement, f"data for {what}", f"each of {len(telling)} requests is refused: {describe(telling[0])}", telling[0], "status"
    )
    reads = [x for x in telling if x.request.method == "GET" and "?" not in x.request.url]
    return found if reads else advice(found)


# -- the form of a refusal ----------------------------------------------------------------------------------------------------


def has_challenge(requirement: str, exchange: Exchange) -> Findings:
    """A request without a usable token is answered with ``WWW-Authenticate`` and without data.

    The header is due with a refusal for lack of a token: not in a batch whose entries are refused one by one, not where nothing takes
    such a request at all, not from a firewall.
    """
    found = withholds_type(requirement, exchange, "", "a request without a usable token")
    answer = exchange.answer
    due = not 200 <= answer.status < 300 and answer.status not in _TAKES_NO_SUCH_REQUEST and not answer.of_firewall
    if due and not answer.all("www-authenticate"):
        found += _fhir(requirement, "a `WWW-Authenticate` header", f"{describe(exchange)} without it", exchange, "header: WWW-Authenticate")
    return found


def is_private(requirement: str, exchange: Exchange) -> Findings:
    """An answer to a token in the query is kept by no shared cache: ``private``, or ``no-store``, which keeps it from every cache."""
    said = [word.strip().lower() for value in exchange.answer.all("cache-control") for word in value.split(",")]
    if "private" in said or "no-store" in said:
        return []
    actual = f"`Cache-Control: {', '.join(said)}`" if said else "no `Cache-Control`"
    return _fhir(requirement, "`Cache-Control` with `private`", actual, exchange, "header: Cache-Control")


def bearer_challenge(requirement: str, exchange: Exchange) -> Findings:
    """One challenge has the scheme ``Bearer`` and at least one parameter."""
    challenge = bearer(exchange)
    if challenge is not None and challenge.parameters:
        return []
    actual = f"`WWW-Authenticate: {', '.join(exchange.answer.all('www-authenticate'))}`"
    return _fhir(
        requirement,
        "a `Bearer` challenge with `realm`, `scope`, `error` or another parameter",
        actual,
        exchange,
        "header: WWW-Authenticate",
    )


def parameters_once(requirement: str, exchange: Exchange) -> Findings:
    """No parameter that the RFC defines occurs twice in the ``Bearer`` challenge."""
    challenge = bearer(exchange)
    names = [k for k, _ in challenge.parameters] if challenge is not None else []
    twice = sorted({n for n in names if n in _ONCE and names.count(n) > 1})
    if not twice:
        return []
    return _fhir(
        requirement, f"`{'`, `'.join(twice)}` once", f"it occurs {names.count(twice[0])} times", exchange, "header: WWW-Authenticate"
    )


def challenge_characters(requirement: str, exchange: Exchange) -> Findings:
    """The parameters of the ``Bearer`` challenge hold only the characters of RFC 6750 section 3."""
    challenge = bearer(exchange)
    wrong = [(k, v) for k, v in (challenge.parameters if challenge else ()) if k in _CHARACTERS and not _CHARACTERS[k].match(v)]
    return [
        f
        for name, value in wrong
        for f in _fhir(
            requirement,
            f"`{name}` of the characters that RFC 6750 section 3 allows",
            f"it is {show(value)}",
            exchange,
            "header: WWW-Authenticate",
        )
    ]


def names_error(requirement: str, exchange: Exchange) -> Findings:
    """The challenge to a refused token has ``error``."""
    challenge = bearer(exchange)
    if challenge is None or challenge.get("error"):
        return []
    return _fhir(requirement, "`error` in the `Bearer` challenge", "there is none", exchange, "header: WWW-Authenticate")


def names_no_error(requirement: str, exchange: Exchange) -> Findings:
    """The challenge to a request without a token has no ``error``."""
    challenge = bearer(exchange)
    if challenge is None or not challenge.get("error"):
        return []
    return _fhir(
        requirement, "no `error` for a request without a token", f"`error={challenge.get('error')}`", exchange, "header: WWW-Authenticate"
    )


def refusal_form(requirement: str, exchange: Exchange, status: int, error: str) -> Findings:
    """The refusal has the status, and its ``Bearer`` challenge the error, that RFC 6750 section 3.1 names."""
    challenge = bearer(exchange)
    found: Findings = []
    if exchange.answer.status != status:
        found += _fhir(requirement, f"status {status}", describe(exchange), exchange, "status")
    if challenge is not None and challenge.get("error") and challenge.get("error") != error:
        found += _fhir(requirement, f"`error={error}`", f"`error={challenge.get('error')}`", exchange, "header: WWW-Authenticate")
    return found


def names_insufficient_scope(requirement: str, exchange: Exchange) -> Findings:
    """A refusal for lack of scope has status 403 and says ``insufficient_scope``."""
    found = refusal_form(requirement, exchange, 403, "insufficient_scope")
    challenge = bearer(exchange)
    if not found and (challenge is None or not challenge.get("error")):
        found += _fhir(
            requirement, "`error=insufficient_scope` in a `Bearer` challenge", "there is none", exchange, "header: WWW-Authenticate"
        )
    return found


def operation_outcome(requirement: str, exchange: Exchange) -> Findings:
    """A refused request is answered with an OperationOutcome that has an issue."""
    body = exchange.answer.object
    issues = body.get("issue")
    if body.get("resourceType") == "OperationOutcome" and isinstance(issues, list) and issues:
        return []
    return _fhir(requirement, "an OperationOutcome with an issue", describe(exchange), exchange, "body")


def clear_refusal(requirement: str, exchange: Exchange) -> Findings:
    """A refusal has a status of the 4xx family."""
    if exchange.answer.status < 500:
        return []
    return [
        Finding(
            requirement,
            "a refusal with a status of the 4xx family",
            describe(exchange),
            exchange.id,
            "status",
            Kind.HYGIENE,
            Side.FHIR_SERVER,
            Outcome.WARNING,
        )
    ]


def no_internals(requirement: str, exchange: Exchange, token: str = "") -> Findings:
    """A refusal tells nothing of the server's inside and does not repeat the token."""
    text = exchange.answer.text
    match = _INTERNALS.search(text)
    actual = (
        f"it holds {show(match[0].strip())}" if match else "it repeats the token that was sent" if len(token) > 8 and token in text else ""
    )
    if not actual:
        return []
    return [
        Finding(
            requirement,
            "no stack trace, path, class or database name, and no token",
            actual,
            exchange.id,
            "body",
            Kind.HYGIENE,
            Side.FHIR_SERVER,
            Outcome.WARNING,
        )
    ]


# -- FHIR R4 ------------------------------------------------------------------------------------------------------------------


def capability_statement(requirement: str, exchange: Exchange) -> Findings:
    """``metadata`` is answered with a CapabilityStatement."""
    if exchange.answer.status == 200 and exchange.answer.object.get("resourceType") == "CapabilityStatement":
        return []
    return _fhir(requirement, "status 200 with a CapabilityStatement", describe(exchange), exchange, "body")


def for_everybody(requirement: str, exchange: Exchange) -> Findings:
    """The statement is given without a token: the guide calls it public, FHIR does not say so, and thus it warns."""
    if exchange.answer.status not in (401, 403):
        return []
    return advice(_fhir(requirement, "a CapabilityStatement for those who have no token yet", describe(exchange), exchange, "status"))


def resource_read(requirement: str, exchange: Exchange, reference: str) -> Findings:
    """A read yields the resource that the URL names, as FHIR JSON."""
    answer, (kind, _, identifier) = exchange.answer, reference.partition("/")
    found: Findings = []
    if (answer.object.get("resourceType"), answer.object.get("id")) != (kind, identifier):
        found += _fhir(requirement, f"the resource {kind} with the id of the URL", _what(exchange, identifier), exchange, "/id")
    if answer.media_type not in ("application/fhir+json", "application/json", "application/json+fhir"):
        found += _fhir(
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
    return _fhir(requirement, "a Bundle of type `searchset`", f"{describe(exchange)}, type {show(body.get('type'))}", exchange, "/type")


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
    return _fhir(requirement, f"matches of type {resource_type}", f"also {', '.join(wrong)}", exchange, "/entry") if wrong else []


def matches_patient(requirement: str, exchange: Exchange, patient: str) -> Findings:
    """Every match belongs to the patient that the search names."""
    wrong = [r for r in _matches(exchange) if (owners := belongs_to(r)) and patient not in owners]
    return (
        _fhir(requirement, "matches of the patient that the search names", f"{len(wrong)} of another patient", exchange, "/entry")
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
    wrong = [r for r in _matches(exchange) if code not in _categories(r)]
    return (
        _fhir(requirement, f"matches of the category {code[1]}", f"{len(wrong)} of another category", exchange, "/entry") if wrong else []
    )


def finds_again(requirement: str, exchange: Exchange, wanted: Collection[str]) -> Findings:
    """A search by ``_id`` finds each resource that a read yields."""
    missing = set(wanted) - {str(r.get("id")) for r in _matches(exchange)}
    return (
        _fhir(requirement, "each resource that can be read, as a match", f"{len(missing)} of {len(wanted)} are missing", exchange, "/entry")
        if missing
        else []
    )


def batch_entries(requirement: str, exchange: Exchange, count: int) -> Findings:
    """The answer to a batch has an entry with a status for each entry of the request."""
    body = exchange.answer.object
    entries = body.get("entry") if body.get("resourceType") == "Bundle" else None
    states = [e["response"].get("status") for e in entries or [] if isinstance(e, dict) and isinstance(e.get("response"), dict)]
    if len(states) == count and all(isinstance(s, str) and re.match(r"^\d{3}", s) for s in states):
        return []
    return _fhir(
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
        found += _fhir(requirement, "status 201", f"status {exchange.answer.status}", exchange, "status")
    if not exchange.answer.header("location"):
        found += _fhir(requirement, "a `Location` header", "there is none", exchange, "header: Location")
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


# -- the OAuth URIs of SMART 1.0 ------------------------------------------------------------------------------------------------


def _security(exchange: Exchange) -> list[dict[str, Any]]:
    rest = exchange.answer.object.get("rest")
    return [r["security"] for r in rest if isinstance(r, dict) and isinstance(r.get("security"), dict)] if isinstance(rest, list) else []


def smart_service(requirement: str, exchange: Exchange) -> Findings:
    """The CapabilityStatement names the security service ``SMART-on-FHIR``."""
    codes = [
        coding.get("code")
        for security in _security(exchange)
        for service in security.get("service") or []
        if isinstance(service, dict)
        for coding in service.get("coding") or []
        if isinstance(coding, dict)
    ]
    if "SMART-on-FHIR" in codes:
        return []
    return _fhir(
        requirement,
        "`SMART-on-FHIR` in rest.security.service",
        f"codes: {', '.join(map(str, codes)) or 'none'}",
        exchange,
        "/rest/0/security/service",
    )


def oauth_uris(requirement: str, exchange: Exchange, found: dict[str, str]) -> Findings:
    """The ``oauth-uris`` extension has ``authorize`` and ``token``."""
    missing = [name for name in ("authorize", "token") if not found.get(name)]
    if not missing:
        return []
    return _fhir(
        requirement,
        "`authorize` and `token` in the `oauth-uris` extension",
        f"no `{'`, `'.join(missing)}`",
        exchange,
        "/rest/0/security/extension",
    )


def same_uris(requirement: str, exchange: Exchange, found: dict[str, str], document: dict[str, Any]) -> Findings:
    """The URLs of the extension are those of the SMART configuration; edition 1.0 lets both be relative to where they stand."""
    findings: Findings = []
    for name, member in (("authorize", "authorization_endpoint"), ("token", "token_endpoint")):
        theirs = document.get(member)
        if name in found and isinstance(theirs, str) and not _same_place(exchange.request.url, found[name], theirs):
            findings += _fhir(
                requirement, f"`{name}`: {show(theirs)}", f"it is {show(found[name])}", exchange, "/rest/0/security/extension"
            )
    return findings


def _same_place(statement: str, one: str, other: str) -> bool:
    """Whether two URLs lead to the same place, seen from the FHIR base URL below which both documents are."""
    base = statement.split("?", 1)[0].removesuffix("metadata")
    return _plain(urljoin(base, one)) == _plain(urljoin(base, other))


def _plain(url: str) -> tuple[str, str, str, str]:
    parts = urlsplit(url.strip())
    return parts.scheme.lower(), parts.netloc.lower(), parts.path.rstrip("/"), parts.query
