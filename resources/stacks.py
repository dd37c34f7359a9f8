"""The stack in a cluster: its resource applied, waited for, read, removed. What it means is the operator's business."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from resources.errors import Misconfigured, NotFound, Unavailable
from resources.kubectl import Kubectl, Object

KIND, RESOURCE = "DataAlchemyStack", "dataalchemystacks.dataalchemy.io"
DEFAULT_SECRET = "dataalchemy-secret"
LOOK_ANNOTATION = "dataalchemy.io/request-look"


@dataclass(frozen=True)
class Patience:
    """How long to wait for Ready, and for how long a stack may be Degraded on the way there; in seconds."""

    ready_s: float = 900.0
    degraded_s: float = 60.0
    poll_s: float = 2.0


@dataclass(frozen=True)
class State:
    """What a stack's status says."""

    name: str
    namespace: str
    phase: str
    message: str
    ready: bool
    conditions: list[dict[str, str]]
    endpoints: dict[str, str]


def read_file(path: Path) -> Object:
    """The one stack that a file describes. Raises Misconfigured."""
    try:
        found = [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8-sig")) if one]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        what = getattr(error, "strerror", None) or str(error).split("\n")[0]
        raise Misconfigured("The stack's file cannot be read", subject=f"{path} ({what})", fix="Mend it.") from None
    if len(found) != 1 or not isinstance(found[0], dict) or found[0].get("kind") != KIND:
        fix = "Give one with one object of this kind, as k8s/examples has them."
        raise Misconfigured(f"The file is no {KIND}", subject=str(path), fix=fix)
    if not (found[0].get("metadata") or {}).get("name"):
        raise Misconfigured("The stack has no name", subject=str(path), fix="Give it metadata.name.")
    return dict(found[0])


def find(kubectl: Kubectl, asked: Object, *, named: bool) -> Object | None:
    """The stack in the cluster that is meant: the file's or, where nobody ``named`` a file, the one that there is.

    Raises Misconfigured where it would be a guess.
    """
    name, place = asked["metadata"]["name"], asked["metadata"].get("namespace")
    live = kubectl.everywhere(RESOURCE)
    same = [one for one in live if one["metadata"]["name"] == name]
    if place is not None:
        return next((one for one in same if one["metadata"]["namespace"] == place), None)
    meant = same or ([] if named else live)
    if len(meant) > 1:
        meant = [one for one in meant if one["metadata"]["namespace"] == kubectl.namespace]
    if len(meant) > 1 or (not meant and (same or (live and not named))):
        names = ", ".join(f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in same or live)
        fix = "Name the one that is meant: --file with its metadata.name and metadata.namespace."
        raise Misconfigured("There are several stacks", subject=names, fix=fix)
    return meant[0] if meant else None


def secret_of(stack: Object) -> str:
    """The name of the stack's Secret."""
    return str((stack.get("spec") or {}).get("credentialsSecret") or DEFAULT_SECRET)


def keeps_postgres(stack: Object) -> bool:
    """Whether the database is the stack's own, whose data open with the password of their first day alone."""
    dagster = (stack.get("spec") or {}).get("dagster") or {}
    return not (dagster.get("postgres") or {}).get("external")


def ask_for_a_look(kubectl: Kubectl, name: str) -> str:
    """Have the operator look at the stack now; the mark that its status has once it did.

    A Ready of before says nothing of an image, a setting or a password that is new.
    """
    mark = secrets.token_hex(8)
    kubectl.ask("annotate", RESOURCE, name, f"{LOOK_ANNOTATION}={mark}", "--overwrite")
    return mark


def wait_until_ready(
    kubectl: Kubectl, name: str, say: Callable[[str], None], *, patience: Patience, mark: str | None = None
) -> State:
    """Follow the stack until it is Ready, and was looked at since it got its ``mark``.

    Raises Unavailable with the message of the condition that is in the way.
    """
    begun, degraded_since, last = time.monotonic(), None, ""
    while True:
        stack = kubectl.get(RESOURCE, name)
        if stack is None:
            raise NotFound("The stack is gone", subject=name, fix="Somebody deleted it; run `up` again.")
        state, current = state_of(stack), _is_current(stack, mark)
        line = f"{state.phase}: {state.message}"
        if current and line != last:
            say(line)
            last = line
        if current and state.ready:
            return state
        now = time.monotonic()
        degraded_since = (degraded_since or now) if current and state.phase == "Degraded" else None
        if current and state.phase == "Paused":
            raise Unavailable("The stack is paused", subject=name, fix="Set spec.paused: false and run this again.")
        if now - begun >= patience.ready_s or (degraded_since and now - degraded_since >= patience.degraded_s):
            raise Unavailable(
                "The stack is not ready", subject=name, fix=(_in_the_way(state) if current else "") or _silent(kubectl)
            )
        time.sleep(patience.poll_s)


def state_of(stack: Object) -> State:
    """The stack's state as far as its status tells."""
    status: dict[str, Any] = stack.get("status") or {}
    conditions = [
        {key: str(one.get(key, "")) for key in ("type", "status", "reason", "message")}
        for one in status.get("conditions") or []
    ]
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions) and _is_current(stack)
    return State(
        name=stack["metadata"]["name"],
        namespace=stack["metadata"].get("namespace", ""),
        phase=status.get("phase", "Unknown"),
        message=status.get("message", "The operator has said nothing yet."),
        ready=ready,
        conditions=conditions,
        endpoints=dict(status.get("endpoints") or {}),
    )


def _is_current(stack: Object, mark: str | None = None) -> bool:
    """Whether the status is about the spec as it is now, and of after the ``mark``."""
    status = stack.get("status") or {}
    seen = status.get("observedGeneration")
    marked = mark is None or status.get("lookRequest") == mark
    return marked and seen is not None and seen >= stack["metadata"].get("generation", 0)


def _in_the_way(state: State) -> str:
    """The messages of the conditions that say no, each once; Degraded's says most."""
    order = sorted(state.conditions, key=lambda one: one["type"] != "Degraded")
    # The last three tell of what isn't as asked while the stack works.
    wrong = {"Degraded": "True", "Progressing": "", "AsAsked": "", "Reachable": "", "Ingested": ""}
    bad = [one["message"] for one in order if one["status"] == wrong.get(one["type"], "False")]
    return " ".join(dict.fromkeys(message for message in bad if message))


def _silent(kubectl: Kubectl) -> str:
    logs = f"kubectl --context {kubectl.context} --namespace dataalchemy logs deployment/dataalchemy-operator"
    return f"The operator says nothing of it: one of before is replaced with --build; `{logs}` may tell more."
