"""`.env` gives what a person meant; a line that is no setting is found by the key in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from resources.env_file import read_env_file, unread
from resources.errors import Misconfigured


def values(folder: Path, text: str) -> dict[str, str]:
    (folder / ".env").write_bytes(text.encode())
    return read_env_file(folder / ".env")


def test_no_file_is_no_values(tmp_path: Path) -> None:
    assert read_env_file(tmp_path / ".env") == {}
    assert unread(tmp_path / ".env", ("A",)) == []


def test_a_value_in_single_quotes_is_meant_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "/here")
    assert values(tmp_path, "A='x${PLACE}y'\nB=${PLACE}/z\nC=\"${PLACE}\"") == {
        "A": "x${PLACE}y",
        "B": "/here/z",
        "C": "/here",
    }


def test_the_last_line_of_a_key_counts(tmp_path: Path) -> None:
    assert values(tmp_path, "A='first'\nA=second\nB=first\nexport B='sec${ond}'") == {"A": "second", "B": "sec${ond}"}
    assert values(tmp_path, "A='first'\nA=\n") == {}


def test_a_mark_of_the_byte_order_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    assert values(tmp_path, "\ufeffA=1\r\nB=2\r\n") == {"A": "1", "B": "2"}


def test_a_file_in_another_encoding_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("A=1".encode("utf-16"))
    with pytest.raises(Misconfigured, match=r"\.env.*UTF-8"):
        read_env_file(tmp_path / ".env")


def test_a_key_in_a_line_that_is_no_setting_is_found(tmp_path: Path) -> None:
    values(tmp_path, 'A="never ends\nB=2\nC: 3\n')
    assert unread(tmp_path / ".env", ("A", "B", "C")) == ["A", "C"]
