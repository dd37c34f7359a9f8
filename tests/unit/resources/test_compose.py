"""Secrets made once and kept, and Docker's answers read; Docker itself is in tests/images."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values

from resources import compose
from resources.compose import SECRET_BYTES, Compose, Service, compose_for, make_secrets
from resources.errors import Misconfigured, Missing, Unavailable
from resources.settings import CHECKOUT, Settings


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def program(folder: Path, body: str) -> None:
    """A `docker` that says what a real one was seen to say."""
    folder.mkdir(exist_ok=True)
    (folder / "docker").write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    (folder / "docker").chmod(0o755)


def test_first_use_makes_every_secret_long_random_and_for_the_owner_alone(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / ".env", tmp_path / "b" / ".env"
    assert make_secrets(first) == list(SECRET_BYTES)
    make_secrets(second)
    made = dotenv_values(first)
    assert all(len(made[name] or "") >= 32 for name in SECRET_BYTES)
    assert len({*made.values(), *dotenv_values(second).values()}) == 2 * len(SECRET_BYTES)
    assert mode(first) == 0o600
    assert [path.name for path in first.parent.iterdir()] == [".env"]


def test_what_stands_in_env_stays_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    old = b"AWS_ACCESS_KEY_ID='my key'\nexport DATAALCHEMY_KV_PASSWORD=kept # note\nDAGSTER_HOME=/home/a b/dagster"
    path.write_bytes(old)
    assert make_secrets(path) == ["AWS_SECRET_ACCESS_KEY", "DATAALCHEMY_POSTGRES_PASSWORD"]
    assert path.read_bytes().startswith(old + b"\n")
    values = dotenv_values(path)
    assert (values["AWS_ACCESS_KEY_ID"], values["DATAALCHEMY_KV_PASSWORD"]) == ("my key", "kept")


def test_a_secret_that_stands_in_a_file_is_not_made_and_compose_gets_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made anew it would be another one, and in `.env` it would come before the file."""
    folder = tmp_path / "a b"
    program(folder, 'printf "%s\\n" "$AWS_SECRET_ACCESS_KEY|$DATAALCHEMY_KV_PASSWORD|" >"$PWD/said"')
    for name in ("key", "password"):
        (tmp_path / name).write_text(f"the {name}\n", encoding="utf-8")
    (folder / ".env").write_text(f"AWS_SECRET_ACCESS_KEY_FILE={tmp_path / 'key'}\n", encoding="utf-8")
    monkeypatch.setenv("DATAALCHEMY_KV_PASSWORD_FILE", str(tmp_path / "password"))
    assert make_secrets(folder / ".env") == ["AWS_ACCESS_KEY_ID", "DATAALCHEMY_POSTGRES_PASSWORD"]
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    Compose(folder, folder / ".env").down()
    assert (folder / "said").read_text(encoding="utf-8") == "the key|the password|\n"


def test_a_secrets_file_that_cannot_be_read_is_named_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AWS_SECRET_ACCESS_KEY_FILE=/no/such\n", encoding="utf-8")
    with pytest.raises(Misconfigured, match="AWS_SECRET_ACCESS_KEY_FILE"):
        make_secrets(tmp_path / ".env")
    assert dotenv_values(tmp_path / ".env") == {"AWS_SECRET_ACCESS_KEY_FILE": "/no/such"}


def test_a_second_use_changes_nothing_but_a_file_that_others_may_read(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    make_secrets(path)
    before = path.read_bytes()
    path.chmod(0o644)
    assert make_secrets(path) == []
    assert path.read_bytes() == before
    assert mode(path) == 0o600


def test_a_windows_env_keeps_its_line_ends_and_its_paths(tmp_path: Path) -> None:
    path = tmp_path / "Ada Lovelace" / ".env"
    path.parent.mkdir()
    path.write_bytes(b"DATAALCHEMY_DATA_PATH=C:\\Users\\Ada Lovelace\\new data\r\nAWS_ACCESS_KEY_ID=\r\n")
    assert make_secrets(path) == list(SECRET_BYTES)
    content = path.read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n") == 2 + len(SECRET_BYTES)
    values = dotenv_values(path)
    assert values["DATAALCHEMY_DATA_PATH"] == "C:\\Users\\Ada Lovelace\\new data"
    assert len(values["AWS_ACCESS_KEY_ID"] or "") >= 32


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="secrets cannot be kept"):
        make_secrets(tmp_path / "file" / ".env")


def test_without_docker_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Missing, match="Docker is not on this machine"):
        compose_for(Settings.read())


def test_without_the_compose_plugin_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "echo \"docker: 'compose' is not a docker command.\" >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Missing, match="Docker Compose v2 is not on this machine"):
        compose_for(Settings.read())


def test_where_the_engine_does_not_answer_the_error_says_how_to_start_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, '[ "$1" = compose ] && echo v2.40.0')
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="engine does not answer"):
        compose_for(Settings.read())


def test_the_folder_the_env_file_and_a_clean_environment_reach_compose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a b"
    program(folder, 'printf "%s\\n" "$PWD" "$AWS_ACCESS_KEY_ID|" "$@" >"$PWD/said"')
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of another account")
    Compose(folder, folder / ".env").down()
    said = (folder / "said").read_text(encoding="utf-8").splitlines()
    assert said == [str(folder), "|", "compose", "--env-file", str(folder / ".env"), "down"]


def test_services_are_read_as_old_and_new_compose_print_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ['{"Service":"minio","State":"running","Health":"healthy"}', '{"Service":"cache","State":"exited"}']
    expected = [Service("cache", "exited", ""), Service("minio", "running", "healthy")]
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for printed in ("\n".join(lines), f"[{','.join(lines)}]"):
        program(tmp_path, f"cat <<'END'\n{printed}\nEND")
        assert Compose(tmp_path, tmp_path / ".env").services() == expected


@pytest.mark.parametrize(
    ("state", "health", "well"),
    [("running", "healthy", True), ("running", "", True), ("running", "starting", False), ("exited", "", False)],
)
def test_a_service_is_well_when_it_runs_and_does_not_say_otherwise(state: str, health: str, well: bool) -> None:
    assert Service("any", state, health).well is well


def test_a_start_that_fails_names_the_service_that_ails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = '{"Service":"postgres","State":"running","Health":"unhealthy"}'
    program(tmp_path, f"case \"$*\" in *' up '*) exit 1;; esac; echo '{row}'")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="postgres"):
        Compose(tmp_path, tmp_path / ".env").up(build=False)


def test_the_compose_file_stands_in_the_checkout() -> None:
    assert (CHECKOUT / "compose.yaml").is_file()
    assert {compose.UI_SERVICE, compose.S3_SERVICE} <= set(_services())


def _services() -> dict[str, object]:
    import yaml

    found: dict[str, object] = yaml.safe_load((CHECKOUT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    return found
