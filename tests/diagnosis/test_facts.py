"""Facts are right, hold no secret, come quickly, and no garbage makes them fail."""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartlaunch.evidence.facts import FlowMemory, derive, fhir_path, is_redacted, parse_www_authenticate, s256
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response

sys.path.insert(0, str(Path(__file__).parent))
from flow_maker import BASE, CODE, LAUNCH, STATE, TOKEN, VERIFIER, Flow, b64

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


def _facts(flow):
    memory = FlowMemory()
    return [(item, derive(flow.exchange(item), memory)) for item in flow.items]


def _of(flow, word):
    return next(f for item, f in _facts(flow) if word in item["url"])


def test_good_flow():
    flow = Flow()
    authorize, token, fhir = _of(flow, "/authorize?"), _of(flow, "/token"), _of(flow, "/Patient/")
    assert authorize["aud_equals_base"]
    assert authorize["launch_equal"]
    assert authorize["launch_reused"] is False
    assert authorize["code_challenge_base64url"]
    assert authorize["state_length"] == len(STATE)
    assert token["verifier_matches_challenge"]
    assert token["redirect_uri_equal"]
    assert token["client_auth"] == "none"
    assert token["code_reused"] is False
    assert token["seconds_since_code"] == 4
    assert token["scope_dropped"] == []
    assert token["context"] == ["patient"]
    assert fhir["bearer_known"]
    assert fhir["token_age_s"] == 6
    assert fhir["token_expired"] is False
    assert fhir["resource_type"] == "Patient"
    assert fhir["interaction"] == "read"


def test_facts_hold_no_secret():
    text = json.dumps([f for _, f in _facts(Flow())])
    for secret in (CODE, TOKEN, VERIFIER, STATE, LAUNCH, s256(VERIFIER)):
        assert secret not in text


def test_second_use_of_code_and_altered_state():
    tokens = [f for item, f in _facts(Flow(twice=True)) if "/token" in item["url"]]
    assert [f["code_reused"] for f in tokens] == [False, True]
    assert next(f for item, f in _facts(Flow(returned_state="x")) if "code=" in item["url"])["state_returned_equal"] is False


def test_plain_base64_is_seen():
    token = _of(Flow(verifier="a+b/" * 12, token_status=400, token_error={}), "/token")
    assert token["verifier_unreserved"] is False
    padded = _of(Flow(challenge=s256(VERIFIER) + "="), "/token")
    assert padded["verifier_matches_challenge"] is False
    assert padded["verifier_match_unpadded"] is True


def test_assertion_claims():
    header, claims = (
        {"alg": "RS384", "kid": "k"},
        {
            "iss": "c",
            "sub": "c",
            "aud": "https://as.example/token",
            "exp": int(NOW.timestamp()) + 240,
            "iat": int(NOW.timestamp()),
            "jti": "j1",
        },
    )
    jwt = f"{b64(header)}.{b64(claims)}.c2ln"
    body = f"grant_type=client_credentials&client_assertion={jwt}".encode()
    request = Request("POST", "https://as.example/token", (("Content-Type", "application/x-www-form-urlencoded"),), body)
    memory = FlowMemory()
    first = derive(Exchange("x1", Actor.APP, Endpoint.TOKEN, NOW, 1, request, Response(200)), memory)
    again = derive(Exchange("x2", Actor.APP, Endpoint.TOKEN, NOW, 1, request, Response(200)), memory)
    assert first["client_auth"] == "private_key_jwt"
    assert first["assertion"]["header"] == header
    assert first["assertion_lifetime_s"] == 240
    assert first["assertion_aud_equals_token_endpoint"]
    assert first["assertion_iss_equals_sub"]
    assert first["assertion_jti_reused"] is False
    assert again["assertion_jti_reused"] is True
    assert jwt not in json.dumps(first)


def test_placeholders_compare_but_are_not_measured():
    request = Request(
        "POST",
        "https://as.example/token",
        (("Content-Type", "application/x-www-form-urlencoded"),),
        b"grant_type=authorization_code&code=%3Ccode%201%3E&code_verifier=%3Ccode_verifier%201%3E",
    )
    facts = derive(Exchange("x1", Actor.APP, Endpoint.TOKEN, NOW, 1, request, Response(400)), FlowMemory())
    assert facts["verifier_present"]
    assert "verifier_length" not in facts
    assert is_redacted("<state 1 length 43>")
    assert not is_redacted("<b>")


