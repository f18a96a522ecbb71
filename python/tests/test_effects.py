"""Learned effects and the measures that go with them, from Python."""

import pickle

import keepwell as kw
import numpy as np
import pytest
from keepwell import metrics

RANDOM = np.random.default_rng(7)


def experiment(n=4000, seed=7):
    random = np.random.default_rng(seed)
    usage = random.uniform(-1, 1, n)
    plan = random.choice(["free", "team"], n)
    arm = random.integers(0, 3, n)
    effect = np.stack([np.zeros(n), 0.1 + 0.15 * usage, np.full(n, 0.05)])
    p = 0.3 + 0.1 * usage + effect[arm, np.arange(n)]
    X = {"usage": usage, "plan": plan.tolist()}
    return X, random.uniform(size=n) < p, arm, effect


NAMES = ["none", "call", "mail"]


@pytest.fixture(scope="module")
def fitted():
    X, y, arm, effect = experiment()
    return kw.EffectModel(NAMES).fit(X, y, [NAMES[at] for at in arm]), X, y, arm, effect


def test_effects_are_near_the_truth_with_intervals_and_their_basis(fitted):
    model, X, _, _, effect = fitted
    told = model.effects(X)
    names = ["call", "call_low", "call_high", "mail", "mail_low", "mail_high", "basis"]
    assert told.column_names == names
    assert np.corrcoef(told["call"], effect[1])[0, 1] > 0.7
    held = (told["call_low"] <= effect[1]) & (effect[1] <= told["call_high"])
    assert held.mean() > 0.75
    assert set(told["basis"]) == {"randomised"} and model.basis == "randomised"
    report = model.reports[0]
    assert report["arm"] == "call" and abs(report["average"] - 0.1) < 4 * report["standard_error"]
    assert report["sentence"].endswith("(randomised)")
    assert 0.49 < report["lowest_chance"] <= report["highest_chance"] < 0.51
    assert sum(weight for _, weight in report["candidates"]) == pytest.approx(1.0)


def test_the_best_arm_by_worth_and_cost(fitted):
    model, X, _, _, _ = fitted
    free = model.best(X, costs=[0, 0, 0])
    assert set(np.unique(free)) <= {0, 1, 2} and (free > 0).mean() > 0.9
    assert (model.best(X, costs=[0, 9, 9]) == 0).all()
    assert (model.best(X, worth=100.0, costs=[0, 1, 1], most=10) > 0).sum() == 10
    assert model.expected(X).shape == (4000, 3)
    with pytest.raises(kw.Error, match="`costs` has 2 numbers, expected 3"):
        model.best(X, costs=[0, 1])


def test_saved_pickled_and_fitted_again_it_is_the_same(fitted, tmp_path):
    model, X, y, arm, _ = fitted
    told = model.effects(X)["call"]
    model.save(tmp_path / "effects.keepwell")
    assert (kw.EffectModel.load(tmp_path / "effects.keepwell").effects(X)["call"] == told).all()
    assert (pickle.loads(pickle.dumps(model)).effects(X)["call"] == told).all()
    assert (kw.EffectModel(NAMES).fit(X, y, arm).effects(X)["call"] == told).all()


def test_judgement_is_told_and_logged_chances_and_priors_are_taken():
    X, y, arm, _ = experiment(1500)
    judged = kw.EffectModel(NAMES, "observational").fit(X, y, arm)
    assert judged.basis == "observational"
    assert "observational" in judged.effects(X)["basis"][0]
    logged = kw.EffectModel(NAMES, np.full((1500, 3), 1 / 3)).fit(X, y, arm)
    assert logged.basis == "randomised"
    drawn = kw.EffectModel(NAMES, prior={"call": (-0.2, 0.001)}).fit(X, y, arm)
    assert drawn.reports[0]["average"] == pytest.approx(-0.2, abs=0.01)


def test_bad_input_is_named():
    X, y, arm, _ = experiment(300)
    model = kw.EffectModel(NAMES)
    with pytest.raises(kw.Error, match="not fitted yet"):
        model.effects(X)
    with pytest.raises(kw.Error, match="arms, row 1: found 'visit', expected one of none, call, mail"):
        model.fit(X, y, ["visit"] * 300)
    with pytest.raises(kw.Error, match="rows of arm `mail` whose outcome is true: found 0"):
        model.fit(X, y & (arm != 2), arm)
    with pytest.raises(kw.Error, match="rows of arm `call` whose outcome is true: found 0"):
        model.fit(X, y, np.where(arm == 1, 0, arm))
    with pytest.raises(kw.Error, match="y, row 1: found 2, expected 0 or 1"):
        model.fit(X, np.full(300, 2), arm)
    with pytest.raises(kw.Error, match="found 1.2, expected a probability between 0 and 1"):
        kw.EffectModel(NAMES, np.full((300, 3), 1.2)).fit(X, y, arm)
    with pytest.raises(kw.Error, match="`evidence` is .guessed., expected"):
        kw.EffectModel(NAMES, "guessed").fit(X, y, arm)
    with pytest.raises(kw.Error, match="`prior` is of an unknown arm"):
        kw.EffectModel(NAMES, prior={"visit": (0.1, 0.1)}).fit(X, y, arm)


