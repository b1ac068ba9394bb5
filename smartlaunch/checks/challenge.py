"""The challenges of a ``WWW-Authenticate`` header (RFC 9110 section 11.6.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from smartlaunch.exchange import Exchange

_TOKEN68 = re.compile(r"^[A-Za-z0-9\-._~+/]+=*$")
_SCHEME = re.compile(r"^\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:\s+|$|(?=,))")
_PARAMETER = re.compile(r"^\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"=]+))\s*")


@dataclass(frozen=True)
class Challenge:
    """One challenge of a ``WWW-Authenticate`` header: its scheme and its parameters in order, repeated names kept."""

    scheme: str
    parameters: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """The first value of a parameter, or an empty string."""
        return next((v for k, v in self.parameters if k == name), "")


def challenges(exchange: Exchange) -> list[Challenge]:
    """Every challenge of an answer (RFC 9110 section 11.6.1): several in one header, or several headers."""
    found: list[Challenge] = []
    for value in exchange.answer.all("www-authenticate"):
        rest = value
        while rest.strip(" \t,"):
            rest = rest.lstrip(" \t,")
            parameter = _PARAMETER.match(rest)
            if parameter and found:
                last = found[-1]
                text = re.sub(r"\\(.)", r"\1", parameter[2]) if parameter[2] is not None else parameter[3]
                found[-1] = Challenge(last.scheme, (*last.parameters, (parameter[1].lower(), text)))
                rest = rest[parameter.end() :]
                continue
            scheme = _SCHEME.match(rest)
            if not scheme:
                break
            found.append(Challenge(scheme[1].lower()))
            rest = rest[scheme.end() :]
            token = rest.split(",")[0].strip()
            if token and _TOKEN68.match(token) and not _PARAMETER.match(rest):
                rest = rest[rest.index(token) + len(token) :]
    return found


def bearer(exchange: Exchange) -> Challenge | None:
    """The ``Bearer`` challenge of an answer, or None."""
    return next((c for c in challenges(exchange) if c.scheme == "bearer"), None)
