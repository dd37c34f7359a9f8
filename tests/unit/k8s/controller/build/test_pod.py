"""What every pod has in common."""

from __future__ import annotations

from k8s.controller.build.pod import Container, pod, probes, secret_env, sized
from k8s.controller.spec import Amounts, Resources

SIZE = {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "2Gi"}}


def test_nothing_is_asked_before_the_start_is_over() -> None:
    checks = probes({"tcpSocket": {"port": "x"}}, start_s=180, period_s=10)
    assert checks["startupProbe"]["failureThreshold"] * 10 == 180
    assert checks["livenessProbe"]["failureThreshold"] >= 3


def test_what_is_asked_for_is_taken_and_a_default_is_never_changed() -> None:
    made = sized(SIZE, Resources(limits=Amounts(cpu="4")))
    assert made == {"requests": SIZE["requests"], "limits": {"cpu": "4", "memory": "2Gi"}}
    assert SIZE["limits"]["cpu"] == "1"


def test_a_secret_is_named_and_may_be_left_out_where_that_is_said() -> None:
    assert secret_env("A", "s", "K")["valueFrom"] == {"secretKeyRef": {"name": "s", "key": "K"}}
    assert secret_env("A", "s", "K", optional=True)["valueFrom"]["secretKeyRef"]["optional"] is True


def test_a_volume_that_is_somebody_elses_already_is_not_gone_through_again() -> None:
    made = pod([Container("a", "x:1", ["run"], SIZE)], [])
    assert made["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
