"""Where the demo lives: a lake and a home of its own below the data path, so that a user's own data start clean."""

from __future__ import annotations

import hashlib
from pathlib import Path

from resources.settings import Settings, export


def demo_settings(settings: Settings, samples: Path | None = None) -> Settings:
    """The settings with everything moved to `demo/`, for this process and its children. Deleting the folder removes it.

    Samples of one's own get a folder beside it, so that they are never mixed with the bundled ones. A Dagster that
    works elsewhere has one lake, so there the demo is a source of that lake.
    """
    if settings.dagster_url:
        return settings
    name = "demo" if samples is None else f"demo-{hashlib.sha256(str(samples.absolute()).encode()).hexdigest()[:8]}"
    home = settings.data_path / name
    lake = f"{settings.lake_url.rstrip('/')}/{name}" if settings.lake_url else (home / "lake").as_uri()
    export(DATAALCHEMY_DATA_PATH=str(home), DATAALCHEMY_LAKE=lake)
    return Settings.read()
