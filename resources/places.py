"""A lake by its address, for commands that work on two lakes: where each is, and with whose credentials."""

from __future__ import annotations

from pathlib import Path

from resources.errors import Misconfigured, NotFound
from resources.lake import LocalLake, ObjectLake, S3Lake
from resources.settings import Settings


def lake_at(settings: Settings, address: str, *, side: str, endpoint: str | None = None) -> ObjectLake:
    """The lake at `file:///…`, `s3://bucket/prefix`, or a plain folder.

    Without ``endpoint`` an S3 store is the one of the settings. A server that is named has credentials of its own, in
    variables that begin with ``side``: FROM_AWS_ACCESS_KEY_ID, TO_AWS_SECRET_ACCESS_KEY.
    """
    if not address.startswith("s3://"):
        root = address if address.startswith("file:") else Path(address).expanduser().absolute().as_uri()
        return LocalLake(root=root)
    own = f"{side}_" if endpoint else ""
    return S3Lake(
        root=address.rstrip("/"),
        endpoint=endpoint or settings.s3_endpoint,
        region=settings.s3_region,
        ca_file=str(settings.s3_ca_file) if settings.s3_ca_file else None,
        key_variable=f"{own}AWS_ACCESS_KEY_ID",
        secret_variable=f"{own}AWS_SECRET_ACCESS_KEY",
    )


def refuse_unfit(source: ObjectLake, target: ObjectLake) -> None:
    """Raises NotFound where the source is a folder that is not there, Misconfigured where one lies in the other."""
    if isinstance(source, LocalLake) and not source.path.is_dir():
        raise NotFound("There is no lake here", subject=source.describe(), fix="Give the address of one that is.")
    one, other = (f"{_place(lake)}/" for lake in (source, target))
    if one.startswith(other) or other.startswith(one):
        raise Misconfigured(
            "One lake lies within the other",
            subject=f"{source.describe()}, {target.describe()}",
            fix="Choose a place apart.",
        )


def _place(lake: ObjectLake) -> str:
    if isinstance(lake, LocalLake):
        return lake.path.resolve().as_uri()
    return f"{getattr(lake, 'endpoint', None)} {lake.root.rstrip('/')}"
