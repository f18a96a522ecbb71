"""How well keepwell learns the effects of actions beside its peers, on two public experiments, with nothing tuned.

    python3 python/benchmarks/uplift [--quick] [--learners "keepwell,X-learner, LightGBM"] [--seed 42]

Run from anywhere, with any Python from 3.11 and a Rust toolchain. The first run makes an environment of its own in
`cache/venv` beside this file, with the peers in the versions of `requirements.txt`, builds keepwell from this tree
into it, and downloads the experiments (see `experiments.py`: 4 MB).

Each learner tells the effect of each action for rows that it did not learn from. `results/report.md` has the Qini
coefficient of each (scikit-uplift's), what choosing by the effects is worth beside the best of "the same for all" and
"none" at several costs (doubly robust, with its standard error), and how long a fit took on one thread, as a ratio to
keepwell's. keepwell's fit holds two learners, their choice and intervals; most peers' is one learner, once.
`--quick` leaves out the forests, which take most of the time. `--seeds 8` adds what the folds' seed does to the first
experiment's figures: their means over that many seeds, and deviations.

`worlds.py` beside this one has made-up worlds in place of experiments, where the truth is known.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

for threads in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(threads, "1")  # before any peer is imported

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # for what the benchmarks share
import environment  # noqa: E402

#: Costs as shares of an action's average effect; of an e-mail in visits, where there are several.
SHARES, COSTS = (0.25, 0.5, 0.75, 1.0), (0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08)


def main() -> None:
    options = _options()
    if not options.this_python:
        environment.enter(HERE)
    _run(options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="uplift", description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="no forests")
    parser.add_argument("--learners", help="some of the learners, by semicolons")
    parser.add_argument("--seed", type=int, default=42, help="seed of the folds (default 42)")
    parser.add_argument("--seeds", type=int, default=1, help="seeds of folds to take means over (default 1)")
    parser.add_argument("--repeats", type=int, default=3, help="fits that are timed, of which the median (default 3)")
    parser.add_argument("--cache", type=Path, default=HERE / "cache" / "data", help="where the experiments are kept")
    parser.add_argument("--results", type=Path, default=HERE / "results", help="folder of the report")
    parser.add_argument("--this-python", action="store_true", help="use the Python that runs this as it is")
    return parser.parse_args()


def _run(options: argparse.Namespace) -> None:
    import experiments
    from learners import LEARNERS

    asked = [name.strip() for name in options.learners.split(";")] if options.learners else None
    known = {learner.name for learner in LEARNERS}
    if unknown := sorted(set(asked or []) - known):
        raise SystemExit(f"no learner {', '.join(unknown)}; there are: {'; '.join(sorted(known))}")
    wanted = [learner for learner in LEARNERS if (learner.name in asked if asked else learner.quick or not options.quick)]
    learners = [learner for learner in wanted if environment.installed(learner.package)]
    for learner in wanted:
        if learner not in learners:
            print(f"{learner.name} is left out: `{learner.package}` is not installed")
    options.cache.mkdir(parents=True, exist_ok=True)
    sections = [_measure(experiment, learners, options) for experiment in experiments.load(options.cache, options.seed)]
    if options.seeds > 1:
        sections.append(_over_seeds(learners, options))
    options.results.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(sections)
    (options.results / "report.md").write_text(text + "\n")
    print(f"{text}\n\nwritten to {options.results / 'report.md'}")


def _measure(experiment, learners, options) -> str:
    """A table of an experiment, a row a learner."""
    import numpy as np
    import values

    numbers, n_arms = experiment.numbers(), len(experiment.arms)
    told = np.concatenate([test for _, test in experiment.splits])
    scores = values.scores(numbers, experiment.arm, experiment.y, n_arms, _folds(experiment))[told]
    of_all = _head(experiment)
    lines, seconds = [], _times(experiment, learners, numbers, options.repeats)
    ours = seconds.get("keepwell", seconds[learners[0].name])
    for learner in learners:
        effects = _effects(experiment, learner, numbers)[told]
        cells = [learner.name]
        for arm in range(1, n_arms):
            rows = np.isin(experiment.arm[told], (0, arm))
            y, treated = experiment.y[told][rows], experiment.arm[told][rows] == arm
            cells.append(f"{values.qini(y, effects[rows, arm], treated):.4f}")
            two, average = scores[:, [0, arm]], scores[:, arm].mean() - scores[:, 0].mean()
            for share in SHARES:
                chosen = values.policy(effects[:, [0, arm]].copy(), share * average)
                cells.append("{:+.5f} ± {:.5f}".format(*values.over_best_for_all(two, chosen, share * average)))
        if n_arms > 2:
            chosen = {cost: values.policy(effects.copy(), cost) for cost in COSTS}
            cells.append("{:.4f} ± {:.4f}".format(*values.value(scores, chosen[0.03], 0.03)))
            gains = [values.over_best_for_all(scores, chosen[cost], cost) for cost in COSTS]
            worst = min(gains, key=lambda gain: gain[0] / max(gain[1], 1e-12))
            cells.append("{:+.4f} ± {:.4f}".format(*worst))
        cells.append(f"{seconds[learner.name]:.2f}")
        cells.append(f"{seconds[learner.name] / ours:.2f}")
        lines.append("| " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    return "\n".join([f"## {experiment.name}", "", *of_all, *lines])


def _over_seeds(learners, options) -> str:
    """Means and deviations over seeds of the folds, a row a learner."""
    import experiments
    import numpy as np
    import values

    found = {learner.name: [] for learner in learners}
    for seed in range(options.seed, options.seed + options.seeds):
        experiment = next(experiments.load(options.cache, seed))
        numbers, y, arm = experiment.numbers(), experiment.y, experiment.arm
        scores = values.scores(numbers, arm, y, len(experiment.arms), experiment.splits)
        for learner in learners:
            effects = _effects(experiment, learner, numbers)
            pairs = [np.isin(arm, (0, at)) for at in range(1, len(experiment.arms))]
            of_seed = [values.qini(y[rows], effects[rows, at], arm[rows] == at) for at, rows in enumerate(pairs, start=1)]
            gains = [values.over_best_for_all(scores, values.policy(effects.copy(), cost), cost) for cost in COSTS]
            of_seed.append(values.value(scores, values.policy(effects.copy(), 0.03), 0.03)[0])
            of_seed += [np.mean([gain for gain, _ in gains]), min(gain / max(error, 1e-12) for gain, error in gains)]
            found[learner.name].append(of_seed)
    columns = ["learner", *(f"Qini, {arm}" for arm in experiment.arms[1:]), "value of the best arm of all, cost .03"]
    columns += ["over the same for all, mean of all costs", "least of these, in standard errors"]
    lines = [f"## {experiment.name} over {options.seeds} seeds", "", "| " + " | ".join(columns) + " |"]
    lines.append("|" + " --- |" * len(columns))
    for name, of_seeds in found.items():
        told = zip(np.mean(of_seeds, axis=0), np.std(of_seeds, axis=0))
        lines.append(f"| {name} | " + " | ".join(f"{mean:.4f} (deviation {apart:.4f})" for mean, apart in told) + " |")
    return "\n".join(lines)


def _head(experiment) -> list[str]:
    columns = ["learner"]
    for arm in experiment.arms[1:]:
        columns += [f"Qini, {arm}", *(f"over the same for all or none, cost {share:g} of the effect" for share in SHARES)]
    if len(experiment.arms) > 2:
        columns += ["value of the best arm of all, cost .03", f"least over the same for all, costs {COSTS[0]} to {COSTS[-1]}"]
    columns += ["seconds a fit, one thread", "times keepwell's"]
    return ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]


def _folds(experiment):
    """Folds for the expectations of the doubly robust scores: those of the experiment, or halves of its test rows."""
    import numpy as np

    if len(experiment.splits) > 1:
        return experiment.splits
    (_, test), = experiment.splits
    halves = test[np.arange(len(test)) % 2 == 0], test[np.arange(len(test)) % 2 == 1]
    return [halves, halves[::-1]]


def _effects(experiment, learner, numbers):
    """Effects of each row left out in each arm, n × n_arms; keepwell learns all arms at once, as it is made to."""
    import numpy as np

    effects = np.zeros((len(experiment.y), len(experiment.arms)))
    for train, test in experiment.splits:
        if learner.name == "keepwell":
            import keepwell as kw

            model = kw.EffectModel(experiment.arms).fit(experiment.X.iloc[train], experiment.y[train], experiment.arm[train])
            told = model.effects(experiment.X.iloc[test])
            effects[test] = np.stack([np.zeros(len(test)), *(told[arm] for arm in experiment.arms[1:])], axis=1)
            continue
        for arm in range(1, len(experiment.arms)):
            effects[test, arm] = _learn(learner, experiment, numbers, arm, train, test)
    return effects


def _learn(learner, experiment, numbers, arm, train, test):
    from learners import quietly

    X = experiment.X if learner.name == "keepwell" else numbers
    rows = experiment.against_none(arm, train)
    treated = (experiment.arm[rows] == arm).astype(int)
    return quietly(learner, X.iloc[rows], treated, experiment.y[rows], X.iloc[test])


def _times(experiment, learners, numbers, repeats) -> dict[str, float]:
    """Median seconds to learn the first action's effect from the first training rows and tell it of a thousand others;
    learners take turns, so that a busy moment of the machine meets all alike."""
    import numpy as np

    train, test = experiment.splits[0]
    seconds = {learner.name: [] for learner in learners}
    for repeat in range(repeats):
        for learner in learners:
            if repeat > 0 and min(seconds[learner.name]) > 20:
                continue
            start = time.process_time()
            _learn(learner, experiment, numbers, 1, train, test[:1000])
            seconds[learner.name].append(time.process_time() - start)
    return {name: float(np.median(taken)) for name, taken in seconds.items()}


if __name__ == "__main__":
    main()