def test_columns_without_a_value_change_nothing():
    X, y, arm, _ = experiment(600)
    empty = kw.EffectModel(NAMES).fit({"nothing": np.full(600, np.nan)}, y, arm).effects({"nothing": np.ones(600)})
    assert np.isfinite(empty["call"]).all() and np.ptp(empty["call"]) < 1e-9
    beside = kw.EffectModel(NAMES).fit({**X, "nothing": np.full(600, np.nan)}, y, arm)
    told = beside.effects({**X, "nothing": np.full(600, np.nan)})
    assert np.isfinite(told["call_low"]).all() and np.isfinite(told["call_high"]).all()


def order(y, effects, treated):
    """The Qini coefficient by its definition, as scikit-uplift's ``qini_auc_score`` computes it."""

    def area(score):
        rank = np.argsort(-score, kind="stable")
        ends = np.r_[np.flatnonzero(np.diff(score[rank])), len(score) - 1]
        t, outcome = treated[rank].astype(float), y[rank].astype(float)
        n_t, n_c = np.cumsum(t)[ends], np.cumsum(1 - t)[ends]
        y_t, y_c = np.cumsum(t * outcome)[ends], np.cumsum((1 - t) * outcome)[ends]
        q = np.r_[0, y_t - y_c * np.divide(n_t, n_c, out=np.zeros_like(n_t), where=n_c > 0)]
        k = np.r_[0, ends + 1.0]
        return np.trapezoid(q, k) - k[-1] * q[-1] / 2

    best = y.astype(float) * np.where(treated, 1.0, -1.0)
    return area(effects) / area(best)


@pytest.mark.parametrize("digits", [1, 6])
def test_qini_is_scikit_uplifts(digits):
    treated = RANDOM.uniform(size=500) < 0.6
    effects = RANDOM.normal(size=500).round(digits)
    y = RANDOM.uniform(size=500) < 0.3 + 0.1 * treated * effects
    found = metrics.qini(y, effects, treated, n_resamples=200)
    assert found.value == pytest.approx(order(y, effects, treated), abs=1e-12)
    assert found.low < found.value < found.high and found.standard_error > 0
    sklift = pytest.importorskip("sklift.metrics")
    assert found.value == pytest.approx(sklift.qini_auc_score(y, effects, treated), abs=1e-9)


def test_uplift_curve_and_area():
    treated = RANDOM.uniform(size=400) < 0.5
    effects = RANDOM.normal(size=400)
    y = RANDOM.uniform(size=400) < 0.4
    curve = np.array(metrics.uplift_curve(y, effects, treated))
    assert curve[0].tolist() == [0, 0, 0] and curve[-1, 0] == 400
    end = 400 * (y[treated].mean() - y[~treated].mean())
    assert curve[-1, 1] == pytest.approx(end)
    area = (np.trapezoid(curve[:, 1], curve[:, 0]) - 400 * end / 2) / 400**2
    assert metrics.uplift_area(y, effects, treated, n_resamples=9).value == pytest.approx(area)


def log(n=3000):
    random = np.random.default_rng(3)
    x = random.uniform(size=n)
    chance = 0.3 + 0.4 * x
    action = (random.uniform(size=n) < chance).astype(int)
    propensity = np.where(action == 1, chance, 1 - chance)
    expected = np.stack([np.full(n, 0.2), 0.1 + 0.4 * x], axis=1)
    outcome = (random.uniform(size=n) < expected[np.arange(n), action]).astype(float)
    return x, dict(action=action, propensity=propensity, outcome=outcome, cost=[0.0, 0.05]), expected


