"""The benchmark's own arithmetic, on cases small enough to work out by hand. Run: `pytest python/benchmarks`."""

import experiments
import numpy as np
import pandas as pd
import pytest
import values
import worlds


def test_a_policy_takes_what_is_worth_its_cost():
    effects = np.array([[0.0, 0.05, 0.02], [0.0, 0.01, 0.02], [0.0, -0.1, 0.2]])
    assert values.policy(effects.copy(), 0.03).tolist() == [1, 0, 2]
    assert values.policy(effects.copy(), 0.0).tolist() == [1, 2, 2]


def test_values_and_gains_by_hand():
    scores = np.array([[0.1, 0.5], [0.3, 0.2], [0.2, 0.2]])
    found, error = values.value(scores, np.array([1, 0, 0]), 0.1)
    assert found == pytest.approx((0.4 + 0.3 + 0.2) / 3) and error > 0
    # After the cost none brings .2 on average, the action .2 too; of equals the first is compared with.
    gain, _ = values.over_best_for_all(scores, np.array([1, 0, 0]), 0.1)
    assert gain == pytest.approx(0.1)


def test_scores_have_the_arms_means_where_nothing_is_known():
    arm = np.tile([0, 1], 200)
    y = np.tile([True, False, False, False, True, True, False, True], 50)
    numbers = pd.DataFrame({"x": np.tile([0.0, 0.0, 1.0, 1.0], 100)})
    halves = [(np.arange(200), np.arange(200, 400)), (np.arange(200, 400), np.arange(200))]
    found = values.scores(numbers, arm, y, 2, halves)
    assert found.mean(axis=0) == pytest.approx([y[arm == 0].mean(), y[arm == 1].mean()], abs=0.02)


def test_a_file_with_another_checksum_is_refused(tmp_path):
    (tmp_path / "starbucks.zip").write_bytes(b"nothing of the kind")
    with pytest.raises(SystemExit, match="sha256"):
        experiments._content(tmp_path, "starbucks.zip")


@pytest.mark.parametrize("world", worlds.WORLDS)
def test_a_world_has_the_effects_it_says(world):
    frame, effects, without = worlds._draw(world, 4_000, -0.5, np.random.default_rng(3))
    assert len(frame) == 4_000 and (effects[:, 0] == 0).all()
    with_action = without[:, None] + effects
    assert ((with_action > 0) & (with_action < 1)).all()
    differ = np.std(np.log(with_action[:, 1] / (1 - with_action[:, 1])) - np.log(without / (1 - without)))
    assert (differ < 1e-9) == (world in ("nothing", "the same in log-odds"))
