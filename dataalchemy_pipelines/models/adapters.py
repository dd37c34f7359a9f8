"""Adapters of the lake, fetched by digest and merged into the one loaded base.

Merged weights answer as fast as the base's; the untouched weights are kept, so that switching is exact both ways.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from dataalchemy_pipelines.models.folder import MANIFEST, digest_of, make_once, sha256_of
from resources.contracts import Lake
from resources.errors import Damaged, Misconfigured

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"


def adapter_key(digest: str, file: str) -> str:
    """Where the lake keeps a file of an adapter."""
    return f"objects/adapters/{digest}/{file}"


def fetch_adapter(lake: Lake, digest: str, cache: Path) -> Path:
    """The folder of an adapter in the cache, each file verified. Raises NotFound, Damaged, Misconfigured."""
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise Misconfigured("Not the digest of an adapter", subject=digest[:80], fix="Give 64 hex digits.")
    folder = cache / "adapters" / digest

    def fetch(fresh: Path) -> None:
        names: dict[str, str] = json.loads(lake.get(adapter_key(digest, MANIFEST)))["files"]
        for name in names:
            if re.fullmatch(r"\w[\w.-]*", name):
                (fresh / name).write_bytes(lake.get(adapter_key(digest, name)))
        if digest_of({path.name: sha256_of(path) for path in fresh.iterdir()}) != digest:
            fix = "Train the adapter anew, or restore these files."
            raise Damaged("The adapter's files do not have its digest", subject=adapter_key(digest, ""), fix=fix)

    make_once(folder, fetch, cache)
    return folder


class AdapterSwitch:
    """Puts one adapter at a time into a model's own weights, and takes it out again bit for bit."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._base: dict[str, torch.Tensor] = {}
        self._current: Path | None = None

    def use(self, folder: Path | None) -> None:
        """Compute with the adapter in `folder`, or with the base alone. Raises Misconfigured on other kinds than LoRA.

        Cost: a third of a second and one copy of the adapted weights for 135 M parameters.
        """
        if folder == self._current:
            return
        deltas = lora_deltas(folder) if folder else {}
        with torch.inference_mode():
            for name, weight in self._base.items():
                self._model.get_submodule(name).weight.copy_(weight)
            for name, (down, up, scale) in deltas.items():
                weight = self._model.get_submodule(name).weight
                base = self._base.setdefault(name, weight.detach().clone())
                weight.copy_(base.float() + scale * (up.to(base.device).float() @ down.to(base.device).float()))
        self._current = folder


def lora_deltas(folder: Path) -> dict[str, tuple[torch.Tensor, torch.Tensor, float]]:
    """By module name: A (rank, in), B (out, rank) and the factor of their product B A. Raises Misconfigured."""
    config = json.loads((folder / CONFIG).read_bytes())
    special = ("use_dora", "use_rslora", "modules_to_save", "rank_pattern", "alpha_pattern", "fan_in_fan_out")
    odd = [name for name in special if config.get(name)]
    if config.get("peft_type") != "LORA" or config.get("bias") != "none" or odd:
        subject = f"{folder} ({', '.join(odd) or config.get('peft_type')})"
        raise Misconfigured("Not a plain LoRA adapter", subject=subject, fix="Use an adapter that was trained here.")
    tensors = load_file(folder / WEIGHTS)
    scale = float(config["lora_alpha"]) / int(config["r"])
    down, up = ".lora_A.weight", ".lora_B.weight"
    names = [key.removesuffix(down) for key in tensors if key.endswith(down)]
    return {name.removeprefix("base_model.model."): (tensors[name + down], tensors[name + up], scale) for name in names}
