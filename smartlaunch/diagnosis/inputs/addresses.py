"""Read one pasted address or query by what stands in it: a launch, an authorization request, the way back, an error, an endpoint."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from smartlaunch.addresses import parameters_of
from smartlaunch.diagnosis.inputs.observed import read_into
from smartlaunch.diagnosis.inputs.weblinks import host_of, read_authorize_url, read_error_uri
from smartlaunch.diagnosis.material import Material

_FHIR = re.compile(r"(?i)/(?:fhir|r4|r5|stu3|dstu2|baser4|demoapiserver)(?:/|$)")
_RESOURCE = re.compile(r"/[A-Z][A-Za-z]+(?:[/?].*)?$")
_WAY_BACK = ("error", "error_description", "error_uri", "error_subcode", "suberror")


def read_url(url: str, m: Material, *, whole: bool = True) -> str:
    """Take an address into the material and say what it is; an empty text when nothing of a launch is in it.

    Of one that may be cut off (``whole`` is false) what it lacks is not known to be missing.
    """
    whole = whole and not re.search(r"%[0-9A-Fa-f]?$|=#|\.\.\.|\u2026|[?&][\w.-]*$|=https?(?:%3A|:)?(?:%2F|/)*$", url, re.IGNORECASE)
    sent = dict(parameters_of(url))
    host = host_of(url)
    at = f" at {host}" if host else ""
    if " " in url:
        m.facts["url_blanks"] = True
    if "grant_type" in sent and "response_type" not in sent and re.search(r"/token/?$", url.partition("?")[0]):
        return _token_request(url, m) + at
    if "response_type" in sent or ("client_id" in sent and "redirect_uri" in sent and "error" not in sent):
        m.structured.add("url")
        m.authorize_url = m.authorize_url or url
        read_authorize_url(url, m, whole=whole)
        names = [name for name, _ in parameters_of(url)]
        m.facts.setdefault("authorize_names", names)
        if doubled := sorted({n for n in names if names.count(n) > 1}):
            m.facts.setdefault("doubled_parameters", doubled)
        return f"an authorization request{at}"
    if "error" in sent or "error_uri" in sent:
        _way_back(url, sent, m, whole=whole)
        return f"the way back to the app with an error{at}"
    if "/errors/urn" in unquote(unquote(url)):
        m.structured.add("url")
        read_error_uri(url, m)
        m.facts["no_redirect"] = True
        return f"an error address{at}"
    if "iss" in sent or ("launch" in sent and "code" not in sent):
        m.structured.add("url")
        m.launch_uri = m.launch_uri or url.partition("?")[0]
        if "iss" in sent:
            m.facts["iss"] = True
            m.fhir_base = m.fhir_base or sent["iss"]
        read_error_uri(url, m)
        return f"a launch of the app{at}"
    if "client_id" in sent:
        m.structured.add("url")
        m.authorize_url = m.authorize_url or url
        read_authorize_url(url, m, whole=whole)
        return f"an authorization request{at}"
    if "code" in sent:
        m.structured.add("url")
        if whole and (sent.get("state") or "://" in url):
            m.facts["state_returned"] = bool(sent.get("state"))
        m.facts["code_came"] = True
        return f"the way back to the app with a code{at}"
    return _endpoint(url, host, m)


def _token_request(url: str, m: Material) -> str:
    """An access token request whose parameters stand in its address."""
    m.structured.add("url")
    address, _, query = url.partition("?")
    m.token_url = m.token_url or address
    m.facts["token_parameters_in_query"] = True
    read_into(m, {"token_request": query.replace("%20", " ")})
    return "an access token request in an address"


def _way_back(url: str, sent: dict[str, str], m: Material, *, whole: bool) -> None:
    """The way back to the app with an error."""
    read: dict[str, Any] = {k: sent[k] for k in _WAY_BACK if k in sent}
    address = re.split(r"[?#]", url, maxsplit=1)[0]
    if not m.redirect_sent and "://" in address:
        read["redirect_uri"] = address
    read_into(m, {k: v for k, v in read.items() if k not in ("error_subcode", "suberror")})
    for name, value in sent.items():
        if name in ("error_subcode", "suberror") or (name.startswith("error_") and name not in _WAY_BACK):
            m.hear("server", name, value)
    if whole and (sent.get("state") or "://" in url):
        m.facts.setdefault("state_returned", bool(sent.get("state")))


def note_token_in(url: str, m: Material) -> None:
    """Note an access token that was put into the address of a request; on the way back to the app it stands there by right."""
    sent = dict(parameters_of(url))
    if sent.get("access_token") and not {"state", "token_type", "expires_in"} & set(sent):
        m.facts["token_in_address"] = True


def _endpoint(url: str, host: str, m: Material) -> str:
    """An address without parameters of a launch, told by its path."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    low, bare, at = path.lower().rstrip("/"), url.partition("?")[0], f" at {host}" if host else ""
    if ".well-known" in low or low.endswith("/metadata"):
        m.structured.add("url")
        m.facts["discovery_request"] = True
        m.discovery_base = m.discovery_base or re.split(r"/(?:\.well-known|metadata)", bare)[0]
        return f"a discovery address{at}"
    if re.search(r"/token$", low):
        m.token_url = m.token_url or bare
        return f"the token endpoint{at}"
    if re.search(r"/(?:authorize|authorise|auth)$", low):
        m.authorize_url = m.authorize_url or bare
        return f"the authorization endpoint{at}"
    if "launch" in low:
        m.launch_uri = m.launch_uri or bare
        m.structured.add("url")
        return f"a launch address of the app{at}"
    if _FHIR.search(path) and "http" in url[:5]:
        base = _RESOURCE.sub("", bare) if _RESOURCE.search(path) else bare
        m.fhir_base = m.fhir_base or base.rstrip("/")
        return f"an address of the FHIR server{at}"
    before = len(m.urns)
    read_error_uri(url, m)
    return f"an address with an error URN{at}" if len(m.urns) > before else ""


def read_query(text: str, m: Material) -> str:
    """A query that was pasted without its address."""
    return read_url("?" + text.lstrip("?#&"), m, whole=False)
