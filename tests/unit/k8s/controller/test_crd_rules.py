"""The rules of crd.yaml, run: a wrong resource is refused by its schema or by a rule, the examples by none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
celpy = pytest.importorskip("celpy", reason="cel-python is not installed")

CRD: dict[str, Any] = yaml.safe_load((Path(__file__).parents[4] / "k8s" / "crd.yaml").read_text(encoding="utf-8"))
SPEC: dict[str, Any] = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
S3 = {"bucket": "lake-of-mine"}
LOGIN = {"host": "a.example.com", "className": "nginx-internal", "basicAuthSecret": "users"}

WRONG: dict[str, dict[str, Any]] = {
    "absolute path on the node": {"storage": {"dataPath": "C:\\data"}},
    "such as /data; Docker Desktop": {"storage": {"dataPath": "/data/../etc"}},
    "node's own system": {"storage": {"dataPath": "/usr/share"}},
    "with a storage class or mode pvc leave it out": {"storage": {"dataPath": "/data", "mode": "pvc"}},
    "is for mode hostPath": {"storage": {"dataPath": "/data", "storageClassName": "fast"}},
    "with mode hostPath leave it out": {"storage": {"mode": "hostPath", "storageClassName": "fast"}},
    "replaces mode hostPath": {"storage": {"mode": "hostPath", "external": S3}},
    "without a password": {"storage": {"external": {**S3, "endpoint": "http://me:secret@s3:9000"}}},
    "a bucket's name": {"storage": {"external": {"bucket": "A_B"}}},
    "DATAALCHEMY_KV_PASSWORD": {"cache": {"external": "redis://:secret@host:6379/0"}},
    "such as 500m, 2 or 20Gi": {"storage": {"size": "20 GB"}},
    "in mode cluster": {"compute": {"spark": {"mode": "cluster", "image": "data-processor:latest"}}},
    "an image needs a version": {"training": {"image": "dataalchemy/pipelines"}},
    "needs training.gpu": {"training": {"gpuCount": 1}},
    "name its class in ingress.className": {"ingress": {"host": "a.example.com", "basicAuthSecret": "users"}},
    "resources are for lake": {"resources": {"spark": {}}},
    "Dagster has no login": {"ingress": {"host": "a.example.com", "annotations": {"author": "me"}}},
    "dagster.enabled: false": {"ingress": LOGIN, "dagster": {"enabled": False}},
    "such as 0 3": {"dagster": {"schedule": "every night"}},
    "one principal": {"dagster": {"principals": ["local,public"]}},
    "projectName becomes a label": {"projectName": "Our project!"},
    "the name of an object": {"credentialsSecret": "My Secret"},
    "has letters, digits and _": {"dagster": {"postgres": {"external": {"host": "db", "user": "o'hara"}}}},
}
RIGHT: dict[str, dict[str, Any]] = {
    "nothing": {},
    "the first operator's": {
        "projectName": "Default",
        "storage": {"replicas": 2, "dataPath": "/run/desktop/mnt/host/c/Users/me/work/data"},
        "cache": {"replicas": 2},
        "compute": {"spark": {"image": "data-processor:latest"}},
        "serviceType": "LoadBalancer",
    },
    "a schedule": {"dagster": {"schedule": "*/15 3-6 * * MON", "principals": ["ada", "public"], "keepRunsDays": 30}},
    "a digest": {"dagster": {"image": "registry.example.com:5000/a/b@sha256:" + "0" * 64}},
    "a port and a tag": {"compute": {"spark": {"mode": "cluster", "image": "registry.example.com:5000/a/b:1.2"}}},
    "a login by Traefik": {
        "ingress": {"host": "a.example.com", "annotations": {"traefik.ingress.kubernetes.io/router.middlewares": "x"}}
    },
    "a login by ingress-nginx": {"ingress": LOGIN},
    "claims of a class beside an external store": {"storage": {"storageClassName": "fast", "external": S3}},
    "resources of a part": {"resources": {"run": {"limits": {"memory": "16Gi"}}}},
    "GPUs": {"training": {"gpu": "nvidia", "gpuCount": 2}},
    "a path with a dot and a slash at its end": {"storage": {"dataPath": "/srv/data.v2/"}},
}


def with_defaults(schema: Mapping[str, Any], value: Any) -> Any:
    """What the cluster makes of a resource before it asks the rules."""
    if schema.get("type") == "array":
        return [with_defaults(schema["items"], one) for one in value]
    if schema.get("type") != "object" or "properties" not in schema:
        return value
    made = dict(value)
    for name, part in schema["properties"].items():
        if name not in made and "default" in part:
            made[name] = part["default"]
        if name in made:
            made[name] = with_defaults(part, made[name])
    return made


def broken(schema: Mapping[str, Any], value: Any) -> Iterator[str]:
    """Messages of the rules that the value, defaults included, breaks."""
    environment = celpy.Environment()
    for rule in schema.get("x-kubernetes-validations", []):
        program = environment.program(environment.compile(rule["rule"]))
        if not program.evaluate({"self": celpy.json_to_cel(value)}):
            yield rule["message"]
    if isinstance(value, Mapping):
        for name, one in value.items():
            if part := schema.get("properties", {}).get(name) or schema.get("additionalProperties"):
                yield from broken(part, one)
    if isinstance(value, list):
        for one in value:
            yield from broken(schema["items"], one)


@pytest.mark.parametrize("words", WRONG)
def test_the_rules_refuse_it(words: str) -> None:
    found = list(broken(SPEC, with_defaults(SPEC, WRONG[words])))
    assert any(words in message for message in found), found


@pytest.mark.parametrize("what", RIGHT)
def test_the_rules_let_it_pass(what: str) -> None:
    value = with_defaults(SPEC, RIGHT[what])
    assert list(broken(SPEC, value)) == []
    jsonschema.validate(value, SPEC)


def test_the_rules_let_an_example_pass(example: dict[str, Any]) -> None:
    assert list(broken(SPEC, with_defaults(SPEC, example["spec"]))) == []
