"""Tickets, lists, code and tables are kept; emptiness, noise and repetition are not."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from dataalchemy_pipelines.transforms.quality import QualitySettings, judge


def reason(text: str, *, title: str = "", kind: str = "file") -> str:
    frame = pl.DataFrame({"text": [text], "title": [title], "kind": [kind]})
    return str(judge(frame["text"], frame["title"], frame["kind"], QualitySettings())[0])


@pytest.mark.parametrize(
    "text",
    [
        "Restart the service after upgrading.",
        "- fix login\n- fix logout\n- ship it",
        "def f(x):\n    return {k: [v ** 2 for v in x[k]] for k in x if x[k]}",
        "| a | b | c | d |\n| --- | --- | --- | --- |\n| 1 | 0 | 1 | 0 |\n| 0 | 1 | 1 | 0 |",
        "\n".join("0, 0, 0, 0, 0, 1" for _ in range(200)),
        "\n".join(f"| row {n} | yes | no |" for n in range(200)),
        "\n".join(f"| row {n} |" + " yes | no |" * 15 for n in range(200)),
        "\n".join(f"2024-01-02 10:00:{n:02d} INFO request served" for n in range(60)),
        "数据库需要重启",
        "ERROR 1234: deadlock found when trying to get lock",
    ],
)
def test_company_text_is_kept(text: str) -> None:
    assert reason(text) == ""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "too_short"),
        ("Read me first", "too_short"),
        ("重启吧", "too_short"),
        ("a b c d e\n" + "=-~#" * 300, "mostly_symbols"),
        ("spam and eggs " * 200, "repetitive"),
        ("buy our product now\n" * 200, "repetitive"),
    ],
)
def test_what_says_nothing_is_rejected_with_its_reason(text: str, wanted: str) -> None:
    assert reason(text) == wanted


@pytest.mark.parametrize("chars", range(60, 301, 20))
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_a_sentence_that_is_repeated_is_repetitive_however_long_it_is(chars: int, gap: str) -> None:
    sentence = (
        "The canteen offers a warm meal and a salad of the day from noon until two at the counter in hall B. Guests "
        "pay the same price as members of staff do. Please bring the trays back to the rack near the doors, and leave "
        "the tables as clean as you would like to find them, for others are waiting at that hour."
    )
    assert reason(gap.join([sentence[:chars]] * 120)) == "repetitive"


def test_a_page_that_repeats_itself_only_at_first_is_kept() -> None:
    menu = "Menu one, menu two, salad, soup.\n" * 20
    rest = "\n".join(f"Guest {n} asked for {n * 7} {chr(97 + n % 26) * 3} instead." for n in range(400))
    assert reason(menu + rest) == ""


def test_the_title_of_a_ticket_counts_and_the_name_of_a_file_does_not() -> None:
    assert reason("Crashes.", title="App stops on start", kind="jira_issue") == ""
    assert reason("Crashes.", title="App stops on start", kind="file") == "too_short"


def test_words_after_a_long_run_of_symbols_are_counted() -> None:
    text = " " * 500 + "one two three four five six seven eight nine ten"
    assert reason(text) == ""


def test_no_text_takes_more_than_linear_time(
    hostile: str, growth: Callable[[Callable[[str], object], str], float]
) -> None:
    assert growth(reason, hostile) < 8
