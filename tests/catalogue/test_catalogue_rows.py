"""The catalogue keeps its own rules: ids, strengths, links and sentences of every row."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from importlib.resources import files
from typing import Any

import pytest

from smartlaunch.catalogue import EDITIONS, Requirement, load
from smartlaunch.finding import Strength

REASONS = {"attestation", "deprecated", "needs-two-organizations", "not-observable", "permissive", "registration-api"}

CAPABILITIES = {
    "authorize-post",
    "client-confidential-asymmetric",
    "client-confidential-symmetric",
    "client-public",
    "context-banner",
    "context-ehr-encounter",
    "context-ehr-patient",
    "context-standalone-encounter",
    "context-standalone-patient",
    "context-style",
    "launch-ehr",
    "launch-standalone",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
    "smart-app-state",
    "sso-openid-connect",
}

KEYS = {
    "id",
    "section",
    "source_ids",
    "actor",
    "strength",
    "capability",
    "client_role",
    "kind",
    "editions",
    "condition",
    "text",
    "reason",
    "inferno",
    "note",
    "restates",
    "source",
}

ID = re.compile(
    r"""(?:SMART-[12]\.[02]-[a-z]+(?:-[a-z0-9]+)*      # page and topic
      | RFC\d{4}-\d+(?:\.\d+)*(?:-[a-z])?               # RFC and section
      | OIDC-(?:Core|Discovery)-\d+(?:\.\d+)*(?:-[a-z])?
      | (?:FHIR-R4|HYGIENE|EXPECT)-[a-z]+(?:-[a-z0-9]+)*)""",
    re.VERBOSE,
)


def documents() -> list[tuple[str, dict[str, Any]]]:
    """Every file of the catalogue with its raw content."""
    folder = files("smartlaunch.catalogue")
    return [
        (entry.name, tomllib.loads(entry.read_text(encoding="utf-8")))
        for entry in sorted(folder.iterdir(), key=lambda item: item.name)
        if entry.name.endswith(".toml")
    ]


DOCUMENTS = documents()
RAW = [(name, data["document"], row) for name, data in DOCUMENTS for row in data["requirement"]]


@pytest.fixture(scope="module")
def rows() -> list[Requirement]:
    """All rows as the suite sees them."""
    return list(load().values())


def test_every_document_has_a_head() -> None:
    """A document names itself, its title, its address and the editions its rows hold for."""
    for name, data in DOCUMENTS:
        head = data["document"]
        assert set(head) == {"id", "title", "url", "default_editions"}, name
        assert head["url"].startswith("https://"), name
        assert set(head["default_editions"]) <= set(EDITIONS), name


def test_rows_hold_only_known_keys() -> None:
    """A misspelt key would be dropped in silence by the loader."""
    stray = {row["id"]: sorted(set(row) - KEYS) for _, _, row in RAW if set(row) - KEYS}
    assert not stray


def test_ids_are_unique() -> None:
    """An id is given once, over all documents."""
    doubled = [key for key, count in Counter(row["id"] for _, _, row in RAW).items() if count > 1]
    assert not doubled


def test_ids_name_their_document() -> None:
    """An id starts with the id of its document and follows the form of its kind."""
    for _, head, row in RAW:
        assert row["id"].startswith(f"{head['id']}-"), row["id"]
        assert ID.fullmatch(row["id"]), row["id"]


def test_section_of_an_rfc_row_is_the_section_of_its_id() -> None:
    """The number in the id of an RFC row and its link agree."""
    for _, head, row in RAW:
        if head["id"].startswith("RFC"):
            number = row["id"].removeprefix(f"{head['id']}-").split("-")[0]
            assert row["section"] == f"#section-{number}", row["id"]


def test_strengths_and_actors_are_legal(rows: list[Requirement]) -> None:
    """Each row says who is bound and how strongly."""
    for row in rows:
        assert row.actor in {"server", "client"}, row.id
        assert row.strength in Strength, row.id


def test_links_lead_to_a_section(rows: list[Requirement]) -> None:
    """A finding links to the very section, so every address has a fragment."""
    for row in rows:
        assert re.fullmatch(r"https://\S+#[^\s#]+", row.url), row.id


def test_sentences_are_single_and_short(rows: list[Requirement]) -> None:
    """A requirement is one plain sentence of at most 200 characters."""
    for row in rows:
        assert row.text[0].isupper() or row.text[0] == "`", row.id
        assert row.text.endswith("."), row.id
        assert not re.search(r"[.!?]\s+[A-Z]", row.text), row.id
        assert len(row.text) <= 200, row.id
        assert not re.search(r"\b(SHALL|SHOULD|MUST|MAY)\b", row.text), row.id


def test_no_two_rows_of_a_document_say_the_same(rows: list[Requirement]) -> None:
    """Two rows with one sentence in one document would be one rule with two verdicts."""
    doubled = [key for key, count in Counter((row.document, row.actor, row.text) for row in rows).items() if count > 1]
    assert not doubled


def test_reasons_start_with_a_known_code(rows: list[Requirement]) -> None:
    """A reason is a code, a colon and the words that apply to this row."""
    for row in rows:
        if row.reason:
            code, colon, words = row.reason.partition(": ")
            assert code in REASONS, row.id
            assert colon, row.id
            assert len(words) > 10, row.id


def test_a_permission_without_reason_does_not_exist(rows: list[Requirement]) -> None:
    """Nothing a server does can break a MAY, so its row says why no scenario judges it."""
    for row in rows:
        if row.actor == "server" and row.strength is Strength.MAY:
            assert row.reason.startswith("permissive: "), row.id


def test_deprecated_rows_have_that_as_reason(rows: list[Requirement]) -> None:
    """A withdrawn row of the list stays visible and is never put to a server."""
    for row in rows:
        if row.actor == "server" and row.strength is Strength.DEPRECATED:
            assert row.reason.startswith("deprecated: "), row.id


def test_capabilities_and_editions_are_known(rows: list[Requirement]) -> None:
    """Capabilities are SMART's own codes, and no row is left without an edition."""
    for row in rows:
        assert not row.capability or row.capability in CAPABILITIES, row.id
        assert row.editions, row.id
        assert set(row.editions) <= set(EDITIONS), row.id
        assert row.client_role in {"", "backend"}, row.id


