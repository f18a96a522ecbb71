"""What a score, an order of accounts or a policy is worth: uplift, off-policy value, expected profit, sample sizes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import _native
from ._effects import _flags

__all__ = [
    "CostedPoint",
    "Estimate",
    "MaximumProfit",
    "SampleSize",
    "UpliftPoint",
    "costed_qini",
    "costed_qini_area",
    "detectable_difference",
    "expected_maximum_profit",
    "policy_gain",
    "policy_value",
    "qini",
    "sample_size_for_amounts",
    "sample_size_for_shares",
    "uplift_area",
    "uplift_curve",
]


class Estimate(NamedTuple):
    """An estimate, the interval that it lies in, and its standard error."""

    value: float
    low: float
    high: float
    standard_error: float


class UpliftPoint(NamedTuple):
    """A point of the uplift and Qini curves."""

    n_rows: float
    uplift: float
    qini: float


class CostedPoint(NamedTuple):
    """A point of the costed Qini curve, all an account: spent, share acted on, gain and its standard error."""

    spend: float
    share: float
    gain: float
    standard_error: float


class MaximumProfit(NamedTuple):
    """Expected profit an account, expected share to act on, lowest score worth acting on."""

    profit: float
    share: float
    threshold: float | None


class SampleSize(NamedTuple):
    """Accounts with the action and without it."""

    n_treated: int
    n_untreated: int


def qini(
    y: Any,
    effects: Any,
    treated: Any,
    *,
    confidence: float = 0.95,
    n_resamples: int = 500,
    random_state: int = 0,
) -> Estimate:
    """The Qini coefficient of an order by falling ``effects``, scikit-uplift's ``qini_auc_score``, with its bootstrap
    interval. Meaningful where the action was given at random."""
    return _uplift("qini", y, effects, treated, (confidence, n_resamples, random_state))


def uplift_area(
    y: Any,
    effects: Any,
    treated: Any,
    *,
    confidence: float = 0.95,
    n_resamples: int = 500,
    random_state: int = 0,
) -> Estimate:
    """The area between the uplift curve and a random order's (AUUC), in shares of positive outcomes a row, with its
    bootstrap interval."""
    return _uplift("area", y, effects, treated, (confidence, n_resamples, random_state))


def uplift_curve(y: Any, effects: Any, treated: Any) -> list[UpliftPoint]:
    """The uplift and Qini curves: one point more for each distinct effect, from no rows on."""
    points = _native.uplift_curve(_flags(y, "y"), _numbers(effects), _flags(treated, "treated"))
    return [UpliftPoint(*point) for point in points]


def policy_value(
    action: Any,
    propensity: Any,
    outcome: Any,
    cost: Any,
    policy: Any,
    *,
    expected: Any = None,
    method: str = "dr",
) -> Estimate:
    """What a policy would have brought, mean outcome after cost, from a log of what another did; 95 % interval.

    Parameters
    ----------
    action, propensity, outcome
        What was done (from 0), how likely that was, what came of it: one a row.
    cost
        Of each action, in the outcome's unit, 0 or more.
    policy
        What would have been done.
    expected
        The outcome expected of each row in each action, shape (n, n_actions), by a model that did not see the row.
    method
        ``"dr"`` (doubly robust), ``"snips"`` (self-normalised inverse propensity), ``"ips"``, or ``"direct"``, which
        believes ``expected``.

    Raises
    ------
    keepwell.Error
        A propensity of 0 or above 1; a cost below 0; a log that cannot answer, because it did what the policy would do too rarely.
    """
    log = _log(action, propensity, outcome, cost)
    return Estimate(*_native.policy_value(method, log, _places(policy), _matrix(expected), None))


def policy_gain(
    action: Any, propensity: Any, outcome: Any, cost: Any, policy: Any, other: Any, *, expected: Any
) -> Estimate:
    """By how much ``policy`` is better than ``other``, doubly robust; see :func:`policy_value`."""
    log = _log(action, propensity, outcome, cost)
    return Estimate(*_native.policy_value("gain", log, _places(policy), _matrix(expected), _places(other)))


def costed_qini(
    action: Any, propensity: Any, outcome: Any, cost: Any, effects: Any, *, expected: Any
) -> list[CostedPoint]:
    """What a choice between several actions by their ``effects``, shape (n, n_actions), brings for what is spent.

    The log is as in :func:`policy_value`, action 0 is to do nothing.
    """
    log = _log(action, propensity, outcome, cost)
    points = _native.costed_qini(log, _numbers(effects).ravel(), _numbers(expected).ravel())
    return [CostedPoint(*point) for point in points]


def costed_qini_area(
    action: Any,
    propensity: Any,
    outcome: Any,
    cost: Any,
    effects: Any,
    *,
    expected: Any,
    confidence: float = 0.95,
    n_resamples: int = 500,
    random_state: int = 0,
) -> Estimate:
    """By how much more :func:`costed_qini` brings than the same money for accounts drawn at random, over all budgets."""
    log = _log(action, propensity, outcome, cost)
    interval = (confidence, n_resamples, random_state)
    found = _native.costed_qini_area(log, _numbers(effects).ravel(), _numbers(expected).ravel(), interval)
    return Estimate(*found)


def expected_maximum_profit(
    y: Any,
    scores: Any,
    values: Any = 200.0,
    *,
    alpha: float = 6.0,
    beta: float = 14.0,
    offer: float = 0.05,
    contact: float = 1.0,
) -> MaximumProfit:
    """The most a retention campaign can be expected to bring by a score, where a Beta(alpha, beta) share accepts.

    EMPC of Verbraken, Verbeke & Baesens (2013), whose parameters are the defaults, where all accounts are worth the
    same; EMPB of Janssens et al. (2022) with one of ``values`` each. An offer costs the share ``offer`` of the value, a
    contact ``contact``.
    """
    campaign = (float(alpha), float(beta), float(offer), float(contact))
    found = _native.expected_maximum_profit(_flags(y, "y"), _numbers(scores), _numbers(values), campaign)
    return MaximumProfit(*found)


def sample_size_for_shares(
    without: float, with_action: float, *, power: float = 0.8, confidence: float = 0.95, share_treated: float = 0.5
) -> SampleSize:
    """Accounts needed to find that an action changes the share of an outcome, two-sided."""
    experiment = (power, confidence, share_treated)
    return SampleSize(*_native.sample_size("shares", without, with_action, experiment))


def sample_size_for_amounts(
    standard_deviation: float,
    difference: float,
    *,
    power: float = 0.8,
    confidence: float = 0.95,
    share_treated: float = 0.5,
) -> SampleSize:
    """Accounts needed to find that an action changes an amount, such as money, by ``difference`` on average."""
    experiment = (power, confidence, share_treated)
    return SampleSize(*_native.sample_size("amounts", standard_deviation, difference, experiment))


def detectable_difference(
    standard_deviation: float,
    n_accounts: int,
    *,
    power: float = 0.8,
    confidence: float = 0.95,
    share_treated: float = 0.5,
) -> float:
    """The smallest average difference that an experiment with ``n_accounts`` in all is likely to find."""
    return _native.detectable_difference(standard_deviation, n_accounts, (power, confidence, share_treated))


def _uplift(measure: str, y: Any, effects: Any, treated: Any, interval: tuple[float, int, int]) -> Estimate:
    found = _native.uplift(measure, _flags(y, "y"), _numbers(effects), _flags(treated, "treated"), interval)
    return Estimate(*found)


def _log(action: Any, propensity: Any, outcome: Any, cost: Any) -> Any:
    return _places(action), _numbers(propensity), _numbers(outcome), _numbers(cost)


def _numbers(values: Any) -> np.ndarray:
    return np.atleast_1d(np.ascontiguousarray(values, dtype=np.float64))


def _matrix(values: Any) -> np.ndarray | None:
    return None if values is None else _numbers(values).ravel()


def _places(values: Any) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.int64)
