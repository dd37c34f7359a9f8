"""kubectl is always told its context, reads objects, and hands values over on stdin."""

from __future__ import annotations

import json

import pytest

from resources.errors import Misconfigured, Unavailable
from resources.kubectl import Kubectl, current_context
from tests.stand_ins import StandIns

KUBECTL = Kubectl("somewhere", "team")


def test_every_call_names_its_context_and_namespace(world: StandIns) -> None:
    KUBECTL.get("secret", "s")
    KUBECTL.everywhere("secret")
    KUBECTL.ask("wait", "x")
    assert all(call.arguments[:2] == ["--context=somewhere", "--namespace=team"] for call in world.calls())


def test_what_waits_by_itself_has_no_limit_of_a_request(world: StandIns) -> None:
    KUBECTL.ask("rollout", "status", "deployment/x")
    KUBECTL.get("secret", "s")
    assert ["--request-timeout=30s" in call.arguments for call in world.calls()] == [False, True]


def test_an_object_is_applied_read_changed_and_deleted_by_stdin(world: StandIns) -> None:
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "Yg=="}}
    assert KUBECTL.get("secret", "s") is None
    KUBECTL.create(made)
    KUBECTL.patch("secret", "s", {"data": {"c": "ZA=="}})
    assert (KUBECTL.get("secret", "s") or {})["data"] == {"a": "Yg==", "c": "ZA=="}
    KUBECTL.apply(json.dumps({**made, "data": {"a": "ZQ=="}}))
    assert [one["data"] for one in KUBECTL.everywhere("secret")] == [{"a": "ZQ=="}]
    KUBECTL.delete(json.dumps(made))
    assert KUBECTL.get("secret", "s") is None
    assert not [call for call in world.calls() if "Yg==" in " ".join(call.arguments)]


def test_a_kind_that_the_cluster_does_not_know_has_no_objects(world: StandIns) -> None:
    assert KUBECTL.get("das", "x") is None
    assert KUBECTL.everywhere("das") == []


def test_a_cluster_that_refuses_is_an_error_with_its_words(world: StandIns) -> None:
    world.world(fails={"kubectl get secret": "noise\nError from server (Forbidden): secrets is forbidden"})
    with pytest.raises(Unavailable, match="Forbidden"):
        KUBECTL.get("secret", "s")


def test_a_cluster_that_does_not_answer_is_named_with_its_last_word(world: StandIns) -> None:
    world.world(fails={"--raw=/readyz": "The connection to the server was refused"})
    with pytest.raises(Unavailable, match=r"somewhere \(The connection to the server was refused\)"):
        KUBECTL.wait_until_it_answers(0)


def test_a_namespace_that_is_not_there_comes_with_the_command_that_makes_it(world: StandIns) -> None:
    with pytest.raises(Misconfigured, match="kubectl create namespace team"):
        KUBECTL.require_namespace()


def test_the_context_is_kubectls_own(world: StandIns) -> None:
    assert current_context() == "somewhere"
    world.world(context="")
    with pytest.raises(Misconfigured, match="kubectl config use-context"):
        current_context()
