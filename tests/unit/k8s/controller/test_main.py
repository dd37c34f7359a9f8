"""The handlers: who wakes whom, what an error becomes, and when the process counts as stuck."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

kopf = pytest.importorskip("kopf", reason="kopf is not installed")

from k8s.controller import main  # noqa: E402
from k8s.controller.pace import Pace  # noqa: E402
from k8s.controller.reconcile import ApiError  # noqa: E402
from k8s.controller.settings import Settings  # noqa: E402

KEY = ("team", "demo")


class Work(main.Work):
    """The handlers' shared state over an operator that answers what it is told to."""

    def __init__(self, *answers: Any) -> None:
        shared = SimpleNamespace(
            settings=Settings(resync_s=0.01), cluster=self, operator=self, due={}, told={}, asked=0
        )
        vars(self).update(vars(shared))
        self.wakes, self.pace = main.defaultdict(asyncio.Event), Pace(0.01)
        self.answers, self.statuses = list(answers), []

    def reconcile(self, resource: dict[str, Any]) -> dict[str, Any]:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def tell(self, namespace: str, name: str, status: dict[str, Any]) -> None:
        self.statuses.append(status)

    def delete(self, ref: Any) -> None:
        self.statuses.append({"deleted": ref.kind})


def body(status: dict[str, Any] | None = None, **spec: Any) -> Any:
    meta = {"name": "demo", "namespace": "team", "generation": 1, "uid": "u"}
    return kopf.Body({"metadata": meta, "spec": spec, "status": status or {}})


def keep(work: Work, seen: Any, *, rounds: int, retry: int = 0) -> None:
    async def run() -> None:
        stopped = type("Stopped", (), {"__bool__": lambda self: work.asked >= rounds})()
        await main.keep(stopped=stopped, body=seen, memo=kopf.Memo(work=work), retry=retry)

    asyncio.run(run())


@pytest.fixture(autouse=True)
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    posted: list[dict[str, Any]] = []
    monkeypatch.setattr(main.kopf, "event", lambda body, **said: posted.append(said))
    return posted


def test_a_new_status_is_told_with_an_event_and_the_same_is_not(events: list[dict[str, Any]]) -> None:
    status = {"phase": "Degraded", "message": "the disk is full"}
    work = Work(status)
    keep(work, body(), rounds=1)
    assert work.statuses == [status]
    assert events == [{"type": "Warning", "reason": "Degraded", "message": "the disk is full"}]
    work = Work(status, status)
    keep(work, body(status), rounds=2)
    assert (work.statuses, work.asked, len(events)) == ([], 2, 1)


@pytest.mark.parametrize(("retry", "delay"), [(0, 1), (3, 8), (50, 300)])
def test_an_api_that_is_away_is_asked_again_later_each_time(retry: int, delay: float) -> None:
    with pytest.raises(kopf.TemporaryError) as caught:
        keep(Work(ApiError(0, "timed out")), body(), rounds=1, retry=retry)
    assert caught.value.delay == delay


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
        {"name": "v", "labels": {"dataalchemy.io/stack": "demo", "dataalchemy.io/namespace": "team"}},
    ],
)
def test_a_child_wakes_its_stack(meta: dict[str, Any]) -> None:
    work = Work()
    asyncio.run(main.child_changed(body=kopf.Body({"metadata": meta}), memo=kopf.Memo(work=work)))
    assert work.wakes[KEY].is_set()


@pytest.mark.parametrize(("policy", "deleted"), [("Retain", []), ("Delete", ["PersistentVolumeClaim"]), (None, [])])
def test_deleting_a_stack_asks_its_policy(policy: str | None, deleted: list[str]) -> None:
    claim = {"kind": "PersistentVolumeClaim", "name": "demo-minio-data", "namespace": "team"}
    work = Work()
    main.remove(
        body=body({"inventory": [claim]}, **({"deletionPolicy": policy} if policy else {})), memo=kopf.Memo(work=work)
    )
    assert [one["deleted"] for one in work.statuses] == deleted


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
    work = Work(ApiError(0, "timed out"))
    with pytest.raises(kopf.TemporaryError):
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
