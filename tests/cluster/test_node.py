"""The stack with real pods: Ready in time, closed to strangers, the same digests as one machine, and all of it kept."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import minio
import pytest
import yaml

from bench.cluster import access
from k8s.controller.spec import API_VERSION
from resources.images import OTHERS, OWN
from resources.job import Job
from resources.progress import LogProgress
from resources.settings import CHECKOUT
from tests.cluster.conftest import bring_up
from tests.cluster.first import DEFINITION, PRIVILEGED, first_operators, stack_of_the_first
from tests.cluster.node import NAMESPACE, Site, ask, cut_power, runs

pytestmark = [pytest.mark.cluster, pytest.mark.images]

SECRETS = {"AWS_ACCESS_KEY_ID": "canary-user", "AWS_SECRET_ACCESS_KEY": "canary=key#1", "DAGSTER_HOME": "canary-home"}
READY_S = 180
LAB = Path(os.environ.get("K8S_LAB_DIR", "/tmp/k8s-lab"))
EXECUTORS = "spark-role=executor"
PLAYED = """import json, time
for step in (1, 2, 3):
    print(json.dumps({"step": step, "total": 3}), flush=True)
    time.sleep(30 if step == 2 else 1)
print(json.dumps({"result": {}}))
"""


@pytest.fixture(scope="module")
def stack(node: None, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The k3d example by `deploy k8s`, from a `.env` with Windows line ends. Its folder is this machine's."""
    root = tmp_path_factory.mktemp("node")
    example = yaml.safe_load((CHECKOUT / "k8s" / "examples" / "stack-instance-k3d.yaml").read_text(encoding="utf-8"))
    example["spec"]["storage"]["dataPath"] = str(root / "data")
    (root / "stack.yaml").write_text(yaml.safe_dump(example), encoding="utf-8")
    lines = [f'export {name}="{value}"\r\n' for name, value in SECRETS.items()]
    (root / ".env").write_text("".join(lines), encoding="utf-8", newline="")
    own = {"K3D_CLUSTER": "true"}  # its fixed ports, whatever cluster this is
    if (LAB / "containerd.sock").exists():
        own |= {"DATAALCHEMY_IMAGE_LOADER": "containerd", "CONTAINERD_ADDRESS": str(LAB / "containerd.sock")}
    found = Site({**os.environ, **images, **own}, root)
    try:
        done = found.set_up("--file", str(root / "stack.yaml"))
        assert done.returncode == 0, done.stderr[-3000:]
        (root / "set-up.log").write_text(done.stdout + done.stderr, encoding="utf-8")
        yield found
    finally:
        found.set_up("down")
        access.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=180s")
        access.kubectl("delete", "persistentvolumes", f"--selector=dataalchemy.io/namespace={NAMESPACE}")


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings of a lake on this machine."""
    return {"DATAALCHEMY_DEPLOYMENT": "native", "DATAALCHEMY_DATA_PATH": str(tmp_path_factory.mktemp("native"))}


def test_the_stack_is_ready_in_time_and_says_what_to_open(stack: Site) -> None:
    live = access.the_stack(NAMESPACE)
    ready = next(one for one in live["status"]["conditions"] if one["type"] == "Ready")
    began, ended = (_moment(live["metadata"]["creationTimestamp"]), _moment(ready["lastTransitionTime"]))
    print(f"Ready after {(ended - began).total_seconds():.0f} s")
    assert (ended - began).total_seconds() <= READY_S
    said = (stack.root / "set-up.log").read_text()
    assert f"open dagster  {live['status']['endpoints']['dagster']}" in said


def test_no_secret_is_shown_and_only_those_that_are_asked_for_are_taken(stack: Site) -> None:
    assert "canary" not in (stack.root / "set-up.log").read_text()
    keys = set(stack.objects("secrets")[0]["data"])
    assert "DAGSTER_HOME" not in keys
    assert {"AWS_ACCESS_KEY_ID", "DATAALCHEMY_KV_PASSWORD", "DATAALCHEMY_POSTGRES_PASSWORD"} <= keys


def test_the_stores_answer_on_the_nodes_ports_with_the_password_and_not_without(stack: Site) -> None:
    addresses = access.kubectl("get", "nodes", "--output=jsonpath={.items[0].status.addresses[*].address}").split()
    with stack.reached() as settings:
        password = settings["DATAALCHEMY_KV_PASSWORD"]
    assert _redis(addresses[0], "PING") == "-NOAUTH Authentication required."
    assert _redis(addresses[0], f"AUTH {password}", "PING") == "+PONG"
    keys = (settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"])
    assert minio.Minio(f"{addresses[0]}:30000", *keys, secure=False).bucket_exists("dataalchemy")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"http://{addresses[0]}:30000/dataalchemy", timeout=10)


def test_runs_are_jobs_of_the_cluster_and_give_the_digests_of_one_machine(stack: Site, native: dict[str, str]) -> None:
    documents = str(CHECKOUT / "samples")
    stack.program("ingest", "--stage", "refine", documents, settings=native)
    with stack.reached() as settings:
        stack.program("ingest", "--stage", "refine", documents, settings=settings)
        assert stack.digests(settings) == stack.digests(native)
        run_id = runs(settings)[0]["runId"]
        jobs = [one["metadata"]["name"] for one in stack.objects("jobs")]
        assert f"dagster-run-{run_id}" in jobs


def test_a_runs_output_is_there_when_its_pod_is_gone(stack: Site) -> None:
    with stack.reached() as settings:
        run_id = runs(settings)[0]["runId"]
        stack.kubectl("delete", "job", f"dagster-run-{run_id}")
        captured = """query($id: ID!) { runOrError(runId: $id) { ... on Run { eventConnection { events {
          ... on LogsCapturedEvent { fileKey } } } } } }"""
        events = ask(settings, captured, id=run_id)["runOrError"]["eventConnection"]["events"]
        key = [run_id, "compute_logs", next(one["fileKey"] for one in events if one)]
        logs = ask(settings, "query($key: [String!]!) { capturedLogs(logKey: $key) { stderr } }", key=key)
    assert "raw_records" in logs["capturedLogs"]["stderr"]


def test_maintenance_runs_there_with_the_room_that_its_tag_asks_for(stack: Site) -> None:
    with stack.reached() as settings:
        before = stack.digests(settings)
        stack.program("maintain", settings=settings)
        run = runs(settings)[0]
        assert (run["jobName"], run["status"]) == ("maintain", "SUCCESS")
        assert stack.digests(settings) == before
    job = json.loads(stack.kubectl("get", "job", f"dagster-run-{run['runId']}", "--output=json"))
    resources = job["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert resources["requests"] == {"cpu": "100m", "memory": "512Mi"}
    assert resources["limits"] == {"cpu": "2", "memory": "8Gi"}, "what no tag names is the stack's"


def test_spark_has_two_executors_and_survives_the_death_of_one(stack: Site, native: dict[str, str]) -> None:
    documents = str(CHECKOUT / "docs")
    stack.program("ingest", "--stage", "refine", documents, settings=native)
    killed: list[str] = []

    def kill() -> None:
        deadline = time.monotonic() + 400
        while time.monotonic() < deadline:
            running = [one for one in stack.objects("pods", EXECUTORS) if one["status"].get("phase") == "Running"]
            if len(running) == 2:
                killed.append(running[0]["metadata"]["name"])
                stack.kubectl("delete", "pod", killed[0], "--force", "--grace-period=0")
                return
            time.sleep(1)

    killer = threading.Thread(target=kill)
    killer.start()
    with stack.reached() as settings:
        stack.program("ingest", "--stage", "refine", "--mode", "spark", documents, settings=settings)
        killer.join()
        assert len(killed) == 1
        assert stack.digests(settings) == stack.digests(native)
    assert stack.objects("pods", EXECUTORS) == []


def test_a_request_for_an_ingest_is_done_once(stack: Site) -> None:
    with stack.reached() as settings:
        before = len(runs(settings))
        for _ in range(2):
            stack.kubectl("annotate", "das", "--all", "--overwrite", "dataalchemy.io/request-ingest=first")
            _until(lambda: stack.state().get("ingestRequest") == "first", 120)
            _until(lambda: {one["status"] for one in runs(settings)} == {"SUCCESS"}, 240)
            time.sleep(10)
        assert len(runs(settings)) == before + 1
    assert len(stack.objects("jobs", "app.kubernetes.io/component=ingest")) == 1


def test_training_is_followed_through_the_loss_of_its_pod(
    stack: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack's own template, its image and account, and a program that only tells of steps."""
    for place in ("config", "config.kube_config"):  # read from the environment when it was imported
        monkeypatch.setattr(f"kubernetes.{place}.KUBE_CONFIG_DEFAULT_LOCATION", os.environ["KUBECONFIG"])
    template = json.loads(stack.kubectl("get", "configmap", "dataalchemy-training", "--output=json"))["data"][
        "job.json"
    ]
    body = json.loads(template)
    body["spec"]["template"]["spec"]["containers"][0]["command"] = ["python", "-c", PLAYED, ""]
    (tmp_path / "job.json").write_text(json.dumps(body), encoding="utf-8")
    steps, pods, notes = [], set[str](), LogProgress()
    with closing(Job.start(tmp_path / "job.json", NAMESPACE, "a spec")) as job:
        for message in job.messages(notes):
            if "result" in message:
                break
            steps.append(message["step"])
            pods |= {one["metadata"]["name"] for one in stack.objects("pods", "dataalchemy.io/part=training")}
            if steps == [1, 2]:
                stack.kubectl("delete", "pod", *pods, "--force", "--grace-period=0")
    assert steps == [1, 2, 1, 2, 3] and len(pods) == 2
    _until(lambda: not stack.objects("jobs", "dataalchemy.io/part=training"), 60)


