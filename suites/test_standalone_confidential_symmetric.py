"""The suite standalone-confidential-symmetric."""

from smartlaunch.plugin.binding import bind

bind(globals(), "standalone-confidential-symmetric")
