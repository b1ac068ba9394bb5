"""Sentences of client libraries: each is read for what it means, in whatever spelling it arrives, and nothing else is guessed of it."""

import pytest

from smartlaunch.diagnosis import load, weighing
from smartlaunch.diagnosis.libraries import libraries, said_in, speaker_of
from smartlaunch.diagnosis.symptoms import symptoms
from smartlaunch.diagnosis.vendor import all_vendors

SENTENCES = [(known.id, sentence) for known in libraries().values() for sentence in known.sentences]
GENERIC = all_vendors()["generic"]


def test_every_meaning_is_asked_for_by_a_rule():
    asked = {name for rule in weighing.rules() for name in (*rule.all, *rule.any)} | {
        step for symptom in symptoms() for step in symptom.steps
    }
    assert {f"says:{sentence.says}" for _, sentence in SENTENCES} <= asked


def test_every_library_has_a_name_and_a_source():
    assert len(libraries()) >= 29
    for known in libraries().values():
        assert known.sentences, known.id
        assert known.source.startswith("https://"), known.id
        assert speaker_of(f"library:{known.id}") == (f"an answer in the words of {known.name}" if known.answers else known.name)
    assert speaker_of("okta") == ""


def test_no_sentence_has_two_meanings_in_one_library():
    for known in libraries().values():
        patterns = [sentence.pattern.pattern.lower() for sentence in known.sentences]
        assert len(patterns) == len(set(patterns)), known.id


@pytest.mark.parametrize(
    "text",
    [
        "No matching state found in storage",
        "Error: No matching state found in storage\n    at OidcClient.js:12",
        'the console says "No matching   state\nfound in storage", and nothing else',
        "NO MATCHING STATE FOUND IN STORAGE",
    ],
)
def test_sentence_is_known_however_it_is_spelt(text):
    assert [each.says for each in said_in(text)] == ["state-lost"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('RPError: state mismatch, expected abc, got: "def"', "state-lost"),
        ('{"message": "unexpected \\"state\\" response parameter value"}', "state-lost"),
        ("The \u2018iss\u2019 is one thing; jwt issuer invalid. expected: https://as.example", "token-issuer-unexpected"),
    ],
)
def test_places_and_quotation_marks_may_differ(text, says):
    assert says in [each.says for each in said_in(text)]


@pytest.mark.parametrize(
    "text", ["state mismatch", "we found the matching state in storage", "my_MissingTokenErrorHandler", "the popup is closed by a button"]
)
def test_other_words_are_no_sentence(text):
    assert said_in(text) == ()


def test_longer_sentence_counts_alone():
    assert [each.words for each in said_in("Popup closed by user")] == ["Popup closed by user"]


def test_nothing_is_guessed_of_the_same_words():
    text = "Nonce (nonce) claim mismatch in the ID token; expected a"
    assert [says for says, _, owner in GENERIC.says_in(text, "server") if not owner] == []
    guessed = GENERIC.says_in(f"{text}. Later: the token has expired.", "server", "fhir")
    assert "token-expired" in [says for says, _, owner in guessed if not owner]


def test_what_a_text_is_about_is_still_read():
    says = [says for says, _, _ in GENERIC.says_in("Failed to fetch user profile", "server")]
    assert "userinfo-failed" in says
    assert "told-of-userinfo" in [says for says, _, _ in GENERIC.says_in("error loading user info", "server")]


def test_library_is_named_in_the_evidence():
    first = load("Error: No matching state found in storage").report().diagnoses[0]
    assert first.rule == "state-not-kept"
    assert "oidc-client" in first.evidence[0].text


def test_sentence_of_the_rfc_means_no_single_reason():
    said = "The provided authorization grant (e.g., authorization code) is wrong"
    whole = (
        "invalid_grant: The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token is invalid, expired, "
        "revoked, does not match the redirection URI used in the authorization request, or was issued to another client. "
        "The PKCE code verifier must be at least 43 characters."
    )
    assert load(whole).report().diagnoses[0].category.value == "pkce"
    assert said_in(said) == ()


def test_number_of_an_error_is_no_code_of_an_authorization():
    report = load('The sign-in ends with Error Domain=org.openid.appauth.general Code=-3 "(null)" in our iOS app.').report()
    assert report.diagnoses[0].category.value in ("redirect-uri", "identity-session")


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("The verify fails in our API. It works when I remove the `audience` and nothing else.", "aud"),
        ("Without the iframe it works, in it the screen stays white and nobody knows why that is so.", "embedding"),
        ("The login fails for all users. If I comment out the issuer setting everything works.", "discovery"),
    ],
)
def test_try_without_a_part_tells_what_is_to_blame(text, category):
    assert load(text).report().diagnoses[0].category.value == category


def test_try_that_fails_too_tells_nothing():
    found = load("The login fails for all users. It does not work without the issuer setting either.").report().diagnoses
    assert not found or "issuer" not in found[0].evidence[0].text


@pytest.mark.parametrize(
    ("answer", "category"),
    [
        ("Invalid client: `redirect_uri` does not match client value", "redirect-uri"),
        ("the provided authentication mechanism does not match the registered client authentication method", "client-auth"),
        ("Authorization Server policy requires PKCE to be used for this request", "pkce"),
        ("Authorization code was not issued to this client", "client-registration"),
        ("The OAuth 2.0 Client is not allowed to request scope 'patient/*.rs'.", "scope-registration"),
        ("The specified refresh token has already been redeemed.", "token-lifetime"),
        ("The client application is not allowed to use the 'fhirUser' scope.", "scope-registration"),
        ('Unregistered redirect_uri ("https://app.example.org/cb").', "redirect-uri"),
        ("Error loading discovery document: Endpoint is on a different host than authority: https://login.example.com/token", "discovery"),
    ],
)
def test_sentence_of_a_toolkit_that_servers_are_built_with_decides(answer, category):
    found = load(f"Our app cannot sign in since yesterday\nThe log has one line of it:\n\n    {answer}\n").report().diagnoses
    assert found
    assert found[0].category.value == category


@pytest.mark.parametrize(
    "story", ["The dex of our app has no entry for the redirect.", "We registered a redirect_uri, and it is accepted."]
)
def test_words_near_a_sentence_of_a_toolkit_are_none(story):
    assert not said_in(story)


def test_symptom_comes_before_a_habit_of_the_request():
    request = "http://localhost:9000/oauth2/authorize?response_type=code&client_id=app&redirect_uri=http://127.0.0.1:8080/cb&state=123&scope=openid"
    story = f"`Token Endpoint` return `401 `error when PKCE is off\n\n1. Open the authorization endpoint and get the code.\n[{request}]({request})\n"
    assert [each.rule for each in load(story).report().diagnoses] == [
        "either-token-endpoint-401-1",
        "either-token-endpoint-401-2",
        "request-state-short",
    ]


def test_words_of_a_toolkit_are_no_proof_that_a_server_is_built_with_it():
    first = load('{"error": "invalid_grant", "error_description": "The specified code_verifier is invalid."}').report().diagnoses[0]
    assert 'an answer in the words of OpenIddict for .NET (error_description) says "' in " ".join(each.text for each in first.evidence)


def test_certificate_that_is_not_trusted_comes_before_the_document_it_hides():
    error = 'Get "https://as.example/.well-known/openid-configuration": tls: failed to verify certificate: x509: certificate signed by unknown authority'
    found = load(f"Sign-in fails\n```\nerror | 'failed to fetch OIDC discovery document: {error}'\n```\n").report().diagnoses
    assert found[0].rule == "certificate-not-trusted-by-app"
