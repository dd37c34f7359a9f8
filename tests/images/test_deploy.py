"""`deploy docker` for real: up in time, closed to strangers, no tools left in the images, all kept by down and up."""

from __future__ import annotations

import json
import secrets
import shutil
import stat
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from resources.compose import SECRET_BYTES
from resources.settings import CHECKOUT
from tests.images.conftest import Deployment

pytestmark = [pytest.mark.images, pytest.mark.timeout(3000)]

SERVICES = ["cache", "code", "daemon", "metrics", "minio", "postgres", "webserver"]
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
LAUNCH = """mutation($job: String!) { launchRun(executionParams: {selector: {repositoryName: "__repository__",
  repositoryLocationName: "dataalchemy", jobName: $job}, runConfigData: {}}) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""


def ask(deployment: Deployment, query: str, **variables: str) -> Any:
    """One GraphQL question to the UI's server."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{deployment.ui}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)["data"]


def run_of(deployment: Deployment, job: str) -> str:
    """Launch a job as the UI does, wait until it has ended well, and return its id."""
    launched = ask(deployment, LAUNCH, job=job)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id: str = launched["run"]["runId"]
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        state = status_of(deployment, run_id)
        if state in ("SUCCESS", "FAILURE", "CANCELED"):
            break
        time.sleep(1)
    assert state == "SUCCESS"
    return run_id


def status_of(deployment: Deployment, run_id: str) -> str:
    found = ask(deployment, "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }", id=run_id)
    return str(found["runOrError"].get("status"))


def test_up_says_what_to_open_and_it_opens(deployment: Deployment) -> None:
    print(f"up took {deployment.up_s:.0f} s")  # docs/docker.md has what it takes on a quiet machine; a test is no clock
    assert f"open {deployment.ui} " in deployment.said
    with urllib.request.urlopen(deployment.ui, timeout=10) as response:
        assert response.status == 200


def test_the_code_is_loaded_and_every_daemon_is_well(deployment: Deployment) -> None:
    query = "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }"
    entries = ask(deployment, query)["workspaceOrError"]["locationEntries"]
    assert [(entry["name"], entry["locationOrLoadError"]["__typename"]) for entry in entries] == [
        ("dataalchemy", "RepositoryLocation")
    ]
    health = ask(deployment, "{ instance { daemonHealth { allDaemonStatuses { daemonType healthy required } } } }")
    required = [each for each in health["instance"]["daemonHealth"]["allDaemonStatuses"] if each["required"]]
    assert required
    assert all(each["healthy"] for each in required)


