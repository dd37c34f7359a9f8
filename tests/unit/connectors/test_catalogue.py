"""The catalogue of sources, and a reading that travels through the lake."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataalchemy_pipelines.connectors.documents import Folder
from dataalchemy_pipelines.connectors.inbox import Inbox, lay_in
from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.core.records import RawRecord
from dataalchemy_pipelines.engine.sources import registered, send, source_of
from resources.lake import LocalLake


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    return LocalLake(root=(tmp_path / "lake").as_uri())


def test_what_is_sent_is_read_there_as_it_was_read_here(lake: LocalLake, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"\x00\xffbytes as they are")
    (folder / "empty.md").write_bytes(b"")
    (folder / "issues.jsonl").write_text('{"key": "A-1", "fields": {"summary": "s"}}\n{"key": "A-2", "fields": {}}\n')
    here = list(Folder(folder, ("group:x",)).records())
    sent = send(lake, source_of(folder, name=None, access=("group:x",)))
    assert list(Inbox(lake, sent.drops).records()) == here
    assert registered(lake) == [sent]


def test_the_newest_drop_is_read_and_older_ones_are_removed(lake: LocalLake) -> None:
    for number in range(4):
        assert (
            lay_in(lake, "private/inbox/s", [RawRecord(f"{number}", b"x"), RawRecord("gone", None, reason="no")]) == 2
        )
    assert [record.native_id for record in Inbox(lake, "private/inbox/s").records()] == ["3", "gone"]
    assert len(list(lake.listing("private/inbox/s"))) == 4, "the last two drops, a part and a list each"


def test_an_inbox_without_a_whole_drop_is_no_empty_source(lake: LocalLake) -> None:
    with pytest.raises(WrongInput, match="inbox"):
        Inbox(lake, "private/inbox/s")
