"""A stack in a cluster, from nothing to Ready and back: what a kind of cluster needs first, then the same for all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from resources import cluster_secret, nodes, operator, stacks
from resources.compose import make_secrets
from resources.errors import Misconfigured, Missing, Unavailable
from resources.images import Loaders, identity, images_of
from resources.k3d import K3d
from resources.kubectl import Kubectl, Object, current_context
from resources.settings import CHECKOUT, Settings

EXAMPLES = CHECKOUT / "k8s" / "examples"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Site:
    """Where a stack is set up: k3d's cluster, which this makes and stops, or the one of kubectl's context."""

    settings: Settings
    command: str
    example: Path
    k3d: K3d | None = None

    def start(self, say: Say) -> Kubectl:
        """The cluster, when it answers. Raises Missing, Misconfigured, Unavailable."""
        if self.k3d is None:
            kubectl = Kubectl(current_context())
            kubectl.wait_until_it_answers(0)
            say(f"cluster: {kubectl.context}")
            return kubectl
        if self.k3d.servers() is None:
            # The cluster can be thrown away and its data can't, so the passwords stand beside the data.
            env_file = self.settings.project_root / ".env"
            if made := make_secrets(env_file):
                say(f"new in {env_file}: {', '.join(made)}")
        return self.k3d.start(say)

    def look(self) -> Kubectl | None:
        """The cluster as it is; None where it isn't there, or stopped."""
        if self.k3d is None:
            return Kubectl(current_context())
        return Kubectl(self.k3d.context) if self.k3d.servers() else None

    def loader(self, kubectl: Kubectl) -> str:
        """How images get to the nodes."""
        return self.settings.image_loader or nodes.loader_of(kubectl.context)


def k3d_site(settings: Settings) -> Site:
    """The cluster of k8s/k3d.yaml."""
    return Site(settings, "k3d", EXAMPLES / "stack-instance-k3d.yaml", K3d(settings.data_path))


def k8s_site(settings: Settings) -> Site:
    """Whatever cluster kubectl's context names."""
    return Site(settings, "k8s", EXAMPLES / "stack-instance.yaml")


@dataclass(frozen=True)
class Wish:
    """What a person asks of `up`."""

    file: Path | None = None
    build: bool = False
    patience: stacks.Patience = field(default_factory=stacks.Patience)


def up(site: Site, wish: Wish, say: Say) -> stacks.State:
    """Bring cluster, images, operator, credentials and stack, and wait until Ready. The same again changes nothing."""
    if not operator.INSTALL.is_file():
        raise Missing("The operator's manifests are not here", subject=str(CHECKOUT), fix="Run this in a checkout.")
    asked = stacks.read_file(wish.file or site.example)
    env_file = site.settings.project_root / ".env"
    cluster_secret.local_values(env_file)  # what is wrong there is said before minutes are spent
    kubectl = site.start(say)
    values = cluster_secret.local_values(env_file)
    loaded, build = _images(site, kubectl, wish, say)
    operator.define(kubectl)
    live = stacks.find(kubectl, asked, named=wish.file is not None)
    stack = live if live is not None and wish.file is None else asked
    place = (live or asked)["metadata"].get("namespace", kubectl.namespace)
    home = replace(kubectl, namespace=place)
    operator.make_namespace(kubectl)
    home.require_namespace()
    _credentials(home, stack, values, say)
    _operator(site, home, build, say)
    name = stack["metadata"]["name"]
    if stack is asked:
        home.apply(json.dumps(asked))
    if live is not None and loaded:
        _restart(home, name)
    mark = stacks.ask_for_a_look(home, name)
    return stacks.wait_until_ready(home, name, say, patience=wish.patience, mark=mark)


def down(site: Site, say: Say) -> None:
    """Stop what works and keep what is kept. Raises Misconfigured where the stack would take its data with it."""
    kubectl = site.look()
    if kubectl is None:
        say("not up")
        return
    if site.k3d is not None:
        site.k3d.stop()
        say(f"kept: {site.k3d.data_path}, and the stopped cluster with its passwords and images")
        say(f"`k3d cluster delete {site.k3d.name}` removes the cluster; the folder stays even then")
        return
    live = kubectl.everywhere(stacks.RESOURCE)
    if len(live) > 1:
        names = ", ".join(f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in live)
        fix = "Delete those that are meant: kubectl delete das NAME --namespace NAMESPACE"
        raise Misconfigured("The operator serves several stacks", subject=names, fix=fix)
    _require_who_lets_go(kubectl, live)
    for stack in live:
        _remove(replace(kubectl, namespace=stack["metadata"]["namespace"]), stack, say)
    operator.remove(kubectl, [stack["metadata"]["namespace"] for stack in live])
    say(f"the operator is gone; kept: the namespaces, their Secrets. `dataalchemy deploy {site.command} up` goes on")


@dataclass(frozen=True)
class Report:
    """How a cluster's operator and stacks are; None and [] where there is no cluster."""

    operator: operator.State | None = None
    stacks: list[stacks.State] = field(default_factory=list)

    @property
    def well(self) -> bool:
        """There is a stack, all are Ready, and somebody keeps them so: without the operator Ready is of yesterday."""
        at_work = self.operator is not None and self.operator.available
        return at_work and bool(self.stacks) and all(one.ready for one in self.stacks)


