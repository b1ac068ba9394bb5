"""A SMART server around django-oauth-toolkit: its views, models, validator and metadata, with Django's own sign-in.

The library checks client, redirect URI, scopes, PKCE, codes, tokens, refresh, revocation, introspection and ID Tokens. This file adds what SMART
asks beyond them (SMART configuration, launch context, ``aud``, ``launch``), a chart that launches apps, and a small FHIR server behind the tokens.
The library's settings for RFC 9700 are on. ``server.py CONFIG.json FOLDER`` prints one line of JSON when it listens and ends when its input closes.
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import django
from django.conf import settings
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from jwcrypto.jwk import JWK

sys.path.insert(0, str(Path(__file__).parent.parent))
from small_fhir import OPEN, Asked, Held, SmallFhir

CONFIG = json.loads(Path(sys.argv[1]).read_text("utf-8"))


class Quiet(WSGIRequestHandler):
    def log_message(self, *_args: Any) -> None:
        """Say nothing of each request."""


LISTENER = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
LISTENER.daemon_threads = True
BASE = f"http://127.0.0.1:{LISTENER.server_port}"
FHIR, ISSUER = f"{BASE}/fhir", f"{BASE}/o"
CLIENTS = {one["client_id"]: one for one in CONFIG["clients"]}
USERS = {one["username"]: one for one in CONFIG["users"]}
LAUNCH_LIFE_S = 300
TYPES = ("*", "Patient", "Observation", "Condition", "Practitioner")
SCOPES = {
    **{one: one for one in ("openid", "fhirUser", "offline_access", "launch", "launch/patient")},
    **{
        one: one
        for level in ("patient", "user")
        for kind in TYPES
        for word in ("rs", "r", "s", "read")
        for one in [f"{level}/{kind}.{word}"]
    },
}
PAGE = "<!doctype html><html lang=en><title>{% block title %}{% endblock %}</title><body>{% block body %}{% endblock %}</body></html>"
LOGIN = """{% extends "page.html" %}{% block title %}Log in{% endblock %}{% block body %}<h1>Log in</h1>
<form method=post>{% csrf_token %}{{ form.as_p }}<input type=submit value="Log in"><input type=hidden name=next value="{{ next }}"></form>{% endblock %}"""
CONSENT = """{% extends "page.html" %}{% block title %}Authorize{% endblock %}{% block body %}{% if error %}<h2>Error: {{ error.error }}</h2>
<p>{{ error.description }}</p>{% else %}<form id=authorizationForm method=post><h3>Authorize {{ application.name }}?</h3>{% csrf_token %}
{% for field in form %}{% if field.is_hidden %}{{ field }}{% endif %}{% endfor %}<p>Application requires the following permissions</p>
<ul>{% for scope in scopes_descriptions %}<li>{{ scope }}</li>{% endfor %}</ul>
{% if patients %}<fieldset><legend>Patient</legend>{% for one in patients %}<p><label><input type=radio name=patient value="{{ one }}"> {{ one }}</label></p>
{% endfor %}</fieldset>{% endif %}{{ form.errors }}<input type=submit value=Cancel><input type=submit name=allow value=Authorize></form>
{% endif %}{% endblock %}"""
CHART = """{% extends "page.html" %}{% block title %}Chart{% endblock %}{% block body %}<h1>{% if patient %}{{ patient }}{% else %}Patients{% endif %}</h1>
{% if patient %}<form method=post>{% csrf_token %}{% for app in apps %}<button name=app value="{{ app.client_id }}">Launch {{ app.client_id }}</button>{% endfor %}
</form>{% else %}<ul>{% for one in patients %}<li><a href="/chart/{{ one }}">{{ one }}</a></li>{% endfor %}</ul>{% endif %}{% endblock %}"""

settings.configure(
    SECRET_KEY=secrets.token_urlsafe(40),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(Path(sys.argv[2]) / "db.sqlite3"),
            "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"},
        }
    },
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "oauth2_provider"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.locmem.Loader",
                        {
                            "page.html": PAGE,
                            "registration/login.html": LOGIN,
                            "oauth2_provider/authorize.html": CONSENT,
                            "chart.html": CHART,
                        },
                    )
                ]
            },
        }
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    LOGIN_URL="/login",
    LOGIN_REDIRECT_URL="/chart",
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_ISS_ENDPOINT": ISSUER,
        "OIDC_RSA_PRIVATE_KEY": JWK.generate(kty="RSA", size=2048).export_to_pem(private_key=True, password=None).decode(),
        "OIDC_RESPONSE_TYPES_SUPPORTED": ["code"],
        "OAUTH2_VALIDATOR_CLASS": f"{__name__}.Validator",
        "SCOPES": SCOPES,
        "ACCESS_TOKEN_EXPIRE_SECONDS": 900,
        "REFRESH_TOKEN_REUSE_PROTECTION": True,
        **{
            f"COMPLIANT_BCP_RFC9700_{name}": True
            for name in ("IMPLICIT_GRANT", "PASSWORD_GRANT", "PKCE_METHOD", "ACCESS_TOKEN_TRANSPORT", "AUTHZ_RESPONSE_ISS", "TOKEN_STORAGE")
        },
    },
)
sys.modules["server"] = sys.modules[__name__]
django.setup()

from django.contrib.auth.decorators import login_required  # noqa: E402 - needs the settings
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.auth.views import LoginView  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.urls import include, path, re_path  # noqa: E402
from django.utils.decorators import method_decorator  # noqa: E402
from django.views.decorators.cache import never_cache  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from oauth2_provider.exceptions import OAuthToolkitError  # noqa: E402
from oauth2_provider.forms import AllowForm  # noqa: E402
from oauth2_provider.models import Application  # noqa: E402
from oauth2_provider.oauth2_backends import get_oauthlib_core  # noqa: E402
from oauth2_provider.oauth2_validators import OAuth2Validator  # noqa: E402
from oauth2_provider.views import AuthorizationView, IntrospectTokenView  # noqa: E402
from oauthlib.oauth2.rfc6749.errors import InvalidRequestError  # noqa: E402

CONTEXTS: dict[str, str] = {}
"""The patient of each code, access token and refresh token."""
LAUNCHES: dict[str, dict[str, Any]] = {}


# -- what SMART asks beyond the library ---------------------------------------------------------------------------------------


class Validator(OAuth2Validator):
    """Adds the claim fhirUser, and carries the patient from the code to the tokens."""

    oidc_claim_scope = {**OAuth2Validator.oidc_claim_scope, "fhirUser": "fhirUser"}  # noqa: RUF012 - as in the base class

    def get_additional_claims(self) -> dict[str, Any]:
        return {"fhirUser": lambda request: f"{FHIR}/{USERS[request.user.get_username()]['fhir_user']}"}

    def save_authorization_code(self, client_id: str, code: dict[str, str], request: Any, *args: Any, **more: Any) -> None:
        super().save_authorization_code(client_id, code, request, *args, **more)
        CONTEXTS[code["code"]] = request.chosen_patient

    def _save_bearer_token(self, token: dict[str, Any], request: Any, *args: Any, **more: Any) -> None:
        patient = CONTEXTS.get((request.code if request.grant_type == "authorization_code" else request.refresh_token) or "", "")
        super()._save_bearer_token(token, request, *args, **more)
        CONTEXTS.update({token[name]: patient for name in ("access_token", "refresh_token") if token.get(name)})
        if patient and {"launch", "launch/patient"} & set(token["scope"].split()):
            token["patient"] = patient


class Consent(AllowForm):
    """The library's form, with the patient and the launch beside it."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        hidden = self.fields["state"].__class__(required=False, widget=self.fields["state"].widget.__class__())
        self.fields["launch"] = hidden


