"""The options of the SMART Health IT launcher: readable keys that become the code in its addresses and launch values.

The launcher keeps nothing: what its page lets one choose is a JSON array in base64url, which stands in the FHIR base URL of a standalone
launch and in the ``launch`` parameter of an EHR launch. Places and words are those of its own codec.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

LAUNCH_TYPES = ("provider-ehr", "patient-portal", "provider-standalone", "patient-standalone", "backend-service")
CLIENT_TYPES = ("public", "confidential-symmetric", "confidential-asymmetric", "backend-service")
PKCE = ("none", "auto", "always")
BY_EHR = LAUNCH_TYPES[:2]


def code(options: Mapping[str, Any]) -> str:
    """The launch code of some options; what is left out is what the launcher's page begins with."""
    kind = options["launch_type"]
    backend = kind == "backend-service"

    def text(name: str, default: str = "") -> str:
        value = options.get(name, default)
        return value if isinstance(value, str) else ",".join(value)

    def flag(name: str) -> int:
        return int(bool(options.get(name)) and not backend)

    parts: list[int | str] = [
        LAUNCH_TYPES.index(kind),
        "" if backend else text("patient"),
        "" if backend else text("provider"),
        "" if backend else text("encounter", "AUTO"),
        flag("skip_login"),
        flag("skip_auth"),
        flag("sim_ehr") if kind in BY_EHR else 0,
        text("scope"),
        "" if backend else text("redirect_uris"),
        text("client_id"),
        "",  # a secret would stand in every address of the run, so the file format has no key for it
        text("auth_error"),
        text("jwks_url"),
        text("jwks"),
        CLIENT_TYPES.index(options.get("client_type", "public")),
        PKCE.index(options.get("pkce", "auto")),
        text("fhir_server"),
    ]
    raw = json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def standalone_base(fhir_base_url: str, options: Mapping[str, Any]) -> str:
    """The FHIR base URL of a standalone launch: that of the launcher with the code before its last part."""
    head, _, last = fhir_base_url.rstrip("/").rpartition("/")
    return f"{head}/sim/{code(options)}/{last}"
