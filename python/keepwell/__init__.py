"""Predictive account health, churn and expansion with the next best action, in process.

Everything that can go wrong raises :class:`keepwell.Error` (a ``ValueError``), :class:`keepwell.ColumnTypeError` (also
a ``TypeError``), or Python's own ``OSError`` for files.
"""

from typing import TYPE_CHECKING, Any

from . import metrics
from ._compare import compare
from ._contributions import Contributions, Interactions
from ._effects import EffectModel
from ._errors import ColumnTypeError, Error
from ._health import HealthModel, cohorts
from ._native import AssignmentLog, Cohorts, Outcomes, Plan, Playbook, Schema, Scored, Table, simulate
from ._table import table

if TYPE_CHECKING:
    from ._estimators import (
        BlendClassifier,
        GradientTreesClassifier,
        GradientTreesRegressor,
        LogisticClassifier,
    )

__all__ = [
    "AssignmentLog",
    "BlendClassifier",
    "Cohorts",
    "ColumnTypeError",
    "Contributions",
    "EffectModel",
    "Error",
    "GradientTreesClassifier",
    "GradientTreesRegressor",
    "HealthModel",
    "Interactions",
    "LogisticClassifier",
    "Outcomes",
    "Plan",
    "Playbook",
    "Schema",
    "Scored",
    "Table",
    "cohorts",
    "compare",
    "metrics",
    "simulate",
    "table",
]

#: Imported when first asked for: scikit-learn takes a second that nobody else should wait for.
_ESTIMATORS = {"BlendClassifier", "GradientTreesClassifier", "GradientTreesRegressor", "LogisticClassifier"}


def __getattr__(name: str) -> Any:
    if name in _ESTIMATORS:
        from . import _estimators

        return getattr(_estimators, name)
    raise AttributeError(f"module 'keepwell' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
