"""Every page can be reached from the list of documents, and no link between pages leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from smartlaunch.embedded_ehr.defects import load_variants

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def links_of(page: Path) -> list[tuple[str, Path]]:
    """The links of a page to files of the project, outside of code."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.DOTALL)
    plain = [link for link in LINK.findall(text) if "://" not in link and not link.startswith(("#", "mailto:"))]
    return [(link, (page.parent / unquote(link.partition("#")[0])).resolve()) for link in plain]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_link_leads_nowhere(page: Path) -> None:
    assert [link for link, target in links_of(page) if not target.exists()] == []


def test_the_list_of_documents_has_every_page() -> None:
    listed = {target for _, target in links_of(ROOT / "docs" / "README.md")}
    assert [page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md" and page not in listed] == []
    folders = {page.parent for page in PAGES if page.parent not in (ROOT, ROOT / "docs")}
    assert [folder.name for folder in folders if folder not in listed and folder / "README.md" not in listed] == []


def test_the_page_of_unusual_servers_names_variants_that_are_there() -> None:
    page = (ROOT / "docs" / "unusual-servers.md").read_text(encoding="utf-8")
    rows = [line.split("|")[2:4] for line in page.splitlines() if line.startswith("| ") and "`" in line]
    places = [re.findall(r"`([a-z0-9_]+)`", place) for row in rows for place in row]
    assert [name for names in places for name in names if name not in load_variants()] == []
    assert [row for row, seen, others in zip(rows, places[::2], places[1::2], strict=True) if len(seen) != 1 or len(others) < 2] == []
