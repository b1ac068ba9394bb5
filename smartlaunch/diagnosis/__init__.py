"""Diagnosis: from what was recorded or written down to the likely cause, the side, the fix and the next step.

Rules and vendor knowledge are data (``rules/``, ``vendors/``); ``signals`` looks, ``engine`` weighs, ``inputs`` reads whatever a
person has.
"""

from smartlaunch.diagnosis.inputs.observed import read_observation
from smartlaunch.diagnosis.inputs.reader import load
from smartlaunch.diagnosis.model import Category, Confidence, Diagnosis, Missing, Report
from smartlaunch.diagnosis.runs import diagnose_run
from smartlaunch.diagnosis.weighing import examine

__all__ = ["Category", "Confidence", "Diagnosis", "Missing", "Report", "diagnose_run", "examine", "load", "read_observation"]
