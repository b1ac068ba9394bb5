"""What a target file says: the server, its clients, users and patients, and how far the suite may go."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.errors import LookupFailed, NotConfigured, TargetFileError
from smartlaunch.target.secret import Secret

APP_ROLES = ("public", "confidential-symmetric", "confidential-asymmetric")
LAUNCHES = ("standalone", "ehr")


@dataclass(frozen=True)
class Registered:
    """What is known of an app's registration: for the diagnosis, and for the limits of what a backend service may get."""

    smart_version: str = ""
    access_type: str = ""
    app_type: str = ""
    scopes: tuple[str, ...] = ()
    redirect_uris: tuple[str, ...] = ()


@dataclass(frozen=True)
class EhrLaunch:
    """Where an EHR launch comes from: a chart page, a link, values pasted by hand, or a person at the browser that the run shows."""

    kind: str
    url: str = ""
    steps: tuple[Mapping[str, Any], ...] = ()
    places: tuple[str, ...] = ()
    """File and line of each step."""
    iss: str = ""
    launch: tuple[str, ...] = ()
    """The pasted launch values, in the order in which they are spent."""
    patient: str = ""
    encounter: str = ""
    reusable: bool = False
    """Whether a launch value serves any number of flows, as those of the SMART Health IT launcher do."""

    @property
    def by_hand(self) -> bool:
        """Whether each launch is made by a person, of one user and one patient, and serves one flow."""
        return self.kind in ("pasted", "person") and not self.reusable


@dataclass(frozen=True)
class Client:
    """One app registered with the server; ``name`` is the user's own word for it."""

    name: str
    role: str
    client_id: str
    use: str = "primary"
    app_id: str = ""
    client_secret: Secret | None = None
    private_jwk: Secret | None = None
    private_jwks: Secret | None = None
    jwks_uri: str = ""
    scopes: tuple[str, ...] = ()
    ehr_launch_scopes: tuple[str, ...] = ()
    redirect_uri: str = ""
    launch_uri: str = ""
    launches: tuple[str, ...] = ()
    """How the app can be launched: ``standalone``, ``ehr`` or both; a backend service not at all."""
    token_endpoint_auth_method: str = ""
    ehr_launch: EhrLaunch | None = None
    """Where its EHR launches come from; the target's own where the client has none."""
    registered: Registered = field(default_factory=Registered)

    @property
    def public(self) -> bool:
        """Whether the client has no credentials."""
        return self.role == "public"

    def private_keys(self) -> list[dict[str, Any]]:
        """Return the private JWKs, from whichever of the two references is given."""
        for secret in (self.private_jwk, self.private_jwks):
            if secret is None:
                continue
            document = secret.reveal_json()
            keys = document.get("keys", [document]) if isinstance(document, dict) else document
            if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) and "kty" in key for key in keys):
                secret.fail(f"{secret.described()} holds no JWK", "give a private JWK, or a JWK Set with at least one key")
            return list(keys)
        return []


@dataclass(frozen=True)
class User:
    """Someone who can sign in; ``patients`` is None when unknown and empty when the person is known to see nobody."""

    name: str
    username: str
    password: Secret | None = None
    persona: str = ""
    fhir_user: str = ""
    patients: tuple[str, ...] | None = None
    totp_secret: Secret | None = None
    """The secret of an authenticator app, for a second factor."""


@dataclass(frozen=True)
class Patients:
    """The patients to choose, by id; ``names`` are what pickers show."""

    default: str = ""
    other: str = ""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class RecipeFile:
    """A recipe as a file has it: by what its pages are known, and what is done on them."""

    name: str
    path: str
    """How messages call the file."""
    title: str = ""
    vendors: tuple[str, ...] = ()
    marks: tuple[Mapping[str, str], ...] = ()
    sources: tuple[str, ...] = ()
    unverified: str = ""
    checked: str = ""
    steps: tuple[Mapping[str, Any], ...] = ()
    places: tuple[str, ...] = ()
    """File and line of each step."""


