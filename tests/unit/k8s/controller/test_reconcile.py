"""A reconcile against a cluster in memory: it ends where it should from anywhere, and then rests."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from k8s.controller.credentials import Held
from k8s.controller.plan import DATA_KINDS, Ref
from k8s.controller.reconcile import ApiError, Operator
from k8s.controller.settings import Settings
from k8s.controller.stack import PART_LABEL, STACK_LABEL

NODE = {
    "metadata": {"name": "k3d-dataalchemy-server-0", "labels": {}},
    "spec": {"providerID": "k3s://k3d-dataalchemy-server-0"},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}
Object = dict[str, Any]


class Killed(BaseException):
    """The process is gone in the middle."""


@dataclass
class Memory:
    """A cluster that keeps what it is given. ``writes`` are what was done to it, ``reads`` how often it was asked."""

    held: dict[Ref, Object] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    writes: list[tuple[str, Ref]] = field(default_factory=list)
    reads: int = 0
    dies_after: int | None = None
    refuses: dict[Ref, ApiError] = field(default_factory=dict)
    away: ApiError | None = None

    def _read(self) -> None:
        self.reads += 1
        if self.away is not None:
            raise self.away

    def _write(self, verb: str, ref: Ref) -> None:
        if self.dies_after is not None and len(self.writes) >= self.dies_after:
            raise Killed
        if ref in self.refuses:
            raise self.refuses[ref]
        self.writes.append((verb, ref))

    def nodes(self) -> list[Object]:
        self._read()
        return [NODE]

    def objects(self, namespace: str, name: str) -> dict[Ref, Object]:
        self._read()
        return {
            ref: copy.deepcopy(one)
            for ref, one in self.held.items()
            if one["metadata"].get("labels", {}).get(STACK_LABEL) == name and ref.kind != "Pod"
        }

    def volumes(self) -> list[Object]:
        self._read()
        return [one for ref, one in self.held.items() if ref.kind == "PersistentVolume"]

    def old(self, namespace: str, name: str) -> list[Object]:
        self._read()
        return [one for one in self.held.values() if one["metadata"].get("labels", {}).get("stack") == name]

    def pods(self, namespace: str, name: str) -> list[Object]:
        self._read()
        return [one for ref, one in self.held.items() if ref.kind == "Pod" and PART_LABEL in one["metadata"]["labels"]]

    def events(self, namespace: str) -> list[Object]:
        self._read()
        return []

    def data_path(self, namespace: str) -> str | None:
        self._read()
        return None

    def secret(self, namespace: str, name: str) -> Held:
        self._read()
        return Held(dict(self.secrets.get(name, {})), "uid-of-the-secret")

    def fill_secret(self, namespace: str, name: str, values: Mapping[str, str]) -> None:
        self._write("fill", Ref("Secret", name, namespace))
        self.secrets.setdefault(name, {}).update(values)

    def apply(self, manifest: Object) -> Object:
        ref = Ref.of(manifest)
        self._write("apply", ref)
        had = self.held.get(ref, {})
        made = {**copy.deepcopy(manifest), **({"status": had["status"]} if "status" in had else {})}
        self.held[ref] = made
        return copy.deepcopy(made)

    def create(self, manifest: Object) -> None:
        if Ref.of(manifest) not in self.held:
            self._write("create", Ref.of(manifest))
            self.held[Ref.of(manifest)] = copy.deepcopy(manifest)

    def free(self, volume: Ref) -> None:
        self._write("free", volume)
        self.held[volume]["status"] = {"phase": "Available"}

    def delete(self, ref: Ref, *, version: str | None = None) -> None:
        self._write("delete", ref)
        self.held.pop(ref, None)

    def settle(self) -> None:
        """What the cluster's own controllers do: Jobs end, servers become ready."""
        for ref, one in self.held.items():
            if ref.kind == "Job":
                one["status"] = {"succeeded": 1}
            if ref.kind in ("StatefulSet", "Deployment"):
                one["status"] = {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "observedGeneration": 1}


@dataclass
class World:
    """A stack in a cluster, and the operator over it."""

    cluster: Memory
    resource: Object

    def step(self) -> Object:
        """One reconcile, its status kept, and no settling."""
        operator = Operator(
            self.cluster,
            Settings(),
            random_hex=lambda count: "0" * (2 * count),
            now=lambda: datetime(2026, 11, 25, tzinfo=UTC),
        )
        status = operator.reconcile(copy.deepcopy(self.resource))
        self.resource["status"] = status
        return status

    def run(self) -> Object:
        """Reconcile until nothing is written any more."""
        for _ in range(8):
            before = len(self.cluster.writes)
            status = self.step()
            self.cluster.settle()
            if len(self.cluster.writes) == before and status["phase"] == "Ready":
                return status
        raise AssertionError(f"no rest: {status}")

    def snapshot(self) -> str:
        return json.dumps(sorted((str(ref), one) for ref, one in self.cluster.held.items()), sort_keys=True)


