"""What can be chosen when the embedded EHR starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.vendors.model import Vendor


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


@dataclass(frozen=True)
class SandboxOptions:
    """The choices of one start; everything has a sensible default.

    ``tls`` serves by https, with a certificate that is made at the start.  ``passwords`` and ``secrets`` fix values by user name and
    client id that are random otherwise.  ``extra_clients`` are mappings with the fields of `smartlaunch.embedded_ehr.config.Client`.
    ``vendor`` is a vendor to imitate, with its own apps; its profile goes with it.
    """

    port: int = 0
    defects: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    trace_rules: bool = False
    tls: bool = False
    token_lifetime_s: int | None = None
    passwords: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    seed_data: bool = True
    client_jwks_uri: str | None = None
    extra_clients: tuple[Mapping[str, object], ...] = ()
    profile: Profile = field(default_factory=Profile)
    vendor: Vendor | None = None
