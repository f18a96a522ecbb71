"""How fast keepwell's gradient trees are beside those of its peers, how well they do, and how much memory they take.

    python3 python/benchmarks/trees [--quick] [--only fit,predict] [--sizes 10k,100k] [--libraries keepwell,LightGBM]

Run from anywhere, with any Python from 3.11 and a Rust toolchain. The first run makes an environment of its own in
`cache/venv` beside this file, with the peers in the versions of `requirements.txt`, and builds keepwell from this tree
into it; `--this-python` uses the Python that runs this, with what is installed there.

- `fit`: wall and processor time from raw columns. `memory`: the most that a fit takes beyond its input.
- `auc`: on held-out rows, a seed of data a round; it may run beside other work, all else wants a quiet machine.
- `predict`: batches of 100k rows. `row`: one row from Python. `contributions`: every column's to every row.
- `growth`: keepwell and LightGBM from 10k to 5M rows.

`results/results.csv` gets one line a measurement. A run that is stopped goes on where it was; when keepwell has
changed, only keepwell is measured again, which the report notes: `--again` measures all that is asked for anew.
`results/report.md` says what was asked and what is reached; it is written anew by every run, and by `--report-only`.

`--quick` takes few rounds, small tables and the quick peers: about five minutes. All of it takes hours, most of them
the AUC's on large tables.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # for what the benchmarks share
import environment  # noqa: E402

CACHE, RESULTS = HERE / "cache", HERE / "results"
PARTS = ["fit", "memory", "predict", "row", "contributions", "growth", "auc"]
#: Rows and columns, by the name of a size.
SIZES = {"10k": (10_000, 30), "100k": (100_000, 50), "1m": (1_000_000, 50)}
GROWTH = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000, "5m": 5_000_000}
#: In which forms tables are handed over, by part.
PART_FORMS = {
    "fit": ["frame f64", "frame f32", "numpy f64"],
    "memory": ["numpy f64", "numpy f32"],
    "predict": ["numpy f64", "numpy f32", "frame f64", "arrow f64"],
    "row": ["numpy f64"],
    "contributions": ["numpy f64"],
    "growth": ["numpy f32"],
    "auc": ["frame f64"],
}
PREDICT_ROWS, CONTRIBUTION_ROWS = 100_000, 5_000


def main() -> None:
    options = _options()
    if not options.this_python:
        environment.enter(HERE)
    _run(options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="trees", description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds, small tables, quick peers")
    parser.add_argument("--only", type=_names, help=f"some of the parts, by commas: {', '.join(PARTS)}")
    parser.add_argument("--sizes", type=_names, help="some of the sizes, by commas: 10k, 100k, 1m, 5m (growth only)")
    parser.add_argument("--forms", type=_names, help="some of the forms of a table, by commas, such as 'frame f64'")
    parser.add_argument("--libraries", type=_names, help="some of the libraries, by commas")
    parser.add_argument("--threads", type=_numbers, help="by commas; default 2, and 1 for predict as well")
    parser.add_argument("--trees", type=_numbers, default=[100, 500], help="trees to predict with (default 100,500)")
    parser.add_argument("--rounds", type=int, help="rounds of what is timed (default 7; memory and growth 3)")
    parser.add_argument("--seeds", type=int, default=10, help="seeds of data for the AUC (default 10)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--again", action="store_true", help="measure again what stands in the results")
    parser.add_argument("--prepare", action="store_true", help="only draw tables and fit the models to predict with")
    parser.add_argument("--report-only", action="store_true", help="measure nothing, report what stands")
    parser.add_argument("--this-python", action="store_true", help="use the Python that runs this as it is")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _run(options: argparse.Namespace) -> None:
    from libraries import LIBRARIES
    from rounds import Results, prepare, run
    from verdict import write

    names = _chosen(options.libraries, [library.name for library in LIBRARIES], "library")
    libraries = [library for library in LIBRARIES if library.name in names]
    if options.quick and not options.libraries:
        libraries = [library for library in libraries if library.quick]
    for library in libraries:
        if not environment.installed(library.package):
            print(f"{library.name} is left out: `{library.package}` is not installed")
    libraries = [library for library in libraries if environment.installed(library.package)]
    cells, results = cells_of(options), Results(options.results, options.again)
    if options.prepare:
        return prepare(cells, libraries, CACHE)
    if not options.report_only:
        run(cells, libraries, CACHE, results)
    print(write(cells, libraries, results))


def cells_of(options: argparse.Namespace) -> dict[object, int]:
    """What is to be measured, and in how many rounds."""
    from rounds import Cell

    cells = {}
    for part in _chosen(options.only, PARTS, "part"):
        for form in _forms(options, part):
            for rows, columns in _sizes(options, part):
                for trees in _trees(options, part):
                    for threads in _threads(options, part):
                        cells[Cell(part, rows, columns, form, trees, threads)] = _rounds(options, part, rows)
    return cells


def _forms(options: argparse.Namespace, part: str) -> list[str]:
    forms = PART_FORMS[part][: 1 if options.quick else None]
    return [form for form in forms if not options.forms or form in options.forms]


def _sizes(options: argparse.Namespace, part: str) -> list[tuple[int, int]]:
    if part in ("predict", "row", "contributions"):
        return [(CONTRIBUTION_ROWS if part == "contributions" else PREDICT_ROWS, 50)]
    sizes = {name: (rows, 30) for name, rows in GROWTH.items()} if part == "growth" else SIZES
    asked = options.sizes or (["10k", "100k"] if options.quick else list(GROWTH))
    _chosen(asked, list(GROWTH), "size")
    return [size for name, size in sizes.items() if name in asked]


def _trees(options: argparse.Namespace, part: str) -> list[int]:
    return options.trees[: 1 if options.quick else None] if part in ("predict", "row") else [100]


def _threads(options: argparse.Namespace, part: str) -> list[int]:
    if part == "row":
        return [1]
    return options.threads or ([2, 1] if part == "predict" and not options.quick else [2])


def _rounds(options: argparse.Namespace, part: str, rows: int) -> int:
    if part == "auc":
        return min(options.seeds, 2) if options.quick else options.seeds
    if options.quick:
        return options.rounds or (1 if part == "memory" else 3)
    few = part in ("memory", "growth") or rows >= 5_000_000
    return options.rounds or (3 if few else 7)


def _chosen(asked: list[str] | None, known: list[str], what: str) -> list[str]:
    unknown = sorted(set(asked or []) - set(known))
    if unknown:
        raise SystemExit(f"no {what} {', '.join(unknown)}; there are: {', '.join(known)}")
    return [name for name in known if asked is None or name in asked]


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    main()
