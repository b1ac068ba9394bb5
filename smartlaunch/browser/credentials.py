"""What became of the user names and passwords that were sent, so that none is sent once too often.

Accounts lock. A password that a server refused before it ever worked is never sent again. One that has worked is good: when a sign-in
with it fails, the server refuses that request, and the next one signs in as before; only a server that calls the very credentials
wrong several times in a row is left alone. What is kept are hashes.
"""

from __future__ import annotations

import hashlib

from smartlaunch.browser.plan import LoginPlan

MAX_STRIKES = 3
"""How often in a row a server may call credentials wrong that have worked: accounts lock at three to five."""


class Ledger:
    """What each host said to each pair of user name and password."""

    def __init__(self) -> None:
        self._held: dict[str, str] = {}
        self._locked: dict[str, str] = {}
        self._worked: set[str] = set()
        self._strikes: dict[str, int] = {}

    def worked(self, host: str, plan: LoginPlan) -> bool:
        """Whether this host has let this user in."""
        return _fingerprint(host, plan) in self._worked

    def note_success(self, host: str, plan: LoginPlan) -> None:
        """Remember credentials with which a host let the user in."""
        self._worked.add(_fingerprint(host, plan))
        self._strikes.pop(_fingerprint(host, plan), None)

    def note_refusal(self, host: str, plan: LoginPlan, *, blamed: bool) -> None:
        """Remember a sign-in that failed; ``blamed`` when the page calls the credentials wrong or says nothing at all."""
        key = _fingerprint(host, plan)
        if key not in self._worked:
            self._held[key] = "user name and password were refused earlier in this run"
        elif blamed:
            self._strikes[key] = self._strikes.get(key, 0) + 1
            if self._strikes[key] >= MAX_STRIKES:
                self._held[key] = f"user name and password had worked and were then refused {MAX_STRIKES} times in a row"

    def note_lock(self, host: str, plan: LoginPlan, said: str) -> None:
        """Remember an account that a host calls locked, in the words of its page; whatever the password, it is left alone."""
        self._locked[_account(host, plan)] = said

    def locked(self, host: str, plan: LoginPlan) -> str:
        """What the page said of an account that is locked, or an empty string."""
        return self._locked.get(_account(host, plan), "")

    def held_back(self, host: str, plan: LoginPlan) -> str:
        """Why these credentials are not sent to this host any more, or an empty string."""
        return self._held.get(_fingerprint(host, plan), "")

    def clear(self) -> None:
        """Forget everything."""
        for kept in (self._held, self._locked, self._worked, self._strikes):
            kept.clear()


def _fingerprint(host: str, plan: LoginPlan) -> str:
    return hashlib.sha256(f"{host}\0{plan.username}\0{plan.password}".encode()).hexdigest()


def _account(host: str, plan: LoginPlan) -> str:
    return hashlib.sha256(f"{host}\0{plan.username}".encode()).hexdigest()
