"""Issuers: whose value differs, and in what, which tells who has to mend it."""

from __future__ import annotations

from collections.abc import Iterator

from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.signals.signal import Signal, predicate, saw
from smartlaunch.diagnosis.vendor import Vendor


@predicate
def issuers(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """Two issuers of one comparison, or what is told of them."""
    pair = m.facts.get("issuers")
    if isinstance(pair, dict):
        expected, found = str(pair["expected"]), str(pair["found"])
        name = {
            "nothing": "issuers-alike",
            "slash": "issuers-differ-in-slash",
            "scheme": "issuers-differ-in-address",
            "address": "issuers-differ-in-address",
            "name": "issuers-differ-in-name",
        }[str(pair["differ_in"])]
        words = f"expected is {expected}, what came is {found}" if pair["ordered"] else f"compared are {expected} and {found}"
        yield saw(name, words, issuers=f"{expected} and {found}")
        if pair["refused"] and pair["ordered"] and expected != found:
            yield saw("issuer-refused", "a message refuses one issuer and names the one it expects")
        if name == "issuers-differ-in-address":
            yield saw("issuer-of-two-addresses", words, issuers=f"{expected} and {found}")
        return
    if m.facts.get("issuer_slash_told"):
        yield saw("issuers-differ-in-slash", "a slash at the end of the issuer is spoken of")
    elif told := m.facts.get("two_addresses_told"):
        yield saw("issuer-of-two-addresses", f'the server is reached under more than one address ("{told}")')
