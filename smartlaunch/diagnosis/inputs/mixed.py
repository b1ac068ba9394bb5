"""Read a text of any kind into one material: every piece by its own reader, in the order in which they were pasted.

Secrets are learned first, from the whole text, so that no reader has to think of them.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from smartlaunch import markup
from smartlaunch.addresses import parameters_of
from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.inputs import cleaning, console, documents, flows, issuers, messages, observed, prose, tokens, xmltext
from smartlaunch.diagnosis.inputs.addresses import note_token_in, read_query, read_url
from smartlaunch.diagnosis.inputs.pieces import Piece, take_apart
from smartlaunch.diagnosis.inputs.readings import Reading
from smartlaunch.diagnosis.inputs.sent import Sent
from smartlaunch.diagnosis.inputs.weblinks import collect_urns, host_of, read_authorize_url
from smartlaunch.diagnosis.material import FhirCall, Material
from smartlaunch.diagnosis.vendor import all_vendors, recognise
from smartlaunch.evidence.redaction import Redactor

_UNSAID: Final = frozenset({"script", "style", "svg", "head"})
_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]{1,300})<", re.IGNORECASE)
_TITLE_AT_MOST = 200
_FHIR_ADDRESS = re.compile(r"(?i)://[^/]+/(?:[^?#]*/)?(?:fhir|r4|r5|stu3|dstu2)(?:/(?!\.well-known|auth|oauth)|$)")
_INNER = re.compile(r"https?://((?:localhost|127\.0\.0\.1|[\w-]+|[\w.-]+\.(?:local|internal|svc|lan))(?::\d+)?)(?:[/?#]|$)")
"""The host of an address that is known in one machine or network only."""
_JOINED = re.compile(
    r"(?<![:/])//(?:auth|authori[sz]e|oauth2?|token|introspect|realms|\.well-known)\b|"
    r"/\.well-known/[\w-]+/+(?:auth|oauth2?|token)\b"
)
"""Where an address was put together from parts with a slash too many, or from the address of a document."""
_ENDS = " \n\t.,;:)]}>*_!\"'`"


def read_text(text: str, redactor: Redactor) -> Reading:
    """Read whatever was pasted. Nothing is refused; what cannot be used is named in ``left``."""
    found, rest = take_apart(text)
    return _Text(redactor).read(text, found, rest)


def read_data(data: Any, redactor: Redactor) -> Reading:
    """Read a JSON value that was parsed already."""
    text = "" if isinstance(data, (dict, list)) and len(str(data)) > 200_000 else json.dumps(data, ensure_ascii=False)
    return _Text(redactor).read(text, [Piece("json", "", 0, 0, data)], "")


class _Text:
    """One text being read."""

    def __init__(self, redactor: Redactor) -> None:
        self.out = Reading(Material(source="text"), redactor)
        self.m = self.out.m
        self._sent = Sent(self.out)
        self._log: list[str] = []
        self._seen: set[str] = set()
        self._broken: set[str] = set()
        """Addresses that a blank before a value cut in two."""

    def read(self, text: str, pieces: list[Piece], rest: str) -> Reading:
        """Learn the secrets, read messages first, then everything else, then the prose around."""
        cleaning.learn_text(text, self.out.redactor)
        issuers.read(text, self.m)
        pieces = self._expanded(pieces)
        self._sent.final = pieces[-1] if pieces and not rest[pieces[-1].end :].strip() else None
        if pieces and (len(pieces) > 1 or rest.strip()) and re.fullmatch(r"\S{0,60}", rest[pieces[-1].end :].strip(_ENDS)):
            self._sent.last = pieces[-1].text
        self._broken = {
            p.text for p in pieces if p.kind == "url" and p.text.endswith("=") and re.match(r"[ \t]+\S", text[p.end : p.end + 40])
        }
        self._sent.authorization = next((p.data[1] for p in pieces if p.kind == "header" and p.data[0] == "authorization"), "")
        sources: set[str] = set()
        for piece in pieces:
            self._sent.take(piece)
        self._sent.flush()
        if self.out.exchanges:
            self.m.structured.add("exchanges")
            flows.read_into(self.m, self.out.exchanges)
        for piece in pieces:
            sources.add(self._other(piece))
        alone = not pieces
        self._first_line(text, rest)
        if rest.strip() or self._log:
            self._prose(rest, alone=alone, addresses=prose.labelled_addresses(text))
        self._source(sources - {""}, rest)
        self._settle(pieces)
        cleaning.clean(self.m, self.out.redactor)
        self.out.read = [self.out.redactor.text(line) for line in self.out.read]
        self.out.left = [self.out.redactor.text(line) for line in self.out.left]
        return self.out

    # --- pieces ---------------------------------------------------------------------------------------------------------------

    def _expanded(self, pieces: list[Piece], depth: int = 0) -> list[Piece]:
        """Each piece once; lists and log lines are opened."""
        found: list[Piece] = []
        for piece in pieces:
            key = f"{piece.kind} {piece.text}" if piece.text else ""
            if key and key in self._seen:
                continue
            self._seen.add(key)
            if piece.kind != "json" or depth > 2:
                found.append(piece)
                continue
            cleaning.learn_members(piece.data, self.out.redactor)
            kind = documents.kind_of(piece.data)
            if kind == "list":
                inner = [Piece("json", "", piece.start, piece.end, d) if isinstance(d, (Mapping, list)) else None for d in piece.data[:100]]
                plain = [d for d in piece.data[:100] if isinstance(d, str)]
                self._log += plain[:5]
                found += self._expanded([p for p in inner if p is not None], depth + 1)
            elif kind == "log line":
                self.out.took("a line of an application's log")
                for text in documents.log_texts(piece.data):
                    cleaning.learn_text(text, self.out.redactor)
                    more, rest = take_apart(text)
                    if rest.strip():
                        self._log.append(rest.strip()[:4000])
                    found += self._expanded(more, depth + 1)
            elif kind == "har entries":
                entries = piece.data if isinstance(piece.data, list) else piece.data.get("entries", [piece.data])
                self.out.entries += [e for e in entries if isinstance(e, dict)]
            elif kind == "har":
                self.out.entries += (
                    [e for e in piece.data["log"]["entries"] if isinstance(e, dict)]
                    if isinstance(piece.data["log"]["entries"], list)
                    else []
                )
            else:
                found.append(Piece(kind, piece.text, piece.start, piece.end, piece.data))
        return found

    def _other(self, piece: Piece) -> str:
        """Everything that is no message of the flow; gives the kind of source that the piece makes by itself."""
        data = piece.data
        match piece.kind:
            case "url":
                return self._url(piece.text)
            case "form":
                if "grant_type=" not in piece.text:
                    self.out.redactor.body("application/x-www-form-urlencoded", piece.text.lstrip("?#&").encode("utf-8", "replace"))
                    self.out.took(read_query(piece.text, self.m) or "a query without an address")
                return "url"
            case "body":
                return self._body(data)
            case "xml":
                return self._xml(piece.text)
            case "page":
                return self._page(piece.text)
            case "answer":
                if not self.out.exchanges:
                    self._lone_answer(data)
                return "body"
            case "header":
                self._header(*data)
            case "console":
                console.read(data, self.m)
                if data.url:
                    self._url(data.url)
                self.out.took(data.what)
            case "jwt":
                self._jwt(piece.text)
            case "urn":
                fresh = [u for u in collect_urns(piece.text) if u not in self.m.urns]
                self.m.urns += fresh
                self.m.structured.add("urn")
                self.out.took(f"the URN {fresh[0]}" if fresh else "")
            case _:
                return self._document(piece.kind, data)
        return piece.kind

    def _jwt(self, token: str) -> None:
        kind = tokens.read(token, self.m)
        self.out.redactor.learn("jwt", token)
        if kind:
            self.out.took(f"a JWT, by its claims {_a(kind)}{tokens.told_of(self.m.facts['jwt']['claims'])}; its signature was not kept")
        else:
            self.out.leave("something like a JWT that cannot be decoded")

    def _document(self, kind: str, data: Any) -> str:
        """JSON that is neither an error nor an answer."""
        match kind:
            case "observation":
                inner = {"vendor": data.get("vendor", ""), **data["observed"]} if isinstance(data.get("observed"), Mapping) else data
                observed.read_into(self.m, inner)
                self.out.took("an observation")
            case "authorization request":
                read_authorize_url("?" + urlencode({str(k): _plain(v) for k, v in data.items()}), self.m)
                self.m.structured.add("authorize_params")
                self.out.took("the parameters of an authorization request")
            case "configuration":
                self._configuration(documents.configuration(data), "a discovery document")
            case "capability statement":
                self._configuration(documents.capability(data), "a CapabilityStatement")
            case "resource":
                self.out.leave(f"a FHIR resource of type {str(data.get('resourceType'))[:40]}: nothing of it is kept")
            case "keys":
                self.m.facts["jwks_kids"] = [str(k.get("kid", ""))[:80] for k in data["keys"][:50]]
                self.out.took(f"a JWK Set with {len(data['keys'])} keys")
            case "claims" | "jwt part":
                observed.read_into(self.m, {"client_assertion": data} if data.get("iss") == data.get("sub") else {})
                self.out.took("the claims of a token")
            case "other":
                self.out.leave(_named(data))
            case _:
                return ""
        return kind

    def _url(self, url: str) -> str:
        note_token_in(url, self.m)
        if _FHIR_ADDRESS.search(url.partition("?")[0]) is not None:
            self.m.facts.setdefault("fhir_address", True)
        if (inner := _INNER.match(url)) is not None:
            self.m.facts.setdefault("inner_address", inner.group(1))
        if (joined := _JOINED.search(url.partition("?")[0])) is not None:
            self.m.facts.setdefault("address_joined", joined.group(0))
        what = read_url(url, self.m, whole=url != self._sent.last and url not in self._broken)
        for name, value in self._sent.compare(url).items():
            self.m.facts.setdefault(name, value)
        self.out.redactor.url(url)
        if what:
            self.out.took(what)
            return "url"
        self.out.leave(f"an address at {host_of(url) or 'no host'} with nothing of a launch in it")
        return "url"

    def _body(self, data: Any) -> str:
        found = observed.read_body(self.m, data)
        if found.path:
            self._path(found.path)
        for name, value in found.headers:
            if name.lower() == "location":
                self._url(value)
        if found.token is not None:
            self.out.took("a token answer")
        elif found.outcome:
            self.out.took("an OperationOutcome")
        elif found.errors or found.texts or found.status:
            under = f", found under {'.'.join(found.wrapped[:4])}" if found.wrapped else ""
            self.out.took(f"an error body{' (' + ', '.join(found.errors[:3]) + ')' if found.errors else ''}{under}")
        else:
            self.out.leave(_named(data))
        return "body"

    def _path(self, path: str) -> None:
        """The path that a framework names in its error: which endpoint refused."""
        if re.search(r"/token/?$", path):
            self.m.token_url = self.m.token_url or path
        elif (call := re.search(r"/([A-Z][A-Za-z]+)(?:/([^/?]+))?(?:\?|/|$)", path)) is not None:
            self.m.fhir.append(FhirCall(call.group(1), "read" if call.group(2) else "search"))

    def _configuration(self, facts: dict[str, Any], what: str) -> None:
        self.m.structured.add("discovery")
        for name, value in facts.items():
            self.m.facts.setdefault(name, value)
        self.out.took(what + (f" of {facts['issuer']}" if facts.get("issuer") else ""))

    def _xml(self, text: str) -> str:
        data = xmltext.read(text)
        kind = documents.kind_of(data)
        if kind == "resource":
            self.out.leave(f"a FHIR resource of type {data['resourceType'][:40]} in XML: nothing of it is kept")
            return "body"
        if not data:
            self.out.leave("XML without an error")
            return "body"
        cleaning.learn_members(data, self.out.redactor)
        return self._body(data)

    def _page(self, text: str) -> str:
        self.out.redactor.body("text/html", text.encode("utf-8", "replace"), status=400)
        title = _TITLE.search(text)
        words = markup.words(text, unsaid=_UNSAID)[:3000]
        if title:
            self.m.facts["page_title"] = " ".join(html.unescape(title.group(1)).split())
            self.m.hear("server", "page", self.m.facts["page_title"])
        self.m.hear("server", "page", words)
        self.m.structured.add("response_body")
        self.m.facts["page"] = True
        for code in observed.OAUTH_ERRORS:
            if re.search(rf"(?<![\w:/-]){code}(?![\w-])", words) and code not in self.m.errors and "_" in code:
                self.m.errors.append(code)
        self.m.urns += [u for u in collect_urns(words) if u not in self.m.urns]
        self.out.took("an HTML page" + (f" with the title {self.m.facts['page_title']!r}" if title else ""))
        return "body"

    def _lone_answer(self, got: messages.Message) -> None:
        if got.status >= 400:
            self.m.statuses.setdefault("any", got.status)
        self.m.structured.add("http_status")
        for name, value in got.headers:
            self.out.redactor.headers([(name, value)])
            self._header(name.lower(), value, quiet=True)
        found, rest = take_apart(got.body) if got.body else ([], "")
        for piece in self._expanded(found):
            self._other(piece)
        if rest.strip():
            self.m.hear("server", "response_body", rest.strip()[:3000])
            if got.status >= 400 and not self.m.errors:
                self.m.facts["body_is_text"] = True

    def _header(self, name: str, value: str, *, quiet: bool = False) -> None:
        if name != "authorization" or " " in value.strip():
            self.out.redactor.headers([(name, value.strip())])
        if name == "location":
            self._url(value)
        elif name == "www-authenticate":
            observed.read_into(self.m, {"www_authenticate": value})
            if value.lower().startswith("bearer") and re.search(r"realm=\"?[^\"]*fhir|resource_metadata", value, re.IGNORECASE):
                self.m.facts["challenge_of_fhir"] = True
        elif name == "authorization":
            scheme = value.split(" ", 1)[0].lower()
            if scheme in ("bearer", "basic"):
                self.m.facts["authorization_scheme"] = scheme
            if scheme == "bearer" and (token := tokens.PATTERN.search(value)):
                tokens.read(token.group(), self.m)
        elif name == "date":
            tokens.read_date(value, self.m)
        elif name in ("x-frame-options", "access-control-allow-origin", "content-security-policy", "x-amzn-errortype"):
            self.m.hear("setting", name, f"{name}: {value}")
        else:
            return
        if not quiet:
            self.out.took(f"the header {name}")

    def _first_line(self, text: str, rest: str) -> None:
        """Keep the first line where it is prose above more text: people write there what it is all about."""
        first = next((line for line in rest.splitlines() if line.strip()), "").strip()
        if first and len(first) <= _TITLE_AT_MOST and text.lstrip().startswith(first[:40]) and text.strip() != first:
            self.m.facts["first_line"] = first

    # --- prose and what follows -----------------------------------------------------------------------------------------------

    def _prose(self, rest: str, *, alone: bool, addresses: Mapping[str, str]) -> None:
        m = self.m
        silent = not m.errors and not m.urns and not any(m.texts("server"))
        heard = self._with_log(prose.read(rest, alone=alone and not self._log, silent=silent))
        for name, address in addresses.items():
            heard.values.setdefault(name, address)
        values = self._take_values(heard)
        for code in heard.errors:
            if code not in m.errors:
                m.errors.append(code)
                self.out.took(f"the error code {code}")
        telling = self._telling(heard, silent=silent)
        if telling:
            self.out.took("words of a server or a log line")
        elif any(words.strip(" .:;,-") for _, words in heard.server):
            self.out.leave(f"{sum(len(words.split()) for _, words in heard.server)} words in no wording that is known")
        self._take_status(heard)
        if heard.asker.strip():
            self._take_notes(heard, alone=alone, telling=telling, told=bool(values))

    def _with_log(self, heard: prose.Heard) -> prose.Heard:
        """The same with what the lines of a log say."""
        for line in self._log:
            self.m.hear("server", "log", line)
            inner = prose.read(line, alone=True)
            heard.errors += [e for e in inner.errors if e not in heard.errors]
            heard.step = heard.step if heard.status else inner.step
            heard.status = heard.status or inner.status
            for name, value in inner.values.items():
                heard.values.setdefault(name, value)
        return heard

    def _take_values(self, heard: prose.Heard) -> dict[str, Any]:
        """Take values by their labels, and what a server is quoted with."""
        known = self._known()
        values = {name: value for name, value in heard.values.items() if name not in known}
        if "token_request" in values and self.out.exchanges:
            del values["token_request"]
        if values:
            observed.read_into(self.m, values)
            self.out.took("values by their labels: " + ", ".join(sorted(values)))
        for where, words in heard.server:
            self.m.hear("server", where, words)
        return values

    def _take_status(self, heard: prose.Heard) -> None:
        m = self.m
        if heard.status and not any(s >= 400 for s in m.statuses.values()):
            m.statuses[heard.step or "any"] = heard.status
            m.structured.add("http_status")
            self.out.took(f"the status {heard.status}")
        if heard.calls and not m.fhir:
            for call in heard.calls:
                observed.read_into(m, {"fhir_request": call})
            self.out.took(f"a FHIR request: {heard.calls[0]}")

    def _take_notes(self, heard: prose.Heard, *, alone: bool, telling: bool, told: bool) -> None:
        """Take what the asker says in his own words."""
        m = self.m
        m.hear("asker", "notes", heard.asker)
        if not m.vendor and not (heard.server and alone):
            vendor = recognise([heard.asker], [])
            m.vendor = vendor.name if vendor is not None and not self._hosts_known() else ""
        if heard.server and not telling and alone:
            return
        count = len(heard.asker.split())
        if told or heard.server or heard.errors or heard.status or heard.calls:
            self.out.took(f"{count} words around it, taken as notes")
        else:
            self.out.leave(f"{count} words of prose, in which no message, address or status was found")

    def _telling(self, heard: prose.Heard, *, silent: bool) -> bool:
        """Whether the words found are known to any wording; where none is, the lines in which nobody speaks of himself are asked."""
        if any(_says(words) for _, words in heard.server) or heard.errors:
            return True
        lines = [line for line in heard.lines if _says(line)] if silent else []
        heard.server += [("line", line) for line in lines]
        for line in lines:
            self.m.hear("server", "line", line)
        return bool(lines)

    def _hosts_known(self) -> bool:
        hosts = [host_of(u) for u in (self.m.authorize_url, self.m.token_url, self.m.fhir_base, self.m.aud) if u]
        return recognise([], hosts) is not None

    def _known(self) -> set[str]:
        """Keys of an observation that a message itself already answers."""
        m = self.m
        given = {
            "client_id": m.client_id, "redirect_uri": m.redirect_sent, "aud": m.aud, "requested_scopes": m.requested,
            "granted_scopes": m.granted, "token_endpoint": m.token_url, "authorize_url": m.authorize_url,
            "fhir_base": m.fhir_base, "launch_uri": m.launch_uri,
            "vendor": m.vendor, "token_request": m.grant_type,
        }  # fmt: skip
        return {name for name, value in given.items() if value}

    def _source(self, sources: set[str], rest: str) -> None:
        """One thing alone keeps the name of its kind; anything else is a text."""
        if (
            len(sources) == 1
            and not rest.strip()
            and not self.out.exchanges
            and (only := next(iter(sources))) in ("url", "body", "observation")
        ):
            self.m.source = only

    def _settle(self, pieces: list[Piece]) -> None:
        """Bring together what stands in different pieces."""
        m, f = self.m, self.m.facts
        if m.fhir_base and m.aud and m.source == "text" and "aud_equals_base" not in f and m.fhir_base == m.aud:
            f["aud_equals_base"] = True
        known = f.get("discovered_authorize")
        if isinstance(known, str) and m.authorize_url and "response_type" in m.authorize_url:
            f.setdefault("endpoint_as_discovered", m.authorize_url.partition("?")[0] == known.partition("?")[0])
        if m.client_id and not m.client_id_registered:
            written = [p.data for p in pieces if p.kind == "observation" and isinstance(p.data, Mapping)]
            m.client_id_registered = next((str(d["registered_client_id"]) for d in written if d.get("registered_client_id")), "")
        if m.requested is None and m.authorize_url:
            sent = dict(parameters_of(m.authorize_url)).get("scope")
            m.requested = scopes.from_parameter(sent) if sent else None
        if f.get("challenge_of_fhir") and m.statuses.get("any") in (401, 403) and not m.errors:
            m.statuses.setdefault("fhir", m.statuses["any"])
        observed.finish(m)


def _says(words: str) -> bool:
    """Whether any vendor's wording knows a text; the generic vendor reads the wording of all."""
    return any(all_vendors()["generic"].says_in(words, "server"))


def _named(data: Any) -> str:
    if isinstance(data, Mapping):
        names = ", ".join(str(name)[:30] for name in list(data)[:8])
        return f"a JSON object without an error or a message of a launch (members: {names or 'none'})"
    return f"JSON without an object in it ({type(data).__name__})"


def _a(kind: str) -> str:
    return f"an {kind}" if kind[:1].lower() in "aeiou" else f"a {kind}"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else " ".join(str(v) for v in value) if isinstance(value, list) else str(value)
