"""Schema, health model, playbook and plan: the main job, and words for bad input."""

import json
import pickle
import re

import keepwell as kw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from business import SIGNALS, make_accounts

TOML = """
id = "account_id"

[labels]
churn = "churned"
expansion = "expanded"

[value]
column = "mrr"

[[signal]]
name = "seat_utilisation"
dimension = "usage"
kind = "share"
direction = "keeps"

[[signal]]
name = "tickets_open"
dimension = "support"
kind = "count"

[[signal]]
name = "plan"
dimension = "contract"
kind = "category"

[[signal]]
name = "nps"
dimension = "sentiment"
kind = "number"
"""


@pytest.fixture(scope="module")
def schema() -> kw.Schema:
    return kw.Schema.from_toml(TOML)


@pytest.fixture(scope="module")
def model(schema, accounts) -> kw.HealthModel:
    return kw.HealthModel(schema).fit(accounts)


@pytest.fixture(scope="module")
def scored(model, accounts) -> kw.Scored:
    return model.score(accounts)


def test_a_schema_is_inferred_from_any_table(accounts):
    table = accounts.assign(currency="EUR")
    for holder in (table, pl.from_pandas(table), pa.Table.from_pandas(table), table.to_dict("list")):
        schema = kw.Schema.infer(holder, value="mrr", currency="USD", segments=["plan"], set_aside={"nps": "asked late"})
        assert (schema.id, schema.churn, schema.expansion) == ("account_id", "churned", "expanded")
        assert schema.value == ("mrr", "USD", 12.0) and schema.segments == ["plan"]
        assert [signal["name"] for signal in schema.signals] == [name for name in SIGNALS if name != "nps"]
        assert {signal["name"]: signal["kind"] for signal in schema.signals}["auto_renew"] == "flag"
        assert schema.columns_set_aside.keys() == {"currency", "nps"}
        assert schema.columns_set_aside["nps"] == "asked late"


def test_dates_are_read_from_every_holder(accounts):
    days = pd.date_range("2025-01-01", periods=len(accounts), freq="D")
    table = accounts.assign(as_of=pd.Timestamp("2026-11-21"), since=days)
    expected = None
    for holder in (table, pl.from_pandas(table), pa.Table.from_pandas(table), table.astype({"since": str, "as_of": str})):
        schema = kw.Schema.infer(holder)
        assert schema.as_of == "as_of"
        assert {signal["name"]: signal["kind"] for signal in schema.signals}["since"] == "date"
        scored = kw.HealthModel(schema).fit(holder).score(holder)
        expected = scored["churn_probability"] if expected is None else expected
        assert np.array_equal(scored["churn_probability"], expected)
        assert str(scored["as_of"][0]) == "2026-11-21"


def test_a_schema_goes_to_toml_and_back_and_is_edited(schema, tmp_path):
    path = tmp_path / "accounts.toml"
    path.write_text(schema.to_toml())
    assert schema == kw.Schema.from_toml(path) == kw.Schema.from_toml(str(path)) == pickle.loads(pickle.dumps(schema))
    edited = schema.edit("nps", direction="keeps", title="promoter score", movable=True)
    signal = edited.signals[3]
    assert (signal["direction"], signal["title"], signal["movable"]) == ("keeps", "promoter score", True)
    assert edited != schema and edited.fingerprint != schema.fingerprint
    assert edited.edit("nps", direction=None, title=None, movable=None) == schema
    assert [signal["name"] for signal in schema.set_aside("nps", "asked late").signals] == SIGNALS[:3]


def test_the_ready_made_schema_fills_the_four_dimensions():
    signals = kw.Schema.b2b_saas().signals
    dimensions = [signal["dimension"] for signal in signals]
    assert all(dimensions.count(name) >= 3 for name in ("usage", "engagement", "contract", "sentiment"))


