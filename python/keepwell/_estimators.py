"""The classifiers, by scikit-learn's conventions, for tables of numbers, flags, categories and missing values."""

from __future__ import annotations

import numbers
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_array, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from ._contributions import Contributions
from ._errors import Error
from ._native import Classifier, Table
from ._table import from_matrix, is_pandas, is_table, table

Labels = np.ndarray
Monotonic = Mapping[str, int] | Sequence[int] | None
#: How much time training may take.
Effort = Literal["fast", "balanced", "best"]


class _Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """What the classifiers have in common."""

    _fit_native: ClassVar[Callable[..., Classifier]]
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
        columns = self._columns(X, reset=True)
        y = self._labels(y)
        check_consistent_length(columns, y)
        weights = None if sample_weight is None else self._weights(sample_weight, columns)
        positive = y == self.classes_[1]
        params = {name: self._native_value(name, value, columns) for name, value in self.get_params().items()}
        self._model = self._fit_native(columns, positive, weights, params)
        self._after_fit()
        return self

    def predict(self, X: Any) -> Labels:
        """The more probable class of each row."""
        more_probable = (self.decision_function(X) > 0).astype(int)
        return np.asarray(self.classes_[more_probable])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of the first and of the second of ``classes_``, ``n × 2``."""
        positive = self._scored(X, Classifier.predict_proba)
        return np.column_stack([1 - positive, positive])

    def decision_function(self, X: Any) -> np.ndarray:
        """Log-odds of the second of ``classes_``, ``n`` long."""
        return self._scored(X, Classifier.log_odds)

    def explain(self, X: Any) -> Contributions:
        """What each column adds to the log-odds of each row, exactly."""
        check_is_fitted(self)
        columns = self._columns(X, reset=False)
        base, values = self._model.contributions(self._renamed(columns))
        return Contributions(base, values, self._model.feature_names)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model file, which Rust reads too. Class names and parameters are not in it; pickle keeps them."""
        check_is_fitted(self)
        self._model.save(os.fspath(path))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Reads a model file. Its classes are False and True; its parameters are the defaults."""
        estimator = cls()
        estimator._model = Classifier.load(cls._kind, os.fspath(path))
        names = estimator._model.feature_names
        estimator.classes_ = np.array([False, True])
        estimator.n_features_in_ = len(names)
        if names != _default_names(len(names)):
            estimator.feature_names_in_ = np.asarray(names, dtype=object)
        estimator._after_fit()
        return estimator

    def _after_fit(self) -> None:
        """Sets what is public of the fitted model."""

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags

    def _scored(self, X: Any, score: Callable[[Classifier, Table], np.ndarray]) -> np.ndarray:
        check_is_fitted(self)
        return score(self._model, self._renamed(self._columns(X, reset=False)))

    def _renamed(self, columns: Table) -> Table:
        """Under the names of training: scikit-learn's habit is to warn where they differ and to go by position."""
        names = self._model.feature_names
        return columns if columns.column_names == names else columns.rename(names)

    def _columns(self, X: Any, *, reset: bool) -> Table:
        """X as a table; its names and their number noted (``reset``) or compared with those of ``fit``."""
        if is_table(X):
            columns = table(X)
            names = _names(X, columns)
            if names is None:
                columns = columns.rename(_default_names(columns.shape[1]))
        else:
            values = check_array(X, dtype=None, ensure_all_finite="allow-nan", estimator=self, input_name="X")
            columns, names = from_matrix(values), None
        (self._note_columns if reset else self._compare_columns)(names, columns.shape[1])
        for found, of in zip(columns.shape, ("sample", "feature"), strict=True):
            if found == 0:
                raise Error(f"Found array with 0 {of}(s) (shape={columns.shape}) while a minimum of 1 is required.")
        return columns

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

    def _labels(self, y: Any) -> Labels:
        """Labels of two classes; notes the classes."""
        if y is None:
            raise Error(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None")
        y = column_or_1d(y, warn=True)
        check_array(y, ensure_2d=False, dtype=None, input_name="y", estimator=self)
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind != "binary":
            raise Error(f"Only binary classification is supported. The type of the target is {kind}.")
        labels: Labels = np.asarray(y)
        self.classes_ = np.unique(labels)
        if len(self.classes_) < 2:
            only = self.classes_[0].item() if isinstance(self.classes_[0], np.generic) else self.classes_[0]
            raise Error(f"label `y` has only one class, {only!r}; a model needs rows of both classes")
        return labels

    def _weights(self, sample_weight: Any, columns: Table) -> np.ndarray:
        weights = _check_sample_weight(sample_weight, columns, dtype=np.float64, ensure_non_negative=True)
        if not weights.any():
            raise Error("Sample weights must contain at least one non-zero number.")
        return np.asarray(weights)

    def _native_value(self, name: str, value: Any, columns: Table) -> Any:
        """A parameter as the native half takes it."""
        match name:
            case "random_state" if not isinstance(value, numbers.Integral):
                return int(check_random_state(value).randint(2**31 - 1))
            case "n_jobs" if value == -1:
                return None
            case "monotonic" if value is None:
                return {}
            case "monotonic" if not isinstance(value, Mapping):
                return _directions(value, columns.column_names)
        return value


def _names(X: Any, columns: Table) -> list[str] | None:
    """The columns' names; None where a pandas frame has only numbers for names, as scikit-learn has it."""
    if is_pandas(X) and not all(isinstance(name, str) for name in X.columns):
        if any(isinstance(name, str) for name in X.columns):
            types = sorted({type(name).__qualname__ for name in X.columns})
            raise TypeError(f"column names are of the types {types}; make them all texts: X.columns.astype(str)")
        return None
    return columns.column_names


def _default_names(n: int) -> list[str]:
    return [f"x{i}" for i in range(n)]


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


class GradientTreesClassifier(_Classifier):
    """Gradient-boosted trees: numbers, categories and missing values as they come.

    Parameters
    ----------
    n_estimators
        Trees, at least 1; with ``early_stopping`` the most of them. More trees want a smaller ``learning_rate``. None:
        as many as the data bears; for each of five folds a forest is grown on the others until ``n_iter_no_change``
        trees have not lowered the log loss on it, and the model is the mean of the five.
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
    monotonic
        Columns of numbers with which the prediction must rise (1) or fall (-1), all else equal: a mapping of names
        to directions, or one direction a column.
    early_stopping
        Whether to hold ``validation_fraction`` of the rows back and to stop when ``n_iter_no_change`` trees have not
        lowered their log loss, at most ``n_estimators``, or 1,000 where that is None.
    validation_fraction
        Share of each class that early stopping holds back: above 0 and below 1.
    n_iter_no_change
        Trees without gain after which growing ends where it is stopped early, at least 1.
    random_state
        Seed of the columns drawn and of the rows held back.
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
        Mean log loss on the rows held back for early stopping, before the first tree and after each.
    """

    _fit_native = staticmethod(Classifier.fit_gradient_trees)
    _kind = "gradient trees"

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
        monotonic: Monotonic = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 30,
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
        self.monotonic = monotonic
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _after_fit(self) -> None:
        self.n_trees_ = self._model.n_trees
        self.valid_losses_ = np.asarray(self._model.valid_losses)


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

    _fit_native = staticmethod(Classifier.fit_logistic)
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
        are few of a class. Empty where there were enough.
    """

    _fit_native = staticmethod(Classifier.fit_blend)
    _kind = "blend"

    def __init__(
        self,
        *,
        n_folds: int = 5,
        effort: Effort = "balanced",
        monotonic: Monotonic = None,
        random_state: int | np.random.RandomState | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_folds = n_folds
        self.effort = effort
        self.monotonic = monotonic
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _after_fit(self) -> None:
        self.members_ = self._model.members
        self.warnings_ = self._model.warnings
        self.n_trees_ = self._model.n_trees
