"""Phrases on the authorization endpoint: what the app asks for and where the browser comes out."""

from __future__ import annotations

from pytest_bdd import then, when

from smartlaunch.checks import authorization as checks
from smartlaunch.checks import pages as pages_checks
from smartlaunch.client.app import App
from smartlaunch.client.apps import Apps
from smartlaunch.client.authorization import AuthorizationAnswer, require_settled
from smartlaunch.client.engine import Engine
from smartlaunch.client.grant import Attempt
from smartlaunch.errors import NotApplicable
from smartlaunch.exchange import RecordedExchange
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes import authorization, redirect_uri
from smartlaunch.probes.authorization import EndState

# -- the right flow ---------------------------------------------------------------------------------------------------------


@when("the app asks for authorization", target_fixture="attempt")
def ask(app: App) -> Attempt:
    return app.shared_attempt()


@when(Phrase("the app rightly asks for authorization by {label}", label=authorization.BY), target_fixture="attempt")
@when(Phrase("the app rightly asks for authorization with {label}", label=authorization.WITH), target_fixture="attempt")
def ask_right_variation(app: App, label: str) -> Attempt:
    if label == "GET":
        return app.shared_attempt()  # every request of the suite is one by GET, so it has no twin
    return authorization.vary(app, label)


@then("the browser brings an authorization code to the app")
def brings_code(judge: Judge, attempt: Attempt) -> None:
    answer = attempt.authorization
    arrived = answer.arrived and not answer.error
    judge.expects(
        bool(answer.code),
        expected="an authorization code at the redirect URI",
        actual=answer.describe(),
        exchange=answer.exchange,
        pointer="parameter: code",
        rule=judge.rule("SMART-2.2-app-launch-authorize-response-d" if arrived else "SMART-2.2-app-launch-authorize-response-a"),
    )


@then("the browser comes back to the redirect URI of the request")
def comes_back(judge: Judge, attempt: Attempt) -> None:
    answer = attempt.authorization
    judge.expects(
        answer.arrived and answer.landing.caught_uri == answer.request.redirect_uri,
        expected="a navigation of the browser to the `redirect_uri` of the request",
        actual=answer.describe(),
        exchange=answer.exchange,
    )


@then("the app gets an access token for it")
def gets_token(judge: Judge, attempt: Attempt) -> None:
    answer = attempt.authorization
    if answer.request.method == "POST" and answer.landing.status == 403 and not answer.arrived:
        # The form comes from a page without an address, which says `Origin: null`; a filter of origins may refuse that.
        judge(checks.post_refused_by_origin(judge.rule("SMART-2.2-app-launch-authorize-post"), answer.describe(), answer.exchange))
        return
    judge.expects(
        attempt.succeeded,
        expected="a flow that ends with an access token",
        actual=attempt.describe(),
        exchange=attempt.exchange,
    )


@then("the app gets an access token for it, as the guide wants it of every server")
def gets_token_unclaimed(judge: Judge, attempt: Attempt) -> None:
    judge(
        checks.takes_unclaimed_post(
            judge.rule("SMART-2.2-app-launch-authorize-post", "OIDC-Core-3.1.2.1-a"),
            attempt.token is not None and attempt.token.succeeded,
            attempt.describe(),
            attempt.authorization.exchange,
        )
    )


@then("the state comes back character for character")
def state_returned(judge: Judge, answered: AuthorizationAnswer) -> None:
    judge(checks.same_state(judge.requirement, answered.landing.params, answered.request.state, answered.exchange))


@when("the app gets the response to a right authorization request", target_fixture="answered")
def right_response(app: App) -> AuthorizationAnswer:
    answer = app.shared_attempt().authorization
    if not answer.arrived:
        raise NotApplicable("the browser did not come back to the app; the scenario on the authorization code judges that")
    return answer


