"""The libraries compared, each by its fastest documented way, with the same task for all.

Leaves, rate, bins, L2 and threads are set alike wherever a library has them. perpetual has neither leaves nor a rate:
a budget of 1 is its rate of 0.1, and it stops when it thinks fit. CatBoost's symmetric trees keep their defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

LEAVES, RATE, BINS, L2, ROWS_A_LEAF = 31, 0.1, 255, 1.0, 20

#: A fitted model of any library.
Fitted = Any


@dataclass(frozen=True)
class Library:
    """How to fit, predict and explain with a library. What it cannot do is None."""

    name: str
    package: str
    fit: Callable[[Any, np.ndarray, int, int], Fitted]
    """Of table, labels, trees and threads."""
    predict: Callable[[Fitted, Any, int], np.ndarray]
    """Probabilities, or scores of the same order; of model, table and threads."""
    contributions: Callable[[Fitted, np.ndarray, int], np.ndarray] | None = None
    """Of each column to each row; of model, rows and threads."""
    one_row: Callable[[Fitted, np.ndarray], Callable[[], object]] | None = None
    """A call that scores the one row given, `1 × d`."""
    forms: tuple[str, ...] = ("numpy", "frame")
    """In which it takes a table."""
    quick: bool = True
    """Whether a quick run has it."""
    only_fits: bool = False
    """Whether it differs from another only in how it fits."""
    most_rows: int = 10_000_000
    """Beyond which a fit takes too long to be repeated."""
    bare_call: Callable[[Fitted], Callable[[], object]] | None = None
    """A call from Python into the library that does nothing."""

    def takes(self, form: str) -> bool:
        return form.split()[0] in self.forms


# ---------------------------------------------------------------------------------------------------- keepwell


def _keepwell_fit(X: Any, y: np.ndarray, trees: int, threads: int) -> Fitted:
    import keepwell as kw

    estimator = kw.GradientTreesClassifier(
        n_estimators=trees, max_leaf_nodes=LEAVES, learning_rate=RATE, max_bins=BINS, l2_regularization=L2,
        min_samples_leaf=ROWS_A_LEAF, n_jobs=threads,
    )
    return estimator.fit(X, y)


def _keepwell_bare(model: Fitted) -> Callable[[], object]:
    native = model._model
    return lambda: native.kind


_KEEPWELL = Library(
    "keepwell", "keepwell", _keepwell_fit,
    predict=lambda model, X, threads: model.predict_proba(X)[:, 1],
    contributions=lambda model, X, threads: model.explain(X).values,
    one_row=lambda model, row: lambda: model.predict_proba(row),
    forms=("numpy", "frame", "arrow"),
    bare_call=_keepwell_bare,
)

# ---------------------------------------------------------------------------------------------------- LightGBM


def _lightgbm(name: str, **mode: Any) -> Library:
    def fit(X: Any, y: np.ndarray, trees: int, threads: int) -> Fitted:
        import lightgbm

        params = {
            "objective": "binary", "num_leaves": LEAVES, "learning_rate": RATE, "max_bin": BINS, "lambda_l2": L2,
            "min_data_in_leaf": ROWS_A_LEAF, "num_threads": threads, "verbosity": -1, **mode,
        }
        return lightgbm.train(params, lightgbm.Dataset(X, y, params=params), trees)

    return Library(
        name, "lightgbm", fit,
        predict=lambda model, X, threads: model.predict(X, num_threads=threads),
        contributions=lambda model, X, threads: model.predict(X, pred_contrib=True, num_threads=threads)[:, :-1],
        one_row=lambda model, row: lambda: model.predict(row, num_threads=1),
        forms=("numpy", "frame", "arrow"),
        only_fits=bool(mode),
    )


# ----------------------------------------------------------------------------------------------------- XGBoost


def _xgboost_fit(X: Any, y: np.ndarray, trees: int, threads: int) -> Fitted:
    import xgboost

    params = {
        "objective": "binary:logistic", "tree_method": "hist", "grow_policy": "lossguide", "max_leaves": LEAVES,
        "max_depth": 0, "eta": RATE, "max_bin": BINS, "lambda": L2, "nthread": threads, "verbosity": 0,
    }
    table = xgboost.QuantileDMatrix(X, y, max_bin=BINS, nthread=threads, enable_categorical=True)
    return xgboost.train(params, table, trees)


def _xgboost_predict(model: Fitted, X: Any, threads: int) -> np.ndarray:
    model.set_param({"nthread": threads})
    return model.inplace_predict(X)


def _xgboost_contributions(model: Fitted, X: Any, threads: int) -> np.ndarray:
    import xgboost

    model.set_param({"nthread": threads})
    return model.predict(xgboost.DMatrix(X, nthread=threads), pred_contribs=True)[:, :-1]


_XGBOOST = Library(
    "XGBoost hist", "xgboost", _xgboost_fit, _xgboost_predict, _xgboost_contributions,
    one_row=lambda model, row: lambda: model.inplace_predict(row),
)

# ---------------------------------------------------------------------------------------------------- CatBoost


def _catboost(name: str, quick: bool, **mode: Any) -> Library:
    def pool(X: Any, y: np.ndarray | None, threads: int) -> Any:
        from catboost import Pool

        categories = list(X.select_dtypes("category")) if hasattr(X, "select_dtypes") else None
        return Pool(X, y, cat_features=categories, thread_count=threads)

    def fit(X: Any, y: np.ndarray, trees: int, threads: int) -> Fitted:
        from catboost import CatBoost

        params = {
            "loss_function": "Logloss", "iterations": trees, "learning_rate": RATE, "border_count": BINS - 1,
            "l2_leaf_reg": L2, "thread_count": threads, "logging_level": "Silent", "allow_writing_files": False,
            **mode,
        }
        return CatBoost(params).fit(pool(X, y.astype(np.int8), threads))

    def contributions(model: Fitted, X: Any, threads: int) -> np.ndarray:
        shap = {"type": "ShapValues", "thread_count": threads}
        return model.get_feature_importance(pool(X, None, threads), **shap)[:, :-1]

    return Library(
        name, "catboost", fit,
        predict=lambda model, X, threads: model.predict(pool(X, None, threads), thread_count=threads),
        contributions=contributions,
        one_row=lambda model, row: lambda: model.predict(row, prediction_type="Probability", thread_count=1),
        quick=quick,
    )


# ------------------------------------------------------------------------------------------------------ others


def _hist_fit(X: Any, y: np.ndarray, trees: int, threads: int) -> Fitted:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=trees, max_leaf_nodes=LEAVES, learning_rate=RATE, max_bins=BINS, l2_regularization=L2,
        min_samples_leaf=ROWS_A_LEAF, early_stopping=False, categorical_features="from_dtype",
    ).fit(X, y)


_HIST = Library(
    "HistGradientBoosting", "sklearn", _hist_fit,
    predict=lambda model, X, threads: model.predict_proba(X)[:, 1],
    one_row=lambda model, row: lambda: model.predict_proba(row),
)


def _perpetual_fit(X: Any, y: np.ndarray, trees: int, threads: int) -> Fitted:
    from perpetual import PerpetualBooster

    booster = PerpetualBooster(
        objective="LogLoss", budget=1.0, iteration_limit=trees, max_bin=BINS, num_threads=threads,
    )
    return booster.fit(X, y.astype(float))


_PERPETUAL = Library(
    "perpetual", "perpetual", _perpetual_fit,
    predict=lambda model, X, threads: model.predict_proba(X)[:, 1],
    contributions=lambda model, X, threads: model.predict_contributions(X, method="Shapley")[:, :-1],
    one_row=lambda model, row: lambda: model.predict_proba(row),
    quick=False,
    most_rows=100_000,
)


def _hessboost_fit(X: Any, y: np.ndarray, trees: int, threads: int) -> Fitted:
    import hessboost

    params = {
        "objective": "binary:logistic", "tree_method": "hist", "grow_policy": "lossguide", "max_leaves": LEAVES,
        "max_depth": 0, "eta": RATE, "max_bin": BINS, "lambda": L2, "nthread": threads,
    }
    return hessboost.train(params, hessboost.DMatrix(X, label=y.astype(np.float32)), trees)


def _hessboost_one_row(model: Fitted, row: np.ndarray) -> Callable[[], object]:
    values, out = row[0].astype(np.float32), np.empty(1, dtype=np.float32)
    return lambda: model.predict_row(values, out=out)


_HESSBOOST = Library(
    "hessboost", "hessboost", _hessboost_fit,
    predict=lambda model, X, threads: model.predict(X),
    contributions=lambda model, X, threads: model.predict(X, pred_contribs=True)[:, :-1],
    one_row=_hessboost_one_row,
)

#: All libraries, ours first.
LIBRARIES = [
    _KEEPWELL,
    _lightgbm("LightGBM"),
    _lightgbm("LightGBM row-wise", force_row_wise=True),
    _lightgbm("LightGBM quantized", use_quantized_grad=True),
    _XGBOOST,
    _catboost(
        "CatBoost", quick=False,
        grow_policy="Lossguide", max_leaves=LEAVES, max_depth=16, min_data_in_leaf=ROWS_A_LEAF,
    ),
    _catboost("CatBoost symmetric", quick=True),
    _HIST,
    _PERPETUAL,
    _HESSBOOST,
]
OURS = "keepwell"
#: Those that cannot be, or here are not, set to the same leaves and rate.
OTHER_TASK = ["CatBoost symmetric", "perpetual"]
