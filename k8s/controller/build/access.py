"""What Dagster and its runs may do in the cluster: in their own namespace, and no more than they need."""

from __future__ import annotations

from k8s.controller.stack import Manifest, Stack

_LAUNCH = [
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "delete", "get", "list", "watch"]},
    {"apiGroups": ["batch"], "resources": ["jobs/status"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]
_EVENTS = [{"apiGroups": [""], "resources": ["events"], "verbs": ["list"]}]
_EXECUTORS = [
    {
        "apiGroups": [""],
        "resources": ["pods", "services", "configmaps"],
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "watch"],
    },
]


def build_access(stack: Stack) -> list[Manifest]:
    """Accounts and roles of Dagster's servers (`dagster`) and of runs (`runs`); [] without Dagster."""
    if not stack.spec.dagster.enabled:
        return []
    executors = _EXECUTORS if stack.spec.compute.spark.mode == "cluster" else []
    return [
        *_account(stack, "dagster", [*_LAUNCH, *_EVENTS]),
        *_account(stack, "runs", [*_LAUNCH, *executors]),
    ]


def _account(stack: Stack, part: str, rules: list[Manifest]) -> list[Manifest]:
    meta, group = stack.meta(part, "access"), "rbac.authorization.k8s.io"
    name = stack.named(part)
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta, "automountServiceAccountToken": False},
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": meta, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": stack.namespace}],
        },
    ]
