"""The address of Dagster's database: what is taken, what is refused, and that a password never stands in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from resources.errors import Misconfigured, Missing, Unavailable
from resources.history import PASSWORD_VARIABLE, PostgresHistory
from tests.conftest import free_port

WORD = "plinthwort"


def test_an_address_says_who_where_and_which() -> None:
    found = PostgresHistory.at("postgresql://a%40b@db.internal/history")
    assert (found.user, found.host, found.port, found.database) == ("a@b", "db.internal", 5432, "history")
    assert found.describe() == "PostgreSQL at db.internal:5432/history"


@pytest.mark.parametrize(
    "url",
    ["", "db.internal", "mysql://a@db/x", "postgresql://db/x", "postgresql://a@db", "postgresql://a@db:port/x"],
)
def test_what_is_no_address_of_postgresql_is_refused_with_the_form(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"postgresql://user@host:port/database"):
        PostgresHistory.at(url)


def test_a_password_in_the_address_is_refused_and_not_said_again() -> None:
    with pytest.raises(Misconfigured) as refused:
        PostgresHistory.at(f"postgresql://a:{WORD}@db/x")
    assert PASSWORD_VARIABLE in str(refused.value)
    assert WORD not in f"{refused.value!r}{refused.value}"


def test_the_password_may_stand_in_a_file_and_never_in_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "word").write_text(f"{WORD}\n", encoding="utf-8")
    monkeypatch.setenv(f"{PASSWORD_VARIABLE}_FILE", str(tmp_path / "word"))
    found = PostgresHistory.at("postgresql://a@db/x")
    assert found.password() == WORD
    assert WORD not in f"{found!r}{found.describe()}{found.away('refused')}"


def test_a_missing_password_is_named_by_its_variable() -> None:
    with pytest.raises(Missing, match=PASSWORD_VARIABLE):
        PostgresHistory.at("postgresql://a@db/x").password()


def test_a_database_that_is_not_there_is_named_with_its_address_and_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, WORD)
    port = free_port()
    with pytest.raises(Unavailable, match=rf"127\.0\.0\.1:{port}/x \(refused\).*doctor"):
        PostgresHistory.at(f"postgresql://a@127.0.0.1:{port}/x").check()
