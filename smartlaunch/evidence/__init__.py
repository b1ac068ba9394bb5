"""Evidence: the recorder, redaction, and the writers that read what was recorded."""

from __future__ import annotations

from smartlaunch.evidence.recorder import Recorder, Scope
from smartlaunch.evidence.redaction import Redactor

__all__ = ["Recorder", "Redactor", "Scope"]
