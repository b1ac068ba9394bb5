"""No observation, body, URL or exchange makes the diagnosis fail."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from smartlaunch.diagnosis import examine, load, read_observation
from smartlaunch.diagnosis.inputs.flows import materials
from smartlaunch.diagnosis.inputs.observed import ALIASES
from smartlaunch.diagnosis.text import render
from smartlaunch.errors import UsageError
from smartlaunch.exchange import Endpoint, RecordedExchange

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.text(max_size=40) | st.sampled_from(["launch patient/*.read", "https://a.example/tenants/x/authorize?scope=a&state=", "urn:cerner:error:x:y", "http://[", "invalid_scope"]),
    lambda c: st.lists(c, max_size=3) | st.dictionaries(st.sampled_from(["header", "claims", "aud", "exp", "iat", "error", "scope", "issue", "kid"]), c, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(ALIASES)) | st.text(max_size=8), VALUES, max_size=8))
def test_any_observation(data):
    report = examine(read_observation(data))
    json.dumps(report.to_json())
    render(report, "x")


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60) | st.text(max_size=40).map(lambda t: "https://a.example/cb?error=x&error_uri=" + t) | VALUES.map(json.dumps))
def test_any_pasted_text(text):
    try:
        report = load(text).report()
    except UsageError:
        return
    render(report, text)


FACTS = st.dictionaries(
    st.sampled_from(["client_id", "error", "error_uri", "scope_requested", "scope_granted", "code_present", "state_returned_equal", "grant_type", "client_auth", "token_age_s", "expires_in", "access_token_is_jwt", "www_authenticate", "resource_type", "frame", "origin"]),
    st.booleans() | st.text(max_size=12) | st.lists(st.text(max_size=8), max_size=3) | st.integers(0, 900),
    max_size=6,
)  # fmt: skip


def _typed(facts):
    lists = ("scope_requested", "scope_granted")
    return {k: v if k not in lists else v if isinstance(v, list) else [str(v)] for k, v in facts.items()}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([e.value for e in Endpoint]), st.sampled_from([0, 200, 302, 400, 401, 403, 500]), FACTS, st.text(max_size=60)
        ),
        max_size=6,
    )
)
def test_any_exchanges(rows):
    exchanges = [
        RecordedExchange(
            f"x{n}",
            "app",
            endpoint,
            "2026-05-04T10:00:00+00:00",
            1.0,
            "GET",
            f"https://a.example/{n}?{body}",
            status=status,
            facts=_typed(facts),
            response_body=body,
        )
        for n, (endpoint, status, facts, body) in enumerate(rows)
    ]
    for m in materials(exchanges, "run"):
        json.dumps(examine(m).to_json())
