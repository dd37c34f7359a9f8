"""Simulated machines: the files that sysfs, procfs and /dev of real cards show, with their numbers."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from resources.accelerator import Accelerator, Person, Problem, detect
from resources.errors import Misconfigured, Missing
from resources.gpu_amd import ROCM_RELATIVES, ROCM_TARGETS, gfx_name, override_name
from resources.gpu_nvidia import cuda_backend, cuda_capability

RENDER, VIDEO = 992, 44
MEMBER = Person("ada", frozenset({1000, RENDER, VIDEO}), lambda path: True)
STRANGER = Person("ada", frozenset({1000}), lambda path: False)


@dataclass(frozen=True)
class Amd:
    """What KFD says of one GPU: target version, SIMDs, device id, revision, bytes of the frame buffer."""

    version: int
    simds: int
    device_id: int
    revision: int
    memory_bytes: int


RX_7900_XTX = Amd(110000, 192, 0x744C, 0xC8, 25753026560)
RX_6900_XT = Amd(100300, 160, 0x73AF, 0xC0, 17163091968)
RX_6700_XT = Amd(100301, 80, 0x73DF, 0xC1, 12868124672)
MI250X_DIE = Amd(90010, 440, 0x740C, 0x01, 68702699520)
MI300X = Amd(90402, 1216, 0x74A1, 0x00, 206141652992)
RADEON_780M = Amd(110003, 24, 0x15BF, 0xC7, 536870912)
RADEON_8060S = Amd(110501, 80, 0x1586, 0xC1, 103079215104)
RYZEN_7000_GRAPHICS = Amd(100306, 4, 0x164E, 0xC7, 536870912)
RX_580 = Amd(80003, 144, 0x67DF, 0xE7, 8589934592)

AMDGPU_IDS = """# List of AMDGPU IDs
1.0.0
73AF,\tC0,\tAMD Radeon RX 6900 XT
73DF,\tC1,\tAMD Radeon RX 6700 XT
744C,\tC8,\tAMD Radeon RX 7900 XTX
744C,\tCC,\tAMD Radeon RX 7900 XT
74A1,\t00,\tAMD Instinct MI300X OAM
740C,\t01,\tAMD Instinct MI250X / MI250
15BF,\tC7,\tAMD Radeon 780M
1586,\tC1,\tRadeon 8060S Graphics
"""
GROUPS = "root:x:0:\nvideo:x:44:{members}\nrender:x:992:{members}\n"
H100 = (
    "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 236\nGPU UUID: \t GPU-8ff8d0c7-8d30-8e55-0980-ac69fc03a6b8\n"
    "Bus Type: \t PCIe\nDevice Minor: \t {minor}\n"
)
NVRM = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {driver}  Release Build  (dvs-builder@U16-I3-D08-1-2)"
    "  Mon Dec 30 17:26:13 UTC 2024\nGCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1ubuntu1~22.04)\n"
)


def put(root: Path, path: str, text: str = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def ubuntu(root: Path, members: str = "ada") -> None:
    put(root, "etc/group", GROUPS.format(members=members))
    put(root, "proc/sys/kernel/osrelease", "6.8.0-87-generic\n")
    put(root, "usr/share/libdrm/amdgpu.ids", AMDGPU_IDS)


def cpu_node(root: Path, number: int = 0) -> None:
    node = f"sys/class/kfd/kfd/topology/nodes/{number}"
    put(root, f"{node}/gpu_id", "0\n")
    put(
        root, f"{node}/properties", "cpu_cores_count 32\nsimd_count 0\ngfx_target_version 0\nvendor_id 0\ndevice_id 0\n"
    )
    put(root, f"{node}/mem_banks/0/properties", "heap_type 0\nsize_in_bytes 67319201792\nflags 0\nwidth 64\n")


def gpu_node(root: Path, number: int, card: Amd) -> None:
    """One GPU of the topology, and its render node: node 1 has renderD128, as kernels number them."""
    node, render = f"sys/class/kfd/kfd/topology/nodes/{number}", f"renderD{127 + number}"
    put(root, f"{node}/gpu_id", f"{50000 + number}\n")
    put(root, f"{node}/name", "ip discovery\n")
    put(
        root,
        f"{node}/properties",
        f"cpu_cores_count 0\nsimd_count {card.simds}\nmem_banks_count 1\nwave_front_size 32\n"
        f"gfx_target_version {card.version}\nvendor_id 4098\ndevice_id {card.device_id}\nlocation_id {768 * number}\n"
        f"domain 0\ndrm_render_minor {127 + number}\nnum_xcc 1\n",
    )
    put(root, f"{node}/mem_banks/0/properties", f"heap_type 1\nsize_in_bytes {card.memory_bytes}\nflags 0\nwidth 384\n")
    put(root, f"sys/class/drm/{render}/device/revision", f"0x{card.revision:02x}\n")
    put(root, f"dev/dri/{render}")
    put(root, "dev/kfd")


def amd(root: Path, *cards: Amd, members: str = "ada") -> Path:
    ubuntu(root, members)
    cpu_node(root)
    for number, card in enumerate(cards, start=1):
        gpu_node(root, number, card)
    return root


def nvidia(root: Path, *models: str, driver: str = "580.95.05") -> Path:
    ubuntu(root)
    put(root, "proc/driver/nvidia/version", NVRM.format(driver=driver))
    put(root, "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1")
    for minor, model in enumerate(models):
        put(
            root,
            f"proc/driver/nvidia/gpus/0000:{minor + 1:02x}:00.0/information",
            H100.format(minor=minor).replace("NVIDIA H100 80GB HBM3", model),
        )
        put(root, f"dev/nvidia{minor}")
    return root


@pytest.mark.parametrize(
    ("card", "target", "name", "gib"),
    [
        (RX_7900_XTX, "gfx1100", "AMD Radeon RX 7900 XTX", 24),
        (RX_6900_XT, "gfx1030", "AMD Radeon RX 6900 XT", 16),
        (MI300X, "gfx942", "AMD Instinct MI300X OAM", 192),
        (RADEON_8060S, "gfx1151", "Radeon 8060S Graphics", 96),
    ],
)
def test_a_supported_amd_card_is_found_with_name_target_and_memory(
    tmp_path: Path, card: Amd, target: str, name: str, gib: int
) -> None:
    found = detect(amd(tmp_path, card), person=MEMBER)
    assert (found.kind, found.torch_backend, found.problems, found.visible) == ("rocm", "rocm7.2", (), "")
    (device,) = found.devices
    assert (device.target, device.name, device.node) == (target, name, "1")
    assert device.memory_bytes is not None
    assert round(device.memory_bytes / 2**30) == gib
    assert found.describe() == f"rocm: {name} ({target}, {gib} GiB), driver in Linux 6.8.0-87-generic, torch rocm7.2"


def test_both_dies_of_an_mi250x_are_devices_and_the_packaged_driver_tells_its_version(tmp_path: Path) -> None:
    root = amd(tmp_path, MI250X_DIE, MI250X_DIE)
    put(root, "sys/module/amdgpu/version", "6.12.12\n")
    found = detect(root, person=MEMBER)
    assert [device.target for device in found.devices] == ["gfx90a", "gfx90a"]
    assert found.driver == "6.12.12"


def test_nodes_are_taken_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    found = detect(amd(tmp_path, *[MI300X] * 10), person=MEMBER)
    assert [device.node for device in found.devices] == [str(number) for number in range(1, 11)]


def test_a_topology_with_a_cpu_only_is_no_accelerator(tmp_path: Path) -> None:
    found = detect(amd(tmp_path), person=MEMBER)
    assert found == Accelerator("cpu", note="No GPU was found: everything runs on the CPU.")


def test_an_integrated_gpu_without_wheels_is_advised_to_stand_in_for_a_relative(tmp_path: Path) -> None:
    root = amd(tmp_path, RADEON_780M)
    found = detect(root, person=MEMBER)
    assert (found.kind, found.torch_backend) == ("cpu", "cpu")
    assert found.problems[0].what == "AMD Radeon 780M (gfx1103) is not in PyTorch's rocm7.2 wheels"
    assert "HSA_OVERRIDE_GFX_VERSION=11.0.0" in found.problems[0].fix
    assert detect(root, person=MEMBER, gfx_override="11.0.0").kind == "rocm"


@pytest.mark.parametrize("override", ["9.0.0", "11.0.9", "nonsense", "11.0", ""])
def test_an_override_of_another_generation_or_without_wheels_helps_nothing(tmp_path: Path, override: str) -> None:
    assert detect(amd(tmp_path, RADEON_780M), person=MEMBER, gfx_override=override).kind == "cpu"


def test_a_card_without_any_relative_is_told_so(tmp_path: Path) -> None:
    (problem,) = detect(amd(tmp_path, RX_580), person=MEMBER).problems
    assert problem == Problem(
        "AMD GPU gfx803 (gfx803) is not in PyTorch's rocm7.2 wheels",
        "Use another card; docs/rocm.md lists those that work.",
    )


def test_every_stand_in_has_wheels_and_no_target_with_wheels_needs_one() -> None:
    assert {override_name(near) for near in ROCM_RELATIVES.values()} <= ROCM_TARGETS
    assert not set(ROCM_RELATIVES) & ROCM_TARGETS


def test_the_processors_own_gpu_is_hidden_beside_a_card_that_works(tmp_path: Path) -> None:
    found = detect(amd(tmp_path, RYZEN_7000_GRAPHICS, RX_7900_XTX), person=MEMBER)
    assert [device.target for device in found.devices] == ["gfx1100"]
    assert found.visible == "1"
    assert len(found.problems) == 1


def test_someone_outside_the_groups_is_told_the_command(tmp_path: Path) -> None:
    found = detect(amd(tmp_path, RX_7900_XTX, members=""), person=STRANGER)
    assert found.kind == "cpu"
    assert found.problems == (
        Problem("ada may not open /dev/kfd", "sudo usermod -aG render,video ada, then log out and in again."),
    )
    assert found.note == "A GPU was found and cannot be used: everything runs on the CPU."


def test_a_login_older_than_its_groups_is_told_to_log_in_again(tmp_path: Path) -> None:
    (problem,) = detect(amd(tmp_path, RX_7900_XTX, members="root,ada"), person=STRANGER).problems
    assert problem.fix == "The groups are right but this login is older than they are: log out and in again."


def test_a_container_whose_groups_have_other_numbers_is_told_about_group_add(tmp_path: Path) -> None:
    person = Person("app", frozenset({RENDER, VIDEO}), lambda path: False)
    (problem,) = detect(amd(tmp_path, RX_7900_XTX), person=person).problems
    assert "--group-add" in problem.fix


def test_a_container_without_the_device_files_is_told_to_pass_them(tmp_path: Path) -> None:
    root = amd(tmp_path, RX_7900_XTX)
    (root / "dev/kfd").unlink()
    (problem,) = detect(root, person=MEMBER).problems
    assert problem.what == "/dev/kfd is not there"
    assert "--device=/dev/kfd" in problem.fix


def test_a_missing_render_node_is_named(tmp_path: Path) -> None:
    root = amd(tmp_path, RX_7900_XTX)
    (root / "dev/dri/renderD128").unlink()
    assert detect(root, person=MEMBER).problems[0].what == "/dev/dri/renderD128 is not there"


def test_an_amd_card_without_its_driver_is_told_to_load_it(tmp_path: Path) -> None:
    ubuntu(tmp_path)
    put(tmp_path, "sys/bus/pci/devices/0000:03:00.0/vendor", "0x1002\n")
    put(tmp_path, "sys/bus/pci/devices/0000:03:00.0/class", "0x030000\n")
    assert "modprobe amdgpu" in detect(tmp_path, person=MEMBER).problems[0].fix


def test_an_amd_bridge_is_not_taken_for_a_gpu(tmp_path: Path) -> None:
    put(tmp_path, "sys/bus/pci/devices/0000:00:00.0/vendor", "0x1002\n")
    put(tmp_path, "sys/bus/pci/devices/0000:00:00.0/class", "0x060400\n")
    assert detect(tmp_path, person=MEMBER).problems == ()


def test_wsl_says_that_an_amd_card_needs_the_windows_driver(tmp_path: Path) -> None:
    put(tmp_path, "dev/dxg")
    (problem,) = detect(tmp_path, person=MEMBER).problems
    assert "WSL" in problem.what
    assert "docs/rocm.md" in problem.fix


def test_wsl_with_an_nvidia_card_is_cuda_and_leaves_the_backend_to_uv(tmp_path: Path) -> None:
    put(tmp_path, "dev/dxg")
    put(tmp_path, "usr/lib/wsl/lib/libcuda.so.1")
    found = detect(tmp_path, person=MEMBER)
    assert (found.kind, found.torch_backend) == ("cuda", "auto")


@pytest.mark.parametrize(
    ("model", "driver", "capability", "backend"),
    [
        ("NVIDIA H100 80GB HBM3", "580.95.05", "9.0", "cu132"),
        ("NVIDIA H100 80GB HBM3", "550.144.03", "9.0", "cu126"),
        ("NVIDIA GeForce RTX 4090", "580.95.05", "8.9", "cu132"),
        ("NVIDIA GeForce RTX 5090", "595.45.04", "12.0", "cu132"),
        ("NVIDIA A100-SXM4-80GB", "535.247.01", "8.0", "cu126"),
        ("NVIDIA GeForce GTX 1080 Ti", "580.95.05", "6.1", "cu126"),
        ("Tesla V100-SXM2-16GB", "580.95.05", "7.0", "cu126"),
    ],
)
def test_an_nvidia_card_and_its_driver_choose_the_cuda_of_torch(
    tmp_path: Path, model: str, driver: str, capability: str, backend: str
) -> None:
    found = detect(nvidia(tmp_path, model, driver=driver), person=MEMBER)
    assert (found.kind, found.driver, found.torch_backend, found.problems) == ("cuda", driver, backend, ())
    assert [(device.name, device.target, device.node) for device in found.devices] == [(model, capability, "nvidia0")]


@pytest.mark.parametrize(("driver", "model"), [("470.256.02", "NVIDIA A40"), ("570.86.15", "NVIDIA GeForce RTX 5090")])
def test_a_driver_too_old_for_the_card_is_a_problem_with_its_mend(tmp_path: Path, driver: str, model: str) -> None:
    found = detect(nvidia(tmp_path, model, driver=driver), person=MEMBER)
    assert found.kind == "cpu"
    assert driver in found.problems[0].what
    assert "580" in found.problems[0].fix


def test_only_the_cards_that_a_container_was_given_are_devices(tmp_path: Path) -> None:
    root = nvidia(tmp_path, "NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3")
    (root / "dev/nvidia0").unlink()
    found = detect(root, person=MEMBER)
    assert [device.node for device in found.devices] == ["nvidia1"]
    assert found.problems[0].what == "NVIDIA H100 80GB HBM3: /dev/nvidia0 is not there"


def test_a_driver_without_its_library_or_a_card_without_a_driver_is_a_problem(tmp_path: Path) -> None:
    root = nvidia(tmp_path / "no-library", "NVIDIA A10")
    (root / "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1").unlink()
    assert "libnvidia-ml" in detect(root, person=MEMBER).problems[0].what
    put(tmp_path, "sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n")
    put(tmp_path, "sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n")
    assert "ubuntu-drivers" in detect(tmp_path, person=MEMBER).problems[0].fix


def test_a_card_goes_before_a_processors_own_gpu_and_amd_before_nvidia(tmp_path: Path) -> None:
    laptop = nvidia(amd(tmp_path / "laptop", RADEON_8060S), "NVIDIA GeForce RTX 4070 Laptop GPU")
    tower = nvidia(amd(tmp_path / "tower", RX_7900_XTX), "NVIDIA GeForce RTX 3060")
    assert detect(laptop, person=MEMBER).kind == "cuda"
    assert detect(laptop, "rocm", person=MEMBER).kind == "rocm"
    assert detect(tower, person=MEMBER).kind == "rocm"
    assert detect(tower, "cuda", person=MEMBER).kind == "cuda"


@pytest.mark.parametrize("wanted", ["rocm", "cuda"])
def test_what_was_asked_for_and_is_not_there_is_missing_and_never_replaced(tmp_path: Path, wanted: str) -> None:
    with pytest.raises(Missing, match=f"{wanted} was asked for"):
        detect(tmp_path, wanted, person=MEMBER)


def test_rocm_asked_for_by_someone_outside_the_groups_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(Missing) as caught:
        detect(amd(tmp_path, RX_7900_XTX, members=""), "rocm", person=STRANGER)
    assert caught.value.fix.startswith("sudo usermod -aG render,video ada")


def test_the_cpu_can_be_asked_for_and_another_word_is_refused(tmp_path: Path) -> None:
    assert detect(amd(tmp_path, RX_7900_XTX), "cpu", person=MEMBER).kind == "cpu"
    with pytest.raises(Misconfigured, match="gpu"):
        detect(tmp_path, "gpu")


def test_names_follow_the_kernels_packing() -> None:
    assert [gfx_name(version) for version in (90010, 90012, 90402, 100300, 110501, 120001)] == [
        "gfx90a", "gfx90c", "gfx942", "gfx1030", "gfx1151", "gfx1201",
    ]  # fmt: skip


def test_an_unknown_card_gets_the_newest_cuda_that_its_driver_runs() -> None:
    assert cuda_capability("NVIDIA Thing 9000") == ""
    assert cuda_backend("600.10", "") == "cu132"


def test_detection_needs_the_standard_library_alone() -> None:
    code = "from resources.accelerator import detect; print(detect(wanted='cpu').kind)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True
    )  # -S: no packages
    assert done.stdout == "cpu\n"


def test_this_machine_can_be_examined() -> None:
    assert detect().kind in {"rocm", "cuda", "cpu"}
