"""The plan: in which order, what is kept, what goes, and that data are in no list of what goes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from k8s.controller.build.jobs import build_ingest
from k8s.controller.build.volumes import build_volumes
from k8s.controller.drift import needs_apply
from k8s.controller.plan import DATA_KINDS, Facts, Plan, Ref, has_history, plan, removed_with
from k8s.controller.settings import Settings
from k8s.controller.stack import CONFIG_ANNOTATION, CONTENT_ANNOTATION, Stack

Make = Callable[..., Stack]
PlannedOf = Callable[[Stack], dict[Ref, dict[str, Any]]]
Running = Callable[[Stack], Facts]


def names(planned: Plan, wave: str) -> set[tuple[str, str]]:
    found = next(one for one in planned.waves if one.name == wave)
    return {(one["kind"], one["metadata"]["name"]) for one in found.manifests}


def test_the_waves_go_from_rights_to_the_way_in(make_stack: Make) -> None:
    planned = plan(make_stack(), Facts())
    assert [wave.name for wave in planned.waves] == ["access", "volumes", "stores", "dagster", "outside"]
    assert ("StatefulSet", "demo-minio") in names(planned, "stores")
    assert ("Deployment", "demo-daemon") in names(planned, "dagster")
    assert ("Service", "demo-minio-ext") in names(planned, "outside")


def test_stores_wait_for_the_job_that_prepares_their_folders(make_stack: Make) -> None:
    stores = next(wave for wave in plan(make_stack(), Facts()).waves if wave.name == "stores")
    assert [ref.kind for ref in stores.after] == ["Job"]
    stores = next(wave for wave in plan(make_stack(storage={"mode": "pvc"}), Facts()).waves if wave.name == "stores")
    assert stores.after == ()


def test_the_same_stack_gives_the_same_bytes(make_stack: Make) -> None:
    one, other = (json.dumps([w.manifests for w in plan(make_stack(), Facts()).waves]) for _ in range(2))
    assert one == other


def test_every_manifest_tells_its_content(make_stack: Make, planned_of: PlannedOf) -> None:
    marks = [one["metadata"]["annotations"][CONTENT_ANNOTATION] for one in planned_of(make_stack()).values()]
    assert len(set(marks)) == len(marks)


@pytest.mark.parametrize(
    "change", [{"projectName": "Another"}, {"deletionPolicy": "Delete"}, {"training": {"gpu": "amd"}}]
)
def test_a_change_that_no_server_reads_restarts_none(
    change: dict[str, Any], make_stack: Make, planned_of: PlannedOf
) -> None:
    before, after = planned_of(make_stack()), planned_of(make_stack(**change))
    for ref, one in before.items():
        if ref.kind in ("StatefulSet", "Deployment"):
            assert one["spec"]["template"] == after[ref]["spec"]["template"], ref


def test_a_changed_password_restarts_who_reads_it(make_stack: Make, planned_of: PlannedOf) -> None:
    stack = make_stack()
    before, after = (
        planned_of(stack),
        planned_of(replace(stack, secrets=dict.fromkeys(("lake", "cache", "postgres", "dagster"), "s2"))),
    )
    for ref, one in before.items():
        if ref.kind in ("StatefulSet", "Deployment"):
            marks = [x["spec"]["template"]["metadata"]["annotations"][CONFIG_ANNOTATION] for x in (one, after[ref])]
            assert marks[0] != marks[1], ref


def test_another_key_of_the_secret_restarts_dagster_and_no_store(make_stack: Make, planned_of: PlannedOf) -> None:
    stack = make_stack()
    before, after = planned_of(stack), planned_of(replace(stack, secrets={**stack.secrets, "dagster": "s2"}))
    for ref, one in before.items():
        if ref.kind in ("StatefulSet", "Deployment"):
            same = one["spec"]["template"] == after[ref]["spec"]["template"]
            assert same is (ref.kind == "StatefulSet"), ref


def test_a_changed_instance_restarts_dagster_and_no_store(make_stack: Make, planned_of: PlannedOf) -> None:
    before, after = planned_of(make_stack()), planned_of(make_stack(dagster={"maxConcurrentRuns": 5}))
    restarted = {
        ref.name
        for ref, one in before.items()
        if ref.kind in ("StatefulSet", "Deployment") and one["spec"]["template"] != after[ref]["spec"]["template"]
    }
    assert restarted == {"demo-code", "demo-webserver", "demo-daemon", "demo-metrics"}


def test_what_a_killed_operator_never_told_of_goes_too(make_stack: Make, running: Running) -> None:
    facts = running(make_stack())
    planned = plan(make_stack(serviceType="ClusterIP"), facts)
    assert {ref.name for ref in planned.remove} == {"demo-minio-ext", "demo-redis-ext", "demo-webserver-ext"}
    left = plan(make_stack(dagster={"enabled": False}), facts)
    assert Ref("PersistentVolumeClaim", "demo-postgres-data", "team") in left.inventory


def test_what_only_looks_like_ours_stays(make_stack: Make, running: Running) -> None:
    facts = running(make_stack())
    mine = facts.objects[Ref("ConfigMap", "demo-environment", "team")]
    meta = {**mine["metadata"], "name": "somebodys", "ownerReferences": [{"uid": "another"}]}
    other = {Ref("ConfigMap", "somebodys", "team"): {**mine, "metadata": meta}}
    ingest = build_ingest(make_stack(ingest="now"))[0]
    facts = replace(facts, objects={**facts.objects, **other, Ref.of(ingest): ingest})
    assert plan(make_stack(), facts).remove == ()


def test_a_lost_password_of_postgres_is_told_and_none_is_made_up(make_stack: Make, running: Running) -> None:
    facts = replace(running(make_stack()), secret={})
    (problem,) = plan(make_stack(), facts).problems
    assert (problem.reason, problem.blocking) == ("SecretLost", True)
    assert not plan(make_stack(dagster={"enabled": False}), facts).blocked


def test_what_is_no_longer_wanted_goes(make_stack: Make, running: Running) -> None:
    facts = running(make_stack())
    planned = plan(make_stack(serviceType="ClusterIP"), facts)
    assert {ref.name for ref in planned.remove} == {"demo-minio-ext", "demo-redis-ext", "demo-webserver-ext"}


def test_a_type_that_changes_is_applied_not_made_anew(make_stack: Make, running: Running) -> None:
    facts = running(make_stack(serviceType="NodePort"))
    planned = plan(make_stack(serviceType="LoadBalancer"), facts)
    service = Ref("Service", "demo-minio-ext", "team")
    assert service not in (*planned.remove, *planned.remove_first)
    (made,) = [one for wave in planned.waves for one in wave.manifests if Ref.of(one) == service]
    assert made["spec"]["type"] == "LoadBalancer"
    assert not any("nodePort" in port for port in made["spec"]["ports"])


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
@pytest.mark.parametrize(
    "change",
    [
        {"storage": {"external": {"bucket": "lake"}}},
        {"cache": {"external": "redis://host:6379/0"}},
        {"dagster": {"enabled": False}},
        {"storage": {"mode": "pvc"}},
    ],
)
def test_a_change_of_the_spec_removes_no_data(
    change: dict[str, Any], policy: str, make_stack: Make, running: Running
) -> None:
    facts = running(make_stack())
    planned = plan(
        make_stack(**change, deletionPolicy=policy),
        replace(facts, secret={**facts.secret, "AWS_SECRET_ACCESS_KEY": "b" * 9}),
    )
    assert planned.waves
    assert not [ref for ref in (*planned.remove, *planned.remove_first) if ref.kind in DATA_KINDS]
    assert {ref for ref in facts.objects if ref.kind in DATA_KINDS} <= set(planned.inventory)


def test_deleting_a_stack_leaves_its_data(make_stack: Make, running: Running) -> None:
    assert removed_with("Retain", running(make_stack()).objects) == ()


def test_deleting_a_stack_that_says_so_takes_claims_then_volumes_and_no_secret(
    make_stack: Make, running: Running
) -> None:
    gone = removed_with("Delete", (*running(make_stack()).objects, Ref("Secret", "dataalchemy-secret", "team")))
    assert [ref.kind for ref in gone] == ["PersistentVolumeClaim"] * 3 + ["PersistentVolume"] * 3


def test_a_volume_on_a_folder_lets_go_of_it_when_it_is_deleted(make_stack: Make) -> None:
    volumes = [one for one in build_volumes(make_stack()) if one["kind"] == "PersistentVolume"]
    assert {one["spec"]["persistentVolumeReclaimPolicy"] for one in volumes} == {"Retain"}


def test_a_paused_stack_is_left_as_it_is(make_stack: Make, running: Running) -> None:
    facts = running(make_stack())
    planned = plan(make_stack(paused=True, serviceType="ClusterIP"), facts)
    assert (planned.waves, planned.remove, planned.inventory) == ((), (), tuple(sorted(facts.objects)))


@pytest.mark.parametrize(
    ("spec", "nodes", "reason"),
    [
        ({"storage": {"external": {"bucket": "lake"}}}, None, "SecretIncomplete"),
        ({"dagster": {"postgres": {"external": {"host": "db"}}}}, None, "SecretIncomplete"),
        ({"storage": {"mode": "hostPath"}}, "docker-desktop", "DataPathUnknown"),
        ({"storage": {"dataPath": "/data"}}, "none", "NoNode"),
        ({}, "C:\\Users\\me\\data", "DataPathWrong"),
        ({}, "/etc", "DataPathWrong"),
        ({}, "/", "DataPathWrong"),
    ],
)
def test_what_cannot_be_done_leaves_everything_as_it_is_and_says_why(
    spec: dict[str, Any], nodes: str | None, reason: str, make_stack: Make, make_node: Callable[..., dict[str, Any]]
) -> None:
    there = {"docker-desktop": [make_node("docker-desktop", "")], "none": []}.get(nodes or "")
    path = nodes if nodes and not re.match("[a-z]", nodes) else None
    planned = plan(make_stack(nodes=there, settings=Settings(data_path=path), **spec), Facts())
    assert reason in [problem.reason for problem in planned.problems]
    assert planned.blocked
    assert (planned.waves, planned.remove) == ((), ())


def test_a_password_that_minio_refuses_is_told_without_showing_it(make_stack: Make) -> None:
    planned = plan(make_stack(), Facts(secret={"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "geheim1"}))
    (problem,) = planned.problems
    assert problem.reason == "SecretTooShort"
    assert "geheim1" not in problem.message


def test_two_stacks_never_share_a_folder(make_stack: Make) -> None:
    other = [one for one in build_volumes(make_stack(name="other")) if one["kind"] == "PersistentVolume"]
    planned = plan(make_stack(), Facts(volumes=tuple(other)))
    (problem,) = planned.problems
    assert (problem.reason, problem.blocking) == ("DataPathTaken", True)
    assert "team/other-minio-data" in problem.message
    own = [one for one in build_volumes(make_stack()) if one["kind"] == "PersistentVolume"]
    assert not plan(make_stack(), Facts(volumes=tuple(own))).blocked


@pytest.mark.parametrize(("theirs", "blocked"), [("/data/minio_data", True), ("/", True), ("/data2", False)])
def test_no_stack_stands_within_the_folder_of_another(theirs: str, blocked: bool, make_stack: Make) -> None:
    other = [one for one in build_volumes(make_stack(name="other")) if one["kind"] == "PersistentVolume"]
    for one in other:
        one["spec"]["hostPath"]["path"] = theirs
    assert plan(make_stack(), Facts(volumes=tuple(other))).blocked is blocked


def test_two_stacks_whose_names_run_together_have_volumes_of_their_own(make_stack: Make, planned_of: PlannedOf) -> None:
    one = planned_of(make_stack(namespace="team-a", name="demo"))
    other = planned_of(make_stack(namespace="team", name="a-demo", storage={"dataPath": "/other"}))
    volumes = [{ref.name for ref in each if ref.kind == "PersistentVolume"} for each in (one, other)]
    assert len(volumes[0]) == 3 and volumes[0] & volumes[1] == set()


def test_a_folder_that_is_left_of_a_deleted_namespace_keeps_its_password(make_stack: Make, running: Running) -> None:
    """Claim and Secret went with the namespace; a new password would not open the database."""
    facts = running(make_stack())
    objects = {ref: one for ref, one in facts.objects.items() if ref.kind == "PersistentVolume"}
    assert has_history("demo", objects)
    assert "SecretLost" in [one.reason for one in plan(make_stack(), Facts(objects=objects)).problems]


@pytest.mark.parametrize(
    ("state", "bound_to", "anew"), [("Pending", None, True), ("Pending", "v", False), ("Bound", "v", False)]
)
def test_a_claim_that_never_got_a_volume_is_made_anew_as_it_should_be(
    state: str, bound_to: str | None, anew: bool, make_stack: Make, running: Running
) -> None:
    mistyped = {"storage": {"mode": "pvc", "storageClassName": "fsat"}}
    facts = running(make_stack(**mistyped))
    ref = Ref("PersistentVolumeClaim", "demo-minio-data", "team")
    seen = facts.objects[ref]
    seen = {
        **seen,
        "spec": {**seen["spec"], **({"volumeName": bound_to} if bound_to else {})},
        "status": {"phase": state},
    }
    facts = replace(
        facts, objects={**facts.objects, ref: seen}, secret={**facts.secret, "AWS_SECRET_ACCESS_KEY": "b" * 9}
    )
    mended = plan(make_stack(storage={"mode": "pvc", "storageClassName": "fast"}), facts)
    assert [Ref.of(one) for one in mended.anew] == ([ref] if anew else [])
    applied = {Ref.of(one) for wave in mended.waves for one in wave.manifests}
    assert (ref in applied) is not anew
    assert ref in mended.inventory
    assert plan(make_stack(**mistyped), facts).anew == ()


def test_two_stacks_of_one_namespace_touch_nothing_of_each_other(make_stack: Make, planned_of: PlannedOf) -> None:
    one = planned_of(make_stack(name="demo", storage={"dataPath": "/one"}))
    other = planned_of(make_stack(name="demo-b", storage={"dataPath": "/other"}))
    assert set(one) & set(other) == set()


@pytest.mark.parametrize("part", ["storage", "cache"])
def test_replicas_of_a_bundled_store_are_one_and_external_is_named(
    part: str, make_stack: Make, planned_of: PlannedOf
) -> None:
    stack = make_stack(**{part: {"replicas": 2}})
    (problem,) = plan(stack, Facts()).problems
    assert problem.reason == "OneServer" and not problem.blocking
    assert f"spec.{part}.external" in problem.message
    sets = [one for ref, one in planned_of(stack).items() if ref.kind == "StatefulSet"]
    assert {one["spec"]["replicas"] for one in sets} == {1}


OLD_LABELS = {"app": "minio", "stack": "demo", "dataalchemy.io/managed": "true"}


def old(kind: str, name: str, **more: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "team", "labels": OLD_LABELS}
    return {"apiVersion": "apps/v1" if kind == "Deployment" else "v1", "kind": kind, "metadata": meta, **more}


def test_an_earlier_operators_servers_are_gone_before_ours_open_their_folder(make_stack: Make) -> None:
    service = old("Service", "demo-minio", spec={"selector": {"app": "minio", "stack": "demo"}})
    facts = Facts(old=(old("Deployment", "demo-minio"), old("Pod", "demo-minio-abc"), service))
    planned = plan(make_stack(), facts)
    assert {(ref.kind, ref.name) for ref in planned.remove_first} == {
        ("Deployment", "demo-minio"),
        ("Pod", "demo-minio-abc"),
        ("Service", "demo-minio"),
    }
    assert planned.waves == ()


def test_a_service_of_ours_is_no_earlier_one(make_stack: Make, running: Running) -> None:
    assert plan(make_stack(), running(make_stack())).remove_first == ()


def test_a_volume_whose_claim_is_gone_is_freed_for_the_new_one(make_stack: Make, running: Running) -> None:
    facts = running(make_stack())
    ref = Ref("PersistentVolume", "team.demo-minio-data")
    objects = {**facts.objects, ref: {**facts.objects[ref], "status": {"phase": "Released"}}}
    assert plan(make_stack(), replace(facts, objects=objects)).free == (ref,)
    assert plan(make_stack(), facts).free == ()


def test_a_claim_that_the_cluster_gave_its_default_class_is_left_alone(make_stack: Make) -> None:
    """Until its pod is placed it is Pending, for minutes on some clouds."""
    stack = make_stack(storage={"mode": "pvc"})
    secret = {"AWS_ACCESS_KEY_ID": "a" * 16, "AWS_SECRET_ACCESS_KEY": "b" * 16, "DATAALCHEMY_POSTGRES_PASSWORD": "c"}
    facts = Facts(secret=secret)
    for _ in range(3):
        planned = plan(stack, facts)
        assert planned.anew == ()
        applied = {Ref.of(one): one for wave in planned.waves for one in wave.manifests}
        claims = {ref: one for ref, one in applied.items() if ref.kind == "PersistentVolumeClaim"}
        assert len(claims) == 3
        for one in claims.values():
            one["spec"]["storageClassName"] = "standard"
            one["status"] = {"phase": "Pending"}
        facts = Facts(objects=applied, secret=secret)
    assert not any(needs_apply(one, facts.objects[Ref.of(one)]) for one in claims.values())


def test_a_requested_ingest_waits_until_dagster_answers_and_has_one_name(make_stack: Make, running: Running) -> None:
    stack = make_stack(ingest="2026-11-25T10:00")
    assert plan(stack, Facts()).start == ()
    (job,) = plan(stack, running(make_stack())).start
    (again,) = plan(stack, running(make_stack())).start
    (other,) = plan(make_stack(ingest="2026-11-25T11:00"), running(make_stack())).start
    assert job == again
    assert job["metadata"]["name"] != other["metadata"]["name"]
    later = replace(stack, ingest_after=other["metadata"]["name"])
    assert plan(later, running(make_stack())).start[0]["metadata"]["name"] != job["metadata"]["name"]
    assert plan(make_stack(), running(make_stack())).start == ()


def test_an_ingest_is_in_no_wave_and_no_inventory_so_it_is_never_done_again(make_stack: Make, running: Running) -> None:
    planned = plan(make_stack(ingest="now"), running(make_stack()))
    (job,) = planned.start
    assert Ref.of(job) not in planned.inventory
    assert Ref.of(job) not in {Ref.of(one) for wave in planned.waves for one in wave.manifests}


def test_names_fit_for_the_longest_stack(make_stack: Make, planned_of: PlannedOf) -> None:
    for ref in planned_of(make_stack(name="a" * 40, compute={"spark": {"mode": "cluster"}})):
        limit = 52 if ref.kind in ("StatefulSet", "CronJob") else 63
        assert ref.kind == "PersistentVolume" or len(ref.name) <= limit, ref
