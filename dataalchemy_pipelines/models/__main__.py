"""`python -m dataalchemy_pipelines.models`: requests as JSON lines on stdin, replies on stdout, nothing else there."""

from __future__ import annotations

import argparse
import os
import sys

from dataalchemy_pipelines.models.lifeline import die_with
from resources.deployments import resources_for
from resources.device import torch_device
from resources.settings import Settings


def main() -> None:
    """Serve until stdin ends. What libraries print goes to stderr, since one stray line would spoil the replies."""
    parser = argparse.ArgumentParser(prog="dataalchemy_pipelines.models", description=__doc__)
    parser.add_argument("--parent", type=int, help="End when this process is no longer the parent.")
    parent = parser.parse_args().parent
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if parent is not None:
        die_with(parent)
    settings = Settings.read()
    device = torch_device(settings)
    # Imported once stdout is safe and the device chosen; until then nothing of torch is loaded.
    from dataalchemy_pipelines.models.server import ModelPlace, ModelServer

    lake = resources_for(settings)["lake"]
    ModelServer(ModelPlace(lake, settings.cache_path, device, settings.models_file)).serve(sys.stdin, replies)


if __name__ == "__main__":
    main()