@when(Phrase("the app gets the response to an authorization request with {label}", label=authorization.WITH), target_fixture="answered")
def right_response_with(app: App, label: str) -> AuthorizationAnswer:
    answer = authorization.vary(app, label).authorization
    if not answer.arrived:
        raise NotApplicable("the browser did not come back to the app; the scenario on unusual right requests judges that")
    return answer


@then("its parameters are in the query")
def in_query(judge: Judge, answered: AuthorizationAnswer) -> None:
    landing = answered.landing
    judge(checks.in_query(judge.requirement, landing.url, landing.method, answered.exchange))


@then("it has a code or an error and not both")
def code_or_error(judge: Judge, answered: AuthorizationAnswer) -> None:
    judge(checks.code_or_error(judge.requirement, answered.landing.params, answered.exchange))


@then("no parameter of it occurs twice")
def not_repeated(judge: Judge, answered: AuthorizationAnswer) -> None:
    judge(checks.not_repeated(judge.requirement, answered.landing.params, answered.exchange))


@when("the app gets the response to a right authorization request by POST", target_fixture="answered")
def response_to_posted(app: App) -> AuthorizationAnswer:
    return authorization.posted(app).authorization


@when("the app gets the response to a request whose user mistyped the password first", target_fixture="answered")
def response_after_mistyped_password(app: App) -> AuthorizationAnswer:
    return authorization.mistyped(app)


@when("the app asks for authorization without any page, and nobody is signed in", target_fixture="refusal")
def ask_silently(app: App) -> AuthorizationAnswer:
    return authorization.silent(app)


@then("its iss parameter is the issuer of the metadata")
def issuer_parameter(judge: Judge, engine: Engine, answered: AuthorizationAnswer) -> None:
    claimed, expected = engine.issuer_parameter(answered.get("iss"))
    present = answered.get("iss") != ""
    if not claimed and not present:
        raise NotApplicable("the server neither claims nor sends the `iss` response parameter")
    if not expected:
        raise NotApplicable("neither metadata document names an issuer to compare with")
    rule = judge.rule("RFC9207-2.3-a" if present else "RFC9207-2-a")
    judge(checks.issuer(rule, answered.landing.params, answered.exchange, expected, claimed=claimed))


@then("its iss parameter is an https URL")
def issuer_parameter_form(judge: Judge, answered: AuthorizationAnswer) -> None:
    if not answered.get("iss"):
        raise NotApplicable("the server sends no `iss` response parameter")
    judge(checks.issuer_form(judge.requirement, answered.landing.params, answered.exchange))


@then("the metadata claim the iss parameter")
def issuer_parameter_claimed(judge: Judge, engine: Engine, answered: AuthorizationAnswer) -> None:
    if not answered.get("iss"):
        raise NotApplicable("the server sends no `iss` response parameter")
    claimed, issuer = engine.issuer_parameter(answered.get("iss"))
    if not issuer:
        raise NotApplicable("the server publishes no metadata that name an issuer, and the rule binds those that do")
    judge.expects(
        claimed,
        expected="`authorization_response_iss_parameter_supported: true` in the metadata, as `iss` is sent",
        actual="it is absent or not true",
        exchange=answered.exchange,
        pointer="parameter: iss",
    )


@when(Phrase("the app gets the authorization codes of {number:d} right requests"), target_fixture="codes")
def several_codes(app: App, number: int) -> list[AuthorizationAnswer]:
    return [app.bare_code() for _ in range(number)]


@then("nothing can be read from a code")
def code_not_readable(judge: Judge, codes: list[AuthorizationAnswer]) -> None:
    last = codes[-1]
    values = [last.request.get("client_id"), last.request.state, last.request.proof.code_verifier, last.request.proof.code_challenge]
    judge(checks.code_not_readable(judge.requirement, last.code, [v for v in values if v], last.exchange))


@then("the codes are unguessable")
def codes_unguessable(judge: Judge, codes: list[AuthorizationAnswer]) -> None:
    judge(checks.codes_unguessable(judge.requirement, [c.code for c in codes], codes[-1].exchange))


