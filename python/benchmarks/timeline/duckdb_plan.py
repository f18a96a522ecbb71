"""The forty signals by DuckDB, as an expert has them: a query a date, bit masks for names and days, the day each user was
last seen in place of distinct counts."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

_QUERY = """
WITH seen AS MATERIALIZED (
  SELECT account, "user", feature, value, (DATE '{day}' - occurred_at) AS age
  FROM '{folder}/usage.parquet' WHERE occurred_at < DATE '{day}' AND known_at < DATE '{day}'
), usage AS (
  SELECT account,
    {counts}, {sums}, {names},
    bit_or(CASE WHEN age <= 63 THEN 1::BIGINT << (age - 1)::INT ELSE 0 END) AS near,
    bit_or(CASE WHEN age BETWEEN 64 AND 90 THEN 1::BIGINT << (age - 64)::INT ELSE 0 END) AS far,
    min(age) AS last, max(age) FILTER (age <= 90) AS oldest, min(age) FILTER (age <= 90) AS newest,
    max(value) FILTER (age <= 90) AS most, min(value) FILTER (age <= 90) AS least,
    sum((age - 1) // 7) FILTER (age <= 84) AS weeks, {keys}, max(age) FILTER (feature = 0) AS first_key
  FROM seen GROUP BY account
), users AS (
  SELECT account, count(*) FILTER (age <= 28) AS u28, count(*) AS u90
  FROM (SELECT account, "user", min(age) AS age FROM seen WHERE age <= 90 GROUP BY ALL) GROUP BY account
), tickets AS (
  SELECT account, count(*) FILTER (closed IS NULL OR closed >= DATE '{day}') AS open,
    count(*) FILTER (age <= 90) AS t90, avg(tone) FILTER (age <= 90) AS tone90,
    CASE WHEN count(DISTINCT age) FILTER (age <= 365 AND tone IS NOT NULL) > 1
      THEN 30 * regr_slope(tone, -age) FILTER (age <= 365) END AS trend
  FROM (SELECT *, (DATE '{day}' - opened) AS age FROM '{folder}/tickets.parquet' WHERE opened < DATE '{day}')
  GROUP BY account
), surveys AS (
  SELECT account, arg_min(score, age) AS nps, avg(score) FILTER (age <= 180) AS nps180
  FROM (SELECT *, (DATE '{day}' - occurred_at) AS age FROM '{folder}/surveys.parquet'
        WHERE occurred_at < DATE '{day}' AND known_at < DATE '{day}') WHERE age <= 365 GROUP BY account
), contracts AS (
  SELECT account, arg_max(ends, starts) AS ends, arg_max(seats, starts) AS seats, arg_max(mrr, starts) AS mrr
  FROM '{folder}/contracts.parquet' WHERE starts < DATE '{day}' GROUP BY account
)
SELECT accounts.account, DATE '{day}' AS as_of,
  coalesce(n7, 0) AS events_7d, coalesce(n28, 0) AS events_28d, coalesce(n90, 0) AS events_90d,
  coalesce(n180, 0) AS events_180d, coalesce(u28, 0) AS users_28d, coalesce(u90, 0) AS users_90d,
  coalesce(bit_count(f28), 0) AS features_28d, coalesce(bit_count(f90), 0) AS features_90d, last AS days_since_last,
  coalesce(bit_count(near & 127), 0) AS active_days_7d, coalesce(bit_count(near & 268435455), 0) AS active_days_28d,
  coalesce(bit_count(near) + bit_count(far), 0) AS active_days_90d,
  coalesce(s28, 0) AS value_sum_28d, coalesce(s90, 0) AS value_sum_90d, coalesce(s180, 0) AS value_sum_180d,
  s28 / nullif(n28, 0) AS value_mean_28d, s90 / nullif(n90, 0) AS value_mean_90d,
  (n28 / 4) / nullif((n118 - n28) / (90 / 7), 0) AS events_28d_to_90d_before,
  n7 / nullif(n28 / 4, 0) AS events_7d_to_28d,
  coalesce(12 * (5.5::DOUBLE * n84 - coalesce(weeks, 0)::DOUBLE) / (12 * 143), 0) AS weekly_slope_84d,
  {shares},
  coalesce(open, 0) AS tickets_open, coalesce(t90, 0) AS tickets_90d, tone90 AS sentiment_90d,
  trend AS sentiment_trend_365d, nps, nps180 AS nps_mean_180d,
  ends - DATE '{day}' AS days_to_renewal, seats, mrr,
  coalesce(u28, 0) / nullif(seats, 0) AS users_per_seat_28d,
  CASE near WHEN 9223372036854775807 THEN 63 ELSE coalesce(bit_count(near & ~(near + 1)), 0) END AS streak_days_63d,
  (DATE '{day}' - first_key::INT) - started AS days_to_first_key,
  (oldest - newest) / nullif(bit_count(near) + bit_count(far) - 1, 0) AS mean_gap_days_90d,
  most AS value_max_90d, least AS value_min_90d
FROM '{folder}/accounts.parquet' AS accounts LEFT JOIN usage USING (account) LEFT JOIN users USING (account)
LEFT JOIN tickets USING (account) LEFT JOIN surveys USING (account) LEFT JOIN contracts USING (account)
WHERE started < DATE '{day}'
"""


def snapshots(folder: Path, dates: list[str], threads: int) -> pa.Table:
    """The accounts at each date."""
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute("SET preserve_insertion_order = false")
    return pa.concat_tables([connection.sql(_query(folder, day)).to_arrow_table() for day in dates])


def _query(folder: Path, day: str) -> str:
    counts = ", ".join(f"count(*) FILTER (age <= {days}) AS n{days}" for days in (7, 28, 84, 90, 118, 180))
    sums = ", ".join(f"sum(value) FILTER (age <= {days}) AS s{days}" for days in (28, 90, 180))
    names = ", ".join(
        f"bit_or(CASE WHEN age <= {days} THEN 1 << feature::INT ELSE 0 END) AS f{days}" for days in (28, 90)
    )
    keys = ", ".join(f"count(*) FILTER (age <= 90 AND feature = {key}) AS k{key}" for key in range(5))
    shares = ", ".join(f"k{key} / nullif(n90, 0) AS share_{key}_90d" for key in range(5))
    return _QUERY.format(day=day, folder=folder, counts=counts, sums=sums, names=names, keys=keys, shares=shares)
