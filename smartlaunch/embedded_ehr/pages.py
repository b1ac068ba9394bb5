"""The pages people see: sign-in, pickers, consent, errors and the overview, and the files those pages load.

Every page is rendered here, so that the headers which keep a sign-in page out of frames and caches stand in one place.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from smartlaunch.embedded_ehr.core import OAuthError

if TYPE_CHECKING:
    from starlette.requests import Request

    from smartlaunch.embedded_ehr.defects import Defects

_HERE = Path(__file__).parent
_MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; base-uri 'none'"

_ACTIONS = {
    "login": "/oauth/login",
    "login_user": "/oauth/login",
    "login_password": "/oauth/login",
    "patient_picker": "/oauth/patient",
    "encounter_picker": "/oauth/encounter",
    "patient_table": "/oauth/patient",
    "consent": "/oauth/consent",
    "consent_again": "/oauth/consent",
    "onward": "/oauth/onward",
    "stay": "/oauth/onward",
}
_DEFAULTS: dict[str, Any] = {
    "app": "",
    "code": "",
    "defects": (),
    "email_example": False,
    "encounters": (),
    "error": "",
    "hint": "",
    "home_link": "",
    "new_window": False,
    "next": "",
    "patient": "",
    "password_asked": True,
    "patients": (),
    "periods": (),
    "scopes": (),
    "scripted": False,
    "shell_search": False,
    "transaction": "",
    "user": "",
    "username": "",
    "variants": (),
}

SMART_STYLE: dict[str, str] = {
    "color_background": "#eef3f5",
    "color_error": "#a3242c",
    "color_highlight": "#0b6b7d",
    "color_modal_backdrop": "",
    "color_success": "#1c6b47",
    "color_text": "#12303b",
    "dim_border_radius": "9px",
    "dim_font_size": "16px",
    "dim_spacing_size": "20px",
    "font_family_body": "'Segoe UI', system-ui, sans-serif",
    "font_family_heading": "'Segoe UI', system-ui, sans-serif",
}
SMART_STYLE_PATH = f"/static/smart-style-{hashlib.sha256(json.dumps(SMART_STYLE, sort_keys=True).encode()).hexdigest()[:12]}.json"
"""Where the SMART style lives; the path changes with its contents, as the guide asks."""


def page(name: str, *, status: int = 200, rules: Defects | None = None, **context: Any) -> HTMLResponse:
    """Render one page.

    `rules` are the defects of the running server; without them the page keeps every rule.  An app, user or patient may be given as
    text or as an object with `name` or `display`.
    """
    values = {**_DEFAULTS, "action": _ACTIONS.get(name, ""), **context}
    for word in ("app", "user"):
        values[word] = _text(values[word])
    if name.startswith("consent"):
        values["patient"] = _text(values["patient"])
    response = HTMLResponse(_environment().get_template(f"{name}.html").render(values), status_code=status)
    response.headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if not _framing_allowed(name, rules):
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Content-Security-Policy"] += "; frame-ancestors 'none'"
    response.headers["Cache-Control"] = "no-store"
    return response


def malformed(_: Request, problem: Exception) -> Response:
    """Show what is wrong with a form or query that a page was sent."""
    status = problem.status if isinstance(problem, OAuthError) else 400
    return page("error", status=status, title="This request is not valid", message=str(problem), code="invalid_request", hint="")


def routes(defects: Defects) -> list[Route]:
    """Return the routes of the files the pages load and of the SMART style."""

    def static_file(request: Request) -> Response:
        path = _HERE / "static" / str(request.path_params["name"])
        if path.suffix not in _MEDIA_TYPES or not path.is_file():
            return Response("Not found\n", status_code=404, media_type="text/plain")
        return Response(path.read_bytes(), media_type=_MEDIA_TYPES[path.suffix], headers={"Cache-Control": "public, max-age=3600"})

    def smart_style(_: Request) -> Response:
        if defects("smart_style_url_is_dead"):
            return Response("Not found\n", status_code=404, media_type="text/plain")
        body = "<p>Style guide</p>" if defects("smart_style_is_not_json") else json.dumps(SMART_STYLE)
        if defects("smart_style_changes_at_its_address"):
            body = json.dumps({**SMART_STYLE, "dim_font_size": f"{time.monotonic_ns() % 1000}px"})
        if defects("smart_style_is_a_list"):
            body = json.dumps([SMART_STYLE])
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=3600"}
        return Response(body, media_type="application/json", headers=headers)

    return [Route(SMART_STYLE_PATH, smart_style), Route("/static/{name}", static_file)]


def _framing_allowed(name: str, rules: Defects | None) -> bool:
    if rules is None:
        return False
    if name.startswith("login"):
        return rules("login_page_may_be_framed")
    if name.startswith("consent"):
        return rules("consent_page_may_be_framed")
    return False


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return str(value.get("name") or value.get("display") or "")
    return str(getattr(value, "name", None) or getattr(value, "display", None) or "")


def _initials(name: str) -> str:
    words = re.findall(r"\w+", str(name))
    words = [word for word in words if word.lower() not in ("dr", "nurse")] or words
    return "".join(word[0] for word in words[:2]).upper()


@cache
def _environment() -> Environment:
    environment = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["initials"] = _initials
    environment.tests["search_wildcard"] = lambda value: "/*." in value
    return environment
