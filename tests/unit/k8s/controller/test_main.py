"""The handlers: who wakes whom, what an error becomes, and when the process counts as stuck."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

kopf = pytest.importorskip("kopf", reason="kopf is not installed")

from k8s.controller import main, pace  # noqa: E402
from k8s.controller.pace import Pace  # noqa: E402
from k8s.controller.plan import Ref  # noqa: E402
from k8s.controller.reconcile import ApiError  # noqa: E402
from k8s.controller.settings import Settings  # noqa: E402

KEY = ("team", "demo")


class Answers:
    """An operator, and its cluster, that answer what they are told to."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), 0
        self.told: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.held: list[dict[Ref, Any]] = [{}]
        self.secrets = [{"dagster": "1"}]
        self.secrets_read = {KEY: {"dagster": "1"}}

    def reconcile(self, resource: dict[str, Any]) -> dict[str, Any]:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def secrets_of(self, resource: dict[str, Any]) -> dict[str, str]:
        return self.secrets.pop(0) if len(self.secrets) > 1 else self.secrets[0]

    def tell(self, namespace: str, name: str, status: dict[str, Any]) -> None:
        self.told.append(status)

    def objects(self, namespace: str, name: str) -> dict[Ref, Any]:
        return self.held[0]

    def delete(self, ref: Ref) -> None:
        self.deleted.append(ref.kind)


class Work(main.Work):
    """The handlers' shared state over such an operator."""

    def __init__(self, *answers: Any, resync_s: float = 0.01) -> None:
        self.answers = Answers(*answers)
        vars(self).update(settings=Settings(), cluster=self.answers, operator=self.answers, due={}, told={})
        self.wakes, self.busy = main.defaultdict(asyncio.Event), main.defaultdict(threading.Lock)
        self.pace = Pace(resync_s)


def body(status: dict[str, Any] | None = None, **spec: Any) -> Any:
    meta = {"name": "demo", "namespace": "team", "generation": 1, "uid": "u"}
    return kopf.Body({"metadata": meta, "spec": spec, "status": status or {}})


def keep(work: Work, seen: Any, *, rounds: int) -> None:
    async def run() -> None:
        stopped = type("Stopped", (), {"__bool__": lambda self: work.answers.asked >= rounds})()
        await main.keep(stopped=stopped, body=seen, memo=kopf.Memo(work=work))

    asyncio.run(run())


@pytest.fixture(autouse=True)
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    posted: list[dict[str, Any]] = []
    monkeypatch.setattr(main, "SETTLE_S", 0.0)
    monkeypatch.setattr(pace, "PROGRESS_S", 0.02)
    monkeypatch.setattr(main.kopf, "event", lambda body, **said: posted.append(said))
    return posted


def test_a_new_status_is_told_with_an_event_and_the_same_is_not(events: list[dict[str, Any]]) -> None:
    status = {"phase": "Degraded", "message": "the disk is full"}
    work = Work(status)
    keep(work, body(), rounds=1)
    assert work.answers.told == [status]
    assert events == [{"type": "Warning", "reason": "Degraded", "message": "the disk is full"}]
    work = Work(status, status)
    keep(work, body(status), rounds=2)
    assert (work.answers.told, work.answers.asked, len(events)) == ([], 2, 1)


def test_an_api_that_is_away_is_asked_again_later_each_time_until_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def woken(work: Work, key: Any, wait_s: float) -> bool:
        waits.append(wait_s)
        return True

    monkeypatch.setattr(main, "_woken", woken)
    away = [ApiError(0, "timed out")] * 3
    keep(Work(*away, {"phase": "Ready", "message": ""}, *away[:1]), body(), rounds=5)
    assert waits == [pytest.approx(one, abs=0.001) for one in (0.02, 0.04, 0.08, 0.01, 0.02)]


def test_an_error_that_passes_ends_nothing() -> None:
    work = Work(ApiError(503, "later"), {"phase": "Ready", "message": ""})
    work.pace.wait_s = lambda *_, **__: 0.01  # type: ignore[method-assign]
    keep(work, body(), rounds=2)
    assert [one["phase"] for one in work.answers.told] == ["Ready"]


def test_a_stack_that_is_being_deleted_is_not_made_again() -> None:
    seen = kopf.Body({"metadata": {**body().metadata, "deletionTimestamp": "2026-01-01T00:00:00Z"}})
    with pytest.raises(ApiError, match="being deleted"):
        Work({"phase": "Ready", "message": ""}).reconcile(KEY, seen)


