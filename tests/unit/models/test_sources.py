"""models.yaml: three kinds of place, and a word of help where one leads nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataalchemy_pipelines.models.sources import ModelSource, read_sources, source_of
from resources.errors import Misconfigured, Missing


def test_the_packaged_file_names_a_base_and_an_embedder() -> None:
    assert {"base", "embedder"} <= read_sources().keys()


def test_a_package_that_is_not_installed_is_missing_with_both_ways_out(tmp_path: Path) -> None:
    source = ModelSource(package="dataalchemy-no-such-package==1.0", file="model")
    with pytest.raises(Missing, match=r"pip install .*==1\.0.*DATAALCHEMY_MODELS"):
        source.locate(tmp_path)


def test_another_version_of_the_package_is_not_taken_for_this_one(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="does not carry"):
        ModelSource(package="pytest==0.0.1", file="pytest").locate(tmp_path)


def test_a_path_is_used_as_it_stands(tmp_path: Path) -> None:
    assert ModelSource(path=tmp_path).locate(tmp_path) == tmp_path
    with pytest.raises(Missing):
        ModelSource(path=tmp_path / "gone").locate(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "base: {path: /a, hub: b/c, revision: d}",
        "base: {hub: b/c}",
        "base: {package: name}",
        "base: [",
        "- base",
        "base: {x: 1}",
    ],
)
def test_an_entry_that_cannot_be_followed_is_refused_with_the_file_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(text)
    with pytest.raises(Misconfigured, match=r"models\.yaml"):
        read_sources(file)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(Misconfigured, match="embedder"):
        source_of("nobody")
