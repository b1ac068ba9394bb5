"""Wrong refreshes: with another token, by another client, with bad authentication, for more than was granted, with a token used before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from smartlaunch.checks.fhir_answer import disclosed
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.exchange import Exchange
from smartlaunch.oauth import scopes as scope_words
from smartlaunch.probes import revocation
from smartlaunch.probes.client_authentication import clients, either
from smartlaunch.probes.client_authentication.heeded import require_heeded
from smartlaunch.probes.faults import altered, never_issued, other_case, other_end
from smartlaunch.probes.fhir_access import categories
from smartlaunch.probes.fhir_access.requests import require_closed
from smartlaunch.probes.fhir_access.samples import searched
from smartlaunch.probes.refresh.lines import Line, go_on, has_refresh_token, narrow_line, own_grant, refused, shared_line, spare_scope
from smartlaunch.probes.refresh.right import Refreshed, part, part_at_once
from smartlaunch.probes.registered import no_refresh_token
from smartlaunch.probes.scopes import unticked
from smartlaunch.probes.token import Race

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Grant
    from smartlaunch.oauth.token import TokenAnswer

WRONG: Mapping[str, Callable[[Line], str]] = {
    "a made-up refresh token": lambda _line: never_issued(),
    "a refresh token with one character changed": lambda line: altered(line.current),
    "a refresh token with another end": lambda line: other_end(line.current),
    "a refresh token in the other case": lambda line: other_case(line.current),
    "an access token": lambda line: line.grant.access_token,
    "an authorization code": lambda line: line.grant.authorization.code,
    "an empty refresh token": lambda _line: "",
}
"""What is sent in place of the refresh token."""

AFTER_A_PART = "a scope it did not ask for before, after a refresh for a part,"


def _more_letters(granted: list[str]) -> str:
    """A granted clinical scope with every interaction; ``NotApplicable`` where each has them all."""
    for parsed in filter(None, map(scope_words.parse, granted)):
        whole = f"{parsed.level}/{parsed.resource}.{'*' if parsed.version == 1 else 'cruds'}"
        if not scope_words.covered(whole, granted):
            return whole
    raise NotApplicable("every scope that was granted has all interactions")


def _identity(granted: list[str]) -> str:
    """A scope on who the user is that was not granted; ``NotApplicable`` where all of them were."""
    absent = next((scope for scope in ("openid", "fhirUser", "profile") if scope not in granted), "")
    if not absent:
        raise NotApplicable("`openid`, `fhirUser` and `profile` were all granted already")
    return absent


WIDER: Mapping[str, Callable[[App], str]] = {
    "a scope it did not ask for before": spare_scope,
    "every resource of the patient": lambda _app: "patient/*.cruds",
    "every resource of the user": lambda _app: "user/*.cruds",
    "every resource of the patient in version 1": lambda _app: "patient/*.*",
    "everything in the system": lambda _app: "system/*.cruds",
    AFTER_A_PART: spare_scope,
    "more interactions with a type it was granted": lambda app: _more_letters(narrow_line(app).grant.granted),
    "a scope on the identity of the user": lambda app: _identity(narrow_line(app).grant.granted),
}
"""Scopes that no narrow grant contains; one that was granted all the same is skipped."""


@dataclass(frozen=True)
class Widened:
    """A refresh for more than was granted, and a read that only the wider scope would allow; None where that was not tried."""

    refreshed: Refreshed
    read: Exchange | None = None

    def __post_init__(self) -> None:
        """``NotApplicable`` where neither the answer nor a read tells what the new token is for."""
        answer = self.refreshed.answer
        if answer.succeeded and "scope" not in answer.body and self.read is None:
            raise NotApplicable("the answer to the refresh names no scope; `refresh-scope-listed` judges that")

    @property
    def gained(self) -> list[str]:
        """The scopes beyond the original grant that the answer names; of one that names none, the read tells."""
        answer = self.refreshed.answer
        return self.refreshed.gained if answer.succeeded and "scope" in answer.body else []


@dataclass(frozen=True)
class PartUse:
    """A search of the type that a refresh left out, with the token that came of it."""

    read: Exchange
    what: str


@dataclass(frozen=True)
class Reuse:
    """A refresh token used again after its replacement: the answer, and what became of the replacement and its access token."""

    replay: TokenAnswer
    after: TokenAnswer
    use: revocation.Use


def with_token(app: App, label: str) -> TokenAnswer:
    """A refresh with something else in place of the refresh token."""
    value = WRONG[label](shared_line(app))
    return app.once(f"refresh with {label}", lambda: app.refresh(value))


def without_token(app: App) -> TokenAnswer:
    """A refresh request that lacks the refresh token."""
    shared_line(app)
    return app.token_request([("grant_type", "refresh_token")])


def by_get(app: App) -> TokenAnswer:
    """A right refresh by GET, with everything in the query."""

    def make() -> TokenAnswer:
        proof = app.authentication.credentials()
        form = [("grant_type", "refresh_token"), ("refresh_token", shared_line(app).current), *proof.form]
        joint = "&" if "?" in app.token_endpoint else "?"
        answer = app.token_request((), proof, method="GET", url=f"{app.token_endpoint}{joint}{urlencode(form)}", content=b"")
        app.tokens.suspect()
        return answer

    return app.once("refresh by GET", make)


DOUBLED: Mapping[str, Callable[[Line], tuple[tuple[str, str], ...]]] = {
    "a second grant_type": lambda _line: (("grant_type", "authorization_code"),),
    "a second refresh_token": lambda _line: (("refresh_token", never_issued()),),
    "a second scope": lambda line: (("scope", " ".join(line.grant.granted)), ("scope", "openid")),
}
"""What a right refresh has twice, with another value each time."""


def with_doubled(app: App, label: str) -> TokenAnswer:
    """A right refresh with one parameter twice."""

    def make() -> TokenAnswer:
        line = shared_line(app)
        answer = app.token_request([("grant_type", "refresh_token"), ("refresh_token", line.current), *DOUBLED[label](line)])
        app.tokens.suspect()
        return answer

    return app.once(f"refresh with {label}", make)


def by_another_client(app: App) -> TokenAnswer:
    """A refresh token of this app in the hands of the second client, which authenticates rightly as itself."""
    other = app.other()
    other.grant()
    return other.refresh(shared_line(app).current)


def by_another_kind(app: App) -> TokenAnswer:
    """A refresh token of this app in the hands of a client that authenticates in another way, or not at all, rightly as itself."""

    def make() -> TokenAnswer:
        other = clients.of_another_kind(app)
        other.grant()
        return other.refresh(shared_line(app).current)

    return app.once("refresh by a client of another kind", make)


def badly_authenticated(app: App, label: str) -> TokenAnswer:
    """A refresh with client authentication that is missing or wrong."""
    wrong = either.WRONG[label](app)
    answer = app.refresh(shared_line(app).current, wrong)
    if answer.succeeded:
        require_heeded(app, label)
    return answer


@dataclass(frozen=True)
class RevokedLine:
    """A refresh token that was used once, the one that came of it, which was revoked, and the use of the access token beside that."""

    first: str
    last: str
    use: revocation.Use


def access_token_of_revoked_line(app: App) -> revocation.Use:
    """The access token of a refresh, before and after the refresh token that came with it was revoked.

    It ends where the server can end access tokens at all.
    """
    revocation.require_access_tokens_end(app)
    return _revoked_line(app).use


def _revoked_line(app: App) -> RevokedLine:
    """A refresh token that was used once, and the one that came of it, which is the same where it was not replaced; that one is revoked."""

    def make() -> RevokedLine:
        old = own_grant(app).token.refresh_token
        first = app.refresh(old)
        if not first.succeeded:
            raise refused(first)
        new = first.refresh_token or old
        before = revocation.used(app, first)
        answer = revocation.revoke(app, new, hint="refresh_token")
        app.tokens.suspect()
        if not 200 <= answered(answer).status < 300:
            raise NotApplicable(f"the revocation was refused with status {answer.answer.status}; the scenarios on revocation judge that")
        return RevokedLine(old, new, revocation.Use(before, revocation.read_until_refused(app, first) if before is not None else None))

    return app.once("a revoked line of refresh tokens", make)


def after_revocation(app: App) -> TokenAnswer:
    """The refresh token of a grant of its own, used after its revocation."""
    return app.once("refresh after revocation", lambda: app.refresh(_revoked_line(app).last))


def predecessor_after_revocation(app: App) -> TokenAnswer:
    """A refresh token that was replaced, used after its successor was revoked; the successor is dead."""

    def make() -> TokenAnswer:
        line = _revoked_line(app)
        old = line.first
        if old == line.last:
            raise NotApplicable("the server does not replace refresh tokens of this client")
        if after_revocation(app).succeeded:
            raise NotApplicable("the revoked refresh token itself still works; `refresh-revoked-token` judges that")
        return app.refresh(old)

    return app.once("refresh with a predecessor after revocation", make)


def wider(app: App, label: str) -> Widened:
    """A refresh for what was not granted, and a read that only the wider scope would allow."""

    def make() -> Widened:
        dropped, extra = spare_scope(app), WIDER[label](app)
        own = narrow_line(app)  # the last that may cost a login, which may end what came of the one before
        if scope_words.covered(extra, own.grant.granted):
            raise NotApplicable(f"`{extra}` was granted already")
        if label == AFTER_A_PART and not (less := go_on(app, own, " ".join(_part(own.grant.granted)))).succeeded:
            raise refused(less, of=own)
        asked = (*own.grant.granted, extra)
        before = _use(app, dropped, own.grant, own.grant.access_token)
        answer = go_on(app, own, " ".join(asked))
        read = _use(app, dropped, own.grant, answer.access_token) if answer.succeeded else None
        if read is not None and before is not None and disclosed(before) and disclosed(read):
            require_closed(app, read)
            said = "the token from before the refresh reads the same, although nothing that was granted covers it"
            raise TwinFailed(said, by="scope-other-type")
        return Widened(Refreshed(own.grant, answer, asked), read)

    return app.once(f"refresh for {label}", make)


def for_every_category(app: App) -> Widened:
    """A refresh of a grant for one category of a type, for the same scope without its search parameter."""

    def make() -> Widened:
        grant, narrow = categories.lasting_grant(app)
        has_refresh_token(app, grant)
        asked = tuple(scope.partition("?")[0] if scope == narrow else scope for scope in grant.granted)
        return Widened(Refreshed(grant, app.refresh(grant.token.refresh_token, scope=" ".join(asked)), asked))

    return app.once("refresh for every category", make)


def beyond_the_part(app: App) -> PartUse:
    """A search of the type that a refresh for a part left out, which the token of the whole finds; ``NotApplicable`` where none tells."""

    def make() -> PartUse:
        answer = part(app)
        dropped = spare_scope(app)
        _require_less(answer, dropped)
        parsed = scope_words.parse(dropped)
        patient = answer.grant.token.patient or app.engine.target.patients.default
        if parsed is None or "s" not in parsed.interactions or not patient:
            raise NotApplicable("the scope that the refresh left out allows no search that could be tried")
        if any(scope_words.allows(answer.granted, level, parsed.resource, "s") for level in ("patient", "user", "system")):
            raise NotApplicable("another scope of the refreshed token covers what was left out")
        found, query = searched(app.engine.fhir, parsed.resource, (("patient", patient), ("_count", "1")), app.grant().access_token)
        if not disclosed(found):
            raise NotApplicable("the token of the whole finds nothing of the type that was left out, so a refusal of it tells nothing")
        answer = part_at_once(app)  # after the search of the whole, whose login may end the token of the part
        _require_less(answer, dropped)
        read = app.engine.fhir.search(parsed.resource, query, answer.answer.access_token)
        answered(read)
        return PartUse(read, f"a search of {parsed.resource}")

    return app.once("use of a refresh for a part", make)


def _require_less(answer: Refreshed, dropped: str) -> None:
    """``NotApplicable`` where a refresh for a part did not bring a token for less."""
    if not answer.answer.succeeded or scope_words.covered(dropped, answer.granted):
        raise NotApplicable("the refresh for a part brought no token for less; `refresh-part` judges that")


def _smaller_grant(app: App) -> tuple[str, Line]:
    """A scope that the user left out at the consent page, and the line of refresh tokens of what was granted."""

    def make() -> tuple[str, Line]:
        scope, left = unticked(app)
        attempt, token = left.attempt, left.attempt.token
        if token is None or not token.refresh_token:
            raise no_refresh_token(app)
        if scope_words.covered(scope, token.scopes):
            raise NotApplicable("the scope was granted all the same; another scenario judges that")
        return scope, Line(app.require_grant(attempt), token.refresh_token)

    return app.once("the line of a smaller grant", make)


def of_what_is_left(app: App) -> Widened:
    """A refresh that names no scope, of a grant from which the user left one out."""

    def make() -> Widened:
        _, line = _smaller_grant(app)
        answer = go_on(app, line)
        if not answer.succeeded:
            raise refused(answer, of=line)
        return Widened(Refreshed(line.grant, answer))

    return app.once("refresh of a smaller grant", make)


def with_what_was_left_out(app: App) -> Widened:
    """A refresh for the scope that the user left out at the consent page, beside those that were granted."""

    def make() -> Widened:
        scope, line = _smaller_grant(app)
        asked = (*line.grant.granted, scope)
        return Widened(Refreshed(line.grant, go_on(app, line, " ".join(asked)), asked))

    return app.once("refresh for a scope that was left out", make)


def _part(granted: list[str]) -> list[str]:
    """The granted scopes but the last clinical one."""
    clinical = [scope for scope in granted if scope_words.parse(scope)]
    return [scope for scope in granted if scope != clinical[-1]] if len(clinical) > 1 else granted


def _use(app: App, scope: str, grant: Grant, access_token: str) -> Exchange | None:
    parsed = scope_words.parse(scope)
    patient = grant.token.patient or app.engine.target.patients.default
    if parsed is None or "s" not in parsed.interactions or not patient:
        return None
    if any(scope_words.allows(grant.granted, level, parsed.resource, "s") for level in ("patient", "user", "system")):
        return None
    name = "_id" if parsed.resource == "Patient" else "patient"
    if parsed.level == "user" and parsed.resource not in ("Observation", "Condition", "Encounter"):
        return None
    return app.engine.fhir.search(parsed.resource, [(name, patient), ("_count", "1")], access_token)


def raced(app: App) -> Race:
    """A refresh token used by two requests at once, and then its successors; ``NotApplicable`` when the server does not replace it.

    ``TwinFailed`` where one after the other brings tokens as well.
    """

    def make() -> Race:
        old = own_grant(app).token.refresh_token
        form = [("grant_type", "refresh_token"), ("refresh_token", old)]
        answers = app.token_requests_together([form, form], [app.authentication.credentials() for _ in range(2)])
        app.tokens.suspect()
        winners = [answer for answer in answers if answer.succeeded]
        if any(not answer.refresh_token or answer.refresh_token == old for answer in winners):
            raise NotApplicable("the server does not replace refresh tokens of this client")
        uses = [app.refresh(winner.refresh_token).exchange for winner in winners] if len(winners) > 1 else []
        if uses and reused(app).replay.succeeded:
            raise TwinFailed("a refresh token that was replaced brings tokens also when it comes again later", by="refresh-reuse-refused")
        return Race(tuple(answers), tuple(uses))

    return app.once("race for a refresh token", make)


def reused(app: App) -> Reuse:
    """A refresh token used again after it was replaced; ``NotApplicable`` when the server does not replace them."""

    def make() -> Reuse:
        grant = own_grant(app)
        old = grant.token.refresh_token
        answer = app.refresh(old)
        answered(answer.exchange)
        if not answer.succeeded:
            raise refused(answer)
        if not answer.refresh_token or answer.refresh_token == old:
            raise NotApplicable("the server does not replace refresh tokens of this client")
        before = revocation.used(app, answer)
        replay = app.refresh(old)
        app.tokens.suspect()
        answered(replay.exchange)
        after = app.refresh(answer.refresh_token)
        return Reuse(replay, after, revocation.Use(before, app.tokens.probe(answer) if before is not None else None))

    return app.once("refresh token reuse", make)


def first_of_three(app: App) -> TokenAnswer:
    """A refresh token used again after its replacement was replaced too; ``NotApplicable`` when the server does not replace them."""

    def make() -> TokenAnswer:
        line = Line(grant := own_grant(app), first := grant.token.refresh_token)
        seen = [first]
        for _ in range(2):
            answer = go_on(app, line)
            if not answer.succeeded:
                raise refused(answer, of=line)
            seen.append(line.current)
        if len(set(seen)) < len(seen):
            raise NotApplicable("the server does not replace refresh tokens of this client")
        answer = app.refresh(first)
        app.tokens.suspect()
        return answer

    return app.once("the first of three refresh tokens", make)
