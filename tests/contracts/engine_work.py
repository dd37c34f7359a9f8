"""What the engine contract has workers do: import this module by name, since workers are processes of their own."""

from __future__ import annotations

import json
import os
import secrets
import time

from dataalchemy_pipelines.core.errors import LostDocuments
from resources.contracts import Lake
from resources.errors import Damaged

CALLED = "objects/called"
GO = "objects/go/go"
LONGEST_WAIT_S = 60.0


def count(lake: Lake, part: str) -> str:
    """Leave a trace of the call in the lake, and hand back the part's number, doubled."""
    number = json.loads(part)
    lake.put(f"{CALLED}/{number:03}-{secrets.token_hex(8)}", b"called")
    return json.dumps(number * 2)


def refuse_the_first(lake: Lake, part: str) -> str:
    """Part 0 fails. The next fifteen go through, and later ones wait for the word that the failure came out."""
    number = json.loads(part)
    if number == 0:
        raise Damaged("A file cannot be trusted", subject="part number 0", fix="Write it anew.")
    if number >= 16:
        _wait_for_the_word(lake)
    return count(lake, part)


def lose_documents(lake: Lake, part: str) -> str:
    """Fail with an error of the work on documents, not of a resource."""
    raise LostDocuments("Outcomes do not add up", subject="three documents", fix="Look at the ledger.")


def die_at_the_second(lake: Lake, part: str) -> str:
    """Part 1 takes its whole process with it, as the kernel does when memory runs out."""
    if json.loads(part) == 1:
        os._exit(137)
    return count(lake, part)


def _wait_for_the_word(lake: Lake) -> None:
    deadline = time.monotonic() + LONGEST_WAIT_S
    while not list(lake.listing("objects/go")) and time.monotonic() < deadline:
        time.sleep(0.05)