def test_the_set_up_again_changes_nothing(stack: Site) -> None:
    before = stack.servers()
    done = stack.set_up("--file", str(stack.root / "stack.yaml"))
    assert done.returncode == 0, done.stderr[-2000:]
    assert stack.servers() == before
    assert "canary" not in done.stdout + done.stderr


def test_every_pod_may_go_and_nothing_is_lost_or_run_twice(stack: Site) -> None:
    with stack.reached() as settings:
        before, ran = stack.digests(settings), runs(settings)
    for pod in stack.servers():
        stack.kubectl("delete", "pod", pod)
        print(f"{pod}: well again after {stack.wait_until_well():.0f} s")
    with stack.reached() as settings:
        assert stack.digests(settings) == before
        assert runs(settings) == ran


def test_a_node_that_loses_its_power_has_all_of_it_again(stack: Site) -> None:
    if not (LAB / "run").is_dir():
        pytest.skip("only a node that is this machine can lose its power here")
    with stack.reached() as settings:
        before, ran = stack.digests(settings), runs(settings)
    cut_power(LAB)
    bring_up("up")
    time.sleep(20)  # until then the cluster believes that all is as it was
    print(f"well again after {stack.wait_until_well() + 20:.0f} s")
    with stack.reached() as settings:
        assert stack.digests(settings) == before
        assert runs(settings) == ran


