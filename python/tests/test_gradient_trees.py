"""What gradient trees can do beyond the defaults: losses, stopping, sampling, warm starts, limits on interactions."""

import pickle

import keepwell as kw
import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def counts(accounts, features):
    """Tickets of the next quarter: more where seats are idle."""
    rate = 4 * (1 - features["seat_utilisation"].fillna(0.5)) + 0.3
    return np.random.default_rng(1).poisson(rate).astype(float)


@pytest.mark.parametrize(
    "loss", [{"loss": "squared_error"}, {"loss": "poisson"}, {"loss": "quantile", "quantile": 0.8}]
)
def test_a_regressor_learns_explains_and_is_saved(loss, counts, features, tmp_path):
    model = kw.GradientTreesRegressor(**loss).fit(features, counts)
    predicted = model.predict(features)
    assert np.corrcoef(predicted, counts)[0, 1] > 0.6
    told = model.explain(features)
    raw = np.log(predicted) if loss["loss"] == "poisson" else predicted
    assert np.abs(told.base + told.values.sum(axis=1) - raw).max() < 1e-6
    model.save(tmp_path / "model.keepwell")
    loaded = kw.GradientTreesRegressor.load(tmp_path / "model.keepwell")
    assert loaded.get_params()["loss"] == loss["loss"] and loaded.quantile == loss.get("quantile")
    for other in (loaded, pickle.loads(pickle.dumps(model))):
        assert np.array_equal(other.predict(features), predicted)
    with pytest.raises(kw.Error, match="holds another kind of model"):
        kw.GradientTreesClassifier.load(tmp_path / "model.keepwell")


def test_a_quantile_has_its_share_of_targets_below(counts, features):
    y = counts + np.random.default_rng(2).random(len(counts))
    for quantile in (0.1, 0.5, 0.9):
        model = kw.GradientTreesRegressor(loss="quantile", quantile=quantile, max_leaf_nodes=8).fit(features, y)
        assert abs((y < model.predict(features)).mean() - quantile) < 0.05


def test_a_regressor_agrees_with_scikit_learn_s(counts, features):
    from sklearn.ensemble import HistGradientBoostingRegressor

    numbers = features.select_dtypes("number").astype(float)
    for loss in ({"loss": "squared_error"}, {"loss": "poisson"}):
        settings = {**loss, "max_leaf_nodes": 8, "l2_regularization": 0.0}
        ours = kw.GradientTreesRegressor(**settings, n_estimators=100, max_features=1.0).fit(numbers, counts).predict(numbers)
        theirs = HistGradientBoostingRegressor(**settings, max_iter=100).fit(numbers, counts).predict(numbers)
        assert np.corrcoef(ours, theirs)[0, 1] > 0.97


@pytest.mark.parametrize("model", [kw.GradientTreesClassifier, kw.GradientTreesRegressor])
@pytest.mark.parametrize("settings", [{}, {"subsample": 0.5, "max_features": 0.5}])
def test_a_warm_start_gives_what_one_long_fit_gives(model, settings, accounts, features):
    y = accounts["churned"].astype(int)
    long = model(n_estimators=40, **settings).fit(features, y)
    warm = model(n_estimators=15, warm_start=True, **settings).fit(features, y)
    warm.set_params(n_estimators=40).fit(features, y)
    assert warm.n_trees_ == 40 and np.array_equal(warm.explain(features).values, long.explain(features).values)
    with pytest.raises(kw.Error, match="at least as many as the model has that is continued"):
        warm.set_params(n_estimators=30).fit(features, y)


def test_a_warm_start_on_other_columns_or_classes_is_refused(accounts, features):
    y = accounts["churned"]
    model = kw.GradientTreesClassifier(n_estimators=5, warm_start=True).fit(features, y)
    with pytest.raises(kw.Error, match="Feature names seen at fit time, yet now missing:\n- nps"):
        model.fit(features.drop(columns="nps"), y)
    model.fit(features, y)
    with pytest.raises(kw.Error, match="label in row 1 is .*, expected one of the classes of training: False, True"):
        model.fit(features, np.where(y, "gone", "here"))


def test_folds_choose_the_number_of_trees(accounts, features):
    y = accounts["churned"]
    model = kw.GradientTreesClassifier(n_estimators=400, early_stopping=4, learning_rate=0.3).fit(features, y)
    assert 4 <= model.n_trees_ < 4 * 400 and model.valid_losses_.min() < model.valid_losses_[0]
    found = kw.GradientTreesClassifier().fit(features, y)
    asked = kw.GradientTreesClassifier(early_stopping=5).fit(features, y)
    assert np.array_equal(found.predict_proba(features), asked.predict_proba(features))
    assert kw.GradientTreesClassifier(early_stopping=False).fit(features, y).n_trees_ == 100
    with pytest.raises(kw.Error, match="`n_estimators` is not set, expected a number, since a model is continued"):
        found.set_params(warm_start=True).fit(features, y)


def test_a_validation_set_is_watched(accounts, features):
    y, half = accounts["churned"], len(features) // 2
    (X_train, X_val), (y_train, y_val) = ((data[:half], data[half:]) for data in (features, y))
    model = kw.GradientTreesClassifier(n_estimators=400, early_stopping=True, learning_rate=0.3)
    model.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    assert model.valid_losses_.argmin() == model.n_trees_ < 400
    p = model.predict_proba(X_val)[np.arange(len(y_val)), y_val.to_numpy().astype(int)]
    assert abs(-np.log(p).mean() - model.valid_losses_.min()) < 1e-9
    numbers = y_train.to_numpy().astype(float)
    noted = kw.GradientTreesRegressor(n_estimators=7).fit(
        X_train, numbers, X_val=X_val, y_val=y_val.astype(float), sample_weight_val=np.ones(len(y_val))
    )
    assert noted.n_trees_ == 7 and len(noted.valid_losses_) == 8


