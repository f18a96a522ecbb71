"""What the estimators have in common: scikit-learn's conventions, and tables of any kind."""

from __future__ import annotations

import itertools
import numbers
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_array, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from ._contributions import Contributions, Interactions
from ._errors import Error
from ._native import Classifier
from ._table import Columns, columns, default_names, is_pandas, is_plain_matrix, is_table, of_matrix

Labels = np.ndarray
Scores = TypeVar("Scores")
Groups = Sequence[Sequence[str | int]] | str | None


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """What the estimators have in common."""

    _model: Any

    def explain(self, X: Any) -> Contributions:
        """What each column adds to the log-odds or raw score of each row, exactly."""
        base, values = self._scored(X, lambda model, given: model.contributions(given))
        return Contributions(base, values, self._model.feature_names)

    def explain_interactions(self, X: Any) -> Interactions:
        """What every two columns add together to the log-odds or raw score of each row: SHAP interaction values,
        exactly. They take ``n × d × d`` numbers; explain some rows at a time where columns are many."""
        base, values = self._scored(X, lambda model, given: model.interaction_values(given))
        return Interactions(base, values, self._model.feature_names)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model file, which Rust reads too. Class names and parameters are not in it; pickle keeps them."""
        check_is_fitted(self)
        self._model.save(os.fspath(path))

    def _loaded(self, model: Any) -> Self:
        self._model = model
        names = model.feature_names
        self.n_features_in_ = len(names)
        if names != default_names(len(names)):
            self.feature_names_in_ = np.asarray(names, dtype=object)
        self._after_fit()
        return self

    def _after_fit(self) -> None:
        """Sets what is public of the fitted model."""

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _native_params(self, given: Columns) -> dict[str, Any]:
        return {name: self._native_value(name, value, given) for name, value in self.get_params().items()}

    def _scored(self, X: Any, score: Callable[[Any, Any], Scores]) -> Scores:
        if not self._is_ready_for(X):
            check_is_fitted(self)
            X = self._columns(X, reset=False).held
        return score(self._model, X)

    def _is_ready_for(self, X: Any) -> bool:
        """Whether X is what most services send, a matrix with nothing to convert or to warn of: asked first, since
        all other checks together cost more than to score a row."""
        state = self.__dict__
        return (
            is_plain_matrix(X)
            and "_model" in state
            and "feature_names_in_" not in state
            and bool(X.shape[1] == self.n_features_in_)
            and len(X) > 0
        )

    def _columns(self, X: Any, *, reset: bool) -> Columns:
        """X as columns; its names and their number noted (``reset``) or compared with those of ``fit``."""
        if is_table(X):
            given = columns(X)
            names = _names(X, given)
            if names is None:
                given = replace(given, names=default_names(len(given.names)))
        else:
            if not is_plain_matrix(X):
                X = check_array(X, dtype=None, ensure_all_finite=False, estimator=self, input_name="X")
            given, names = of_matrix(X), None
        (self._note_columns if reset else self._compare_columns)(names, given.shape[1])
        for found, of in zip(given.shape, ("sample", "feature"), strict=True):
            if found == 0:
                raise Error(f"Found array with 0 {of}(s) (shape={given.shape}) while a minimum of 1 is required.")
        return given

    def _note_columns(self, names: list[str] | None, n_features: int) -> None:
        self.n_features_in_ = n_features
        if names is not None:
            self.feature_names_in_ = np.asarray(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _compare_columns(self, names: list[str] | None, n_features: int) -> None:
        fitted = getattr(self, "feature_names_in_", None)
        owner = type(self).__name__
        if names is not None and fitted is None:
            warnings.warn(f"X has feature names, but {owner} was fitted without feature names", stacklevel=4)
        elif names is None and fitted is not None:
            text = f"X does not have valid feature names, but {owner} was fitted with feature names"
            warnings.warn(text, stacklevel=4)
        elif names is not None and fitted is not None and names != list(fitted):
            raise Error(_names_differ(names, list(fitted)))
        if n_features != self.n_features_in_:
            expected = self.n_features_in_
            raise Error(f"X has {n_features} features, but {owner} is expecting {expected} features as input")

    def _weights(self, sample_weight: Any, given: Columns) -> np.ndarray:
        weights = _check_sample_weight(sample_weight, given, dtype=np.float64, ensure_non_negative=True)
        if not weights.any():
            raise Error("Sample weights must contain at least one non-zero number.")
        return np.asarray(weights)

    def _native_value(self, name: str, value: Any, given: Columns) -> Any:
        """A parameter as the native half takes it."""
        match name:
            case "random_state" if not isinstance(value, numbers.Integral):
                return int(check_random_state(value).randint(2**31 - 1))
            case "n_jobs" if value == -1:
                return None
            case "monotonic" if value is None:
                return {}
            case "monotonic" if not isinstance(value, Mapping):
                return _directions(value, given.names)
            case "interaction_cst":
                return _groups(value, given.names)
        return value

    def _target(self, y: Any, **how: Any) -> np.ndarray:
        """One target a row, as it was given, checked as ``how`` says."""
        if y is None:
            raise Error(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None")
        y = column_or_1d(y, warn=True)
        checked = check_array(y, ensure_2d=False, input_name="y", estimator=self, **{"dtype": None, **how})
        return np.asarray(checked)


class _Classifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """What the classifiers have in common."""

    _kind: ClassVar[str]

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fits to ``n`` rows.

        Parameters
        ----------
        X
            What :func:`keepwell.table` takes. Texts and categories are columns as good as numbers; missing values
            stay missing.
        y
            One label a row, of two classes: numbers, flags or texts.
        sample_weight
            One weight a row, 0 or more. Default: 1 each.

        Returns
        -------
        The fitted estimator itself.

        Raises
        ------
        ValueError
            For rows, labels, weights or parameters that cannot be learned from; the text says which and why.
        """
        return self._fit(X, y, sample_weight)

    def _fit(self, X: Any, y: Any, sample_weight: Any, groups: list[str] | None = None) -> Self:
        given = self._columns(X, reset=True)
        y = self._labels(y)
        check_consistent_length(given, y)
        weights = None if sample_weight is None else self._weights(sample_weight, given)
        rows = given.names, given.held, y == self.classes_[1], weights
        self._model = Classifier.fit(self._kind, rows, self._native_params(given), groups=groups)
        self._after_fit()
        return self

    def predict(self, X: Any) -> Labels:
        """The more probable class of each row."""
        more_probable = (self.decision_function(X) > 0).astype(int)
        return np.asarray(self.classes_[more_probable])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of the first and of the second of ``classes_``, ``n × 2``."""
        return self._scored(X, Classifier.predict_proba)

    def predict_proba_of_row(self, row: Mapping[str, Any] | Sequence[Any] | np.ndarray) -> float:
        """Probability of the second of ``classes_`` for one row: the fast way for a service, with the same numbers.

        Parameters
        ----------
        row
            The cells of one row: a ``dict`` of column names to cells, whose further entries are passed over, or a
            one-dimensional array, list or tuple in the order of the columns of ``fit``. A cell is a number, a flag,
            the text of a category, or missing: None or NaN.
        """
        if "_model" not in self.__dict__:
            check_is_fitted(self)
        probability: float = self._model.predict_proba_of_row(row)
        return probability

    def decision_function(self, X: Any) -> np.ndarray:
        """Log-odds of the second of ``classes_``, ``n`` long."""
        return self._scored(X, Classifier.log_odds)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Reads a model file. Its classes are False and True; its parameters are the defaults."""
        estimator = cls()
        estimator.classes_ = np.array([False, True])
        return estimator._loaded(Classifier.load(cls._kind, os.fspath(path)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _labels(self, y: Any) -> Labels:
        """Labels of two classes; notes the classes."""
        labels: Labels = self._target(y)
        if labels.dtype == bool:  # no need to sort them
            self.classes_ = np.array([flag for flag in (False, True) if (labels == flag).any()])
        else:
            check_classification_targets(labels)
            kind = type_of_target(labels, input_name="y", raise_unknown=True)
            if kind != "binary":
                raise Error(f"Only binary classification is supported. The type of the target is {kind}.")
            self.classes_ = np.unique(labels)
        if len(self.classes_) < 2:
            only = self.classes_[0].item() if isinstance(self.classes_[0], np.generic) else self.classes_[0]
            raise Error(f"label `y` has only one class, {only!r}; a model needs rows of both classes")
        return labels


def _group_names(groups: Any) -> list[str]:
    names = column_or_1d(np.asarray(groups)).tolist()
    missing = next((row for row, name in enumerate(names, 1) if name is None or name != name), None)
    if missing is not None:
        raise Error(f"`groups`, row {missing}: found a missing value, expected the group of the row")
    return [str(name) for name in names]


def _names(X: Any, given: Columns) -> list[str] | None:
    """The columns' names; None where a pandas frame has only numbers for names, as scikit-learn has it."""
    if is_pandas(X) and not all(isinstance(name, str) for name in X.columns):
        if any(isinstance(name, str) for name in X.columns):
            types = sorted({type(name).__qualname__ for name in X.columns})
            raise TypeError(f"column names are of the types {types}; make them all texts: X.columns.astype(str)")
        return None
    return given.names


def _names_differ(found: list[str], fitted: list[str]) -> str:
    """scikit-learn's words."""
    unseen, missing = sorted(set(found) - set(fitted)), sorted(set(fitted) - set(found))
    lines = ["The feature names should match those that were passed during fit."]
    for title, names in (("unseen at fit time", unseen), ("seen at fit time, yet now missing", missing)):
        if names:
            shown = [*names[:5], *(["..."] if len(names) > 5 else [])]
            lines += [f"Feature names {title}:", *(f"- {name}" for name in shown)]
    if not unseen and not missing:
        lines += ["Feature names must be in the same order as they were in fit."]
    return "\n".join([*lines, ""])


def _directions(given: Any, names: list[str]) -> dict[str, int]:
    directions = list(given)
    if len(directions) != len(names):
        raise Error(f"`monotonic` has {len(directions)} directions, expected {len(names)}, one a column")
    return {name: int(direction) for name, direction in zip(names, directions, strict=True)}


def _groups(given: Any, names: list[str]) -> list[list[str]]:
    """Groups of column names, from names or positions, or in scikit-learn's two words."""
    match given:
        case None:
            return []
        case "no_interactions":
            return [[name] for name in names]
        case "pairwise":
            return [list(pair) for pair in itertools.combinations(names, 2)]
        case str():
            raise Error(f"`interaction_cst` is '{given}', expected 'no_interactions', 'pairwise' or groups of columns")
    return [[_column_name(column, names) for column in group] for group in given]


def _column_name(column: Any, names: list[str]) -> str:
    if isinstance(column, str):
        return column
    if isinstance(column, numbers.Integral) and 0 <= int(column) < len(names):
        return names[int(column)]
    raise Error(f"`interaction_cst` names column {column!r}, expected a name or a position from 0 to {len(names) - 1}")
