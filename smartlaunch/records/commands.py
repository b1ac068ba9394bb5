"""What to type for a scenario of a run: to put it again, and to write the ticket on it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from smartlaunch.records.record import Run, ScenarioResult


def again(result: ScenarioResult, run: Run) -> str:
    """The command that puts this one scenario again."""
    target = run.header.get("target")
    known: Mapping[str, Any] = target if isinstance(target, Mapping) else {}
    name = str(known.get("given") or known.get("name") or "TARGET")
    if result.suite == "try":
        return shlex.join(_trial(known, name))
    words = ["smartlaunch", "run", f"--target={name}", "--scenario", result.id]
    if name == "embedded":
        words += ["--vendor", str(known["imitates"])] if known.get("imitates") else []
        for option, members in (("--defect", known.get("defects")), ("--variant", known.get("variants"))):
            words += [word for each in members or [] for word in (option, str(each))]
    return shlex.join(words)


def ticket(result: ScenarioResult, run: Run) -> str:
    """The command that writes the ticket on this one scenario."""
    return shlex.join(["smartlaunch", "ticket", run.folder.name if run.folder is not None else "RUN", "--scenario", result.id])


def _trial(target: Mapping[str, Any], name: str) -> list[str]:
    """The words of one launch: of a target file, or of what stood on the command line; its secrets come from elsewhere."""
    if " " not in name:
        return ["smartlaunch", "try", f"--target={name}"]
    clients = target.get("clients")
    client: Mapping[str, Any] = next(iter(clients.values()), {}) if isinstance(clients, Mapping) else {}
    known = {"fhir-base": target.get("fhir_base_url"), "client-id": client.get("client_id"), "redirect-uri": client.get("redirect_uri")}
    return ["smartlaunch", "try", *(word for flag, value in known.items() if value for word in (f"--{flag}", str(value)))]
