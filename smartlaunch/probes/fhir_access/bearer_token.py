"""FHIR requests with an access token that is missing, wrong, dead, or sent in an unusual way (RFC 6750).

What is asked for is what the app's own token has just read, so a refusal is one of the token and of nothing else.
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from smartlaunch.client.grant import Grant
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, NotConfigured, TwinFailed
from smartlaunch.fhir import describe, discloses, resources
from smartlaunch.probes import revocation
from smartlaunch.probes.authorization import AUD, EndState, ask, pursue
from smartlaunch.probes.faults import altered, never_issued, other_case, other_end
from smartlaunch.probes.fhir_access.grants import covers
from smartlaunch.probes.fhir_access.reads import EVERY_READ, EVERYTHING, next_page
from smartlaunch.probes.fhir_access.requests import Trial, each, require_closed, twin_of
from smartlaunch.probes.fhir_access.samples import PREFERRED, Query, Sample, sample, searched
from smartlaunch.probes.registered import no_refresh_token, unless_asked

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.fhir import Fhir
    from smartlaunch.client.memory import Aging
    from smartlaunch.exchange import Exchange
    from smartlaunch.oauth.token import TokenAnswer

EXPIRED = "bearer expired"


def path(app: App) -> str:
    """What the token reads."""
    return app.tokens.probe_path(app.grant().token)


def good(app: App) -> Exchange:
    """The read with the right token in the right place; ``TwinFailed`` when it discloses nothing."""
    grant = app.grant()
    exchange = app.once(f"a good read {grant.expires_at}", lambda: app.tokens.readable(grant))
    answered(exchange)
    if not discloses(exchange.answer):
        raise TwinFailed(f"a read with a good token was refused: {describe(exchange.answer)}", by="bearer-header")
    return exchange


def _beside_good(app: App, label: str, make: Callable[[], Exchange]) -> Exchange:
    good(app)
    exchange = app.once(f"bearer {label}", make)
    answered(exchange)
    return exchange


# -- without a token ----------------------------------------------------------------------------------------------------------


def _without_for_read(app: App, _patient: str) -> Exchange:
    return app.engine.fhir.read(path(app), None)


def _without_for_search(app: App, _patient: str) -> Exchange:
    own = sample(app)
    twin_of(app, "search", own, app.grant().access_token)
    return app.engine.fhir.search(own.type, own.query, None)


def _without_for_next_page(app: App, _patient: str) -> Exchange:
    return app.engine.fhir.read(next_page(app.engine.fhir, sample(app), app.grant().access_token), None)


def _without_for_search_by_post(app: App, _patient: str) -> Exchange:
    own = sample(app)
    twin_of(app, "search by POST", own, app.grant().access_token)
    return app.engine.fhir.search_by_post(own.type, own.query, None)


def _without_for_batch(app: App, patient: str) -> Exchange:
    fhir = app.engine.fhir
    entry = {"request": {"method": "GET", "url": f"Patient/{patient}"}}
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
    offered = answered(fhir.send("POST", "", app.grant().access_token, resource=batch))
    if not (200 <= offered.status < 300 and offered.object.get("resourceType") == "Bundle"):
        raise NotApplicable(f"the server takes no batch: {describe(offered)}")
    return fhir.send("POST", "", None, resource=batch)


def _without_for_version(app: App, _patient: str, interaction: str) -> Exchange:
    own = sample(app)
    twin_of(app, interaction, own, app.grant().access_token)
    return EVERY_READ[interaction](app.engine.fhir, own, None)


WITHOUT: Mapping[str, Callable[[App, str], Exchange]] = {
    "read": _without_for_read,
    "search": _without_for_search,
    "search by POST": _without_for_search_by_post,
    "batch": _without_for_batch,
    "next page": _without_for_next_page,
    "vread": partial(_without_for_version, interaction="vread"),
    "instance history": partial(_without_for_version, interaction="instance history"),
    "type history": partial(_without_for_version, interaction="type history"),
    "compartment search": partial(_without_for_version, interaction="compartment search"),
    EVERYTHING: partial(_without_for_version, interaction=EVERYTHING),
}
"""Requests without any token, for data of a patient."""


def without_token(app: App, form: str = "read") -> Exchange:
    """A request without any token: a read, a search, a search by POST or a batch."""

    def make() -> Exchange:
        patient = app.grant().token.patient or app.engine.target.patients.default
        if form != "read" and not patient:
            raise NotApplicable("no patient is known to search for")
        return WITHOUT[form](app, patient or "")

    return _beside_good(app, f"no token {form}", make)


def bare(app: App, interaction: str) -> Trial:
    """A request without any token in a form that a token is given data in; ``TwinFailed`` where the read is open to everybody."""
    if discloses(without_token(app).answer):
        raise TwinFailed("the FHIR server gives the resource itself without any token", by="bearer-no-token")
    return app.once(f"{interaction} without a token", lambda: _sent_with(app, interaction, None))


def _sent_with(app: App, interaction: str, token: str | None) -> Trial:
    own = sample(app)
    twin = twin_of(app, interaction, own, app.grant().access_token)
    exchange = EVERY_READ[interaction](app.engine.fhir, own, token)
    answered(exchange)
    return Trial(interaction, own.type, exchange, (), twin)


COMMON = (
    *("vread", "instance history", "search", "search by POST", "compartment search", "system search", "type history"),
    *(EVERYTHING, "batch with a read", "batch with a search", "read that names a public document", "read with If-Modified-Since"),
)
"""Requests that a token of another kind is tried with beside a read."""

OF_ANOTHER_KIND = ("a token that was never issued", "the refresh token", "the ID Token")
"""What they are tried with."""


def in_form(app: App, label: str, interaction: str) -> Trial:
    """A request in another form than a read with what the words name; ``TwinFailed`` where the read with it brings data."""
    if discloses(with_wrong_token(app, label).answer):
        raise TwinFailed(f"the FHIR server gives the resource itself to {label}", by="bearer-foreign-token")
    key = f"{interaction} with {label}"
    return app.once(key, lambda: _sent_with(app, interaction, WRONG[label](app, app.grant())))


def head_without_token(app: App) -> Exchange:
    """A HEAD of what the token reads, without the token; ``NotApplicable`` where HEAD says the same of what is not there."""
    own, fhir = sample(app), app.engine.fhir
    with_token = answered(fhir.send("HEAD", own.reference, app.grant().access_token))
    if not 200 <= with_token.status < 300:
        raise NotApplicable(f"the server does not offer HEAD to a token that reads: status {with_token.status}")
    absent = fhir.send("HEAD", f"{own.type}/conformance-{secrets.token_hex(8)}", None)
    if 200 <= answered(absent).status < 300:
        raise NotApplicable("a HEAD request without a token is answered in one way whether the data are there or not")
    exchange = _beside_good(app, "HEAD without a token", lambda: fhir.send("HEAD", own.reference, None))
    if 200 <= exchange.answer.status < 300:
        _require_token_for_reads(app, own.reference)
    return exchange


def _require_token_for_reads(app: App, reference: str) -> None:
    if discloses(app.engine.fhir.read(reference, None).answer):
        raise TwinFailed("the FHIR server gives the resource itself without any token", by="bearer-no-token")


def unchanged_without_token(app: App) -> Exchange:
    """The question without a token whether a resource has changed; ``NotApplicable`` where a token that reads it is told nothing."""
    own, fhir = sample(app), app.engine.fhir
    headers = {"If-None-Match": f'W/"{own.version or 1}"'}
    told = answered(fhir.send("GET", own.reference, app.grant().access_token, headers=headers))
    if told.status != 304:
        raise NotApplicable(f"the server does not answer a read with If-None-Match with 304: status {told.status}")
    exchange = _beside_good(app, "If-None-Match without a token", lambda: fhir.send("GET", own.reference, None, headers=headers))
    if exchange.answer.status == 304:
        _require_token_for_reads(app, own.reference)
    return exchange


def with_cookies(app: App) -> Exchange:
    """The read without a token, with the cookies that the login left in the user's browser for the address of the FHIR server."""
    app.grant()
    fhir = app.engine.fhir
    cookies = app.engine.cookies_of(app.user, f"{fhir.base_url}/{path(app)}")
    if not cookies:
        raise NotApplicable("the login left no cookie that a browser would send to the FHIR server")
    return require_closed(app, _beside_good(app, "cookies", lambda: fhir.send("GET", path(app), None, headers={"Cookie": cookies})))


