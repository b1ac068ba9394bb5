"""What to paste into a vendor's console, on one screen."""

from __future__ import annotations

from collections.abc import Sequence

from smartlaunch.onboarding.proposal import Answers
from smartlaunch.onboarding.sandbox import Sandbox
from smartlaunch.target import ehr_launch_scopes

_KINDS = {
    "none": "public, without a secret; PKCE with S256",
    "secret": "confidential with a client secret; PKCE with S256",
    "key": "confidential with a key pair (private_key_jwt, RS384 or ES384); PKCE with S256",
    "backend": "a backend service: client_credentials with a key pair (RS384 or ES384)",
}


def sheet(answers: Answers, scopes: Sequence[str], box: Sandbox | None, *, public_key: str = "") -> list[str]:
    """The lines of the registration sheet."""
    rows = [("Kind of client", _KINDS[answers.auth])]
    if answers.auth != "backend":
        rows.append(("Redirect URI", answers.redirect_uri))
    if answers.launch_uri:
        rows.append(("Launch URI", answers.launch_uri))
    rows.append(("Scopes", " ".join(scopes)))
    if answers.launch == "both":
        rows.append(("  in an EHR launch", " ".join(ehr_launch_scopes(scopes))))
    if public_key or answers.jwks_uri:
        rows.append(("JWK Set", answers.jwks_uri or f"the content of {public_key}, or its address once you have put it on the web"))
    rows.append(("FHIR base (aud)", answers.base))
    out = ["Register the app with these values, letter for letter:", "", *(f"  {name:<20}{value}" for name, value in rows)]
    if box is not None:
        where = f" ({box.console})" if box.console else ""
        out += ["", f"In the console of {box.name}{where}:", ""]
        out += [f"  {item.name}: {item.text}{_mark(item.unverified)}" for item in box.register]
        out += ["", *(f"  {number}. {item.text}{_mark(item.unverified)}" for number, item in enumerate(box.clicks, start=1))]
    return out


def _mark(unverified: bool) -> str:
    return " (unverified)" if unverified else ""