@then("the authorization response is a redirect by 302 or 303")
def redirect_status(judge: Judge, engine: Engine, answered: AuthorizationAnswer) -> None:
    _by_302_or_303(judge, answered, engine.redirect_status(answered))


@then("the denial is told by a redirect with 302 or 303")
def denial_status(judge: Judge, engine: Engine, refusal: AuthorizationAnswer) -> None:
    redirected(refusal)
    _by_302_or_303(judge, refusal, engine.redirect_status(refusal))


def _by_302_or_303(judge: Judge, answer: AuthorizationAnswer, status: int | None) -> None:
    if status is None:
        raise NotApplicable("the browser was not brought back by a redirect of HTTP")
    judge.expects(status in (302, 303), expected="status 302 or 303", actual=f"status {status}", exchange=answer.exchange, pointer="status")


@then("the server did not redirect the user's credentials by 307 or 308")
def no_307(judge: Judge, engine: Engine) -> None:
    forms = engine.forms_sent()
    if not forms:
        raise NotApplicable("no form with a password was sent")
    found = [x.id for x in forms if x.status in (307, 308)]
    judge.expects(
        not found,
        expected="no status 307 or 308 in answer to a form with credentials",
        actual="such a redirect",
        exchange=found[0] if found else "",
    )


# -- requests with one fault ------------------------------------------------------------------------------------------------


@when(Phrase("the app asks for authorization with {label}, which is wrong", label=authorization.ASKED), target_fixture="refusal")
def ask_wrong(app: App, label: str) -> AuthorizationAnswer:
    return authorization.ask_wrong(app, label)


@when(Phrase("the app asks for authorization with the aud parameter of {label}", label=authorization.AUD), target_fixture="refusal")
def ask_wrong_aud(app: App, label: str) -> AuthorizationAnswer:
    return authorization.ask_wrong_aud(app, label)


@when("the app asks for authorization without the aud parameter", target_fixture="refusal")
def ask_without_aud(app: App) -> AuthorizationAnswer:
    return authorization.ask_without_aud(app)


@when(Phrase("the app asks for the redirect URI with {label}", label=redirect_uri.ASKED), target_fixture="refusal")
def ask_wrong_redirect(app: App, label: str) -> AuthorizationAnswer:
    return authorization.ask_wrong_redirect(app, label)


@when(Phrase("a forged request with {label} names the redirect URI of another site", label=authorization.FORGED), target_fixture="refusal")
def ask_open_redirector(app: App, label: str) -> AuthorizationAnswer:
    return authorization.ask_open_redirector(app, label)


@when("the app asks for authorization and the user denies it", target_fixture="refusal")
def user_denies(app: App) -> AuthorizationAnswer:
    return authorization.denied(app)


@then("a careful authorization server sends no authorization code to the app")
def no_code_by_good_practice(judge: Judge, refusal: AuthorizationAnswer) -> None:
    unsettled(refusal)
    judge(checks.no_code_by_good_practice(judge.requirement, refusal.exchange, refusal.describe(), code=bool(refusal.code)))


@then("no authorization code reaches the app")
def no_code(judge: Judge, refusal: AuthorizationAnswer) -> None:
    unsettled(refusal)
    judge.expects(
        not refusal.code,
        expected="a refusal: an error at the redirect URI or an error page",
        actual=refusal.describe(),
        exchange=refusal.exchange,
    )


@then("nothing is sent to that address")
def nothing_sent(judge: Judge, refusal: AuthorizationAnswer) -> None:
    unsettled(refusal)
    landing, asked = refusal.landing, refusal.request.redirect_uri
    # Two watched addresses may differ in their query only; the one that was asked for is then told by how the address begins.
    same_but_for_query = "?" in asked and landing.url.startswith(asked)
    went = landing.kind == "caught" and (not landing.caught_uri or landing.caught_uri == asked or same_but_for_query)
    judge.expects(
        not went,
        expected="no redirect to an address that is not registered",
        actual=f"{refusal.describe()}, at an address that is not registered",
        exchange=refusal.exchange,
    )


