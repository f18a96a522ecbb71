"""Data in: one function that turns whatever holds columns into a :class:`keepwell.Table`."""

from __future__ import annotations

import datetime
import decimal
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._errors import ColumnTypeError, Error
from ._native import Table

#: The forms of a column that ``Table.from_columns`` takes; see ``NumpyColumn`` in the binding crate.
Prepared = np.ndarray | tuple[np.ndarray, np.ndarray] | tuple[np.ndarray, list[str]]


@dataclass(frozen=True)
class Columns:
    """Columns where they stand: numbers of arrays are not copied."""

    #: The ``d`` names.
    names: list[str]
    n_rows: int
    #: A matrix of float64 or float32, or one array a column, or Arrow.
    held: Table | np.ndarray | list[Prepared]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.n_rows, len(self.names)


def table(data: Any) -> Table:
    """Turns data into a :class:`keepwell.Table`.

    Parameters
    ----------
    data
        One of:

        - anything with the Arrow C stream: a polars or pyarrow table, a DuckDB relation, a ``keepwell.Table``;
        - a pandas ``DataFrame``, with or without pyarrow: numbers, flags, categories, texts, nullable types, dates;
        - a mapping of column names to one-dimensional arrays or lists;
        - a two-dimensional numpy array or list of rows, whose columns are named ``x0``, ``x1``, …

    Missing are NaN, None, NaT and pandas' NA.

    Raises
    ------
    keepwell.ColumnTypeError
        If a column holds neither numbers, flags, texts nor dates, or a mix of them.
    keepwell.Error
        If columns differ in length or names stand twice.
    """
    given = columns(data)
    match given.held:
        case Table() as whole:
            return whole
        case np.ndarray() as values:
            return Table.from_matrix(given.names, values)
        case each:
            return Table.from_columns(given.n_rows, [*zip(given.names, each, strict=True)])


def columns(data: Any) -> Columns:
    """What :func:`table` takes, as columns where they stand."""
    if isinstance(data, Table):
        return _of_table(data)
    if is_pandas(data):
        return _of_pandas(data)
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        return _of_table(_from_arrow(data))
    if _is_mapping(data):
        return _of_each((str(name), prepare(name, values)) for name, values in data.items())
    return of_matrix(_matrix(data))


def is_table(data: Any) -> bool:
    """Whether data has columns with names of their own."""
    arrow = hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")
    return is_pandas(data) or arrow or _is_mapping(data)


def _is_mapping(data: Any) -> bool:
    """A mapping of columns; SciPy's dictionary-of-keys matrix is a mapping too, but not of columns."""
    return isinstance(data, Mapping) and not hasattr(data, "shape")


def is_pandas(data: Any) -> bool:
    """Whether data is a pandas DataFrame; does not import pandas."""
    return type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "dtypes") and hasattr(data, "columns")


def _from_arrow(data: Any) -> Table:
    try:
        return Table.from_arrow(data)
    except (TypeError, ValueError) as error:
        found = f"{type(data).__module__.partition('.')[0]}.{type(data).__name__}"
        raise Error(f"expected a table of named columns, found {found} ({error})") from error


def _matrix(data: Any) -> np.ndarray:
    if isinstance(data, (np.ndarray, list, tuple)):
        return np.asarray(data)
    array = np.asarray(data)
    if array.ndim == 0:
        hint = "; collect() it first" if hasattr(data, "collect") else ""
        raise Error(f"expected a table or an array of 2 dimensions, found {type(data).__name__}{hint}")
    return array


def of_matrix(values: np.ndarray) -> Columns:
    """A matrix of ``n`` rows × ``d`` columns with the names ``x0``, ``x1``, …"""
    if values.ndim != 2:
        raise Error(f"expected a table or an array of 2 dimensions, found {values.ndim}: use reshape(-1, 1)")
    names = default_names(values.shape[1])
    if values.dtype.kind in "fiub":
        return Columns(names, len(values), _floats(values))
    return _of_each(zip(names, map(prepare, names, values.T), strict=True), len(values))


