"""Identity, launch context, token responses, discovery, brands, and what pages of browsers may call."""

from __future__ import annotations

from typing import Any

from smartlaunch.probes import brands, cors, discovery, id_token, launch_context, token_response
from smartlaunch.probes.fhir_access.bearer_token import path

from .cases import Case, given, issued, refused, status

TOKEN, FHIR, JWKS = "/oauth/token", "/fhir/", "/oauth/jwks"


def nothing(_world: Any) -> None:
    """Nothing was asked before."""


def app(world: Any) -> Any:
    return world.app()


def of(name: str, probe: Any, *arguments: Any, holds: Any, defect: str = "", silent: str = "", who: Any = app, warm: Any = None) -> Case:
    words = " ".join(map(str, arguments))
    ready = warm or (lambda w: who(w).grant())
    return Case(f"{name} {words}".strip(), lambda w: probe(who(w), *arguments), holds, defect, silent, ready, bool(silent))


def engine(world: Any) -> Any:
    return world.engine


def ehr(world: Any) -> Any:
    return world.app("public", "ehr")


def fields(call: Any) -> str:
    return call.exchange.answer.header("access-control-allow-origin") or ""


def allowed(call: Any) -> bool:
    return fields(call) in ("*", call.origin)


def no_credentials(calls: Any) -> bool:
    return not any(call.exchange.answer.header("access-control-allow-credentials") for call in calls)


