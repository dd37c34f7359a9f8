"""Java is found by what it says of itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resources.errors import Missing
from resources.java import find_java, install_java, java_version, use_java
from resources.progress import LogProgress


def java(home: Path, said: str) -> Path:
    """A `java` that says its version on stderr as the real one does."""
    path = home / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho '{said}' >&2\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("said", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_412"', 1),
        ('openjdk version "25-ea" 2025-09-16', 25),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "17.0.1" 2021-10-19', 17),
        ("Error: could not find libjvm.so", None),
    ],
)
def test_the_major_version_is_read_from_what_java_says(tmp_path: Path, said: str, major: int | None) -> None:
    assert java_version(java(tmp_path, said)) == major


def test_a_java_that_is_not_there_has_no_version(tmp_path: Path) -> None:
    assert java_version(tmp_path / "java") is None


def test_java_home_comes_before_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = java(tmp_path / "home", 'openjdk version "21.0.2"')
    on_path = java(tmp_path / "path", 'openjdk version "17.0.1"')
    monkeypatch.setenv("PATH", f"{on_path.parent}:/usr/bin:/bin")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    assert find_java(tmp_path) == home


def test_a_java_that_spark_cannot_use_is_passed_over_for_one_in_the_systems_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = java(tmp_path / "old", 'java version "1.8.0_412"')
    good = java(tmp_path / "jvm" / "java-17-openjdk", 'openjdk version "17.0.15"')
    monkeypatch.setenv("PATH", f"{old.parent}:/bin")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    assert find_java(tmp_path / "jvm") == good


def test_without_java_the_mend_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(Missing, match="openjdk-17-jre-headless"):
        use_java(tmp_path)


def test_the_java_that_was_found_becomes_java_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", "")
    java(tmp_path / "java-17", 'openjdk version "17.0.15"')
    use_java(tmp_path)
    assert os.environ["JAVA_HOME"] == str(tmp_path / "java-17")


def program(folder: Path, name: str, *lines: str) -> None:
    """A program that a shell would find."""
    (folder / name).write_text("\n".join(["#!/bin/sh", *lines, ""]), encoding="utf-8")
    (folder / name).chmod(0o755)


def test_neither_apt_nor_java_is_given_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    program(folder, "apt-get", f'env >> "{tmp_path}/apt"')
    program(folder, "sudo", 'while [ "${1#-}" != "$1" ]; do shift; done', 'exec "$@"')
    program(folder, "java", f'env >> "{tmp_path}/java"', "echo 'java version \"1.8.0\"' >&2")
    monkeypatch.setattr(find_java, "__defaults__", (tmp_path,))
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "CANARY-SECRET-VALUE")
    monkeypatch.setenv("DATAALCHEMY_KV_PASSWORD", "CANARY-SECRET-VALUE")
    install_java(LogProgress())
    for name in ("apt", "java"):
        given = (tmp_path / name).read_text(encoding="utf-8")
        assert "PATH=" in given and "CANARY" not in given, name
