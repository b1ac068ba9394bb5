"""Checks on Cross-Origin Resource Sharing: what a browser lets a page do with an answer (Fetch standard, "CORS protocol")."""

from __future__ import annotations

from smartlaunch.checks.members import Findings
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding, Side

_ORIGIN = "Access-Control-Allow-Origin"
_SAFE_METHODS = ("GET", "HEAD", "POST")


def readable(requirement: str, exchange: Exchange, origin: str, *, side: Side = Side.AUTHORIZATION_SERVER) -> Findings:
    """A page of the origin can read the answer: exactly one value that is this origin or ``*``."""
    values = exchange.answer.all(_ORIGIN)
    if len(values) == 1 and values[0].strip() in ("*", origin):
        return []
    actual = f"`{_ORIGIN}: {', '.join(values)}`" if values else f"no `{_ORIGIN}` header"
    return [Finding(requirement, f"`{_ORIGIN}: {origin}` or `*`, once", actual, exchange.id, f"header: {_ORIGIN}", side=side)]


def preflight(
    requirement: str, exchange: Exchange, origin: str, method: str, header: str, *, side: Side = Side.AUTHORIZATION_SERVER
) -> Findings:
    """A preflight is granted: success without a token, the origin, the header by name, and the method unless browsers never ask for it.

    ``*`` stands for every header but ``Authorization``.
    """
    answer = exchange.answer
    found = []
    if not 200 <= answer.status < 300:
        found.append(Finding(requirement, "a preflight answered with success", f"status {answer.status}", exchange.id, "status", side=side))
    found += readable(requirement, exchange, origin, side=side)
    names = _listed(exchange, "Access-Control-Allow-Headers")
    if header.lower() not in names and ("*" not in names or header.lower() == "authorization"):
        found.append(_lacks(requirement, exchange, "Access-Control-Allow-Headers", header, side))
    methods = _listed(exchange, "Access-Control-Allow-Methods")
    if method not in _SAFE_METHODS and method.lower() not in methods and "*" not in methods:
        found.append(_lacks(requirement, exchange, "Access-Control-Allow-Methods", method, side))
    return found


def no_credentials(requirement: str, exchange: Exchange, origin: str) -> Findings:
    """A foreign origin is not allowed together with credentials."""
    allowed = any(v.strip() in (origin, "*") for v in exchange.answer.all(_ORIGIN))
    if not allowed or (exchange.answer.header("access-control-allow-credentials") or "").strip().lower() != "true":
        return []
    return [
        Finding(
            requirement,
            "no credentials for an origin that nobody registered",
            f"`{_ORIGIN}: {origin}` with `Access-Control-Allow-Credentials: true`",
            exchange.id,
            "header: Access-Control-Allow-Credentials",
        )
    ]


def allowed_origin(exchange: Exchange) -> str:
    """The one origin that an answer allows; empty where it allows none or every one."""
    values = [value.strip() for value in exchange.answer.all(_ORIGIN)]
    return values[0] if len(values) == 1 and values[0] != "*" else ""


def may_be_kept(exchange: Exchange) -> bool:
    """Whether a cache may keep the answer at all."""
    return "no-store" not in _listed(exchange, "Cache-Control")


def varies_by_origin(requirement: str, exchange: Exchange, *, side: Side = Side.AUTHORIZATION_SERVER) -> Findings:
    """``Vary`` names ``Origin`` or is ``*``."""
    if _listed(exchange, "Vary") & {"origin", "*"}:
        return []
    values = exchange.answer.all("Vary")
    actual = f"`Vary: {', '.join(values)}`" if values else "no `Vary` header"
    return [Finding(requirement, "`Vary: Origin`", actual, exchange.id, "header: Vary", side=side)]


def allows_no_origin(requirement: str, exchange: Exchange) -> Findings:
    """The answer has no CORS header at all."""
    values = exchange.answer.all(_ORIGIN)
    if not values:
        return []
    return [Finding(requirement, f"no `{_ORIGIN}` header", f"`{_ORIGIN}: {', '.join(values)}`", exchange.id, f"header: {_ORIGIN}")]


def _listed(exchange: Exchange, name: str) -> set[str]:
    return {part.strip().lower() for value in exchange.answer.all(name) for part in value.split(",")}


def _lacks(requirement: str, exchange: Exchange, name: str, wanted: str, side: Side) -> Finding:
    values = exchange.answer.all(name)
    actual = f"`{name}: {', '.join(values)}`" if values else f"no `{name}` header"
    return Finding(requirement, f"`{name}` with `{wanted}`", actual, exchange.id, f"header: {name}", side=side)
