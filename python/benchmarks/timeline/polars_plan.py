"""The forty signals by polars, as an expert has them: a plan a date, bit masks for names and days, the day each user was
last seen in place of distinct counts, all of it streaming."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

AGE, VALUE = pl.col("age"), pl.col("value")
WEEK = (AGE - 1) // 7


def snapshots(folder: Path, dates: list[str]) -> pl.DataFrame:
    """The accounts at each date."""
    plans = [_snapshot(folder, date.fromisoformat(day)) for day in dates]
    return pl.concat([plan.collect(engine="streaming") for plan in plans])


def _within(days: int) -> pl.Expr:
    return AGE <= days


def _seen(frame: pl.LazyFrame, day: date, known: str = "known_at") -> pl.LazyFrame:
    at = pl.lit(day)
    age = (at.to_physical() - pl.col("occurred_at").to_physical()).alias("age")
    return frame.filter((pl.col("occurred_at") < at) & (pl.col(known) < at)).with_columns(age)


def _snapshot(folder: Path, day: date) -> pl.LazyFrame:
    at = pl.lit(day)
    accounts = pl.scan_parquet(folder / "accounts.parquet").filter(pl.col("started") < at)
    parts = [_usage(folder, day), _users(folder, day), _first_key(folder, day), *_tickets(folder, day)]
    parts += [_surveys(folder, day), _contracts(folder, day)]
    for part in parts:
        accounts = accounts.join(part, on="account", how="left")
    return accounts.select("account", at.alias("as_of"), *_signals(at))


def _usage(folder: Path, day: date) -> pl.LazyFrame:
    seen = _seen(pl.scan_parquet(folder / "usage.parquet"), day)
    feature = pl.col("feature").cast(pl.Int64)
    bit = pl.lit(1, pl.Int64) * (pl.lit(2, pl.Int64).pow(feature))
    near = pl.when(_within(63)).then(pl.lit(2, pl.Int64).pow((AGE - 1).cast(pl.Int64))).otherwise(0)
    far = pl.when(AGE.is_between(64, 90)).then(pl.lit(2, pl.Int64).pow((AGE - 64).cast(pl.Int64))).otherwise(0)
    seen = seen.with_columns(near=near, far=far, bit=bit)
    in_90 = pl.when(_within(90)).then(VALUE)
    return seen.group_by("account").agg(
        *[_within(days).sum().alias(f"n{days}") for days in (7, 28, 90, 180, 118, 84)],
        *[pl.when(_within(days)).then(VALUE).otherwise(0.0).sum().alias(f"s{days}") for days in (28, 90, 180)],
        *[pl.when(_within(days)).then(pl.col("bit")).otherwise(0).bitwise_or().alias(f"f{days}") for days in (28, 90)],
        pl.col("near").bitwise_or(),
        pl.col("far").bitwise_or(),
        AGE.min().alias("last"),
        pl.when(_within(90)).then(AGE).max().alias("oldest"),
        in_90.max().alias("most"),
        in_90.min().alias("least"),
        pl.when(_within(84)).then(WEEK).otherwise(0).sum().alias("weeks"),
        *[(_within(90) & (pl.col("feature") == key)).sum().alias(f"k{key}") for key in range(5)],
    )


def _users(folder: Path, day: date) -> pl.LazyFrame:
    seen = _seen(pl.scan_parquet(folder / "usage.parquet"), day).filter(_within(90))
    last = seen.group_by("account", "user").agg(AGE.min())
    return last.group_by("account").agg(_within(28).sum().alias("u28"), pl.len().alias("u90"))


def _first_key(folder: Path, day: date) -> pl.LazyFrame:
    usage = pl.scan_parquet(folder / "usage.parquet").filter(pl.col("feature") == 0)
    return _seen(usage, day).group_by("account").agg(pl.col("occurred_at").min().alias("first_key"))


def _tickets(folder: Path, day: date) -> list[pl.LazyFrame]:
    tickets = pl.scan_parquet(folder / "tickets.parquet").filter(pl.col("opened") < pl.lit(day))
    age = (pl.lit(day).to_physical() - pl.col("opened").to_physical()).alias("age")
    tone = pl.col("tone")
    told = pl.when(_within(365)).then(tone)
    days = pl.when(tone.is_not_null() & _within(365)).then(-AGE.cast(pl.Float64))
    return [
        tickets.with_columns(age).group_by("account").agg(
            (pl.col("closed").is_null() | (pl.col("closed") >= pl.lit(day))).sum().alias("open"),
            _within(90).sum().alias("t90"),
            pl.when(_within(90)).then(tone).mean().alias("tone90"),
            (30 * ((days - days.mean()) * (told - told.mean())).sum()).alias("above"),
            ((days - days.mean()) ** 2).sum().alias("below"),
        )
    ]


def _surveys(folder: Path, day: date) -> pl.LazyFrame:
    seen = _seen(pl.scan_parquet(folder / "surveys.parquet"), day).filter(_within(365))
    score = pl.col("score").cast(pl.Float64)
    return seen.group_by("account").agg(
        score.get(AGE.arg_min()).alias("nps"), pl.when(_within(180)).then(score).mean().alias("nps180")
    )


def _contracts(folder: Path, day: date) -> pl.LazyFrame:
    contracts = pl.scan_parquet(folder / "contracts.parquet").filter(pl.col("starts") < pl.lit(day))
    last = pl.col("starts").arg_max()
    return contracts.group_by("account").agg(pl.col(name).get(last) for name in ("ends", "seats", "mrr"))


def _signals(at: pl.Expr) -> list[pl.Expr]:
    col = pl.col
    n = {days: col(f"n{days}").fill_null(0).cast(pl.Float64) for days in (7, 28, 84, 90, 118, 180)}
    count = [n[days].alias(f"events_{days}d") for days in (7, 28, 90, 180)]
    users = [col(f"u{days}").fill_null(0).alias(f"users_{days}d") for days in (28, 90)]
    names = [col(f"f{days}").fill_null(0).bitwise_count_ones().alias(f"features_{days}d") for days in (28, 90)]
    near, far = col("near").fill_null(0), col("far").fill_null(0)
    active = [(near & (2**days - 1)).bitwise_count_ones().alias(f"active_days_{days}d") for days in (7, 28)]
    days_90 = near.bitwise_count_ones() + far.bitwise_count_ones()
    sums = [col(f"s{days}").fill_null(0.0).alias(f"value_sum_{days}d") for days in (28, 90, 180)]
    means = [_ratio(col(f"s{days}"), n[days]).alias(f"value_mean_{days}d") for days in (28, 90)]
    gap = col("oldest") - (near.bitwise_trailing_zeros() + 1)
    gap = pl.when(near == 0).then(col("oldest") - (far.bitwise_trailing_zeros() + 64)).otherwise(gap)
    return [
        *count, *users, *names, col("last").alias("days_since_last"), *active, days_90.alias("active_days_90d"), *sums,
        *means,
        _ratio(n[28] / 4, (n[118] - n[28]) / (90 / 7)).alias("events_28d_to_90d_before"),
        _ratio(n[7], n[28] / 4).alias("events_7d_to_28d"),
        (12 * (5.5 * n[84] - col("weeks").fill_null(0)) / (12 * 143)).alias("weekly_slope_84d"),
        *[_ratio(col(f"k{key}"), n[90]).alias(f"share_{key}_90d") for key in range(5)],
        col("open").fill_null(0).alias("tickets_open"), col("t90").fill_null(0).alias("tickets_90d"),
        col("tone90").alias("sentiment_90d"), _ratio(col("above"), col("below")).alias("sentiment_trend_365d"),
        col("nps"), col("nps180").alias("nps_mean_180d"),
        (col("ends").to_physical() - at.to_physical()).alias("days_to_renewal"), col("seats"), col("mrr"),
        _ratio(col("u28").fill_null(0), col("seats")).alias("users_per_seat_28d"),
        near.bitwise_trailing_ones().alias("streak_days_63d"),
        (col("first_key").to_physical() - col("started").to_physical()).alias("days_to_first_key"),
        _ratio(gap, days_90 - 1).alias("mean_gap_days_90d"),
        col("most").alias("value_max_90d"), col("least").alias("value_min_90d"),
    ]


def _ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole != 0).then(part / whole)
