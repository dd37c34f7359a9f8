"""Landing: versions, supersession, withdrawal, and what cannot be read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
import pytest

from dataalchemy_pipelines.core.outcomes import content_digest, frame, landing_balances
from dataalchemy_pipelines.core.records import RAW_RECORDS, RawRecord
from dataalchemy_pipelines.engine.landing import Landed, land
from resources.lake import LocalLake
from resources.progress import LogProgress


class Given:
    """A source that holds what the test says; None is an item that cannot be read."""

    def __init__(self, items: Mapping[str, bytes | None]) -> None:
        self._items = items

    def records(self) -> Iterator[RawRecord]:
        """Every item, as received."""
        for name, payload in self._items.items():
            yield RawRecord(name, payload, access=("local",), reason="" if payload is not None else "unreadable")


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    """An empty lake."""
    return LocalLake(root=(tmp_path / "lake").as_uri())


def landed(lake: LocalLake, items: Mapping[str, bytes | None], *, confirm: bool = False) -> Landed:
    """One ingestion."""
    return land(lake, Given(items), source="s", progress=LogProgress(), confirm_withdrawals=confirm)


def states(lake: LocalLake) -> list[tuple[str, int, str]]:
    """(native id, version, outcome) of every row."""
    rows = frame(lake.snapshot(RAW_RECORDS).read(["native_id", "version", "outcome"]))
    return sorted(rows.iter_rows())


def test_the_same_again_is_nothing_new_and_the_digest_stays(lake: LocalLake) -> None:
    assert landed(lake, {"a": b"1", "b": b"2"}).new == 2
    before = content_digest(lake.snapshot(RAW_RECORDS))
    again = landed(lake, {"b": b"2", "a": b"1"})
    assert (again.new, again.changed, again.unchanged) == (0, 0, 2)
    assert content_digest(lake.snapshot(RAW_RECORDS)) == before


def test_an_edit_supersedes_and_both_payloads_stay(lake: LocalLake) -> None:
    landed(lake, {"a": b"old"})
    landed(lake, {"a": b"new"})
    assert states(lake) == [("a", 1, "superseded"), ("a", 2, "kept")]
    keys = frame(lake.snapshot(RAW_RECORDS).read(["version", "payload_key"])).sort("version")["payload_key"]
    assert [lake.get(key) for key in keys] == [b"old", b"new"]


def test_every_version_stays_bound_to_its_own_payload_however_many_follow(lake: LocalLake) -> None:
    contents = [b"one", b"two", b"three", b"four"]
    for content in contents:
        landed(lake, {"a": content})
    rows = frame(lake.snapshot(RAW_RECORDS).read(["version", "content_sha256", "input_sha256"])).sort("version")
    assert rows["content_sha256"].to_list() == [hashlib.sha256(content).hexdigest() for content in contents]
    assert rows["input_sha256"].to_list() == rows["content_sha256"].to_list()


def test_what_is_gone_is_withdrawn_and_what_comes_back_is_a_new_version(lake: LocalLake) -> None:
    many: dict[str, bytes | None] = {str(number): b"x" for number in range(9)}
    landed(lake, {**many, "a": b"1"})
    assert landed(lake, many).withdrawn == 1
    assert states(lake)[-2:] == [("a", 1, "superseded"), ("a", 2, "withdrawn")]
    assert landed(lake, {**many, "a": b"1"}).changed == 1
    assert states(lake)[-1] == ("a", 3, "kept")


@pytest.mark.parametrize("left", [{}, {"1": b"x"}])
def test_too_much_missing_waits_for_a_persons_word(lake: LocalLake, left: dict[str, bytes | None]) -> None:
    landed(lake, {str(number): b"x" for number in range(4)})
    waiting = landed(lake, left)
    assert (waiting.withdrawn, waiting.awaiting) == (0, 4 - len(left))
    assert all(outcome == "kept" for _, _, outcome in states(lake))
    assert landed(lake, left, confirm=True).withdrawn == 4 - len(left)


def test_could_not_be_read_is_not_gone(lake: LocalLake) -> None:
    landed(lake, {"a": b"1"})
    again = landed(lake, {"a": None})
    assert (again.unreadable, again.changed, again.withdrawn) == (1, 0, 0)
    assert states(lake) == [("a", 1, "kept")]


def test_what_was_never_readable_is_quarantined_until_it_is(lake: LocalLake) -> None:
    landed(lake, {"a": None})
    assert states(lake) == [("a", 1, "quarantined")]
    landed(lake, {"a": b"1"})
    assert states(lake)[-1] == ("a", 2, "kept")


def test_two_sources_never_withdraw_each_others_documents(lake: LocalLake) -> None:
    land(lake, Given({"a": b"1"}), source="one", progress=LogProgress())
    land(lake, Given({"a": b"1"}), source="two", progress=LogProgress())
    assert {name: sheet.seen for name, sheet in landing_balances(lake.snapshot(RAW_RECORDS)).items()} == {
        "one": 1,
        "two": 1,
    }


def test_a_change_of_who_may_read_is_a_change(lake: LocalLake) -> None:
    landed(lake, {"a": b"1"})
    opened = [RawRecord("a", b"1", access=("public",))]

    class Opened:
        def records(self) -> Iterator[RawRecord]:
            return iter(opened)

    assert land(lake, Opened(), source="s", progress=LogProgress()).changed == 1
    rows = frame(lake.snapshot(RAW_RECORDS).read(["version", "access"]))
    assert rows.filter(pl.col("version") == 2)["access"].to_list() == [["public"]]
