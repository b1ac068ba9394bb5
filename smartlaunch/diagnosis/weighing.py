"""Rules over signals: which causes fit, how well, and what would decide when none does.

A rule is data (``rules/*.toml``): ``all`` and ``any`` of the signals it needs, ``none`` that exclude it, ``supports`` and ``against``
that move its weight, and the words it says. The weight orders the causes and gives the confidence; below ``DECLINE`` nothing is
stated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from smartlaunch.diagnosis import data, symptoms
from smartlaunch.diagnosis.inputs.weblinks import host_of
from smartlaunch.diagnosis.material import Material, Said
from smartlaunch.diagnosis.model import Category, Confidence, Diagnosis, Evidence, Missing, Report
from smartlaunch.diagnosis.signals.observing import observe
from smartlaunch.diagnosis.signals.signal import Signal
from smartlaunch.diagnosis.subjects import WEIGHT, Told, diagnosis, faint, leading, near_each_other, subject_named, weighed
from smartlaunch.diagnosis.vendor import Vendor, all_vendors, recognise, vendor_named
from smartlaunch.finding import Side

HIGH, MEDIUM, DECLINE = 80, 55, 40
SUPPORT, AGAINST, THIN = 8, 15, 25
ANSWERED = 10
"""What a cause loses that rests on the description of an answer alone; one that rests on a single quoted sentence loses ``THIN``."""
RETOLD_AT_MOST = 60
"""The most that a cause weighs which only the asker's own words show."""
YIELDED = 48
"""The most that a cause weighs which rests on a general symptom, where a message names something more particular."""
ASKED_AT_MOST = 66
"""The most that a cause weighs which nothing shows but what the asker says of it."""
MOST_SUPPORTS = 3
SPREAD = 35
"""How far below the first cause another may lie and still be shown."""
REQUEST = "request-"
"""How the rules begin that check a pasted request on its own."""
SHOWN = 4
"""How many causes are listed at most."""
FITTING = 6
"""What a cause gains in the order, not in confidence, whose kind is the subject of the whole text."""
OPENED = 6
"""From where on the subject of a text tells which of several causes a message means."""
CLEAR = 8
"""From where on the subject of a text counts more than a cause that weighs less than a subject does."""
BY_FAR = 14
"""From where on the subject of a text counts more than a sentence that is retold."""


@dataclass(frozen=True)
class Rule:
    """One cause: what shows it, what speaks against it, and what to say."""

    id: str
    category: Category
    side: Side
    weight: int
    cause: str
    fix: str
    next: str
    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    supports: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    """Vendor traits, all of which must hold."""
    explains: tuple[str, ...] = ()
    """Rules whose finding is only a consequence of this cause."""
    alone: bool = False
    """A single sentence is enough: the wording itself is the proof."""
    sources: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    at_most: int = 100
    unsure: tuple[str, ...] = ()
    """Signals beside which the confidence is not high."""
    yields: tuple[str, ...] = ()
    """Signals of a symptom that many causes have: resting on these alone, the cause comes after any that a message names."""
    open: tuple[str, ...] = ()
    """Kinds of cause among which the message leaves the choice; where the text is about one of them, that one comes first."""
    last: bool = False
    """Weighed only where neither a message nor the story tells more."""
    early: bool = False
    """Shown first or second wherever it fits: what a person has to know beside the cause."""


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule, in the order of the files."""
    found: list[Rule] = []
    for name, file in data.read_all("rules"):
        if name not in ("missing.toml", "protects.toml", "subjects.toml", "symptoms.toml"):
            found += [_rule(row, Category(file["category"])) for row in file["rule"]]
    return tuple(found)


def _rule(row: dict[str, Any], category: Category) -> Rule:
    known: dict[str, Any] = {k: (tuple(v) if isinstance(v, list) else v) for k, v in row.items()}
    return Rule(**{**known, "side": Side(known["side"]), "category": Category(known.get("category", category))})


@cache
def questions() -> tuple[dict[str, tuple[str, str]], dict[str, tuple[str, ...]]]:
    """What can be asked for, by name, and which questions belong to which step of the flow."""
    file = data.read("rules", "missing.toml")
    asked = {row["name"]: (row["what"], row["how"]) for row in file["question"]}
    return asked, {row["step"]: tuple(row["ask"]) for row in file["step"]}


def vendor_of(m: Material, wanted: str = "") -> Vendor:
    """The vendor to read a material as: the one named, else the one its text or hosts show, else the generic one."""
    if wanted:
        return vendor_named(wanted)
    hosts = [host_of(u) for u in (m.authorize_url, m.token_url, m.fhir_base, m.aud, m.discovery_base) if u]
    if any("urn:cerner:" in u.lower() for u in m.urns):
        hosts.insert(0, "authorization.cerner.com")
    said = [t.text for t in m.texts("server")]
    return recognise([m.vendor], hosts, said) or _told_of(m) or all_vendors()["generic"]


def _told_of(m: Material) -> Vendor | None:
    """The one vendor that the asker's own words name; of several none, for then it is not said whose fault is told."""
    told = [t.text for t in m.texts("asker")]
    named = [v for v in all_vendors().values() if any(p.search(t) for p in v.names for t in told)]
    return named[0] if len(named) == 1 else None


