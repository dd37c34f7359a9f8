"""Valkey: its password comes by standard input, whatever characters it has, and in no argument."""

from __future__ import annotations

import json
import shlex
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from k8s.controller.build.cache import build_cache, build_cache_outside
from k8s.controller.stack import Stack

Make = Callable[..., Stack]
SERVER = """#!/bin/sh
cat > "$OUT/config"
printf '%s\\n' "$@" > "$OUT/arguments"
echo "$$" > "$OUT/pid"
"""


def container(stack: Stack) -> dict[str, Any]:
    made: dict[str, Any] = build_cache(stack)[1]["spec"]["template"]["spec"]["containers"][0]
    return made


@pytest.mark.parametrize("password", ["plain", 'quo"te', "back\\slash", "sp ace #x", "$HOME `id` $(id)", "ü%s%%"])
def test_any_password_reaches_the_server_as_it_is_and_by_no_argument(
    password: str, make_stack: Make, tmp_path: Path
) -> None:
    server = tmp_path / "redis-server"
    server.write_text(SERVER, encoding="utf-8")
    server.chmod(server.stat().st_mode | stat.S_IXUSR)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "OUT": str(tmp_path), "DATAALCHEMY_KV_PASSWORD": password}
    shell = subprocess.Popen(container(make_stack())["command"], env=environment)
    assert shell.wait(timeout=20) == 0
    word, value = (tmp_path / "config").read_text(encoding="utf-8").strip().split(" ", 1)
    # The server reads a quoted word as the shell reads one of C: both know \" and \\ alone.
    assert (word, json.loads(value)) == ("requirepass", password)
    arguments = (tmp_path / "arguments").read_text(encoding="utf-8")
    assert password not in arguments
    assert int((tmp_path / "pid").read_text(encoding="utf-8")) == shell.pid, "the server itself is told to stop"


def test_no_word_of_the_manifest_names_the_password(make_stack: Make) -> None:
    made = container(make_stack())
    assert "--requirepass" not in shlex.join(made["command"])
    assert "-a" not in shlex.split(made["readinessProbe"]["exec"]["command"][2])


def test_every_write_is_kept_and_nothing_is_thrown_out(make_stack: Make) -> None:
    command = container(make_stack())["command"][2]
    assert "--appendonly yes" in command
    assert "noeviction" in command


def test_an_external_cache_leaves_nothing_here(make_stack: Make) -> None:
    stack = make_stack(cache={"external": "redis://host:6379/0"})
    assert build_cache(stack) == []
    assert build_cache_outside(stack) == []


def test_kept_names(make_stack: Make) -> None:
    assert {one["metadata"]["name"] for one in build_cache(make_stack(name="x"))} == {"x-redis"}
    assert [one["metadata"]["name"] for one in build_cache_outside(make_stack(name="x"))] == ["x-redis-ext"]
