"""The estimators, by scikit-learn's conventions, for tables of numbers, flags, categories and missing values."""

from __future__ import annotations

import itertools
import numbers
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_array, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from ._contributions import Contributions, Interactions
from ._errors import Error
from ._native import Classifier, Regressor
from ._table import Columns, columns, default_names, is_pandas, is_plain_matrix, is_table, of_matrix

Labels = np.ndarray
Scores = TypeVar("Scores")
Monotonic = Mapping[str, int] | Sequence[int] | None
#: How much time training may take.
Effort = Literal["fast", "balanced", "best"]
#: Names, columns as the native half takes them, targets and weights.
Rows = tuple[list[str], Any, np.ndarray, np.ndarray | None]
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
        y = self._target(y)
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind != "binary":
            raise Error(f"Only binary classification is supported. The type of the target is {kind}.")
        labels: Labels = y
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
