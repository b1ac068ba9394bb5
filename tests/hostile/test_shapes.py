"""What is made to keep the redactor or a reader of pages busy takes time in proportion to its size, and nothing known survives in it."""

import time

import pytest
from shapes import OTHER_SECRET, SECRET, SHAPES, Shape

from smartlaunch import markup
from smartlaunch.evidence import Redactor
from smartlaunch.evidence.facts import FlowMemory, derive
from smartlaunch.evidence.redaction import not_kept
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response

LIMIT_S = 4.0
"""A second on a quiet machine; what is not linear takes hours."""


def redactor() -> Redactor:
    made = Redactor()
    made.learn("password", SECRET)
    made.learn("access_token", OTHER_SECRET)
    return made


def exchange(shape: Shape, size: int) -> Exchange:
    from datetime import UTC, datetime

    place = Endpoint.FHIR if "fhir" in shape.media else Endpoint.TOKEN
    answer = Response(200, (("content-type", shape.media),), shape.body(size))
    return Exchange("x0001", Actor.APP, place, datetime.now(UTC), 1.0, Request("GET", "https://h.example.org/x"), answer)


@pytest.mark.parametrize("name", SHAPES)
def test_five_megabytes_are_redacted_in_a_moment(name):
    begun = time.process_time()
    hard = exchange(SHAPES[name], 5_000_000)
    derive(hard, FlowMemory())
    recorded = redactor().exchange(hard)
    assert time.process_time() - begun < LIMIT_S
    assert SECRET not in recorded.response_body
    assert (
        recorded.truncated
        or "left out" in recorded.response_body
        or len(recorded.response_body) < 1000
        or not recorded.response_body.strip()
    )


@pytest.mark.parametrize("name", SHAPES)
def test_known_secrets_and_words_are_found_in_linear_time(name):
    begun = time.process_time()
    text = SHAPES[name].body(400_000).decode("utf-8", "replace")
    redactor().scrub(text)
    markup.words(text)
    markup.elements(text)
    assert time.process_time() - begun < LIMIT_S


def test_thousands_of_secrets_in_one_answer_are_found_at_once():
    import json

    made = redactor()
    tokens = [f"t0ken-{number * 7919:08x}-{number:05d}-end" for number in range(6000)]
    for token in tokens:
        made.learn("access_token", token)
    begun = time.process_time()
    text = made.scrub(json.dumps([{"a": token} for token in tokens]))
    assert time.process_time() - begun < LIMIT_S
    assert "t0ken" not in text


def test_what_is_not_kept_says_its_size_and_counts_as_cut():
    recorded = redactor().exchange(exchange(Shape("text/plain", "eyJ"), 5_000_000))
    assert recorded.response_body == not_kept(5_000_000) == "<not kept: 5000000 bytes>"
    assert recorded.truncated
