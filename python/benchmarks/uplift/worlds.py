"""How near learned effects come to the truth, and what choosing by them loses, in made-up worlds where both are known.

    python3 python/benchmarks/uplift/worlds.py [--repeats 4] [--this-python]

Each world has two actions: the first does what the world says, the second works along a line. Of 1,500, 6,000 or
24,000 accounts with frequent or rare outcomes effects are learned, and told of 5,000 others. Per world: the root mean
square error of the first action's effects in points of a hundred, and how much less than the best choice (of none and
both, at a cost of two points each) the choice by the effects brings, in points. The chances in
`src/action/learned/weigh.rs` were chosen by such worlds.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from pathlib import Path

os.environ.setdefault("RAYON_NUM_THREADS", "1")  # worlds are spread over the processors instead

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # for what the benchmarks share
import environment  # noqa: E402

SIZES, BASES, N_TOLD, COST = (1_500, 6_000, 24_000), (-0.5, -2.2), 5_000, 0.02
#: What the first action adds to the log-odds `z` of `x` (seven numbers and the levels of a category).
WORLDS = {
    "nothing": lambda z, x, level: 0 * z,
    "the same in log-odds": lambda z, x, level: 0 * z + 0.3,
    "a weak line": lambda z, x, level: 0.2 + 0.08 * x[:, 4],
    "a line": lambda z, x, level: 0.2 + 0.25 * x[:, 4],
    "many lines": lambda z, x, level: 0.2 + 0.1 * (x[:, 4] - x[:, 0] + x[:, 5] + x[:, 6]) + 0.15 * x[:, 2],
    "a flag": lambda z, x, level: 0.05 + 0.5 * x[:, 2],
    "a step": lambda z, x, level: 0.5 * (x[:, 3] > 4),
    "a category": lambda z, x, level: 0.4 * (level == 1) + 0.1 * level,
    "an interaction": lambda z, x, level: 0.2 + 0.3 * x[:, 4] * x[:, 5],
    "a strong interaction": lambda z, x, level: 0.9 * ((x[:, 4] > 0) * 2 - 1) * ((x[:, 5] > 0) * 2 - 1),
    "a strong corner": lambda z, x, level: 1.2 * ((x[:, 4] > 1) & (x[:, 0] > 0)),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="worlds", description=__doc__.split("\n\n")[0])
    parser.add_argument("--repeats", type=int, default=4, help="times that each world is drawn (default 4)")
    parser.add_argument("--this-python", action="store_true", help="use the Python that runs this as it is")
    options = parser.parse_args()
    if not options.this_python:
        environment.enter(HERE)
    from concurrent.futures import ProcessPoolExecutor

    import numpy as np

    tasks = list(itertools.product(WORLDS, SIZES, BASES, range(options.repeats)))
    with ProcessPoolExecutor() as pool:
        found = np.array(list(pool.map(_errors, tasks, chunksize=4)))
    print(f"{'world':22} {'error':>7} {'loss':>7}")
    for world in [*WORLDS, "all"]:
        of_world = found[[world in ("all", task[0]) for task in tasks]]
        error, loss = 100 * of_world.mean(axis=0)
        print(f"{world:22} {error:7.3f} {loss:7.4f}")


def _errors(task: tuple[str, int, float, int]) -> tuple[float, float]:
    """Error of the first action's effects, and loss of choosing by both."""
    import keepwell as kw
    import numpy as np

    world, n, base, repeat = task
    rng = np.random.default_rng([list(WORLDS).index(world), n, int(-10 * base), repeat])
    frame, truth, none = _draw(world, n + N_TOLD, base, rng)
    arm = rng.integers(0, 3, len(frame))
    y = rng.random(len(frame)) < none + truth[np.arange(len(frame)), arm]
    model = kw.EffectModel(["none", "first", "second"]).fit(frame[:n], y[:n], arm[:n])
    effects, truth = model.effects(frame[n:]), truth[n:]
    told = np.stack([np.zeros(N_TOLD), effects["first"], effects["second"]], axis=1)
    costs = np.array([0.0, COST, COST])
    chosen = (told - costs).argmax(axis=1)
    loss = (truth - costs).max(axis=1) - (truth - costs)[np.arange(N_TOLD), chosen]
    return float(np.sqrt(np.mean((told[:, 1] - truth[:, 1]) ** 2))), float(loss.mean())


def _draw(world: str, n: int, base: float, rng):
    """Accounts, their true effects under each arm, and the chance of the outcome without any."""
    import numpy as np
    import pandas as pd

    x = rng.normal(size=(n, 7))
    x[:, 1], x[:, 2], x[:, 3] = np.exp(x[:, 1]), x[:, 2] > 0.5, rng.poisson(3, n)
    level = rng.integers(0, 4, n)
    z = base + 0.5 * x[:, 0] + 0.3 * np.log(x[:, 1]) + 0.4 * x[:, 2] - 0.1 * (x[:, 3] - 3)
    z += 0.3 * np.maximum(x[:, 4], 0) + np.array([0, 0.2, -0.3, 0.1])[level]
    odds = np.stack([z, z + WORLDS[world](z, x, level), z + 0.15 + 0.15 * x[:, 5]], axis=1)
    chances = 1 / (1 + np.exp(-odds))
    frame = pd.DataFrame(x, columns=[f"x{at}" for at in range(7)])
    frame["level"] = pd.Categorical.from_codes(level, list("abcd"))
    return frame, chances - chances[:, :1], chances[:, 0]


if __name__ == "__main__":
    main()
