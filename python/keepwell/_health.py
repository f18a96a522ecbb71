"""The model of churn and expansion: probabilities, health, reasons."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from . import _native
from ._contributions import Contributions
from ._dates import Date, iso
from ._errors import Error
from ._native import Cohorts, Schema, Scored, Table
from ._over_time import BackTest
from ._table import table as as_table

if TYPE_CHECKING:
    from ._estimators import Effort


class HealthModel:
    """Calibrated churn and expansion probabilities, health and reasons for the accounts of a schema.

    Parameters
    ----------
    schema
        What the columns of the tables mean.
    horizon_days
        Length of the horizon that the labels speak of, at least 1.
    bands_apart
        Chooses the bands so that red accounts leave so many times as often as amber ones, 1 to 10: red is the riskiest
        tenth of the training accounts or less, amber the next 5 to 40 in a hundred. What accounts left out came to is in
        :attr:`band_outcomes`, and where the bands are less far apart than asked, :attr:`bands_note` says so. This is how
        bands are chosen unless one of the next three is given; 3 unless said.
    red_share
        Chooses the bands by share of health within segments instead: the share of the training accounts that fall into
        the red band, above 0 and below 1; 0.1 where only the other is given.
    amber_share
        The share that falls into the amber band, above 0; red and amber leave something for green; 0.2 where only the
        other is given.
    band_costs
        Chooses the bands by cost instead: what care of a red account costs, what care of an amber one costs, and what is
        lost with an account. Red are those whose churn probability is at least the first over the last, amber those from
        the second over the last.
    segments
        The segment keys to read health within, the most telling first; None for all of the schema's, an empty list for
        none.
    life_cycle
        Takes the stage of an account's life as the first segment key: names of the signals of tenure in months and of
        days to the renewal, months of onboarding, days of renewal; or only the two names, for 3 months and 90 days.
    effort
        How much time training may take: ``"fast"``, ``"balanced"`` or ``"best"``, as for :class:`BlendClassifier`.
    random_state
        Seed of the folds. The same seed gives the same model at any number of threads.
    n_jobs
        Threads to train with; None or -1 for all.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        horizon_days: int = 90,
        bands_apart: float | None = None,
        red_share: float | None = None,
        amber_share: float | None = None,
        band_costs: tuple[float, float, float] | None = None,
        segments: Sequence[str] | None = None,
        life_cycle: tuple[str, str] | tuple[str, str, float, float] | None = None,
        effort: Effort = "balanced",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.schema = schema
        self._params: dict[str, Any] = {
            "horizon_days": horizon_days,
            "bands_apart": bands_apart,
            "red_share": red_share,
            "amber_share": amber_share,
            "band_costs": band_costs,
            "segments": None if segments is None else list(segments),
            "life_cycle": (*life_cycle, 3.0, 90.0) if life_cycle is not None and len(life_cycle) == 2 else life_cycle,
            "effort": effort,
            "random_state": random_state,
            "n_jobs": None if n_jobs == -1 else n_jobs,
        }
        self._fitted: _native.HealthModel | None = None

    def fit(self, table: Any, *, progress: Callable[[float, str], object] | None = None) -> Self:
        """Trains on the accounts whose outcome is known.

        Churn and expansion are both trained where both label columns are there. Rows with an empty label are
        censored and left out of that label's training. Ctrl-C cancels.

        Parameters
        ----------
        table
            What :func:`keepwell.table` takes.
        progress
            Called now and then with the share that is done, 0 to 1, and with what is being done. What it raises
            cancels the training.

        Returns
        -------
        The fitted model itself. Signals that seem to know a label, and labels too scarce to learn from, are warned of and
        kept in :attr:`warnings`.

        Raises
        ------
        keepwell.Error
            For a table that does not fit the schema, a parameter outside its range, no label, or one class only.
        """
        self._fitted = _native.HealthModel.fit(self.schema, as_table(table), self._params, progress)
        for text in self._fitted.warnings:
            warnings.warn(text, stacklevel=2)
        return self

    def score(self, table: Any, *, n_reasons: int = 3) -> Scored:
        """Probabilities, health, band, growth, sub-scores by dimension and reasons of every account, as a table.

        ``growth`` is the same map of the chance to grow as ``health`` is of risk: 50 is usual in the account's segment.
        Its ``notes`` say what should be known of the accounts, such as segments that training never saw.
        """
        if n_reasons < 0:
            raise Error(f"`n_reasons` is {n_reasons}, expected 0 or more")
        return self._model.score(as_table(table), n_reasons)

    def explain(self, table: Any, *, outcome: str = "churn") -> Contributions:
        """What each signal, and the account's segment, adds to the log-odds of ``"churn"`` or ``"expansion"``, exactly."""
        base, values, names, segment = self._model.contributions(as_table(table), outcome)
        return Contributions(base, values, names, segment if segment.any() else None)

    def moved(
        self, before: Any, after: Any, *, most: int = 20, older: HealthModel | None = None
    ) -> list[dict[str, Any]]:
        """The accounts whose health moved most between two snapshots, the furthest first, and by what.

        Each has ``before`` and ``after`` (probability, health, band, segment), what each changed signal did
        (``signals``), what the account's changes did together, what a change of models did, the days left to act, and all
        of it as ``text``. Parts add up exactly in log-odds, probability and health.

        Parameters
        ----------
        before, after
            Snapshots: what :func:`keepwell.table` takes, one row an account.
        most
            How many accounts to tell of.
        older
            The model that saw the first snapshot, where it was another.
        """
        _check_count("most", most)
        seen_by = None if older is None else older._model
        return self._model.moved(as_table(before), as_table(after), most, seen_by)

    def recourse(self, table: Any, *, band: str = "green") -> list[dict[str, Any]]:
        """For each account, the smallest believable changes of what can be moved that would bring it into a band.

        Only movable signals with a declared direction change, along it, to values that training saw. What the model would
        say, not what would happen.
        """
        return self._model.recourse(as_table(table), band)

    def similar(
        self, table: Any, among: Any, *, n: int = 20, done: Sequence[str | None] | None = None
    ) -> list[dict[str, Any]]:
        """For each account, the ``n`` of ``among`` that the model finds most like it, and what came of them.

        ``done`` says what was done for each account of ``among``, None for nothing.
        """
        _check_count("n", n)
        return self._model.similar(as_table(table), as_table(among), n, None if done is None else list(done))

    def reviews(self, table: Any, *, before: Any = None) -> list[tuple[str, str]]:
        """The usage review and the value review of each account as text, against the snapshot before where given."""
        return self._model.reviews(as_table(table), None if before is None else as_table(before))

    def importance(self, table: Any, *, by: str = "signal", outcome: str = "churn") -> Table:
        """``signal`` (or ``dimension``), ``mean``, ``low``, ``high``: how much each matters, the most important first.

        The mean size of what it adds to the log-odds over the accounts of the table, with its 95 % interval.
        """
        return self._model.importance(as_table(table), outcome, by)

    def effect(self, table: Any, signal: str, *, kind: str = "accumulated", outcome: str = "churn") -> Table:
        """``value``, ``log_odds``: what a signal does over its range, against the mean over the accounts.

        ``kind="accumulated"`` (numbers only) asks about accounts that exist; ``"partial"`` sets the signal of every
        account to each value, texts too. As the model of all segments together has it: association, never cause.
        """
        return self._model.effect(as_table(table), signal, kind, outcome)

    def interaction(self, table: Any, first: str, second: str, *, outcome: str = "churn") -> float:
        """How much of what two signals do they do together only: Friedman's H, 0 for two that add up, at most 1."""
        return self._model.interaction(as_table(table), first, second, outcome)

    def intervals(self, table: Any, *, outcome: str = "churn", level: float = 0.9) -> Table:
        """``account_id``, ``probability``, ``lower``, ``upper``: where the rate among accounts of that score lies.

        It does so with probability ``level``. It says how much the calibration was learned from: few accounts that
        left make it wide.
        """
        return self._model.intervals(as_table(table), outcome, level)

    def segment_rates(self, table: Any, by: str, *, outcome: str = "churn", level: float = 0.9) -> Table:
        """What each segment by a key of the schema will come to, the largest first.

        Columns: the segment, ``n_accounts``, ``expected`` (mean probability), ``lower`` and ``upper`` (its interval at
        that level: the calibration may be off, and chance decides each account), ``observed`` (missing where an
        outcome is not known yet).
        """
        return self._model.segment_rates(as_table(table), by, outcome, level)

    def back_test(
        self,
        table: Any,
        *,
        outcome: str = "churn",
        gap_days: int = 0,
        delay_days: int = 0,
        first: Date | None = None,
        window_days: int | None = None,
        n_dates: int | None = None,
        share: float = 0.1,
        left: Any = None,
        lead_days: Sequence[int] = (30, 60, 90),
        accounts_apart: int | None = None,
    ) -> BackTest:
        """Walks forward over the dates of a table: at each, a model of these settings learns from what was known by then.

        Needs a schema with ``as_of``; this model itself is not trained.

        Parameters
        ----------
        table
            Accounts at several dates, with their labels: what :func:`keepwell.table` takes.
        outcome
            ``"churn"`` or ``"expansion"``.
        gap_days, delay_days
            A label covers ``[as_of + gap_days, as_of + gap_days + horizon_days)`` and is known ``delay_days`` later.
        first
            The first date that is tested.
        window_days
            Trains on rows of so many days only.
        n_dates
            Tests so many dates at most; each takes a training.
        share
            The share of accounts that counts as the top, for lift and lead time.
        left
            The accounts that left, for the lead time: a table with ``account_id`` and ``left_on``, as
            ``Records.exits`` gives it.
        lead_days
            How many days before they left accounts are looked up among the top.
        accounts_apart
            Leaves the account that is asked about out of training, by so many folds of accounts.
        """
        params: dict[str, Any] = {
            "gap_days": gap_days,
            "delay_days": delay_days,
            "first": None if first is None else iso(first),
            "window_days": window_days,
            "n_dates": n_dates,
            "share": share,
            "lead_days": list(lead_days),
            "accounts_apart": accounts_apart,
        }
        gone = None if left is None else _left_on(as_table(left))
        found = _native.back_test(self.schema, as_table(table), outcome, self._params, params, gone)
        dates, leads, left_out, text = found
        return BackTest(dates, leads, dict(left_out), text)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model file, which Rust reads too."""
        self._model.save(os.fspath(path))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Reads a model file, written here or in Rust; a new ``fit`` trains by the same settings, threads aside."""
        fitted = _native.HealthModel.load(os.fspath(path))
        model = cls(fitted.schema, **fitted.settings)
        model._fitted = fitted
        return model

    @property
    def horizon_days(self) -> int:
        """Length of the horizon of the probabilities, in days."""
        return int(self._params["horizon_days"] or 0)

    @property
    def quality(self) -> dict[str, dict[str, float]]:
        """How well each outcome was predicted on accounts left out of the folds: AUC, average precision, log loss …"""
        return self._model.quality

    @property
    def warnings(self) -> list[str]:
        """What training found that one should look at before believing the model; empty where there is nothing."""
        return self._model.warnings

    @property
    def segments(self) -> list[dict[str, Any]]:
        """Every segment that training saw, all accounts first: size, money, how well its outcomes were foretold."""
        return self._model.segments

    @property
    def band_edges(self) -> tuple[float, float]:
        """Health below which an account is red, and below which it is amber, over all accounts.

        Bands chosen apart or by cost follow the risk, so that in health their edges differ from segment to segment.
        """
        red, amber = self._model.band_edges
        return red, amber

    @property
    def band_outcomes(self) -> list[dict[str, Any]]:
        """What was foretold of the red, amber and green accounts left out in training, and what came of them.

        Each has ``band``, ``n_accounts``, ``n_positive``, ``rate`` and ``predicted``; none where none could be left out.
        """
        return self._model.band_outcomes

    @property
    def bands_note(self) -> str | None:
        """What is to be known of bands that are less far apart than asked; None where they are."""
        return self._model.bands_note

    @property
    def _model(self) -> _native.HealthModel:
        if self._fitted is None:
            raise Error("this HealthModel is not fitted yet; call fit first")
        return self._fitted

    def __repr__(self) -> str:
        state = ", ".join(self._fitted.quality) if self._fitted else "not fitted"
        return f"keepwell.HealthModel({self.schema!r}, horizon_days={self.horizon_days}: {state})"


