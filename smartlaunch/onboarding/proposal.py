"""What to register and to write, from what a server advertises and what a person has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smartlaunch.oauth import scopes as words
from smartlaunch.onboarding.discovering import Server

ROLES = {"none": "public", "secret": "confidential-symmetric", "key": "confidential-asymmetric", "backend": "backend"}
"""What a person has, and the role that follows."""
LAUNCH_WORDS = ("standalone", "ehr", "both")
_METHODS = {"secret": {"client_secret_basic", "client_secret_post"}, "key": {"private_key_jwt"}, "backend": {"private_key_jwt"}}
_CAPABILITIES = {"none": "client-public", "secret": "client-confidential-symmetric", "key": "client-confidential-asymmetric"}
_RESOURCES = ("Patient", "Observation", "Condition", "Encounter")


@dataclass(frozen=True)
class Answers:
    """What a person said, by flags or to questions; empty where nothing was said."""

    base: str
    vendor: str = ""
    name: str = ""
    launch: str = "standalone"
    auth: str = "none"
    client_id: str = ""
    redirect_uri: str = ""
    launch_uri: str = ""
    scopes: str = ""
    jwks_uri: str = ""
    username: str = ""
    persona: str = "patient"
    patient: str = ""
    secret: tuple[str, str] = ("", "")
    """Where the client secret is: ``env`` or ``file`` and a name."""
    password: tuple[str, str] = ("", "")
    key: str = ""
    """The file of the private key, relative to the target file."""
    intrusive: bool | None = None
    """Whether the server may be sent what a right app never sends; None where nobody has to say, on a loopback address."""

    @property
    def role(self) -> str:
        """The role of the client."""
        return ROLES[self.auth]


def offered_auth(server: Server) -> list[str]:
    """How apps can authenticate here, as far as it says; all ways where it says nothing."""
    methods, claimed = set(server.listed("token_endpoint_auth_methods_supported")), server.capabilities
    if not methods and not claimed:
        return ["none", "secret", "key"]
    found = [kind for kind, name in _CAPABILITIES.items() if name in claimed or (kind != "none" and methods & _METHODS[kind])]
    return found or ["none", "secret", "key"]


def offered_launches(server: Server) -> list[str]:
    """How apps can be launched here."""
    claimed = server.capabilities
    found = [word for word, name in (("standalone", "launch-standalone"), ("ehr", "launch-ehr")) if name in claimed or not claimed]
    return [*found, "both"] if len(found) == 2 else found or list(LAUNCH_WORDS)


def version_of(server: Server) -> int:
    """The version of scopes that the server speaks: 2 unless it only knows the first."""
    claimed = server.capabilities
    if "permission-v2" in claimed:
        return 2
    listed = [words.version_of(scope) for scope in server.listed("scopes_supported")]
    return 1 if "permission-v1" in claimed or (1 in listed and 2 not in listed) or server.oauth_uris else 2


def scopes_for(server: Server, answers: Answers) -> tuple[str, ...]:
    """Scopes to ask for: in the server's version, out of what it lists, each resource by its name."""
    listed = server.listed("scopes_supported")
    rights = "rs" if version_of(server) == 2 else "read"
    if answers.auth == "backend":
        return _listed([f"system/{name}.{rights}" for name in _RESOURCES[:2]], listed)
    by_ehr = answers.launch != "standalone"
    alone = "context-standalone-patient" in server.capabilities or answers.persona == "patient"
    level = "patient" if by_ehr or alone else "user"
    context = ["launch/patient"] if answers.launch != "ehr" and alone else ["launch"] if by_ehr else []
    wanted = ["openid", "fhirUser", *context, "offline_access" if "permission-offline" in server.capabilities else ""]
    return tuple(dict.fromkeys((*_named(wanted, listed, context), *_listed([f"{level}/{name}.{rights}" for name in _RESOURCES], listed))))


def _named(wanted: Sequence[str], listed: Sequence[str], always: Sequence[str]) -> list[str]:
    return [scope for scope in wanted if scope and (not listed or scope in listed or scope in always)]


def _listed(wanted: Sequence[str], listed: Sequence[str]) -> tuple[str, ...]:
    clinical = [scope for scope in listed if words.parse(scope)]
    if not clinical:
        return tuple(wanted)
    return tuple(scope for scope in wanted if words.covered(scope, clinical)) or tuple(wanted[:1])