@method_decorator(never_cache, name="dispatch")
class Authorize(AuthorizationView):
    form_class = Consent

    def validate_authorization_request(self, request: HttpRequest) -> Any:
        scopes, credentials = super().validate_authorization_request(request)
        launch, wrong = request.GET.get("launch") or None, ""
        if request.GET.get("aud") != FHIR:
            wrong = "aud is not the FHIR server of this authorization server"
        elif launch is not None and live_launch(launch, credentials["client_id"], request.user.get_username()) is None:
            wrong = "launch is unknown or over"
        elif launch is None and "launch" in scopes:
            wrong = "launch is missing"
        if wrong:
            error = InvalidRequestError(description=wrong, state=credentials.get("state"))
            raise OAuthToolkitError(error=error, redirect_uri=credentials["redirect_uri"])
        return scopes, credentials

    def get_initial(self) -> dict[str, Any]:
        return {**super().get_initial(), "launch": self.request.GET.get("launch", "")}

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        scopes = more.get("scopes", [])
        needed = not self.request.GET.get("launch") and any(one.startswith(("launch/patient", "patient/")) for one in scopes)
        return super().get_context_data(**more, patients=USERS[self.request.user.get_username()]["patients"] if needed else [])

    def create_authorization_response(self, request: HttpRequest, scopes: Any, credentials: dict[str, Any], allow: bool) -> Any:
        username = request.user.get_username()
        launch = live_launch(request.POST.get("launch", ""), credentials["client_id"], username)
        chosen = launch["patient"] if launch else request.POST.get("patient", "")
        credentials["chosen_patient"] = chosen if chosen in USERS[username]["patients"] else ""
        return super().create_authorization_response(request, scopes, credentials, allow)


def live_launch(value: str, client_id: str, username: str) -> dict[str, Any] | None:
    found = LAUNCHES.get(value)
    good = found and found["client_id"] == client_id and found["username"] == username and found["until"] > time.time()
    return found if good else None


