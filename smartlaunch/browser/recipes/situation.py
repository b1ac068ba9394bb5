"""What a recipe looks at and what it answers: a page, a plan and a memory in, the next action out. Nothing here touches a browser."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from smartlaunch.browser.lexicon import without_scopes
from smartlaunch.browser.plan import LoginPlan
from smartlaunch.browser.snapshot import Control, PageSnapshot

OpKind = Literal["fill", "select", "check", "click", "enter"]


@dataclass(frozen=True)
class Op:
    """One thing to do to one control; ``secret`` keeps the value out of every message."""

    kind: OpKind
    control: Control
    value: str = field(default="", repr=False)
    on: bool = True
    secret: bool = False


@dataclass(frozen=True)
class Act:
    """Do these things in order. ``careful`` asks for a quiet page first, since it may be about to move on by itself.

    ``consents`` says that the consent question is answered along with what the act is about, on a page that asks for both.
    """

    topic: str
    note: str
    ops: tuple[Op, ...]
    careful: bool = False
    key: str = ""
    consents: bool = False


@dataclass(frozen=True)
class Wait:
    """Nothing here that a person could use to go on, at least not yet."""


@dataclass(frozen=True)
class Stuck:
    """The page is understood, and there is no way on; ``not_offered`` when what the target file asks for is not on it, ``no_denial`` when
    a refusal is wanted and the page takes none.
    """

    reason: str
    not_offered: bool = False
    no_denial: bool = False
    lacks: str = ""
    """The key of the target file without which there is no way on."""
    came_back: bool = False
    """The page was answered, and is there again."""


@dataclass(frozen=True)
class Refused:
    """The credentials were sent and the same form came back: never send them again, accounts lock."""

    reason: str


Action = Act | Wait | Stuck | Refused


@dataclass(frozen=True)
class ChartGoal:
    """What to do in an EHR's own pages: open this patient, press the launch control of this app."""

    app_name: str = ""
    client_id: str = ""
    patient: str | None = None


@dataclass
class Memory:
    """What was already done in this walk."""

    logins: Counter[str] = field(default_factory=Counter)
    users: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    patient_chosen: bool = False
    searches: int = 0
    turns: int = 0
    """How many pages of a list were turned."""
    since_login: set[str] = field(default_factory=set)
    """What was done after the last sign-in form; a page that only comes to a user who is signed in shows that it worked."""

    def note(self, action: Act) -> None:
        """Remember an action that was carried out."""
        self.done[f"{action.topic}|{action.key}"] += 1
        if action.topic == "login":
            self.note_login(action.key)
        else:
            self.since_login.add(action.topic)
        if action.topic == "user":
            self.users[action.key] += 1
        elif action.topic == "patient":
            self.patient_chosen = True
        elif action.topic == "search":
            self.searches += 1
        elif action.topic == "page":
            self.turns += 1

    def note_login(self, key: str) -> None:
        """Remember that user name and password were sent; the key begins with the host."""
        self.logins[key] += 1
        self.since_login.clear()

    @property
    def signed_in(self) -> bool:
        """Whether a page came after the sign-in that is only for a user who is signed in."""
        return bool(self.logins) and not self.since_login.isdisjoint({"role", "patient", "search", "encounter", "consent", "launch"})

    @property
    def login_hosts(self) -> set[str]:
        """The hosts to which user name and password were sent."""
        return {key.split("|")[0] for key in self.logins}

    def times(self, topic: str, key: str) -> int:
        """How often this was done before."""
        return self.done[f"{topic}|{key}"]


@dataclass(frozen=True)
class Situation:
    """Everything a recipe may look at."""

    page: PageSnapshot
    plan: LoginPlan
    memory: Memory
    catch: Sequence[str] = ()
    goal: ChartGoal | None = None

    @property
    def heading(self) -> str:
        """Title and headings: what the page says it is about."""
        return without_scopes(" ".join((self.page.title, *self.page.headings)))

    @property
    def wording(self) -> str:
        """Title, headings and text."""
        return f"{self.heading} {self.page.text}"


Recipe = Callable[[Situation], Action | None]


def quoted(control: Control) -> str:
    """The caption in quotes, for the record of what was done."""
    return f'"{control.caption or control.kind}"'
