"""Dates as they are given, and as ISO texts."""

from __future__ import annotations

import datetime

#: A date: an ISO text, a date, or a time, of which the day counts.
Date = str | datetime.date


def iso(date: Date) -> str:
    """A date as ISO text; a time that knows its zone is brought to UTC first."""
    if isinstance(date, datetime.datetime):
        date = (date.astimezone(datetime.UTC) if date.tzinfo else date).date()
    return str(date)
