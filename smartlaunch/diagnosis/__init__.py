"""Diagnosis: from what was recorded or written down to the likely cause, the side, the fix and the next step.

Rules and vendor knowledge are data (``rules/``, ``vendors/``); ``signals`` looks, ``engine`` weighs, ``inputs`` reads whatever a
person has.
"""

from smartlaunch.diagnosis.engine import examine
from smartlaunch.diagnosis.inputs import load
from smartlaunch.diagnosis.model import Category, Confidence, Diagnosis, Missing, Report
from smartlaunch.diagnosis.observed import read_observation
from smartlaunch.diagnosis.runs import diagnose_run

__all__ = ["Category", "Confidence", "Diagnosis", "Missing", "Report", "diagnose_run", "examine", "load", "read_observation"]
