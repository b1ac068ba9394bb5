"""Whose data a token reaches: those of the patient in context, of another patient, of a patient whom the user may not see."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smartlaunch.checks.fhir_access import tells_of_data
from smartlaunch.checks.fhir_answer import belongs_to, disclosed, done
from smartlaunch.client.http import answered
from smartlaunch.errors import LoginStuck, NotApplicable, NotConfigured, TwinFailed
from smartlaunch.fhir import describe, link, resources
from smartlaunch.probes import backend_services
from smartlaunch.probes.fhir_access.further_types import MOST_TYPES, out_of_reach
from smartlaunch.probes.fhir_access.grants import covering, covers, granted, require_patient_level, scope
from smartlaunch.probes.fhir_access.reads import BY_HAS, EVERY_READ, NEXT_PAGE, next_page
from smartlaunch.probes.fhir_access.requests import (
    WRITES,
    Trial,
    letter_of,
    require_closed,
    require_kept,
    require_works,
    send,
    tried,
    tried_in_vain,
    twin_of,
)
from smartlaunch.probes.fhir_access.samples import (
    Sample,
    identifier_of,
    kinds,
    other_patient,
    patient,
    references_in,
    sample,
    search,
    texts_in,
)
from smartlaunch.probes.fhir_access.writes import FURTHER_SENT, body
from smartlaunch.probes.fhir_access.writing import (
    MOVES,
    OF_ANOTHER_PATIENT,
    kind_to_write,
    makes_one,
    may_find_nothing,
    moved,
    remember,
    write,
    written_for_another,
)

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.fhir import Fhir
    from smartlaunch.client.grant import Grant
    from smartlaunch.exchange import Exchange
    from smartlaunch.target import User

SHARED: Mapping[str, str] = {"generalPractitioner": "general-practitioner", "managingOrganization": "organization"}
"""Elements of Patient that point to what patients share, with their search parameters."""

OF_ANOTHER = (*EVERY_READ, *OF_ANOTHER_PATIENT, *MOVES)
"""Requests that are put for a patient other than the one in context."""

_PAGES = 5
"""So many pages of a search are looked through for what is not to be there."""

_MOVE = "update that moves it"
_OWN_READ = "read of the patient"
_OWN_SEARCH = "search by the patient"
OF_THE_PERSON_BY_ID = (_OWN_READ, _OWN_SEARCH)
OF_THE_PERSON = (_OWN_READ, "search by identifier")
"""Requests for the patient's own resource; the others are for clinical data, or have words of their own for it."""


def of_other(app: App) -> tuple[Grant, Sample, Sample]:
    """A grant with the other patient in context, that patient's own resource, and a clinical one; ``NotApplicable`` without login."""
    return app.once("the other patient", lambda: _of_other(app))


def read_of_other(app: App) -> tuple[Grant, Exchange]:
    """A grant with the other patient in context, and a read of that patient; ``NotApplicable`` without login."""
    return app.once("a read of the other patient", lambda: _read_of_other(app))


def _read_of_other(app: App) -> tuple[Grant, Exchange]:
    other = other_patient(app)
    grant = covering(app, _scopes(app, sample(app).type, "patient"), patient=other)
    if grant.token.patient != other:
        raise NotApplicable(f"no login brings the patient {other} into context, so nothing shows that this patient's data are there")
    read = app.engine.fhir.read(f"Patient/{other}", grant.access_token)
    answered(read)
    return grant, read


def _of_other(app: App) -> tuple[Grant, Sample, Sample]:
    kind, other = sample(app).type, other_patient(app)
    grant, read = read_of_other(app)
    exchange, query = search(app, kind, other, grant.access_token)
    found = resources(answered(exchange), kind) or (disclosed(read, kind) if kind == "Patient" else [])
    if not found or not disclosed(read, "Patient"):
        raise NotApplicable(f"the patient {other} has no {kind} that could be asked for")
    return grant, Sample(read.answer.object, (("_id", other),)), Sample(found[0], query)


