"""Maintenance: what nothing names goes, what a row or a pointer names stays, and no content changes."""

from __future__ import annotations

import hashlib
import os
import time

import dagster as dg

from dataalchemy_pipelines.core.outcomes import content_digest
from dataalchemy_pipelines.core.records import TABLES
from dataalchemy_pipelines.engine.landing import LISTINGS, PAYLOADS
from dataalchemy_pipelines.publishing.release import current
from tests.defs.conftest import House

OLD_S = 2 * 86_400
REFINED = ("raw_records", "documents", "clean_documents", "signatures", "clusters", "chunks")


def age(house: House) -> None:
    """Set the time of every file of the lake back by two days."""
    for path in house.lake.path.rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - OLD_S,) * 2)


def digests(house: House) -> dict[str, str]:
    """The content digest of every table that `refine` makes."""
    return {name: content_digest(house.lake.snapshot(TABLES[name])) for name in REFINED}


def numbers(result: dg.ExecuteInProcessResult) -> dict[str, int]:
    """The numbers that a round of maintenance says."""
    (made,) = result.asset_materializations_for_node("upkeep")
    return {key: value.value for key, value in made.metadata.items() if isinstance(value.value, int)}


def test_maintenance_of_old_files_changes_no_digest_and_the_next_run_has_nothing_to_do(house: House) -> None:
    for number in range(12):  # enough small runs for files to be merged, and so for files that nothing needs
        house.write(f"note-{number}.md", f"note {number}", 100 * number)
        assert house.run("refine").success
    before = digests(house)
    payload = house.lake.path / PAYLOADS / hashlib.sha256(b"lost").hexdigest()
    payload.write_bytes(b"lost")
    age(house)
    said = numbers(house.run("maintain"))
    assert said["table_files_removed"] > 0 and said["payloads_removed"] == 1 and said["listings_removed"] > 0
    assert said["bytes_after"] < said["bytes_before"] and said["files_after"] < said["files_before"]
    assert not payload.exists()
    assert digests(house) == before
    again = house.run("refine")
    assert again.success, "and its checks find every payload and the listing"
    for name in REFINED:
        (made,) = again.asset_materializations_for_node(name)
        assert made.metadata["worked_on"].value == 0, name
    assert numbers(house.run("maintain"))["table_files_removed"] == 0


def test_what_is_younger_than_a_day_stays_whatever_names_it(house: House) -> None:
    assert house.run("refine").success
    payload = f"{PAYLOADS}/{hashlib.sha256(b'not yet named').hexdigest()}"
    house.lake.put(payload, b"not yet named")
    said = numbers(house.run("maintain"))
    assert [key for key, count in said.items() if key.endswith("_removed") and count] == []
    assert house.lake.get(payload) == b"not yet named"


def test_the_newest_listing_stays_and_pointers_are_never_touched(house: House) -> None:
    for number in range(4):
        house.write(f"note-{number}.md", "note", 100 * number)
        assert house.run("ingest").success
    pointers = list(house.lake.listing("pointers"))
    age(house)
    assert numbers(house.run("maintain"))["listings_removed"] == 2, "four were kept, two of them still count"
    assert list(house.lake.listing("pointers")) == pointers
    newest = current(house.lake, pointers[0].split("/")[1])
    assert newest is not None and newest.value["listing"] in set(house.lake.listing(LISTINGS))


def test_a_probe_that_a_killed_process_left_goes_and_the_ballast_stays(house: House) -> None:
    assert house.run("maintain").success
    house.lake.put("objects/checks/abandoned", b"ok")
    age(house)
    said = numbers(house.run("maintain"))
    assert said["probes_removed"] == 1
    assert said["ballast_bytes"] == 16 * 2**20


def test_the_schedule_of_maintenance_is_off_until_a_person_switches_it_on(house: House) -> None:
    schedule = house.defs.resolve_schedule_def("scheduled_maintenance")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert schedule.job_name == "maintain"
