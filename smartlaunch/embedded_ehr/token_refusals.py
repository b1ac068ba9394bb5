"""The errors of the token endpoint that several grant types share (RFC 6749 section 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smartlaunch.embedded_ehr.core import OAuthError

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.defects import Defects


def missing(defects: Defects, name: str) -> OAuthError:
    """The error for a parameter that has to be there."""
    code = "access_denied" if defects("answers_missing_parameters_with_another_code") else "invalid_request"
    return OAuthError(code, f"The {name} is missing.")


def bad_grant(defects: Defects, description: str) -> OAuthError:
    """The error for a code or refresh token that gives nothing."""
    if defects("answers_bad_codes_with_another_code"):
        return OAuthError("invalid_request", description)
    if defects("answers_bad_codes_with_401"):
        return OAuthError("invalid_grant", description, status=401)
    if defects("answers_bad_codes_with_403"):
        return OAuthError("invalid_grant", description, status=403)
    return OAuthError("invalid_grant", description)