def _scopes(app: App, kind: str, at: str) -> list[str]:
    return [scope(app, "Patient", "rs", at), scope(app, kind, "rs", at)]


def of_another(app: App, interaction: str) -> Trial:
    """A request for another patient's data under ``patient/`` scopes; the same under that patient's own token has to succeed."""
    if interaction in MOVES:
        return moved(app, interaction)
    if interaction in WRITES:
        return written_for_another(app, interaction)
    return app.once(f"{interaction} for another patient", lambda: _of_another(app, interaction))


def _of_another(app: App, interaction: str) -> Trial:
    own = sample(app)
    kind, other = own.type, other_patient(app)
    grant = covering(app, _scopes(app, kind, "patient"))
    require_patient_level(grant, "Patient", kind)
    require_works(app, grant, own, "r")
    twin: Exchange | None = None
    try:
        other_grant, person, resource = of_other(app)
    except (NotApplicable, LoginStuck):
        if interaction not in (_OWN_READ, _OWN_SEARCH):
            raise
        person = Sample({"resourceType": "Patient", "id": other}, (("_id", other),))
        resource = Sample({"resourceType": kind}, tuple((k, other if k == "patient" else v) for k, v in own.query))
        wanted = person if interaction == _OWN_READ else resource
    else:
        wanted = replace(person if interaction in OF_THE_PERSON else resource, beside=own, identifier=identifier_of(person.resource))
        if interaction == BY_HAS:
            return _by_has(app, resource, grant, other_grant)
        if interaction == NEXT_PAGE:
            wanted = replace(wanted, link=next_page(app.engine.fhir, wanted, other_grant.access_token))
        twin = twin_of(app, interaction, wanted, other_grant.access_token)
    exchange = leafed_through(app, tried_in_vain(app, interaction, wanted, grant.access_token), grant.access_token, frozenset({other}))
    if twin is None and not disclosed(exchange) and not _exists(app, other):
        raise NotConfigured(
            f"nothing comes of it, but nothing shows either that the patient {other} exists on this server: no login brings that patient"
            " into context, and no other client of the target file can read it",
            key="[users.<name>] patients, or a client with role = 'backend' that may read Patient",
        )
    return Trial(interaction, wanted.type, exchange, tuple(grant.granted), twin, frozenset({other}))


def _by_has(app: App, resource: Sample, grant: Grant, other_grant: Grant) -> Trial:
    """The search for the patient by what there is about that patient: it finds the patient's own resource."""
    other = other_patient(app)
    twin = send(app, BY_HAS, resource, other_grant.access_token)
    if other not in {str(r.get("id")) for r in disclosed(twin, "Patient")}:
        raise NotApplicable(f"the server does not offer the {BY_HAS}: {describe(answered(twin))}")
    exchange = tried_in_vain(app, BY_HAS, resource, grant.access_token)
    return Trial(BY_HAS, "Patient", exchange, tuple(grant.granted), twin, frozenset({other}))


def of_a_third(app: App, interaction: str) -> Trial:
    """A request for the own resource of a patient who is neither in context nor the other one; their own token has to succeed."""
    return app.once(f"{interaction} for a third patient", lambda: _of_a_third(app, interaction))


def _of_a_third(app: App, interaction: str) -> Trial:
    own, other = patient(app), other_patient(app)
    who = app.user
    known = list(who.patients or ()) if who is not None else []
    third = next((one for one in reversed(known) if one not in (own, other)), "")
    if not third:
        raise NotConfigured("the target file names no third patient whom the user sees", key="[users.<name>] patients")
    kind = sample(app).type
    grant = covering(app, _scopes(app, kind, "patient"))
    require_patient_level(grant, "Patient", kind)
    try:
        theirs = covering(app, _scopes(app, kind, "patient"), patient=third)
    except LoginStuck as exc:
        raise NotConfigured(f"no page lets the user choose the patient {third}: {exc.message}", key="[users.<name>] patients") from exc
    if theirs.token.patient != third:
        raise NotApplicable(f"no login brings the patient {third} into context, so nothing shows that this patient's data are there")
    wanted = Sample({"resourceType": "Patient", "id": third}, (("_id", third),))
    twin = twin_of(app, interaction, wanted, theirs.access_token)
    exchange = tried_in_vain(app, interaction, wanted, grant.access_token)
    return Trial(interaction, "Patient", exchange, tuple(grant.granted), twin, frozenset({third}))


