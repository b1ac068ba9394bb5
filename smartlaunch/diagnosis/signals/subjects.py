"""Small pure predicates: each looks at one aspect of the material and says what it sees.

A signal is a name that rules refer to, with the sentence that shows it. Names that begin with ``says:`` are statements of a server or
browser, translated from its own wording by ``phrases.toml`` and the vendor files, so that rules know no vendor's spelling.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.inputs.weblinks import difference, host_of, tenant_of
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.model import Evidence
from smartlaunch.diagnosis.scopes import Kind
from smartlaunch.diagnosis.vendor import Vendor

MAX_ASSERTION_S = 300
CLOCK_LIMIT_S = 60
LATE_CODE_S = 60
LONG_URL = 6000
_GUID = re.compile(r"^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing seen; ``values`` fill the places in a rule's text."""

    name: str
    evidence: Evidence
    values: tuple[tuple[str, str], ...] = ()


Predicate = Callable[[Material, Vendor], Iterator[Signal]]
_ALL: list[Predicate] = []


def predicate(function: Predicate) -> Predicate:
    """Add a predicate to those that ``observe`` runs."""
    _ALL.append(function)
    return function


def observe(m: Material, vendor: Vendor) -> dict[str, Signal]:
    """Everything the predicates see; the first sighting of a name counts."""
    found: dict[str, Signal] = {}
    for look in _ALL:
        for signal in look(m, vendor):
            found.setdefault(signal.name, signal)
    return found


def _saw(name: str, text: str, exchange: str = "", **values: str) -> Signal:
    return Signal(name, Evidence(text, exchange=exchange), tuple(values.items()))


def _list(items: list[str], limit: int = 8) -> str:
    shown = " ".join(items[:limit])
    return shown + (f" and {len(items) - limit} more" if len(items) > limit else "")


@predicate
def stated(m: Material, vendor: Vendor) -> Iterator[Signal]:
    """What the server, the browser or the asker says in words, and which error codes it gives."""
    for urn in m.urns:
        says = vendor.says_of_urn(urn)
        if says:
            yield _saw(f"says:{says}", f"the server names {urn}", m.fact_of.get("urn", ""), urn=urn)
            yield _saw("vendor-urn", f"the server names {urn}", urn=urn)
        else:
            yield _saw("unknown-urn", f"the server names {urn}, which no rule knows", urn=urn)
    for said in m.said:
        for says, words in vendor.says_in(said.text, said.who):
            yield _saw(f"says:{says}", f'{_WHO[said.who]} ({said.where}) says "{words}"', said.exchange, words=words)
            if (said.who == "server" and said.where != "error") or says in vendor.own_words:
                yield _saw("phrase-in-answer", f'the answer says "{words}"', said.exchange)
    for code in m.errors:
        yield _saw(f"error:{code}", f"the error code is {code}", m.fact_of.get("error", ""))


_WHO = {"server": "the message", "setting": "the description", "asker": "the asker"}


