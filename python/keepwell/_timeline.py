"""From raw records to what was known of accounts at a date, and what came of them."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Mapping
from typing import Any, Self

from . import _native
from ._dates import Date, iso
from ._errors import Error
from ._native import Table
from ._table import table as as_table

class Timeline:
    """How the tables of an export become facts, which signals are read from them, and what is an outcome.

    Written in TOML; the same file serves Rust. Make it with :meth:`from_toml`.

    Examples
    --------
    >>> timeline = Timeline.from_toml('''
    ... account = "customer"
    ... [[table]]
    ... name = "orders"
    ... occurred_at = "date"
    ... [[table.event]]
    ... name = "order"
    ... value = "amount"
    ... [[measure]]
    ... signal = "spend_90d"
    ... how = "sum"
    ... events = ["order"]
    ... window_days = 90
    ... [label]
    ... silence = ["order"]
    ... horizon_days = 30
    ... ''')
    >>> orders = {"customer": ["A", "A"], "date": ["2026-01-05", "2026-03-20"], "amount": [12.5, 7.0]}
    >>> records = timeline.read(orders=orders)
    >>> records.snapshots(["2026-02-01"])["spend_90d"]
    array([12.5])
    """

    def __init__(self, inner: _native.Timeline) -> None:
        self._inner = inner

    @classmethod
    def from_toml(cls, source: str | os.PathLike[str]) -> Self:
        """Reads a timeline from TOML: a text, a path object, or a path that ends in ``.toml``."""
        return cls(_native.Timeline.from_toml(source))

    @property
    def tables(self) -> list[str]:
        """The names of the tables that it reads."""
        return self._inner.tables

    @property
    def signals(self) -> list[str]:
        """The names of the signals."""
        return self._inner.signals

    @property
    def label_columns(self) -> list[str]:
        """The names of the columns of labels."""
        return self._inner.label_columns

    def read(self, tables: Mapping[str, Any] | None = None, /, **named: Any) -> Records:
        """Reads facts; a row that cannot be used is kept apart with its cause (:attr:`Records.bad`).

        Parameters
        ----------
        tables, named
            The tables by their names in the timeline, in any order: each what :func:`keepwell.table` takes, or the path
            of a CSV (gzip or not) or Parquet file. Dates are texts, dates or timestamps; a timestamp is the day in UTC
            that it falls on.

        Raises
        ------
        keepwell.Error
            For a table or column that is not there, or where no row can be used.
        """
        given = {**(tables or {}), **named}
        unknown = [name for name in given if name not in self.tables]
        if unknown:
            raise Error(f"the timeline has no table `{unknown[0]}`; its tables are: {', '.join(self.tables)}")
        sources = [(name, _source(given[name])) for name in self.tables if name in given]
        return Records(self._inner.read(sources))

    def __repr__(self) -> str:
        return f"keepwell.Timeline({', '.join(self.tables)}: {len(self.signals)} signals)"


def _source(data: Any) -> Table | str:
    if isinstance(data, (str, os.PathLike)):
        return os.fspath(data)
    return as_table(data)


class Records:
    """Facts about some accounts, each with the day it happened and the day it was known. Made by :meth:`Timeline.read`."""

    def __init__(self, inner: _native.Records) -> None:
        self._inner = inner

    def snapshots(self, dates: Iterable[Date] | Date | None = None) -> Table:
        """Signals and labels of every account that was a customer at each date, as known then.

        A signal reads only facts that happened and were known before the date. A label is missing where its horizon has
        not passed. Without dates, the first of each month.

        Returns
        -------
        A row an account and date: the id, ``as_of``, the accounts' own columns, the signals, the labels.
        """
        return self._inner.snapshots(None if dates is None else _dates(dates))

    def labels(self, dates: Iterable[Date] | Date) -> Table:
        """``account_id``, ``as_of`` and the labels of each date, for those who have signals of their own."""
        return self._inner.labels(_dates(dates))

    def exits(self) -> Table:
        """``account_id``, ``left_on``, ``returned_on``: every time that an account left, as far as it is known."""
        return self._inner.exits()

    def prove_point_in_time(self, dates: Iterable[Date] | Date) -> None:
        """Proves that no signal knows its future.

        Everything that happened or was known at or after each date is dropped, blown up and moved to the very day, and
        the same signals are demanded.

        Raises
        ------
        keepwell.Error
            Naming a signal that moved.
        """
        for date in _dates(dates):
            self._inner.prove(date)

    @property
    def n_rows(self) -> int:
        """Rows of all tables."""
        return self._inner.n_rows

    @property
    def n_accounts(self) -> int:
        """Accounts."""
        return self._inner.n_accounts

    @property
    def n_events(self) -> int:
        """Events that the rows became."""
        return self._inner.n_events

    @property
    def n_duplicates(self) -> int:
        """Rows left out because another has the same id."""
        return self._inner.n_duplicates

    @property
    def n_late(self) -> int:
        """Rows known later than they happened."""
        return self._inner.n_late

    @property
    def known_until(self) -> datetime.date:
        """The first day of which nothing is known yet."""
        return datetime.date.fromisoformat(self._inner.known_until)

    @property
    def bad(self) -> Table:
        """Rows that could not be used: ``table``, ``line``, ``cause``, ``text``."""
        return self._inner.bad

    @property
    def doubtful(self) -> Table:
        """Rows that were used but look wrong, as :attr:`bad`."""
        return self._inner.doubtful

    @property
    def notes(self) -> list[str]:
        """What is odd about whole columns, in words."""
        return self._inner.notes

    def __repr__(self) -> str:
        what = f"{self.n_accounts} accounts, {self.n_events} events, known until {self.known_until}"
        return f"keepwell.Records({what}; {len(self.bad)} bad rows)"


def _dates(dates: Iterable[Date] | Date) -> list[str]:
    return [iso(dates)] if isinstance(dates, (str, datetime.date)) else [iso(date) for date in dates]
