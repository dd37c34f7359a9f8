"""The sources that there are, one a line."""

from __future__ import annotations

from dataalchemy_pipelines.connectors.documents import Folder

CATALOGUE: tuple[tuple[str, type], ...] = (("documents", Folder),)
