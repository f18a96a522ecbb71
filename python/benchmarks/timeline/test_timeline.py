"""The benchmark's own arithmetic, on cases small enough to work out by hand. Run: `pytest python/benchmarks`."""

import datetime

import agree
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import records_made
import schema

DAY = datetime.date(2026, 3, 1)


def table(accounts, values, day=pa.array([DAY, DAY])):
    return pa.table({"account": accounts, "as_of": day, "x": values})


def test_tables_agree_whatever_the_order_of_rows_and_the_types():
    told = table([1, 2], [0.5, None])
    other = table(["2", "1"], [np.nan, 0.5], pa.array(["2026-03-01"] * 2).dictionary_encode())
    assert agree.differences(told, other, ["x"]) == {}


def test_a_signal_that_differs_is_named_with_how_much():
    told = table([1, 2], [0.5, 1.0])
    assert agree.differences(told, table([1, 2], [0.5, 1.25]), ["x"]) == {"x": 0.2}
    assert agree.differences(told, table([1, 2], [0.5, None]), ["x"]) == {"x": np.inf}
    assert agree.differences(told, table([1, 3], [0.5, 1.0]), ["x"]) == {"rows": np.inf}


def test_there_are_forty_signals():
    assert len(schema.signals()) == 40


def test_records_are_as_said(tmp_path):
    for folder in (tmp_path / "a", tmp_path / "b"):
        records_made.write(folder, 20_000, 500, seed=3)
    usage, again = (pq.read_table(tmp_path / folder / "usage.parquet") for folder in "ab")
    assert usage.equals(again)
    late = np.asarray(usage["known_at"]) > np.asarray(usage["occurred_at"])
    assert abs(late.mean() - 0.03) < 0.005
    assert np.all(np.diff(np.asarray(usage["known_at"]).astype(int)) >= 0)
