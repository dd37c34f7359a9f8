"""What Word, PowerPoint and Excel packages share: relationships between parts, and the core properties."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from datetime import datetime

from dataalchemy_pipelines.parsing.archive import Archive
from dataalchemy_pipelines.parsing.markup import name_of
from dataalchemy_pipelines.parsing.moment import moment


@dataclass(frozen=True)
class Relation:
    """One relationship of a part: the last word of its type, and the part or address that it points to."""

    kind: str
    target: str


@dataclass(frozen=True)
class Properties:
    """Dublin Core properties of a package."""

    title: str = ""
    authors: tuple[str, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None


def relations(archive: Archive, part: str) -> dict[str, Relation]:
    """The relationships of ``part`` ('' for the package) by id, in the order of the file."""
    folder, name = posixpath.split(part)
    root = archive.xml_or_none(posixpath.join(folder, "_rels", f"{name}.rels"))
    found: dict[str, Relation] = {}
    for node in () if root is None else root.iterchildren("{*}Relationship"):
        target = node.get("Target") or ""
        if node.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
        found[node.get("Id") or ""] = Relation((node.get("Type") or "").rpartition("/")[2], target)
    return found


def main_part(archive: Archive, default: str) -> str:
    """The part that holds the document itself."""
    for relation in relations(archive, "").values():
        if relation.kind == "officeDocument" and relation.target in archive.names:
            return relation.target
    return default


def properties(archive: Archive) -> Properties:
    """Title, author and times from the package's core properties; file times are never taken."""
    root = archive.xml_or_none("docProps/core.xml")
    if root is None:
        return Properties()
    values = {name_of(node): (node.text or "").strip() for node in root}
    return Properties(
        title=values.get("title", ""),
        authors=tuple(filter(None, [values.get("creator", "")])),
        created_at=moment(values.get("created")),
        updated_at=moment(values.get("modified")),
    )
