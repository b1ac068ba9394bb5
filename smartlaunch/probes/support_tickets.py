"""Apps of support tickets: launched the way their developers built them, right or wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from smartlaunch.errors import NotApplicable
from smartlaunch.fhir import describe

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.apps import Apps
    from smartlaunch.client.grant import Attempt
    from smartlaunch.exchange import Exchange, Response


@dataclass(frozen=True)
class TicketApp:
    """One app with its one flow; scenarios share the flow, because each looks at another side of it."""

    app: App

    def attempt(self) -> Attempt:
        """The flow as far as it goes."""
        return self.app.shared_attempt()

    @property
    def came(self) -> str:
        """One sentence on how the flow ended; vendors that send no description give the reason in ``error_uri`` alone."""
        attempt = self.attempt()
        reason = unquote(attempt.authorization.get("error_uri").partition("?")[0]) if attempt.authorization.error else ""
        return attempt.describe() + (f", error_uri {reason}" if reason else "")

    @property
    def granted(self) -> list[str]:
        """The scopes granted; none when no token came."""
        token = self.attempt().token
        return token.scopes if token is not None and token.succeeded else []

    @property
    def patient(self) -> str:
        """The patient in context, or an empty string."""
        token = self.attempt().token
        return token.patient if token is not None else ""

    @property
    def exchange(self) -> str:
        """The exchange in which the flow ended."""
        attempt = self.attempt()
        return attempt.token.exchange.id if attempt.token is not None else attempt.authorization.exchange

    def read_patient(self) -> Exchange:
        """Read the patient in context as the app does; ``TwinFailed`` when there is no living token to read with."""
        grant = self.app.grant()
        if not grant.token.patient:
            raise NotApplicable("the token response names no patient, so there is none to read; another scenario judges that")
        return self.app.once("patient read", lambda: self.app.engine.fhir.read(f"Patient/{grant.token.patient}", grant.access_token))


def told(answer: Response) -> str:
    """One sentence on a FHIR answer, with the ``message`` that some vendors give in place of an OperationOutcome."""
    message = answer.object.get("message")
    return describe(answer) + (f": {message[:300]}" if isinstance(message, str) else "")


def ticket_app(apps: Apps, name: str) -> TicketApp:
    """The app of that name in the target file: opened by the EHR when it has a page for that, else opened by itself.

    ``NotApplicable`` when the target file has no such client: the two tickets are about apps of an imitated vendor.
    """
    client = apps.target.clients.get(name)
    if client is None:
        raise NotApplicable(f"no client is named {name!r} in the target file; `smartlaunch sandbox --vendor` writes one with it")
    return TicketApp(apps.of(client, "ehr" if client.launch_uri else "standalone"))
