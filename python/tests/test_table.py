"""Data in and out: whatever holds the columns, the same table comes of it."""

import datetime
import subprocess
import sys

import keepwell as kw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

DAYS = [datetime.date(2026, 1, 1), None, datetime.date(2026, 2, 3)]
COLUMNS = {
    "mrr": [1.5, None, 3.0],
    "seats": [1, 2, 3],
    "tickets": [1, None, 3],
    "plan": ["basic", None, "pro"],
    "auto_renew": [True, False, True],
    "paid": [True, None, False],
    "since": DAYS,
}
PANDAS_TYPES = {"tickets": "Int64", "paid": "boolean"}


def pandas_frame() -> pd.DataFrame:
    frame = pd.DataFrame(COLUMNS).astype(PANDAS_TYPES)
    return frame.assign(since=pd.to_datetime(frame["since"]))


def plain(table: kw.Table) -> dict[str, list]:
    def cell(value):
        return None if isinstance(value, float) and value != value else value

    return {name: [cell(value) for value in np.asarray(values, dtype=object)] for name, values in table.to_dict().items()}


@pytest.mark.parametrize(
    "data",
    [
        COLUMNS,
        pandas_frame(),
        pandas_frame().astype({"plan": "category"}),
        pandas_frame().astype({"plan": object}),
        pandas_frame().convert_dtypes(dtype_backend="pyarrow"),
        pl.DataFrame(COLUMNS),
        pl.DataFrame(COLUMNS).with_columns(pl.col("plan").cast(pl.Categorical)),
        pa.table(COLUMNS),
        pa.table(COLUMNS).to_batches()[0],
        kw.table(COLUMNS),
    ],
    ids=["mapping", "pandas", "category", "object", "arrow-backed", "polars", "categorical", "pyarrow", "batch", "table"],
)
def test_every_holder_of_columns_gives_the_same_table(data):
    assert plain(kw.table(data)) == COLUMNS


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint8", "bool", "object"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_matrices_of_any_type_and_order_become_columns(dtype, order):
    values = np.asarray([[1, 0], [0, 1], [1, 1]]).astype(dtype, order=order)
    table = kw.table(values)
    assert table.column_names == ["x0", "x1"]
    assert np.array_equal(table["x0"], [1, 0, 1]) and np.array_equal(table["x1"], [0, 1, 1])


def test_every_other_row_and_column_is_read_where_it_stands():
    values = np.arange(24.0).reshape(6, 4)
    assert np.array_equal(kw.table(values[::2, ::-1])["x1"], values[::2, 2])


def test_texts_in_an_object_matrix_are_categories():
    table = kw.table(np.array([["a", 1], [None, 2.5]], dtype=object))
    assert table["x0"] == ["a", None] and np.array_equal(table["x1"], [1, 2.5])


def test_a_table_goes_out_to_pandas_polars_and_pyarrow():
    table = kw.table(COLUMNS)
    assert table.to_polars().fill_nan(None).to_dict(as_series=False) == COLUMNS
    assert table.to_pyarrow().column("plan").to_pylist() == COLUMNS["plan"]
    assert table.to_pandas()["seats"].tolist() == [1, 2, 3]


def test_chunks_are_read_one_after_the_other_and_sliced():
    table = kw.table(pa.concat_tables([pa.table({"a": [1, 2]}), pa.table({"a": [3]}), pa.table({"a": [4, 5]})]))
    assert table.shape == (5, 1) and len(table) == 5
    assert table["a"].tolist() == [1, 2, 3, 4, 5]
    assert table.slice(1, 4)["a"].tolist() == [2, 3, 4]
    assert table.slice(3, 99)["a"].tolist() == [4, 5]


def test_a_table_shows_its_head():
    table = kw.table({"account_id": ["a", "b"], "note": ["x" * 30, None]})
    assert repr(table) == (
        "keepwell.Table: 2 rows, 2 columns\n"
        "account_id  note\n"
        "a           xxxxxxxxxxxxxxxxxxxxxxxx…\n"
        "b"
    )


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        (
            {"plan": ["a", 1]},
            kw.ColumnTypeError,
            "column `plan`, row 2: found `1` (number), expected text as in the rows before; "
            "bring the column to one type, by astype(str) for categories",
        ),
        (
            {"plan": ["a", {}]},
            TypeError,
            "column `plan`, row 2: argument must be a string or a number, not 'dict'; "
            "keep numbers, flags, texts or dates only",
        ),
        ({"a": [1, 2], "b": [1]}, kw.Error, "rows of column `b`: found 1, expected 2"),
        (np.zeros(3), ValueError, "expected a table or an array of 2 dimensions, found 1: use reshape(-1, 1)"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), kw.Error, "column `a` stands twice; give each its own name"),
    ],
)
def test_bad_input_says_what_and_where(data, error, text):
    with pytest.raises(error) as caught:
        kw.table(data)
    assert str(caught.value) == text


def test_an_unknown_column_is_named_with_those_there_are():
    with pytest.raises(KeyError, match="no column `seats`; the columns are: mrr, plan"):
        kw.table({"mrr": [1.0], "plan": ["a"]})["seats"]


def test_importing_keepwell_imports_no_data_frame_library():
    code = "import sys, keepwell; print([m for m in ('pandas', 'polars', 'pyarrow', 'sklearn') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
