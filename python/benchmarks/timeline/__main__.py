"""How fast keepwell turns records into snapshots beside the best plans of polars and DuckDB, and whether all agree.

    python3 python/benchmarks/timeline [--rounds 5] [--events 10000000] [--accounts 100000] [--threads 2] [--large-pages]

Run from anywhere, with any Python from 3.11 and a Rust toolchain. The first run makes an environment of its own in
`cache/venv` beside this file, with the peers in the versions of `requirements.txt`; `--this-python` uses the Python that
runs this, with what is installed there.

The task: the records of a business (10 M rows of usage of 100,000 accounts over 540 days, 3 % of them known late;
tickets, surveys, contracts) in Parquet; twelve monthly snapshots of forty signals in memory. Each library has a process of
its own and is asked in turn, round by round; before any time counts, every signal of every row must agree to 1e-12.
The records are made once, in `cache`. `--large-pages` has the C library ask for pages of 2 MB, in all processes alike
(`GLIBC_TUNABLES=glibc.malloc.hugetlb=1`): keepwell uses its allocator, the peers bring their own, which ask as they please.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TREE = HERE.parents[2]
sys.path.insert(0, str(HERE.parent))  # for what the benchmarks share
import environment  # noqa: E402
import markup  # noqa: E402

PEERS = ["polars", "duckdb"]
#: How many times faster than the peer keepwell is asked to be.
ASKED = {"polars": 2.5, "duckdb": 4.0}
MAX_GB = 1.2


def main() -> None:
    options = _options()
    if not options.this_python:
        environment.enter(HERE)
    folder = _records(options.events, options.accounts)
    ours = _build()
    told = _environment(options.threads, options.large_pages)
    took: dict[str, list[dict]] = {library: [] for library in ["keepwell", *PEERS]}
    for at in range(options.rounds):
        for library in took:
            out = folder / f"{library}.parquet"
            took[library].append(_run(_command(library, folder, out, options.threads, ours), told))
            print(f"round {at + 1}: {library} {took[library][-1]}", flush=True)
        if at == 0:
            _compare(folder)
    print(_report(took))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="timeline", description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--large-pages", action="store_true", help="let the C library ask for pages of 2 MB")
    parser.add_argument("--this-python", action="store_true", help="use the Python that runs this")
    return parser.parse_args()


def _records(n_events: int, n_accounts: int) -> Path:
    import records_made
    import schema

    folder = HERE / "cache" / f"{n_events}-{n_accounts}"
    if not (folder / "surveys.parquet").exists():
        print(f"making records in {folder}", flush=True)
        records_made.write(folder, n_events, n_accounts)
    schema.write(folder / "timeline.toml")
    return folder


def _build() -> str:
    """The program that runs keepwell."""
    command = ["cargo", "bench", "--workspace", "--all-features", "--bench", "timeline", "--no-run"]
    print("building keepwell", flush=True)
    command += ["--message-format", "json-render-diagnostics"]
    lines = subprocess.run(command, cwd=TREE, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    built = [json.loads(line) for line in lines]
    is_it = [line for line in built if line.get("executable") and line["target"]["name"] == "timeline"]
    return is_it[-1]["executable"]


def _command(library: str, folder: Path, out: Path, threads: int, ours: str) -> list[str]:
    import records_made

    if library == "keepwell":
        return [ours, str(folder), str(out), *records_made.DATES]
    return [sys.executable, str(HERE / "peer.py"), library, str(folder), str(out), str(threads), *records_made.DATES]


def _environment(threads: int, large_pages: bool) -> dict[str, str]:
    told = dict(os.environ, RAYON_NUM_THREADS=str(threads))
    return told | {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"} if large_pages else told


def _run(command: list[str], told: dict[str, str]) -> dict:
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=told).stdout)


def _compare(folder: Path) -> None:
    import agree
    import pyarrow.parquet as pq
    import schema

    found = pq.read_table(folder / "keepwell.parquet")
    for peer in PEERS:
        off = agree.differences(found, pq.read_table(folder / f"{peer}.parquet"), list(schema.signals()))
        if off:
            raise SystemExit(f"keepwell and {peer} differ in {off}")
        print(f"keepwell and {peer} agree in {found.num_rows} rows x {len(schema.signals())} signals", flush=True)


def _report(took: dict[str, list[dict]]) -> str:
    def median(library: str, what: str) -> float:
        return statistics.median(once[what] for once in took[library])

    rows = []
    for library in took:
        times = [once["seconds"] / mine["seconds"] for once, mine in zip(took[library], took["keepwell"], strict=True)]
        asked = f"{ASKED[library]:g}" if library in ASKED else ""
        numbers = [f"{median(library, what):.2f}" for what in ("seconds", "cpu", "gb")]
        rows.append([library, *numbers, f"{statistics.median(times):.2f}", asked])
    header = ["library", "seconds", "CPU seconds", "GB", "times keepwell", "asked"]
    ours = took["keepwell"]
    more = {what: statistics.median(once[what] for once in ours) for what in ("add", "newest", "one_account_us")}
    return markup.table(header, rows) + (
        f"\n\nAsked: at most {MAX_GB} GB. A day's events are added in {more['add']:.2f} s and the newest snapshot taken in "
        f"{more['newest']:.2f} s; one account's facts are put together and its signals read in "
        f"{more['one_account_us']:.0f} microseconds (asked: 100)."
    )


if __name__ == "__main__":
    main()
