"""The classifiers: labels and columns of any kind, exact explanations, files, pickles, and words for bad input."""

import os
import pickle
import signal
import threading

import keepwell as kw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

CLASSIFIERS = [kw.GradientTreesClassifier, kw.LogisticClassifier, kw.BlendClassifier]
every_classifier = pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda classifier: classifier.__name__)


def holders(features: pd.DataFrame) -> dict:
    """The same columns in everything that can hold them."""
    return {
        "category": features.astype({"plan": "category"}),
        "shuffled levels": features.assign(plan=pd.Categorical(features["plan"], ["team", "enterprise", "basic", "no"])),
        "object": features.astype({"plan": object}),
        "nullable": features.convert_dtypes(),
        "polars": pl.from_pandas(features),
        "pyarrow": pa.Table.from_pandas(features),
        "mapping": {name: features[name].tolist() for name in features},
        "table": kw.table(features),
    }


@every_classifier
def test_every_holder_of_columns_gives_the_same_scores(classifier, accounts, features):
    expected = classifier().fit(features, accounts["churned"]).decision_function(features)
    assert len(np.unique(expected)) > 100
    for name, data in holders(features).items():
        fitted = classifier().fit(data, accounts["churned"])
        assert np.array_equal(fitted.decision_function(data), expected), name
        assert np.array_equal(fitted.decision_function(features), expected), name


@every_classifier
@pytest.mark.parametrize("holder", [pa.table, pl.DataFrame, pd.DataFrame, kw.table])
def test_numbers_score_the_same_with_and_without_names(classifier, holder, accounts):
    columns = accounts[["seat_utilisation", "tickets_open", "nps"]].astype(float)
    matrix = columns.to_numpy()
    expected = classifier().fit(matrix, accounts["churned"]).predict_proba(matrix)
    for order in "CF":
        data = matrix.astype(float, order=order)
        assert np.array_equal(classifier().fit(data, accounts["churned"]).predict_proba(data), expected)
    named = holder({name: columns[name].to_numpy() for name in columns})
    assert np.array_equal(classifier().fit(named, accounts["churned"]).predict_proba(named), expected)


@every_classifier
@pytest.mark.parametrize("classes", [[False, True], [0, 1], [-1, 1], ["left", "stayed"], [1.0, 2.0]])
def test_labels_of_any_two_classes_come_back(classifier, classes, accounts, features):
    y = np.array(classes)[accounts["churned"].to_numpy().astype(int)]
    fitted = classifier().fit(features, y)
    assert fitted.classes_.tolist() == classes and fitted.classes_.dtype == y.dtype
    predicted = fitted.predict(features)
    assert predicted.dtype == y.dtype and set(predicted) == set(classes)
    p = fitted.predict_proba(features)
    assert np.array_equal(predicted, np.array(classes)[p.argmax(axis=1)])
    assert np.allclose(p.sum(axis=1), 1, rtol=0, atol=1e-15) and p.min() > 0 and p.max() < 1
    assert fitted.score(features, y) > 0.7


@every_classifier
def test_contributions_add_up_to_the_log_odds(classifier, accounts, features):
    fitted = classifier().fit(features, accounts["churned"])
    told = fitted.explain(features)
    assert told.feature_names == list(features) and told.values.shape == features.shape
    sums = told.base + told.values.sum(axis=1)
    assert np.abs(sums - fitted.decision_function(features)).max() < 1e-6
    assert told.to_table().column_names == list(features)


@every_classifier
def test_unseen_levels_and_empty_cells_are_scored(classifier, accounts, features):
    fitted = classifier().fit(features, accounts["churned"])
    new = features.head(3).assign(plan=["unheard of", None, "basic"], nps=np.nan, seat_utilisation=[0.5, np.nan, 0.5])
    p = fitted.predict_proba(new)
    assert np.isfinite(p).all() and p.min() > 0 and p.max() < 1


@every_classifier
def test_a_column_of_which_nothing_is_known_scores_as_empty_cells_do(classifier, accounts, features):
    fitted = classifier().fit(features, accounts["churned"])
    new = features.head(3)
    empty = fitted.predict_proba(new.assign(nps=np.nan, plan=None))
    assert np.isfinite(empty).all()
    assert np.array_equal(fitted.predict_proba(new.assign(nps=None, plan=None)), empty)
    assert np.array_equal(fitted.predict_proba(new.assign(nps=pa.nulls(3).to_pandas(), plan=None)), empty)


