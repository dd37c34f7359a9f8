"""From an entry of models.yaml to a model in memory: safetensors only, hashed, checked, never remote code."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from dataalchemy_pipelines.models.canary import Numerics
from dataalchemy_pipelines.models.chat import Chat
from dataalchemy_pipelines.models.convert import VERSION, convert_gguf
from dataalchemy_pipelines.models.folder import digest_of, hashes_of, make_once, refuse_code
from dataalchemy_pipelines.models.sources import ModelSource, source_of
from resources.errors import Misconfigured


@dataclass(frozen=True)
class ModelFolder:
    """A folder that may be loaded: where it came from, and the digest of what is in it."""

    folder: Path
    source: ModelSource
    digest: str
    converted: bool


@dataclass(frozen=True)
class ChatModel:
    """A causal language model with its chat format, ready to compute."""

    model: Any
    chat: Chat
    numerics: Numerics
    origin: ModelFolder

    def hidden(self, **inputs: Any) -> Any:
        """The decoder's output, before the costly projection onto the vocabulary."""
        return self.model.get_decoder()(**inputs)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """(..., vocabulary) in fp32, of hidden states (..., width)."""
        logits: torch.Tensor = self.model.get_output_embeddings()(hidden)
        return logits.float()


def model_folder(name: str, *, cache: Path, models_file: Path | None = None) -> ModelFolder:
    """The folder of the model that models.yaml calls `name`; a GGUF is converted on first use.

    Raises: Missing, Misconfigured (no such entry, pickles, no safetensors), Damaged (the cache was changed).
    """
    source = source_of(name, models_file)
    found = source.locate(cache)
    if found.suffix == ".gguf":
        file_sha256 = hashes_of(found.parent, cache, pattern=found.name)[found.name]
        digest = hashlib.sha256(f"{VERSION}\0{file_sha256}".encode()).hexdigest()
        folder = cache / "models" / f"{name}-{digest[:16]}"
        hashes = make_once(folder, lambda fresh: convert_gguf(found, fresh), cache)
        return ModelFolder(folder, source, digest_of(hashes), converted=True)
    if not found.is_dir():
        raise Misconfigured("Neither a folder nor a GGUF", subject=str(found), fix="Correct the entry in models.yaml.")
    refuse_code(found)
    return ModelFolder(found, source, digest_of(hashes_of(found, cache)), converted=False)


def load_chat_model(origin: ModelFolder, numerics: Numerics) -> ChatModel:
    """The base model in memory. Cost: about 2 s for 135 M parameters, 2 bytes each in bf16. Raises Misconfigured."""
    transformers_logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(origin.folder, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(
        origin.folder, dtype=numerics.dtype, attn_implementation="sdpa", local_files_only=True, use_safetensors=True
    )
    model = model.to(numerics.device).eval()
    loaded = ChatModel(model, Chat.of(tokenizer, model.config), numerics, origin)
    _projection_is_plain(loaded)
    return loaded


def load_embedder(origin: ModelFolder, numerics: Numerics) -> tuple[Any, Any]:
    """The embedder and its tokenizer in memory."""
    transformers_logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(origin.folder, local_files_only=True)
    model = AutoModel.from_pretrained(
        origin.folder, dtype=numerics.dtype, attn_implementation="sdpa", local_files_only=True, use_safetensors=True
    )
    return model.to(numerics.device).eval(), tokenizer


def _projection_is_plain(loaded: ChatModel) -> None:
    """Some families scale or cap their logits after the projection, which computing them apart would leave out."""
    tokens = torch.tensor([[*loaded.chat.head, *loaded.chat.tail]], device=loaded.numerics.device)
    with torch.inference_mode():
        whole = loaded.model(input_ids=tokens, use_cache=False).logits.float()
        apart = loaded.logits(loaded.hidden(input_ids=tokens, use_cache=False).last_hidden_state)
    if not torch.allclose(whole, apart, rtol=0.01, atol=0.01):
        kind = str(loaded.model.config.model_type)
        fix = "Use a model without logit scaling, such as one of the Llama family."
        raise Misconfigured("This kind of model is not supported", subject=kind, fix=fix)