def leafed_through(app: App, first: Exchange, token: str, patients: frozenset[str]) -> Exchange:
    """The page that has something of these patients, among the first few; the first one where none has.

    A server gives as many resources a page as it likes, so those of other patients may come after the own ones.
    """
    page, fhir = first, app.engine.fhir
    for _ in range(_PAGES):
        if any(belongs_to(one) & patients for one in disclosed(page)):
            return page
        following = link(page.answer, "next") if disclosed(page) else ""
        if not following or urlsplit(following)[:2] != urlsplit(fhir.base_url)[:2]:
            break
        page = fhir.read(following, token)
        answered(page)
    return first


def of_another_by_type(app: App) -> list[Trial]:
    """A search and a read of another patient's data of each further type, which that patient's own token gets."""
    return app.once("every type for another patient", lambda: _of_another_by_type(app))


def _of_another_by_type(app: App) -> list[Trial]:
    first, other, every = sample(app).type, other_patient(app), kinds(app)
    if len(every) < 2:
        raise NotApplicable("the app's own scopes cover one type only")
    scopes = [scope(app, kind, "rs", "patient") for kind in every]
    grant, theirs = granted(app, scopes), granted(app, scopes, patient=other)
    require_patient_level(grant, *every)
    if theirs.token.patient != other:
        raise NotApplicable(f"no login brings the patient {other} into context, so nothing shows that this patient's data are there")
    trials = list[Trial]()
    for kind in every:
        if kind == first or len(trials) >= 2 * MOST_TYPES or not all(covers(grant.granted, kind, letter) for letter in "rs"):
            continue
        trials += [replace(trial, ids=frozenset({other})) for trial in out_of_reach(app, kind, other, theirs, grant)]
    if not trials:
        raise NotApplicable(f"the patient {other} has no data of any further type that is granted")
    return trials


WRITTEN: Mapping[str, Callable[[App, str], str]] = {
    "a wildcard scope": lambda app, _kind: scope(app, "*", "rs", "patient"),
    "a scope of version 1": lambda app, kind: scope(app, kind, "rs", "patient", 1),
}
"""A scope on the data of the patient in another form than the usual one, by the words of the features."""


def under(app: App, written: str, interaction: str) -> Trial:
    """A request for another patient's data under such a scope alone."""
    return app.once(f"{interaction} for another patient under {written}", lambda: _under(app, written, interaction))


def _under(app: App, written: str, interaction: str) -> Trial:
    own = sample(app)
    return _past_the_patient(app, interaction, own, covering(app, [WRITTEN[written](app, own.type)]))


def beside_user_scope(app: App, interaction: str) -> Trial:
    """Another patient's data of a type granted at the level of the patient, beside a type granted at that of the user."""
    return app.once(f"{interaction} beside a user scope", lambda: _beside_user_scope(app, interaction))


def _beside_user_scope(app: App, interaction: str) -> Trial:
    own, second = sample(app), sample(app, 1)
    grant = covering(app, [scope(app, own.type, "rs", "patient"), scope(app, second.type, "rs", "user")])
    return _past_the_patient(app, interaction, own, grant)


def _past_the_patient(app: App, interaction: str, own: Sample, grant: Grant) -> Trial:
    """The request for another patient's data of a type that the grant has for the patient in context, and works for."""
    other = other_patient(app)
    require_patient_level(grant, own.type)
    require_works(app, grant, own, "r")
    other_grant, _, wanted = of_other(app)
    twin = twin_of(app, interaction, wanted, other_grant.access_token)
    exchange = tried_in_vain(app, interaction, wanted, grant.access_token)
    return Trial(interaction, wanted.type, exchange, tuple(grant.granted), twin, frozenset({other}))


