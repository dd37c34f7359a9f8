"""The graph as every deployment loads it: nothing dangles, everything is labelled, and each stage says its numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from dataalchemy_pipelines.core.outcomes import content_digest
from dataalchemy_pipelines.core.records import RAW_RECORDS, STAGES, TABLES
from dataalchemy_pipelines.definitions import build_defs
from dataalchemy_pipelines.defs.accounts import counts_table
from resources.deployments import DEPLOYMENTS
from resources.settings import Settings
from tests.defs.conftest import House, materialised

ROOT = Path(__file__).parents[2]
GROUPS = {"ingest", "clean", "curate", "synthesize", "train", "publish", "maintain"}
SERVERS = {"DATAALCHEMY_LAKE": "s3://bucket/prefix", "DATAALCHEMY_KV": "redis://127.0.0.1:6379/0"}
STORES = {"native": {}, "docker": SERVERS, "k3d": SERVERS, "k8s": SERVERS}
"""Deployment -> the addresses that it can't do without; a new deployment joins here."""
BLOCKED = {RAW_RECORDS.name, *(target.name for _, target in STAGES), "training_sets", "adapter", "index", "evaluations"}
"""Assets in which documents could get lost, leak, or be compared unfairly."""
NUMBERS = ("dagster/row_count", "worked_on", "seen", "kept", "rejected", "quarantined", "duplicate_of", "lost")
REFINED = ("raw_records", "documents", "clean_documents", "signatures", "clusters", "chunks")


@pytest.fixture(params=sorted(DEPLOYMENTS))
def defs(request: pytest.FixtureRequest, tmp_path: Path) -> dg.Definitions:
    """The definitions of every deployment in turn."""
    stores = STORES[request.param]
    return build_defs(
        Settings.read(DATAALCHEMY_DEPLOYMENT=request.param, DATAALCHEMY_DATA_PATH=str(tmp_path), **stores)
    )


@pytest.fixture
def native(tmp_path: Path) -> dg.Definitions:
    """The definitions of one machine; what they are made of is the same everywhere."""
    return build_defs(Settings.read(DATAALCHEMY_DATA_PATH=str(tmp_path)))


def assets(defs: dg.Definitions) -> list[dg.AssetSpec]:
    return list(defs.resolve_all_asset_specs())


def test_the_definitions_of_every_deployment_load(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)
    assert len(assets(defs)) >= 12


def test_every_deployment_has_the_same_graph(defs: dg.Definitions, native: dg.Definitions) -> None:
    edges = [{(spec.key, dep.asset_key) for spec in assets(some) for dep in spec.deps} for some in (defs, native)]
    assert edges[0] == edges[1]


def test_no_asset_depends_on_what_no_asset_makes(native: dg.Definitions) -> None:
    """Dagster itself takes a misspelt key for something that comes from elsewhere, and says nothing."""
    graph = native.resolve_asset_graph()
    made = graph.executable_asset_keys
    wanted = {parent for key in graph.get_all_asset_keys() for parent in graph.get(key).parent_keys}
    assert wanted - made == set()
    assert graph.get_all_asset_keys() == made
    assert wanted, "there are dependencies to judge"


@pytest.mark.parametrize("label", ["group_name", "owners", "description"])
def test_every_asset_is_labelled(native: dg.Definitions, label: str) -> None:
    assert [spec.key.to_user_string() for spec in assets(native) if not getattr(spec, label)] == []


def test_every_asset_says_what_kind_of_thing_it_is(native: dg.Definitions) -> None:
    assert [spec.key.to_user_string() for spec in assets(native) if not spec.kinds] == []


def test_every_group_is_one_of_the_path(native: dg.Definitions) -> None:
    assert {spec.group_name for spec in assets(native)} == GROUPS


def test_where_documents_could_get_lost_or_leak_a_check_blocks(native: dg.Definitions) -> None:
    graph = native.resolve_asset_graph()
    blocking = {key.asset_key.to_user_string() for key in graph.asset_check_keys if graph.get(key).blocking}
    assert BLOCKED - blocking == set()
    assert [key for key in graph.asset_check_keys if not graph.get(key).blocking] == []


