"""A known secret is found in whatever it is wrapped, and the words around it stay."""

import json

import pytest
from clothes import CLOTHES, PLACES, SECRET, naked

from smartlaunch.evidence import Redactor


def written(clothes: str, place: str) -> tuple[str, str]:
    """The dressed secret, and what the redactor makes of a body with it."""
    redactor = Redactor()
    redactor.learn("access_token", SECRET)
    media, frame = PLACES[place]
    dressed = CLOTHES[clothes](SECRET)
    inside = json.dumps(dressed)[1:-1] if place == "JSON" else dressed
    return inside, redactor.body(media, frame.format(inside).encode())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("clothes", CLOTHES)
def test_known_secret_is_found(clothes, place):
    inside, shown = written(clothes, place)
    assert SECRET.lower() in naked(CLOTHES[clothes](SECRET)) or "over lines" in clothes
    assert inside not in shown
    assert SECRET.lower() not in naked(shown)
    assert "<access_token 1>" in shown or "&lt;access_token 1&gt;" in shown or shown.startswith("<application/xml, ")


def test_what_stands_beside_it_stays():
    for clothes in CLOTHES:
        _, shown = written(clothes, "text")
        assert shown.startswith("before it"), clothes
        assert shown.endswith("after it"), clothes


def test_other_text_is_left_alone():
    redactor = Redactor()
    redactor.learn("access_token", SECRET)
    redactor.learn("password", "correct horse")
    text = "Zk9 tR4w, a patient's page: <b>QUJD</b> 48656c6c6f20776f726c6420686f77206172652e U29tZSBvdGhlciB0ZXh0IHRoYXQgaXMgbG9uZw== %41%42 &amp;"
    assert redactor.scrub(text) == text
