"""What is done to a right value to make it wrong, whatever the value is for."""

from __future__ import annotations

import secrets


def altered(value: str) -> str:
    """The value with one character in its middle changed, by more than its case, which a server may not tell apart.

    The last one may carry padding bits that nobody compares.
    """
    place = len(value) // 2
    return value[:place] + ("A" if value[place : place + 1] not in ("A", "a") else "B") + value[place + 1 :]


def other_end(value: str) -> str:
    """The value with its last four characters changed, of which padding can explain one at most."""
    return value[:-4] + "".join("A" if one not in ("A", "a") else "B" for one in value[-4:])


def other_case(value: str) -> str:
    """The value with its letters in the other case, or one character longer where it has no letters."""
    changed = value.swapcase()
    return changed if changed != value else value + "x"


def never_issued() -> str:
    """A code, token or launch value of plausible length that no server issued."""
    return secrets.token_urlsafe(32)
