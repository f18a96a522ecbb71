"""keepwell and its peers, each as a function from rows learned from to effects of rows left out. One thread each."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

#: X, whether the action was done, whether the outcome came, X of the rows left out: their effects.
Learn = Callable[[pd.DataFrame, np.ndarray, np.ndarray, pd.DataFrame], np.ndarray]


@dataclass(frozen=True)
class Learner:
    """A learner, what it is fitted with, and whether a quick run has time for it."""

    name: str
    package: str
    learn: Learn
    quick: bool = True


def _boosted(kind: str, light: bool = True):
    import lightgbm

    settings = dict(n_estimators=100, n_jobs=1, verbose=-1, random_state=0)
    if light:
        settings |= dict(learning_rate=0.05, num_leaves=7, min_child_samples=200, colsample_bytree=0.8, reg_lambda=10.0)
    return (lightgbm.LGBMClassifier if kind == "classifier" else lightgbm.LGBMRegressor)(**settings)


def _logistic():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1000))


def _keepwell(X, t, y, X_left_out):
    import keepwell as kw

    model = kw.EffectModel(["none", "action"]).fit(X, y, t)
    return np.asarray(model.effects(X_left_out)["action"])


def _class_transformation(X, t, y, X_left_out):
    from sklift.models import ClassTransformation

    return ClassTransformation(_logistic()).fit(X, y, t).predict(X_left_out)


def _two_logistic(X, t, y, X_left_out):
    from sklift.models import TwoModels

    return TwoModels(_logistic(), _logistic()).fit(X, y, t).predict(X_left_out)


def _solo_trees(X, t, y, X_left_out):
    from sklift.models import SoloModel

    return SoloModel(_boosted("classifier")).fit(X, y, t).predict(X_left_out)


def _causalml(make) -> Learn:
    def learn(X, t, y, X_left_out):
        learner, extra = make(t)
        learner.fit(X=X.to_numpy(), treatment=t, y=y.astype(int), **extra)
        return np.asarray(learner.predict(X_left_out.to_numpy(), **_scored(extra, len(X_left_out)))).ravel()

    return learn


def _scored(extra, n):
    return {"p": np.full(n, extra["p"][0])} if "p" in extra else {}


def _t_trees(_):
    from causalml.inference.meta import BaseTClassifier

    return BaseTClassifier(_boosted("classifier")), {}


def _t_default(_):
    from causalml.inference.meta import BaseTClassifier

    return BaseTClassifier(_boosted("classifier", light=False)), {}


def _x_trees(t):
    from causalml.inference.meta import BaseXClassifier

    learner = BaseXClassifier(_boosted("classifier"), _boosted("regressor"))
    return learner, {"p": np.full(len(t), t.mean())}


def _dr_trees(t):
    from causalml.inference.meta import BaseDRRegressor

    learner = BaseDRRegressor(_boosted("regressor"), treatment_effect_learner=_boosted("regressor"))
    return learner, {"p": np.full(len(t), t.mean())}


def _uplift_forest(X, t, y, X_left_out):
    from causalml.inference.tree import UpliftRandomForestClassifier

    forest = UpliftRandomForestClassifier("0", n_estimators=10, random_state=0, n_jobs=1)
    forest.fit(X.to_numpy(), t.astype(str), y.astype(int))
    return np.asarray(forest.predict(X_left_out.to_numpy())).ravel()


def _econml(make) -> Learn:
    def learn(X, t, y, X_left_out):
        learner = make()
        learner.fit(y.astype(float), t, X=X.to_numpy())
        return np.asarray(learner.effect(X_left_out.to_numpy())).ravel()

    return learn


def _dr_linear():
    from econml.dr import LinearDRLearner

    return LinearDRLearner(
        model_propensity=_logistic(), model_regression=_boosted("regressor"), cv=5, random_state=0
    )


def _causal_forest(n_trees: int):
    from econml.dml import CausalForestDML

    settings = dict(discrete_treatment=True, n_estimators=n_trees, cv=5, random_state=0, n_jobs=1)
    return CausalForestDML(model_y=_boosted("regressor"), model_t=_logistic(), **settings)


LEARNERS = [
    Learner("keepwell", "keepwell", _keepwell),
    Learner("class transformation, logistic", "sklift", _class_transformation),
    Learner("T-learner, logistic", "sklift", _two_logistic),
    Learner("S-learner, LightGBM", "sklift", _solo_trees),
    Learner("T-learner, LightGBM", "causalml", _causalml(_t_trees)),
    Learner("T-learner, LightGBM's defaults", "causalml", _causalml(_t_default)),
    Learner("X-learner, LightGBM", "causalml", _causalml(_x_trees)),
    Learner("doubly robust, LightGBM", "causalml", _causalml(_dr_trees)),
    Learner("doubly robust, linear, cross-fitted", "econml", _econml(_dr_linear)),
    Learner("uplift forest, 10 trees", "causalml", _uplift_forest, quick=False),
    Learner("causal forest, 100 trees", "econml", _econml(lambda: _causal_forest(100)), quick=False),
    Learner("causal forest, 500 trees", "econml", _econml(lambda: _causal_forest(500)), quick=False),
]


def quietly(learner: Learner, *given) -> np.ndarray:
    """The effects, without what peers warn of at every fit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return learner.learn(*given)
