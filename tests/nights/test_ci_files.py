"""The workflow files of docs/ci: parsed, pinned, and every command line in them understood by this command line."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from smartlaunch.cli import COMMANDS, Parser
from smartlaunch.cli.nightly import add_arguments

CI = Path(__file__).resolve().parents[2] / "docs" / "ci"
TELL = ("github.md", "slack.json", "gl-code-quality-report.json", "teams.json", "mail.eml", "badge.json")
PLAIN = re.compile(r"\$\{\{.*?\}\}|\$\{?\w+\}?")


class Loader(yaml.SafeLoader):
    """YAML 1.2 for what matters here: `on` is a word."""


Loader.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool"]
    for key, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def document(name):
    return yaml.load((CI / name).read_text(), Loader=Loader)


def scripts(name):
    """Every shell script of a file."""
    if name == "Jenkinsfile":
        return re.findall(r"sh '([^']+)'", (CI / name).read_text())
    data = document(name)
    if name == "gitlab-ci.yml":
        job = data["smart-launch"]
        return [*job["before_script"], *job["script"], *job["after_script"]]
    steps = data["runs"]["steps"] if name == "action.yml" else [s for job in data["jobs"].values() for s in job["steps"]]
    return [step["run"] for step in steps if "run" in step]


FILES = ("github-actions.yml", "action.yml", "gitlab-ci.yml", "Jenkinsfile")


@pytest.mark.parametrize("name", FILES)
def test_every_script_is_a_shell_script(name):
    assert scripts(name)
    for script in scripts(name):
        done = subprocess.run(["bash", "-n"], input=re.sub(r"\$\{\{.*?\}\}", "x", script), text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", FILES)
def test_every_command_is_one_of_ours_with_options_that_there_are(name):
    seen = 0
    for script in scripts(name):
        for line in re.split(r"\n|;|&&|\bthen\b", script.replace("\\\n", " ")):
            words = shlex.split(line, comments=True)
            place = next((n for n, word in enumerate(words) if word == "smartlaunch" or word.endswith("bin/smartlaunch")), None)
            if place is None:
                continue
            command, *rest = words[place + 1 :]
            assert command in COMMANDS
            if command == "nightly":
                parser = Parser()
                add_arguments(parser)
                parser.parse_args([re.sub(PLAIN, "1", word) for word in rest if not word.startswith("$OPTIONS")])
                seen += 1
    assert seen == (0 if name == "github-actions.yml" else 1)


def test_actions_are_pinned_by_hash_and_what_is_used_is_declared():
    action, workflow = document("action.yml"), document("github-actions.yml")
    steps = [*action["runs"]["steps"], *workflow["jobs"]["nightly"]["steps"]]
    uses = [step["uses"] for step in steps if "uses" in step]
    own = [each for each in uses if each.startswith("OWNER/")]
    assert len(own) == 1
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each) for each in uses if each not in own)
    text = (CI / "action.yml").read_text()
    assert set(re.findall(r"inputs\.(\w+)", text)) == set(action["inputs"])
    assert action["runs"]["using"] == "composite"
    assert all("shell" in step for step in action["runs"]["steps"] if "run" in step)
    ours = next(step for step in workflow["jobs"]["nightly"]["steps"] if step.get("uses") in own)
    assert set(ours["with"]) <= set(action["inputs"])
    assert {n for n, each in action["inputs"].items() if each.get("required") and "default" not in each} <= set(ours["with"])
    assert workflow["permissions"] == {"contents": "read"}
    assert set(workflow["on"]) == {"schedule", "workflow_dispatch"}
    ids = {step["id"] for step in workflow["jobs"]["nightly"]["steps"] if "id" in step}
    assert set(re.findall(r"steps\.(\w+)\.", (CI / "github-actions.yml").read_text())) <= ids


def test_no_secret_is_put_into_a_command():
    for name in ("github-actions.yml", "action.yml"):
        for script in scripts(name):
            assert "secrets." not in script
            assert "inputs." not in script, "an input reaches a script through the environment only"


def test_gitlab_keeps_what_the_next_night_needs_and_reads_the_files_that_there_are():
    job = document("gitlab-ci.yml")["smart-launch"]
    assert ".smartlaunch" in job["cache"]["paths"]
    assert job["artifacts"]["reports"]["junit"].endswith("junit.xml")
    assert Path(job["artifacts"]["reports"]["codequality"]).name in TELL
    assert job["artifacts"]["when"] == job["cache"]["when"] == "always"


def test_the_jenkinsfile_is_balanced_and_keeps_the_reports():
    text = re.sub(r"'[^']*'|\"[^\"]*\"|//.*", "", (CI / "Jenkinsfile").read_text())
    for opening, closing in ("{}", "()"):
        assert text.count(opening) == text.count(closing) > 0
    assert "junit testResults: 'reports/nights/*/junit.xml'" in (CI / "Jenkinsfile").read_text()
    assert text.split()[:2] == ["pipeline", "{"]


@pytest.mark.parametrize("name", FILES)
def test_what_is_read_from_the_folder_tell_is_written_there(name):
    assert set(re.findall(r"/tell/([\w.-]+)", (CI / name).read_text())) <= set(TELL)


def test_allures_history_is_carried_over(tmp_path, monkeypatch):
    import json
    import sys

    from smartlaunch.reporting.allure_html import HISTORY, Renderer, begin_rendering

    results = tmp_path / "results"
    results.mkdir()
    (results / "a-result.json").write_text("{}")
    script = tmp_path / "renderer.py"
    script.write_text(
        "import sys, pathlib\n"
        "config, out = (sys.argv[sys.argv.index(w) + 1] for w in ('--config', '--output'))\n"
        "pathlib.Path(out).mkdir(); pathlib.Path(out, 'index.html').write_text(pathlib.Path(config).read_text())\n"
    )
    for place, expected in ((str(tmp_path / "h.jsonl"), str(tmp_path / "h.jsonl")), ("", None)):
        monkeypatch.setenv(HISTORY, place)
        rendering = begin_rendering(results, tmp_path / "allure.html", renderer=Renderer(sys.executable, script))
        assert rendering.finish() is not None
        config = json.loads((tmp_path / "allure.html").read_text())
        assert config.get("historyPath") == expected
        assert config.get("appendHistory") is (True if expected else None)
