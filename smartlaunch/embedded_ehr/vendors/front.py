"""The vendor's front before the plain server: addresses, judgement of requests, errors, headers and pages.

A request is judged in the vendor's words first; what passes goes on to the plain server, whose answer is put into the vendor's form.
Every answer of the authorization server has an id of its own, and it is the one in ``error_uri``.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote_plus, urlencode, urlsplit

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from smartlaunch.embedded_ehr import data, grants
from smartlaunch.embedded_ehr.core import OAuthError, Parameters, form_parameters, query_parameters
from smartlaunch.embedded_ehr.pages import SMART_STYLE_PATH, malformed
from smartlaunch.embedded_ehr.redirection import deliver
from smartlaunch.embedded_ehr.vendors import pages
from smartlaunch.embedded_ehr.vendors.documents import openid_configuration, smart_configuration
from smartlaunch.embedded_ehr.vendors.granting import granted
from smartlaunch.embedded_ehr.vendors.inner import Inner
from smartlaunch.embedded_ehr.vendors.model import Problem

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from smartlaunch.embedded_ehr.core import Sandbox
    from smartlaunch.embedded_ehr.state import Launch, Transaction
    from smartlaunch.embedded_ehr.vendors.model import App, Vendor

_CORRELATION = "Cerner-Correlation-ID"
_SEE_OTHER = 303
_REDIRECTS = range(300, 400)
_FHIR_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class _Page(Exception):
    """A request that cannot be trusted with a redirect."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _ToApp(Exception):
    """A refusal that the app hears of."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def wrap(app: Starlette, sandbox: Sandbox, vendor: Vendor) -> Starlette:
    """Return the application that speaks as the vendor; the plain server answers for what the vendor does not change."""
    front = Front(app, sandbox, vendor)
    paths = vendor.raw["paths"]
    tenant, token = "{tenant}", paths["token"]
    routes = [
        Route(paths["fhir"] + "/.well-known/smart-configuration", front.discovery, methods=["GET"]),
        Route(paths["fhir"], front.fhir, methods=_FHIR_METHODS),
        Route(paths["fhir"] + "/{rest:path}", front.fhir, methods=_FHIR_METHODS),
        Route(paths["authorize"], front.authorize, methods=["GET", "POST"]),
        Route(token, front.token, methods=["GET", "POST", "OPTIONS"]),
        Route(paths["token_short"], front.token, methods=["GET", "POST", "OPTIONS"]),
        Route(paths["revoke"], front.passing("/oauth/revoke"), methods=["POST"]),
        Route(paths["introspect"], front.passing("/oauth/introspect"), methods=["POST"]),
        Route(paths["manage"], front.passing("/oauth/manage"), methods=["GET"]),
        Route(paths["keys"], front.passing("/oauth/jwks"), methods=["GET"]),
        Route(paths["style"], front.passing(SMART_STYLE_PATH), methods=["GET"]),
        Route(vendor.path("id_token_issuer") + ".well-known/openid-configuration", front.openid, methods=["GET"]),
        Route("/errors/{urn}/instances/{instance}", front.error_page, methods=["GET"]),
        Route("/session-api/loading.js", front.loading_script, methods=["GET"]),
        Route("/session-api/realm/{realm}", front.session, methods=["GET"]),
        Route("/accounts/{realm}/login", front.sign_in_page, methods=["GET"]),
        Route("/accounts/{realm}/login", front.sign_in, methods=["POST"]),
        Route("/oauth/consent", front.consent_page, methods=["GET"]),
        *(Route(f"/oauth/{page}", front.person, methods=["GET", "POST"]) for page in ("patient", "encounter", "consent")),
        Route(f"/smart/{tenant}/apps/{{app_id}}/", front.launch_link, methods=["GET"]),
        Route("/smart/user/preauth", front.preauthentication, methods=["GET"]),
        Route("/console", front.console, methods=["GET"]),
        Route("/console/patients/{patient}", front.console_apps, methods=["GET"]),
        Route("/console/patients/{patient}/apps/{app_id}", front.console_launch, methods=["GET"]),
        Mount("/", app),
    ]
    outer = Starlette(routes=routes, exception_handlers={OAuthError: malformed})
    outer.state.sandbox = sandbox
    return outer


class Front:
    """The vendor's endpoints over one running server."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox, vendor: Vendor) -> None:
        self.sandbox = sandbox
        self.state = sandbox.state
        self.vendor = vendor
        self.inner = Inner(app)
        self.launches: dict[str, tuple[App, Launch]] = {}

    # -- documents ------------------------------------------------------------------------------------------------------

    async def discovery(self, request: Request) -> Response:
        """Answer with the SMART configuration of one FHIR host."""
        host = str(request.path_params["host"])
        personas = dict(self.vendor.hosts)
        if host not in personas or request.path_params["tenant"] != self.vendor.tenant:
            return PlainTextResponse("Tenant not valid or accessible", 403)
        return JSONResponse(smart_configuration(self.vendor, self.state.base_url, host, personas[host]))

    async def openid(self, _: Request) -> Response:
        """Answer with the OpenID configuration; its issuer is that of the ID Tokens."""
        return JSONResponse(openid_configuration(self.vendor, self.state.base_url))

    def passing(self, path: str) -> Any:
        """Return an endpoint that the plain server serves at another path."""

        async def endpoint(request: Request) -> Response:
            return self._stamped(await self.inner.ask(request, path))

        return endpoint

    # -- errors ---------------------------------------------------------------------------------------------------------

    def _stamped(self, response: Response, instance: str = "") -> Response:
        response.headers[_CORRELATION] = instance or str(uuid.uuid4())
        return response

    def _error_uri(self, urn: str, instance: str, **about: str) -> str:
        whole = self.vendor.raw["errors"]["head"] + urn
        return f"{self.state.base_url}/errors/{quote(whole, safe='')}/instances/{instance}?{urlencode(about)}"

    def _to_error_page(self, name: str, persona: str, client: str, tenant: str) -> Response:
        instance = str(uuid.uuid4())
        uri = self._error_uri(self.vendor.problems[name].urn, instance, persona=persona, client=client, tenant=tenant)
        return self._stamped(RedirectResponse(uri, _SEE_OTHER, self.vendor.headers("authorization_server")), instance)

    def _to_app(self, name: str, redirect_uri: str, state: str | None, persona: str, client: str) -> Response:
        """Send the vendor's error to the app: a code, and a reason only inside ``error_uri``."""
        problem, instance = self.vendor.problems[name], str(uuid.uuid4())
        answer = {
            "error": problem.error or "server_error",
            "error_uri": self._error_uri(problem.urn, instance, persona=persona, client=client, tenant=self.vendor.tenant),
        }
        if state is not None:
            answer["state"] = state
        return self._stamped(deliver(self.sandbox, redirect_uri, answer), instance)

    async def error_page(self, request: Request) -> Response:
        """Show what went wrong to the person in the browser."""
        urn = str(request.path_params["urn"])
        known = {self.vendor.raw["errors"]["head"] + one.urn: one for one in self.vendor.problems.values()}
        problem = known.get(urn, Problem(urn))
        text = problem.text or "An error occurred while the application was being authorized."
        title = self.vendor.raw["errors"]["title"]
        return pages.page("error", status=400, title=title, text=text, urn=urn, instance=str(request.path_params["instance"]))

    # -- the authorization request --------------------------------------------------------------------------------------

    async def authorize(self, request: Request) -> Response:
        """Judge an authorization request as the vendor does, then let the plain server take it on."""
        tenant, persona = str(request.path_params["tenant"]), str(request.path_params["persona"])
        client_id = ""
        try:
            given = await form_parameters(request) if request.method == "POST" else query_parameters(request)
            client_id = given.get("client_id") or ""
            app, redirect_uri = self._who_and_where(given, tenant, persona)
        except _Page as refused:
            return self._to_error_page(refused.name, persona, client_id or "unknown", tenant)
        except OAuthError:
            return self._to_error_page("invalid-request", persona, client_id or "unknown", tenant)
        try:
            asked = self._judged(given, app, persona)
        except _ToApp as refused:
            return self._to_app(refused.name, redirect_uri, given.get("state"), persona, client_id)
        path = self.sandbox.profile.authorize_path
        by_get = request.method == "GET"
        response = await (self.inner.ask(request, path, query=asked) if by_get else self.inner.post(request, path, asked))
        return self._onward(response, redirect_uri, given.get("state"), app)

    def _who_and_where(self, given: Parameters, tenant: str, persona: str) -> tuple[App, str]:
        if tenant != self.vendor.tenant:
            raise _Page("unknown-tenant")
        if {"client_id", "redirect_uri"} & set(given.repeated()):
            raise _Page("invalid-request")
        app = self.vendor.app(client_id=given.get("client_id") or "")
        if app is None:
            raise _Page("unknown-client")
        if app.type != persona:
            raise _Page("persona-mismatch")
        sent = given.get("redirect_uri")
        if sent is None or sent == app.redirect_uri:
            return app, app.redirect_uri
        parts = urlsplit(sent)
        if not parts.scheme or not parts.netloc:
            raise _Page("redirect-not-absolute")
        raise _Page("redirect-slash" if sent.rstrip("/") == app.redirect_uri.rstrip("/") else "redirect-mismatch")

    def _judged(self, given: Parameters, app: App, persona: str) -> list[tuple[str, str]]:
        """Return the parameters for the plain server: scopes cut to what is granted, ``aud`` as it knows it."""
        if given.repeated():
            raise _ToApp("invalid-request")
        values = given.flat()
        if values.get("response_type") != "code":
            raise _ToApp("response-type" if values.get("response_type") else "invalid-request")
        requested = grants.split(values.get("scope", ""))
        launching = {"launch", "launch/patient"} & set(requested)
        self._require_audience(values, required=bool(launching))
        kept = granted(self.vendor, app, requested)
        launch = values.get("launch")
        if persona == "provider" and launching and not launch:
            raise _ToApp("launch-required")
        if launching and launch and launch not in self.state.launches:
            raise _ToApp("launch-unknown")
        if "launch" in kept and not launch:
            kept.remove("launch")
        if not kept:
            raise _ToApp("nothing-grantable")
        values |= {"scope": " ".join(kept), "aud": self.state.fhir_base_url, "redirect_uri": app.redirect_uri}
        return list(values.items())

    def _require_audience(self, values: dict[str, str], *, required: bool) -> None:
        audience = values.get("aud")
        if audience is None:
            if required:
                raise _ToApp("audience-required")
            return
        bases = {self.state.base_url + self.vendor.path("fhir", host=host) for host, _ in self.vendor.hosts}
        if audience.rstrip("/") not in bases:
            raise _ToApp("unknown-audience")

    # -- the pages between the request and the app ------------------------------------------------------------------------

    def _onward(self, response: Response, redirect_uri: str, state: str | None, app: App, problem: str = "") -> Response:
        """Put the next step of the plain server into the vendor's form."""
        location = response.headers.get("location", "")
        if response.status_code not in _REDIRECTS or not location:
            return self._stamped(response)
        parts = urlsplit(location)
        if location.startswith(redirect_uri):
            values = dict(parse_qsl(parts.query))
            if "error" in values:
                return self._to_app(problem or _name_of(values["error"]), redirect_uri, state, app.type, app.client_id)
        elif parts.path == "/oauth/login":
            realm, _ = self.vendor.sign_in(app.type)
            to = dict(parse_qsl(parts.query)).get("transaction", "")
            onward = pages.loading(f"/session-api/realm/{realm}?{urlencode({'to': to, 'forceAuthn': 'true'})}", app.client_id)
            return self._stamped(_with_cookies(onward, response))
        return self._stamped(response)

    def _transaction(self, value: str) -> tuple[Transaction, App] | None:
        found = self.state.transactions.get(value)
        app = self.vendor.app(client_id=found.client_id) if found is not None else None
        return None if found is None or app is None else (found, app)

    async def loading_script(self, _: Request) -> Response:
        """Serve the script of the loading page."""
        return Response(pages.LOADING_SCRIPT, media_type="text/javascript")

    async def session(self, request: Request) -> Response:
        """Send the browser on to the identity provider."""
        query = urlencode({"to": request.query_params.get("to", "")})
        return RedirectResponse(f"/accounts/{request.path_params['realm']}/login?{query}", _SEE_OTHER)

    async def sign_in_page(self, request: Request) -> Response:
        """Show the sign-in form of the realm."""
        return self._sign_in_form(str(request.path_params["realm"]), request.query_params.get("to", ""))

    def _sign_in_form(self, realm: str, to: str, error: str = "") -> Response:
        found = self._transaction(to)
        if found is None:
            return self._to_error_page("invalid-request", "provider", "unknown", self.vendor.tenant)
        by_realm = dict(map(self.vendor.sign_in, ("provider", "patient")))
        if realm not in by_realm:
            return self._to_error_page("unknown-tenant", "provider", "unknown", realm)
        return pages.page(by_realm[realm], action=f"/accounts/{realm}/login", to=to, app=found[1].title, error=error)

    async def sign_in(self, request: Request) -> Response:
        """Check user name and password under the field names of the realm's form."""
        realm, form = str(request.path_params["realm"]), await form_parameters(request)
        to = form.get("to") or ""
        found = self._transaction(to)
        if found is None:
            return self._to_error_page("invalid-request", "provider", "unknown", self.vendor.tenant)
        transaction, app = found
        cancelled = form.get("action") == "cancel"
        fields = [("transaction", to)]
        if cancelled:
            fields.append(("decision", "deny"))
        else:
            fields += [
                (name, value) for name in ("username", "password") if (value := form.get(name) or form.get(f"login_{name}")) is not None
            ]
        response = await self.inner.post(request, "/oauth/login", fields)
        if response.status_code not in _REDIRECTS:
            return self._sign_in_form(realm, to, "The user name or password is not right.")
        problem = "cancelled" if cancelled else self._problem_of(transaction)
        return self._onward(response, transaction.redirect_uri, transaction.parameters.get("state"), app, problem)

    def _problem_of(self, transaction: Transaction) -> str:
        """Name why a transaction ended that nobody refused: the person is not the one of the launch, or may grant nothing."""
        launch = transaction.launch
        if launch is not None and launch.username not in {"", transaction.username}:
            return "other-user"
        return "nothing-grantable"

    async def consent_page(self, request: Request) -> Response:
        """Show the vendor's page of records, once the plain server has agreed to ask."""
        plain = await self.inner.ask(request, "/oauth/consent")
        found = self._transaction(request.query_params.get("transaction", ""))
        if plain.status_code >= 300 or found is None:
            return self._stamped(plain)
        transaction, app = found
        user = self.sandbox.user(transaction.username or "")
        client = self.sandbox.client(app.client_id)
        offered = grants.grant(self.sandbox, client, user, grants.split(transaction.parameters.get("scope", "")))
        shown = pages.page(
            "consent",
            action="/oauth/consent",
            transaction=transaction.value,
            app=app.title,
            scopes=offered,
            patients=data.patient_summaries(user.patients),
        )
        return self._stamped(shown)

    async def person(self, request: Request) -> Response:
        """Pass what a person does on the other pages to the plain server."""
        given = query_parameters(request)
        if request.method == "POST":
            await request.body()
            given = await form_parameters(request)
        found = self._transaction(given.get("transaction") or "")
        response = await self.inner.ask(request, request.url.path)
        if found is None:
            return self._stamped(response)
        transaction, app = found
        return self._onward(response, transaction.redirect_uri, transaction.parameters.get("state"), app)

    # -- the token endpoint -----------------------------------------------------------------------------------------------

    async def token(self, request: Request) -> Response:
        """Answer a token request in the vendor's form."""
        fixed = self.vendor.headers("authorization_server", "token")
        if request.method == "OPTIONS":
            return self._stamped(Response(status_code=200, headers=fixed))
        await request.body()
        try:
            given = await form_parameters(request)
        except OAuthError as problem:
            return self._token_error({"error": problem.error}, problem.status, "", fixed)
        values, by = given.flat(), _how(request, given)
        client_id = values.get("client_id") or _basic_user(request) or "unknown"
        facts = {"grant_type": values.get("grant_type", ""), "by": by}
        if request.path_params["tenant"] != self.vendor.tenant:
            return self._token_error({"error": "invalid-tenant"} | facts, 400, client_id, fixed, tenant=str(request.path_params["tenant"]))
        if by == "bearer":
            return self._token_error({"error": "invalid_request"} | facts, 401, "unknown", fixed)
        code = self.state.codes.get(values.get("code", ""))
        if code is not None and not code.used and code.patient is None and grants.needs_patient(list(code.scopes)):
            return self._token_error({"error": "no-patient"} | facts, 400, client_id, fixed)
        if values.get("grant_type") == "client_credentials":
            app = self.vendor.app(client_id=client_id)
            kept = granted(self.vendor, app, grants.split(values.get("scope", ""))) if app is not None else []
            values["scope"] = " ".join(kept) or "none"
            response = await self.inner.post(request, self.sandbox.profile.token_path, list(values.items()))
        elif code is not None and code.redirect_uri and "redirect_uri" not in values:
            # Left out in both requests, the registered one counts in both.
            values["redirect_uri"] = code.redirect_uri
            response = await self.inner.post(request, self.sandbox.profile.token_path, list(values.items()))
        else:
            response = await self.inner.ask(request, self.sandbox.profile.token_path)
        body = _object(response)
        if response.status_code >= 300 or "error" in body:
            authenticated = "unknown" if body.get("error") == "invalid_client" else client_id
            return self._token_error({"error": str(body.get("error", ""))} | facts, response.status_code, authenticated, fixed)
        return self._stamped(JSONResponse(self._in_vendor_form(body, values), 200, fixed | _traced(response)))

    def _in_vendor_form(self, body: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
        """Return a token answer with the vendor's members and without those it does not send."""
        for name in ("intent", "fhirContext"):
            body.pop(name, None)
        token = self.state.access_tokens.get(str(body.get("access_token", "")))
        body["scope"] = " ".join(sorted(str(body.get("scope", "")).split()))
        if token is not None and token.user is not None and values.get("grant_type") == "authorization_code":
            if "launch" in token.scopes:
                body |= {
                    "user": (token.fhir_user or "").partition("/")[2],
                    "username": token.user,
                    "tenant": self.vendor.tenant,
                    "smart_style_url": self.state.base_url + self.vendor.path("style"),
                }
            if "online_access" in token.scopes:
                body["active_ttl"] = 34969
        return body

    def _token_error(self, facts: dict[str, str], status: int, client: str, headers: dict[str, str], *, tenant: str = "") -> Response:
        """Answer with the first row of the vendor's table that fits."""
        rows = self.vendor.raw["token_error"]
        row = next((one for one in rows if all(facts.get(k) == v for k, v in one["when"].items())), None)
        code = facts["error"] if row is None else row.get("error", facts["error"])
        urn = "oauth2:token:invalid-request" if row is None else row["urn"]
        instance = str(uuid.uuid4())
        body = {"error": code, "error_uri": self._error_uri(urn, instance, client=client, tenant=tenant or self.vendor.tenant)}
        return self._stamped(JSONResponse(body, row.get("status", status) if row is not None else status, headers), instance)

    # -- FHIR -------------------------------------------------------------------------------------------------------------

    async def fhir(self, request: Request) -> Response:
        """Answer a FHIR request, with the vendor's refusals and ids."""
        host, rest = str(request.path_params["host"]), str(request.path_params.get("rest", ""))
        if host not in dict(self.vendor.hosts) or request.path_params["tenant"] != self.vendor.tenant:
            return self._with_request_ids(PlainTextResponse("Tenant not valid or accessible", 403))
        response = await self.inner.ask(request, f"/fhir/{rest}" if rest else "/fhir")
        if response.status_code in (401, 403):
            response = self._refusal(request, response)
        other = self.state.base_url + self.vendor.path("fhir", host=host)
        if other != self.state.fhir_base_url:
            body = bytes(response.body).replace(self.state.fhir_base_url.encode(), other.encode())
            response.body = body
            response.headers["content-length"] = str(len(body))
        return self._with_request_ids(response)

    def _refusal(self, request: Request, plain: Response) -> Response:
        value = request.headers.get("authorization", "").partition(" ")[2].strip()
        token = self.state.lookup_access_token(value) if value else None
        status = plain.status_code
        if status == 401:
            expired = token is not None and token.expires_at <= self.state.now()
            tail = "token-required" if not value else "expired" if expired else "signature-verification-failed"
            message = f'code="{self.vendor.raw["errors"]["resource_head"]}{tail}"'
        else:
            tail = "insufficient-scopes"
            code = f'code="{self.vendor.raw["errors"]["resource_head"]}{tail}"'
            message = f'{code}, error="insufficient_scope", subcode="no_scope_for_resource_path"'
        kept = {k: v for k, v in plain.headers.items() if k.startswith("access-control") or k == "date"} | _traced(plain)
        if status == 401 and "www-authenticate" in plain.headers:
            kept["WWW-Authenticate"] = plain.headers["www-authenticate"]
        return JSONResponse({"code": status, "message": message}, status, kept)

    def _with_request_ids(self, response: Response) -> Response:
        first, second = secrets.token_hex(16).upper(), secrets.token_hex(16).upper()
        for name, value in self.vendor.headers("fhir").items():
            response.headers[name] = value
        response.headers["X-Request-Id"] = f"/{first}+{secrets.token_urlsafe(6)}"
        response.headers["Opc-Request-Id"] = f"/{first}/{second}"
        return response

    # -- launches ---------------------------------------------------------------------------------------------------------

    async def console(self, _: Request) -> Response:
        """Let a person choose whose chart is open: the console's dialog "Testing Details"."""
        return pages.page("console_patients", patients=data.patient_summaries(data.PATIENTS))

    async def console_apps(self, request: Request) -> Response:
        """List the apps that the EHR can open on the chosen chart: the console's card "Testing"."""
        patient = str(request.path_params["patient"])
        if patient not in data.PATIENTS:
            return self._to_error_page("invalid-request", "provider", "unknown", self.vendor.tenant)
        apps = [app for app in self.vendor.apps if app.launch_page]
        return pages.page("console_apps", apps=apps, patient=data.display_name(patient), patient_id=patient)

    async def console_launch(self, request: Request) -> Response:
        """Open the launch link of an app, as the console's button does."""
        patient, app_id = str(request.path_params["patient"]), str(request.path_params["app_id"])
        user = next(one for one in self.state.users.values() if self.vendor.persona_of(one) == "provider")
        visits = data.encounter_summaries(patient) if patient in data.PATIENTS else []
        context = {
            "PAT_PersonId": patient,
            "VIS_EncntrId": visits[0]["id"] if visits else "",
            "USR_PersonId": (user.fhir_user or "").partition("/")[2],
            "username": user.username,
            "need_patient_banner": "true",
        }
        return RedirectResponse(f"/smart/{self.vendor.tenant}/apps/{quote(app_id, safe='')}/?{urlencode(context)}", _SEE_OTHER)

    async def launch_link(self, request: Request) -> Response:
        """Begin a launch from a link with the App ID, which is not the Client ID."""
        app = self.vendor.app(app_id=str(request.path_params["app_id"]))
        given = request.query_params
        user = self.state.users.get(given.get("username", ""))
        patient = given.get("PAT_PersonId", "")
        if request.path_params["tenant"] != self.vendor.tenant:
            return self._to_error_page("unknown-tenant", "provider", "unknown", str(request.path_params["tenant"]))
        if app is None or app.launch_uri is None:
            return self._to_error_page("unknown-client", "provider", "unknown", self.vendor.tenant)
        if user is None or patient not in user.patients:
            return self._to_error_page("invalid-request", "provider", app.client_id, self.vendor.tenant)
        value = self.state.create_launch(app.client_id, user.username, patient, given.get("VIS_EncntrId") or None)
        launch = self.state.launches.pop(value)
        launch.value = str(uuid.uuid4())
        context = str(uuid.uuid4())
        self.launches = {key: held for key, held in self.launches.items() if held[1].expires_at > self.state.now()}
        self.launches[context] = (app, launch)
        query = urlencode({"context_id": context, "tenant": self.vendor.tenant})
        return RedirectResponse(f"/smart/user/preauth?{query}", _SEE_OTHER)

    async def preauthentication(self, request: Request) -> Response:
        """Open the app with ``iss`` and ``launch``."""
        found = self.launches.pop(request.query_params.get("context_id", ""), None)
        if found is None:
            return self._to_error_page("invalid-request", "provider", "unknown", self.vendor.tenant)
        app, launch = found
        self.state.launches[launch.value] = launch
        query = urlencode({"iss": self.state.fhir_base_url, "launch": launch.value})
        return RedirectResponse(f"{app.launch_uri}?{query}", 302, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _name_of(error: str) -> str:
    return {"access_denied": "denied-by-user", "invalid_request": "invalid-request", "invalid_scope": "nothing-grantable"}.get(
        error, "server-error"
    )


def _with_cookies(onward: Response, plain: Response) -> Response:
    onward.raw_headers += [(k, v) for k, v in plain.raw_headers if k == b"set-cookie"]
    return onward


def _traced(plain: Response) -> dict[str, str]:
    """Return the header in which the plain server names the rules that were consulted."""
    return {k: v for k, v in plain.headers.items() if k == "x-sandbox-rules"}


def _how(request: Request, given: Parameters) -> str:
    scheme = request.headers.get("authorization", "").partition(" ")[0].lower()
    if scheme in ("basic", "bearer"):
        return scheme
    return "client_assertion" if given.get("client_assertion") else "nothing"


def _basic_user(request: Request) -> str:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return unquote_plus(base64.b64decode(value).decode("utf-8").partition(":")[0])
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _object(response: Response) -> dict[str, Any]:
    try:
        found = json.loads(bytes(response.body))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
