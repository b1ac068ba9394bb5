"""What a request was for, told from the request alone and from what earlier answers said.

A HAR does not name the steps of a launch. Parameters do: ``response_type`` makes an authorization request, ``grant_type`` an access
token request, ``iss`` with ``launch`` an EHR launch. What a SMART configuration said of its endpoints counts for more than any path.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import parse_qsl

from smartlaunch.exchange import Endpoint, Request, Response

_RESOURCE = re.compile(
    r"/(?:Account|AllergyIntolerance|Appointment|Binary|BodyStructure|Bundle|CapabilityStatement|CarePlan|CareTeam|Claim|Communication|"
    r"Composition|Condition|Consent|Coverage|Device|DeviceRequest|DiagnosticReport|DocumentReference|Encounter|Endpoint|EpisodeOfCare|"
    r"ExplanationOfBenefit|FamilyMemberHistory|Goal|Group|HealthcareService|ImagingStudy|Immunization|List|Location|Media|Medication|"
    r"Medication(?:Administration|Dispense|Request|Statement|Order)|NutritionOrder|Observation|Organization|Patient|Person|Practitioner|"
    r"PractitionerRole|Procedure|Provenance|Questionnaire|QuestionnaireResponse|RelatedPerson|Schedule|ServiceRequest|Slot|Specimen|"
    r"Subscription|Task|ValueSet)(?:/[A-Za-z0-9.-]{1,64}(?:/_history(?:/[^/]+)?|/\$[a-z-]+)?|/_search|/\$[a-z-]+)?$"
)
_KEYS = re.compile(r"/(?:jwks?|jwks\.json|jwk\.json|certs|keys)$", re.IGNORECASE)
_MEMBERS: Final = {
    "authorization_endpoint": Endpoint.AUTHORIZE,
    "token_endpoint": Endpoint.TOKEN,
    "introspection_endpoint": Endpoint.INTROSPECTION,
    "revocation_endpoint": Endpoint.REVOCATION,
    "jwks_uri": Endpoint.JWKS,
    "user_access_brand_bundle": Endpoint.BRANDS,
}
_LARGEST_DOCUMENT: Final = 500_000


class EndpointGuess:
    """Guesses endpoints one request after the other, and remembers what discovery said."""

    def __init__(self) -> None:
        self._known: dict[str, Endpoint] = {}
        self._bases: list[str] = []

    def endpoint(self, request: Request, response: Response | None, *, document: bool = False) -> Endpoint:
        """The endpoint of a request; ``document`` says that the browser opened it as a page."""
        head, _, fragment = request.url.partition("#")
        address, _, query = head.partition("?")
        guessed = self._guess(request, response, address, query, fragment, document)
        if guessed in (Endpoint.DISCOVERY, Endpoint.OPENID_CONFIGURATION):
            self._learn(address, guessed, response)
        return guessed

    def _guess(self, request: Request, response: Response | None, address: str, query: str, fragment: str, document: bool) -> Endpoint:
        if address.endswith("/.well-known/smart-configuration"):
            return Endpoint.DISCOVERY
        if "/.well-known/openid-configuration" in address or "/.well-known/oauth-authorization-server" in address:
            return Endpoint.OPENID_CONFIGURATION
        names = self._names(request, query, fragment)
        if names:
            by_parameter = self._by_parameters(request, address, names)
            if by_parameter is not None:
                return by_parameter
        known = self._known.get(address)
        if known is not None and not (known is Endpoint.AUTHORIZE and not names):
            return known
        return self._by_path(request, response, address, document)

    def _names(self, request: Request, query: str, fragment: str) -> dict[str, str]:
        names: dict[str, str] = {}
        if "=" in query and len(query) < 100_000:
            names.update(parse_qsl(query, keep_blank_values=True))
        if "=" in fragment and len(fragment) < 100_000:
            names.update(parse_qsl(fragment, keep_blank_values=True))
        if request.body and len(request.body) < 200_000 and b"=" in request.body[:4000] and request.form:
            names.update(request.form)
        return names

    def _by_parameters(self, request: Request, address: str, names: dict[str, str]) -> Endpoint | None:
        if "grant_type" in names:
            return Endpoint.TOKEN
        if "response_type" in names and ("client_id" in names or "redirect_uri" in names or "scope" in names):
            self._base(names.get("aud") or names.get("resource") or "")
            return Endpoint.AUTHORIZE
        if "iss" in names and "launch" in names and "code" not in names:
            self._base(names["iss"])
            return Endpoint.LAUNCH
        if ("code" in names and "state" in names) or ("error" in names and ("state" in names or "error_uri" in names)):
            return None if self._is_fhir(address) or address in self._known else Endpoint.REDIRECT
        if "token" in names and request.method == "POST":
            lower = address.lower()
            if "introspect" in lower or "tokeninfo" in lower:
                return Endpoint.INTROSPECTION
            if "revo" in lower:
                return Endpoint.REVOCATION
        return None

    def _by_path(self, request: Request, response: Response | None, address: str, document: bool) -> Endpoint:
        lower = address.lower()
        if lower.endswith("/metadata") and request.method in ("GET", "HEAD", "OPTIONS"):
            return Endpoint.METADATA
        media = response.media_type if response is not None else ""
        if self._is_fhir(address) or (_RESOURCE.search(address) and ("fhir" in media or "fhir" in lower or _bearer(request))):
            return Endpoint.FHIR
        if "fhir+json" in media or "fhir+xml" in media:
            return Endpoint.BRANDS if "brand" in lower else Endpoint.FHIR
        if _KEYS.search(address) and "html" not in media:
            return Endpoint.JWKS
        if request.method in ("POST", "OPTIONS") and lower.endswith("/token"):
            return Endpoint.TOKEN
        if "smart-style" in lower or "smart_style" in lower:
            return Endpoint.STYLE
        if lower.endswith("/authorize") and (document or "html" in media):
            return Endpoint.AUTHORIZE
        return Endpoint.PAGE if document or "html" in media else Endpoint.OTHER

    def _is_fhir(self, address: str) -> bool:
        return any(address.startswith(base) for base in self._bases)

    def _base(self, value: str) -> None:
        if value.startswith(("http://", "https://")) and len(self._bases) < 50:
            base = value.rstrip("/") + "/"
            if base not in self._bases and base.count("/") > 3:
                self._bases.append(base)

    def _learn(self, address: str, kind: Endpoint, response: Response | None) -> None:
        if kind is Endpoint.DISCOVERY:
            self._base(address.removesuffix("/.well-known/smart-configuration"))
        if response is None or len(response.body) > _LARGEST_DOCUMENT:
            return
        document: Any = None
        try:
            document = json.loads(response.body)
        except (ValueError, RecursionError):
            return
        if isinstance(document, dict):
            for member, endpoint in _MEMBERS.items():
                value = document.get(member)
                if isinstance(value, str) and value:
                    self._known[value.partition("?")[0]] = endpoint


def _bearer(request: Request) -> bool:
    return (request.header("authorization") or "").lower().startswith("bearer")
