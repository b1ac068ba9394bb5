"""The vendor's pages: loading, sign-in, consent, error, and the list of apps from which one is launched."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

_SCRIPT = "/session-api/loading.js"
LOADING_SCRIPT = (
    'const page = JSON.parse(document.getElementById("bootstrap-app").dataset.pageProperties);\nlocation.replace(page.sessionServiceUri);\n'
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"


def page(name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Render one page."""
    response = HTMLResponse(_environment().get_template(f"{name}.html").render(values), status)
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


def loading(session_service: str, client_id: str) -> HTMLResponse:
    """Render the page that moves on to the sign-in by script; a client without scripts has to read where."""
    properties = json.dumps({"sessionServiceUri": session_service, "clientId": client_id})
    return page("loading", properties=properties, script=_SCRIPT)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
