"""Splits by time, back-tests and leaks."""

import datetime

import keepwell as kw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest


def months(n_accounts=120, n_months=6):
    """Accounts on the first of each month; who hardly uses its seats leaves within the month."""
    rng = np.random.default_rng(3)
    rows, left = [], []
    for number in range(n_accounts):
        for month in range(1, n_months + 1):
            seats = rng.uniform()
            leaves = seats + 0.2 * rng.uniform() < 0.25
            rows.append((f"A{number}", f"2026-{month:02}-01", seats, leaves))
            if leaves:
                left.append((f"A{number}", datetime.date(2026, month, 20)))
                break
    table = pd.DataFrame(rows, columns=["account_id", "as_of", "seats", "churned"])
    return table, pd.DataFrame(left, columns=["account_id", "left_on"])


def test_a_walk_forward_trains_on_what_was_known():
    as_of = months()[0].as_of
    for given in (as_of, pd.to_datetime(as_of), pl.Series(as_of), [*as_of], pd.to_datetime(as_of).to_numpy()):
        splits = kw.walk_forward(given, gap_days=5, horizon_days=30)
        assert [date for date, _, _ in splits] == ["2026-03-01", "2026-04-01", "2026-05-01", "2026-06-01"]
        for date, train, test in splits:
            latest = pd.Timestamp(date) - pd.Timedelta(days=35)
            assert [*train] == [*np.flatnonzero(pd.to_datetime(as_of) <= latest)]
            assert [*test] == [*np.flatnonzero(as_of == date)]
    with pytest.raises(kw.Error, match="`as_of`, row 1: found \"May\""):
        kw.walk_forward(["May"], horizon_days=30)


def test_a_time_split_is_purged_and_can_keep_accounts_apart():
    table, _ = months()
    [(train, test)] = kw.time_split(table.as_of, "2026-04-01", horizon_days=31)
    assert set(table.as_of[train]) == {"2026-01-01", "2026-02-01", "2026-03-01"}
    assert set(table.as_of[test]) == {"2026-04-01", "2026-05-01", "2026-06-01"}
    apart = kw.time_split(
        table.as_of, "2026-04-01", horizon_days=31, accounts=table.account_id, y=table.churned, n_splits=3
    )
    assert sorted(np.concatenate([test for _, test in apart])) == [*test]
    for train, test in apart:
        assert not set(table.account_id[train]) & set(table.account_id[test])
    with pytest.raises(kw.Error, match="`accounts` needs `y`"):
        kw.time_split(table.as_of, "2026-04-01", accounts=table.account_id)


def test_a_back_test_tells_each_date_and_the_lead_time():
    table, left = months()
    schema = kw.Schema.infer(table, id="account_id", as_of="as_of", churn="churned")
    model = kw.HealthModel(schema, horizon_days=30, effort="fast")
    found = model.back_test(table, n_dates=2, left=left, lead_days=[10, 60])
    dates = found.dates.to_pandas()
    assert len(dates) == 2 and (dates.auc > 0.8).all() and (dates.n_labelled == dates.n_accounts).all()
    assert str(dates.as_of.iloc[-1]) == "2026-06-01"
    leads = found.leads.to_pandas()
    assert leads.days.tolist() == [10, 60] and leads.share[0] > 2 * 0.1
    assert "10 days before they left" in str(found) and found.left_out == {}
    with pytest.raises(kw.Error, match="`share` is 2"):
        model.back_test(table, share=2.0)
    with pytest.raises(kw.Error, match="not fitted"):
        model.score(table)


def test_leaks_are_found_before_training():
    rng = np.random.default_rng(1)
    n = 800
    churned = rng.uniform(size=n) < 0.25
    clean = pd.DataFrame({"seats": rng.normal(size=n) + 0.5 * churned, "plan": rng.choice([*"abc"], n), "churned": churned})
    assert kw.leak_check(clean, "churned") == []
    leaky = clean.assign(reason=np.where(churned, "price", None), closed=np.where(churned, "2026-05-01", "2027-01-01"))
    for given in (leaky, pl.from_pandas(leaky), pa.Table.from_pandas(leaky)):
        found = kw.leak_check(given, "churned")
        assert {leak["column"] for leak in found} == {"reason", "closed"}
        assert all(leak["text"].startswith(f"`{leak['column']}` ") for leak in found)
        by_value = [leak for leak in found if leak["evidence"] == "value"]
        assert by_value and all(leak["rate"] == 1.0 for leak in by_value)
    assert kw.leak_check(leaky, "churned", set_aside=["reason", "closed"]) == []
    with pytest.raises(kw.Error, match="column `gone`"):
        kw.leak_check(leaky, "gone")


def test_a_model_warns_of_leaks_and_keeps_the_warning(tmp_path):
    rng = np.random.default_rng(2)
    churned = rng.uniform(size=500) < 0.3
    table = pd.DataFrame({"seats": rng.uniform(size=500), "refund": 40.0 * churned, "churned": churned})
    schema = kw.Schema.infer(table, churn="churned")
    with pytest.warns(UserWarning, match="`refund` alone predicts `churned` with AUC 1.000"):
        model = kw.HealthModel(schema, effort="fast").fit(table)
    assert any(text.startswith("`refund` is not 0 in ") or text.startswith("`refund` ") for text in model.warnings)
    model.save(tmp_path / "model.keepwell")
    assert kw.HealthModel.load(tmp_path / "model.keepwell").warnings == model.warnings
