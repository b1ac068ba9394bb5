"""What an app needs is judged as an expectation that fails, on no side until the diagnosis says which."""

import pytest

from smartlaunch.checks import support_tickets as checks
from smartlaunch.finding import Finding, Kind, Outcome, Side


def _finding(requirement, expected, actual, pointer):
    return [Finding(requirement, expected, actual, "x1", pointer, Kind.EXPECTATION, Side.UNDECIDED, Outcome.FAILED)]


def test_reading_is_granted_or_not():
    ask = {"requirement": "EXPECT-scopes", "resource_type": "Patient", "context": "patient", "came": "no code", "exchange": "x1"}
    assert checks.may_read(**ask, granted=["patient/Patient.r"], allowed=True) == []
    expected = "a scope that allows reading patient/Patient"
    assert checks.may_read(**ask, granted=["openid"], allowed=False) == _finding("EXPECT-scopes", expected, "granted: openid", "/scope")
    assert checks.may_read(**ask, granted=[], allowed=False) == _finding("EXPECT-scopes", expected, "no code", "/scope")


def test_code_comes_or_not():
    assert checks.code_came("EXPECT-authorization", code=True, came="", exchange="x1") == []
    found = checks.code_came("EXPECT-authorization", code=False, came="an error", exchange="x1")
    assert found == _finding("EXPECT-authorization", "an authorization code", "an error", "parameter: error")


@pytest.mark.parametrize(("patient", "actual"), [("", "no `patient`: an error"), ("p2", "`patient` names another patient")])
def test_patient_is_that_of_the_chart(patient, actual):
    assert checks.patient_arrived("EXPECT-context", "p1", "p1", came="", exchange="x1") == []
    found = checks.patient_arrived("EXPECT-context", patient, "p1", came="an error", exchange="x1")
    assert found == _finding("EXPECT-context", "`patient` names the patient whose chart is open", actual, "/patient")


def test_patient_is_read_or_not():
    assert checks.patient_read("EXPECT-fhir-read", read=True, came="", exchange="x1") == []
    found = checks.patient_read("EXPECT-fhir-read", read=False, came="status 403", exchange="x1")
    assert found == _finding("EXPECT-fhir-read", "the Patient resource of the patient in context", "status 403", "")