def test_scores_health_bands_and_reasons_come_as_a_table(model, scored, accounts):
    assert scored.column_names[:6] == [
        "account_id", "value_cents", "churn_probability", "expansion_probability", "health", "band",
    ]
    assert scored.column_names[6:] == [
        "growth", "usage", "engagement", "contract", "sentiment", "support", "billing", "outcome", "profile", "segment",
        "coverage", "reasons", "expansion_reasons",
    ]
    assert scored["account_id"] == accounts["account_id"].tolist() and scored.horizon_days == 90
    assert scored["value_cents"].tolist() == (accounts["mrr"] * 100).round().astype(int).tolist()
    health = scored["health"]
    assert health.min() >= 0 and health.max() <= 100
    assert 0 <= scored["growth"].min() and scored["growth"].max() <= 100 and scored.notes == []
    red, amber = model.band_edges
    assert scored["band"] == ["red" if h < red else "amber" if h < amber else "green" for h in health]
    bands = model.band_outcomes
    assert [band["band"] for band in bands] == ["red", "amber", "green"]
    assert sum(band["n_accounts"] for band in bands) == len(accounts) and bands[0]["rate"] > bands[1]["rate"]
    assert (model.bands_note is None) == (bands[0]["rate"] >= 3 * bands[1]["rate"])
    assert np.isnan(scored["engagement"]).all() and not np.isnan(scored["usage"]).any()
    reason = scored["reasons"][0][0]
    assert reason.keys() == {"signal", "dimension", "value", "usual", "contribution", "points", "sentence"}
    assert max(map(len, scored["reasons"])) == 3
    assert max(map(len, model.score(accounts, n_reasons=1)["reasons"])) == 1
    polars = scored.to_polars()
    assert polars["reasons"][0][0] == reason and polars.shape == scored.shape
    assert scored.to_pandas().loc[0, "reasons"][0] == reason
    json.dumps(scored["reasons"])


def test_contributions_add_up_to_the_probability(model, scored, accounts):
    for outcome in ("churn", "expansion"):
        told = model.explain(accounts, outcome=outcome)
        log_odds = told.base + told.values.sum(axis=1)
        p = scored[f"{outcome}_probability"]
        assert np.abs(log_odds - np.log(p / (1 - p))).max() < 1e-6
        assert told.feature_names == ["seat_utilisation", "tickets_open", "plan", "nps"]


def test_quality_is_that_of_accounts_not_seen(model, accounts):
    quality = model.quality["churn"]
    assert quality["n_accounts"] == len(accounts) and quality["n_positive"] == accounts["churned"].sum()
    assert 0.7 < quality["roc_auc"] < 0.95 and 0 < quality["calibration_error"] < 0.1
    assert model.quality.keys() == {"churn", "expansion"}


def test_every_holder_gives_the_same_health(model, scored, accounts):
    columns = {name: accounts[name].tolist() for name in accounts}
    texts = accounts.astype(str).replace("nan", None)
    for holder in (pl.from_pandas(accounts), pa.Table.from_pandas(accounts), columns, kw.table(accounts), texts):
        again = model.score(holder)
        for column in ("churn_probability", "expansion_probability", "health"):
            assert np.array_equal(again[column], scored[column])


def test_accounts_without_labels_and_with_more_columns_are_scored(model, scored, accounts):
    today = accounts.drop(columns=["churned", "expanded"]).assign(note="new")
    assert np.array_equal(model.score(today)["health"], scored["health"])


def test_files_and_pickles_score_the_same(model, scored, accounts, tmp_path):
    path = tmp_path / "model.keepwell"
    model.save(path)
    loaded = kw.HealthModel.load(path)
    assert loaded.schema == model.schema and loaded.horizon_days == 90
    for again in (loaded, pickle.loads(pickle.dumps(model))):
        assert again.score(accounts).to_pyarrow().equals(scored.to_pyarrow())


def test_scores_can_be_pickled_and_planned_on(scored):
    again = pickle.loads(pickle.dumps(scored))
    assert again.to_pyarrow().equals(scored.to_pyarrow()) and again.horizon_days == scored.horizon_days
    playbook = kw.Playbook.any_business()
    assert playbook.plan(again).to_pyarrow().equals(playbook.plan(scored).to_pyarrow())


