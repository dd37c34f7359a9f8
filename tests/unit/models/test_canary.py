"""The choice of numbers follows the device's abilities and its answers."""

from __future__ import annotations

import pytest
import torch

from dataalchemy_pipelines.models import canary
from dataalchemy_pipelines.models.canary import choose_numerics
from resources.errors import Damaged, Missing


def test_the_cpu_gets_bf16_exactly_where_it_has_instructions_for_it() -> None:
    features = torch.cpu.get_capabilities()
    has_bf16 = bool(features.get("avx512_bf16") or features.get("amx_bf16") or features.get("bf16"))
    assert choose_numerics("cpu").dtype == (torch.bfloat16 if has_bf16 else torch.float32)


def test_a_device_whose_bf16_is_wrong_computes_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "_has_bf16", lambda device: True)
    monkeypatch.setattr(canary, "_worst_error", lambda device, dtype: 1.0 if dtype == torch.bfloat16 else 0.0)
    assert choose_numerics("cpu").dtype == torch.float32


def test_a_device_that_computes_no_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "_attention", lambda heads: heads * float("nan"))
    with pytest.raises(Damaged):
        choose_numerics("cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU that PyTorch can use")
def test_a_gpu_that_this_pytorch_cannot_use_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(Missing, match="DATAALCHEMY_DEVICE=cpu"):
        choose_numerics("cuda")
