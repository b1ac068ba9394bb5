"""The suite standalone-confidential-asymmetric."""

from smartlaunch.plugin.binding import bind

bind(globals(), "standalone-confidential-asymmetric")
