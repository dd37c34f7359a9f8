"""Times as formats write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dataalchemy_pipelines.parsing.moment import mail_moment, moment, pdf_moment

WHEN = datetime(2020, 12, 3, 13, 5, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2020-12-03T14:05:20+0100", "2020-12-03T14:05:20+01:00", "2020-12-03T13:05:20Z", "2020-12-03T13:05:20"]
)
def test_iso_times_come_out_in_utc(text: str) -> None:
    assert moment(text) == WHEN


@pytest.mark.parametrize(
    "text", ["D:20201203140520+01'00'", "D:20201203140520+01'00", "20201203130520Z", "D:20201203130520"]
)
def test_pdf_dates_come_out_in_utc(text: str) -> None:
    assert pdf_moment(text) == WHEN


def test_mail_dates_come_out_in_utc() -> None:
    assert mail_moment("Thu, 3 Dec 2020 14:05:20 +0100") == WHEN


@pytest.mark.parametrize("text", ["", "yesterday", "2020-13-45", "9999999999", "0001-01-01T00:00:00+14:00"])
def test_what_cannot_be_read_is_no_time(text: str) -> None:
    assert moment(text) is None
    assert mail_moment(text) is None
    assert pdf_moment("D:" + text) is None
