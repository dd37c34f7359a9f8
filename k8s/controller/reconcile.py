"""One reconcile: look, plan, do, look again, tell. It speaks to a Protocol, so tests give it a cluster in memory.

Level-based: it starts from what is there and never from what happened. Cut off anywhere, the next one goes on.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from k8s.controller import credentials
from k8s.controller.drift import needs_apply
from k8s.controller.keep import spent, volume_host
from k8s.controller.plan import Facts, Plan, Ref, Wave, has_history, plan
from k8s.controller.platform import site_of
from k8s.controller.settings import Settings
from k8s.controller.spec import INGEST_ANNOTATION, StackSpec, read_spec
from k8s.controller.stack import Manifest, Stack
from k8s.controller.status import Moment, Refusal, Seen, status_of


class ApiError(Exception):
    """The cluster's API refused or did not answer: HTTP status (0: no answer) and its sentence."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"{code}: {words}" if code else words)
        self.code, self.words = code, words


class Cluster(Protocol):
    """What a reconcile asks of a cluster. Each may raise ApiError."""

    def nodes(self) -> list[Manifest]:
        """All nodes."""
        ...

    def objects(self, namespace: str, name: str) -> dict[Ref, Manifest]:
        """Everything that bears the stack's label, its volumes too."""
        ...

    def volumes(self) -> list[Manifest]:
        """Volumes of every stack."""
        ...

    def old(self, namespace: str, name: str) -> list[Manifest]:
        """What an earlier operator made for the stack."""
        ...

    def pods(self, namespace: str, name: str) -> list[Manifest]:
        """The stack's pods."""
        ...

    def events(self, namespace: str) -> list[Manifest]:
        """Events of the namespace."""
        ...

    def data_path(self, namespace: str) -> str | None:
        """Key dataPath of ConfigMap dataalchemy-config."""
        ...

    def secret(self, namespace: str, name: str) -> dict[str, str]:
        """Values of a Secret; {} where there is none."""
        ...

    def fill_secret(self, namespace: str, name: str, values: Mapping[str, str]) -> None:
        """Add keys to a Secret, which is made where there is none."""
        ...

    def apply(self, manifest: Manifest) -> Manifest:
        """Server-side apply; what the cluster holds after it."""
        ...

    def create(self, manifest: Manifest) -> None:
        """Create once; one that is there already is left alone."""
        ...

    def free(self, volume: Ref) -> None:
        """Let a volume go of a claim that is gone."""
        ...

    def delete(self, ref: Ref) -> None:
        """Delete, and what it owns first; one that is gone already is fine."""
        ...


