"""What stands between a lake and its store: Parquet's way to read one object, and the store's errors in our words."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError

from resources.errors import Unavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

MEND_DISK = "Make room or mend its permissions, then run the same command again; it continues."
MEND_STORE = "See that the store runs and its credentials are right (`dataalchemy doctor`), then run it again."
MEND_TRUST = "Set DATAALCHEMY_S3_CA_FILE to the PEM file of the authority that signed the store's certificate."
UNTRUSTED = "certificate not trusted"
TAIL_BYTES = 64 * 1024
"""Parquet is read from its end, and most files of small commits are smaller than this: they cost one request."""


class ObjectFile(io.RawIOBase):
    """A read-only seekable file over one object: one request for its end, and one for each read before that.

    Raises NotFoundError.
    """

    def __init__(self, store: ObjectStore, key: str) -> None:
        self._store, self._key, self._at = store, key, 0
        found = obstore.get(store, key, options={"range": {"suffix": TAIL_BYTES}})
        self._size, self._tail_at = int(found.meta["size"]), int(found.range[0])
        self._tail = bytes(found.bytes())

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Offset of the next read, in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to an offset from the start, from here, or from the end."""
        self._at = int({io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]) + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` from the object; 0 at its end."""
        length = min(len(buffer), self._size - self._at)
        if length <= 0:
            return 0
        if self._at >= self._tail_at:
            start = self._at - self._tail_at
            buffer[:length] = self._tail[start : start + length]
        else:
            buffer[:length] = bytes(obstore.get_range(self._store, self._key, start=self._at, length=length))
        self._at += length
        return length


class Speaking:
    """Turns the store's own errors into ours, with the store's name and the mend, and without its configuration."""

    def __init__(self, name: str, *, mend: str) -> None:
        self._name, self._mend = name, mend

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, NotFoundError | AlreadyExistsError | FileNotFoundError):
            return
        if isinstance(error, OSError) and error.errno is not None:
            raise Unavailable(
                "The lake cannot be written",
                subject=f"{self._name} ({os.strerror(error.errno)})",
                fix=MEND_DISK,
            ) from None
        if isinstance(error, OSError | BaseError) or _of_delta(error):  # delta-rs' OSError has no number
            reason = reason_of(error)
            raise Unavailable(
                "The lake did not answer as it should",
                subject=f"{self._name} ({reason})",
                fix=_MENDS.get(reason, self._mend),
            ) from None


def _of_delta(error: BaseException | None) -> bool:
    from deltalake.exceptions import DeltaError

    return isinstance(error, DeltaError)


def reason_of(error: BaseException | None) -> str:
    """A store's error as a few words of a closed list; its own text may quote addresses and keys."""
    text = str(error).lower().replace("retry_timeout", "")  # a setting that every error of obstore quotes
    for words, reason in _REASONS:
        if any(word in text for word in words):
            return reason
    return type(error).__name__


NO_SPACE, NO_ANSWER, CLOCKS = "no space left", "no answer", "the clocks differ"
_MENDS = {
    NO_SPACE: "Make room where the lake is kept, then run the same command again; it continues.",
    CLOCKS: "Set the clock of this machine or of the store right, then run the same command again; it continues.",
    UNTRUSTED: MEND_TRUST,
}
_REASONS = (
    (("invalid peer certificate", "unknownissuer"), UNTRUSTED),
    (("requesttimetooskewed",), CLOCKS),
    (("no space", "storagefull", "storage full", "os error 28", "quota"), NO_SPACE),
    (("permission denied", "os error 13", "read-only", "os error 30"), "permission denied"),
    (("file too large", "os error 27"), "file size limit"),
    (
        ("accessdenied", "invalidaccesskey", "signaturedoesnotmatch", "403 forbidden", "unauthorized"),
        "credentials refused",
    ),
    (("nosuchbucket",), "no such bucket"),
    (("connection refused", "connect error", "tcp connect", "dns error"), "connection refused"),
    (("connection reset", "connectionreset", "incompletemessage", "broken pipe"), "connection lost"),
    (("timed out", "timeout"), "timed out"),
    (("503 service", "slowdown", "service unavailable"), "service unavailable"),
    (("500 internal", "502 bad", "504 gateway", "507 insufficient"), "server error"),
    (("error sending request",), NO_ANSWER),
)