@every_classifier
def test_pickles_clones_and_files_score_the_same(classifier, accounts, features, tmp_path):
    fitted = classifier().fit(features, accounts["churned"])
    expected = fitted.decision_function(features)
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).decision_function(features), expected)
    assert np.array_equal(clone(fitted).fit(features, accounts["churned"]).decision_function(features), expected)
    fitted.save(tmp_path / "model.keepwell")
    loaded = classifier.load(tmp_path / "model.keepwell")
    assert np.array_equal(loaded.decision_function(features), expected)
    assert loaded.feature_names_in_.tolist() == list(features) and loaded.classes_.tolist() == [False, True]


def test_a_file_of_another_kind_is_refused(accounts, features, tmp_path):
    path = tmp_path / "model.keepwell"
    kw.LogisticClassifier().fit(features, accounts["churned"]).save(path)
    with pytest.raises(kw.Error) as caught:
        kw.BlendClassifier.load(path)
    text = f"model file `{path}`: holds another kind of model (logistic), expected blend"
    assert str(caught.value) == text


@every_classifier
def test_weights_of_zero_leave_rows_out_of_sight(classifier, accounts, features):
    """What happened to rows of weight 0 changes nothing."""
    y = accounts["churned"].to_numpy()
    weights = np.where(np.arange(len(y)) % 3 == 0, 0.0, 1.0)
    lied = np.where(weights == 0, ~y, y)
    true, false = (classifier().fit(features, labels, sample_weight=weights) for labels in (y, lied))
    assert np.abs(true.decision_function(features) - false.decision_function(features)).max() < 1e-9


@pytest.mark.parametrize("n_jobs", [1, 2, -1])
@pytest.mark.parametrize("classifier", [kw.GradientTreesClassifier, kw.BlendClassifier])
def test_any_number_of_threads_gives_the_same_model(classifier, n_jobs, accounts, features):
    expected = classifier().fit(features, accounts["churned"]).decision_function(features)
    fitted = classifier(n_jobs=n_jobs).fit(features, accounts["churned"])
    assert np.array_equal(fitted.decision_function(features), expected)


@pytest.mark.parametrize("monotonic", [{"seat_utilisation": -1}, [-1, 0, 0, 0, 0, 0]])
def test_directions_hold(monotonic, accounts, features):
    model = kw.GradientTreesClassifier(monotonic=monotonic).fit(features, accounts["churned"])
    seats = np.linspace(0, 1, 200)
    for row in range(5):
        path = pd.concat([features.iloc[[row]]] * 200).assign(seat_utilisation=seats)
        assert np.diff(model.decision_function(path)).max() <= 0


def test_early_stopping_keeps_the_trees_up_to_the_best(accounts, features):
    model = kw.GradientTreesClassifier(n_estimators=400, early_stopping=True).fit(features, accounts["churned"])
    assert 0 < model.n_trees_ < 400
    assert model.valid_losses_.argmin() == model.n_trees_


def test_the_blend_tells_its_members(accounts, features):
    model = kw.BlendClassifier().fit(features, accounts["churned"])
    assert [name for name, _, _ in model.members_] == ["logistic", "piecewise logistic", "gradient trees"]
    assert sum(weight for _, weight, _ in model.members_) > 0


def test_scikit_learn_s_tools_work_on_tables_with_texts(accounts, features):
    y = accounts["churned"]
    assert cross_val_score(kw.BlendClassifier(), features, y, scoring="roc_auc", cv=3).mean() > 0.7
    search = GridSearchCV(kw.LogisticClassifier(), {"C": [0.01, 1.0]}, scoring="neg_log_loss", cv=3)
    assert search.fit(features, y).best_params_["C"] in (0.01, 1.0)
    assert make_pipeline(kw.GradientTreesClassifier()).fit(features, y).score(features, y) > 0.7


def test_ctrl_c_cancels_a_training(accounts, features):
    endless = kw.GradientTreesClassifier(n_estimators=1_000_000_000)
    # The timer can only fire while the training runs if that has let Python go on.
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        endless.fit(features, accounts["churned"])


