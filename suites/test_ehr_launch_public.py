"""The suite ehr-launch-public."""

from smartlaunch.plugin.binding import bind

bind(globals(), "ehr-launch-public")
