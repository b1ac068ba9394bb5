"""The suite standalone-public."""

from smartlaunch.plugin.binding import bind

bind(globals(), "standalone-public")
