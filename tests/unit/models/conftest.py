"""A tiny model made once for the tests of models."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dataalchemy_pipelines.models.canary import Numerics
from dataalchemy_pipelines.models.load import ChatModel, ModelFolder, load_chat_model
from dataalchemy_pipelines.models.sources import ModelSource
from dataalchemy_pipelines.models.tiny import make_tiny_model

EXACT = Numerics("cpu", torch.float32)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture
def tiny(tiny_folder: Path) -> ChatModel:
    origin = ModelFolder(tiny_folder, ModelSource(path=tiny_folder), "0" * 64, converted=False)
    return load_chat_model(origin, EXACT)
