"""What a server says of itself: SMART configuration, CapabilityStatement, OpenID configuration, JWK Set.

Each document is fetched once per run and kept with its exchange; nothing here judges.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from smartlaunch.client.http import Http, answered
from smartlaunch.errors import Missing, NotApplicable
from smartlaunch.exchange import Endpoint, Exchange

WELL_KNOWN = "/.well-known/smart-configuration"
OAUTH_WELL_KNOWN = "/.well-known/oauth-authorization-server"
OPENID_WELL_KNOWN = "/.well-known/openid-configuration"
JUDGED_BY = {
    "authorization_endpoint": "authorization-endpoint-listed",
    "token_endpoint": "token-endpoint-listed",
    "issuer": "issuer-listed",
    "jwks_uri": "jwks-uri-listed",
}
"""The scenario that judges whether a member is there; the others are optional."""


class Discovery:
    """The discovery documents of one FHIR base URL."""

    def __init__(self, http: Http, fhir_base_url: str) -> None:
        self._http = http
        self.fhir_base_url = fhir_base_url.rstrip("/")
        self._metadata_of: dict[str, list[dict[str, Any]]] = {}
        self.issuer_of_id_tokens = ""
        """The ``iss`` of an ID Token: in edition 1.0 the only name of the issuer, and where the named one has no document another."""
        self._openid_of: dict[str, Exchange] = {}

    def read(
        self, *, accept: str | None = "application/json", base: str | None = None, beside: Mapping[str, str] | None = None
    ) -> Exchange:
        """Fetch the SMART configuration anew, with any ``Accept`` header or none, and with other headers beside it."""
        headers = {"Accept": accept or "", **(beside or {})}
        url = (base if base is not None else self.fhir_base_url) + WELL_KNOWN
        return self._http.send("GET", url, endpoint=Endpoint.DISCOVERY, headers=headers, follow=5)

    @cached_property
    def exchange(self) -> Exchange:
        """The exchange that fetched the SMART configuration."""
        return self.read()

    @property
    def asked_for(self) -> Exchange | None:
        """The same where it was fetched already; nothing is sent."""
        return self.__dict__.get("exchange")

    @property
    def document(self) -> dict[str, Any]:
        """The SMART configuration, or an empty object when it is not one."""
        return self.exchange.heard.object if self.exchange.heard.status == 200 else {}

    @property
    def capabilities(self) -> frozenset[str]:
        """The capabilities it claims."""
        listed = self.document.get("capabilities")
        return frozenset(c for c in listed if isinstance(c, str)) if isinstance(listed, list) else frozenset()

    def listed(self, member: str) -> list[str]:
        """The strings of an array member; anything else is no entry."""
        value = self.document.get(member)
        return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []

    def has(self, member: str) -> bool:
        """Whether a member is a non-blank string."""
        value = self.document.get(member)
        return isinstance(value, str) and bool(value.strip())

    def url(self, member: str) -> str:
        """The address a member gives; relative ones are joined to the FHIR base URL so that the run can go on.

        ``Blocked`` when it is absent: the scenario that judges the member itself says more.
        """
        answered(self.exchange)
        value = self.document.get(member, self._of_openid(member))
        if not isinstance(value, str) or not value.strip():
            raise Missing(
                f"the SMART configuration has no usable `{member}`",
                waited_for=f"`{member}` in {self.fhir_base_url}{WELL_KNOWN}",
                hint="the discovery scenarios of this run say what is wrong with the document",
                by=JUDGED_BY.get(member, "") if self.document else "smart-configuration-found",
            )
        return urljoin(self.fhir_base_url + "/", value.strip())

    def _of_openid(self, member: str) -> object:
        """What edition 1.0 leaves to OpenID Connect Discovery, from the issuer of the ID Tokens on."""
        if not absolute(self.issuer_of_id_tokens):
            return None
        if member == "issuer":
            return self.issuer_of_id_tokens
        return self.openid.answer.object.get(member) if member == "jwks_uri" else None

    @cached_property
    def metadata(self) -> Exchange:
        """The CapabilityStatement."""
        return self._http.send(
            "GET", f"{self.fhir_base_url}/metadata", endpoint=Endpoint.METADATA, headers={"Accept": "application/fhir+json"}, follow=5
        )

    def offered(self, name: str) -> str:
        """The URL of an endpoint that a server need not have; ``NotApplicable`` where it names none."""
        if not self.has(name):
            raise NotApplicable(f"the SMART configuration has no `{name}`")
        return self.url(name)

    @cached_property
    def oauth_uris(self) -> dict[str, str]:
        """The ``oauth-uris`` extension of the CapabilityStatement: ``authorize``, ``token`` and so on; empty without it."""
        found: dict[str, str] = {}
        for rest in _objects(self.metadata.answer.object.get("rest")):
            security = rest.get("security")
            for extension in _objects(security.get("extension") if isinstance(security, dict) else None):
                if str(extension.get("url", "")).endswith("StructureDefinition/oauth-uris"):
                    for part in _objects(extension.get("extension")):
                        if isinstance(part.get("valueUri"), str):
                            found[str(part.get("url"))] = part["valueUri"]
        return found

    @cached_property
    def openid_configuration(self) -> Exchange:
        """The OpenID configuration under the SMART configuration's ``issuer``."""
        return self.read_openid_configuration(self.url("issuer"))

    @property
    def openid(self) -> Exchange:
        """The OpenID configuration that there is: below the named issuer, else below the ``iss`` of the ID Tokens.

        That the named issuer has none is one failure; keys, issuer and claims are judged from the document that there is.
        """
        named, other = self.openid_configuration, self.issuer_of_id_tokens
        if usable(named) or not absolute(other):
            return named
        if other not in self._openid_of:
            self._openid_of[other] = self.read_openid_configuration(other)
        return self._openid_of[other] if usable(self._openid_of[other]) else named

    def read_openid_configuration(self, issuer: str) -> Exchange:
        """The OpenID configuration of an issuer (OpenID Connect Discovery section 4)."""
        return self._http.send(
            "GET",
            issuer.rstrip("/") + OPENID_WELL_KNOWN,
            endpoint=Endpoint.OPENID_CONFIGURATION,
            headers={"Accept": "application/json"},
            follow=5,
        )

    def metadata_of(self, issuer: str) -> list[dict[str, Any]]:
        """The authorization server metadata of an issuer: those of RFC 8414 section 3 and the OpenID configuration, as far as there."""
        if not absolute(issuer):
            return []
        if issuer not in self._metadata_of:
            parts = urlsplit(issuer)
            path = f"{OAUTH_WELL_KNOWN}{parts.path.rstrip('/')}"
            url = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
            headers = {"Accept": "application/json"}
            oauth = self._http.send("GET", url, endpoint=Endpoint.OPENID_CONFIGURATION, headers=headers, follow=5)
            found = (oauth, self.read_openid_configuration(issuer))
            answers = [x.answer.object for x in found if x.response is not None and x.response.status == 200]
            self._metadata_of[issuer] = [document for document in answers if document.get("issuer") == issuer]
        return self._metadata_of[issuer]

    @cached_property
    def jwks(self) -> Exchange:
        """The JWK Set at ``jwks_uri``."""
        return self.read_jwks(self.url("jwks_uri"))

    def read_jwks(self, url: str) -> Exchange:
        """A JWK Set."""
        return self._http.send("GET", url, endpoint=Endpoint.JWKS, headers={"Accept": "application/json"}, follow=5)

    @property
    def keys(self) -> list[dict[str, Any]]:
        """The keys of the JWK Set that are objects."""
        return _objects(self.jwks.answer.object.get("keys"))


def usable(document: Exchange) -> bool:
    """Whether a document came as JSON."""
    return document.heard.status == 200 and bool(document.heard.object)


def absolute(value: object) -> bool:
    """Whether a value is an absolute http(s) URL with a host."""
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _objects(value: object) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []
