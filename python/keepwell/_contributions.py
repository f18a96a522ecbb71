"""Why a score is what it is, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._native import Table
from ._table import Prepared


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


@dataclass(frozen=True)
class Interactions:
    """What every two columns add together to the log-odds of each row: SHAP interaction values, exactly.

    A matrix a row, symmetric: what two columns add is shared equally between its two places, and on the diagonal stands
    what a column adds whatever the others are. ``values.sum(axis=2)`` are the contributions of :class:`Contributions`.
    """

    #: Log-odds before anything is known of a row: the mean over the training rows.
    base: float
    #: ``n`` rows × ``d`` columns × ``d`` columns.
    values: np.ndarray
    #: The ``d`` columns' names.
    feature_names: list[str]

    def to_table(self) -> Table:
        """A row for every row and two columns that act together: ``row``, ``feature``, ``other``, and ``value``, all
        that the two add; where ``other`` is the feature itself, what it adds alone. Zeros are left out."""
        d = len(self.feature_names)
        first, second = np.triu_indices(d)
        whole = self.values[:, first, second] * np.where(first == second, 1.0, 2.0)
        row, pair = np.nonzero(whole)
        feature = (first[pair].astype(np.int32), self.feature_names)
        other = (second[pair].astype(np.int32), self.feature_names)
        columns: list[tuple[str, Prepared]] = [
            ("row", row.astype(np.int64)),
            ("feature", feature),
            ("other", other),
            ("value", whole[row, pair]),
        ]
        return Table.from_columns(len(row), columns)
