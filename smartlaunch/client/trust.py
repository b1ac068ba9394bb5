"""To which hosts secrets may go: those the server under test leads to, over TLS, and where the target file names them, no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from smartlaunch.addresses import is_link_local, is_loopback

_SECRET_HEADERS: Final = frozenset({"authorization", "dpop", "cookie"})
_SECRET_MEMBERS: Final = frozenset(
    {"client_secret", "client_assertion", "assertion", "code", "code_verifier", "refresh_token", "password", "token", "subject_token"}
)
_GETS: Final = {
    "authorization_endpoint": "user name and password of the users (its pages may lead to others)",
    "token_endpoint": "codes, client secrets, assertions and refresh tokens",
    "introspection_endpoint": "access tokens and client secrets",
    "revocation_endpoint": "tokens and client secrets",
    "registration_endpoint": "the registration of a client",
    "smart_app_state_endpoint": "access tokens",
    "userinfo_endpoint": "access tokens",
}


class Trust:
    """The hosts of one target. ``pinned`` are those of ``limits.hosts``, which may get secrets over plain http too."""

    def __init__(self, home: str, pinned: Iterable[str] = ()) -> None:
        self.home = _host(home)
        self.pinned = frozenset(host.lower() for host in pinned)

    def withheld(self, url: str) -> str:
        """Why no secret may go to an address; empty when one may."""
        host = _host(url)
        if host in self.pinned or is_loopback(host):
            return ""
        if urlsplit(url).scheme.lower() == "http":
            return (
                f"{host} would get a secret over plain http, which everybody on the way can read; nothing was sent"
                f" (limits.hosts in the target file can allow it: hosts = [{host!r}])"
            )
        if self.pinned and host != self.home:
            return f"{host} is not among the hosts that the target file allows secrets to go to (limits.hosts); nothing was sent"
        return ""

    def barred(self, host: str, at: str = "") -> str:
        """Why a host is not reached at all, by its name or by the address ``at`` which that name led to; empty when it may be.

        Clouds keep the keys of a machine at link-local addresses, so no server's document leads a run there but to where the target lives.
        """
        if host.lower() == self.home or not (is_link_local(host) or is_link_local(at)):
            return ""
        shown = f"{host} is {at}, which" if at and at != host else f"{host}"
        return f"{shown} is a link-local address, where clouds keep their metadata; nothing was sent"

    def elsewhere(self, document: Mapping[str, Any]) -> list[str]:
        """Which other hosts than the FHIR server's get which secrets, by what the server publishes; a line each."""
        gets: dict[str, list[str]] = {}
        for member, what in _GETS.items():
            url = document.get(member)
            host = _host(url) if isinstance(url, str) else ""
            if host and host != self.home:
                gets.setdefault(host, []).append(what)
        return [f"{host} gets {'; '.join(what)}{self._remark(host, document)}" for host, what in gets.items()]

    def _remark(self, host: str, document: Mapping[str, Any]) -> str:
        addresses = [url for url in document.values() if isinstance(url, str) and _host(url) == host]
        refused = next(filter(None, map(self.withheld, addresses)), "")
        return f"; withheld: {refused}" if refused else " (a private address)" if _is_private(host) else ""


def carries_secret(headers: Sequence[tuple[str, str]], content: bytes | None) -> bool:
    """Whether a request holds what only its receiver may know."""
    if any(name.lower() in _SECRET_HEADERS for name, _ in headers):
        return True
    if not content or len(content) > 100_000 or b"=" not in content[:2000]:
        return False
    return any(name in _SECRET_MEMBERS for name, _ in parse_qsl(content.decode("utf-8", "replace")))


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _is_private(host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_private and not is_loopback(host)
    except ValueError:
        return False
