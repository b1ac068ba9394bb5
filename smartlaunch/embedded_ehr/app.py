"""The whole embedded EHR as one ASGI application."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.routing import Route

from smartlaunch.embedded_ehr import authorization, brands, chart, discovery, fhir_endpoint, introspection, openid, pages, tokens
from smartlaunch.embedded_ehr.client_authentication import ClientAuthentication
from smartlaunch.embedded_ehr.config import build_clients, build_users
from smartlaunch.embedded_ehr.core import OAuthError, Sandbox
from smartlaunch.embedded_ehr.cors import Cors
from smartlaunch.embedded_ehr.data import seed_store
from smartlaunch.embedded_ehr.defects import Defects, Variants, consulted
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.state import State
from smartlaunch.embedded_ehr.vendors.front import wrap
from smartlaunch.embedded_ehr.wire import LONG_PATH, Wire, at_another_host

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

RULES_HEADER = "X-Sandbox-Rules"
_LATE_S = 20.0


class RuleTrace:
    """Middleware that names, in a header of each answer, the rules that the request came to."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        seen: set[str] = set()
        token = consulted.set(seen)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and seen:
                MutableHeaders(scope=message)[RULES_HEADER] = ",".join(sorted(seen))
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            consulted.reset(token)


class CommonHeaders:
    """Middleware that dates each answer, and has browsers stay with TLS where there is TLS.

    The web server's own date header is off, so that this one place is the rule.
    """

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self.app = app
        self.sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                late = 86400 if self.sandbox.defects("dates_answers_a_day_late") else 0
                headers = MutableHeaders(scope=message)
                headers["Date"] = formatdate(self.sandbox.state.now() - late, usegmt=True)
                if self.sandbox.options.tls and not self.sandbox.defects("omits_strict_transport_security"):
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        await self.app(scope, receive, sending)


def build_sandbox(options: SandboxOptions, base_url: str) -> Sandbox:
    """Return the parts of a server that will answer at ``base_url``."""
    variant = Variants((*options.variants, *(options.vendor.variants if options.vendor is not None else ())))
    state = State(
        base_url,
        clients=options.vendor.clients() if options.vendor is not None else build_clients(options),
        users=build_users(options),
        launch_lifetime_s=options.profile.launch_lifetime_s,
        fhir_path=LONG_PATH if variant("keeps_fhir_below_a_long_path") else options.profile.fhir_path,
        issuer_path=options.profile.issuer_path + ("/" if variant("writes_its_issuer_with_a_slash") else ""),
        late_s=_LATE_S if variant("has_a_clock_that_is_late") else 0,
        one_session_each=variant("keeps_one_session_for_each_user"),
        fhir_host=at_another_host(base_url) if variant("keeps_fhir_at_another_host") else "",
    )
    return Sandbox(options, state, Defects(options.defects), variant)


def build_app(options: SandboxOptions | None = None, base_url: str = "http://127.0.0.1", sandbox: Sandbox | None = None) -> Starlette:
    """Return the application; its parts are at ``app.state.sandbox``."""
    running = sandbox or build_sandbox(options or SandboxOptions(), base_url)
    state, defects, variant, chosen = running.state, running.defects, running.variant, running.options
    authentication = ClientAuthentication(running)
    store = seed_store()
    routes = [
        *_pages_for_people(running),
        *authorization.routes(running),
        *tokens.routes(running, authentication),
        *introspection.routes(running, authentication),
        *openid.routes(running),
        *discovery.routes(running),
        *brands.routes(state, defects, variant, chosen),
        *chart.routes(state, defects, variant, chosen, store),
        *pages.routes(defects),
        *fhir_endpoint.routes(state, defects, variant, chosen, store),
    ]
    middleware = [Middleware(CommonHeaders, sandbox=running), Middleware(Cors, sandbox=running)]
    if len(variant):
        middleware.insert(0, Middleware(Wire, sandbox=running))
    if chosen.trace_rules:
        middleware.insert(0, Middleware(RuleTrace))
    app = Starlette(routes=routes, middleware=middleware, exception_handlers={OAuthError: pages.malformed})
    app.state.sandbox = running
    return app if chosen.vendor is None else wrap(app, running, chosen.vendor)


def _pages_for_people(sandbox: Sandbox) -> list[Route]:
    state = sandbox.state

    async def home(_: Request) -> Response:
        return pages.page(
            "home",
            urls=public_urls(sandbox),
            users=list(state.users.values()),
            apps=list(state.clients.values()),
            defects=tuple(sandbox.defects),
            variants=tuple(sandbox.variant),
        )

    async def error(request: Request) -> Response:
        code, message = request.query_params.get("code", ""), request.query_params.get("message", "")
        return pages.page("error", status=400, title="This request is not valid", message=message, code=code, hint="")

    async def manage(request: Request) -> Response:
        user = state.session_user(request)
        granted = sorted({client_id for username, client_id in state.approved if user is not None and username == user.username})
        names = ", ".join(state.clients[client_id].name for client_id in granted)
        message = f"Connected: {names}." if names else "No app is connected to your account in this browser."
        return pages.page("error", title="Your connected apps", message=message)

    return [
        Route("/", home, methods=["GET"]),
        Route("/oauth/error", error, methods=["GET"]),
        Route("/oauth/manage", manage, methods=["GET"]),
    ]


def public_urls(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Return the addresses that people and apps start from, with their names."""
    base = sandbox.state.base_url
    return [
        ("FHIR base URL", sandbox.state.fhir_base_url),
        ("SMART configuration", f"{sandbox.state.fhir_base_url}/.well-known/smart-configuration"),
        ("Authorization endpoint", sandbox.authorize_url),
        ("Token endpoint", sandbox.token_url),
        ("Chart", f"{base}/chart") if sandbox.options.vendor is None else ("Launches", f"{base}/console"),
        ("Connected apps", f"{base}/oauth/manage"),
    ]
