"""Hooks of MkDocs: pages that are made rather than written, and links that leave the folder of documents.

The pages lie where people read them without a site: the top level and `docs/`. What a link names there and the site has not, such as a
feature file, is shown as a path.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
TOP = ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
_ELSEWHERE = ("http:", "https:", "mailto:", "#")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the top level and the generated ones."""
    pages = {name: (ROOT / name).read_text(encoding="utf-8") for name in TOP}
    pages |= {"reference/commands.md": commands(), "reference/run-json.md": run_json(), "ci/README.md": workflow_files()}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    for name in ("Jenkinsfile", "action.yml", "github-actions.yml", "gitlab-ci.yml"):
        found = files.get_file_from_path(f"ci/{name}")
        if found is not None:
            files.remove(found)
    return files


def on_page_markdown(markdown: str, *, page: Page, files: Files, **_: Any) -> str:
    """Let every link lead to a page of the site, or name the file."""
    here = page.file.src_uri
    folder = posixpath.dirname(here if here in TOP else f"docs/{here}")

    def led(found: re.Match[str]) -> str:
        text, target = found[1], found[2]
        if target.startswith(_ELSEWHERE):
            return found[0]
        path, _, anchor = target.partition("#")
        place = posixpath.normpath(posixpath.join(folder, path))
        uri = place.removeprefix("docs/") if place.startswith("docs/") else place
        uri = next((each for each in (uri, f"{uri}/README.md") if files.get_file_from_path(each) is not None), "")
        if not uri:
            return f"{text} (`{place}`)"
        link = posixpath.relpath(uri, posixpath.dirname(here) or ".")
        return f"[{text}]({link}{'#' + anchor if anchor else ''})"

    return _LINK.sub(led, markdown)


def commands() -> str:
    """Every command, as its ``--help`` says it."""
    from smartlaunch.cli import COMMANDS, parser_for

    os.environ["COLUMNS"] = "88"  # what fits beside the list of pages
    parts = ["# Commands\n", "What `smartlaunch COMMAND --help` says.\n"]
    for name, (_, summary) in COMMANDS.items():
        _, parser, _ = parser_for(name)
        parts.append(f"## {name}\n\n{summary[0].upper()}{summary[1:]}.\n\n```text\n{parser.format_help().strip()}\n```\n")
    return "\n".join(parts)


def run_json() -> str:
    """The members of ``run.json``, from its schema."""
    schema = json.loads((ROOT / "smartlaunch" / "schemas" / "run.schema.json").read_text(encoding="utf-8"))
    parts = ["# run.json\n", f"{schema['description']} `smartlaunch schema run` prints the JSON Schema.\n"]
    for name, found in schema["$defs"].items():
        if "properties" not in found:
            continue
        required = set(found.get("required", ()))
        rows = [
            f"| `{member}`{'' if member in required else ' (optional)'} | {_kind(told)} | {_cell(told.get('description', ''))} |"
            for member, told in found["properties"].items()
        ]
        parts.append("\n".join([f"## {name}\n", found.get("description", ""), "", "| member | type | is |", "|---|---|---|", *rows, ""]))
    return "\n".join(parts)


def _kind(told: dict[str, Any]) -> str:
    if "$ref" in told:
        return str(told["$ref"]).rpartition("/")[2]
    if "const" in told:
        return f"`{json.dumps(told['const'])}`"
    if "enum" in told:
        return ", ".join(f"`{value}`" for value in told["enum"])
    kind = told.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else str(kind) + (f" of {_kind(told['items'])}" if "items" in told else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def workflow_files() -> str:
    """The ready workflow files, whole."""
    parts = ["# Ready workflow files\n", "For GitHub Actions, GitLab and Jenkins, as they lie in `docs/ci/`.\n"]
    for path in sorted((ROOT / "docs" / "ci").iterdir()):
        language = "groovy" if path.name == "Jenkinsfile" else "yaml"
        parts.append(f"## {path.name}\n\n```{language}\n{path.read_text(encoding='utf-8').rstrip()}\n```\n")
    return "\n".join(parts)
