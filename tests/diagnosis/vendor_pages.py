"""The pages of docs/diagnosis, and the table of symptoms in docs/diagnosis.md: written from the rules and from what they answer.

python tests/diagnosis/vendor_pages.py           writes them anew
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
import warnings
from pathlib import Path
from typing import Any

from smartlaunch.diagnosis import load
from smartlaunch.diagnosis.vendor import Vendor, all_vendors
from smartlaunch.diagnosis.weighing import Rule, rules

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the one public name under which a pattern can be taken apart
    import sre_parse

MOST = 6
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "diagnosis"
DATA = ROOT / "smartlaunch" / "diagnosis" / "vendors"
LIBRARIES = ROOT / "smartlaunch" / "diagnosis" / "libraries"

PAGE = ROOT / "docs" / "diagnosis.md"
MARKS = ("<!-- table:symptoms -->", "<!-- /table:symptoms -->")

SYMPTOMS = [
    (
        "the app never opens, the page says nothing useful",
        "https://as.example/errors/urn:cerner:error:authorization-server:smart-v1:grant:launch:code-required/instances/1",
    ),
    (
        "the server sends the browser back with an error",
        "https://app.example/cb?error=invalid_scope&error_description=unknown+scope&state=4f2a90c1d7e35b86",
    ),
    ("a page about the redirect address", "The redirect URI included is not valid."),
    (
        "the app never gets its code",
        "https://as.example/authorize?response_type=token&client_id=c1&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&scope=openid&aud=https%3A%2F%2Fehr.example%2Ffhir&state=4f2a90c1d7e35b86",
    ),
    ("the token endpoint refuses the client", '{"error":"invalid_client","error_description":"Invalid client credentials"}'),
    ("the token endpoint refuses the code", '{"error":"invalid_grant","error_description":"authorization code expired"}'),
    ("no token, a word about PKCE", '{"error":"invalid_grant","error_description":"PKCE verification failed"}'),
    (
        "a red line in the browser's console",
        "Access to fetch at 'https://as.example/oauth2/token' from origin 'https://app.example' has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header is present on the requested resource.",
    ),
    (
        "the app does not know its own state",
        "oauthlib.oauth2.rfc6749.errors.MismatchingStateError: (mismatching_state) CSRF Warning! State not equal in request and response.",
    ),
    (
        "the app in the EHR's frame stays white",
        "Refused to display 'https://as.example/' in a frame because it set 'X-Frame-Options' to 'deny'.",
    ),
    ("a token, and 401 at the FHIR server", 'WWW-Authenticate: Bearer error="invalid_token", error_description="The access token expired"'),
    (
        "a token, and 403 at the FHIR server",
        '{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"forbidden","diagnostics":"insufficient_scope"}]}',
    ),
    (
        "an administrator has to agree (Entra ID)",
        "AADSTS65001: The user or administrator has not consented to use the application with ID 'c1'.",
    ),
    (
        "fewer scopes than asked for",
        '{"requested_scopes":"openid patient/Patient.read patient/Slot.read","granted_scopes":"openid patient/Patient.read"}',
    ),
    (
        "it works, and stops after an hour",
        "The app works fine but after an hour every request fails with 401 and there is no refresh token.",
    ),
    ("the name of the server is not found", "Error: getaddrinfo ENOTFOUND fhir.example"),
    ("the certificate is not trusted", "PKIX path building failed: unable to find valid certification path to requested target"),
]

TRAITS = {
    "no-wildcards": "Wildcard scopes are not granted.",
    "versions-exclusive": "An app is registered for one version of SMART scopes; those of the other are dropped.",
    "personas": "Patients and providers sign in at different endpoints.",
    "uuid-tenants": "A tenant is a UUID in the path.",
    "silent-dropping": "Scopes that may not be had are left out of the grant without an error.",
    "launch-code-checked": "The launch value is checked at the authorization endpoint.",
    "no-error-description": "Errors come without error_description, with a URN instead.",
    "client-id-not-checked": "Any client id is taken.",
    "dotted-scopes": "Scopes are written with a dot instead of a slash.",
    "generic-error-page": "One error page stands for many causes.",
    "hybrid": "The FHIR server and the authorization server are separate services.",
    "incoming-apis": "Each API has to be ticked in the registration before its scopes are granted.",
    "opaque-tokens": "Access tokens are no JWT.",
    "practice-level-rights": "Each practice has to enable an app by itself.",
    "public-no-refresh": "Public clients get no refresh token.",
    "simulated-errors": "Errors can be asked for in the launch parameters.",
}


def sample(pattern: str) -> str:
    """A wording that a pattern takes, for people to read; an empty text when none can be made of it."""
    try:
        text = re.sub(r"\s+", " ", _made(sre_parse.parse(pattern, re.IGNORECASE))).strip()
    except re.error:
        return ""
    return text if re.search(pattern, text, re.IGNORECASE) else ""


def _made(parsed: Any) -> str:
    out = ""
    for kind, value in parsed:
        match str(kind):
            case "LITERAL":
                out += chr(value)
            case "ANY" | "NOT_LITERAL":
                out += "…"
            case "IN":
                out += _one_of(value)
            case "BRANCH":
                out += _made(value[1][0])
            case "SUBPATTERN":
                out += _made(value[3])
            case "MAX_REPEAT" | "MIN_REPEAT":
                low, high, inner = value
                once = _made(inner)
                out += once * max(low, 1) if once != "…" else "…" if low < 2 else "…" * low
                if not low and high == 1 and once != "…":
                    out = out[: len(out) - len(once)] + (once if once.strip() else " ")
            case "AT" | "ASSERT" | "ASSERT_NOT":
                pass
            case _:
                return ""
    return out


def _one_of(members: Any) -> str:
    kind, value = members[0]
    if str(kind) == "NEGATE":
        return "…"
    if str(kind) == "CATEGORY":
        return {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "x"}.get(str(value), "…")
    if str(kind) == "RANGE":
        return chr(value[0])
    return " " if (str(kind), value) == ("LITERAL", 39) else chr(value)


def _meant(words: str, vendor: Vendor) -> Rule | None:
    """The rule that the diagnosis itself comes to from these words alone, or None."""
    known = {"vendor": vendor.name} if vendor.names else {}
    for told in ({"error_description": words}, {"error_description": words, "http_status": 401, "fhir_request": "GET Patient/1"}):
        first = next(iter(load(json.dumps(told | known)).report().diagnoses), None)
        if first is not None:
            return next(r for r in rules() if r.id == first.rule)
    return None


def _sentence(text: str) -> str:
    """A sentence of a rule without the parts that a case fills in."""
    text = re.sub(r"\[\[.*?\]\]", "", text)
    return " ".join(re.sub(r"\s*\(?\{\w+\}\)?", " …", text).split()).replace("|", "\\|")


def _code(words: str) -> str:
    return f"`{words.replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def _wordings(data: dict[str, Any]) -> list[tuple[str, str]]:
    """The wordings of a vendor as they are shown, and as a server would send them."""
    found = {sample(pattern): sample(pattern) for phrase in data.get("phrase", []) for pattern in phrase["any"]}
    found |= {f"urn:…:{end}": f"urn:cerner:error:authorization-server:{end}" for urn in data.get("urn", []) for end in urn["endings"]}
    return [(shown, sent) for shown, sent in found.items() if shown]


def page(vendor: Vendor) -> str:
    """The page of one vendor."""
    data = tomllib.loads((DATA / f"{vendor.id}.toml").read_text("utf-8"))
    lines = [
        f"# {vendor.name}",
        "",
        "Written from the data that the diagnosis reads; what stands for many wordings is shown by one of them.",
    ]
    hosts = [words.strip(".") for words in map(sample, data.get("hosts", [])) if words]
    if hosts:
        lines += [
            "",
            f"It is told from a host such as {', '.join(_code(h) for h in hosts)} in what is given, from its name, or from wording that only it has.",
        ]
    else:
        lines += ["", "It is told from its name in what is given, or from wording that only it has."]
    traits = [TRAITS[t] for t in data.get("traits", [])]
    if traits:
        lines += ["", "## What is special", "", *(f"- {t}" for t in traits)]
    rows: dict[str, list[str]] = {}
    for words, tried in _wordings(data):
        rule = _meant(tried, vendor)
        if rule is not None:
            rows.setdefault(f"{_sentence(rule.cause)} | {_sentence(rule.fix)}", []).append(_code(words))
    if rows:
        lines += ["", "## What it says and what that means", "", "| wording | cause | what to do |", "|---|---|---|"]
        lines += [f"| {'<br>'.join(words[:MOST])} | {meaning} |" for meaning, words in rows.items()]
    else:
        lines += ["", "Of wording that is its own nothing is known: its errors are read as those of any server."]
    advice = [(e["rule"], _sentence(f"{e.get('fix', '')} {e.get('next', '')}")) for e in data.get("advice", [])]
    if advice:
        lines += ["", "## Its own advice", "", *(f"- Where the rule `{rule}` fires: {words}" for rule, words in advice)]
    retired = [f"- `{entry['host']}`: {entry.get('because', '')}".rstrip(": ") for entry in data.get("retired_host", [])]
    if retired:
        lines += ["", "## Hosts that are gone", "", *retired]
    lines += ["", "## Sources", "", *(f"- <{url}>" for url in sources(data))]
    return "\n".join(lines) + "\n"


def of_libraries() -> str:
    """The page of client libraries: their sentences, by what each means."""
    lines = [
        "# What client libraries and the toolkits of servers say",
        "",
        "Sentences that an app's library, or the toolkit that a server is built with, writes into a console, a log or an answer, known in full;",
        "{} stands for what differs. Each counts whoever pastes it, and no other meaning is guessed of the same words.",
    ]
    for file in sorted(LIBRARIES.glob("*.toml")):
        for row in tomllib.loads(file.read_text("utf-8"))["library"]:
            lines += [
                "",
                f"## {row['name']}",
                "",
                f"Read from <{row['source']}>.",
                "",
                "| sentence | cause | what to do |",
                "|---|---|---|",
            ]
            for says, texts in row["says"].items():
                rule = next((r for r in rules() if f"says:{says}" in (*r.any, *r.all) and set(r.all) <= {f"says:{says}"}), None)
                meant = f"{_sentence(rule.cause)} | {_sentence(rule.fix)}" if rule is not None else " | "
                lines.append(f"| {'<br>'.join(_code(text) for text in texts[:MOST])} | {meant} |")
    return "\n".join(lines) + "\n"


def sources(data: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys([*data.get("sources", []), *(p["source"] for p in data.get("phrase", []) if p.get("source"))]))


def pages() -> dict[str, str]:
    """Every page by its file name, the list of them among these."""
    vendors = sorted((v for v in all_vendors().values() if v.id != "generic"), key=lambda v: v.name.lower())
    made = {f"{v.id}.md": page(v) for v in vendors}
    lines = [
        "# What servers say",
        "",
        "For each vendor known, and for the libraries of apps: its wording, what it means and what to do. [Diagnosis](../diagnosis.md) reads it by itself.",
        "",
    ]
    made["libraries.md"] = of_libraries()
    made["README.md"] = "\n".join([*lines, *(f"- [{v.name}]({v.id}.md)" for v in vendors), "- [Client libraries](libraries.md)"]) + "\n"
    return made


def symptoms() -> str:
    """The table from what is seen to what to type and what comes first, each line of it asked of the diagnosis itself."""
    lines = ["| what you see | what to type | what comes first |", "|---|---|---|"]
    for seen, text in SYMPTOMS:
        first = load(text).report().diagnoses[0]
        typed = "smartlaunch diagnose " + ("- ` and paste `" if "'" in text else f"'{text}'")
        shown = typed + text if "'" in text else typed
        lines.append(
            f"| {seen} | `{shown.replace('|', chr(92) + '|')}` | {first.category.value}, side: {first.side.value} ({first.confidence.value}). {_sentence(first.cause)} |"
        )
    return "\n".join(lines)


def with_symptoms(page: str) -> str:
    """The page on diagnosis with its table of symptoms renewed."""
    before, rest = page.split(MARKS[0])
    return f"{before}{MARKS[0]}\n{symptoms()}\n{MARKS[1]}{rest.split(MARKS[1])[1]}"


def main() -> int:
    PAGE.write_text(with_symptoms(PAGE.read_text("utf-8")), encoding="utf-8")
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for old in FOLDER.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
