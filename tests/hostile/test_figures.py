"""The page of figures says what is so."""

import figures


def test_page_is_what_the_corpus_says():
    assert figures.DOCUMENT.read_text(encoding="utf-8") == figures.document(), "python tests/hostile/figures.py renews it"
