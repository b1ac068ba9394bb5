"""What a registration can do: how its app is launched, how it proves itself, and where its EHR launches come from."""

import pytest

from smartlaunch.errors import NotConfigured, TargetFileError
from smartlaunch.target import parse_target

HEAD = """\
schema = 1
[target]
fhir_base_url = "https://ehr.example/fhir"
"""
APP = """\
[clients.web]
role = "public"
client_id = "web-1"
scopes = "openid launch/patient patient/*.rs"
redirect_uri = "https://app.example/redirect"
"""
PASTED = '[ehr_launch]\nkind = "pasted"\niss = "https://ehr.example/fhir"\nlaunch = ["first", "second"]\n'
LAUNCH_URI = 'launch_uri = "https://app.example/launch"\n'
EHR_ONLY = APP.replace("launch/patient", "launch")


def launches(text):
    return parse_target(HEAD + text).clients["web"].launches


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (APP, ("standalone",)),
        (APP + LAUNCH_URI, ("standalone", "ehr")),
        (EHR_ONLY + LAUNCH_URI, ("ehr",)),
        (EHR_ONLY, ("standalone",)),
        (EHR_ONLY + PASTED, ("ehr",)),
        (APP + PASTED, ("standalone", "ehr")),
        (APP.replace("launch/patient", "launch launch/patient") + LAUNCH_URI, ("standalone", "ehr")),
        (APP + LAUNCH_URI + 'launches = ["ehr"]\n', ("ehr",)),
        (APP + LAUNCH_URI + 'launches = ["ehr", "standalone"]\n', ("standalone", "ehr")),
        (EHR_ONLY + LAUNCH_URI + 'launches = ["standalone"]\n', ("standalone",)),
    ],
)
def test_how_an_app_is_launched_is_written_or_told_by_scopes_and_uris(text, expected):
    assert launches(text) == expected


def test_nobody_launches_a_backend_service():
    backend = '[clients.web]\nrole = "backend"\nclient_id = "b"\nscopes = "system/*.rs"\nprivate_jwk = { env = "K" }\n'
    assert launches(backend) == ()
    with pytest.raises(TargetFileError, match="nobody launches a client with role `backend`") as caught:
        launches(backend + 'launches = ["ehr"]\n')
    assert caught.value.line == 9


@pytest.mark.parametrize(
    ("more", "line", "words"),
    [
        ('launches = ["ehr"]', 9, "`launches` has `ehr`, but key `launch_uri` is missing in [clients.web]"),
        ("launches = []", 9, "`clients.web.launches`"),
        ('launches = ["app"]', 9, "'app', must be one of standalone, ehr"),
        ('launches = "ehr"', 9, "must be a list, not a text"),
        ('token_endpoint_auth_method = "client_secret_basic"', 9, "a client with role `public` has: none"),
        ('token_endpoint_auth_method = "basic"', 9, "must be one of none, client_secret_basic"),
        ('ehr_launch = { kind = "page" }', 9, "key `url` is missing in [clients.web.ehr_launch]"),
        ('ehr_launch = { kind = "pasted", iss = "https://ehr.example/fhir", launch = ["a", "a"] }', 9, "holds the same value twice"),
        ('ehr_launch = { kind = "link", urll = "x" }', 9, "unknown key `urll` in [clients.web.ehr_launch], did you mean `url`?"),
    ],
)
def test_each_mistake_is_named_with_its_line(more, line, words):
    with pytest.raises(TargetFileError) as caught:
        parse_target(HEAD + APP + more + "\n")
    assert words in str(caught.value)
    assert caught.value.line == line


def test_pasted_launches_are_a_list_of_one_or_more_and_may_come_from_the_environment():
    assert parse_target(HEAD + APP + PASTED).pasted_launches == ("first", "second")
    one = PASTED.replace('["first", "second"]', '{ env = "LAUNCH" }')
    assert parse_target(HEAD + APP + one, env={"LAUNCH": "only"}).pasted_launches == ("only",)
    listed = PASTED.replace('"second"', '{ env = "LAUNCH" }')
    assert parse_target(HEAD + APP + listed, env={"LAUNCH": "other"}).pasted_launches == ("first", "other")


def test_an_app_may_have_its_own_ehr_launch():
    own = 'ehr_launch = { kind = "link", url = "https://ehr.example/launch?app=7" }\n'
    target = parse_target(HEAD + APP + LAUNCH_URI + own + PASTED)
    setting = target.ehr_launch_of(target.clients["web"])
    assert setting is not None
    assert setting.kind == "link"
    assert target.pasted_launches == ("first", "second")


def test_the_hash_leaves_pasted_values_out_and_keeps_the_rest():
    own = 'ehr_launch = {{ kind = "pasted", iss = "https://ehr.example/fhir", launch = "{}", patient = "{}" }}\n'
    hashes = [parse_target(HEAD + APP + own.format(*each)).hash for each in (("a", "p"), ("b", "p"), ("a", "q"))]
    assert hashes[0] == hashes[1]
    assert hashes[0] != hashes[2]


def test_a_user_of_a_page_that_asks_for_no_password_has_none():
    target = parse_target(HEAD + APP + '[users.me]\nusername = "me"\n')
    assert target.users["me"].password is None
    assert target.secrets == ()


def test_who_is_chosen_and_what_is_missing_is_named_with_its_key():
    users = "".join(
        f'[users.{name}]\nusername = "{name}"\npersona = "{persona}"\n{more}'
        for name, persona, more in (
            ("ann", "clinician", 'patients = ["p1"]\nfhir_user = "Practitioner/1"\n'),
            ("ben", "patient", 'patients = ["p2"]\n'),
            ("cara", "clinician", ""),
            ("dan", "clinician", "patients = []\n"),
        )
    )
    target = parse_target(HEAD + APP + users)
    assert target.first_user is target.users["ann"]
    assert [user.name for user in target.other_users()] == ["cara", "ben"]
    assert target.colleague().name == "cara"
    assert target.user_without_resource().name == "dan"
    assert [target.visible_patient(None, each) for each in ("p1", "p9")] == ["p1", "p1"]
    assert target.visible_patient(target.users["cara"], "p9") == "p9"
    alone = parse_target(HEAD + APP)
    assert alone.first_user is None
    assert alone.other_users() == []
    for ask in (
        alone.colleague,
        alone.user_without_resource,
        alone.client_with_redirect_query,
        lambda: alone.redirect_uri_of_another(alone.clients["web"]),
        lambda: alone.client("backend"),
        alone.user,
    ):
        with pytest.raises(NotConfigured) as caught:
            ask()
        assert caught.value.key.startswith("[")
