"""The key-value store: a SQLite file on one machine, Redis or Valkey for several. Nothing in it is worth a backup.

Values are at most 512 KB. A lease's fencing token is the larger of the last one plus one and the clock in milliseconds:
it grows over expiry and release in any case, and over a wiped store as long as the clock does not go back.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import dagster as dg
from pydantic import field_validator

from resources.errors import Damaged, Misconfigured, Unavailable
from resources.settings import secret

MAX_VALUE_BYTES = 512 * 1024
TIMEOUT_S = 5.0  # how long a locked file or a silent server is waited for
_ITEM, _LEASE, _TOKEN = "dataalchemy:item:", "dataalchemy:lease:", "dataalchemy:token:"
_OUT_OF_USE = "The key-value store cannot be used"
_REPLACEABLE = "it holds only what is made again."
_LIVE = "(expires_ms IS NULL OR expires_ms > ?)"
_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE items (key TEXT PRIMARY KEY, value BLOB, expires_ms INTEGER) WITHOUT ROWID;
CREATE INDEX mortal ON items (expires_ms) WHERE expires_ms IS NOT NULL;
CREATE TABLE leases (name TEXT PRIMARY KEY, owner TEXT, token INTEGER, expires_ms INTEGER) WITHOUT ROWID;
"""


class SqliteKv(dg.ConfigurableResource[Any]):
    """A SQLite file in WAL mode on a local disk; what a call has returned is on disk.

    Each call opens the file anew (0.3 ms a read, 1 ms a write), so that threads, forks and a removed file need no care.
    """

    path: str

    def describe(self) -> str:
        """Where the store is, for people."""
        return f"SQLite in {self.path}"

    def check(self) -> None:
        """Raises Unavailable or Damaged when the store can't be written. Cost: one small write."""
        self.set("check", b"", ttl_s=1)

    def get(self, key: str) -> bytes | None:
        """The value of a key, or None where it is absent or expired."""
        with self._open() as connection:
            for (value,) in connection.execute(f"SELECT value FROM items WHERE key = ? AND {_LIVE}", (key, _now_ms())):
                return bytes(value)
        return None

    def set(self, key: str, value: bytes, *, ttl_s: float | None = None) -> None:
        """Write a value, in place of any other. Raises Misconfigured on more than 512 KB or a ``ttl_s`` not above 0."""
        expires_ms = _lifetime_ms(ttl_s, value, after_ms=_now_ms())
        with self._write() as connection:
            connection.execute("REPLACE INTO items VALUES (?, ?, ?)", (key, value, expires_ms))

    def set_if_absent(self, key: str, value: bytes, *, ttl_s: float | None = None) -> bool:
        """Write a value unless the key has one; True for the one caller that wrote it."""
        expires_ms = _lifetime_ms(ttl_s, value, after_ms=_now_ms())
        with self._write() as connection:
            query = "INSERT OR IGNORE INTO items VALUES (?, ?, ?)"
            return connection.execute(query, (key, value, expires_ms)).rowcount == 1

    def increment(self, key: str, *, ttl_s: float | None = None) -> int:
        """Count up from 0; ``ttl_s`` runs from the first count. Raises Damaged where the value is no number."""
        expires_ms = _lifetime_ms(ttl_s, after_ms=_now_ms())
        with self._write() as connection:
            row = connection.execute("SELECT value, expires_ms FROM items WHERE key = ?", (key,)).fetchone()
            value, expires_ms = row or (b"0", expires_ms)
            if not value.isdigit():
                raise Damaged("The value is no count", subject=key, fix=f"Delete the key: {_REPLACEABLE}")
            connection.execute("REPLACE INTO items VALUES (?, ?, ?)", (key, b"%d" % (int(value) + 1), expires_ms))
        return int(value) + 1

    def delete(self, key: str) -> None:
        """Remove a key; one that is gone already is no error."""
        with self._write() as connection:
            connection.execute("DELETE FROM items WHERE key = ?", (key,))

    def scan(self, prefix: str) -> list[str]:
        """Every key that starts with ``prefix``, sorted."""
        with self._open() as connection:
            query = f"SELECT key FROM items WHERE key >= ? AND {_LIVE} ORDER BY key"
            rows = connection.execute(query, (prefix, _now_ms()))
            return [key for (key,) in takewhile(lambda row: row[0].startswith(prefix), rows)]

    def acquire(self, name: str, *, owner: str, ttl_s: float) -> int | None:
        """Take a lease, or renew one's own under the same token; None while another holds it."""
        expires_ms = _lifetime_ms(ttl_s, after_ms=_now_ms())
        with self._write() as connection:
            row = connection.execute("SELECT owner, token, expires_ms FROM leases WHERE name = ?", (name,)).fetchone()
            holder, token, until_ms = row or ("", 0, 0)
            if until_ms <= _now_ms():
                token = max(token + 1, _now_ms())
            elif holder != owner:
                return None
            connection.execute("REPLACE INTO leases VALUES (?, ?, ?, ?)", (name, owner, token, expires_ms))
        return int(token)

    def release(self, name: str, *, owner: str) -> bool:
        """Give a lease back; False when it had expired or passed to another."""
        with self._write() as connection:
            query = "UPDATE leases SET expires_ms = 0 WHERE name = ? AND owner = ? AND expires_ms > ?"
            return connection.execute(query, (name, owner, _now_ms())).rowcount == 1

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own. Raises Unavailable when locked or full, Damaged when the file is no database."""
        try:
            if not (path := Path(self.path).absolute()).exists():
                _create(path)
            address = f"{path.as_uri()}?mode=rw"
            with closing(sqlite3.connect(address, uri=True, timeout=TIMEOUT_S, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
        except (sqlite3.OperationalError, OSError) as error:
            reason = getattr(error, "sqlite_errorname", type(error).__name__)
            fix = "It needs a writable local disk with space left; try again."
            raise Unavailable(_OUT_OF_USE, subject=f"{self.path} ({reason})", fix=fix) from None
        except sqlite3.DatabaseError:
            raise Damaged(_OUT_OF_USE, subject=self.path, fix=f"rm {self.path}*: {_REPLACEABLE}") from None

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """One transaction that has the write lock from its start, after the expired items are gone."""
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM items WHERE expires_ms <= ?", (_now_ms(),))
            yield connection
            connection.execute("COMMIT")


class RedisKv(dg.ConfigurableResource[Any]):
    """Redis or Valkey, over TLS where ``url`` says ``rediss``. Plain commands and transactions: no Lua, no pub/sub.

    ``password_variable`` names the variable that holds the password. It is read and a connection opened for each call
    (1 ms on one machine), so a changed password counts at once and no secret stays in the object.
    """

    url: str
    password_variable: str = "DATAALCHEMY_KV_PASSWORD"

    @field_validator("url")
    @classmethod
    def _holds_no_password(cls, url: str) -> str:
        if urlsplit(url).password is not None:
            fix = "Take it out of DATAALCHEMY_KV and set DATAALCHEMY_KV_PASSWORD."
            raise Misconfigured("The address holds a password", subject="key-value store", fix=fix)
        return url

    def describe(self) -> str:
        """Where the store is, for people; never the password."""
        return f"Redis at {self.url}"

    def check(self) -> None:
        """Raises Unavailable or Misconfigured when the store can't be written. Cost: one small write."""
        self.set("check", b"", ttl_s=1)

    def get(self, key: str) -> bytes | None:
        """The value of a key, or None where it is absent or expired."""
        with self._client() as client:
            return cast("bytes | None", client.get(_ITEM + key))

    def set(self, key: str, value: bytes, *, ttl_s: float | None = None) -> None:
        """Write a value, in place of any other. Raises Misconfigured on more than 512 KB or a ``ttl_s`` not above 0."""
        with self._client() as client:
            client.set(_ITEM + key, value, px=_lifetime_ms(ttl_s, value))

    def set_if_absent(self, key: str, value: bytes, *, ttl_s: float | None = None) -> bool:
        """Write a value unless the key has one; True for the one caller that wrote it."""
        with self._client() as client:
            return bool(client.set(_ITEM + key, value, px=_lifetime_ms(ttl_s, value), nx=True))

    def increment(self, key: str, *, ttl_s: float | None = None) -> int:
        """Count up from 0; ``ttl_s`` runs from the first count. Raises Damaged where the value is no number."""
        from redis import ResponseError

        with self._client() as client, client.pipeline() as pipe:
            pipe.set(_ITEM + key, b"0", px=_lifetime_ms(ttl_s), nx=True)
            pipe.incr(_ITEM + key)
            try:
                return int(pipe.execute()[1])
            except ResponseError as error:
                if type(error) is not ResponseError:  # its subclasses tell of the server, not of the value
                    raise
                raise Damaged("The value is no count", subject=key, fix=f"Delete the key: {_REPLACEABLE}") from None

    def delete(self, key: str) -> None:
        """Remove a key; one that is gone already is no error."""
        with self._client() as client:
            client.delete(_ITEM + key)

    def scan(self, prefix: str) -> list[str]:
        """Every key that starts with ``prefix``, sorted."""
        literal = "".join(f"\\{letter}" if letter in "\\*?[]^" else letter for letter in prefix)
        with self._client() as client:
            found = client.scan_iter(match=f"{_ITEM}{literal}*", count=1000)  # may name a key twice
            return sorted({key.decode().removeprefix(_ITEM) for key in found})

    def acquire(self, name: str, *, owner: str, ttl_s: float) -> int | None:
        """Take a lease, or renew one's own under the same token; None while another holds it."""
        lease, last = _LEASE + name, _TOKEN + name
        with self._client() as client, client.pipeline() as pipe:
            pipe.watch(lease, last)
            token, holder = _parted(pipe.get(lease))
            if holder and holder != owner:
                return None
            if not holder:
                seconds, microseconds = client.time()
                token = max(int(pipe.get(last) or 0) + 1, seconds * 1000 + microseconds // 1000)
            pipe.multi()
            pipe.set(lease, f"{token} {owner}", px=_lifetime_ms(ttl_s))
            pipe.set(last, token)
            return token if _done(pipe) else None

    def release(self, name: str, *, owner: str) -> bool:
        """Give a lease back; False when it had expired or passed to another."""
        lease = _LEASE + name
        with self._client() as client, client.pipeline() as pipe:
            pipe.watch(lease)
            if _parted(pipe.get(lease))[1] != owner:
                return False
            pipe.multi()
            pipe.delete(lease)
            return _done(pipe)

    @contextmanager
    def _client(self) -> Iterator[Any]:
        """A connection for one call. Raises Misconfigured when the password is refused, Unavailable on all else."""
        import redis

        # No retry: a count that is sent again after a lost reply would count twice.
        retry = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
        options: dict[str, Any] = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S, "retry": retry}
        try:
            with redis.Redis.from_url(self.url, password=secret(self.password_variable), **options) as client:
                yield client
        except (redis.AuthenticationError, redis.exceptions.NoPermissionError):
            fix = f"Set {self.password_variable} to the password of the store."
            raise Misconfigured(_OUT_OF_USE, subject=f"{self.url} (wrong password)", fix=fix) from None
        except (redis.RedisError, OSError) as error:
            fix = "Start it, or correct DATAALCHEMY_KV (a private authority: ?ssl_ca_certs=FILE); `dataalchemy doctor`."
            reason = "certificate not trusted" if "CERTIFICATE_VERIFY" in str(error) else type(error).__name__
            raise Unavailable(_OUT_OF_USE, subject=f"{self.url} ({reason})", fix=fix) from None


