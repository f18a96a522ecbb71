"""Records to snapshots, labels and back-tests, against the same written by hand in pandas."""

import datetime

import keepwell as kw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

TOML = """
account = "customer"

[[table]]
name = "orders"
occurred_at = "day"
known_at = "loaded"
user = "buyer"

[[table.event]]
name = "order"
value = "amount"

[[measure]]
signal = "orders_28d"
how = "count"
events = ["order"]
window_days = 28

[[measure]]
signal = "spend_90d"
how = "sum"
events = ["order"]
window_days = 90

[[measure]]
signal = "buyers_90d"
how = "distinct_users"
events = ["order"]
window_days = 90

[[measure]]
signal = "mean_amount"
how = "mean"
events = ["order"]

[[measure]]
signal = "recency_days"
how = "days_since_last"
events = ["order"]

[label]
churn = "lapsed"
silence = ["order"]
gap_days = 7
horizon_days = [30, 60]
"""

DATES = ["2026-03-01", "2026-04-01", "2026-05-15"]


@pytest.fixture(scope="module")
def timeline():
    return kw.Timeline.from_toml(TOML)


@pytest.fixture(scope="module")
def orders():
    """Orders of half a year, some known up to nine days late."""
    rng = np.random.default_rng(5)
    n = 2_000
    day = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 181, n), unit="D")
    late = np.where(rng.uniform(size=n) < 0.1, rng.integers(1, 10, n), 0)
    return pd.DataFrame(
        {
            "customer": [f"C{number:03}" for number in (rng.pareto(1.0, n) * 40).astype(int) % 150],
            "buyer": rng.choice(["ann", "bob", "eve", "joe"], n),
            "amount": np.round(rng.lognormal(3, 1, n), 2),
            "day": day,
            "loaded": day + pd.to_timedelta(late, unit="D"),
        }
    )


def by_hand(orders, as_of):
    """The same snapshot, as one would write it in pandas."""
    as_of = pd.Timestamp(as_of)
    known = orders[(orders.day < as_of) & (orders.loaded < as_of)]
    ids = sorted(known.customer.unique())
    within = lambda days: known[known.day >= as_of - pd.Timedelta(days=days)].groupby("customer")  # noqa: E731
    all_time = known.groupby("customer")
    columns = {
        "orders_28d": within(28).size().reindex(ids).fillna(0),
        "spend_90d": within(90).amount.sum().reindex(ids).fillna(0),
        "buyers_90d": within(90).buyer.nunique().reindex(ids).fillna(0),
        "mean_amount": all_time.amount.mean().reindex(ids),
        "recency_days": (as_of - all_time.day.max().reindex(ids)).dt.days,
    }
    known_until = orders.loaded.max() + pd.Timedelta(days=1)
    begins = as_of + pd.Timedelta(days=7)
    for horizon in (30, 60):
        ends = begins + pd.Timedelta(days=horizon)
        later = orders[(orders.day >= begins) & (orders.day < ends)].customer
        lapsed = pd.Series(~np.isin(ids, later), index=ids).astype(float)
        columns[f"lapsed_{horizon}d"] = lapsed if ends <= known_until else lapsed * np.nan
    return pd.DataFrame(columns).astype(float)


def of_date(table, as_of):
    frame = table.to_pandas()
    frame = frame[frame.as_of == datetime.date.fromisoformat(as_of)]
    return frame.set_index("customer").drop(columns="as_of").astype(float)


def check(found, orders):
    for date in DATES:
        expected = by_hand(orders, date)
        pd.testing.assert_frame_equal(of_date(found, date), expected, check_names=False, rtol=1e-12)


@pytest.mark.parametrize("bring", [lambda t: t, pl.from_pandas, pa.Table.from_pandas, lambda t: t.to_dict("list")])
def test_a_snapshot_is_that_of_pandas(timeline, orders, bring):
    records = timeline.read(orders=bring(orders))
    assert (records.n_rows, len(records.bad), records.n_accounts) == (2_000, 0, orders.customer.nunique())
    assert records.n_late == (orders.loaded > orders.day).sum()
    found = records.snapshots(DATES)
    assert found.column_names[-2:] == ["lapsed_30d", "lapsed_60d"] == timeline.label_columns
    assert pl.DataFrame(found).schema["as_of"] == pl.Date
    check(found, orders)
    # The last date's longer horizon has not passed: missing, never 0.
    assert np.isnan(of_date(found, DATES[-1])["lapsed_60d"]).all()
    assert not np.isnan(of_date(found, DATES[0])["lapsed_60d"]).any()


