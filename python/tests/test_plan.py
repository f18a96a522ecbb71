"""Plans against an exact solver; the log of what was assigned and what it says."""

import pickle

import keepwell as kw
import numpy as np
import polars as pl
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

TOML = """
name = "test"
max_actions = {most}

[[pool]]
name = "hours"

[[pool]]
name = "sends"
{actions}
"""

ACTION = """
[[action]]
name = "action_{at}"
title = "Action {at}"
goal = "retain"
channel = "call"
touch = "human"
cost = {cost}
pool = "{pool}"
effort = {effort}
{more}
[action.effect]
churn_reduction = {effect}
source = "a guess"
"""


def playbook(rng, n_actions=5, most=1, more="") -> kw.Playbook:
    actions = [
        ACTION.format(
            at=at,
            cost=round(rng.uniform(1, 30), 2),
            pool=["hours", "sends"][at % 2],
            effort=round(rng.uniform(0.5, 3), 2),
            effect=round(rng.uniform(0.05, 0.4), 3),
            more=more,
        )
        for at in range(n_actions)
    ]
    return kw.Playbook.from_toml(TOML.format(most=most, actions="".join(actions)))


@pytest.fixture(scope="module")
def schema(accounts) -> kw.Schema:
    return kw.Schema.infer(accounts, value="mrr")


@pytest.fixture(scope="module")
def model(schema, accounts) -> kw.HealthModel:
    return kw.HealthModel(schema).fit(accounts)


@pytest.fixture(scope="module")
def scored(model, accounts) -> kw.Scored:
    return model.score(accounts)


def best_by_milp(plan: kw.Plan, efforts, capacity, budget) -> float:
    """The most that any choice of one option an account brings, in minor units."""
    gains, rows, uses = [], [], []
    for row in range(len(plan)):
        options = plan.options(row)
        for name, gain, cost in zip(options["action"], options["expected_cents"], options["cost_cents"]):
            pool, effort = efforts[name]
            gains.append(gain)
            rows.append(row)
            uses.append([effort * (pool == "hours"), effort * (pool == "sends"), cost])
    one = np.zeros((len(plan), len(gains)))
    one[rows, np.arange(len(gains))] = 1
    limits = [capacity["hours"], capacity["sends"], budget * 100]
    found = milp(
        -np.array(gains, dtype=float),
        constraints=[LinearConstraint(one, ub=1), LinearConstraint(np.array(uses, dtype=float).T, ub=limits)],
        integrality=np.ones(len(gains)),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 1e-9},
    )
    assert found.success
    return -found.fun


def efforts_of(book: kw.Playbook) -> dict[str, tuple[str, float]]:
    import tomllib

    return {a["name"]: (a["pool"], a["effort"]) for a in tomllib.loads(book.to_toml())["action"]}


@pytest.mark.parametrize("seed", range(8))
def test_the_plan_is_as_good_as_an_exact_solver_within_its_stated_gap(seed, model, accounts):
    rng = np.random.default_rng(seed)
    book = playbook(rng)
    some = model.score(accounts.sample(60, random_state=seed))
    capacity = {"hours": rng.uniform(5, 40), "sends": rng.uniform(5, 40)}
    budget = rng.uniform(100, 600)
    plan = book.plan(some, capacity=capacity, budget=budget)
    best = best_by_milp(plan, efforts_of(book), capacity, budget)
    rounding = len(plan)
    assert plan.total["expected_cents"] <= best + rounding
    assert best <= plan.bound_cents + rounding
    assert plan.total["expected_cents"] >= best * (1 - plan.gap) - rounding
    assert plan.gap < 0.05


def test_the_gap_is_small_with_many_accounts(scored):
    plan = playbook(np.random.default_rng(3)).plan(scored, capacity={"hours": 150, "sends": 120}, budget=3000)
    assert plan.gap <= 0.005
    used = dict(zip(plan.pools["pool"], plan.pools["used"]))
    assert used["hours"] <= 150 and used["sends"] <= 120 and plan.budget["used_cents"] <= 300_000


