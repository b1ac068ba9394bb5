"""What people write around the messages they paste: labels with values, statuses, requests in words, and sentences that quote.

A person's own words are kept as such and prove little. What counts as a message is told by its form: a quotation, a code span, a log
line, an exception, or what follows "the error is".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.inputs.observed import OAUTH_ERRORS, alias

LONGEST = 60_000
_LABEL = re.compile(
    r"^[\s>*\-•·|✅✔❌#\d.)]*\**[\"'`]?([A-Za-z][A-Za-z0-9_ /()-]{1,40}?)[\"'`]?\**\s*(?::|=|\||=>|->)\s*\**\s*"
    r"[\"'`]?(\S.*?)[\"'`]?[|,;\s]*$"
)
_OWN_LABELS = {
    "client_type": "privacy", "application_type": "privacy", "type": "", "ehr": "vendor", "server": "", "fhir_server": "fhir_base",
    "fhir_url": "fhir_base", "fhir_base_uri": "fhir_base", "basefhirurl": "fhir_base", "base_fhir_url": "fhir_base", "iss": "fhir_base",
    "redirect_url": "redirect_uri", "callback": "redirect_uri", "callback_url": "redirect_uri", "callbackurl": "redirect_uri",
    "redirecturi": "redirect_uri", "clientid": "client_id", "scopes_granted": "granted_scopes", "scopes_requested": "requested_scopes",
    "registered_redirect": "registered_redirect_uri", "registered_redirect_uri": "registered_redirect_uri",
    "granted_scope": "granted_scopes", "requested_scope": "requested_scopes", "authurl": "authorize_url", "auth_url": "authorize_url",
    "tokenurl": "token_endpoint", "launch_uri": "launch_uri", "error_context": "error_context", "error_code": "error",
    "error_message": "error", "error": "error", "errordescription": "error_description", "error_description": "error_description",
    "granted": "granted_scopes", "error_uri": "error_uri", "urn": "urn", "http_status": "http_status", "status_code": "http_status",
    "status": "http_status", "registered_scopes": "registered_scopes", "smart_version": "smart_version", "vendor": "vendor", "aud": "aud",
    "audience": "aud", "scope": "requested_scopes", "scopes": "requested_scopes", "client_id": "client_id",
    "redirect_uri": "redirect_uri", "token_endpoint": "token_endpoint", "token_url": "token_endpoint", "response_body": "response_body",
    "fhir_base": "fhir_base", "fhir_base_url": "fhir_base", "app_type": "app_type", "launch_type": "launch_type", "persona": "persona",
    "access_type": "access_type", "registered_client_id": "registered_client_id", "app_id": "app_id", "application_id": "app_id",
    "registered_redirect_uris": "registered_redirect_uri", "www_authenticate": "www_authenticate", "fhir_request": "fhir_request",
    "client_auth": "", "browser_error": "error", "expires_in": "expires_in",
}  # fmt: skip
"""Labels by which people name what an observation holds; an empty name is taken as prose."""
_URI_LABELS = frozenset(
    {"redirect_uri", "registered_redirect_uri", "fhir_base", "aud", "token_endpoint", "authorize_url", "launch_uri", "error_uri"}
)
_PAIR = re.compile(
    r"(?<![\w.])(error|error_description|errorDescription|error_uri|client_?[iI]d|redirect_?[uU]ri|grant_type|scope)\s*=\s*"
    r"(?:\"([^\"\n]{1,600})\"|'([^'\n]{1,600})'|([^\s,;&\"')\]]{1,400}))"
)
_CODE = r"4(?:[0-2]\d|31|51)|5(?:0\d|1[01]|2\d)"
"""The statuses that are in use: other numbers of three digits are lengths and times."""
_STATUS = re.compile(
    r"\b(?:HTTP(?:/\d(?:\.\d)?)?|status(?:[ _-]?code)?|response|responds?(?: with)?|return(?:s|ed|ing)?|answer(?:s|ed|ing)?|got|gets?|"
    r"getting|receiv\w+|error|failures?|fail(?:s|ed|ing)? with|gives?|giving|throw(?:s|ing)?|see(?:s|ing)?|Response \[)\W{0,6}"
    r"(?:an? |me |the |code |with |HTTP |status |error ){0,3}\W{0,3}(" + _CODE + r")\b"
    r"|\b(?:GET|POST|PUT|PATCH|DELETE|OPTIONS) [^\s\"]{1,300}(?: HTTP/[\d.]{1,4})?\"? (" + _CODE + r")\b"
    r"|(?<![\d.,:/-])\b("
    + _CODE
    + r")\W{0,3}(?:Client Error|Server Error|Unauthorized|Forbidden|Bad Request|Not Found|Internal Server Error|Bad Gateway|"
    r"Service Unavailable|Gateway Time-?out|error|response|status|from|on|when|while|whenever|for)",
    re.IGNORECASE,
)
_STATUS_WORD = re.compile(
    r"(?:\b(?:errors?|message|response|status|exception|getting|get|gets|got|returns?|returned|receiv\w+|says|saying|answers?|as|is|an?)\W{1,12}"
    r"(?:an? |the |me |with |as ){0,2}|^\W*)\b(un-?authori[sz]ed|unauthenticated|forbidden)\b(?![_ ]client)",
    re.IGNORECASE | re.MULTILINE,
)
"""A status told by its words alone."""
_FHIR_CALL = re.compile(
    r"\b(GET|POST|PUT|PATCH|DELETE)\s+((?:\{[^}]*\}\S*?/|/|https?://\S+?/)?(?!HTTP\b)[A-Z][A-Za-z]{3,30}(?:[/?][^\s`'\"]*)?)(?=[\s`'\".,)]|$)"
)
_QUOTED = re.compile(
    r"`{1,3}([^`\n]{3,600})`{1,3}|\"([^\"\n]{3,600})\"|\u201c([^\u201d\n]{3,600})\u201d|(?<![\w])'([^'\n]{6,600})'(?!\w)|«([^»\n]{3,600})»"
)
_EXCEPTION = re.compile(
    r"(?<![\w.$])[\w.$]*(?:Error|Exception|Fault)\b\s*[:(]|\bCaused by\b|\bTraceback\b|"
    r"\b(?:ERROR|ERR|FTL|WARN|WRN|FATAL|SEVERE|WARNING)\b|\[error\]|\blevel=(?:error|warn)|^\s*(?:fail|crit|error|warn):|\bAADSTS\d+|\bIDX\d{5}"
)
_PROGRESS = re.compile(
    r"\s*\*?\s+(?:Trying \S|TCP_NODELAY|Connected to|Host \S+ was resolved|IPv[46]: |ALPN\b|"
    r"(?:successfully set )?certificate verify locations|CAfile:|CApath:|TLSv1|SSL connection using|"
    r"Server certificate:|(?:subject|issuer): \w+=|(?:start date|expire date|subjectAltName):|"
    r"SSL certificate verify ok|Using HTTP|Connection state changed|Copying HTTP|Connection #\d+ to host|upload completely|"
    r"We are completely uploaded|Mark bundle|old SSL session|Server auth using|\[HTTP/2\])|"
    r"Note: Unnecessary use of"
)
"""What curl -v tells of a connection that is in order."""
_FENCE = re.compile(r"\s*(?:```|~~~)\s*([\w+-]*)")
_PRINTED = frozenset({"plain", "log", "logs", "text", "txt", "console", "output", "sh", "shell", "bash", "none", "error"})
"""How a fenced block is named that holds what a program printed; one without a name often does."""
_PROGRAM = re.compile(
    r"[;{}]\s*$|^\s*(?:import|from|const|let|var|def|class|public|private|return|if|for|@|//|#|\$|<|--|\w[\w.-]*\s*:\s*\S*$)|"
    r"\w\s*(?:=|:=|=>|->)\s*[\w\"'({\[]|^\s*[\w.-]+:\s|\)\s*[,)]?\s*$"
)
"""A line of a program, of settings or of a command."""
_HEADING = re.compile(r"\s*(?:fail|crit|warn|error): \S+\[\d+\]\s*$")
"""The line that some loggers write above the message itself."""
_INTRODUCED = re.compile(
    r"\b(?:errors?(?: message| page| code| description)?|messages?|exceptions?|response|says|saying|said|shows?|reads?|responds?(?: with)?|"
    r"returns?|returned|got|get|getting|receiv(?:e|es|ed|ing)|fail(?:s|ed|ing)? with|reject(?:s|ed) with|throws?|gives?)\b"
    r"(?: (?:is|was|me|back|the|an?|this|following|error|message|that|like|of|as|with))*\s*[:\-\u2013]?\s*(.{3,500})",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\b(?:not|never|no longer|n't|without any|instead of|rather than|ruled out|is fine|are fine|works?)\b", re.IGNORECASE)
_NOT_MINE = re.compile(r"\b(?:I|we|my|our|you|they|please|anyone|help|thanks|hello|hi)\b", re.IGNORECASE)
_FIRST_PERSON = re.compile(r"\b(?:I|I'm|we(?! are sorry)|my|our|us|me)\b", re.IGNORECASE)
_ERROR_WORD = re.compile(r"(?<![\w:/-])(" + "|".join(sorted(OAUTH_ERRORS, key=len, reverse=True)) + r")(?![\w-])")
_NEGATED_WORD = re.compile(r"\b(?:no|not|never|without|instead of|n't)\s+(?:an?\s+|the\s+|get\s+|see\s+)*[`'\"]?$", re.IGNORECASE)
_NO_REFRESH = re.compile(
    r"refresh[_ ]token[\"'`]?\s*(?::|is|was|=)?\s*(?:not (?:returned|present|included|there|issued)|missing|null|none|absent)",
    re.IGNORECASE,
)


_RESOURCES = (
    r"Patient|Observation|Condition|Encounter|AllergyIntolerance|Medication\w*|DocumentReference|DiagnosticReport|Procedure|Immunization|"
    r"Coverage|Appointment|ExplanationOfBenefit|Practitioner|Questionnaire\w*|Binary|Bundle|Group|Task|ServiceRequest"
)
_STEPS = tuple(
    (step, re.compile("|".join(patterns), re.IGNORECASE))
    for step, patterns in (
        (
            "discovery",
            (r"\.well-known", r"openid-configuration", r"smart-configuration", r"discovery (?:document|endpoint|url)", r"/metadata\b"),
        ),
        (
            "fhir",
            (
                rf"/(?:{_RESOURCES})\b",
                rf"\b(?:GET|POST|PUT|PATCH|DELETE) (?:the )?(?:{_RESOURCES})\b",
                r"\b(?:FHIR|protected|data|resource)[ -](?:server|apis?|endpoints?|resources?|service|base|calls?|requests?)\b",
                r"\bAPI (?:endpoints?|calls?|requests?|server)\b",
                (
                    r"\b(?:call|access|fetch|read|search|query|retriev|request|get|pull|load|post|put|creat|updat|writ)\w*(?: to)? "
                    r"(?:the |any |a |all |my |their |some )?(?:\w+ )?"
                    rf"(?:{_RESOURCES}|patients?|resources?|observations?|records?|patient data)\b"
                ),
                r"\bwith (?:the|this|that|my|a valid) (?:access |bearer )?token\b",
            ),
        ),
        (
            "token",
            (
                r"/token\b",
                r"\btoken (?:endpoint|url|request|exchange|call)\b",
                r"\bexchang\w+",
                r"\brefresh(?:ing)? (?:the |my |an? )?(?:access )?token\b",
                (
                    r"\b(?:get|gets|getting|request\w*|obtain\w*|retriev\w*|fetch\w*|acquir\w*|generat\w*|ask\w* for) (?:an? |the |my )?"
                    r"(?:\w+ )?(?:access )?tokens?\b"
                ),
                r"\bclient[_ ]credentials\b",
            ),
        ),
        (
            "authorize",
            (r"/authori[sz]e\b", r"\bauthori[sz]\w* (?:endpoint|url|request|page)\b", r"\b(?:login|sign-?in|consent) page\b"),
        ),
    )
)
"""By which words of a sentence the step is told that answered with a status, the most telling first."""
_LIBRARY_CALL = re.compile(
    r"\b(?:client|smart|fhir\w*)\.(?:request|(?:patient|user|encounter)\.(?:read|request)|create|"
    r"update|patch|search|server\.\w+)\("
)
"""How client libraries ask a FHIR server."""
_LISTED = re.compile(r"\"([^\"\n]{4,2000})\"|\u201c([^\u201d\n]{4,2000})\u201d|`([^`\n]{4,2000})`")
_GRANTED = re.compile(
    r"(?i)\b(?:granted|returned|received|issued|approved|trimmed|reduced|response|answer|token (?:has|with|contains)|only)\b"
)
_ASKED = re.compile(r"(?i)\b(?:we|I|app|client)\b[^.]{0,30}\b(?:request|ask for|asked for|requested|requesting|asking for)\b")
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z])|\n\s*\n")
_SCOPE = r"(?:patient|user|system)/(?:[A-Z][A-Za-z]+|\*)\.(?:read|write|\*|[cruds]{1,5})(?![\w/])"
_SCOPE_WORD = re.compile(rf"(?<![\w/.:]){_SCOPE}")
_SCOPE_RUN = re.compile(rf"(?<![\w/.:])(?:{_SCOPE}(?:[ \t]*,[ \t]*(?:and[ \t]+)?|[ \t]+(?:and[ \t]+)?)?){{2,60}}")
"""Scopes that stand side by side inside a sentence."""
_EXAMPLE = re.compile(r"(?i)(?:\be\.g\.|\bi\.e\.|\bfor (?:example|instance)|\bsuch as|\ban? (?:\w+ )?scopes? like)[\s,:(`\"']*$")
"""What is named as an example, and neither asked for nor granted."""
_REQUESTED = re.compile(r"(?i)\b(?:request\w*|ask\w*|includ\w*|sen[dt]\w*|scopes?)\b")


@dataclass
class Heard:
    """What stands in prose: values by an observation's key, words of a server, and the rest, which is the asker's."""

    values: dict[str, str] = field(default_factory=dict)
    server: list[tuple[str, str]] = field(default_factory=list)
    asker: str = ""
    errors: list[str] = field(default_factory=list)
    status: int = 0
    step: str = ""
    """The step of the flow that answered with the status, as far as the sentence about it tells."""
    calls: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    """Lines in which nobody speaks of himself; they may be a message where nothing else is one."""


def read(text: str, *, alone: bool, silent: bool = True) -> Heard:
    """Read prose; ``alone`` says that nothing else was pasted, so a short text is a message rather than a story.

    ``silent`` says that no message was found elsewhere: then lines in which nobody speaks of himself are taken for one.
    """
    text = re.sub(r"[ \t]{3,}", "  ", text[:LONGEST])
    heard = Heard()
    rest: list[str] = []
    fence = ""
    short = alone and len(text) < 400 and text.strip().count("\n") < 3 and not _NOT_MINE.search(text)
    before = ""
    for line in text.splitlines():
        if (mark := _FENCE.match(line)) is not None:
            fence = "" if fence else mark.group(1) or "plain"
        if not line.strip(" \t`*_-#>|") or _PROGRESS.match(line):
            continue
        headed = _HEADING.match(before) is not None and line[:1] in (" ", "\t")
        before = line
        taken = _label(line, heard)
        if taken and taken not in ("error", "error_description"):
            continue
        if taken:
            heard.server.append(("log" if _EXCEPTION.search(line) else taken, line.strip()))
            continue
        if short or headed or _EXCEPTION.search(line) or _is_output(line, fence):
            heard.server.append(("log", line.strip()[:2000]))
        else:
            heard.server += [("quoted", quote) for quote in _quotes(line)]
        rest.append(line)
    heard.lines = [line.strip()[:1000] for line in rest if not _FIRST_PERSON.search(line)][:20] if len(rest) <= 12 else []
    if silent and not heard.server:
        heard.server = [("line", line) for line in heard.lines]
    story = " ".join(line.strip() + (" ." if re.search(r"[=\\{}\"`:;]", line) else "") for line in rest)
    if not short:
        heard.server += [("quoted", words) for words in _introduced(rest)]
    heard.asker = story
    _codes(text, heard)
    _scope_lists(text, heard)
    if told := _status(story, rest if not short else []):
        heard.status = int(told) if told.isdigit() else 403 if told.lower() == "forbidden" else 401
        heard.step = _step_of(story, told) or ("fhir" if _LIBRARY_CALL.search(story) else "")
    heard.calls = [f"{m.group(1)} {m.group(2)}" for m in _FHIR_CALL.finditer(story)][:6]
    if _NO_REFRESH.search(story):
        heard.values.setdefault("refresh_token", "not returned")
    return heard


def _is_output(line: str, fence: str) -> bool:
    """Whether a line of a fenced block is what a program printed, rather than a program or its settings."""
    return fence.lower() in _PRINTED and len(line.split()) > 2 and _PROGRAM.search(line) is None


def _status(story: str, lines: list[str]) -> str:
    """The first status of a story as it stands there, by its number or else by its words alone, which may begin a line."""
    if found := _STATUS.search(story):
        return next(code for code in found.groups() if code)
    worded = (_STATUS_WORD.search(story) or _STATUS_WORD.search("\n".join(lines))) if lines else None
    return "" if worded is None else worded.group(1)


def _step_of(story: str, status: str) -> str:
    """The step that the sentences with a status speak of, else those before them; the first that tells counts."""
    named = re.compile(rf"(?<![\d.]){re.escape(status)}(?!\d)", re.IGNORECASE)
    sentences = ["", *re.split(r"(?<=[.!?])\s+(?=[A-Z])|\s\.\s", story)]
    at = [place for place, sentence in enumerate(sentences) if named.search(sentence)]
    told = [*(sentences[place] for place in at), *(sentences[place - 1] for place in at)]
    return next((step for sentence in told for step, pattern in _STEPS if pattern.search(sentence)), "")


def _scope_lists(text: str, heard: Heard) -> None:
    """Scope lists that a sentence introduces, on the next line or between quotation marks: what was granted and what was asked for."""
    before = ""
    for line in text.splitlines():
        bare = line.strip(" \t`*_->|\"'")
        if not bare:
            continue
        if _is_scope_list(bare):
            _scope_list(before, bare, heard)
        else:
            for found in _LISTED.finditer(line):
                words = next(group for group in found.groups() if group is not None)
                if _is_scope_list(words):
                    _scope_list(line[: found.start()], words, heard)
            for run in _SCOPE_RUN.finditer(line):
                _scope_list(line[: run.start()], " ".join(_SCOPE_WORD.findall(run.group())), heard)
            before = line
    if "granted_scopes" in heard.values and "requested_scopes" not in heard.values:
        named = [w for part in _SENTENCES.split(text) if _ASKED.search(part) for w in _SCOPE_WORD.findall(part)]
        if named:
            heard.values["requested_scopes"] = " ".join(dict.fromkeys(named))


def _scope_list(introduced: str, words: str, heard: Heard) -> None:
    if _EXAMPLE.search(introduced):
        return
    last = re.split(r"(?<=[.!?])\s|,\s(?=(?:I |we )?(?:only|just|but)\b)", introduced.strip())[-1]
    if _GRANTED.search(last) and not _DENIED.search(last):
        heard.values.setdefault("granted_scopes", words)
    elif _REQUESTED.search(last):
        heard.values.setdefault("requested_scopes", words)


def _is_scope_list(words: str) -> bool:
    found = words.replace(",", " ").split()
    kinds = [scopes.kind_of(word) for word in found]
    return bool(found) and scopes.Kind.FOREIGN not in kinds and (len(found) > 1 or "/" in words)


def labelled_addresses(text: str) -> dict[str, str]:
    """Addresses that stand behind their names, one a line: "Redirect URI: https://..."."""
    found: dict[str, str] = {}
    for line in text[:LONGEST].splitlines():
        label = _LABEL.match(line[:4000]) if "://" in line else None
        name = _OWN_LABELS.get(_key(label.group(1)), "") if label is not None else ""
        if label is not None and name in _URI_LABELS:
            value = label.group(2).split()[0].strip("`<>,;\"'*()")
            if "://" in value and name not in found:
                found[name] = value
    return found


def _key(label: str) -> str:
    return re.sub(r"[ /()-]+", "_", label.strip().lower()).strip("_")


def _label(line: str, heard: Heard) -> str:
    """Take ``Label: value``; the observation's key that it was taken for, or an empty string."""
    pairs = list(_PAIR.finditer(line))
    for pair in pairs:
        name = {
            "errorDescription": "error_description",
            "clientId": "client_id",
            "clientid": "client_id",
            "redirectUri": "redirect_uri",
        }.get(pair.group(1), pair.group(1))
        value = next(v for v in pair.groups()[1:] if v is not None)
        if name in ("error", "error_description"):
            heard.server.append((name, value))
            if name == "error" and re.fullmatch(r"[a-z]+(?:_[a-z]+)+", value):
                heard.errors.append(value)
        elif name == "grant_type":
            heard.values.setdefault("token_request", f"grant_type={value}")
        elif value.lower() not in ("null", "none", "undefined") and not _is_code(name, value):
            heard.values.setdefault({"scope": "requested_scopes"}.get(name, name), value)
    found = _LABEL.match(line[:4000])
    if not found or (pairs and "=" in found.group(0)[: found.start(2)]):
        return ""
    name = _OWN_LABELS.get(_key(found.group(1)), "")
    value = found.group(2).strip().strip("`*\"'")
    if not name or not value or len(value) > 3000:
        return ""
    if name in _URI_LABELS:
        first = value.split()[0].strip("`<>,;\"'")
        if "://" not in first:
            return ""
        value = first
    if name in ("client_id", "app_id", "registered_client_id") and (" " in value or len(value) < 3):
        return ""
    if name == "http_status" and not re.search(r"\b[1-5]\d\d\b", value):
        return ""
    if name not in ("error", "error_description"):
        heard.values.setdefault(name, value)
    return name if alias(name) else ""


