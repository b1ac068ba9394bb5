"""Addresses by their components: whose host it is and where the server stands; URLs are compared so, never as text."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, parse_qsl, urlsplit

USUAL_PORTS = {"https": 443, "http": 80}


def is_loopback(host: str) -> bool:
    """Say whether a host name means this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost" or host.lower().rstrip(".").endswith(".localhost")


def is_inner(host: str) -> bool:
    """Whether a host name is one that only a machine or the machines of its own network know."""
    host = host.lower()
    return (
        is_loopback(host)
        or ("." not in host and ":" not in host)
        or re.match(r"(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.[\d.]+$", host) is not None
        or host.endswith((".local", ".internal", ".svc", ".lan", ".test"))
    )


def is_link_local(host: str) -> bool:
    """Whether a host is a link-local address or a name for one, such as those where clouds keep their metadata."""
    if host.lower() in ("metadata.google.internal", "metadata", "instance-data"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_link_local or host.lower() == "fd00:ec2::254"


def origin(url: str | SplitResult) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL, however scheme, host and a usual port are written; a port that is none counts as left out."""
    parts = urlsplit(url) if isinstance(url, str) else url
    scheme = parts.scheme.lower()
    try:
        port = parts.port
    except ValueError:
        port = None
    return scheme, (parts.hostname or "").lower(), port or USUAL_PORTS.get(scheme)


def parameters_of(url: str) -> list[tuple[str, str]]:
    """Parameters of the query, then of the fragment, in order; a URL that cannot be split has none."""
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        if "=" in parts.fragment:
            pairs += parse_qsl(parts.fragment.rsplit("?", 1)[-1], keep_blank_values=True)
    except ValueError:
        return []
    return pairs
