"""A report is never lost: whatever one writer does, the record and the other reports are there, and the run says what is not."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from smartlaunch.errors import InternalError
from smartlaunch.finding import Outcome
from smartlaunch.plugin.finish import finish, scrubbed
from smartlaunch.records.exits import INTERNAL, exit_code
from smartlaunch.records.files import DIAGNOSES_FILE, HAR_FILE, HTML_FILE, RUN_FILE
from smartlaunch.records.record import ScenarioResult
from smartlaunch.records.store import append_scenario, load_run, write_header, write_run
from smartlaunch.reporting.allure_bridge import Hooks
from smartlaunch.reporting.summary import render_summary

SECRET = "pass-canary-1"


def scrub(text: str) -> str:
    return text.replace(SECRET, "<password 1>")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    append_scenario(
        tmp_path,
        ScenarioResult(id="s/a", title="t", feature="f", rule="r", suite="s", requirements=(), outcome=Outcome.PASSED.value),
    )
    return tmp_path


HEADER = {
    "schema": 1,
    "id": "x",
    "target": {"name": "t"},
    "selection": ["s/a"],
    "start": "2026-01-01T00:00:00+00:00",
    "end": "2026-01-01T00:00:09+00:00",
}

WRITERS = {
    DIAGNOSES_FILE: "smartlaunch.diagnosis.diagnose_run",
    HAR_FILE: "smartlaunch.evidence.har.writing.write_har",
    HTML_FILE: "smartlaunch.reporting.html.write_html",
}


def broken(*_args: object, **_more: object) -> None:
    raise RuntimeError(f"no space left beside {SECRET}")


@pytest.mark.parametrize("artefact", WRITERS)
def test_one_writer_that_fails_leaves_the_others(folder: Path, artefact: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WRITERS[artefact], broken)
    seen: list[str] = []
    finish(folder, lambda: HEADER, scrub=scrub, on_run=lambda *_: seen.append("Allure begun"), at_end=lambda: seen.append("Allure done"))
    run = load_run(folder)
    assert [(line["artefact"], line["problem"]) for line in run.unwritten] == [
        (artefact, "RuntimeError: no space left beside <password 1>")
    ]
    assert {name for name in WRITERS if (folder / name).is_file()} == set(WRITERS) - {artefact}
    assert (folder / RUN_FILE).is_file()
    assert seen == ["Allure begun", "Allure done"]
    assert exit_code(run) == INTERNAL
    assert artefact in render_summary(run, {}, width=100)


@pytest.mark.parametrize("where", ["on_run", "at_end"])
def test_an_allure_that_fails_leaves_the_others(folder: Path, where: str) -> None:
    hooks: dict[str, Callable[..., None]] = {"on_run": lambda *_: None, "at_end": lambda: None, where: broken}
    run = finish(folder, lambda: HEADER, scrub=scrub, **hooks)
    assert [line["artefact"] for line in run.unwritten] == ["Allure"]
    assert all((folder / name).is_file() for name in WRITERS)


def test_half_of_a_report_is_not_left_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(_exchanges: object, path: Path) -> None:
        path.write_text('{"log": {')
        broken()

    monkeypatch.setattr(WRITERS[HAR_FILE], half)
    finish(folder, lambda: HEADER, scrub=scrub)
    assert not (folder / HAR_FILE).exists()


def test_the_record_is_there_before_anything_else_is_tried(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[bool] = []
    monkeypatch.setattr(WRITERS[DIAGNOSES_FILE], lambda _run: found.append((folder / RUN_FILE).is_file()) or [])
    assert finish(folder, lambda: HEADER, scrub=scrub).unwritten == []
    assert found == [True]


def test_a_header_that_cannot_be_made_costs_only_what_is_new_in_it(folder: Path) -> None:
    write_header(folder, HEADER)
    run = finish(folder, broken, scrub=scrub)
    assert [line["artefact"] for line in run.unwritten] == ["header"]
    assert run.target_name == "t"
    assert all((folder / name).is_file() for name in (RUN_FILE, *WRITERS))


def test_without_room_for_the_record_the_other_reports_are_made_before_that_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smartlaunch.plugin.finish.write_run", broken)
    with pytest.raises(InternalError, match=r"run\.json could not be written: RuntimeError: no space left beside <password 1>"):
        finish(folder, lambda: HEADER, scrub=scrub)
    assert (folder / HTML_FILE).is_file()
    assert (folder / HAR_FILE).is_file()


def test_a_record_is_replaced_whole_or_not_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(folder, lambda: HEADER, scrub=scrub)
    before = (folder / RUN_FILE).read_text()

    def full(self: Path, data: bytes) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write_run(load_run(folder), folder)
    assert (folder / RUN_FILE).read_text() == before
    assert not list(folder.glob(".run.json.*"))


def test_a_result_of_allure_that_cannot_be_filled_ends_nothing_and_holds_nothing_raw() -> None:
    bridge = SimpleNamespace(rewrite=broken, problem=None)
    result = SimpleNamespace(statusDetails=SECRET, parameters=[SECRET], steps=[SECRET], attachments=[SECRET], description=SECRET)
    Hooks(bridge).report_result(result)  # type: ignore[arg-type, attr-defined]
    assert SECRET not in repr(vars(result))
    assert isinstance(bridge.problem, RuntimeError)


def test_values_are_scrubbed_and_not_their_json() -> None:
    """A secret with a quote or a backslash stands in JSON in another spelling; one that is a piece of JSON would break it."""
    for secret in ('pa"ss\\word', "null", '", "'):
        value = {"evidence": [f"it was {secret} there", None, True, 1], "fix": "", secret: ({"deep": secret},)}
        clean = scrubbed(value, lambda text, secret=secret: text.replace(secret, "<password 1>"))
        assert json.loads(json.dumps(clean)) == {
            "evidence": ["it was <password 1> there", None, True, 1],
            "fix": "",
            "<password 1>": [{"deep": "<password 1>"}],
        }
