"""Splits by time, back-tests, and the search for columns that know the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _native
from ._dates import Date, iso
from ._errors import Error
from ._native import Table
from ._table import table as as_table

#: Rows to train on and rows to test on.
TrainTest = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def walk_forward(
    as_of: Any,
    *,
    gap_days: int = 0,
    horizon_days: int = 0,
    delay_days: int = 0,
    first: Date | None = None,
    window_days: int | None = None,
) -> list[tuple[str, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Splits by time that walk forward: at each date, train on rows whose label was known by then.

    Parameters
    ----------
    as_of
        The date at which each row was known: texts, dates, or an array or column of them.
    gap_days, horizon_days, delay_days
        A label covers ``[as_of + gap_days, as_of + gap_days + horizon_days)`` and is known ``delay_days`` later.
    first
        The first date that is tested.
    window_days
        Trains on rows of so many days only.

    Returns
    -------
    Of each date: the date, the rows to train on, the rows of that date to test on. For scikit-learn's ``cv`` take
    ``[(train, test) for _, train, test in walk_forward(...)]``.
    """
    first = None if first is None else iso(first)
    return _native.walk_forward(_days(as_of), (gap_days, horizon_days, delay_days), first, window_days)


def time_split(
    as_of: Any,
    cut: Date,
    *,
    gap_days: int = 0,
    horizon_days: int = 0,
    delay_days: int = 0,
    accounts: Sequence[Any] | None = None,
    y: Any = None,
    n_splits: int = 5,
    random_state: int = 0,
) -> list[TrainTest]:
    """One split by time, purged: train on rows whose label was known by the cut, test on rows from the cut on.

    Parameters
    ----------
    as_of, gap_days, horizon_days, delay_days
        As for :func:`walk_forward`.
    cut
        The first date that is tested.
    accounts, y
        The account and label of each row: no account then is on both sides of a split, and each row from the cut on is
        tested in one of ``n_splits``. Leaving out of training all accounts that are tested would leave only those that
        were gone by the cut.

    Returns
    -------
    Train and test rows: of one split, or of ``n_splits`` where accounts are given.
    """
    apart = None
    if accounts is not None:
        if y is None:
            raise Error("`accounts` needs `y`, the label of each row, to spread those that left evenly")
        ids = [str(account) for account in accounts]
        apart = (ids, np.asarray(y).astype(bool), n_splits, random_state)
    return _native.time_split(_days(as_of), iso(cut), (gap_days, horizon_days, delay_days), apart)


def _days(as_of: Any) -> Table:
    return as_table({"as_of": as_of})


@dataclass(frozen=True)
class BackTest:
    """How well models trained on what was known at each date foretold what came. ``str`` gives it in words."""

    #: A row a date: ``as_of``, ``n_train``, ``n_accounts``, ``n_labelled``, ``n_positive``, ``base_rate``,
    #: ``mean_probability``, ``auc``, ``log_loss``, ``calibration_error``, ``lift``.
    dates: Table
    #: A row a lead time: ``days`` before they left, ``n_left`` accounts that had a score, ``n_top`` of them among the
    #: top, ``n_unseen`` that had none, ``share``. None where nobody said who left when.
    leads: Table | None
    #: Dates that could not be tested, and why.
    left_out: dict[str, str]
    _text: str = field(repr=False)

    def __str__(self) -> str:
        return self._text


def leak_check(table: Any, label: str, *, set_aside: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Looks for columns that know the label, at most one finding a column and kind; none where there is nothing to find.

    Parameters
    ----------
    table
        What :func:`keepwell.table` takes. An id in several rows is a leak too, unless the table says at which date each
        row was known (a column called ``as_of``, ``as_of_date`` or ``snapshot_date``).
    label
        The column of the label: true/false, yes/no or 1/0, missing where not known yet.
    set_aside
        Columns that are no signals.

    Returns
    -------
    Of each finding ``column``, ``text`` in words, the kind of ``evidence`` (``"alone"``: the column alone predicts too
    well; ``"value"``: rows of some value, without one, or whose value changed are nearly all true; ``"twins"``: equal
    rows have equal labels; ``"repeated id"``) and its numbers.
    """
    return _native.leak_check(as_table(table), label, list(set_aside))