# -- with a wrong one ---------------------------------------------------------------------------------------------------------


def _refresh_token(app: App, grant: Grant) -> str:
    if not grant.token.refresh_token:
        raise no_refresh_token(app)
    return grant.token.refresh_token


def _id_token(app: App, grant: Grant) -> str:
    if not grant.token.id_token:
        raise unless_asked(app, NotApplicable("the token response has no ID Token"), "openid")
    return grant.token.id_token


def _jwt(grant: Grant) -> tuple[list[str], dict[str, object]]:
    """The parts and claims of an access token; ``NotApplicable`` when it is none that can be read."""
    parts = grant.access_token.split(".")
    claims = _claims(parts[1]) if len(parts) == 3 else None
    if claims is None:
        raise NotApplicable("the access token is not a readable JWT")
    return parts, claims


def _without_signature(_app: App, grant: Grant) -> str:
    parts, _ = _jwt(grant)
    return f"{_encoded({'alg': 'none', 'typ': 'JWT'})}.{parts[1]}."


def _with_other_content(_app: App, grant: Grant) -> str:
    parts, claims = _jwt(grant)
    return f"{parts[0]}.{_encoded({**claims, 'scope': 'system/*.cruds user/*.cruds', 'exp': int(time.time()) + 86400})}.{parts[2]}"


