"""What goes into a parser and what comes out: an input, what its format says, or a verdict. Imports nothing of ours.

These values cross into the child process, which must start fast: ``core.records`` needs pyarrow (a quarter of a second
and 300 MB of address space), so a parser returns ``Parsed`` and the parent makes it a ``Document``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Reason = Literal[
    "empty",
    "unsupported_type",
    "archive_bomb",
    "broken",
    "encrypted",
    "memory_limit",
    "no_text",
    "time_limit",
    "too_deep",
    "too_large",
    "type_mismatch",
    "unreadable",
]
"""Why a document was not kept: the closed vocabulary of this stage."""

OUTCOMES: Mapping[Reason, str] = {
    "empty": "rejected",
    "unsupported_type": "rejected",
    "archive_bomb": "quarantined",
    "broken": "quarantined",
    "encrypted": "quarantined",
    "memory_limit": "quarantined",
    "no_text": "quarantined",
    "time_limit": "quarantined",
    "too_deep": "quarantined",
    "too_large": "quarantined",
    "type_mismatch": "quarantined",
    "unreadable": "quarantined",
}
"""The outcome that each reason leads to: rejected needs nobody, quarantined needs a person or a better parser."""


class Unparsable(Exception):
    """A parser's verdict that there is no document here, or none that can be trusted to be whole."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.outcome = OUTCOMES[reason]


@dataclass(frozen=True)
class Input:
    """One raw record without its bytes: the source's own key, what kind of item it is, and its declared type."""

    native_id: str
    kind: str = "file"
    media_type: str = "application/octet-stream"


@dataclass(frozen=True)
class Parsed:
    """What a format says of one document: Markdown text, and the fields that stand inside the format."""

    text: str
    title: str = ""
    authors: tuple[str, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    links: tuple[str, ...] = ()
