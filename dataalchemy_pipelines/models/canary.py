"""Which numbers to compute with on a device: bf16 where the hardware has it and it proves true, else fp32.

The choice rests on what the device can do and on a comparison with CPU fp32, never on a stopwatch: a busy machine must
not change results. Measured on two cores with avx512_bf16: 1.6 times as many tokens a second in bf16 as in fp32.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from resources.errors import Damaged, Missing

TRUE_ENOUGH = 0.02
"""Largest error relative to the largest value; bf16 keeps 8 bits, so a sum of products is off by about 0.004."""


@dataclass(frozen=True)
class Numerics:
    """Where and how to compute."""

    device: str
    dtype: torch.dtype

    def describe(self) -> str:
        """Device and number format, for people."""
        return f"{self.device} {str(self.dtype).removeprefix('torch.')}"


def choose_numerics(device: str) -> Numerics:
    """The numbers for `device` ("cpu" or "cuda", which ROCm answers to as well). Cost: some milliseconds.

    Raises: Missing where this PyTorch can't use the device; Damaged where even fp32 on it disagrees with the CPU.
    """
    if device != "cpu" and not torch.cuda.is_available():
        fix = "Install PyTorch's build for it (docs/rocm.md says how), or set DATAALCHEMY_DEVICE=cpu."
        raise Missing("PyTorch cannot use the GPU that is here", subject=f"torch {torch.__version__}", fix=fix)
    for dtype in (torch.bfloat16, torch.float32):
        if (dtype == torch.float32 or _has_bf16(device)) and _worst_error(device, dtype) < TRUE_ENOUGH:
            return Numerics(device, dtype)
    fix = "Set DATAALCHEMY_DEVICE=cpu, and test the driver."
    raise Damaged("The device computes wrong numbers", subject=device, fix=fix)


def _has_bf16(device: str) -> bool:
    if device == "cpu":
        features = torch.cpu.get_capabilities()
        return bool(features.get("avx512_bf16") or features.get("amx_bf16") or features.get("bf16"))
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def _worst_error(device: str, dtype: torch.dtype) -> float:
    """Relative error of a product and of masked attention on the device against CPU fp32."""
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(96, 64, generator=generator), torch.randn(64, 96, generator=generator)
    heads = torch.randn(2, 3, 48, 64, generator=generator)
    near, far = (left, right, heads), tuple(tensor.to(device, dtype) for tensor in (left, right, heads))
    pairs = [(near[0] @ near[1], far[0] @ far[1]), (_attention(near[2]), _attention(far[2]))]
    return max(_relative(far_result.float().cpu(), near_result) for near_result, far_result in pairs)


def _attention(heads: Tensor) -> Tensor:
    return functional.scaled_dot_product_attention(heads, heads, heads, is_causal=True)


def _relative(found: Tensor, expected: Tensor) -> float:
    error = float((found - expected).abs().max() / expected.abs().max())
    return error if error == error else float("inf")
