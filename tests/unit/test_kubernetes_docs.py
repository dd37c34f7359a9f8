"""docs/kubernetes.md has every reason that a condition may give, every loader, and every key of the Secret."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from k8s.controller import causes
from resources.cluster_secret import KEYS
from resources.images import OTHERS, OWN
from resources.settings import CHECKOUT, Settings

PAGE = (CHECKOUT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
CONTROLLER = CHECKOUT / "k8s" / "controller"


def reasons() -> set[str]:
    """Those of causes.py, of the problems that the plan may have, and of the status."""
    made = {reason for _, reason, _ in causes._SAID} | set(causes._WAITING.values())
    made |= set(re.findall(r'Cause\(\s*"(\w+)"', (CONTROLLER / "causes.py").read_text("utf-8")))
    for name in ("keep.py", "plan.py"):
        made |= set(re.findall(r'Problem\(\s*"(\w+)"', (CONTROLLER / name).read_text("utf-8")))
    for name in ("causes.py", "reconcile.py", "status.py"):
        text = (CONTROLLER / name).read_text("utf-8")
        for where in ("otherwise=", r"left_alone\(before, ", r'_condition\("Reachable", False, '):
            made |= set(re.findall(rf'{where}"(\w+)"', text))
    return made


@pytest.mark.parametrize("reason", sorted(reasons()))
def test_every_reason_of_a_condition_has_a_row(reason: str) -> None:
    assert f"`{reason}`" in PAGE.split("## Troubleshooting")[1]


def test_every_key_image_and_loader_is_there() -> None:
    loaders = get_args(get_args(Settings.model_fields["image_loader"].annotation)[0])
    assert len(loaders) == 5
    assert [name for name in (*KEYS, *OWN, *OTHERS, *loaders) if f"`{name}" not in PAGE] == []


def test_what_could_not_be_tried_is_named() -> None:
    unverified = PAGE.split("## What is not verified")[1]
    for word in ("k3d", "NetworkPolicies", "grows", "GKE", "GPU", "Windows"):
        assert word in unverified
