"""Apps of support tickets: launched the way their developers built them, right or wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from smartlaunch.errors import NotApplicable, NotConfigured
from smartlaunch.fhir import describe

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.apps import Apps
    from smartlaunch.client.grant import Attempt
    from smartlaunch.exchange import Exchange, Response


APPS = ("vitals-board", "growth-curves", "bleeding-risk", "discharge-letter")
"""The apps of the two tickets, by their names in a target file of the imitated vendor."""


@dataclass(frozen=True)
class Ticket:
    """One app with its one flow, as far as it went; scenarios share it, because each looks at another side of it."""

    app: App
    attempt: Attempt

    @property
    def came(self) -> str:
        """One sentence on how the flow ended; vendors that send no description give the reason in ``error_uri`` alone."""
        answer = self.attempt.authorization
        reason = unquote(answer.get("error_uri").partition("?")[0]) if answer.error else ""
        return self.attempt.describe() + (f", error_uri {reason}" if reason else "")

    @property
    def granted(self) -> list[str]:
        """The scopes granted; none when no token came."""
        token = self.attempt.token
        return token.scopes if token is not None and token.succeeded else []

    @property
    def patient(self) -> str:
        """The patient in context, or an empty string."""
        token = self.attempt.token
        return token.patient if token is not None else ""

    @property
    def exchange(self) -> str:
        """The exchange in which the flow ended."""
        return self.attempt.exchange


def read_patient(app: App) -> Exchange:
    """Read the patient in context as the app does; ``TwinFailed`` when there is no living token to read with."""
    grant = app.grant()
    if not grant.token.patient:
        raise NotApplicable("the token response names no patient, so there is none to read; another scenario judges that")
    return app.once("patient read", lambda: app.engine.fhir.read(f"Patient/{grant.token.patient}", grant.access_token))


def told(answer: Response) -> str:
    """One sentence on a FHIR answer, with the ``message`` that some vendors give in place of an OperationOutcome."""
    message = answer.object.get("message")
    return describe(answer) + (f": {message[:300]}" if isinstance(message, str) else "")


def launched(apps: Apps, name: str) -> Ticket:
    """The flow of the app of that name in the target file: opened by the EHR when it has a page for that, else by itself.

    ``NotApplicable`` when the target file has no such client: the two tickets are about apps of an imitated vendor.
    """
    client = apps.target.clients.get(name)
    if client is None:
        raise NotConfigured(
            f"no client is named {name!r} in the target file; `smartlaunch sandbox --vendor` writes one with it", key="[clients.<name>]"
        )
    app = apps.of(client, "ehr" if client.launch_uri else "standalone")
    return Ticket(app, app.shared_attempt())
