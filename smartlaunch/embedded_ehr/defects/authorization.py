"""What the defects of the authorization endpoint let pass, and what they make of its answers."""

from __future__ import annotations

import hashlib
import posixpath
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlencode, urlsplit

from smartlaunch.embedded_ehr.defects.spoiling import Change, Switches, excused

_LONG_STATE = 255
_LOOPBACK = {"127.0.0.1", "::1"}


@dataclass(frozen=True)
class Pair:
    """A registered redirect URI and another one that was given, whole and in their parts."""

    registered: str
    given: str
    want: SplitResult
    have: SplitResult
    ports: tuple[int | None, int | None]

    @classmethod
    def of(cls, registered: str, given: str) -> Pair | None:
        """Take both apart; None when one of them is no URI."""
        try:
            want, have = urlsplit(registered), urlsplit(given)
            return cls(registered, given, want, have, (want.port, have.port))
        except ValueError:
            return None

    @property
    def want_host(self) -> str:
        """The host that is registered."""
        return self.want.hostname or ""

    @property
    def have_host(self) -> str:
        """The host that was given."""
        return self.have.hostname or ""

    def differ_in_port_of_loopback(self) -> bool:
        """Say whether both are the same place of this machine, whatever the port (RFC 8252 section 7.3)."""
        want, have = self.want, self.have
        fixed = (have.scheme, self.have_host, have.path, have.query, have.fragment, have.username)
        same = fixed == (want.scheme, self.want_host, want.path, want.query, want.fragment, want.username)
        return self.want_host in _LOOPBACK and same

    def differ_only_in(self, part: str) -> bool:
        """Say whether they are alike but for one part."""
        same = self.have._replace(**{part: ""}) == self.want._replace(**{part: ""})
        return same and getattr(self.have, part) != getattr(self.want, part)

    def same_place(self) -> bool:
        """Say whether path, query and fragment are those of a registered host, whatever the host given."""
        want, have = self.want, self.have
        return bool(self.want_host) and (have.path, have.query, have.fragment) == (want.path, want.query, want.fragment)

    def same_scheme(self) -> bool:
        """Say whether the place and the scheme are the same."""
        return self.same_place() and self.have.scheme == self.want.scheme


RESEMBLANCES: dict[str, Callable[[Pair], bool]] = {
    "accepts_redirect_uri_with_registered_prefix": lambda pair: pair.given.startswith(pair.registered),
    "ignores_case_of_redirect_uri": lambda pair: pair.given.casefold() == pair.registered.casefold(),
    "ignores_trailing_slash_of_redirect_uri": lambda pair: pair.given.rstrip("/") == pair.registered.rstrip("/"),
    "ignores_query_of_redirect_uri": lambda pair: pair.have._replace(query="") == pair.want._replace(query=""),
    "ignores_path_of_redirect_uri": lambda pair: pair.differ_only_in("path"),
    "decodes_redirect_uris_before_comparing_them": lambda pair: unquote(pair.given) == unquote(pair.registered),
    "resolves_dot_segments_of_redirect_uri": lambda pair: (
        pair.differ_only_in("path") and posixpath.normpath(pair.have.path) == pair.want.path
    ),
    "ignores_port_of_redirect_uri": lambda pair: pair.same_scheme() and pair.have_host == pair.want_host and pair.ports[0] != pair.ports[1],
    "ignores_scheme_of_redirect_uri": lambda pair: (
        pair.same_place() and pair.have.scheme != pair.want.scheme and pair.have_host == pair.want_host
    ),
    "accepts_userinfo_in_redirect_uri": lambda pair: (
        pair.same_scheme() and "@" in pair.have.netloc and pair.have.netloc.rpartition("@")[2] == pair.want.netloc
    ),
    "ignores_case_of_the_path_of_redirect_uri": lambda pair: (
        pair.differ_only_in("path") and pair.have.path.casefold() == pair.want.path.casefold()
    ),
    "ignores_fragment_of_redirect_uri": lambda pair: pair.differ_only_in("fragment"),
    "accepts_any_subdomain_in_redirect_uri": lambda pair: (
        pair.same_scheme() and pair.have_host.endswith("." + pair.want_host.partition(".")[2])
    ),
    "accepts_redirect_uri_whose_host_contains_the_registered_host": lambda pair: pair.same_scheme() and pair.want_host in pair.have_host,
}
"""Which defect takes which other URI for the registered one."""