@then("the browser is told no access token")
def no_token_told(judge: Judge, refusal: AuthorizationAnswer) -> None:
    unsettled(refusal)
    judge.expects(
        not refusal.get("access_token"),
        expected="no `access_token` in an authorization response",
        actual="an `access_token` at the redirect URI",
        exchange=refusal.exchange,
        pointer="parameter: access_token",
    )


@then("the user sees a page that tells of the error")
def error_page(judge: Judge, refusal: AuthorizationAnswer) -> None:
    unsettled(refusal)
    landing = refusal.landing
    if landing.kind == "caught":
        raise NotApplicable("the server redirected; another scenario judges that")
    shown = landing.kind in ("error-page", "no-way-on") and bool((landing.text or landing.title).strip())
    judge.expects(shown, expected="a page that tells the user what is wrong", actual=refusal.describe(), exchange=refusal.exchange)


@when("it redeems what came of it", target_fixture="end")
@when("it uses what came of it", target_fixture="end")
def go_on(app: App, refusal: AuthorizationAnswer) -> EndState:
    unsettled(refusal)
    return authorization.pursue(app, refusal)


@when("it redeems what came of it without a code verifier", target_fixture="end")
def go_on_without_verifier(app: App, refusal: AuthorizationAnswer) -> EndState:
    unsettled(refusal)
    return authorization.pursue(app, refusal, code_verifier=None)


@then("no access token comes of it")
def no_token(judge: Judge, end: EndState) -> None:
    judge.expects(
        end.stage in ("refused", "code"),
        expected="a refusal at the authorization or the token endpoint",
        actual=end.describe(),
        exchange=end.exchange,
    )


@then("no access token that works comes of it")
def no_working_token(judge: Judge, refusal: AuthorizationAnswer, end: EndState) -> None:
    end.require_tried()
    judge.expects(
        end.stage != "data" and not authorization.strayed(refusal),
        expected="a refusal at the authorization endpoint, the token endpoint or the FHIR server",
        actual=end.describe(),
        exchange=end.exchange,
    )


@then(Phrase('the error it is told is "{accepted}"'))
def told_error(judge: Judge, refusal: AuthorizationAnswer, accepted: str) -> None:
    redirected(refusal)
    judge(checks.error_code(judge.requirement, refusal.landing.params, refusal.exchange, *accepted.split(" or ")))


@then("the error it is told is one that the specifications define")
def told_defined_error(judge: Judge, refusal: AuthorizationAnswer) -> None:
    redirected(refusal)
    judge(checks.defined_error(judge.requirement, refusal.landing.params, refusal.exchange))


@then("the error is told in legal characters")
def told_legal_text(judge: Judge, refusal: AuthorizationAnswer) -> None:
    redirected(refusal)
    judge(checks.legal_error_text(judge.requirement, refusal.landing.params, refusal.exchange))


@then("its error_uri is a URI reference")
def told_error_uri(judge: Judge, refusal: AuthorizationAnswer) -> None:
    redirected(refusal)
    if not refusal.get("error_uri"):
        raise NotApplicable("the error response has no `error_uri`")
    judge(checks.error_uri(judge.requirement, refusal.landing.params, refusal.exchange))


@then("the error comes with the state of the request")
def error_with_state(judge: Judge, refusal: AuthorizationAnswer) -> None:
    redirected(refusal)
    judge(checks.same_state(judge.requirement, refusal.landing.params, refusal.request.state, refusal.exchange))


