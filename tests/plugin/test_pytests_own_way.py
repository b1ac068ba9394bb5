"""pytest used as anybody uses pytest: markers, -k, --lf, --pyargs, other plugins, feature files of one's own."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smartlaunch.cli import main
from smartlaunch.plugin import marks
from smartlaunch.plugin.binding import SUITES, every_plan, plans
from smartlaunch.setup import commands

ROOT = Path(__file__).resolve().parents[2]
OURS = ("-p", "pytest_bdd.plugin", "-p", "allure_pytest.plugin")
OWN = """\
@once
Feature: What our portal needs

  @req:SMART-2.2-conformance-well-known-a
  Rule: The server serves a JSON document at .well-known/smart-configuration below its FHIR base URL

    @id:our-portal-finds-the-configuration
    Scenario: Our portal finds the SMART configuration
      When the app reads the SMART configuration
      Then {then}
"""


def collected(said):
    """The tests that a collection names."""
    return [line.partition("::")[2] for line in said.splitlines() if "::" in line]


def collect_alone(*words, plugins=False, code=0):
    """A collection in a process of its own: for features of one's own, and for plugins that load by themselves."""
    environment = {k: v for k, v in os.environ.items() if k != "SMARTLAUNCH_FEATURES"} | {"PYTHONPATH": str(ROOT)}
    if not plugins:
        environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        words = (*OURS, *words)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
    return collected(done.stdout), done.stdout + done.stderr


@pytest.fixture
def collect(warm, tmp_path):
    """A collection in a process that has everything imported."""

    def call(*words):
        log = tmp_path / "collected.txt"
        code = warm.wait(warm.start(["--collect-only", "-q", *OURS, *words], log))
        said = log.read_text("utf-8")
        assert code == 0, said[-3000:]
        return collected(said), said

    return call


def test_every_plan_has_its_group_suite_and_strength():
    for plan in every_plan():
        names = marks.of(plan)
        assert plan.suite.id in names
        assert Path(plan.path).stem in names
        assert {"shall", "shall_not", "should", "should_not", "may", "deprecated"} & set(names) or all(
            r.startswith(("HYGIENE", "EXPECT")) for r in plan.requirements
        )


def test_markers_select_groups_without_what_is_intrusive(collect):
    file = "suites/test_standalone_public.py"
    found, _ = collect(file, "-m", "pkce and not intrusive")
    wanted = [p for p in plans("standalone-public") if "pkce" in p.path and "intrusive" not in p.flags and not p.thorough]
    assert len(found) == sum(len(p.labels) or 1 for p in wanted) > 0
    by_name, _ = collect(file, "-k", "pkce")
    assert len(by_name) > len(found)
    suite, _ = collect(file, "-m", "standalone-public and shall_not")
    assert suite


def test_every_marker_is_registered_and_an_unknown_one_is_refused(collect):
    _, text = collect("suites/test_standalone_public.py", "--markers")
    for name in ("pkce", "intrusive", "shall", *(s.id for s in SUITES)):
        assert f"@pytest.mark.{name}:" in text


def test_the_suites_are_found_by_their_package(collect):
    found, _ = collect("--pyargs", "smartlaunch._suite.suites.test_standalone_public", "-m", "pkce", "--target=embedded")
    assert found


