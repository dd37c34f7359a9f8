"""A lake keeps what it acknowledged: kill -9, power cuts, lost replies, a full disk; each test proves that it hit."""

from __future__ import annotations

import random
import socket
import subprocess
import time
from pathlib import Path

import pyarrow as pa
import pytest

from bench.faults.outcome import Outcome
from bench.faults.replies import lose_replies
from bench.faults.writer import SPEC
from bench.faults.writers import cut_power, kill_writers
from bench.servers import MinioServer
from resources.contracts import Change
from resources.errors import DataAlchemyError, Missing, Unavailable
from resources.lake import LocalLake, ObjectLake, S3Lake

KILLS, LOST_REPLIES, CUTS = 20, 12, 2


def test_twenty_kills_of_a_writer_lose_nothing_and_double_nothing(lake: ObjectLake) -> None:
    outcome = Outcome("writer-killed", lake.describe())
    kill_writers(lake, outcome, rounds=KILLS, draw=random.Random(7))
    assert outcome.sound, outcome.line()
    print(outcome.line())


@pytest.mark.services
def test_a_reply_that_the_store_lost_is_neither_a_failure_nor_a_double(
    minio_server: MinioServer, s3_lake: S3Lake
) -> None:
    outcome = Outcome("reply-lost", "minio")
    lose_replies(minio_server, s3_lake, outcome, rounds=LOST_REPLIES, draw=random.Random(7))
    assert outcome.sound and outcome.hit == LOST_REPLIES, outcome.line()
    assert len(outcome.more["ways"]) == 3, "each way of losing a reply"


def test_power_cuts_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    outcome = Outcome("power-cut", "directory")
    try:
        cut_power(tmp_path, outcome, rounds=CUTS, draw=random.Random(7))
    except Missing as error:
        pytest.skip(str(error))
    assert outcome.sound and outcome.hit == CUTS, outcome.line()


def test_a_full_disk_stops_with_the_mend_and_the_table_still_opens(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(mount)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small filesystem needs root")
    try:
        lake = LocalLake(root=(mount / "lake").as_uri())
        kept = 0
        with pytest.raises(Unavailable, match="Make room"):
            for number in range(200):
                body = random.Random(number).randbytes(20_000).hex()
                rows = pa.table({"doc_id": [f"row-{number}"], "text": [body]}, schema=SPEC.schema)
                lake.commit(lake.snapshot(SPEC), Change(rows=rows))
                kept = number + 1
        assert kept > 0
        assert lake.snapshot(SPEC).count() == kept
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_a_store_that_is_away_is_said_within_ten_seconds_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "CANARY-SECRET-VALUE")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    lake = S3Lake(root="s3://bucket/lake", endpoint=f"http://127.0.0.1:{port}")
    started = time.monotonic()
    with pytest.raises(DataAlchemyError) as caught:
        lake.check()
    assert time.monotonic() - started < 10
    assert f"127.0.0.1:{port}" in str(caught.value) and "CANARY" not in str(caught.value)
