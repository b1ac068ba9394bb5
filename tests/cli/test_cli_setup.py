"""``smartlaunch setup``: the order of the ways, what each says, and that a second run does nothing."""

import json
import os
import sys
import time
from importlib import resources
from pathlib import Path

import pytest

from smartlaunch.setup import commands, npm_packages, steps
from smartlaunch.setup.commands import Done


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine without browser, npm and cache; returns the list of commands that were tried."""
    tried: list[list[str]] = []
    path = tmp_path / "bin"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("SMARTLAUNCH_BROWSER", "SMARTLAUNCH_ALLURE", "PLAYWRIGHT_BROWSERS_PATH", "CI"):
        monkeypatch.delenv(name, raising=False)

    def run(command, **_):
        tried.append([Path(command[0]).name, *command[1:]])
        return Done(ok=False, said="no such host")

    monkeypatch.setattr(steps, "run", run)
    monkeypatch.setattr(npm_packages, "run", run)
    return tried


def program(name: str, folder: Path | None = None) -> Path:
    path = (folder or Path(os.environ["PATH"])) / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_browser_on_the_path_is_taken_in_order_and_nothing_is_fetched(bare):
    program("google-chrome")
    program("chromium")
    assert "chromium on PATH" in steps.set_up().browser.how
    program("chromium-headless-shell")
    found = steps.set_up().browser
    assert found.ok
    assert "chromium-headless-shell on PATH" in found.how
    assert bare == []


def test_an_explicit_setting_comes_first_and_never_falls_back(bare, monkeypatch, tmp_path):
    program("chromium")
    mine = program("mine", tmp_path)
    assert str(mine) in steps.set_up(browser=str(mine)).browser.how
    monkeypatch.setenv("SMARTLAUNCH_BROWSER", str(tmp_path / "gone"))
    found = steps.set_up().browser
    assert not found.ok
    assert "does not exist" in found.how
    assert bare == []


def test_without_any_way_the_exact_commands_are_told(bare, capsys):
    from smartlaunch.cli import main

    assert main(["setup"]) == 2
    text = capsys.readouterr().out
    assert "playwright install chromium" in text
    assert "apt-get install --no-install-recommends chromium-headless-shell" in text
    assert "SMARTLAUNCH_BROWSER" in text
    assert "no such host" in text
    assert [command[1:4] for command in bare] == [["-m", "playwright", "install"]]


def test_check_fetches_nothing(bare):
    program("npm")
    result = steps.set_up(check=True)
    assert not result.ok
    assert not result.allure.ok
    assert bare == []


def test_debians_package_needs_root_and_a_wish(bare, monkeypatch):
    program("apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert steps.apt_allowed(asked=True) == "that needs root"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "--with-apt" in steps.apt_allowed(asked=False)
    assert steps.apt_allowed(asked=True) == ""
    monkeypatch.setenv("CI", "true")
    assert steps.apt_allowed(asked=False) == ""
    steps.set_up(with_apt=True)
    assert [command[0] for command in bare][:2] == ["apt-get", "apt-get"]


def test_the_npm_package_is_the_last_way(bare, monkeypatch):
    program("npm")
    result = steps.set_up()
    assert [Path(command[0]).name for command in bare][:2] == [Path(sys.executable).name, "npm"]
    assert any("@sparticuz/chromium" in line for line in result.browser.tried)
    assert "not fetched" in result.allure.how


def test_what_was_installed_is_not_installed_again(bare, monkeypatch, tmp_path):
    program("npm")
    program("chromium")
    program("node")
    calls = []

    def npm(command, *, limit_s, cwd):
        calls.append(command)
        (cwd / "node_modules" / "allure").mkdir(parents=True, exist_ok=True)
        (cwd / "node_modules" / "allure" / "cli.js").write_text("")
        return Done(ok=True, said="")

    monkeypatch.setattr(npm_packages, "run", npm)
    assert steps.set_up().allure.ok
    start = time.monotonic()
    assert "in the cache" in steps.set_up().allure.how
    assert time.monotonic() - start < 1
    assert len(calls) == 1
    assert "--ignore-scripts" in calls[0]
    (tmp_path / "cache" / "smartlaunch" / "allure" / "installed-lock.json").write_text("{}")
    steps.set_up()
    assert len(calls) == 2


def test_the_locks_pin_every_hash_and_name_no_host():
    for name in ("allure", "browser"):
        text = resources.files("smartlaunch.setup").joinpath("npm", name, "package-lock.json").read_text("utf-8")
        assert "://" not in text
        packages = json.loads(text)["packages"]
        assert all(row.get("integrity", "").startswith("sha512-") for key, row in packages.items() if key)


def test_a_command_has_a_limit_and_no_input():
    start = time.monotonic()
    done = commands.run([sys.executable, "-c", "import time; print('x'); time.sleep(60)"], limit_s=0.5)
    assert not done.ok
    assert "did not end within" in done.said
    assert time.monotonic() - start < 10
    assert commands.run([sys.executable, "-c", "input()"], limit_s=20).ok is False
    assert not commands.run(["/no/such/program"], limit_s=1).ok
    assert commands.run([sys.executable, "-c", "print(1); print(2)"], limit_s=20) == Done(ok=True, said="1; 2")


def test_the_node_of_playwright_unpacks_brotli(tmp_path):
    from smartlaunch.setup.unpack import unpack

    node = commands.playwrights_node()
    assert node is not None
    package = tmp_path / "package" / "bin"
    package.mkdir(parents=True)
    pack = "const fs=require('fs'),z=require('zlib');fs.writeFileSync(process.argv.at(-1),z.brotliCompressSync(fs.readFileSync(process.argv.at(-2))))"
    import tarfile

    (tmp_path / "plain").write_text("#!/bin/sh\necho made\n")
    (tmp_path / "libx.so.1").write_text("library")
    with tarfile.open(tmp_path / "al2023.tar", "w") as archive:
        archive.add(tmp_path / "libx.so.1", arcname="al2023/lib/libx.so.1")
    for source, name in (("plain", "chromium.br"), ("al2023.tar", "al2023.tar.br")):
        assert commands.run([str(node), "-e", pack, str(tmp_path / source), str(package / name)], limit_s=30).ok
    out = tmp_path / "out"
    assert unpack(package.parent, out).ok
    assert commands.run([str(out / "chromium")], limit_s=10) == Done(ok=True, said="made")
    assert (out / "lib" / "libx.so.1").read_text() == "library"
    assert not unpack(tmp_path / "nothing", tmp_path / "out2").ok
