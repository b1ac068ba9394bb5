"""Catching the navigation to the app, whatever its host or scheme, so that nothing reaches it.

The ``request`` event of the browser context sees every navigation, custom schemes as well. The ``Fetch`` domain of the DevTools
protocol stops those over http and https before a connection is made. No Playwright route is set anywhere: a single one, even one
that matches nothing, hides every HTTP redirect to a custom scheme from the event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from smartlaunch.addresses import is_link_local

_DEFAULT_PORTS = {"http": 80, "https": 443}
_OWN_SCHEMES = {
    "http",
    "https",
    "about",
    "data",
    "blob",
    "chrome-error",
    "chrome",
    "javascript",
    "file",
    "devtools",
    "filesystem",
    "view-source",
}


_ANSWERS = frozenset({"code", "error", "access_token", "id_token", "iss", "launch"})
"""Parameters of which an authorization response or a launch has at least one."""


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port, with the scheme's usual port filled in."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, _host(parts), _port(parts)


def same_target(uri: str, url: str) -> bool:
    """Whether a navigation to ``url`` goes to exactly the registered ``uri``.

    Scheme, host, port and path must be equal, letter for letter in the path; the query of ``uri`` must be contained in that of
    ``url``, since a response adds its own parameters to it. An empty path of a web address equals ``/``, as on the wire.
    """
    left, right = urlsplit(uri), urlsplit(url)
    if origin_of(uri) != origin_of(url) or _path(left) != _path(right):
        return False
    have = parse_qsl(right.query, keep_blank_values=True)
    return all(pair in have for pair in parse_qsl(left.query, keep_blank_values=True))


def response_params(url: str, body: str) -> tuple[tuple[tuple[str, str], ...], bool]:
    """The parameters of query, fragment and form in this order, and whether the fragment held any."""
    parts = urlsplit(url)
    fragment = parse_qsl(parts.fragment, keep_blank_values=True)
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *fragment, *parse_qsl(body, keep_blank_values=True)]
    return tuple(pairs), bool(fragment)


def _path(parts: SplitResult) -> str:
    return parts.path or ("/" if parts.scheme.lower() in _DEFAULT_PORTS else "")


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        port = None
    return port if port is not None else _DEFAULT_PORTS.get(parts.scheme.lower(), 0)


@dataclass(frozen=True)
class Caught:
    """A navigation that left the server: ``uri`` is the member of the list that it matches exactly, or empty."""

    url: str
    method: str
    body: str
    uri: str


@dataclass
class Net:
    """The addresses to catch in one walk.

    ``own`` is the origin of the server under test: on it only the exact addresses are caught. On every other origin of the list
    each request is stopped, and a navigation to a near miss is a catch with an empty ``uri``.
    """

    uris: Sequence[str]
    own: tuple[str, str, int]
    home: str = ""
    """The host of the server under test, which may be at a link-local address; no other one is reached there."""
    foreign: set[tuple[str, str, int]] = field(init=False)

    def __post_init__(self) -> None:
        self.foreign = {origin_of(uri) for uri in self.uris if urlsplit(uri).scheme.lower() in _DEFAULT_PORTS} - {self.own}

    def patterns(self) -> list[str]:
        """The address patterns to stop, in the notation of the DevTools protocol."""
        patterns = {f"{scheme}://{_bracketed(host)}{_suffix(scheme, port)}/*" for scheme, host, port in self.foreign}
        for uri in self.uris:
            if origin_of(uri) == self.own:
                parts = urlsplit(uri)
                scheme, host, port = self.own
                patterns.add(f"{scheme}://{_bracketed(host)}{_suffix(scheme, port)}{_escaped(_path(parts))}*")
        return sorted(patterns)

    def stops(self, url: str) -> bool:
        """Whether a request, of any kind, must not leave the machine."""
        return origin_of(url) in self.foreign or self.member(url) != ""

    def forbids(self, url: str) -> bool:
        """Whether an address is one of those where clouds keep their metadata."""
        host = _host(urlsplit(url)).rstrip(".")
        return host != self.home and is_link_local(host)

    def member(self, url: str) -> str:
        """The address of the list that matches exactly, or an empty string."""
        return next((uri for uri in self.uris if same_target(uri, url)), "")

    def judge(self, url: str, method: str, body: str) -> Caught | None:
        """Say whether a navigation is one to the app: exactly, to its host, or out of the web by another scheme."""
        uri = self.member(url)
        scheme = urlsplit(url).scheme.lower()
        if uri or origin_of(url) in self.foreign or (scheme not in _OWN_SCHEMES and self._is_answer(scheme, url, body)):
            return Caught(url, method, body, uri)
        return None

    def _is_answer(self, scheme: str, url: str, body: str) -> bool:
        """Whether a navigation out of the web is one to an app: a sign-in page may open the app of a second factor or of a bank."""
        names = {name for name, _ in response_params(url, body)[0]}
        return bool(names & _ANSWERS) or scheme in {urlsplit(uri).scheme.lower() for uri in self.uris}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _suffix(scheme: str, port: int) -> str:
    return "" if _DEFAULT_PORTS.get(scheme) == port else f":{port}"


def _escaped(path: str) -> str:
    return "".join(f"\\{c}" if c in "*?\\" else c for c in path)


_GUARDED = tuple(f"*://{host}*" for host in ("169.254.", "[fe8", "[fe9", "[fea", "[feb", "[fd00:ec2::254]", "metadata", "instance-data"))
"""Patterns of link-local addresses, as the browser writes them whatever a page wrote."""


class Stopper:
    """Answers requests to the app inside the browser.

    It listens on the DevTools session of the whole browser, since a session of a page is attached to a pop-up too late. The answer
    is an empty 204: the page that sent the browser away stays, so nothing of the app's origin ever runs.
    """

    def __init__(self, browser: Any) -> None:
        self._cdp = browser.new_browser_cdp_session()
        self._cdp.on("Fetch.requestPaused", self._paused)
        self._patterns: set[str] = set()
        self.net: Net | None = None
        self.fragments: dict[str, str] = {}
        """The requests stopped since the net was armed, with their fragments, which no event of Playwright tells."""

    def arm(self, net: Net) -> None:
        """Stop the requests of this net from now on; one round trip, and none when its addresses were caught before.

        Earlier addresses stay on the browser's list, since the apps of a run take turns; what is stopped, the net of the moment says.
        """
        self.net = net
        self.fragments = {}
        patterns = [*net.patterns(), *_GUARDED]
        if not self._patterns.issuperset(patterns):
            self._patterns.update(patterns)
            self._cdp.send("Fetch.enable", {"patterns": [{"urlPattern": pattern} for pattern in sorted(self._patterns)]})

    def _paused(self, event: dict[str, Any]) -> None:
        from playwright.sync_api import Error

        url = str(event["request"]["url"])
        try:
            if self.net is not None and self.net.forbids(url):
                self._cdp.send("Fetch.failRequest", {"requestId": event["requestId"], "errorReason": "BlockedByClient"})
            elif self.net is None or self.net.stops(url):
                self.fragments[url] = str(event["request"].get("urlFragment", ""))
                self._cdp.send("Fetch.fulfillRequest", {"requestId": event["requestId"], "responseCode": 204})
            else:
                self._cdp.send("Fetch.continueRequest", {"requestId": event["requestId"]})
        except Error:
            return  # the page or the context was closed meanwhile
