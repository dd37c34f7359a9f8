"""The whole graph, training included, pressed in a real browser on the containers' own pages; with the real models."""

from __future__ import annotations

from typing import Any

import pytest

from resources.settings import CHECKOUT
from tests.images.conftest import Deployment
from tests.system.test_browser import Pages, materialize, not_green, page

__all__ = ["page"]

pytestmark = [pytest.mark.images, pytest.mark.timeout(3000)]


def test_the_whole_graph_is_made_from_the_pages_of_the_containers(deployment: Deployment, page: Any) -> None:
    if deployment.inside_of("code", "python3", "-c", "import torch").returncode:
        pytest.skip(
            "the image has no PyTorch, which is 6 GB more; DATAALCHEMY_TORCH=cuda in the environment puts it there"
        )
    deployment.work_from_here()
    sent = deployment.dataalchemy("ingest", str(CHECKOUT / "samples" / "handbook"))
    assert sent.returncode == 0, sent.stderr
    pages = Pages(deployment.ui)
    materialize(pages, page, "full_cycle")
    materialize(pages, page, "maintain")
    assert not_green(pages) == []
