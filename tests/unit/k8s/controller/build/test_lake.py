"""MinIO: one server under the kept names, with the Secret's keys."""

from __future__ import annotations

from collections.abc import Callable

from k8s.controller.build.lake import build_lake, build_lake_outside
from k8s.controller.stack import Stack

Make = Callable[..., Stack]


def test_kept_names(make_stack: Make) -> None:
    service, server = build_lake(make_stack(name="x"))
    assert service["metadata"]["name"] == server["metadata"]["name"] == "x-minio"
    assert service["spec"]["type"] == "ClusterIP"
    assert [port["port"] for port in service["spec"]["ports"]] == [9000, 9001]


def test_its_user_is_the_secrets(make_stack: Make) -> None:
    stack = make_stack(credentialsSecret="mine")
    env = build_lake(stack)[1]["spec"]["template"]["spec"]["containers"][0]["env"]
    keys = {one["name"]: one["valueFrom"]["secretKeyRef"] for one in env if "valueFrom" in one}
    assert keys == {
        "MINIO_ROOT_USER": {"name": "mine", "key": "AWS_ACCESS_KEY_ID"},
        "MINIO_ROOT_PASSWORD": {"name": "mine", "key": "AWS_SECRET_ACCESS_KEY"},
    }


def test_it_lives_by_another_check_than_it_is_ready_by(make_stack: Make) -> None:
    container = build_lake(make_stack())[1]["spec"]["template"]["spec"]["containers"][0]
    assert container["livenessProbe"]["httpGet"]["path"] == "/minio/health/live"
    assert container["readinessProbe"]["httpGet"]["path"] == "/minio/health/ready"


def test_its_claim_stands_apart_from_the_set(make_stack: Make) -> None:
    server = build_lake(make_stack())[1]
    assert "volumeClaimTemplates" not in server["spec"]
    volumes = server["spec"]["template"]["spec"]["volumes"]
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "demo-minio-data"}} in volumes


def test_asked_for_resources_are_taken_and_the_rest_stays(make_stack: Make) -> None:
    stack = make_stack(resources={"lake": {"limits": {"memory": "4Gi"}}})
    resources = build_lake(stack)[1]["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert resources["limits"] == {"cpu": "1", "memory": "4Gi"}
    assert resources["requests"] == {"cpu": "100m", "memory": "256Mi"}


def test_an_external_store_leaves_nothing_here(make_stack: Make) -> None:
    stack = make_stack(storage={"external": {"bucket": "lake"}})
    assert build_lake(stack) == build_lake_outside(stack) == []
