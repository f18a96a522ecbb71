"""Made-up customers: amounts, counts, shares and categories, and who leaves by a known rule with interactions.

Of every ten columns five are heavy-tailed amounts, three small counts, one a share and one a category of 3 to 40
levels, all moved by the same few hidden traits of a customer. 5 % of the numbers are missing.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

LEVELS = [3, 5, 8, 12, 25, 40]
POSITIVE, MISSING, N_TRAITS = 0.15, 0.05, 3

#: How a table can be handed over; "numpy" and "arrow" hold the categories' codes as numbers, "frame" the categories.
FORMS = ["frame f64", "frame f32", "numpy f64", "numpy f32", "arrow f64"]


@dataclass(frozen=True)
class Customers:
    """Values, ``n`` rows × ``d`` columns, categories as codes from 0; and who leaves, ``n``."""

    X: np.ndarray
    y: np.ndarray


def levels(column: int) -> int | None:
    """Levels of a column; None for a number."""
    return LEVELS[column // 10 % len(LEVELS)] if column % 10 == 9 else None


def draw(rows: int, columns: int, seed: int) -> Customers:
    """The same for the same arguments; the rule of a seed is the same for any number of rows."""
    rule, chance = np.random.default_rng([seed, columns, 0]), np.random.default_rng([seed, columns, 1])
    traits = chance.standard_normal((N_TRAITS, rows))
    X, log_odds, last = np.empty((rows, columns)), np.zeros(rows), np.zeros(rows)
    for column in range(columns):
        loadings = rule.normal(0, 0.5, N_TRAITS)
        latent = (loadings @ traits + chance.standard_normal(rows)) / np.sqrt(1 + loadings @ loadings)
        X[:, column] = _values(column, latent, rule, chance)
        if column % 2:
            log_odds += _effect(column, X[:, column], latent, rule) + rule.normal(0, 0.3) * latent * (last > 0.5)
            last = latent
        if levels(column) is None:
            X[chance.random(rows) < MISSING, column] = np.nan
    return Customers(X, chance.random(rows) < _sigmoid(log_odds + _intercept(log_odds)))


def _values(column: int, latent: np.ndarray, rule: np.random.Generator, chance: np.random.Generator) -> np.ndarray:
    """What is seen of a hidden standard normal."""
    n_levels, kind = levels(column), column % 10
    if n_levels is not None:
        return np.minimum(np.floor(_sigmoid(1.7 * latent) * n_levels), n_levels - 1)
    if kind < 5:
        return np.exp(rule.uniform(0.5, 1.5) * latent + rule.uniform(0, 6))
    if kind < 8:
        return chance.poisson(np.exp(0.8 * latent + rule.uniform(-1, 2.5))).astype(float)
    return _sigmoid(rule.uniform(0.5, 2) * latent + rule.normal())


def _effect(column: int, values: np.ndarray, latent: np.ndarray, rule: np.random.Generator) -> np.ndarray:
    """What a column adds to the log-odds: by level, or straight, or a hinge, a bump or a step."""
    n_levels, size, at = levels(column), rule.normal(0, 0.7), rule.normal(0, 0.7)
    if n_levels is not None:
        return rule.normal(0, 0.7, n_levels)[values.astype(int)]
    shapes = [lambda z: z, lambda z: np.maximum(z - at, 0), lambda z: 2 * np.exp(-((z - at) ** 2)), lambda z: z > at]
    return size * shapes[column // 2 % len(shapes)](latent)


def _intercept(log_odds: np.ndarray) -> float:
    """With which `POSITIVE` of the rows are expected to leave; by halving, on the first rows."""
    low, high, some = -20.0, 20.0, log_odds[:100_000]
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _sigmoid(some + middle).mean() < POSITIVE else (low, middle)
    return low


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def write(folder: Path, rows: int, columns: int, seed: int) -> Path:
    """Draws into files unless they are there, so that who measures memory need not draw; says where."""
    path = folder / f"{rows}x{columns}-{seed}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        drawn = draw(rows, columns, seed)
        np.save(path.with_suffix(".y.npy"), drawn.y)
        np.save(path.with_suffix(".part.npy"), drawn.X)
        path.with_suffix(".part.npy").rename(path)
    return path


def read(path: Path, form: str) -> tuple[Any, np.ndarray]:
    """The table of a file in one of `FORMS`, and who leaves; nothing else stays in memory."""
    X, y = in_form(np.load(path, mmap_mode="r"), form), np.load(path.with_suffix(".y.npy"))
    _give_back_memory()
    return X, y


def in_form(X: np.ndarray, form: str) -> Any:
    """The values as one of `FORMS`."""
    kind, width = form.split()
    number = {"f32": np.float32, "f64": np.float64}[width]
    if kind == "numpy":
        return np.array(X, dtype=number, order="C")
    if kind == "arrow":
        import pyarrow

        return pyarrow.table({f"x{at}": np.array(X[:, at], dtype=number) for at in range(X.shape[1])})
    return pd.DataFrame({f"x{at}": _series(X[:, at], levels(at), number) for at in range(X.shape[1])})


def _series(values: np.ndarray, n_levels: int | None, number: type) -> Any:
    if n_levels is None:
        return np.array(values, dtype=number)
    return pd.Categorical.from_codes(values.astype(np.int8), [f"level {at}" for at in range(n_levels)])


def _give_back_memory() -> None:
    """Lets the allocator return what is free, so that what a fit takes shows as growth; glibc only."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        pass