def test_a_loaded_model_has_its_settings(schema, accounts, tmp_path):
    settings = {"horizon_days": 60, "red_share": 0.2, "amber_share": 0.3, "random_state": 5}
    kw.HealthModel(schema, **settings).fit(accounts).save(tmp_path / "a")
    loaded = kw.HealthModel.load(tmp_path / "a")
    assert settings.items() <= loaded._params.items() and loaded._params["bands_apart"] is None
    again = loaded.fit(accounts)
    assert again.band_edges == kw.HealthModel.load(tmp_path / "a").band_edges
    kw.HealthModel(schema, bands_apart=2.0).fit(accounts).save(tmp_path / "c")
    assert kw.HealthModel.load(tmp_path / "c")._params["bands_apart"] == 2.0
    with pytest.raises(kw.Error, match="`bands_apart` is 0.5, expected 1 to 10"):
        kw.HealthModel(schema, bands_apart=0.5).fit(accounts)
    kw.HealthModel(schema, band_costs=(30.0, 10.0, 100.0), segments=[]).fit(accounts).save(tmp_path / "b")
    assert kw.HealthModel.load(tmp_path / "b")._params["band_costs"] == (30.0, 10.0, 100.0)
    with pytest.raises(kw.Error, match="`segments` is tier, expected segment keys of the schema"):
        kw.HealthModel(schema, segments=["tier"]).fit(accounts)


def test_scoring_needs_no_value(model, scored, accounts):
    assert "mrr" not in [signal["name"] for signal in model.schema.signals]
    without = model.score(accounts.drop(columns=["mrr"]))
    assert np.array_equal(without["health"], scored["health"]) and "value_cents" not in without.column_names


def test_moves_recourse_and_similar_accounts(model, scored, accounts):
    fallen = accounts.assign(seat_utilisation=accounts["seat_utilisation"] * 0.5)
    moves = model.moved(accounts, fallen, most=5)
    assert len(moves) == 5
    for moved in moves:
        parts = sum(signal["health"] for signal in moved["signals"])
        assert parts == pytest.approx(moved["after"]["health"] - moved["before"]["health"], abs=1e-9)
        assert [signal["signal"] for signal in moved["signals"]] == ["seat_utilisation"]
    red = accounts[[band == "red" for band in scored["band"]]].head(3)
    for found in model.recourse(red, band="amber"):
        assert found["health"][1] >= found["health"][0] and isinstance(found["text"], str)
    similar = model.similar(red, accounts, n=4, done=["call"] * len(accounts))
    assert [len(found["accounts"]) for found in similar] == [4] * 3
    assert all(account["done"] == "call" for account in similar[0]["accounts"])
    usage, value = model.reviews(red.head(1), before=accounts)[0]
    assert usage.startswith("Usage of") and value.startswith("Value of")
    assert model.segments[0]["segment"] == "all accounts" and model.segments[0]["n_accounts"] == len(accounts)
    with pytest.raises(kw.Error, match="`band` is"):
        model.recourse(red, band="blue")


def test_the_whole_model_is_looked_at(model, accounts):
    signals = model.importance(accounts)
    assert signals.column_names == ["signal", "mean", "low", "high"] and len(signals) == 4
    assert signals["mean"].tolist() == sorted(signals["mean"], reverse=True)
    assert (signals["low"] <= signals["mean"]).all() and (signals["mean"] <= signals["high"]).all()
    dimensions = model.importance(accounts, by="dimension", outcome="expansion")
    assert set(dimensions["dimension"]) == {"usage", "support", "contract", "sentiment"}
    for kind in ("accumulated", "partial"):
        effect = model.effect(accounts, "seat_utilisation", kind=kind)
        assert effect.column_names == ["value", "log_odds"] and (np.diff(effect["log_odds"]) <= 1e-9).all()
    plans = model.effect(accounts, "plan", kind="partial")
    assert sorted(plans["value"]) == sorted(set(accounts["plan"]))
    assert 0 <= model.interaction(accounts, "seat_utilisation", "tickets_open") <= 1
    with pytest.raises(kw.Error, match='`by` is "size", expected "signal" or "dimension"'):
        model.importance(accounts, by="size")
    with pytest.raises(kw.Error, match="`kind` is"):
        model.effect(accounts, "plan", kind="total")
    with pytest.raises(kw.Error, match="column `plan` is text"):
        model.effect(accounts, "plan")
    with pytest.raises(kw.Error, match="column `age`"):
        model.interaction(accounts, "plan", "age")


