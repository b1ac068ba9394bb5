"""Gets what a wheel cannot bring: a browser, and the renderer of the Allure report."""

from __future__ import annotations

from smartlaunch.setup.steps import Outcome, SetUp, set_up

__all__ = ["Outcome", "SetUp", "set_up"]
