"""A real PostgreSQL for benchmarks and tests. The server refuses to run as root, so there it runs as another user."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

from bench.servers import Server
from resources.errors import DataAlchemyError, Missing
from resources.history import PASSWORD_VARIABLE, PostgresHistory
from resources.provision import find_program

USER, DATABASE = "dataalchemy", "dagster"
AS_ROOT = "postgres"
"""The user that Debian's package makes."""


class PostgresServer(Server):
    """PostgreSQL with a password and an empty database; its data lie where its user can reach them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.password = secrets.token_hex(16)
        self._data = Path(tempfile.mkdtemp(prefix="postgres-"))

    @property
    def url(self) -> str:
        """Address of the database without the password."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def secret(self) -> dict[str, str]:
        """The password under the name of its variable."""
        return {PASSWORD_VARIABLE: self.password}

    def command(self) -> list[str]:
        """Loopback only; its socket beside the data."""
        where = ["-D", str(self._data / "pg"), "-k", str(self._data)]
        return [*_as_other(), _binary("postgres"), *where, "-h", "127.0.0.1", "-p", str(self.port)]

    def start(self) -> None:
        """Set the cluster up on first use, start it, and make the database. Raises Missing, Unavailable."""
        first = not (self._data / "pg").is_dir()
        if first:
            self._set_up()
        super().start()
        if first:
            self._make_database()

    def ready(self) -> bool:
        """Whether it takes connections; a database that is not made yet counts."""
        import psycopg2

        try:
            self.connect("postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        shutil.rmtree(self._data, ignore_errors=True)

    def _set_up(self) -> None:
        words = self._data / "words"
        words.write_text(self.password, encoding="utf-8")
        if os.geteuid() == 0:
            for path in (self._data, words):
                shutil.chown(path, AS_ROOT, AS_ROOT)
        options = ["-D", str(self._data / "pg"), "-U", USER, f"--pwfile={words}", "-A", "scram-sha-256", "-E", "UTF8"]
        done = subprocess.run([*_as_other(), _binary("initdb"), *options], capture_output=True, text=True, check=False)
        words.unlink()
        if done.returncode:
            raise DataAlchemyError("PostgreSQL could not be set up", subject="initdb", fix=done.stderr[-1000:])

    def _make_database(self) -> None:
        connection = self.connect("postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {DATABASE}")
        connection.close()

    def connect(self, database: str = DATABASE):  # type: ignore[no-untyped-def]
        """A connection to one of its databases."""
        import psycopg2

        at = PostgresHistory.at(self.url)
        login = {"host": at.host, "port": at.port, "user": at.user, "password": self.password}
        return psycopg2.connect(dbname=database, connect_timeout=2, **login)


def _binary(name: str) -> str:
    """A program of PostgreSQL's server, which Debian keeps out of PATH. Raises Missing."""
    found = find_program(name) or max(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), default=None)
    if found is None:
        raise Missing("A server is not on this machine", subject="postgresql", fix="scripts/test-services brings it.")
    return str(found.resolve())


def _as_other() -> list[str]:
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam(AS_ROOT)
    except KeyError:
        raise Missing("PostgreSQL's user is missing", subject=AS_ROOT, fix="scripts/test-services brings it.") from None
    return ["setpriv", f"--reuid={AS_ROOT}", f"--regid={AS_ROOT}", "--clear-groups"]