def default_names(n: int) -> list[str]:
    """Names of columns that have none."""
    return [f"x{i}" for i in range(n)]


def is_plain_matrix(data: Any) -> bool:
    """Whether data is a matrix that is read where it stands."""
    return (
        type(data) is np.ndarray
        and data.ndim == 2
        and data.dtype.char in "df"
        and data.dtype.isnative
        and data.flags.aligned
    )


def _floats(values: np.ndarray) -> np.ndarray:
    """float32 where that holds every value of the type, else float64; in place where it is one of them already."""
    narrow = values.dtype.itemsize <= (4 if values.dtype.kind == "f" else 2)
    return np.require(values, np.float32 if narrow else np.float64, ["ALIGNED"])


def _of_table(whole: Table) -> Columns:
    return Columns(whole.column_names, len(whole), whole)


def _of_pandas(frame: Any) -> Columns:
    return _of_each(((str(name), _prepare_pandas(str(name), column)) for name, column in frame.items()), len(frame))


def _of_each(named: Iterable[tuple[str, Prepared]], n_rows: int | None = None) -> Columns:
    named = list(named)
    lengths = {name: len(column[0] if isinstance(column, tuple) else column) for name, column in named}
    if len(lengths) < len(named):
        names = [name for name, _ in named]
        twice = next(name for name in names if names.count(name) > 1)
        raise Error(f"column `{twice}` stands twice; give each its own name")
    expected = next(iter(lengths.values()), 0) if n_rows is None else n_rows
    for name, length in lengths.items():
        if length != expected:
            raise Error(f"rows of column `{name}`: found {length}, expected {expected}")
    return Columns([*lengths], expected, [column for _, column in named])


def prepare(name: str, values: Any) -> Prepared:
    """Brings a one-dimensional array or list into a form that ``Table.from_columns`` takes."""
    if type(values).__module__.partition(".")[0] == "pandas":
        return _prepare_pandas(name, values)
    array = values if isinstance(values, np.ndarray) else _array(values)
    if array.ndim != 1:
        raise Error(f"column `{name}` has {array.ndim} dimensions, expected 1")
    match array.dtype.kind:
        case "b":
            return array
        case "i" | "u":
            return _whole(array, np.zeros(len(array), dtype=bool))
        case "f":
            return _floats(array)
        case "M":
            return _dates(array)
        case _:
            return _objects(name, array.astype(object, copy=False))


