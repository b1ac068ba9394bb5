"""The target file: what is read, and what is said about every way to get it wrong."""

import json
import os
import pickle
from datetime import date
from pathlib import Path

import jsonschema
import pytest

from smartlaunch.addresses import is_loopback
from smartlaunch.errors import LookupFailed, NotApplicable, TargetFileError, UsageError
from smartlaunch.target import APP_ROLES, Secret, ehr_launch_scopes, load_target, parse_target, schema, target_names

WHOLE = """\
schema = 1

[target]
name = "Lakeside"
fhir_base_url = "https://ehr.example/fhir"
edition = "2.0"
vendor = "lakeside"

[clients.web]
role = "public"
client_id = "web-1"
scopes = "openid fhirUser launch/patient launch/encounter patient/*.rs"
redirect_uri = "https://app.example/redirect"
launch_uri = "org.example.app:/launch"
registered = { smart_version = "v2", scopes = ["openid", "patient/*.rs"] }

[clients.server]
role = "confidential-symmetric"
client_id = { env = "SERVER_ID" }
client_secret = { env = "SERVER_SECRET" }
scopes = ["openid", "launch/patient"]
ehr_launch_scopes = ["openid", "launch"]
redirect_uri = "http://127.0.0.1:3000/redirect"

[clients.signed]
role = "confidential-asymmetric"
use = "second"
client_id = "signed-1"
private_jwk = { file = "keys/private.jwk" }
scopes = "openid"
redirect_uri = "org.example.app:/redirect"

[clients.backend]
role = "backend"
client_id = "backend-1"
private_jwks = { file = "keys/set.json" }
jwks_uri = "http://127.0.0.1:4000/jwks"
scopes = "system/*.rs"

[users.doctor]
username = "doctor"
password = { env = "DOCTOR_PASSWORD" }
persona = "clinician"
fhir_user = "Practitioner/p-1"
patients = ["p1", "p2"]

[users.second]
username = "second"
password = { env = "DOCTOR_PASSWORD" }
persona = "clinician"

[users.nobody]
username = "nobody"
password = { env = "DOCTOR_PASSWORD" }
persona = "clinician"
patients = []

[patients]
default = "p1"
other = "p2"
names = { p1 = "Stone, Amelia", p2 = ["Bruno", "B. C."] }

[login]
[[login.steps]]
page = { title_contains = "Role" }
click = "#clinician"
[[login.steps]]
fill = [{ selector = "#user", role = "user" }]

[ehr_launch]
kind = "page"
url = "https://ehr.example/chart"
patient = "p1"

[expect]
scopes = "openid"
patient = "p1"
refresh_token = false

[limits]
request_s = 3
rate = 2.5

[probes]
allow_writes = true

[[deviations]]
match = "SMART-2.2-*-pragma"
reason = "known"
expires = 2027-01-31
"""
SMALL = """\
schema = 1
[target]
fhir_base_url = "https://ehr.example/fhir"
[clients.web]
role = "public"
client_id = "web-1"
scopes = "openid"
redirect_uri = "https://app.example/redirect"
"""
ENV = {"SERVER_ID": "server-1", "SERVER_SECRET": "s3cret-value-canary", "DOCTOR_PASSWORD": "pass-canary"}


def refusal(text: str, **more: object) -> TargetFileError:
    with pytest.raises(TargetFileError) as caught:
        parse_target(text, path="my/target.toml", env={}, **more)
    return caught.value