def test_claims_of_a_storage_class_keep_data_beside_a_stack_on_folders(stack: Site) -> None:
    """Two stacks in one namespace: neither the pods nor the data of the other are touched."""
    others = stack.servers()
    spec = {"storage": {"mode": "pvc", "size": "1Gi"}, "serviceType": "ClusterIP", "dagster": {"enabled": False}}
    stack.apply({"apiVersion": API_VERSION, "kind": "DataAlchemyStack", "metadata": {"name": "claims"}, "spec": spec})
    stack.kubectl("wait", "das/claims", "--for=condition=Ready", "--timeout=240s")
    secret = "REDISCLI_AUTH=$DATAALCHEMY_KV_PASSWORD redis-cli"
    assert "OK" in stack.kubectl("exec", "claims-redis-0", "--", "sh", "-c", f"{secret} set kept here")
    stack.kubectl("delete", "pod", "claims-redis-0")
    stack.kubectl("wait", "das/claims", "--for=condition=Ready", "--timeout=240s")
    stack.kubectl("wait", "pod/claims-redis-0", "--for=condition=Ready", "--timeout=120s")
    assert "here" in stack.kubectl("exec", "claims-redis-0", "--", "sh", "-c", f"{secret} get kept")
    stack.kubectl("delete", "das/claims", "--timeout=120s")
    claims = {one["metadata"]["name"] for one in stack.objects("persistentvolumeclaims")}
    assert {"claims-minio-data", "claims-redis-data"} <= claims
    assert stack.servers() == others
    stack.kubectl("delete", "pvc", "claims-minio-data", "claims-redis-data")


