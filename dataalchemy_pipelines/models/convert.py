"""One GGUF file -> a folder of bf16 safetensors with its tokenizer, made once and kept in the cache."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.utils import logging as transformers_logging

from resources.errors import Misconfigured

VERSION = "1"
"""Part of the folder's name: raise it when the conversion gives other bytes."""


def convert_gguf(file: Path, folder: Path) -> None:
    """De-quantise `file` into `folder`. Cost: about 15 s and 1.2 GB for 135 M parameters. Raises Misconfigured.

    The loader marks the model as quantised and then refuses to save it, hence the copy into a plain model.
    """
    transformers_logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        packed = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    except (ValueError, OSError, KeyError) as error:
        fix = "Give a GGUF of an architecture that transformers reads, such as llama."
        raise Misconfigured("Cannot read the GGUF file", subject=f"{file} ({type(error).__name__})", fix=fix) from error
    config = packed.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    plain.load_state_dict(packed.state_dict())
    plain.tie_weights()
    plain.generation_config = GenerationConfig.from_model_config(AutoConfig.for_model(**config.to_dict()))
    plain.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
