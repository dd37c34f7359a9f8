"""Writers that die: kill -9 on either store, and the power of a directory's disk cut."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from bench.faults.disk import as_root, make_disk, mounted
from bench.faults.outcome import Outcome
from bench.faults.writer import CURSOR, SPEC, writer
from resources.lake import LocalLake, ObjectLake, open_lake

LATEST_S = 0.25
LONGEST_S = 2.0
GIVE_UP_S = 60.0
IMAGE_BYTES = 192 * 2**20


def kill_writers(lake: ObjectLake, outcome: Outcome, *, rounds: int, draw: random.Random) -> None:
    """Kill a writer 0 to 0.25 s after its first acknowledged commit; the next one goes on where the cursor stands."""
    between = 0
    for _ in range(rounds):
        said, hit = _written(lake, draw.uniform(0.0, LATEST_S))
        outcome.rounds += 1
        outcome.hit += hit
        committed = check(lake, outcome, said)
        between += committed > outcome.acknowledged
    outcome.more["committed_not_acknowledged"] = between


def check(lake: ObjectLake, outcome: Outcome, said: list[int]) -> int:
    """Hold the table against what was acknowledged; return the number that its cursor stands at."""
    outcome.acknowledged = max([outcome.acknowledged, *said])
    snapshot = open_lake(lake.address()).snapshot(SPEC)
    committed = snapshot.cursor(CURSOR)
    expected = [f"row-{number}" for number in range(1, max(committed, outcome.acknowledged) + 1)]
    outcome.count_rows(snapshot.read(["doc_id"])["doc_id"].to_pylist(), expected)
    lake.read_log(SPEC)
    outcome.reopened += 1
    return committed


def _written(lake: ObjectLake, after_s: float) -> tuple[list[int], bool]:
    """Let a writer commit and kill it ``after_s`` after its first acknowledgement; what it said, and whether it hit."""
    with writer(lake) as (process, acknowledged):
        if not acknowledged.poll(GIVE_UP_S):
            return [], False
        said = [acknowledged.recv()]
        time.sleep(after_s)
        at_work = process.is_alive()
        process.kill()
        said += _said(acknowledged)
        process.join()
        return said, at_work and process.exitcode == -signal.SIGKILL


def _said(acknowledged: Connection) -> list[int]:
    """What is left in the pipe of a writer that is dead."""
    said: list[int] = []
    with suppress(EOFError):
        while True:
            said.append(acknowledged.recv())
    return said


def cut_power(folder: Path, outcome: Outcome, *, rounds: int, draw: random.Random) -> None:
    """Freeze a writer, take the disk as it is without what the kernel still held in memory, and start from that.

    The disk is an ext4 in a file: a copy of the file has what reached the device, and mounting it replays the journal
    as a boot does. A file written without fsync just before shows that what was in memory alone is gone: the hit.
    """
    image, place = folder / "disk.img", folder / "mount"
    place.mkdir(parents=True)
    make_disk(image, IMAGE_BYTES)
    mended = 0
    for _ in range(rounds):
        with mounted(image, place):
            said = _frozen(LocalLake(root=(place / "lake").as_uri()), image, draw)
        (folder / "cut.img").replace(image)
        with mounted(image, place):
            lake = LocalLake(root=(place / "lake").as_uri())
            canary = place / "canary"
            outcome.rounds += 1
            outcome.hit += bool(said) and (not canary.exists() or canary.stat().st_size == 0)
            mended += bool(lake.repair(SPEC))
            check(lake, outcome, said)
    outcome.more["logs_mended"] = mended


def _frozen(lake: LocalLake, image: Path, draw: random.Random) -> list[int]:
    """Let a writer commit for up to 2 s, stop it dead, copy the disk; what was acknowledged by then."""
    with writer(lake) as (process, acknowledged):
        if not acknowledged.poll(GIVE_UP_S):
            return []
        said = [acknowledged.recv()]
        time.sleep(draw.uniform(0.0, LONGEST_S))
        os.kill(process.pid or 0, signal.SIGSTOP)
        while acknowledged.poll():
            said.append(acknowledged.recv())
        (image.parent / "mount" / "canary").write_bytes(b"in memory alone")
        as_root("cp", "--sparse=always", str(image), str(image.parent / "cut.img"))
    return said