def test_policy_values_by_their_definitions():
    x, given, expected = log()
    policy = (x > 0.5).astype(int)
    rows = np.arange(len(x))
    cost = np.asarray(given["cost"])[policy]
    weight = (given["action"] == policy) / given["propensity"]
    mu = expected[rows, policy]
    by_hand = {
        "direct": (mu - cost).mean(),
        "ips": (weight * given["outcome"] - cost).mean(),
        "snips": (weight * given["outcome"]).sum() / weight.sum() - cost.mean(),
        "dr": (mu + weight * (given["outcome"] - mu) - cost).mean(),
    }
    truth = (mu - cost).mean()
    for method, value in by_hand.items():
        found = metrics.policy_value(**given, policy=policy, expected=expected, method=method)
        assert found.value == pytest.approx(value, abs=1e-12)
        assert found.low - 0.02 < truth < found.high + 0.02
    gain = metrics.policy_gain(**given, policy=policy, other=np.zeros(len(x)), expected=expected)
    none = metrics.policy_value(**given, policy=np.zeros(len(x)), expected=expected)
    assert gain.value == pytest.approx(by_hand["dr"] - none.value, abs=1e-12)


def test_a_log_that_cannot_answer_refuses():
    x, given, expected = log()
    with pytest.raises(kw.Error, match="the log cannot answer"):
        metrics.policy_value(
            np.zeros(3000), given["propensity"], given["outcome"], given["cost"], np.ones(3000), expected=expected
        )
    with pytest.raises(kw.Error, match="propensities, row 1: found 0, expected a probability above 0 and at most 1"):
        metrics.policy_value(**{**given, "propensity": np.zeros(3000)}, policy=np.ones(3000), method="ips")
    with pytest.raises(kw.Error, match="`expected` is not given"):
        metrics.policy_value(**given, policy=np.ones(3000))
    with pytest.raises(kw.Error, match="`method` is .magic., expected"):
        metrics.policy_value(**given, policy=np.ones(3000), method="magic")


def test_costed_qini_ends_where_acting_on_all_that_helps_does():
    x, given, expected = log()
    effects = np.stack([np.zeros(3000), expected[:, 1] - expected[:, 0]], axis=1)
    curve = metrics.costed_qini(**given, effects=effects, expected=expected)
    policy = (effects[:, 1] > 0).astype(int)
    gain = metrics.policy_gain(**given, policy=policy, other=np.zeros(3000), expected=expected)
    assert curve[-1].gain == pytest.approx(gain.value + 0.05 * policy.mean())
    assert curve[-1].spend == pytest.approx(0.05 * policy.mean()) and curve[-1].share == policy.mean()
    area = metrics.costed_qini_area(**given, effects=effects, expected=expected, n_resamples=100)
    assert 0 < area.low < area.value < area.high


def test_expected_maximum_profit_is_the_published_one():
    y = [0, 1, 0, 1, 0, 1, 0, 1]
    scores = [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9]
    found = metrics.expected_maximum_profit(y, scores)
    assert found.profit == pytest.approx(23.875593418348124, abs=1e-9)
    assert found.threshold == 0.2 and 0.8 < found.share < 0.9
    by_value = metrics.expected_maximum_profit(y, scores, [200.0] * 8)
    assert by_value == found


def test_sample_sizes():
    assert metrics.sample_size_for_shares(0.05, 0.04) == (6745, 6745)
    assert metrics.sample_size_for_amounts(1.0, 0.5) == (63, 63)
    size = metrics.sample_size_for_amounts(50.0, 4.0, power=0.9, share_treated=0.25)
    difference = metrics.detectable_difference(50.0, sum(size), power=0.9, share_treated=0.25)
    assert difference == pytest.approx(4.0, rel=0.01)
    with pytest.raises(kw.Error, match="`power` is 1"):
        metrics.sample_size_for_shares(0.05, 0.04, power=1.0)


def business(n=6000, seed=3):
    """Accounts of which calls were logged at random: they help those that are used little."""
    random = np.random.default_rng(seed)
    usage, nps = random.uniform(0, 1, n), random.uniform(0, 10, n)
    called = random.uniform(size=n) < 0.5
    fall = np.where(called, 0.02 + 0.25 * (1 - usage), 0.0)
    churned = random.uniform(size=n) < 0.15 + 0.25 * (1 - usage) - fall
    table = {
        "account_id": [f"A{row}" for row in range(n)],
        "usage": usage,
        "nps": nps,
        "mrr": random.uniform(50, 500, n).round(),
        "churned": churned,
    }
    return table, called, usage


CALL = """
name = "calls"

[[action]]
name = "call"
title = "Call"
goal = "retain"
channel = "call"
touch = "human"
cost = 60
[action.effect]
churn_reduction = 0.05
source = "a guess"
"""


