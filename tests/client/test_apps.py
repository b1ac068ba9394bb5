"""Which registration is used where, and what is said where none can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from smartlaunch.errors import Blocked, LoginStuck, NotApplicable, NotConfigured
from tests.client.conftest import PEOPLE, PUBLIC, SECRET, Server

LAUNCH_URI = 'launch_uri = "https://app.example/launch"\n'
EHR_ONLY = PUBLIC.replace("launch/patient", "launch") + LAUNCH_URI
CHART = '[ehr_launch]\nkind = "page"\nurl = "https://ehr.example/chart"\n'
BACKEND = '[clients.job]\nrole = "backend"\nclient_id = "job"\nscopes = "system/*.rs"\nprivate_jwk = { env = "K" }\n'


def test_an_app_is_always_the_same_object(run: Callable[..., Any]) -> None:
    apps = run(PUBLIC + LAUNCH_URI + CHART).apps
    assert apps.launched("public", "standalone") is apps.any()
    assert apps.launched("public", "ehr") is not apps.any()
    assert apps.any(["ehr"]) is apps.launched("public", "ehr")


def test_an_app_that_only_the_ehr_opens_is_never_put_through_a_request_of_its_own(run: Callable[..., Any], server: Server) -> None:
    apps = run(EHR_ONLY + CHART).apps
    with pytest.raises(NotConfigured, match="is not one that opens itself") as caught:
        apps.launched("public", "standalone")
    assert caught.value.key == '[clients.web] launches = [..., "standalone"]'
    assert apps.any().launch_kind == "ehr"
    assert apps.of_role("public").launch_kind == "ehr"
    assert server.logins() == 0


@pytest.mark.parametrize(
    ("tables", "kind", "key"),
    [
        (PUBLIC, "ehr", "[ehr_launch]"),
        (PUBLIC + CHART, "ehr", "[clients.web] launch_uri"),
        (SECRET, "standalone", '[clients.<name>] role = "public"'),
        (PUBLIC + LAUNCH_URI + 'launches = ["standalone"]\n' + CHART, "ehr", '[clients.web] launches = [..., "ehr"]'),
    ],
)
def test_what_is_missing_is_named_by_its_key(run: Callable[..., Any], tables: str, kind: str, key: str) -> None:
    with pytest.raises(NotConfigured) as caught:
        run(tables).apps.launched("public", kind)
    assert caught.value.key == key


def test_a_way_of_launching_that_the_server_does_not_claim_does_not_apply(run: Callable[..., Any], server: Server) -> None:
    server.configuration["capabilities"] = ["launch-ehr"]
    apps = run(PUBLIC + LAUNCH_URI + CHART).apps
    with pytest.raises(NotApplicable, match="does not claim the capability `launch-standalone`") as caught:
        apps.launched("public", "standalone")
    assert not isinstance(caught.value, NotConfigured)
    assert apps.any().launch_kind == "ehr"
    server.configuration["capabilities"] = ["sso-openid-connect"]
    with pytest.raises(NotApplicable) as caught:
        run(PUBLIC + LAUNCH_URI + SECRET + CHART).apps.any(roles=["public"])
    assert not isinstance(caught.value, NotConfigured)


def test_a_server_that_lists_no_capabilities_is_tried(run: Callable[..., Any], server: Server) -> None:
    server.configuration["capabilities"] = []
    assert run().apps.any().launch_kind == "standalone"


def test_with_no_app_at_all_the_key_is_named(run: Callable[..., Any]) -> None:
    apps = run(BACKEND, K='{"kty": "EC"}').apps
    assert apps.of_role("backend").launch_kind == ""
    with pytest.raises(NotConfigured, match="no client with role = 'public'"):
        apps.any()
    with pytest.raises(NotConfigured):
        apps.of_role("confidential-asymmetric")


def test_every_app_of_some_roles_that_can_be_launched(run: Callable[..., Any]) -> None:
    second = EHR_ONLY.replace("clients.web", "clients.other").replace('"web-1"', '"web-2"\nuse = "second"')
    apps = run(PUBLIC + second + BACKEND, K='{"kty": "EC"}').apps
    assert [app.client.name for app in apps.any_of(["backend", "public"], ("primary", "second"))] == ["job", "web"]
    with pytest.raises(NotConfigured):
        apps.any().other("narrow")
    assert apps.any().other().client.name == "other"


def test_a_redirect_uri_with_a_query(run: Callable[..., Any]) -> None:
    with pytest.raises(NotConfigured, match="no configured client has a redirect URI with a query"):
        run().apps.with_redirect_query()
    query = PUBLIC.replace("/redirect", "/redirect?site=1")
    assert run(query).apps.with_redirect_query().client.redirect_uri.endswith("?site=1")
    with pytest.raises(NotConfigured, match="cannot be launched"):
        run(query.replace("launch/patient", "launch") + LAUNCH_URI + PEOPLE).apps.with_redirect_query()


def test_a_way_of_launching_that_brings_nothing_is_left_for_the_other(run: Callable[..., Any]) -> None:
    apps = run(PUBLIC + LAUNCH_URI + CHART).apps
    standalone, ehr = apps.launched("public", "standalone"), apps.launched("public", "ehr")

    def stuck() -> None:
        raise LoginStuck("the server shows an error page")

    assert apps.any() is standalone
    with pytest.raises(Blocked):
        standalone.once("the right flow", stuck)
    assert standalone.gets_nowhere
    assert apps.any() is ehr
    assert apps.any(["standalone"]) is standalone, "there is no other one"
    with pytest.raises(Blocked):
        ehr.once("the right flow", stuck)
    assert apps.any() is standalone, "neither does better, and the first one says why"
