"""Writes what a bug left behind, without secrets."""

from __future__ import annotations

import os
import platform
import re
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from smartlaunch import __version__

_SECRET_NAME = re.compile(r"pass(word|wd|phrase)?|secret|token|jwk|key|credential|launch", re.IGNORECASE)
_SECRET_PAIR = re.compile(
    r"(?i)(\b(?:password|client_secret|client_assertion|access_token|refresh_token|id_token|code_verifier|code|state|launch|assertion"
    r"|authorization|cookie|set-cookie)[\"']?\s*[=:]\s*[\"']?)(?:(?:basic|bearer)\s+)?[^\s\"'&,;)}]+"
)
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?")
_SHORTEST = 6


def write_crash_log(problem: BaseException, words: Sequence[str], *, env: Mapping[str, str] | None = None) -> Path:
    """Write the traceback to a file and return where it is: ``reports/`` when that exists, else the folder for temporary files."""
    folder = Path("reports") if Path("reports").is_dir() and os.access("reports", os.W_OK) else Path(tempfile.gettempdir())
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    text = "".join(
        [
            f"smartlaunch {__version__}, Python {platform.python_version()}, {platform.system()}\n",
            f"command: {' '.join(words)}\n\n",
            *traceback.format_exception(problem),
        ]
    )
    path = folder / f"smartlaunch-crash-{stamp}-{os.getpid()}.log"
    path.touch(mode=0o600)
    path.write_text(scrub(text, env=env), encoding="utf-8", errors="backslashreplace")
    return path


def scrub(text: str, *, env: Mapping[str, str] | None = None) -> str:
    """Take out the values of environment variables with a secret's name, ``name=value`` pairs of OAuth, and anything like a JWT."""
    values = os.environ if env is None else env
    secrets = {value for name, value in values.items() if _SECRET_NAME.search(name) and len(value) >= _SHORTEST}
    text = _hide(text, secrets)
    text = _SECRET_PAIR.sub(r"\1<removed>", text)
    return _JWT.sub("<removed>", text)


def _hide(text: str, secrets: set[str]) -> str:
    """Use the redactor of the evidence, which knows every encoding of a value; a crash inside it must not stop the log."""
    try:
        from smartlaunch.evidence import Redactor

        redactor = Redactor()
        for value in secrets:
            redactor.learn("secret", value)
        text = redactor.scrub(text)
    except Exception:  # noqa: BLE001 - the plain replacement below is the second line
        text = text + ""
    for value in sorted(secrets, key=len, reverse=True):
        text = text.replace(value, "<removed>")
    return text
