"""Adapters come from the lake by digest, and only as they were put there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from dataalchemy_pipelines.models.adapters import adapter_key, fetch_adapter, lora_deltas
from dataalchemy_pipelines.models.folder import digest_of
from resources.errors import Damaged, Misconfigured
from resources.lake import LocalLake


def put_adapter(lake: LocalLake, files: dict[str, bytes]) -> str:
    hashes = {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}
    digest = digest_of(hashes)
    for name, body in files.items():
        lake.put(adapter_key(digest, name), body)
    lake.put(adapter_key(digest, "manifest.json"), json.dumps({"files": hashes}).encode())
    return digest


def test_a_fetched_adapter_is_the_one_that_was_put(tmp_path: Path) -> None:
    lake = LocalLake(root=str(tmp_path / "lake"))
    folder = fetch_adapter(lake, put_adapter(lake, {"a.json": b"1"}), tmp_path / "cache")
    assert (folder / "a.json").read_bytes() == b"1"


def test_a_file_changed_in_the_lake_is_refused_and_not_kept(tmp_path: Path) -> None:
    lake = LocalLake(root=str(tmp_path / "lake"))
    digest = put_adapter(lake, {"a.json": b"1"})
    (tmp_path / "lake" / adapter_key(digest, "a.json")).write_bytes(b"2")
    with pytest.raises(Damaged):
        fetch_adapter(lake, digest, tmp_path / "cache")
    assert not (tmp_path / "cache" / "adapters" / digest).exists()


@pytest.mark.parametrize("digest", ["../../etc", "A" * 64, "0" * 63])
def test_what_is_no_digest_never_becomes_a_path(tmp_path: Path, digest: str) -> None:
    with pytest.raises(Misconfigured):
        fetch_adapter(LocalLake(root=str(tmp_path)), digest, tmp_path)


def test_kinds_other_than_plain_lora_are_refused_and_not_half_applied(tmp_path: Path) -> None:
    config = {"peft_type": "LORA", "bias": "none", "r": 4, "lora_alpha": 8, "use_dora": True}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(Misconfigured, match="use_dora"):
        lora_deltas(tmp_path)