@pytest.fixture(scope="module")
def planned():
    table, called, usage = business()
    signals = {name: table[name] for name in ("usage", "nps")}
    schema = kw.Schema.infer(table, id="account_id", churn="churned", value="mrr")
    left = {name: np.asarray(values)[~called] for name, values in table.items()}
    scored = kw.HealthModel(schema).fit({**left, "account_id": list(left["account_id"])}).score(table)
    model = kw.EffectModel(["none", "call"]).fit(signals, table["churned"], called)
    return kw.Playbook.from_toml(CALL), scored, model, signals, usage


def test_a_plan_by_learned_effects_tells_them_for_each_account(planned):
    playbook, scored, model, signals, usage = planned
    assumed = playbook.plan(scored)
    learned = playbook.plan(scored, churn_effects=model.effects(signals))
    assert "assumed: a guess" in set(assumed["source"])
    (source,) = set(learned["source"]) - {None}
    assert source.startswith("learned: call: -0.1") and source.endswith("(randomised)")
    called = np.array([action is not None for action in learned["action"]])
    assert 0.2 < called.mean() and usage[called].mean() < usage[~called].mean() - 0.1
    fall = np.array(learned["churn_fall"], float)[called]
    low, high = (np.array(learned[f"churn_fall_{end}"], float)[called] for end in ("low", "high"))
    assert (low < fall).all() and (fall < high).all()
    assert np.corrcoef(fall, usage[called])[0, 1] < -0.5
    row = int(np.flatnonzero(called)[0])
    (option,) = learned.options(row)["churn_fall"]
    told = model.effects(signals)
    assert option == pytest.approx(-told["call"][row]) and told.arms == ["none", "call"]
    assert set(np.isnan(np.array(learned["expansion_rise"], float))) == {True}


def test_a_model_handed_over_is_asked_about_the_scored_accounts(planned):
    playbook, scored, model, signals, _ = planned
    by_model = playbook.plan(scored, churn_effects=model)
    assert by_model.total == playbook.plan(scored, churn_effects=model.effects(signals)).total


def test_effects_that_do_not_fit_are_named(planned):
    playbook, scored, model, signals, usage = planned
    refused = [
        (model.effects({name: values[:9] for name, values in signals.items()}), "found 9, expected 6000"),
        (kw.EffectModel(["none", "call"]), "not fitted yet"),
    ]
    for given, problem in refused:
        with pytest.raises(kw.Error, match=problem):
            playbook.plan(scored, churn_effects=given)
    for given in ([0.1], 3, kw.HealthModel(kw.Schema.b2b_saas())):
        name = type(given).__name__
        with pytest.raises(TypeError, match=f"expected a fitted .*EffectModel .*found {name}; .*learn one"):
            playbook.plan(scored, churn_effects=given)
    random = np.random.default_rng(0)
    y, arm = random.uniform(size=6000) < 0.3, random.integers(0, 2, 6000)
    other = kw.EffectModel(["none", "visit"]).fit({"usage": usage, "npss": usage}, y, arm)
    with pytest.raises(kw.Error, match=r"learned by `npss`, which is no signal.*did you mean `nps`"):
        playbook.plan(scored, churn_effects=other)
    other = kw.EffectModel(["none", "visit"]).fit({"usage": usage}, y, arm)
    with pytest.raises(kw.Error, match="effects were learned of `visit`, which is no action"):
        playbook.plan(scored, churn_effects=other)


def test_from_a_plan_over_its_log_to_a_better_plan(planned):
    playbook, scored, _, signals, usage = planned
    plan = playbook.plan(scored, day="2026-01-01")
    log = plan.explore(epsilon=1.0, random_state=2)
    random = np.random.default_rng(5)
    called = np.array([what == "call" for what in log["assigned"]])
    left = random.uniform(size=len(log)) < 0.15 + 0.25 * (1 - usage) - called * (0.02 + 0.25 * (1 - usage))
    known = log.join([(id, bool(gone)) for id, gone in zip(log["account_id"][:5500], left)])
    with pytest.raises(kw.Error, match="action `cal` stands nowhere in the log; did you mean `call`?"):
        known.lessons(["cal"])
    lessons = known.lessons(["call"])
    assert lessons.arms == ["none", "call"] and len(lessons) == 5500 == known.n_known
    assert lessons.chances.shape == (5500, 2) and np.allclose(lessons.chances.sum(axis=1), 1)
    assert (lessons.y == left[lessons.rows]).all() and (lessons.arm == called[lessons.rows]).all()
    X = {name: values[lessons.rows] for name, values in signals.items()}
    model = kw.EffectModel(lessons.arms, lessons.chances).fit(X, lessons.y, lessons.arm)
    better = playbook.plan(scored, churn_effects=model)
    assert better.total["expected_cents"] > plan.total["expected_cents"]
    assert "(randomised)" in better.to_do()["source"][0]
