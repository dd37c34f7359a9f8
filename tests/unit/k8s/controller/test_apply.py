"""The client over real HTTP: addresses, kinds of patch, and what an error becomes."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

kopf = pytest.importorskip("kopf", reason="kopf is not installed")

from k8s.controller.apply import CHILDREN, PLURALS, ApiCluster  # noqa: E402
from k8s.controller.plan import Ref  # noqa: E402
from k8s.controller.reconcile import ApiError  # noqa: E402
from k8s.controller.stack import Stack  # noqa: E402

SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "demo-minio", "namespace": "team"}}


@dataclass
class Server:
    """An API that answers what it is told to, and remembers what it was asked."""

    answers: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    logins: int = 0
    address: str = ""

    def login(self) -> Any:
        self.logins += 1
        return kopf.ConnectionInfo(server=self.address, token=f"token-{self.logins}")


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            state.asked.append((self.command, self.path, self.headers["Content-Type"], body))
            state.tokens.append(self.headers["Authorization"])
            code, found = state.answers.pop(0) if state.answers else (200, {"items": []})
            text = json.dumps(found).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{web.server_port}"
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield state
    web.shutdown()
    web.server_close()


@pytest.fixture
def cluster(server: Server) -> ApiCluster:
    return ApiCluster(server.login)


def test_an_apply_is_server_side_by_our_name_and_forced(server: Server, cluster: ApiCluster) -> None:
    server.answers = [(200, {**SERVICE, "status": {}})]
    assert cluster.apply(SERVICE)["status"] == {}
    assert server.asked == [
        (
            "PATCH",
            "/api/v1/namespaces/team/services/demo-minio?fieldManager=dataalchemy-operator&force=true",
            "application/apply-patch+yaml",
            SERVICE,
        )
    ]


def test_groups_and_volumes_have_addresses_of_their_own(server: Server, cluster: ApiCluster) -> None:
    cluster.delete(Ref("Deployment", "a", "team", "apps/v1"))
    cluster.delete(Ref("PersistentVolume", "b"))
    assert [path for _, path, _, _ in server.asked] == [
        "/apis/apps/v1/namespaces/team/deployments/a",
        "/api/v1/persistentvolumes/b",
    ]
    assert server.asked[0][3] == {"propagationPolicy": "Foreground"}


def test_every_kind_of_a_plan_has_an_address(
    example_stack: Stack, planned_of: Callable[[Stack], dict[Ref, dict[str, Any]]]
) -> None:
    for ref in planned_of(example_stack):
        assert ref.kind in PLURALS
        assert ref.kind == "PersistentVolume" or CHILDREN[ref.kind] == ref.api_version


def test_items_of_a_list_say_what_they_are(server: Server, cluster: ApiCluster) -> None:
    server.answers = [(200, {"items": [{"metadata": {"name": "a"}}]})]
    assert cluster.pods("team", "demo") == [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}]


def test_nodes_come_a_page_at_a_time_and_without_their_images(server: Server, cluster: ApiCluster) -> None:
    ready = [{"type": "Ready", "status": "True"}]
    found = {"metadata": {"name": "a", "labels": {}, "managedFields": []}, "spec": {"providerID": "k3s://a"}}
    found["status"] = {"conditions": ready, "images": [{"names": ["x"] * 50}]}
    server.answers = [(200, {"items": [found], "metadata": {"continue": "more"}}), (200, {"items": [found]})]
    one = {"metadata": {"name": "a", "labels": {}}, "spec": found["spec"], "status": {"conditions": ready}}
    assert cluster.nodes() == [one, one]
    assert "limit=" in server.asked[0][1] and "continue=more" in server.asked[1][1]


def test_a_claim_goes_only_as_it_was_seen(server: Server, cluster: ApiCluster) -> None:
    server.answers = [(409, {"message": "the object has been modified"})]
    with pytest.raises(ApiError, match="modified"):
        cluster.delete(Ref("PersistentVolumeClaim", "a", "team"), version="7")
    assert server.asked[-1][3]["preconditions"] == {"resourceVersion": "7"}


def test_the_stacks_objects_are_found_by_label_in_one_call_a_kind(server: Server, cluster: ApiCluster) -> None:
    assert cluster.objects("team", "demo") == {}
    assert len(server.asked) == len(CHILDREN) + 1 == 12
    assert all("dataalchemy.io%2Fstack%3Ddemo" in path for _, path, _, _ in server.asked)


def test_a_refusal_is_the_clusters_sentence(server: Server, cluster: ApiCluster) -> None:
    server.answers = [(422, {"message": "provided port is already allocated"})]
    with pytest.raises(ApiError, match="provided port is already allocated") as caught:
        cluster.apply(SERVICE)
    assert caught.value.code == 422


def test_what_is_gone_is_deleted_and_what_is_there_is_created(server: Server, cluster: ApiCluster) -> None:
    server.answers = [(404, {"message": "not found"}), (409, {"message": "already exists"})]
    cluster.delete(Ref.of(SERVICE))
    cluster.create(SERVICE)
    server.answers = [(403, {"message": "no"})]
    with pytest.raises(ApiError):
        cluster.delete(Ref.of(SERVICE))


def test_an_expired_token_is_read_anew_once(server: Server, cluster: ApiCluster) -> None:
    server.answers = [(401, {"message": "Unauthorized"}), (200, {"items": []})]
    assert cluster.nodes() == []
    assert server.tokens == ["Bearer token-1", "Bearer token-2"]
    server.answers = [(401, {"message": "Unauthorized"}), (401, {"message": "Unauthorized"})]
    with pytest.raises(ApiError, match="Unauthorized"):
        cluster.nodes()


def test_no_answer_is_an_error_without_a_status(server: Server) -> None:
    server.address = "http://127.0.0.1:1"
    with pytest.raises(ApiError, match="timed out or is away") as caught:
        ApiCluster(server.login).nodes()
    assert caught.value.code == 0


def test_a_secret_that_is_there_gets_keys_and_keeps_its_own(server: Server, cluster: ApiCluster) -> None:
    there = {"metadata": {"resourceVersion": "7"}, "data": {"JIRA_TOKEN": "eA==", "AWS_ACCESS_KEY_ID": "eA=="}}
    server.answers = [(200, there), (200, {})]
    made = {"DATAALCHEMY_KV_PASSWORD": "geheim", "AWS_ACCESS_KEY_ID": "another's since"}
    cluster.fill_secret("team", "dataalchemy-secret", made)
    method, path, content, body = server.asked[-1]
    assert (method, content) == ("PATCH", "application/merge-patch+json")
    assert path == "/api/v1/namespaces/team/secrets/dataalchemy-secret"
    added = {"DATAALCHEMY_KV_PASSWORD": base64.b64encode(b"geheim").decode()}
    assert body == {"metadata": {"resourceVersion": "7"}, "data": added}


def test_a_secret_that_another_stack_makes_meanwhile_is_looked_at_again(server: Server, cluster: ApiCluster) -> None:
    server.answers = [(404, {}), (409, {"message": "already exists"})]
    with pytest.raises(ApiError) as caught:
        cluster.fill_secret("team", "s", {"A": "b"})
    assert caught.value.passes


def test_a_secret_that_is_not_there_is_made(server: Server, cluster: ApiCluster) -> None:
    server.answers = [(404, {}), (201, {})]
    cluster.fill_secret("team", "s", {"A": "b"})
    assert server.asked[-1][0] == "POST"
    assert server.asked[-1][1].startswith("/api/v1/namespaces/team/secrets?")


def test_an_error_never_shows_what_was_sent(server: Server, cluster: ApiCluster) -> None:
    server.answers = [(404, {}), (500, {})]
    with pytest.raises(ApiError) as caught:
        cluster.fill_secret("team", "s", {"A": "geheim"})
    assert "geheim" not in str(caught.value)
    assert base64.b64encode(b"geheim").decode() not in str(caught.value)


def test_a_status_is_written_whole(server: Server, cluster: ApiCluster) -> None:
    server.answers = [(200, {})]
    cluster.tell("team", "demo", {"phase": "Ready"})
    assert server.asked[0][1] == "/apis/dataalchemy.io/v1alpha1/namespaces/team/dataalchemystacks/demo/status"
    assert server.asked[0][3] == [{"op": "add", "path": "/status", "value": {"phase": "Ready"}}]


def test_a_volume_lets_go_of_its_old_claim(server: Server, cluster: ApiCluster) -> None:
    server.answers = [(200, {})]
    cluster.free(Ref("PersistentVolume", "team.demo-minio-data"))
    assert server.asked[0][3] == {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}}


def test_a_cluster_without_the_resource_is_told_what_to_apply(server: Server, cluster: ApiCluster) -> None:
    cluster.serves_stacks()
    server.answers = [(404, {"message": "the server could not find the requested resource"})]
    with pytest.raises(ApiError, match="Apply k8s"):
        cluster.serves_stacks()
