"""What people have written goes on; what they get wrong is refused in test_crd.py, against the schema as well."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from k8s.controller.spec import named_version, read_spec

OLD = {
    "projectName": "DataAlchemy",
    "credentialsSecret": "dataalchemy-secret",
    "storage": {"replicas": 2, "dataPath": "/run/desktop/mnt/host/c/Users/somebody/work/LoRA/data"},
    "cache": {"replicas": 2},
    "compute": {"spark": {"image": "data-processor:latest"}},
    "serviceType": "LoadBalancer",
}


def test_a_stack_of_the_first_operator_is_read_as_it_is() -> None:
    spec = read_spec({"metadata": {"name": "dataalchemy"}, "spec": OLD})
    assert spec.storage.data_path == "/run/desktop/mnt/host/c/Users/somebody/work/LoRA/data"
    assert (spec.storage.replicas, spec.cache.replicas) == (2, 2)
    assert spec.service_type == "LoadBalancer"
    assert spec.compute.spark.mode == "local"


def test_nothing_said_is_a_whole_stack() -> None:
    spec = read_spec({"metadata": {"name": "dataalchemy"}})
    assert spec.credentials_secret == "dataalchemy-secret"
    assert spec.dagster.enabled and not spec.paused
    assert spec.deletion_policy == "Retain"


def test_a_spec_cannot_be_changed_by_who_reads_it() -> None:
    spec = read_spec({"metadata": {"name": "dataalchemy"}})
    with pytest.raises(ValidationError):
        spec.paused = True


@pytest.mark.parametrize(
    ("image", "named"),
    [
        ("a/b:1.0", True),
        ("a/b@sha256:" + "0" * 64, True),
        ("host:5000/a/b", False),
        ("a/b:latest", False),
        ("a/b", False),
        ("host:5000/a/b:2", True),
    ],
)
def test_an_image_is_named_by_version_or_digest(image: str, named: bool) -> None:
    assert named_version(image) is named
