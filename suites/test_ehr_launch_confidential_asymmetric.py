"""The suite ehr-launch-confidential-asymmetric."""

from smartlaunch.plugin.binding import bind

bind(globals(), "ehr-launch-confidential-asymmetric")
