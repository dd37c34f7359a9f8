"""Files of a folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dataalchemy_pipelines.connectors import documents
from dataalchemy_pipelines.connectors.documents import Folder
from dataalchemy_pipelines.core.errors import SourceRefused, WrongInput

ACCESS = ("group:a",)


def issue(key: str, **fields: str) -> str:
    return json.dumps({"key": key, "fields": fields})


def read(root: Path) -> dict[str, tuple[str, bytes | None, str]]:
    return {record.native_id: (record.kind, record.payload, record.reason) for record in Folder(root, ACCESS).records()}


def test_every_file_is_one_record_under_its_path(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.txt").write_bytes(b"2")
    (tmp_path / "a.md").write_bytes(b"1")
    records = list(Folder(tmp_path, ACCESS).records())
    assert [(record.native_id, record.payload, record.kind) for record in records] == [
        ("a.md", b"1", "file"),
        ("b/two.txt", b"2", "file"),
    ]
    assert all(record.access == ACCESS and record.updated_at is not None for record in records)
    assert Folder(tmp_path, ACCESS).listing() == ["a.md", "b/two.txt"]
    assert Folder(tmp_path, ACCESS, exclude=frozenset({"a.md"})).listing() == ["b/two.txt"]


def test_a_root_may_be_one_file(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_bytes(b"1")
    assert read(tmp_path / "one.txt") == {"one.txt": ("file", b"1", "")}


def test_hidden_files_pipes_and_links_that_lead_out_are_counted_and_not_read(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / ".git").mkdir(parents=True)
    (root / ".git" / "config").write_bytes(b"x")
    (root / ".hidden").write_bytes(b"x")
    (tmp_path / "secret").write_bytes(b"x")
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "up").symlink_to(tmp_path)
    (root / "gone").symlink_to(root / "nowhere")
    os.mkfifo(root / "pipe")
    (root / "file").write_bytes(b"x")
    (root / "inside").symlink_to(root / "file")
    folder = Folder(root, ACCESS)
    assert folder.listing() == ["file", "inside"]
    assert folder.skipped == 6


def test_a_key_that_looks_like_a_numbered_one_is_never_given_twice(tmp_path: Path) -> None:
    lines = [issue(key) for key in ("A-1", "A-1", "A-1~2", "A-1")]
    (tmp_path / "dump.jsonl").write_text("\n".join(lines))
    assert sorted(read(tmp_path)) == [f"dump.jsonl#{key}" for key in ("A-1", "A-1~2", "A-1~2~2", "A-1~3")]


def test_an_export_is_one_record_an_item_and_a_line_stays_as_it_is(tmp_path: Path) -> None:
    first, second = '{ "key": "A-1",  "fields": {} }', issue("A-2")
    (tmp_path / "dump.jsonl").write_text(f"{first}\n\n{second}\r\n{issue('A-1')}\n")
    assert read(tmp_path) == {
        "dump.jsonl#A-1": ("jira_issue", first.encode(), ""),
        "dump.jsonl#A-2": ("jira_issue", second.encode(), ""),
        "dump.jsonl#A-1~2": ("jira_issue", issue("A-1").encode(), ""),
    }


def test_lines_of_an_export_that_are_no_items_are_records_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "dump.jsonl").write_text(f'{{"key": "A-\n{issue("A-2")}\n{{"other": 1}}\n')
    found = read(tmp_path)
    assert found["dump.jsonl#line-1"] == ("file", b'{"key": "A-', "")
    assert found["dump.jsonl#line-3"] == ("file", b'{"other": 1}', "")
    assert found["dump.jsonl#A-2"][0] == "jira_issue"


@pytest.mark.parametrize("content", ['{"a": 1}\n{"a": 2}', "{", "[1, 2]", '{"issues": []}', "[" * 100_000])
@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_json_that_is_no_export_stays_one_file(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert read(tmp_path) == {name: ("file", content.encode(), "")}


def test_items_of_an_export_say_that_they_are_json(tmp_path: Path) -> None:
    (tmp_path / "page.json").write_text(json.dumps({"issues": [json.loads(issue("A-1"))]}))
    record = next(Folder(tmp_path, ACCESS).records())
    assert (record.native_id, record.media_type, record.access) == ("page.json#A-1", "application/json", ACCESS)


def test_a_file_that_is_too_large_is_not_read_unless_it_comes_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_FILE_BYTES", 100)
    (tmp_path / "a.txt").write_bytes(bytes(101))
    (tmp_path / "b.jsonl").write_text(issue("A-1") + "\n" + issue("A-2", long="x" * 150) + "\n" + issue("A-3") + "\n")
    assert read(tmp_path) == {
        "a.txt": ("file", None, "too_large"),
        "b.jsonl#A-1": ("jira_issue", issue("A-1").encode(), ""),
        "b.jsonl#line-2": ("file", None, "too_large"),
        "b.jsonl#A-3": ("jira_issue", issue("A-3").encode(), ""),
    }


def test_a_file_that_cannot_be_read_is_a_record_without_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_bytes(b"x")
    (tmp_path / "b.txt").write_bytes(b"y")

    def refuse(path: Path) -> bytes:
        if path.name == "a.txt":
            raise PermissionError(13, "Permission denied")
        return path.open("rb").read()

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert read(tmp_path) == {"a.txt": ("file", None, "unreadable"), "b.txt": ("file", b"y", "")}


def test_a_folder_that_cannot_be_listed_gives_no_listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    (tmp_path / "closed").mkdir()
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SourceRefused, match="closed"):
        Folder(tmp_path, ACCESS).listing()


def test_a_root_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(WrongInput, match="nowhere"):
        Folder(tmp_path / "nowhere", ACCESS)


def test_a_name_that_is_not_utf_8_can_be_stored(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff.txt"))).write_bytes(b"x")
    (native_id,) = Folder(tmp_path, ACCESS).listing()
    assert native_id == "b\\xff.txt"
    native_id.encode()