class Introspect(IntrospectTokenView):
    """The library's answer, with the launch context and the person of the token."""

    @staticmethod
    def get_token_response(token_value: str | None = None) -> JsonResponse:
        answer = IntrospectTokenView.get_token_response(token_value)
        said = json.loads(answer.content)
        if said.get("active"):
            more = {"patient": CONTEXTS[token_value]} if CONTEXTS.get(token_value or "") else {}
            user = USERS.get(said.get("username", ""))
            if user and "openid" in said["scope"].split():
                more |= {"iss": ISSUER, "sub": str(User.objects.get(username=user["username"]).pk)}
            if user and "fhirUser" in said["scope"].split():
                more["fhirUser"] = f"{FHIR}/{user['fhir_user']}"
            return JsonResponse({**said, **more})
        return answer


@login_required
def chart(request: HttpRequest, patient: str = "") -> HttpResponse:
    mine = USERS[request.user.get_username()]["patients"]
    apps = [one for one in CONFIG["clients"] if one.get("launch_uri")]
    client = CLIENTS.get(request.POST.get("app", ""))
    if patient not in mine or client not in apps:
        return render(request, "chart.html", {"patient": patient if patient in mine else "", "patients": mine, "apps": apps})
    value = secrets.token_urlsafe(24)
    LAUNCHES[value] = {
        "client_id": client["client_id"],
        "username": request.user.get_username(),
        "patient": patient,
        "until": time.time() + LAUNCH_LIFE_S,
    }
    return HttpResponseRedirect(f"{client['launch_uri']}?{urlencode({'iss': FHIR, 'launch': value})}")


# -- FHIR ---------------------------------------------------------------------------------------------------------------------


def opened(value: str) -> Held | None:
    """What a token opens, as the library judges the request that carries it."""
    request = HttpRequest()
    request.META = {"HTTP_AUTHORIZATION": f"Bearer {value}", "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80"}
    request.method, request.path = "GET", "/fhir"
    valid, found = get_oauthlib_core().verify_request(request, scopes=[])
    if not valid:
        return None
    return Held(found.access_token.scope, CONTEXTS.get(value, ""), tuple(USERS[found.user.get_username()]["patients"]))


RECORDS = SmallFhir(FHIR, tuple(CONFIG["patients"]), tuple(CONFIG["practitioners"]), opened)


def configuration(_request: HttpRequest) -> JsonResponse:
    capabilities = ["launch-ehr", "launch-standalone", "client-public", "client-confidential-symmetric", "sso-openid-connect", "context-ehr-patient", "context-standalone-patient", "permission-offline", "permission-patient", "permission-user", "permission-v1", "permission-v2"]  # fmt: skip
    offered = {
        "issuer": ISSUER,
        "jwks_uri": f"{ISSUER}/.well-known/jwks.json",
        "authorization_endpoint": f"{ISSUER}/authorize/",
        "token_endpoint": f"{ISSUER}/token/",
        "introspection_endpoint": f"{ISSUER}/introspect/",
        "revocation_endpoint": f"{ISSUER}/revoke_token/",
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "scopes_supported": list(SCOPES),
        "capabilities": capabilities,
    }
    return JsonResponse(offered, headers=OPEN)


@csrf_exempt
def fhir(request: HttpRequest, rest: str) -> HttpResponse:
    query, url = request.META.get("QUERY_STRING", ""), request.build_absolute_uri()
    answer = RECORDS.answer(Asked(request.method or "", rest, query, url, request.headers, request.body))
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)


urlpatterns = [
    path("o/authorize/", Authorize.as_view()),
    path("o/introspect/", Introspect.as_view()),
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    path("login", LoginView.as_view()),
    path("chart", chart),
    path("chart/<str:patient>", chart),
    path("fhir/.well-known/smart-configuration", configuration),
    re_path("^fhir/?(?P<rest>.*)$", fhir),
]


def fill() -> None:
    """The tables, users and registrations."""
    call_command("migrate", verbosity=0)
    for one in CONFIG["users"]:
        User.objects.create_user(one["username"], password=one["password"])
    for one in CONFIG["clients"]:
        public = one["role"] == "public"
        Application.objects.create(
            client_id=one["client_id"],
            name=one["client_id"],
            client_type=Application.CLIENT_PUBLIC if public else Application.CLIENT_CONFIDENTIAL,
            authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
            redirect_uris=one.get("redirect_uri", ""),
            allowed_origins=one["redirect_uri"].rpartition("/")[0] if "redirect_uri" in one else "",
            algorithm=Application.RS256_ALGORITHM,
            **({} if public else {"client_secret": one["client_secret"]}),
        )


def main() -> None:
    fill()

    def wait() -> None:
        sys.stdin.read()
        LISTENER.shutdown()

    threading.Thread(target=wait, daemon=True).start()
    LISTENER.set_app(WSGIHandler())
    print(json.dumps({"base_url": BASE, "fhir_base_url": FHIR}), flush=True)
    LISTENER.serve_forever()


if __name__ == "__main__":
    main()
