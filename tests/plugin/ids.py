"""A plugin for pytest that prints the id of each scenario that was collected."""

import pytest

from smartlaunch.plugin.items import scenario_id


def pytest_collection_finish(session: pytest.Session) -> None:
    """Print them, each in a line of its own."""
    print(*(f"ID {scenario_id(item)}" for item in session.items), sep="\n")
