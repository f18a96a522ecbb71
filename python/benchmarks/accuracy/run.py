"""Fits every model on the same folds and appends one line a fit to a CSV file; what stands there is not done again."""

from __future__ import annotations

import csv
import os
import resource
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from data import Table
from environment import version
from metrics import LEVEL, of_fold
from models import Model
from sklearn.model_selection import StratifiedKFold

N_FOLDS = 5

#: Rows of a table from which on a quick run takes two folds of it.
LARGE = 20_000

#: What tells one fit from another.
KEY = ["table", "repeat", "fold", "model", "version"]
METRICS = ["auc", "average_precision", "log_loss", "brier", "lift_top_tenth", "profit"]
#: Seconds by the clock and of the processor; threads, and how busy the machine was when the fit began.
COST = ["fit_seconds", "fit_cpu_seconds", "score_seconds", "threads", "load"]


#: Rows to train on and rows left out.
Rows = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Extent:
    """How much is measured: so many repeats, so many folds of each, fewer of large tables."""

    repeats: int = 3
    folds: int = N_FOLDS
    folds_of_large: int = N_FOLDS

    def covers(self, table: Table, repeat: int, fold: int) -> bool:
        most = self.folds_of_large if len(table.y) >= LARGE else self.folds
        return repeat < self.repeats and fold < min(most, self.folds)


@dataclass(frozen=True)
class Results:
    """The file of results, and the scores of left-out rows beside it."""

    folder: Path

    def done(self) -> pd.DataFrame:
        """What has been measured, a row a fit."""
        if not self._csv.exists():
            return pd.DataFrame(columns=[*KEY, *METRICS, *COST])
        return pd.read_csv(self._csv, dtype={"version": str}).drop_duplicates(KEY, keep="last")

    def append(self, row: dict[str, object], p: np.ndarray, intervals: np.ndarray | None = None) -> None:
        path = self.scores_path(row)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, p)
        if intervals is not None:
            np.save(self.intervals_path(row), intervals)
        is_new = not self._csv.exists()
        with self._csv.open("a", newline="") as file:
            writer = csv.DictWriter(file, [*KEY, *METRICS, *COST])
            if is_new:
                writer.writeheader()
            writer.writerow(row)

    def scores_path(self, row: dict[str, object]) -> Path:
        """Where the probabilities of a fold's left-out rows stand, in the order of `folds`."""
        name = "-".join(str(row[key]) for key in ("model", "version", "repeat", "fold"))
        return self.folder / "scores" / str(row["table"]) / f"{name}.npy"

    def intervals_path(self, row: dict[str, object]) -> Path:
        """Where the intervals of those probabilities stand, ``n × 2``, if the model gives any."""
        return self.scores_path(row).with_suffix(".intervals.npy")

    @property
    def _csv(self) -> Path:
        return self.folder / "results.csv"


def folds(table: Table, repeat: int) -> list[Rows]:
    """Rows to train on and rows left out, of each fold: the same for every model."""
    return list(StratifiedKFold(N_FOLDS, shuffle=True, random_state=repeat).split(table.X, table.y))


def run(tables: list[Table], models: list[Model], extent: Extent, threads: int, results: Results) -> None:
    """Measures what is missing."""
    versions = {model.package: version(model.package) for model in models}
    done = set(results.done()[KEY].astype(str).itertuples(index=False, name=None))
    for repeat, table, fold, (trained, left_out) in _cells(tables, extent):
        for model in models:
            key = dict(zip(KEY, (table.name, repeat, fold, model.name, versions[model.package]), strict=True))
            if tuple(map(str, key.values())) not in done:
                _measure(key, model, table, trained, left_out, threads, results)


def _cells(tables: list[Table], extent: Extent) -> Iterator[tuple[int, Table, int, Rows]]:
    """Round by round over the tables, so that all have got equally far whenever a run is stopped."""
    of_table = {table.name: [folds(table, repeat) for repeat in range(extent.repeats)] for table in tables}
    for repeat in range(extent.repeats):
        for fold in range(N_FOLDS):
            for table in tables:
                if extent.covers(table, repeat, fold):
                    yield repeat, table, fold, of_table[table.name][repeat][fold]


def _measure(
    key: dict[str, object],
    model: Model,
    table: Table,
    trained: np.ndarray,
    left_out: np.ndarray,
    threads: int,
    results: Results,
) -> None:
    """One fit; a model that fails is reported and left out, so that the others go on."""
    X = model.prepare(table.X)
    load, started, started_cpu = os.getloadavg()[0], time.perf_counter(), _cpu_seconds()
    try:
        fitted = model.make(X, int(key["repeat"]), threads).fit(X.iloc[trained], table.y[trained].astype(int))
        fit_seconds, fit_cpu_seconds = time.perf_counter() - started, _cpu_seconds() - started_cpu
        started = time.perf_counter()
        p = np.asarray(fitted.predict_proba(X.iloc[left_out]), dtype=float)[:, 1]
        score_seconds = time.perf_counter() - started
        has_intervals = hasattr(fitted, "predict_interval")
        intervals = fitted.predict_interval(X.iloc[left_out], level=LEVEL) if has_intervals else None
    except Exception:
        print(f"FAILED {key}\n{traceback.format_exc()}", flush=True)
        return
    costs = None if table.costs is None else table.costs.iloc[left_out]
    measured = of_fold(table.y[left_out], p, costs)
    cost = dict(zip(COST, (fit_seconds, fit_cpu_seconds, score_seconds, threads, load), strict=True))
    results.append({**key, **measured, **cost}, p, intervals)
    where = f"{table.name} {key['repeat']}.{key['fold']}"
    print(f"{where:14} {model.name:30} AUC {measured['auc']:.4f}  log loss {measured['log_loss']:.4f}  "
          f"{fit_seconds:6.1f} s", flush=True)


def _cpu_seconds() -> float:
    """Of this process and of those it has started and seen end."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
