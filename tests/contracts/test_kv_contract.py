"""What every key-value store promises, tried on a SQLite file and on a Redis server of our own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import pytest
import redis

import resources.kv
from resources.contracts import Kv
from resources.errors import Damaged, DataAlchemyError, Misconfigured, Unavailable
from resources.kv import MAX_VALUE_BYTES, RedisKv, SqliteKv
from resources.settings import Settings
from tests.contracts.documented import documented

FORK = multiprocessing.get_context("fork")
PASSWORD = "TEST_KV_PASSWORD"
T = TypeVar("T")
Wipe = Callable[[], None]


@pytest.fixture
def sqlite_store(tmp_path: Path) -> tuple[Kv, Wipe]:
    path = tmp_path / "kept" / "kv.sqlite"

    def wipe() -> None:
        for file in path.parent.glob("*"):
            file.unlink()

    return SqliteKv(path=str(path)), wipe


@pytest.fixture
def redis_store(redis_server: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Kv, Wipe]:
    monkeypatch.setenv(PASSWORD, redis_server.password)

    def wipe() -> None:
        with redis.Redis.from_url(redis_server.url, password=redis_server.password) as client:
            client.flushall()

    wipe()
    return RedisKv(url=redis_server.url, password_variable=PASSWORD), wipe


@pytest.fixture
def documented_store(redis_server: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Kv, Wipe]:
    """The store of the deployment that docs/deployments.md works out."""
    monkeypatch.setenv("DATAALCHEMY_KV_PASSWORD", redis_server.password)
    own = {"DATAALCHEMY_DEPLOYMENT": "aws", "DATAALCHEMY_LAKE": "s3://bucket/lake", "DATAALCHEMY_KV": redis_server.url}

    def wipe() -> None:
        with redis.Redis.from_url(redis_server.url, password=redis_server.password) as client:
            client.flushall()

    wipe()
    return documented(Settings.read(**own))["kv"], wipe


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("redis", marks=pytest.mark.services),
        pytest.param("documented", marks=pytest.mark.services),
    ]
)
def store(request: pytest.FixtureRequest) -> tuple[Kv, Wipe]:
    """Every backend in turn, and the way to wipe it; a new backend joins here and nowhere else."""
    found: tuple[Kv, Wipe] = request.getfixturevalue(f"{request.param}_store")
    return found


@pytest.fixture
def kv(store: tuple[Kv, Wipe]) -> Kv:
    return store[0]


def in_processes(count: int, work: Callable[[], T]) -> list[T]:
    """What ``work`` returns in each of ``count`` processes that start together."""
    barrier, results = FORK.Barrier(count), FORK.SimpleQueue()

    def run() -> None:
        barrier.wait(30)
        try:
            results.put(work())
        except (AssertionError, DataAlchemyError) as error:
            results.put(error)

    processes = [FORK.Process(target=run) for _ in range(count)]
    for process in processes:
        process.start()
    found = [results.get() for _ in processes]
    for process in processes:
        process.join(30)
    for result in found:
        if isinstance(result, Exception):
            raise result
    return found


def eventually(attempt: Callable[[], T | None], within_s: float = 10) -> T:
    """The first answer that is not None."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = attempt()
        if found is not None:
            return found
        time.sleep(0.01)
    raise AssertionError(f"nothing within {within_s} s")


def test_a_value_comes_back_as_it_was_until_it_is_replaced_or_deleted(kv: Kv) -> None:
    kv.check()
    assert kv.get("k") is None
    for value in (bytes(range(256)), b"", b"x" * MAX_VALUE_BYTES):
        kv.set("k", value)
        assert kv.get("k") == value
    kv.delete("k")
    kv.delete("k")
    assert kv.get("k") is None


def test_a_value_lives_no_longer_than_its_time(kv: Kv) -> None:
    kv.set("short", b"1", ttl_s=0.05)
    kv.set("long", b"1", ttl_s=600)
    eventually(lambda: True if kv.get("short") is None else None)
    assert kv.get("long") == b"1"
    assert kv.scan("") == ["long"]
    assert kv.set_if_absent("short", b"2") is True


def test_a_plain_set_ends_an_earlier_time_to_live(kv: Kv) -> None:
    kv.set("k", b"1", ttl_s=0.05)
    kv.set("k", b"2")
    kv.set("witness", b"", ttl_s=0.1)
    eventually(lambda: True if kv.get("witness") is None else None)
    assert kv.get("k") == b"2"


def test_one_of_eight_processes_writes_an_absent_key(kv: Kv) -> None:
    wrote = in_processes(8, lambda: kv.set_if_absent("k", str(os.getpid()).encode()) and os.getpid())
    (winner,) = [pid for pid in wrote if pid]
    assert kv.get("k") == str(winner).encode()


def test_no_count_of_four_processes_is_lost_or_given_twice(kv: Kv) -> None:
    counts = in_processes(4, lambda: [kv.increment("n") for _ in range(25)])
    assert sorted(count for part in counts for count in part) == list(range(1, 101))
    assert kv.get("n") == b"100"


