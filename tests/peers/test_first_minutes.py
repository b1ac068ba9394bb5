"""The first minutes with a server that nobody here wrote: init, doctor and try with nothing but a client id and a login."""

from __future__ import annotations

import time
import tomllib
from typing import Any

import pytest

from smartlaunch.cli import main

BOUND_S = 300


@pytest.fixture
def have(oidc_provider: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> dict[str, str]:
    """What somebody has who was given a login and has registered an app; the target file itself is not used."""
    document = tomllib.loads(oidc_provider.target_file.read_text("utf-8"))
    client = next(c for c in document["clients"].values() if c["role"] == "public" and c.get("use", "primary") == "primary")
    user = next(u for u in document["users"].values() if u["persona"] == "patient")
    password = (oidc_provider.target_file.parent / user["password"]["file"]).read_text("utf-8").strip()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MY_PASSWORD", password)
    monkeypatch.setenv("SMARTLAUNCH_PASSWORD", password)
    return {
        "base": oidc_provider.fhir_base_url,
        "client": client["client_id"],
        "redirect": client["redirect_uri"],
        "user": user["username"],
        "password": password,
    }


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(list(words))
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_from_a_base_and_a_login_to_a_file_that_is_ready(have, capsys):
    began = time.monotonic()
    code, out = said(
        capsys, "init", have["base"], "--out", "mine.toml", "--launch", "standalone", "--auth", "none", "--client-id", have["client"],
        "--redirect-uri", have["redirect"], "--username", have["user"], "--password-env", "MY_PASSWORD",
    )  # fmt: skip
    print(f"ready after {time.monotonic() - began:.1f} s")
    assert code == 0, out
    assert "ready: sign-in (app, standalone)" in out
    assert have["password"] not in out
    assert time.monotonic() - began < BOUND_S


def test_one_launch_is_told_without_a_file(have, capsys):
    code, out = said(
        capsys, "try", "--fhir-base", have["base"], "--client-id", have["client"], "--redirect-uri", have["redirect"], "--username", have["user"], "--out", "kept"
    )  # fmt: skip
    assert code == 0, out
    assert "It works" in out