def _create(path: Path) -> None:
    """Make the store under another name and link it into place: nobody sees half of it, and the first one stays.

    Opening and closing the real file here would drop the locks that other threads hold (sqlite.org, How To Corrupt).
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        draft = Path(folder) / path.name
        with closing(sqlite3.connect(draft)) as connection:
            connection.executescript(_SCHEMA)
        draft.chmod(0o600)
        with suppress(FileExistsError):
            path.hardlink_to(draft)


def _parted(lease: bytes | None) -> tuple[int, str]:
    """The token and the owner in a lease's value; 0 and nobody where there is none."""
    token, _, owner = (lease or b"0 ").decode().partition(" ")
    return int(token), owner


def _done(pipe: Any) -> bool:
    """Run a transaction; False when another changed the watched keys first, or there was nothing left to remove."""
    from redis.exceptions import WatchError

    try:
        return all(pipe.execute())
    except WatchError:
        return False


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _lifetime_ms(ttl_s: float | None, value: bytes = b"", *, after_ms: int = 0) -> int | None:
    """Milliseconds to live, counted from ``after_ms``; None for ever. Raises Misconfigured on what cannot be kept."""
    if len(value) > MAX_VALUE_BYTES:
        fix = f"Put it into the lake and keep its key: {MAX_VALUE_BYTES} bytes are the most."
        raise Misconfigured("The value is too large for the key-value store", subject=f"{len(value)} bytes", fix=fix)
    if ttl_s is not None and ttl_s <= 0:
        raise Misconfigured("A time to live must be above 0", subject=f"{ttl_s} s", fix="Delete the key instead.")
    return None if ttl_s is None else after_ms + max(1, round(ttl_s * 1000))