_HABITS = frozenset({"request-state", "request-state-short", "request-pkce-absent", "no-detail-page"})
"""Rules of what a request should have and no server refuses for: beside them a told symptom is the better beginning."""


def examine(m: Material, wanted_vendor: str = "") -> Report:
    """Judge one material: ranked causes, or what is missing to find one."""
    vendor = vendor_of(m, wanted_vendor)
    seen = observe(m, vendor)
    report = Report(vendor=vendor.id, source=m.source, unknown_keys=sorted(m.unknown))
    report.named = [s.evidence.text for n, s in seen.items() if n == "unknown-urn"] + _unknown_codes(m)
    if m.succeeded and not any(n.startswith(("says:", "error:", "status:", "dropped", "fhir-")) or n in _FAULTS for n in seen):
        return report
    told = leading(m, seen)
    report.diagnoses = _rank(_fitting(seen, vendor, m), told)
    if not report.diagnoses:
        report.diagnoses = _retold(m, vendor, told) or _rank(_fitting(seen, vendor, m, last=True))
    elif (better := _opened(report.diagnoses[0], m, seen) or _remarked(report.diagnoses[0], told)) is not None:
        report.diagnoses = [diagnosis(better, report.diagnoses), *report.diagnoses][:SHOWN]
    if not report.diagnoses:
        report.diagnoses = near_each_other(m, seen) or symptoms.told(m, seen) or faint(m, seen)
    elif all(d.rule in _HABITS for d in report.diagnoses):
        report.diagnoses = [*symptoms.told(m, seen), *report.diagnoses][:SHOWN]
    if not report.diagnoses:
        report.missing = _missing(m, seen, ())
    elif report.diagnoses[0].confidence is Confidence.LOW:
        report.missing = _missing(m, seen, _asked(report.diagnoses[0].rule))
    return report


def _opened(first: Diagnosis, m: Material, seen: dict[str, Signal]) -> Told | None:
    """The subject of the text among the kinds of cause that the message of the first one leaves open."""
    left_open = next((rule.open for rule in rules() if rule.id == first.rule), ())
    if first.confidence is Confidence.HIGH or not left_open:
        return None
    told = weighed(m, seen)
    own = max((t.score for t in told if t.subject.category is first.category), default=0.0)
    for each in told:
        if each.subject.category.value in left_open and each.score >= max(OPENED, own / 2) and not _same_words(each, first):
            return each
    return None


def _same_words(told: Told, first: Diagnosis) -> bool:
    """Whether a subject rests on nothing but the words of the message that left the choice open."""
    quoted = " ".join(e.text.lower() for e in first.evidence)
    return all(word.lower() in quoted for word in told.words)


def _remarked(first: Diagnosis, told: Told | None) -> Told | None:
    """The subject, where it is of another kind than a weak cause that only a remark of the asker, or one sentence beside many, shows."""
    if told is None or first.confidence is not Confidence.LOW or first.category is told.subject.category:
        return None
    for_it = [e for e in first.evidence if e.stance == "for"]
    remarked = all(e.by == "asker" for e in for_it)
    return told if remarked or (first.weight < WEIGHT and told.score >= CLEAR) else None


def _asked(rule: str) -> tuple[str, ...]:
    """What would make a cause surer."""
    if rule.startswith(symptoms.PREFIX):
        return symptoms.asks_of(rule)
    subject = subject_named(rule)
    return subject.asks if subject is not None else next(r.asks for r in rules() if r.id == rule)


def _retold(m: Material, vendor: Vendor, told: Told | None) -> list[Diagnosis]:
    """What the asker retells in own words, read as if a server said it: only where nothing else decides, and never with much confidence.

    Where a retold sentence and the subject of the whole text point to different kinds of cause, a subject that leads by far comes first.
    """
    if m.source != "text":
        return []
    notes = [s for said in m.texts("asker") if said.where == "notes" for s in _SENTENCE.split(said.text) if s and not _SETTLED.search(s)]
    heard = replace(m, said=[*m.said, *(Said("server", RETOLD, sentence[:1000]) for sentence in notes[:60])])
    seen = observe(heard, vendor) if notes else {}
    found = _rank(_fitting(seen, vendor, heard, retold=True), told) if notes else []
    if told is None:
        return found
    if found and found[0].category is not told.subject.category and told.score >= BY_FAR:
        return [diagnosis(told, found), *found][:SHOWN]
    return found or [diagnosis(told)]


