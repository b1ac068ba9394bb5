"""The part of a vendor's page that is made from its sandbox file, between two marks; what stands around it is left alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from smartlaunch.onboarding.sandbox import Sandbox, Statement
from smartlaunch.target import bundled_recipes

BEGIN, END = "<!-- sandbox -->", "<!-- /sandbox -->"


def section(box: Sandbox) -> str:
    """The Markdown of one sandbox, with its marks."""
    return "\n".join([BEGIN, *_lines(box), END])


def page_with(box: Sandbox, text: str) -> str:
    """A vendor's page with its sandbox section renewed; a page that has none gets one below its first heading."""
    if BEGIN in text:
        return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: section(box), text, flags=re.DOTALL)
    head, _, rest = (text or f"# {box.name}\n").partition("\n")
    return f"{head}\n\n{section(box)}\n{rest}"


def index(boxes: Sequence[Sandbox]) -> str:
    """The table of all vendors."""
    lines = ["| vendor | bundled target | FHIR base | checked |", "|---|---|---|---|"]
    for box in boxes:
        bases = ", ".join(f"`{base.url}`" for base in box.bases if base.url) or "your own"
        lines.append(f"| [{box.name}]({box.id}.md) | {', '.join(f'`{name}`' for name in box.targets)} | {bases} | {box.checked} |")
    return "\n".join(lines)


def recipes() -> str:
    """The table of all bundled recipes."""
    lines = ["| recipe | product | steps | answers | unverified |", "|---|---|---:|---|---|"]
    for recipe in bundled_recipes().values():
        presses = [step.get("click", ()) for step in recipe.steps]
        roles = {
            press.get("role", "") for many in presses for press in (many if isinstance(many, list) else [many]) if isinstance(press, dict)
        }
        answers = ", ".join(role for role in ("allow", "deny", "untick", "logout") if role in roles)
        lines.append(f"| `{recipe.name}` | {recipe.title} | {len(recipe.steps)} | {answers} | {recipe.unverified} |")
    return "\n".join(lines)


def sources_of(box: Sandbox) -> str:
    """The sources as comments of a target file."""
    return "\n".join(
        [f"# Sources, read {box.checked}; docs/vendors/{box.id}.md says what is from where:", *(f"#   {u}" for u in box.sources)]
    )


def _lines(box: Sandbox) -> Iterator[str]:
    yield f"## The sandbox\n\nBundled: {', '.join(f'`--target {name}`' for name in box.targets)}. Sources read: {box.checked}."
    yield "Where no source could be found a line ends in *(unverified)*.\n"
    for base in box.bases:
        yield f"- FHIR base ({base.persona}): {f'`{base.url}`' if base.url else 'your own'}; {base.note}{_mark(base.source)}"
    yield "\n### What to register\n\n| field | value |\n|---|---|"
    for item in box.register:
        yield f"| {item.name} | {item.text}{_mark(item.source)} |"
    where = f", at <{box.console}>" if box.console else ""
    yield f"\n### Where to click{where}\n"
    for number, item in enumerate(box.clicks, start=1):
        yield f"{number}. {item.text}{_mark(item.source)}"
    yield "\n### Known departures\n"
    for item in box.departures:
        yield f"- {item.text}{_mark(item.source)}"
    yield "\n### Who can sign in\n"
    yield from map(_user, box.users)
    if not box.users:
        yield "No users are published: the vendor, or your own server, gives you one."
    yield from _recipe(box)


def _recipe(box: Sandbox) -> Iterator[str]:
    """How the login is got through."""
    recipe = bundled_recipes()[box.id]
    where = f", after {' and '.join(f'<{source}>' for source in recipe.sources)}" if recipe.sources else ""
    yield "\n### The login\n"
    yield f"{len(recipe.steps)} steps of the [bundled recipe](../login-recipes.md) `{recipe.name}` know its pages{where}."
    if recipe.unverified:
        yield f"Unverified: {recipe.unverified}."


def _user(user: Statement) -> str:
    note = f"; {user.text}" if user.text else ""
    return f"- {user.name} ({user.persona}){note}. The password is published at <{user.password_at}>{_mark(user.source)}"


def _mark(source: str) -> str:
    return f" ([source]({source}))" if source else " *(unverified)*"
