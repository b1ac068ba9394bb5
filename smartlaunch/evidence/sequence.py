"""A launch as a sequence diagram: app, browser, authorization server, FHIR server.

``arrows`` is the data; ``svg`` and ``table`` show it in a page, ``mermaid`` in a ticket. Everything shown comes from redacted
exchanges and is escaped here, for a server decides what stands in it.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from smartlaunch.exchange import RecordedExchange

PARTICIPANTS: Final = ("app", "browser", "authorization server", "FHIR server")
APP, BROWSER, SERVER, FHIR = PARTICIPANTS
_FHIR_ENDPOINTS: Final = frozenset({"discovery", "metadata", "fhir"})
_TO_APP: Final = frozenset({"redirect", "launch"})
NAMES: Final = {
    "discovery": "SMART configuration",
    "openid-configuration": "OpenID configuration",
    "metadata": "metadata",
    "jwks": "keys",
    "authorize": "authorize",
    "page": "page",
    "redirect": "redirect to the app",
    "launch": "launch",
    "token": "token",
    "introspection": "introspect",
    "revocation": "revoke",
    "fhir": "FHIR",
    "style": "style",
    "brands": "brands",
    "other": "",
}
_PAGES: Final = {
    "login": "sign-in",
    "user": "sign-in",
    "role": "choice of a role",
    "patient": "choice of a patient",
    "search": "search for a patient",
    "page": "choice of a patient",
    "encounter": "choice of an encounter",
    "consent": "consent",
    "notice": "notice",
    "launch": "chart",
    "menu": "chart",
    "link": "link to the login",
}
"""What the recipes found on a page, as people call such a page."""
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
_HALO: Final = 'paint-order="stroke" stroke="var(--sequence-paper, none)" stroke-width="4"'
_LANE, _MARGIN, _TOP, _ROW = 236, 118, 64, 58


@dataclass(frozen=True, slots=True)
class Arrow:
    """One exchange in the diagram: who asked whom for what, and what came back.

    ``label`` is the request in a few words, ``answer`` the response; ``note`` says what a reader should not miss; ``bad`` marks an
    error answer or none at all.
    """

    exchange: str
    source: str
    target: str
    method: str
    path: str
    status: int
    label: str
    answer: str
    note: str = ""
    bad: bool = False


def arrows(exchanges: Iterable[RecordedExchange]) -> list[Arrow]:
    """The arrows of a diagram, one for each exchange, in order."""
    return [_arrow(exchange) for exchange in exchanges]


def svg(exchanges: Iterable[RecordedExchange], *, title: str = "Launch") -> str:
    """A self-contained SVG element with title and description; its colours follow those of the page.

    The page may set ``--sequence-line``, ``--sequence-muted``, ``--sequence-bad`` and ``--sequence-paper`` (its background, so that
    words stand clear of the lines behind them); else the colour of text is used.
    """
    rows = arrows(exchanges)
    name = "seq-" + hashlib.sha256(json.dumps([title, [row.exchange for row in rows]]).encode()).hexdigest()[:10]
    width, height = _MARGIN * 2 + _LANE * (len(PARTICIPANTS) - 1), _TOP + _ROW * len(rows) + 20
    out = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="sequence" role="img" aria-labelledby="{name}-t {name}-d" '
            f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="system-ui, sans-serif" font-size="12">'
        ),
        f'<title id="{name}-t">{_escape(title)}</title><desc id="{name}-d">{_escape(describe(rows))}</desc>',
        (
            f'<defs><marker id="{name}-m" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            'orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="context-stroke"/></marker></defs>'
        ),
    ]
    for at, participant in enumerate(PARTICIPANTS):
        x = _MARGIN + _LANE * at
        out.append(
            f'<line x1="{x}" y1="40" x2="{x}" y2="{height - 6}" stroke="var(--sequence-muted, currentColor)" stroke-opacity="0.35"/>'
            f'<rect x="{x - 84}" y="8" width="168" height="32" rx="8" fill="var(--sequence-paper, none)" '
            'stroke="var(--sequence-line, currentColor)"/>'
            f'<text x="{x}" y="29" text-anchor="middle" font-weight="600" fill="currentColor">{participant}</text>'
        )
    for number, row in enumerate(rows):
        out.append(_drawn(row, _TOP + _ROW * number, name))
    out.append("</svg>")
    return "".join(out)


def table(exchanges: Iterable[RecordedExchange], *, caption: str = "Requests in order") -> str:
    """The same as an HTML table, for those who read rather than look."""
    head = "".join(f'<th scope="col">{word}</th>' for word in ("Exchange", "From", "To", "Request", "Answer", "Note"))
    body = "".join(
        "<tr>"
        + "".join(
            f"<td>{_escape(cell)}</td>"
            for cell in (row.exchange, row.source, row.target, f"{row.label} · {row.method} {row.path}", row.answer, row.note)
        )
        + "</tr>"
        for row in arrows(exchanges)
    )
    return f'<table class="sequence-table"><caption>{_escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def mermaid(exchanges: Iterable[RecordedExchange]) -> str:
    """The same as Mermaid text, which GitHub draws inside a fenced block."""
    short = {APP: "A", BROWSER: "B", SERVER: "S", FHIR: "F"}
    lines = ["sequenceDiagram"] + [f"  participant {short[each]} as {each}" for each in PARTICIPANTS]
    for row in arrows(exchanges):
        source, target = short[row.source], short[row.target]
        lines.append(f"  {source}->>{target}: {_mermaid(f'{row.label} · {row.method} {row.path}')}")
        if source != target:
            lines.append(f"  {target}{'--x' if row.bad else '-->>'}{source}: {_mermaid(row.answer)}")
        if row.note:
            lines.append(f"  Note over {source},{target}: {_mermaid(row.note)}")
    return "\n".join(lines) + "\n"


def describe(rows: Sequence[Arrow]) -> str:
    """The diagram in words, for screen readers."""
    parts = [
        f"{row.source} to {row.target}: {row.label}, answer {row.answer}" + (f" ({row.note})" if row.note else "") for row in rows[:60]
    ]
    more = f" And {len(rows) - 60} more." if len(rows) > 60 else ""
    return f"{len(rows)} requests. " + ". ".join(parts) + "." + more


def _drawn(row: Arrow, y: int, name: str) -> str:
    start, end = (_MARGIN + _LANE * PARTICIPANTS.index(each) for each in (row.source, row.target))
    colour = "var(--sequence-bad, #c2410c)" if row.bad else "var(--sequence-line, currentColor)"
    room = max(1, abs(PARTICIPANTS.index(row.source) - PARTICIPANTS.index(row.target))) * 36
    middle = (start + end) // 2
    inward = 4 if end > start else -4
    detail = f"{row.method} {row.path}"
    drawn = (
        f'<g class="sequence-row"><title>{_escape(f"{row.exchange}: {detail}")}</title>'
        f'<text x="{middle}" y="{y + 2}" text-anchor="middle" font-weight="600" {_HALO} fill="currentColor">'
        f"{_escape(_fit(row.label, room))}</text>"
        f'<text x="{middle}" y="{y + 16}" text-anchor="middle" font-size="10" {_HALO} fill="currentColor" fill-opacity="0.8">'
        f"{_escape(_fit(detail, room + 6))}</text>"
        f'<line x1="{start}" y1="{y + 21}" x2="{end - inward}" y2="{y + 21}" stroke="{colour}" stroke-width="1.5" '
        f'marker-end="url(#{name}-m)"/>'
    )
    answer = row.answer + (f" · {row.note}" if row.note else "")
    drawn += (
        f'<line x1="{end}" y1="{y + 27}" x2="{start + inward}" y2="{y + 27}" stroke="{colour}" stroke-dasharray="5 4" '
        f'marker-end="url(#{name}-m)"/>'
        f'<text x="{middle}" y="{y + 39}" text-anchor="middle" font-size="11" {_HALO} fill="{colour if row.bad else "currentColor"}">'
        f"{_escape(_fit(answer, room + 4))}</text></g>"
    )
    return drawn


def _arrow(exchange: RecordedExchange) -> Arrow:
    parts = urlsplit(_one_line(exchange.url).partition("#")[0]) if _parses(exchange.url) else urlsplit("")
    source = BROWSER if exchange.actor == "browser" else APP
    if exchange.endpoint in _TO_APP and exchange.actor == "browser":
        target = APP
    else:
        target = FHIR if exchange.endpoint in _FHIR_ENDPOINTS else SERVER
    sent = dict(parse_qsl(parts.query, keep_blank_values=True))
    if exchange.method == "POST" and "=" in exchange.request_body[:100]:
        sent |= dict(parse_qsl(exchange.request_body[:20_000], keep_blank_values=True))
    if exchange.endpoint == "redirect":
        sent |= dict(parse_qsl(exchange.url.partition("#")[2], keep_blank_values=True))
    label, note = _request_words(exchange, sent, parts.path)
    bad = exchange.status == 0 or exchange.status >= 400 or (exchange.endpoint == "redirect" and "error" in sent)
    if exchange.endpoint in _TO_APP and exchange.actor == "browser" and (exchange.caught or not exchange.error):
        bad = "error" in sent
    return Arrow(
        exchange=_one_line(exchange.id),
        source=source,
        target=target,
        method=_one_line(exchange.method)[:12],
        path=_one_line(parts.path or "/"),
        status=exchange.status,
        label=_one_line(label),
        answer=_one_line(_answer_words(exchange, sent)),
        note=_one_line(note),
        bad=bad,
    )


def _request_words(exchange: RecordedExchange, sent: dict[str, str], path: str) -> tuple[str, str]:
    name = NAMES.get(exchange.endpoint, exchange.endpoint)
    if exchange.endpoint == "authorize" and ("client_id" in sent or "response_type" in sent):
        words: list[str] = [word for word in ("scope", "aud", "launch") if word in sent]
        method = sent.get("code_challenge_method")
        if "code_challenge" in sent:
            words.append(method or "challenge without method")
        missing = [word for word in ("aud", "state", "code_challenge") if not sent.get(word)]
        return f"{name} ({', '.join(words)})", f"without {', '.join(missing)}" if missing else ""
    if exchange.endpoint == "token":
        words = [sent.get("grant_type", "no grant_type")]
        words += ["verifier"] if "code_verifier" in sent else []
        authorization = _header(exchange.request_headers, "authorization")
        if authorization.lower().startswith("basic"):
            words.append("Basic")
        words += [each for each in ("client_secret", "client_assertion") if each in sent]
        return f"{name} ({', '.join(words)})", ""
    if exchange.endpoint == "redirect":
        shown = [word for word in ("code", "state", "error", "error_uri") if word in sent]
        return f"{name} ({', '.join(shown) or 'nothing'})", ""
    if exchange.endpoint == "launch":
        given = [word for word in ("iss", "launch") if word in sent]
        return f"{name} ({', '.join(given) or 'without iss and launch'})", ""
    if exchange.endpoint == "fhir":
        return "/".join(part for part in path.split("/")[-2:] if part) or name, ""
    if exchange.endpoint == "page" and exchange.method == "POST":
        return "form sent", ""
    return name or f"{exchange.method} {path}", ""


def _answer_words(exchange: RecordedExchange, sent: dict[str, str]) -> str:
    if exchange.error and not exchange.status and not exchange.caught:
        return f"no answer: {exchange.error}"
    if exchange.endpoint in _TO_APP and exchange.actor == "browser":
        return f"caught, {sent['error']}" if "error" in sent else "caught"
    status = f"{exchange.status}"
    location = _header(exchange.response_headers, "location")
    if 300 <= exchange.status < 400 and location:
        query = dict(parse_qsl(location.partition("?")[2].replace("#", "&"), keep_blank_values=True))
        shown = [word for word in ("code", "state") if word in query]
        if "error" in query:
            return f"{status} error={query['error']}"
        return f"{status} redirect" + (f" ({', '.join(shown)})" if shown else "")
    body = _object(exchange.response_body)
    if isinstance(body.get("error"), str):
        return f"{status} {body['error']}"
    if exchange.endpoint == "token" and "access_token" in body:
        extra = [word for word in ("refresh_token", "id_token", "patient", "encounter") if word in body]
        return f"{status} access_token" + (f", {', '.join(extra)}" if extra else "")
    if body.get("resourceType") == "OperationOutcome" and exchange.status >= 400:
        return f"{status} OperationOutcome"
    page = page_words(exchange)
    return f"{status} page: {page}" if page else f"{status} {exchange.reason}".strip()


def page_words(exchange: RecordedExchange) -> str:
    """What the page is on which the browser acted, such as "sign-in"; empty where it is no such page."""
    return ", ".join(dict.fromkeys(_PAGES[each] for each in str(exchange.facts.get("page", "")).split(",") if each in _PAGES))


def _object(body: str) -> dict[str, Any]:
    if not body.lstrip().startswith("{") or len(body) > 300_000:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _header(headers: list[list[str]], wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted), "")


def _parses(url: str) -> bool:
    try:
        urlsplit(_one_line(url))
    except ValueError:
        return False
    return True


def _fit(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _one_line(text: str) -> str:
    return _UNSAFE.sub(" ", text)


def _escape(text: str) -> str:
    return html.escape(_one_line(text))


def _mermaid(text: str) -> str:
    line = _fit(_one_line(text), 120)
    return re.sub(r"[#;<>\"'`{}\[\]|&%]", lambda match: f"#{ord(match.group())};", line)
