"""Whether two tables of signals say the same, signal by signal."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: How far a signal may be off, relative to the larger of 1 and its value.
TOLERANCE = 1e-12


def differences(found: pa.Table, other: pa.Table, signals: list[str]) -> dict[str, float]:
    """The largest difference of each signal that differs; infinite where one has a value and the other has none."""
    found, other = _in_order(found), _in_order(other)
    keys = ["account", "as_of"]
    if not all(np.array_equal(found[key], other[key]) for key in keys):
        return {"rows": np.inf}
    return {name: off for name in signals if (off := _off(found[name], other[name])) > TOLERANCE}


def _off(a: np.ndarray, b: np.ndarray) -> float:
    if not np.array_equal(np.isnan(a), np.isnan(b)):
        return np.inf
    there = ~np.isnan(a)
    return float(np.max(np.abs(a - b)[there] / np.maximum(1, np.abs(b[there])), initial=0))


def _in_order(table: pa.Table) -> dict[str, np.ndarray]:
    columns = {name: _numbers(table[name]) for name in table.column_names}
    order = np.lexsort((columns["account"], columns["as_of"]))
    return {name: values[order] for name, values in columns.items()}


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, pa.string())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        is_day = pc.match_substring(column, "-").combine_chunks()[0].as_py()
        column = pc.cast(pc.cast(column, pa.date32()), pa.int32()) if is_day else pc.cast(column, pa.int64())
    if pa.types.is_date32(column.type):
        column = pc.cast(column, pa.int32())
    return pc.cast(column, pa.float64(), safe=False).to_numpy().astype(float)
