"""The loop: forward, loss on completions, backward, step; anchors to fall back to, checkpoints to go on from."""

from __future__ import annotations

import itertools
import math
import resource
import time
from collections.abc import Callable, Sequence

import torch
from torch.nn import functional

from dataalchemy_pipelines.models.batches import batches_by_length, pad_right
from dataalchemy_pipelines.models.load import ChatModel
from dataalchemy_pipelines.training.examples import Example, batch_order
from dataalchemy_pipelines.training.lora import Lora
from dataalchemy_pipelines.training.spec import TrainingSettings
from dataalchemy_pipelines.training.state import Counters, State
from resources.errors import DataAlchemyError

ANCHOR_STEPS = 10
"""Steps between two states to fall back to; counted in steps, so that a run that falls back is repeatable."""
WARMUP_STEPS = 5
LOWEST_SHARE = 0.1
GRADIENT_NORM = 1.0
MOST_HALVINGS = 6

Report = Callable[[dict[str, float]], None]
Keep = Callable[[State], None]


class Training:
    """One run over its examples. ``keep`` is handed each anchor and decides whether to write it to the lake."""

    def __init__(self, loaded: ChatModel, examples: Sequence[Example], settings: TrainingSettings) -> None:
        self._loaded, self._examples, self._settings = loaded, examples, settings
        self.lora = Lora(loaded.model, rank=settings.rank, seed=settings.seed)
        self._optimiser = torch.optim.AdamW(self.lora.masters.values(), lr=settings.learning_rate, weight_decay=0.0)
        self.counters = Counters()

    def resume(self, state: State) -> None:
        """Go on from a checkpoint of the same run."""
        self.counters = state.restore(self.lora.masters, self._optimiser)
        self.lora.push()

    def run(self, *, report: Report, keep: Keep) -> None:
        """Learn until the steps or the seconds are used up.

        A loss or gradient that is no number leads back to the last anchor, with half the learning rate.
        Raises: DataAlchemyError when halving does not help.
        """
        anchor = self._anchor()
        batches = self._batches()
        while self._goes_on():
            if self._step(next(batches)):
                report(self._report())
                if self.counters.step % ANCHOR_STEPS == 0:
                    anchor = self._anchor()
                    keep(anchor)
                continue
            halvings = self.counters.halvings + 1
            if halvings > MOST_HALVINGS:
                fix = "Lower the learning rate, and look for pairs that are not text."
                raise DataAlchemyError("Training diverged", subject=f"step {self.counters.step}", fix=fix)
            self.resume(anchor)
            self.counters.halvings = halvings
            batches = self._batches()

    def nll(self, examples: Sequence[Example]) -> float:
        """Mean nats a label token; not a number where there are no examples."""
        total, count = 0.0, 0
        lengths = [len(example.tokens) for example in examples]
        with torch.inference_mode():
            for batch in batches_by_length(lengths, token_budget=self._settings.token_budget):
                total += float(self._loss([examples[row] for row in batch], reduction="sum"))
                count += sum(examples[row].labels for row in batch)
        return total / count if count else math.nan

    def _goes_on(self) -> bool:
        seconds = self._settings.max_seconds
        return self.counters.step < self._settings.max_steps and (seconds is None or self.counters.seconds < seconds)

    def _anchor(self) -> State:
        return State.of(self.lora.masters, self._optimiser, self.counters)

    def _batches(self) -> itertools.islice[list[int]]:
        lengths = [len(example.tokens) for example in self._examples]
        order = batch_order(lengths, token_budget=self._settings.token_budget, seed=self._settings.seed)
        return itertools.islice(order, self.counters.step, None)

    def _step(self, batch: list[int]) -> bool:
        """One update; False, with nothing changed, where the numbers are no numbers."""
        started = time.monotonic()
        examples = [self._examples[row] for row in batch]
        loss = self._loss(examples, reduction="mean")
        loss.backward()
        norm = self.lora.take_gradients(GRADIENT_NORM)
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(norm)):
            return False
        for group in self._optimiser.param_groups:
            group["lr"] = self._learning_rate()
        self._optimiser.step()
        self.lora.push()
        self.counters.step += 1
        self.counters.tokens += sum(len(example.tokens) for example in examples)
        self.counters.seconds += time.monotonic() - started
        self.counters.losses.append(round(value, 6))
        return True

    def _learning_rate(self) -> float:
        """Up along a line, then down along a cosine to a tenth."""
        step, steps = self.counters.step, self._settings.max_steps
        rise = min(1.0, (step + 1) / WARMUP_STEPS)
        fall = LOWEST_SHARE + (1 - LOWEST_SHARE) * 0.5 * (1 + math.cos(math.pi * step / steps))
        return self._settings.learning_rate * min(rise, fall) * 0.5**self.counters.halvings

    def _loss(self, examples: Sequence[Example], *, reduction: str) -> torch.Tensor:
        """Cross entropy of the label tokens; logits are computed nowhere else, as 49,152 words are most of the cost."""
        ids = pad_right([example.tokens for example in examples], self._loaded.chat.end, self._loaded.numerics.device)
        hidden = self._loaded.hidden(input_ids=ids, use_cache=False).last_hidden_state
        ends = [(row, len(example.tokens), example.labels) for row, example in enumerate(examples)]
        states = torch.cat([hidden[row, end - labels - 1 : end - 1] for row, end, labels in ends])
        wanted = torch.cat([ids[row, end - labels : end] for row, end, labels in ends])
        return functional.cross_entropy(self._loaded.logits(states), wanted, reduction=reduction)

    def _report(self) -> dict[str, float]:
        counters = self.counters
        return {
            "step": counters.step,
            "total": self._settings.max_steps,
            "loss": counters.losses[-1],
            "tokens_per_s": round(counters.tokens / max(counters.seconds, 1e-9), 1),
            "memory_mb": peak_memory_mb(),
        }


def peak_memory_mb() -> int:
    """The most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