@then("the error comes with the issuer")
def error_with_issuer(judge: Judge, engine: Engine, refusal: AuthorizationAnswer) -> None:
    redirected(refusal)
    claimed, expected = engine.issuer_parameter()
    if not claimed or not expected:
        raise NotApplicable("the server does not claim the `iss` response parameter")
    judge(checks.issuer(judge.requirement, refusal.landing.params, refusal.exchange, expected, claimed=True))


@then("the browser brings an error to the app")
def brings_error(judge: Judge, refusal: AuthorizationAnswer) -> None:
    unsettled(refusal)
    if refusal.code:
        raise NotApplicable("the request was not refused here; what comes of its code, another scenario judges")
    judge.expects(
        refusal.arrived and bool(refusal.error),
        expected="an error response at the redirect URI",
        actual=refusal.describe(),
        exchange=refusal.exchange,
    )


@then("there is no status 5xx on the way")
def no_server_error(judge: Judge, refusal: AuthorizationAnswer) -> None:
    unsettled(refusal)
    status = refusal.landing.status
    judge.expects(
        status < 500,
        expected="a refusal that the user or the app can read",
        actual=f"status {status}",
        exchange=refusal.exchange,
        pointer="status",
    )


@when("the app asks for authorization and nobody signs in", target_fixture="refusal")
def nobody_signs_in(app: App) -> AuthorizationAnswer:
    return authorization.signed_in_by_nobody(app)


@then("the markup is not live on any page")
def markup_not_live(judge: Judge, engine: Engine, refusal: AuthorizationAnswer) -> None:
    unsettled(refusal)
    judge(pages_checks.not_reflected(judge.requirement, engine.exchanges_of(refusal)))


@when("an app whose redirect URI has a query gets the response to a right authorization request", target_fixture="answered")
def response_with_query(apps: Apps) -> AuthorizationAnswer:
    answer = apps.with_redirect_query().shared_attempt().authorization
    if not answer.came_near:
        raise NotApplicable("the browser did not come back to the redirect URI, so nothing shows what became of its query")
    return answer


@when(
    Phrase("an app whose redirect URI has a query asks for authorization with {label}, which is wrong", label=authorization.WRONG),
    target_fixture="answered",
)
def refusal_with_query(apps: Apps, label: str) -> AuthorizationAnswer:
    answer = authorization.ask_wrong(apps.with_redirect_query(), label)
    if not answer.came_near:
        raise NotApplicable("the browser did not come back to the redirect URI, so nothing shows what became of its query")
    return answer


@then("the query of the redirect URI is kept")
def query_kept(judge: Judge, answered: AuthorizationAnswer) -> None:
    judge(checks.keeps_query(judge.requirement, answered.landing.url, answered.request.redirect_uri, answered.exchange))


# -- clickjacking and pages ---------------------------------------------------------------------------------------------------


@when("the user goes through the pages of the login", target_fixture="pages")
def pages_seen(app: App, engine: Engine) -> list[RecordedExchange]:
    app.shared_attempt()
    pages = engine.pages_seen()
    if not pages:
        raise NotApplicable("the server has shown no page of its own")
    return pages


@then("each of them forbids framing")
def forbids_framing(judge: Judge, pages: list[RecordedExchange]) -> None:
    judge(pages_checks.forbids_framing(judge.requirement, pages))


@then("none of them holds content of another site or leaks its address")
def keeps_address(judge: Judge, pages: list[RecordedExchange]) -> None:
    judge(pages_checks.no_third_parties(judge.requirement, pages))


def unsettled(refusal: AuthorizationAnswer) -> None:
    """A dead server proves nothing; a page with no way on is a refusal here, since the right flow got on with the same recipe."""
    if refusal.landing.kind in ("unreachable", "timeout"):
        require_settled(refusal)


def redirected(refusal: AuthorizationAnswer) -> None:
    """Rules on the form of an error response bind only when one came."""
    unsettled(refusal)
    if not (refusal.arrived and refusal.error):
        raise NotApplicable("the refusal did not come as an error response at the redirect URI")
