"""Pixels of pictures: pages that differ only in their secrets and their people look the same, to the last bit.

What cannot be told apart shows nothing; this reads no text and knows no way of hiding. Each page is also taken uncovered, where the two
have to differ: so what was planted is really shown.
"""

from __future__ import annotations

import base64

import pytest

from smartlaunch.browser.pictures import take_picture
from smartlaunch.evidence.redaction import Redactor

ONE = {
    "secret": "c0de-8812-authorization-x",
    "password": "a secret word",
    "name": "Bruno Castellano",
    "born": "1970-02-03",
    "mrn": "0012345678",
}
OTHER = {
    "secret": "c0de-7745-authorization-x",
    "password": "b nether wall",
    "name": "Clara Montgomery",  # as long as the other, word by word: what is covered keeps its shape
    "born": "1981-12-27",
    "mrn": "0098765432",
}
SECRETS = {
    "text": "<p>Your code is {secret}.</p>",
    "text in parts": "<p>Your code is <b>c0de-</b>{secret}<i> now</i></p>",
    "textarea": "<textarea rows=2 cols=60>{secret}</textarea>",
    "field": "<input size=60 value='{secret}'>",
    "placeholder": "<input size=60 placeholder='{secret}'>",
    "button": "<input type=submit value='{secret}'><button>{secret}</button>",
    "address": "<p>https://app.example/cb?code={secret}&amp;state=1</p>",
    "selected option": "<select><option>{secret}</option></select>",
    "list of options": "<select multiple size=3><option label='{secret}'><option>{secret}</option></select>",
    "group of options": "<select size=3><optgroup label='{secret}'><option>x</option></optgroup></select>",
    "shadow tree": "<x-y></x-y><script>document.querySelector('x-y').attachShadow({{mode: 'open'}}).innerHTML = '<p>{secret}</p>'</script>",
    "closed shadow tree": "<x-y></x-y><script>document.querySelector('x-y').attachShadow({{mode: 'closed'}}).innerHTML = '<p>{secret}</p>'</script>",
    "frame": "<iframe width=600 srcdoc='<p>{secret}</p>'></iframe>",
    "frame of another origin": '<iframe width=600 src="data:text/html,<p>{secret}</p>"></iframe>',
    "sandboxed frame": "<iframe sandbox width=600 srcdoc='<p>{secret}</p>'></iframe>",
    "style": "<style>p::before {{ content: '{secret}' }}</style><p>.</p>",
    "style from an attribute": "<style>p::before {{ content: attr(data-x) }}</style><p data-x='{secret}'>.</p>",
    "list marker": "<style>li {{ list-style-position: inside }} li::marker {{ content: '{secret}' }}</style><ul><li>x</li></ul>",
    "SVG": "<svg width=600 height=40><text y=20>{secret}</text></svg>",
    "picture of text": '<img alt=x src=\'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" width="600" height="40"><text y="20">{secret}</text></svg>\'>',
    "background of text": '<style>p {{ height: 40px; background: url(\'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" width="600" height="40"><text y="20">{secret}</text></svg>\') }}</style><p>.</p>',
    "broken picture": "<img width=400 height=40 alt='{secret}' src='data:,'>",
    "canvas": "<canvas width=600 height=40></canvas><script>document.querySelector('canvas').getContext('2d').fillText('{secret}', 5, 20)</script>",
    "editable text": "<p contenteditable>{secret}</p>",
    "preformatted": "<pre>{{'code': '{secret}'}}</pre>",
    "open details": "<details open><summary>{secret}</summary>{secret}</details>",
    "dialog": "<dialog open>{secret}</dialog>",
    "password as text": "<p>The password {password} is wrong.</p>",
    "password field": "<input type=password value='{password}'>",
    "password shown": "<input size=60 value='{password}'>",
    "password in a textarea": "<textarea>{password}</textarea>",
    "file name": "<input type=text list=l size=60 value='{secret}'><datalist id=l><option value='{secret}'></datalist>",
    "link": "<a href='/x?code={secret}'>https://x/?code={secret}</a>",
    "validation": "<output>{secret}</output>",
    "object": "<object width=600 height=40 data='data:text/html,<p>{secret}</p>'></object>",
    "letters apart": "<p>{spaced}</p>",
    "a tag for each letter": "<p>{tagged}</p>",
    "base64": "<p>{base64}</p>",
}
PEOPLE = {
    "row of a picker": "<table><tbody><tr onclick='1'><td>{name}</td><td>{born}</td></tr></tbody></table>",
    "card": "<div class=card><h2>{name}</h2><p>{born}</p><button>Choose</button></div>",
    "list": "<ul><li>{name} <button>Choose</button></li></ul>",
    "radio buttons": "<label><input type=radio name=p>{name}, {born}</label>",
    "options": "<select size=2><option>{name}</option><option>x</option></select>",
    "label beside": "<p><b>MRN</b> {mrn}</p><dl><dt>Name</dt><dd>{name}</dd></dl>",
    "label inside": "<p>Name: {name}</p><p>DOB: {born}</p>",
    "labelled field": "<label>Patient name <input size=40 value='{name}'></label>",
    "date": "<p>She was born on {born}.</p>",
    "known name": "<h1>The record of {name}</h1>",
    "number": "<p>No. {mrn} of our list</p>",
}
STATE = """() => [document.documentElement.outerHTML, document.adoptedStyleSheets.length, [...document.querySelectorAll('input,textarea')].map(e => e.value)]"""
WAYS = {**SECRETS, **PEOPLE}


def values(given):
    more = {
        "spaced": " ".join(given["secret"]),
        "tagged": "".join(f"<b>{letter}</b>" for letter in given["secret"]),
        "base64": base64.b64encode(given["secret"].encode()).decode(),
    }
    return {**given, **more}


@pytest.fixture(scope="module")
def page(browser):
    browser.start()
    page = browser._browser.new_page(viewport={"width": 700, "height": 300})
    yield page
    page.close()


def show(page, way, given):
    page.set_content(f"<!doctype html><body>{WAYS[way].format(**values(given))}<p>Plain words stay.</p></body>")


def picture(page, given):
    redactor = Redactor()
    redactor.learn("code", given["secret"])
    redactor.learn("password", given["password"])
    return take_picture(page, password=given["password"], names=(given["name"],), picker=True, scrub=redactor.text, people=False)


@pytest.mark.parametrize("way", WAYS)
def test_two_secrets_make_one_picture(page, way):
    bare, taken = [], []
    for given in (ONE, OTHER):
        show(page, way, given)
        bare.append(page.screenshot())
        before = page.evaluate(STATE)
        taken.append(picture(page, given))
        assert page.evaluate(STATE) == before
    assert bare[0] != bare[1] or way == "password field"
    assert taken[0] == taken[1]


def test_what_says_nothing_is_still_seen(page):
    """A picture that shows nothing at all would pass above."""
    pictures = []
    for word in ("Plain words stay.", "Other words stay."):
        page.set_content(f"<!doctype html><body><h1>{word}</h1><p>Sign in to go on</p></body>")
        pictures.append(picture(page, ONE))
    assert pictures[0] != pictures[1]
