"""The kinds of sources that there are, one a line: how each is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from dataalchemy_pipelines.connectors.documents import Folder
from dataalchemy_pipelines.connectors.inbox import Inbox
from dataalchemy_pipelines.core.records import RawRecord, Source
from resources.contracts import Lake


class Connector(Protocol):
    """What a source must offer: everything it holds, as received."""

    def records(self) -> Iterator[RawRecord]:
        """Each item once, in any order; one that could not be read carries its reason instead of its bytes."""
        ...


CATALOGUE: dict[str, Callable[[Lake, Source], Connector]] = {
    "folder": lambda _, source: Folder(Path(source.root), source.access, exclude=frozenset(source.exclude)),
    "inbox": lambda lake, source: Inbox(lake, source.drops),
}