# -- whether there is something --------------------------------------------------------------------------------------------------


def _head(fhir: Fhir, of: Sample, token: str) -> Exchange:
    return fhir.send("HEAD", of.reference, token)


def _count(fhir: Fhir, of: Sample, token: str) -> Exchange:
    return fhir.search(of.type, [*of.query, ("_summary", "count")], token)


def _unchanged(fhir: Fhir, of: Sample, token: str) -> Exchange:
    return fhir.send("GET", of.reference, token, headers={"If-None-Match": f'W/"{of.version or 1}"'})


def _not_modified(fhir: Fhir, of: Sample, token: str) -> Exchange:
    return fhir.send("GET", of.reference, token, headers={"If-Modified-Since": formatdate(usegmt=True)})


EXISTENCE: Mapping[str, Callable[[Fhir, Sample, str], Exchange]] = {
    "HEAD request": _head,
    "read with If-None-Match": _unchanged,
    "read with If-Modified-Since": _not_modified,
    "search with _summary=count": _count,
}
"""Requests whose answer has no data and tells all the same that there are some."""


def existence(app: App, request: str) -> Trial:
    """The question whether there are data of another patient: for that patient's token there are, and of a made-up one there are none."""
    return app.once(f"whether a {request} tells of another patient", lambda: _existence(app, request))


def _existence(app: App, request: str) -> Trial:
    other_grant, _, wanted = of_other(app)
    grant = covering(app, _scopes(app, wanted.type, "patient"))
    require_patient_level(grant, "Patient", wanted.type)
    made_up = Sample(
        {"resourceType": wanted.type, "id": f"conformance-{secrets.token_hex(8)}"},
        tuple((k, "conformance-nobody" if k == "patient" else v) for k, v in wanted.query),
    )
    return asked_whether(app, request, wanted, made_up, other_grant, grant)


def asked_whether(app: App, request: str, wanted: Sample, made_up: Sample, may: Grant, grant: Grant) -> Trial:
    """The question put with a token that may know, about something that is not there, and with the token that is judged."""
    ask, fhir = EXISTENCE[request], app.engine.fhir
    twin = ask(fhir, wanted, app.tokens.current(may.access_token))
    answered(twin)
    if not tells_of_data(twin):
        raise NotApplicable(f"the {request} tells nobody that the data are there: {describe(twin.answer)}")
    token = app.tokens.current(grant.access_token)
    control = ask(fhir, made_up, token)
    answered(control)
    if tells_of_data(control):
        raise NotApplicable(f"the {request} is answered in one way whether the data are there or not")
    exchange = ask(fhir, wanted, token)
    answered(exchange)
    if tells_of_data(exchange):
        require_kept(app, wanted)
    return Trial(request, wanted.type, exchange, tuple(grant.granted), twin, frozenset({wanted.id}))


def _exists(app: App, patient: str) -> bool:
    """Whether a backend service of the target file can read the patient."""
    client = app.engine.target.find_client("backend")
    if client is None:
        return False
    service = app.beside(client, "")
    token = service.once("a token that reads patients", lambda: backend_services.ask(service))
    return token.succeeded and bool(disclosed(app.engine.fhir.read(f"Patient/{patient}", token.access_token), "Patient"))


def of_another_included(app: App) -> Trial:
    """A search of what patients share that takes in another patient's own resource."""
    return app.once("another patient included", lambda: _of_another_included(app))


