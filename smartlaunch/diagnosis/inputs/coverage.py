"""What of a launch a recording shows, and what it cannot show: a browser sees no request that the app's server makes."""

from __future__ import annotations

from collections.abc import Iterable

from smartlaunch.diagnosis.model import Missing
from smartlaunch.exchange import Endpoint, RecordedExchange

_NO_TOKEN = (
    "the browser came back to the app with a code, and the access token request is not in the file: an app with a server makes it there, "
    "where no browser sees it, or the recording ended before"
)
_TOKEN_HOW = (
    "write the token request and its answer to the app's log (status and body, no secrets) and give both: "
    "smartlaunch diagnose launch.har answer.json --together; for an app in the browser record on until the page stands still"
)


def covered(exchanges: Iterable[RecordedExchange]) -> tuple[list[str], list[str], list[Missing]]:
    """What the recording holds, remarks on what it does not hold, and what would have to be added."""
    counted: dict[str, int] = {}
    back = sent_back = granted = False
    grants: set[str] = set()
    for item in exchanges:
        asks = item.endpoint != Endpoint.AUTHORIZE or "client_id" in item.facts or "response_type" in item.facts
        if asks:
            counted[item.endpoint] = counted.get(item.endpoint, 0) + 1
        back = back or (bool(item.facts.get("code_present")) and item.endpoint != Endpoint.TOKEN)
        sent_back = sent_back or ("error" in item.facts and item.endpoint in (Endpoint.REDIRECT, Endpoint.AUTHORIZE))
        if item.endpoint == Endpoint.TOKEN and item.method != "OPTIONS":
            grants.add(str(item.facts.get("grant_type", "")))
            granted = granted or item.status == 200
    names = {
        Endpoint.LAUNCH: "launch", Endpoint.DISCOVERY: "discovery", Endpoint.AUTHORIZE: "authorization request",
        Endpoint.REDIRECT: "way back to the app", Endpoint.TOKEN: "access token request", Endpoint.FHIR: "FHIR request",
    }  # fmt: skip
    shown = [f"{counted[kind]} x {name}" for kind, name in names.items() if counted.get(kind)]
    authorized, asked = counted.get(Endpoint.AUTHORIZE, 0), bool(grants)
    notes: list[str] = []
    missing: list[Missing] = []
    if not authorized and not asked and not back and not sent_back and not counted.get(Endpoint.LAUNCH):
        only = " There are FHIR requests only: the token came from elsewhere." if counted.get(Endpoint.FHIR) else ""
        notes.append(f"no request of an OAuth flow is in the file.{only}")
        missing.append(
            Missing(
                "the requests of the launch",
                "open the network panel before the launch, tick 'preserve log', launch until it fails, then save all as HAR with content",
            )
        )
    elif authorized and back and not asked:
        notes.append(_NO_TOKEN)
        missing.append(Missing("the access token request and its answer", _TOKEN_HOW))
    elif asked and not authorized and "authorization_code" in grants:
        notes.append(
            "only the server's half of the flow is in the file: the token request without the authorization request that belongs to it"
        )
    elif authorized and not back and not sent_back and not asked:
        notes.append("the file ends at the authorization server's pages: nothing came back to the app, or it is not in the file")
    return shown, notes, missing
