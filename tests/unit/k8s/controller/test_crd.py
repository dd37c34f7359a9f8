"""crd.yaml and spec.py say the same: fields, defaults, choices, limits, and the sentence of every refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from k8s.controller.spec import StackSpec, read_spec

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
CRD: dict[str, Any] = yaml.safe_load((Path(__file__).parents[4] / "k8s" / "crd.yaml").read_text(encoding="utf-8"))
VERSION = CRD["spec"]["versions"][0]
SCHEMA: dict[str, Any] = VERSION["schema"]["openAPIV3Schema"]
SPEC: dict[str, Any] = SCHEMA["properties"]["spec"]
INGRESS = {"host": "dagster.example.com"}
S3 = {"bucket": "lake-of-mine"}

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown field": ({"storrage": {}}, "storrage"),
    "an unknown mode": ({"storage": {"mode": "nfs"}}, "hostPath"),
    "no replica": ({"storage": {"replicas": 0}}, "1"),
    "text for a number": ({"cache": {"replicas": "many"}}, "integer"),
    "a Windows path": ({"storage": {"dataPath": "C:\\Users\\me\\data"}}, "absolute path on the node"),
    "a relative path": ({"storage": {"dataPath": "data"}}, "absolute path on the node"),
    "a path with an empty step": ({"storage": {"dataPath": "/data/."}}, "absolute path on the node"),
    "a path that climbs": ({"storage": {"dataPath": "/data/../etc"}}, "absolute path on the node"),
    "a system folder": ({"storage": {"dataPath": "/etc/dataalchemy"}}, "node's own system"),
    "the root folder": ({"storage": {"dataPath": "/"}}, "absolute path on the node"),
    "a path with a claim": ({"storage": {"dataPath": "/data", "mode": "pvc"}}, "is for mode hostPath"),
    "a path with a class": ({"storage": {"dataPath": "/data", "storageClassName": "fast"}}, "is for mode hostPath"),
    "a class with a folder": ({"storage": {"mode": "hostPath", "storageClassName": "fast"}}, "is for mode pvc"),
    "an amount with a blank": ({"storage": {"size": "20 GB"}}, "amount"),
    "an external store and a folder": ({"storage": {"external": S3, "mode": "hostPath"}}, "replaces mode hostPath"),
    "a password in an address": ({"cache": {"external": "redis://:secret@host:6379/0"}}, "DATAALCHEMY_KV_PASSWORD"),
    "an external store without a bucket": ({"storage": {"external": {"endpoint": "http://s3:9000"}}}, "bucket"),
    "an endpoint without a scheme": ({"storage": {"external": {**S3, "endpoint": "s3:9000"}}}, "http://host:port"),
    "a type of service": ({"serviceType": "Loadbalancer"}, "LoadBalancer"),
    "an image of no version": ({"dagster": {"image": "dataalchemy/pipelines:latest"}}, "version, not latest"),
    "executors of no version": (
        {"compute": {"spark": {"mode": "cluster", "image": "data-processor:latest"}}},
        "in mode cluster",
    ),
    "a GPU of another make": ({"training": {"gpu": "intel"}}, "amd"),
    "a count without a GPU": ({"training": {"gpuCount": 2}}, "training.gpu: amd or nvidia"),
    "an ingress without a login": ({"ingress": INGRESS}, "Dagster has no login"),
    "a login that this ingress knows nothing of": (
        {"ingress": {**INGRESS, "className": "traefik", "basicAuthSecret": "users"}},
        "name its class in ingress.className",
    ),
    "a word that only looks like a login": ({"ingress": {**INGRESS, "annotations": {"author": "me"}}}, "no login"),
    "an ingress of nothing": (
        {"ingress": {**INGRESS, "className": "nginx", "basicAuthSecret": "users"}, "dagster": {"enabled": False}},
        "leave it out",
    ),
    "a schedule that is none": ({"dagster": {"schedule": "every night"}}, "cron expression"),
    "two principals in one": ({"dagster": {"principals": ["local,public"]}}, "one principal"),
    "a policy that is none": ({"deletionPolicy": "Keep"}, "Retain"),
    "resources of nobody": ({"resources": {"spark": {}}}, "lake"),
    "a name that is no label": ({"projectName": "Our project!"}, "label"),
}
BY_PATTERN = {
    *("an amount with a blank", "a name that is no label", "a schedule that is none", "two principals in one"),
}
"""The model says these by a pattern of its own, the CRD by a sentence."""
BY_CRD = {"an unknown field"}
"""The model leaves it alone, as a definition newer than the operator would have one in every stack."""


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as kubectl checks it: a field that isn't in it is refused."""
    made = dict(schema)
    if "properties" in made:
        made["properties"] = {name: strict(part) for name, part in made["properties"].items()}
        made.setdefault("additionalProperties", False)
    for inner in {"items", "additionalProperties"} & set(schema):
        made[inner] = strict(made[inner])
    return made


def rules(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str, str]]:
    for rule in schema.get("x-kubernetes-validations", []):
        yield path, rule["rule"], rule["message"]
    parts = dict(schema.get("properties", {}))
    for inner in {"items", "additionalProperties"} & set(schema):
        parts["*"] = schema[inner]
    for name, part in parts.items():
        yield from rules(part, f"{path}.{name}")