def report(site: Site) -> Report:
    """Look at the operator and every stack of the cluster."""
    kubectl = site.look()
    if kubectl is None:
        return Report()
    live = kubectl.everywhere(stacks.RESOURCE)
    return Report(operator.state_of(kubectl), [stacks.state_of(one) for one in live])


def logs(site: Site, part: str | None, *, follow: bool, tail: int) -> int:
    """Print what the operator wrote, or a part of every stack; kubectl's exit code."""
    kubectl = site.look()
    if kubectl is None:
        raise Missing("The cluster is not up", subject=site.command, fix=f"dataalchemy deploy {site.command} up")
    asked = [f"--tail={tail}", "--prefix", *(["--follow"] if follow else [])]
    if part is None:
        return kubectl.follow("logs", f"deployment/{operator.NAME}", *asked)
    homes = {one["metadata"]["namespace"] for one in kubectl.everywhere(stacks.RESOURCE)} or {kubectl.namespace}
    codes = [
        replace(kubectl, namespace=home).follow("logs", f"--selector=dataalchemy.io/part={part}", *asked)
        for home in sorted(homes)
    ]
    return max(codes)


def _images(site: Site, kubectl: Kubectl, wish: Wish, say: Say) -> tuple[list[str], str]:
    """What was loaded anew, and the build of the operator's image as far as this machine knows it."""
    loader = site.loader(kubectl)
    if loader == "none" and kubectl.context != nodes.DOCKER_DESKTOP:
        say("images: as the cluster has them or fetches them (DATAALCHEMY_IMAGE_LOADER loads this machine's)")
        return [], ""
    images = images_of(site.settings)
    images.build(say, anew=wish.build)
    wanted = list(images.own().values())
    loaders = Loaders(say, nodes.cluster_of(kubectl.context), site.settings.containerd_address)
    loaded: list[str] = getattr(loaders, loader)(wanted if loader == "registry" else [*wanted, *images.others()])
    if wish.build:
        loaded = wanted  # not every way of loading tells what it replaced
    reference = images.references["DATAALCHEMY_OPERATOR_IMAGE"]
    return [image for image in loaded if image != reference], identity(reference) or ""


def _credentials(home: Kubectl, stack: Object, values: Mapping[str, str], say: Say) -> None:
    name = stacks.secret_of(stack)
    keep = (cluster_secret.POSTGRES,) if stacks.keeps_postgres(stack) else ()
    written = cluster_secret.inject(home, name, values, keep=keep)
    if written.changed:
        say(f"Secret {name}: {', '.join(written.changed)}")
    for key in written.kept:
        say(f"Secret {name}: {key} stays as the cluster has it, since the database's data open with that one alone")


def _operator(site: Site, home: Kubectl, build: str, say: Say) -> None:
    image = images_of(site.settings).references["DATAALCHEMY_OPERATOR_IMAGE"]
    variables = operator.own_settings(site.settings, nodes.data_path(site.settings, home.context))
    for name, value in variables.items():
        say(f"operator: {name}={value}")
    served = sorted({home.namespace, *(one["metadata"]["namespace"] for one in home.everywhere(stacks.RESOURCE))})
    if operator.retire_first(home):
        say("the first operator is deleted, since two would undo each other's work; what it made stays")
    operator.install(home, operator.manifests(variables, image, build, served))
    say("waiting for the operator")
    operator.wait_until_it_runs(home)


def _restart(home: Kubectl, name: str) -> None:
    """An image of the same name is another one now, and only a new pod takes it."""
    home.ask("rollout", "restart", "deployment,statefulset", f"--selector=dataalchemy.io/stack={name}")


def _require_who_lets_go(kubectl: Kubectl, live: list[Object]) -> None:
    """Raise Unavailable where a stack can't go without the operator and that is down: no deletion would end."""
    held = [one["metadata"] for one in live if operator.FINALIZER in one["metadata"].get("finalizers", [])]
    state = operator.state_of(kubectl)
    if not held or state.available:
        return
    patch = '{"metadata":{"finalizers":null}}'
    commands = "; ".join(
        f"kubectl --context {kubectl.context} patch das {one['name']} --namespace {one['namespace']}"
        f" --type=merge --patch '{patch}'"
        for one in held
    )
    fix = f"Bring it up (`dataalchemy deploy k8s up`), or remove the finalizer; the data stay: {commands}"
    raise Unavailable("The operator, without which no stack goes, is down", subject=state.message, fix=fix)


def _remove(home: Kubectl, stack: Object, say: Say) -> None:
    name = stack["metadata"]["name"]
    if (stack.get("spec") or {}).get("deletionPolicy") == "Delete":
        fix = f"Set Retain, or delete stack and data: kubectl delete das {name} --namespace {home.namespace}"
        raise Misconfigured("The stack takes its data with it (deletionPolicy: Delete)", subject=name, fix=fix)
    kept = home.ask("get", "persistentvolumeclaims", f"--selector=dataalchemy.io/stack={name}", "--output=name")
    home.delete(json.dumps({key: stack[key] for key in ("apiVersion", "kind")} | {"metadata": {"name": name}}))
    say(f"stack {name} is gone; kept: {', '.join(kept.split()) or 'no claims'}")
