"""Gradient trees, for labels and for numbers."""

from __future__ import annotations

import numbers
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import check_consistent_length

from ._errors import Error
from ._estimator import Groups, _Classifier, _Estimator, _names_differ
from ._native import Classifier, Regressor
from ._table import Columns

Monotonic = Mapping[str, int] | Sequence[int] | None
#: Names, columns as the native half takes them, targets and weights.
Rows = tuple[list[str], Any, np.ndarray, np.ndarray | None]


def _lightgbm_text(model: Any) -> str:
    """The text of a model of LightGBM: an estimator, a booster, its text, or the path of its file."""
    model = getattr(model, "booster_", model)
    if hasattr(model, "model_to_string"):
        return str(model.model_to_string())
    if isinstance(model, os.PathLike):
        with open(model, encoding="utf-8") as file:
            return file.read()
    if isinstance(model, str):
        return model
    found = type(model).__name__
    raise TypeError(f"expected a LightGBM estimator or booster, its text, or the Path of its file; found {found}")


#: Parameters of the Python estimators that the native half takes elsewhere.
_NOT_NATIVE = {"warm_start", "loss", "quantile"}


class _GradientTrees(_Estimator):
    """What trees for a label and trees for a number have in common."""

    def __init__(
        self,
        *,
        n_estimators: int | None = None,
        learning_rate: float = 0.1,
        max_leaf_nodes: int = 8,
        max_depth: int | None = None,
        min_samples_leaf: int = 20,
        l2_regularization: float = 1.0,
        max_bins: int = 255,
        max_features: float = 0.7,
        subsample: float = 1.0,
        monotonic: Monotonic = None,
        interaction_cst: Groups = None,
        early_stopping: bool | int | Literal["auto"] = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 30,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.max_bins = max_bins
        self.max_features = max_features
        self.subsample = subsample
        self.monotonic = monotonic
        self.interaction_cst = interaction_cst
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _native_params(self, given: Columns) -> dict[str, Any]:
        params = super()._native_params(given)
        return {name: value for name, value in params.items() if name not in _NOT_NATIVE}

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Fits to ``n`` rows.

        Parameters
        ----------
        X
            What :func:`keepwell.table` takes. Texts and categories are columns as good as numbers; missing values
            stay missing.
        y
            One target a row: a label of two classes for a classifier, a number for a regressor.
        sample_weight
            One weight a row, 0 or more. Default: 1 each.
        X_val, y_val, sample_weight_val
            Rows to validate on. Early stopping watches them in place of rows held back; without it their loss is only
            noted in ``valid_losses_``. Default: none.

        Returns
        -------
        The fitted estimator itself.

        Raises
        ------
        ValueError
            For rows, targets, weights or parameters that cannot be learned from; the text says which and why.
        """
        given = self._columns(X, reset=True)
        model = self._continued(given)
        learn = self._rows(given, y, sample_weight, reset=model is None)
        validate = None
        if X_val is not None or y_val is not None:
            watched = replace(self._columns(X_val, reset=False), names=given.names)
            validate = self._rows(watched, y_val, sample_weight_val, reset=False)
        self._model = self._fit_trees(learn, validate, self._native_params(given), model)
        self._after_fit()
        return self

    def _fit_trees(self, learn: Rows, validate: Rows | None, params: dict[str, Any], model: Any) -> Any:
        """Calls the native half."""
        raise NotImplementedError

    def _numbers(self, y: Any, *, reset: bool) -> np.ndarray:
        """Targets as the native half takes them."""
        raise NotImplementedError

    def _rows(self, given: Columns, y: Any, sample_weight: Any, *, reset: bool) -> Rows:
        numbers = self._numbers(y, reset=reset)
        check_consistent_length(given, numbers)
        weights = None if sample_weight is None else self._weights(sample_weight, given)
        return given.names, given.held, numbers, weights

    def _continued(self, given: Columns) -> Any:
        """The model to continue from."""
        if not self.warm_start or not hasattr(self, "_model"):
            return None
        if self._model.feature_names != given.names:
            raise Error(_names_differ(given.names, self._model.feature_names))
        return self._model

    def _after_fit(self) -> None:
        self.n_trees_ = self._model.n_trees
        self.valid_losses_ = np.asarray(self._model.valid_losses)


class GradientTreesClassifier(_GradientTrees, _Classifier):
    """Gradient-boosted trees: numbers, categories and missing values as they come.

    Parameters
    ----------
    n_estimators
        Trees, at least 1; with ``early_stopping`` the most of them. More trees want a smaller ``learning_rate``. None:
        as many as the data bears, found by five folds, at most 1,000 for each of them; 30 where a class has too few
        rows for folds.
    learning_rate
        What every leaf's value is multiplied by: above 0, at most 1.
    max_leaf_nodes
        Most leaves of a tree, at least 2.
    max_depth
        Most splits between root and leaf, at least 1; None for no limit.
    min_samples_leaf
        Fewest training rows in a leaf, at least 1.
    l2_regularization
        What is added to the hessian below a leaf's value: 0 or more.
    max_bins
        Most bins that a column's values are cut into: 2 to 255, missing values not counted.
    max_features
        Share of the columns, drawn anew for each tree, that it may split on: above 0, at most 1.
    subsample
        Share of the rows, drawn anew for each tree, that it is grown on: above 0, at most 1.
    monotonic
        Columns of numbers with which the prediction must rise (1) or fall (-1), all else equal: a mapping of names
        to directions, or one direction a column.
    interaction_cst
        Groups of columns, by name or position, that may act together: a path from root to leaf splits on columns of
        one group only. Columns in no group form one more. "no_interactions" is a group a column, "pairwise" one for
        every two; None, the default, sets no limit.
    early_stopping
        False: ``n_estimators`` trees are grown, 100 where that is None. True: ``validation_fraction`` of the rows, or
        ``X_val``, is watched and the trees up to the lowest loss are kept; ends when ``n_iter_no_change`` trees have
        not lowered it, or at ``n_estimators``, 1,000 where that is None. A number from 2 to 20: for each of that many
        folds a forest is grown on the others and stopped early on it, and the model is the mean of the forests.
        "auto": False where ``n_estimators`` is a number; else True where there is ``X_val``, and 5 folds where there
        is none.
    validation_fraction
        Share of each class that early stopping holds back: above 0 and below 1.
    n_iter_no_change
        Trees without gain after which growing ends where it is stopped early, at least 1.
    warm_start
        Whether ``fit`` continues from the trees of the last ``fit`` until there are ``n_estimators``, which must be a
        number: on the same rows by the same parameters the model that one long fit gives, bit for bit.
    random_state
        Seed of the columns and rows drawn, of the rows held back and of the folds.
    n_jobs
        Threads; None or -1 for all. The model is the same at any number, bit for bit.

    Attributes
    ----------
    classes_
        The two classes, sorted; the second is the positive one.
    n_features_in_, feature_names_in_
        Number and names of the columns of ``fit``; names only where they were all texts.
    n_trees_
        Trees that were grown.
    valid_losses_
        Mean log loss on the rows that were watched, before the first tree and after each; by folds, their mean as far
        as every fold tried.
    """

    _kind = "gradient trees"

    @classmethod
    def from_lightgbm(cls, model: Any) -> Self:
        """Takes over a model that LightGBM trained: same scores, same contributions, single rows in microseconds.

        Parameters
        ----------
        model
            An ``LGBMClassifier`` of two classes, a ``Booster``, the text of ``Booster.model_to_string()``, or the
            ``Path`` of a file of ``Booster.save_model()``. Its objective is ``binary`` or ``cross_entropy``. Only an
            ``LGBMClassifier`` knows names of classes; elsewhere they are False and True.

        Raises
        ------
        ValueError
            For what has another meaning here: several classes, linear leaves, other objectives, ordered categories,
            zeros that stand for missing values and go another way than zero does.
        """
        estimator = cls()
        estimator.classes_ = np.asarray(getattr(model, "classes_", [False, True]))
        return estimator._loaded(Classifier.from_lightgbm(_lightgbm_text(model)))

    def _fit_trees(self, learn: Rows, validate: Rows | None, params: dict[str, Any], model: Any) -> Classifier:
        return Classifier.fit(self._kind, learn, params, validate, model)

    def _numbers(self, y: Any, *, reset: bool) -> np.ndarray:
        labels = self._labels(y) if reset else self._target(y)
        unknown = np.flatnonzero(~np.isin(labels, self.classes_))
        if unknown.size:
            row, classes = int(unknown[0]), ", ".join(map(str, self.classes_))
            raise Error(f"label in row {row + 1} is {labels[row]}, expected one of the classes of training: {classes}")
        return np.asarray(labels == self.classes_[1])


class GradientTreesRegressor(RegressorMixin, _GradientTrees):  # type: ignore[misc]
    """Gradient-boosted trees for a number: its mean, the mean of a count, or a quantile.

    Parameters
    ----------
    loss
        "squared_error" predicts the mean; "poisson" the mean of a count, or of a sum that is never negative, above 0;
        "quantile" the quantile named.
    quantile
        Which one: above 0 and below 1. For the quantile loss only.
    n_estimators, learning_rate, max_leaf_nodes, max_depth, min_samples_leaf, l2_regularization, max_bins, max_features
        As for :class:`GradientTreesClassifier`.
    subsample, monotonic, interaction_cst, early_stopping, validation_fraction, n_iter_no_change
        As for :class:`GradientTreesClassifier`; the quantile loss takes no ``monotonic``.
    warm_start, random_state, n_jobs
        As for :class:`GradientTreesClassifier`.

    Attributes
    ----------
    n_features_in_, feature_names_in_
        Number and names of the columns of ``fit``; names only where they were all texts.
    n_trees_
        Trees that were grown.
    valid_losses_
        Mean loss on the rows that were watched, before the first tree and after each.
    """

    def __init__(
        self,
        *,
        loss: str = "squared_error",
        quantile: float | None = None,
        n_estimators: int | None = None,
        learning_rate: float = 0.1,
        max_leaf_nodes: int = 8,
        max_depth: int | None = None,
        min_samples_leaf: int = 20,
        l2_regularization: float = 1.0,
        max_bins: int = 255,
        max_features: float = 0.7,
        subsample: float = 1.0,
        monotonic: Monotonic = None,
        interaction_cst: Groups = None,
        early_stopping: bool | int | Literal["auto"] = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 30,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(
            n_estimators=n_estimators,
            learning_rate=learning_rate,
            max_leaf_nodes=max_leaf_nodes,
            max_depth=max_depth,
            min_samples_leaf=min_samples_leaf,
            l2_regularization=l2_regularization,
            max_bins=max_bins,
            max_features=max_features,
            subsample=subsample,
            monotonic=monotonic,
            interaction_cst=interaction_cst,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            warm_start=warm_start,
            random_state=random_state,
            n_jobs=n_jobs,
        )
        self.loss = loss
        self.quantile = quantile

    def predict(self, X: Any) -> np.ndarray:
        """The mean or the quantile of each row's target, ``n`` long."""
        return self._scored(X, Regressor.predict)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Reads a model file. Its loss is the one it was fitted by; its other parameters are the defaults."""
        model = Regressor.load(os.fspath(path))
        loss, quantile = model.loss
        return cls(loss=loss, quantile=quantile)._loaded(model)

    @classmethod
    def from_lightgbm(cls, model: Any) -> Self:
        """Takes over a model that LightGBM trained, as :meth:`GradientTreesClassifier.from_lightgbm`.

        Its objective is ``regression``, ``regression_l1`` (the median), ``quantile`` or ``poisson``.
        """
        native = Regressor.from_lightgbm(_lightgbm_text(model))
        loss, quantile = native.loss
        return cls(loss=loss, quantile=quantile)._loaded(native)

    def _fit_trees(self, learn: Rows, validate: Rows | None, params: dict[str, Any], model: Any) -> Regressor:
        return Regressor.fit(learn, params, self.loss, self.quantile, validate, model)

    def _numbers(self, y: Any, *, reset: bool) -> np.ndarray:
        return self._target(y, dtype=np.float64, ensure_all_finite=False)
