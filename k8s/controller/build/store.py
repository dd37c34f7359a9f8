"""A server that keeps data: one pod with one claim, replaced only after it is gone."""

from __future__ import annotations

from k8s.controller.build.pod import Container, claim, pod, scratch
from k8s.controller.build.volumes import Keeping
from k8s.controller.stack import CONFIG_ANNOTATION, Manifest, Stack


def build_store(stack: Stack, part: str, keeping: Keeping, container: Container, *extra: Manifest) -> Manifest:
    """The StatefulSet. Its claim stands apart, since a set's own claims can never be changed."""
    template = {
        "metadata": {
            "labels": stack.labels(keeping.component),
            "annotations": {CONFIG_ANNOTATION: stack.secrets.get(keeping.component, "")},
        },
        "spec": pod(
            [container],
            [claim("data", stack.named(keeping.part)), scratch("tmp", "64Mi"), *extra],
            user=keeping.user,
            terminationGracePeriodSeconds=30,
        ),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": stack.meta(part, keeping.component),
        "spec": {
            "replicas": 1,
            "serviceName": stack.named(part),
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "RollingUpdate"},
            "selector": {"matchLabels": stack.selector(keeping.component)},
            "template": template,
        },
    }
