"""The lake: tables and objects under one root, on a directory or on an S3-compatible store.

`LocalLake` and `S3Lake` differ in how a store is opened and in what makes a write durable; all else is shared.
How a table is opened, checked and committed stands in `resources/tables.py`.
"""

from __future__ import annotations

import json
import secrets
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

import dagster as dg
import obstore
from obstore.exceptions import AlreadyExistsError, NotFoundError

from resources import durable, tables
from resources.contracts import Change, Snapshot, TableFile, TableSpec
from resources.errors import Misconfigured, Missing, NotFound, Unavailable
from resources.settings import secret
from resources.store import MEND_DISK, MEND_STORE, ObjectFile, Speaking
from resources.trust import trusted

if TYPE_CHECKING:
    import pyarrow as pa
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

REQUEST_TIMEOUT_S = 30
CONNECT_TIMEOUT_S = 5
RETRIES = 4
RETRY_TIMEOUT_S = 20


class ObjectLake(dg.ConfigurableResource[Any]):
    """What a directory and an object store have in common. Subclasses open the store and say what makes it durable."""

    root: str

    def describe(self) -> str:
        """Where the lake is, for people; never a credential."""
        return self.root

    def address(self) -> str:
        """What a worker needs to open the same lake: class and fields, with secrets by the name of their variable."""
        return json.dumps({"lake": type(self).__name__, **self.model_dump(mode="json")}, sort_keys=True)

    @abstractmethod
    def _open(self) -> ObjectStore:
        """The store below the root."""

    @cached_property
    def _store(self) -> ObjectStore:
        return self._open()

    def storage_options(self) -> dict[str, str]:
        """Options that Delta readers need for this store; they hold credentials, so they are never kept or shown."""
        return {}

    def settle(self, keys: Sequence[str]) -> None:
        """Make the named objects survive a power cut, where a plain write would not."""

    def check(self) -> None:
        """Raises Unavailable, Missing or Misconfigured when the lake can't be used now. Cost: one write, one delete."""
        key = f"objects/checks/{secrets.token_hex(16)}"
        self.put(key, b"ok")
        self.delete([key])

    def put(self, key: str, body: bytes) -> None:
        """Write an object whose key is made from its content; writing it twice is the same as once."""
        with self._speaking():
            obstore.put(self._store, key, body)
        self.settle([key])

    def create(self, key: str, body: bytes) -> bool:
        """Write ``key`` if nobody has; False when another writer was first.

        A store may do the write and lose the reply; the client then tries again and is told that the key exists, or
        gives up. So the body that is there is read back: equal to ours means that ours is in. Callers put a nonce in.
        """
        try:
            with self._speaking():
                obstore.put(self._store, key, body, mode="create")
        except AlreadyExistsError:
            return self.get(key) == body
        except Unavailable:
            with suppress(NotFound):
                return self.get(key) == body
            raise
        self.settle([key])
        return True

    def get(self, key: str) -> bytes:
        """The object's bytes. Raises NotFound."""
        try:
            with self._speaking():
                return bytes(obstore.get(self._store, key).bytes())
        except (NotFoundError, FileNotFoundError):
            raise NotFound("No such object", subject=key, fix="Run the stage that makes it.") from None

    def listing(self, prefix: str) -> Iterator[str]:
        """Every key that starts with the folder ``prefix``, sorted."""
        return iter(sorted(self.sizes(prefix)))

    def sizes(self, prefix: str, *, after: str | None = None) -> dict[str, int]:
        """Size in bytes of every object below the folder ``prefix``, or of those whose keys come after ``after``."""
        return {key: item["size"] for key, item in self.objects(prefix, after=after).items()}

    def objects(self, prefix: str, *, after: str | None = None) -> dict[str, ObjectMeta]:
        """What the store says of each of these objects: its size, and when it was last written by the store's clock."""
        with self._speaking():
            found = obstore.list(self._store, prefix=prefix, offset=after)
            return {item["path"]: item for batch in found for item in batch}

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; one that is gone already is no error."""
        for key in keys:
            try:
                with self._speaking():
                    obstore.delete(self._store, key)
            except (NotFoundError, FileNotFoundError):
                continue

    def reader(self, key: str) -> str | ObjectFile:
        """What Parquet reads an object through, so that it fetches only the columns it is asked for."""
        with self._speaking():
            return ObjectFile(self._store, key)

    def table_uri(self, spec: TableSpec) -> str:
        """Address of a table for Delta readers."""
        return f"{self.root.rstrip('/')}/{tables.folder(spec)}"

    def snapshot(self, spec: TableSpec) -> Snapshot:
        """Open a table at its newest version. Raises Damaged when its log cannot be trusted, Unavailable."""
        with self._speaking():
            return tables.open_table(self, spec)

    def commit(self, base: Snapshot, change: Change, *, cursors: Mapping[str, int] | None = None) -> int:
        """The one place where a table changes: one atomic commit on top of ``base``; returns the new version.

        Raises Conflict when another commit came first (read anew and decide again), Unavailable, Damaged.
        """
        with self._speaking():
            return tables.commit(self, base, change, cursors=dict(cursors or {}))

    def read_log(self, spec: TableSpec) -> int:
        """Read every entry of a table's log; return how many there are. Raises Damaged at one that is not whole."""
        return tables.read_log(self, spec)

    def repair(self, spec: TableSpec) -> list[str]:
        """Move the damaged tail of a table's log aside; return the names moved. The last durable version stands."""
        return tables.repair(self, spec)

    def staging(self, spec: TableSpec) -> str:
        """The folder under which a worker writes Parquet files of this table before they are committed."""
        return f"{tables.folder(spec)}/parts"

    def write_file(self, key: str, rows: pa.Table) -> TableFile:
        """Write one Parquet file that a later commit takes in."""
        return tables.write_file(self, key, rows)

    def read_file(self, key: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Read one Parquet file of a table, or some of its columns."""
        with self._speaking():
            return tables.read_file(self, key, columns)

    def _speaking(self) -> Speaking:
        return Speaking(self.describe(), mend=MEND_DISK if self.root.startswith("file:") else MEND_STORE)


class LocalLake(ObjectLake):
    """A lake in a directory: ``root`` is ``file:///absolute/path``. Its writes survive a power cut (see durable.py)."""

    @cached_property
    def path(self) -> Path:
        """The directory."""
        return Path(unquote(urlparse(self.root).path))

    def describe(self) -> str:
        """The directory."""
        return str(self.path)

    def _open(self) -> ObjectStore:
        from obstore.store import LocalStore

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            durable.keep_synchronous(self.path)
            private = self.path / "private"
            private.mkdir(mode=0o700, exist_ok=True)
            if private.stat().st_mode & 0o777 != 0o700:  # it was there before, or came with a copy
                private.chmod(0o700)
        except OSError as error:
            raise Unavailable(
                "The lake's folder cannot be made", subject=f"{self.path} ({error.strerror})", fix=MEND_DISK
            ) from None
        return LocalStore(str(self.path), mkdir=True)

    def reader(self, key: str) -> str | ObjectFile:
        """The file itself."""
        return str(self.path / key)

    @property
    def durability(self) -> str:
        """How writes are kept through a power cut: ``sync attribute`` or ``fsync after commit``."""
        _ = self._store
        return "sync attribute" if durable.is_synchronous(self.path) else "fsync after commit"

    def settle(self, keys: Sequence[str]) -> None:
        """Flush each file and its folder, unless that folder has the sync attribute; a copied one has not."""
        paths = [self.path / key for key in keys]
        durable.flush(path for path in paths if not durable.is_synchronous(path.parent))


class S3Lake(ObjectLake):
    """A lake in a bucket: ``root`` is ``s3://bucket/prefix``. Credentials are named here, never held."""

    endpoint: str | None = None
    region: str = "us-east-1"
    ca_file: str | None = None
    key_variable: str = "AWS_ACCESS_KEY_ID"
    secret_variable: str = "AWS_SECRET_ACCESS_KEY"

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return urlparse(self.root).netloc

    def describe(self) -> str:
        """The address, with the server that serves it."""
        return f"{self.root} at {self.endpoint}" if self.endpoint else self.root

    def credentials(self) -> tuple[str, str]:
        """Key id and secret key, for a client that is made and dropped. Raises Missing where one is not set."""
        return self._credential(self.key_variable), self._credential(self.secret_variable)

    def _credential(self, variable: str) -> str:
        value = secret(variable)
        if value is None:
            raise Missing("A credential of the lake is not set", subject=variable, fix=f"Put {variable}=… into .env.")
        return value

    def _open(self) -> ObjectStore:
        from obstore.store import S3Store

        if not self.bucket:
            raise Misconfigured("No bucket in the lake's address", subject=self.root, fix="Write s3://bucket/prefix.")
        options: dict[str, Any] = {
            "timeout": timedelta(seconds=REQUEST_TIMEOUT_S),
            "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_S),
            "allow_http": bool(self.endpoint and self.endpoint.startswith("http:")),
        }
        if self.ca_file:
            options["root_certificate"] = trusted(self.ca_file)
        return S3Store(
            self.bucket,
            prefix=urlparse(self.root).path.strip("/") or None,
            endpoint=self.endpoint,
            region=self.region,
            virtual_hosted_style_request=False if self.endpoint else None,
            access_key_id=self._credential(self.key_variable),
            secret_access_key=self._credential(self.secret_variable),
            client_options=options,
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_TIMEOUT_S)},
        )

    def storage_options(self) -> dict[str, str]:
        """Credentials, region and patience for Delta readers. Raises Missing where a credential is not set."""
        if self.ca_file:
            trusted(self.ca_file)
        options = {
            "aws_access_key_id": self._credential(self.key_variable),
            "aws_secret_access_key": self._credential(self.secret_variable),
            "aws_region": self.region,
            "aws_conditional_put": "etag",
            "timeout": f"{REQUEST_TIMEOUT_S}s",
            "connect_timeout": f"{CONNECT_TIMEOUT_S}s",
            "max_retries": str(RETRIES),
            "retry_timeout": f"{RETRY_TIMEOUT_S}s",
        }
        if self.endpoint:
            options["aws_endpoint"] = self.endpoint
            options["aws_virtual_hosted_style_request"] = "false"
            options["allow_http"] = str(self.endpoint.startswith("http:")).lower()
        return options


def open_lake(address: str) -> ObjectLake:
    """The lake that ``ObjectLake.address`` described, in a worker process."""
    fields = json.loads(address)
    kind = {"LocalLake": LocalLake, "S3Lake": S3Lake}[fields.pop("lake")]
    lake: ObjectLake = kind(**fields)
    return lake
