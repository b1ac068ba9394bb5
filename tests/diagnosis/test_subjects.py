"""What a text is about where nothing in it decides: each subject beside a text that must not be told so, and never with more than little confidence."""

import pytest

from smartlaunch.diagnosis import Confidence, load
from smartlaunch.diagnosis.subjects import ENOUGH, leading, subjects
from smartlaunch.diagnosis.weighing import questions

CASES = {
    "redirect-uri": (
        "Trouble with the callback address\nWhatever callback URL I write into the console, the trailing slash or the port makes a new problem.",
        "I wrote the callback down in my notes and went home, it was late.",
    ),
    "way-back-to-app": (
        "Sign-in on Android does not come back to our app\nThe custom tab stays open, and the promise never resolves.",
        "Our Android version is as good as the one for iOS.",
    ),
    "client-authentication": (
        "How to show who we are to the token endpoint\nThe client assertion with our private key fails, and so does the client secret. Is base64 wrong?",
        "The assertion in our unit test holds.",
    ),
    "registration": (
        "New app, strange refusals\nThe recently created app fails, with the production client id too. How long does it take to propagate?",
        "The recently made coffee is good.",
    ),
    "scopes-granted": (
        "Some scopes missing\nThe granted scopes lack patient/Observation.rs, I wonder why this scope was dropped.",
        "The scope of this project is small.",
    ),
    "launch": (
        "Patient picker never shows in the standalone launch\nSomething is wrong with our launch context, and no patient id comes along with launch/patient.",
        "The launch of the product is on Monday.",
    ),
    "pkce": (
        "Trouble with PKCE\nHow do I make the code_challenge? It is never accepted with S256.",
        "The challenge of this week is to finish.",
    ),
    "audience": (
        "Wrong audience, I think\nWith the resource parameter it fails, and the aud claim of the token is not what I want.",
        "The audience clapped, and everybody was glad.",
    ),
    "refresh": (
        "Silent renew broken\nThe session expires after one hour, and offline_access changes nothing about this problem.",
        "Please refresh my memory of how this page came to be.",
    ),
    "clock": (
        "Time problems on a virtual machine\nThe system clock is out of sync by two minutes, and a token from there is never valid for us: it lies in the future.",
        "In my spare time I build clocks.",
    ),
    "code-exchange": (
        "Exchange broken since strict mode\nOur useEffect seems to run the handler again, so that the exchange of the code fails the second time.",
        "We exchanged greetings and wrote code all day.",
    ),
    "session": (
        "Endless login loop\nThe cookie of the session is lost behind the load balancer, and the user never gets in.",
        "The cookies in the kitchen are gone.",
    ),
    "user": (
        "Second factor trouble\nThe user is not assigned, and the sign-in policy asks for MFA without end.",
        "The user interface is green and blue.",
    ),
    "cors": (
        "Preflight is refused\nThe browser never gets past OPTIONS request, is it CORS?",
        "The course on origins of species begins at ten.",
    ),
    "frame": (
        "Trouble inside the EHR\nEmbedded in hyperspace the app does not work, third-party cookies seem to be blocked in the iframe.",
        "I hung the picture in a frame of oak.",
    ),
    "fhir-access": (
        "Forbidden although a token was issued\nI can obtain an access token, but the data reader role assignment seems not to help with reading patients.",
        "The token of my appreciation is in the mail.",
    ),
    "discovery": (
        "Which address is right?\nThe discovery document gives 404, and I do not know the correct issuer URL.",
        "We discovered a document in the attic.",
    ),
    "keys": (
        "Signature verification failed after rotation\nThe key set at jwks_uri has a different kid, so that the receiver fails.",
        "The signature under the contract is hers, and the keys lie on the table.",
    ),
    "certificate": (
        "Which CA bundle?\nWe have a private CA, and with NODE_EXTRA_CA_CERTS the certificate makes trouble as before.",
        "The certificate on the wall was given to her for ten years of work.",
    ),
    "network": (
        "Connection broken\nFrom inside the container the firewall makes trouble, or a blocked port: the connection is refused.",
        "The network of friends grew, and a certificate was handed out to each.",
    ),
}


def _told(text):
    m = load(text).found[0]
    m.source = "text"
    return leading(m)


def test_every_subject_has_its_cases_and_asks_for_what_exists():
    assert sorted(CASES) == sorted(s.id for s in subjects())
    for subject in subjects():
        assert set(subject.asks) <= set(questions()[0]), subject.id
        assert subject.cause
        assert subject.fix
        assert subject.next
        assert sum(weight for weight, _ in subject.cues) >= ENOUGH, subject.id


@pytest.mark.parametrize("subject", sorted(CASES))
def test_subject_leads(subject):
    told = _told(CASES[subject][0])
    assert told is not None
    assert told.subject.id == subject
    assert told.words


@pytest.mark.parametrize("subject", sorted(CASES))
def test_words_of_another_matter_are_no_subject(subject):
    assert _told(CASES[subject][1]) is None


@pytest.mark.parametrize("subject", sorted(CASES))
def test_answer_that_only_a_subject_shows_is_never_sure_and_asks_for_more(subject):
    report = load(CASES[subject][0]).report()
    assert report.diagnoses
    if report.diagnoses[0].rule.startswith("about-"):
        assert report.diagnoses[0].confidence is Confidence.LOW
        assert report.missing
        assert "speaks of" in str(report.diagnoses[0].evidence[0])


def test_two_subjects_that_are_near_each_other_decide_nothing():
    assert (
        _told(
            "Either of two\nThe callback URL with its trailing slash is wrong, or the client secret in the Basic header is: I cannot tell."
        )
        is None
    )


def test_what_is_told_to_be_in_order_does_not_count():
    assert _told("A question\nThe redirect URI is registered and correct, the callback URL was verified with its trailing slash.") is None


def test_a_refused_token_is_not_told_as_a_lack_of_rights():
    report = load(
        "I can get a token, and every request to the FHIR server is answered 401 Unauthorized, with all data roles assigned."
    ).report()
    assert not any(d.rule == "about-fhir-access" for d in report.diagnoses)


def test_of_an_observation_no_subject_is_taken():
    assert load('{"notes": "PKCE: code_challenge and code_verifier are never accepted"}').report().declined
