"""The models compared: each takes a frame of numbers, categories and missing values, and gives probabilities.

A model that takes categories itself is given them as such; the others get them one-hot. Defaults are meant literally:
nothing is set but seed, threads and silence. Early-stopped models hold a fifth of their training rows back, by class.

linfa's logistic regression and tree are those that keepwell's Rust side compares with (`keepwell::model::Comparison`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from environment import installed
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, train_test_split

#: Trees at most, and trees without gain after which to stop, of the early-stopped models.
MAX_TREES, PATIENCE = 3000, 50


@dataclass(frozen=True)
class Model:
    """A way to fit: `make(X, seed, threads)` gives an unfitted classifier for frames like `X`."""

    name: str
    package: str
    make: Callable[[pd.DataFrame, int, int], Any]
    quick: bool = False
    #: Our own without one of its parts: asked for by `--ablation`, and reported apart from the others.
    ablation: bool = False
    prepare: Callable[[pd.DataFrame], pd.DataFrame] = lambda X: X

    def installed(self) -> bool:
        return installed(self.package)


# ---------------------------------------------------------------------------------------------------- keepwell


def _keepwell(kind: str, **params: Any) -> Callable[[pd.DataFrame, int, int], Any]:
    def make(X: pd.DataFrame, seed: int, threads: int) -> Any:
        import keepwell as kw

        estimator = getattr(kw, kind)(random_state=seed, **params)
        return estimator.set_params(n_jobs=threads) if "n_jobs" in estimator.get_params() else estimator

    return make


class Linfa:
    """A baseline of linfa's, through keepwell's native half; at one thread, since it has no more."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> Linfa:
        import keepwell as kw

        self._model = kw._native.Baseline.fit(self._kind, kw.table(X), y.astype(bool))
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        import keepwell as kw

        p = self._model.predict_proba(kw.table(X))
        return np.column_stack([1 - p, p])


# ------------------------------------------------------------------------------------------- boosting of others


class EarlyStopped:
    """A booster that stops by the log loss of a fifth of its rows."""

    def __init__(self, booster: Any, fit: Callable[..., None], seed: int) -> None:
        self.booster, self._fit, self._seed = booster, fit, seed

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> EarlyStopped:
        trained, held = train_test_split(np.arange(len(y)), test_size=0.2, stratify=y, random_state=self._seed)
        self._fit(self.booster, X.iloc[trained], y[trained], (X.iloc[held], y[held]))
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self.booster.predict_proba(X)


def _lightgbm(seed: int, threads: int, **params: Any) -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(random_state=seed, n_jobs=threads, verbose=-1, **params)


def _fit_lightgbm(booster: Any, X: pd.DataFrame, y: np.ndarray, held: tuple[pd.DataFrame, np.ndarray]) -> None:
    from lightgbm import early_stopping

    stop = early_stopping(PATIENCE, verbose=False)
    booster.fit(X, y, eval_X=held[0], eval_y=held[1], eval_metric="binary_logloss", callbacks=[stop])


def _lightgbm_stopped(X: pd.DataFrame, seed: int, threads: int) -> EarlyStopped:
    booster = _lightgbm(seed, threads, n_estimators=MAX_TREES, learning_rate=0.05)
    return EarlyStopped(booster, _fit_lightgbm, seed)


