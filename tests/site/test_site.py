"""The site of the documents: it builds, loads nothing from elsewhere, and every command that it shows is one that the command line takes."""

import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from smartlaunch.cli import COMMANDS, parser_for

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LIMIT_S = 120
_LINE = re.compile(r"^(?: {4,}|)(?:\$ )?(smartlaunch [a-z].*)$")
_INLINE = re.compile(r"`(smartlaunch [a-z][^`]*)`")
_OPTIONAL = re.compile(r" \[-[^\]]*\]")
_SHORTENED = re.compile(r"\||\.\.\.(?![/'\"])")
_STAND_IN = {"N": "2", "S": "5"}


def documented():
    """Every command of the pages, in blocks and in sentences; what stands in brackets may be left out, so it is."""
    every = {}
    for page in PAGES:
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            block = _LINE.match(line)
            for text in (_OPTIONAL.sub("", found) for found in ([block[1]] if block else _INLINE.findall(line))):
                if not _SHORTENED.search(text):
                    every.setdefault(text.strip(), f"{page.relative_to(ROOT)}:{number}")
    return every


@pytest.mark.parametrize(("text", "place"), documented().items())
def test_every_command_of_the_documents_is_taken(text, place):
    words = [_STAND_IN.get(word, word) for word in shlex.split(text, comments=True)[1:]]
    assert words[0] in COMMANDS, place
    parser, _, _ = parser_for(words[0])
    if len(words) > 1:
        parser.parse_args(words)


def test_the_documents_show_commands_of_every_kind():
    assert len(documented()) > 60
    assert {shlex.split(text, comments=True)[1] for text in documented()} >= {
        "run",
        "init",
        "try",
        "doctor",
        "diagnose",
        "ticket",
        "nightly",
        "compare",
        "survey",
    }


class Loaded(HTMLParser):
    """What a page loads by itself."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attributes):
        held = dict(attributes)
        if tag in ("script", "img", "iframe", "source"):
            self.addresses.append(held.get("src") or "")
        if tag == "link" and held.get("rel") != "canonical":
            self.addresses.append(held.get("href") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_has_every_page_and_loads_nothing_from_elsewhere(site):
    for page in [*PAGES[1:], ROOT / "SECURITY.md", ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md"]:
        place = page.relative_to(ROOT / "docs" if "docs" in page.parts else ROOT)
        made = site / (place.parent / "index.html" if place.name == "README.md" else place.with_suffix(".html"))
        assert made.is_file(), place
    for page in site.rglob("*.html"):
        reader = Loaded()
        reader.feed(page.read_text(encoding="utf-8"))
        assert [a for a in reader.addresses if re.match(r"(?i)[a-z]+:|//", a)] == [], page


def test_the_reference_is_made_of_the_program(site):
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in commands for name in COMMANDS)
    assert "--fhir-base" in commands
    record = (site / "reference" / "run-json.html").read_text(encoding="utf-8")
    assert all(f"<code>{member}</code>" in record for member in ("selection", "findings", "response_headers"))
    assert "actions/" in (site / "ci" / "index.html").read_text(encoding="utf-8")