def _of_another_included(app: App) -> Trial:
    _, person, _ = of_other(app)
    reasons, fhir, other = [], app.engine.fhir, other_patient(app)
    for element, parameter in SHARED.items():
        for reference in references_in(person.resource.get(element)):
            kind, _, identifier = reference.partition("/")
            query = (("_id", identifier), ("_revinclude", f"Patient:{parameter}"))
            try:
                grant = covering(app, _scopes(app, kind, "patient"))
                theirs = covering(app, _scopes(app, kind, "patient"), patient=other)
            except NotApplicable as exc:
                reasons.append(str(exc))
                continue
            require_patient_level(grant, "Patient")
            twin = fhir.search(kind, query, theirs.access_token)
            if other not in {r.get("id") for r in disclosed(twin, "Patient")}:
                reasons.append(f"the search of {kind} with _revinclude brings no patient: {describe(twin.answer, twin.error)}")
                continue
            exchange = require_closed(app, fhir.search(kind, query, grant.access_token))
            answered(exchange)
            return Trial("search with _revinclude", "Patient", exchange, tuple(grant.granted), twin, frozenset({other}))
    raise NotApplicable("; ".join(dict.fromkeys(reasons)) or "the other patient's resource refers to nothing that patients share")


def telling(app: App) -> tuple[str, ...]:
    """Texts by which the other patient's data can be known again in an answer: names, numbers, addresses."""
    _, person, _ = of_other(app)
    found: list[str] = []
    for element in ("name", "birthDate", "telecom", "address"):
        found += [t for t in texts_in(person.resource.get(element)) if len(t) > 4]
    own = str(app.engine.fhir.read(f"Patient/{patient(app)}", app.grant().access_token).answer.text)
    return tuple(t for t in dict.fromkeys(found) if t not in own and t not in other_patient(app))


# -- users --------------------------------------------------------------------------------------------------------------------


def users(app: App) -> tuple[User, User, str]:
    """A user, a second one, and a patient whom only the first may see, by the target file."""
    known = [u for u in app.engine.target.users.values() if u.patients]
    for first in known:
        for second in known:
            hidden = [p for p in first.patients or () if p not in (second.patients or ())]
            if first.persona == second.persona and hidden:
                return first, second, hidden[0]
    raise NotConfigured(
        "the target file names no two users of one persona of whom one may see a patient that the other may not", key="[users.<name>]"
    )


def of_user(app: App) -> Trial:
    """A search for the patient in context under a ``user/`` scope; the app's own grant has found the same before."""
    return app.once("search under a user scope", lambda: _of_user(app))


def _of_user(app: App) -> Trial:
    own = sample(app)
    twin = twin_of(app, "search", own, app.grant().access_token)
    grant = covering(app, _scopes(app, own.type, "user"))
    exchange = tried(app, "search", own, grant.access_token)
    return Trial("search", own.type, exchange, tuple(grant.granted), twin, frozenset({own.id}))


def second_page(app: App) -> Trial:
    """The second page of the search under a ``user/`` scope, whose first page holds all matches but one."""
    return app.once("second page under a user scope", lambda: _second_page(app))


def _second_page(app: App) -> Trial:
    own, known = sample(app), of_user(app)
    grant = covering(app, _scopes(app, own.type, "user"))
    count = len(disclosed(known.exchange, own.type))
    if count < 2:
        raise NotApplicable(f"the search of {own.type} for the patient finds {count or 'nothing'}, which fills no second page")
    link = next_page(app.engine.fhir, own, grant.access_token, size=count - 1)
    exchange = tried(app, NEXT_PAGE, replace(own, link=link), grant.access_token)
    return Trial(NEXT_PAGE, own.type, exchange, tuple(grant.granted), known.twin, frozenset({own.id}))


BEYOND_USER = (*EVERY_READ, *OF_ANOTHER_PATIENT, _MOVE, "search with _revinclude", "search for patients")
"""Requests that are put for a patient whom the signed-in user may not see."""


def beyond_user(app: App, interaction: str) -> Trial:
    """A request for a patient whom the signed-in user may not see, under ``user/`` scopes; a user who may has to succeed first."""
    if interaction in WRITES:
        return _written_beyond_user(app, interaction)
    if interaction == "search for patients":
        return app.once("search for patients beyond the user", lambda: _found_beyond_user(app))
    if interaction == "search with _revinclude":
        return app.once("search with _revinclude beyond the user", lambda: _included_beyond_user(app))
    return app.once(f"{interaction} beyond the user", lambda: _beyond_user(app, interaction))


