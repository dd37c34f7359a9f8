"""One reconcile: look, plan, do, look again, tell. It speaks to a Protocol, so tests give it a cluster in memory.

Level-based: it starts from what is there and never from what happened. Cut off anywhere, the next one goes on.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from k8s.controller import credentials
from k8s.controller.causes import cause_of_words
from k8s.controller.credentials import Held
from k8s.controller.drift import needs_apply
from k8s.controller.keep import spent, volume_host
from k8s.controller.plan import Facts, Plan, Ref, Wave, has_history, plan
from k8s.controller.platform import site_of
from k8s.controller.settings import Settings
from k8s.controller.spec import INGEST_ANNOTATION, LOOK_ANNOTATION, StackSpec, read_spec
from k8s.controller.stack import Manifest, Stack
from k8s.controller.status import Moment, Refusal, Seen, status_of, timed


class ApiError(Exception):
    """The cluster's API refused or did not answer: HTTP status (0: no answer) and its sentence."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"{code}: {words}" if code else words)
        self.code, self.words = code, words

    @property
    def passes(self) -> bool:
        """Whether asking again may help by itself: no answer, a conflict, too many requests, a server in trouble."""
        return self.code in (0, 409, 429) or self.code >= 500


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

    def secret(self, namespace: str, name: str) -> Held:
        """A Secret; an empty one where there is none."""
        ...

    def fill_secret(self, namespace: str, name: str, values: Mapping[str, str]) -> None:
        """Add keys to a Secret, which is made where there is none; 409 where somebody else did so meanwhile."""
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

    def delete(self, ref: Ref, *, version: str | None = None) -> None:
        """Delete, and what it owns first; one that is gone already is fine. ``version``: only as it was seen then."""
        ...


@dataclass(frozen=True)
class Operator:
    """What stays the same between reconciles, and by stack which secrets the last one read, as digests."""

    cluster: Cluster
    settings: Settings
    random_hex: Callable[[int], str] = secrets.token_hex
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    secrets_read: dict[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)

    def reconcile(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Bring the stack one step closer and return its status. Raises ApiError where the API can't be asked now."""
        before = resource.get("status") or {}
        annotations = resource["metadata"].get("annotations") or {}
        moment = Moment(
            now=self.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            generation=resource["metadata"].get("generation", 0),
            conditions=before.get("conditions", []),
            ingest=before.get("ingestRequest"),
            ingest_job=before.get("ingestJob", ""),
            look=annotations.get(LOOK_ANNOTATION, ""),
        )
        try:
            spec = read_spec(resource)
        except ValueError as error:
            why = f"The resource can't be read, so nothing was changed: {' '.join(str(error).split())[:500]}"
            return left_alone(before, "Unreadable", why, moment)
        try:
            return self._brought_closer(resource, spec, moment)
        except ApiError as error:
            if error.passes:
                raise
            cause = cause_of_words(error.words, otherwise="Refused")
            return left_alone(before, cause.reason, cause.message, moment)

    def secrets_of(self, resource: Mapping[str, Any]) -> dict[str, str]:
        """Tells whether a value of the stack's Secret has changed. Raises ApiError."""
        name = (resource.get("spec") or {}).get("credentialsSecret") or StackSpec().credentials_secret
        return credentials.revisions(self.cluster.secret(resource["metadata"]["namespace"], name))

    def _brought_closer(self, resource: Mapping[str, Any], spec: StackSpec, moment: Moment) -> dict[str, Any]:
        nodes = self.cluster.nodes()
        stack, facts = self._look(resource, spec, nodes=nodes)
        planned = plan(stack, facts)
        refusals, objects = self._do(planned, facts)
        after = Facts(objects=objects, volumes=facts.volumes, secret=facts.secret)
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

    def _look(self, resource: Mapping[str, Any], spec: StackSpec, *, nodes: list[Manifest]) -> tuple[Stack, Facts]:
        name, namespace = resource["metadata"]["name"], resource["metadata"]["namespace"]
        objects = self.cluster.objects(namespace, name)
        held = self._credentials(namespace, spec, has_history=has_history(name, objects))
        kept = next((volume_host(one) for ref, one in objects.items() if ref.kind == "PersistentVolume"), None)
        path = self.cluster.data_path(namespace)
        asked = (resource["metadata"].get("annotations") or {}).get(INGEST_ANNOTATION) or None
        before = resource.get("status") or {}
        stack = Stack(
            name=name,
            namespace=namespace,
            uid=resource["metadata"]["uid"],
            spec=spec,
            site=site_of(spec, nodes, self.settings, config_path=path, kept_node=kept),
            images=self.settings.images,
            secrets=credentials.revisions(held),
            ingest=asked if asked != before.get("ingestRequest") else None,
            ingest_after=before.get("ingestJob", ""),
        )
        old = self.cluster.old(namespace, name)
        volumes = self.cluster.volumes() if stack.site.mode == "hostPath" else []
        self.secrets_read[(namespace, name)] = stack.secrets
        return stack, Facts(objects=objects, volumes=tuple(volumes), old=tuple(old), secret=held.values)

    def _credentials(self, namespace: str, spec: StackSpec, *, has_history: bool) -> Held:
        """The Secret, after what may be made was made. A paused stack gets none."""
        name = spec.credentials_secret
        held = self.cluster.secret(namespace, name)
        absent = credentials.missing(credentials.made_here(spec, has_history=has_history), held.values)
        if not absent or spec.paused:
            return held
        self.cluster.fill_secret(namespace, name, credentials.made(absent, self.random_hex))
        return self.cluster.secret(namespace, name)

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
        for claim in planned.anew:
            ref, version = Ref.of(claim), claim["metadata"].get("resourceVersion")
            attempt(ref, partial(self.cluster.delete, ref, version=version), gone=True)
        return refusals, objects


def left_alone(before: Mapping[str, Any], reason: str, message: str, moment: Moment) -> dict[str, Any]:
    """The status of a stack that can't be read, or not looked at. What is there stays as it is."""
    ready = {"type": "Ready", "status": "False", "reason": reason, "message": message}
    degraded = {**ready, "type": "Degraded", "status": "True"}
    kept = {key: before[key] for key in ("inventory", "endpoints", "ingestRequest", "ingestJob") if key in before}
    said = {"phase": "Degraded", "message": message, "observedGeneration": moment.generation}
    look = {"lookRequest": moment.look} if moment.look else {}
    ingested = [one for one in moment.conditions if one["type"] == "Ingested"]
    return {**kept, **said, **look, "conditions": timed([ready, degraded, *ingested], moment)}


def _waits(wave: Wave, objects: Mapping[Ref, Mapping[str, Any]]) -> bool:
    """Whether a Job must end first. What is there already waits for nothing, so that it is kept right meanwhile."""
    if all(Ref.of(one) in objects for one in wave.manifests):
        return False
    return not all(objects.get(ref, {}).get("status", {}).get("succeeded") for ref in wave.after)
