"""Signing the manifest of a run with a key that people have: of ssh, by its own program, or of minisign."""

from __future__ import annotations

import getpass
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from smartlaunch.errors import UsageError
from smartlaunch.evidence import minisign
from smartlaunch.evidence.manifest import NAME, SIGNATURE_NAME

_NAMESPACE: Final = "smartlaunch"
_WHO: Final = "run"
_LIMIT_S: Final = 60


def sign(folder: Path, key: Path) -> Path:
    """Sign the manifest with a private key; what that needs (a passphrase, a touch) is asked for on the terminal."""
    check_key(key)
    manifest, target = folder / NAME, folder / SIGNATURE_NAME
    target.unlink(missing_ok=True)
    if _is_minisign(key):
        secret = minisign.secret_key(key.read_bytes(), lambda: _ask(key))
        comment = f"timestamp:{int(time.time())}\tfile:{NAME}\thashed"
        target.write_text(secret.sign(manifest.read_bytes(), comment), encoding="utf-8")
    else:
        _run([_program("ssh-keygen"), "-q", "-Y", "sign", "-f", str(key), "-n", _NAMESPACE, str(manifest)], "signing")
    return target


def check_key(key: Path) -> None:
    """Raise ``UsageError`` for a key that cannot sign, before anything is run."""
    if not key.is_file():
        raise UsageError(f"--sign {key}: there is no such file; a private key of ssh or minisign is wanted")
    if not _is_minisign(key):
        _program("ssh-keygen")
    elif minisign.is_locked(key.read_bytes()) and not sys.stdin.isatty():
        raise UsageError(
            f"--sign {key}: the key wants a password, and nobody is at the terminal to type it\n"
            "  try: a key for this purpose alone, made with minisign -G -W"
        )


def verify(folder: Path, key: Path) -> list[str]:
    """What is wrong with the signature, by a public key; empty when nothing is."""
    if not key.is_file():
        raise UsageError(f"--key {key}: there is no such file")
    manifest, signed = folder / NAME, folder / SIGNATURE_NAME
    if _is_minisign(key):
        good = minisign.verifies(key.read_bytes(), signed.read_bytes(), manifest.read_bytes())
    else:
        with tempfile.TemporaryDirectory() as scratch:
            allowed = Path(scratch) / "allowed"
            allowed.write_text(f"{_WHO} {' '.join(key.read_text(encoding='utf-8').split()[:2])}\n", encoding="utf-8")
            command = [_program("ssh-keygen"), "-Y", "verify", "-f", str(allowed), "-I", _WHO, "-n", _NAMESPACE, "-s", str(signed)]
            good = _ended(command, "verifying", input=manifest.read_bytes(), capture_output=True) == 0
    return [] if good else [f"{SIGNATURE_NAME} is no signature of {NAME} by {key.name}"]


def _ask(key: Path) -> str:
    return getpass.getpass(f"password of {key.name}: ")


def _is_minisign(key: Path) -> bool:
    with key.open("rb") as file:
        return file.read(64).startswith(minisign.HEAD)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise UsageError(f"{name} is needed for this key and was not found on the path")
    return found


def _run(command: list[str], what: str) -> None:
    if _ended(command, what, stdout=subprocess.DEVNULL):
        raise UsageError(f"{what} did not work; what {Path(command[0]).name} says stands above")


def _ended(command: list[str], what: str, **how: Any) -> int:
    """The exit code of a program of the user's, by its full path."""
    try:
        return subprocess.run(command, timeout=_LIMIT_S, check=False, **how).returncode  # noqa: S603 - see above
    except subprocess.TimeoutExpired:
        raise UsageError(f"{what} took longer than {_LIMIT_S} s and was given up") from None
