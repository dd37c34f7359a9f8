"""Where the demo lives: a lake and a home of its own below the data path, so that a user's own data start clean."""

from __future__ import annotations

from resources.settings import Settings, export


def demo_settings(settings: Settings) -> Settings:
    """The settings with everything moved to `demo/`, for this process and its children. Deleting the folder removes it."""
    home = settings.data_path / "demo"
    lake = f"{settings.lake_url.rstrip('/')}/demo" if settings.lake_url else (home / "lake").as_uri()
    export(DATAALCHEMY_DATA_PATH=str(home), DATAALCHEMY_LAKE=lake)
    return Settings.read()