ONES = np.ones(600)


@every_classifier
@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"y": [0, 1, 2] * 200}, "Only binary classification is supported. The type of the target is multiclass."),
        ({"y": np.ones(600, dtype=int)}, "label `y` has only one class, 1; a model needs rows of both classes"),
        ({"y": [0, 1]}, "Found input variables with inconsistent numbers of samples: [600, 2]"),
        ({"sample_weight": -ONES}, "Negative values in data passed to `sample_weight`"),
        ({"sample_weight": 0 * ONES}, "Sample weights must contain at least one non-zero number."),
    ],
)
def test_bad_labels_and_weights_say_what_is_wrong(classifier, change, text, accounts, features):
    data = {"y": accounts["churned"], "sample_weight": None, **change}
    with pytest.raises(ValueError) as caught:
        classifier().fit(features, **data)
    assert str(caught.value).startswith(text)


@every_classifier
def test_an_infinite_number_is_refused(classifier, accounts, features):
    with pytest.raises(kw.Error) as caught:
        classifier().fit(features.assign(mrr=np.inf), accounts["churned"])
    expected = "column `mrr`, row 1: found inf, expected"
    assert str(caught.value).replace("`inf`", "inf").startswith(expected)


@every_classifier
def test_other_columns_than_those_of_fit_are_refused(classifier, accounts, features):
    fitted = classifier().fit(features, accounts["churned"])
    with pytest.raises(ValueError) as caught:
        fitted.predict(features.drop(columns="nps"))
    assert str(caught.value) == (
        "The feature names should match those that were passed during fit.\n"
        "Feature names seen at fit time, yet now missing:\n- nps\n"
    )
    with pytest.raises(kw.ColumnTypeError) as caught:
        fitted.predict(features.assign(nps="good"))
    assert str(caught.value) == "column `nps` is text, expected numbers, as in the training table"


@pytest.mark.parametrize(
    ("estimator", "text"),
    [
        (kw.GradientTreesClassifier(n_estimators=0), "`n_estimators` is 0, expected at least 1"),
        (kw.GradientTreesClassifier(n_estimators=-1), "`n_estimators` is -1, expected a whole number, 0 or more"),
        (kw.GradientTreesClassifier(learning_rate="fast"), "`learning_rate` is 'fast', expected a number"),
        (
            kw.GradientTreesClassifier(early_stopping="auto"),
            "`early_stopping` is 'auto', expected True, False or a number of folds from 2",
        ),
        (kw.GradientTreesClassifier(max_bins=256), "`max_bins` is 256, expected 2 to 255"),
        (kw.GradientTreesClassifier(monotonic=[1]), "`monotonic` has 1 directions, expected 6, one a column"),
        (kw.LogisticClassifier(C=-1), "`C` is -1, expected a finite number above 0"),
        (kw.BlendClassifier(n_folds=1), "`n_folds` is 1, expected 2 to 20"),
    ],
)
def test_parameters_outside_their_range_are_named(estimator, text, accounts, features):
    with pytest.raises(kw.Error) as caught:
        estimator.fit(features, accounts["churned"])
    assert str(caught.value) == text


def test_a_blend_gives_intervals_and_leaves_groups_out_whole():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), 20)
    X, y = rng.permutation(40)[groups].astype(float)[:, None], (groups % 3 == 0)
    apart = kw.BlendClassifier().fit(X, y, groups=groups)
    mixed = kw.BlendClassifier().fit(X, y)
    intervals = apart.predict_interval(X, level=0.9)
    p = apart.predict_proba(X)[:, 1]
    assert intervals.shape == (800, 2)
    assert np.all((intervals[:, 0] <= p) & (p <= intervals[:, 1]))
    assert np.all(np.diff(intervals[np.argsort(p)], axis=0) >= -1e-12)
    # Who has seen an account knows it: only whole groups left out tell what is known of others.
    assert mixed.members_[-1][2] < apart.members_[-1][2] - 0.05
    with pytest.raises(kw.Error, match="number of groups, one a row: found 799, expected 800"):
        kw.BlendClassifier().fit(X, y, groups=groups[1:])
    with pytest.raises(kw.Error, match="`groups`, row 2: found a missing value"):
        kw.BlendClassifier().fit(X, y, groups=["a", None, *groups[2:]])