RETOLD = "as retold"
_SENTENCE = re.compile(r"(?<=[.!?])\s+|[,;]?\s+(?=(?:but|however)\b)", re.IGNORECASE)
_SETTLED = re.compile(
    r"(?i)\b(?:verified|confirmed|checked|made sure|ruled out|(?:is|are) (?:correct|fine|right|valid)(?! for)|"
    r"works?|worked|fixed|solved|resolved|no longer|do(?:es)? not want|thanks?)\b"
)
"""Words of a sentence that tells what is in order, which says nothing of what is not."""
_FAULTS = frozenset({"state-changed", "state-not-returned", "verifier-mismatch", "assertion-as-bearer", "wrong-bearer", "code-reused"})


def _unknown_codes(m: Material) -> list[str]:
    from smartlaunch.diagnosis.inputs.observed import OAUTH_ERRORS

    return [f"the error code {code} is in none of the OAuth documents" for code in m.errors if code not in OAUTH_ERRORS]


def _fitting(seen: dict[str, Signal], vendor: Vendor, m: Material, *, last: bool = False, retold: bool = False) -> list[Diagnosis]:
    """What the rules make of the signals seen, those that are weighed last, or all others."""
    return [d for rule in rules() if rule.last is last and (d := weigh(rule, seen, vendor, m, retold=retold)) is not None]


def weigh(rule: Rule, seen: dict[str, Signal], vendor: Vendor, m: Material, *, retold: bool = False) -> Diagnosis | None:
    """What a rule makes of the signals seen; None where it does not fire."""
    if any(name not in seen for name in rule.all) or any(name in seen for name in rule.none):
        return None
    hit = [name for name in rule.any if name in seen]
    if (rule.any and not hit) or any(t not in vendor.traits for t in rule.traits):
        return None
    supports = [name for name in rule.supports if name in seen]
    against = [name for name in rule.against if name in seen]
    weight = rule.weight + SUPPORT * min(len(supports), MOST_SUPPORTS) - AGAINST * len(against)
    used = [*rule.all, *hit, *supports]
    if retold:
        weight = min(weight - ANSWERED, RETOLD_AT_MOST)
    elif not rule.alone and _thin(used, seen, m):
        described = any(said.where not in ("error", "notes") for said in m.texts("server"))
        known = "library-message" in seen or (described and "phrase-in-answer" in seen)
        weight -= ANSWERED if known else THIN
    weight = min(weight, rule.at_most, 100)
    if all(seen[name].evidence.by == "asker" for name in used):
        weight = min(weight, ASKED_AT_MOST)
    if rule.yields and set(used) <= set(rule.yields) and _named_otherwise(seen):
        weight = min(weight, YIELDED)
    if any(name in seen for name in rule.unsure):
        weight = min(weight, HIGH - 1)
    if weight < DECLINE:
        return None
    values: dict[str, str] = {"vendor": vendor.name if vendor.id != "generic" else "the server"}
    for name in used:
        values.update({k: v for k, v in seen[name].values if k not in values})
    advice = vendor.advice.get(rule.id, {})
    evidence = _evidence(used, against, seen)
    confidence = Confidence.HIGH if weight >= HIGH else Confidence.MEDIUM if weight >= MEDIUM else Confidence.LOW
    return Diagnosis(
        rule=rule.id,
        category=rule.category,
        side=rule.side,
        cause=_fill(rule.cause, values),
        fix=_fill(" ".join(filter(None, (rule.fix, advice.get("fix")))), values),
        next=_fill(" ".join(filter(None, (rule.next, advice.get("next")))), values),
        confidence=confidence,
        weight=weight,
        evidence=evidence,
        sources=[*rule.sources, *(vendor.sources if advice or rule.traits else ())],
    )


def _named_otherwise(seen: dict[str, Signal]) -> bool:
    """Whether a message says more than that something failed."""
    return any(name.startswith("says:") and name not in _SAYS_LITTLE for name in seen)


_SAYS_LITTLE = frozenset(
    {
        "says:gateway-trouble",
        "says:told-unauthorized",
        "says:told-of-frame",
        "says:refreshing",
        "says:told-of-assertion",
        "says:server-fault",
    }
)


def _thin(used: list[str], seen: dict[str, Signal], m: Material) -> bool:
    """Whether a cause rests on one sentence of a message and nothing else is known of the request."""
    facts = m.structured - {"vendor", "notes", "error", "error_description"}
    return (
        not facts
        and not any(n.startswith(("error:", "status:")) or n == "vendor-urn" for n in seen)
        and all(n.startswith("says:") for n in used)
    )