def test_every_part_of_a_file_is_read():
    target = parse_target(WHOLE, env=ENV)
    assert (target.name, target.edition, target.vendor) == ("Lakeside", "2.0", "lakeside")
    web = target.client("public")
    assert web.scopes[0] == "openid"
    assert web.ehr_launch_scopes == ("openid", "fhirUser", "launch", "patient/*.rs")
    assert web.registered.smart_version == "v2"
    assert web.registered.scopes == ("openid", "patient/*.rs")
    server = target.client("confidential-symmetric")
    assert server.client_id == "server-1"
    assert server.client_secret is not None
    assert server.client_secret.reveal() == ENV["SERVER_SECRET"]
    assert server.ehr_launch_scopes == ("openid", "launch")
    assert target.client("confidential-asymmetric", "second").redirect_uri == "org.example.app:/redirect"
    assert target.patients.names == {"p1": ("Stone, Amelia",), "p2": ("Bruno", "B. C.")}
    assert target.login.steps[1]["fill"] == [{"selector": "#user", "role": "user"}]
    assert target.ehr_launch is not None
    assert target.ehr_launch.kind == "page"
    assert target.expect.scopes == ("openid",)
    assert target.expect.refresh_token is False
    assert (target.limits.request_s, target.limits.login_s, target.limits.body_bytes, target.limits.rate) == (3, 60.0, 5_000_000, 2.5)
    assert target.probes.allow_writes
    assert not target.probes.lockout
    assert target.warnings == ()


def test_people_are_found_by_persona_number_and_what_they_see():
    target = parse_target(WHOLE, env=ENV)
    assert target.user().name == "doctor"
    assert target.user(persona="clinician", number=1).name == "second"
    assert target.user(patients=False).name == "nobody"
    assert target.user("nobody").patients == ()
    with pytest.raises(NotApplicable, match="persona = 'patient'"):
        target.user(persona="patient")
    with pytest.raises(NotApplicable, match=r"role = 'public' and use = 'narrow'"):
        target.client("public", "narrow")


