"""Checks on the launch parameters of an EHR launch (SMART "Launch App: EHR Launch")."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.checks.members import Findings, absolute_url
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding

Context = Mapping[str, str]
"""The patient and encounter of a launch, by the names of the token response; a name that is absent is not known."""


def discoverable(iss: str) -> bool:
    """Whether an ``iss`` launch parameter is an address that can be called."""
    return not absolute_url(iss)


def iss(requirement: str, value: str | None, base_url: str, known: Exchange, found: Exchange | None, exchange: str) -> Findings:
    """``iss`` is the FHIR base URL, with or without a slash at its end, or another name under which the same server describes itself."""
    expected = f"`iss={base_url}`, or another base URL of this server where an app finds its SMART configuration"
    if value is None or not value.strip():
        return [Finding(requirement, expected, "no `iss`" if value is None else "an empty `iss`", exchange, "parameter: iss")]
    if value.rstrip("/") == base_url.rstrip("/"):
        return []
    own = known.answer.object.get("token_endpoint")  # that this server answers shows that the network is there
    silent = found is not None and found.response is None and urlsplit(value).netloc != urlsplit(base_url).netloc
    document = found.answer.object if found is not None and not silent and found.answer.status == 200 else {}
    if document and document.get("token_endpoint") == own:
        return []
    missing = "nobody answers there" if silent else "there is no SMART configuration below it"
    why = "the SMART configuration below it is another server's" if document else missing
    return [Finding(requirement, expected, f"`iss={value}`, and {why}", exchange, "parameter: iss")]


def launch(requirement: str, value: str | None, exchange: str) -> Findings:
    """``launch`` is there and not empty."""
    if value is not None and value.strip():
        return []
    return [Finding(requirement, "a `launch` parameter", "none" if value is None else "an empty one", exchange, "parameter: launch")]


def launch_opaque(requirement: str, value: str, context: Sequence[str], exchange: str) -> Findings:
    """The value tells neither patient nor encounter, in clear or in base64; ids of one or two characters prove nothing."""
    texts = [value]
    for part in (value, *value.split(".")):
        try:
            texts.append(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True).decode("utf-8"))
        except (binascii.Error, UnicodeDecodeError, ValueError):
            continue
    told = [c for c in context if len(c) >= 5 and any(c in text for text in texts)]
    if not told:
        return []
    return [Finding(requirement, "an opaque `launch` value", "it holds the id of the patient or encounter", exchange, "parameter: launch")]


def no_context(
    requirement: str, body: Mapping[str, Any], *, launched: Context, known: Sequence[Context] = (), exchange: str, forged: bool
) -> Findings:
    """No patient or encounter comes with the token, but what would be there without the wrong launch value as well.

    A server may drop the value and infer ``launch/patient``. ``known`` is the context that the flow has without the value (the user's
    choice at a picker, her own record, what comes with no launch value at all). ``launched`` is the context of the launch that the
    value belongs to; a value that was real, though not this app's or user's, is misused only where that context comes.
    """
    told = [(name, body[name]) for name in ("patient", "encounter") if isinstance(body.get(name), str) and body[name]]
    gained = [
        name
        for name, value in told
        if not any(context.get(name) == value for context in known) and (forged or launched.get(name, value) == value)
    ]
    if not gained:
        return []
    return [
        Finding(
            requirement,
            "a refusal, or a token without context that came of this launch value",
            f"an access token with {' and '.join(f'`{name}`' for name in gained)}",
            exchange,
            f"/{gained[0]}",
        )
    ]


def of_its_own_launch(requirement: str, token: Exchange, other: str) -> Findings:
    """The patient of a token is not that of a launch which came after the one it was asked for with."""
    if token.answer.object.get("patient") != other:
        return []
    said = "it is the patient of the chart that was opened after that launch"
    return [Finding(requirement, "`patient`: that of the launch whose value the app sent", said, token.id, "/patient")]
