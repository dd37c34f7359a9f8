"""An object is applied again when it is missing, made from another content, or changed by somebody; not else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from k8s.controller.drift import differs, needs_apply, quantity
from k8s.controller.plan import Ref
from k8s.controller.stack import Stack, marked

WANTED = marked(
    {
        "metadata": {"name": "demo", "labels": {"a": "1"}},
        "spec": {
            "replicas": 1,
            "containers": [{"name": "one", "image": "x:1", "env": [{"name": "A", "value": "1"}], "volumeMounts": []}],
            "limits": {"cpu": "1", "memory": "1Gi"},
            "hosts": ["a", "b"],
        },
    }
)


def changed(*path: Any, to: Any) -> dict[str, Any]:
    made: dict[str, Any] = copy.deepcopy(WANTED)
    place: Any = made
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return made


def test_the_same_is_left_alone() -> None:
    assert not needs_apply(WANTED, copy.deepcopy(WANTED))


def test_the_missing_is_applied() -> None:
    assert needs_apply(WANTED, None)


@pytest.mark.parametrize(
    "observed",
    [
        changed("spec", "replicas", to=3),
        changed("spec", "containers", 0, "image", to="x:2"),
        changed("spec", "containers", 0, "env", to=[]),
        changed("spec", "containers", to=[]),
        changed("spec", "limits", "cpu", to="2"),
        changed("spec", "hosts", to=["a"]),
        changed("metadata", "labels", to={}),
        changed("metadata", "annotations", to={}),
        changed("metadata", "annotations", to=None),
    ],
)
def test_what_somebody_changed_is_put_right(observed: dict[str, Any]) -> None:
    assert needs_apply(WANTED, observed)


@pytest.mark.parametrize(
    "observed",
    [
        changed("spec", "clusterIP", to="10.0.0.1"),
        changed("spec", "containers", 0, "terminationMessagePath", to="/dev/termination-log"),
        changed("spec", "containers", to=[*WANTED["spec"]["containers"], {"name": "sidecar", "image": "y:1"}]),
        changed("spec", "limits", to={"cpu": "1000m", "memory": "1024Mi"}),
        changed("metadata", "labels", to={"a": "1", "b": "2"}),
        changed("spec", "containers", 0, "volumeMounts", to=None),
    ],
)
def test_what_the_cluster_adds_or_writes_otherwise_is_no_change(observed: dict[str, Any]) -> None:
    assert not needs_apply(WANTED, observed)


def test_a_field_that_is_no_longer_asked_for_is_another_content() -> None:
    less = marked({"metadata": {"name": "demo"}, "spec": {"replicas": 1}})
    assert not differs({"spec": less["spec"]}, WANTED)
    assert needs_apply(less, WANTED)


@pytest.mark.parametrize(
    ("field", "entry", "added"),
    [
        ("subjects", {"kind": "ServiceAccount", "name": "demo-runs"}, {"kind": "User", "name": "mallory"}),
        ("rules", {"resources": ["jobs"], "verbs": ["get"]}, {"resources": ["secrets"], "verbs": ["get"]}),
        ("from", {"podSelector": {"matchLabels": {"a": "b"}}}, {"podSelector": {}}),
    ],
)
def test_a_right_that_somebody_adds_is_put_right(field: str, entry: dict[str, Any], added: dict[str, Any]) -> None:
    assert not differs({field: [entry]}, {field: [entry]})
    assert differs({field: [entry]}, {field: [entry, added]})


def test_two_ports_of_a_policy_are_both_looked_at() -> None:
    wanted = [{"protocol": "TCP", "port": 9000}, {"protocol": "TCP", "port": 9001}]
    assert differs({"ports": wanted}, {"ports": wanted[:1]})
    assert differs({"ports": wanted[:1]}, {"ports": wanted})


@pytest.mark.parametrize(
    ("text", "amount"),
    [("500m", Decimal("0.5")), ("2", Decimal(2)), ("1Ki", Decimal(1024)), ("1.5G", Decimal("1.5e9"))],
)
def test_an_amount_is_read(text: str, amount: Decimal) -> None:
    assert quantity(text) == amount


def test_what_is_no_amount_is_refused() -> None:
    with pytest.raises(ValueError, match="500m"):
        quantity("much")


def test_nothing_of_a_stack_that_is_there_is_applied_again(
    example_stack: Stack, planned_of: Callable[[Stack], dict[Ref, dict[str, Any]]]
) -> None:
    there = planned_of(example_stack)
    assert [ref for ref, one in planned_of(example_stack).items() if needs_apply(one, copy.deepcopy(there[ref]))] == []
