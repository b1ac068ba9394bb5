"""Of a hundred and fifty secrets in somebody's HAR, at most the few come through that no rule can know."""

import json
from dataclasses import asdict

import pytest
from injections import INJECTIONS, SECRET, UNKNOWABLE, Injection

from smartlaunch.evidence import Redactor
from smartlaunch.evidence.har.entries import HarReport
from smartlaunch.evidence.har.exchanges import exchanges_of


def read(injection: Injection, *, readable: tuple[str, ...] = ()) -> str:
    redactor = Redactor(foreign=True, readable=readable)
    kept = [redactor.exchange(each) for each in exchanges_of([(1, injection.entry)], HarReport(), in_order=True)]
    assert kept
    return json.dumps([asdict(each) for each in kept], ensure_ascii=False).replace('\\\\"', '"')


def comes_through(injection: Injection) -> bool:
    return injection.secret in read(injection)


@pytest.mark.parametrize("injection", INJECTIONS, ids=lambda each: f"{each.place}: {each.name}")
def test_secret_of_a_file_from_elsewhere_is_taken_out(injection):
    assert comes_through(injection) is ((injection.place, injection.name) in UNKNOWABLE)


def test_there_are_a_hundred_and_fifty_and_at_most_ten_come_through():
    assert len(INJECTIONS) >= 150
    assert len({(each.place, each.name) for each in INJECTIONS}) == len(INJECTIONS)
    assert len(UNKNOWABLE) <= 10


def test_what_was_taken_out_can_be_allowed_back_by_name():
    injection = next(each for each in INJECTIONS if (each.place, each.name) == ("query", "high entropy, no telling name"))
    assert SECRET in read(injection, readable=("z",))


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("token_endpoint", "https://h.example.org/token"),
        ("token_type", "Bearer"),
        ("client_id", "q7Zk2LmX9vTr4WpB8nYc3Hd6"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeGDtTN9wQqXyZQ1Abcd"),
        ("nonce", "q7Zk2LmX9vTr4WpB8nYc3Hd6"),
        ("id", "eq081-VQEgP8drUUqCWzHfw3"),
        ("token_endpoint_auth_method", "private_key_jwt"),
        ("correlation_id", "q7Zk2LmX9vTr4WpB8nYc3Hd6"),
        ("error", "invalid_token"),
        ("scope", "patient/Observation.rs launch/patient"),
        ("session", "expired"),
        ("redirect_uri", "https://app.example.org/callback"),
    ],
)
def test_what_a_support_desk_needs_stays(place, text):
    injection = Injection("JSON", place, {}, text)
    entry = {
        "startedDateTime": "2026-01-02T03:04:05Z",
        "request": {"method": "GET", "url": "https://h.example.org/a", "headers": []},
        "response": {"status": 200, "headers": [], "content": {"mimeType": "application/json", "text": json.dumps({place: text})}},
    }
    assert text in read(injection._replace(entry=entry))