@dataclass(frozen=True)
class Operator:
    """What stays the same between reconciles."""

    cluster: Cluster
    settings: Settings
    random_hex: Callable[[int], str] = secrets.token_hex
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def reconcile(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Bring the stack one step closer and return its status. Raises ApiError where it can't even look."""
        before = resource.get("status") or {}
        moment = Moment(
            now=self.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            generation=resource["metadata"].get("generation", 0),
            conditions=before.get("conditions", []),
            ingest=before.get("ingestRequest"),
        )
        try:
            spec = read_spec(resource)
        except ValueError as error:
            return unreadable(before, str(error), moment)
        inventory = tuple(_ref(one) for one in before.get("inventory", []))
        nodes = self.cluster.nodes()
        stack, facts = self._look(resource, spec, inventory, nodes=nodes)
        planned = plan(stack, facts)
        refusals, objects = self._do(planned, facts)
        after = Facts(objects=objects, volumes=facts.volumes, inventory=inventory, secret=facts.secret)
        pods = self.cluster.pods(stack.namespace, stack.name)
        if not planned.blocked and not spec.paused:
            refusals += self._clear(pods)
        seen = Seen(
            pods=tuple(pods),
            events=tuple(self.cluster.events(stack.namespace)),
            nodes=tuple(nodes),
            refusals=tuple(refusals),
        )
        return status_of(stack, planned, after, seen, moment=moment)

    def _look(
        self, resource: Mapping[str, Any], spec: StackSpec, inventory: tuple[Ref, ...], *, nodes: list[Manifest]
    ) -> tuple[Stack, Facts]:
        name, namespace = resource["metadata"]["name"], resource["metadata"]["namespace"]
        objects = self.cluster.objects(namespace, name)
        secret = self._credentials(namespace, spec, has_history=has_history(name, objects))
        kept = next((volume_host(one) for ref, one in objects.items() if ref.kind == "PersistentVolume"), None)
        path = self.cluster.data_path(namespace)
        asked = (resource["metadata"].get("annotations") or {}).get(INGEST_ANNOTATION)
        done = (resource.get("status") or {}).get("ingestRequest")
        stack = Stack(
            name=name,
            namespace=namespace,
            uid=resource["metadata"]["uid"],
            spec=spec,
            site=site_of(spec, nodes, self.settings, config_path=path, kept_node=kept),
            images=self.settings.images,
            secrets=credentials.revision(secret, of_stores=True),
            all_secrets=credentials.revision(secret),
            ingest=asked if asked != done else None,
        )
        # An earlier operator's things are looked for until ours are there.
        old = [] if any(ref.kind == "StatefulSet" for ref in objects) else self.cluster.old(namespace, name)
        volumes = self.cluster.volumes() if stack.site.mode == "hostPath" else []
        facts = Facts(objects=objects, volumes=tuple(volumes), old=tuple(old), inventory=inventory, secret=secret)
        return stack, facts

    def _credentials(self, namespace: str, spec: StackSpec, *, has_history: bool) -> dict[str, str]:
        """The Secret's values, after what may be made was made. A paused stack gets none."""
        values = self.cluster.secret(namespace, spec.credentials_secret)
        absent = credentials.missing(credentials.made_here(spec, has_history=has_history), values)
        if absent and not spec.paused:
            fresh = credentials.made(absent, self.random_hex)
            self.cluster.fill_secret(namespace, spec.credentials_secret, fresh)
            values = {**values, **fresh}
        return values

    def _clear(self, pods: list[Manifest]) -> list[Refusal]:
        refusals = []
        for pod in (Ref("Pod", one["metadata"]["name"], one["metadata"]["namespace"]) for one in pods if spent(one)):
            try:
                self.cluster.delete(pod)
            except ApiError as error:
                refusals.append(Refusal(pod, error.code, error.words))
        return refusals

    def _do(self, planned: Plan, facts: Facts) -> tuple[list[Refusal], dict[Ref, Mapping[str, Any]]]:
        """Carry out the plan; one object that is refused holds up no other."""
        objects: dict[Ref, Mapping[str, Any]] = dict(facts.objects)
        refusals: list[Refusal] = []

        def attempt(ref: Ref, act: Callable[[], Manifest | None], *, gone: bool = False) -> None:
            if any(refusal.code == 0 for refusal in refusals):
                return  # who got no answer doesn't ask thirty times more; the next reconcile goes on
            try:
                made = act()
            except ApiError as error:
                refusals.append(Refusal(ref, error.code, error.words))
                return
            if made is not None:
                objects[ref] = made
            if gone:
                objects.pop(ref, None)

        for ref in planned.remove_first:
            attempt(ref, partial(self.cluster.delete, ref), gone=True)
        for ref in planned.free:
            attempt(ref, partial(self.cluster.free, ref))
        for wave in planned.waves:
            if _waits(wave, objects):
                break
            for one in wave.manifests:
                if needs_apply(one, objects.get(Ref.of(one))):
                    attempt(Ref.of(one), partial(self.cluster.apply, one))
        for one in planned.start:
            attempt(Ref.of(one), partial(self.cluster.create, one))
        for ref in planned.remove:
            attempt(ref, partial(self.cluster.delete, ref), gone=True)
        return refusals, objects


def unreadable(before: Mapping[str, Any], words: str, moment: Moment) -> dict[str, Any]:
    """The status of a resource that an older or newer schema let through. What is there stays as it is."""
    message = f"The resource can't be read, so nothing was changed: {' '.join(words.split())[:500]}"
    ready = {"type": "Ready", "status": "False", "reason": "Unreadable", "message": message}
    degraded = {**ready, "type": "Degraded", "status": "True"}
    times = {"lastTransitionTime": moment.now, "observedGeneration": moment.generation}
    kept = {key: before[key] for key in ("inventory", "ingestRequest") if key in before}
    said = {"phase": "Degraded", "message": message, "observedGeneration": moment.generation}
    return {**kept, **said, "conditions": [{**ready, **times}, {**degraded, **times}]}


def _waits(wave: Wave, objects: Mapping[Ref, Mapping[str, Any]]) -> bool:
    """Whether a Job must end first. What is there already waits for nothing, so that it is kept right meanwhile."""
    if all(Ref.of(one) in objects for one in wave.manifests):
        return False
    return not all(objects.get(ref, {}).get("status", {}).get("succeeded") for ref in wave.after)


def _ref(entry: Mapping[str, Any]) -> Ref:
    return Ref(entry["kind"], entry["name"], entry.get("namespace", ""), entry.get("apiVersion", "v1"))
