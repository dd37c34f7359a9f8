"""What compose.yaml, the Dockerfile and the build's context promise, read from the files themselves."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from resources.compose import SECRET_BYTES
from resources.settings import CHECKOUT, SECRET_VARIABLES, Settings

FILE: dict[str, Any] = yaml.safe_load((CHECKOUT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text(encoding="utf-8")
VARIABLE = re.compile(r"^\$\{[A-Z0-9_]+:[-?][^}]*\}$")


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> dict[str, Any]:
    return SERVICES[str(request.param)]


def test_a_service_has_no_capability_no_new_privilege_and_no_writable_root(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["read_only"] is True
    assert not {"privileged", "pid", "ipc", "network_mode", "devices"} & set(service)


def test_a_service_mounts_named_volumes_only_and_never_the_engines_socket(service: dict[str, Any]) -> None:
    assert all(volume.split(":")[0] in FILE["volumes"] for volume in service.get("volumes", []))
    assert "docker.sock" not in yaml.safe_dump(service)


def test_a_service_publishes_on_loopback_only(service: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:${") for port in service.get("ports", []))


def test_a_service_says_whether_it_is_healthy_and_has_limits(service: dict[str, Any]) -> None:
    assert service["healthcheck"]["test"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert service["logging"]["options"]["max-size"]


def test_a_service_waits_for_healthy_ones_only(service: dict[str, Any]) -> None:
    assert all(part == {"condition": "service_healthy"} for part in service.get("depends_on", {}).values())


def test_an_image_is_a_variable_with_a_version_as_its_default(service: dict[str, Any]) -> None:
    assert VARIABLE.match(service["image"])
    reference = service["image"].split(":-")[1].rstrip("}")
    assert ":" in reference
    assert not reference.endswith(":latest")


def test_a_secret_stands_in_the_file_by_name_alone() -> None:
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            if re.search("PASSWORD|SECRET|ACCESS_KEY|WEBHOOK|ROOT_USER", name):
                assert re.match(r"^\$\{[A-Z_]+:[-?]", value), name
                assert value.split("{")[1].split(":")[0] in SECRET_VARIABLES, name


def test_every_secret_that_first_use_makes_is_one_that_the_containers_get() -> None:
    assert set(SECRET_BYTES) <= set(SERVICES["code"]["environment"])
    assert set(SECRET_BYTES) <= set(SECRET_VARIABLES)


def test_the_containers_are_told_settings_that_exist() -> None:
    known = {str(field.alias) for field in Settings.model_fields.values()} | set(SECRET_VARIABLES) | {"DAGSTER_HOME"}
    assert set(SERVICES["code"]["environment"]) - known == set()


def test_the_database_has_no_way_out() -> None:
    assert FILE["networks"]["stores"]["internal"] is True
    assert SERVICES["postgres"]["networks"] == ["stores"]


def test_every_base_is_an_argument() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    stages = re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE, re.MULTILINE)
    assert [base for base in bases if base not in stages and not re.match(r"^\$\{[A-Z]+_IMAGE\}$", base)] == []


def test_every_final_image_runs_as_a_user_with_a_name() -> None:
    for target in ("pipelines", "minio", "operator"):
        stage = DOCKERFILE.split(f" AS {target}\n")[1].split("\nFROM ")[0]
        assert "\nUSER 10001:10001\n" in stage
        assert re.search(r"useradd --uid 10001 ", stage)


def test_minio_is_the_version_that_the_tests_build() -> None:
    pinned = re.search(r"MINIO_VERSION=(\S+)", DOCKERFILE)
    script = (CHECKOUT / "scripts" / "test-services").read_text(encoding="utf-8")
    assert pinned is not None
    assert f"minio_version={pinned[1]}\n" in script


def test_the_build_sees_nothing_but_what_it_copies() -> None:
    lines = (CHECKOUT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    copied = {
        word for line in re.findall(r"^COPY ((?!--from).*)", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]
    }
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    assert {word.split("/")[0] for word in copied} == allowed


def test_only_the_file_that_is_asked_for_hands_out_the_engines_socket() -> None:
    launcher = yaml.safe_load((CHECKOUT / "compose.run-launcher.yaml").read_text(encoding="utf-8"))["services"]
    assert [name for name, service in launcher.items() if service.get("volumes")] == ["webserver", "daemon"]


def test_a_run_in_a_container_of_its_own_is_as_closed_as_the_others_and_gets_what_they_get() -> None:
    path = CHECKOUT / "resources" / "instances" / "run-launcher-docker.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))["run_launcher"]["config"]
    given, code = config["container_kwargs"], SERVICES["code"]
    assert (
        given["read_only"] and given["cap_drop"] == code["cap_drop"] and given["security_opt"] == code["security_opt"]
    )
    optional = {name for name, value in code["environment"].items() if str(value).endswith(":-}")}
    judged_as = "DATAALCHEMY_PRINCIPALS"
    assert set(config["env_vars"]) == set(code["environment"]) - optional | {judged_as}
    assert config["networks"] == [f"${{project}}_{name}" for name in code["networks"]]
    assert given["volumes"] == [f"${{project}}_{mount}" for mount in code["volumes"]]
    assert Settings().compose_project == FILE["name"]