def test_cohorts_are_found_in_words(schema, accounts):
    found = kw.cohorts(schema, accounts, max_depth=2)
    assert found.column_names == ["rule", "n_accounts", "n_churned", "churn_rate", "value_cents"]
    assert found["churn_rate"].tolist() == sorted(found["churn_rate"], reverse=True)
    assert sum(found["n_accounts"]) == len(accounts) and sum(found["n_churned"]) == accounts["churned"].sum()
    assigned = found.assign(kw.table(accounts.drop(columns=["churned", "expanded"])))
    assert np.bincount(assigned, minlength=len(found)).tolist() == list(found["n_accounts"])
    again = pickle.loads(pickle.dumps(found))
    assert again.assign(kw.table(accounts)) == assigned and again.to_pyarrow().equals(found.to_pyarrow())
    assert found["rule"][0] in repr(found) and "% left" in repr(found)
    with pytest.raises(kw.Error, match="`max_depth` is 9, expected 1 to 5"):
        kw.cohorts(schema, accounts, max_depth=9)


def test_what_should_be_known_of_accounts_is_noted(accounts):
    schema = kw.Schema.infer(accounts, value="mrr", segments=["plan"])
    model = kw.HealthModel(schema).fit(accounts)
    today = accounts.head(4).assign(plan=["gold", *accounts["plan"][1:4]])
    scored = model.score(today)
    assert len(scored.notes) == 1 and "1 of 4 accounts are of a segment that training never saw (plan gold)" in scored.notes[0]
    assert scored["segment"][0] == "all accounts" and pickle.loads(pickle.dumps(scored)).notes == scored.notes


def test_progress_is_told_and_can_cancel(schema, accounts):
    told = []
    kw.HealthModel(schema).fit(accounts, progress=lambda done, stage: told.append((done, stage)))
    shares = [done for done, _ in told]
    assert shares == sorted(shares) and shares[-1] == 1.0 and all(isinstance(stage, str) for _, stage in told)

    def fail(done, stage):
        raise RuntimeError(f"stop at {stage}")

    with pytest.raises(RuntimeError, match="stop at"):
        kw.HealthModel(schema).fit(accounts, progress=fail)


def test_the_plan_keeps_its_limits_and_says_what_is_assumed(scored):
    playbook = kw.Playbook.any_business()
    plan = playbook.plan(scored, capacity={"csm_hours": 10, "email_sends": 50}, budget=500)
    todo = plan.to_do()
    assert len(plan) == len(scored) and 0 < len(todo) <= 60
    assert sorted(todo["expected_cents"], reverse=True) == todo["expected_cents"].tolist()
    assert plan.total["expected_cents"] == pytest.approx(todo["expected_cents"].sum(), abs=len(todo))
    assert plan.total["cost_cents"] <= 50_000 and plan.budget["budget_cents"] == 50_000
    used = dict(zip(plan.pools["pool"], plan.pools["used"], strict=True))
    assert used["csm_hours"] <= 10 and used["email_sends"] <= 50
    assert all(source.startswith("assumed: ") for source in todo["source"])
    assert all("(effect assumed" in sentence for sentence in todo["sentence"])
    assert plan.total["expected_cents"] <= plan.bound_cents and 0 <= plan.gap <= 1
    best = max(plan.options(0)["expected_cents"])
    assert plan.options(0)["expected_cents"][0] == best and plan.currency == "EUR"


