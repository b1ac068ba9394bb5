"""A secret by reference: the target file names where it is, and only who needs the value looks it up."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from smartlaunch.errors import TargetFileError

_MAX_SECRET = 100_000


class Secret:
    """A secret by reference; only `reveal` gives the value, and nothing else ever shows it.

    The reference is looked up late, so that a file can be checked, listed and explained without any secret at hand.
    """

    __slots__ = ("_env", "_literal", "kind", "name", "origin", "where")

    def __init__(
        self, kind: str, name: str, *, where: str = "", origin: tuple[str, int | None] = ("", None), env: Mapping[str, str] | None = None
    ) -> None:
        """Take ``kind`` ``env`` or ``file`` and its name; ``where`` is the key, ``origin`` the file and line that hold it."""
        self.kind, self.name, self.where, self.origin = kind, name, where, origin
        self._env = os.environ if env is None else env
        self._literal: str | None = None

    @classmethod
    def literal(cls, value: str, *, where: str = "") -> Secret:
        """Wrap a value that is already in memory, such as one that a test or the embedded EHR made."""
        secret = cls("literal", "", where=where)
        secret._literal = value
        return secret

    def reveal(self) -> str:
        """Return the value, or raise `TargetFileError` that names the key, the line and what is missing."""
        if self._literal is not None:
            return self._literal
        if self.kind == "env":
            value = self._env.get(self.name)
            if value is None:
                self.fail(f"environment variable {self.name} is not set", f"export {self.name}=...")
            if value == "":
                self.fail(f"environment variable {self.name} is empty", f"export {self.name}=...")
            return value
        return self._read()

    def reveal_json(self) -> Any:
        """Return the value parsed as JSON, as a private key is written."""
        try:
            return json.loads(self.reveal())
        except ValueError:
            self.fail(f"the content of {self.described()} is not JSON", "give a private JWK or a JWK Set as JSON")

    @property
    def available(self) -> bool:
        """Whether the value can be had."""
        try:
            self.reveal()
        except TargetFileError:
            return False
        return True

    def _read(self) -> str:
        path = Path(self.origin[0]).parent / self.name
        try:
            if not path.is_file():
                self.fail(
                    f"secret file {self.name} is {'a folder' if path.is_dir() else 'not there'}",
                    f"create it beside the target file: {path}",
                )
            with path.open("rb") as stream:
                raw = stream.read(_MAX_SECRET + 1)
            if len(raw) > _MAX_SECRET:
                self.fail(f"secret file {self.name} is larger than {_MAX_SECRET} bytes", "name the file that holds only the secret")
            value = raw.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            self.fail(f"secret file {self.name} is not UTF-8", "save it as UTF-8 text")
        except (OSError, ValueError) as exc:
            self.fail(f"secret file {self.name} cannot be read ({type(exc).__name__})", f"check the permissions of {path}")
        if not value:
            self.fail(f"secret file {self.name} is empty", f"write the secret into {path}")
        return value

    def described(self) -> str:
        """Where the value is looked for, in words."""
        return (
            f"environment variable {self.name}"
            if self.kind == "env"
            else f"secret file {self.name}"
            if self.kind == "file"
            else "the secret"
        )

    def fail(self, problem: str, hint: str) -> NoReturn:
        """Raise `TargetFileError` for the key and line that hold the reference."""
        key = f"{self.where}: " if self.where else ""
        raise TargetFileError(key + problem, path=self.origin[0] or "target", line=self.origin[1], hint=hint) from None

    def __repr__(self) -> str:
        return f"Secret({self.described()})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self.kind, self.name, self._literal) == (other.kind, other.name, other._literal)

    def __hash__(self) -> int:
        return hash((self.kind, self.name))

    def __reduce__(self) -> Any:
        raise TypeError("a Secret is not pickled")
