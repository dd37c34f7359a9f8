"""Missing keys of bundled stores are made; what is there, and what only a person knows, is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.controller.credentials import Held, given, made, made_here, missing, revisions, too_short
from k8s.controller.spec import StackSpec

ALL = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "DATAALCHEMY_KV_PASSWORD", "DATAALCHEMY_POSTGRES_PASSWORD")


def spec(**fields: Any) -> StackSpec:
    return StackSpec.model_validate(fields)


def test_a_bundled_stack_gets_all_four() -> None:
    assert made_here(spec()) == ALL
    assert given(spec()) == ()


def test_keys_of_an_external_store_are_never_made() -> None:
    one = spec(storage={"external": {"bucket": "lake"}}, cache={"external": "redis://host:6379/0"})
    assert made_here(one) == ("DATAALCHEMY_POSTGRES_PASSWORD",)
    assert given(one) == ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def test_without_dagster_no_database_has_a_password() -> None:
    assert "DATAALCHEMY_POSTGRES_PASSWORD" not in made_here(spec(dagster={"enabled": False}))


def test_what_is_there_stays_and_an_empty_value_is_none() -> None:
    assert missing(ALL, {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": ""}) == ALL[1:]
    assert missing(ALL, dict.fromkeys(ALL, "x")) == ()


def test_a_made_value_is_random_and_long() -> None:
    asked: list[int] = []

    def random_hex(count: int) -> str:
        asked.append(count)
        return "f" * (2 * count)

    values = made(ALL, random_hex)
    assert set(values) == set(ALL)
    assert min(asked) >= 16


@pytest.mark.parametrize(("access", "secret", "short"), [("ab", "c" * 8, ALL[:1]), ("abc", "c" * 7, ALL[1:2])])
def test_what_minio_refuses_is_told(access: str, secret: str, short: tuple[str, ...]) -> None:
    assert too_short(spec(), {ALL[0]: access, ALL[1]: secret}) == short


def changed(key: str) -> set[str]:
    """Whose digest is another once this key has another value."""
    before = dict.fromkeys(ALL, "x")
    one, other = revisions(Held(before, "u")), revisions(Held({**before, key: "y"}, "u"))
    return {component for component in one if one[component] != other[component]}


@pytest.mark.parametrize(
    ("key", "restarted"),
    [
        (ALL[0], {"lake", "dagster"}),
        (ALL[1], {"lake", "dagster"}),
        (ALL[2], {"cache", "dagster"}),
        (ALL[3], {"postgres", "dagster"}),
        ("JIRA_TOKEN", {"dagster"}),
    ],
)
def test_a_changed_value_restarts_who_starts_with_it_and_nobody_else(key: str, restarted: set[str]) -> None:
    assert changed(key) == restarted


def test_a_digest_shows_nothing_and_cannot_be_compared_with_guesses() -> None:
    one, other = revisions(Held({ALL[2]: "secret"}, "uid-1")), revisions(Held({ALL[2]: "secret"}, "uid-2"))
    assert one == revisions(Held({ALL[2]: "secret"}, "uid-1"))
    assert one["cache"] != other["cache"]
    assert "secret" not in str(one)
