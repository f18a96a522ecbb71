"""Measures round by round, the libraries in turn, and appends one line a measurement to a CSV file.

What stands there for the same library in the same version is not measured again.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import customers
import pandas as pd
from environment import version
from libraries import OURS, Library

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Cell:
    """One thing to measure, of every library: on a table in a form, with so many trees and threads."""

    part: str
    rows: int
    columns: int
    form: str
    trees: int = 100
    threads: int = 2

    def text(self) -> str:
        return f"{self.part} {size(self.rows)}×{self.columns} {self.form}, {self.trees} trees, {self.threads} threads"


#: What tells one measurement from another, what is measured, and under which circumstances.
KEY = [*(each.name for each in fields(Cell)), "library", "version", "round"]
MEASURED = ["seconds", "cpu_seconds", "others_cpu_seconds", "bytes", "auc", "bare_seconds"]
NOTED = ["load", "at"]

#: How a part is measured, where that is not by its own name.
MEASURE = {"growth": "fit", "memory": "fit"}
#: Parts for which every round has a new process: a seed's data, or memory that nothing has used before.
ALONE = {"auc", "memory"}
#: Parts that score with a model that has been fitted before, on a table of this many rows and columns.
SCORING, MODEL_ROWS, MODEL_COLUMNS = {"predict", "contributions", "row"}, 100_000, 50
TEST_ROWS = 100_000
#: Libraries that show how time grows with rows.
GROWING = {OURS, "LightGBM"}


def size(rows: int) -> str:
    """10k, 5M."""
    return f"{rows // 1_000_000}M" if rows % 1_000_000 == 0 else f"{rows / 1000:g}k"


@dataclass(frozen=True)
class Results:
    """The file of measurements."""

    folder: Path
    again: bool = False
    """Whether what was measured before this run counts as not measured."""
    started: float = field(default_factory=time.time)

    def done(self) -> pd.DataFrame:
        """What has been measured, the last of each."""
        if not self._csv.exists():
            return pd.DataFrame(columns=[*KEY, *MEASURED, *NOTED])
        return pd.read_csv(self._csv, dtype={"version": str}).drop_duplicates(KEY, keep="last")

    def keys(self) -> set[tuple[str, ...]]:
        """Of what need not be measured."""
        done = self.done()
        done = done[done["at"] >= self.started] if self.again else done
        return set(done[KEY].astype(str).itertuples(index=False, name=None))

    def append(self, row: dict[str, object]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        is_new = not self._csv.exists()
        with self._csv.open("a", newline="") as file:
            writer = csv.DictWriter(file, [*KEY, *MEASURED, *NOTED])
            if is_new:
                writer.writeheader()
            writer.writerow(row)

    @property
    def _csv(self) -> Path:
        return self.folder / "results.csv"


class Child:
    """A process that measures one library: see `child.py`."""

    def __init__(self, task: dict[str, object], threads: int) -> None:
        self._errors = tempfile.TemporaryFile("w+")
        command = [sys.executable, "-W", "ignore", str(HERE / "child.py"), json.dumps(task)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._errors, "text": True}
        self._process = subprocess.Popen(command, env=_environment(threads), **pipes)

    def wait_until_ready(self) -> None:
        if self._process.stdout.readline() != "ready\n":
            raise ChildProcessError(self._last_words())

    def measure(self) -> dict[str, float]:
        try:
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError) as error:
            raise ChildProcessError(self._last_words()) from error

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):  # of one that has died
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
        self._errors.close()

    def _last_words(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        return self._errors.read()[-1500:] or f"ended with {self._process.returncode}"


def _environment(threads: int) -> dict[str, str]:
    """Every library's number of threads; none of them spins while others work."""
    names = ["OMP_NUM_THREADS", "RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"]
    path = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **dict.fromkeys(names, str(threads)), "OMP_WAIT_POLICY": "passive", "PYTHONPATH": path}


def run(cells: dict[Cell, int], libraries: list[Library], cache: Path, results: Results) -> None:
    """Measures what is missing: of each cell so many rounds."""
    for cell, rounds in cells.items():
        _run_cell(cell, rounds, [library for library in libraries if can(library, cell)], cache, results)


