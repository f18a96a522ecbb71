"""How good keepwell's scores are beside those of its peers, on eight public tables, with nothing tuned.

    python3 python/benchmarks/accuracy [--quick] [--tables telco,mlc] [--models "keepwell blend,CatBoost"]

Run from anywhere, with any Python from 3.11 and a Rust toolchain. The first run makes an environment of its own in
`cache/venv` beside this file, with the peers in the versions of `requirements.txt`, builds keepwell from this tree
into it, and downloads the tables (see `data.py`: 65 MB of pinned packages, of which only data files are read).

- `results/results.csv` gets one line a fit. A run that is stopped goes on where it was; when keepwell has changed,
  only keepwell is measured again. `results/scores/` keeps the probabilities of the left-out rows.
- `results/report.md` and `results/report.png` say what came out; they are written anew by every run, and by
  `--report-only` from what stands.
- `--quick` takes one repeat, the quick peers, and two folds of the largest table: about five minutes, nearly all of
  them CatBoost's. The whole run takes hours of a processor, most of them EBM's, CatBoost's and tuned LightGBM's.
- `--ablation` fits our own blend without each of its parts too, and says what each is worth.

All models see the same five stratified folds, three times over.
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


def main() -> None:
    options = _options()
    threads = options.threads or os.cpu_count() or 1
    os.environ["OMP_NUM_THREADS"] = str(threads)  # before any peer is imported
    if not options.this_python:
        environment.enter(HERE)
    _run(options, threads)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="accuracy", description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="one repeat, quick peers")
    parser.add_argument("--repeats", type=int, default=3, help="times that the folds are drawn anew (default 3)")
    parser.add_argument("--folds", type=int, default=5, help="folds of each repeat to measure (default all 5)")
    parser.add_argument("--tables", type=_names, help="some of the tables, by commas")
    parser.add_argument("--models", type=_names, help="some of the models, by commas")
    parser.add_argument("--ablation", action="store_true", help="also the blend without each of its parts")
    parser.add_argument("--threads", type=int, help="threads of each fit (default: all cores)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--report-only", action="store_true", help="measure nothing, report what stands")
    parser.add_argument("--this-python", action="store_true", help="use the Python that runs this as it is")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _run(options: argparse.Namespace, threads: int) -> None:
    import data
    import report
    from models import MODELS
    from run import Extent, Results, run

    names = _chosen(options.tables, data.TABLES, "table")
    offered = [model for model in MODELS if not model.ablation or options.ablation or options.models]
    models = [model for model in offered if options.models or model.quick or not options.quick]
    wanted = _chosen(options.models, [model.name for model in models], "model")
    models = [model for model in models if model.name in wanted]
    for model in models:
        if not model.installed():
            print(f"{model.name} is left out: `{model.package}` is not installed")
    models = [model for model in models if model.installed()]
    tables = [data.load(name, CACHE / "data") for name in names]
    results, extent = Results(options.results), Extent(options.repeats, options.folds)
    if options.quick:
        extent = Extent(repeats=1, folds=options.folds, folds_of_large=2)
    if not options.report_only:
        run(tables, models, extent, threads, results)
    print(report.write(tables, models, extent, results))


def _chosen(asked: list[str] | None, known: list[str], what: str) -> list[str]:
    unknown = sorted(set(asked or []) - set(known))
    if unknown:
        raise SystemExit(f"no {what} {', '.join(unknown)}; there are: {', '.join(known)}")
    return [name for name in known if asked is None or name in asked]


if __name__ == "__main__":
    main()
