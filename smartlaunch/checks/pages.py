"""Checks on the pages that a user sees at the authorization server (RFC 9700 sections 4.2.4 and 4.16)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urljoin, urlsplit

from smartlaunch.checks.members import Findings
from smartlaunch.exchange import RecordedExchange
from smartlaunch.finding import Finding
from smartlaunch.markup import Element, elements

_LOADING = frozenset({"script", "img", "iframe", "link", "embed", "object", "source", "video", "audio"})
_PROBE = "smartlaunch_probe"
_KEEPS = {"no-referrer", "same-origin", "origin", "strict-origin", "origin-when-cross-origin", "strict-origin-when-cross-origin"}


def forbids_framing(requirement: str, pages: Sequence[RecordedExchange]) -> Findings:
    """Each page forbids being framed by another site: ``frame-ancestors`` of a content security policy, or ``X-Frame-Options``."""
    found = []
    for page in pages:
        headers = [(k.lower(), v.lower()) for k, v in page.response_headers]
        policy = any(k == "content-security-policy" and "frame-ancestors" in v and "frame-ancestors *" not in v for k, v in headers)
        options = any(k == "x-frame-options" and v.strip() in ("deny", "sameorigin") for k, v in headers)
        if not policy and not options:
            found.append(
                Finding(
                    requirement,
                    "`Content-Security-Policy: frame-ancestors ...` or `X-Frame-Options: DENY`",
                    "neither header",
                    page.id,
                    "header: Content-Security-Policy",
                )
            )
    return found[:1]


def no_third_parties(requirement: str, pages: Sequence[RecordedExchange]) -> Findings:
    """No page loads content of another site unless a referrer policy (the browsers' default counts) keeps its address from it.

    Browsers send only the origin to other sites by default; a page that asks for ``unsafe-url`` or ``no-referrer-when-downgrade``
    gives its whole address away, with what the query holds. ``unsafe-url`` is asked for by nobody who means to keep it, so it counts
    also where nothing is loaded from elsewhere: a link would do.
    """
    found = []
    for page in pages:
        policy = next((v.lower() for k, v in page.response_headers if k.lower() == "referrer-policy"), "")
        found_in = elements(page.response_body)
        meta = [each.attributes.get("content", "") for each in found_in if _names_referrer(each)]
        chosen = (policy.split(",")[-1].strip() if policy else "") or (meta[0].strip().lower() if meta else "")
        if not chosen or chosen in _KEEPS:
            continue
        hosts = _hosts_loaded(page.url, found_in) - {urlsplit(page.url).netloc, ""}
        if hosts or chosen == "unsafe-url":
            found.append(
                Finding(
                    requirement,
                    "no content of other sites, or a referrer policy that keeps the address from them",
                    f"`Referrer-Policy: {chosen}`" + (f" with content of {', '.join(sorted(hosts)[:3])}" if hosts else ""),
                    page.id,
                    "header: Referrer-Policy",
                )
            )
    return found[:1]


def not_reflected(requirement: str, exchanges: Sequence[RecordedExchange]) -> Findings:
    """No HTML page holds the probe's image as an element; pages are recorded as the browser understood them, so quoting may differ."""
    found = [
        Finding(
            requirement, "values of the request escaped on error pages", "markup of the request stands on the page unescaped", x.id, "body"
        )
        for x in exchanges
        if _is_live(x.response_body) and any(k.lower() == "content-type" and "html" in v.lower() for k, v in x.response_headers)
    ]
    return found[:1]


def _names_referrer(element: Element) -> bool:
    return element.tag == "meta" and element.attributes.get("name", "").strip().lower() == "referrer"


def _hosts_loaded(base: str, found: Sequence[Element]) -> set[str]:
    """The hosts that a page loads content of."""
    addresses = [each.attributes.get(name, "") for each in found if each.tag in _LOADING for name in ("src", "href", "data")]
    hosts = set()
    for address in filter(None, addresses):
        try:
            hosts.add(urlsplit(urljoin(base, address.strip())).netloc)
        except ValueError:  # no address
            continue
    return hosts


def _is_live(page: str) -> bool:
    """Whether the probe's image is an element of the page, with the handler that it came with."""
    if _PROBE not in page.lower():
        return False
    return any(each.tag == "img" and each.attributes.get("onerror", "").strip().lower().startswith(_PROBE) for each in elements(page))
