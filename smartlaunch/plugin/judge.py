"""The judge of one scenario: collects findings, so that one does not hide the next, and speaks at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from smartlaunch.catalogue import Catalogue
from smartlaunch.errors import InternalError, Missing
from smartlaunch.finding import Finding, Kind, Outcome, Side
from smartlaunch.records.record import FindingRecord

_RANK = {Outcome.PASSED: 0, Outcome.WARNING: 1, Outcome.FAILED: 2}


@dataclass
class Judge:
    """Findings of one scenario; ``allowed`` are the requirement ids of its tags, ``scrub`` takes every secret out of a text."""

    catalogue: Catalogue
    allowed: frozenset[str]
    scrub: Callable[[str], str]
    edition: str = "2.2"
    scenario: str = ""
    """The slug of the scenario that runs."""
    findings: list[tuple[Finding, Outcome]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    judged: int = 0
    _told: int = 0

    def __call__(self, findings: Iterable[Finding]) -> None:
        """Take what a check found; an empty list counts as one statement that holds."""
        self.judged += 1
        for finding in findings:
            if finding.kind is Kind.REQUIREMENT and finding.requirement not in self.allowed:
                raise InternalError(f"a check names {finding.requirement}, which this scenario is not tagged with")
            severity = self.catalogue.severity(finding)
            clean = replace(finding, expected=self.scrub(finding.expected), actual=self.scrub(finding.actual)[:2000])
            if (clean, severity) not in self.findings:
                self.findings.append((clean, severity))

    @property
    def requirement(self) -> str:
        """The one duty that the scenario is tagged with; a scenario with several has steps that name theirs, see :meth:`rule`."""
        duties = self._duties()
        if len(duties) > 1:
            raise InternalError(f"the scenario speaks to {', '.join(duties)}: its step has to name the rule that it judges")
        return duties[0]

    def rule(self, *named: str) -> str:
        """The first of the named rules that the scenario is tagged with and that binds the target's edition, else its only one.

        A finding goes by the strength of the rule that it breaks, never by the strongest that the scenario speaks to.
        """
        binding = self._binding()
        return next((each for each in named if each in binding), "") or self.requirement

    def _binding(self) -> list[str]:
        return [each for each in self.allowed if self.edition in self.catalogue[each].editions] or list(self.allowed)

    def _duties(self) -> list[str]:
        return self.catalogue.duties(self._binding())

    def needs(self, there: bool, by: str, what: str) -> None:
        """Block the scenario where what it would look at is not there, by the scenario that judges that; that one itself goes on."""
        if not there and self.scenario != by:
            raise Missing(what, by=by)

    def expects(
        self,
        holds: bool,
        *,
        expected: str,
        actual: str,
        exchange: str = "",
        pointer: str = "",
        side: Side = Side.AUTHORIZATION_SERVER,
        rule: str = "",
    ) -> None:
        """Judge one plain statement."""
        self([] if holds else [Finding(rule or self.requirement, expected, actual, exchange, pointer, side=side)])

    def note(self, text: str) -> None:
        """Remember something worth telling that is no breach."""
        self.notes.append(self.scrub(text))

    @property
    def outcome(self) -> Outcome:
        """The worst of the findings."""
        return max((severity for _, severity in self.findings), key=_RANK.__getitem__, default=Outcome.PASSED)

    def since_last_asked(self) -> Outcome:
        """The worst of the findings that came since this was asked last: what a step has found."""
        new, self._told = self.findings[self._told :], len(self.findings)
        return max((severity for _, severity in new), key=_RANK.__getitem__, default=Outcome.PASSED)

    def records(self) -> tuple[FindingRecord, ...]:
        """The findings as the run keeps them, with the strength of their requirement."""
        return tuple(
            FindingRecord.of(
                finding,
                strength=self.catalogue[finding.requirement].strength if finding.requirement in self.catalogue else "",
                outcome=severity,
            )
            for finding, severity in self.findings
        )
