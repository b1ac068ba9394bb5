"""Authorization requests with scopes of one kind, and what was granted for them (SMART 2.2 "Scopes", RFC 6749 section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smartlaunch.checks.fhir_answer import disclosed
from smartlaunch.client.http import answered
from smartlaunch.errors import Blocked, NotApplicable, NotConfigured, TwinFailed
from smartlaunch.oauth import scopes as words
from smartlaunch.probes import authorization
from smartlaunch.probes.fhir_access import categories, granted, grants, patients, requests, samples
from smartlaunch.probes.registered import line_for

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Attempt, Grant
    from smartlaunch.probes.fhir_access.requests import Trial

UNKNOWN = {
    "a name that nobody knows": "conformance_scope_that_nobody_knows",
    "a level that does not exist": "group/Patient.rs",
    "interactions that do not exist": "patient/Patient.xyz",
    "the level system": "system/Patient.rs",
    "a quotation mark": 'patient/Patient.rs"',
    "a backslash": "patient\\Patient.rs",
}
"""Scopes that no app with a user can be granted."""

_BULK = 40


@dataclass(frozen=True)
class Asked:
    """A request for scopes and what came of it."""

    attempt: Attempt
    requested: tuple[str, ...]
    unknown: str = ""

    @property
    def refused(self) -> bool:
        """Whether no access token came."""
        return not self.attempt.succeeded

    @property
    def error(self) -> str:
        """The error code of the refusal, from the authorization endpoint or the token endpoint."""
        token = self.attempt.token
        return token.error if token is not None else self.attempt.authorization.error

    @property
    def granted(self) -> list[str]:
        """The scopes granted; those asked for when the answer has no ``scope``."""
        token = self.attempt.token
        if token is None or not token.succeeded:
            return []
        return token.scopes if "scope" in token.body else list(self.requested)

    @property
    def lacking(self) -> list[str]:
        """The scopes asked for that neither ``scope`` nor what came shows as granted."""
        token = self.attempt.token
        return [scope for scope in words.missing(self.requested, self.granted) if token is None or not token.brings(scope)]

    @property
    def exchange(self) -> str:
        """The exchange that shows the answer."""
        return self.attempt.exchange

    def describe(self) -> str:
        """One sentence on what came."""
        if self.refused:
            return self.attempt.describe()
        return f"a token for {' '.join(self.granted) or 'no scope'}"


def _asked(app: App, key: str, requested: Sequence[str] | None, unknown: str = "") -> Asked:
    app.grant()
    attempt = app.once(f"scopes {key}", lambda: grants.attempt(app, requested, doubtful=True))
    if attempt.token is not None:
        answered(attempt.token.exchange)
    return Asked(attempt, tuple(requested or ()), unknown)


# -- scopes that cannot be granted ------------------------------------------------------------------------------------------------


def unknown_among_known(app: App, label: str) -> Asked:
    """A right request with one scope more that no server can grant."""
    plain = [s for s in app.scopes if s not in words.REFRESH]
    return _asked(app, f"with {label}", [*plain, UNKNOWN[label]], UNKNOWN[label])


def beyond_registration(app: App) -> Asked:
    """A request of a narrowly registered app for one of this app's scopes; ``NotApplicable`` when nobody says what it may get."""
    narrow = app.other("narrow")
    known = narrow.client.registered.scopes
    if not known:
        raise NotConfigured(
            "the target file does not say what the client with use = 'narrow' is registered for ([registered] scopes)",
            key="[clients.<name>.registered] scopes",
        )
    scope = next((s for s in app.scopes if words.parse(s) and not words.covered(s, known)), "")
    if not scope:
        raise NotConfigured(
            "the app asks for nothing that the client with use = 'narrow' is not registered for", key="[clients.<name>.registered] scopes"
        )
    narrow.grant()
    requested = (*narrow.scopes, scope)
    attempt = narrow.once("scopes beyond registration", lambda: narrow.attempt(scope=requested, doubtful=True))
    if attempt.token is not None:
        answered(attempt.token.exchange)
    return Asked(attempt, requested, scope)


def nothing_but_unknown(app: App) -> Asked:
    """A request of which nothing can be granted."""
    scope = UNKNOWN["a name that nobody knows"]
    return _asked(app, "unknown only", [scope], scope)


def without_scope(app: App) -> Asked:
    """A request without ``scope``."""
    return _asked(app, "none", None)


def with_undefined(app: App, letters: str) -> tuple[Asked, str, list[str]]:
    """A request with interactions that the guide does not define: the answer, the scope, and what is granted without it."""
    level = grants.level(app)
    kind = samples.sample(app).type
    scope = f"{level}/{kind}.{letters}"
    plain = [*grants.base(app, level), grants.scope(app, kind, "rs")]
    usual = _asked(app, "usual", plain)
    if usual.refused:
        raise TwinFailed(f"the same request without the undefined scope got no token: {usual.describe()}")
    return _asked(app, f"undefined {letters}", [*plain, scope], scope), scope, usual.granted