def refused_by_schema(spec: Mapping[str, Any]) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(strict(SPEC)).iter_errors(spec)]


@pytest.mark.parametrize("what", WRONG.keys() - BY_CRD)
def test_the_model_refuses_it_in_words(what: str) -> None:
    spec, words = WRONG[what]
    with pytest.raises(ValidationError) as caught:
        read_spec({"metadata": {"name": "demo"}, "spec": spec})
    assert what in BY_PATTERN or words in str(caught.value)


@pytest.mark.parametrize("what", WRONG)
def test_the_crd_refuses_it_in_words(what: str) -> None:
    """By its schema here; by a rule that has the sentence otherwise, which test_the_rules_refuse_it runs."""
    spec, words = WRONG[what]
    found = refused_by_schema(spec)
    assert any(words in message for message in found) or any(words in message for _, _, message in rules(SPEC))


def test_at_least_twenty_are_refused() -> None:
    assert len(WRONG) >= 20


def test_every_rule_is_met_by_a_wrong_resource() -> None:
    """Rules of one value that only keep strings in shape are left out; the model's patterns do the same."""
    shape = ("this is", "this has", "a bucket", "a prefix", "an image needs", "projectName")
    told = [message for _, _, message in rules(SPEC) if not message.startswith(shape)]
    assert told
    assert [message for message in told if not any(words in message for _, words in WRONG.values())] == []


@pytest.mark.parametrize("name", ["My-Stack", "1stack", "a.b", "a" * 41, "ends-"])
def test_a_name_that_no_service_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="Services are named after it"):
        read_spec({"metadata": {"name": name}})
    (rule,) = SCHEMA["x-kubernetes-validations"]
    pattern = re.search(r"'(.*)'", rule["rule"])
    assert pattern is not None
    assert not re.match(pattern[1], name)
    assert "Services are named after it" in rule["message"]


def test_an_example_is_accepted_by_both(example: dict[str, Any]) -> None:
    assert refused_by_schema(example["spec"]) == []
    read_spec(example)


def test_a_stack_of_the_first_operator_is_accepted() -> None:
    spec = {"projectName": "Default", "storage": {"replicas": 2, "dataPath": "/data"}, "cache": {"replicas": 2}}
    assert refused_by_schema(spec) == []


def test_schema_and_model_have_the_same_fields_defaults_and_choices() -> None:
    assert list(differences(SPEC, StackSpec, "spec")) == []


def differences(schema: Mapping[str, Any], model: type[BaseModel], path: str) -> Iterator[str]:
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    if set(fields) != set(schema["properties"]):
        yield f"{path}: {sorted(set(fields) ^ set(schema['properties']))}"
    required = {name for name, field in fields.items() if field.is_required()}
    if required != set(schema.get("required", [])):
        yield f"{path}: required {required}"
    for name in set(fields) & set(schema["properties"]):
        part, field, place = schema["properties"][name], fields[name], f"{path}.{name}"
        for inner in models_in(field.annotation):
            yield from differences(part.get("items", part), inner, place)
        default = field.get_default(call_default_factory=False)
        if isinstance(default, str | int | bool) and part.get("default") != default:
            yield f"{place}: default {part.get('default')!r} and {default!r}"
        if default is None and "default" in part:
            yield f"{place}: default {part['default']!r} and none"
        if (choices := literals(field.annotation)) and set(part["enum"]) != choices:
            yield f"{place}: {part['enum']} and {choices}"
        for limit, attribute in (("minimum", "ge"), ("maximum", "le")):
            here = next((getattr(one, attribute) for one in field.metadata if hasattr(one, attribute)), None)
            here = limits(field.annotation, attribute) if here is None else here
            if here != part.get(limit):
                yield f"{place}: {limit} {part.get(limit)} and {here}"


def models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType, tuple):
        return [found for part in get_args(annotation) for found in models_in(part)]
    return []


def literals(annotation: Any) -> set[str]:
    if get_origin(annotation) in (Union, UnionType):
        return {found for part in get_args(annotation) for found in literals(part)}
    arguments = get_args(annotation)
    return set(arguments) if arguments and all(isinstance(one, str) for one in arguments) else set()


def limits(annotation: Any, attribute: str) -> Any:
    """The limit that an annotation inside of a union has."""
    for part in get_args(annotation):
        metadata = getattr(part, "__metadata__", ())
        for one in metadata:
            for inner in (one, *getattr(one, "metadata", ())):
                if hasattr(inner, attribute):
                    return getattr(inner, attribute)
    return None


def test_a_stored_object_stays_readable() -> None:
    assert (VERSION["name"], VERSION["served"], VERSION["storage"]) == ("v1alpha1", True, True)
    assert VERSION["subresources"] == {"status": {}}
    assert CRD["spec"]["names"]["shortNames"] == ["das"]
    assert SPEC.get("required", []) == []


def test_every_text_that_a_rule_reads_has_a_bound() -> None:
    """The cluster refuses a CRD whose rules could cost too much; a bound on every text keeps them cheap."""

    def unbound(schema: Mapping[str, Any], path: str) -> Iterator[str]:
        if schema.get("type") == "string" and "enum" not in schema and "maxLength" not in schema:
            yield path
        for name, part in schema.get("properties", {}).items():
            yield from unbound(part, f"{path}.{name}")

    assert list(unbound(SPEC, "spec")) == []
