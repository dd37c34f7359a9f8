"""Where the faults happen: a folder, servers that are started when a fault first needs them, and lakes in them."""

from __future__ import annotations

import secrets
import tempfile
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.faults.runs import SAMPLES, Runs
from bench.postgres import PostgresServer
from bench.servers import MinioServer, RedisServer, S3Server
from resources.lake import LocalLake, S3Lake
from resources.settings import export


class Place:
    """Folder and servers of one series of faults over one source; all of it ends with the ``with`` block."""

    def __init__(self, source: Path = SAMPLES) -> None:
        self._open = ExitStack()
        self._source = source

    def __enter__(self) -> Self:
        self.folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        self.folder.chmod(0o755)  # PostgreSQL runs as another user
        self.runs = Runs(self.folder / "home", self._source)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @cached_property
    def minio(self) -> MinioServer:
        """MinIO, with its credentials in this process's environment."""
        return self._open.enter_context(MinioServer(self.folder / "minio"))

    @cached_property
    def redis(self) -> RedisServer:
        """Redis, with its password in this process's environment."""
        server = self._open.enter_context(RedisServer(self.folder / "redis"))
        export(DATAALCHEMY_KV_PASSWORD=server.password)
        return server

    @cached_property
    def postgres(self) -> PostgresServer:
        """PostgreSQL, with its password in this process's environment."""
        server = self._open.enter_context(PostgresServer(self.folder / "postgres"))
        export(DATAALCHEMY_POSTGRES_PASSWORD=server.password)
        return server

    def directory(self) -> LocalLake:
        """An empty lake in a directory."""
        return LocalLake(root=(self.folder / f"lake-{secrets.token_hex(4)}").as_uri())

    def bucket(self, server: S3Server) -> S3Lake:
        """An empty lake in a bucket of its own, with the server's credentials in this process's environment."""
        export(AWS_ACCESS_KEY_ID=server.access_key, AWS_SECRET_ACCESS_KEY=server.secret_key)
        return S3Lake(root=f"s3://{server.make_bucket()}/lake", endpoint=server.endpoint)
