"""What it costs to hand data over: `python python/benchmarks/ingest.py` times fits, batches and single rows from every
holder of the same numbers, and the memory of a fit beyond its input. One at a time: `... ingest.py memory|batch|row`.
"""

import statistics
import subprocess
import sys
import time

import keepwell as kw
import numpy as np

HOLDERS = ["F f64", "C f64", "F f32", "C f32", "pandas", "polars", "pyarrow", "pyarrow with nulls"]


def matrix(n_rows, n_columns, dtype=np.float64):
    rng = np.random.default_rng(0)
    values = np.empty((n_rows, n_columns), dtype, order="F")
    for column in range(n_columns):
        values[:, column] = rng.normal(size=n_rows)
        values[rng.integers(0, n_rows, n_rows // 20), column] = np.nan
    return values, np.nan_to_num(values[:, 0]) + np.nan_to_num(values[:, 1]) + rng.normal(size=n_rows) > 0


def hold(values, holder):
    names = [f"x{at}" for at in range(values.shape[1])]
    match holder.split():
        case [order, kind] if kind in ("f64", "f32"):
            return np.array(values, dtype=np.float64 if kind == "f64" else np.float32, order=order)
        case ["pandas"]:
            import pandas

            return pandas.DataFrame(values, columns=names)
        case ["polars"]:
            import polars

            return polars.DataFrame({name: values[:, at] for at, name in enumerate(names)})
        case ["pyarrow", *rest]:
            import pyarrow

            columns = {name: pyarrow.array(values[:, at], from_pandas=bool(rest)) for at, name in enumerate(names)}
            return pyarrow.table(columns)


def peak_kib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def fit_memory(holder, n_rows, n_columns):
    """Time of a fit, and peak memory beyond what the process held before it; in a process of its own."""
    values, y = matrix(n_rows, n_columns)
    data = hold(values, holder)
    if data is not values:
        del values
    model = kw.GradientTreesClassifier(n_estimators=3)
    kw.GradientTreesClassifier(n_estimators=1).fit(np.eye(9), np.arange(9) < 4)
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")
    before = peak_kib()
    start = time.perf_counter()
    model.fit(data, y)
    print(f"{holder:20} {n_rows} x {n_columns}: {(peak_kib() - before) / 1024:7.1f} MiB beyond the input, 3 trees {time.perf_counter() - start:6.2f} s")


def median_of(run, rounds=9):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def batch(n_rows=100_000, n_columns=50):
    values, y = matrix(n_rows, n_columns)
    values = values.astype(np.float32).astype(np.float64)
    model = kw.GradientTreesClassifier().fit(values, y)
    held = {holder: hold(values, holder) for holder in HOLDERS}
    named = kw.GradientTreesClassifier().fit(held["polars"], y)
    for _ in range(2):
        for holder, data in held.items():
            fitted = model if holder[1] == " " else named
            print(f"predict_proba {n_rows} x {n_columns} {holder:20} {1e3 * median_of(lambda: fitted.predict_proba(data)):7.2f} ms")


def single(n_columns=50, n_calls=20_000):
    values, y = matrix(20_000, n_columns)
    values = np.nan_to_num(values)
    schema = kw.Schema.b2b_saas()
    for n_trees in (100, 500):
        model = kw.GradientTreesClassifier(n_estimators=n_trees).fit(values, y)
        one, flat = np.ascontiguousarray(values[:1]), np.ascontiguousarray(values[0])
        cells, named = flat.tolist(), dict(zip(model._model.feature_names, flat.tolist(), strict=True))
        calls = {
            "bare call (a comparison that looks at nothing)": lambda: schema.__eq__(one),
            "predict_proba, 1 x d array": lambda: model.predict_proba(one),
            "decision_function, 1 x d array": lambda: model.decision_function(one),
            "predict_proba_of_row, array": lambda: model.predict_proba_of_row(flat),
            "predict_proba_of_row, list": lambda: model.predict_proba_of_row(cells),
            "predict_proba_of_row, dict": lambda: model.predict_proba_of_row(named),
        }
        for name, call in calls.items():
            per_call = median_of(lambda: [call() for _ in range(n_calls // 10)]) / (n_calls // 10)
            print(f"{n_trees} trees, {name:48} {1e6 * per_call:7.2f} us")


def main(what):
    if what[:1] == ["fit"]:
        fit_memory(what[1], int(what[2]), int(what[3]))
    if what in ([], ["memory"]):
        for holder in HOLDERS:
            subprocess.run([sys.executable, __file__, "fit", holder, "1000000", "50"], check=True)
    if what in ([], ["batch"]):
        batch()
    if what in ([], ["row"]):
        single()


if __name__ == "__main__":
    main(sys.argv[1:])
