"""An ingress asks who it is, and leads to Dagster alone."""

from __future__ import annotations

from collections.abc import Callable

from k8s.controller.build.ingress import build_ingress
from k8s.controller.stack import Stack

Make = Callable[..., Stack]


def test_a_password_is_asked_for(make_stack: Make) -> None:
    (made,) = build_ingress(
        make_stack(ingress={"host": "a.example.com", "className": "nginx", "basicAuthSecret": "users"})
    )
    assert made["metadata"]["annotations"] == {
        "nginx.ingress.kubernetes.io/auth-type": "basic",
        "nginx.ingress.kubernetes.io/auth-secret": "users",
    }


def test_ones_own_annotations_go_through(make_stack: Make) -> None:
    asked = {"traefik.ingress.kubernetes.io/router.middlewares": "team-login@kubernetescrd"}
    (made,) = build_ingress(make_stack(ingress={"host": "a.example.com", "annotations": asked}))
    assert made["metadata"]["annotations"] == asked


def test_it_leads_to_the_webserver_with_the_given_class_and_certificate(make_stack: Make) -> None:
    asked = {"host": "a.example.com", "basicAuthSecret": "users", "className": "nginx", "tlsSecret": "tls"}
    (made,) = build_ingress(make_stack(ingress=asked))
    path = made["spec"]["rules"][0]["http"]["paths"][0]
    assert path["backend"]["service"] == {"name": "demo-webserver", "port": {"number": 3000}}
    assert made["spec"]["ingressClassName"] == "nginx"
    assert made["spec"]["tls"] == [{"hosts": ["a.example.com"], "secretName": "tls"}]


def test_none_is_made_unasked(make_stack: Make) -> None:
    assert build_ingress(make_stack()) == []
