"""The records of a business of any size, as Parquet: heavy-tailed usage, 3 % known up to ten days late."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

#: Days that the records cover; the last is not over.
FIRST, N_DAYS = np.datetime64("2025-01-01"), 540
N_FEATURES = 20
#: Snapshots: the firsts of the last twelve months that are over.
DATES = [str(np.datetime64("2025-07") + month) + "-01" for month in range(12)]


def write(folder: Path, n_events: int, n_accounts: int, seed: int = 0) -> None:
    """Writes `accounts`, `contracts`, `usage`, `tickets` and `surveys`, rows in the order in which they became known."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    started = rng.integers(-400, N_DAYS - 30, n_accounts)
    _save(folder / "accounts.parquet", {"account": np.arange(n_accounts, dtype=np.int32), "started": _day(started)})
    _contracts(folder, rng, started, n_accounts * 12 // 10)
    _usage(folder, rng, started, n_events)
    _tickets(folder, rng, started, n_accounts * 3)
    _surveys(folder, rng, started, n_accounts * 2)


def _usage(folder: Path, rng: np.random.Generator, started: np.ndarray, n: int) -> None:
    weight = rng.pareto(1.3, len(started)) + 0.05
    weight[rng.random(len(started)) < 0.05] = 0  # those who never come
    account = rng.choice(len(started), n, p=weight / weight.sum()).astype(np.int32)
    day = _after(rng, started[account])
    late = rng.random(n) < 0.03
    known = day + np.where(late, rng.integers(1, 11, n), 0)
    # Each account has a few users, most of the use is by the first of them.
    own = np.minimum(rng.exponential(4, n), 40).astype(np.int32)
    feature = np.minimum(rng.exponential(4, n), N_FEATURES - 1).astype(np.int8)
    value = np.round(rng.lognormal(1, 1, n), 2)
    order = np.argsort(known, kind="stable")
    columns = {"account": account, "user": account * 41 + own, "feature": feature, "value": value}
    columns |= {"occurred_at": _day(day), "known_at": _day(known)}
    _save(folder / "usage.parquet", {name: values[order] for name, values in columns.items()})


def _tickets(folder: Path, rng: np.random.Generator, started: np.ndarray, n: int) -> None:
    account = rng.integers(0, len(started) * 2 // 3, n).astype(np.int32)
    opened = _after(rng, started[account])
    closed = opened + rng.exponential(9, n).astype(int)
    told = pa.array(np.round(rng.normal(0, 0.4, n), 2), mask=rng.random(n) < 0.3)
    closed = pa.array(_day(closed), mask=(closed >= N_DAYS) | (rng.random(n) < 0.02))
    _save(folder / "tickets.parquet", {"account": account, "opened": _day(opened), "closed": closed, "tone": told})


def _surveys(folder: Path, rng: np.random.Generator, started: np.ndarray, n: int) -> None:
    account = rng.integers(0, len(started), n).astype(np.int32)
    day = _after(rng, started[account])
    known = day + rng.integers(0, 3, n)
    # No two answers of an account on one day, so that there is one that is the last.
    _, first = np.unique(account.astype(np.int64) * 10_000 + day, return_index=True)
    columns = {"account": account, "score": rng.integers(0, 11, n).astype(np.int8)}
    columns |= {"occurred_at": _day(day), "known_at": _day(known)}
    _save(folder / "surveys.parquet", {name: values[first] for name, values in columns.items()})


def _contracts(folder: Path, rng: np.random.Generator, started: np.ndarray, n: int) -> None:
    account = np.concatenate([np.arange(len(started)), rng.integers(0, len(started), n - len(started))])
    account = account[rng.random(n) < 0.8].astype(np.int32)
    starts = started[account] + np.where(np.arange(len(account)) < len(started), 0, rng.integers(30, 300, len(account)))
    _, first = np.unique(account.astype(np.int64) * 10_000 + starts + 1_000, return_index=True)
    columns = {"account": account, "starts": _day(starts), "ends": _day(starts + rng.choice([30, 365, 730], len(account)))}
    columns |= {"seats": rng.integers(1, 60, len(account)).astype(np.int32)}
    columns |= {"mrr": np.round(rng.lognormal(5, 1, len(account)), 2)}
    _save(folder / "contracts.parquet", {name: values[first] for name, values in columns.items()})


def _after(rng: np.random.Generator, started: np.ndarray) -> np.ndarray:
    """A day between an account's start, or the first of the records, and the last."""
    first = np.maximum(started, 0)
    return first + (rng.random(len(started)) * (N_DAYS - first)).astype(int)


def _day(number: np.ndarray) -> np.ndarray:
    return FIRST + number.astype("timedelta64[D]")


def _save(path: Path, columns: dict[str, object]) -> None:
    arrays = {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()}
    pq.write_table(pa.table(arrays), path, row_group_size=1 << 20, compression="snappy")