def test_a_deviation_counts_until_its_day_is_over():
    deviation = parse_target(WHOLE, env=ENV).deviations[0]
    assert deviation.applies("SMART-2.2-token-pragma", date(2027, 1, 31))
    assert not deviation.applies("SMART-2.2-token-pragma", date(2027, 2, 1))
    assert not deviation.applies("SMART-2.2-token-pragma-b", date(2026, 1, 1))


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("client_id =", "clientid =", 6, "unknown key `clientid` in [clients.web], did you mean `client_id`?"),
        ("client_id =", "client-id =", 6, "did you mean `client_id`?"),
        ("[target]", "[targte]", 2, "unknown key `targte` at the top of the file, did you mean `target`?"),
        ('role = "public"', 'role = "publick"', 5, "must be one of public, confidential-symmetric"),
        ('role = "public"', "role = 3", 5, "`clients.web.role` is a number"),
        ('client_id = "web-1"', "client_id = 7", 6, "`clients.web.client_id` must be a text"),
        ('client_id = "web-1"', 'client_id = ""', 6, "must be a text"),
        ('client_id = "web-1"\n', "", 4, "key `client_id` is missing in [clients.web]"),
        ("schema = 1\n", "", None, "key `schema` is missing at the top of the file"),
        ("schema = 1", "schema = 2", 1, "`schema` must be 1"),
        ("https://ehr.example/fhir", "ehr.example/fhir", 3, "must be an absolute http or https URL"),
        ("https://ehr.example/fhir", "https://user:pw-canary@ehr.example/fhir", 3, "must not hold a user name"),
        ("https://ehr.example/fhir", "https://ehr.example/fhir?x=1", 3, "no query"),
        ("https://ehr.example/fhir", "https://ehr.example:99999/fhir", 3, "is not a URL that can be read"),
        ("https://app.example/redirect", "/redirect", 8, "must be an absolute URI"),
        ("https://app.example/redirect", "https://app.example/#x", 8, "no fragment"),
        ('redirect_uri = "https://app.example/redirect"\n', "", 4, "key `redirect_uri` is missing in [clients.web]"),
        ('scopes = "openid"\n', "", 4, "key `scopes` is missing"),
        ('scopes = "openid"', "scopes = 4", 7, "a list of scopes"),
        ('scopes = "openid"', 'scopes = ["a b"]', 7, "a list of scopes"),
        ('role = "public"', 'role = "confidential-symmetric"', 4, "key `client_secret` is missing in [clients.web], a client with role"),
        ('role = "public"', 'role = "confidential-asymmetric"', 4, "key `private_jwk` is missing"),
        ('scopes = "openid"', 'scopes = "openid"\nclient_secret = "pw-canary"', 8, "a secret never stands in the file itself"),
        (
            'scopes = "openid"',
            'scopes = "openid"\nclient_secret = { evn = "X" }',
            8,
            "unknown key `evn` in [clients.web.client_secret], did you mean `env`?",
        ),
        ('client_id = "web-1"', 'client_id = "web-1"\nclient_id = "b"', 7, "key `client_id` is written twice"),
        ("[clients.web]", "[target]", 4, "table [target] is written twice"),
        ("schema = 1", "schema 1", 1, "this is not TOML"),
        ("schema = 1", 'schema = 1\nx = "pw-canary', 2, "this is not TOML"),
    ],
)
def test_each_mistake_is_named_with_its_line(old, new, line, words):
    assert old in SMALL
    problem = refusal(SMALL.replace(old, new, 1))
    assert words in str(problem)
    assert problem.line == line
    assert str(problem).startswith(f"my/target.toml:{line}:" if line else "my/target.toml:")
    assert "pw-canary" not in str(problem)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("[limits]\nrequest_s = nan", "finite"),
        ("[limits]\nrequest_s = inf", "at most 600"),
        ("[limits]\nrequest_s = 0", "more than 0"),
        ("[limits]\nrequest_s = true", "must be a number, not true or false"),
        ("[limits]\nbody_bytes = 1.5", "must be a whole number"),
        ("[expect]\npatient = 3", "must be true or false or a text"),
        ('[patients]\ndefault = "p"\nother = "p"', "the same patient"),
        ('[login]\nrecipe = "steps"', "no [[login.steps]]"),
        ("[[login.steps]]\nclick = 3", "`login.steps[1].click` must be a text"),
        ('[[login.steps]]\nfil = "x"', "unknown key `fil` in [[login.steps]] number 1, did you mean `fill`?"),
        ('[ehr_launch]\nkind = "page"', "key `url` is missing in [ehr_launch]"),
        ('[ehr_launch]\nkind = "pasted"\niss = "https://ehr.example/fhir"', "key `launch` is missing"),
        ('[[deviations]]\nmatch = "x"\nreason = "y"\nexpires = "soon"', "must be a day"),
        ("[target.more]\nx = 1", "unknown key `more` in [target]"),
        (
            '[users.a]\nusername = "u"\npassword = { file = "x" }\nfhir_user = "Doctor/1"',
            "`users.a.fhir_user` does not have the right form",
        ),
        (
            '[clients.b]\nrole = "public"\nclient_id = "b"\nscopes = "x"\nredirect_uri = "a:/b"',
            "[clients.web] and [clients.b] both have role `public`",
        ),
    ],
)
def test_mistakes_in_further_tables_are_named(extra, words):
    assert words in str(refusal(SMALL + extra + "\n"))


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file():
    problem = refusal(SMALL.replace("client_id", "clientid").replace('role = "public"', 'role = "x"') + "[limits]\nrequest_s = 'a'\n")
    rows = [line for line in str(problem).splitlines() if "my/target.toml:" in line]
    assert [int(row.split("target.toml:")[1].split(":")[0]) for row in rows] == [5, 6, 10]


@pytest.mark.parametrize("text", ["x = [", "[[[", "=", "a.b.c = {", '"', "\x00", "[" * 5000, "x = " + "[" * 100_000, "schema = 1\n" * 2])
def test_broken_text_ends_in_one_message(text):
    assert "target.toml" in str(refusal(text))


def test_a_missing_variable_is_named_with_key_and_line_and_only_when_it_is_used():
    target = parse_target(WHOLE, path="t.toml", env={"SERVER_ID": "x", "DOCTOR_PASSWORD": ""})
    secret = target.client("confidential-symmetric").client_secret
    assert secret is not None
    with pytest.raises(TargetFileError, match=r"t\.toml:20: clients\.server\.client_secret: environment variable SERVER_SECRET is not set"):
        secret.reveal()
    missing = "\n".join(target.missing_secrets())
    assert "SERVER_SECRET is not set" in missing
    assert "DOCTOR_PASSWORD is empty" in missing
    assert "keys/private.jwk is not there" in missing
    with pytest.raises(TargetFileError, match=r"t\.toml:19: clients\.server\.client_id: environment variable SERVER_ID is not set"):
        parse_target(WHOLE, path="t.toml", env={})


