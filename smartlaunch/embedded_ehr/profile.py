"""How a vendor's server differs in ways that are data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """How a vendor's server differs in ways that are data: paths, error style, lifetimes.

    The default is the plain server of the guide.  A vendor's imitation passes another one.  ``error_style`` says how a person hears of a
    request that cannot be trusted with a redirect: by a ``page`` at once, or by a ``redirect`` to one.  ``no_consent`` and
    ``no_patient_choice`` are the kinds of people who meet no such page.
    """

    name: str = "plain"
    authorize_path: str = "/oauth/authorize"
    token_path: str = "/oauth/token"
    fhir_path: str = "/fhir"
    issuer_path: str = "/oauth"
    error_style: str = "page"
    realm: str = "Lakeside EHR"
    code_lifetime_s: int = 60
    token_lifetime_s: int = 3600
    backend_token_lifetime_s: int = 300
    launch_lifetime_s: int = 300
    no_consent: tuple[str, ...] = ()
    no_patient_choice: tuple[str, ...] = ()
