"""Effects of actions, learned from what was done and what came of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import _native
from ._errors import Error
from ._native import Effects
from ._table import table as as_table


class EffectModel:
    """By how much each action changes an outcome, for whom, and how sure that is.

    Two simple learners (logistic regressions of the actions, held together as far as the outcomes say; small trees) are
    weighed by how near they come to doubly robust scores of rows that they did not see. "The same for all" and "none"
    are always among them. A number of three to five values, which may be a code, is read as levels too.

    Parameters
    ----------
    arms
        What doing nothing is called, then the names of the actions.
    evidence
        How it came who got what. ``"randomised"``: by a draw that looked at nothing. ``"observational"``: by judgement;
        the chances are estimated, and what drove the choice and is not in the table is taken for an effect. Or, for a
        draw with logged chances, an array of shape (n, n_arms).
    prior
        What is thought of an action's average effect beforehand: name to (mean, standard deviation), in points of
        probability. Where data is thin the estimate is drawn there.
    n_folds
        Folds on which learners are weighed, 2 to 20.
    random_state
        Seed of folds and trees.

    Examples
    --------
    Learn from what came of a log of assignments, and plan by it:

    >>> known = log.join(churned_by_account)  # doctest: +SKIP
    >>> lessons = known.lessons(["csm_call", "workshop"])  # doctest: +SKIP
    >>> model = kw.EffectModel(lessons.arms, lessons.chances)  # doctest: +SKIP
    >>> model.fit(accounts.iloc[lessons.rows], lessons.y, lessons.arm)  # doctest: +SKIP
    >>> plan = playbook.plan(scored, churn_effects=model.effects(today))  # doctest: +SKIP
    """

    def __init__(
        self,
        arms: Sequence[str],
        evidence: str | Any = "randomised",
        *,
        prior: Mapping[str, tuple[float, float]] | None = None,
        n_folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self._arms = [str(arm) for arm in arms]
        self._evidence = evidence
        self._prior = dict(prior or {})
        self._n_folds = n_folds
        self._random_state = random_state
        self._model: _native.EffectModel | None = None

    def fit(self, X: Any, y: Any, arm: Any) -> EffectModel:
        """Learns from ``n`` rows.

        Parameters
        ----------
        X
            What is known of each account before the action: what :func:`keepwell.table` takes.
        y
            Whether the outcome came, ``n`` flags or zeros and ones.
        arm
            What each account got: ``n`` names of ``arms``, or their places from 0.

        Raises
        ------
        keepwell.Error
            Lengths that differ; an arm with too few rows of either outcome; a logged chance that is none, or 0 for what
            was done; no columns.
        """
        priors = [(name, float(mean), float(deviation)) for name, (mean, deviation) in self._prior.items()]
        evidence = self._evidence
        if not isinstance(evidence, str):
            evidence = np.ascontiguousarray(evidence, dtype=np.float64)
            if evidence.ndim != 2:
                raise Error(f"`evidence` has {evidence.ndim} dimensions, expected 2: a row an account, a column an arm")
        self._model = _native.EffectModel.fit(
            as_table(X),
            _flags(y, "y"),
            self._places(arm),
            self._arms,
            evidence,
            priors,
            self._n_folds,
            self._random_state,
        )
        return self

    def effects(self, X: Any) -> Effects:
        """The effect of each action on each row: for every action a column under its name, its 90 % interval in
        ``_low`` and ``_high``; and ``basis``, whether that rests on a draw or on judgement.

        It is what :meth:`keepwell.Playbook.plan` takes as ``churn_effects`` or ``expansion_effects``, for accounts in the
        order in which they were scored.
        """
        return self._fitted.effects(as_table(X))

    def best(self, X: Any, *, worth: float = 1.0, costs: Sequence[float], most: int | None = None) -> np.ndarray:
        """The place of the arm that is worth most for each row: ``worth`` times its effect, less its cost (one an arm,
        none included); none where nothing is worth its cost, and beyond the ``most`` rows for which it is worth most."""
        places = self._fitted.best(as_table(X), float(worth), [float(cost) for cost in costs], most)
        return np.asarray(places)

    def expected(self, X: Any) -> np.ndarray:
        """The expected outcome of each row in each arm, shape (n, n_arms): what :func:`keepwell.metrics.policy_value`
        needs, for rows that were not learned from."""
        return np.asarray(self._fitted.expected(as_table(X)))

    @property
    def reports(self) -> list[dict[str, Any]]:
        """What was found of each action: average effect and standard error, what the estimate is made of, the overlap of
        those with and without, and all of it in a sentence."""
        return self._fitted.reports

    @property
    def basis(self) -> str:
        """``"randomised"`` or ``"observational"``."""
        return self._fitted.basis

    @property
    def arms(self) -> list[str]:
        """Names of the arms, none first."""
        return list(self._arms)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model file, which Rust reads too."""
        self._fitted.save(os.fspath(path))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> EffectModel:
        """Reads a model file."""
        native = _native.EffectModel.load(os.fspath(path))
        model = cls(native.arms, native.basis)
        model._model = native
        return model

    @property
    def _fitted(self) -> _native.EffectModel:
        if self._model is None:
            raise Error("this EffectModel is not fitted yet; call `fit` first")
        return self._model

    def _places(self, arm: Any) -> np.ndarray:
        given = np.asarray(arm)
        if given.dtype.kind in "iub":
            return np.ascontiguousarray(given, dtype=np.int64)
        places = {name: at for at, name in enumerate(self._arms)}
        for row, name in enumerate(given):
            if name not in places:
                raise Error(f"arms, row {row + 1}: found {str(name)!r}, expected one of {', '.join(self._arms)}")
        return np.array([places[name] for name in given], dtype=np.int64)


def _flags(values: Any, name: str) -> np.ndarray:
    given = np.asarray(values)
    if given.dtype == np.bool_:
        return np.ascontiguousarray(given)
    numbers = given.astype(np.float64)
    wrong = ~np.isin(numbers, (0.0, 1.0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise Error(f"{name}, row {row + 1}: found {given[row]}, expected 0 or 1")
    return np.ascontiguousarray(numbers == 1.0)
