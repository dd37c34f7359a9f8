"""A Job of a cluster that works on one object of the lake: made from a template, followed by its log, removed after.

The template decides what the Job's pod may do; here it gets its name and the key of what it is to do.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from resources.child import rebuilt
from resources.contracts import Progress
from resources.errors import Misconfigured, Missing, NotFound, Unavailable
from resources.progress import LOGGER

if TYPE_CHECKING:
    from kubernetes.client import V1Pod
    from urllib3 import HTTPResponse

POLL_S, PATIENCE_S, GONE_S = 2.0, 120.0, 120.0
"""Between looks; how long the cluster's API may be away; how long a Job may take to go."""
IMAGE_S = 300.0
"""How long a pod may lack its image: a large one is on its way, a wrong name never comes."""
_TIMEOUT_S, _FOLLOW_S = (5.0, 30.0), (5.0, 300.0)
_NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_TOLD = ("result", "error", "step")


class Job:
    """One Job and its pods, the newest of which counts: an evicted one is followed by another."""

    def __init__(self, namespace: str, name: str) -> None:
        from kubernetes import client

        self._namespace, self._name = namespace, name
        self._jobs, self._core = client.BatchV1Api(), client.CoreV1Api()
        self._without_image: dict[str, float] = {}

    @classmethod
    def start(cls, template: Path, namespace: str, key: str) -> Self:
        """Make the Job for ``key``, and not before an earlier one for it is gone: both would write the same.

        Raises: Misconfigured, Unavailable.
        """
        body = _filled(template, key)
        _sign_in()
        job = cls(namespace, body["metadata"]["name"])
        job._remove_earlier()
        with _speaking():
            job._jobs.create_namespaced_job(namespace, body, _request_timeout=_TIMEOUT_S)
        return job

    def messages(self, progress: Progress) -> Iterator[dict[str, Any]]:
        """What the Job's process tells, each once, until it ends well; why it waits is shown meanwhile.

        Raises: the error that the process tells; Missing, NotFound where it ends otherwise; Unavailable, Misconfigured.
        """
        told: dict[str, int] = {}
        ended_at = None
        while True:
            # Looked at before the log is read: what was told before the end is in it then.
            state = _patiently(self._jobs.read_namespaced_job_status, self._name, self._namespace).status
            pod, heard = self._newest_pod(), False
            if pod is not None and pod.status.phase != "Pending":
                heard = yield from self._lines(pod.metadata.name, told)
            failed = [one for one in state.conditions or [] if one.type == "Failed" and one.status == "True"]
            if failed:
                raise self._failure(pod, failed[0].reason)
            if state.succeeded:
                ended_at = ended_at or time.monotonic()
                if heard or time.monotonic() - ended_at > PATIENCE_S:
                    return
            if pod is None or pod.status.phase == "Pending":
                self._show_wait(pod, progress)
            time.sleep(POLL_S)

    def close(self) -> None:
        """Remove the Job and its pods. Where the cluster doesn't do it now, it does so a day after their end."""
        try:
            # Foreground, and not waited for: the Job is there until its pods are gone, and the next one waits for that.
            _patiently(self._jobs.delete_namespaced_job, self._name, self._namespace, propagation_policy="Foreground")
        except NotFound:
            return
        except (Unavailable, Misconfigured) as error:
            LOGGER.warning("Job %s stays until its time. %s", self._name, error)

    def _newest_pod(self) -> V1Pod | None:
        selector = f"batch.kubernetes.io/job-name={self._name}"
        found = _patiently(self._core.list_namespaced_pod, self._namespace, label_selector=selector).items
        return max(found, key=lambda pod: pod.metadata.creation_timestamp, default=None)

    def _lines(self, pod: str, told: dict[str, int]) -> Generator[dict[str, Any], None, bool]:
        """The messages of a pod's log that weren't told yet; whether it could be read. A lost node's can't.

        Raises: the error that the process tells; Misconfigured.
        """
        error = None
        try:
            with _speaking(), self._log_of(pod) as log:
                for number, message in enumerate(_messages(log.stream(amt=None))):
                    if error := message.get("error"):
                        break
                    if number >= told.get(pod, 0):
                        told[pod] = number + 1
                        yield message
        except (Unavailable, NotFound):
            return False
        if error:
            raise rebuilt(error)
        return True

    @contextmanager
    def _log_of(self, pod: str) -> Iterator[HTTPResponse]:
        log = self._core.read_namespaced_pod_log(
            pod, self._namespace, follow=True, _preload_content=False, _request_timeout=_FOLLOW_S
        )
        try:
            yield log
        finally:
            log.release_conn()

    def _failure(self, pod: V1Pod | None, reason: str) -> Missing:
        ends = [one.state.terminated for one in (pod.status.container_statuses or [])] if pod else []
        subject = f"{self._name}, {next((end.reason for end in ends if end), reason)}"
        fix = "OOMKilled: give spec.training.resources more memory. Else the pod's log says why: kubectl logs."
        return Missing("The Job failed", subject=subject, fix=fix)

    def _show_wait(self, pod: V1Pod | None, progress: Progress) -> None:
        reason = _waiting(pod)
        if pod is not None and reason in _NO_IMAGE:
            since = self._without_image.setdefault(pod.metadata.name, time.monotonic())
            if time.monotonic() - since > IMAGE_S:
                fix = "Bring the image to the node, or name another in spec.training.image."
                raise Missing("The Job's image is not there", subject=f"{self._name}, {reason}", fix=fix)
        progress.step("train", 0, 1, unit="steps", note=f"waits: {reason}")

    def _remove_earlier(self) -> None:
        delete = partial(self._jobs.delete_namespaced_job, self._name, self._namespace, propagation_policy="Foreground")
        deadline = time.monotonic() + GONE_S
        while time.monotonic() < deadline:
            try:
                _patiently(delete)
            except NotFound:
                return
            time.sleep(POLL_S / 4)
        fix = f"Look why: kubectl --namespace {self._namespace} describe job {self._name}"
        raise Unavailable("An earlier Job does not go", subject=self._name, fix=fix)


