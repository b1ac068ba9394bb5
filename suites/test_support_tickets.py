"""The suite support-tickets."""

from smartlaunch.plugin.binding import bind

bind(globals(), "support-tickets")