class TunedLightGBM:
    """Random search of 25 settings by the log loss of three inner folds, each early-stopped; refitted on all rows."""

    n_settings, n_folds = 25, 3

    def __init__(self, seed: int, threads: int) -> None:
        self._seed, self._threads = seed, threads

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> TunedLightGBM:
        random = np.random.default_rng(self._seed)
        tried = [self._tried(self._drawn(random), X, y) for _ in range(self.n_settings)]
        _, trees, settings = min(tried, key=lambda result: result[0])
        self._best = _lightgbm(self._seed, self._threads, n_estimators=trees, **settings).fit(X, y)
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self._best.predict_proba(X)

    @staticmethod
    def _drawn(random: np.random.Generator) -> dict[str, Any]:
        return {
            "learning_rate": float(np.exp(random.uniform(np.log(0.02), np.log(0.2)))),
            "num_leaves": int(np.exp(random.uniform(np.log(4), np.log(128)))),
            "min_child_samples": int(np.exp(random.uniform(np.log(5), np.log(200)))),
            "reg_lambda": float(np.exp(random.uniform(np.log(1e-3), np.log(100)))),
            "cat_smooth": float(np.exp(random.uniform(np.log(1), np.log(100)))),
            "colsample_bytree": float(random.uniform(0.4, 1)),
            "subsample": float(random.uniform(0.5, 1)),
            "subsample_freq": 1,
        }

    def _tried(self, settings: dict[str, Any], X: pd.DataFrame, y: np.ndarray) -> tuple[float, int, dict[str, Any]]:
        """Log loss over the inner folds, and the mean number of trees, of a setting."""
        folds = StratifiedKFold(self.n_folds, shuffle=True, random_state=self._seed)
        losses, trees = [], []
        for trained, held in folds.split(X, y):
            booster = _lightgbm(self._seed, self._threads, n_estimators=MAX_TREES, **settings)
            _fit_lightgbm(booster, X.iloc[trained], y[trained], (X.iloc[held], y[held]))
            losses.append(log_loss(y[held], booster.predict_proba(X.iloc[held])[:, 1]))
            trees.append(booster.best_iteration_)
        return float(np.mean(losses)), max(1, round(float(np.mean(trees)))), settings


def _xgboost(seed: int, threads: int, **params: Any) -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(enable_categorical=True, random_state=seed, n_jobs=threads, **params)


def _xgboost_stopped(X: pd.DataFrame, seed: int, threads: int) -> EarlyStopped:
    stop = {"n_estimators": MAX_TREES, "early_stopping_rounds": PATIENCE, "learning_rate": 0.05}
    booster = _xgboost(seed, threads, eval_metric="logloss", **stop)

    def fit(booster: Any, X: pd.DataFrame, y: np.ndarray, held: tuple[pd.DataFrame, np.ndarray]) -> None:
        booster.fit(X, y, eval_set=[held], verbose=False)

    return EarlyStopped(booster, fit, seed)


def _catboost(X: pd.DataFrame, seed: int, threads: int) -> Any:
    from catboost import CatBoostClassifier

    categories = list(X.select_dtypes("object"))
    quiet = {"verbose": False, "allow_writing_files": False}
    return CatBoostClassifier(cat_features=categories, random_seed=seed, thread_count=threads, **quiet)


def _texts(X: pd.DataFrame) -> pd.DataFrame:
    """Categories as texts, the missing ones too, for CatBoost takes no missing category."""
    categories = X.select_dtypes("category").columns
    return X.assign(**{name: X[name].astype(object).where(X[name].notna(), "missing") for name in categories})


def _hist(X: pd.DataFrame, seed: int, threads: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)


def _ebm(X: pd.DataFrame, seed: int, threads: int) -> Any:
    from interpret.glassbox import ExplainableBoostingClassifier

    return ExplainableBoostingClassifier(random_state=seed, n_jobs=threads)


def _perpetual(X: pd.DataFrame, seed: int, threads: int) -> Any:
    from perpetual.sklearn import PerpetualClassifier

    return PerpetualClassifier(seed=seed, num_threads=threads)


def _one_hot(X: pd.DataFrame) -> pd.DataFrame:
    """Categories as columns of 0 and 1, for perpetual.

    Given categories as they are, version 2.3.0 stops too late on three tables: its log loss is over 1.25 times that of
    LightGBM's defaults in 14 of 15 folds of mlc, 6 of attrition, 5 of lending. In the worst fold of lending (log loss
    .62) its AUC on the rows it was trained on is 1.00; with one-hot columns .92, and the log loss .20.
    """
    return pd.get_dummies(X, dtype=float)