def test_conditions_read_as_a_clause(rows: list[Requirement]) -> None:
    """A condition goes on after the sentence, as in "... when the member is there"."""
    for row in rows:
        assert not row.condition or row.condition.startswith("when "), row.id


def test_rows_outside_the_documents_of_smart_never_fail() -> None:
    """Hygiene, expectations and the best current practice warn, because SMART App Launch does not bind them."""
    for _, head, row in RAW:
        if head["id"] in {"HYGIENE", "EXPECT", "RFC9700", "SMART-2.2-best-practices"}:
            assert row["strength"] in {"SHOULD", "SHOULD NOT"}, row["id"]
            assert row["kind"] in {"hygiene", "expectation"}, row["id"]


def test_inferno_ids_look_like_theirs(rows: list[Requirement]) -> None:
    """The names of corresponding tests are written as that suite writes them."""
    named = [name for row in rows for name in row.inferno]
    assert named
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in named)


def test_house_style_examples_exist() -> None:
    """The ids that the documents of this project use as examples are real rows."""
    catalogue = load()
    for key in ("RFC6749-5.1-a", "RFC7636-4.6-a", "OIDC-Core-3.1.3.7-a", "SMART-2.2-app-launch-pkce-a"):
        assert key in catalogue, key


def test_every_document_of_the_plan_is_there(rows: list[Requirement]) -> None:
    """Each document that binds a SMART server has rows for it."""
    wanted = {"RFC6749", "RFC6750", "RFC7636", "RFC7523", "RFC7662", "RFC7009", "RFC9207", "RFC9700", "OIDC-Core", "OIDC-Discovery"}
    assert wanted <= {row.document for row in rows if row.actor == "server"}


def test_a_duty_that_is_put_says_which_sentence_it_rests_on() -> None:
    """Each SHALL of a server that a scenario can judge tells where the obligation stands, in words of its own."""
    duties = [row for row in load().values() if row.actor == "server" and row.strength.fails and not row.reason]
    assert duties
    assert [row.id for row in duties if not row.source.endswith(".") or row.source == row.text] == []