def as_texts(days):
    return days.dt.strftime("%Y-%m-%d")


def as_dates(days):
    return days.dt.date


def as_times(days):
    return days + pd.Timedelta(hours=13)


def as_utc(days):
    return (days + pd.Timedelta(hours=23)).dt.tz_localize("UTC")


def as_new_york(days):
    """The same instants as 03:00 in UTC, which is the evening before in New York."""
    return (days + pd.Timedelta(hours=3)).dt.tz_localize("UTC").dt.tz_convert("America/New_York")


@pytest.mark.parametrize("form", [as_texts, as_dates, as_times, as_utc, as_new_york])
def test_dates_come_in_many_forms(timeline, orders, form):
    given = orders.assign(day=form(orders.day), loaded=form(orders.loaded))
    check(timeline.read(orders=given).snapshots(DATES), orders)
    # pyarrow has its own types for dates and zones.
    check(timeline.read(orders=pa.Table.from_pandas(given)).snapshots(DATES), orders)
    check(timeline.read(orders=pl.from_pandas(given)).snapshots([datetime.date.fromisoformat(d) for d in DATES]), orders)


def test_files_and_tables_are_read_alike(timeline, orders, tmp_path):
    path = tmp_path / "orders.csv"
    orders.to_csv(path, index=False, date_format="%Y-%m-%d")
    check(timeline.read({"orders": path}).snapshots(DATES), orders)


def test_without_dates_all_months_are_told(timeline, orders):
    months = sorted(set(timeline.read(orders=orders).snapshots()["as_of"]))
    assert months[0].day == 1 and {d.month for d in months} >= {2, 3, 4, 5, 6}


def test_bad_rows_are_kept_apart_and_the_rest_goes_on(timeline):
    orders = pl.DataFrame(
        {
            "customer": ["A", "B", None, "C"],
            "buyer": ["ann"] * 4,
            "amount": [1.0, 2.0, 3.0, 4.0],
            "day": ["2026-01-05", "2026-13-01", "2026-01-05", "2026-01-07"],
            "loaded": ["2026-01-05", "2026-01-05", "2026-01-05", "2026-01-06"],
        }
    )
    records = timeline.read(orders=orders)
    assert records.n_accounts == 1
    bad = records.bad.to_dict()
    assert [*bad["line"]] == [2, 3, 4]
    assert bad["table"] == ["orders"] * 3
    assert "found `2026-13-01`" in bad["cause"][0]
    assert "`customer` is empty" in bad["cause"][1]
    assert "known on 2026-01-06, before it happened on 2026-01-07" in bad["cause"][2]
    assert repr(records) == "keepwell.Records(1 accounts, 1 events, known until 2026-01-06; 3 bad rows)"


def test_what_is_missing_is_named(timeline, orders):
    with pytest.raises(kw.Error, match="the timeline has no table `order`; its tables are: orders"):
        timeline.read(order=orders)
    with pytest.raises(kw.Error, match="column `amount`"):
        timeline.read(orders=orders.drop(columns="amount"))
    records = timeline.read(orders=orders)
    with pytest.raises(kw.Error, match='found "tomorrow", expected a date such as 2026-01-01'):
        records.snapshots(["tomorrow"])
    with pytest.raises(kw.Error, match="horizon_days"):
        kw.Timeline.from_toml(TOML.replace("[30, 60]", "0"))


def test_the_proof_can_be_called_on_own_records(timeline, orders):
    records = timeline.read(orders=orders)
    records.prove_point_in_time(DATES)
    records.prove_point_in_time(datetime.datetime(2026, 4, 1, 23, tzinfo=datetime.timezone(datetime.timedelta(hours=-5))))
    with pytest.raises(kw.Error, match="the snapshot at 2025-01-01 has no rows"):
        records.prove_point_in_time("2025-01-01")


CANCELLED = """
account = "account"

[[table]]
name = "accounts"
kind = "accounts"
started = "started"

[[table]]
name = "events"
occurred_at = "day"

[[table.event]]
name_from = "what"

[label]
churn_event = "cancelled"
win_back_event = "back"
involuntary_events = ["payment_failed"]
involuntary_days = 10
grace_days = 3
gap_days = 5
horizon_days = 30
"""


