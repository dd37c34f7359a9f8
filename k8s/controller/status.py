"""From what the cluster shows of a stack to its status: conditions, addresses, a sentence that says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from k8s.controller.build.volumes import keepings
from k8s.controller.causes import Cause, cause_of_claim, cause_of_events, cause_of_pods, cause_of_words
from k8s.controller.endpoints import endpoints_of, without_address
from k8s.controller.keep import Problem
from k8s.controller.plan import Facts, Plan, Ref
from k8s.controller.stack import PART_LABEL, Stack

Condition = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """What the cluster answered when an object was applied: the HTTP status (0: no answer) and its sentence."""

    ref: Ref
    code: int
    words: str


@dataclass(frozen=True)
class Seen:
    """What was seen after the plan was carried out, as far as it went."""

    pods: tuple[Mapping[str, Any], ...] = ()
    events: tuple[Mapping[str, Any], ...] = ()
    nodes: tuple[Mapping[str, Any], ...] = ()
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class Component:
    """A part of the stack that is ready or not. ``external``: somebody else runs it."""

    name: str
    condition: str
    workload: Ref | None
    claim: Ref | None = None
    external: bool = False


@dataclass(frozen=True)
class Verdict:
    """How one component is."""

    component: Component
    ready: bool
    cause: Cause | None = None
    waiting: str = ""


@dataclass(frozen=True)
class Moment:
    """When this is, and the status so far, whose times stay where nothing changed. ``look``: the last asked for."""

    now: str
    generation: int
    conditions: Sequence[Condition] = field(default_factory=list)
    ingest: str | None = None
    ingest_job: str = ""
    look: str = ""


def components(stack: Stack) -> list[Component]:
    """The parts of this stack."""
    claims = {keeping.component: keeping.part for keeping in keepings(stack)}
    spec, made = stack.spec, []
    for name, part, condition, external in (
        ("lake", "minio", "LakeReady", spec.storage.external is not None),
        ("cache", "redis", "CacheReady", spec.cache.external is not None),
        ("postgres", "postgres", "PostgresReady", spec.dagster.postgres.external is not None),
    ):
        if name == "postgres" and not spec.dagster.enabled:
            continue
        workload = Ref("StatefulSet", stack.named(part), stack.namespace, "apps/v1")
        claim = Ref("PersistentVolumeClaim", stack.named(claims[name]), stack.namespace) if name in claims else None
        made.append(Component(name, condition, None if external else workload, claim, external))
    if spec.dagster.enabled:
        for name in ("code", "webserver", "daemon", "metrics"):
            condition = f"{name.capitalize()}Ready"
            made.append(Component(name, condition, Ref("Deployment", stack.named(name), stack.namespace, "apps/v1")))
    return made


def status_of(stack: Stack, planned: Plan, facts: Facts, seen: Seen, *, moment: Moment) -> dict[str, Any]:
    """The whole status. The same facts give the same status, times included while no condition changes."""
    verdicts = [_verdict(one, facts, seen) for one in components(stack)]
    conditions = [_condition_of(verdict) for verdict in verdicts]
    trouble = _trouble(planned, verdicts, seen)
    ready = trouble is None and not planned.remove_first and all(verdict.ready for verdict in verdicts)
    addresses = endpoints_of(stack, facts, seen.nodes)
    ingest, ingest_job = moment.ingest, moment.ingest_job
    if _started(planned, seen):
        ingest, ingest_job = stack.ingest, planned.start[0]["metadata"]["name"]
    message = trouble.message if trouble else _progress(stack, planned, verdicts, addresses)
    overall = [
        _condition("Ready", ready, "AllReady" if ready else trouble.reason if trouble else "Waiting", message),
        _condition("Progressing", not ready and trouble is None and not stack.spec.paused, "Reconciling", message),
        _condition("Degraded", trouble is not None, trouble.reason if trouble else "AsExpected", message),
        _as_asked(planned.problems),
        _reachable(without_address(stack, facts)),
    ]
    return {
        "observedGeneration": moment.generation,
        "phase": "Paused" if stack.spec.paused else "Ready" if ready else "Degraded" if trouble else "Progressing",
        "message": message,
        "platform": stack.site.platform.name,
        "storage": stack.site.data_path or stack.site.mode,
        "serviceType": stack.site.service_type,
        "conditions": timed([*overall, *conditions, *_ingested(stack, facts, ingest_job, moment)], moment),
        "endpoints": addresses,
        "inventory": [
            {"apiVersion": ref.api_version, "kind": ref.kind, "name": ref.name, "namespace": ref.namespace}
            for ref in planned.inventory
        ],
        **({"ingestRequest": ingest, "ingestJob": ingest_job} if ingest else {}),
        **({"lookRequest": moment.look} if moment.look else {}),
    }


def _started(planned: Plan, seen: Seen) -> bool:
    """Whether the ingest that the plan starts was started: neither refused nor left out for want of an answer."""
    refused = {refusal.ref for refusal in seen.refusals}
    answered = all(refusal.code for refusal in seen.refusals)
    return bool(planned.start) and answered and Ref.of(planned.start[0]) not in refused


def _ingested(stack: Stack, facts: Facts, job: str, moment: Moment) -> list[Condition]:
    """Whether the last requested ingest was handed over; its Job goes after a day, and what it came to stays."""
    before = [one for one in moment.conditions if one["type"] == "Ingested"]
    if not job:
        return before
    state = facts.objects.get(Ref("Job", job, stack.namespace), {}).get("status", {})
    if state.get("succeeded"):
        return [_condition("Ingested", True, "Done", "The requested ingest is done.")]
    if state.get("failed"):
        where = f"kubectl logs --namespace {stack.namespace} job/{job}"
        message = f"The requested ingest failed: `{where}` says why. Another value of the annotation tries it again."
        return [_condition("Ingested", False, "Failed", message)]
    if job != moment.ingest_job or state:
        return [_condition("Ingested", False, "Running", "The requested ingest is on its way.")]
    return before


def _verdict(component: Component, facts: Facts, seen: Seen) -> Verdict:
    if component.external:
        return Verdict(component, ready=True)
    if component.workload is None or (workload := facts.objects.get(component.workload)) is None:
        return Verdict(component, False, _cause(component, facts, seen), "not there yet")
    if _rolled_out(workload):
        return Verdict(component, ready=True)
    return Verdict(component, False, _cause(component, facts, seen), "starting")


def _rolled_out(workload: Mapping[str, Any]) -> bool:
    """Every pod is of the newest template and ready; while an old one still serves, the new one has yet to show."""
    state, wanted = workload.get("status", {}), workload["spec"].get("replicas", 1)
    current = state.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
    updated = state.get("updatedReplicas", 0)
    return bool(current and state.get("readyReplicas", 0) >= wanted and state.get("replicas", 0) == updated >= wanted)


def _cause(component: Component, facts: Facts, seen: Seen) -> Cause | None:
    """The nearest first: what was refused, what the claim waits for, what the pods show, what events tell."""
    refs = [ref for ref in (component.workload, component.claim) if ref is not None]
    for refusal in seen.refusals:
        if refusal.ref in refs:
            return cause_of_words(refusal.words, otherwise="Refused")
    # What isn't there yet waits for the Job that prepares its folder.
    absent = component.workload not in facts.objects
    parts = {component.name, *(["prepare"] if absent else [])}
    pods = [pod for pod in seen.pods if (pod["metadata"].get("labels") or {}).get(PART_LABEL) in parts]
    if found := cause_of_pods(pods, seen.nodes):
        return found
    # A new pod of a StatefulSet has the name of the one before it, of which events may still tell.
    things = {pod["metadata"]["name"]: pod["metadata"].get("uid") for pod in pods}
    things |= {ref.name: facts.objects[ref]["metadata"].get("uid") if ref in facts.objects else None for ref in refs}
    claim = facts.objects.get(component.claim) if component.claim else None
    if claim is not None and (found := cause_of_claim(claim)):
        return found
    if claim is not None and claim.get("status", {}).get("phase") == "Bound" and component.claim:
        del things[component.claim.name]
    makers = []
    if component.workload is not None:
        if component.workload.kind == "Deployment":  # its pods are made by ReplicaSets, which are named after it
            makers.append(("ReplicaSet", rf"{component.workload.name}-[a-z0-9]+"))
        if absent:
            makers.append(("Job", rf"{component.workload.name.rpartition('-')[0]}-prepare-[a-z0-9]+"))
    return cause_of_events([one for one in seen.events if _about(one, things, makers)])


def _about(event: Mapping[str, Any], things: Mapping[str, str | None], makers: Sequence[tuple[str, str]]) -> bool:
    """Whether it tells of one of ``things`` (name -> uid, None for any), or of a maker, by the form of its name."""
    thing = event.get("involvedObject") or event.get("regarding") or {}
    name = thing.get("name", "")
    if name in things:
        return things[name] in (None, thing.get("uid"))
    return any(thing.get("kind") == kind and re.fullmatch(form, name) for kind, form in makers)


def _trouble(planned: Plan, verdicts: Sequence[Verdict], seen: Seen) -> Cause | None:
    """What is told first: what blocks everything, then what was refused, then the first component with a cause."""
    for problem in planned.problems:
        if problem.blocking:
            return Cause(problem.reason, problem.message, "")
    for refusal in seen.refusals:
        found = cause_of_words(refusal.words, otherwise="Refused")
        return Cause(found.reason, f"{refusal.ref.kind} {refusal.ref.name}: {found.what}", found.fix)
    return next((verdict.cause for verdict in verdicts if not verdict.ready and verdict.cause), None)


def _progress(stack: Stack, planned: Plan, verdicts: Sequence[Verdict], addresses: Mapping[str, str]) -> str:
    if stack.spec.paused:
        return "Paused: nothing is changed until spec.paused is false."
    if planned.remove_first:
        return "Waiting until the servers of the earlier operator are gone; their data stay."
    waiting = ", ".join(f"{one.component.name} ({one.waiting})" for one in verdicts if not one.ready)
    if waiting:
        return f"Waiting for {waiting}."
    return f"Ready. {'Dagster' if 'dagster' in addresses else 'S3'}: {addresses.get('dagster') or addresses.get('s3')}"


def _as_asked(problems: Iterable[Problem]) -> Condition:
    """Whether everything that the spec asks for is done; what is not is still served as it was before."""
    left = list(problems)
    message = " ".join(problem.message for problem in left) or "Everything in the spec is done."
    return _condition("AsAsked", not left, left[0].reason if left else "Done", message)


def _reachable(waiting: Sequence[str]) -> Condition:
    """Whether every way in that was asked for is there. The stack itself works without."""
    if not waiting:
        return _condition("Reachable", True, "AsAsked", "Every way in that was asked for is there.")
    message = (
        f"{', '.join(waiting)} got no address from the cluster yet. Where nothing gives addresses to LoadBalancer "
        "Services, set spec.serviceType: NodePort or ClusterIP."
    )
    return _condition("Reachable", False, "NoAddress", message)


def _condition_of(verdict: Verdict) -> Condition:
    name = verdict.component.condition
    if verdict.component.external:
        return _condition(name, True, "External", "Somebody else runs it.")
    if verdict.ready:
        return _condition(name, True, "Ready", "Ready.")
    if verdict.cause is not None:
        return _condition(name, False, verdict.cause.reason, verdict.cause.message)
    return _condition(name, False, "Waiting", f"It is {verdict.waiting}.")


def _condition(kind: str, holds: bool, reason: str, message: str) -> Condition:
    return {"type": kind, "status": "True" if holds else "False", "reason": reason, "message": message.strip()}


def timed(made: Iterable[Condition], moment: Moment) -> list[Condition]:
    """The conditions with the time since when each is as it is."""
    earlier = {one["type"]: one for one in moment.conditions}
    timed = []
    for one in made:
        had = earlier.get(one["type"], {})
        since = had.get("lastTransitionTime", moment.now) if had.get("status") == one["status"] else moment.now
        timed.append({**one, "lastTransitionTime": since, "observedGeneration": moment.generation})
    return timed
