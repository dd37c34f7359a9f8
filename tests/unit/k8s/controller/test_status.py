"""Twelve broken worlds and more, each in a condition that names the cause; and what a stack that is well says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s.controller.build.volumes import build_volumes
from k8s.controller.plan import Facts, Plan, Ref, plan
from k8s.controller.stack import PART_LABEL, Stack
from k8s.controller.status import Moment, Refusal, Seen, status_of

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
Make = Callable[..., Stack]
Running = Callable[[Stack], Facts]
MINIO = Ref("StatefulSet", "demo-minio", "team")
CLAIM = Ref("PersistentVolumeClaim", "demo-minio-data", "team")
NOW = Moment(now="2026-11-25T10:00:00Z", generation=3)


def pod(part: str, name: str, **status: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "team", "labels": {PART_LABEL: part}}
    return {"metadata": meta, "spec": {"nodeName": "k3d-dataalchemy-server-0"}, "status": status}


def waits(part: str, reason: str, message: str = "") -> dict[str, Any]:
    state = {"name": part, "image": "x:1", "state": {"waiting": {"reason": reason, "message": message}}}
    return pod(part, f"demo-{part}-0", containerStatuses=[state])


def pending(part: str, message: str) -> dict[str, Any]:
    made = pod(part, f"demo-{part}-0", conditions=[{"type": "PodScheduled", "status": "False", "message": message}])
    return {**made, "spec": {}}


def event(kind: str, name: str, message: str, reason: str = "FailedCreate") -> dict[str, Any]:
    thing = {"kind": kind, "name": name}
    return {"type": "Warning", "reason": reason, "message": message, "involvedObject": thing, "lastTimestamp": "1"}


def down(facts: Facts, *refs: Ref) -> Facts:
    """The same cluster with these workloads not ready."""
    objects = dict(facts.objects)
    for ref in refs:
        objects[ref] = {**objects[ref], "status": {"readyReplicas": 0, "observedGeneration": 1}}
    return replace(facts, objects=objects)


def without(facts: Facts, *refs: Ref) -> Facts:
    return replace(facts, objects={ref: one for ref, one in facts.objects.items() if ref not in refs})


def condition(status: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(one for one in status["conditions"] if one["type"] == kind)


def judged(stack: Stack, facts: Facts, seen: Seen = Seen(), moment: Moment = NOW) -> dict[str, Any]:  # noqa: B008
    return status_of(stack, plan(stack, facts), facts, seen, moment=moment)


WORLDS: dict[str, tuple[str, str, Callable[[Facts], Facts], Seen]] = {
    "no storage class": (
        "LakeReady",
        "NoStorageClass",
        lambda facts: down(facts, MINIO),
        Seen(
            pods=(pending("lake", "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."),),
            events=(event("PersistentVolumeClaim", CLAIM.name, 'storageclass "fast" not found', "ProvisioningFailed"),),
        ),
    ),
    "image missing": (
        "LakeReady",
        "ImageMissing",
        lambda facts: down(facts, MINIO),
        Seen(pods=(waits("lake", "ErrImagePull", "not found"),)),
    ),
    "secret missing": (
        "CacheReady",
        "SecretMissing",
        lambda facts: down(facts, Ref("StatefulSet", "demo-redis", "team")),
        Seen(pods=(waits("cache", "CreateContainerConfigError", 'secret "dataalchemy-secret" not found'),)),
    ),
    "port taken": (
        "Ready",
        "PortTaken",
        lambda facts: without(facts, Ref("Service", "demo-minio-ext", "team")),
        Seen(refusals=(Refusal(Ref("Service", "demo-minio-ext", "team"), 422, "provided port is already allocated"),)),
    ),
    "quota full, pods": (
        "CodeReady",
        "QuotaExceeded",
        lambda facts: down(facts, Ref("Deployment", "demo-code", "team")),
        Seen(events=(event("ReplicaSet", "demo-code-6d5f", 'pods "x" is forbidden: exceeded quota: small'),)),
    ),
    "quota full, claims": (
        "LakeReady",
        "QuotaExceeded",
        lambda facts: without(facts, MINIO, CLAIM),
        Seen(refusals=(Refusal(CLAIM, 403, "exceeded quota: small, requested: requests.storage=20Gi"),)),
    ),
    "node down": (
        "LakeReady",
        "NodeDown",
        lambda facts: down(facts, MINIO),
        Seen(
            pods=(pod("lake", "demo-minio-0"),),
            nodes=(
                {
                    "metadata": {"name": "k3d-dataalchemy-server-0"},
                    "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]},
                },
            ),
        ),
    ),
    "node gone": (
        "LakeReady",
        "NodeMissing",
        lambda facts: down(facts, MINIO),
        Seen(pods=(pending("lake", "0/2 nodes are available: 2 node(s) had volume node affinity conflict"),)),
    ),
    "no room": (
        "PostgresReady",
        "NoRoom",
        lambda facts: down(facts, Ref("StatefulSet", "demo-postgres", "team")),
        Seen(pods=(pending("postgres", "0/1 nodes are available: 1 Insufficient cpu."),)),
    ),
    "API slow": (
        "Ready",
        "ClusterSlow",
        lambda facts: facts,
        Seen(refusals=(Refusal(MINIO, 0, "Read timed out. (read timeout=10)"),)),
    ),
    "crash": (
        "DaemonReady",
        "Crashing",
        lambda facts: down(facts, Ref("Deployment", "demo-daemon", "team")),
        Seen(pods=(waits("daemon", "CrashLoopBackOff"),)),
    ),
    "folders of root in a restricted namespace": (
        "LakeReady",
        "PodSecurityRefused",
        lambda facts: without(facts, MINIO),
        Seen(events=(event("Job", "demo-prepare-12345678", 'violates PodSecurity "restricted:latest"'),)),
    ),
    "the image that prepares folders is missing": (
        "LakeReady",
        "ImageMissing",
        lambda facts: without(facts, MINIO),
        Seen(pods=(waits("prepare", "ImagePullBackOff"),)),
    ),
    "a right is missing": (
        "Ready",
        "NotAllowed",
        lambda facts: facts,
        Seen(refusals=(Refusal(Ref("Role", "demo-runs", "team"), 403, 'User "x" cannot patch resource "roles"'),)),
    ),
}


@pytest.mark.parametrize("world", WORLDS)
def test_a_broken_world_ends_in_a_condition_that_names_the_cause(
    world: str, make_stack: Make, running: Running
) -> None:
    kind, reason, breaks, seen = WORLDS[world]
    stack = make_stack()
    status = judged(stack, breaks(running(stack)), seen)
    assert condition(status, kind)["reason"] == reason
    assert condition(status, kind)["status"] == "False"
    assert condition(status, "Ready")["status"] == "False"
    assert (condition(status, "Degraded")["status"], condition(status, "Degraded")["reason"]) == ("True", reason)
    assert condition(status, "Progressing")["status"] == "False"
    assert len(status["message"]) > 30
    assert status["phase"] == "Degraded"


def test_at_least_twelve_worlds_are_broken() -> None:
    assert len(WORLDS) >= 12


def test_a_stack_that_is_well_says_where_dagster_is(make_stack: Make, running: Running) -> None:
    status = judged(make_stack(), running(make_stack()))
    assert {one["type"]: one["status"] for one in status["conditions"]} == {
        "Ready": "True",
        "Progressing": "False",
        "Degraded": "False",
        "AsAsked": "True",
        "Reachable": "True",
        "LakeReady": "True",
        "CacheReady": "True",
        "PostgresReady": "True",
        "CodeReady": "True",
        "WebserverReady": "True",
        "DaemonReady": "True",
        "MetricsReady": "True",
    }
    assert status["message"] == "Ready. Dagster: http://127.0.0.1:3000"
    assert status["observedGeneration"] == 3
    assert {"kind": "StatefulSet", "name": "demo-minio", "namespace": "team", "apiVersion": "apps/v1"} in status[
        "inventory"
    ]


def test_a_stack_that_starts_progresses_and_is_not_degraded(make_stack: Make) -> None:
    status = judged(make_stack(), Facts())
    assert condition(status, "Progressing")["status"] == "True"
    assert condition(status, "Degraded")["status"] == "False"
    assert "lake (not there yet)" in status["message"]


def test_a_template_that_is_not_rolled_out_yet_is_not_ready(make_stack: Make, running: Running) -> None:
    stack, facts = make_stack(), running(make_stack())
    newer = {**facts.objects[MINIO], "metadata": {**facts.objects[MINIO]["metadata"], "generation": 2}}
    status = judged(stack, replace(facts, objects={**facts.objects, MINIO: newer}))
    assert condition(status, "LakeReady")["status"] == "False"
    assert condition(status, "Degraded")["status"] == "False"


@pytest.mark.parametrize(
    "state",
    [
        {"replicas": 2, "readyReplicas": 1, "updatedReplicas": 1},
        {"replicas": 1, "readyReplicas": 1},
        {"replicas": 1, "updatedReplicas": 1},
    ],
)
def test_while_an_old_pod_serves_the_new_one_has_yet_to_show(
    state: dict[str, int], make_stack: Make, running: Running
) -> None:
    stack, facts = make_stack(), running(make_stack())
    code = Ref("Deployment", "demo-code", "team")
    rolling = {**facts.objects[code], "status": {**state, "observedGeneration": 1}}
    seen = Seen(pods=(waits("code", "ImagePullBackOff"),))
    status = judged(stack, replace(facts, objects={**facts.objects, code: rolling}), seen)
    assert condition(status, "CodeReady")["reason"] == "ImageMissing"


def test_an_external_store_is_ready_and_says_whose_it_is(make_stack: Make, running: Running) -> None:
    stack = make_stack(cache={"external": "rediss://cache.example.com:6379/0"})
    status = judged(stack, running(stack))
    assert condition(status, "CacheReady")["reason"] == "External"
    assert status["endpoints"]["redis"] == "rediss://cache.example.com:6379/0"


def test_without_dagster_nothing_of_it_is_waited_for(make_stack: Make, running: Running) -> None:
    stack = make_stack(dagster={"enabled": False})
    status = judged(stack, running(stack))
    assert status["phase"] == "Ready"
    assert {one["type"] for one in status["conditions"]} == {
        "Ready",
        "Progressing",
        "Degraded",
        "AsAsked",
        "Reachable",
        "LakeReady",
        "CacheReady",
    }
    assert status["message"] == "Ready. S3: http://127.0.0.1:9000"


def test_what_is_not_done_is_told_and_the_stack_still_serves(make_stack: Make, running: Running) -> None:
    stack = make_stack(storage={"replicas": 3, "mode": "pvc"})
    status = judged(stack, running(make_stack()))
    assert condition(status, "AsAsked")["status"] == "False"
    assert "spec.storage.external" in condition(status, "AsAsked")["message"]
    assert condition(status, "Ready")["status"] == "True"


def test_a_load_balancer_that_the_cluster_has_not_is_told_and_the_stack_is_ready(
    make_stack: Make, running: Running
) -> None:
    stack = make_stack(serviceType="LoadBalancer")
    status = judged(stack, running(stack))
    found = condition(status, "Reachable")
    assert (found["status"], found["reason"]) == ("False", "NoAddress")
    assert "demo-minio-ext, demo-redis-ext" in found["message"] and "spec.serviceType" in found["message"]
    assert condition(status, "Ready")["status"] == "True"


def test_what_blocks_everything_is_the_message(make_stack: Make) -> None:
    other = tuple(one for one in build_volumes(make_stack(name="other")) if one["kind"] == "PersistentVolume")
    status = judged(make_stack(), Facts(volumes=other))
    assert condition(status, "Degraded")["reason"] == "DataPathTaken"
    assert "team/other-minio-data" in status["message"]


def test_a_paused_stack_says_so(make_stack: Make, running: Running) -> None:
    status = judged(make_stack(paused=True), running(make_stack()))
    assert status["phase"] == "Paused"
    assert status["message"].startswith("Paused")
    assert condition(status, "Progressing")["status"] == "False"


def test_an_upgrade_says_that_it_waits_for_the_old_servers(make_stack: Make) -> None:
    labels = {"dataalchemy.io/managed": "true"}
    meta = {"name": "demo-minio", "namespace": "team", "labels": labels}
    status = judged(make_stack(), Facts(old=({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": meta},)))
    assert "earlier operator" in status["message"]
    assert condition(status, "Ready")["status"] == "False"


def test_a_time_stays_until_the_condition_changes(make_stack: Make, running: Running) -> None:
    stack, facts = make_stack(), running(make_stack())
    first = judged(stack, facts)
    later = replace(NOW, now="2026-11-25T11:00:00Z", conditions=first["conditions"])
    assert judged(stack, facts, moment=later) == first
    changed = judged(stack, down(facts, MINIO), moment=later)
    assert condition(changed, "LakeReady")["lastTransitionTime"] == "2026-11-25T11:00:00Z"
    assert condition(changed, "CacheReady")["lastTransitionTime"] == "2026-11-25T10:00:00Z"


def test_an_ingest_is_recorded_once_it_is_started_and_not_before(make_stack: Make, running: Running) -> None:
    stack = make_stack(ingest="now")
    assert "ingestRequest" not in judged(stack, Facts())
    assert judged(stack, running(make_stack()))["ingestRequest"] == "now"
    assert judged(make_stack(), Facts(), moment=replace(NOW, ingest="before"))["ingestRequest"] == "before"


@pytest.mark.parametrize("code", [0, 403])
def test_an_ingest_that_was_refused_is_not_recorded(code: int, make_stack: Make, running: Running) -> None:
    stack, facts = make_stack(ingest="now"), running(make_stack())
    (job,) = plan(stack, facts).start
    refused = Ref.of(job) if code else MINIO
    status = judged(stack, facts, Seen(refusals=(Refusal(refused, code, "exceeded quota"),)))
    assert "ingestRequest" not in status


def test_an_old_warning_about_a_claim_that_is_bound_by_now_is_no_cause(make_stack: Make, running: Running) -> None:
    stack, facts = make_stack(), down(running(make_stack()), MINIO)
    bound = {**facts.objects[CLAIM], "status": {"phase": "Bound"}}
    seen = Seen(
        events=(event("PersistentVolumeClaim", CLAIM.name, 'storageclass "x" not found', "ProvisioningFailed"),)
    )
    status = judged(stack, replace(facts, objects={**facts.objects, CLAIM: bound}), seen)
    assert condition(status, "Degraded")["status"] == "False"


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("ReplicaSet", "demo-code-6d5f", "QuotaExceeded"),
        ("ReplicaSet", "a-demo-code-6d5f", "AsExpected"),
        ("ReplicaSet", "demo-code-daemon-6d5f", "AsExpected"),  # of a stack named demo-code
        ("Job", "demo-prepare-0a1b", "AsExpected"),  # the code location waits for no folder
    ],
)
def test_another_stacks_warning_is_no_cause(
    kind: str, name: str, reason: str, make_stack: Make, running: Running
) -> None:
    stack = make_stack()
    warning = event(kind, name, "is forbidden: exceeded quota: small")
    first = event("ReplicaSet", "demo-minio-6d5f", "is forbidden: exceeded quota: small")
    told = judged(stack, down(running(stack), MINIO), Seen(events=(first,)))
    assert condition(told, "Degraded")["reason"] == "AsExpected", "the first operator's was a Deployment of this name"
    facts = down(running(stack), Ref("Deployment", "demo-code", "team"))
    assert condition(judged(stack, facts, Seen(events=(warning,))), "Degraded")["reason"] == reason


@pytest.mark.parametrize(("uid", "reason"), [("old", "AsExpected"), ("new", "Unhealthy")])
def test_a_warning_about_the_pod_before_this_one_is_no_cause(
    uid: str, reason: str, make_stack: Make, running: Running
) -> None:
    stack = make_stack()
    fresh = pod("lake", "demo-minio-0")
    fresh["metadata"]["uid"] = "new"
    warning = event("Pod", "demo-minio-0", "Liveness probe failed", "Unhealthy")
    warning["involvedObject"]["uid"] = uid
    told = judged(stack, down(running(stack), MINIO), Seen(pods=(fresh,), events=(warning,)))
    assert condition(told, "Degraded")["reason"] == reason


def test_a_status_fits_its_schema_and_shows_no_secret(make_stack: Make, running: Running) -> None:
    crd = yaml.safe_load((Path(__file__).parents[4] / "k8s" / "crd.yaml").read_text(encoding="utf-8"))
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    facts = replace(running(make_stack()), secret={"AWS_ACCESS_KEY_ID": "geheim-geheim"})
    status = judged(make_stack(ingest="now"), facts)
    jsonschema.validate(status, {**schema, "additionalProperties": False})
    assert "geheim-geheim" not in json.dumps(status)


def test_a_plan_of_nothing_is_judged(make_stack: Make) -> None:
    status = status_of(make_stack(), Plan(), Facts(), Seen(), moment=NOW)
    assert status["inventory"] == []
