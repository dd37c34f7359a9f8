"""From a stack and what the cluster holds of it to what is done: waves of manifests, and what goes.

Pure: the same stack and facts give the same plan. A person's data are in no list of what goes, unless the stack itself
is deleted with deletionPolicy Delete; a folder of a node never is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from k8s.controller.build.access import build_access
from k8s.controller.build.cache import build_cache, build_cache_outside
from k8s.controller.build.dagster import build_dagster, build_dagster_outside
from k8s.controller.build.environment import build_environment
from k8s.controller.build.ingress import build_ingress
from k8s.controller.build.instance import build_instance
from k8s.controller.build.jobs import build_ingest, build_templates
from k8s.controller.build.lake import build_lake, build_lake_outside
from k8s.controller.build.network import build_network
from k8s.controller.build.postgres import build_postgres
from k8s.controller.build.volumes import build_prepare, build_volumes
from k8s.controller.credentials import POSTGRES_PASSWORD, given, history_lost, missing, too_short
from k8s.controller.keep import Problem, kept_claim, kept_volume, never_bound, released
from k8s.controller.spec import no_data_path
from k8s.controller.stack import CONTENT_ANNOTATION, PART_LABEL, Manifest, Stack, marked

OLD_LABEL = "dataalchemy.io/managed"
"""What the first operator put on everything it made."""
DATA_KINDS = ("PersistentVolumeClaim", "PersistentVolume", "Secret")


@dataclass(frozen=True, order=True)
class Ref:
    """An object of the cluster by name. Volumes have no namespace."""

    kind: str
    name: str
    namespace: str = ""
    api_version: str = field(default="v1", compare=False)

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Ref:
        """The object's own."""
        meta = manifest["metadata"]
        return cls(manifest["kind"], meta["name"], meta.get("namespace", ""), manifest["apiVersion"])