def test_terms_are_kept(scored):
    book = playbook(np.random.default_rng(1), most=2, more="cool_down_days = 30\nexpiry_days = 7")
    free = book.plan(scored, day="2026-07-01")
    assert free.day == "2026-07-01" and set(free["until"]) - {None} == {"2026-07-08"}
    several = [row for row, more in enumerate(free["more"]) if more]
    assert several and free.to_do()["expected_cents"][0] == max(e for e in free["expected_cents"] if e == e)
    row, account = several[0], free["account_id"][several[0]]
    again = book.plan(scored, day="2026-07-01", history=[(account, free["action"][row], "2026-06-20")])
    assert free["action"][row] not in (again["action"][row], *(again["more"][row] or "").split("+"))
    log = free.assign(0.0)
    after = book.plan(scored, day="2026-07-05", history=log)
    assert not set(after.options(row)["action"]) & set(log["assigned"][row].split("+"))
    with pytest.raises(kw.Error, match="the day of the plan is not known"):
        book.plan(scored, history=log)


def test_unsure_scores_widen_the_money(model, scored, accounts):
    book = playbook(np.random.default_rng(2))
    sure = book.plan(scored)
    unsure = book.plan(scored, churn_intervals=model.intervals(accounts))
    width = lambda plan: np.nansum(np.array(plan["high_cents"], float) - np.array(plan["low_cents"], float))
    assert width(unsure) > 1.01 * width(sure)
    chances = np.array(unsure["probability_positive"], float)
    assert np.nanmin(chances) >= 0 and np.nanmax(chances) <= 1
    with pytest.raises(kw.Error, match="no column `lower`"):
        book.plan(scored, churn_intervals=kw.table({"upper": [1.0] * len(scored)}))


def test_eligibility_is_checked_against_the_schema_when_loaded(schema):
    text = playbook(np.random.default_rng(1), more='eligible = "seat_utilization < 3"').to_toml()
    with pytest.raises(kw.Error, match="`seat_utilization` is not known; did you mean `seat_utilisation`"):
        kw.Playbook.from_toml(text, schema)


def action(name, **more):
    effect = {"churn_reduction": {"low": 0.05, "mean": 0.3, "high": 0.5}, "source": "a guess"}
    return {"name": name, "title": name, "goal": "retain", "channel": "call", "touch": "human", "effect": effect, **more}


def test_a_playbook_is_made_of_a_dictionary(schema, scored):
    import datetime

    call = action("call", cost=5, pool="hours", effort=1, excludes=["visit"], eligible="churn_probability > 5 %")
    mail = action("mail", last_day=datetime.date(2026, 6, 1))
    actions = [call, action("visit", cost=1), action("course", lead_days=120), mail]
    book = kw.Playbook.from_dict({"name": "team", "max_actions": 2, "pool": [{"name": "hours"}], "action": actions}, schema)
    assert book == kw.Playbook.from_toml(book.to_toml())
    plan = book.plan(scored, day="2026-07-01", capacity={"hours": 20})
    assert list(plan.left_out) == ["course", "mail"] and plan.left_out["mail"] == "its last day was 2026-06-01"
    assert set(plan["action"]) - {None} == {"visit"} and not any(plan["more"])
    del call["excludes"]
    both = kw.Playbook.from_dict({"name": "team", "max_actions": 2, "pool": [{"name": "hours"}], "action": actions})
    assert any(both.plan(scored, day="2026-07-01", capacity={"hours": 20})["more"])
    of_numpy = [
        {**each, **{name: np.float32(value) for name, value in each.items() if name in ("cost", "effort")}}
        for each in actions
    ]
    of_numpy[2]["lead_days"] = np.int64(120)
    fields = {"name": np.str_("team"), "max_actions": np.uint8(2), "pool": [{"name": "hours"}], "action": of_numpy}
    assert kw.Playbook.from_dict(fields) == both
    fields["value_months_range"] = np.array([6, 24])
    assert "value_months_range = [" in kw.Playbook.from_dict(fields).to_toml()
    with pytest.raises(kw.Error, match="invalid value: integer `-3`, expected a number of days, 0 or more"):
        kw.Playbook.from_dict({"name": "team", "action": [action("call", lead_days=np.int32(-3))]})
    with pytest.raises(kw.Error, match="cost is -1, expected 0 or more"):
        kw.Playbook.from_dict({"name": "team", "action": [action("call", cost=-1)]})
    with pytest.raises(kw.Error, match="unknown field `costs`"):
        kw.Playbook.from_dict({"name": "team", "action": [action("call", costs=1)]})
    with pytest.raises(kw.Error, match="`nps_` is not known"):
        kw.Playbook.from_dict({"name": "team", "action": [action("call", eligible="nps_ > 3")]}, schema)


