"""What effects told of rows left out are worth: ranking, and choosing by them at a cost."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd


def qini(y: np.ndarray, effects: np.ndarray, treated: np.ndarray) -> float:
    """scikit-uplift's Qini coefficient."""
    from sklift.metrics import qini_auc_score

    with warnings.catch_warnings():  # it uses a function that scikit-learn is about to drop
        warnings.simplefilter("ignore")
        return float(qini_auc_score(y.astype(int), effects, treated.astype(int)))


def scores(numbers: pd.DataFrame, arm: np.ndarray, y: np.ndarray, n_arms: int, folds) -> np.ndarray:
    """Doubly robust scores of each row in each arm (n × n_arms), expectations by logistic regressions on other folds."""
    from learners import _logistic

    shares = np.bincount(arm, minlength=n_arms) / len(arm)
    found = np.zeros((len(arm), n_arms))
    for train, left_out in folds:
        for at in range(n_arms):
            rows = train[arm[train] == at]
            model = _logistic().fit(numbers.iloc[rows], y[rows])
            expected = model.predict_proba(numbers.iloc[left_out])[:, 1]
            beyond = (arm[left_out] == at) * (y[left_out] - expected) / shares[at]
            found[left_out, at] = expected + beyond
    return found


def policy(effects: np.ndarray, cost: float) -> np.ndarray:
    """The arm that is worth most for each row; ``effects`` is n × n_arms, those of none 0."""
    gains = effects - cost
    gains[:, 0] = 0.0
    return gains.argmax(axis=1)


def value(scores: np.ndarray, chosen: np.ndarray, cost: float) -> tuple[float, float]:
    """Mean outcome after cost, and its standard error."""
    rows = np.arange(len(chosen))
    told = scores[rows, chosen] - cost * (chosen > 0)
    return float(told.mean()), float(told.std() / np.sqrt(len(told)))


def over_best_for_all(scores: np.ndarray, chosen: np.ndarray, cost: float) -> tuple[float, float]:
    """By how much the choice is better than the best of "the same for all" and "none", and its standard error."""
    after = scores - cost * (np.arange(scores.shape[1]) > 0)
    best = after.mean(axis=0).argmax()
    gain = after[np.arange(len(chosen)), chosen] - after[:, best]
    return float(gain.mean()), float(gain.std() / np.sqrt(len(gain)))