def test_a_plan_without_limits_gives_everybody_the_best_option(scored):
    plan = kw.Playbook.any_business().plan(scored)
    assert plan.budget is None
    for row in range(0, len(scored), 50):
        best = max(plan.options(row)["expected_cents"])
        found = plan["expected_cents"][row]
        assert found == best if best > 0 else found is None


def test_playbooks_go_to_toml_and_back(tmp_path, schema):
    playbook = kw.Playbook.any_business()
    path = tmp_path / "playbook.toml"
    path.write_text(playbook.to_toml())
    assert playbook == kw.Playbook.from_toml(path) == kw.Playbook.from_toml(playbook.to_toml())
    assert playbook == pickle.loads(pickle.dumps(playbook))
    playbook.check(schema)
    assert playbook.pools.keys() == {"csm_hours", "email_sends"}
    assert {"name", "title", "cost_cents", "source"} == playbook.actions[0].keys()


def test_the_main_job_runs_on_a_simulated_business():
    past, today = kw.simulate(n_accounts=500, random_state=3)
    again, _ = kw.simulate(n_accounts=500, random_state=3)
    assert past.to_pyarrow().equals(again.to_pyarrow())
    assert {"churned", "expanded"} <= set(past.column_names) and "churned" not in today.column_names
    scored = kw.HealthModel(kw.Schema.b2b_saas()).fit(past).score(today)
    playbook = kw.Playbook.b2b_saas()
    plan = playbook.plan(scored, capacity=dict.fromkeys(playbook.pools, 20), budget=5000)
    assert len(plan) == len(today) and plan.total["expected_cents"] > 0


def text_of(error, call):
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (
            lambda table: table.drop(columns=["churned", "expanded"]),
            "no label to learn from: the table has no column `churned` or `expanded`; add it, or name another under "
            "`labels`",
        ),
        (
            lambda table: table.assign(churned=True),
            "label `churned` is true in all 600 rows; a model needs rows of both classes",
        ),
        (lambda table: table.head(0), "the table has no rows; give it at least one row"),
        (
            lambda table: table.drop(columns="nps"),
            "column `nps` (signal of the schema) is not in the table; its columns are: account_id, seat_utilisation, "
            "tickets_open, plan, mrr, churned, expanded",
        ),
        (
            lambda table: table.assign(nps="good"),
            "column `nps`, row 1: found `good`, expected a number without thousands separators, unit or % sign "
            "(leave the cell empty where it is not known)",
        ),
        (
            lambda table: table.assign(account_id=["A0", "A1", "A0", *table["account_id"][3:]]),
            "account `A0` is in rows 1 and 3 of column `account_id`; give each account one row, or name the date "
            "column as `as_of` if its rows are of different dates",
        ),
    ],
)
def test_tables_that_cannot_be_learned_from(spoil, text, schema, accounts):
    assert text_of(kw.Error, lambda: kw.HealthModel(schema).fit(spoil(accounts))) == text


def test_a_column_of_lists_has_the_wrong_type(schema, accounts):
    table = pl.from_pandas(accounts).with_columns(plan=pl.lit([1, 2]))
    text = text_of(kw.ColumnTypeError, lambda: kw.HealthModel(schema).fit(table))
    assert text == (
        "column `plan` is LargeList(Int64), expected numbers, booleans, texts, dates or dictionaries of them; "
        "or drop the column"
    )


