"""The operator's environment, and one list of images for compose and cluster."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from k8s.controller.settings import Images, Settings

COMPOSE = (Path(__file__).parents[4] / "compose.yaml").read_text(encoding="utf-8")


def test_every_image_is_the_one_that_compose_has() -> None:
    for one in fields(Images):
        assert f"${{{one.metadata['variable']}:-{one.default}}}" in COMPOSE


def test_the_environment_names_another() -> None:
    settings = Settings.read({"DATAALCHEMY_CACHE_IMAGE": "valkey@sha256:" + "0" * 64, "K3D_CLUSTER": "true"})
    assert settings.images.cache.startswith("valkey@sha256:")
    assert settings.images.minio == Images().minio
    assert settings.k3d_cluster


@pytest.mark.parametrize("value", ["", "false", "no", "0"])
def test_k3d_is_forced_by_yes_alone(value: str) -> None:
    assert not Settings.read({"K3D_CLUSTER": value}).k3d_cluster


def test_an_image_of_no_version_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a version"):
        Settings.read({"DATAALCHEMY_MINIO_IMAGE": "minio/minio:latest"})


def test_a_service_type_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="SERVICE_TYPE is ClusterIP"):
        Settings.read({"SERVICE_TYPE": "loadbalancer"})


def test_no_default_is_latest() -> None:
    assert not [one for one in fields(Images) if re.search(r":latest$|/[^:]+$", str(one.default))]