# -- versions of the syntax -------------------------------------------------------------------------------------------------------


def in_version(app: App, version: int) -> Asked:
    """A request for read and search of one type in one version of the syntax; the app's own grant covers it.

    ``NotApplicable`` when the registration is known to be of the other version, or nothing is known of it and the scope was left
    out: servers bind an app to a version when it is registered.
    """
    registered = app.client.registered
    known = registered.smart_version.strip().lower().removeprefix("v")
    if known and not known.startswith(str(version)):
        raise NotApplicable(f"the app is registered for version {known} of the scopes, by the target file")
    scope = grants.scope(app, _kind(app), "rs", in_version=version)
    asked = _asked(app, f"version {version}", [*_base(app), scope])
    if not words.covered(scope, asked.granted) and not known and not words.covered(scope, registered.scopes):
        raise NotConfigured(
            f"the server does not grant {scope} to this app, and the target file does not say what it is registered for; add"
            f" smart_version or scopes to its [registered] to judge this",
            key="[clients.<name>.registered] scopes",
        )
    return asked


def _base(app: App) -> list[str]:
    return grants.base(app, grants.level(app))


def _kind(app: App) -> str:
    """A type with data of the patient; Patient itself where the app's own grant brings none, so that there is a scope to ask for."""
    try:
        return samples.sample(app).type
    except (Blocked, NotApplicable):
        return "Patient"


def in_version_granted(app: App, version: int) -> Grant:
    """The same as a grant that covers what was asked."""
    in_version(app, version)
    return grants.covering(app, [grants.scope(app, _kind(app), "rs", in_version=version)])


def version_requests(app: App, version: int) -> list[Trial]:
    """What the scopes of one version allow, tried."""
    return granted.requests_of(app, in_version_granted(app, version), f"of version {version}")


def with_parameter(app: App) -> Asked:
    """A request for a scope with a search parameter, by an app whose registration covers it."""
    return _registered(app, "with a search parameter", categories.some_scope(app))


def with_wildcard(app: App) -> Asked:
    """A request for a wildcard scope, by an app whose registration covers it."""
    return _registered(app, "with a wildcard", grants.scope(app, "*", "rs"))


def _registered(app: App, key: str, scope: str) -> Asked:
    asked = _asked(app, key, [*_base(app), scope])
    if not words.covered(scope, asked.granted) and not words.covered(scope, app.client.registered.scopes):
        raise NotConfigured(
            f"nothing says that the app is registered for {scope}; add it to scopes of its [registered] to judge this",
            key="[clients.<name>.registered] scopes",
        )
    return asked


# -- levels -----------------------------------------------------------------------------------------------------------------------


def of_level(app: App, level: str) -> tuple[list[str], Grant]:
    """The app's own scopes of one level, and its own grant; ``NotApplicable`` when it asks for none."""
    wanted = [s for s in app.scopes if s.startswith(f"{level}/")]
    if not wanted:
        raise NotConfigured(f"the app asks for no {level}/ scope", key=line_for(f"{level}/<type>.rs"))
    claimed = app.engine.discovery.capabilities
    versions = {number for number in (1, 2) if f"permission-v{number}" in claimed} or {1, 2}
    fitting = [scope for scope in wanted if words.version_of(scope) in versions]
    if not fitting:
        raise NotApplicable(f"the app asks for its {level}/ scopes in a version that the server does not claim")
    grant = app.grant()
    if len(words.missing(fitting, grant.granted)) == len(fitting) and app.launch_kind != "ehr":
        # A session from before may be granted less than a first login; the server supports what any of them is granted.
        grant = app.once(f"first login for {level}", lambda: app.fresh_grant(session=f"{app.client.name}-first-login"))
    return fitting, grant


def level_requests(app: App, level: str) -> list[Trial]:
    """What the granted scopes of one level allow, tried."""
    of_level(app, level)
    trials = [t for t in granted.own_requests(app) if t.scope.startswith(f"{level}/")]
    if not trials:
        raise NotApplicable(f"none of the granted {level}/ scopes can be tried")
    return trials


# -- what is published, and what the user agrees to -------------------------------------------------------------------------------


def published(app: App) -> Asked:
    """A request for the scopes of ``scopes_supported`` that the app is registered for, as the target file says."""
    registered = app.client.registered.scopes
    listed = app.engine.discovery.listed("scopes_supported")
    fitting = [s for s in listed if words.parse(s) is not None and words.covered(s, registered) and not s.startswith("system/")]
    if not fitting:
        raise NotConfigured(
            "no scope of `scopes_supported` is known to be one that the app is registered for", key="[clients.<name>.registered] scopes"
        )
    return _asked(app, "published", [*grants.base(app, "patient"), *fitting[:_BULK]])