WRONG: Mapping[str, Callable[[App, Grant], str]] = {
    "a token that was never issued": lambda _app, _grant: never_issued(),
    "an altered token": lambda _app, grant: altered(grant.access_token),
    "a token with another end": lambda _app, grant: other_end(grant.access_token),
    "a token in the other case": lambda _app, grant: other_case(grant.access_token),
    "a token with more behind it": lambda _app, grant: f"{grant.access_token}{secrets.token_urlsafe(4)}",
    "half a token": lambda _app, grant: grant.access_token[: len(grant.access_token) // 2],
    "the authorization code": lambda _app, grant: grant.authorization.code,
    "the refresh token": _refresh_token,
    "the ID Token": _id_token,
    "a token without its signature": _without_signature,
    "a token with other content": _with_other_content,
}
"""What is sent in place of the app's own access token."""


def with_wrong_token(app: App, label: str) -> Exchange:
    """The read with a token that the words name."""
    return require_closed(app, _beside_good(app, label, lambda: app.engine.fhir.read(path(app), WRONG[label](app, app.grant()))))


def with_unused_code(app: App) -> Exchange:
    """The read with an authorization code that nobody has redeemed yet, in place of an access token."""
    return require_closed(app, _beside_good(app, "an unused code", lambda: app.engine.fhir.read(path(app), app.fresh_code().code)))


def for_other_server(app: App) -> EndState:
    """How far the app comes with a request for a token for another resource server."""
    return app.once("bearer other server", lambda: pursue(app, ask(app, AUD["another path"])))


# -- dead tokens --------------------------------------------------------------------------------------------------------------


def leeway(app: App) -> float:
    """How long after its end a token may still be taken, by the target file: clocks differ, however short a token lives."""
    return app.engine.target.limits.leeway_s


def _batch_of(where: str) -> dict[str, object]:
    return {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": where}}]}


@dataclass(frozen=True)
class Place:
    """What a token reads, and a type that it searches for its patient."""

    where: str
    kind: str = ""
    query: Query = ()
    sample: Sample | None = None
    """A resource that it found."""


def _placed(interaction: str) -> Callable[[Fhir, Place, str], Exchange]:
    """A request in one of the forms that read, for what the token found while it was alive."""
    return lambda fhir, place, token: EVERY_READ[interaction](fhir, place.sample or Sample({}), token)


FURTHER_FORMS = tuple(one for one in COMMON if one not in ("instance history", "search", "search by POST", "batch with a read"))
"""Requests that a dead token is tried with, all in one scenario."""

FORMS: Mapping[str, Callable[[Fhir, Place, str], Exchange]] = {
    "search": lambda fhir, place, token: fhir.search(place.kind, place.query, token),
    "search by POST": lambda fhir, place, token: fhir.search_by_post(place.kind, place.query, token),
    "batch": lambda fhir, place, token: fhir.send("POST", "", token, resource=_batch_of(place.where)),
    "instance history": lambda fhir, place, token: fhir.read(f"{place.where}/_history", token),
    "HEAD request": lambda fhir, place, token: fhir.send("HEAD", place.where, token),
    **{one: _placed(one) for one in FURTHER_FORMS},
}
"""Requests that a dead token is tried with beside a read."""


def _served(exchange: Exchange) -> bool:
    """Whether a request was served: by data, or where it is HEAD by success."""
    return discloses(exchange.answer) or (exchange.request.method == "HEAD" and 200 <= exchange.answer.status < 300)


@dataclass(frozen=True)
class Dead:
    """A token at the end of its life: the read with it, and the other requests that worked before.

    ``renewed`` is the read with the dead token of a refresh, which the other requests are then put with: a server may end the first
    token when it issues the second.
    """

    read: Exchange
    forms: Mapping[str, Exchange]
    refused: Mapping[str, Exchange]
    renewed: Exchange | None = None
    revived: Exchange | None = None
    """The read with the token of a refresh that came after that end; None where no such refresh brought one."""
    kind: str = ""
    """The type of what the further forms ask for."""

    def form(self, name: str) -> Exchange:
        """The request in a form; ``NotApplicable`` where that form did not work before, or where the dead token reads as well."""
        if discloses((self.renewed or self.read).answer):
            raise NotApplicable("the token still reads; the scenario on the read judges that")
        if name not in self.forms:
            told = describe(self.refused[name].answer) if name in self.refused else "the token has no scope for it"
            raise NotApplicable(f"the {name} did not work while the token was alive: {told}")
        return self.forms[name]


def _place(dying: App, grant: Grant) -> Place:
    whose = grant.token.patient or dying.engine.target.patients.default or ""
    kind = next((one for one in PREFERRED if covers(grant.granted, one, "s")), "") if whose else ""
    found, query = searched(dying.engine.fhir, kind, (("patient", whose),), grant.access_token) if kind else (None, ())
    first = next((one for one in resources(found.heard, kind) if one.get("id")), None) if found is not None else None
    return Place(dying.tokens.probe_path(grant.token), kind, query, Sample(first, query) if first is not None else None)


def _alive(app: App, place: Place, token: str) -> dict[str, Exchange]:
    """What each form brings while the token is alive; a form that cannot be put is left out."""
    _require_read(app, place.where, token)
    left_out = set() if place.kind else {"search", "search by POST"}
    left_out |= {"instance history", "batch"} if "?" in place.where else set()
    absent = app.engine.fhir.send("HEAD", f"{place.where}-conformance", token)
    if 200 <= answered(absent).status < 300:
        left_out |= {"HEAD request"}  # it says the same of what is not there
    left_out |= set() if place.sample is not None else set(FURTHER_FORMS)
    before: dict[str, Exchange] = {}
    for name in FORMS:
        if name not in left_out:
            with contextlib.suppress(NotApplicable):  # what was found has no version
                before[name] = FORMS[name](app.engine.fhir, place, token)
    return before


def _afterwards(app: App, place: Place, token: str, before: Mapping[str, Exchange]) -> Dead:
    read = app.engine.fhir.read(place.where, token)
    answered(read)
    worked = [name for name, one in before.items() if _served(one)]
    tried = {name: require_closed(app, FORMS[name](app.engine.fhir, place, token)) for name in worked}
    for one in tried.values():
        answered(one)
    left = {name: one for name, one in before.items() if name not in worked}
    return Dead(require_closed(app, read), tried, left, kind=place.kind)


def expired(app: App) -> Exchange:
    """The read with a token after its ``expires_in`` and a leeway for clocks; the same token worked before."""
    return app.aged(EXPIRED, lambda: expire(app)).read


def expired_in(app: App, form: str) -> Exchange:
    """Another request with that token."""
    return app.aged(EXPIRED, lambda: expire(app)).form(form)


def expired_in_further_forms(app: App) -> list[Trial]:
    """The rarer requests with that token."""
    return _further(app.aged(EXPIRED, lambda: expire(app)))


def revoked_in_further_forms(app: App) -> list[Trial]:
    """The rarer requests with a token that the app has revoked."""
    return _further(app.once("bearer revoked", lambda: _revoked(app)))


def _further(dead: Dead) -> list[Trial]:
    return each(FURTHER_FORMS, lambda form: Trial(form, dead.kind, dead.form(form)))


def expired_of_refresh(app: App) -> Exchange:
    """The read with the token of a refresh after its time; ``NotApplicable`` where none came."""
    renewed = app.aged(EXPIRED, lambda: expire(app)).renewed
    if renewed is None:
        raise NotApplicable("no refresh brought a token whose time could be waited for; the scenarios on refreshes judge that")
    return renewed


def _renewed(dying: App, grant: Grant, where: str, limit: float) -> TokenAnswer | None:
    """A refresh of what is to die; None where no token comes of it that reads and ends in time."""
    if not grant.token.refresh_token:
        return None
    answer = dying.refresh(grant.token.refresh_token)
    life = answer.expires_in
    if not answer.succeeded or life is None or life + leeway(dying) > limit:
        return None
    return answer if discloses(answered(dying.engine.fhir.read(where, answer.access_token))) else None


def _revived(dying: App, renewed: TokenAnswer | None, grant: Grant, where: str) -> Exchange | None:
    """A read with the token of a refresh for which the app waited until its token was over; None where none came."""
    newest = (renewed.refresh_token if renewed is not None else "") or grant.token.refresh_token
    answer = dying.refresh(newest) if newest else None
    before = (grant.access_token, renewed.access_token if renewed is not None else "")
    came = answer is not None and answer.succeeded and answer.access_token not in before
    return dying.engine.fhir.read(where, answer.access_token) if answer is not None and came else None


def revived(app: App) -> Exchange:
    """The read with the token of a refresh after the end of the one before; ``NotApplicable`` where no such refresh brought one."""
    read = app.aged(EXPIRED, lambda: expire(app)).revived
    if read is None:
        raise NotApplicable("no refresh after the end of an access token brought another one; the scenarios on refreshes judge that")
    return read


def expire(app: App) -> Aging[Dead]:
    """The probe of ``expired``."""
    limit = app.engine.target.limits.wait_for_expiry_s
    if limit <= 0:
        raise NotConfigured(
            "waiting is not allowed: set limits.wait_for_expiry_s in the target file to let codes and tokens expire",
            key="[limits] wait_for_expiry_s",
        )
    dying, own = app, app.grant().token.expires_in
    if own is None or own + leeway(app) > limit:
        with contextlib.suppress(NotApplicable):
            dying = app.other("short-lived")
    # A shared grant is not used: this one is to die.
    grant = dying.require_grant(dying.attempt())
    lifetime = grant.token.expires_in
    if lifetime is None:
        raise NotApplicable("the token response has no `expires_in`, so nobody knows when the token ends")
    wait = lifetime + leeway(app)
    if wait > limit:
        raise NotConfigured(
            f"the token ends after {lifetime:g} s; set limits.wait_for_expiry_s = {wait:.0f} to judge this",
            key="[limits] wait_for_expiry_s",
        )
    place = _place(dying, grant)
    _require_read(app, place.where, grant.access_token)
    renewed = _renewed(dying, grant, place.where, limit)
    last = renewed or grant.token
    before = _alive(app, place, last.access_token)
    yield last.received_at + (last.expires_in or lifetime) + leeway(app)
    dead = replace(_afterwards(app, place, last.access_token, before), revived=_revived(dying, renewed, grant, place.where))
    if renewed is None:
        return dead
    first = app.engine.fhir.read(place.where, grant.access_token)
    answered(first)
    return replace(dead, read=require_closed(app, first), renewed=dead.read)


def _require_read(app: App, where: str, token: str) -> None:
    twin = app.engine.fhir.read(where, token)
    answered(twin)
    if not discloses(twin.answer):
        raise TwinFailed(f"a read with a fresh token was refused: {describe(twin.answer)}", by="bearer-header")


def revoked(app: App) -> Exchange:
    """The read with a token that the app has revoked; the same token worked before."""
    return app.once("bearer revoked", lambda: _revoked(app)).read


def revoked_in(app: App, form: str) -> Exchange:
    """Another request with that token."""
    return app.once("bearer revoked", lambda: _revoked(app)).form(form)


def _revoked(app: App) -> Dead:
    revocation.endpoint(app)
    grant: Grant = app.fresh_grant()
    place = _place(app, grant)
    before = _alive(app, place, grant.access_token)
    answer = revocation.revoke(app, grant.access_token, hint="access_token")
    app.tokens.suspect()
    answered(answer)
    if not 200 <= answer.answer.status < 300:
        raise NotApplicable(f"the server did not revoke the access token: status {answer.answer.status}")
    return _afterwards(app, place, grant.access_token, before)


# -- the way a token travels --------------------------------------------------------------------------------------------------


def _in_query(app: App) -> str:
    where = path(app)
    return f"{where}{'&' if '?' in where else '?'}{urlencode({'access_token': app.grant().access_token})}"


def _with_header(app: App, value: str) -> Exchange:
    return app.engine.fhir.send("GET", path(app), None, headers={"Authorization": value})


def _in_query_of_search(app: App, token: str) -> Exchange:
    whose = app.grant().token.patient or app.engine.target.patients.default
    if not whose:
        raise NotApplicable("no patient is known to search for")
    twin, query = searched(app.engine.fhir, "Observation", (("patient", whose),), token)
    if not discloses(answered(twin)):
        raise NotApplicable(f"the app's token finds no Observation: {describe(twin.answer)}")
    return app.engine.fhir.search("Observation", [*query, ("access_token", token)], None)


WAYS: Mapping[str, Callable[[App, str], Exchange]] = {
    "the query alone": lambda app, _token: app.engine.fhir.read(_in_query(app), None),
    "the query of a search": _in_query_of_search,
    "the header and the query": lambda app, token: app.engine.fhir.read(_in_query(app), token),
    "the scheme in lower case": lambda app, token: app.engine.fhir.send("GET", path(app), token, scheme="bearer"),
}
"""Places in which a good token travels."""

RIGHT_WAYS = ("the scheme in lower case",)
"""The ways that a server has to take."""

SCHEMES: Mapping[str, Callable[[App, str], Exchange]] = {
    "the scheme Basic": lambda app, token: _with_header(app, f"Basic {token}"),
    "the scheme Token": lambda app, token: _with_header(app, f"Token {token}"),
    "no scheme": _with_header,
}
"""A good token in ``Authorization`` under something else than ``Bearer``."""


def sent(app: App, way: str) -> Exchange:
    """The read with a good token, sent in the way that the words name."""
    answer = _beside_good(app, way, lambda: {**WAYS, **SCHEMES}[way](app, app.grant().access_token))
    if way not in RIGHT_WAYS:
        require_closed(app, answer)
    if way == "the header and the query" and discloses(answer.answer) and not discloses(sent(app, "the query alone").answer):
        raise NotApplicable("the server takes no token from the query, so there was one token that it looked at")
    return answer


def _claims(part: str) -> dict[str, object] | None:
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _encoded(value: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
