"""Phrases of the support tickets: an app does what its developer built, and needs something from it."""

from __future__ import annotations

from pytest_bdd import then, when

from smartlaunch.checks import support_tickets as checks
from smartlaunch.client.apps import Apps
from smartlaunch.client.http import answered
from smartlaunch.exchange import Exchange
from smartlaunch.fhir import resources
from smartlaunch.oauth import scopes as words
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes.support_tickets import APPS, Ticket, launched, read_patient, told


@when(Phrase("{name} is launched the way it is built", name=APPS), target_fixture="ticket")
def launched_as_built(apps: Apps, name: str) -> Ticket:
    return launched(apps, name)


@then(Phrase('it is granted reading of {resource_type} in the context "{context}"', resource_type=("Patient", "Observation")))
def granted_reading(judge: Judge, ticket: Ticket, resource_type: str, context: str) -> None:
    granted = ticket.granted
    allowed = words.allows(granted, context, resource_type, "r")
    judge(checks.may_read(judge.requirement, resource_type, context, granted, allowed=allowed, came=ticket.came, exchange=ticket.exchange))


@when("it reads the patient in context", target_fixture="patient_answer")
def reads_patient(ticket: Ticket) -> Exchange:
    return read_patient(ticket.app)


@then("it can read the patient in context")
def patient_was_read(judge: Judge, ticket: Ticket, patient_answer: Exchange) -> None:
    answer = answered(patient_answer)
    read = [one.get("id") for one in resources(answer, "Patient")] == [ticket.patient]
    judge(checks.patient_read(judge.requirement, read=read, came=told(answer), exchange=patient_answer.id))


@then("its authorization request ends with a code")
def ends_with_code(judge: Judge, ticket: Ticket) -> None:
    answer = ticket.attempt.authorization
    judge(checks.code_came(judge.requirement, code=bool(answer.code), came=ticket.came, exchange=answer.exchange))


@then("the patient in context is the one whose chart is open")
def patient_of_chart(judge: Judge, apps: Apps, ticket: Ticket) -> None:
    expected = apps.launches.context(ticket.app.client)[0]
    judge(checks.patient_arrived(judge.requirement, ticket.patient, expected, came=ticket.came, exchange=ticket.exchange))
