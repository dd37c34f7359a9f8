"""All that a run would need to go on: weights, optimiser, step, and what it has seen so far."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from resources.contracts import Lake
from resources.errors import NotFound

MANIFEST = "manifest.json"
STATE = "state.safetensors"


@dataclass
class Counters:
    """Where a run stands. ``halvings`` counts how often a loss that was no number halved the learning rate."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    halvings: int = 0
    losses: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class State:
    """A run at one step; the tensors are copies."""

    tensors: dict[str, Tensor]
    counters: Counters

    @classmethod
    def of(cls, masters: dict[str, Tensor], optimiser: torch.optim.AdamW, counters: Counters) -> State:
        """Copy everything that a step changes."""
        tensors = {f"weight/{name}": master.detach().clone() for name, master in masters.items()}
        for name, master in masters.items():
            for part, value in optimiser.state.get(master, {}).items():
                tensors[f"{part}/{name}"] = value.detach().clone()
        return cls(tensors, Counters(**asdict(counters)))

    def restore(self, masters: dict[str, Tensor], optimiser: torch.optim.AdamW) -> Counters:
        """Put everything back, bit for bit; return the counters of that step."""
        optimiser.state.clear()
        for key, value in self.tensors.items():
            part, _, name = key.partition("/")
            if part == "weight":
                with torch.no_grad():
                    masters[name].copy_(value)
            else:
                kept = value.clone() if part == "step" else value.to(masters[name].device, copy=True)
                optimiser.state[masters[name]][part] = kept
        return Counters(**asdict(self.counters))


def write_checkpoint(lake: Lake, folder: str, state: State) -> None:
    """Write the state, then the manifest that makes it count, then remove the ones before it."""
    place = f"{folder}/{state.counters.step:08d}"
    body = save({name: tensor.cpu().contiguous() for name, tensor in state.tensors.items()})
    lake.put(f"{place}/{STATE}", body)
    manifest = {"sha256": hashlib.sha256(body).hexdigest(), "counters": asdict(state.counters)}
    lake.put(f"{place}/{MANIFEST}", json.dumps(manifest).encode())
    drop_checkpoints(lake, folder, but=place)


def newest_checkpoint(lake: Lake, folder: str) -> State | None:
    """The newest checkpoint whose manifest is there and whose bytes are what it says, or None."""
    for key in sorted(lake.listing(folder), reverse=True):
        if not key.endswith(MANIFEST):
            continue
        manifest: dict[str, Any] = json.loads(lake.get(key))
        try:
            body = lake.get(key.removesuffix(MANIFEST) + STATE)
        except NotFound:
            continue
        if hashlib.sha256(body).hexdigest() == manifest["sha256"]:
            return State(load(body), Counters(**manifest["counters"]))
    return None


def drop_checkpoints(lake: Lake, folder: str, *, but: str = "") -> None:
    """Remove the checkpoints of a run, `but` one; manifests first, so that none is left without its state."""
    keys = [key for key in lake.listing(folder) if not but or not key.startswith(but)]
    lake.delete(sorted(keys, key=lambda key: not key.endswith(MANIFEST)))
