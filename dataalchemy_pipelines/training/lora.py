"""The trainable part: LoRA on every linear layer, computed in the model's own format, kept in fp32.

Adapters computed in fp32 beside a bf16 base, peft's default, train at half the speed (220 against 420 tokens/s on two
cores). Updates are far smaller than bf16 resolves, so the optimiser works on fp32 copies.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch import Tensor

from dataalchemy_pipelines.models.adapters import CONFIG, WEIGHTS


class Lora:
    """LoRA matrices put into a loaded model, with fp32 masters under the names that peft gives them in files."""

    def __init__(self, model: Any, *, rank: int, seed: int) -> None:
        self.config = LoraConfig(
            r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
        )
        with torch.random.fork_rng(), warnings.catch_warnings():
            # transformers announces a rename inside peft; nothing here can act on it.
            warnings.simplefilter("ignore", FutureWarning)
            torch.manual_seed(seed)
            wrapped = get_peft_model(model, self.config, autocast_adapter_dtype=False)
        self._computed = {
            name.replace(".default.", "."): parameter
            for name, parameter in wrapped.named_parameters()
            if parameter.requires_grad
        }
        self.masters = {name: parameter.detach().float().clone() for name, parameter in self._computed.items()}

    def take_gradients(self, bound: float) -> float:
        """Move the gradients to the masters, scaled so that their norm is at most `bound`; return the norm before."""
        for name, parameter in self._computed.items():
            gradient = parameter.grad
            self.masters[name].grad = None if gradient is None else gradient.float()
            parameter.grad = None
        return float(torch.nn.utils.clip_grad_norm_(self.masters.values(), bound))

    def push(self) -> None:
        """Let the model compute with the masters as they are now."""
        with torch.no_grad():
            for name, parameter in self._computed.items():
                parameter.copy_(self.masters[name])

    def save(self, folder: Path, *, base: str) -> None:
        """Write a standard PEFT folder; the same weights give the same bytes."""
        tensors: dict[str, Tensor] = {name: master.cpu().contiguous() for name, master in self.masters.items()}
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
        config = {**self.config.to_dict(), "base_model_name_or_path": base, "inference_mode": True}
        config["target_modules"] = sorted(config["target_modules"])
        (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True, default=list) + "\n")
