"""Redirect URIs: which ones a client may name, and how an answer is carried to one."""

from __future__ import annotations

import html
import string
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from starlette.responses import HTMLResponse, RedirectResponse

from smartlaunch.embedded_ehr.defects.authorization import RESEMBLANCES, Pair
from smartlaunch.embedded_ehr.defects.spoiling import excused

if TYPE_CHECKING:
    from starlette.responses import Response

    from smartlaunch.embedded_ehr.core import Sandbox
    from smartlaunch.embedded_ehr.registry import Client


def is_registered(sandbox: Sandbox, client: Client, given: str) -> bool:
    """Say whether the redirect URI is one of the client's, compared character by character (RFC 9700 section 4.1)."""
    if given in client.redirect_uris:
        return True
    return any(_resembles(sandbox, registered, given) for registered in client.redirect_uris) or _wholly_foreign(sandbox, client, given)


def _wholly_foreign(sandbox: Sandbox, client: Client, given: str) -> bool:
    defects = sandbox.defects
    others = {uri for other in sandbox.state.clients.values() if other is not client for uri in other.redirect_uris}
    if given in others and defects("accepts_redirect_uri_of_another_client"):
        return True
    return defects("sends_code_to_unregistered_redirect_uri")


def _resembles(sandbox: Sandbox, registered: str, given: str) -> bool:
    """Compare in the loose ways that are the classic mistakes, each only where the defect asks for it."""
    pair = Pair.of(registered, given)
    if pair is None:
        return False
    if pair.differ_in_port_of_loopback() and sandbox.variant("allows_any_loopback_port"):
        return True
    return excused(sandbox.defects, pair, RESEMBLANCES)


def redirect(sandbox: Sandbox, url: str) -> Response:
    """Send the browser on within this server."""
    return RedirectResponse(url, 302 if not sandbox.variant("redirects_with_303") else 303)


def deliver(sandbox: Sandbox, redirect_uri: str, answer: dict[str, str]) -> Response:
    """Carry an authorization response to the app: in the query, keeping what the redirect URI already has there."""
    defects = sandbox.defects
    parts = urlsplit(redirect_uri)
    encoded = urlencode(answer, quote_via=quote, safe="")
    if defects("repeats_parameters_of_the_response"):
        encoded = f"{encoded}&{encoded}"
    plain = "error" in answer and encoded and defects("leaves_the_parameters_of_errors_unencoded")
    if plain or defects("leaves_response_parameters_unencoded"):
        # Only what no header can carry is still encoded.
        encoded = "&".join(f"{name}={quote(value, safe=string.punctuation + ' ')}" for name, value in answer.items())
    kept = "" if parts.query and defects("drops_query_of_redirect_uri") else parts.query
    if kept and "error" in answer and defects("drops_query_of_redirect_uri_in_errors"):
        kept = ""
    if defects("answers_below_the_redirect_uri"):
        parts = parts._replace(path=parts.path.rstrip("/") + "/done")
    if defects("answers_in_the_fragment"):
        target = urlunsplit(parts._replace(query=kept, fragment=encoded))
    else:
        target = urlunsplit(parts._replace(query="&".join(filter(None, (kept, encoded)))))
    if not parts.netloc and parts.scheme and redirect_uri.startswith(parts.scheme + ":/"):
        target = target.replace(parts.scheme + ":///", parts.scheme + ":/", 1)
    if sandbox.variant("ends_redirects_with_a_fragment"):
        target += "#_=_"
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    status = 303 if sandbox.variant("redirects_with_303") else 302
    if defects("redirects_with_307") or (answer.get("error") == "access_denied" and defects("redirects_denials_with_307")):
        status = 307
    if sandbox.variant("sends_answers_to_apps_by_a_page"):
        quoted = html.escape(target, quote=True)
        onward = f'<meta http-equiv="refresh" content="0;url={quoted}"><a href="{quoted}">Go on</a>'
        return HTMLResponse(f"<!doctype html><title>Back to the app</title>{onward}", headers=headers)
    # A response object of our own: Starlette's would quote the reserved characters of `target` a second way.
    response = RedirectResponse(sandbox.state.base_url, status, headers)
    response.headers["location"] = target
    return response