def test_status_names_every_service_as_healthy(deployment: Deployment) -> None:
    done = deployment.dataalchemy("deploy", "docker", "status", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [(service["name"], service["health"]) for service in found] == [(name, "healthy") for name in SERVICES]


def test_env_keeps_what_was_there_and_is_for_the_owner_alone(deployment: Deployment) -> None:
    path = deployment.root / ".env"
    assert path.read_bytes().startswith(b"DATAALCHEMY_SCHEDULE='0 5 * * *'\r\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    schedule = deployment.inside_of("code", "printenv", "DATAALCHEMY_SCHEDULE")
    assert schedule.stdout == "0 5 * * *\n"


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_has_no_root_no_capability_and_no_writable_root(deployment: Deployment, service: str) -> None:
    script = "id -u; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status | cut -f2; touch /probe 2>&1"
    uid, *found, refused = deployment.inside_of(service, "sh", "-c", script).stdout.split("\n")[:5]
    assert int(uid) >= 999
    assert found == ["0000000000000000", "0000000000000000", "1"]
    assert "Read-only file system" in refused


@pytest.mark.parametrize("service", ["code", "minio"])
def test_an_image_has_no_build_tools_left(deployment: Deployment, service: str) -> None:
    tools = "for tool in gcc cc g++ make go git pip pip3 uv; do command -v $tool; done; ls -d /src /opt/installer /go"
    assert deployment.inside_of(service, "sh", "-c", f"({tools}) 2>/dev/null").stdout == ""


def test_only_loopback_is_published(deployment: Deployment) -> None:
    said = deployment.compose("ps", "--format", "json").stdout
    publishers = [each for line in said.splitlines() for each in json.loads(line)["Publishers"] or []]
    published = [each for each in publishers if each["PublishedPort"]]
    assert len(published) == 5
    assert {each["URL"] for each in published} == {"127.0.0.1"}


def test_cache_and_database_want_their_password(deployment: Deployment) -> None:
    assert "NOAUTH" in deployment.inside_of("cache", "redis-cli", "ping").stdout
    knock = "import psycopg2; psycopg2.connect('postgresql://dataalchemy:wrong@postgres/dagster')"
    assert "password authentication failed" in deployment.inside_of("code", "python3", "-c", knock).stderr


def test_metrics_tell_of_every_service(deployment: Deployment) -> None:
    with urllib.request.urlopen(deployment.metrics, timeout=60) as response:
        lines = response.read().decode().splitlines()
    for service in ("lake", "cache", "history"):
        assert f'dataalchemy_service_up{{service="{service}"}} 1.0' in lines


def test_spark_starts_in_the_code_container(deployment: Deployment) -> None:
    count = (
        "from pyspark.sql import SparkSession as S; print(S.builder.master('local[1]').getOrCreate().range(7).count())"
    )
    done = deployment.inside_of("code", "python3", "-c", count)
    assert done.stdout == "7\n", done.stderr[-1000:]


def test_what_was_done_outlives_down_and_up(deployment: Deployment) -> None:
    prepare = "mkdir -p /data/given && echo 'The kiln is fired at nine every Monday.' >/data/given/kiln.txt"
    deployment.inside_of("code", "sh", "-c", prepare)
    first = deployment.inside_of("code", "dataalchemy", "ingest", "/data/given", "--stage", "wash")
    assert first.returncode == 0, first.stderr[-1000:]
    run_id = run_of(deployment, "ingest")
    digest = deployment.inside_of("code", "dataalchemy", "lake", "digest", "--json").stdout
    assert "raw_records" in digest
    before = dotenv_values(deployment.root / ".env")
    down = deployment.dataalchemy("deploy", "docker", "down")
    assert (down.returncode, "kept: " in down.stdout) == (0, True), down.stderr
    assert deployment.dataalchemy("deploy", "docker", "status").returncode == 1
    deployment.up()
    assert status_of(deployment, run_id) == "SUCCESS"
    assert deployment.inside_of("code", "dataalchemy", "lake", "digest", "--json").stdout == digest
    assert dotenv_values(deployment.root / ".env") == before


@pytest.fixture
def planted(deployment: Deployment) -> dict[str, str]:
    """What must stand nowhere that a stranger reads: the secrets, and words of a document that was worked on."""
    words = f"quokkaberry {secrets.token_hex(8)}"
    text = f"The {words} is boiled for an hour. Ask ada@{words.split()[1]}.example for the recipe."
    write = f"mkdir -p /data/planted && echo '{text}' >/data/planted/recipe.txt"
    deployment.inside_of("code", "sh", "-c", write)
    done = deployment.inside_of("code", "dataalchemy", "ingest", "/data/planted", "--stage", "refine")
    assert done.returncode == 0, done.stderr[-1000:]
    run_of(deployment, "refine")
    found = dotenv_values(deployment.root / ".env")
    return {"words": words, "address": words.split()[1], **{name: found[name] or "-" for name in SECRET_BYTES}}


def test_no_secret_and_no_text_stands_in_a_log_an_event_a_metric_or_a_process_list(
    deployment: Deployment, planted: dict[str, str]
) -> None:
    dump = "PGPASSWORD=$POSTGRES_PASSWORD exec pg_dump --host 127.0.0.1 --username dataalchemy dagster"
    with urllib.request.urlopen(deployment.metrics, timeout=60) as response:
        numbers = response.read().decode()
    said = {
        "logs": deployment.dataalchemy("deploy", "docker", "logs", "--tail", "100000").stdout,
        "history": deployment.inside_of("postgres", "sh", "-c", dump).stdout,
        "processes": "".join(deployment.compose("top", name).stdout for name in SERVICES),
        "metrics": numbers,
        "up": deployment.said,
    }
    assert all(words in said[place] for place, words in (("logs", "dagster"), ("history", "clean_documents")))
    assert [(place, name) for place, text in said.items() for name, value in planted.items() if value in text] == []


@pytest.mark.parametrize("target", ["pipelines", "minio"])
def test_what_lies_in_the_folder_of_a_build_or_is_lent_to_it_stands_in_no_layer(
    deployment: Deployment, tmp_path: Path, target: str
) -> None:
    canary, context = f"canary-{secrets.token_hex(16)}", tmp_path / "checkout"
    shutil.copytree(CHECKOUT, context, ignore=shutil.ignore_patterns(".venv", ".git", "__pycache__", "shared"))
    for name in (".env", "data/private/inbox/report.txt", "id_rsa", "tests/notes.txt"):
        planted = context / name
        planted.parent.mkdir(parents=True, exist_ok=True)
        planted.write_text(f"SECRET={canary}\n", encoding="utf-8")
    lent = tmp_path / "lent.crt"
    lent.write_bytes(AUTHORITIES.read_bytes() + canary.encode())
    size, stands = deployment.build_and_scan(context, target, lent=lent, needle=canary.encode())
    assert size > 100 * 2**20
    assert not stands


def test_each_run_has_a_container_of_its_own_where_that_is_asked_for(deployment: Deployment) -> None:
    """The last test here: the deployment stays so."""
    prepare = "mkdir -p /data/given && echo 'The kiln is fired at nine every Monday.' >/data/given/kiln.txt"
    deployment.inside_of("code", "sh", "-c", prepare)
    assert deployment.inside_of("code", "dataalchemy", "ingest", "/data/given", "--stage", "wash").returncode == 0
    with (deployment.root / ".env").open("ab") as file:
        file.write(b"DATAALCHEMY_RUN_LAUNCHER=docker\r\n")
    deployment.up()
    run_id = run_of(deployment, "refine")
    query = "query($id: ID!) { runOrError(runId: $id) { ... on Run { tags { key value } } } }"
    tags = {tag["key"]: tag["value"] for tag in ask(deployment, query, id=run_id)["runOrError"]["tags"]}
    assert tags["dagster/image"] == "dataalchemy/pipelines:0.1.0"
    assert len(tags["docker/container_id"]) == 64
    deadline = time.monotonic() + 60
    while tags["docker/container_id"] in deployment.docker("ps", "--all", "--quiet", "--no-trunc").stdout:
        assert time.monotonic() < deadline, "it was not removed with its end"
        time.sleep(1)
