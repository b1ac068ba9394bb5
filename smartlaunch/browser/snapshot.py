"""What is on a page: one description of everything a person could use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One choice of a select."""

    value: str
    text: str
    selected: bool = False


@dataclass(frozen=True)
class Control:
    """One visible thing to fill, choose or press.

    ``kind`` is text, password, checkbox, radio, select, button or link. ``ref`` finds the element again. ``label`` is the accessible
    name, ``text`` the visible content, ``context`` the text of the row or card around it, ``data`` the ``data-*`` values.
    """

    ref: int
    kind: str
    tag: str = ""
    type: str = ""
    name: str = ""
    id: str = ""
    autocomplete: str = ""
    label: str = ""
    placeholder: str = ""
    text: str = ""
    value: str = ""
    href: str = ""
    context: str = ""
    classes: str = ""
    data: tuple[str, ...] = ()
    form: int = -1
    submit: bool = False
    checked: bool = False
    disabled: bool = False
    readonly: bool = False
    required: bool = False
    filled: bool = False
    options: tuple[Option, ...] = ()


@dataclass(frozen=True)
class PageSnapshot:
    """A page at one moment; a pure value, so that recipes can be tested without a browser."""

    url: str = ""
    title: str = ""
    text: str = ""
    headings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    controls: tuple[Control, ...] = ()
    status: int = 200
    media_type: str = "text/html"
    ready: bool = True
    complete: bool = True
    scripts: int = 0
    refresh_s: float | None = None
    document: str = ""
