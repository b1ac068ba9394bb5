"""The apps of one run: which registration is used where, always the same object for one client and one way of launching."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from smartlaunch.client.app import App
from smartlaunch.client.engine import Engine
from smartlaunch.client.keys import Keys
from smartlaunch.client.launch import Launches
from smartlaunch.client.situation import PLAIN, Situation
from smartlaunch.errors import NotApplicable
from smartlaunch.target import APP_ROLES, Client

KINDS = ("standalone", "ehr")
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
        """The app of a suite; ``NotApplicable`` says what the target lacks for it."""
        client = self.target.client(role)
        reason = self.cannot_launch(launch_kind)
        if reason:
            raise NotApplicable(reason)
        return self.of(client, launch_kind)

    def of_role(self, role: str) -> App:
        """The app of a role in whichever way of launching the server offers; a backend service in none."""
        if role == "backend":
            return self.of(self.target.client(role), "")
        for kind in KINDS[:-1]:
            with contextlib.suppress(NotApplicable):
                return self.launched(role, kind)
        return self.launched(role, KINDS[-1])

    def any(self, launch_kind: str = "standalone") -> App:
        """Any app that can launch, for rules that do not depend on the client: public first, the wanted way of launching first."""
        kinds = (launch_kind, *(kind for kind in KINDS if kind != launch_kind))
        reasons: list[str] = []
        for kind in kinds:
            for role in APP_ROLES:
                try:
                    return self.launched(role, kind)
                except NotApplicable as exc:
                    reasons.append(str(exc))
        raise NotApplicable("; ".join(dict.fromkeys(reasons)))

    def any_of(self, roles: Sequence[str], uses: Sequence[str] = ("primary",)) -> Iterator[App]:
        """Every app of these roles and uses, in this order of roles, as the role's primary app is launched."""
        for role in roles:
            for client in self.target.clients_of(role, *uses):
                yield self.of(client, "" if role == "backend" else self.of_role(role).launch_kind)

    def with_redirect_query(self) -> App:
        """An app that can launch and whose registered redirect URI has a query of its own; ``NotApplicable`` when there is none."""
        client = self.target.client_with_redirect_query()
        for kind in KINDS:
            if not self.cannot_launch(kind):
                return self.of(client, kind)
        raise NotApplicable("no way of launching is open to the suite")

    def cannot_launch(self, launch_kind: str) -> str:
        """Why this way of launching does not apply to the target, or an empty string."""
        capability, claimed = _CAPABILITIES[launch_kind], self.engine.discovery.capabilities
        if claimed and capability not in claimed:
            return f"the server does not claim the capability `{capability}`"
        return self.launches.available() if launch_kind == "ehr" else ""
