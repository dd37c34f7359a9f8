"""What an ingestion says of itself reaches the command line, which reads it from the materialisation."""

from __future__ import annotations

from pathlib import Path

from dataalchemy_pipelines.defs.ingest import IngestConfig, raw_records
from dataalchemy_pipelines.engine.sources import register, source_of
from resources.lake import LocalLake
from resources.progress import LogProgress


def test_documents_that_wait_for_a_persons_word_are_counted_in_the_metadata(tmp_path: Path) -> None:
    lake = LocalLake(root=(tmp_path / "lake").as_uri())
    folder = tmp_path / "works"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.txt").write_text(f"note {number}", encoding="utf-8")
    register(lake, source_of(folder, name="works", access=("local",)))
    said = []
    for gone, confirmed in ((None, False), (2, False), (None, True)):
        if gone is not None:
            for number in range(gone):
                (folder / f"{number}.txt").unlink()
        made = raw_records(IngestConfig(confirm_withdrawals=confirmed), lake=lake, progress=LogProgress())
        said.append((made.metadata["awaiting"], made.metadata["worked_on"]))  # type: ignore[index, union-attr]
    assert said == [(0, 4), (2, 0), (0, 2)]
