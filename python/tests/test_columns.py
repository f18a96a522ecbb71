"""Columns where they stand: whatever holds the numbers, the fitted bytes and the scores are the same; single rows."""

import keepwell as kw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

N = 700
MODELS = [kw.GradientTreesClassifier(n_estimators=20), kw.LogisticClassifier(C=1.0), kw.BlendClassifier(n_folds=2)]
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)


def matrix() -> np.ndarray:
    """Singles of which some are missing."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(N, 4)).round(2).astype(np.float32)
    values[:, 3] = rng.integers(0, 5, N)
    values[::9, 1] = np.nan
    return values


X = matrix()
Y = X[:, 0] + np.nan_to_num(X[:, 1]) > 0.4 * np.arange(N) % 1


def unaligned(values: np.ndarray) -> np.ndarray:
    buffer = bytearray(values.nbytes + 1)
    array = np.ndarray(values.shape, values.dtype, buffer, offset=1)
    array[...] = values
    assert not array.flags.aligned
    return array


def read_only(values: np.ndarray) -> np.ndarray:
    values = values.copy()
    values.flags.writeable = False
    return values


def named(values: np.ndarray) -> dict[str, np.ndarray]:
    return {f"x{at}": values[:, at] for at in range(values.shape[1])}


def chunked(values: np.ndarray) -> pa.Table:
    parts = [values[:1], values[1:1], values[1:301], values[301:]]
    return pa.concat_tables([pa.table(named(part)) for part in parts])


def with_nulls(values: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame(named(values)).fill_nan(None)


ARRAYS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "every other row": lambda values: np.repeat(values, 2, axis=0)[::2],
    "columns of a wider matrix": lambda values: np.repeat(values, 3, axis=1)[:, ::3],
    "backwards": lambda values: np.ascontiguousarray(values[::-1, ::-1])[::-1, ::-1],
    "read-only": read_only,
    "unaligned": unaligned,
    "big-endian": lambda values: values.astype(values.dtype.newbyteorder(">")),
}
OTHERS = {
    "object": lambda values: values.astype(object),
    "lists": lambda values: values.tolist(),
    "long double": lambda values: values.astype(np.longdouble),
}
TABLES = {
    "pandas": lambda values: pd.DataFrame(named(values)),
    "pandas from a matrix": lambda values: pd.DataFrame(values, columns=[*named(values)]),
    "pandas nullable": lambda values: pd.DataFrame(named(values)).convert_dtypes(convert_integer=False),
    "polars": lambda values: pl.DataFrame(named(values)),
    "polars with nulls": with_nulls,
    "polars in parts": lambda values: pl.concat([with_nulls(values[:99]), with_nulls(values[99:])], rechunk=False),
    "pyarrow": lambda values: pa.table(named(values)),
    "pyarrow in parts": chunked,
    "mapping": named,
    "table": lambda values: kw.table(values),
}


def fitted_bytes(model, data) -> bytes:
    return model.fit(data, Y)._model.__reduce__()[1][1]


@every_model
def test_every_holder_of_the_same_numbers_gives_the_same_bytes_and_scores(model):
    expected = fitted_bytes(model, X)
    scores = model.predict_proba(X)
    assert len(np.unique(scores)) > 100
    for holders in (ARRAYS, OTHERS, TABLES):
        for name, hold in holders.items():
            for dtype in (np.float32, np.float64):
                data = hold(X.astype(dtype))
                assert fitted_bytes(model, data) == expected, (name, dtype)
                assert np.array_equal(model.predict_proba(data), scores), (name, dtype)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "uint16", "int32", "int64", "uint64", "float16"])
def test_whole_numbers_and_flags_of_any_size_are_the_numbers_they_are(dtype):
    values = np.column_stack([X[:, 0] > 0, X[:, 3] > 2]).astype(dtype)
    model = kw.GradientTreesClassifier(n_estimators=5)
    expected = fitted_bytes(model, values.astype(float))
    for hold in (np.asarray, np.asfortranarray, pa_or_none(dtype), pd.DataFrame, lambda values: values[::1, ::-1][:, ::-1]):
        data = hold(values)
        data = data.set_axis(["x0", "x1"], axis=1) if isinstance(data, pd.DataFrame) else data
        assert fitted_bytes(model, data) == expected


def pa_or_none(dtype: str):
    return (lambda values: pa.table(named(values))) if dtype != "float16" else np.asarray


@pytest.mark.parametrize("hold", [*ARRAYS.values()], ids=[*ARRAYS])
def test_an_infinite_number_of_a_matrix_is_refused_in_fit_and_in_every_prediction(hold):
    model = kw.GradientTreesClassifier(n_estimators=5).fit(X, Y)
    wrong = X.copy()
    wrong[2, 1] = np.inf
    text = "column `x1`, row 3: found `inf`, expected a finite number, or none (NaN) where it is missing"
    data = hold(wrong)
    for refused in (
        lambda: kw.GradientTreesClassifier().fit(data, Y),
        lambda: model.predict_proba(data),
        lambda: model.predict(data[:3]),
        lambda: model.explain(data),
    ):
        with pytest.raises(kw.Error) as caught:
            refused()
        assert str(caught.value) == text


@every_model
def test_single_rows_score_as_they_do_among_others_bit_for_bit(model):
    model.fit(X, Y)
    scores = model.predict_proba(X)
    log_odds = model.decision_function(X)
    for data in (X, X.astype(float), np.asfortranarray(X), X.astype(">f8"), pd.DataFrame(named(X)).to_numpy()):
        for row in (0, 9, N - 1):
            assert np.array_equal(model.predict_proba(data[row : row + 1]), scores[row : row + 1])
            assert np.array_equal(model.decision_function(data[row : row + 3]), log_odds[row : row + 3])
    for row in (0, 9, N - 1):
        cells = [float(value) for value in X[row]]
        missing = [None if value != value else value for value in cells]
        for one in (X[row], X[row].astype(float), X.astype(float)[:, :][row], cells, tuple(cells), missing):
            assert model.predict_proba_of_row(one) == scores[row, 1]
        assert model.predict_proba_of_row({"note": "passed over", **dict(zip(named(X), missing, strict=True))}) == scores[row, 1]


@every_model
def test_single_rows_have_texts_flags_and_missing_cells(model, accounts, features):
    fitted = model.fit(features, accounts["churned"])
    today = features.head(40).assign(plan=["basic", "unheard of", None, "team"] * 10)
    scores = fitted.predict_proba(today)[:, 1]
    for row, expected in enumerate(scores):
        cells = today.iloc[row]
        assert fitted.predict_proba_of_row(cells.tolist()) == expected
        assert fitted.predict_proba_of_row(cells.to_dict()) == expected


def test_a_row_that_does_not_fit_says_why(accounts, features):
    fitted = kw.GradientTreesClassifier(n_estimators=2).fit(features, accounts["churned"])
    row = features.iloc[0].to_dict()
    cases = [
        ([1.0], kw.Error, "number of cells of the row: found 1, expected 6"),
        ([1.0] * 7, kw.ColumnTypeError, "column `plan` is a number, expected text, as in the training table"),
        ([*row.values(), 1.0], kw.Error, "number of cells of the row: found 7, expected 6"),
        ({**row, "nps": "good"}, kw.ColumnTypeError, "column `nps` is text, expected a number, as in the training table"),
        ({**row, "nps": []}, kw.ColumnTypeError, "column `nps` is list, expected a number, a flag, a text or None"),
        (
            {**row, "nps": float("-inf")},
            kw.Error,
            "column `nps`, row 1: found `-inf`, expected a finite number, or none (NaN) where it is missing",
        ),
        ("basic", TypeError, "expected a row: a mapping, an array or a list; found str"),
        (3.0, TypeError, "'float' object is not iterable"),
    ]
    for given, error, text in cases:
        with pytest.raises(error) as caught:
            fitted.predict_proba_of_row(given)
        assert str(caught.value) == text
    del row["nps"]
    with pytest.raises(kw.Error, match="nps"):
        fitted.predict_proba_of_row(row)
    with pytest.raises(ValueError, match="not fitted"):
        kw.GradientTreesClassifier().predict_proba_of_row([1.0])


def test_other_matrices_than_those_of_fit_are_refused():
    model = kw.GradientTreesClassifier(n_estimators=2).fit(X, Y)
    for n_rows in (1, N):
        with pytest.raises(ValueError) as caught:
            model.predict_proba(X[:n_rows, :3])
        expected = "X has 3 features, but GradientTreesClassifier is expecting 4 features as input"
        assert str(caught.value) == expected
    with pytest.raises(ValueError, match="minimum of 1 is required"):
        model.predict_proba(X[:0])
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        model.predict_proba(X[0])


def test_a_matrix_after_named_columns_is_scored_with_a_warning():
    model = kw.GradientTreesClassifier(n_estimators=5).fit(pd.DataFrame(named(X)).add_prefix("a_"), Y)
    expected = model.predict_proba(pd.DataFrame(named(X)).add_prefix("a_"))
    for n_rows in (1, N):
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            assert np.array_equal(model.predict_proba(X[:n_rows]), expected[:n_rows])
