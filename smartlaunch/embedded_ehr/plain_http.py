"""How a server with TLS gives its endpoints away: by plain http, or by a host name that its certificate lacks."""

from __future__ import annotations

from typing import Any

from smartlaunch.embedded_ehr.defects import Defects

_PLAIN = {
    "authorization_endpoint": "gives_plain_http_authorization_endpoint",
    "token_endpoint": "gives_plain_http_token_endpoint",
    "introspection_endpoint": "gives_plain_http_introspection_endpoint",
    "revocation_endpoint": "gives_plain_http_revocation_endpoint",
    "jwks_uri": "gives_plain_http_jwks_uri",
    "userinfo_endpoint": "gives_plain_http_userinfo_endpoint",
}


def answers_plain_http(defects: Defects) -> bool:
    """Say whether the port that speaks TLS answers plain http as well."""
    return any(name in defects for name in _PLAIN.values()) or defects("answers_plain_http_on_the_same_port")


def with_plain_http(document: dict[str, Any], defects: Defects) -> dict[str, Any]:
    """Return the metadata with the endpoints that are given by plain http; on a server without TLS all of them are."""
    for member, defect in _PLAIN.items():
        address = document.get(member)
        if isinstance(address, str) and address.startswith("https:") and defects(defect):
            document[member] = "http:" + address.removeprefix("https:")
    page = document.get("management_endpoint")
    if isinstance(page, str) and page.startswith("https:") and defects("gives_a_page_on_a_host_that_its_certificate_lacks"):
        document["management_endpoint"] = page.replace("//127.0.0.1", "//localhost", 1)
    return document
