"""Only keys of the list enter a cluster, by stdin; what it holds besides stays; no value is ever said."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from k8s.controller import credentials
from resources.cluster_secret import KEYS, POSTGRES, Written, inject, local_values
from resources.compose import SECRET_BYTES
from resources.errors import Misconfigured, Unavailable
from resources.kubectl import Kubectl
from resources.settings import SECRET_VARIABLES
from tests.stand_ins import StandIns

KUBECTL = Kubectl("somewhere")
VALUE = "geheim-5e1f"


def held(world: StandIns) -> dict[str, str]:
    one = world.object("Secret", "s")
    return {} if one is None else {key: base64.b64decode(value).decode() for key, value in one["data"].items()}


def put(world: StandIns, **values: str) -> None:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    one = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "dataalchemy"}, "data": data}
    world.world(objects={"secret/dataalchemy/s": one})


def test_the_list_has_what_the_operator_reads_and_nothing_that_is_no_secret() -> None:
    assert set(credentials._BYTES) <= set(KEYS) <= set(SECRET_VARIABLES)
    assert set(SECRET_BYTES) <= set(KEYS)
    assert POSTGRES in KEYS


def test_the_environment_counts_before_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROJECT_ROOT", str(tmp_path))
    (tmp_path / ".env").write_text("AWS_ACCESS_KEY_ID=a\nDATAALCHEMY_KV_PASSWORD=b\nDAGSTER_HOME=/x\n", "utf-8")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "c")
    assert local_values(tmp_path / ".env") == {"AWS_ACCESS_KEY_ID": "c", "DATAALCHEMY_KV_PASSWORD": "b"}


def test_a_key_in_a_line_that_is_no_setting_is_an_error_without_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROJECT_ROOT", str(tmp_path))
    (tmp_path / ".env").write_text(f"AWS_ACCESS_KEY_ID='{VALUE}\n", "utf-8")
    with pytest.raises(Misconfigured, match="AWS_ACCESS_KEY_ID") as told:
        local_values(tmp_path / ".env")
    assert VALUE not in str(told.value)


def test_a_nul_is_refused_without_its_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROJECT_ROOT", str(tmp_path))
    (tmp_path / ".env").write_bytes(f"AWS_ACCESS_KEY_ID={VALUE}\0x\n".encode())
    with pytest.raises(Misconfigured, match="NUL character: AWS_ACCESS_KEY_ID") as told:
        local_values(tmp_path / ".env")
    assert VALUE not in str(told.value)


def test_a_first_time_makes_it_and_a_second_writes_nothing(world: StandIns) -> None:
    values = {"AWS_ACCESS_KEY_ID": VALUE, "DATAALCHEMY_KV_PASSWORD": "two\nlines é"}
    assert inject(KUBECTL, "s", values) == Written(tuple(values))
    assert held(world) == values
    world.forget_calls()
    assert inject(KUBECTL, "s", values) == Written()
    assert [line.split()[1] for line in world.lines()] == ["get"]


def test_nothing_to_give_makes_no_secret(world: StandIns) -> None:
    assert inject(KUBECTL, "s", {}) == Written()
    assert held(world) == {}


def test_a_key_that_only_the_cluster_has_stays(world: StandIns) -> None:
    put(world, AWS_ACCESS_KEY_ID="old", DATAALCHEMY_POSTGRES_PASSWORD="made there", own="x")
    assert inject(KUBECTL, "s", {"AWS_ACCESS_KEY_ID": "new"}) == Written(("AWS_ACCESS_KEY_ID",))
    assert held(world) == {"AWS_ACCESS_KEY_ID": "new", "DATAALCHEMY_POSTGRES_PASSWORD": "made there", "own": "x"}


def test_what_is_to_be_kept_is_given_once_and_never_changed(world: StandIns) -> None:
    put(world, AWS_ACCESS_KEY_ID="old")
    values = {POSTGRES: "first"}
    assert inject(KUBECTL, "s", values, keep=(POSTGRES,)) == Written((POSTGRES,))
    assert inject(KUBECTL, "s", {POSTGRES: "second"}, keep=(POSTGRES,)) == Written((), (POSTGRES,))
    assert held(world)[POSTGRES] == "first"
    assert inject(KUBECTL, "s", {POSTGRES: "second"}) == Written((POSTGRES,))


def test_a_value_is_in_no_argument_and_in_no_error(world: StandIns) -> None:
    inject(KUBECTL, "s", {"AWS_ACCESS_KEY_ID": "first"})
    encoded = base64.b64encode(VALUE.encode()).decode()
    world.world(fails={"kubectl patch": f"cannot patch: {VALUE} {encoded}"})
    with pytest.raises(Unavailable, match="Secret cannot be written: s") as told:
        inject(KUBECTL, "s", {"AWS_ACCESS_KEY_ID": VALUE})
    assert VALUE not in str(told.value)
    assert encoded not in str(told.value)
    arguments = " ".join(" ".join(call.arguments) for call in world.calls())
    assert VALUE not in arguments
    assert encoded not in arguments