@pytest.mark.parametrize("groups", [[["seat_utilisation", "nps"]], "no_interactions", [[0], [1]]])
def test_columns_of_different_groups_do_not_act_together(groups, features):
    numbers = features[["seat_utilisation", "nps", "mrr"]].astype(float).fillna(0.5)
    a, b, c = (numbers[name].rank(pct=True).to_numpy() for name in numbers)
    y = 4 * (a - 0.5) * (c - 0.5) + 4 * (b - 0.5) * (c - 0.5)

    def mixed(model):
        """What the change of two columns does beyond what the change of each does: 0 where they never meet."""
        low, high = numbers.quantile(0.1), numbers.quantile(0.9)
        corners = pd.DataFrame([low] * 4)
        corners.iloc[[1, 3], 0] = high.iloc[0]
        corners.iloc[[2, 3], 2] = high.iloc[2]
        at = model.predict(corners)
        return abs(at[0] - at[1] - at[2] + at[3])

    free = kw.GradientTreesRegressor().fit(numbers, y)
    limited = kw.GradientTreesRegressor(interaction_cst=groups).fit(numbers, y)
    assert mixed(free) > 0.1 and mixed(limited) < 1e-9


def test_ten_thousand_levels_of_noise_do_no_harm_and_levels_that_matter_help():
    random = np.random.default_rng(3)
    n, n_levels = 30_000, 5_000
    X = pd.DataFrame(random.normal(size=(n, 4)), columns=list("abcd"))
    codes, effects = random.integers(0, n_levels, n), random.normal(size=n_levels)
    many = X.assign(city=[f"city {code}" for code in codes])
    train, test = slice(0, 20_000), slice(20_000, n)

    def loss(data, y):
        model = kw.GradientTreesClassifier(max_leaf_nodes=8).fit(data[train], y[train])
        p = model.predict_proba(data[test])[:, 1]
        return -np.where(y[test], np.log(p), np.log(1 - p)).mean()

    noise = random.random(n) < 1 / (1 + np.exp(-X["a"]))
    assert loss(many, noise) < loss(X, noise) + 0.002
    matters = random.random(n) < 1 / (1 + np.exp(-X["a"] - 2 * effects[codes]))
    assert loss(many, matters) < loss(X, matters) - 0.03


@pytest.mark.parametrize(
    ("settings", "change", "text"),
    [
        ({"loss": "absolute"}, {}, "`loss` is 'absolute', expected 'squared_error', 'poisson' or 'quantile'"),
        ({"loss": "quantile"}, {}, "`quantile` is None, expected a number above 0 and below 1 for the quantile loss"),
        ({"loss": "quantile", "quantile": 1.5}, {}, "`quantile` is 1.5, expected above 0 and below 1"),
        ({"loss": "poisson"}, {4: -1.0}, "targets, row 5: found -1, expected a number from 0 to 1e18"),
        ({}, {2: np.nan}, "targets, row 3: found NaN, expected a number from -1e18 to 1e18"),
        ({}, {0: np.inf}, "targets, row 1: found inf, expected a number from -1e18 to 1e18"),
        ({"subsample": 0}, {}, "`subsample` is 0, expected above 0 and at most 1"),
        ({"early_stopping": 1000}, {}, "`early_stopping` is 1000, expected 2 to 20 folds"),
        ({"interaction_cst": "some"}, {}, "`interaction_cst` is 'some', expected 'no_interactions', 'pairwise' or"),
        ({"interaction_cst": [[9]]}, {}, "`interaction_cst` names column 9, expected a name or a position from 0 to 5"),
        ({"interaction_cst": [["age"]]}, {}, "column `age` (named in `interaction_cst`) is not in the table"),
    ],
)
def test_what_a_regressor_cannot_use_is_named(settings, change, text, counts, features):
    y = counts.copy()
    for row, value in change.items():
        y[row] = value
    with pytest.raises(ValueError) as caught:
        kw.GradientTreesRegressor(**settings).fit(features, y)
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    "model",
    [
        kw.GradientTreesClassifier(n_estimators=40),
        kw.GradientTreesRegressor(n_estimators=40),
        kw.BlendClassifier(n_folds=2, effort="fast"),
        kw.LogisticClassifier(C=1.0),
    ],
)
def test_interaction_values_add_up_to_the_contributions(model, accounts, features):
    model.fit(features, accounts["churned"].astype(float if hasattr(model, "loss") else int))
    some = features.head(60)
    told, alone = model.explain_interactions(some), model.explain(some)
    assert told.values.shape == (60, features.shape[1], features.shape[1])
    assert told.base == pytest.approx(alone.base, abs=1e-9)
    assert np.abs(told.values.sum(axis=2) - alone.values).max() < 1e-9
    assert np.array_equal(told.values, told.values.transpose(0, 2, 1))
    table = told.to_table().to_pandas()
    sums = table.groupby("row")["value"].sum().reindex(range(60), fill_value=0.0)
    assert np.abs(sums - alone.values.sum(axis=1)).max() < 1e-9
    together = (table["feature"] != table["other"]).any()
    assert together == (not isinstance(model, kw.LogisticClassifier))