def _hessboost(X: pd.DataFrame, seed: int, threads: int) -> Any:
    from hessboost.sklearn import HessboostClassifier

    return HessboostClassifier(random_state=seed, n_jobs=threads)


# ----------------------------------------------------------------------------------------- logistic regressions


def _pipeline(X: pd.DataFrame, numbers: list[Any], classifier: Any) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    imputed = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), *numbers)
    one_hot = OneHotEncoder(min_frequency=10, handle_unknown="infrequent_if_exist", sparse_output=False)
    columns = make_column_transformer(
        (imputed, list(X.select_dtypes("number"))),
        (one_hot, list(X.select_dtypes("category"))),
    )
    return make_pipeline(columns, classifier)


def _sklearn_logistic(X: pd.DataFrame, seed: int, threads: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    return _pipeline(X, [StandardScaler()], LogisticRegression(max_iter=2000))


def _sklearn_spline_logistic(X: pd.DataFrame, seed: int, threads: int) -> Any:
    """Broken lines at quantiles, strength by folds: scikit-learn's parts put together like keepwell's logistic."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.preprocessing import SplineTransformer, StandardScaler

    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    strengths = {"C": np.logspace(-4, 1, 9)}
    classifier = GridSearchCV(LogisticRegression(max_iter=2000), strengths, scoring="neg_log_loss", cv=folds)
    return _pipeline(X, [SplineTransformer(n_knots=9, degree=1, knots="quantile"), StandardScaler()], classifier)


#: What the blend can be fitted without.
PARTS = ["logistic", "piecewise logistic", "gradient trees", "held trees", "large trees", "weights", "calibration"]


def _ablation(name: str, **params: Any) -> Model:
    return Model(name, "keepwell", _keepwell("BlendClassifier", **params), ablation=True)


#: All models, keepwell's first.
MODELS = [
    Model("keepwell blend", "keepwell", _keepwell("BlendClassifier"), quick=True),
    Model("keepwell fast", "keepwell", _keepwell("BlendClassifier", effort="fast")),
    Model("keepwell best", "keepwell", _keepwell("BlendClassifier", effort="best")),
    Model("keepwell trees", "keepwell", _keepwell("GradientTreesClassifier"), quick=True),
    Model("keepwell logistic", "keepwell", _keepwell("LogisticClassifier"), quick=True),
    *(_ablation(f"without {part}", leave_out=[part]) for part in PARTS),
    Model("linfa logistic", "keepwell", lambda X, seed, threads: Linfa("linfa logistic"), quick=True),
    Model("linfa tree", "keepwell", lambda X, seed, threads: Linfa("linfa tree"), quick=True),
    Model("CatBoost", "catboost", _catboost, quick=True, prepare=_texts),
    Model("LightGBM", "lightgbm", lambda X, seed, threads: _lightgbm(seed, threads)),
    Model("LightGBM stopped", "lightgbm", _lightgbm_stopped, quick=True),
    Model("LightGBM tuned", "lightgbm", lambda X, seed, threads: TunedLightGBM(seed, threads)),
    Model("XGBoost", "xgboost", lambda X, seed, threads: _xgboost(seed, threads)),
    Model("XGBoost stopped", "xgboost", _xgboost_stopped),
    Model("HistGradientBoosting", "sklearn", _hist, quick=True),
    Model("EBM", "interpret", _ebm),
    Model("perpetual", "perpetual", _perpetual),
    Model("perpetual one-hot", "perpetual", _perpetual, prepare=_one_hot),
    Model("hessboost", "hessboost", _hessboost),
    Model("sklearn logistic", "sklearn", _sklearn_logistic, quick=True),
    Model("sklearn broken-line logistic", "sklearn", _sklearn_spline_logistic),
]
