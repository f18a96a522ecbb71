"""What others compute of the same data."""

import keepwell as kw
import lightgbm
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score
from sklearn.preprocessing import StandardScaler

from business import make_accounts

NUMBERS = ["seat_utilisation", "tickets_open", "auto_renew", "mrr"]


@pytest.mark.parametrize("C", [0.01, 0.3, 10.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_logistic_model_is_scikit_learn_s(C, weighted, accounts):
    """Without pieces and missing values it is the plain L2 regression on standardised columns."""
    X, y = accounts[NUMBERS].astype(float).to_numpy(), accounts["churned"].to_numpy()
    weights = np.random.default_rng(1).integers(1, 5, len(y)).astype(float) if weighted else None
    scaler = StandardScaler().fit(X, sample_weight=weights)
    theirs = LogisticRegression(C=C, tol=1e-10, max_iter=10_000).fit(scaler.transform(X), y, sample_weight=weights)
    ours = kw.LogisticClassifier(C=C, knots=0, tol=1e-9).fit(X, y, sample_weight=weights)
    expected = theirs.decision_function(scaler.transform(X))
    assert np.abs(ours.decision_function(X) - expected).max() < 1e-5
    parts = theirs.coef_ * scaler.transform(X)
    assert np.abs(ours.explain(X).values - parts).max() < 1e-5


def test_trees_rank_as_well_as_lightgbm_s():
    """Mean AUC over ten businesses, a tree for a tree; LightGBM is given the category as one too."""
    gaps = []
    for seed in range(10):
        past, later = make_accounts(2000, seed), make_accounts(2000, seed + 100)
        columns = [*NUMBERS, "nps", "plan"]
        X, X_later = (table[columns].astype({"plan": "category"}) for table in (past, later))
        settings = {"n_estimators": 40, "learning_rate": 0.1, "max_depth": 4}
        ours = kw.GradientTreesClassifier(**settings, max_leaf_nodes=31, max_features=1.0).fit(X, past["churned"]).predict_proba(X_later)
        theirs = lightgbm.LGBMClassifier(**settings, reg_lambda=1.0, n_jobs=1, verbose=-1)
        theirs = theirs.fit(X, past["churned"]).predict_proba(X_later)
        gaps.append(roc_auc_score(later["churned"], ours[:, 1]) - roc_auc_score(later["churned"], theirs[:, 1]))
    assert np.mean(gaps) > -0.002


def test_quality_is_what_scikit_learn_measures(accounts):
    """Measured on a second business by hand, the model is as good as it says it is."""
    schema = kw.Schema.infer(accounts.drop(columns="expanded"))
    model = kw.HealthModel(schema).fit(make_accounts(4000, 1))
    later = make_accounts(4000, 2)
    p, y, said = model.score(later)["churn_probability"], later["churned"], model.quality["churn"]
    assert roc_auc_score(y, p) == pytest.approx(said["roc_auc"], abs=0.02)
    assert average_precision_score(y, p) == pytest.approx(said["average_precision"], abs=0.03)
    assert log_loss(y, p) == pytest.approx(said["log_loss"], abs=0.02)
