"""The rules that one answer to one request can be held against: those of the SMART configuration.

The checks are those of the scenarios; what is here is only which rule is put when. A test holds the table against the feature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from smartlaunch.catalogue import Catalogue
from smartlaunch.checks import discovery as checks
from smartlaunch.checks.members import Findings, media_type
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding, Outcome

_LAUNCHES = ("launch-ehr", "launch-standalone")
_ASYMMETRIC = ("client-confidential-asymmetric",)
_OPENID = ("sso-openid-connect",)


@dataclass(frozen=True)
class Rule:
    """A requirement with its check; ``claims`` are capabilities of which one makes it bind, ``has`` is a member that does."""

    requirement: str
    check: Callable[[str, Exchange], Findings]
    claims: tuple[str, ...] = ()
    has: str = ""
    lacks: str = ""

    def binds(self, document: dict[str, Any], capabilities: frozenset[str]) -> bool:
        """Whether it binds a server that says this of itself."""
        claimed = not self.claims or bool(capabilities & set(self.claims))
        return claimed and (not self.has or self.has in document) and (not self.lacks or self.lacks not in capabilities)


def _member(name: str, form: str) -> Callable[[str, Exchange], Findings]:
    return lambda requirement, exchange: checks.member(requirement, exchange, name, form, required=True)


def _contains(name: str, *values: str) -> Callable[[str, Exchange], Findings]:
    return lambda requirement, exchange: checks.contains(requirement, exchange, name, *values, any_of=len(values) > 1)


def _no_member(name: str) -> Callable[[str, Exchange], Findings]:
    def check(requirement: str, exchange: Exchange) -> Findings:
        there = name in exchange.answer.object
        return [Finding(requirement, f"no `{name}`", "it is there", exchange.id, f"/{name}")] if there else []

    return check


def _no_fragment(name: str) -> Callable[[str, Exchange], Findings]:
    return lambda requirement, exchange: checks.no_fragment(requirement, exchange, name)


_METADATA = "SMART-2.2-conformance-metadata-"
_DISCOVERY = "SMART-2.2-client-confidential-asymmetric-discovery-"
STRINGS, URL, STRING = "an array of strings", "an absolute URL", "a string"
FOUND = Rule("SMART-2.2-conformance-well-known-a", checks.json_object)
"""Where this one is not met there is no document, and the others have nothing to look at."""

RULES: tuple[Rule, ...] = (
    Rule("SMART-2.2-conformance-well-known-e", lambda r, x: media_type(r, x, "application/json")),
    Rule("SMART-2.2-conformance-well-known-b", _member("token_endpoint", STRING)),
    Rule("SMART-2.2-conformance-well-known-b", _member("capabilities", "an array of strings that is not empty")),
    Rule("SMART-2.2-conformance-well-known-f", checks.absolute_endpoints),
    Rule(f"{_METADATA}authorization-endpoint", _member("authorization_endpoint", STRING), claims=_LAUNCHES),
    Rule(f"{_METADATA}token-endpoint", _member("token_endpoint", STRING)),
    Rule(f"{_METADATA}capabilities", _member("capabilities", "an array of strings that is not empty")),
    Rule(f"{_METADATA}grant-types-a", _member("grant_types_supported", STRINGS)),
    Rule(f"{_METADATA}grant-types-b", checks.grant_types),
    Rule(f"{_METADATA}code-challenge-methods-a", _contains("code_challenge_methods_supported", "S256"), claims=_LAUNCHES),
    Rule("RFC9700-2.1.1-c", _contains("code_challenge_methods_supported", "S256"), claims=_LAUNCHES),
    Rule(f"{_METADATA}code-challenge-methods-b", lambda r, x: checks.lacks(r, x, "code_challenge_methods_supported", "plain")),
    Rule(f"{_METADATA}issuer", _member("issuer", URL), claims=_OPENID),
    Rule(f"{_METADATA}issuer-omitted", _no_member("issuer"), lacks=_OPENID[0]),
    Rule(f"{_METADATA}jwks-uri", _member("jwks_uri", URL), claims=_OPENID),
    Rule(
        f"{_METADATA}auth-methods-form",
        _member("token_endpoint_auth_methods_supported", STRINGS),
        has="token_endpoint_auth_methods_supported",
    ),
    Rule(
        f"{_METADATA}auth-methods-form",
        _contains("token_endpoint_auth_methods_supported", "client_secret_basic", "client_secret_post"),
        claims=("client-confidential-symmetric",),
        has="token_endpoint_auth_methods_supported",
    ),
    Rule(f"{_METADATA}registration-endpoint-form", _member("registration_endpoint", URL), has="registration_endpoint"),
    Rule(f"{_METADATA}associated-endpoints-form", checks.associated_endpoints, has="associated_endpoints"),
    Rule(f"{_METADATA}scopes-supported-a", _member("scopes_supported", STRINGS)),
    Rule(f"{_METADATA}response-types", _member("response_types_supported", STRINGS)),
    Rule(f"{_METADATA}response-types", _contains("response_types_supported", "code"), has="response_types_supported"),
    Rule(f"{_METADATA}introspection-endpoint", _member("introspection_endpoint", URL)),
    Rule(f"{_METADATA}revocation-endpoint", _member("revocation_endpoint", URL)),
    Rule(f"{_METADATA}management-endpoint", _member("management_endpoint", URL)),
    Rule("SMART-2.2-conformance-capability-names", checks.known_capabilities),
    Rule("SMART-2.2-conformance-capability-sets", checks.supports_a_capability_set),
    Rule(f"{_DISCOVERY}d", _contains("token_endpoint_auth_methods_supported", "private_key_jwt"), claims=_ASYMMETRIC),
    Rule(f"{_DISCOVERY}e", _contains("token_endpoint_auth_signing_alg_values_supported", "RS384", "ES384"), claims=_ASYMMETRIC),
    Rule(f"{_DISCOVERY}c", _member("scopes_supported", STRINGS), claims=_ASYMMETRIC),
    Rule(f"{_DISCOVERY}b", _member("token_endpoint", STRING), claims=_ASYMMETRIC),
    Rule(f"{_METADATA}brand-bundle", _member("user_access_brand_bundle", URL)),
    Rule(f"{_METADATA}brand-identifier", _member("user_access_brand_identifier", "an object")),
    Rule("RFC6749-3.1-b", _no_fragment("authorization_endpoint"), has="authorization_endpoint"),
    Rule("RFC6749-3.2-c", _no_fragment("token_endpoint"), has="token_endpoint"),
    Rule("HYGIENE-clock", checks.clock),
    Rule("HYGIENE-json-charset", checks.utf8),
)


def judge(exchange: Exchange, catalogue: Catalogue) -> tuple[dict[str, str], list[Finding]]:
    """What each rule that binds this server came to (``passed``, ``warning`` or ``failed``), and the findings."""
    findings = FOUND.check(FOUND.requirement, exchange)
    outcomes = {FOUND.requirement: _worst(findings, catalogue)}
    if findings:
        return outcomes, list(findings)
    document = exchange.answer.object
    listed = document.get("capabilities")
    capabilities = frozenset(c for c in listed if isinstance(c, str)) if isinstance(listed, list) else frozenset()
    found: list[Finding] = []
    for rule in RULES:
        if rule.binds(document, capabilities):
            said = rule.check(rule.requirement, exchange)
            found += said
            outcome = _worst(said, catalogue)
            before = outcomes.get(rule.requirement, Outcome.PASSED.value)
            outcomes[rule.requirement] = max(before, outcome, key=_ORDER.index)
    return outcomes, found


def requirements() -> Iterator[str]:
    """Every requirement that is put, each once."""
    yield from dict.fromkeys([FOUND.requirement, *(rule.requirement for rule in RULES)])


_ORDER = (Outcome.PASSED.value, Outcome.WARNING.value, Outcome.FAILED.value)


def _worst(findings: Findings, catalogue: Catalogue) -> str:
    return max((catalogue.severity(f).value for f in findings), key=_ORDER.index, default=Outcome.PASSED.value)
