"""URLs that carry a diagnosis: error_uri, redirects with an error, authorization requests; and URIs that are nearly equal."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from smartlaunch.addresses import parameters_of
from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.request_faults import faults_of

URN = re.compile(r"urn(?::|%3A|%253A)[A-Za-z0-9][A-Za-z0-9_.-]*(?:(?::|%3A|%253A)[A-Za-z0-9_.-]+)+", re.IGNORECASE)
_NOT_ERRORS = re.compile(r"urn:(?:ietf|oid|uuid|com|oasis):|:claims", re.IGNORECASE)
_INSTANCE = re.compile(r"/instances/([0-9a-fA-F-]{8,40})")


def collect_urns(text: str) -> list[str]:
    """The error URNs in a text, decoded once or twice as needed, in order and each once."""
    found = (unquote(unquote(m.group(0))).rstrip(".,;:") for m in URN.finditer(text))
    return list(dict.fromkeys(u for u in found if not _NOT_ERRORS.match(u)))


def read_error_uri(url: str, m: Material) -> None:
    """Take URN, instance id, persona, client and tenant out of an ``error_uri``."""
    decoded = unquote(url) if "%3A%2F%2F" in url[:20].upper() else url
    m.urns += [u for u in collect_urns(decoded) if u not in m.urns]
    if found := _INSTANCE.search(unquote(unquote(decoded))):
        m.instances.append(found.group(1))
    sent = dict(parameters_of(decoded)) or dict(parameters_of(unquote(decoded)))
    m.persona = m.persona or sent.get("persona", "")
    m.client_id_in_error = m.client_id_in_error or sent.get("client", "")
    if tenant := sent.get("tenant"):
        m.facts["tenant_in_error"] = tenant


def read_authorize_url(url: str, m: Material, *, whole: bool = True) -> None:
    """Take the parameters of an authorization request; what a cut URL lacks is not known to be missing."""
    if whole and not m.request_faults:
        m.request_faults = faults_of(url)
    sent = dict(parameters_of(url))
    if "scope" in sent and m.requested is None:
        found = scopes.from_parameter(sent["scope"])
        m.requested = scopes.ScopeList(found.items, whole=whole, comma=found.comma)
    for name, key in (("aud", "aud"), ("redirect_sent", "redirect_uri"), ("client_id", "client_id"), ("challenge", "code_challenge")):
        if sent.get(key) and not getattr(m, name):
            setattr(m, name, sent[key])
    if "launch" in sent:
        m.launch_value = sent["launch"]
    elif whole and ("client_id" in sent or "response_type" in sent) and m.launch_value is None:
        m.launch_value = ""
    for name in ("response_type", "code_challenge_method", "prompt"):
        if name in sent:
            m.facts.setdefault(name, sent[name])
    if whole and ("client_id" in sent or "response_type" in sent):
        m.facts.setdefault("client_id_present", bool(sent.get("client_id")))
        m.facts.setdefault("aud_present", bool(sent.get("aud")))
        m.facts.setdefault("state_present", bool(sent.get("state")))
        if sent.get("state"):
            m.facts.setdefault("state_length", len(sent["state"]))
        m.facts.setdefault("code_challenge_present", bool(sent.get("code_challenge")))
    if not m.persona and (found_persona := re.search(r"/personas/(\w+)/", url)):
        m.persona = found_persona.group(1)


def tenant_of(url: str) -> str:
    """The tenant id that stands in a URL, or an empty string."""
    found = re.search(r"/(?:tenants|realm)/([^/?#]+)", url) or re.search(r"/(?:r4|dstu2|stu3)/([0-9A-Za-z_-]{20,})", url)
    return found.group(1) if found else ""


def host_of(url: str) -> str:
    """The host of a URL in lower case, or an empty string."""
    try:
        return (urlsplit(url if "//" in url else f"//{url}").hostname or "").lower()
    except ValueError:
        return ""


def difference(sent: str, registered: str) -> tuple[str, str]:
    """Name how two URIs differ, and show where: a word for the kind and a sentence with both spellings marked.

    The word is empty when they are equal.
    """
    if sent == registered:
        return "", ""
    at = next((i for i, (a, b) in enumerate(zip(sent, registered, strict=False)) if a != b), min(len(sent), len(registered)))
    shown = f"sent {_mark(sent, at)}, registered {_mark(registered, at)}; the first difference is at character {at + 1}"
    if sent.rstrip("/") == registered.rstrip("/"):
        return "trailing-slash", f"they differ by a slash at the end only: {shown}"
    if unquote(sent) == unquote(registered):
        return "encoding", f"they differ in percent-encoding only: {shown}"
    if sent.lower() == registered.lower():
        return "case", f"they differ in upper and lower case only: {shown}"
    try:
        left, right = urlsplit(sent), urlsplit(registered)
        ports = left.port, right.port
    except ValueError:
        return "form", shown
    if left.scheme != right.scheme:
        return "scheme", f"the schemes differ: {shown}"
    if (left.hostname or "") != (right.hostname or ""):
        return "host", f"the hosts differ: {shown}"
    if ports[0] != ports[1]:
        return "port", f"the ports differ: {shown}"
    if left.path != right.path:
        return "path", f"the paths differ: {shown}"
    return "query", f"the part after the path differs: {shown}"


def _mark(value: str, at: int) -> str:
    return f"{value[:at]}[{value[at : at + 1] or 'end'}]{value[at + 1 :]}"
