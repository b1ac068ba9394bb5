"""In which loose ways the defects compare redirect URIs."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

_LOOPBACK = {"127.0.0.1", "::1"}


@dataclass(frozen=True)
class Pair:
    """A registered redirect URI and another one that was given, whole and in their parts."""

    registered: str
    given: str
    want: SplitResult
    have: SplitResult
    ports: tuple[int | None, int | None]

    @classmethod
    def of(cls, registered: str, given: str) -> Pair | None:
        """Take both apart; None when one of them is no URI."""
        try:
            want, have = urlsplit(registered), urlsplit(given)
            return cls(registered, given, want, have, (want.port, have.port))
        except ValueError:
            return None

    @property
    def want_host(self) -> str:
        """The host that is registered."""
        return self.want.hostname or ""

    @property
    def have_host(self) -> str:
        """The host that was given."""
        return self.have.hostname or ""

    def differ_in_port_of_loopback(self) -> bool:
        """Say whether both are the same place of this machine, whatever the port (RFC 8252 section 7.3)."""
        want, have = self.want, self.have
        fixed = (have.scheme, self.have_host, have.path, have.query, have.fragment, have.username)
        same = fixed == (want.scheme, self.want_host, want.path, want.query, want.fragment, want.username)
        return self.want_host in _LOOPBACK and same

    def differ_only_in(self, part: str) -> bool:
        """Say whether they are alike but for one part."""
        same = self.have._replace(**{part: ""}) == self.want._replace(**{part: ""})
        return same and getattr(self.have, part) != getattr(self.want, part)

    def same_place(self) -> bool:
        """Say whether path, query and fragment are those of a registered host, whatever the host given."""
        want, have = self.want, self.have
        return bool(self.want_host) and (have.path, have.query, have.fragment) == (want.path, want.query, want.fragment)

    def same_scheme(self) -> bool:
        """Say whether the place and the scheme are the same."""
        return self.same_place() and self.have.scheme == self.want.scheme


RESEMBLANCES: dict[str, Callable[[Pair], bool]] = {
    "accepts_redirect_uri_with_registered_prefix": lambda pair: pair.given.startswith(pair.registered),
    "ignores_case_of_redirect_uri": lambda pair: pair.given.casefold() == pair.registered.casefold(),
    "ignores_trailing_slash_of_redirect_uri": lambda pair: pair.given.rstrip("/") == pair.registered.rstrip("/"),
    "ignores_query_of_redirect_uri": lambda pair: pair.have._replace(query="") == pair.want._replace(query=""),
    "ignores_path_of_redirect_uri": lambda pair: pair.differ_only_in("path"),
    "resolves_dot_segments_of_redirect_uri": lambda pair: (
        pair.differ_only_in("path") and posixpath.normpath(pair.have.path) == pair.want.path
    ),
    "ignores_port_of_redirect_uri": lambda pair: pair.same_scheme() and pair.have_host == pair.want_host and pair.ports[0] != pair.ports[1],
    "ignores_scheme_of_redirect_uri": lambda pair: (
        pair.same_place() and pair.have.scheme != pair.want.scheme and pair.have_host == pair.want_host
    ),
    "accepts_any_subdomain_in_redirect_uri": lambda pair: (
        pair.same_scheme() and pair.have_host.endswith("." + pair.want_host.partition(".")[2])
    ),
    "accepts_redirect_uri_whose_host_contains_the_registered_host": lambda pair: pair.same_scheme() and pair.want_host in pair.have_host,
}
"""Which defect takes which other URI for the registered one."""