def prepare(cells: dict[Cell, int], libraries: list[Library], cache: Path) -> None:
    """Draws the tables and fits the models that the cells need, and measures nothing."""
    for cell in cells:
        _prepare(cell, [library for library in libraries if can(library, cell)], cache)


def can(library: Library, cell: Cell) -> bool:
    """Whether a library is measured in a cell."""
    has = {"contributions": library.contributions, "row": library.one_row}.get(cell.part, True)
    if (cell.part == "growth" and library.name not in GROWING) or (cell.part in SCORING and library.only_fits):
        return False
    return bool(has) and library.takes(cell.form) and cell.rows <= library.most_rows


def _run_cell(cell: Cell, rounds: int, libraries: list[Library], cache: Path, results: Results) -> None:
    """All rounds of a cell; each begins with another library. One that fails is reported and left out."""
    done, children = results.keys(), {}
    missing = {library: [r for r in range(rounds) if _key(cell, library, r) not in done] for library in libraries}
    missing = {library: of for library, of in missing.items() if of}
    if missing:
        print(f"\n{cell.text()}", flush=True)
        _prepare(cell, list(missing), cache)
    for at in range(rounds):
        in_turn = libraries[at % len(libraries) :] + libraries[: at % len(libraries)]
        for library in in_turn:
            if at in missing.get(library, []) and not _measured(cell, library, at, children, cache, results):
                del missing[library]
    for child in children.values():
        child.close()


def _key(cell: Cell, library: Library, at: int) -> tuple[str, ...]:
    return tuple(map(str, (*asdict(cell).values(), library.name, version(library.package), at)))


def _measured(
    cell: Cell, library: Library, at: int, children: dict[Library, Child], cache: Path, results: Results
) -> bool:
    """One measurement; whether it came about."""
    load = os.getloadavg()[0]
    try:
        if library not in children:
            children[library] = Child(_task(cell, library, at, cache), cell.threads)
            children[library].wait_until_ready()
        measured = children[library].measure()
    except (ChildProcessError, subprocess.SubprocessError) as error:
        print(f"FAILED {library.name}: {error}", flush=True)
        return False
    if cell.part in ALONE:
        children.pop(library).close()
    row = dict(zip(KEY, _key(cell, library, at), strict=True))
    results.append({**row, **measured, "load": load, "at": time.time()})
    print(f"{at:3} {library.name:22}" + "".join(f" {name} {value:.5g}" for name, value in measured.items()), flush=True)
    return True


def _task(cell: Cell, library: Library, at: int, cache: Path) -> dict[str, object]:
    task = {**asdict(cell), "library": library.name, "measure": MEASURE.get(cell.part, cell.part)}
    if cell.part == "auc":
        return {**task, "seed": at, "test_rows": TEST_ROWS}
    task["table"] = str(customers.write(cache / "tables", cell.rows, cell.columns, 0))
    return {**task, "model": str(_model_path(cell, library, cache))} if cell.part in SCORING else task


def _prepare(cell: Cell, libraries: list[Library], cache: Path) -> None:
    """Draws tables and fits models before anything is measured."""
    if cell.part in SCORING:
        for library in libraries:
            _fit_model(cell, library, cache)
    if cell.part != "auc":
        customers.write(cache / "tables", cell.rows, cell.columns, 0)


def _fit_model(cell: Cell, library: Library, cache: Path) -> None:
    path = _model_path(cell, library, cache)
    if path.exists():
        return
    task = {**asdict(cell), "library": library.name, "measure": "model", "model": str(path)}
    task["table"] = str(customers.write(cache / "tables", MODEL_ROWS, MODEL_COLUMNS, 0))
    child = Child(task, os.cpu_count() or 1)
    try:
        child.wait_until_ready()
        child.measure()
    except ChildProcessError as error:
        print(f"FAILED {library.name}: {error}", flush=True)
    finally:
        child.close()


def _model_path(cell: Cell, library: Library, cache: Path) -> Path:
    name = "-".join([library.name, version(library.package), cell.form, str(cell.trees)])
    return cache / "models" / f"{name.replace(' ', '_')}.pickle"