def test_small_readers():
    assert fhir_path(f"{BASE}/Observation?x=1") == (BASE, "Observation", "search")
    assert fhir_path("http://[") == ("", "", "")
    assert parse_www_authenticate('Bearer realm="a, b", error=invalid_token') == {
        "scheme": "Bearer",
        "realm": "a, b",
        "error": "invalid_token",
    }


@settings(max_examples=150, deadline=None)
@given(
    endpoint=st.sampled_from(list(Endpoint)),
    url=st.one_of(st.text(max_size=80), st.text(max_size=60).map(lambda t: "https://a.example/authorize?client_id=1&launch=&state=" + t)),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["Authorization", "Content-Type", "Origin", "Date", "Location", "WWW-Authenticate", "Cookie"]),
            st.text(max_size=40),
        ),
        max_size=5,
    ),
    body=st.one_of(
        st.binary(max_size=120),
        st.text(max_size=60).map(lambda t: ("grant_type=authorization_code&code=c&client_assertion=" + t).encode("utf-8", "replace")),
    ),
    answer=st.one_of(
        st.binary(max_size=80),
        st.recursive(
            st.none() | st.booleans() | st.text(max_size=8) | st.integers(),
            lambda c: (
                st.lists(c, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["access_token", "scope", "expires_in", "id_token", "error", "patient", "refresh_token"]), c, max_size=5
                )
            ),
        ).map(lambda v: json.dumps(v).encode()),
    ),
    status=st.sampled_from([0, 200, 302, 400, 401, 403, 500]),
)
def test_no_garbage_makes_it_fail(endpoint, url, headers, body, answer, status):
    memory = FlowMemory()
    form = (("Content-Type", "application/x-www-form-urlencoded"),)
    for _ in range(2):
        facts = derive(
            Exchange(
                "x1",
                Actor.APP,
                endpoint,
                NOW,
                1.0,
                Request("POST", url, form + tuple(headers), body),
                Response(status, tuple(headers), answer),
            ),
            memory,
        )
        json.dumps(facts)


def test_naive_and_absurd_times_do_not_fail():
    request = Request("GET", f"{BASE}/Patient/1", (("Authorization", "Bearer x"),))
    naive = NOW.replace(tzinfo=None)
    for when in (naive, datetime(9999, 12, 31, tzinfo=UTC)):
        derive(Exchange("x1", Actor.APP, Endpoint.FHIR, when, 1.0, request, Response(200, (("Date", "Mon, 99 Foo 2026"),))), FlowMemory())


def test_it_is_fast():
    flow = Flow()
    exchanges = [flow.exchange(item) for item in flow.items]
    best = 1.0
    for _ in range(20):
        memory = FlowMemory()
        begin = time.perf_counter()
        for exchange in exchanges:
            derive(exchange, memory)
        best = min(best, (time.perf_counter() - begin) / len(exchanges))
    assert best < 0.0004, f"{best * 1000:.3f} ms"


@pytest.mark.parametrize(
    ("more", "held"),
    [
        ([("Origin", "https://app.example"), ("Sec-Fetch-Mode", "cors")], True),
        ([("Origin", "https://app.example")], True),
        ([("Origin", "https://as.example"), ("Sec-Fetch-Mode", "cors")], None),
        ([("Origin", "https://app.example"), ("Sec-Fetch-Mode", "navigate")], None),
        ([], None),
    ],
)
def test_a_form_and_a_script_of_the_same_origin_fall_under_no_rule_of_cors(more, held):
    request = Request("POST", "https://as.example/login", [("Cookie", "a=b"), *more], b"")
    answer = Response(200, [("Access-Control-Allow-Origin", "*")], b"")
    facts = derive(Exchange("x0001", Actor.BROWSER, Endpoint.PAGE, NOW, 1.0, request, answer), FlowMemory())
    assert facts.get("cors_wildcard_with_credentials") is held
