"""Models side by side on one's own accounts."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Sequence
from typing import Any

from . import _native
from ._native import Schema, Table
from ._table import table as as_table


def compare(
    schema: Schema,
    table: Any,
    *,
    outcome: str = "churn",
    n_folds: int = 5,
    n_repeats: int = 3,
    cuts: Sequence[str | datetime.date] = (),
    gap_days: int = 0,
    horizon_days: int = 0,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> Table:
    """Compares keepwell's blend, gradient trees and logistic regression with linfa's baselines and the base rate.

    Parameters
    ----------
    schema, table
        What the columns mean, and the accounts whose outcome is known: what :func:`keepwell.table` takes.
    outcome
        ``"churn"`` or ``"expansion"``.
    n_folds, n_repeats
        Folds, 2 to 100, and how many times they are drawn anew, 1 to 100. All rows of an account are in one fold.
    cuts
        Compares by time in place of folds: each cut, a date, trains on rows whose label was complete by then and tests
        on rows from then on. Needs a schema with ``as_of``.
    gap_days, horizon_days
        A label covers ``[as_of + gap_days, as_of + gap_days + horizon_days)``.
    random_state
        Seed of the folds and of the models.
    n_jobs
        Threads of each training; None or -1 for all.

    Returns
    -------
    A row a model, the least log loss first: ``model``; of each of ``auc``, ``average_precision``, ``log_loss``,
    ``brier``, ``calibration_error`` and ``lift_top_tenth`` its mean, by how much it is ``_behind`` the best model, and
    the standard error of that (``_behind_error``); ``fit_seconds``, ``score_micros`` a row. A model that refuses the
    rows is warned of and left out.
    """
    params = {
        "n_folds": n_folds,
        "n_repeats": n_repeats,
        "random_state": random_state,
        "n_jobs": None if n_jobs == -1 else n_jobs,
    }
    by_time = ([str(cut) for cut in cuts], gap_days, horizon_days)
    found, failed = _native.compare(schema, as_table(table), outcome, by_time, params)
    for name, problem in failed:
        warnings.warn(f"{name} could not be compared: {problem}", stacklevel=2)
    return found
