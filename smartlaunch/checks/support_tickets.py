"""Checks on what an app needs to do its work: read access granted, a code, a patient, a read that succeeds.

They judge what the app hoped for and not a rule of the guide, so each finding is an expectation, and one that fails: without it the
app is of no use. Whose fault it is the diagnosis says.
"""

from __future__ import annotations

from collections.abc import Sequence

from smartlaunch.checks.members import Findings
from smartlaunch.finding import Finding, Kind, Outcome, Side


def may_read(
    requirement: str, resource_type: str, context: str, granted: Sequence[str], *, allowed: bool, came: str, exchange: str
) -> Findings:
    """The grant allows reading a resource type in a context; ``came`` says how the flow ended."""
    if allowed:
        return []
    actual = f"granted: {' '.join(granted)}" if granted else came
    return [_finding(requirement, f"a scope that allows reading {context}/{resource_type}", actual, exchange, "/scope")]


def code_came(requirement: str, *, code: bool, came: str, exchange: str) -> Findings:
    """The authorization request of an app ends with a code."""
    if code:
        return []
    return [_finding(requirement, "an authorization code", came, exchange, "parameter: error")]


def patient_arrived(requirement: str, patient: str, chart: str, *, came: str, exchange: str) -> Findings:
    """The patient in context is the one whose chart is open; ``came`` says how the flow ended."""
    if patient and patient == chart:
        return []
    actual = "`patient` names another patient" if patient else f"no `patient`: {came}"
    return [_finding(requirement, "`patient` names the patient whose chart is open", actual, exchange, "/patient")]


def patient_read(requirement: str, *, read: bool, came: str, exchange: str) -> Findings:
    """The FHIR server hands out the patient in context."""
    if read:
        return []
    return [_finding(requirement, "the Patient resource of the patient in context", came, exchange, "")]


def _finding(requirement: str, expected: str, actual: str, exchange: str, pointer: str) -> Finding:
    return Finding(requirement, expected, actual, exchange, pointer, kind=Kind.EXPECTATION, side=Side.UNDECIDED, severity=Outcome.FAILED)
