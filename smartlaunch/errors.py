"""The errors of the suite, in one tree.

- SmartLaunchError
  - UsageError             the command or the target file is wrong: exit code 2
    - TargetFileError      names the key and the line as the user wrote them
    - LookupFailed         a name was not found; lists what exists
  - Blocked                a scenario cannot be judged; carries what was waited for or missing
    - Unreachable          no connection, a time-out, a broken answer
    - LimitExceeded        the answer or the waiting time went over a limit of the target file
    - LoginStuck           the browser met a page with no known way on
    - TwinFailed           the positive twin of a negative did not succeed
    - Missing              what it would look at is not there; names the scenario that judges that
  - NotApplicable          the requirement does not bind this target, with the reason
    - NotConfigured        it binds, but this target file cannot show it; names the key that would let it be judged
  - InternalError          our own bug
- NonConformance (AssertionError)  raised once at the end of a scenario whose findings fail it
"""

from __future__ import annotations


class SmartLaunchError(Exception):
    """Base of all errors that the suite raises on purpose."""


class UsageError(SmartLaunchError):
    """The command line or the configuration is wrong; the message says how to mend it."""


class TargetFileError(UsageError):
    """A target file cannot be used as written.

    ``path`` is the file as the user named it, ``line`` is 1-based or None when the mistake has no line.
    """

    def __init__(self, message: str, *, path: str, line: int | None = None, hint: str = "") -> None:
        """Build the message ``path:line: message`` with the hint on a line of its own."""
        self.path, self.line, self.hint, self.problem = path, line, hint, message
        where = f"{path}:{line}" if line is not None else path
        super().__init__(f"{where}: {message}" + (f"\n  try: {hint}" if hint else ""))


class LookupFailed(UsageError):
    """A name is unknown; the message lists the names that exist."""

    def __init__(self, kind: str, name: str, known: list[str], *, hint: str = "") -> None:
        """Name the kind of thing, what was asked for, and what there is, closest names first."""
        import difflib

        begun = [each for each in sorted(known) if each.startswith(name)] if name else []
        close = begun[:5] or difflib.get_close_matches(name, known, n=3, cutoff=0.6)
        lines = [f"no {kind} named {name!r}"]
        if close:
            lines.append(f"  did you mean: {', '.join(close)}")
        lines.append(f"  there are: {', '.join(sorted(known)) or 'none'}")
        if hint:
            lines.append(f"  try: {hint}")
        self.kind, self.name, self.known = kind, name, known
        super().__init__("\n".join(lines))


class Blocked(SmartLaunchError):
    """A scenario could not be judged.

    ``waited_for`` says what was missing; ``hint`` what to try; ``artifacts`` are names of evidence files; ``by`` is the slug of the
    scenario that judges what is missing, so that one thing that is not there is one failure.
    """

    kind = "blocked"
    """What kept the scenario from being judged, for programs."""

    def __init__(
        self,
        message: str,
        *,
        waited_for: str = "",
        hint: str = "",
        artifacts: tuple[str, ...] = (),
        by: str = "",
        because: Blocked | None = None,
    ) -> None:
        """Keep the parts apart so that reports can lay them out; ``because`` is the block of another scenario that this one repeats."""
        self.message, self.waited_for, self.hint, self.artifacts, self.by = message, waited_for, hint, artifacts, by
        self.because = because
        parts = [message]
        if waited_for:
            parts.append(f"waited for: {waited_for}")
        if hint:
            parts.append(f"try: {hint}")
        super().__init__("\n".join(parts))

    @property
    def root(self) -> Blocked:
        """The block that this one goes back to; itself when it goes back to none."""
        found: Blocked = self
        while found.because is not None:
            found = found.because
        return found


class Unreachable(Blocked):
    """No usable answer came: no connection, a time-out, a broken or endless answer."""

    kind = "unreachable"


class LimitExceeded(Blocked):
    """The server went over a limit that the target file sets."""

    kind = "limit"


class LoginStuck(Blocked):
    """The browser met a page on which the login recipe knows no way on."""

    kind = "login-stuck"


class SignInRefused(LoginStuck):
    """The sign-in page did not take the user name and password of the target file."""

    kind = "sign-in-refused"


class NotOffered(LoginStuck):
    """A page does not offer the patient or the encounter that the target file asks for."""

    kind = "not-offered"


class TwinFailed(Blocked):
    """The positive twin of a negative did not succeed, so a refusal proves nothing."""

    kind = "twin-failed"


class Missing(Blocked):
    """What the scenario would look at is not there, which another scenario judges."""


class NotApplicable(SmartLaunchError):
    """The requirement does not bind this target; the message is the reason."""


class NotConfigured(NotApplicable):
    """The requirement may bind, but the target file has not what it takes to see.

    ``key`` is what to write there, as in ``[clients.<name>] launch_uri``; reports count by it what each line would let be judged.
    """

    def __init__(self, message: str, *, key: str = "") -> None:
        """Keep the key apart from the reason."""
        self.key = key
        super().__init__(message)


class InternalError(SmartLaunchError):
    """Something that only a bug of the suite can cause."""


class NonConformance(AssertionError):
    """A scenario's findings fail it; the message is the rendered list, already redacted."""