def test_secret_files_lie_beside_the_target_file(tmp_path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "private.jwk").write_text(json.dumps({"kty": "EC", "d": "canary"}))
    (tmp_path / "keys" / "set.json").write_text(json.dumps({"keys": [{"kty": "RSA"}, {"kty": "EC"}]}))
    path = tmp_path / "t.toml"
    path.write_text(WHOLE)
    target = load_target(path, env=ENV)
    assert target.missing_secrets() == []
    assert target.client("confidential-asymmetric", "second").private_keys()[0]["d"] == "canary"
    assert len(target.client("backend").private_keys()) == 2
    (tmp_path / "keys" / "private.jwk").write_text("canary")
    with pytest.raises(TargetFileError) as caught:
        target.client("confidential-asymmetric", "second").private_keys()
    assert "is not JSON" in str(caught.value)
    assert "canary" not in str(caught.value)
    (tmp_path / "keys" / "private.jwk").write_text('{"x": "canary"}')
    with pytest.raises(TargetFileError, match="holds no JWK"):
        target.client("confidential-asymmetric", "second").private_keys()
    for content, words in ((b"\xff\xfe", "not UTF-8"), (b"", "is empty"), (b"x" * 200_000, "larger than")):
        (tmp_path / "keys" / "private.jwk").write_bytes(content)
        with pytest.raises(TargetFileError, match=words):
            target.client("confidential-asymmetric", "second").private_keys()


def test_no_way_of_printing_shows_a_secret():
    target = parse_target(WHOLE, env=ENV)
    literal = Secret.literal("canary-literal")
    for value in ENV.values():
        if "canary" in value:
            assert value not in repr(target) + str(target.secrets) + f"{target.clients}{target.users!r}"
    assert "canary" not in f"{literal} {literal!r} {[literal]}"
    with pytest.raises(TypeError):
        pickle.dumps(literal)


def test_the_hash_changes_with_the_content_and_never_with_secrets():
    first = parse_target(WHOLE, env=ENV)
    assert parse_target(WHOLE, env=ENV | {"SERVER_SECRET": "other"}).hash == first.hash
    assert parse_target(WHOLE.replace('{ env = "SERVER_SECRET" }', '{ file = "x" }'), env=ENV).hash == first.hash
    assert parse_target(WHOLE.replace("web-1", "web-2"), env=ENV).hash != first.hash
    pasted = '[ehr_launch]\nkind = "pasted"\niss = "https://ehr.example/fhir"\nlaunch = "{}"\n'
    assert parse_target(SMALL + pasted.format("a")).hash == parse_target(SMALL + pasted.format("b")).hash
    assert first.hash.startswith("sha256:")


def test_plain_http_is_a_warning_except_on_loopback():
    assert "plain http on ehr.example" in parse_target(SMALL.replace("https://ehr", "http://ehr")).warnings[0]
    for host in ("127.0.0.1", "localhost", "[::1]", "a.localhost"):
        assert is_loopback(host.strip("[]"))
        assert parse_target(SMALL.replace("https://ehr.example", f"http://{host}:80")).warnings == ()


def test_overrides_are_checked_like_the_file():
    assert parse_target(SMALL, overrides={"limits.request_s": 2, "target.name": "x"}).limits.request_s == 2
    assert "unknown key `nope`" in str(refusal(SMALL, overrides={"limits.nope": 2}))
    assert "is not a table" in str(refusal(SMALL, overrides={"schema.nope": 2}))


def test_a_file_may_start_with_a_byte_order_mark_and_end_its_lines_as_windows_does(tmp_path):
    path = tmp_path / "t.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load_target(path).client("public").client_id == "web-1"
    path.write_bytes(SMALL.replace("client_id", "clientid").replace("\n", "\r\n").encode())
    with pytest.raises(TargetFileError) as caught:
        load_target(path)
    assert caught.value.line == 6