LOOSE = (
    "compares_the_beginning_of_an_origin",
    "compares_the_end_of_an_origin",
    "compares_an_origin_without_its_port",
    "compares_an_origin_without_its_scheme",
    "allows_the_null_origin_with_credentials",
)
CASES = [
    of("response right", token_response.token, holds=issued, silent=TOKEN, warm=nothing),
    of("response refused", token_response.refused, holds=refused, silent=TOKEN),
    of("response refreshed", token_response.refreshed, holds=issued, silent=TOKEN),
    of("response identity", token_response.without_identity, holds=lambda t: not t.id_token, defect="sends_id_token_without_openid_scope"),
    of("response unknown", token_response.with_unknown_scope, holds=issued),
    of("response another user", token_response.of_another_user, holds=lambda g: bool(g.access_token)),
    of("response second login", token_response.of_second_login, holds=lambda g: bool(g.access_token), silent=TOKEN),
    of("identity", id_token.identity, holds=lambda i: i.claims["nonce"] == i.nonce and i.header, defect="alters_nonce"),
    of("identity of user", id_token.with_fhir_user, holds=lambda i: "fhirUser" in i.claims, defect="omits_fhir_user_claim"),
    of(
        "identity verified",
        lambda w: id_token.verified(w.engine, id_token.identity(w.app())),
        holds=lambda token: not token.signature_problem,
        defect="breaks_the_signature_of_id_tokens",
        silent=JWKS,
        who=lambda w: w,
        warm=lambda w: w.app().grant(),
    ),
    of("identity issuer", id_token.issuer, holds=lambda value: value.endswith("/oauth"), who=engine, warm=nothing),
    of(
        "identity elsewhere",
        lambda w: id_token.is_elsewhere(w.engine, id_token.identity(w.app())),
        holds=lambda elsewhere: not elsewhere,
        defect="sends_fhir_user_of_another_server",
        who=lambda w: w,
        warm=nothing,
    ),
    of(
        "identity read",
        lambda w: id_token.fhir_user_read(w.app(), id_token.identity(w.app())),
        holds=given,
        defect="sends_fhir_user_that_does_not_exist",
        silent=FHIR,
        who=lambda w: w,
        warm=lambda w: w.app().grant(),
    ),
    of(
        "identity unresourced",
        lambda w: id_token.unresourced_read(w.app(), id_token.of_unresourced(w.app())),
        holds=lambda read: read is None,
        who=lambda w: w,
        warm=nothing,
    ),
    of(
        "identity userinfo",
        lambda w: id_token.userinfo(w.engine, w.app().grant().access_token),
        holds=status(200),
        silent="/oauth/userinfo",
        who=lambda w: w,
        warm=lambda w: w.app().grant(),
    ),
    of(
        "identity userinfo by POST",
        lambda w: id_token.userinfo_by_post(w.app()),
        holds=status(200),
        defect="refuses_post_at_userinfo",
        silent="/oauth/userinfo",
        who=lambda w: w,
        warm=lambda w: w.app().grant(),
    ),
    of(
        "identity userinfo of revoked",
        id_token.userinfo_of_revoked,
        holds=status(401),
        defect="userinfo_answers_revoked_tokens",
        silent="/oauth/userinfo",
    ),
    *(
        of("identity userinfo of other", id_token.userinfo_of_other, label, holds=status(401), defect=defect)
        for label, defect in {
            "its refresh token": "userinfo_answers_refresh_tokens",
            "its ID Token": "userinfo_answers_id_tokens",
            "an access token with another end": "userinfo_ignores_the_end_of_a_token",
        }.items()
    ),
    of(
        "identity of refresh",
        id_token.identity_of_refresh,
        holds=lambda i: i.claims["exp"] > i.token.received_at,
        defect="refreshed_id_token_is_already_expired",
    ),
    of("context asked", launch_context.asked, holds=lambda names: names == ["patient", "encounter"]),
    of("context declared", lambda app: launch_context.declared(app.engine.target), holds=lambda names: names == []),
    of("context expected", launch_context.expected, "patient", holds=lambda found: bool(found[0])),
    of("context expected in a chart", launch_context.expected, "patient", holds=lambda found: bool(found[0]), who=ehr),
    of("context chart", launch_context.chart, "encounter", holds=bool, who=ehr),
    of(
        "context patient",
        launch_context.patient_read,
        holds=lambda found: given(found[1]),
        defect="refuses_patient_in_context",
        silent=FHIR,
    ),
    of(
        "context encounter",
        launch_context.encounter_read,
        holds=lambda found: given(found[1]),
        defect="refuses_encounter_in_context",
        silent=FHIR,
    ),
    of("context widely", launch_context.encounter_read_widely, holds=lambda found: given(found[1]), silent=FHIR),
    of("context search", launch_context.patient_search, holds=lambda found: given(found[1]), silent=FHIR),
    of("context type", launch_context.with_type, holds=lambda found: bool(found[0]), who=ehr),
    of("context role", launch_context.with_unknown_role, holds=lambda found: found[1].token is not None, who=ehr),
    of("context style", launch_context.style, holds=status(200), defect="smart_style_url_is_dead", who=ehr),
    of("discovery configuration", discovery.smart_configuration, holds=status(200), who=engine, silent="smart-configuration", warm=nothing),
    *(
        of("discovery with", discovery.smart_configuration_with, accept, holds=status(200), who=engine, warm=nothing)
        for accept in discovery.ACCEPT
    ),
    of(
        "discovery openid",
        discovery.openid_configuration,
        holds=status(200),
        defect="openid_configuration_is_missing",
        who=engine,
        warm=nothing,
    ),
    of(
        "discovery statement",
        lambda w: discovery.capability_statement(w.engine, w.app()),
        holds=status(200),
        who=lambda w: w,
        silent="/metadata",
        warm=nothing,
    ),
    of("brands answer", brands.answer, holds=status(200), who=engine, silent="brand", warm=nothing),
    of(
        "brands page",
        brands.from_a_page,
        holds=lambda x: bool(x.answer.header("access-control-allow-origin")),
        defect="brands_lack_cors",
        who=engine,
        warm=nothing,
    ),
    of("brands again", brands.again, holds=status(304), defect="brands_ignore_if_none_match", who=engine, warm=nothing),
    of(
        "brands identifier",
        brands.identifier,
        holds=bool,
        defect="smart_configuration_omits_user_access_brand_identifier",
        who=engine,
        warm=nothing,
    ),
    *(
        of("cors document", cors.public_document, name, holds=allowed, defect=defect, who=engine, warm=nothing)
        for name, defect in {"SMART configuration": "no_cors_on_smart_configuration", "CapabilityStatement": "no_cors_on_metadata"}.items()
    ),
    of("cors redeem", cors.redeem, holds=allowed, defect="no_cors_on_token_endpoint", silent=TOKEN),
    of("cors junk", cors.redeem_junk, holds=allowed, defect="no_cors_on_token_errors", silent=TOKEN),
    of("cors read", cors.read, holds=allowed, defect="no_cors_on_fhir_endpoints", silent=FHIR),
    of("cors read junk", cors.read_with_junk, holds=allowed, defect="no_cors_on_fhir_errors", silent=FHIR),
    *(
        of("cors lookalike", cors.lookalike_calls, page, holds=no_credentials, defect=defect)
        for page, defect in zip(cors.LOOKALIKES, LOOSE, strict=True)
    ),
    of("cors call", cors.fhir_call, "search", holds=allowed, defect="no_cors_on_fhir_searches", silent=FHIR),
    of("cors call", cors.fhir_call, "search by POST", holds=allowed),
    of("cors call", cors.fhir_call, "read of what is not there", holds=allowed, defect="no_cors_on_what_is_not_there", silent=FHIR),
    of("cors preflight token", cors.preflight_of_token_request, holds=allowed, defect="refuses_preflight_on_token_endpoint", silent=TOKEN),
    of("cors preflight read", cors.preflight_of_read, holds=allowed, defect="refuses_preflight_on_fhir_endpoints", silent=FHIR),
    of("cors preflight update", cors.preflight_of_update, holds=allowed, silent=""),
    *(
        of("cors foreign", cors.foreign_call, place, holds=lambda call: call.exchange.response is not None, silent=silent)
        for place, silent in {"the token endpoint": TOKEN, "a FHIR endpoint": FHIR}.items()
    ),
    of(
        "cors foreign authorization",
        cors.foreign_authorization,
        holds=lambda call: not fields(call),
        defect="allows_foreign_origins_at_authorization_endpoint",
        silent="/oauth/authorize",
    ),
    of("bearer path", path, holds=lambda where: where.startswith("Patient/")),
]