def test_model_files_that_cannot_be_read(model, tmp_path):
    path = tmp_path / "model.keepwell"
    model.save(path)
    whole = path.read_bytes()

    def load(data):
        path.write_bytes(data)
        return text_of(kw.Error, lambda: kw.HealthModel.load(path))

    assert load(whole[:8] + b"\x09\x00\x00\x00" + whole[12:]) == (
        f"model file `{path}`: format version 9 is unknown, this keepwell reads version 2; update keepwell or save "
        "the model anew"
    )
    n = len(whole) - 40
    assert load(whole[:-10]) == f"model file `{path}`: cut off: {n - 10} of {n} payload bytes are there; copy it again"
    assert load(b"PK") == f"model file `{path}`: not a keepwell model; expected a file written by `save`"
    missing = tmp_path / "none.keepwell"
    text = text_of(FileNotFoundError, lambda: kw.HealthModel.load(missing))
    assert text == f"[Errno 2] No such file or directory: '{missing}'"


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda schema, scored: kw.HealthModel(schema, horizon_days=0).fit(make_accounts(50)),
            kw.Error,
            "`horizon_days` is 0, expected at least 1",
        ),
        (
            lambda schema, scored: kw.HealthModel(schema).score(make_accounts(50)),
            kw.Error,
            "this HealthModel is not fitted yet; call fit first",
        ),
        (
            lambda schema, scored: schema.edit("npx", unit="points"),
            kw.Error,
            "schema: there is no signal `npx`; its signals are: seat_utilisation, tickets_open, plan, nps",
        ),
        (
            lambda schema, scored: schema.edit("nps", dimension="mood"),
            kw.Error,
            "schema: signal `nps`, `dimension`: unknown variant `mood`, expected one of `usage`, `engagement`, "
            "`contract`, `sentiment`, `support`, `billing`, `outcome`, `profile`",
        ),
        (
            lambda schema, scored: kw.Playbook.any_business().plan(scored, capacity={"hours": 1}),
            kw.Error,
            "playbook: the capacity names pool `hours`, which it does not declare; known are `csm_hours`, "
            "`email_sends`",
        ),
        (
            lambda schema, scored: kw.Playbook.any_business().plan(scored, budget=float("nan")),
            kw.Error,
            "`budget` is NaN, expected a finite number, 0 or more",
        ),
        (
            lambda schema, scored: kw.Playbook.any_business().plan(make_accounts(5)),
            TypeError,
            "a plan is made of what HealthModel.score gives, found DataFrame",
        ),
        (
            lambda schema, scored: kw.Playbook.any_business(currency="USD").plan(scored),
            kw.Error,
            "playbook: its money is in USD, but the schema's value column `mrr` is in EUR; use one currency",
        ),
    ],
)
def test_what_cannot_be_done_says_why(call, error, text, schema, scored):
    assert text_of(error, lambda: call(schema, scored)) == text


def test_intervals_hold_the_probability_and_widen_with_few_accounts(model, scored, schema, accounts):
    told = model.intervals(accounts, level=0.9)
    assert told.column_names == ["account_id", "probability", "lower", "upper"]
    assert np.array_equal(told["probability"], scored["churn_probability"])
    assert np.all((told["lower"] <= told["probability"]) & (told["probability"] <= told["upper"]))
    few = kw.HealthModel(schema).fit(accounts[:60]).intervals(accounts)
    assert np.mean(few["upper"] - few["lower"]) > 1.5 * np.mean(told["upper"] - told["lower"])
    with pytest.raises(kw.Error, match="`level` is 2, expected above 0 and below 1"):
        model.intervals(accounts, level=2)


def test_models_are_compared_on_ones_own_accounts(schema, accounts):
    told = kw.compare(schema, accounts, n_folds=2, n_repeats=1)
    assert sorted(told["model"]) == sorted(
        ["blend", "gradient trees", "logistic", "linfa logistic", "linfa tree", "base rate"]
    )
    assert told["model"][-1] == "base rate" and told["auc"][-1] == 0.5
    assert list(told["log_loss"]) == sorted(told["log_loss"])
    assert told["log_loss_behind"][0] == 0 and np.isnan(told["log_loss_behind_error"][0])
    for arguments, text in (
        ({"n_folds": 1}, "`n_folds` is 1, expected 2 to 100"),
        ({"outcome": "joy"}, '`outcome` is "joy", expected "churn" or "expansion"'),
        ({"cuts": ["soon"]}, '`cuts` has "soon", expected dates such as 2026-01-01'),
        ({"cuts": ["2026-01-01"]}, "`by_time` is set, expected no cuts, since the rows have no date"),
    ):
        with pytest.raises(kw.Error, match=re.escape(text)):
            kw.compare(schema, accounts, **arguments)