def unticked(app: App) -> tuple[str, Asked]:
    """A request for two types of which the user leaves one out at the consent page."""
    kept, left_out = (grants.scope(app, samples.sample(app, number).type, "rs") for number in (0, 1))
    app.grant()
    lasting = [s for s in words.REFRESH if s in app.scopes]
    requested = list(dict.fromkeys([*_base(app), *lasting, kept, left_out]))
    attempt = app.once("scopes unticked", lambda: _unticked(app, requested, left_out))
    if not attempt.authorization.landing.unticked:
        shown = attempt.authorization.landing.asked_consent or not attempt.authorization.code
        raise NotApplicable("no consent page let the user leave a scope out" if shown else authorization.no_consent(app, "to leave out"))
    if attempt.token is None or not attempt.token.succeeded:
        raise NotApplicable(f"the server gives no token when the user leaves a scope out: {attempt.describe()}")
    asked = Asked(attempt, tuple(requested))
    _require_nothing_wider_agreed(left_out, asked)
    return left_out, asked


def _require_nothing_wider_agreed(left_out: str, asked: Asked) -> None:
    """``NotApplicable`` where the user agreed on the same page to a scope of the server's own that covers what was left out."""
    boxes = asked.attempt.authorization.landing.agreed
    own = [scope for scope in asked.granted if scope not in asked.requested and words.covered(left_out, [scope])]
    if own and not words.covered(left_out, [scope for scope in asked.granted if scope not in own]):
        named = {word for text in boxes for word in text.split()}
        if set(own) <= named or not named & set(asked.requested):
            raise NotApplicable(f"the server granted {' '.join(own)}, which nobody asked for and the user may have agreed to on its page")


# -- what was left out ------------------------------------------------------------------------------------------------------------


def without_system_scope(app: App) -> Trial:
    """A read of another patient with a token for which a system scope was asked and not granted; that patient's own token reads it."""
    return app.once("without a system scope", lambda: _without_system_scope(app))


def _without_system_scope(app: App) -> Trial:
    asked = unknown_among_known(app, "the level system")
    token = asked.attempt.token
    if token is None or not token.succeeded:
        raise NotApplicable(f"the request with a system scope got no token: {asked.describe()}")
    wide = [s for s in asked.granted if (p := words.parse(s)) is not None and p.level != "patient" and p.resource in ("*", "Patient")]
    if wide:
        raise NotApplicable(f"the server granted {' '.join(wide)}, which may reach other patients")
    theirs, person, _ = patients.of_other(app)
    if token.patient == person.id:
        raise NotApplicable("the token is for the same patient")
    twin = requests.twin_of(app, "read of the patient", person, theirs.access_token)
    exchange = requests.tried_in_vain(app, "read of the patient", person, token.access_token)
    return requests.Trial("read", "Patient", exchange, tuple(asked.granted), twin, frozenset({person.id}))


def without_unticked(app: App) -> Trial:
    """A read of the type whose scope the user left out at the consent page; the app's own grant reads it, and the kept type is open."""
    return app.once("without an unticked scope", lambda: _without_unticked(app))


def _without_unticked(app: App) -> Trial:
    scope, asked = unticked(app)
    if words.covered(scope, asked.granted):
        raise NotApplicable("the scope was granted all the same; another scenario judges that")
    token = asked.attempt.token
    access_token = token.access_token if token is not None else ""
    kept, left = samples.sample(app), samples.sample(app, 1)
    twin = requests.twin_of(app, "read", left, app.grant().access_token)
    if not disclosed(requests.tried(app, "read", kept, access_token), kept.type):
        access_token = _unticked_anew(app, scope, asked)  # a login since then may have ended it
        if not disclosed(requests.tried(app, "read", kept, access_token), kept.type):
            raise TwinFailed(f"the token does not work for what the user agreed to: {' '.join(asked.granted)}")
    exchange = requests.tried_in_vain(app, "read", left, access_token)
    return requests.Trial("read", left.type, exchange, tuple(asked.granted), twin, frozenset({left.id}))


def _unticked_anew(app: App, left_out: str, before: Asked) -> str:
    """The access token of the same request and the same choice once more; ``TwinFailed`` where they do not come about again."""
    again = _unticked(app, before.requested, left_out, "consent-again")
    if again.token is None or not again.token.succeeded or words.covered(left_out, Asked(again, before.requested).granted):
        raise TwinFailed(f"the user leaves a scope out once more, and that ends otherwise than before: {again.describe()}")
    return again.token.access_token


def _unticked(app: App, requested: Sequence[str], left_out: str, where: str = "consent") -> Attempt:
    """The request in a browser of its own; asked for consent anew where the server remembers one."""
    session = f"{app.client.name}-{app.situation.slug}-{where}"
    first = grants.attempt(app, requested, consent=[left_out], session=session)
    if first.authorization.landing.asked_consent or not first.authorization.code:
        return first
    anew = app.attempt(scope=requested, consent=[left_out], session=f"{session}-anew", change=authorization.consent_anew)
    app.attempt(change=authorization.consent_anew)  # what the server remembers from here on is the whole again
    return anew