@pytest.fixture
def make_world() -> Callable[..., World]:
    def make(annotations: Mapping[str, str] | None = None, **spec: Any) -> World:
        meta = {"name": "demo", "namespace": "team", "uid": "u", "generation": 1, "annotations": annotations or {}}
        return World(Memory(), {"metadata": meta, "spec": spec})

    return make


Make = Callable[..., World]


def test_a_stack_comes_to_be_in_order(make_world: Make) -> None:
    world = make_world()
    world.step()
    kinds = {ref.kind for ref in world.cluster.held}
    assert "Job" in kinds and "StatefulSet" not in kinds, "the folders are prepared first"
    assert world.run()["message"] == "Ready. Dagster: http://127.0.0.1:3000"


def test_a_stack_that_is_well_is_written_to_by_nobody_and_hardly_asked(make_world: Make) -> None:
    world = make_world()
    first = world.run()
    writes, world.cluster.reads = len(world.cluster.writes), 0
    assert world.step() == first
    assert len(world.cluster.writes) == writes
    # `objects` is one call a kind: 12. With those, less than one call a minute at the resync.
    assert world.cluster.reads - 1 + 12 <= Settings().resync_s / 60


def test_the_secret_gets_what_is_missing_once(make_world: Make) -> None:
    world = make_world()
    world.cluster.secrets["dataalchemy-secret"] = {"AWS_ACCESS_KEY_ID": "mine", "JIRA_TOKEN": "t"}
    world.run()
    values = world.cluster.secrets["dataalchemy-secret"]
    assert values["AWS_ACCESS_KEY_ID"] == "mine" and values["JIRA_TOKEN"] == "t"
    assert len(values["DATAALCHEMY_KV_PASSWORD"]) == 64
    assert [ref for verb, ref in world.cluster.writes if verb == "fill"] == [
        Ref("Secret", "dataalchemy-secret", "team")
    ]


def test_a_secret_that_is_lost_gets_no_new_password_for_data_that_have_one(make_world: Make) -> None:
    world = make_world()
    world.run()
    password = world.cluster.secrets["dataalchemy-secret"].pop("DATAALCHEMY_POSTGRES_PASSWORD")
    writes = len(world.cluster.writes)
    status = world.step()
    assert len(world.cluster.writes) == writes
    assert "put it back" in status["message"]
    world.cluster.secrets["dataalchemy-secret"]["DATAALCHEMY_POSTGRES_PASSWORD"] = password
    assert world.run()["phase"] == "Ready"


def test_any_child_that_is_deleted_is_back_and_nothing_else_is_touched(make_world: Make) -> None:
    world = make_world(compute={"spark": {"mode": "cluster"}})
    world.run()
    for ref in [ref for ref in world.cluster.held if ref.kind != "Job"]:
        writes = len(world.cluster.writes)
        del world.cluster.held[ref]
        world.step()
        world.cluster.settle()
        assert world.cluster.writes[writes:] == [("apply", ref)]


def test_any_child_that_is_changed_is_put_right(make_world: Make) -> None:
    world = make_world()
    world.run()
    for ref, one in list(world.cluster.held.items()):
        part = next(key for key in ("spec", "data", "rules", "subjects", "metadata") if key in one)
        writes = len(world.cluster.writes)
        world.cluster.held[ref] = {**one, part: {"labels": one["metadata"]["labels"]} if part == "metadata" else {}}
        if part == "metadata":
            world.cluster.held[ref][part]["name"] = ref.name
        if ref.kind in ("PersistentVolume", "PersistentVolumeClaim", "Service"):
            world.cluster.held[ref] = {**one, "metadata": {**one["metadata"], "annotations": {}}}
        world.step()
        world.cluster.settle()
        assert ("apply", ref) in world.cluster.writes[writes:], ref


def test_an_operator_that_is_killed_anywhere_comes_to_the_same_end(make_world: Make) -> None:
    whole = make_world()
    whole.run()
    for dies_after in range(len(whole.cluster.writes)):
        world = make_world()
        world.cluster.dies_after = dies_after
        with pytest.raises(Killed):
            world.run()
        world.cluster.dies_after = None
        world.run()
        assert world.snapshot() == whole.snapshot(), f"killed after {dies_after} writes"
        assert not [ref for verb, ref in world.cluster.writes if verb == "delete"]


