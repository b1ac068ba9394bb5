"""Read the few facts of an XML error without an XML parser: no entity is expanded, no document type is read, nothing is fetched."""

from __future__ import annotations

import html
import re
from typing import Any

LONGEST = 200_000
MOST_ELEMENTS = 2000
_ROOT = re.compile(
    r"<\?xml\b[^>]{0,200}\?>\s*|<(?:[A-Za-z][\w.-]*:)?(?:OperationOutcome|OAuth|oauth|Error|error|errors|Fault|fault|ErrorResponse|Envelope|Exception|"
    r"exception|Response|response|CapabilityStatement|Conformance|problem)\b"
)
_ELEMENT = re.compile(r"<(/?)(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)([^<>]{0,4000}?)(/?)>([^<]{0,8000})")
_VALUE = re.compile(r"\bvalue\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_STATUS_NAMES = frozenset({"status", "statusCode", "code", "Code"})


def find(text: str) -> list[tuple[int, int]]:
    """Where XML documents or error elements stand; each runs to the closing tag of its root, or to the end."""
    found: list[tuple[int, int]] = []
    at = 0
    while len(found) < 20 and (begin := _ROOT.search(text, at)):
        start = begin.end() if begin.group().startswith("<?") else begin.start()
        root = re.compile(r"\s*<([A-Za-z_][\w.:-]*)").match(text, start)
        if root is None or root.group(1).lower() == "html":
            at = begin.end()
            continue
        close = text.find(f"</{root.group(1)}>", root.end())
        end = close + len(root.group(1)) + 3 if close >= 0 else len(text)
        found.append((begin.start(), min(end, begin.start() + LONGEST)))
        at = end
    return found


def read(text: str) -> dict[str, Any]:
    """The members that matter, as the same error would have them in JSON; a FHIR resource keeps only its type."""
    names: list[str] = []
    found: dict[str, Any] = {}
    for number, element in enumerate(_ELEMENT.finditer(text[:LONGEST])):
        if number >= MOST_ELEMENTS:
            break
        closing, name, attributes, alone, words = element.groups()
        if closing or name.lower() == "xml":
            continue
        names.append(name)
        attribute = _VALUE.search(attributes)
        value = html.unescape(next((v for v in (attribute.groups() if attribute else ()) if v is not None), words)).strip()
        if alone and not attribute:
            continue
        if value and len(found) < 60:
            found.setdefault(name, value) if name not in ("text", "diagnostics", "message") else _add(found, name, value)
    root = next((n for n in names if n.lower() != "xml"), "")
    if root in ("OperationOutcome", "CapabilityStatement", "Conformance"):
        return {"resourceType": root, **({k: v for k, v in found.items() if k not in ("div", "p")} if root == "OperationOutcome" else {})}
    if root[:1].isupper() and 'xmlns="http://hl7.org/fhir"' in text[:2000]:
        return {"resourceType": root}
    return found


def _add(found: dict[str, Any], name: str, value: str) -> None:
    found[name] = f"{found[name]} {value}" if name in found else value
