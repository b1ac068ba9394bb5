"""What a field is for, told by what stands in and beside it."""

from __future__ import annotations

import re

from smartlaunch.browser import lexicon as words
from smartlaunch.browser.lexicon import field_words, split_name
from smartlaunch.browser.snapshot import Control, PageSnapshot

_ADDRESS = re.compile(r"\S+@\S+")
"""An example of an address: ``name@domain.com`` in a placeholder asks for no domain."""


def is_login(page: PageSnapshot) -> bool:
    """Whether the page has a password field that can be filled."""
    return any(not c.readonly and not is_one_time(c) for c in page.of_kind("password"))


def is_one_time(control: Control) -> bool:
    """Whether a field is for a one-time code."""
    return control.autocomplete == "one-time-code" or (
        bool(words.ONE_TIME_CODE.search(field_words(control)))
        and not words.USER_FIELD.search(field_words(control))
        and "password" not in field_words(control).lower()
    )


def is_search(control: Control) -> bool:
    """Whether a field is for searching."""
    if control.type == "search" or "username" in control.autocomplete:
        return control.type == "search"
    return bool(words.SEARCH.search(field_words(control)))


def wants_new(control: Control) -> bool:
    """Whether a password field is for a password yet to be chosen."""
    return control.autocomplete == "new-password" and bool(words.NEW_PASSWORD.search(field_words(control)))


def registers(control: Control) -> bool:
    """Whether a password field belongs to a form for new users."""
    return control.autocomplete == "new-password" or bool(re.search(r"regist|sign ?up|signup", split_name(control.form_label)))


def user_score(control: Control) -> int:
    """How likely a field is for the user name; 0 for one that is for something else."""
    score = 0
    if "username" in control.autocomplete:
        score += 8
    said = _ADDRESS.sub(" ", field_words(control))
    if re.search(r"\b(domain|tenant|first|last|given|family)\b", said, re.IGNORECASE):
        return 0
    if words.USER_FIELD.search(said):
        score += 4
    if re.search(r"user|login|benutzer|usuario", said, re.IGNORECASE):
        score += 2
    if control.type == "email" or control.autocomplete == "email":
        score += 1
    return score


def held_against(page: PageSnapshot) -> str:
    """What the browser itself holds against a field, such as a user name that is no email address."""
    return next((f"{c.describe()}: {c.invalid}" for c in page.of_kind("text", "password") if c.filled and c.invalid), "")


def complaint(page: PageSnapshot) -> str:
    """What the page says is wrong, as the end of a sentence."""
    return f", and the page says: {page.errors[0][:160].rstrip(' .')}" if page.errors else ""


def has_token(wanted: str, text: str) -> bool:
    """Whether a text holds an id, with no letter, digit or hyphen beside it."""
    return bool(text) and re.search(rf"(?<![\w-]){re.escape(wanted)}(?![\w-])", text) is not None


def is_made_of(name: str, wanted: str) -> bool:
    """Whether the name of an element is an id with words before it, as in ``patient-4711``."""
    return re.fullmatch(rf"[A-Za-z]+[-_:.]{re.escape(wanted)}", name) is not None
