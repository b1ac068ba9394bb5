"""A run's manifest names every file, can be signed, and says what was changed since."""

import base64
import hashlib
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from smartlaunch.errors import UsageError
from smartlaunch.evidence import manifest, minisign, signature

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


# -- minisign: keys and signatures of its own program, version 0.11; the locked key is one that it made where there was little memory ------

VECTORS = Path(__file__).parent / "minisign"
SIGNED = b"run me"
COMMENT = "timestamp:1795862638\tfile:manifest.sha256\thashed"
PASSWORD = "correct horse"


def vector(name):
    return (VECTORS / name).read_bytes()


@pytest.mark.parametrize("name", ["plain", "locked"])
def test_what_minisign_signs_is_verified_and_what_we_sign_is_the_same(name):
    assert minisign.verifies(vector(f"{name}.pub"), vector(f"{name}.sig"), SIGNED)
    ours = minisign.secret_key(vector(f"{name}.key"), lambda: PASSWORD).sign(SIGNED, COMMENT)
    assert ours.splitlines()[1:] == vector(f"{name}.sig").decode().splitlines()[1:]
    assert minisign.verifies(vector(f"{name}.pub"), ours.encode(), SIGNED)


def test_the_older_form_that_signs_the_file_itself_is_verified_too():
    assert minisign.verifies(vector("plain.pub"), vector("legacy.sig"), SIGNED)
    assert not minisign.verifies(vector("plain.pub"), vector("legacy.sig"), SIGNED + b".")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1795862638", "1795862639"),  # the comment is signed as well
        ("RUR5", "RUR4"),  # the number of another key
        ("58loD59aO0MW", "58loD59aO0MX"),
        ("9E/3NhHXLv", "9E/3NhHXLw"),
        ("trusted comment: timestamp", "timestamp"),
        ("RUR5", "RUR"),
        ("\n", "\n\n"),
        ("untrusted comment", "comment"),
    ],
)
def test_a_changed_signature_is_none(old, new):
    text = vector("plain.sig").decode()
    assert old in text
    assert not minisign.verifies(vector("plain.pub"), text.replace(old, new, 1).encode(), SIGNED)


def test_neither_another_file_nor_another_key_fits():
    assert not minisign.verifies(vector("plain.pub"), vector("plain.sig"), b"run us")
    assert not minisign.verifies(vector("locked.pub"), vector("plain.sig"), SIGNED)


def test_a_wrong_password_and_damaged_keys_are_mistakes_of_the_user():
    with pytest.raises(UsageError, match="password does not open"):
        minisign.secret_key(vector("locked.key"), lambda: "wrong horse")
    head, body = vector("plain.key").decode().splitlines()
    octets = bytearray(base64.b64decode(body))
    for number, what in ((70, "damaged"), (0, "not known here"), (3, "not known here")):
        changed = bytes(octets[:number]) + bytes([octets[number] ^ 1]) + bytes(octets[number + 1 :])
        with pytest.raises(UsageError, match=what):
            minisign.secret_key(f"{head}\n{base64.b64encode(changed).decode()}\n".encode(), lambda: "")
    with pytest.raises(UsageError, match="no secret key of minisign"):
        minisign.secret_key(vector("plain.pub"), lambda: "")
    with pytest.raises(UsageError, match="no public key of minisign"):
        minisign.verifies(vector("plain.key"), vector("plain.sig"), SIGNED)


def test_a_key_that_wants_all_memory_is_refused():
    octets = bytearray(base64.b64decode(vector("locked.key").decode().splitlines()[1]))
    octets[38:54] = (2**40).to_bytes(8, "little") + (2**40).to_bytes(8, "little")
    with pytest.raises(UsageError, match="more memory"):
        minisign.secret_key(f"untrusted comment: x\n{base64.b64encode(bytes(octets)).decode()}\n".encode(), lambda: PASSWORD)


def test_the_costs_of_a_usual_password_are_those_of_minisign():
    """A key as its program makes it anywhere: 2 to the 20th rounds, for which a gigabyte is taken."""
    asked = {}

    def scrypt(_password, **costs):
        asked.update(costs)
        return bytes(104)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(hashlib, "scrypt", scrypt)
        octets = bytearray(base64.b64decode(vector("locked.key").decode().splitlines()[1]))
        octets[38:54] = (33554432).to_bytes(8, "little") + (1073741824).to_bytes(8, "little")
        with pytest.raises(UsageError, match="password does not open"):
            minisign.secret_key(f"untrusted comment: x\n{base64.b64encode(bytes(octets)).decode()}\n".encode(), lambda: PASSWORD)
    assert (asked["n"], asked["r"], asked["p"]) == (2**20, 8, 1)


def test_a_run_is_signed_and_verified_by_the_command_with_keys_of_minisign(folder, capsys):
    from smartlaunch.cli import main

    signature.check_key(VECTORS / "plain.key")
    signature.sign(folder, VECTORS / "plain.key")
    assert main(["verify", str(folder), "--key", str(VECTORS / "plain.pub")]) == 0
    assert "plain.pub" in capsys.readouterr().out
    assert main(["verify", str(folder), "--key", str(VECTORS / "locked.pub")]) == 1
    assert capsys.readouterr().out == "manifest.sha256.sig is no signature of manifest.sha256 by locked.pub\n"
    (folder / "run.json").write_text('{"a": 1}')
    manifest.write_manifest(folder)
    assert main(["verify", str(folder), "--key", str(VECTORS / "plain.pub")]) == 1


def test_the_password_of_a_key_is_asked_for_at_a_terminal_and_nowhere_else(folder, monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    with pytest.raises(UsageError, match="nobody is at the terminal"):
        signature.check_key(VECTORS / "locked.key")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("getpass.getpass", lambda _prompt: PASSWORD)
    signature.check_key(VECTORS / "locked.key")
    signature.sign(folder, VECTORS / "locked.key")
    assert signature.verify(folder, VECTORS / "locked.pub") == []