def cohorts(
    schema: Schema,
    table: Any,
    *,
    signals: Sequence[str] | None = None,
    max_depth: int = 3,
    least_share: float = 0.03,
) -> Cohorts:
    """Cohorts of accounts that differ in churn, told apart by few tests, those of the highest churn first.

    A table of ``rule`` (in words), ``n_accounts``, ``n_churned``, ``churn_rate`` and, where the schema has a value,
    ``value_cents``; its ``assign``, given a :func:`keepwell.table`, says of each account its row in it.

    Parameters
    ----------
    schema
        What the columns of the table mean.
    table
        Accounts whose outcome is known: what :func:`keepwell.table` takes.
    signals
        The signals that rules may speak of; None for all.
    max_depth
        Most tests on the way to a cohort: 1 to 5.
    least_share
        Least share of the accounts in a cohort, above 0 and at most 0.5.
    """
    _check_count("max_depth", max_depth)
    return Cohorts.find(schema, as_table(table), None if signals is None else list(signals), max_depth, least_share)


def _check_count(name: str, value: int) -> None:
    if value < 0:
        raise Error(f"`{name}` is {value}, expected 0 or more")


def _left_on(left: Table) -> list[tuple[str, str]]:
    days = ((str(account), day) for account, day in zip(left["account_id"], left["left_on"], strict=True))
    return [(account, iso(day)) for account, day in days if day is not None]
