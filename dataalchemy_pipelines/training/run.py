"""From a spec in the lake to an adapter and a result in the lake; a spec with a result is not trained again."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataalchemy_pipelines.models.adapters import adapter_key
from dataalchemy_pipelines.models.canary import choose_numerics
from dataalchemy_pipelines.models.folder import MANIFEST, digest_of, hashes_of
from dataalchemy_pipelines.models.load import ModelFolder, load_chat_model, model_folder
from dataalchemy_pipelines.training.card import model_card
from dataalchemy_pipelines.training.examples import Example, Examples, read_examples
from dataalchemy_pipelines.training.loop import Training, peak_memory_mb
from dataalchemy_pipelines.training.spec import CODE_VERSION, RunKeys, TrainingSpec
from dataalchemy_pipelines.training.state import State, drop_checkpoints, newest_checkpoint, write_checkpoint
from resources.contracts import Lake
from resources.errors import NotFound

CHECKPOINT_S = 30.0
VALIDATION_TOKENS = 2048
"""Tokens of validation pairs that are scored before and after: some 4 s each on two cores in fp32."""

Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Workplace:
    """Where a training runs: lake, cache, device for torch, and a models.yaml if not the usual one."""

    lake: Lake
    cache: Path
    device: str
    models_file: Path | None = None


def train(spec_key: str, place: Workplace, *, tell: Tell) -> dict[str, Any]:
    """Train what `spec_key` describes, or find it done; return its result. `tell` gets a message for each step.

    SystemExit, as a signal's handler raises it, leaves a checkpoint first.
    Raises: NotFound, Misconfigured, Missing, Damaged, and DataAlchemyError where training diverges.
    """
    spec = TrainingSpec.read(place.lake, spec_key)
    origin = model_folder(spec.base, cache=place.cache, models_file=place.models_file)
    numerics = choose_numerics(place.device)
    keys = RunKeys.of(spec, origin.digest, numerics.describe())
    if (done := _result(place.lake, keys)) is not None:
        return done
    loaded = load_chat_model(origin, numerics)
    examples = read_examples(
        place.lake, spec.data, loaded.chat, longest=min(spec.settings.token_budget, loaded.chat.max_tokens)
    )
    valid = _first(examples.valid, VALIDATION_TOKENS)
    training = Training(loaded, examples.train, spec.settings)
    before = training.nll(valid)
    if (state := newest_checkpoint(place.lake, keys.checkpoints)) is not None:
        training.resume(state)
    with _checkpoints(place.lake, keys.checkpoints) as keep:
        training.run(report=tell, keep=keep)
    nll = {"valid_nll_before": before, "valid_nll_after": training.nll(valid)}
    result = {
        "adapter": _publish(training, spec, origin, place),
        **_figures(training, examples),
        **{name: round(value, 6) for name, value in nll.items() if value == value},
        "valid_tokens": sum(example.labels for example in valid),
        "base_digest": origin.digest,
        "numerics": numerics.describe(),
        "code_version": CODE_VERSION,
        "losses": training.counters.losses,
    }
    place.lake.create(keys.result, json.dumps(result, sort_keys=True).encode())
    drop_checkpoints(place.lake, keys.checkpoints)
    return result


def _result(lake: Lake, keys: RunKeys) -> dict[str, Any] | None:
    try:
        result: dict[str, Any] = json.loads(lake.get(keys.result))
    except NotFound:
        return None
    return result


def _figures(training: Training, examples: Examples) -> dict[str, Any]:
    counters = training.counters
    return {
        "steps": counters.step,
        "loss_first": counters.losses[0],
        "loss_last": counters.losses[-1],
        "halvings": counters.halvings,
        "tokens": counters.tokens,
        "seconds": round(counters.seconds, 2),
        "tokens_per_s": round(counters.tokens / max(counters.seconds, 1e-9), 1),
        "memory_mb": peak_memory_mb(),
        "train_rows": len(examples.train),
        "too_long": examples.too_long,
    }


def _first(examples: list[Example], tokens: int) -> list[Example]:
    """The first examples that together stay within `tokens`."""
    chosen: list[Example] = []
    for example in examples:
        tokens -= len(example.tokens)
        if tokens < 0:
            break
        chosen.append(example)
    return chosen


@contextmanager
def _checkpoints(lake: Lake, folder: str) -> Iterator[Callable[[State], None]]:
    """Takes anchors. One becomes a checkpoint when the last is old, and the newest where the process is told to end.

    Never a state between anchors: what goes on from it would fall back to another place than a run in one piece.
    """
    written, unwritten = time.monotonic(), None

    def keep(anchor: State) -> None:
        nonlocal written, unwritten
        unwritten = anchor
        if time.monotonic() - written >= CHECKPOINT_S:
            write_checkpoint(lake, folder, anchor)
            written, unwritten = time.monotonic(), None

    try:
        yield keep
    except SystemExit:
        if unwritten is not None:
            write_checkpoint(lake, folder, unwritten)
        raise


def _publish(training: Training, spec: TrainingSpec, origin: ModelFolder, place: Workplace) -> str:
    """Put the adapter's files into the lake, the manifest that makes it whole last; return its digest."""
    with tempfile.TemporaryDirectory(dir=place.cache) as temporary:
        folder = Path(temporary)
        training.lora.save(folder, base=origin.source.name)
        (folder / "README.md").write_text(model_card(spec, origin), encoding="utf-8")
        hashes = hashes_of(folder, folder / ".memory")
        digest = digest_of(hashes)
        for name in hashes:
            place.lake.put(adapter_key(digest, name), (folder / name).read_bytes())
        place.lake.put(adapter_key(digest, MANIFEST), json.dumps({"files": hashes}, sort_keys=True).encode())
    return digest
