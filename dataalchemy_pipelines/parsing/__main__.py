"""The child process: reads documents from a socket, its standard input, and answers each in turn."""

from __future__ import annotations

import socket
from datetime import datetime
from typing import Any

from dataalchemy_pipelines.parsing.channel import Channel
from dataalchemy_pipelines.parsing.confine import allow_cpu, confine, near_memory_limit
from dataalchemy_pipelines.parsing.formats import parse
from dataalchemy_pipelines.parsing.verdict import Input, Reason, Unparsable


def answer(header: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
    """The reply to one document: its fields and text, or a reason; ``retire`` asks for a fresh child after it."""
    try:
        parsed, media_type = parse(payload, Input(**header))
    except MemoryError:
        return {"reason": "memory_limit", "retire": True}, b""
    except Unparsable as verdict:
        starved = near_memory_limit()
        reason: Reason = "memory_limit" if starved and verdict.reason == "broken" else verdict.reason
        return {"reason": reason, "retire": starved}, b""
    fields = {
        "title": parsed.title,
        "media_type": media_type,
        "authors": parsed.authors,
        "created_at": _written(parsed.created_at),
        "updated_at": _written(parsed.updated_at),
        "links": parsed.links,
    }
    return {"document": fields, "retire": near_memory_limit()}, parsed.text.encode()


def main() -> None:
    """Confine this process, say so, then serve until the parent closes its end."""
    channel = Channel(socket.socket(fileno=0))
    channel.send({"network_cut": confine()})
    while True:
        try:
            header, payload = channel.receive()
        except EOFError:
            return
        allow_cpu()
        channel.send(*answer(header, payload))


def _written(time: datetime | None) -> str | None:
    return time.isoformat() if time is not None else None


if __name__ == "__main__":
    main()
