"""What is missing is installed once, from pinned files, into an environment of each test's own."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from resources import provision
from resources.accelerator import Accelerator
from resources.errors import Missing

ROOT = Path(__file__).parents[3]
TORCH = ("torch.txt", "torch-rocm.txt")
PROBE = """
import json, sys
from pathlib import Path
from resources import provision
from resources.errors import DataAlchemyError

provision.REQUIREMENTS = Path(sys.argv[1])
provision.NEEDS["pebble"] = provision.Need("a pebble", ("pebble.txt",), ("pebble",), float(sys.argv[3]))
said = []
class Progress:
    def step(self, stage, done, total, *, unit="documents", note=""):
        said.append(note)
answer = {"before": provision.missing("pebble")}
if sys.argv[2] == "ensure":
    try:
        provision.ensure("pebble", Progress())
    except DataAlchemyError as error:
        answer["error"] = str(error)
answer |= {"after": provision.missing("pebble"), "said": [note for note in said if note]}
print(json.dumps(answer))
"""


@dataclass
class Environment:
    """A virtual environment that sees this project and its packages, and a folder of wheels instead of an index."""

    folder: Path

    def start(self, verb: str, *, disk_gb: float = 0.001) -> subprocess.Popen[str]:
        packages = [path for path in sys.path if path.endswith("site-packages")]
        variables = {
            "PATH": f"{self.folder}/tools:/usr/bin:/bin",
            "HOME": str(self.folder),
            "PYTHONPATH": ":".join([str(ROOT), *packages]),
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": str(self.folder / "wheels"),
        }
        command = [f"{self.folder}/venv/bin/python", "-c", PROBE, f"{self.folder}/requirements", verb, str(disk_gb)]
        return subprocess.Popen(command, env=variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, verb: str, *, disk_gb: float = 0.001) -> dict[str, object]:
        return finish(self.start(verb, disk_gb=disk_gb))

    @property
    def module(self) -> Path:
        return next((self.folder / "venv" / "lib").glob("python*/site-packages")) / "pebble.py"


def finish(process: subprocess.Popen[str]) -> dict[str, object]:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    answer: dict[str, object] = json.loads(out)
    return answer


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """An environment without the package `pebble`, and its wheel, pinned by hash."""
    uv = provision.find_uv()
    assert uv is not None, "uv is a requirement of the core"
    venv.create(tmp_path / "venv", symlinks=True)
    (tmp_path / "tools").mkdir()
    shutil.copy(uv, tmp_path / "tools" / "uv")
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "core.txt").write_text("", encoding="utf-8")
    digest = hashlib.sha256(wheel(tmp_path / "wheels").read_bytes()).hexdigest()
    pins = f"pebble==1.0 \\\n    --hash=sha256:{digest}\nboulder==2.0 ; sys_platform == 'win32'\n"
    (tmp_path / "requirements" / "pebble.txt").write_text(pins, encoding="utf-8")
    return Environment(tmp_path)


def wheel(folder: Path) -> Path:
    """The smallest package that can be installed."""
    folder.mkdir()
    path = folder / "pebble-1.0-py3-none-any.whl"
    files = {
        "pebble.py": "WEIGHT_G = 3\n",
        "pebble-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: pebble\nVersion: 1.0\n",
        "pebble-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "pebble-1.0.dist-info/RECORD"
    lines = [f"{name},sha256={_digest(text)},{len(text)}" for name, text in files.items()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, record: "\n".join([*lines, f"{record},,"]) + "\n"}.items():
            archive.writestr(name, text)
    return path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def test_what_is_missing_is_installed_and_said_with_its_size_first(environment: Environment) -> None:
    assert environment.run("ensure") == {"before": ["pebble"], "after": [], "said": ["a pebble, about 0.0 GB on disk"]}
    assert environment.module.is_file()


def test_what_is_there_is_left_alone_and_nothing_is_said(environment: Environment) -> None:
    environment.run("ensure")
    written = environment.module.stat().st_mtime_ns
    assert environment.run("ensure") == {"before": [], "after": [], "said": []}
    assert environment.module.stat().st_mtime_ns == written


def test_a_pin_for_another_platform_is_not_missed(environment: Environment) -> None:
    assert environment.run("look")["before"] == ["pebble"]


def test_another_version_than_the_pinned_one_is_missing(environment: Environment) -> None:
    environment.run("ensure")
    pins = environment.folder / "requirements" / "pebble.txt"
    pins.write_text(pins.read_text(encoding="utf-8").replace("==1.0", "==1.1"), encoding="utf-8")
    assert environment.run("look")["before"] == ["pebble"]


def test_an_installation_that_was_cut_short_is_done_again(environment: Environment) -> None:
    environment.run("ensure")
    environment.module.unlink()
    (environment.folder / "venv" / "installing-pebble").touch()
    assert environment.run("ensure")["before"] == ["pebble"]
    assert environment.module.is_file()


def test_two_processes_install_once(environment: Environment) -> None:
    answers = [finish(process) for process in [environment.start("ensure"), environment.start("ensure")]]
    assert [answer["after"] for answer in answers] == [[], []]
    notes = [note for answer in answers for note in answer["said"] if "GB" in note]  # type: ignore[attr-defined]
    assert len(notes) == 1


def test_a_wheel_whose_hash_is_not_the_pinned_one_is_refused(environment: Environment) -> None:
    with zipfile.ZipFile(environment.folder / "wheels" / "pebble-1.0-py3-none-any.whl", "a") as archive:
        archive.writestr("extra.py", "")
    answer = environment.run("ensure")
    assert "could not be installed: a pebble" in str(answer["error"])
    assert not environment.module.exists()


def test_too_little_room_is_said_before_anything_is_written(environment: Environment) -> None:
    answer = environment.run("ensure", disk_gb=1e9)
    assert "Too little room on the disk" in str(answer["error"])
    assert not (environment.folder / "venv" / "installing-pebble").exists()


def test_without_requirements_or_uv_the_error_says_what_an_image_must_hold(environment: Environment) -> None:
    (environment.folder / "tools" / "uv").unlink()
    assert "an image that holds: pebble" in str(environment.run("ensure")["error"])


def test_without_the_files_the_telling_packages_stand_for_the_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provision, "REQUIREMENTS", tmp_path / "absent")
    monkeypatch.setitem(provision.NEEDS, "some", provision.Need("some", ("x.txt",), ("pytest", "no-such-package"), 0.1))
    assert provision.missing("some") == ["no-such-package"]
    with pytest.raises(Missing, match="not installed here"):
        provision.ensure("some", progress=Silent())


def test_every_file_that_a_need_names_exists_and_is_pinned() -> None:
    for need in provision.NEEDS.values():
        for file in need.files:
            text = (ROOT / "requirements" / file).read_text(encoding="utf-8")
            assert provision._PIN.findall(text), file
            assert file in TORCH or text.count("--hash=sha256:") >= len(provision._PIN.findall(text)), file


def test_no_pinned_file_brings_another_pytorch() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        names = {name for name, _, _ in provision._PIN.findall(path.read_text(encoding="utf-8"))}
        heavy = {name for name in names if name.startswith(("nvidia-", "triton", "torch"))}
        assert heavy <= ({"torch"} if path.name in TORCH else set()), path.name


def test_an_amd_card_gets_the_last_pytorch_that_is_built_for_it_and_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    (pinned,) = dict(provision._pins("torch-rocm.txt")).values()
    asked: list[tuple[str, ...]] = []
    card = Accelerator("rocm", torch_backend="rocm7.2")
    monkeypatch.setattr(provision, "accelerator_of", lambda settings: card)
    monkeypatch.setattr(provision, "_run_uv", lambda *words, **more: asked.append(words) or 0)
    build = provision._torch_build([])
    assert build.arguments[0] == "--torch-backend=rocm7.2" and build.arguments[-1].endswith("torch-rocm.txt")
    assert asked == [("--dry-run", *build.arguments)]
    monkeypatch.setattr(provision, "version", lambda name: f"{pinned}+rocm7.2" if name == "torch" else "0")
    assert "torch" not in provision.missing("training")


def test_where_that_build_is_out_of_reach_the_ordinary_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provision, "accelerator_of", lambda settings: Accelerator("rocm", torch_backend="rocm7.2"))
    monkeypatch.setattr(provision, "_run_uv", lambda *words, **more: 1)
    build = provision._torch_build([])
    assert build.arguments == ["-r", str(ROOT / "requirements" / "torch.txt")]
    assert "out of reach" in build.note


def test_a_program_is_found_in_the_folder_given_for_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "minio"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert provision.find_program("minio") is None
    monkeypatch.setenv("DATAALCHEMY_TEST_BIN", str(program.parent))
    assert provision.find_program("minio") == program


class Silent:
    """Progress that nobody watches."""

    def step(self, stage: str, done: int, total: int | None, *, unit: str = "documents", note: str = "") -> None:
        """See `resources.contracts.Progress`."""
