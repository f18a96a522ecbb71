"""scikit-learn's own checks of what an estimator must do."""

import keepwell as kw
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

#: What scikit-learn itself declares for its HistGradientBoosting estimators, and nothing else: bins, folds and rows
#: a leaf are counted in rows. The logistic model passes that check too where no folds choose its C.
SAMPLE_WEIGHTS = {
    "check_sample_weight_equivalence_on_dense_data": "sample_weight is not equivalent to removing/repeating samples.",
}


def expected_failures(estimator):
    return SAMPLE_WEIGHTS if getattr(estimator, "C", None) is None else {}


@parametrize_with_checks(
    [
        kw.GradientTreesClassifier(min_samples_leaf=5),
        kw.GradientTreesRegressor(min_samples_leaf=5),
        kw.GradientTreesRegressor(min_samples_leaf=5, loss="quantile", quantile=0.5),
        kw.LogisticClassifier(),
        kw.LogisticClassifier(C=1.0),
        kw.LogisticClassifier(C=1.0, knots=0),
        kw.BlendClassifier(),
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn_s_checks_pass(estimator, check):
    check(estimator)