def _beyond_user(app: App, interaction: str) -> Trial:
    first, second, hidden = users(app)
    kind = sample(app).type
    scopes = _scopes(app, kind, "user")
    allowed = covering(app, scopes, user=first)
    limited = covering(app, scopes, user=second)
    wanted, ours = app.once("what is hidden from a user", lambda: _hidden(app, kind, allowed, limited))
    if interaction == _OWN_READ:
        wanted = Sample({"resourceType": "Patient", "id": hidden}, (("_id", hidden),))
    if interaction == NEXT_PAGE:
        wanted = replace(wanted, link=next_page(app.engine.fhir, wanted, allowed.access_token))
    wanted = replace(wanted, beside=ours)
    twin = twin_of(app, interaction, wanted, allowed.access_token)
    exchange = leafed_through(app, tried_in_vain(app, interaction, wanted, limited.access_token), limited.access_token, frozenset({hidden}))
    return Trial(interaction, wanted.type, exchange, tuple(limited.granted), twin, frozenset({hidden}))


def _hidden(app: App, kind: str, allowed: Grant, limited: Grant) -> tuple[Sample, Sample]:
    """A resource of a patient whom the second user may not see, and one of a patient whom that user sees."""
    _, second, hidden = users(app)
    found, query = search(app, kind, hidden, app.tokens.current(allowed.access_token))
    theirs = resources(answered(found), kind)
    if not theirs:
        raise NotApplicable(f"the user who may see the patient {hidden} finds no {kind}: {describe(found.answer)}")
    own, seen_by = search(app, kind, (second.patients or ("",))[0], app.tokens.current(limited.access_token))
    ours = resources(answered(own), kind)
    if not ours:
        raise TwinFailed(f"the second user's token does not find the {kind} of a patient whom that user may see")
    return Sample(theirs[0], query), Sample(ours[0], seen_by)


def _written_beyond_user(app: App, interaction: str) -> Trial:
    """A write for a patient whom the user may not see; the user's token writes for a patient of the user's own."""
    first, second, hidden = users(app)
    kind = kind_to_write(app)
    letters = "crd" if letter_of(interaction) == "d" else "cru"
    scopes = [scope(app, kind, letters, "user")]
    allowed, limited = covering(app, scopes, user=first), covering(app, scopes, user=second)
    keeper = allowed
    with contextlib.suppress(NotApplicable):
        keeper = covering(app, [scope(app, kind, "cruds", "user")], user=first)
    twin, own, mine = app.once(f"written by two users with {letters}", lambda: _by_two_users(app, kind, allowed, limited, keeper))
    if interaction not in ("create", _MOVE) and interaction in FURTHER_SENT:
        # Whether the server offers it at all; the words of the commoner writes are in every server's statement.
        twin = app.once(f"twin {interaction} beyond the user", lambda: _offered(app, interaction, kind, hidden, allowed, keeper))
    if interaction == _MOVE:
        twin = write(app, MOVES[_MOVE], kind, mine, (second.patients or ("",))[0], limited.access_token)
        if not done(twin):
            raise NotApplicable(f"the second user changes no {kind} of that user's own patient: {describe(answered(twin))}")
        own = mine
    exchange = write(app, MOVES.get(interaction, interaction), kind, own, hidden, limited.access_token)
    if makes_one(interaction):
        remember(app, exchange, keeper)
    answered(exchange)
    undone = may_find_nothing(interaction) and bool(disclosed(send(app, "read", own, allowed.access_token), kind))
    return Trial(interaction, kind, exchange, tuple(limited.granted), twin, frozenset({own.id}), undone=undone)


