"""The way to a target's servers, as its file says."""

from __future__ import annotations

import httpx

from smartlaunch.client.http import Http, Sink
from smartlaunch.client.trust import Trust
from smartlaunch.target import Target


def http_for(
    target: Target, sink: Sink, *, rate_share: int = 1, transport: httpx.BaseTransport | None = None, trust: Trust | None = None
) -> Http:
    """The client with the limits, headers, proxy, CA and certificate of a target; each of several workers has its share of the rate."""
    limits = target.limits
    certificate = None
    if target.client_certificate is not None and target.client_key is not None:
        certificate = (str(target.client_certificate), target.client_key.reveal())
    return Http(
        sink,
        request_s=limits.request_s,
        body_bytes=limits.body_bytes,
        rate=limits.rate / rate_share,
        ca_file=str(target.ca_file or ""),
        headers_for=target.headers_for,
        proxy=target.proxy,
        certificate=certificate,
        transport=transport,
        trust=trust or Trust(target.fhir_base_url, limits.hosts),
    )
