"""Requests in, replies out, one line each; an error of one request leaves the next unharmed."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from dataalchemy_pipelines.models.server import ModelPlace, ModelServer
from resources.lake import LocalLake


@pytest.fixture
def server(tiny_folder: Path, tmp_path: Path) -> ModelServer:
    models = tmp_path / "models.yaml"
    models.write_text(json.dumps({"base": {"path": str(tiny_folder), "title": "tiny"}}))
    return ModelServer(ModelPlace(LocalLake(root=str(tmp_path / "lake")), tmp_path / "cache", "cpu", models))


def ask(server: ModelServer, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    replies = io.StringIO()
    server.serve(io.StringIO("".join(json.dumps(request) + "\n" for request in requests)), replies)
    return [json.loads(line) for line in replies.getvalue().splitlines()]


def test_an_error_is_a_reply_and_the_next_request_is_answered(server: ModelServer) -> None:
    wrong, absent, right = ask(
        server,
        {"id": 1, "op": "dance"},
        {"id": 2, "op": "generate", "prompts": ["x"], "adapter": "0" * 64, "max_new_tokens": 2},
        {"id": 3, "op": "score", "pairs": [["a", "b"]], "adapter": None},
    )
    assert wrong["error"]["kind"] == "Misconfigured"
    assert absent["error"]["kind"] == "NotFound"
    assert right["id"] == 3 and right["result"][0]["tokens"] == 1


def test_the_description_names_the_base_and_the_digest_of_its_files(server: ModelServer) -> None:
    (reply,) = ask(server, {"id": 1, "op": "describe"})
    assert reply["result"]["base"] == "tiny" and len(reply["result"]["digest"]) == 64