@dataclass(frozen=True)
class Login:
    """How to sign in: by the recipe of a product or the automatic one, with steps of the file where they do not suffice."""

    recipe: str = "automatic"
    steps: tuple[Mapping[str, Any], ...] = ()
    places: tuple[str, ...] = ()
    """File and line of each step."""
    chosen: RecipeFile | None = None
    """The recipe that the file names."""
    logout_url: str = ""


@dataclass(frozen=True)
class Expect:
    """What the user wants of a launch beyond the guide; None means that nothing is expected."""

    scopes: tuple[str, ...] = ()
    patient: bool | str | None = None
    encounter: bool | str | None = None
    refresh_token: bool | None = None


@dataclass(frozen=True)
class Limits:
    """How long and how much the suite bears, and how fast it asks (``rate`` a second, 0 for no limit),
    by how many ``workers`` at a time.

    ``leeway_s`` is for how long after its end a token may still be taken, since clocks differ; ``hosts`` are the only ones beside the FHIR
    server's that get secrets, where any are named.
    """

    request_s: float = 15.0
    login_s: float = 60.0
    wait_for_expiry_s: float = 0.0
    leeway_s: float = 60.0
    body_bytes: int = 5_000_000
    rate: float = 0.0
    hosts: tuple[str, ...] = ()
    workers: int = 1


@dataclass(frozen=True)
class Probes:
    """What is allowed of that which a right app never does."""

    intrusive: bool = True
    """Whether what a right app never sends is sent: on a loopback address unless the file says no, elsewhere only where it says yes."""
    allow_writes: bool = False
    lockout: bool = False


@dataclass(frozen=True)
class Deviation:
    """A finding that is known already.

    ``match`` is a requirement or scenario id, perhaps with the label of a row, in which * stands for any part.
    """

    match: str
    reason: str
    link: str = ""
    expires: date | None = None

    def expired(self, today: date | None = None) -> bool:
        """Say whether its day is over."""
        return self.expires is not None and (today or datetime.now(UTC).date()) > self.expires

    def applies(self, identifier: str, today: date | None = None) -> bool:
        """Say whether the deviation covers this id today."""
        return not self.expired(today) and self.names(identifier)

    def names(self, identifier: str) -> bool:
        """Say whether this id is meant, whatever the day."""
        pattern = ".*".join(re.escape(part) for part in self.match.split("*"))
        return re.fullmatch(pattern, identifier) is not None


