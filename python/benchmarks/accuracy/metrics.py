"""How good scores are: scikit-learn's metrics where it has them, and the three that it has not."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

#: What is measured; of each, whether more is better.
MORE_IS_BETTER = {
    "auc": True,
    "average_precision": True,
    "log_loss": False,
    "brier": False,
    "calibration_error": False,
    "lift_top_tenth": True,
    "profit": True,
    "fit_cpu_seconds": False,
    "score_seconds": False,
}


def of_fold(y: np.ndarray, p: np.ndarray, costs: pd.DataFrame | None) -> dict[str, float]:
    """The metrics that are means over rows or ranks within a fold; calibration needs more rows, see `report`."""
    return {
        "auc": roc_auc_score(y, p),
        "average_precision": average_precision_score(y, p),
        "log_loss": log_loss(y, p),
        "brier": brier_score_loss(y, p),
        "lift_top_tenth": lift(y, p, 0.1),
        "profit": float("nan") if costs is None else profit(y, p, costs),
    }


def lift(y: np.ndarray, p: np.ndarray, share: float) -> float:
    """Positives among the top `share` of rows over those in as many random ones; tied rows enter in proportion."""
    by_score = pd.DataFrame({"y": y, "p": p}).groupby("p")["y"].agg(["sum", "size"]).iloc[::-1]
    room = share * len(y)
    taken = (room - (by_score["size"].cumsum() - by_score["size"])).clip(0, by_score["size"])
    return float((taken * by_score["sum"] / by_score["size"]).sum() / room / y.mean())


def calibration_error(y: np.ndarray, p: np.ndarray, n_bins: int = 10) -> float:
    """Mean over bins of equal size of |mean probability - share of positives|; 0 is perfect."""
    order = np.argsort(p, kind="stable")
    bins = zip(np.array_split(y[order], n_bins), np.array_split(p[order], n_bins), strict=True)
    return float(sum(abs(came.mean() - said.mean()) * len(said) for came, said in bins) / len(y))


def profit(y: np.ndarray, p: np.ndarray, costs: pd.DataFrame) -> float:
    """Mean money a row that acting adds over leaving all alone, acting where that costs less by the probability.

    The threshold of a row is (FP - TN) / (FP - TN + FN - TP), Elkan 2001, equation 2.
    """
    wrongly_acted = costs["cost_fp"] - costs["cost_tn"]
    wrongly_left = costs["cost_fn"] - costs["cost_tp"]
    acts = p >= (wrongly_acted / (wrongly_acted + wrongly_left)).to_numpy()
    gain = np.where(y, wrongly_left, -wrongly_acted)
    return float((gain * acts).mean())


#: Of the intervals that are measured, how often they should hold; and groups of a fold's left-out rows.
LEVEL, N_GROUPS = 0.9, 10


def coverage(y: np.ndarray, p: np.ndarray, intervals: np.ndarray) -> dict[str, float]:
    """How often the share of positives of a group of left-out rows is within the interval of its rate.

    The groups are tenths by score. The interval of a rate has two parts, added as squares: the mean distance to the
    ends of the rows' intervals, and chance. ``chance`` says how often the second alone would do.
    """
    z = stats.norm.ppf(0.5 + LEVEL / 2)
    held, n_groups = {"intervals": 0, "chance": 0}, min(N_GROUPS, len(y))
    for rows in np.array_split(np.argsort(p, kind="stable"), n_groups):
        rate, came = p[rows].mean(), y[rows].mean()
        chance = z * np.sqrt((p[rows] * (1 - p[rows])).mean() / len(rows))
        side = (rate - intervals[rows, 0].mean()) if came < rate else (intervals[rows, 1].mean() - rate)
        held["intervals"] += abs(came - rate) <= np.hypot(side, chance)
        held["chance"] += abs(came - rate) <= chance
    width = float((intervals[:, 1] - intervals[:, 0]).mean())
    return {**{part: count / n_groups for part, count in held.items()}, "width": width}
