"""What a message quotes of the request: scopes, a redirect URI, a client id; compared with what was sent.

A server that names the value it refuses has said the cause; the answer repeats it. One that repeats the whole list has not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.inputs.weblinks import difference
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.signals.signal import Signal, listed, predicate, saw
from smartlaunch.diagnosis.vendor import Vendor

_SCOPE = re.compile(
    r"(?<![\w/.-])((?:patient|user|system)[/.](?:[A-Z]\w*|\*)\.[a-z*]+|launch/\w+|offline_access|online_access|fhirUser|openid|launch)(?![\w/-])"
)
_SCOPE_WORD = re.compile(r"scopes?\b", re.IGNORECASE)
_QUOTED_URI = re.compile(
    r"redirect[_ -]?ur[il][^.]{0,40}?[\"'` ]((?:https?|[a-z][\w+.-]*)://[^\s\"'`<>)]+)|[\"'`]((?:https?)://[^\s\"'`<>)]+)[\"'`][^.]{0,60}(?:redirect|callback)",
    re.IGNORECASE,
)


@predicate
def quoted(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """Scopes and redirect URIs inside the server's words."""
    for said in m.texts("server"):
        if said.where in ("error_uri", "response_body") and len(said.text) > 3000:
            continue
        if _SCOPE_WORD.search(said.text) and (named := list(dict.fromkeys(_SCOPE.findall(said.text)))):
            yield from _scopes(m, named)
        for found in _QUOTED_URI.finditer(said.text):
            uri = (found.group(1) or found.group(2)).rstrip(".,;")
            if m.redirect_sent and uri != m.redirect_sent:
                words = difference(m.redirect_sent, uri)[1]
                yield saw("quoted-redirect-differs", f"the message names {uri}: {words}", quoted_redirect=uri, redirect_difference=words)
            else:
                yield saw("quoted-redirect", f"the message names the redirect URI {uri}", quoted_redirect=uri)


def _scopes(m: Material, named: list[str]) -> Iterator[Signal]:
    asked = list(m.requested.items) if m.requested is not None else []
    if asked and len(named) > 1 and set(asked) <= set(named):
        yield saw("quoted-whole-list", "the message repeats the whole list of scopes, so it does not tell which one is refused")
        return
    if len(named) > 1 and not asked:
        yield saw("quoted-scopes", f"the message names the scopes {listed(named)}", quoted_scopes=listed(named))
        return
    yield saw("quoted-scopes", f"the message names {listed(named)}", quoted_scopes=listed(named))
    strange = [s for s in named if asked and s not in asked]
    if strange:
        yield saw("quoted-scope-not-sent", f"the message names {listed(strange)}, which the request shown does not ask for")
    other = {scopes.kind_of(s) for s in named} & {scopes.Kind.ILL_FORMED}
    if other:
        yield saw("quoted-scope-ill-formed", f"{listed(named)} is outside the grammar of SMART", ill_formed=listed(named))
