"""Models taken over from LightGBM: scores and contributions are LightGBM's own, and shap's."""

import pickle

import keepwell as kw
import lightgbm
import numpy as np
import pandas as pd
import pytest


def frame(n=1500, seed=0):
    """Numbers with missing values and ties, counts with many zeros, categories of few and of many levels, a constant."""
    random = np.random.default_rng(seed)
    numbers = pd.DataFrame({
        "seats": random.lognormal(2, 1, n).round(),
        "logins": random.poisson(0.7, n).astype(float),
        "share": random.random(n),
        "score": random.normal(size=n),
        "constant": 3.0,
    })
    for name in ("seats", "share"):
        numbers.loc[random.random(n) < 0.15, name] = np.nan
    levels = [f"level {at}" for at in range(70)]
    plan = pd.Series(random.choice(["free", "team", "pro", "téam"], n)).where(random.random(n) > 0.1)
    country = pd.Series(random.choice(levels, n, p=np.arange(1, 71) / 2485))
    return numbers.assign(plan=plan.astype("category"), country=country.astype("category"))


def labels(X, seed=1):
    share = X["share"].fillna(0.8)
    odds = share * X["score"] + (X["plan"] == "free") * X["logins"] - X["country"].cat.codes % 5 / 3 + (X["seats"] > 8)
    return np.where(np.random.default_rng(seed).random(len(X)) < 1 / (1 + np.exp(-odds)), "stay", "leave")


SHAPES = {
    "defaults": {},
    "stumps": {"num_leaves": 2},
    "deep trees": {"num_leaves": 250, "min_child_samples": 1, "n_estimators": 20},
    "long paths": {"num_leaves": 60, "min_child_samples": 1, "max_bin": 400, "learning_rate": 0.5},
    "few bins": {"max_bin": 7, "max_depth": 3},
    "dart": {"boosting_type": "dart", "drop_rate": 0.3},
    "random forest": {"boosting_type": "rf", "subsample": 0.6, "subsample_freq": 1},
    "another sigmoid": {"sigmoid": 1.7},
    "no missing values": {"use_missing": False},
    "monotone": {"monotone_constraints": [0, 0, 0, 1, 0, 0, 0], "num_leaves": 40},
    "cross entropy": {"objective": "cross_entropy"},
    "many sets of levels": {"min_data_per_group": 1, "cat_smooth": 0.1, "max_cat_threshold": 60},
}


def classifier(**settings):
    return lightgbm.LGBMClassifier(**{"n_estimators": 60, "verbose": -1, "n_jobs": 1, "random_state": 0, **settings})


@pytest.mark.parametrize("shape", SHAPES)
def test_scores_and_contributions_are_lightgbm_s(shape):
    X, later = frame(), frame(600, seed=5)
    later["country"] = later["country"].cat.rename_categories({"level 3": "never seen"})
    theirs = classifier(**SHAPES[shape]).fit(X, labels(X))
    ours = kw.GradientTreesClassifier.from_lightgbm(theirs)
    assert list(ours.classes_) == ["leave", "stay"] and list(ours.feature_names_in_) == list(X.columns)
    # What a random forest's raw scores and contributions are the sums of, its probabilities are the mean of.
    scale = 1 / theirs.n_estimators_ if shape == "random forest" else SHAPES[shape].get("sigmoid", 1.0)
    for table in (X, later):
        raw = theirs.predict(table, raw_score=True)
        assert np.abs(ours.decision_function(table) - scale * raw).max() < 1e-9
        assert np.abs(ours.predict_proba(table) - theirs.predict_proba(table)).max() < 1e-9
    told, expected = ours.explain(later), theirs.predict(later, pred_contrib=True) * scale
    assert np.abs(told.values - expected[:, :-1]).max() < 1e-5
    assert np.abs(told.base - expected[:, -1]).max() < 1e-5


def test_a_row_a_pickle_and_a_file_say_the_same(tmp_path):
    X = frame()
    theirs = classifier().fit(X, labels(X))
    theirs.booster_.save_model(tmp_path / "model.txt")
    ours = kw.GradientTreesClassifier.from_lightgbm(theirs)
    expected = ours.predict_proba(X)[:, 1]
    of_file = kw.GradientTreesClassifier.from_lightgbm(tmp_path / "model.txt")
    of_text = kw.GradientTreesClassifier.from_lightgbm(theirs.booster_.model_to_string())
    ours.save(tmp_path / "model.keepwell")
    saved = kw.GradientTreesClassifier.load(tmp_path / "model.keepwell")
    for other in (of_file, of_text, saved, pickle.loads(pickle.dumps(ours))):
        assert np.array_equal(other.predict_proba(X)[:, 1], expected)
    rows = X.head(50).to_dict("records")
    assert [ours.predict_proba_of_row(row) for row in rows] == list(expected[:50])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_categories_that_were_numbers_stay_numbers(dtype):
    random = np.random.default_rng(3)
    X = np.column_stack([random.normal(size=900), random.integers(0, 60, 900), random.integers(-1, 3, 900)]).astype(dtype)
    X[::9, 1] = np.nan
    y = (X[:, 0] + (np.nan_to_num(X[:, 1]) % 3 == 0) + (X[:, 2] == 2) > 0.5).astype(int)
    theirs = classifier(min_data_per_group=5).fit(X, y, categorical_feature=[1, 2])
    ours = kw.GradientTreesClassifier.from_lightgbm(theirs)
    assert not hasattr(ours, "feature_names_in_")
    strange = np.vstack([X, [[0.1, 1e9, -7], [np.nan, -0.5, 2.7], [0.0, 59.9, np.nan]]]).astype(dtype)
    assert np.abs(ours.decision_function(strange) - theirs.predict(strange, raw_score=True)).max() < 1e-9
    contributions = theirs.predict(strange, pred_contrib=True)[:, :-1]
    assert np.abs(ours.explain(strange).values - contributions).max() < 1e-5