def _patiently(question: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    """What the cluster's API answers, which may be away for a while. Raises Unavailable, Misconfigured, NotFound."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with _speaking():
                return question(*arguments, **more, _request_timeout=_TIMEOUT_S)
        except Unavailable:
            if time.monotonic() > deadline:
                raise
        time.sleep(POLL_S)


def _filled(template: Path, key: str) -> dict[str, Any]:
    """The Job for ``key``; the same key has the same name."""
    try:
        body: dict[str, Any] = json.loads(template.read_text(encoding="utf-8"))
        body["metadata"]["name"] += f"-{hashlib.sha256(key.encode()).hexdigest()[:10]}"
        body["spec"]["template"]["spec"]["containers"][0]["command"][-1] = key
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        fix = "DATAALCHEMY_TRAINING_JOB is a Job in JSON whose command ends in the spec's key; the operator writes one."
        raise Misconfigured("Cannot read the Job's template", subject=str(template), fix=fix) from None
    return body


def _sign_in() -> None:
    """As this pod's account; elsewhere as KUBECONFIG says. Raises Misconfigured."""
    from kubernetes import config

    try:
        config.load_config()
    except config.ConfigException:
        fix = "A run's pod has an account; elsewhere set KUBECONFIG."
        raise Misconfigured("No cluster to train on", subject="no account and no KUBECONFIG", fix=fix) from None


@contextmanager
def _speaking() -> Iterator[None]:
    """Turns what the cluster's API answers into our errors. Raises Unavailable, Misconfigured, NotFound."""
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ApiException as error:
        subject = f"{error.status} {error.reason}"
        if error.status in (401, 403, 422):
            fix = "The account of runs may make and read Jobs and read pods and their logs: see the operator's Roles."
            raise Misconfigured("The cluster refuses the Job", subject=subject, fix=fix) from None
        if error.status == 404:
            fix = "Somebody deleted it. Run it again; it resumes."
            raise NotFound("The Job or its pod is gone", subject=subject, fix=fix) from None
        raise Unavailable("The cluster's API failed", subject=subject, fix="Run it again; it resumes.") from None
    except HTTPError as error:
        subject = type(error).__name__
        raise Unavailable("The cluster's API is away", subject=subject, fix="Run it again; it resumes.") from None


def _messages(chunks: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """The lines of a log that are messages; what libraries print stands between them."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"{") and (message := _parsed(line)):
                yield message


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) and any(key in message for key in _TOLD) else None


def _waiting(pod: V1Pod | None) -> str:
    """Why a pod doesn't run yet, in the cluster's own word."""
    if pod is None:
        return "no pod yet"
    states = [one.state.waiting for one in pod.status.container_statuses or [] if one.state and one.state.waiting]
    reasons = [state.reason for state in states if state.reason]
    reasons += [one.reason for one in pod.status.conditions or [] if one.status == "False" and one.reason]
    return reasons[0] if reasons else "Pending"
