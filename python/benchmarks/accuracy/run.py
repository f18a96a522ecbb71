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
from metrics import of_fold
from models import Model, version
from sklearn.model_selection import StratifiedKFold

N_FOLDS = 5

#: A quick run takes two folds of a table that has more rows than this.
QUICK_ROWS = 20_000

#: What tells one fit from another.
KEY = ["table", "repeat", "fold", "model", "version"]
METRICS = ["auc", "average_precision", "log_loss", "brier", "lift_top_tenth", "profit"]
#: Seconds by the clock and of the processor; threads, and how busy the machine was when the fit began.
COST = ["fit_seconds", "fit_cpu_seconds", "score_seconds", "threads", "load"]


#: Rows to train on and rows left out.
Rows = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Results:
    """The file of results, and the scores of left-out rows beside it."""

    folder: Path

    def done(self) -> pd.DataFrame:
        """What has been measured, a row a fit."""
        if not self._csv.exists():
            return pd.DataFrame(columns=[*KEY, *METRICS, *COST])
        return pd.read_csv(self._csv, dtype={"version": str}).drop_duplicates(KEY, keep="last")

    def append(self, row: dict[str, object], p: np.ndarray) -> None:
        path = self.scores_path(row)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, p)
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

    @property
    def _csv(self) -> Path:
        return self.folder / "results.csv"


def folds(table: Table, repeat: int) -> list[Rows]:
    """Rows to train on and rows left out, of each fold: the same for every model."""
    return list(StratifiedKFold(N_FOLDS, shuffle=True, random_state=repeat).split(table.X, table.y))


def run(tables: list[Table], models: list[Model], n_repeats: int, threads: int, results: Results, *, quick: bool) -> None:
    """Measures what is missing, repeat by repeat, so that what stands is comparable whenever it is stopped."""
    versions = {model.package: version(model.package) for model in models}
    done = set(results.done()[KEY].astype(str).itertuples(index=False, name=None))
    for repeat, table, fold, (trained, left_out) in _cells(tables, n_repeats, quick):
        for model in models:
            key = dict(zip(KEY, (table.name, repeat, fold, model.name, versions[model.package]), strict=True))
            if tuple(map(str, key.values())) not in done:
                _measure(key, model, table, trained, left_out, threads, results)


def _cells(tables: list[Table], n_repeats: int, quick: bool) -> Iterator[tuple[int, Table, int, Rows]]:
    for repeat in range(n_repeats):
        for table in tables:
            n_folds = 2 if quick and len(table.y) > QUICK_ROWS else N_FOLDS
            for fold, rows in enumerate(folds(table, repeat)[:n_folds]):
                yield repeat, table, fold, rows


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
    except Exception:
        print(f"FAILED {key}\n{traceback.format_exc()}", flush=True)
        return
    costs = None if table.costs is None else table.costs.iloc[left_out]
    measured = of_fold(table.y[left_out], p, costs)
    cost = dict(zip(COST, (fit_seconds, fit_cpu_seconds, score_seconds, threads, load), strict=True))
    results.append({**key, **measured, **cost}, p)
    where = f"{table.name} {key['repeat']}.{key['fold']}"
    print(f"{where:14} {model.name:30} AUC {measured['auc']:.4f}  log loss {measured['log_loss']:.4f}  "
          f"{fit_seconds:6.1f} s", flush=True)


def _cpu_seconds() -> float:
    """Of this process and of those it has started and seen end."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
