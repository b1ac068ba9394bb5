"""What becomes of a grant: refreshed, revoked, introspected."""

from __future__ import annotations

from typing import Any

from smartlaunch.probes import ended, foreign_revocation, introspection, revocation
from smartlaunch.probes.client_authentication import either
from smartlaunch.probes.refresh import access, right, wrong

from .cases import Case, issued, refused, status, withheld

TOKEN, REVOKE, INTROSPECT = "/oauth/token", "/oauth/revoke", "/oauth/introspect"


def app(world: Any) -> Any:
    return world.app()


def confidential(world: Any) -> Any:
    return world.apps.of_role("confidential-symmetric")


def backend(world: Any) -> Any:
    return world.app("backend")


def warm(world: Any) -> None:
    app(world).grant()
    confidential(world).grant()


def of(
    name: str, probe: Any, *arguments: Any, holds: Any, defect: str = "", silent: str = TOKEN, who: Any = app, quiet: bool = False
) -> Case:
    words = " ".join(map(str, arguments))
    return Case(f"{name} {words}".strip(), lambda w: probe(who(w), *arguments), holds, defect, silent, warm, quiet)


def refreshed(found: Any) -> bool:
    return found.answer.succeeded and not found.gained and not found.lost


def inactive(exchange: Any) -> bool:
    return exchange.answer.object.get("active") is False


