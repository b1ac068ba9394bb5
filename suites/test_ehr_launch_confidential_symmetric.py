"""The suite ehr-launch-confidential-symmetric."""

from smartlaunch.plugin.binding import bind

bind(globals(), "ehr-launch-confidential-symmetric")
