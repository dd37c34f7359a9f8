"""Where Dagster keeps its history when several processes share it: a PostgreSQL database named by one address.

The address never holds the password, which is read at use by the name of its variable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

from resources.errors import DataAlchemyError, Misconfigured, Missing, Unavailable
from resources.settings import secret

PASSWORD_VARIABLE = "DATAALCHEMY_POSTGRES_PASSWORD"
URL_VARIABLE = "DATAALCHEMY_POSTGRES_URL"
CONNECT_TIMEOUT_S = 5
_AWAY = "Dagster's history cannot be reached"
_FORM = "Write postgresql://user@host:port/database."


@dataclass(frozen=True)
class PostgresHistory:
    """A database of Dagster's: user, host, port and name."""

    user: str
    host: str
    port: int
    database: str

    @classmethod
    def at(cls, url: str) -> Self:
        """The database of an address. Raises Misconfigured where it is incomplete, or holds a password."""
        try:
            parts = urlsplit(url)
            port = parts.port or 5432
        except ValueError:
            raise Misconfigured("The address is not one of PostgreSQL", subject=URL_VARIABLE, fix=_FORM) from None
        if parts.password is not None:
            fix = f"Take it out and set {PASSWORD_VARIABLE}."
            raise Misconfigured("The address holds a password", subject=URL_VARIABLE, fix=fix)
        if parts.scheme not in ("postgresql", "postgres") or not (parts.hostname and parts.username and parts.path[1:]):
            raise Misconfigured("The address is not one of PostgreSQL", subject=URL_VARIABLE, fix=_FORM)
        return cls(unquote(parts.username), parts.hostname, port, unquote(parts.path[1:]))

    def describe(self) -> str:
        """Where it is, for people; never the password."""
        return f"PostgreSQL at {self.host}:{self.port}/{self.database}"

    def password(self) -> str:
        """The password. Raises Missing."""
        value = secret(PASSWORD_VARIABLE)
        if value is None:
            fix = f"Put {PASSWORD_VARIABLE}=… into .env."
            raise Missing("The password of Dagster's history is not set", subject=PASSWORD_VARIABLE, fix=fix)
        return value

    def check(self) -> None:
        """Raises Unavailable, Misconfigured or Missing when it can't be used now. Cost: one connection."""
        import psycopg2

        try:
            psycopg2.connect(
                host=self.host,
                port=self.port,
                user=self.user,
                dbname=self.database,
                password=self.password(),
                connect_timeout=CONNECT_TIMEOUT_S,
            ).close()
        except psycopg2.OperationalError as error:
            raise self._said(str(error)) from None

    def away(self, reason: str) -> Unavailable:
        """The error of a database that does not answer as it should, for ``reason``: a word of a closed list."""
        fix = f"Start it, or correct {URL_VARIABLE}; `dataalchemy doctor` tests it. Then run the same command again."
        return Unavailable(_AWAY, subject=f"{self.describe()} ({reason})", fix=fix)

    def _said(self, message: str) -> DataAlchemyError:
        """The server's refusal in our words; its own text names users."""
        if "password authentication failed" in message:
            fix = f"Set {PASSWORD_VARIABLE} to the password of {self.user}."
            return Misconfigured(_AWAY, subject=f"{self.describe()} (wrong password)", fix=fix)
        if "does not exist" in message:
            fix = f"Make it (`createdb -O {self.user} {self.database}`), or correct {URL_VARIABLE}."
            return Misconfigured(_AWAY, subject=f"{self.describe()} (no such database or user)", fix=fix)
        for words, reason in (("starting up", "starting up"), ("timeout", "timed out"), ("refused", "refused")):
            if words in message:
                return self.away(reason)
        return self.away("no connection")