def test_a_spec_that_changes_while_the_operator_is_dead_leaves_nothing_behind(make_world: Make) -> None:
    whole = make_world(serviceType="ClusterIP")
    whole.run()
    world = make_world()
    world.run()
    del world.resource["status"]
    world.resource["spec"] = {"serviceType": "ClusterIP"}
    world.run()
    assert set(world.cluster.held) == set(whole.cluster.held)


def test_one_refusal_holds_up_no_other_object_and_heals(make_world: Make) -> None:
    world = make_world()
    service = Ref("Service", "demo-minio-ext", "team")
    world.cluster.refuses[service] = ApiError(422, "provided port is already allocated")
    for _ in range(4):
        status = world.step()
        world.cluster.settle()
    assert status["phase"] == "Degraded" and "demo-minio-ext" in status["message"]
    assert Ref("Service", "demo-webserver-ext", "team") in world.cluster.held
    world.cluster.refuses.clear()
    assert world.run()["phase"] == "Ready"


def test_a_change_there_and_back_ends_where_it_began(make_world: Make) -> None:
    world = make_world()
    world.run()
    begun = world.snapshot()
    for spec in ({"serviceType": "LoadBalancer"}, {"serviceType": "ClusterIP"}, {"dagster": {"enabled": False}}, {}):
        world.resource["spec"] = spec
        world.run()
    assert world.snapshot() == begun
    gone = {ref for verb, ref in world.cluster.writes if verb == "delete"}
    assert gone and not [ref for ref in gone if ref.kind in DATA_KINDS]


def test_a_requested_ingest_runs_once_though_its_job_is_cleared_away(make_world: Make) -> None:
    world = make_world({"dataalchemy.io/request-ingest": "2026-11-25"})
    world.run()
    started = [ref for verb, ref in world.cluster.writes if verb == "create"]
    assert len(started) == 1
    del world.cluster.held[started[0]]
    world.run()
    world.step()
    assert [ref for verb, ref in world.cluster.writes if verb == "create"] == started
    world.resource["metadata"]["annotations"]["dataalchemy.io/request-ingest"] = "2026-11-26"
    world.run()
    assert len([ref for verb, ref in world.cluster.writes if verb == "create"]) == 2


def test_a_request_of_before_is_a_request_again_and_an_empty_one_is_none(make_world: Make) -> None:
    world = make_world({"dataalchemy.io/request-ingest": ""})
    for value in ("", "a", "b", "", "a", "b", "b"):
        world.resource["metadata"]["annotations"]["dataalchemy.io/request-ingest"] = value
        world.run()
    started = [ref.name for verb, ref in world.cluster.writes if verb == "create"]
    assert len(started) == len(set(started)) == 4
    assert world.resource["status"]["ingestRequest"] == "b"


def test_an_ingest_that_failed_says_so_until_the_next(make_world: Make) -> None:
    world = make_world({"dataalchemy.io/request-ingest": "a"})
    world.run()
    (job,) = [ref for verb, ref in world.cluster.writes if verb == "create"]
    world.cluster.held[job]["status"] = {"failed": 1}
    for _ in range(2):
        told = next(one for one in world.step()["conditions"] if one["type"] == "Ingested")
        assert (told["status"], told["reason"]) == ("False", "Failed")
        assert f"job/{job.name}" in told["message"]
        world.cluster.held.pop(job, None)  # gone after a day, and what it came to stays
    world.resource["metadata"]["annotations"]["dataalchemy.io/request-ingest"] = "b"
    told = next(one for one in world.run()["conditions"] if one["type"] == "Ingested")
    assert (told["status"], told["reason"]) == ("True", "Done")


def test_an_ingest_whose_status_was_lost_is_not_begun_twice(make_world: Make) -> None:
    world = make_world({"dataalchemy.io/request-ingest": "2026-11-25"})
    world.run()
    del world.resource["status"]["ingestRequest"], world.resource["status"]["ingestJob"]
    world.step()
    assert len([ref for verb, ref in world.cluster.writes if verb == "create"]) == 1


def test_servers_of_an_earlier_operator_go_first_and_data_stay(make_world: Make) -> None:
    world = make_world()
    labels = {"app": "minio", "stack": "demo", "dataalchemy.io/managed": "true"}
    meta = {"name": "demo-minio", "namespace": "team", "labels": labels}
    service = {"selector": {"app": "minio", "stack": "demo"}}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {}}
    for one in (deployment, {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service}):
        world.cluster.held[Ref.of(one)] = one
    status = world.step()
    assert [verb for verb, _ in world.cluster.writes if verb != "fill"] == ["delete", "delete"]
    assert "earlier operator" in status["message"]
    assert world.run()["phase"] == "Ready"


