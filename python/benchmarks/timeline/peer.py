"""One library's snapshots in a process of its own: `peer.py LIBRARY FOLDER OUT THREADS DATE...` says as JSON what they
took and writes them to OUT."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main() -> None:
    library, folder, out, threads, *dates = sys.argv[1:]
    os.environ["POLARS_MAX_THREADS"] = threads
    if library == "polars":
        import polars_plan

        began = time.perf_counter(), time.process_time()
        found = polars_plan.snapshots(Path(folder), dates)
    else:
        import duckdb_plan

        began = time.perf_counter(), time.process_time()
        found = duckdb_plan.snapshots(Path(folder), dates, int(threads))
    took = {"seconds": time.perf_counter() - began[0], "cpu": time.process_time() - began[1], "gb": _peak_gb()}
    _write(found, out)
    print(json.dumps(took))


def _write(found: object, out: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(found if isinstance(found, pa.Table) else found.to_arrow(), out)


def _peak_gb() -> float:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024 / 1e9


if __name__ == "__main__":
    main()