# -- what is asked for ----------------------------------------------------------------------------------------------------

RESPONSE_TYPES: dict[str, Callable[[str | None], bool]] = {
    "accepts_missing_response_type": lambda kind: kind is None,
    "ignores_response_type": lambda kind: kind is not None,
    "ignores_case_of_response_type": lambda kind: kind is not None and kind.casefold() == "code",
    "takes_response_types_that_contain_code": lambda kind: kind is not None and "code" in kind.split(),
    "issues_tokens_at_authorization_endpoint": lambda kind: kind in {"token", "id_token token", "code token"},
}
"""Which response type other than ``code`` a defect takes."""


@dataclass(frozen=True)
class Challenge:
    """A code challenge as it was sent, and whether the client is a public one."""

    value: str | None
    method: str | None
    public: bool


CHALLENGES: dict[str, Callable[[Challenge], bool]] = {
    "accepts_missing_challenge": lambda given: given.value is None,
    "accepts_empty_challenge": lambda given: given.value == "",
    "requires_challenge_of_public_clients_only": lambda given: given.value is None and not given.public,
    "accepts_plain_challenge": lambda given: bool(given.value) and given.method == "plain",
    "accepts_unknown_challenge_method": lambda given: bool(given.value) and given.method not in {None, "plain", "S256"},
}
"""Which faulty challenge a defect takes."""


@dataclass(frozen=True)
class Audience:
    """The server that a request names in ``aud``, and the one that it should name."""

    aud: str
    base: str

    def same_host(self) -> bool:
        """Say whether host and port are the right ones."""
        return _part(self.aud, "netloc").lower() == _part(self.base, "netloc").lower()

    def same_path(self) -> bool:
        """Say whether the path is the right one."""
        return _part(self.aud, "path").rstrip("/") == _part(self.base, "path").rstrip("/")


_NAME = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}(:[0-9]+)?")
AUDIENCES: dict[str, Callable[[Audience], bool]] = {
    "compares_host_of_aud_only": Audience.same_host,
    "compares_path_of_aud_only": Audience.same_path,
    "accepts_aud_of_any_named_host": lambda it: it.same_path() and _NAME.fullmatch(_part(it.aud, "netloc").lower()) is not None,
    "accepts_aud_with_right_prefix": lambda it: it.aud.startswith(it.base),
    "accepts_aud_below_its_own": lambda it: it.aud.startswith(f"{it.base}/"),
    "accepts_aud_above_its_own": lambda it: it.base.startswith(f"{it.aud}/"),
    "ignores_aud": lambda _: True,
}
"""Which other server a defect takes for the right one."""


def resembles_own(defects: Switches, asked: Audience) -> bool:
    """Say whether a defect takes another server for the right one."""
    return excused(defects, asked, AUDIENCES)


def _part(url: str, name: str) -> str:
    try:
        return str(getattr(urlsplit(url), name))
    except ValueError:
        return ""


# -- what is answered -----------------------------------------------------------------------------------------------------


@dataclass
class NewCode:
    """A code about to be issued, whose it is, and how many there were before."""

    value: str
    client_id: str
    username: str
    earlier: int


def _coded(make: Callable[[NewCode], str]) -> Change[NewCode]:
    def change(code: NewCode) -> None:
        code.value = make(code)

    return Change(change)


CODES: dict[str, Change[NewCode]] = {
    "issues_sequential_codes": _coded(lambda code: f"code-{code.earlier + 100001}"),
    "issues_short_codes": _coded(lambda code: code.value[:6]),
    "issues_readable_codes": _coded(lambda code: f"{code.client_id}.{code.username}.{code.value[:12]}"),
    "repeats_codes": _coded(lambda code: hashlib.sha256(f"{code.client_id} {code.username}".encode()).hexdigest()),
}
"""What the defects make of a code that nobody can guess."""


@dataclass
class Sent:
    """An answer on its way to the app: a code or an error, the state of the request, the issuer."""

    answer: dict[str, str]
    failed: bool

    def put(self, name: str, value: str) -> None:
        """Change a parameter, or add it."""
        self.answer[name] = value

    def drop(self, name: str) -> None:
        """Leave a parameter out."""
        self.answer.pop(name, None)


