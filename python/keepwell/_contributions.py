"""Why a score is what it is, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._native import Table


@dataclass(frozen=True)
class Contributions:
    """What each column adds to the log-odds of each row: ``base + values.sum(axis=1)`` are the log-odds.

    Where a health model is calibrated by segment, ``base + segment + values.sum(axis=1)`` are.
    """

    #: Log-odds before anything is known of a row: the mean over the training rows.
    base: float
    #: ``n`` rows × ``d`` columns.
    values: np.ndarray
    #: The ``d`` columns' names.
    feature_names: list[str]
    #: What each row's segment adds; None for a model without segments.
    segment: np.ndarray | None = None

    def to_table(self) -> Table:
        """The values as a table, one column a feature."""
        return Table.from_matrix(self.feature_names, self.values)