def test_what_failed_last_comes_first_or_alone(tmp_path):
    words = [
        "suites/test_standalone_public.py",
        "--scenario=standalone-public/state-returned",
        "--scenario=standalone-public/plain-not-listed",
    ]
    words += [
        "--defect=omits_state",
        f"--run-dir={tmp_path / 'run'}",
        "-o",
        f"cache_dir={tmp_path / 'cache'}",
        "-p",
        "no:allure_pytest",
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SMARTLAUNCH_ALLURE": "off"}
    done = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    found, _ = collect_alone(*words, "--lf", plugins=True)
    assert found == ["test_state_returned"]
    first, _ = collect_alone(*words, "--ff", plugins=True)
    assert first[0] == "test_state_returned"
    assert len(first) == 2


PLUGINS = Path(__file__).parent / "other_plugins.txt"
"""pytest-asyncio, -randomly, -playwright, -html, -timeout, -rerunfailures and -cov with what they need, pinned."""


@pytest.fixture(scope="module")
def others():
    """The folder with other people's plugins, fetched once per lock; loaded by pytest as soon as it is on the path."""
    folder = commands.cache_folder() / f"plugins-{hashlib.sha256(PLUGINS.read_bytes()).hexdigest()[:12]}-{sys.version_info.minor}"
    if not (folder / "ready").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--no-deps"]
        done = commands.run([*command, "--require-hashes", "--target", str(folder), "-r", str(PLUGINS)], limit_s=240)
        if not done.ok:
            pytest.skip(f"the plugins could not be fetched: {done.said}")
        (folder / "ready").touch()
    return folder


def beside(others, *words):
    """pytest with all of them loaded."""
    figures = others / "coverage"  # pytest-cov takes away what it finds where it writes
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{others}", "SMARTLAUNCH_ALLURE": "off", "COVERAGE_FILE": str(figures)}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_a_run_beside_other_plugins_comes_to_the_same(others, tmp_path):
    words = (
        "suites/test_standalone_public.py",
        "-m",
        "not intrusive",
        "-k",
        "state_returned or authorization_code_issued",
        "--defect=omits_state",
    )
    theirs = (
        "--reruns=1",
        "--timeout=200",
        f"--html={tmp_path / 'other.html'}",
        "--cov=smartlaunch.oauth",
        "--cov-fail-under=0",
        "-p",
        "randomly",
    )
    done = beside(others, *words, *theirs, f"--run-dir={tmp_path / 'run'}")
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Using --randomly-seed" in done.stdout
    assert "rerun" in done.stdout
    assert (tmp_path / "other.html").is_file()
    outcomes = {s["id"]: s["outcome"] for s in json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))["scenarios"]}
    assert outcomes["standalone-public/state-returned"] == "failed"
    assert outcomes["standalone-public/authorization-code-issued"] == "passed"
    assert set(outcomes.values()) == {"passed", "failed"}
    assert (tmp_path / "run" / "index.html").is_file()


def test_what_ends_grants_stays_last_where_another_plugin_shuffles(others, collect):
    done = beside(others, "suites/test_standalone_public.py", "--collect-only", "-q", "-p", "randomly", "--randomly-seed=7")
    found = collected(done.stdout)
    alone, _ = collect("suites/test_standalone_public.py")
    last = {f"test_{p.slug.replace('-', '_')}" for p in plans("standalone-public") if "last" in p.flags}
    assert sorted(found) == sorted(alone)
    assert found != alone
    assert {name.partition("[")[0] for name in found[-len([n for n in found if n.partition("[")[0] in last]) :]} <= last


def test_every_option_has_the_family_name_too(collect):
    found, _ = collect(
        "suites/test_standalone_public.py", "--smartlaunch-requirement=SMART-2.2-app-launch-pkce-a", "--smartlaunch-target=embedded"
    )
    short, _ = collect("suites/test_standalone_public.py", "--requirement=SMART-2.2-app-launch-pkce-a")
    assert found == short != []


def own(tmp_path, then="it is a JSON object"):
    folder = tmp_path / "portal"
    folder.mkdir()
    (folder / "portal.feature").write_text(OWN.format(then=then))
    return folder


def test_own_features_run_beside_ours(tmp_path):
    found, _ = collect_alone("suites/test_standalone_public.py", f"--smartlaunch-features={own(tmp_path)}", "-k", "portal")
    assert found == ["test_our_portal_finds_the_configuration"]


def test_a_step_that_does_not_exist_is_named_at_collection(tmp_path):
    folder = own(tmp_path, "it is a JSON objekt")
    _, text = collect_alone("suites/test_standalone_public.py", f"--smartlaunch-features={folder}", code=4)
    assert "portal/portal.feature:10: there is no step Then 'it is a JSON objekt'; did you mean 'it is a JSON object'" in text


def test_a_folder_without_features_is_a_mistake(tmp_path, capsys):
    _, text = collect_alone("suites/test_standalone_public.py", f"--smartlaunch-features={tmp_path}", code=4)
    assert "no folder with feature files" in text
    assert main(["run", "--features", str(tmp_path)]) == 2
    capsys.readouterr()


def test_own_features_are_in_the_report(tmp_path):
    words = ["run", "--features", str(own(tmp_path)), "--scenario", "standalone-public/our-portal-finds-the-configuration", "--no-allure"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "smartlaunch.cli", *words, f"--out={tmp_path / 'run'}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "What our portal needs" in (tmp_path / "run" / "run.json").read_text()
