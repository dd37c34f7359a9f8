"""A Job followed over a cluster's API, which a small HTTP server plays here."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from resources import job
from resources.errors import Misconfigured, Missing, NotFound, Unavailable
from resources.job import Job
from resources.trainer import JobTrainer

KEY = "specs/abc"
STEP = {"step": 1, "total": 2, "loss": 1.0, "tokens_per_s": 10.0, "memory_mb": 5.0}


class Notes:
    """Progress that keeps its notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def step(self, stage: str, done: int, total: int, *, unit: str, note: str = "") -> None:
        self.notes.append(note)


@dataclass
class Pod:
    """One pod that the server tells of."""

    name: str
    phase: str
    log: str = ""
    waiting: str = ""
    ended: str = ""
    stamp: str = "2026-01-01T00:00:00Z"

    def manifest(self) -> dict[str, Any]:
        state: dict[str, Any] = {"running": {}}
        if self.waiting:
            state = {"waiting": {"reason": self.waiting}}
        if self.ended:
            state = {"terminated": {"reason": self.ended, "exitCode": 137}}
        status = {"name": "training", "state": state, "ready": False, "restartCount": 0, "image": "i", "imageID": "i"}
        return {
            "metadata": {"name": self.name, "creationTimestamp": self.stamp},
            "status": {"phase": self.phase, "containerStatuses": [status]},
        }