def test_no_count_of_eight_threads_is_lost(kv: Kv) -> None:
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: kv.increment("n"), range(40)))
    assert sorted(counts) == list(range(1, 41))


def test_a_counts_time_runs_from_its_first_step(kv: Kv) -> None:
    kv.increment("n", ttl_s=600)
    kv.increment("window", ttl_s=0.1)
    eventually(lambda: True if kv.increment("window", ttl_s=0.1) == 1 else None)
    assert kv.increment("n") == 2


def test_what_is_no_count_is_not_counted(kv: Kv) -> None:
    kv.set("k", b"text of a document")
    with pytest.raises(Damaged) as caught:
        kv.increment("k")
    assert "document" not in str(caught.value)
    assert kv.get("k") == b"text of a document"


def test_scan_lists_the_keys_of_a_prefix_and_takes_no_letter_for_a_pattern(kv: Kv) -> None:
    for key in ("a:1", "a:2", "b:1", "a*", "a[1]", "a?", "a\\", "ä"):
        kv.set(key, b"")
    kv.acquire("a:lease", owner="x", ttl_s=600)
    assert kv.scan("a:") == ["a:1", "a:2"]
    assert kv.scan("a*") == ["a*"]
    assert kv.scan("a[") == ["a[1]"]
    assert kv.scan("a?") == ["a?"]
    assert kv.scan("a\\") == ["a\\"]
    assert kv.scan("") == sorted(["a:1", "a:2", "b:1", "a*", "a[1]", "a?", "a\\", "ä"])
    assert kv.scan("nothing") == []


@pytest.mark.parametrize("write", ["set", "set_if_absent"])
def test_a_value_over_512_kb_is_refused_and_the_old_one_stays(kv: Kv, write: str) -> None:
    kv.set("k", b"old")
    with pytest.raises(Misconfigured, match="524289 bytes"):
        getattr(kv, write)("k", b"x" * (MAX_VALUE_BYTES + 1))
    assert kv.get("k") == b"old"


@pytest.mark.parametrize("ttl_s", [0, -1])
def test_a_time_that_is_over_already_is_refused(kv: Kv, ttl_s: float) -> None:
    with pytest.raises(Misconfigured):
        kv.set("k", b"", ttl_s=ttl_s)
    with pytest.raises(Misconfigured):
        kv.increment("k", ttl_s=ttl_s)
    with pytest.raises(Misconfigured):
        kv.acquire("k", owner="a", ttl_s=ttl_s)


def test_a_lease_has_one_holder_until_it_is_given_back(kv: Kv) -> None:
    first = kv.acquire("train", owner="a", ttl_s=600)
    assert first is not None
    assert kv.acquire("train", owner="b", ttl_s=600) is None
    assert kv.acquire("other", owner="b", ttl_s=600) is not None
    assert kv.acquire("train", owner="a", ttl_s=600) == first
    assert kv.release("train", owner="b") is False
    assert kv.release("train", owner="a") is True
    assert kv.release("train", owner="a") is False
    second = kv.acquire("train", owner="b", ttl_s=600)
    assert second is not None
    assert second > first


def test_a_lease_that_ran_out_passes_on_with_a_higher_token_and_its_late_holder_cannot_give_it_back(kv: Kv) -> None:
    first = kv.acquire("train", owner="late", ttl_s=0.05)
    second = eventually(lambda: kv.acquire("train", owner="next", ttl_s=600))
    assert first is not None
    assert second > first
    assert kv.release("train", owner="late") is False
    assert kv.acquire("train", owner="late", ttl_s=600) is None


def test_tokens_grow_over_a_wiped_store(store: tuple[Kv, Wipe]) -> None:
    kv, wipe = store
    first = kv.acquire("train", owner="a", ttl_s=600)
    wipe()
    second = eventually(lambda: kv.acquire("train", owner="b", ttl_s=600))
    assert first is not None
    assert second > first
    assert kv.get("k") is None


def test_of_eight_processes_one_gets_the_lease_and_tokens_grow_from_round_to_round(kv: Kv) -> None:
    def five_rounds() -> list[int]:
        owner, tokens = str(os.getpid()), list[int]()
        while len(tokens) < 5:
            token = kv.acquire("train", owner=owner, ttl_s=600)
            if token is not None:
                assert kv.increment("inside") == 1, "two holders at once"
                kv.delete("inside")
                tokens.append(token)
                assert kv.release("train", owner=owner) is True
        return tokens

    rounds = in_processes(8, five_rounds)
    tokens = [token for mine in rounds for token in mine]
    assert len(set(tokens)) == 40
    assert all(mine == sorted(mine) for mine in rounds)


def test_eight_processes_may_open_a_new_store_at_once(store: tuple[Kv, Wipe]) -> None:
    kv, wipe = store
    for _ in range(3):
        wipe()
        assert sorted(in_processes(8, lambda: kv.increment("n"))) == list(range(1, 9))


