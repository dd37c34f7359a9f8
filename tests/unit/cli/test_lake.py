"""`lake backup`, `restore`, `migrate` and `verify` as a person runs them, and the lakes that an address means."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from dataalchemy_pipelines.cli.app import program
from dataalchemy_pipelines.core.records import RawRecord
from dataalchemy_pipelines.engine.landing import land
from resources.errors import DataAlchemyError, Misconfigured, NotFound
from resources.lake import LocalLake, S3Lake
from resources.places import lake_at, refuse_unfit
from resources.progress import LogProgress
from resources.settings import Settings


class Given:
    """Two items."""

    def records(self) -> Iterator[RawRecord]:
        """Each with its name as its bytes."""
        for name in "ab":
            yield RawRecord(name, name.encode(), access=("local",))


def run(data_path: Path, *arguments: str) -> list[dict[str, object]]:
    """The events that a command prints; an error is raised."""
    done = CliRunner(env={"DATAALCHEMY_DATA_PATH": str(data_path)}).invoke(program, [*arguments, "--json"])
    if isinstance(done.exception, DataAlchemyError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_a_drill_by_hand_backup_restore_into_another_place_verify_equal_digests(tmp_path: Path) -> None:
    old, new, kept = tmp_path / "old", tmp_path / "new", tmp_path / "kept"
    land(LocalLake(root=(old / "lake").as_uri()), Given(), source="one", progress=LogProgress())
    copied = run(old, "lake", "backup", str(kept))[-1]
    assert copied["event"] == "copied" and copied["brought"] == copied["objects"]
    run(new, "lake", "restore", str(kept))
    assert run(new, "lake", "digest") == run(old, "lake", "digest")
    findings = [event for event in run(new, "lake", "verify") if event["event"] == "finding"]
    assert findings and all(finding["sound"] for finding in findings)
    run(old, "lake", "migrate", str(old / "lake"), str(tmp_path / "moved"))
    with pytest.raises(DataAlchemyError, match="already"):
        run(old, "lake", "backup", str(kept))


def test_a_source_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        run(tmp_path, "lake", "migrate", str(tmp_path / "nowhere"), str(tmp_path / "to"))
    assert not (tmp_path / "nowhere").exists()


def test_a_lake_is_not_copied_into_itself(tmp_path: Path) -> None:
    def refused(one: str, other: str) -> None:
        with pytest.raises(Misconfigured, match="within"):
            refuse_unfit(*(lake_at(settings, address, side="FROM") for address in (one, other)))

    settings = Settings.read()
    for name in ("lake", "lake-2"):
        (tmp_path / name).mkdir()
    lake = str(tmp_path / "lake")
    refused(lake, f"{lake}/backup")
    refused(f"{lake}/../lake", lake)
    refused("s3://bucket/lake", "s3://bucket/lake/backup")
    refused("s3://bucket", "s3://bucket/lake")
    for apart in ((lake, f"{lake}-2"), ("s3://bucket/lake", "s3://bucket/lake-2")):
        refuse_unfit(*(lake_at(settings, address, side="FROM") for address in apart))


def test_a_server_that_is_named_has_credentials_of_its_own() -> None:
    settings = Settings.read(DATAALCHEMY_S3_ENDPOINT="http://usual:9000")
    usual = lake_at(settings, "s3://bucket/lake", side="TO")
    named = lake_at(settings, "s3://bucket/lake", side="TO", endpoint="http://other:9000")
    assert isinstance(usual, S3Lake) and isinstance(named, S3Lake)
    assert (usual.endpoint, usual.secret_variable) == ("http://usual:9000", "AWS_SECRET_ACCESS_KEY")
    assert (named.endpoint, named.secret_variable) == ("http://other:9000", "TO_AWS_SECRET_ACCESS_KEY")
