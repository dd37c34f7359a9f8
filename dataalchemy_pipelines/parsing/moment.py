"""Times as formats write them, as UTC; one that cannot be read is no time, never an error."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_SHORT_ZONE = re.compile(r"([+-][0-9]{2})([0-9]{2})$")
_PDF = re.compile(
    r"D?:?([0-9]{4})([0-9]{2})?([0-9]{2})?([0-9]{2})?([0-9]{2})?([0-9]{2})?(?:Z|([+-][0-9]{2})'?([0-9]{2})?'?)?"
)


def moment(value: object) -> datetime | None:
    """An ISO 8601 time (``2020-12-03T14:05:20.974+0100`` of Jira too) in UTC; without a zone it is taken as UTC."""
    if not isinstance(value, str):
        return None
    try:
        return _utc(datetime.fromisoformat(_SHORT_ZONE.sub(r"\1:\2", value.strip())))
    except (ValueError, OverflowError):
        return None


def pdf_moment(value: str) -> datetime | None:
    """A PDF date, ``D:20220403180542+02'00'``, in UTC. Source: ISO 32000-1, 7.9.4."""
    match = _PDF.fullmatch(value.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, zone, zone_minutes = match.groups()
    stamp = f"{year}-{month or '01'}-{day or '01'}T{hour or '00'}:{minute or '00'}:{second or '00'}"
    return moment(f"{stamp}{zone or '+00'}:{zone_minutes or '00'}")


def mail_moment(value: str) -> datetime | None:
    """The date of a mail (RFC 5322) in UTC."""
    from email.utils import parsedate_to_datetime

    try:
        return _utc(parsedate_to_datetime(value))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
