"""Checks on the OAuth URIs that SMART 1.0 has in the CapabilityStatement."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

from smartlaunch.checks.fhir_answer import of_fhir_server
from smartlaunch.checks.members import Findings, show
from smartlaunch.exchange import Exchange


def _security(exchange: Exchange) -> list[dict[str, Any]]:
    rest = exchange.answer.object.get("rest")
    return [r["security"] for r in rest if isinstance(r, dict) and isinstance(r.get("security"), dict)] if isinstance(rest, list) else []


def smart_service(requirement: str, exchange: Exchange) -> Findings:
    """The CapabilityStatement names the security service ``SMART-on-FHIR``."""
    codes = [
        coding.get("code")
        for security in _security(exchange)
        for service in security.get("service") or []
        if isinstance(service, dict)
        for coding in service.get("coding") or []
        if isinstance(coding, dict)
    ]
    if "SMART-on-FHIR" in codes:
        return []
    return of_fhir_server(
        requirement,
        "`SMART-on-FHIR` in rest.security.service",
        f"codes: {', '.join(map(str, codes)) or 'none'}",
        exchange,
        "/rest/0/security/service",
    )


def oauth_uris(requirement: str, exchange: Exchange, found: dict[str, str]) -> Findings:
    """The ``oauth-uris`` extension has ``authorize`` and ``token``."""
    missing = [name for name in ("authorize", "token") if not found.get(name)]
    if not missing:
        return []
    return of_fhir_server(
        requirement,
        "`authorize` and `token` in the `oauth-uris` extension",
        f"no `{'`, `'.join(missing)}`",
        exchange,
        "/rest/0/security/extension",
    )


def same_uris(requirement: str, exchange: Exchange, found: dict[str, str], document: dict[str, Any]) -> Findings:
    """The URLs of the extension are those of the SMART configuration; edition 1.0 lets both be relative to where they stand."""
    findings: Findings = []
    for name, member in (("authorize", "authorization_endpoint"), ("token", "token_endpoint")):
        theirs = document.get(member)
        if name in found and isinstance(theirs, str) and not _same_place(exchange.request.url, found[name], theirs):
            findings += of_fhir_server(
                requirement, f"`{name}`: {show(theirs)}", f"it is {show(found[name])}", exchange, "/rest/0/security/extension"
            )
    return findings


def _same_place(statement: str, one: str, other: str) -> bool:
    """Whether two URLs lead to the same place, seen from the FHIR base URL below which both documents are."""
    base = statement.split("?", 1)[0].removesuffix("metadata")
    return _plain(urljoin(base, one)) == _plain(urljoin(base, other))


def _plain(url: str) -> tuple[str, str, str, str]:
    parts = urlsplit(url.strip())
    return parts.scheme.lower(), parts.netloc.lower(), parts.path.rstrip("/"), parts.query