@dataclass
class FakeApi:
    """What the cluster holds. ``scenes`` are taken one a look at the pods; the last one stays."""

    scenes: list[list[Pod]] = field(default_factory=lambda: [[]])
    status: dict[str, Any] = field(default_factory=dict)
    made: list[dict[str, Any]] = field(default_factory=list)
    deletions: int = 0
    old: int = 0
    refuse: int = 0
    fail_times: int = 0
    log_fails: int = 0
    deleted: bool = False

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if self.fail_times:
            self.fail_times -= 1
            return 503, {"message": "later"}
        if method == "POST":
            if self.refuse:
                return self.refuse, {"message": "no"}
            self.made.append(body)
            return 201, body
        if method == "DELETE" and self.refuse:
            return self.refuse, {"message": "no"}
        if method == "DELETE":
            self.deletions += 1
            there = self.old > 0 or (bool(self.made) and self.deletions < 3)
            self.old = max(0, self.old - 1)
            return (200, {}) if there else (404, {})
        if "/log" in path and self.log_fails:
            self.log_fails -= 1
            return 502, {"message": "the kubelet does not answer"}
        if "/log" in path:
            name = re.search(r"/pods/([^/]+)/log", path)
            return 200, next(pod.log for pod in self.scenes[0] if name and pod.name == name[1])
        if "/pods" in path:
            if len(self.scenes) > 1:
                self.scenes.pop(0)
            return 200, {"kind": "PodList", "items": [pod.manifest() for pod in self.scenes[0]]}
        return 404 if self.deleted else 200, {"metadata": {"name": "x"}, "status": self.status}


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    fake = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            code, answer = fake.answer(self.command, self.path, body)
            data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _serve

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr("kubernetes.config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr(job, "POLL_S", 0.02)
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def template(tmp_path: Path) -> Path:
    container = {"name": "training", "command": ["python", "-m", "m", "--spec", ""]}
    body = {"metadata": {"name": "das-training"}, "spec": {"template": {"spec": {"containers": [container]}}}}
    path = tmp_path / "job.json"
    path.write_text(json.dumps(body))
    return path


def lines(*messages: dict[str, Any]) -> str:
    return "a library says {something}\n" + "".join(json.dumps(one) + "\n" for one in messages)


def test_the_result_comes_out_of_the_log_and_the_job_goes(api: FakeApi, template: Path) -> None:
    api.scenes = [[], [], [Pod("a", "Pending", waiting="ContainerCreating")]]
    api.scenes.append([Pod("a", "Running", lines(STEP, {"result": {"key": "k"}}))])
    notes = Notes()
    trainer = JobTrainer(namespace="n", template=str(template))
    assert trainer.train(KEY, progress=notes) == {"key": "k"}
    assert api.made[0]["spec"]["template"]["spec"]["containers"][0]["command"][-1] == KEY
    assert api.made[0]["metadata"]["name"].startswith("das-training-")
    assert notes.notes == ["waits: no pod yet", "waits: ContainerCreating", "loss 1.000, 10 tokens/s, 5 MB"]
    assert api.deletions == 2  # one that found nothing, then the Job itself


def test_an_earlier_job_of_the_same_spec_is_gone_before_the_next_begins(api: FakeApi, template: Path) -> None:
    api.old = 3
    Job.start(template, "n", KEY)
    assert api.deletions == 4
    assert len(api.made) == 1


def test_an_evicted_pod_is_followed_by_the_next_and_nothing_is_told_twice(api: FakeApi, template: Path) -> None:
    first = Pod("a", "Failed", lines(STEP))
    second = Pod("b", "Running", lines(STEP | {"step": 2}, {"result": {}}), stamp="2026-01-01T00:01:00Z")
    api.scenes = [[], [first], [first], [first, second]]
    told = []
    for message in Job.start(template, "n", KEY).messages(Notes()):
        if "result" in message:
            break
        told.append(message["step"])
    assert told == [1, 2]


@pytest.mark.parametrize("kind", [NotFound, Unavailable])
def test_an_error_of_the_process_is_raised_as_it_was(kind: type[Exception], api: FakeApi, template: Path) -> None:
    error = {"kind": kind.__name__, "what": "No spec", "subject": KEY, "fix": "Make one."}
    api.scenes = [[Pod("a", "Running", lines({"error": error}))]]
    with pytest.raises(kind, match=r"No spec: specs/abc\. Make one\."):
        JobTrainer(namespace="n", template=str(template)).train(KEY, progress=Notes())


def test_a_job_without_memory_names_it(api: FakeApi, template: Path) -> None:
    api.scenes = [[Pod("a", "Failed", ended="OOMKilled")]]
    api.status = {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}
    with pytest.raises(Missing, match="OOMKilled"):
        list(Job.start(template, "n", KEY).messages(Notes()))


def test_an_image_that_does_not_come_ends_the_wait(
    api: FakeApi, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "IMAGE_S", 0.1)
    api.scenes = [[Pod("a", "Pending", waiting="ErrImagePull")]]
    with pytest.raises(Missing, match="ErrImagePull"):
        list(Job.start(template, "n", KEY).messages(Notes()))


def test_the_time_for_an_image_is_each_pods_own(api: FakeApi, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was evicted late has used none of it for the next."""
    monkeypatch.setattr(job, "IMAGE_S", 0.1)
    first = Pod("a", "Pending", waiting="ContainerCreating")
    second = Pod("b", "Pending", waiting="ErrImagePull", stamp="2026-01-01T00:01:00Z")
    api.scenes = [[first]] * 20 + [[second]] * 3 + [[Pod("b", "Running", lines({"result": {}}))]]
    assert next(Job.start(template, "n", KEY).messages(Notes())) == {"result": {}}


def test_a_lost_node_is_waited_for_until_the_next_pod(
    api: FakeApi, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pod seems to run for minutes, and its log can't be read: the API itself is not away."""
    monkeypatch.setattr(job, "PATIENCE_S", 0.05)
    lost = Pod("a", "Running", lines(STEP))
    api.scenes = [[lost]] * 20 + [[lost, Pod("b", "Running", lines({"result": {}}), stamp="2026-01-01T00:01:00Z")]]
    api.log_fails = 19
    notes = Notes()
    assert next(Job.start(template, "n", KEY).messages(notes)) == {"result": {}}
    assert notes.notes == [], "it has begun, and the bar doesn't go back"


def test_a_job_that_ended_well_is_heard_to_its_end(api: FakeApi, template: Path) -> None:
    api.scenes, api.status = [[Pod("a", "Succeeded", lines({"result": {}}))]], {"succeeded": 1}
    api.log_fails = 3
    assert list(Job.start(template, "n", KEY).messages(Notes())) == [{"result": {}}]


def test_a_job_that_failed_says_so_though_its_log_cannot_be_read(api: FakeApi, template: Path) -> None:
    api.scenes, api.log_fails = [[Pod("a", "Failed")]], 10_000
    api.status = {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}
    with pytest.raises(Missing, match="BackoffLimitExceeded"):
        list(Job.start(template, "n", KEY).messages(Notes()))


def test_a_job_that_somebody_deleted_is_named(api: FakeApi, template: Path) -> None:
    started = Job.start(template, "n", KEY)
    api.deleted = True
    with pytest.raises(NotFound, match="gone"):
        list(started.messages(Notes()))


def test_a_job_that_cannot_be_removed_does_not_spoil_its_result(
    api: FakeApi, template: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(job, "PATIENCE_S", 0.05)
    started = Job.start(template, "n", KEY)
    api.fail_times = 10_000
    started.close()
    api.fail_times, api.refuse = 0, 403
    started.close()
    assert caplog.text.count("stays until its time") == 2


def test_an_api_that_is_away_for_a_moment_ends_nothing(api: FakeApi, template: Path) -> None:
    api.scenes = [[Pod("a", "Succeeded", lines({"result": {}}))]]
    api.status = {"succeeded": 1}
    started = Job.start(template, "n", KEY)
    api.fail_times = 3
    assert list(started.messages(Notes())) == [{"result": {}}]


def test_an_api_that_stays_away_is_named(api: FakeApi, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = Job.start(template, "n", KEY)
    monkeypatch.setattr(job, "PATIENCE_S", 0.1)
    api.fail_times = 10_000
    with pytest.raises(Unavailable, match="503"):
        list(started.messages(Notes()))


def test_a_missing_right_is_named(api: FakeApi, template: Path) -> None:
    api.refuse = 403
    with pytest.raises(Misconfigured, match="refuses the Job: 403"):
        Job.start(template, "n", KEY)


@pytest.mark.parametrize("text", ["", "{}", '{"metadata": {"name": "x"}, "spec": {}}'])
def test_a_template_that_is_none_is_named(template: Path, text: str) -> None:
    template.write_text(text)
    with pytest.raises(Misconfigured, match="DATAALCHEMY_TRAINING_JOB"):
        Job.start(template, "n", KEY)
