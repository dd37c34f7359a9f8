"""The operator's process: kopf's handlers, which only call `reconcile`. Run by `kopf run -m k8s.controller.main`.

One task a stack: it reconciles, then sleeps until the stack or one of its children changes, or the resync is due.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import repeat
from typing import Any

import kopf

from k8s.controller.apply import CHILDREN, PLURALS, ApiCluster, Login, sign_in
from k8s.controller.pace import LONGEST_WAIT_S, Pace
from k8s.controller.plan import removed_with
from k8s.controller.reconcile import ApiError, Operator
from k8s.controller.settings import SECRET_S, WATCH_S, Settings
from k8s.controller.spec import GROUP, INGEST_ANNOTATION, KIND, LOOK_ANNOTATION, PLURAL, VERSION
from k8s.controller.stack import MANAGER, STACK_LABEL

SETTLE_S = 1.0
_LOG = logging.getLogger(__name__)
Key = tuple[str, str]


class Work:
    """What the handlers share: the operator, who is to be woken, and when each stack was last looked at."""

    def __init__(self, login: Login) -> None:
        self.settings, self.cluster = Settings.read(), ApiCluster(login)
        self.operator = Operator(self.cluster, self.settings)
        self.wakes: defaultdict[Key, asyncio.Event] = defaultdict(asyncio.Event)
        # A thread that reconciles goes on when its stack is deleted; who removes what is kept waits for its end.
        self.busy: defaultdict[Key, threading.Lock] = defaultdict(threading.Lock)
        self.due, self.told = dict[Key, float](), dict[Key, tuple[Any, ...]]()
        self.pace = Pace(self.settings.resync_s)

    def reconcile(self, key: Key, body: kopf.Body) -> dict[str, Any]:
        """One reconcile; its status. Raises ApiError, for a stack that is being deleted too."""
        with self.busy[key]:
            if body.metadata.get("deletionTimestamp"):
                raise ApiError(404, "The stack is being deleted")
            return self.operator.reconcile(dict(body))


class Lasting:
    """Seconds between tries of a request, without an end.

    kopf would end the whole process where one watch is refused for a minute: a namespace that is served no longer,
    or a cluster that is being upgraded, must not stop the others.
    """

    def __iter__(self) -> Iterator[float]:
        yield from (1, 1, 2, 3, 5, 8, 13, 21)
        yield from repeat(60)


kopf.on.login()(sign_in)


@kopf.on.startup(backoff=5)
def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
    """Connect, and end every watch in time: one that froze is noticed by nobody. Raises ApiError without the CRD."""
    settings.peering.standalone = True  # one replica, replaced only after it is gone
    # The namespaces are those of the command line. Asking for all of them is refused, and asked nine times in a minute.
    settings.scanning.disabled = True
    for noisy in ("kopf.objects", "aiohttp.access"):  # a line for each change of a child, and for each probe
        logging.getLogger(noisy).setLevel(logging.WARNING)
    watching = settings.watching
    # A live one hears a bookmark every minute; kopf begins anew after 70 s without.
    watching.server_timeout, watching.client_timeout, watching.connect_timeout = WATCH_S, WATCH_S + 30, 10
    settings.networking.error_backoffs = Lasting()
    kept, prefix = settings.persistence, f"operator.{GROUP}"
    kept.finalizer, kept.progress_storage = f"{prefix}/stack", kopf.AnnotationsProgressStorage(prefix=prefix)
    kept.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=prefix)
    memo.work = Work(partial(sign_in, settings=settings))
    memo.work.cluster.serves_stacks()


@kopf.daemon(GROUP, VERSION, PLURAL, cancellation_timeout=60)
async def keep(stopped: Any, body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:
    """Keep one stack as it is asked for. What the API doesn't answer is tried again, later each time."""
    work: Work = memo.work
    key = (str(body.metadata.namespace), str(body.metadata.name))
    work.due.setdefault(key, time.monotonic())
    try:
        while not stopped:
            work.wakes[key].clear()
            try:
                await _wait(work, key, body, await _once(work, key, body))
            except ApiError as error:
                _LOG.warning("%s/%s: %s", *key, error)
                await _woken(work, key, work.pace.wait_s(key, "Degraded", changed=False))
            await asyncio.sleep(SETTLE_S)  # changes come in groups
    finally:
        if stopped:
            work.due.pop(key, None)


