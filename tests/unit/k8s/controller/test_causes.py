"""What the cluster says becomes a cause with a mend; the sentences are those that real clusters use."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.controller.causes import cause_of_claim, cause_of_events, cause_of_pods, cause_of_words

SENTENCES = {
    "PortTaken": 'Service "demo-minio-ext" is invalid: spec.ports[0].nodePort: Invalid value: 30000: provided port is '
    "already allocated",
    "QuotaExceeded": 'pods "demo-minio-0" is forbidden: exceeded quota: small, requested: limits.memory=2Gi, used: '
    "limits.memory=0, limited: limits.memory=1Gi",
    "LimitRange": 'pods "demo-minio-0" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi',
    "PodSecurityRefused": 'pods "demo-prepare-1-x" is forbidden: violates PodSecurity "restricted:latest": '
    "runAsNonRoot != true",
    "NoStorageClass": 'storageclass.storage.k8s.io "fast" not found',
    "VolumeCannotGrow": 'persistentvolumeclaims "demo-minio-data" is forbidden: only dynamically provisioned pvc can '
    "be resized and the storageclass that provisions the pvc must support resize",
    "NoGpu": "0/2 nodes are available: 2 Insufficient amd.com/gpu.",
    "NoRoom": "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available",
    "NodeMissing": "0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity",
    "SecretMissing": 'secret "dataalchemy-secret" not found',
    "VolumeNotMounted": 'MountVolume.SetUp failed for volume "team.demo-minio-data": hostPath type check failed',
    "AdmissionRefused": 'admission webhook "policy.example.com" denied the request: no',
    "NotAllowed": 'roles.rbac.authorization.k8s.io is forbidden: User "x" cannot patch resource "roles"',
    "ClusterSlow": "Read timed out. (read timeout=10)",
    "Unhealthy": "Unhealthy: Readiness probe failed: dial tcp 10.0.0.1:4000: connect: connection refused",
}


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    container = {"name": "minio", "image": "minio:1", "state": {"waiting": {"reason": reason, "message": message}}}
    return {
        "metadata": {"name": "demo-minio-0", "namespace": "team"},
        "spec": {"nodeName": "a"},
        "status": {"containerStatuses": [{**container, **more}]},
    }


@pytest.mark.parametrize("reason", SENTENCES)
def test_a_sentence_of_the_cluster_has_a_cause_and_a_mend(reason: str) -> None:
    cause = cause_of_words(SENTENCES[reason], otherwise="Refused")
    assert cause.reason == reason
    assert len(cause.fix) > 20


def test_a_default_class_that_is_not_there_is_no_class_either() -> None:
    words = "no persistent volumes available for this claim and no storage class is set"
    assert cause_of_words(words, otherwise="").reason == "NoStorageClass"


def test_an_unknown_sentence_is_passed_on() -> None:
    cause = cause_of_words("something\n  new", otherwise="Refused")
    assert (cause.reason, cause.what) == ("Refused", "something new")


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName"])
def test_an_image_that_is_not_there_is_named(reason: str) -> None:
    cause = cause_of_pods([waiting(reason)], [])
    assert cause is not None
    assert cause.reason == "ImageMissing"
    assert "minio:1" in cause.what


def test_a_missing_key_of_the_secret_is_named() -> None:
    words = "couldn't find key DATAALCHEMY_KV_PASSWORD in Secret team/dataalchemy-secret"
    cause = cause_of_pods([waiting("CreateContainerConfigError", words)], [])
    assert cause is not None
    assert cause.reason == "SecretMissing"
    assert "DATAALCHEMY_KV_PASSWORD" in cause.message


def test_a_crash_names_its_code_and_where_its_log_is() -> None:
    pod = waiting("CrashLoopBackOff", lastState={"terminated": {"exitCode": 1, "reason": "Error"}})
    cause = cause_of_pods([pod], [])
    assert cause is not None
    assert cause.reason == "Crashing"
    assert "exit code 1" in cause.what and "kubectl logs --namespace team demo-minio-0 -c minio" in cause.fix


def test_too_little_memory_is_no_mere_crash() -> None:
    pod = waiting("CrashLoopBackOff", lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}})
    cause = cause_of_pods([pod], [])
    assert cause is not None
    assert cause.reason == "OutOfMemory"


def test_an_init_container_is_looked_at_first() -> None:
    pod = waiting("PodInitializing")
    pod["status"]["initContainerStatuses"] = waiting("ErrImagePull")["status"]["containerStatuses"]
    cause = cause_of_pods([pod], [])
    assert cause is not None
    assert cause.reason == "ImageMissing"


@pytest.mark.parametrize("nodes", [[("a", "Unknown")], [("b", "True")]])
def test_a_pod_on_a_node_that_is_down_or_gone_has_that_as_its_cause(nodes: list[tuple[str, str]]) -> None:
    there = [
        {"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}
        for name, ready in nodes
    ]
    pod = waiting("")
    cause = cause_of_pods([pod], there)
    assert cause is not None
    assert cause.reason == "NodeDown"


def test_a_pod_that_waits_for_its_claim_leaves_the_word_to_the_claim() -> None:
    words = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims"
    scheduled = {"type": "PodScheduled", "status": "False", "message": words}
    assert cause_of_pods([{"metadata": {}, "status": {"conditions": [scheduled]}}], []) is None


def test_a_pod_that_only_starts_has_no_cause() -> None:
    assert cause_of_pods([waiting("ContainerCreating")], []) is None


def test_the_newest_warning_that_somebody_knows_counts() -> None:
    events = [
        {"type": "Warning", "reason": "FailedCreate", "message": SENTENCES["QuotaExceeded"], "lastTimestamp": "1"},
        {"type": "Warning", "reason": "FailedMount", "message": "hostPath type check failed", "lastTimestamp": "2"},
        {"type": "Warning", "reason": "Odd", "message": "something", "lastTimestamp": "3"},
        {"type": "Normal", "reason": "Pulled", "message": "exceeded quota", "lastTimestamp": "4"},
    ]
    cause = cause_of_events(events)
    assert cause is not None
    assert cause.reason == "VolumeNotMounted"
    assert cause_of_events(events[2:]) is None


def test_a_server_that_is_not_up_yet_is_no_cause() -> None:
    told = 'Startup probe failed: Get "http://10.0.0.1:3000/server_info": dial tcp 10.0.0.1:3000: connection refused'
    assert cause_of_events([{"type": "Warning", "reason": "Unhealthy", "message": told}]) is None


def test_a_claim_that_got_no_class_has_a_cause_and_one_that_got_one_waits() -> None:
    def claim(phase: str, **spec: str) -> dict[str, Any]:
        return {"metadata": {"name": "demo-minio-data"}, "spec": spec, "status": {"phase": phase}}

    cause = cause_of_claim(claim("Pending"))
    assert cause is not None and cause.reason == "NoStorageClass" and "storageClassName" in cause.fix
    assert cause_of_claim(claim("Pending", storageClassName="fast")) is None
    assert cause_of_claim(claim("Bound")) is None


def test_a_policy_of_the_cluster_itself_is_one_too() -> None:
    words = "statefulsets.apps \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no"
    assert cause_of_words(words, otherwise="Refused").reason == "AdmissionRefused"