def _is_code(name: str, value: str) -> bool:
    """Whether a value is the name of something in a program, from which the real one comes."""
    if name == "redirect_uri":
        return re.match(r"[A-Za-z][\w+.-]*:|/|https?%3A", value, re.IGNORECASE) is None
    return re.match(r"(?:self|this|cfg|config|settings|options|env|process\.env|os\.environ)\b[.\[]", value) is not None


def _quotes(line: str) -> Iterator[str]:
    for found in _QUOTED.finditer(line):
        words = next(g for g in found.groups() if g is not None).strip()
        if not _NEGATED_WORD.search(line[: found.start()]):
            yield words


def _introduced(lines: list[str]) -> Iterator[str]:
    """What follows "the error is" and its like, to the end of the sentence."""
    for line in lines:
        for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z])", line):
            found = _INTRODUCED.search(sentence)
            if found and not _DENIED.search(sentence[: found.start(1)]) and not _DENIED.search(found.group(1)[:40]):
                yield found.group(1).strip()


def _codes(text: str, heard: Heard) -> None:
    for found in _ERROR_WORD.finditer(text):
        before = text[max(0, found.start() - 40) : found.start()]
        if found.group(1) in heard.errors or _NEGATED_WORD.search(before):
            continue
        line = text[
            text.rfind("\n", 0, found.start()) + 1 : text.find("\n", found.end()) if text.find("\n", found.end()) >= 0 else len(text)
        ]
        if found.group(1).count("_") and not re.search(r"response_type|scopes_supported", line):
            heard.errors.append(found.group(1))
