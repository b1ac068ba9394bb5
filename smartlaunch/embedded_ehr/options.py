"""What can be chosen when the embedded EHR starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smartlaunch.embedded_ehr.profile import Profile

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.vendors.model import Vendor


@dataclass(frozen=True)
class SandboxOptions:
    """The choices of one start; everything has a sensible default.

    ``tls`` serves by https, with a certificate that is made at the start.  ``passwords`` and ``secrets`` fix values by user name and
    client id that are random otherwise.  ``extra_clients`` are mappings with the fields of `smartlaunch.embedded_ehr.registry.Client`.
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
