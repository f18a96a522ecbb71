"""Predictive account health, churn and expansion with the next best action, in process."""

from ._errors import ColumnTypeError, Error
from ._native import Table
from ._table import table

__all__ = ["ColumnTypeError", "Error", "Table", "table"]
