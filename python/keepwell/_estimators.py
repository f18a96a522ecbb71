"""The estimators, by scikit-learn's conventions, for tables of numbers, flags, categories and missing values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np

from ._estimator import _Classifier, _group_names
from ._gradient_trees import GradientTreesClassifier, GradientTreesRegressor, Monotonic

__all__ = ["BlendClassifier", "GradientTreesClassifier", "GradientTreesRegressor", "LogisticClassifier"]

#: How much time training may take.
Effort = Literal["fast", "balanced", "best"]


class LogisticClassifier(_Classifier):
    """Logistic regression with an L2 penalty on imputed, standardised, one-hot columns with missing flags.

    Parameters
    ----------
    C
        Inverse strength of regularisation, above 0; None chooses it by log loss over five stratified folds.
    knots
        Pieces of the line that a number's effect may be made of: 0 to 64; 0 and 1 are one straight line.
    max_iter
        Most steps of the solver for each C, at least 1.
    tol
        The solver stops when its next step would move no coefficient by more than this. Above 0.
    random_state
        Seed of the folds by which C is chosen.

    Attributes
    ----------
    classes_
        The two classes, sorted; the second is the positive one.
    n_features_in_, feature_names_in_
        Number and names of the columns of ``fit``; names only where they were all texts.
    C_
        The inverse strength of regularisation that was set or chosen.
    coef_, intercept_
        Coefficients of the design's columns, ``1 × k``, and the intercept, ``1``. A number has one a piece and one
        for missing; a category one for its rare levels together, one a level, one for missing.
    n_iter_
        Steps that the solver took.
    converged_
        Whether it reached ``tol`` within ``max_iter`` steps.
    """

    _kind = "logistic"

    def __init__(
        self,
        *,
        C: float | None = None,
        knots: int = 6,
        max_iter: int = 200,
        tol: float = 1e-6,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.C = C
        self.knots = knots
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def _after_fit(self) -> None:
        fitted = self._model.logistic
        assert fitted is not None
        self.C_, intercept, coefs, self.n_iter_, self.converged_ = fitted
        self.intercept_, self.coef_ = np.array([intercept]), np.array([coefs])


class BlendClassifier(_Classifier):
    """Logistic regressions and gradient trees, weighed on rows they had not seen, and calibrated.

    The defaults are meant to be used.

    Parameters
    ----------
    n_folds
        Folds on which members are weighed and calibrated, and for each of which one forest is grown: 2 to 20. Fewer
        are used where a class has fewer rows than that.
    effort
        How much time training may take: ``"fast"`` (one kind of trees, about a third of the default's time),
        ``"balanced"``, or ``"best"`` (about six times the default's time).
    leave_out
        Parts that are not to be tried, to see what one is worth or to have trees or lines alone: ``"logistic"``,
        ``"piecewise logistic"``, ``"gradient trees"``, ``"held trees"``, ``"large trees"``,
        ``"weights"``, ``"calibration"``.
    monotonic
        Columns of numbers with which the score must rise (1) or fall (-1): a mapping of names to directions,
        or one direction a column.
    random_state
        Seed of the folds.
    n_jobs
        Threads; None or -1 for all. The model is the same at any number.

    Attributes
    ----------
    classes_
        The two classes, sorted; the second is the positive one.
    n_features_in_, feature_names_in_
        Number and names of the columns of ``fit``; names only where they were all texts.
    members_
        Name, weight and mean log loss on unseen rows of each member that was tried; weight 0 where it did not help
        and was left out.
    n_trees_
        Trees over all folds.
    warnings_
        What whoever relies on the scores should know of the rows that were learned from, a sentence each: that there
        are few of a class, that a column seems to know the label. Empty where there is nothing to say.
    """

    _kind = "blend"

    def __init__(
        self,
        *,
        n_folds: int = 5,
        effort: Effort = "balanced",
        leave_out: Sequence[str] = (),
        monotonic: Monotonic = None,
        random_state: int | np.random.RandomState | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_folds = n_folds
        self.effort = effort
        self.leave_out = leave_out
        self.monotonic = monotonic
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Fits to ``n`` rows, as :meth:`LogisticClassifier.fit`.

        Parameters
        ----------
        X, y, sample_weight
            As there.
        groups
            One group a row, such as the account of a table that has several dates of each: a fold leaves out whole
            groups. Default: every row is its own.

        Returns
        -------
        The fitted estimator itself.
        """
        return self._fit(X, y, sample_weight, None if groups is None else _group_names(groups))

    def predict_interval(self, X: Any, level: float = 0.9) -> np.ndarray:
        """Interval of the probability of the second of ``classes_``, ``n × 2``: lower and upper end.

        The rate among rows of that score lies within with probability ``level``. It says how much the calibration was
        learned from: few rows of a class make it wide.
        """
        return self._scored(X, lambda model, given: model.intervals(given, level))

    def _after_fit(self) -> None:
        self.members_ = self._model.members
        self.warnings_ = self._model.warnings
        self.n_trees_ = self._model.n_trees
