"""What was pasted may hold secrets: each is learned where it stands, and none leaves with the material or with an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.model import Report
from smartlaunch.evidence.redaction import Redactor
from smartlaunch.evidence.vocabulary import AMBIGUOUS_IN_JSON, SECRET_PARAMETERS

_USER = re.compile(r"(?:^|\s)(?:-u|--user|--proxy-user)[ =]?[ ]*[\"']?([^\s\"':]+):([^\s\"']+)")
_HEADER = re.compile(
    r"(?im)\b(?:authorization|proxy-authorization|cookie|set-cookie|x-api-key|ocp-apim-subscription-key|x-auth-token)[\"']?\s*[:=]\s*[\"']?([^\n\"']{6,4000})"
)
_NAMED = re.compile(
    r"(?i)\b(pass(?:word|wd|phrase|code)?|pwd|client[ _-]?secret|secret|api[ _-]?key|subscription[ _-]?key|"
    r"(?:access|refresh|id|bearer|session)[ _-]?token|token|assertion|code[ _-]?verifier|verifier|auth(?:ori[sz]ation)?[ _-]?code|code|"
    r"cookie|session[ _-]?id|state|launch)\b[\"'`*]*\s*(:(?!:)|=>|=|\bis\b|\bwas\b)\s*[\"'`*]*([^\s\"'`,;<>&]{6,4000})"
)
_OPAQUE = re.compile(r"(?<![\w/.:%+=-])(?=[\w+/-]*\d)(?=[\w+/-]*[a-z])(?=[\w+/-]*[A-Z])[\w+/-]{24,4000}={0,2}(?![\w/.:=])")
_ERROR_CODE = re.compile(r"(?i)(?:error|status|response|sub|exit|reason|result|http)[ _-]?$")
_XML = re.compile(r"<(?:\w+:)?([A-Za-z_]{3,40})>\s*([^<\s]{6,4000})\s*</")
_WORDLIKE = re.compile(
    r"[a-z]+(?:[_-][a-z]+)*|[A-Z][a-z]+|[A-Z_]+|https?://.*|(?:oauth|steps|keymanagement|org|com|io|net|java)\.[\w.]{3,80}", re.DOTALL
)
_KEYS_OF_TEXTS = re.compile(
    r"(?:^|_)(?:public|message|error|reason|translation|i18n|label|locale|lookup|cache|sort|partition|primary|foreign|issue)_key$"
)
"""Keys by which a text, a row or a place is found, and no secret."""
_SECRET_ENDINGS = ("_token", "_secret", "password", "_assertion", "_cookie", "_verifier", "_key")
_FIELDS = (
    "authorize_url", "token_url", "aud", "fhir_base", "discovery_base", "launch_uri", "redirect_sent", "redirect_at_token", "client_id",
    "client_id_registered", "client_id_in_error", "app_id", "persona", "launch_type", "vendor",
)  # fmt: skip
_CALL_OPEN = frozenset({"jwt", "assertion"})


def learn_text(text: str, redactor: Redactor) -> None:
    """Learn what a text gives away by the names around it, whatever form it has."""
    redactor.text(text)
    for user in _USER.finditer(text):
        redactor.learn("password", user.group(2))
    for header in _HEADER.finditer(text):
        _learn_header(header.group(1), redactor)
    for named in _NAMED.finditer(text):
        if _ERROR_CODE.search(text[max(0, named.start() - 16) : named.start()]) or named.group(3).lower().startswith(("urn:", "urn%")):
            continue  # the code of an error, not of an authorization
        if "urn:" in text[max(0, named.start() - 120) : named.start()].rpartition(" ")[2]:
            continue  # the parts of an error URN are words of the server, however they are called
        _learn_named(named.group(1), named.group(2), named.group(3), redactor)
    for opaque in _OPAQUE.finditer(text):
        redactor.learn("form_value", opaque.group())
    if "</" in text:
        for element in _XML.finditer(text):
            if _is_secret(element.group(1)):
                redactor.learn("password", element.group(2))


def _learn_header(value: str, redactor: Redactor) -> None:
    for part in re.split(r"[;,]\s*", value.strip()):
        name, equals, inner = part.strip().partition("=")
        if equals and len(inner) >= 8 and re.fullmatch(r"[\w.-]+", name):
            redactor.learn("cookie", inner)
            continue
        scheme, blank, rest = part.strip().partition(" ")
        if blank and scheme.lower() in ("bearer", "basic", "token", "dpop"):
            redactor.headers([("Authorization", part.strip())])
            if len(rest) >= 6:
                redactor.learn("authorization", rest)
        elif len(part.strip()) >= 8 and not _WORDLIKE.fullmatch(part.strip()) and " " not in part.strip():
            redactor.learn("authorization", part.strip())


def _learn_named(name: str, sign: str, value: str, redactor: Redactor) -> None:
    value = value.rstrip(".)!?*:")
    certain = name.lower().startswith(("pass", "pwd")) or "secret" in name.lower()
    if certain and sign in (":", "=", "=>") and len(value) >= 6:
        redactor.learn("password", value)
    elif len(value) >= 8 and not _WORDLIKE.fullmatch(value) and re.search(r"\d|[a-z][A-Z]|[^\w.-]", value):
        redactor.learn("password" if certain else "access_token", value)


def learn_members(data: Any, redactor: Redactor, depth: int = 0) -> None:
    """Learn the values of members whose name says that they are secret, in any spelling of the name."""
    if depth > 12:
        return
    if isinstance(data, list):
        for item in data[:2000]:
            learn_members(item, redactor, depth + 1)
    elif isinstance(data, Mapping):
        for name, value in data.items():
            if isinstance(value, str):
                if _is_secret(str(name)) and len(value) >= 6 and " " not in value.strip():
                    redactor.learn("password", value)
                elif len(value) < 200_000:
                    learn_text(value, redactor)
            elif isinstance(value, list) and _is_secret(str(name)):
                for each in value[:20]:
                    if isinstance(each, str) and len(each) >= 6 and not each.startswith("http"):
                        redactor.learn("password", each)
            else:
                learn_members(value, redactor, depth + 1)


def _is_secret(name: str) -> bool:
    folded = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().replace("-", "_")
    if folded in ("authorization", "cookie", "set_cookie", "auth"):
        return True
    kind = SECRET_PARAMETERS.get(folded)
    return (kind is not None and folded not in AMBIGUOUS_IN_JSON) or (
        folded.endswith(_SECRET_ENDINGS) and _KEYS_OF_TEXTS.search(folded) is None
    )


def clean(m: Material, redactor: Redactor) -> None:
    """Take every secret out of a material; what rules compare was turned into facts before."""
    m.said = [replace(said, text=redactor.text(said.text)) for said in m.said]
    for name in _FIELDS:
        value = getattr(m, name)
        if value:
            setattr(m, name, redactor.url(value) if "://" in value or "?" in value else redactor.text(value))
    m.redirect_registered = tuple(redactor.url(uri) for uri in m.redirect_registered)
    if m.launch_value:
        m.launch_value = "given"
    m.facts = {name: _cleaned(value, redactor) for name, value in m.facts.items()}
    m.unknown = {redactor.scrub(name): redactor.text(value) for name, value in m.unknown.items()}
    m.errors = [redactor.scrub(code) for code in m.errors]
    m.urns = [redactor.scrub(urn) for urn in m.urns]


def _cleaned(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        return redactor.text(value)
    if isinstance(value, list):
        return [_cleaned(item, redactor) for item in value]
    if isinstance(value, dict):
        return {name: _cleaned(item, redactor) for name, item in value.items()}
    return value


def clean_report(report: Report, redactor: Redactor) -> Report:
    """The same for an answer: the last door, in case a rule quotes what it was given."""
    scrub = redactor.scrub
    for item in report.diagnoses:
        item.cause, item.fix, item.next = scrub(item.cause), scrub(item.fix), scrub(item.next)
        item.evidence = [replace(e, text=scrub(e.text)) for e in item.evidence]
    for name in ("named", "unknown_keys", "warnings", "read", "left"):
        setattr(report, name, [scrub(line) for line in getattr(report, name)])
    report.client_findings = [replace(f, text=scrub(f.text)) for f in report.client_findings]
    return report
