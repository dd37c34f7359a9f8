"""Model folders: whole or not at all, verified, and never code."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataalchemy_pipelines.models.folder import digest_of, hashes_of, make_once, refuse_code
from resources.errors import Damaged, Misconfigured


def write_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"weights")


def test_a_folder_is_made_once_and_found_the_second_time(tmp_path: Path) -> None:
    calls: list[Path] = []

    def make(folder: Path) -> None:
        calls.append(folder)
        write_weights(folder)

    first = make_once(tmp_path / "models" / "x", make, tmp_path)
    assert make_once(tmp_path / "models" / "x", make, tmp_path) == first
    assert len(calls) == 1
    assert list((tmp_path / "models").iterdir()) == [tmp_path / "models" / "x"]


def test_a_maker_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    def make(folder: Path) -> None:
        write_weights(folder)
        raise KeyError("half way")

    with pytest.raises(KeyError):
        make_once(tmp_path / "models" / "x", make, tmp_path)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_changed_byte_is_found_although_the_hash_is_remembered(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "x"
    make_once(folder, write_weights, tmp_path)
    (folder / "model.safetensors").write_bytes(b"Weights")
    with pytest.raises(Damaged, match=r"model\.safetensors"):
        make_once(folder, write_weights, tmp_path)


def test_a_leftover_without_a_manifest_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "x"
    folder.mkdir(parents=True)
    (folder / "half").touch()
    assert set(make_once(folder, write_weights, tmp_path)) == {"model.safetensors"}


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "data.pkl", "modeling.py"])
def test_a_folder_with_a_file_that_can_run_code_is_refused(tmp_path: Path, name: str) -> None:
    write_weights(tmp_path)
    refuse_code(tmp_path)
    (tmp_path / name).touch()
    with pytest.raises(Misconfigured, match="can run code"):
        refuse_code(tmp_path)


def test_the_digest_follows_contents_and_not_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    before = digest_of(hashes_of(tmp_path, tmp_path / ".cache"))
    (tmp_path / "a").rename(tmp_path / "c")
    assert (
        digest_of({name: sha for name, sha in hashes_of(tmp_path, tmp_path / ".cache").items() if "/" not in name})
        == before
    )
