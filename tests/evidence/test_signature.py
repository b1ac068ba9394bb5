"""A run's manifest names every file, can be signed, and says what was changed since."""

import shutil
import subprocess

import pytest

from smartlaunch.errors import UsageError
from smartlaunch.evidence import manifest, signature

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen here")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "run"
    made.mkdir()
    (made / "run.json").write_text("{}")
    (made / "run.lock").write_text("")
    manifest.write_manifest(made)
    return made


def key(tmp_path, name="key"):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
    return tmp_path / name


@needs_ssh
def test_signed_run_verifies_by_its_key_alone(folder, tmp_path):
    own, other = key(tmp_path), key(tmp_path, "other")
    signature.sign(folder, own)
    assert manifest.verify(folder) == []
    assert signature.verify(folder, own.with_suffix(".pub")) == []
    assert signature.verify(folder, other.with_suffix(".pub")) == ["manifest.sha256.sig is no signature of manifest.sha256 by other.pub"]


@needs_ssh
def test_changed_manifest_is_not_what_was_signed(folder, tmp_path):
    own = key(tmp_path)
    signature.sign(folder, own)
    (folder / "run.json").write_text('{"a": 1}')
    assert manifest.verify(folder) == ["run.json was changed"]
    manifest.write_manifest(folder)
    assert manifest.verify(folder) == []
    assert len(signature.verify(folder, own.with_suffix(".pub"))) == 1


def test_lock_of_the_run_is_no_part_of_it(folder):
    (folder / "run.lock").unlink()
    assert manifest.verify(folder) == []


def test_missing_key_is_a_mistake_of_the_user(folder, tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        signature.check_key(tmp_path / "nowhere")


def test_verify_command_says_what_differs(folder, capsys):
    from smartlaunch.cli import main

    assert main(["verify", str(folder)]) == 0
    assert "not signed" in capsys.readouterr().out
    (folder / "more.txt").write_text("x")
    assert main(["verify", str(folder)]) == 1
    assert capsys.readouterr().out == "more.txt was added\n"
