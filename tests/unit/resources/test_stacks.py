"""A stack's file is read, its place found, and its status followed until Ready or until it says what is the matter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s.controller.spec import KIND
from resources import operator, stacks
from resources.cluster import EXAMPLES
from resources.errors import Misconfigured, NotFound, Unavailable
from resources.kubectl import Kubectl
from resources.stacks import Patience
from tests.stand_ins import StandIns

KUBECTL = Kubectl("somewhere")
SHORT, LONG = Patience(ready_s=0.4, degraded_s=0.1, poll_s=0.01), Patience(poll_s=0.01)


def stack(name: str = "dataalchemy", namespace: str = "dataalchemy", **spec: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "dataalchemy.io/v1alpha1", "kind": KIND, "metadata": meta, "spec": spec}


@pytest.fixture
def cluster(world: StandIns) -> StandIns:
    operator.define(KUBECTL)
    KUBECTL.apply(yaml.safe_dump(stack()))
    return world


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_can_be_read(path: Path) -> None:
    assert stacks.secret_of(stacks.read_file(path)) == stacks.DEFAULT_SECRET


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: Pod", "no DataAlchemyStack"),
        ("", "no DataAlchemyStack"),
        ("a: [", "cannot be read"),
        (f"kind: {KIND}\nmetadata: {{}}", "no name"),
        (f"kind: {KIND}\n---\nkind: {KIND}", "no DataAlchemyStack"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_path(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured, match=words) as told:
        stacks.read_file(tmp_path / "s.yaml")
    assert "s.yaml" in str(told.value)


def found(asked: dict[str, Any], *, named: bool) -> str | None:
    one = stacks.find(KUBECTL, asked, named=named)
    return None if one is None else f"{one['metadata']['namespace']}/{one['metadata']['name']}"


def without_place(name: str) -> dict[str, Any]:
    return {**stack(), "metadata": {"name": name}}


def test_a_stack_is_found_where_it_lives(cluster: StandIns) -> None:
    KUBECTL.apply(yaml.safe_dump(stack("other", "team")))
    assert found(without_place("dataalchemy"), named=True) == "dataalchemy/dataalchemy"
    assert found(without_place("other"), named=True) == "team/other"
    assert found(stack("other", "third"), named=True) is None
    assert found(without_place("new"), named=True) is None


def test_where_no_file_is_named_the_one_that_is_there_is_meant_whatever_its_name(world: StandIns) -> None:
    operator.define(KUBECTL)
    assert found(without_place("dataalchemy"), named=False) is None
    KUBECTL.apply(yaml.safe_dump(stack("mine", "team")))
    assert found(without_place("dataalchemy"), named=False) == "team/mine"
    assert found(without_place("dataalchemy"), named=True) is None
    KUBECTL.apply(yaml.safe_dump(stack("yours", "team")))
    with pytest.raises(Misconfigured, match="team/mine, team/yours"):
        found(without_place("dataalchemy"), named=False)


def test_of_two_with_one_name_ours_is_meant_and_else_none_is_guessed(cluster: StandIns) -> None:
    KUBECTL.apply(yaml.safe_dump(stack("dataalchemy", "team")))
    assert found(without_place("dataalchemy"), named=True) == "dataalchemy/dataalchemy"
    for namespace in ("a", "b"):
        KUBECTL.apply(yaml.safe_dump(stack("other", namespace)))
    with pytest.raises(Misconfigured, match="a/other, b/other"):
        found(without_place("other"), named=True)


def test_progress_is_told_once_a_change_until_ready(cluster: StandIns) -> None:
    cluster.world(statuses=["silent", "progressing", "progressing", "degraded", "progressing", "ready"])
    said: list[str] = []
    state = stacks.wait_until_ready(KUBECTL, "dataalchemy", said.append, patience=LONG)
    waiting = "Progressing: Waiting for lake (starting)."
    assert said == [waiting, "Degraded: No class.", waiting, "Ready: Ready."]
    assert state.ready
    assert list(state.endpoints) == ["dagster", "s3"]


def test_one_that_stays_degraded_ends_with_the_conditions_message(cluster: StandIns) -> None:
    cluster.world(statuses=["progressing", "degraded"])
    patience = Patience(degraded_s=0.1, poll_s=0.01)
    with pytest.raises(Unavailable, match=r"not ready: dataalchemy\. No class\. Name one\.$"):
        stacks.wait_until_ready(KUBECTL, "dataalchemy", lambda _: None, patience=patience)


def test_a_status_of_an_earlier_spec_counts_for_nothing(cluster: StandIns) -> None:
    old = {**stack(), "metadata": {**stack()["metadata"], "generation": 2}}
    ready = {"type": "Ready", "status": "True"}
    assert not stacks.state_of({**old, "status": {"observedGeneration": 1, "conditions": [ready]}}).ready
    assert stacks.state_of({**old, "status": {"observedGeneration": 2, "conditions": [ready]}}).ready


def test_a_silent_operator_is_said_to_be(cluster: StandIns) -> None:
    cluster.world(statuses=["silent"])
    with pytest.raises(Unavailable, match="operator says nothing"):
        stacks.wait_until_ready(KUBECTL, "dataalchemy", lambda _: None, patience=SHORT)


def test_a_paused_one_is_not_waited_for(cluster: StandIns) -> None:
    cluster.world(statuses=["paused"])
    with pytest.raises(Unavailable, match=r"spec\.paused: false"):
        stacks.wait_until_ready(KUBECTL, "dataalchemy", lambda _: None, patience=LONG)


def test_one_that_is_gone_is_an_error(cluster: StandIns) -> None:
    with pytest.raises(NotFound):
        stacks.wait_until_ready(KUBECTL, "other", lambda _: None, patience=SHORT)


def test_whether_the_database_is_the_stacks_own() -> None:
    assert stacks.keeps_postgres(stack())
    assert stacks.keeps_postgres(stack(dagster={"postgres": {"size": "1Gi"}}))
    assert not stacks.keeps_postgres(stack(dagster={"postgres": {"external": {"host": "db"}}}))
