"""Getting an EHR launch: from a chart page driven in the browser, from a link, or pasted by a person (design, ``[ehr_launch]``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smartlaunch.errors import Blocked, LoginStuck, NotApplicable
from smartlaunch.oauth.authorization import Launch

if TYPE_CHECKING:
    from smartlaunch.app import App
    from smartlaunch.engine import Engine
    from smartlaunch.target import User


class Launches:
    """The source of EHR launches of one run."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pasted_spent = False

    def available(self) -> str:
        """An empty string when EHR launches can be obtained, else the reason why not."""
        setting = self._engine.target.ehr_launch
        if setting is None:
            return "no [ehr_launch] is configured in the target file"
        return ""

    def obtain(self, app: App, user: User | None = None, *, patient: str = "", session: str = "") -> Launch:
        """A fresh launch for the app.

        ``NotApplicable`` when none is configured or the one pasted launch is spent; ``Blocked`` when the chart does not launch.
        """
        engine = self._engine
        setting = engine.target.ehr_launch
        if setting is None:
            raise NotApplicable(self.available())
        wanted = patient or setting.patient or engine.target.patients.default or ""
        if setting.kind == "pasted":
            if self._pasted_spent:
                raise NotApplicable("a pasted launch serves one scenario, and another scenario has spent it")
            self._pasted_spent = True
            return Launch(setting.iss or engine.target.fhir_base_url, setting.launch, wanted, setting.encounter or "")
        if not app.client.launch_uri:
            raise NotApplicable(f"the client {app.client.name!r} has no launch_uri in the target file")
        with engine.recorder.scope("ehr-launch") as scope:
            landing = engine.open_chart(app, user, patient=wanted, session=session)
        if landing.kind != "caught":
            raise LoginStuck(
                f"the EHR did not launch the app: the browser ended on {landing.title!r} (status {landing.status}) after:"
                f" {', '.join(landing.steps) or 'nothing'}",
                waited_for=f"the navigation to the launch URI {app.client.launch_uri}",
                hint="check the app's launch URI in the EHR, or give the steps in [ehr_launch] of the target file",
                artifacts=(landing.screenshot,) if landing.screenshot else (),
            )
        values = dict(landing.params)
        if "launch" not in values or "iss" not in values:
            absent = " and ".join(f"`{name}`" for name in ("iss", "launch") if name not in values)
            raise Blocked(
                f"the EHR opened the launch URI without {absent}",
                waited_for="the launch parameters `iss` and `launch`",
                hint="the scenario on launch parameters of this suite judges this",
            )
        return Launch(
            values["iss"], values["launch"], wanted, setting.encounter or "", parameters=tuple(landing.params), exchanges=tuple(scope.ids)
        )
