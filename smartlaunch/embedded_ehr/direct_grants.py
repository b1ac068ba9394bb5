"""Tokens without an authorization request: of backend services, and by a password, which no server should offer."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr import grants
from smartlaunch.embedded_ehr.core import OAuthError, Parameters
from smartlaunch.embedded_ehr.state import new_secret
from smartlaunch.embedded_ehr.token_issuing import GrantType

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.registry import Client


class DirectGrants(GrantType):
    """The grant types ``client_credentials`` and ``password`` over one running server."""

    def client_credentials(self, client: Client, given: Parameters) -> dict[str, Any]:
        """Give a backend service a token for those of the scopes it asks for that it was registered with."""
        defects, scope = self.defects, given.get("scope")
        if scope is None:
            if not self.variant("fills_in_missing_scope_of_backend_services"):
                message = "The scope is missing."
                raise OAuthError("invalid_scope", message)
            scope = " ".join(client.scopes)
        requested = grants.split(scope)
        # An app gets as far as this through a defect only, and has no pre-authorization that could limit it.
        granted = grants.grant_system(self.sandbox, client, requested) if client.role == "backend" else requested
        if not granted:
            message = "None of the requested scopes is within what this client may have."
            raise OAuthError("invalid_scope", message).by("unknown_scopes_of_backend_services")
        if granted != requested and self.variant("refuses_scopes_outside_registration"):
            message = "A requested scope is not within what this client may have."
            raise OAuthError("invalid_scope", message)
        if defects("gives_backend_services_more_than_they_ask"):
            granted = list(dict.fromkeys([*granted, *client.scopes]))
        access = self.issuing.access_token(
            client,
            scopes=tuple(granted),
            patient=None,
            encounter=None,
            user=None,
            fhir_user=None,
            aud=self.state.fhir_base_url,
            grant=new_secret(),
        )
        whole = tuple(one for one in client.scopes if one.partition(".")[0] in {scope.partition(".")[0] for scope in granted})
        if set(whole) != set(granted) and defects("enforces_all_interactions_that_a_backend_service_may"):
            access.enforced = (*granted, *whole)
        body = self.issuing.body(client, access, requested=tuple(requested))
        if defects("gives_refresh_token_to_backend_services"):
            body["refresh_token"] = new_secret()
        return body

    def password(self, client: Client, given: Parameters) -> dict[str, Any]:
        """Sign in with name and password, which a server must not offer (RFC 9700 section 2.4)."""
        user = self.state.users.get(given.get("username") or "")
        if user is None or not hmac.compare_digest(user.password, given.get("password") or ""):
            message = "Name or password is not right."
            raise OAuthError("invalid_grant", message)
        requested = grants.split(given.get("scope") or "user/Patient.rs")
        access = self.issuing.access_token(
            client,
            scopes=tuple(grants.grant(self.sandbox, client, user, requested)),
            patient=None,
            encounter=None,
            user=user.username,
            fhir_user=user.fhir_user,
            aud=self.state.fhir_base_url,
            grant=new_secret(),
        )
        return self.issuing.body(client, access, requested=tuple(requested))
