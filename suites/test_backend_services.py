"""The suite backend-services."""

from smartlaunch.plugin.binding import bind

bind(globals(), "backend-services")