@pytest.mark.parametrize(
    ("objective", "loss", "quantile"),
    [
        ({"objective": "regression"}, "squared_error", None),
        ({"objective": "poisson"}, "poisson", None),
        ({"objective": "regression_l1"}, "quantile", 0.5),
        ({"objective": "quantile", "alpha": 0.8}, "quantile", 0.8),
    ],
)
def test_a_regressor_is_lightgbm_s(objective, loss, quantile):
    X = frame()
    y = np.random.default_rng(0).poisson(1 + X["logins"] * X["share"].fillna(0.5)).astype(float)
    theirs = lightgbm.LGBMRegressor(**objective, n_estimators=40, verbose=-1, n_jobs=1).fit(X, y)
    ours = kw.GradientTreesRegressor.from_lightgbm(theirs)
    assert (ours.loss, ours.quantile) == (loss, quantile)
    assert np.abs(ours.predict(X) - theirs.predict(X)).max() < 1e-9
    contributions = theirs.predict(X, pred_contrib=True)
    assert np.abs(ours.explain(X).values - contributions[:, :-1]).max() < 1e-5


def test_early_stopping_keeps_the_best_trees():
    X, later = frame(), frame(400, seed=5)
    stopping = [lightgbm.early_stopping(5, verbose=False)]
    theirs = classifier(n_estimators=400).fit(X, labels(X), eval_set=[(later, labels(later))], callbacks=stopping)
    assert theirs.best_iteration_ < 400
    ours = kw.GradientTreesClassifier.from_lightgbm(theirs)
    assert ours.n_trees_ == theirs.best_iteration_
    assert np.abs(ours.decision_function(later) - theirs.predict(later, raw_score=True)).max() < 1e-9


def test_training_goes_on_from_a_model_taken_over():
    X = frame()
    y = labels(X)
    model = kw.GradientTreesClassifier.from_lightgbm(classifier(n_estimators=10).fit(X, y))
    before = model.predict_proba(X)
    model.set_params(warm_start=True, n_estimators=60).fit(X, y)
    assert model.n_trees_ == 60
    loss = [-np.log(np.where(y == "stay", p[:, 1], p[:, 0])).mean() for p in (before, model.predict_proba(X))]
    assert loss[1] < loss[0] - 0.05


def test_what_means_something_else_is_refused():
    X = frame()
    numbers, y = X[["seats", "logins", "score"]], labels(X)
    refused = kw.GradientTreesClassifier.from_lightgbm
    with pytest.raises(kw.Error, match="its num_class is 3"):
        refused(classifier().fit(numbers, X["logins"].clip(upper=2)))
    with pytest.raises(kw.Error, match="tree 0: its leaves are linear"):
        refused(classifier(linear_tree=True).fit(numbers, y))
    with pytest.raises(kw.Error, match="zeros stand for missing values"):
        refused(classifier(zero_as_missing=True).fit(numbers, y))
    ordered = X.assign(plan=X["plan"].cat.as_ordered())[["plan", "country", "seats"]]
    with pytest.raises(kw.Error, match="ordered ones are not taken over"):
        refused(classifier().fit(ordered, y))
    with pytest.raises(kw.Error, match="its objective is `huber`"):
        kw.GradientTreesRegressor.from_lightgbm(lightgbm.LGBMRegressor(objective="huber", verbose=-1).fit(numbers, X["logins"]))
    with pytest.raises(kw.Error, match="it does not begin with `tree`"):
        refused("model.txt")
    with pytest.raises(TypeError, match="expected a LightGBM estimator"):
        refused(3)


@pytest.mark.parametrize("shape", ["defaults", "deep trees", "long paths", "few bins"])
def test_contributions_and_interaction_values_are_shap_s(shape):
    """shap's own trees, by their definition (`tree_path_dependent`)."""
    shap = pytest.importorskip("shap")
    X = frame()
    numbers, y = X[["seats", "logins", "share", "score", "constant"]], labels(X) == "stay"
    theirs = classifier(**{**SHAPES[shape], "n_estimators": 15}).fit(numbers, y)
    ours = kw.GradientTreesClassifier.from_lightgbm(theirs)
    explainer, some = shap.TreeExplainer(theirs.booster_, feature_perturbation="tree_path_dependent"), numbers.head(40)
    assert np.abs(ours.explain(some).values - np.asarray(explainer.shap_values(some))).max() < 1e-5
    told = ours.explain_interactions(some)
    assert np.abs(told.values - np.asarray(explainer.shap_interaction_values(some))).max() < 1e-5
    assert np.abs(told.values.sum(axis=2) - ours.explain(some).values).max() < 1e-9
    assert np.array_equal(told.values, told.values.transpose(0, 2, 1))
