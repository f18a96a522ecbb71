"""A process that holds one library's data and measures it whenever it is told to: started by `rounds.py`.

Each library has its own, so that the memory and threads of one do not disturb another. It takes a task as JSON in
its argument, says when it is ready, then answers every line of its input with one measurement as a line of JSON.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import customers
import numpy as np
from libraries import LIBRARIES, Library

#: What is measured once: a name of the result and its value.
Measured = dict[str, float]


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    warnings.simplefilter("ignore")
    task = json.loads(sys.argv[1])
    library = next(library for library in LIBRARIES if library.name == task["library"])
    measure = _MEASURES[task["measure"]](library, task)
    answers.write("ready\n")
    for _ in sys.stdin:
        answers.write(json.dumps(measure()) + "\n")


# ------------------------------------------------------------------------------------------------- what is measured


def _fit(library: Library, task: dict[str, Any]) -> Callable[[], Measured]:
    """Time and memory of a fit, from the table as it comes."""
    X, y = customers.read(Path(task["table"]), task["form"])
    _warm_up(library, task)

    def measure() -> Measured:
        before = _forget_peak()
        fitted, cost = _timed(lambda: library.fit(X, y, task["trees"], task["threads"]))
        del fitted
        return {**cost, "bytes": max(0, _peak() - before)}

    return measure


def _auc(library: Library, task: dict[str, Any]) -> Callable[[], Measured]:
    """AUC on as many rows more of the same customers."""
    from sklearn.metrics import roc_auc_score

    drawn = customers.draw(task["rows"] + task["test_rows"], task["columns"], task["seed"])
    held, y_held = drawn.X[task["rows"] :].copy(), drawn.y[task["rows"] :]
    X, y = customers.in_form(drawn.X[: task["rows"]], task["form"]), drawn.y[: task["rows"]]
    held = customers.in_form(held, task["form"])
    del drawn

    def measure() -> Measured:
        fitted, cost = _timed(lambda: library.fit(X, y, task["trees"], task["threads"]))
        return {**cost, "auc": float(roc_auc_score(y_held, library.predict(fitted, held, task["threads"])))}

    return measure


def _model(library: Library, task: dict[str, Any]) -> Callable[[], Measured]:
    """Fits a model for others to measure, and keeps it in a file; nothing is measured."""
    X, y = customers.read(Path(task["table"]), task["form"])

    def measure() -> Measured:
        path = Path(task["model"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".part").write_bytes(pickle.dumps(library.fit(X, y, task["trees"], task["threads"])))
        path.with_suffix(".part").rename(path)
        return {}

    return measure


def _predict(library: Library, task: dict[str, Any]) -> Callable[[], Measured]:
    """Time to score a table."""
    model, (X, _) = _load(task), customers.read(Path(task["table"]), task["form"])
    library.predict(model, X, task["threads"])
    return lambda: _timed(lambda: library.predict(model, X, task["threads"]))[1]


def _contributions(library: Library, task: dict[str, Any]) -> Callable[[], Measured]:
    """Time of every column's contribution to the score of every row."""
    model, (X, _) = _load(task), customers.read(Path(task["table"]), task["form"])
    library.contributions(model, X[:10], task["threads"])
    return lambda: _timed(lambda: library.contributions(model, X, task["threads"]))[1]


def _one_row(library: Library, task: dict[str, Any]) -> Callable[[], Measured]:
    """Median time of a call that scores one row; beside it that of a call that does nothing, where there is one."""
    model, (X, _) = _load(task), customers.read(Path(task["table"]), task["form"])
    call = library.one_row(model, X[:1].copy())
    bare = library.bare_call(model) if library.bare_call else None

    def measure() -> Measured:
        return {"seconds": _each(call), **({"bare_seconds": _each(bare)} if bare else {})}

    return measure


_MEASURES = {
    "fit": _fit, "auc": _auc, "model": _model, "predict": _predict, "contributions": _contributions, "row": _one_row,
}


def _warm_up(library: Library, task: dict[str, Any]) -> None:
    """Imports, starts threads and fills caches on a tiny table."""
    tiny = customers.draw(500, task["columns"], 0)
    library.fit(customers.in_form(tiny.X, task["form"]), tiny.y, 2, task["threads"])


def _load(task: dict[str, Any]) -> Any:
    return pickle.loads(Path(task["model"]).read_bytes())


# ------------------------------------------------------------------------------------------------- time and memory


def _timed(run: Callable[[], Any]) -> tuple[Any, Measured]:
    """What a run gives, and what it took: by the clock, of the processor, and of the processor by everything else."""
    busy, cpu, started = _busy_seconds(), time.process_time(), time.perf_counter()
    result = run()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    others = max(0.0, _busy_seconds() - busy - cpu)
    return result, {"seconds": seconds, "cpu_seconds": cpu, "others_cpu_seconds": others}


def _busy_seconds() -> float:
    """Processor seconds that the machine has worked since it started; not known but on Linux."""
    try:
        user, nice, system, _, _, *rest = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    except (OSError, ValueError):
        return float("nan")
    return sum(map(int, [user, nice, system, *rest])) / os.sysconf("SC_CLK_TCK")


def _each(call: Callable[[], object], batch: int = 50, most_seconds: float = 0.4) -> float:
    """Median over batches of the mean time of a call."""
    for _ in range(batch):
        call()
    batches, end = [], time.perf_counter() + most_seconds
    while len(batches) < 3 or time.perf_counter() < end:
        started = time.perf_counter()
        for _ in range(batch):
            call()
        batches.append((time.perf_counter() - started) / batch)
    return statistics.median(batches)


def _forget_peak() -> int:
    """Bytes held now, from which on the peak is counted, where the system can do that."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")
    except OSError:
        return _peak()


def _peak() -> int:
    """Most bytes held at a time."""
    try:
        return _status("VmHWM")
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(name: str) -> int:
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[name].split()[0]) * 1024


if __name__ == "__main__":
    main()