def _evidence(used: list[str], against: list[str], seen: dict[str, Signal]) -> list[Evidence]:
    found = [seen[name].evidence for name in dict.fromkeys(used)]
    found += [Evidence(seen[name].evidence.text, "against", seen[name].evidence.exchange) for name in against]
    unique: dict[tuple[str, str], Evidence] = {}
    for item in found:
        unique.setdefault((item.stance, item.text), item)
    return list(unique.values())


def _fill(text: str, values: dict[str, str]) -> str:
    """Fill the places ``{name}`` of a sentence; a part in ``[[ ]]`` with an unknown place is left out."""

    def part(found: re.Match[str]) -> str:
        inner = found.group(1)
        return inner if all(name in values for name in re.findall(r"\{(\w+)\}", inner)) else ""

    text = re.sub(r"\[\[(.*?)\]\]", part, text)
    return re.sub(r"\{(\w+)\}", lambda f: values.get(f.group(1), f.group(0)), text).strip()


def _rank(found: list[Diagnosis], told: Told | None = None) -> list[Diagnosis]:
    """Best first, without consequences of others; what a person has to know beside the cause comes second."""
    by_id = {rule.id: rule for rule in rules()}
    subject = told.subject.category if told is not None else None
    kept = _without_consequences(sorted(found, key=lambda d: -d.weight - (FITTING if d.category is subject else 0)), by_id)
    best = kept[0].weight if kept else 0
    kept = [d for d in kept if d.weight >= best - SPREAD or by_id[d.rule].early]
    early = [d for d in kept[1:] if by_id[d.rule].early]
    return [*kept[:1], *early, *(d for d in kept[1:] if d not in early)][:SHOWN]


def _without_consequences(ordered: list[Diagnosis], by_id: dict[str, Rule]) -> list[Diagnosis]:
    """Leave out what another cause explains; a fault of the request beside a surer cause of its kind is evidence for that one."""
    hidden: set[str] = set()
    kept: list[Diagnosis] = []
    for item in ordered:
        if item.rule in hidden:
            continue
        hidden.update(by_id[item.rule].explains)
        surer = next((d for d in kept if d.category is item.category), None) if item.rule.startswith(REQUEST) else None
        if surer is None:
            kept.append(item)
        else:
            surer.evidence += [e for e in item.evidence if e not in surer.evidence]
    return [d for d in kept if d.rule not in hidden]


def _missing(m: Material, seen: dict[str, Signal], first: tuple[str, ...]) -> list[Missing]:
    """What would decide, without what is known already."""
    asked, by_step = questions()
    names = list(first)
    names += list(by_step[_step(m, seen)])
    known = _known(m)
    left = [name for name in dict.fromkeys(names) if name not in known]
    return [Missing(*asked[name]) for name in left[:5]]


def _step(m: Material, seen: dict[str, Signal]) -> str:
    for status in ("fhir-401", "fhir-403"):
        if status in seen:
            return status
    if m.fhir or "fhir-refused" in seen or "says:scope-insufficient" in seen or "error:insufficient_scope" in seen:
        return "fhir"
    if m.granted is not None:
        return "grant"
    if "at-token-endpoint" in seen or m.client_auth or any(n.startswith(("error:invalid_client", "error:invalid_grant")) for n in seen):
        return "token"
    if any(n in seen for n in ("says:state-lost", "says:session-lost-in-frame", "in-frame")):
        return "session"
    if m.launch_uri or m.launch_type:
        return "launch"
    if m.authorize_url or m.requested is not None or m.errors:
        return "authorize"
    return "unknown"


def _known(m: Material) -> set[str]:
    known = set()
    if m.requested is not None and m.requested.whole and m.requested.items:
        known.add("requested-scopes")
    if m.granted is not None and m.granted.whole and m.granted.items:
        known.add("granted-scopes")
    if m.registered is not None:
        known.add("registered-scopes")
    if m.smart_version:
        known.add("smart-version")
    if m.redirect_registered:
        known.add("registered-redirect")
    if m.client_auth and m.grant_type:
        known.add("token-request")
    if m.errors or m.urns:
        known.add("error-code")
    if m.aud and m.fhir_base:
        known.add("fhir-base")
    if m.fhir:
        known.add("fhir-request")
    if m.source in ("har", "run"):
        known |= {"har", "error-code", "token-request", "authorize-request"}
    if m.authorize_url and "client_id" in m.authorize_url:
        known.add("authorize-request")
    if m.launch_type:
        known.add("launch-type")
    return known