@pytest.fixture(scope="module")
def cancelled():
    events = [
        ("A", "2026-03-05", "cancelled"),  # in the gap after the first of March
        ("B", "2026-03-06", "cancelled"),  # on the first day of the horizon
        ("C", "2026-04-04", "cancelled"),  # on its last
        ("D", "2026-04-05", "cancelled"),  # a day after it
        ("E", "2026-03-10", "cancelled"),
        ("E", "2026-03-13", "back"),  # within the days of grace
        ("F", "2026-03-15", "payment_failed"),
        ("F", "2026-03-20", "cancelled"),
        ("G", "2026-06-30", "seen"),
    ]
    accounts = {"account": [*"ABCDEFG"], "started": ["2025-01-01"] * 7}
    columns = dict(zip(["account", "day", "what"], map(list, zip(*events, strict=True)), strict=True))
    return kw.Timeline.from_toml(CANCELLED).read(events=columns, accounts=accounts)


def test_labels_cover_the_horizon_after_the_gap(cancelled):
    found = cancelled.labels("2026-03-01").to_pandas().set_index("account_id")
    assert [*found.columns] == ["as_of", "churned", "churned_voluntary", "churned_involuntary"]
    assert found.loc[[*"BCDEFG"], "churned"].tolist() == [1, 1, 0, 0, 1, 0]
    assert np.isnan(found.loc["A", "churned"])
    assert found.loc[[*"BF"], "churned_involuntary"].tolist() == [0, 1]
    assert cancelled.labels(["2026-06-01"])["churned"].tolist()[0] != 0  # not over: missing


def test_who_left_is_listed(cancelled):
    left = cancelled.exits().to_dict()
    assert left["account_id"] == [*"ABCDF"]
    assert left["left_on"][0] == datetime.date(2026, 3, 5)
    assert left["returned_on"] == [None] * 5
    assert left["is_involuntary"].tolist() == [0, 0, 0, 0, 1]


def test_a_log_in_its_own_order_adds_up_to_the_last_bit_of_numpy(orders):
    timeline = kw.Timeline.from_toml('same_day = "as_read"\n' + TOML)
    found = timeline.read(orders=orders).snapshots(["2026-07-20"]).to_pandas().set_index("customer")
    last = orders[orders.day >= pd.Timestamp("2026-07-20") - pd.Timedelta(days=90)]
    ordered = last.sort_values("day", kind="stable").groupby("customer").amount
    expected = ordered.apply(lambda amounts: np.sum(amounts.to_numpy()))
    assert (found.spend_90d[expected.index] == expected).all()
    shuffled = orders.sample(frac=1, random_state=1)
    usual = [kw.Timeline.from_toml(TOML).read(orders=rows).snapshots(["2026-07-20"]) for rows in (orders, shuffled)]
    np.testing.assert_array_equal(usual[0]["spend_90d"], usual[1]["spend_90d"])
    np.testing.assert_allclose(usual[0].to_pandas().set_index("customer").spend_90d, found.spend_90d, rtol=1e-15)


def test_churn_can_have_several_rules():
    timeline = kw.Timeline.from_toml("""
        account = "id"
        known_until = "2026-12-01"
        [[table]]
        kind = "accounts"
        started = "since"
        [[table]]
        kind = "contracts"
        starts = "from"
        ends = "to"
        mrr = "mrr"
        [[table]]
        name = "orders"
        occurred_at = "day"
        [[table.event]]
        name = "order"
        [label]
        churn_by = ["notice", "no_revenue"]
        rhythm = ["order"]
        horizon_days = 90
    """)
    weeks = [datetime.date(2026, 1, 5) + datetime.timedelta(days=7 * week) for week in range(12)]
    later = [datetime.date(2026, 4, 6) + datetime.timedelta(days=7 * week) for week in range(20)]
    records = timeline.read(
        accounts={"id": ["pays", "ends", "silent", "buys"], "since": ["2025-01-01"] * 4},
        contracts={"id": ["pays", "ends"], "from": ["2025-05-01"] * 2, "to": ["2027-05-01", "2026-05-01"], "mrr": [9, 9]},
        orders={"id": ["silent"] * 12 + ["buys"] * 32, "day": weeks + weeks + later},
    )
    found = records.labels("2026-04-01")
    assert dict(zip(found["account_id"], found["churned"], strict=True)) == {"buys": 0, "ends": 1, "pays": 0, "silent": 1}
    records.prove_point_in_time("2026-04-01")