@dataclass(frozen=True)
class Facts:
    """What the cluster holds: the stack's objects, all volumes of ours, what an earlier operator left.

    ``secret`` has the credentials' values, which nothing here passes on.
    """

    objects: Mapping[Ref, Mapping[str, Any]] = field(default_factory=dict)
    volumes: tuple[Mapping[str, Any], ...] = ()
    old: tuple[Mapping[str, Any], ...] = ()
    secret: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wave:
    """Manifests that are applied together; ``after`` names Jobs that must have ended well before."""

    name: str
    manifests: tuple[Manifest, ...]
    after: tuple[Ref, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What is done, in this order: ``remove_first`` (then wait until gone), ``free``, waves, ``start``, ``remove``.

    ``free``: volumes to let go of a claim that is gone. ``start``: Jobs that are created once and never applied again.
    ``anew``: claims, as they were seen, that go so that the next round makes them as they should be.
    """

    waves: tuple[Wave, ...] = ()
    start: tuple[Manifest, ...] = ()
    remove_first: tuple[Ref, ...] = ()
    free: tuple[Ref, ...] = ()
    remove: tuple[Ref, ...] = ()
    anew: tuple[Mapping[str, Any], ...] = ()
    inventory: tuple[Ref, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def blocked(self) -> bool:
        """Whether a problem keeps everything as it is."""
        return any(problem.blocking for problem in self.problems)


def has_history(name: str, objects: Iterable[Ref]) -> bool:
    """Whether the stack's own PostgreSQL has a claim or a folder, and with it a password of its own."""
    claim = f"{name}-postgres-data"
    kinds = ("PersistentVolumeClaim", "PersistentVolume")
    return any(ref.kind in kinds and ref.name.rpartition(".")[2] == claim for ref in objects)


def plan(stack: Stack, facts: Facts) -> Plan:
    """What is done for the stack now."""
    problems = [*_blocking(stack, facts), *_notes(stack)]
    if stack.spec.paused or any(problem.blocking for problem in problems):
        return Plan(inventory=_owned(stack, facts), problems=tuple(problems))
    if going := _in_the_way(stack, facts):
        # Two servers on one folder would damage it: the old ones are gone before the new ones come.
        return Plan(remove_first=going, inventory=_owned(stack, facts), problems=tuple(problems))
    waves, anew = [], []
    for wave in _waves(stack):
        anew += [facts.objects[Ref.of(one)] for one in wave.manifests if _never_bound_so(one, facts)]
        # Marked by what was asked for, before what can't be changed is put back: so a claim that the cluster completed
        # is still the one that was asked for.
        wanted_here = [marked(one) for one in wave.manifests if not _never_bound_so(one, facts)]
        manifests, kept = _kept(wanted_here, facts)
        problems += kept
        waves.append(Wave(wave.name, tuple(manifests), wave.after))
    wanted = {Ref.of(one) for wave in waves for one in wave.manifests}
    gone = sorted(set(_owned(stack, facts)) - wanted)
    free = [Ref.of(one) for one in facts.objects.values() if one["kind"] == "PersistentVolume" and released(one)]
    return Plan(
        waves=tuple(waves),
        start=tuple(build_ingest(stack)) if _answers(stack, facts) else (),
        free=tuple(ref for ref in free if ref in wanted),
        remove=tuple(ref for ref in gone if ref.kind not in DATA_KINDS),
        anew=tuple(anew),
        # Data that a change of the spec leaves behind stay known, so that Delete finds them at the end.
        inventory=tuple(sorted(wanted | {ref for ref in gone if ref.kind in DATA_KINDS})),
        problems=tuple(problems),
    )


def removed_with(deletion_policy: str, inventory: Iterable[Ref]) -> tuple[Ref, ...]:
    """What a stack takes with it when it is deleted, beside what it owns. Claims first: a volume in use stays.

    Never a Secret, which may hold other things; and a volume on a folder is a name for it, the folder stays.
    """
    if deletion_policy != "Delete":
        return ()
    order = ("PersistentVolumeClaim", "PersistentVolume")
    return tuple(sorted((ref for ref in inventory if ref.kind in order), key=lambda ref: (order.index(ref.kind), ref)))


def _answers(stack: Stack, facts: Facts) -> bool:
    """Whether Dagster takes work now; a request waits until it does."""
    webserver = facts.objects.get(Ref("Deployment", stack.named("webserver"), stack.namespace))
    return webserver is not None and webserver.get("status", {}).get("readyReplicas", 0) > 0


def _waves(stack: Stack) -> list[Wave]:
    prepare = build_prepare(stack)
    return [
        Wave(
            "access",
            (
                *build_access(stack),
                *build_environment(stack),
                *build_instance(stack),
                *build_templates(stack),
                *build_network(stack),
            ),
        ),
        Wave("volumes", (*build_volumes(stack), *prepare)),
        Wave(
            "stores",
            (*build_lake(stack), *build_cache(stack), *build_postgres(stack)),
            after=tuple(Ref.of(job) for job in prepare),
        ),
        Wave("dagster", tuple(build_dagster(stack))),
        Wave(
            "outside",
            (
                *build_lake_outside(stack),
                *build_cache_outside(stack),
                *build_dagster_outside(stack),
                *build_ingress(stack),
            ),
        ),
    ]


def _kept(manifests: Iterable[Manifest], facts: Facts) -> tuple[list[Manifest], list[Problem]]:
    keepers = {"PersistentVolumeClaim": kept_claim, "PersistentVolume": kept_volume}
    made, problems = [], []
    for manifest in manifests:
        observed = facts.objects.get(Ref.of(manifest))
        if observed is not None and (keeper := keepers.get(manifest["kind"])):
            manifest, found = keeper(manifest, observed)
            problems += found
        made.append(manifest)
    return made, problems


def _never_bound_so(wanted: Manifest, facts: Facts) -> bool:
    """Whether a claim that holds no data yet was made from something else than is wanted now."""
    observed = facts.objects.get(Ref.of(wanted))
    if wanted["kind"] != "PersistentVolumeClaim" or observed is None or not never_bound(observed):
        return False
    made_from = (observed["metadata"].get("annotations") or {}).get(CONTENT_ANNOTATION)
    return bool(made_from != marked(wanted)["metadata"]["annotations"][CONTENT_ANNOTATION])


def _owned(stack: Stack, facts: Facts) -> tuple[Ref, ...]:
    """What there is of the stack, whatever its status remembers: an operator may have been killed before it told.

    An ingest's Job isn't kept, so it isn't missed either; it goes by its own time.
    """
    found = []
    for ref, one in facts.objects.items():
        owners = {owner.get("uid") for owner in one["metadata"].get("ownerReferences") or []}
        part = (one["metadata"].get("labels") or {}).get(PART_LABEL)
        if ref.kind in DATA_KINDS or (stack.uid in owners and part != "ingest"):
            found.append(ref)
    return tuple(sorted(found))


def _in_the_way(stack: Stack, facts: Facts) -> tuple[Ref, ...]:
    """What an earlier operator made and ours can't take over: its servers, and Services that choose by its labels."""
    old = [Ref.of(one) for one in facts.old if one["kind"] in ("Deployment", "Pod") and _is_old(one)]
    services = [one for one in (*facts.objects.values(), *facts.old) if one["kind"] == "Service"]
    foreign = [Ref.of(one) for one in services if set(one["spec"].get("selector") or {}) - set(stack.selector("any"))]
    return tuple(sorted({*old, *foreign}))


def _is_old(manifest: Mapping[str, Any]) -> bool:
    labels = manifest["metadata"].get("labels") or {}
    return OLD_LABEL in labels or ("stack" in labels and labels.get("app") in ("minio", "redis"))


def _blocking(stack: Stack, facts: Facts) -> Iterable[Problem]:
    spec, site = stack.spec, stack.site
    if history_lost(spec, facts.secret, has_history=has_history(stack.name, facts.objects)):
        secret = f"Secret {spec.credentials_secret} has no {POSTGRES_PASSWORD}"
        text = f"{secret}, which PostgreSQL's data were made with: put it back, or give PostgreSQL a new one first."
        yield Problem("SecretLost", text, blocking=True)
    if absent := missing(given(spec), facts.secret):
        keys = ", ".join(absent)
        text = f"Secret {spec.credentials_secret} has no {keys}: put in what the external store's owner gave you."
        yield Problem("SecretIncomplete", text, blocking=True)
    if short := too_short(spec, facts.secret):
        keys = ", ".join(short)
        text = f"{keys} in Secret {spec.credentials_secret} is too short for MinIO: 3 and 8 characters at least."
        yield Problem("SecretTooShort", text, blocking=True)
    if site.mode != "hostPath":
        return
    if site.data_path is None:
        text = "No folder for the data: set spec.storage.dataPath to one on the node, or spec.storage.mode to pvc."
        yield Problem("DataPathUnknown", text, blocking=True)
    elif wrong := no_data_path(site.data_path):
        text = f"{site.data_path or '/'} ({site.path_from}) {wrong}."
        yield Problem("DataPathWrong", text, blocking=True)
    elif taken := _taken(stack, facts):
        yield Problem("DataPathTaken", taken, blocking=True)
    if site.node is None:
        text = "No node is ready to hold the data: `kubectl get nodes` says what each of them waits for."
        yield Problem("NoNode", text, blocking=True)


def _taken(stack: Stack, facts: Facts) -> str | None:
    """Two stacks on one folder, or on one within the other, would damage each other's data."""
    ours = [one["spec"] for one in build_volumes(stack) if one["kind"] == "PersistentVolume"]
    claims = {_claim_of(spec) for spec in ours}
    for spec in (volume["spec"] for volume in facts.volumes):
        path = spec.get("hostPath", {}).get("path", "")
        theirs = bool(path) and _claim_of(spec) not in claims
        if theirs and any(_overlap(path, one["hostPath"]["path"]) for one in ours):
            claim = "/".join(_claim_of(spec))
            return f"{path} belongs to claim {claim}: set another spec.storage.dataPath."
    return None


def _claim_of(volume_spec: Mapping[str, Any]) -> tuple[str, str]:
    claim = volume_spec.get("claimRef") or {}
    return claim.get("namespace", ""), claim.get("name", "")


def _overlap(one: str, other: str) -> bool:
    one, other = (f"{path.rstrip('/')}/" for path in (one, other))
    return one.startswith(other) or other.startswith(one)


def _notes(stack: Stack) -> Iterable[Problem]:
    for part, replicas, bundled in (
        ("storage", stack.spec.storage.replicas, stack.spec.storage.external is None),
        ("cache", stack.spec.cache.replicas, stack.spec.cache.external is None),
    ):
        if replicas > 1 and bundled:
            text = f"The bundled {part} is one server, not {replicas}; for more, name a store in spec.{part}.external."
            yield Problem("OneServer", text)
