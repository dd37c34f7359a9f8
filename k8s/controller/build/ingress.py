"""Dagster's pages under a name, behind somebody who asks who it is."""

from __future__ import annotations

from k8s.controller.build.environment import UI_PORT
from k8s.controller.stack import Manifest, Stack

_NGINX = "nginx.ingress.kubernetes.io"


def build_ingress(stack: Stack) -> list[Manifest]:
    """The Ingress; [] where none is asked for."""
    asked = stack.spec.ingress
    if asked is None:
        return []
    annotations = dict(asked.annotations)
    if asked.basic_auth_secret is not None:
        annotations |= {f"{_NGINX}/auth-type": "basic", f"{_NGINX}/auth-secret": asked.basic_auth_secret}
    backend = {"service": {"name": stack.named("webserver"), "port": {"number": UI_PORT}}}
    spec: Manifest = {
        "rules": [{"host": asked.host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
    }
    if asked.class_name is not None:
        spec["ingressClassName"] = asked.class_name
    if asked.tls_secret is not None:
        spec["tls"] = [{"hosts": [asked.host], "secretName": asked.tls_secret}]
    return [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": stack.meta("webserver", "webserver", annotations=annotations),
            "spec": spec,
        }
    ]
