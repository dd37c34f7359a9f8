"""The operator's process: kopf's handlers, which only call `reconcile`. Run by `kopf run -m k8s.controller.main`.

One task a stack: it reconciles, then sleeps until the stack or one of its children changes, or the resync is due.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from contextlib import suppress
from functools import partial
from typing import Any

import kopf

from k8s.controller.apply import CHILDREN, PLURALS, ApiCluster, Login, sign_in
from k8s.controller.pace import LONGEST_WAIT_S, Pace
from k8s.controller.plan import Ref, removed_with
from k8s.controller.reconcile import ApiError, Operator
from k8s.controller.settings import WATCH_S, Settings
from k8s.controller.spec import GROUP, INGEST_ANNOTATION, PLURAL, VERSION
from k8s.controller.stack import MANAGER, STACK_LABEL

OURS = {"app.kubernetes.io/managed-by": MANAGER}
SETTLE_S = 1.0
_LOG = logging.getLogger(__name__)
Key = tuple[str, str]


class Work:
    """What the handlers share: the operator, who is to be woken, and when each stack was last looked at."""

    def __init__(self, login: Login) -> None:
        self.settings, self.cluster = Settings.read(), ApiCluster(login)
        self.operator = Operator(self.cluster, self.settings)
        self.wakes: defaultdict[Key, asyncio.Event] = defaultdict(asyncio.Event)
        self.due, self.told = dict[Key, float](), dict[Key, tuple[Any, Any]]()
        self.pace = Pace(self.settings.resync_s)


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
    kept, prefix = settings.persistence, f"operator.{GROUP}"
    kept.finalizer, kept.progress_storage = f"{prefix}/stack", kopf.AnnotationsProgressStorage(prefix=prefix)
    kept.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=prefix)
    memo.work = Work(partial(sign_in, settings=settings))
    memo.work.cluster.serves_stacks()


@kopf.daemon(GROUP, VERSION, PLURAL, cancellation_timeout=60)
async def keep(stopped: Any, body: kopf.Body, memo: kopf.Memo, retry: int, **_: Any) -> None:
    """Keep one stack as it is asked for. What the API doesn't answer is tried again, later each time."""
    work: Work = memo.work
    key = (str(body.metadata.namespace), str(body.metadata.name))
    work.due.setdefault(key, time.monotonic())
    try:
        while not stopped:
            await _once(work, key, body)
    except ApiError as error:
        raise kopf.TemporaryError(str(error), delay=min(LONGEST_WAIT_S, 2.0 ** min(retry, 9))) from error
    finally:
        if stopped:
            work.due.pop(key, None)


async def _once(work: Work, key: Key, body: kopf.Body) -> None:
    work.wakes[key].clear()
    before = dict(body.status)
    status = await asyncio.to_thread(work.operator.reconcile, dict(body))
    if status != before:
        await asyncio.to_thread(work.cluster.tell, *key, status)
    if status["phase"] != before.get("phase"):
        kind = "Warning" if status["phase"] == "Degraded" else "Normal"
        kopf.event(body, type=kind, reason=status["phase"], message=status["message"])
        _LOG.info("%s/%s is %s. %s", *key, status["phase"], status["message"])
    wait_s = work.pace.wait_s(key, status["phase"], changed=status["message"] != before.get("message"))
    work.due[key] = time.monotonic() + wait_s
    with suppress(TimeoutError):
        await asyncio.wait_for(work.wakes[key].wait(), wait_s)
    await asyncio.sleep(SETTLE_S)  # changes come in groups


@kopf.on.event(GROUP, VERSION, PLURAL)
async def changed(body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:
    """A stack's spec or its request of an ingest changed. Its status, which is ours, wakes nobody.

    Async, as is the next one: kopf calls others in a thread, from where an event of asyncio wakes nobody in time.
    """
    key = (str(body.metadata.namespace), str(body.metadata.name))
    now = (body.metadata.get("generation"), body.metadata.annotations.get(INGEST_ANNOTATION))
    if memo.work.told.get(key) != now:
        memo.work.told[key] = now
        memo.work.wakes[key].set()


async def child_changed(body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:
    """Something of a stack changed, whoever did it."""
    labels = body.metadata.labels
    namespace = body.metadata.namespace or labels.get(f"{GROUP}/namespace")
    memo.work.wakes[(str(namespace), str(labels.get(STACK_LABEL)))].set()


for _kind, _version in {**CHILDREN, "PersistentVolume": "v1", "Pod": "v1"}.items():
    kopf.on.event(*_version.rpartition("/")[::2], PLURALS[_kind], labels=OURS)(child_changed)


@kopf.on.delete(GROUP, VERSION, PLURAL, backoff=10)
def remove(body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:
    """What the stack owns goes by itself; claims and volumes only where deletionPolicy says so."""
    inventory = [Ref(one["kind"], one["name"], one.get("namespace", "")) for one in body.status.get("inventory", [])]
    for ref in removed_with(body.spec.get("deletionPolicy", "Retain"), inventory):
        memo.work.cluster.delete(ref)


@kopf.on.probe(id="overdue", errors=kopf.ErrorsMode.PERMANENT)
def overdue(memo: kopf.Memo, **_: Any) -> float:
    """Seconds by which the latest stack is overdue. Raises when that is too long, and the cluster starts us anew."""
    late_s = max((time.monotonic() - due for due in memo.work.due.values()), default=0.0)
    if late_s > 2 * LONGEST_WAIT_S:
        raise kopf.PermanentError(f"A stack has waited {late_s:.0f} s too long for its reconcile.")
    return round(late_s, 1)
