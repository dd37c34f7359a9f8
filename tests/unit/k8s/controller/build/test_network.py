"""Who reaches whom, as a table; everybody else reaches nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from k8s.controller.build.network import build_network
from k8s.controller.stack import PART_LABEL, STACK_LABEL, Stack

Make = Callable[..., Stack]
PARTS = (
    "lake",
    "cache",
    "postgres",
    "code",
    "webserver",
    "daemon",
    "metrics",
    "run",
    "executor",
    "training",
    "ingest",
    "prepare",
)


def reaches(stack: Stack, caller: str, server: str, port: int, *, of: str = "demo") -> bool:
    """Whether the stack's policies let a pod of this part, of the stack of this name, in."""
    (policy,) = [one for one in build_network(stack) if one["spec"]["podSelector"]["matchLabels"][PART_LABEL] == server]
    for door in policy["spec"]["ingress"]:
        if "ports" in door and port not in [one["port"] for one in door["ports"]]:
            continue
        if "from" not in door or any(_chosen(peer["podSelector"], caller, of) for peer in door["from"]):
            return True
    return False


def _chosen(selector: dict[str, Any], part: str, stack: str) -> bool:
    chosen = all(part in one["values"] for one in selector["matchExpressions"])
    return chosen and selector["matchLabels"] == {STACK_LABEL: stack}


@pytest.mark.parametrize(
    ("server", "port", "callers"),
    [
        ("lake", 9000, {"code", "run", "training", "executor", "webserver", "daemon", "metrics", "ingest"}),
        ("lake", 9001, set()),
        ("cache", 6379, {"code", "run", "training", "executor", "webserver", "daemon", "metrics", "ingest"}),
        ("postgres", 5432, {"code", "run", "training", "executor", "webserver", "daemon", "metrics", "ingest"}),
        ("code", 4000, {"webserver", "daemon"}),
        ("webserver", 3000, {"ingest", "code", "run"}),
        ("daemon", 3000, set()),
        ("metrics", 9464, set(PARTS)),
        ("run", 40000, {"executor"}),
        ("executor", 40000, {"run", "executor"}),
        ("training", 40000, set()),
    ],
)
def test_only_who_must_gets_in(server: str, port: int, callers: set[str], make_stack: Make) -> None:
    stack = make_stack(serviceType="ClusterIP")
    assert {part for part in PARTS if reaches(stack, part, server, port)} == callers


def test_a_stack_beside_it_gets_in_nowhere(make_stack: Make) -> None:
    stack = make_stack(serviceType="ClusterIP")
    for server, port in (("lake", 9000), ("cache", 6379), ("postgres", 5432), ("code", 4000), ("webserver", 3000)):
        assert not any(reaches(stack, part, server, port, of="other") for part in PARTS)


def test_a_way_in_is_open_where_there_is_one_and_never_to_the_database(make_stack: Make) -> None:
    stack = make_stack()
    assert reaches(stack, "anybody", "lake", 9001)
    assert reaches(stack, "anybody", "cache", 6379)
    assert reaches(stack, "anybody", "webserver", 3000)
    assert not reaches(stack, "anybody", "postgres", 5432)


def test_a_store_answers_and_never_calls(make_stack: Make) -> None:
    for policy in build_network(make_stack()):
        part = policy["spec"]["podSelector"]["matchLabels"][PART_LABEL]
        closed = part in ("lake", "cache", "postgres")
        assert (policy["spec"].get("egress") == []) is closed
        assert ("Egress" in policy["spec"]["policyTypes"]) is closed
