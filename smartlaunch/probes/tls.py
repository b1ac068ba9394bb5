"""What an endpoint does below HTTP: the versions of TLS it takes, its certificate, and whether it answers without TLS.

Each probe is one connection with a limit. Nothing here judges; a connection that cannot be made at all is ``Unreachable``.
"""

from __future__ import annotations

import secrets
import socket
import ssl
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smartlaunch.addresses import is_loopback
from smartlaunch.client.discovery import WELL_KNOWN
from smartlaunch.errors import Blocked, NotApplicable, Unreachable
from smartlaunch.exchange import Endpoint, Exchange

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.engine import Engine

_MEMBERS = {
    "authorization endpoint": "authorization_endpoint",
    "token endpoint": "token_endpoint",
    "introspection endpoint": "introspection_endpoint",
    "revocation endpoint": "revocation_endpoint",
    "JWK Set": "jwks_uri",
    "issuer": "issuer",
    "management endpoint": "management_endpoint",
}
USERINFO = "UserInfo endpoint"
NAMES = ("FHIR base URL", "SMART configuration", USERINFO, *_MEMBERS)
"""Endpoints by the words for them."""
_LIMIT_S = 10.0


@dataclass(frozen=True)
class Address:
    """An endpoint by the words for it, and where its address was read."""

    name: str
    url: str
    exchange: str = ""
    pointer: str = ""

    @property
    def secure(self) -> bool:
        """Whether it is reached by https."""
        return urlsplit(self.url).scheme.lower() == "https"

    @property
    def host(self) -> str:
        """The host name."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port, 443 where the URL names none."""
        return urlsplit(self.url).port or (443 if self.secure else 80)

    @property
    def origin(self) -> str:
        """Host and port as people write them."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Handshake:
    """How a TLS handshake ended: the version agreed on, or the reason why there was none."""

    address: Address
    version: str = ""
    problem: str = ""


def address(engine: Engine, name: str) -> Address:
    """The address of an endpoint; ``NotApplicable`` when the server has none, or is a plain http server on this machine."""
    found = _find(engine, name)
    if found is None:
        raise NotApplicable(
            "the server offers no UserInfo endpoint" if name == USERINFO else f"the SMART configuration has no `{_MEMBERS[name]}`"
        )
    _require_tls_due(engine)
    return found


def oauth_addresses(engine: Engine) -> list[Address]:
    """The https addresses of authorization and token endpoint, one for each host and port; ``NotApplicable`` as above."""
    return addresses(engine, ("authorization endpoint", "token endpoint"))


def addresses(engine: Engine, names: Sequence[str] = NAMES) -> list[Address]:
    """One https address for each host and port of the server; ``NotApplicable`` on a plain http server of this machine."""
    _require_tls_due(engine)
    found = [a for name in names if name != "SMART configuration" and (a := _find(engine, name)) is not None and a.secure]
    if not found:
        raise NotApplicable("no endpoint is reached by https; other scenarios judge that")
    first: dict[str, Address] = {}
    for each in found:
        first.setdefault(each.origin, each)
    return list(first.values())


def _find(engine: Engine, name: str) -> Address | None:
    if name == "FHIR base URL":
        return Address(name, engine.discovery.fhir_base_url)
    if name == "SMART configuration":
        return Address(name, engine.discovery.fhir_base_url + WELL_KNOWN)
    if name == USERINFO:
        return _find_userinfo(engine)
    member = _MEMBERS[name]
    if not engine.discovery.has(member):
        return None
    source = engine.discovery.exchange.id
    engine.recorder.attach_to_current([source])
    found = Address(name, engine.discovery.url(member), source, f"/{member}")
    return found if urlsplit(found.url).scheme.lower() in ("http", "https") and found.host else None


def _find_userinfo(engine: Engine) -> Address | None:
    document = engine.discovery.openid if engine.discovery.has("issuer") else None
    url = document.answer.object.get("userinfo_endpoint") if document is not None else None
    if document is None or not isinstance(url, str) or urlsplit(url).scheme.lower() not in ("http", "https"):
        return None
    engine.recorder.attach_to_current([document.id])
    return Address(USERINFO, url, document.id, "/userinfo_endpoint")


def _require_tls_due(engine: Engine) -> None:
    base = urlsplit(engine.discovery.fhir_base_url)
    if base.scheme.lower() == "http" and is_loopback(base.hostname or ""):
        raise NotApplicable("the server is reached by plain http on loopback, where no TLS is due")


def modern(engine: Engine, where: Address) -> Handshake:
    """A handshake that offers TLS 1.2 and later, without any demand on the certificate."""
    if not where.secure:
        return Handshake(where, problem="it is reached by plain http")
    context = _lenient()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return shake(where, context, engine.target.limits.request_s)


def outdated(engine: Engine, where: Address) -> Handshake:
    """A handshake that offers TLS 1.0 and 1.1 only; ``NotApplicable`` when this machine cannot offer them."""
    context = _lenient()
    with warnings.catch_warnings():
        # The versions are deprecated, which is the point of asking for them.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        except (ssl.SSLError, ValueError):
            raise NotApplicable("the OpenSSL of this machine cannot offer TLS 1.0 and 1.1") from None
    result = shake(where, context, engine.target.limits.request_s, silence="the server does not answer it")
    if "NO_PROTOCOLS_AVAILABLE" in result.problem.upper().replace(" ", "_"):
        raise NotApplicable("the OpenSSL of this machine cannot offer TLS 1.0 and 1.1")
    return result


def verified(engine: Engine, where: Address) -> Handshake:
    """A handshake that demands a certificate of a known authority for this host name; ``ca_file`` of the target file counts."""
    context = ssl.create_default_context()
    if engine.target.ca_file:
        context.load_verify_locations(str(engine.target.ca_file))
    return shake(where, context, engine.target.limits.request_s)


def plainly(engine: Engine, where: Address, token: str = "") -> Exchange:
    """The same address by plain http: on port 80 where https has its usual port, else on the same port."""
    parts = urlsplit(where.url)
    host = f"[{where.host}]" if ":" in where.host else where.host
    netloc = host if where.port == 443 else f"{host}:{where.port}"
    kind = Endpoint.FHIR if where.name == "FHIR base URL" else Endpoint.OTHER
    path = f"{parts.path}/{'Patient' if token else 'metadata'}" if kind is Endpoint.FHIR else parts.path or "/"
    headers = {"Accept": "*/*", **({"Authorization": f"Bearer {token}"} if token else {})}
    return engine.http.send("GET", f"http://{netloc}{path}", endpoint=kind, headers=headers)


def plain_bearer(engine: Engine, where: Address) -> Exchange:
    """A made-up bearer token sent by plain http; ``NotApplicable`` when the address itself is a plain http one."""
    if not where.secure:
        raise NotApplicable("the FHIR base URL itself is reached by plain http; another scenario judges that")
    return plainly(engine, where, secrets.token_urlsafe(32))


def pages(app: App) -> list[tuple[str, str]]:
    """Pages of the authorization server seen by https in the right flow: exchange id and ``Strict-Transport-Security``."""
    _require_tls_due(app.engine)
    app.shared_attempt()
    seen = [x for x in app.engine.pages_seen() if x.url.lower().startswith("https:")]
    if not seen:
        raise NotApplicable("the user was shown no page by https")
    return [(x.id, next((v for k, v in x.response_headers if k.lower() == "strict-transport-security"), "")) for x in seen]


def _lenient() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def shake(where: Address, context: ssl.SSLContext, limit_s: float, *, silence: str = "") -> Handshake:
    """One handshake; ``silence`` is the problem where nothing comes, for a hello that firewalls drop rather than refuse."""
    limit = min(limit_s, _LIMIT_S)
    try:
        connection = socket.create_connection((where.host, where.port), timeout=limit)
    except OSError as exc:
        raise Unreachable(
            f"no connection to {where.origin}: {exc}", waited_for=f"the {where.name}", hint="run `smartlaunch doctor`"
        ) from None
    try:
        with connection, context.wrap_socket(connection, server_hostname=where.host) as secured:
            return Handshake(where, version=secured.version() or "")
    except ssl.SSLError as exc:
        wants_certificate = "CERTIFICATE_REQUIRED" in (exc.reason or "")
        return Handshake(where, version="TLSv1.3") if wants_certificate else Handshake(where, problem=_words(exc))
    except TimeoutError:
        if silence:
            return Handshake(where, problem=silence)
        raise Blocked(f"{where.origin} did not finish a TLS handshake within {limit:g} s") from None
    except OSError:
        return Handshake(where, problem="the server closed the connection during the handshake")


def _words(exc: ssl.SSLError) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return exc.verify_message or "the certificate does not verify"
    return (exc.reason or str(exc)).replace("_", " ").lower()
