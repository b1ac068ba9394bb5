"""Redirect URIs that are close to a registered one but were never registered."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit, urlunsplit

from smartlaunch.addresses import is_loopback
from smartlaunch.errors import NotApplicable

COLLECTOR = "https://collector.example/redirect"
"""A site that nobody registered."""


@dataclass(frozen=True)
class Neighbour:
    """How a neighbour is made of the parts of a registered redirect URI, and of which registered ones there is such a neighbour."""

    build: Callable[[SplitResult], str]
    of_any_scheme: bool = False
    of_loopback: bool = True
    of_name: bool = False
    """Whether it is made of the host's name, so that an IP address has none."""
    needs: str = ""
    """What the registered URI has to have, in words, where ``build`` comes to the same URI without it."""


def _ported(parts: SplitResult) -> str:
    return f":{parts.port}" if parts.port else ""


def _with_path(change: Callable[[str], str]) -> Callable[[SplitResult], str]:
    return lambda parts: urlunsplit(parts._replace(path=change(parts.path)))


def _with_place(change: Callable[[SplitResult], str]) -> Callable[[SplitResult], str]:
    return lambda parts: urlunsplit(parts._replace(netloc=change(parts)))


def _with_slash(path: str) -> str:
    return path.rstrip("/") if path.endswith("/") and len(path) > 1 else path + "/"


def _with_encoded_letter(path: str) -> str:
    """The path with its last letter percent-encoded, which is the same address written another way."""
    place = next((i for i in range(len(path) - 1, -1, -1) if path[i].isascii() and path[i].isalpha()), None)
    return path if place is None or "%" in path else f"{path[:place]}%{ord(path[place]):02X}{path[place + 1 :]}"


def _with_query(parts: SplitResult) -> str:
    return urlunsplit(parts._replace(query=(parts.query + "&" if parts.query else "") + "next=https://collector.example/"))


def _other_scheme(parts: SplitResult) -> str:
    return urlunsplit(parts._replace(scheme="http" if parts.scheme == "https" else "https"))


NEIGHBOURS: Mapping[str, Neighbour] = {
    "another site": Neighbour(lambda _parts: COLLECTOR, of_any_scheme=True),
    "a path below it": Neighbour(_with_path(lambda path: path.rstrip("/") + "/more"), of_any_scheme=True),
    "a longer path": Neighbour(_with_path(lambda path: path.rstrip("/") + "2"), of_any_scheme=True),
    "the parent path": Neighbour(_with_path(lambda path: path.rstrip("/").rsplit("/", 1)[0] or "/"), needs="a path to go up from"),
    "a path that climbs": Neighbour(_with_path(lambda path: path.rstrip("/") + "/../other")),
    "an encoded path that climbs": Neighbour(_with_path(lambda path: path.rstrip("/") + "/%2e%2e/other")),
    "upper case in its path": Neighbour(_with_path(str.upper), of_any_scheme=True, needs="a path with lower case letters"),
    "a trailing slash": Neighbour(_with_path(_with_slash), of_any_scheme=True),
    "a query added": Neighbour(_with_query, of_any_scheme=True),
    "a letter of its path encoded": Neighbour(_with_path(_with_encoded_letter), needs="a path with letters"),
    "a fragment added": Neighbour(lambda parts: urlunsplit(parts) + "#collector"),
    "another port": Neighbour(_with_place(lambda parts: f"{parts.hostname}:{(parts.port or 443) + 1}"), of_loopback=False),
    "the other scheme": Neighbour(_other_scheme),
    "a domain that begins with it": Neighbour(
        _with_place(lambda parts: f"{parts.hostname}.collector.example{_ported(parts)}"), of_loopback=False, of_name=True
    ),
    "a subdomain of it": Neighbour(_with_place(lambda parts: f"collector.{parts.netloc}"), of_loopback=False, of_name=True),
    "its host as user information": Neighbour(
        _with_place(lambda parts: f"{parts.hostname}{_ported(parts)}@collector.example"), of_loopback=False
    ),
    "a user name before its host": Neighbour(_with_place(lambda parts: f"collector@{parts.netloc}")),
    "a domain that ends with it": Neighbour(_with_place(lambda parts: f"collector{parts.netloc}"), of_name=True),
    "a newline at its end": Neighbour(lambda parts: urlunsplit(parts) + "%0d%0aX-Injected:1"),
}
"""Neighbours by the words of the features."""

OF_ANOTHER_APP = "the address of another app"
ASKED = (*NEIGHBOURS, OF_ANOTHER_APP)
"""Redirect URIs that a request is put with."""


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def neighbour(label: str, registered: str) -> str:
    """The neighbour of a registered redirect URI.

    ``NotApplicable`` where there is none (a custom scheme has no port) or where it is permitted (another port on loopback, RFC 8252
    section 7.3).
    """
    wanted, parts = NEIGHBOURS[label], urlsplit(registered)
    if wanted.of_name and _is_ip_address(parts.hostname or ""):
        raise NotApplicable("the host of the registered redirect URI is an IP address, beside which there is no such name")
    if parts.scheme not in ("http", "https") and not wanted.of_any_scheme:
        raise NotApplicable("the registered redirect URI has a custom scheme, which has no such neighbour")
    if not wanted.of_loopback and is_loopback(parts.hostname or ""):
        raise NotApplicable("the registered redirect URI is on loopback, where any port is permitted (RFC 8252 section 7.3)")
    made = wanted.build(parts)
    if (wanted.needs and made == urlunsplit(parts)) or (wanted.needs and not parts.path.strip("/")):
        raise NotApplicable(f"the registered redirect URI has not {wanted.needs}")
    return made
