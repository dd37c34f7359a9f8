"""One row in, one row out, whatever the batch; and a version that moves with the rules."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import polars as pl
import pytest

from dataalchemy_pipelines.core.records import CLEAN_DOCUMENTS
from dataalchemy_pipelines.transforms import redact
from dataalchemy_pipelines.transforms.recipe import FILLED_BY_THE_ENGINE, RECIPE, RecipeSettings, clean, recipe_version

SETTINGS = RecipeSettings()
TEXTS = [
    "Please mail jo@example.org or jo@example.org about card 4111 1111 1111 1111.\r\n",
    "too short",
    "",
    "The text of this document is written in plain English.",
    "Dieses Dokument ist in der deutschen Sprache und nicht in einer anderen.",
]


def documents(texts: list[str]) -> pl.DataFrame:
    when = datetime(2024, 1, 2, tzinfo=UTC)
    fixed = {
        "source": "files",
        "version": 1,
        "kind": "file",
        "access": ["public"],
        "created_at": when,
        "updated_at": when,
    }
    rows = [
        {
            "doc_id": f"{n:032x}",
            "native_id": f"mail/kim@example.org-{n}.eml",
            "title": "For kim@example.org",
            "text": text,
        }
        for n, text in enumerate(texts)
    ]
    return pl.DataFrame([{**row, **fixed} for row in rows])


def test_every_document_has_one_row_of_the_right_shape() -> None:
    rows = clean(documents(TEXTS), SETTINGS)
    assert rows.columns == [name for name in CLEAN_DOCUMENTS.schema.names if name not in FILLED_BY_THE_ENGINE]
    assert rows["doc_id"].to_list() == documents(TEXTS)["doc_id"].to_list()
    assert rows["outcome"].to_list() == ["kept", "rejected", "rejected", "kept", "kept"]
    assert rows["reason"].to_list() == ["", "too_short", "too_short", "", ""]
    assert rows["text"].is_null().to_list() == [False, True, True, False, False]
    assert rows["language"].to_list()[3:] == ["en", "de"]


def test_a_document_that_still_shows_a_value_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "MAX_ROUNDS", 0)
    row = clean(documents(TEXTS), SETTINGS).row(0, named=True)
    assert (row["outcome"], row["reason"], row["text"]) == ("rejected", "redaction_unstable", None)
    assert (row["title"], row["native_id"]) == ("", row["doc_id"])


def test_values_are_masked_and_counted_in_text_title_and_key() -> None:
    row = clean(documents(TEXTS), SETTINGS).row(0, named=True)
    assert row["text"] == "Please mail [EMAIL] or [EMAIL] about card [CARD]."
    assert row["title"] == "For [EMAIL]"
    assert row["native_id"] == "mail/[EMAIL]"
    assert row["redactions"] == [{"kind": "CARD", "count": 1}, {"kind": "EMAIL", "count": 4}]


def test_the_digest_is_of_the_cleaned_text() -> None:
    row = clean(documents(TEXTS), SETTINGS).row(0, named=True)
    assert row["content_sha256"] == hashlib.sha256(row["text"].encode()).hexdigest()


def test_rows_do_not_depend_on_the_batch() -> None:
    frame = documents(TEXTS)
    alone = pl.concat([clean(frame[n : n + 1], SETTINGS) for n in range(len(frame))])
    assert alone.equals(clean(frame, SETTINGS))
    assert clean(frame.reverse(), SETTINGS).reverse().equals(clean(frame, SETTINGS))


def test_no_document_gives_no_row() -> None:
    assert len(clean(documents(TEXTS).head(0), SETTINGS)) == 0


def test_the_version_moves_with_the_settings_and_is_stable_otherwise() -> None:
    assert recipe_version(SETTINGS) == recipe_version(RecipeSettings())
    assert recipe_version(SETTINGS) != recipe_version(RecipeSettings(min_words=6))
    assert [step.name for step in RECIPE] == ["normalize", "redact", "quality", "language"]
