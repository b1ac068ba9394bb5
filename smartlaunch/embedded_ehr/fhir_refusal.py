"""A refusal of the FHIR server, which its rules and its defects both make."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Refused(Exception):
    """A request is not carried out: status, FHIR issue code, words for the developer, and for 401 and 403 the challenge."""

    def __init__(
        self, status: int, code: str, text: str, *, challenge: str = "", error: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.challenge = challenge
        self.error = error
        self.headers = dict(headers or {})