@dataclass(frozen=True)
class Target:
    """One server under test with everything the user said of it.

    ``embedded`` is True only for the bundled name ``embedded``: the runner then starts the embedded EHR and loads the file that
    it writes.  ``warnings`` are sentences to show before a run.
    """

    name: str
    fhir_base_url: str = ""
    edition: str = "2.2"
    vendor: str = ""
    ca_file: Path | None = None
    aud: str = ""
    """The ``aud`` to send where it is neither ``fhir_base_url`` nor the ``iss`` of a launch."""
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    header_hosts: tuple[str, ...] = ()
    proxy: str = ""
    client_certificate: Path | None = None
    client_key: Secret | None = None
    clients: Mapping[str, Client] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    patients: Patients = field(default_factory=Patients)
    login: Login = field(default_factory=Login)
    ehr_launch: EhrLaunch | None = None
    expect: Expect = field(default_factory=Expect)
    limits: Limits = field(default_factory=Limits)
    probes: Probes = field(default_factory=Probes)
    deviations: tuple[Deviation, ...] = ()
    path: Path | None = None
    embedded: bool = False
    warnings: tuple[str, ...] = ()
    hash: str = ""

    def find_client(self, role: str, use: str = "primary") -> Client | None:
        """Return the client of this role and use, or None when the file has none."""
        return next((client for client in self.clients.values() if (client.role, client.use) == (role, use)), None)

    def client(self, role: str, use: str = "primary") -> Client:
        """Return the client of this role and use; without one the scenario is not configured."""
        found = self.find_client(role, use)
        if found is None:
            raise NotConfigured(
                f"the target file has no client with role = {role!r} and use = {use!r}",
                key=f'[clients.<name>] role = "{role}"' + (f', use = "{use}"' if use != "primary" else ""),
            )
        return found

    def find_user(
        self, name: str | None = None, *, persona: str | None = None, number: int = 0, patients: bool | None = None
    ) -> User | None:
        """Return a user by name, or the one at ``number`` (from 0) among those of the persona.

        ``patients`` False asks for a person known to see nobody; by default such people are left out unless named.
        """
        if name is not None:
            return self.users.get(name)
        wanted = patients is not False
        fitting = [user for user in self.users.values() if (persona is None or user.persona == persona) and (user.patients != ()) == wanted]
        return fitting[number] if number < len(fitting) else None

    def user(self, name: str | None = None, *, persona: str | None = None, number: int = 0, patients: bool | None = None) -> User:
        """Return a user as `find_user` does; without one the scenario is not configured."""
        found = self.find_user(name, persona=persona, number=number, patients=patients)
        if found is None:
            words = [f"named {name!r}"] if name else ([f"with persona = {persona!r}"] if persona else [])
            words += ["with patients = []"] if patients is False else []
            words += [f"(number {number + 1})"] if number else []
            raise NotConfigured(" ".join(["the target file has no user", *words]), key="[users.<name>]")
        return found

    @property
    def first_user(self) -> User | None:
        """Whose browser is used where nobody is named: the first of the file."""
        return next(iter(self.users.values()), None)

    def other_users(self) -> list[User]:
        """Those besides the first who see patients, her own persona first; empty where the file names nobody else."""
        first = self.first_user
        others = [u for u in self.users.values() if first is not None and u.name != first.name and u.patients != ()]
        return sorted(others, key=lambda u: u.persona != (first.persona if first is not None else ""))

    def colleague(self) -> User:
        """A second user of the first one's persona; without one the scenario is not configured."""
        first = self.first_user
        found = next((u for u in self.other_users() if first is not None and u.persona == first.persona), None)
        if found is None:
            raise NotConfigured("the target file has no second user of the first one's persona", key="[users.<name>]")
        return found

    def another_user(self) -> User:
        """Someone else than the first user who sees patients, of the same persona if possible; without one nothing can be shown."""
        others = self.other_users()
        if not others:
            raise NotConfigured("the target file names one user who sees patients; a second one is needed", key="[users.<second>]")
        return others[0]

    def another_patient(self, user: User | None) -> str:
        """A patient whom the user sees beside the default one; without one nothing can be shown."""
        seen = user.patients if user is not None and user.patients is not None else tuple(filter(None, [self.patients.other]))
        found = next(
            (
                patient
                for patient in (self.patients.other, *seen)
                if patient in seen and patient != self.visible_patient(user, self.patients.default)
            ),
            "",
        )
        if not found:
            raise NotConfigured("the target file names no second patient whom the user sees", key="[patients] other")
        return found

    def user_without_resource(self) -> User:
        """A user for whom the file names no FHIR resource and no patients; without one the scenario is not configured."""
        found = next((user for user in self.users.values() if not user.fhir_user and user.patients == ()), None)
        if found is None:
            raise NotConfigured("the target file has no user without fhir_user and with patients = []", key="[users.<name>] patients = []")
        return found

    def visible_patient(self, user: User | None, patient: str) -> str:
        """The patient, or the first one that the user is known to see when that one is not among them."""
        who = user or self.first_user
        if who is None or not who.patients or patient in who.patients:
            return patient
        return who.patients[0]

    def ehr_launch_of(self, client: Client) -> EhrLaunch | None:
        """Where a client's EHR launches come from."""
        return client.ehr_launch or self.ehr_launch

    @property
    def pasted_launches(self) -> tuple[str, ...]:
        """Every launch value that somebody wrote into the file; redaction learns them."""
        settings = [self.ehr_launch, *(client.ehr_launch for client in self.clients.values())]
        return tuple(value for setting in settings if setting is not None and not setting.reusable for value in setting.launch)

    @property
    def public_values(self) -> set[str]:
        """What the file names and everybody may read: client ids, scopes, hosts."""
        clients = self.clients.values()
        uris = [self.fhir_base_url, *(uri for client in clients for uri in (client.redirect_uri, client.launch_uri))]
        hosts = {urlsplit(uri).hostname or "" for uri in uris}
        return hosts | {one for client in clients for one in (client.client_id, client.app_id, *client.scopes)} - {""}

    def clients_of(self, role: str, *uses: str) -> list[Client]:
        """Every client of a role with one of these uses, in the order of the file."""
        return [client for client in self.clients.values() if client.role == role and client.use in uses]

    def redirect_uri_of_another(self, client: Client) -> str:
        """A redirect URI that another client registered and this one did not; without one the scenario is not configured."""
        for other in self.clients.values():
            if other.redirect_uri and other.client_id != client.client_id and other.redirect_uri != client.redirect_uri:
                return other.redirect_uri
        raise NotConfigured("no other client of the target file has a redirect URI of its own", key="[clients.<name>] redirect_uri")

    def clients_named(self, name: str = "") -> list[Client]:
        """The client that the target file calls so, or all of them where no name is given."""
        if name and name not in self.clients:
            raise LookupFailed("client", name, sorted(self.clients))
        return [self.clients[name]] if name else list(self.clients.values())

    def client_with_redirect_query(self) -> Client:
        """A client whose registered redirect URI has a query of its own; without one the scenario is not configured."""
        for client in self.clients.values():
            if urlsplit(client.redirect_uri).query and client.use in ("primary", "second"):
                return client
        raise NotConfigured("no configured client has a redirect URI with a query", key="[clients.<name>] redirect_uri")

    @cached_property
    def secrets(self) -> tuple[Secret, ...]:
        """Every secret reference of the file, in order; redaction registers those that are available."""
        found: list[Secret | None] = []
        for client in self.clients.values():
            found += [client.client_secret, client.private_jwk, client.private_jwks]
        found += [secret for user in self.users.values() for secret in (user.password, user.totp_secret)]
        found += [value for value in self.headers.values() if isinstance(value, Secret)]
        found.append(self.client_key)
        return tuple(secret for secret in found if secret is not None)

    def headers_for(self, host: str) -> dict[str, str]:
        """The headers that go to a host, with their secrets; none to a host that the file does not name."""
        if host.lower() not in {urlsplit(self.fhir_base_url).netloc.lower(), *(known.lower() for known in self.header_hosts)}:
            return {}
        return {name: value.reveal() if isinstance(value, Secret) else value for name, value in self.headers.items()}

    def missing_secrets(self) -> list[str]:
        """Return one sentence for each secret that cannot be had."""
        problems = []
        for secret in self.secrets:
            try:
                secret.reveal()
            except TargetFileError as exc:
                problems.append(str(exc))
        return problems


def ehr_launch_scopes(scopes: Sequence[str]) -> tuple[str, ...]:
    """Return the scopes of an EHR launch for those of a standalone one: ``launch`` in place of each ``launch/...``."""
    out = dict.fromkeys("launch" if scope.startswith("launch/") else scope for scope in scopes)
    return tuple(out) if "launch" in out else ("launch", *out)


def launches_of(scopes: Sequence[str], launch_uri: str, setting: EhrLaunch | None) -> tuple[str, ...]:
    """Return how an app can be launched, by what it asks for: ``launch`` without ``launch/...`` is of no use to one that opens itself."""
    by_ehr = bool(launch_uri) or (setting is not None and setting.kind == "pasted")
    if by_ehr and "launch" in scopes and not any(scope.startswith("launch/") for scope in scopes):
        return ("ehr",)
    return ("standalone", "ehr") if by_ehr else ("standalone",)
