"""The apps of one run: which registration is used where, always the same object for one client and one way of launching."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from smartlaunch.client.app import App
from smartlaunch.client.engine import Engine
from smartlaunch.client.keys import Keys
from smartlaunch.client.launch import Launches
from smartlaunch.client.situation import PLAIN, Situation
from smartlaunch.errors import Blocked, NotApplicable, NotConfigured
from smartlaunch.target import APP_ROLES, LAUNCHES, Client

_CAPABILITIES = {"ehr": "launch-ehr", "standalone": "launch-standalone"}


class Apps:
    """Every app of a run, made when it is first asked for."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.target = engine, engine.target
        self.launches = Launches(engine)
        self.keys = Keys(engine.discovery)
        self._made: dict[tuple[str, str, str], App] = {}

    def close(self) -> None:
        """Stop the key server, and close what the engine has opened."""
        self.keys.close()
        self.engine.close()

    def in_force(self, token: str) -> str:
        """What has taken the place of an access token that is over; the same token where no app can have another."""
        for app in list(self._made.values()):
            with suppress(Blocked, NotApplicable):
                current = app.tokens.in_its_place(token)
                if current:
                    return current
        return token

    def ripen(self) -> None:
        """Go on with every begun probe whose time has come."""
        for app in list(self._made.values()):
            app.ripen()

    def of(self, client: Client, launch_kind: str, situation: Situation = PLAIN) -> App:
        """The app of one registration in one way of launching and one situation."""
        key = (client.name, launch_kind, situation.slug)
        if key not in self._made:
            self._made[key] = App(self.engine, client, launch_kind, self.launches, self.keys, self.of, situation)
        return self._made[key]

    def in_situation(self, app: App, situation: Situation) -> App:
        """The same app in another situation."""
        return self.of(app.client, app.launch_kind, situation)

    def launched(self, role: str, launch_kind: str) -> App:
        """The app of a suite; ``NotConfigured`` says what the target file lacks for it, ``NotApplicable`` what the server does."""
        client = self.target.client(role)
        self.require_launch(client, launch_kind)
        return self.of(client, launch_kind)

    def of_role(self, role: str) -> App:
        """The app of a role in whichever way it can be launched; a backend service in none."""
        if role == "backend":
            return self.of(self.target.client(role), "")
        return self.any(roles=[role])

    def any(self, kinds: Sequence[str] = LAUNCHES, roles: Sequence[str] = APP_ROLES) -> App:
        """The first app that can be launched, for rules that do not depend on the client or on how it is launched.

        One whose right flow is known to bring nothing is passed over where another one may do better: what it fails at is judged with
        it, and a server that refuses one way of launching may take the other.
        """
        reasons: list[NotApplicable] = []
        found: list[App] = []
        for kind in kinds:
            for role in roles:
                try:
                    found.append(self.launched(role, kind))
                except NotApplicable as exc:
                    reasons.append(exc)
                    continue
                if not found[-1].gets_nowhere:
                    return found[-1]
        if found:
            return found[0]
        raise _most_telling(reasons)

    def any_of(self, roles: Sequence[str], uses: Sequence[str] = ("primary",)) -> Iterator[App]:
        """Every app of these roles and uses, in this order of roles, in whichever way each can be launched."""
        for role in roles:
            for client in self.target.clients_of(role, *uses):
                if role == "backend":
                    yield self.of(client, "")
                    continue
                kind = next((kind for kind in LAUNCHES if self.launches_by(client, kind)), None)
                if kind is not None:
                    yield self.of(client, kind)

    def with_redirect_query(self) -> App:
        """An app that can launch and whose registered redirect URI has a query of its own; ``NotConfigured`` when there is none."""
        client = self.target.client_with_redirect_query()
        for kind in LAUNCHES:
            if self.launches_by(client, kind):
                return self.of(client, kind)
        raise NotConfigured(f"the client {client.name!r} cannot be launched", key=f"[clients.{client.name}] launches")

    def launches_by(self, client: Client, launch_kind: str) -> bool:
        """Whether a client can be launched this way."""
        try:
            self.require_launch(client, launch_kind)
        except NotApplicable:
            return False
        return True

    def require_launch(self, client: Client, launch_kind: str) -> None:
        """``NotApplicable`` or ``NotConfigured`` when a client cannot be launched this way."""
        capability, claimed = _CAPABILITIES[launch_kind], self.engine.discovery.capabilities
        if claimed and capability not in claimed:
            raise NotApplicable(f"the server does not claim the capability `{capability}`")
        if launch_kind == "ehr":
            self.launches.require_way(client)
        if launch_kind not in client.launches:
            way = "opens itself" if launch_kind == "standalone" else "is opened by the EHR"
            key = f'[clients.{client.name}] launches = [..., "{launch_kind}"]'
            raise NotConfigured(f"the client {client.name!r} is not one that {way}, by its scopes and URIs in the target file", key=key)


def _most_telling(reasons: Sequence[NotApplicable]) -> NotApplicable:
    """One reason for several: what the target file lacks, if anything; else what the server does not claim."""
    lacking = [reason for reason in reasons if isinstance(reason, NotConfigured)]
    text = "; ".join(dict.fromkeys(str(reason) for reason in lacking or reasons))
    return NotConfigured(text, key=lacking[-1].key) if lacking else NotApplicable(text)