def test_a_secret_that_changed_wakes_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody tells of it: the operator may read the one that a stack names, and watch none."""
    monkeypatch.setattr(main, "SECRET_S", 0.01)
    work = Work(*[{"phase": "Ready", "message": ""}] * 2, resync_s=60)
    work.answers.secrets = [{"dagster": "1"}, {"dagster": "1"}, {"dagster": "2"}]
    started_at = time.monotonic()

    async def one_round() -> None:
        await main._wait(work, KEY, body(), await main._once(work, KEY, body()))

    asyncio.run(one_round())
    assert time.monotonic() - started_at < 30
    assert work.answers.secrets == [{"dagster": "2"}]


def test_another_error_is_never_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        keep(Work(ZeroDivisionError()), body(), rounds=1)


def test_a_stack_that_changed_is_woken_and_one_whose_status_changed_is_not() -> None:
    work = Work()
    asyncio.run(main.changed(body=body(), memo=kopf.Memo(work=work)))
    assert work.wakes[KEY].is_set()
    work.wakes[KEY].clear()
    asyncio.run(main.changed(body=body({"phase": "Ready"}), memo=kopf.Memo(work=work)))
    assert not work.wakes[KEY].is_set()


@pytest.mark.parametrize(
    "meta",
    [
        {"name": "demo-minio", "namespace": "team", "labels": {"dataalchemy.io/stack": "demo"}},
        {"name": "a", "namespace": "team", "ownerReferences": [{"kind": "DataAlchemyStack", "name": "demo"}]},
        {"name": "v", "labels": {"dataalchemy.io/stack": "demo", "dataalchemy.io/namespace": "team"}},
    ],
)
def test_a_child_wakes_its_stack(meta: dict[str, Any]) -> None:
    work = Work()
    asyncio.run(main.child_changed(meta=kopf.Body({"metadata": meta}).metadata, memo=kopf.Memo(work=work)))
    assert work.wakes[KEY].is_set()


@pytest.mark.parametrize(
    ("meta", "ours"),
    [
        ({"labels": {"app.kubernetes.io/managed-by": "dataalchemy-operator"}}, True),
        ({"ownerReferences": [{"kind": "DataAlchemyStack", "name": "demo"}]}, True),
        (
            {"labels": {"app.kubernetes.io/managed-by": "Helm"}, "ownerReferences": [{"kind": "Job", "name": "a"}]},
            False,
        ),
        ({}, False),
    ],
)
def test_what_is_a_stacks_is_told_by_labels_or_owner(meta: dict[str, Any], ours: bool) -> None:
    seen = kopf.Body({"metadata": {"name": "a", **meta}}).metadata
    assert main.of_a_stack(meta=seen) is ours


@pytest.mark.parametrize(("policy", "deleted"), [("Retain", []), ("Delete", ["PersistentVolumeClaim"]), (None, [])])
def test_deleting_a_stack_asks_its_policy(policy: str | None, deleted: list[str]) -> None:
    """What there is counts, not what a status remembers: an operator may have been killed before it told."""
    work = Work()
    work.answers.held = [{Ref("PersistentVolumeClaim", "demo-minio-data", "team"): {}, Ref("Service", "a", "team"): {}}]
    main.remove(body=body(**({"deletionPolicy": policy} if policy else {})), memo=kopf.Memo(work=work))
    assert work.answers.deleted == deleted


def test_a_stack_that_waits_too_long_ends_the_process() -> None:
    work = Work()
    work.due = {KEY: time.monotonic() - 5}
    assert 4 < main.overdue(memo=kopf.Memo(work=work)) < 7
    work.due = {KEY: time.monotonic() - 1000}
    with pytest.raises(kopf.PermanentError, match="too long"):
        main.overdue(memo=kopf.Memo(work=work))


def test_a_stack_that_is_deleted_is_waited_for_no_longer_and_one_that_fails_is() -> None:
    work = Work({"phase": "Ready", "message": ""})
    keep(work, body(), rounds=1)
    assert work.due == {}
    work = Work(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        keep(work, body(), rounds=2)
    assert KEY in work.due


def test_nobody_waiting_is_nobody_late() -> None:
    assert main.overdue(memo=kopf.Memo(work=Work())) == 0.0


def started(monkeypatch: pytest.MonkeyPatch, work: Any) -> kopf.OperatorSettings:
    settings, memo = kopf.OperatorSettings(), kopf.Memo()
    monkeypatch.setattr(main, "Work", lambda login: work)
    main.start(settings=settings, memo=memo)
    assert memo.work is work
    return settings


def test_a_watch_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    watching = started(monkeypatch, SimpleNamespace(cluster=SimpleNamespace(serves_stacks=lambda: None))).watching
    assert watching.server_timeout is not None and watching.server_timeout <= 3600
    assert watching.inactivity_timeout <= 120, "a frozen watch is noticed by its missing bookmarks"


def test_a_namespace_that_refuses_is_asked_for_ever_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """kopf's own patience ends after a minute, and with it the process, for every stack."""
    settings = started(monkeypatch, SimpleNamespace(cluster=SimpleNamespace(serves_stacks=lambda: None)))
    backoffs = iter(settings.networking.error_backoffs)
    assert [next(backoffs) for _ in range(100)][-1] == 60


def test_it_asks_for_no_namespace_beside_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may not, and kopf asks for a minute before it believes that."""
    settings = started(monkeypatch, SimpleNamespace(cluster=SimpleNamespace(serves_stacks=lambda: None)))
    assert settings.scanning.disabled


def test_a_cluster_that_does_not_know_the_resource_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise ApiError(404, "Apply k8s/crd.yaml first: not found")

    with pytest.raises(ApiError, match="Apply k8s"):
        started(monkeypatch, SimpleNamespace(cluster=SimpleNamespace(serves_stacks=refuse)))


def test_who_wakes_a_stack_runs_in_the_loop_itself() -> None:
    """An event of asyncio that is set from a thread wakes nobody until something else does."""
    assert asyncio.iscoroutinefunction(main.changed) and asyncio.iscoroutinefunction(main.child_changed)