def test_things_that_are_no_target_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("wrong.toml").write_bytes(b"schema = 1\n# caf\xe9\n")
    Path("large.toml").write_bytes(b"#" * 1_000_001)
    os.mkfifo("pipe.toml")
    Path("folder.toml").mkdir()
    cases = {
        "wrong.toml": "wrong.toml:2: the file is not UTF-8",
        "large.toml": "larger than",
        "pipe.toml": "not a regular file",
        "folder.toml": "a folder",
        "gone.toml": "no such file",
        "no/where.toml": "no such file",
        "a\0b.toml": "no such file",
    }
    for name, words in cases.items():
        with pytest.raises(UsageError, match=words):
            load_target(name)


def test_names_are_looked_up_here_first_and_unknown_ones_list_what_exists(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("targets").mkdir()
    Path("targets/mine.toml").write_text(SMALL)
    assert load_target("mine").path == Path("targets/mine.toml")
    assert "mine" in target_names()
    assert "oracle-health-patient" in target_names()
    assert load_target("embedded").embedded
    with pytest.raises(LookupFailed, match=r"did you mean: mine[\s\S]*there are: [\s\S]*embedded"):
        load_target("mien")
    with pytest.raises(LookupFailed):
        load_target("")


def test_the_examples_are_complete(monkeypatch):
    wanted = {}

    class Everything(dict):
        def get(self, key, default=None):
            wanted[key] = True
            return "https://app.example/value"

    names = [name for name in target_names() if name != "embedded"]
    for name in names:
        target = load_target(name, env=Everything())
        assert [client for client in target.clients.values() if client.role in APP_ROLES]
        assert [secret for secret in target.secrets if secret.kind == "env" and not secret.available] == []
    assert len(names) >= 3
    assert wanted


def test_the_published_schema_is_a_schema_and_takes_the_example():
    jsonschema.Draft202012Validator.check_schema(schema())


def test_launch_scopes_follow_from_scopes():
    assert ehr_launch_scopes(["openid", "launch/patient", "launch/encounter"]) == ("openid", "launch")
    assert ehr_launch_scopes(["openid"]) == ("launch", "openid")
    assert ehr_launch_scopes(["launch"]) == ("launch",)


@pytest.mark.parametrize(
    ("base", "said", "intrusive", "rate"),
    [
        ("https://ehr.example/fhir", "", False, 5),
        ("https://ehr.example/fhir", "[probes]\nintrusive = true\n[limits]\nrate = 0\n", True, 0),
        ("http://127.0.0.1:8080/fhir", "", True, 0),
        ("http://localhost:8080/fhir", "[probes]\nintrusive = false\n", False, 0),
    ],
)
def test_a_server_elsewhere_is_treated_as_a_guest_treats_it(base, said, intrusive, rate):
    target = parse_target(SMALL.replace("https://ehr.example/fhir", base) + said)
    assert (target.probes.intrusive, target.limits.rate) == (intrusive, rate)


def test_steps_in_the_words_of_before_are_read_and_the_words_of_today_told(tmp_path):
    path = tmp_path / "t.toml"
    path.write_text(
        SMALL
        + """
[[login.steps]]
wait_for = "#login"
fill = [{ selector = "#user", value = "username" }, { selector = "#domain", value = "clinic" }]
click = "#go"
[[login.steps]]
select = { selector = "#patient", value = "patient" }
"""
    )
    target = load_target(path)
    first, second = target.login.steps
    assert first == {
        "wait": "#login",
        "fill": [{"selector": "#user", "role": "user"}, {"selector": "#domain", "value": "clinic"}],
        "click": "#go",
    }
    assert second == {"choose": {"selector": "#patient", "role": "patient"}}
    line = SMALL.count("\n") + 3
    told = [warning for warning in target.warnings if "by now" in warning]
    assert told[0] == f"{path}:{line}: `wait_for` is called `wait` by now"
    assert len(told) == 4