def _by_two_users(app: App, kind: str, allowed: Grant, limited: Grant, keeper: Grant) -> tuple[Exchange, Sample, Sample]:
    """What the first user writes about the hidden patient, and the second about a patient of that user's own."""
    _, second, hidden = users(app)
    fhir, whose = app.engine.fhir, (second.patients or ("",))[0]
    twin = fhir.send("POST", kind, app.tokens.current(allowed.access_token), resource=body(kind, hidden))
    own = remember(app, twin, keeper)
    if own is None:
        raise NotApplicable(f"the user who may see the patient {hidden} creates no {kind}: {describe(answered(twin))}")
    control = fhir.send("POST", kind, app.tokens.current(limited.access_token), resource=body(kind, whose))
    mine = remember(app, control, keeper)
    if mine is None:
        raise NotApplicable(f"the second user creates no {kind} for a patient of that user's own: {describe(answered(control))}")
    return twin, own, mine


def _offered(app: App, interaction: str, kind: str, hidden: str, allowed: Grant, keeper: Grant) -> Exchange:
    """The write by the user who may, of another resource."""
    made = app.engine.fhir.send("POST", kind, app.tokens.current(allowed.access_token), resource=body(kind, hidden))
    spare = remember(app, made, keeper)
    if spare is None:
        raise NotApplicable(f"the user who may see the patient {hidden} creates no {kind}: {describe(answered(made))}")
    twin = write(app, interaction, kind, spare, hidden, allowed.access_token)
    if makes_one(interaction):
        remember(app, twin, keeper)
    if not done(twin):
        raise NotApplicable(f"the server does not offer the {interaction} of {kind} to a token that covers it: {describe(answered(twin))}")
    return twin


def _found_beyond_user(app: App) -> Trial:
    """A search for all patients by a user who may not see one of them."""
    first, second, hidden = users(app)
    scopes = _scopes(app, sample(app).type, "user")
    allowed, limited = covering(app, scopes, user=first), covering(app, scopes, user=second)
    fhir, query, wanted = app.engine.fhir, [("_count", "200")], frozenset({hidden})
    may = app.tokens.current(allowed.access_token)
    twin = leafed_through(app, fhir.search("Patient", query, may), may, wanted)
    if hidden not in {str(r.get("id")) for r in disclosed(twin, "Patient")}:
        raise NotApplicable(f"a search for all patients does not bring the patient {hidden}: {describe(answered(twin))}")
    token = app.tokens.current(limited.access_token)
    first_page = require_closed(app, fhir.search("Patient", query, token))
    exchange = leafed_through(app, first_page, token, wanted)
    answered(exchange)
    return Trial("search for patients", "Patient", exchange, tuple(limited.granted), twin, wanted)


def _included_beyond_user(app: App) -> Trial:
    """A search of what patients share that takes in the resource of a patient whom the user may not see."""
    first, second, hidden = users(app)
    reasons, fhir = list[str](), app.engine.fhir
    allowed = covering(app, _scopes(app, sample(app).type, "user"), user=first)
    person = fhir.read(f"Patient/{hidden}", app.tokens.current(allowed.access_token))
    answered(person)
    for element, parameter in SHARED.items():
        for reference in references_in(person.answer.object.get(element)):
            kind, _, identifier = reference.partition("/")
            query = (("_id", identifier), ("_revinclude", f"Patient:{parameter}"))
            try:
                may, limited = (covering(app, _scopes(app, kind, "user"), user=one) for one in (first, second))
            except NotApplicable as exc:
                reasons.append(str(exc))
                continue
            twin = fhir.search(kind, query, app.tokens.current(may.access_token))
            if hidden not in {r.get("id") for r in disclosed(twin, "Patient")}:
                reasons.append(f"the search of {kind} with _revinclude brings no patient: {describe(twin.answer, twin.error)}")
                continue
            exchange = require_closed(app, fhir.search(kind, query, app.tokens.current(limited.access_token)))
            answered(exchange)
            return Trial("search with _revinclude", "Patient", exchange, tuple(limited.granted), twin, frozenset({hidden}))
    raise NotApplicable("; ".join(dict.fromkeys(reasons)) or "the patient's resource refers to nothing that patients share")
