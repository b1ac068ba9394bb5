"""What is on a page: one description of everything a person could use.

One script walks the document, open shadow roots and frames of the same origin, and returns plain data. It keeps the elements in a
list under a symbol, so that an action finds them again by number without touching the page's own attributes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TEXT_LIMIT = 2_000
CONTROL_LIMIT = 400


@dataclass(frozen=True)
class Option:
    """One choice of a select."""

    value: str
    text: str
    selected: bool = False
    disabled: bool = False


@dataclass(frozen=True)
class Control:
    """One visible thing to fill, choose or press.

    ``kind`` is text, password, checkbox, radio, select, button or link. ``ref`` finds the element again. ``label`` is the accessible
    name, ``text`` the visible content, ``context`` the text of the table row or list item around it, ``data`` its ``data-*``
    attributes as ``key=value``. ``value`` is empty for password fields. ``form`` numbers the form it belongs to, -1 for none.
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
    row: str = ""
    """The id of the table row or list item that it stands in or is."""
    classes: str = ""
    data: tuple[str, ...] = ()
    form: int = -1
    form_label: str = ""
    submit: bool = False
    checked: bool = False
    disabled: bool = False
    readonly: bool = False
    required: bool = False
    filled: bool = False
    invalid: str = ""
    """What the browser holds against the value of a field."""
    modal: bool = False
    pager: bool = False
    """Whether it turns the pages of a list."""
    outer: bool = False
    """Whether it stands in a page header, footer or navigation."""
    opens: bool = False
    """Whether pressing it opens another window."""
    menu: bool = False
    """Whether pressing it opens a menu."""
    hit: bool = True
    """Whether a click at its middle would reach it."""
    options: tuple[Option, ...] = ()

    @property
    def caption(self) -> str:
        """What a person reads on or beside it."""
        if self.kind in ("button", "link"):
            shown = self.text or self.label or (self.value if self.tag == "input" else "")
        else:
            shown = self.label or self.placeholder
        return " ".join((shown or self.name or self.id).split())[:80]

    def describe(self) -> str:
        """Name it for a message, without its value."""
        kinds = {"text": f"{self.type or 'text'} field", "password": "password field", "checkbox": "check box", "radio": "radio button"}
        state = " (disabled)" if self.disabled else ""
        return f'{kinds.get(self.kind, self.kind)} "{self.caption}"{state}'


@dataclass(frozen=True)
class PageSnapshot:
    """A page at one moment; a pure value, so that recipes can be tested without a browser.

    ``ready`` says that the document and its deferred scripts have run, ``complete`` that its images and frames are there as well.
    ``refresh_s`` is the delay of a meta refresh. ``document`` changes with every new document.
    """

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
    captcha: bool = False
    document: str = ""

    @property
    def host(self) -> str:
        """The host and port of the page."""
        return urlsplit(self.url).netloc.lower()

    @property
    def signature(self) -> tuple[object, ...]:
        """Equal while nothing a person would notice has changed."""
        return (
            self.document,
            self.title,
            self.text,
            tuple((c.kind, c.name, c.id, c.label, c.text, c.disabled, c.checked, c.modal) for c in self.controls),
        )

    @property
    def inert(self) -> bool:
        """Whether nothing on the page can still happen by itself."""
        return bool(self.url) and self.complete and not self.scripts and self.refresh_s is None

    def of_kind(self, *kinds: str) -> list[Control]:
        """The controls of these kinds that can be used now."""
        return [c for c in self.controls if c.kind in kinds and not c.disabled]


_MEMBERS = frozenset(
    ["url", "title", "text", "headings", "errors", "controls", "captcha", "ready", "complete", "scripts", "refresh", "document"]
)


def take(frame: Any) -> dict[str, Any]:
    """What the script finds in a page or frame; a page that has put something else in place of ``JSON`` is asked for the object itself."""
    raw = frame.evaluate(SNAPSHOT_SCRIPT, [TEXT_LIMIT, CONTROL_LIMIT, False])
    if isinstance(raw, str):
        with contextlib.suppress(ValueError, RecursionError):
            raw = json.loads(raw)
    if not isinstance(raw, dict) or not raw.keys() >= _MEMBERS:
        raw = frame.evaluate(SNAPSHOT_SCRIPT, [TEXT_LIMIT, CONTROL_LIMIT, True])
    found: dict[str, Any] = raw
    return found


def parse_snapshot(raw: Mapping[str, Any], *, status: int = 200, media_type: str = "text/html") -> PageSnapshot:
    """Build a snapshot from what the script returned; when a modal dialogue is open, only its controls count."""
    controls = tuple(_control(item) for item in raw["controls"])
    modal = tuple(c for c in controls if c.modal)
    return PageSnapshot(
        url=raw["url"],
        title=raw["title"],
        text=raw["text"],
        headings=tuple(raw["headings"]),
        errors=tuple(raw["errors"]),
        controls=modal or controls,
        status=status,
        media_type=media_type,
        ready=raw["ready"],
        complete=raw["complete"],
        scripts=raw["scripts"],
        refresh_s=raw["refresh"],
        captcha=raw["captcha"],
        document=raw["document"],
    )


def _control(raw: Mapping[str, Any]) -> Control:
    fields = dict(raw)
    fields["data"] = tuple(fields.get("data", ()))
    fields["options"] = tuple(Option(**option) for option in fields.get("options", ()))
    return Control(**fields)


def _script(name: str) -> str:
    return (Path(__file__).parent / "scripts" / name).read_text(encoding="utf-8")


SNAPSHOT_SCRIPT = _script("snapshot.js")
ACT_SCRIPT = _script("act.js")
WATCH_SCRIPT = _script("watch.js")
BLANK_SCRIPT = _script("blank.js")
TEXTS_SCRIPT = _script("texts.js")
COVER_SCRIPT = _script("cover.js")
UNCOVER_SCRIPT = _script("uncover.js")
ELEMENT_SCRIPT = "ref => (window[Symbol.for('smartlaunch.controls')] || [])[ref] || null"