def test_a_store_serves_as_a_resource_of_a_run(kv: Kv) -> None:
    @dg.asset
    def counted(kv: dg.ResourceParam[Kv]) -> None:
        kv.increment("runs")

    assert dg.materialize([counted], resources={"kv": kv}).success
    assert kv.get("runs") == b"1"


def test_acknowledged_writes_outlive_kill_9_of_the_writer(tmp_path: Path) -> None:
    kv = SqliteKv(path=str(tmp_path / "kv.sqlite"))

    def write_and_tell(tell: Connection) -> None:
        for number in range(100_000):
            kv.set(f"{number:06d}", b"value")
            tell.send(number)

    for _ in range(3):
        heard, tell = FORK.Pipe(duplex=False)
        writer = FORK.Process(target=write_and_tell, args=(tell,))
        writer.start()
        tell.close()
        acknowledged = [heard.recv() for _ in range(20)]
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged += drained(heard)
        writer.join(30)
        assert writer.exitcode == -signal.SIGKILL
        assert {f"{number:06d}" for number in acknowledged} <= set(kv.scan(""))
        kv.set("after", b"works")


def drained(heard: Connection) -> Iterator[int]:
    try:
        while True:
            yield heard.recv()
    except EOFError:
        return


def test_the_file_and_its_folder_are_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "kv.sqlite"
    SqliteKv(path=str(path)).set("k", b"v")
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["kv.sqlite"]


def test_a_write_waits_for_the_lock_and_gives_up_with_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kv = SqliteKv(path=str(tmp_path / "kv.sqlite"))
    monkeypatch.setattr(resources.kv, "TIMEOUT_S", 0.1)
    with kv._write(), pytest.raises(Unavailable, match="SQLITE_BUSY"):
        kv.set("k", b"v")
    kv.set("k", b"v")


def test_a_file_that_is_no_database_is_damaged_and_says_what_to_remove(tmp_path: Path) -> None:
    path = tmp_path / "kv.sqlite"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(Damaged, match=f"rm {path}"):
        SqliteKv(path=str(path)).get("k")


def test_a_folder_in_place_of_the_file_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="SQLITE_CANTOPEN"):
        SqliteKv(path=str(tmp_path)).get("k")


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_a_server_that_is_away_is_unavailable_within_ten_seconds(free_port: int) -> None:
    kv = RedisKv(url=f"redis://127.0.0.1:{free_port}/0", password_variable=PASSWORD)
    began = time.monotonic()
    with pytest.raises(Unavailable, match=f"127.0.0.1:{free_port}") as caught:
        kv.check()
    assert time.monotonic() - began < 10
    assert "doctor" in caught.value.fix


def test_a_server_that_never_answers_is_unavailable_after_the_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resources.kv.TIMEOUT_S <= 5
    monkeypatch.setattr(resources.kv, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kv = RedisKv(url=f"redis://127.0.0.1:{silent.getsockname()[1]}/0", password_variable=PASSWORD)
        began = time.monotonic()
        with pytest.raises(Unavailable, match="TimeoutError"):
            kv.get("k")
        assert time.monotonic() - began < 5


@pytest.mark.services
def test_tls_asked_of_a_plain_server_is_refused_not_skipped(redis_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, redis_server.password)
    monkeypatch.setattr(resources.kv, "TIMEOUT_S", 0.2)  # the plain server waits for more of the handshake
    with pytest.raises(Unavailable):
        RedisKv(url=redis_server.url.replace("redis://", "rediss://"), password_variable=PASSWORD).check()


@pytest.mark.services
@pytest.mark.parametrize("password", ["wrong-canary-5d1f", None])
def test_a_wrong_or_missing_password_names_its_variable_and_no_value(
    redis_server: Any, monkeypatch: pytest.MonkeyPatch, password: str | None
) -> None:
    if password:
        monkeypatch.setenv(PASSWORD, password)
    with pytest.raises(Misconfigured, match=PASSWORD) as caught:
        RedisKv(url=redis_server.url, password_variable=PASSWORD).check()
    assert "canary" not in f"{caught.value!r} {caught.value} {caught.value.__context__}"


@pytest.mark.services
def test_a_password_changed_on_the_server_counts_at_once(redis_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, redis_server.password)
    kv = RedisKv(url=redis_server.url, password_variable=PASSWORD)
    kv.check()
    with redis.Redis.from_url(redis_server.url, password=redis_server.password) as client:
        client.config_set("requirepass", "rotated")
        try:
            monkeypatch.setenv(PASSWORD, "rotated")
            kv.check()
        finally:
            client.config_set("requirepass", redis_server.password)


def test_a_password_shows_in_no_repr_and_may_not_stand_in_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, "canary-77aa")
    kv = RedisKv(url="redis://kv:6379/0", password_variable=PASSWORD)
    assert "canary" not in f"{kv!r} {kv} {kv.describe()} {kv.model_dump()}"
    with pytest.raises(DataAlchemyError) as caught:
        RedisKv(url="redis://:canary-77aa@kv:6379/0")
    assert isinstance(caught.value, Misconfigured)
    assert "canary" not in f"{caught.value!r} {caught.value}"