def _an_error(sent: Sent) -> bool:
    return sent.failed


def _an_error_with_state(sent: Sent) -> bool:
    return sent.failed and "state" in sent.answer


def _a_denial(sent: Sent) -> bool:
    return sent.failed and sent.answer.get("error") == "access_denied"


def _a_code_with_state(sent: Sent) -> bool:
    return not sent.failed and "state" in sent.answer


def _dropped(name: str, where: Callable[[Sent], bool]) -> Change[Sent]:
    return Change(lambda sent: sent.drop(name), where)


def _state(make: Callable[[str], str], where: Callable[[Sent], bool] = lambda sent: "state" in sent.answer) -> Change[Sent]:
    return Change(lambda sent: sent.put("state", make(sent.answer["state"])), where)


SENT: dict[str, Change[Sent]] = {
    "sends_authorization_error_description_with_illegal_characters": Change(
        lambda sent: sent.put("error_description", f'"{sent.answer["error_description"]}"\n'),
        lambda sent: "error_description" in sent.answer,
    ),
    "denies_in_illegal_characters": Change(
        lambda sent: sent.put("error_description", f'"{sent.answer.get("error_description", "denied")}"'), _a_denial
    ),
    "denies_with_a_malformed_error_uri": Change(lambda sent: sent.put("error_uri", "see the manual, page <12>"), _a_denial),
    "omits_iss_parameter_in_denials": _dropped("iss", _a_denial),
    "turns_plus_in_the_state_of_denials_into_space": _state(
        lambda state: state.replace("+", " "), lambda sent: _a_denial(sent) and "+" in sent.answer.get("state", "")
    ),
    "sends_malformed_error_uri": Change(lambda sent: sent.put("error_uri", "see the manual, page <12>"), _an_error),
    "cuts_padding_off_state": _state(lambda state: state.rstrip("="), lambda sent: sent.answer.get("state", "").endswith("=")),
    "omits_state_in_denials": _dropped("state", lambda sent: _a_denial(sent) and "state" in sent.answer),
    "cuts_state_of_errors_to_48_characters": _state(lambda state: state[:48], _an_error_with_state),
    "redirects_without_an_error_code": _dropped("error", _an_error),
    "invents_authorization_error_codes": Change(lambda sent: sent.put("error", "ERR-4711"), _an_error),
    "omits_state_in_errors": _dropped("state", _an_error_with_state),
    "alters_state_in_errors": _state(lambda state: state + "0", _an_error_with_state),
    "omits_state": _dropped("state", _a_code_with_state),
    "returns_a_state_of_its_own": _state(lambda _: secrets.token_urlsafe(32), _a_code_with_state),
    "trims_state": _state(str.strip, lambda sent: sent.answer.get("state", "") != sent.answer.get("state", "").strip()),
    "pads_a_state_of_one_character": _state(lambda state: state * 2, lambda sent: len(sent.answer.get("state", "")) == 1),
    "cuts_state_to_32_characters": _state(lambda state: state[:32]),
    "lowers_case_of_state": _state(str.lower),
    "replaces_reserved_characters_of_state": _state(lambda state: re.sub(r"[^A-Za-z0-9]", "_", state)),
    "turns_plus_in_state_into_space": _state(lambda state: state.replace("+", " ")),
    "encodes_state_twice": _state(lambda state: urlencode({"": state})[1:]),
    "omits_iss_in_errors": _dropped("iss", _an_error),
    "omits_iss_parameter_though_advertised": _dropped("iss", lambda sent: not sent.failed),
    "sends_iss_parameter_with_a_query": Change(
        lambda sent: sent.put("iss", f"{sent.answer['iss']}?tenant=1"), lambda sent: "iss" in sent.answer
    ),
    "cuts_state_to_255_characters": _state(lambda state: state[:255], lambda sent: len(sent.answer.get("state", "")) > _LONG_STATE),
    "sends_iss_parameter_with_a_slash_more": Change(
        lambda sent: sent.put("iss", f"{sent.answer['iss']}/"), lambda sent: "iss" in sent.answer
    ),
    "sends_wrong_iss_parameter": Change(lambda sent: sent.put("iss", "https://other-ehr.example/oauth"), lambda sent: "iss" in sent.answer),
}
"""What the defects make of a right answer, in this order."""
