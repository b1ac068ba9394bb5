"""Support tickets: Markdown to paste and a ZIP to attach, from whatever ``diagnose`` reads."""

from smartlaunch.ticket.content import Ticket, build, build_all
from smartlaunch.ticket.package import SecretInTicketError, write

__all__ = ["SecretInTicketError", "Ticket", "build", "build_all", "write"]