async def _once(work: Work, key: Key, body: kopf.Body) -> float:
    """Reconcile, and tell what is new; the seconds until it is due again."""
    before = dict(body.status)
    status = await asyncio.to_thread(work.reconcile, key, body)
    if status != before:
        await asyncio.to_thread(work.cluster.tell, *key, status)
    if status["phase"] != before.get("phase"):
        kind = "Warning" if status["phase"] == "Degraded" else "Normal"
        kopf.event(body, type=kind, reason=status["phase"], message=status["message"])
        _LOG.info("%s/%s is %s. %s", *key, status["phase"], status["message"])
    return work.pace.wait_s(key, status["phase"], changed=status["message"] != before.get("message"))


async def _wait(work: Work, key: Key, body: kopf.Body, wait_s: float) -> None:
    """Return when the stack is due, something woke it, or its Secret is another: the one thing that nobody tells of."""
    end, read = time.monotonic() + wait_s, work.operator.secrets_read.get(key)
    while (left_s := end - time.monotonic()) > 0:
        if await _woken(work, key, min(left_s, SECRET_S)):
            return
        if left_s > SECRET_S and await asyncio.to_thread(work.operator.secrets_of, dict(body)) != read:
            return


async def _woken(work: Work, key: Key, wait_s: float) -> bool:
    """Whether something woke the stack before its time."""
    work.due[key] = time.monotonic() + wait_s
    with suppress(TimeoutError):
        return await asyncio.wait_for(work.wakes[key].wait(), wait_s)
    return False


@kopf.on.event(GROUP, VERSION, PLURAL)
async def changed(body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:
    """A stack's spec changed, or what it is asked for by annotations. Its status, which is ours, wakes nobody.

    Async, as is the next one: kopf calls others in a thread, from where an event of asyncio wakes nobody in time.
    """
    key = (str(body.metadata.namespace), str(body.metadata.name))
    asked = (body.metadata.annotations.get(name) for name in (INGEST_ANNOTATION, LOOK_ANNOTATION))
    now = (body.metadata.get("generation"), *asked)
    if memo.work.told.get(key) != now:
        memo.work.told[key] = now
        memo.work.wakes[key].set()


def of_a_stack(meta: kopf.Meta, **_: Any) -> bool:
    """Whether an object is a stack's, by its labels, or, where somebody took them away, by its owner."""
    return meta.labels.get("app.kubernetes.io/managed-by") == MANAGER or _owner(meta) is not None


async def child_changed(meta: kopf.Meta, memo: kopf.Memo, **_: Any) -> None:
    """Something of a stack changed, whoever did it."""
    namespace = meta.namespace or meta.labels.get(f"{GROUP}/namespace")
    memo.work.wakes[(str(namespace), str(_owner(meta) or meta.labels.get(STACK_LABEL)))].set()


def _owner(meta: kopf.Meta) -> str | None:
    return next((one["name"] for one in meta.get("ownerReferences") or [] if one["kind"] == KIND), None)


for _kind, _version in {**CHILDREN, "PersistentVolume": "v1", "Pod": "v1"}.items():
    kopf.on.event(*_version.rpartition("/")[::2], PLURALS[_kind], when=of_a_stack)(child_changed)


@kopf.on.delete(GROUP, VERSION, PLURAL, backoff=10)
def remove(body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:
    """What the stack owns goes by itself; claims and volumes only where deletionPolicy says so."""
    key = (str(body.metadata.namespace), str(body.metadata.name))
    with memo.work.busy[key]:
        there = memo.work.cluster.objects(*key)
        for ref in removed_with(body.spec.get("deletionPolicy", "Retain"), there):
            memo.work.cluster.delete(ref)


@kopf.on.probe(id="overdue", errors=kopf.ErrorsMode.PERMANENT)
def overdue(memo: kopf.Memo, **_: Any) -> float:
    """Seconds by which the latest stack is overdue. Raises when that is too long, and the cluster starts us anew."""
    late_s = max((time.monotonic() - due for due in memo.work.due.values()), default=0.0)
    if late_s > 2 * LONGEST_WAIT_S:
        raise kopf.PermanentError(f"A stack has waited {late_s:.0f} s too long for its reconcile.")
    return round(late_s, 1)
