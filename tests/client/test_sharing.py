"""One look at the target for all workers: the first looks, the others ask nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smartlaunch.client.preflight import preflight
from smartlaunch.plugin import sharing
from smartlaunch.plugin.sharing import LOOK, Look
from tests.client.conftest import BASE, PUBLIC, Server


def test_what_the_first_saw_the_others_are_told(run: Callable[..., Any], server: Server, tmp_path: Path) -> None:
    place = tmp_path / "seen.json"
    engine = run(PUBLIC).engine
    lines = preflight(engine, intrusive=3)
    first, told = (Look.of({LOOK: f"{part}:{place}"}) for part in ("first", "told"))
    assert first is not None
    assert told is not None
    first.tell(lines, engine)
    assert place.stat().st_mode & 0o077 == 0
    asked = len(server.requests)
    other = run(PUBLIC).engine
    assert told.hear(other) == lines
    assert other.discovery.exchange.heard == engine.discovery.exchange.heard
    assert other.discovery.exchange.request == engine.discovery.exchange.request
    assert other.discovery.url("token_endpoint") == "https://ehr.example/token"
    kept = other.recorder.get(other.discovery.exchange.id)
    assert (kept.started, kept.duration_ms, kept.url) == (
        engine.recorder.exchanges[0].started,
        engine.recorder.exchanges[0].duration_ms,
        engine.recorder.exchanges[0].url,
    )
    assert len(server.requests) == asked


def test_another_address_is_looked_at_anew(run: Callable[..., Any], tmp_path: Path) -> None:
    look = Look(first=True, place=tmp_path / "seen.json")
    look.tell([], run(PUBLIC).engine)
    other = run(PUBLIC).engine
    look.place.write_text(look.place.read_text("utf-8").replace(BASE, f"{BASE}/other"), "utf-8")
    assert look.hear(other) == []
    assert "exchange" not in vars(other.discovery)


def test_one_that_could_not_look_keeps_nobody_waiting(run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look = Look(first=True, place=tmp_path / "seen.json")
    monkeypatch.setattr(sharing, "_WAIT_S", 0.0)
    assert look.hear(run(PUBLIC).engine) is None
    look.tell(None, None)
    assert look.hear(run(PUBLIC).engine) is None
    look.tell([{"verdict": "note", "problem": "too late"}], run(PUBLIC).engine)
    assert look.hear(run(PUBLIC).engine) is None
    assert Look.of({}) is None
