"""What every page of a report is made with: the templates, the words they share, and our own style sheets and scripts."""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined

from smartlaunch.reporting.page.text import ticks
from smartlaunch.reporting.words import count


def environment() -> Environment:
    """An environment of its own, to which a page may add."""
    made = Environment(
        loader=PackageLoader("smartlaunch.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["ticks"] = ticks
    made.globals.update(count=count)
    return made


@cache
def resource(name: str) -> str:
    """A file beside the templates."""
    return (resources.files("smartlaunch.reporting") / "templates" / name).read_text(encoding="utf-8")