@predicate
def steps(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """Statuses, and the step of the flow that failed."""
    for step, status in m.statuses.items():
        if status >= 400:
            yield _saw(
                f"status:{status}",
                f"the {'answer' if step == 'any' else step + ' answer'} has status {status}",
                m.fact_of.get(f"status.{step}", ""),
            )
            yield _saw(f"{step}-status:{status}", f"{step} answered {status}")
        if status >= 500:
            yield _saw("status:5xx", f"the server answered {status}", m.fact_of.get(f"status.{step}", ""), status=str(status))
    if m.fhir and (m.statuses.get("fhir") or m.statuses.get("any")) in (401, 403):
        yield _saw("fhir-refused", f"the FHIR request was answered {m.status}")
    token_error = {"invalid_client", "invalid_grant", "unsupported_grant_type"} & set(m.errors)
    if (m.token_url or m.grant_type or token_error) and not m.fhir:
        yield _saw("at-token-endpoint", "the failing request went to the token endpoint")
    if m.facts.get("body_is_text") and not m.errors and not m.urns:
        yield _saw("answer-not-oauth", "the answer is plain text without an OAuth error code")
    if m.facts.get("no_redirect"):
        yield _saw("no-redirect", "the browser was never sent back to the app")


@predicate
def setting(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """Kind of app, kind of launch, kind of client."""
    app = m.app_type
    system = app == "system" or m.grant_type == "client_credentials"
    if system:
        yield _saw("is-system", "the app is a system app that uses client_credentials" if m.grant_type else "the app is a system app")
    if m.grant_type:
        yield _saw(f"grant:{m.grant_type}", f"the token request uses grant_type {m.grant_type}")
    if m.persona == "provider" or app == "provider":
        yield _saw("is-provider", "the app or the persona is provider")
    if m.persona and app in ("patient", "provider") and m.persona in ("patient", "provider") and m.persona != app:
        yield _saw(
            "persona-differs", f"the app is of type {app}, the authorize path is of persona {m.persona}", persona=m.persona, app_type=app
        )
    if m.privacy:
        yield _saw(f"is-{m.privacy}", f"the client is {m.privacy}")
    if m.access_type:
        yield _saw(f"access-{m.access_type}", f"the registration's type of access is {m.access_type}")
    kind = m.launch_type.lower()
    if re.search(r"\behr\b|console|portal|powerchart|mpage|embedded|iframe|hyperspace|within the ehr", kind) and not kind.startswith(
        "standalone"
    ):
        yield _saw("is-ehr-launch", f"the launch is an EHR launch ({m.launch_type[:80]})")
    elif "standalone" in kind:
        yield _saw("is-standalone", "the launch is standalone")
    if re.search(r"\bi-?frames?\b|\bframed?\b|embedded|within the ehr user interface|powerchart|hyperspace", kind) or m.facts.get("frame"):
        yield _saw("in-frame", "the app runs inside a frame or an embedded browser", m.fact_of.get("frame", ""))
    if (m.launch_uri or m.redirect_sent).startswith("http://"):
        yield _saw("plain-http-app", f"the app is served over plain http ({host_of(m.launch_uri or m.redirect_sent)})")


@predicate
def requested_scopes(m: Material, vendor: Vendor) -> Iterator[Signal]:
    """What stands in the scope list that the app asked for."""
    if m.requested is None:
        return
    asked = m.requested
    names = {"launch": "requested-launch", "launch/patient": "requested-launch-patient", "offline_access": "requested-offline"}
    for scope in asked.items:
        if scope in names:
            yield _saw(names[scope], f"{scope} was requested")
    if wild := [s for s in asked.items if scopes.is_wildcard(s)]:
        yield _saw("requested-wildcard", f"wildcard scopes were requested: {_list(wild)}", wildcards=_list(wild))
    if bad := _ill_formed(asked, vendor):
        yield _saw(
            "requested-ill-formed", f"scopes outside the grammar of SMART 1 and 2 were requested: {_list(bad)}", ill_formed=_list(bad)
        )
    if asked.comma:
        yield _saw("requested-comma", "the scopes are separated by commas")
    contexts = {scopes.context_of(s) for s in asked.resources} - {""}
    if "system" in contexts and len(contexts) > 1:
        yield _saw("requested-mixed-contexts", f"scopes of several contexts were requested together: {', '.join(sorted(contexts))}")
    system = m.app_type == "system" or m.grant_type == "client_credentials"
    person = [s for s in asked.items if scopes.context_of(s) in ("patient", "user") or s.startswith("launch")]
    if system and person:
        yield _saw(
            "system-asks-person-scopes",
            f"a system app asked for scopes of a person or a launch: {_list(person)}",
            person_scopes=_list(person),
        )
    if "patient" in contexts and not any(s.startswith("launch") for s in asked.items) and asked.whole:
        yield _saw("patient-scopes-without-launch-scope", "patient/ scopes were requested, but neither launch nor launch/patient")
    if asked.items and asked.whole and "offline_access" not in asked and "online_access" not in asked:
        yield _saw("no-refresh-scope-requested", "neither offline_access nor online_access was requested")
    if asked.items and asked.whole and "openid" in asked and "fhirUser" not in asked and "profile" not in asked:
        yield _saw("openid-without-fhiruser", "openid was requested without fhirUser")
    version = _version_of(m, asked)
    if version:
        yield _saw(f"requested-only-{version}", f"the resource scopes asked for are all in the {version} form")
        if m.smart_version and m.smart_version != version:
            yield _saw(
                "version-differs",
                f"the app is registered for SMART {m.smart_version}, the scopes asked for are {version}",
                registered=m.smart_version,
                asked=version,
            )
    if len(_authorize_length(m)) and int(_authorize_length(m)) > LONG_URL:
        yield _saw("very-long-request", f"the authorization request is {_authorize_length(m)} characters long")


def _authorize_length(m: Material) -> str:
    return str(len(m.authorize_url)) if m.authorize_url else ""


def _ill_formed(asked: scopes.ScopeList, vendor: Vendor) -> list[str]:
    return [s for s in asked.of(Kind.ILL_FORMED) if not (scopes.is_dotted(s) and "dotted-scopes" in vendor.traits)]


def _version_of(m: Material, asked: scopes.ScopeList) -> str:
    """The one SMART version all plain resource scopes are written in, or an empty string."""
    v1, v2 = asked.of(Kind.V1), asked.of(Kind.V2)
    if not v1 and not v2:
        text = next((s.text for s in m.said if s.where == "requested_scopes"), "")
        if re.search(r"\bv1\b", text) and not re.search(r"\bv2\b", text):
            return "v1"
        return "v2" if re.search(r"\bv2\b", text) and not re.search(r"\bv1\b", text) else ""
    return "v1" if not v2 else "v2" if not v1 else ""


def dropped(m: Material) -> list[str] | None:
    """Requested scopes that were not granted, or None when the lists do not tell."""
    if m.requested is None or m.granted is None:
        return None
    absent = [s for s in m.requested.items if s in m.granted.absent or any(a.startswith(".") and s.endswith(a) for a in m.granted.absent)]
    absent += [s for s in m.requested.items if scopes.resource_of(s) and scopes.resource_of(s) in m.granted.absent and s not in absent]
    if not m.granted.items:
        return absent or None
    if m.granted.whole and not m.granted.verbs:
        absent += [s for s in m.requested.items if s not in m.granted and s not in absent and not _covered(s, m.granted)]
    return absent


def _covered(scope: str, granted: scopes.ScopeList) -> bool:
    """Whether another spelling in the grant gives the same, as ``patient/Patient.rs`` for ``patient/Patient.read``."""
    resource, rights = scopes.resource_of(scope), set(scopes.rights_of(scope))
    if not resource or not rights or scopes.kind_of(scope) not in (Kind.V1, Kind.V2):
        return False
    have = {
        r
        for g in granted.resources
        if scopes.resource_of(g) in (resource, "*") and scopes.context_of(g) == scopes.context_of(scope)
        for r in scopes.rights_of(g)
    }
    return rights <= have


@predicate
def granted_scopes(m: Material, vendor: Vendor) -> Iterator[Signal]:
    """What became of the scopes on the way to the grant."""
    lost = dropped(m)
    if m.granted is not None and m.granted.whole and m.granted.items and not m.granted.resources and not m.granted.verbs:
        yield _saw(
            "granted-no-resource", f"no resource scope was granted, only {_list(list(m.granted.items))}", m.fact_of.get("scope_granted", "")
        )
    if m.granted is not None and "offline_access" in m.granted.absent and "offline_access" not in (lost or []):
        yield _saw("dropped-offline", "offline_access was not granted")
    if not lost or m.requested is None or m.granted is None:
        return
    at = m.fact_of.get("scope_granted", "")
    yield _saw("dropped-any", f"requested but not granted: {_list(lost)}", at, dropped=_list(lost))
    lost_resources = [s for s in lost if scopes.is_resource(s)]
    well_formed = [s for s in lost_resources if s not in _ill_formed(m.requested, vendor)]
    wild = [s for s in lost_resources if scopes.is_wildcard(s)]
    plain = [s for s in well_formed if s not in wild]
    kept = m.granted.resources or list(m.granted.verbs)
    if lost_resources:
        yield _saw("dropped-resource", f"resource scopes were not granted: {_list(lost_resources)}", at, dropped=_list(lost_resources))
    if wild:
        yield _saw("dropped-wildcard", f"the wildcard scopes {_list(wild)} were not granted", at, wildcards=_list(wild))
        if not plain:
            yield _saw("dropped-only-wildcards", "every resource scope that was lost is a wildcard", at)
    bad = [s for s in lost if s in _ill_formed(m.requested, vendor)]
    if bad:
        yield _saw("dropped-ill-formed", f"scopes outside the grammar were not granted: {_list(bad)}", at, ill_formed=_list(bad))
    if plain and not kept:
        yield _saw("dropped-all-plain", f"all plain resource scopes were lost: {_list(plain)}", at, dropped=_list(plain))
        version = _version_of(m, scopes.ScopeList(tuple(plain)))
        if version:
            yield _saw(
                f"dropped-all-{version}",
                f"everything that was lost is in the {version} form, and no resource scope is left",
                at,
                asked=version,
            )
    if plain and kept:
        kinds_kept = {scopes.kind_of(s) for s in m.granted.resources}
        same = [s for s in plain if not kinds_kept or scopes.kind_of(s) in kinds_kept]
        if same:
            yield _saw("dropped-some-plain", f"scopes of the same form as granted ones were lost: {_list(same)}", at, dropped=_list(same))
        other = [s for s in plain if kinds_kept and scopes.kind_of(s) not in kinds_kept]
        if other and not same:
            yield _saw(
                "dropped-other-version", f"only scopes of the other SMART version were lost: {_list(other)}", at, dropped=_list(other)
            )
    for scope, name in (
        ("offline_access", "dropped-offline"),
        ("online_access", "dropped-online"),
        ("openid", "dropped-openid"),
        ("launch/patient", "dropped-launch-patient"),
        ("launch", "dropped-launch"),
        ("fhirUser", "dropped-fhiruser"),
    ):
        if scope in lost:
            yield _saw(name, f"{scope} was requested and not granted", at)


@predicate
def registered_scopes(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """The request against the registration."""
    if m.registered is None or m.requested is None or not m.registered.items:
        return
    outside = [s for s in m.requested.items if s not in m.registered]
    if outside:
        yield _saw("requested-not-registered", f"requested but not registered: {_list(outside)}", not_registered=_list(outside))
    elif m.registered.whole:
        yield _saw("requested-all-registered", "every requested scope is registered")
    lost = dropped(m) or []
    held = [s for s in lost if s in m.registered]
    if held:
        yield _saw("dropped-though-registered", f"registered, requested and still not granted: {_list(held)}", dropped=_list(held))


@predicate
def redirects(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """The redirect URI against the registered ones, and against the one of the token request."""
    if m.redirect_sent and m.redirect_registered:
        if m.redirect_sent in m.redirect_registered:
            yield _saw("redirect-registered", "the redirect URI sent is registered, character by character")
        else:
            kind, words = min((difference(m.redirect_sent, r) for r in m.redirect_registered), key=lambda d: _NEARNESS.index(d[0]))
            yield _saw("redirect-differs", f"the redirect URI sent is not registered: {words}", redirect_difference=words)
            yield _saw(f"redirect-differs-{kind}", words)
    if m.redirect_sent and m.redirect_at_token and m.redirect_sent != m.redirect_at_token:
        yield _saw(
            "redirect-token-differs",
            f"authorize and token request differ: {difference(m.redirect_at_token, m.redirect_sent)[1]}",
            redirect_difference=difference(m.redirect_at_token, m.redirect_sent)[1],
        )
    if m.facts.get("redirect_uri_equal") is False:
        yield _saw(
            "redirect-token-differs",
            "the redirect URI of the token request is not the one of the authorization request",
            m.fact_of.get("redirect_uri_equal", ""),
            redirect_difference="the two requests name different redirect URIs",
        )
    if m.redirect_sent:
        yield _saw("redirect-known", "the redirect URI sent is known")
        if re.match(r"^[a-z][a-z0-9+.-]*://$", m.redirect_sent) or not re.match(r"^[A-Za-z][A-Za-z0-9+.-]*:", m.redirect_sent):
            yield _saw("redirect-not-absolute", f"the redirect URI {m.redirect_sent} is not absolute")


_NEARNESS = ["trailing-slash", "encoding", "case", "port", "scheme", "query", "path", "host", "form", ""]


@predicate
def clients(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """Whether the client that the server saw is the one that was meant."""
    seen = m.client_id_in_error
    own = m.client_id_registered or m.client_id
    if seen and seen.lower() == "unknown":
        yield _saw("client-not-recognised", "the server did not get as far as recognising the client (client=unknown)")
    elif seen and own and _GUID.match(own) and seen != own:
        yield _saw("client-differs", f"the server saw client {seen}, the app is registered as {own}", seen=seen, own=own)
    elif m.client_id and m.client_id_registered and m.client_id != m.client_id_registered:
        yield _saw(
            "client-differs",
            f"the request names client {m.client_id}, the app is registered as {m.client_id_registered}",
            seen=m.client_id,
            own=m.client_id_registered,
        )
    if m.app_id and m.app_id in (seen, m.client_id):
        yield _saw("app-id-as-client", "the id sent as client_id is the App ID of the registration", app_id=m.app_id)
    if m.facts.get("client_id_equal") is False:
        yield _saw(
            "client-differs-between-steps",
            "the token request names another client than the authorization request",
            m.fact_of.get("client_id_equal", ""),
        )


@predicate
def tenants(m: Material, vendor: Vendor) -> Iterator[Signal]:
    """Tenants in the URLs against each other and against the form that the vendor uses."""
    places = {"authorize URL": m.authorize_url, "token endpoint": m.token_url, "aud": m.aud, "FHIR base": m.fhir_base}
    found = {where: tenant_of(url) for where, url in places.items() if url and tenant_of(url)}
    found |= {"error": str(m.facts["tenant_in_error"])} if m.facts.get("tenant_in_error") else {}
    if "uuid-tenants" in vendor.traits:
        for where, tenant in found.items():
            if not _GUID.match(tenant) and len(tenant) != 32 and "{" not in tenant and not tenant.startswith("<"):
                yield _saw("tenant-malformed", f"the tenant in the {where} is no UUID: {tenant} ({len(tenant)} characters)", tenant=tenant)
    whole = {where: t for where, t in found.items() if "{" not in t and not t.startswith("<")}
    if len({t.lower() for t in whole.values()}) > 1:
        words = ", ".join(f"{where} {tenant}" for where, tenant in sorted(whole.items()))
        yield _saw("tenants-differ", f"different tenants are named: {words}", tenants=words)
    hosts = [host_of(u) for u in (m.authorize_url, m.token_url) if u]
    base = host_of(m.aud or m.fhir_base or m.discovery_base)
    for pattern, tenant in vendor.host_tenants:
        for host in hosts:
            if re.search(pattern, host) and any(t == tenant for t in found.values()):
                yield _saw("wrong-authorization-host", f"{host} does not serve tenant {tenant}", host=host)
    if hosts and base and vendor.environments:
        env = {name for name, pattern in vendor.environments for h in [hosts[0]] if re.search(pattern, h)}
        env_base = {name for name, pattern in vendor.environments if re.search(pattern, base)}
        if env and env_base and not env & env_base:
            yield _saw("environments-differ", f"{hosts[0]} and {base} belong to different environments", host=hosts[0])


@predicate
def endpoints(m: Material, vendor: Vendor) -> Iterator[Signal]:
    """Endpoints that cannot be right."""
    for url in (m.authorize_url, m.token_url):
        for pattern, words in vendor.bad_paths:
            if re.search(pattern, url):
                yield _saw("endpoint-does-not-exist", words)
    if m.facts.get("endpoint_as_discovered") is False:
        yield _saw(
            "endpoint-not-discovered",
            "the authorization endpoint used is not the one in the SMART configuration",
            m.fact_of.get("endpoint_as_discovered", ""),
        )
    base = m.discovery_base or m.fhir_base
    if base:
        for pattern, words in vendor.open_hosts:
            if re.search(pattern, host_of(base)):
                yield _saw("open-host", words)
    if m.statuses.get("authorize") == 404 or (m.statuses.get("any") == 404 and m.authorize_url and not m.fhir):
        yield _saw("authorize-404", "the authorize URL answers 404")
    if m.statuses.get("token") == 404 or (m.statuses.get("any") == 404 and m.token_url and not m.fhir and not m.authorize_url):
        yield _saw("token-404", "the token URL answers 404")
    if m.statuses.get("discovery", 0) >= 400 or (m.facts.get("discovery_request") and m.statuses.get("any", 0) >= 400):
        yield _saw(
            "discovery-failed",
            f"the discovery document was answered {m.statuses.get('discovery') or m.statuses.get('any')}",
            m.fact_of.get("status.discovery", ""),
        )
    base_path = re.sub(r"^https?://[^/]+", "", base or "").strip("/")
    if base and not base_path and (m.statuses.get("discovery", 0) >= 400 or m.facts.get("discovery_request")):
        yield _saw("discovery-at-root", "the document was asked for at the root of the host, not under a FHIR base URL")
    if m.facts.get("discovery_html"):
        yield _saw("discovery-failed", "the discovery document is a web page, not JSON", m.fact_of.get("discovery_html", ""))


@predicate
def audience(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """The aud parameter against the FHIR base."""
    if m.aud:
        yield _saw("aud-known", f"aud was {m.aud}")
    if m.facts.get("aud_present") is False:
        yield _saw("aud-missing", "the authorization request has no aud")
        if {"invalid_request", "access_denied"} & set(m.errors) and not m.urns:
            yield _saw("refused-without-aud", "the authorization request was refused and has no aud")
    base = m.fhir_base
    if m.aud and base and m.aud != base:
        if m.aud.rstrip("/") == base.rstrip("/"):
            yield _saw("aud-slash", "aud and FHIR base differ by a slash at the end")
        else:
            words = difference(m.aud, base)[1].replace("sent", "aud", 1).replace("registered", "FHIR base", 1)
            yield _saw("aud-differs", f"aud is not the FHIR base: {words}", aud=m.aud, base=base)
    elif m.facts.get("aud_slash_differs"):
        yield _saw("aud-slash", "aud and FHIR base differ by a slash at the end", m.fact_of.get("aud_slash_differs", ""))
    elif m.facts.get("aud_equals_base") is False:
        yield _saw(
            "aud-differs",
            "aud is not the FHIR base the app was launched with",
            m.fact_of.get("aud_equals_base", ""),
            aud=m.aud,
            base="the FHIR base of the launch",
        )


@predicate
def pkce(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """Verifier and challenge."""
    f, at = m.facts, m.fact_of
    if f.get("verifier_unreserved") is False:
        yield _saw("verifier-ill-formed", "the code verifier has characters outside A-Z a-z 0-9 - . _ ~", at.get("verifier_unreserved", ""))
    if f.get("code_challenge_base64url") is False:
        yield _saw("challenge-ill-formed", "the code challenge is not base64url", at.get("code_challenge_base64url", ""))
    if isinstance(f.get("verifier_length"), int) and not 43 <= f["verifier_length"] <= 128:
        yield _saw(
            "verifier-length",
            f"the code verifier has {f['verifier_length']} characters, 43 to 128 are allowed",
            at.get("verifier_length", ""),
        )
    if f.get("verifier_matches_challenge") is False:
        padded = f.get("verifier_match_unpadded")
        name = "verifier-padded" if padded else "verifier-mismatch"
        yield _saw(
            name,
            "the code verifier does not hash to the code challenge" + (", except for the padding or alphabet" if padded else ""),
            at.get("verifier_matches_challenge", ""),
        )
    if f.get("verifier_present") is False and m.grant_type in ("authorization_code", ""):
        yield _saw("verifier-missing", "the token request has no code_verifier", at.get("verifier_present", ""))
        if m.granted is None and (m.status in (400, 401) or {"invalid_grant", "invalid_request"} & set(m.errors)):
            yield _saw("unverified-refusal", "the token request was refused and has no code_verifier", at.get("verifier_present", ""))
        if f.get("challenge_sent"):
            yield _saw("verifier-missing-after-challenge", "a code challenge was sent, a verifier was not", at.get("verifier_present", ""))
    if f.get("verifier_present") and f.get("challenge_sent") is False:
        yield _saw("challenge-missing-before-verifier", "a code verifier was sent, a challenge was not", at.get("challenge_sent", ""))
    if f.get("code_challenge_method") == "S256" and f.get("code_challenge_base64url") and f.get("code_challenge_present"):
        yield _saw("challenge-right", "the code challenge is an S256 one in base64url", at.get("code_challenge_method", ""))
    if f.get("code_challenge_present") is False:
        yield _saw("challenge-missing", "the authorization request has no code_challenge", at.get("code_challenge_present", ""))
    if f.get("code_challenge_method") == "plain":
        yield _saw("challenge-plain", "the code challenge method is plain", at.get("code_challenge_method", ""))


@predicate
def authentication(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """How the client showed who it is."""
    f, at = m.facts, m.fact_of
    if m.client_auth:
        yield _saw(f"auth:{m.client_auth.replace(' ', '-')}", f"the client authenticated by {m.client_auth}", at.get("client_auth", ""))
    if m.client_auth == "authorization bearer":
        yield _saw("bearer-at-token-endpoint", "the token request carries Authorization: Bearer", at.get("client_auth", ""))
    if f.get("basic_percent_encoded"):
        yield _saw(
            "basic-percent-encoded",
            "id and secret were percent-encoded before they went into the Basic header",
            at.get("basic_percent_encoded", ""),
        )
    if f.get("basic_well_formed") is False:
        yield _saw("basic-malformed", "the Basic header is not base64 of id:secret", at.get("basic_well_formed", ""))
    if f.get("secret_empty") or f.get("basic_secret_empty"):
        yield _saw("secret-empty", "the client secret sent is empty")
    unauthenticated = f.get("auth_missing") or m.client_auth == "none"
    if unauthenticated and m.privacy == "confidential":
        yield _saw("confidential-without-auth", "a confidential client sent no authentication", at.get("client_auth", ""))
    if m.privacy == "public" and m.client_auth in ("client_secret_basic", "client_secret_post") and not f.get("secret_empty"):
        yield _saw("public-with-secret", "a public client sent a secret or a Basic header")
    if m.grant_type == "refresh_token" and unauthenticated and m.privacy != "public":
        yield _saw("refresh-without-auth", "the refresh request carries no client authentication", at.get("client_auth", ""))
    if m.grant_type == "refresh_token" and m.privacy == "public" and f.get("client_id_at_token") is False:
        yield _saw("refresh-without-client-id", "the refresh request of a public client names no client_id")
    if f.get("token_content_type") == "json":
        yield _saw("token-request-json", "the token request was sent as JSON, not form-encoded")
    if f.get("token_method") == "GET":
        yield _saw("token-request-get", "the token request was sent with GET")


@predicate
def assertions(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """The client assertion, as far as its header and claims show faults."""
    f, at = m.facts, m.fact_of
    seen = f.get("assertion") or {}
    header, faults = seen.get("header", {}), []
    if f.get("assertion_iss_equals_sub") is False:
        faults.append("iss and sub are not both the client id")
    if f.get("assertion_aud_equals_token_endpoint") is False:
        faults.append("aud is not the URL of the token endpoint")
    life = f.get("assertion_lifetime_s")
    if isinstance(life, (int, float)) and life > MAX_ASSERTION_S:
        faults.append(f"it lives {life:.0f} s, at most {MAX_ASSERTION_S} are allowed")
    if f.get("assertion_expired") or (isinstance(life, (int, float)) and life <= 0):
        faults.append("it had expired when it was sent")
    age = f.get("assertion_age_s")
    if isinstance(age, (int, float)) and age < -CLOCK_LIMIT_S:
        faults.append("its iat lies in the future")
    if f.get("assertion_jti_reused"):
        faults.append("its jti was used before")
    if seen.get("jti_present") is False:
        faults.append("it has no jti")
    if header.get("alg") and header["alg"] not in ("RS384", "ES384", "RS256", "ES256", "PS384", "RS512", "ES512", "PS256"):
        faults.append(f"its algorithm {header['alg']} is not an asymmetric one")
    if header and "kid" not in header and seen.get("claims"):
        faults.append("its header has no kid")
    if faults:
        yield _saw(
            "assertion-faulty", "the client assertion is faulty: " + "; ".join(faults), at.get("assertion", ""), faults="; ".join(faults)
        )
    elif f.get("assertion_iss_equals_sub") and isinstance(life, (int, float)):
        yield _saw("assertion-well-formed", "the claims of the client assertion are as they must be", at.get("assertion", ""))
    offset = f.get("clock_offset_s")
    if isinstance(offset, (int, float)) and abs(offset) >= CLOCK_LIMIT_S:
        yield _saw(
            "clock-skew",
            f"the clocks of client and server are {abs(offset):.0f} s apart",
            at.get("clock_offset_s", ""),
            offset=f"{abs(offset):.0f}",
        )


@predicate
def launch(m: Material, vendor: Vendor) -> Iterator[Signal]:
    """The launch value and what it has to do with the scopes."""
    f, at = m.facts, m.fact_of
    asked = m.requested
    if m.launch_value == "" and asked is not None and "launch" in asked:
        yield _saw("launch-scope-without-value", "the launch scope was requested without a launch value", at.get("launch_present", ""))
    if m.launch_value and asked is not None and asked.whole and "launch" not in asked:
        yield _saw("launch-value-without-scope", "a launch value was sent without the launch scope", at.get("launch_present", ""))
    if f.get("launch_equal") is False:
        yield _saw("launch-value-invented", "the launch value sent is not the one the EHR gave", at.get("launch_equal", ""))
    if f.get("launch_reused"):
        yield _saw("launch-value-reused", "the launch value was used in an earlier authorization request", at.get("launch_reused", ""))
    if f.get("launch_opened_bare"):
        yield _saw("opened-without-iss", "the launch URL was opened without iss and launch", at.get("launch_opened_bare", ""))
    if m.launch_uri and m.source == "url" and "iss" not in f:
        yield _saw("opened-without-iss", "the URL has no iss")
    if re.search(r"\b404\b|not found|refused to connect|cannot get\b", m.launch_uri, re.IGNORECASE):
        yield _saw("launch-page-missing", f"the launch URI does not answer: {m.launch_uri[:120]}")
    for pattern, because in vendor.bad_launches:
        if re.search(pattern, m.launch_uri):
            yield _saw("launch-link-malformed", because, because=because)
    context = f.get("context")
    wants = asked is not None and any(s in ("launch", "launch/patient") or scopes.context_of(s) == "patient" for s in asked.items)
    if isinstance(context, list) and "patient" not in context and f.get("token_issued") and wants:
        yield _saw("token-without-patient", "the token answer names no patient", at.get("context", ""))


@predicate
def lifetimes(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """Codes and tokens against the clock."""
    f, at = m.facts, m.fact_of
    if f.get("code_reused"):
        yield _saw("code-reused", "the code was sent a second time", at.get("code_reused", ""))
    late = f.get("seconds_since_code")
    if isinstance(late, (int, float)) and late > LATE_CODE_S:
        yield _saw(
            "code-late", f"the code was exchanged {late:.0f} s after it was given", at.get("seconds_since_code", ""), seconds=f"{late:.0f}"
        )
    age, life = f.get("token_age_s"), f.get("expires_in")
    if f.get("token_expired") or (isinstance(age, (int, float)) and isinstance(life, (int, float)) and age >= life):
        yield _saw(
            "token-expired",
            f"the access token was {age:.0f} s old and lives {life:.0f} s"
            if isinstance(age, (int, float)) and isinstance(life, (int, float))
            else "the access token had expired",
            at.get("token_expired", ""),
        )
    elif isinstance(age, (int, float)) and isinstance(life, (int, float)):
        yield _saw("token-fresh", f"the access token was {age:.0f} s old and lives {life:.0f} s", at.get("token_age_s", ""))
    if f.get("refresh_token_present") is False and f.get("token_issued"):
        yield _saw("no-refresh-token", "the token answer has no refresh token")


@predicate
def fhir(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """The FHIR request against the grant."""
    f, at = m.facts, m.fact_of
    bad = [c for c in m.fhir if c.status in (0, 401, 403)]
    if f.get("bearer_kind") == "client_assertion" or f.get("bearer_looks_like_assertion"):
        yield _saw(
            "assertion-as-bearer",
            "the bearer token of the FHIR request is a client assertion, not an access token",
            at.get("bearer_kind", "") or at.get("bearer_looks_like_assertion", ""),
        )
    elif f.get("bearer_kind") in ("id_token", "refresh_token", "code"):
        yield _saw(
            "wrong-bearer",
            f"the bearer token of the FHIR request is the {f['bearer_kind']}",
            at.get("bearer_kind", ""),
            kind=str(f["bearer_kind"]),
        )
    if m.fhir and f.get("bearer_kind") == "access_token" and f.get("token_expired") is False:
        yield _saw("fresh-own-token", "the bearer token is the access token of this flow, whole and in time", at.get("bearer_kind", ""))
    if m.fhir and f.get("bearer_present") is False:
        yield _saw("bearer-missing", "the FHIR request has no Authorization: Bearer", at.get("bearer_present", ""))
    header = r"missing .{0,3}authorization.{0,3} header|no authorization header|authorization header (?:is )?(?:missing|required)"
    if m.fhir and any(re.search(header, said.text, re.IGNORECASE) for said in m.texts("server")):
        yield _saw("fhir-header-missing", "the FHIR server says that the Authorization header is missing")
    if f.get("fhir_base_equal") is False:
        yield _saw("other-fhir-base", "the FHIR request went to another base than the app was launched with", at.get("fhir_base_equal", ""))
    if m.granted is None or not bad:
        return
    for call in bad:
        if not call.resource:
            continue
        covered = scopes.covers(m.granted.items, call.resource, call.interaction)
        name = "fhir-covered" if covered else "fhir-not-covered"
        if covered or (m.granted.whole and m.granted.items):
            yield _saw(
                name,
                f"{call.resource} {call.interaction or 'read'} is {'covered' if covered else 'not covered'} by the scopes granted",
                call.exchange,
                resource=call.resource,
            )
        if call.interaction == "search" and not covered and scopes.covers(m.granted.items, call.resource, "read"):
            yield _saw(
                "search-with-r-only",
                f"the grant allows reading {call.resource} by id, not searching",
                call.exchange,
                resource=call.resource,
            )


@predicate
def sessions(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """State, cookies and who is signed in."""
    f, at = m.facts, m.fact_of
    if f.get("state_returned") is False and f.get("state_present"):
        yield _saw("state-not-returned", "the server did not send the state back", at.get("state_returned", ""))
    elif f.get("state_returned_equal") is False and f.get("state_present", True):
        yield _saw("state-changed", "the state that came back is not the one sent", at.get("state_returned_equal", ""))
    if f.get("cookie_lost"):
        yield _saw("cookie-lost", "the app's session cookie set at the launch was not sent to the redirect URI", at.get("cookie_lost", ""))
    if f.get("third_party_cookie"):
        yield _saw(
            "third-party-cookie",
            "the app sets its session cookie in a frame without SameSite=None; Secure",
            at.get("third_party_cookie", ""),
        )
    if f.get("frame_refused"):
        yield _saw("frame-refused", "a page answered in a frame forbids being framed", at.get("frame_refused", ""))


@predicate
def cross_origin(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """What a browser kept from the app."""
    f, at = m.facts, m.fact_of
    if f.get("cors_wildcard_with_credentials"):
        yield _saw(
            "cors-credentials",
            "a request with cookies was answered with Access-Control-Allow-Origin: *",
            at.get("cors_wildcard_with_credentials", ""),
        )
    if f.get("cors_missing"):
        yield _saw(
            "cors-missing",
            f"the {f['cors_missing']} answer to a cross-origin request has no Access-Control-Allow-Origin",
            at.get("cors_missing", ""),
        )
    if f.get("cors_other_origin"):
        yield _saw("cors-other-origin", "the answer allows another origin than the one that asked", at.get("cors_other_origin", ""))
    if f.get("from_browser"):
        yield _saw("from-browser", "the request was made by a script in a browser")


@predicate
def server_faults(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """Messages that break a rule whatever the client did."""
    f, at = m.facts, m.fact_of
    if f.get("id_token_issuer_differs"):
        yield _saw(
            "id-token-issuer-differs",
            "the iss claim of the ID Token is not the issuer that was discovered",
            at.get("id_token_issuer_differs", ""),
        )
    if f.get("token_without_scope"):
        yield _saw("token-without-scope", "the token answer has no scope", at.get("token_without_scope", ""))
    if f.get("token_not_json"):
        yield _saw("token-not-json", "the token answer is not JSON", at.get("token_not_json", ""))
    if f.get("unreachable"):
        yield _saw("unreachable", f"no answer came: {f['unreachable']}", at.get("unreachable", ""))
