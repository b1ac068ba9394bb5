"""The Pythons that the package says it is for are those that CI has."""

import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_classifiers_the_matrix_of_ci_and_the_later_pythons_name_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [line.rpartition(" ")[2] for line in project["classifiers"] if line.startswith("Programming Language :: Python :: ")]
    oldest = project["requires-python"].removeprefix(">=")
    matrix = re.search(r"python: (\[.*\])", (ROOT / ".github" / "workflows" / "ci.yml").read_text())
    later = json.loads((ROOT / ".ci" / "pythons" / "package.json").read_text())["dependencies"]
    assert named[0] == oldest
    assert json.loads(matrix[1]) == named
    assert [f"python-{version}" for version in named[1:]] == sorted(later)
    assert "http" not in (ROOT / ".ci" / "pythons" / "package-lock.json").read_text()