def _array(values: Any) -> np.ndarray:
    """A list as one-dimensional array of numbers where it holds only numbers, else of its objects."""
    values = list(values)
    kinds = set(map(type, values))
    if kinds <= {int, float} or kinds == {bool}:
        return np.asarray(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _prepare_pandas(name: str, column: Any) -> Prepared:
    """A pandas Series by its dtype; nullable and Arrow-backed ones too."""
    kind = getattr(column.dtype, "kind", "O")
    if getattr(column.dtype, "tz", None) is not None:
        column, kind = column.dt.tz_convert("UTC").dt.tz_localize(None), "M"
    if kind == "M":
        return _dates(column.to_numpy(dtype="datetime64[us]", na_value=np.datetime64("NaT")))
    if isinstance(column.dtype, np.dtype) and kind != "O":
        return prepare(name, column.to_numpy())
    missing = column.isna().to_numpy(dtype=bool)
    if kind == "b":
        return _some(column.to_numpy(dtype=bool, na_value=False), missing)
    if kind in "iu":
        return _some(column.to_numpy(dtype=np.int64, na_value=0), missing)
    if kind == "f":
        return _floats(column.to_numpy(dtype=getattr(column.dtype, "numpy_dtype", np.float64), na_value=np.nan))
    return _dictionary(name, column)


def _some(values: np.ndarray, missing: np.ndarray) -> Prepared:
    return (values, missing) if missing.any() else values


def _dates(array: np.ndarray) -> np.ndarray:
    """Whole days where no time of day is given, microseconds elsewhere."""
    days = array.astype("datetime64[D]")
    whole = (days == array) | np.isnat(array)
    return days if whole.all() else array.astype("datetime64[us]")


def _dictionary(name: str, column: Any) -> Prepared:
    """A pandas column of texts by pandas' own hashing; of other objects one by one."""
    import pandas

    is_category = isinstance(column.dtype, pandas.CategoricalDtype)
    try:
        codes, levels = pandas.factorize(column)
    except TypeError:  # objects that have no hash
        return _objects(name, column.to_numpy(dtype=object))
    levels = [*levels]
    if not levels and not is_category:  # nothing is known, so it may be a number as well as a text
        return np.full(len(column), np.nan)
    if is_category or all(type(level) is str for level in levels):
        return codes.astype(np.int32), [str(level) for level in levels]
    return _objects(name, column.to_numpy(dtype=object))


def _objects(name: str, values: np.ndarray) -> Prepared:
    """A column of Python objects, all of one kind besides the missing ones."""
    missing = np.fromiter(map(_is_missing, values), dtype=bool, count=len(values))
    kinds = {kind: at for at, kind in reversed([*enumerate(map(_kind, values))]) if not missing[at]}
    if len(kinds) > 1 or None in kinds:
        raise _wrong_type(name, values, kinds)
    match next(iter(kinds), "number"):
        case "text":
            return _texts(values, missing)
        case "flag":
            return _some(np.where(missing, False, values).astype(bool), missing)
        case "date":
            times = [None if gone else value for value, gone in zip(values, missing, strict=True)]
            return _dates(np.array(times, dtype="datetime64[us]"))
        case _ if all(isinstance(value, numbers.Integral) for value in values[~missing]):
            return _whole(np.where(missing, 0, values), missing)
        case _:
            return np.where(missing, np.nan, values).astype(np.float64)


def _whole(values: np.ndarray, missing: np.ndarray) -> Prepared:
    """Whole numbers; as texts where one is beyond 64 bits, which only an id can be."""
    if values.dtype.kind == "i" or not len(values) or -(2**63) <= min(values) and max(values) < 2**63:
        return _some(np.require(values, np.int64, ["ALIGNED"]), missing)
    return _texts(values, missing)


def _texts(values: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, list[str]]:
    index: dict[str, int] = {}
    codes = [-1 if gone else index.setdefault(str(value), len(index)) for value, gone in zip(values, missing, strict=True)]
    return np.array(codes, dtype=np.int32), list(index)


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, np.datetime64):
        return bool(np.isnat(value))
    return isinstance(value, (float, np.floating, decimal.Decimal)) and value != value


def _kind(value: Any) -> str | None:
    if isinstance(value, str):
        return "text"
    if isinstance(value, (bool, np.bool_)):
        return "flag"
    if isinstance(value, (numbers.Real, decimal.Decimal)):
        return "number"
    return "date" if isinstance(value, (datetime.date, np.datetime64)) else None


def _wrong_type(name: str, values: np.ndarray, kinds: Mapping[str | None, int]) -> ColumnTypeError:
    if None in kinds:
        row = kinds[None]
        found = type(values[row]).__name__
        # scikit-learn's wording, then what to do.
        problem = f"argument must be a string or a number, not '{found}'"
        return ColumnTypeError(f"column `{name}`, row {row + 1}: {problem}; keep numbers, flags, texts or dates only")
    (first, _), (other, row) = sorted(kinds.items(), key=lambda item: item[1])[:2]
    return ColumnTypeError(
        f"column `{name}`, row {row + 1}: found `{values[row]}` ({other}), expected {first} as in the rows before; "
        "bring the column to one type, by astype(str) for categories"
    )
