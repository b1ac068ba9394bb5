"""Clients that others wrote get through the embedded EHR to a FHIR read: Authlib's, and PyPI's `fhirclient`."""

from __future__ import annotations

import time
import warnings
from typing import Any

import pytest
from fhirclient import client as smart
from joserfc.jwk import RSAKey

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Authlib announces that it will change its HTTP library
    from authlib.integrations.httpx_client import OAuth2Client
    from authlib.oauth2.rfc7523 import PrivateKeyJWT

SCOPES = "openid fhirUser launch/patient offline_access patient/Patient.rs"


def authlib_flow(ehr: Any, app: OAuth2Client, **more: str) -> dict[str, Any]:
    found = ehr.back_end.get(f"{ehr.fhir}/.well-known/smart-configuration").json()
    url, state = app.create_authorization_url(found["authorization_endpoint"], aud=ehr.fhir, code_verifier="v" * 64, **more)
    ehr.answer(ehr.go(ehr.browser.get(url)))
    token: dict[str, Any] = app.fetch_token(found["token_endpoint"], authorization_response=ehr.landed, state=state, code_verifier="v" * 64)
    return token


def authlib_app(ehr: Any, client_id: str, scope: str, **more: Any) -> OAuth2Client:
    client = ehr.client(client_id)
    return OAuth2Client(
        client_id, client.secret, scope=scope, redirect_uri=client.redirect_uris[0], code_challenge_method="S256", timeout=5, **more
    )


@pytest.mark.parametrize(
    ("client_id", "method"),
    [
        ("public-primary", "none"),
        ("confidential-symmetric-primary", "client_secret_basic"),
        ("confidential-symmetric-primary", "client_secret_post"),
    ],
)
def test_authlib_launches_standalone_and_refreshes(ehr: Any, client_id: str, method: str) -> None:
    with authlib_app(ehr, client_id, SCOPES, token_endpoint_auth_method=method) as app:
        token = authlib_flow(ehr, app)
        assert app.get(f"{ehr.fhir}/Patient/{token['patient']}").json()["id"] == "amelia-stone"
        fresh = app.refresh_token(ehr.base + "/oauth/token", refresh_token=token["refresh_token"])
        assert fresh["access_token"] != token["access_token"]


def test_authlib_signs_in_with_a_private_key(ehr: Any) -> None:
    client_id = "confidential-asymmetric-primary"
    private = next(key for key in ehr.client(client_id).private_jwks["keys"] if key["kty"] == "RSA")
    plain = {name: value for name, value in private.items() if name not in {"key_ops", "alg", "use"}}
    # Authlib's assertions live an hour by default, which the guide does not allow.
    claims = {"exp": int(time.time()) + 240}
    with authlib_app(ehr, client_id, SCOPES, token_endpoint_auth_method="private_key_jwt") as app:
        app.client_secret = RSAKey.import_key(plain)
        app.register_client_auth_method(PrivateKeyJWT(ehr.base + "/oauth/token", claims, {"kid": private["kid"]}, "RS384"))
        token = authlib_flow(ehr, app)
        assert app.get(f"{ehr.fhir}/Patient/{token['patient']}").status_code == 200


def test_authlib_launches_from_the_chart(ehr: Any) -> None:
    given = ehr.launch("confidential-symmetric-primary", "bruno-castellano")
    with authlib_app(ehr, "confidential-symmetric-primary", "openid fhirUser launch patient/Patient.rs") as app:
        token = authlib_flow(ehr, app, launch=given["launch"])
        assert token["patient"] == "bruno-castellano"
        assert app.get(f"{given['iss']}/Patient/bruno-castellano").status_code == 200


@pytest.mark.parametrize("client_id", ["public-primary", "confidential-symmetric-primary"])
def test_fhirclient_launches_standalone(ehr: Any, client_id: str) -> None:
    client = ehr.client(client_id)
    app = smart.FHIRClient(
        settings={
            "app_id": client_id,
            "app_secret": client.secret,
            "api_base": ehr.fhir,
            "redirect_uri": client.redirect_uris[0],
            "scope": "patient/*.read openid fhirUser offline_access",
        }
    )
    app.prepare()
    ehr.answer(ehr.go(ehr.browser.get(app.authorize_url)))
    app.handle_callback(ehr.landed)
    assert app.patient.id == "amelia-stone"
    assert app.reauthorize()
    app.server.session.close()


def test_fhirclient_launches_from_the_chart(ehr: Any) -> None:
    client_id = "confidential-symmetric-primary"
    client = ehr.client(client_id)
    given = ehr.launch(client_id, "chidi-okafor")
    app = smart.FHIRClient(
        settings={
            "app_id": client_id,
            "app_secret": client.secret,
            "api_base": given["iss"],
            "redirect_uri": client.redirect_uris[0],
            "scope": "patient/*.read openid fhirUser",
            "launch_token": given["launch"],
        }
    )
    app.prepare()
    ehr.answer(ehr.go(ehr.browser.get(app.authorize_url)))
    app.handle_callback(ehr.landed)
    assert app.patient.id == "chidi-okafor"
    app.server.session.close()
