"""The redirect URI against the registered ones and against the one of the other step."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from smartlaunch.diagnosis.inputs.weblinks import difference
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.request_faults import is_placeholder
from smartlaunch.diagnosis.signals.signal import Signal, predicate, saw
from smartlaunch.diagnosis.vendor import Vendor


@predicate
def redirects(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """The redirect URI against the registered ones, and against the one of the token request."""
    if m.redirect_sent and m.redirect_registered and not is_placeholder(m.redirect_sent):
        if m.redirect_sent in m.redirect_registered:
            yield saw("redirect-registered", "the redirect URI sent is registered, character by character")
        else:
            kind, words = min((difference(m.redirect_sent, r) for r in m.redirect_registered), key=lambda d: _NEARNESS.index(d[0]))
            yield saw("redirect-differs", f"the redirect URI sent is not registered: {words}", redirect_difference=words)
            yield saw(f"redirect-differs-{kind}", words)
    if m.redirect_sent and m.redirect_at_token and m.redirect_sent != m.redirect_at_token:
        yield saw(
            "redirect-token-differs",
            f"authorize and token request differ: {difference(m.redirect_at_token, m.redirect_sent)[1]}",
            redirect_difference=difference(m.redirect_at_token, m.redirect_sent)[1],
        )
    if m.facts.get("redirect_uri_equal") is False:
        yield saw(
            "redirect-token-differs",
            "the redirect URI of the token request is not the one of the authorization request",
            m.fact_of.get("redirect_uri_equal", ""),
            redirect_difference="the two requests name different redirect URIs",
        )
    if m.launch_uri and m.launch_uri in (m.redirect_sent, *m.redirect_registered) and urlsplit(m.launch_uri).path.strip("/"):
        yield saw("redirect-is-launch", "the redirect URI is the launch URL", uri=m.launch_uri)
    if m.redirect_sent and not is_placeholder(m.redirect_sent):
        yield saw("redirect-known", "the redirect URI sent is known")
        if re.match(r"^[a-z][a-z0-9+.-]*://$", m.redirect_sent) or not re.match(r"^[A-Za-z][A-Za-z0-9+.-]*:", m.redirect_sent):
            yield saw("redirect-not-absolute", f"the redirect URI {m.redirect_sent} is not absolute")


_NEARNESS = ["trailing-slash", "encoding", "case", "port", "scheme", "query", "path", "host", "form", ""]
