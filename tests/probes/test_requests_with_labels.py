"""Right and wrong requests by their words: each is another one in exactly the place that the words name."""

from __future__ import annotations

import pytest

from smartlaunch.errors import NotApplicable
from smartlaunch.oauth import pkce as proof_keys
from smartlaunch.oauth.authorization import AuthorizationRequest, make_request
from smartlaunch.probes import authorization, faults, pkce, redirect_uri


def request() -> AuthorizationRequest:
    return make_request(
        "https://ehr.example/authorize",
        client_id="app",
        redirect_uri="https://app.example/cb",
        scope="openid patient/Patient.rs",
        aud="https://ehr.example/fhir",
    )


@pytest.mark.parametrize("label", [*authorization.WRONG, *authorization.AUD])
def test_a_wrong_request_differs_in_one_place_only(label: str) -> None:
    right = request()
    made = ({**authorization.WRONG, **authorization.AUD})[label](right)
    names = {*dict(made.parameters), *dict(right.parameters)}
    values = {name: [[v for k, v in one.parameters if k == name] for one in (made, right)] for name in names}
    changed = {name for name, (now, before) in values.items() if now != before}
    challenge = {"code_challenge", "code_challenge_method"}
    assert changed
    assert len(changed - challenge) + bool(changed & challenge) == 1


@pytest.mark.parametrize("label", authorization.RIGHT)
def test_an_unusual_request_stays_right(label: str) -> None:
    made = authorization.RIGHT[label](request())
    assert 43 <= len(made.proof.code_verifier) <= 128
    assert set(made.proof.code_verifier) <= set(proof_keys.UNRESERVED)
    assert made.get("code_challenge") == proof_keys.proof_of(made.proof.code_verifier).code_challenge


def test_a_verifier_of_all_characters_has_each() -> None:
    assert set(proof_keys.make_proof_of_all_characters().code_verifier) == set(proof_keys.UNRESERVED)


@pytest.mark.parametrize("label", pkce.VERIFIERS)
def test_a_wrong_verifier_differs(label: str) -> None:
    proof = proof_keys.make_proof()
    assert pkce.VERIFIERS[label](proof) != proof.code_verifier


@pytest.mark.parametrize("label", redirect_uri.NEIGHBOURS)
def test_a_neighbour_of_a_redirect_uri_differs_from_it(label: str) -> None:
    registered = "https://app.example/cb/Return"
    assert redirect_uri.neighbour(label, registered) != registered


@pytest.mark.parametrize(
    ("label", "registered", "why"),
    [
        ("another port", "http://127.0.0.1:9000/cb", "on loopback"),
        ("a subdomain of it", "http://localhost/cb", "on loopback"),
        ("another port", "com.example.app:/cb", "custom scheme"),
        ("the parent path", "https://app.example/", "a path to go up from"),
        ("upper case in its path", "https://app.example/CB", "lower case letters"),
    ],
)
def test_a_redirect_uri_without_such_a_neighbour_does_not_apply(label: str, registered: str, why: str) -> None:
    with pytest.raises(NotApplicable, match=why):
        redirect_uri.neighbour(label, registered)


@pytest.mark.parametrize("value", ["abc", "AAAA", "A", "x" * 43])
def test_one_character_is_changed_and_the_length_kept(value: str) -> None:
    made = faults.altered(value)
    assert len(made) == len(value)
    assert sum(a != b for a, b in zip(made, value, strict=True)) == 1


def test_other_case_differs_even_without_letters() -> None:
    assert faults.other_case("aB1") == "Ab1"
    assert faults.other_case("123") != "123"
