"""Folders keep their names, bind to their claims beforehand, and get the owner that their server has."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from k8s.controller.build.volumes import HOST_CLASS, build_prepare, build_volumes
from k8s.controller.stack import Stack

Make = Callable[..., Stack]


def of(stack: Stack, kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in build_volumes(stack) if one["kind"] == kind}


def test_folders_have_the_names_that_people_have(make_stack: Make) -> None:
    volumes = of(make_stack(storage={"dataPath": "/srv/data/"}), "PersistentVolume")
    assert sorted(one["spec"]["hostPath"]["path"] for one in volumes.values()) == [
        "/srv/data/minio_data",
        "/srv/data/postgres_data",
        "/srv/data/redis_data",
    ]


def test_a_volume_and_its_claim_name_each_other(make_stack: Make) -> None:
    stack = make_stack()
    claims, volumes = of(stack, "PersistentVolumeClaim"), of(stack, "PersistentVolume")
    for name, claim in claims.items():
        volume = volumes[claim["spec"]["volumeName"]]
        assert (volume["spec"]["claimRef"]["namespace"], volume["spec"]["claimRef"]["name"]) == ("team", name)
        assert volume["spec"]["storageClassName"] == claim["spec"]["storageClassName"] == HOST_CLASS
        assert volume["spec"]["capacity"]["storage"] == claim["spec"]["resources"]["requests"]["storage"]


def test_a_folder_is_on_one_node(make_stack: Make) -> None:
    for volume in of(make_stack(), "PersistentVolume").values():
        terms = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
        assert terms[0]["matchExpressions"][0]["values"] == ["k3d-dataalchemy-server-0"]


def test_volumes_of_two_namespaces_have_two_names(make_stack: Make) -> None:
    one, other = of(make_stack(), "PersistentVolume"), of(make_stack(namespace="other"), "PersistentVolume")
    assert not set(one) & set(other)


def test_a_claim_on_a_class_has_no_volume_of_ours_and_no_job(make_stack: Make) -> None:
    stack = make_stack(storage={"storageClassName": "fast", "size": "50Gi"})
    claim = of(stack, "PersistentVolumeClaim")["demo-minio-data"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["spec"]["resources"]["requests"]["storage"] == "50Gi"
    assert of(stack, "PersistentVolume") == {}
    assert build_prepare(stack) == []


def test_a_claim_on_the_default_class_names_none(make_stack: Make) -> None:
    claims = of(make_stack(storage={"mode": "pvc"}), "PersistentVolumeClaim")
    assert not any("storageClassName" in claim["spec"] for claim in claims.values())


def test_another_folder_is_prepared_by_another_job(make_stack: Make) -> None:
    one, same, other = (build_prepare(make_stack(storage={"dataPath": path})) for path in ("/a", "/a", "/b"))
    assert one == same
    assert one[0]["metadata"]["name"] != other[0]["metadata"]["name"]


def prepare(stack: Stack, folders: Path) -> subprocess.CompletedProcess[str]:
    container = build_prepare(stack)[0]["spec"]["template"]["spec"]["containers"][0]
    shell, flag, script = container["command"]
    environment = {"PATH": "/usr/bin:/bin", **{one["name"]: one["value"] for one in container["env"]}}
    command = [shell, flag, script.replace("/volumes/", f"{folders}/")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_the_job_gives_each_server_all_of_its_folder_and_touches_it_no_more(make_stack: Make, tmp_path: Path) -> None:
    for name in ("minio_data", "redis_data", "postgres_data"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "file").write_text("kept", encoding="utf-8")
    # As after a run that was cut off, or after a server that ran as root on a folder of ours.
    os.chown(tmp_path / "minio_data", 10001, 10001)
    first = prepare(make_stack(), tmp_path)
    assert first.returncode == 0, first.stderr
    files = {name: (tmp_path / name / "deep" / "file") for name in ("minio_data", "redis_data", "postgres_data")}
    owners = {"minio_data": 10001, "redis_data": 10001, "postgres_data": 999}
    assert {name: file.stat().st_uid for name, file in files.items()} == owners
    assert (tmp_path / "redis_data").stat().st_uid == 10001
    changed = {name: file.stat().st_ctime_ns for name, file in files.items()}
    assert prepare(make_stack(), tmp_path).returncode == 0
    assert {name: file.stat().st_ctime_ns for name, file in files.items()} == changed
    assert {file.read_text(encoding="utf-8") for file in files.values()} == {"kept"}