def test_what_is_taken_down_goes_on_where_it_was(stack: Site) -> None:
    with stack.reached() as settings:
        before, ran = stack.digests(settings), runs(settings)
    assert stack.set_up("down").returncode == 0
    _until(lambda: not stack.objects("pods"), 120)
    assert len(stack.objects("persistentvolumeclaims")) == 3
    assert stack.set_up("--file", str(stack.root / "stack.yaml")).returncode == 0
    with stack.reached() as settings:
        assert stack.digests(settings) == before
        assert runs(settings) == ran


def test_the_first_operators_users_find_their_data_after_the_upgrade(stack: Site) -> None:
    """Its definition, its stack and its servers on the same folders, then the set-up as on any other day."""
    with stack.reached() as settings:
        before, ran = stack.digests(settings), runs(settings)
    _go_back_to_the_first_operator(stack)
    done = stack.set_up()
    assert done.returncode == 0, done.stderr[-2000:]
    stack.wait_until_well()
    assert stack.objects("deployments", "dataalchemy.io/managed=true") == []
    assert next(one for one in stack.state()["conditions"] if one["type"] == "AsAsked")["reason"] == "OneServer"
    with stack.reached() as settings:
        assert stack.digests(settings) == before
        assert runs(settings) == ran


def _go_back_to_the_first_operator(stack: Site) -> None:
    assert stack.set_up("down").returncode == 0
    _until(lambda: not stack.objects("pods"), 120)
    stack.kubectl("delete", "persistentvolumeclaims", "--all")
    access.kubectl("delete", "persistentvolumes", f"--selector=dataalchemy.io/namespace={NAMESPACE}")
    access.kubectl("delete", "crd", DEFINITION["metadata"]["name"])
    labels = (f"{name}={value}" for name, value in PRIVILEGED.items())
    access.kubectl("label", "namespace", NAMESPACE, "--overwrite", *labels)
    stack.apply(DEFINITION)
    access.kubectl("wait", f"crd/{DEFINITION['metadata']['name']}", "--for=condition=Established", "--timeout=60s")
    stack.apply(stack_of_the_first())
    for one in first_operators(NAMESPACE, str(stack.root / "data"), {**OWN, **OTHERS, **stack.environment}):
        if one["kind"] != "Secret":  # it has kept its own
            stack.apply(one)
    stack.kubectl("wait", "deployment", "--all", "--for=condition=Available", "--timeout=120s")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _redis(host: str, *commands: str) -> str:
    """The answer to the last of some commands."""
    with socket.create_connection((host, 30002), 10) as server:
        for command in commands:
            server.sendall(f"{command}\r\n".encode())
            answer = server.recv(1000).decode().strip()
    return answer


def _until(holds: Any, limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(2)