def test_the_pod_that_has_prepared_the_folders_lets_go_of_their_claims(make_world: Make) -> None:
    world = make_world()
    world.run()
    meta = {"name": "demo-prepare-x", "namespace": "team", "labels": {PART_LABEL: "prepare", STACK_LABEL: "demo"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": {"phase": "Succeeded"}}
    world.cluster.held[Ref.of(pod)] = pod
    world.cluster.refuses[Ref.of(pod)] = ApiError(409, "try again")
    assert "demo-prepare-x" in world.step()["message"]
    world.cluster.refuses.clear()
    writes = len(world.cluster.writes)
    assert world.step()["phase"] == "Ready"
    assert world.cluster.writes[writes:] == [("delete", Ref.of(pod))]


def test_a_resource_that_cannot_be_read_changes_nothing_and_says_why(make_world: Make) -> None:
    world = make_world()
    world.run()
    before, inventory = world.snapshot(), world.resource["status"]["inventory"]
    world.resource["spec"] = {"storage": {"mode": "nfs"}}
    status = world.step()
    assert world.snapshot() == before
    assert "hostPath" in status["message"]
    assert status["inventory"] == inventory
    world.resource["spec"] = {}
    assert world.run()["phase"] == "Ready"


@pytest.mark.parametrize("code", [0, 429, 503])
def test_an_api_that_is_away_is_an_error_and_not_an_empty_cluster(code: int, make_world: Make) -> None:
    world = make_world()
    world.run()
    before = world.snapshot()
    world.cluster.away = ApiError(code, "Read timed out.")
    with pytest.raises(ApiError, match="timed out"):
        world.step()
    assert world.snapshot() == before


def test_a_right_that_is_missing_to_look_is_told_and_nothing_is_touched(make_world: Make) -> None:
    world = make_world()
    inventory = world.run()["inventory"]
    before = world.snapshot()
    world.cluster.away = ApiError(403, 'User "x" cannot list resource "jobs" in API group "batch"')
    status = world.step()
    assert (status["phase"], status["inventory"]) == ("Degraded", inventory)
    assert {one["type"]: one["reason"] for one in status["conditions"]} == {
        "Ready": "NotAllowed",
        "Degraded": "NotAllowed",
    }
    assert "install.yaml" in status["message"]
    assert world.snapshot() == before
    world.cluster.away = None
    assert world.run()["phase"] == "Ready"


def test_a_look_that_was_asked_for_is_answered(make_world: Make) -> None:
    """By it the set-up knows that a Ready is of now, and not of before its changes."""
    world = make_world({"dataalchemy.io/request-look": "one"})
    assert world.step()["lookRequest"] == "one"
    world.resource["spec"]["storage"] = {"dataPath": "nowhere"}
    world.resource["metadata"]["annotations"]["dataalchemy.io/request-look"] = "two"
    assert world.step()["lookRequest"] == "two"


def test_a_write_without_an_answer_ends_the_round_and_the_next_one_goes_on(make_world: Make) -> None:
    world = make_world()
    account = Ref("ServiceAccount", "demo-dagster", "team")
    world.cluster.refuses[account] = ApiError(0, "Read timed out.")
    status = world.step()
    assert [verb for verb, _ in world.cluster.writes] == ["fill"]
    assert next(one for one in status["conditions"] if one["type"] == "Degraded")["reason"] == "ClusterSlow"
    world.cluster.refuses.clear()
    assert world.run()["phase"] == "Ready"


def test_a_paused_stack_is_not_written_to(make_world: Make) -> None:
    world = make_world(paused=True)
    assert world.step()["phase"] == "Paused"
    assert world.cluster.writes == []


def test_two_stacks_of_one_namespace_stand_side_by_side(make_world: Make) -> None:
    one, other = make_world(), make_world(storage={"dataPath": "/other"})
    other.cluster = one.cluster
    other.resource["metadata"] = {**other.resource["metadata"], "name": "demo-b"}
    one.run()
    other.run()
    of_one = {ref for ref, made in one.cluster.held.items() if made["metadata"]["labels"][STACK_LABEL] == "demo"}
    writes = len(one.cluster.writes)
    one.step()
    other.step()
    assert len(one.cluster.writes) == writes
    other.resource["spec"]["serviceType"] = "ClusterIP"
    other.run()
    assert of_one <= set(one.cluster.held)


def test_no_value_of_the_secret_reaches_status_or_objects(make_world: Make) -> None:
    world = make_world()
    world.cluster.secrets["dataalchemy-secret"] = {"AWS_SECRET_ACCESS_KEY": "geheim-geheim"}
    status = world.run()
    assert "geheim-geheim" not in json.dumps(status) + world.snapshot()
    assert "0" * 64 not in json.dumps(status) + world.snapshot()


def test_every_object_says_which_part_it_is(make_world: Make) -> None:
    world = make_world()
    world.run()
    assert all(PART_LABEL in one["metadata"]["labels"] for one in world.cluster.held.values())
