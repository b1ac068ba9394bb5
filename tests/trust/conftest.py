"""The trust of a browser is tried apart: another browser that a test keeps open holds the one event loop of its process."""

from tests.browser.conftest import callback  # noqa: F401 - the fixture