CASES = [
    of("refresh right", right.refreshed, holds=refreshed, defect="widens_scopes_at_refresh"),
    of("refresh again", right.again, holds=refreshed, defect="loses_scopes_with_rotation"),
    of("refresh part", right.part, holds=lambda r: r.answer.succeeded and not r.gained),
    of("refresh whole", right.whole_after_part, holds=refreshed, defect="narrows_scopes_at_refresh"),
    of(
        "refresh renewed",
        right.renewed,
        holds=lambda r: r.first["sub"] == r.second["sub"] and r.received_at and r.exchange.id,
        defect="refreshed_id_token_has_another_sub",
    ),
    of(
        "refresh renewed after a sign-in",
        right.renewed_after_a_sign_in,
        holds=lambda r: r.first["auth_time"] == r.second["auth_time"],
        defect="refreshed_id_token_tells_of_the_last_sign_in",
    ),
    of("refresh empty scope", right.with_empty_scope, holds=refreshed, defect="takes_an_empty_scope_at_refresh_for_no_scope"),
    of("refresh offline", access.without_browser, holds=lambda r: r.answer.succeeded),
    of("refresh offline left", access.offline_after_sign_out, holds=lambda r: r.answer.succeeded, defect="ends_offline_access_at_logout"),
    of("refresh online", access.while_online, holds=lambda r: r.answer.succeeded, defect="refuses_online_refresh"),
    of("refresh online left", access.online_after_sign_out, holds=lambda r: refused(r.answer), defect="keeps_online_access_after_logout"),
    of("refresh offline grant", access.offline_grant, holds=lambda g: "offline_access" in g.granted),
    *(
        of("refresh wrong", wrong.with_token, label, holds=refused, defect="accepts_any_refresh_token" if "made-up" in label else "")
        for label in wrong.WRONG
    ),
    of("refresh without", wrong.without_token, holds=refused, quiet=True),
    of("refresh another", wrong.by_another_client, holds=refused, defect="accepts_refresh_token_of_another_client"),
    *(of("refresh badly", wrong.badly_authenticated, label, holds=refused, who=confidential) for label in either.WRONG),
    Case(
        "refresh badly by key",
        lambda w: wrong.badly_authenticated(w.apps.of_role("confidential-asymmetric"), "wrong client authentication"),
        refused,
    ),
    of("refresh revoked", wrong.after_revocation, holds=refused, defect="accepts_revoked_refresh_token"),
    *(
        of(
            "refresh wider",
            wrong.wider,
            label,
            holds=lambda found: refused(found.refreshed.answer) or not found.refreshed.gained,
            defect="grants_wider_scopes_at_refresh" if "before" in label else "",
        )
        for label in wrong.WIDER
    ),
    of(
        "refresh beyond part",
        wrong.beyond_the_part,
        holds=lambda found: withheld(found.read),
        defect="keeps_the_whole_scope_in_force_after_a_refresh_for_a_part",
    ),
    of(
        "refresh smaller grant",
        wrong.of_what_is_left,
        holds=lambda found: found.refreshed.answer.succeeded and not found.refreshed.gained,
        defect="refreshes_with_the_scopes_before_the_consent",
    ),
    *(
        of("refresh doubled", wrong.with_doubled, label, holds=refused, defect="accepts_repeated_parameters_of_a_refresh")
        for label in wrong.DOUBLED
    ),
    of(
        "revoke renewed",
        wrong.access_token_of_revoked_line,
        holds=lambda use: use.judged.answer.status == 401,
        defect="keeps_refreshed_access_tokens_of_a_revoked_refresh_token",
    ),
    of(
        "ended introspection",
        ended.after_revocation,
        holds=lambda found: inactive(ended.told(found.introspection)),
        defect="remembers_tokens_that_it_called_active",
    ),
    of(
        "ended userinfo",
        ended.after_revocation,
        holds=lambda found: ended.told(found.userinfo).answer.status == 401,
        defect="userinfo_remembers_tokens_that_it_answered",
    ),
    of(
        "refresh by kind",
        wrong.by_another_kind,
        holds=refused,
        defect="gives_refresh_tokens_of_public_clients_to_confidential_ones",
    ),
    *(
        of(name, probe, holds=lambda found: refused(found.refreshed.answer), defect=defect)
        for name, probe, defect in [
            ("refresh left out", wrong.with_what_was_left_out, "gives_scopes_at_refresh_that_were_asked_for_at_first"),
            ("refresh every category", wrong.for_every_category, "compares_scopes_at_refresh_without_their_query"),
        ]
    ),
    of("refresh first of three", wrong.first_of_three, holds=refused, defect="knows_the_last_replaced_refresh_token_only"),
    of("refresh reused", wrong.reused, holds=lambda r: refused(r.replay), defect="accepts_rotated_refresh_token"),
    of(
        "revoke access",
        revocation.access_token,
        holds=lambda r: r.tried.answer.status == 401,
        defect="does_not_revoke_access_tokens",
        silent=REVOKE,
    ),
    of(
        "revoke access hint",
        revocation.access_token,
        "refresh_token",
        holds=lambda r: r.answer.answer.status == 200,
        defect="refuses_a_wrong_token_type_hint_at_revocation",
    ),
    of(
        "revoke access unknown hint",
        revocation.access_token,
        "smartlaunch_token",
        holds=lambda r: r.answer.answer.status == 200,
        defect="refuses_an_unknown_token_type_hint_at_revocation",
    ),
    of(
        "revoke refresh",
        revocation.refresh_token,
        holds=lambda r: r.refreshed.answer.status == 400,
        defect="does_not_revoke_refresh_tokens",
        silent=REVOKE,
    ),
    of("revoke unknown", revocation.unknown, holds=status(200), defect="answers_unknown_token_at_revocation_with_an_error", silent=""),
    of("revoke nothing", revocation.without_token, holds=status(400)),
    of(
        "revoke badly",
        foreign_revocation.badly_authenticated,
        "no client authentication",
        holds=lambda r: r.tried.answer.status == 200,
        defect="revokes_without_authentication",
        silent=REVOKE,
        who=confidential,
    ),
    of(
        "revoke another",
        foreign_revocation.by_another_client,
        holds=lambda r: r.tried.answer.status == 200,
        defect="revokes_tokens_of_other_clients",
        silent=REVOKE,
    ),
    of(
        "revoke refresh of another",
        foreign_revocation.refresh_token_by_another_client,
        holds=issued,
        defect="revokes_refresh_tokens_of_other_clients",
        silent=REVOKE,
    ),
    of(
        "revoke service",
        revocation.of_service,
        holds=lambda r: r.tried.answer.status == 401,
        defect="does_not_revoke_backend_tokens",
        silent=REVOKE,
        who=backend,
    ),
    of(
        "introspect service",
        introspection.of_service,
        holds=lambda i: i.exchange.answer.object.get("client_id") and not i.lost and not i.gained,
        defect="introspection_omits_client_id_of_backend_services",
        silent=INTROSPECT,
        who=backend,
    ),
    of(
        "introspect",
        introspection.live,
        holds=lambda i: i.body.get("active") is True and not i.lost and not i.gained and i.context and i.expires_at and i.id_token_claims,
        defect="introspection_sends_another_scope",
        silent=INTROSPECT,
    ),
    of(
        "introspect hint",
        introspection.with_hint,
        "refresh_token",
        holds=lambda i: i.body.get("active") is True,
        defect="heeds_a_wrong_token_type_hint_at_introspection",
        silent=INTROSPECT,
    ),
    of(
        "introspect renewed",
        introspection.of_renewed,
        holds=lambda found: found.second.answer.object["exp"] > found.first.answer.object["exp"],
        defect="introspection_sends_the_first_exp_after_a_refresh",
    ),
    of(
        "introspect less",
        introspection.of_less,
        holds=lambda i: not i.lost and not i.gained,
        defect="introspection_sends_the_scope_before_the_consent",
        silent=INTROSPECT,
    ),
    of(
        "introspect charset",
        introspection.with_charset,
        holds=status(200),
        defect="refuses_a_charset_at_introspection",
        silent=INTROSPECT,
    ),
    of("revoke charset", revocation.unknown_with_charset, holds=status(200), defect="refuses_a_charset_at_revocation", silent=""),
    of("introspect nothing", introspection.without_token, holds=status(400), silent=""),
    *(
        of("introspect inactive", introspection.inactive, label, holds=inactive, defect=defect, silent=INTROSPECT)
        for label, defect in {
            "was never issued": "calls_unknown_tokens_active",
            "has one character changed": "",
            "was revoked": "calls_revoked_tokens_active",
            "is a refresh token that was replaced and refused": "calls_replaced_refresh_tokens_active",
        }.items()
    ),
    *(
        of("introspect unauthorized", introspection.unauthorized, label, holds=status(400, 401, 403), defect=defect, silent="", who=who)
        for label, defect, who in [
            ("no authorization", "lets_anybody_introspect", app),
            ("a made-up bearer token", "accepts_any_bearer_token_at_introspection", app),
            ("a revoked bearer token", "accepts_revoked_bearer_tokens_at_introspection", app),
            ("a wrong secret", "introspects_for_wrong_credentials", confidential),
        ]
    ),
    of(
        "introspect bearer",
        introspection.by_bearer,
        holds=lambda i: i.body.get("active") is True,
        defect="refuses_bearer_tokens_at_introspection",
        silent=INTROSPECT,
        who=confidential,
    ),
    of(
        "introspect another",
        introspection.of_another_client,
        holds=lambda i: i.body.get("active") is True,
        defect="hides_tokens_from_resource_servers",
        silent=INTROSPECT,
        who=confidential,
    ),
]
