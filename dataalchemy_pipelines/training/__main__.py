"""`python -m dataalchemy_pipelines.training --spec KEY`: progress, then result or error, as JSON lines on stdout."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import traceback
from types import FrameType, TracebackType
from typing import Any

from dataalchemy_pipelines.models.lifeline import die_with
from resources.deployments import resources_for
from resources.device import torch_device
from resources.errors import DataAlchemyError
from resources.settings import Settings


def main() -> int:
    """Train; 0 when the result is in the lake. What libraries print goes to stderr, lest it spoil the lines."""
    parser = argparse.ArgumentParser(prog="dataalchemy_pipelines.training", description=__doc__)
    parser.add_argument("--spec", required=True, help="Key of the spec in the lake.")
    parser.add_argument("--parent", type=int, help="End when this process is no longer the parent.")
    arguments = parser.parse_args()
    lines = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(message: dict[str, Any]) -> None:
        lines.write(json.dumps(message) + "\n")
        lines.flush()

    sys.excepthook = _say_without_words
    signal.signal(signal.SIGTERM, _end)
    if arguments.parent is not None:
        die_with(arguments.parent)
    try:
        tell({"result": _train(arguments.spec, tell)})
    except DataAlchemyError as error:
        fields = {"what": error.what, "subject": error.subject, "fix": error.fix}
        tell({"error": {"kind": type(error).__name__, **fields}})
        return 1
    return 0


def _end(signum: int, _: FrameType | None) -> None:
    """The first process of a container would go on: without a handler the kernel keeps SIGTERM from it."""
    raise SystemExit(128 + signum)


def _say_without_words(kind: type[BaseException], _: BaseException, trace: TracebackType | None) -> None:
    """An unexpected error by its kind and place: its message may hold a document's text, and in a pod this is a log."""
    traceback.print_tb(trace)
    sys.stderr.write(f"{kind.__qualname__}\n")


def _train(spec_key: str, tell: Any) -> dict[str, Any]:
    settings = Settings.read()
    device = torch_device(settings)
    # Imported once stdout is safe and the device chosen; until then nothing of torch is loaded.
    from dataalchemy_pipelines.training.run import Workplace, train

    settings.cache_path.mkdir(parents=True, exist_ok=True)
    place = Workplace(resources_for(settings)["lake"], settings.cache_path, device, settings.models_file)
    return train(spec_key, place, tell=tell)


if __name__ == "__main__":
    sys.exit(main())