def test_the_clean_stage_is_also_checked_for_what_is_personal(native: dg.Definitions) -> None:
    keys = {(key.asset_key.to_user_string(), key.name) for key in native.resolve_asset_graph().asset_check_keys}
    assert ("clean_documents", "nothing_personal_is_left") in keys


def test_every_job_makes_something_and_one_makes_everything(native: dg.Definitions) -> None:
    graph = native.resolve_asset_graph()
    jobs = {job.name: job for job in native.resolve_all_job_defs() if not job.name.startswith("__")}
    selected = {name: set(job.asset_layer.selected_asset_keys) for name, job in jobs.items()}
    assert set(selected) == {"ingest", "wash", "refine", "synthesize", "train", "publish", "full_cycle", "maintain"}
    assert [name for name, keys in selected.items() if not keys] == []
    assert selected["full_cycle"] | selected["maintain"] == graph.get_all_asset_keys()
    assert not selected["full_cycle"] & selected["maintain"], "who asks for documents asks for no maintenance"


def schedule_of(environment: dict[str, str]) -> list[str]:
    """[status, cron] of the schedule in a process that starts with these settings."""
    code = (
        "from dataalchemy_pipelines.defs.automation import scheduled_ingestion as one;"
        "print(one.default_status.value, one.cron_schedule, sep='|')"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip().split("|")


def test_the_schedule_is_off_until_a_setting_gives_it_a_time() -> None:
    assert schedule_of({}) == ["STOPPED", "0 * * * *"]
    assert schedule_of({"DATAALCHEMY_SCHEDULE": "15 */6 * * *"}) == ["RUNNING", "15 */6 * * *"]


def test_each_stage_says_its_numbers_and_a_second_run_has_nothing_to_do(house: House) -> None:
    first, second = house.run("refine"), house.run("refine")
    assert first.success and second.success
    assert materialised(first) == set(REFINED) == materialised(second)
    for name in REFINED:
        for result, expected in ((first, range(1, 100)), (second, range(1))):
            (made,) = result.asset_materializations_for_node(name)
            numbers = {key: made.metadata[key].value for key in NUMBERS}
            assert {key: type(value) for key, value in numbers.items()} == dict.fromkeys(NUMBERS, int), name
            assert numbers["worked_on"] in expected, name
            assert numbers["seen"] > 0 and numbers["lost"] == 0, name


def test_the_version_that_a_run_reports_is_the_digest_of_its_table(house: House) -> None:
    versions = []
    for _ in range(2):
        result = house.run("refine")
        tags = {name: result.asset_materializations_for_node(name)[0].tags for name in REFINED}
        versions.append({name: tag["dagster/data_version"] for name, tag in tags.items()})
    assert versions[0] == versions[1]
    assert versions[0] == {name: content_digest(house.lake.snapshot(TABLES[name])) for name in REFINED}
    assert len(set(versions[0].values())) == len(REFINED), "each table holds something of its own"


def test_a_run_logs_one_json_object_a_line_where_that_is_asked_for(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = Settings.read(DATAALCHEMY_DATA_PATH=str(house.folder.parent / "data"), DATAALCHEMY_LOG_FORMAT="json")
    job = build_defs(settings).resolve_job_def("ingest")
    everything = {"loggers": {"console": {"config": {"log_level": "DEBUG"}}}}
    assert job.execute_in_process(run_config=everything, instance=house.instance).success
    lines = [line for line in "".join(capfd.readouterr()).splitlines() if not line.startswith("  ")]
    said = [json.loads(line) for line in lines]  # what is indented is the command line's own, set up by another test
    assert said
    assert all({"levelname", "msg", "dagster_meta"} <= line.keys() for line in said)
    assert "boiler" not in json.dumps(said)


def test_numbers_of_nothing_are_a_table_too() -> None:
    assert counts_table("side", {"train": 0, "valid": 0}).count("\n") == 3
