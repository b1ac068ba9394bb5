"""The outputs that the page on diagnosis shows are real ones."""

import json
import re
import sys
import textwrap
from pathlib import Path

import pytest

from smartlaunch.diagnosis import load
from smartlaunch.diagnosis.text import render

sys.path.insert(0, str(Path(__file__).parent))
from form_maker import har

PAGE = (Path(__file__).parents[2] / "docs" / "diagnosis.md").read_text("utf-8")
SHOWN = {
    name: textwrap.dedent(block).strip().splitlines()
    for name, block in re.findall(r"(?m)^    \$ smartlaunch diagnose (\S+)\n((?:    .*\n|\n)+)", PAGE)
}


def _answer(name, folder):
    if name == "answer.txt":
        body = '{"error":"invalid_grant","error_description":"PKCE verification failed"}'
        (folder / name).write_text(f"HTTP/1.1 400 Bad Request\nContent-Type: application/json\n\n{body}", encoding="utf-8")
    else:
        data = har({"error": "invalid_client", "error_description": "x"})
        del data["log"]["entries"][3]
        (folder / name).write_text(json.dumps(data), encoding="utf-8")
    return render(load(str(folder / name)).report(), name)


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_output_on_the_page_is_what_comes_out(name, tmp_path):
    out = [line.strip() for line in _answer(name, tmp_path).splitlines()]
    assert len(SHOWN[name]) > 5
    for line in SHOWN[name]:
        assert line.strip() in out


def test_page_shows_two_outputs():
    assert sorted(SHOWN) == ["answer.txt", "launch.har"]
