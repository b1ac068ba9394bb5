"""Bodies made to keep a redactor or a reader of pages busy: each a unit that is repeated to any size."""

from __future__ import annotations

import json
from typing import NamedTuple
from urllib.parse import quote

SECRET = 'Zx9-kQ "w\\v/é+P=7Lm'
"""A known secret in which each way of quoting changes something."""

OTHER_SECRET = "1234567-Tail-one-abcdefg"
_FHIR = '<Patient xmlns="http://hl7.org/fhir">'


class Shape(NamedTuple):
    media: str
    unit: str
    head: str = ""

    def body(self, size: int) -> bytes:
        return (self.head + self.unit * (size // len(self.unit) + 1))[:size].encode("utf-8", "surrogatepass")


def _quoted(text: str, times: int) -> str:
    return text if not times else _quoted(quote(text, safe=""), times - 1)


def _dumped(text: str, times: int) -> str:
    return text if not times else _dumped(json.dumps(text), times - 1)


SHAPES: dict[str, Shape] = {
    "prose": Shape("text/plain", "lorem ipsum dolor "),
    "backslashes after a secret's name": Shape("text/plain", "\\", "password="),
    "backslashes in quotes": Shape("text/plain", "\\", '"password":"'),
    "a secret's name and a backslash": Shape("text/plain", "password=\\"),
    "a secret's name": Shape("text/plain", "password="),
    "a secret's name and an open quote": Shape("text/plain", '"password":\''),
    "escaped quotes": Shape("text/plain", '\\"'),
    "multipart headers": Shape("multipart/form-data; boundary=x", 'Content-Disposition: form-data; name="a"\r\n'),
    "multipart headers without an end": Shape("multipart/form-data; boundary=x", 'content-disposition: name="'),
    "multipart headers, folded": Shape("multipart/form-data; boundary=x", 'content-disposition: name="a"\r\nx'),
    "multipart parts": Shape("multipart/form-data; boundary=x", '--x\r\ncontent-disposition: name="a"\r\n\r\nb\r\n'),
    "comments without an end": Shape("text/html", "<!-- "),
    "elements without an end": Shape("text/html", "<div>"),
    "options": Shape("text/html", "<option value='abc'>"),
    "less-than signs": Shape("text/html", "<"),
    "tags without an end": Shape("text/html", "<a "),
    "attributes": Shape("text/html", "x='", "<a "),
    "scripts without an end": Shape("text/html", "<script>"),
    "misnested elements": Shape("text/html", "<b><p><i></b>"),
    "tables in tables": Shape("text/html", "<table><td>"),
    "ends without a beginning": Shape("text/html", "</div>"),
    "an input that holds SAML": Shape("text/html", '<input name="SAMLResponse" value="PHNhbWw='),
    "narrative without an end": Shape("application/fhir+xml", "<div ", _FHIR),
    "elements in XML": Shape("application/fhir+xml", '<a b="c" ', _FHIR),
    "attributes in XML": Shape("application/fhir+xml", 'a="b" ', _FHIR),
    "a secret percent-encoded three times": Shape("text/plain", _quoted(SECRET, 3) + " "),
    "a secret in JSON in JSON in JSON": Shape("text/plain", _dumped(SECRET, 3) + " "),
    "percent signs, encoded": Shape("text/plain", "%25"),
    "percent escapes": Shape("text/plain", "%41"),
    "entities": Shape("text/plain", "&amp;"),
    "escapes of JSON": Shape("text/plain", "\\u0041"),
    "beginnings of JWTs": Shape("text/plain", "eyJaaaaaaaa."),
    "beginnings of JWTs in a row": Shape("text/plain", "eyJ"),
    "names of schemes": Shape("text/plain", "Bearer "),
    "beginnings of addresses": Shape("text/plain", "a://"),
    "words with dots": Shape("text/plain", "a.", "a://b "),
    "addresses in addresses": Shape("text/plain", "https://u:p@x?a=https://y?b="),
    "beginnings of keys": Shape("text/plain", "-----BEGIN PRIVATE KEY-----"),
    "arrays in arrays": Shape("application/json", "["),
    "objects in objects": Shape("application/json", '{"a":'),
    "a form": Shape("application/x-www-form-urlencoded", "a=b&"),
    "a form of JSON": Shape("application/x-www-form-urlencoded", "a=%7B%22b%22%3A1%7D&"),
    "blanks": Shape("text/plain", " "),
    "characters nobody sees": Shape("text/plain", "\u200b\u200c"),
    "beginnings of placeholders": Shape("text/plain", "<access_token 1"),
    "base64": Shape("text/plain", "QUJDREVGRw"),
    "what a secret has in common": Shape("text/plain", "Tail-one"),
}