@pytest.mark.parametrize("how", [{"epsilon": 0.3}, {"draws": 6}])
def test_exploring_logs_its_probabilities_and_keeps_to_the_pools(scored, how):
    book = playbook(np.random.default_rng(5))
    capacity = {"hours": 60, "sends": 60}
    log = book.plan(scored, capacity=capacity).explore(random_state=3, **how)
    efforts = efforts_of(book)
    for pool in capacity:
        units = [efforts[name][1] for name in log["assigned"] if name and efforts[name][0] == pool]
        assert sum(units) <= capacity[pool] + 1e-9
    chances = np.nansum([log[name] for name in log.column_names if name.startswith("chance:")], axis=0)
    assert np.allclose(chances, 1) and min(log["probability"]) > 0
    for again in (kw.AssignmentLog.from_csv(log.to_csv()), pickle.loads(pickle.dumps(log)),
                  kw.AssignmentLog.from_table(log.to_polars())):
        assert again.to_csv() == log.to_csv()


def test_a_log_tells_what_the_plan_changed_and_what_would_have_come_anyway(scored):
    log = playbook(np.random.default_rng(5)).plan(scored, day="2026-01-01").assign(0.4, random_state=2)
    rng = np.random.default_rng(0)
    grew = rng.uniform(size=len(log)) < np.where([a is not None for a in log["assigned"]], 0.6, 0.3)
    known = log.join([(id, (bool(g), 1000 * int(g))) for id, g in zip(log["account_id"], grew)])
    assert known.n_known == len(log) and known.n_pending == 0
    effect = known.effect()
    assert effect["low"] < 0.3 < effect["high"]
    money = known.attribution(measured="money")
    assert money["came"] - money["anyway"] == pytest.approx(money["due"]["value"])
    with pytest.raises(kw.Error, match="the log cannot answer"):
        known.effect(reading="as_treated")
    done = log.with_done([(id, a) for id, a in zip(log["account_id"], log["assigned"])])
    by_protocol = done.join([(id, bool(g)) for id, g in zip(log["account_id"], grew)]).effect(reading="per_protocol")
    assert by_protocol["value"] == pytest.approx(effect["value"])
    events = [(id, "2026-02-01", 500) for id, g in zip(log["account_id"], grew) if g]
    assert log.join_events(events, 90, "2026-03-01").n_known == 0
    assert log.join_events(events, 90, "2026-04-02").n_known == len(log)
    with pytest.raises(kw.Error, match="no assignment"):
        log.join([("nobody", True)])
    with pytest.raises(kw.Error, match="`cal` was planned for nobody; planned were action_"):
        known.effect(action="cal")


def test_bad_probabilities_are_refused():
    text = "account_id,planned,assigned,probability\nA,call,call,{}\n"
    for wrong in ("0", "1.5", "x"):
        with pytest.raises(kw.Error, match=f"probability is `{wrong}`"):
            kw.AssignmentLog.from_csv(text.format(wrong))
    table = pl.DataFrame({"account_id": ["A"], "planned": ["call"]})
    with pytest.raises(kw.Error, match="no column `assigned`"):
        kw.AssignmentLog.from_table(table)
