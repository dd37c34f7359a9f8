"""The file-drop look: every change asks for a run under a key of its own."""

from __future__ import annotations

import os
from pathlib import Path

from dataalchemy_pipelines.engine.sources import look_again, source_of


def test_files_that_return_to_an_earlier_state_ask_for_a_run_each_time(tmp_path: Path) -> None:
    source = source_of(tmp_path, name="works", access=("local",))
    keys: list[str] = []
    cursor: str | None = None
    for content in ("old", "new one", "old", "new one", "old"):
        (tmp_path / "a.txt").write_text(content, encoding="utf-8")
        os.utime(tmp_path / "a.txt", ns=(len(content), len(content)))
        found = look_again([source], cursor)
        assert found is not None
        cursor, key = found
        keys.append(key)
        assert look_again([source], cursor) is None, "nothing changed since"
    assert len(set(keys)) == len(keys)


def test_a_look_whose_cursor_was_never_kept_asks_for_the_same_run_again(tmp_path: Path) -> None:
    source = source_of(tmp_path, name="works", access=("local",))
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    assert look_again([source], None) == look_again([source], None)
    assert look_again([source], "what an older version kept") is not None
