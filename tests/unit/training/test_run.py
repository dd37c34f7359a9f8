"""A training from spec to adapter: repeatable, resumable, done once, loadable by stock peft."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from dataalchemy_pipelines.models.adapters import AdapterSwitch, fetch_adapter
from dataalchemy_pipelines.training import run
from dataalchemy_pipelines.training.run import Workplace, train
from resources.errors import DataAlchemyError, Misconfigured
from resources.lake import LocalLake

from .conftest import put_spec


def test_what_was_learnt_lowers_the_loss_on_pairs_that_were_not_seen(place: Workplace) -> None:
    messages: list[dict[str, Any]] = []
    result = train(put_spec(place, max_steps=30), place, tell=messages.append)
    assert result["valid_nll_after"] < result["valid_nll_before"] - 0.5
    assert [message["step"] for message in messages] == list(range(1, 31))
    assert messages[-1]["total"] == 30 and messages[-1]["memory_mb"] > 0


def test_a_spec_that_was_trained_is_answered_from_the_lake(place: Workplace) -> None:
    key = put_spec(place)
    first = train(key, place, tell=lambda message: None)
    told: list[dict[str, Any]] = []
    assert train(key, place, tell=told.append) == first
    assert told == []


def test_the_same_spec_in_another_lake_gives_the_same_adapter_byte_for_byte(place: Workplace, tmp_path: Path) -> None:
    key = put_spec(place)
    first = train(key, place, tell=lambda message: None)
    other = Workplace(LocalLake(root=str(tmp_path / "other")), place.cache, place.device, place.models_file)
    for kept in (key, "objects/training_data/x.parquet"):
        other.lake.put(kept, place.lake.get(kept))
    second = train(key, other, tell=lambda message: None)
    assert second["adapter"] == first["adapter"] and second["losses"] == first["losses"]


def test_a_run_killed_after_a_checkpoint_goes_on_to_the_same_adapter(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "CHECKPOINT_S", 0.0)
    key = put_spec(place, max_steps=14)
    whole = train(key, place, tell=lambda message: None)
    other = Workplace(LocalLake(root=str(tmp_path / "other")), place.cache, place.device, place.models_file)
    for kept in (key, "objects/training_data/x.parquet"):
        other.lake.put(kept, place.lake.get(kept))

    def die_at_12(message: dict[str, Any]) -> None:
        if message["step"] == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(key, other, tell=die_at_12)
    steps: list[int] = []
    resumed = train(key, other, tell=lambda message: steps.append(message["step"]))
    assert steps == [11, 12, 13, 14]
    assert resumed["adapter"] == whole["adapter"]
    assert list(other.lake.listing("objects/checkpoints")) == []


def test_told_to_end_it_leaves_its_last_anchor_and_goes_on_from_there(place: Workplace, tmp_path: Path) -> None:
    """As a cluster ends the pod of a training: SIGTERM to a process, long before a checkpoint is due."""
    key = put_spec(place, max_steps=100_000)
    environment = {**os.environ, "DATAALCHEMY_DATA_PATH": str(tmp_path), "DATAALCHEMY_DEVICE": "cpu"}
    environment |= {"DATAALCHEMY_LAKE": (tmp_path / "lake").as_uri(), "DATAALCHEMY_MODELS": str(place.models_file)}
    command = [sys.executable, "-m", "dataalchemy_pipelines.training", "--spec", key]
    steps = [0]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            message = json.loads(line)
            assert "step" in message, message
            steps.append(message["step"])
            if steps[-1] == 25:
                process.terminate()
    assert process.returncode == 128 + signal.SIGTERM
    assert steps == list(range(steps[-1] + 1))

    def die_at_once(message: dict[str, Any]) -> None:
        steps.append(message["step"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(key, place, tell=die_at_once)
    assert steps[-1] == steps[-2] // 10 * 10 + 1


def test_a_loss_that_is_no_number_leads_back_and_halves_the_rate(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    poison = {7}
    original = run.Training._loss

    def loss(self: run.Training, examples: Any, *, reduction: str) -> torch.Tensor:
        value = original(self, examples, reduction=reduction)
        if reduction == "mean" and self.counters.step in poison:
            poison.clear()
            return value * float("nan")
        return value

    monkeypatch.setattr(run.Training, "_loss", loss)
    result = train(put_spec(place), place, tell=lambda message: told.append(message["step"]))
    assert result["halvings"] == 1
    assert told == [*range(1, 8), *range(1, 13)]
    assert all(value == value for value in result["losses"])


def test_a_rate_that_never_converges_ends_with_a_word_and_no_result(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = run.Training._loss
    monkeypatch.setattr(
        run.Training,
        "_loss",
        lambda self, examples, *, reduction: original(self, examples, reduction=reduction) * float("inf"),
    )
    with pytest.raises(DataAlchemyError, match="diverged"):
        train(put_spec(place), place, tell=lambda message: None)
    assert list(place.lake.listing("objects/adapters")) == []


def test_stock_peft_and_our_merge_compute_the_same(place: Workplace, tiny_folder: Path, tmp_path: Path) -> None:
    result = train(put_spec(place), place, tell=lambda message: None)
    folder = fetch_adapter(place.lake, result["adapter"], tmp_path / "fetched")
    ids = torch.arange(5, 45)[None]
    ours = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32)
    base = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32)
    with torch.inference_mode():
        plain = ours(ids).logits
        switch = AdapterSwitch(ours)
        switch.use(folder)
        merged = ours(ids).logits
        stock = PeftModel.from_pretrained(base, folder)(ids).logits
        switch.use(None)
        restored = ours(ids).logits
    assert not torch.allclose(plain, merged, atol=1e-3)
    assert torch.allclose(merged, stock, atol=1e-4)
    assert torch.equal(restored, plain)


def test_the_adapter_in_the_lake_has_a_card_and_no_path_of_this_machine(place: Workplace) -> None:
    result = train(put_spec(place), place, tell=lambda message: None)
    folder = f"objects/adapters/{result['adapter']}"
    files = json.loads(place.lake.get(f"{folder}/manifest.json"))["files"]
    assert set(files) == {"README.md", "adapter_config.json", "adapter_model.safetensors"}
    config = json.loads(place.lake.get(f"{folder}/adapter_config.json"))
    assert config["base_model_name_or_path"] == "tiny" and config["r"] == 4
    assert b"public" in place.lake.get(f"{folder}/README.md")


def test_a_spec_with_an_unknown_field_is_refused_by_its_name(place: Workplace) -> None:
    place.lake.put("objects/training_specs/bad.json", b'{"data": "x", "training_set_id": "x", "epochs": 3}')
    with pytest.raises(Misconfigured, match="epochs"):
        train("objects/training_specs/bad.json", place, tell=lambda message: None)
