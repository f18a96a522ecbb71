"""The benchmark's own arithmetic, on cases small enough to work out by hand. Run: `pytest python/benchmarks`."""

import io
import pickle

import data
import metrics
import numpy as np
import pandas as pd
import pytest
import report
import run


def test_lift_counts_tied_rows_in_proportion():
    y = np.array([True, False, False, False, True, False, False, False, False, False])
    assert metrics.lift(y, np.linspace(1, 0.1, 10), 0.1) == pytest.approx(5)
    assert metrics.lift(y, np.full(10, 0.2), 0.1) == pytest.approx(1)


def test_calibration_error_is_the_gap_of_each_bin():
    y = np.array([False, False, True, True])
    assert metrics.calibration_error(y, np.array([0.0, 0.0, 1.0, 1.0]), 2) == 0
    assert metrics.calibration_error(y, np.array([0.1, 0.1, 0.8, 0.8]), 2) == pytest.approx(0.15)


def test_profit_acts_where_that_costs_less():
    costs = pd.DataFrame({"cost_tp": [20.0] * 3, "cost_fp": [10.0] * 3, "cost_fn": [110.0] * 3, "cost_tn": [0.0] * 3})
    y = np.array([True, False, True])
    # The threshold is 10 / (10 + 90) = 0.1: acts on the first two, gains 90 and loses 10.
    assert metrics.profit(y, np.array([0.5, 0.1, 0.09]), costs) == pytest.approx(80 / 3)


def test_coverage_counts_groups_whose_share_is_within():
    y, p = np.tile([True, False], 500), np.full(1000, 0.5)
    sure, unsure = np.full((1000, 2), 0.5), np.tile([0.1, 0.9], (1000, 1))
    assert metrics.coverage(y, p, sure) == {"intervals": 1, "chance": 1, "width": 0}
    wrong = metrics.coverage(y, np.full(1000, 0.8), np.tile([0.4, 0.9], (1000, 1)))
    assert wrong == {"intervals": 1, "chance": 0, "width": pytest.approx(0.5)}
    assert metrics.coverage(~y, p, unsure)["width"] == pytest.approx(0.8)


def test_a_pickle_of_anything_but_a_frame_is_refused():
    with pytest.raises(pickle.UnpicklingError, match=r"builtins\.eval"):
        data._FrameUnpickler(io.BytesIO(b"cbuiltins\neval\n(S'1'\ntR.")).load()


def test_a_file_with_another_checksum_is_refused(tmp_path):
    (tmp_path / "Customer_Churn.csv").write_text("customerID,Churn\n1,Yes\n")
    with pytest.raises(SystemExit, match="sha256"):
        data.load("telco", tmp_path)


def test_folds_leave_out_every_row_once_and_are_drawn_anew_by_repeat():
    rows = np.arange(40)
    table = data.Table("small", pd.DataFrame({"x": rows}), rows % 4 == 0)
    left_out = [np.concatenate([out for _, out in run.folds(table, repeat)]) for repeat in (0, 1)]
    assert all(sorted(each) == list(rows) for each in left_out)
    assert list(left_out[0]) != list(left_out[1])


class Rate:
    """Says the share of positives of every row."""

    def __init__(self, fits):
        self.fits = fits

    def fit(self, X, y):
        self.fits.append(len(y))
        self.rate = y.mean()
        return self

    def predict_proba(self, X):
        return np.tile([1 - self.rate, self.rate], (len(X), 1))

    def predict_interval(self, X, level):
        return np.tile([0.0, 1.0], (len(X), 1))


def test_what_stands_is_not_measured_again_and_is_reported(tmp_path):
    fits, rows = [], np.arange(40)
    table = data.Table("small", pd.DataFrame({"x": rows}), rows % 4 == 0)
    models = [run.Model(name, "sklearn", lambda X, seed, threads: Rate(fits)) for name in (report.OURS, "peer")]
    results = run.Results(tmp_path)
    for repeats in (1, 1, 2):
        run.run([table], models, run.Extent(repeats), 1, results)
    assert fits == [32] * 20
    assert results.done()["auc"].eq(0.5).all()
    text = report.write([table], models, run.Extent(2), results)
    assert "| peer | 1 | +0.0000 ± nan, 0 of 1 |" in text
    assert "Nowhere on these tables" in text
    assert "| small | 100% |" in text
    assert (tmp_path / "report.png").stat().st_size > 0


def test_a_difference_is_positive_where_ours_is_better():
    fits = pd.DataFrame(
        [
            {"table": table, "model": model, "repeat": 0, "fold": fold, "auc": auc, "log_loss": 1 - auc}
            for table in ("a", "b")
            for model, auc in ((report.OURS, 0.8), ("peer", 0.7 if table == "a" else 0.9))
            for fold in range(5)
        ]
    )
    for metric in report.RANKED:
        assert list(report._difference(fits, metric, "peer").round(9)) == [0.1, -0.1]
        assert report._over_folds(fits, metric, "peer", "a") == pytest.approx((0.1, 0))


def test_a_model_is_compared_on_the_whole_repeats_that_it_has():
    def fits_of(model, repeats, auc):
        return [
            {"table": "a", "model": model, "repeat": repeat, "fold": fold, "auc": auc + 0.1 * repeat}
            for repeat in range(repeats)
            for fold in range(5)
        ]

    rows = [*fits_of(report.OURS, 2, 0.7), *fits_of("peer", 1, 0.6), *fits_of("peer", 2, 0.6)[5:8]]
    fits, unfinished = report._comparable(pd.DataFrame(rows))
    assert unfinished == ["peer on a: 1 of 2 repeats"]
    assert (fits["model"] == "peer").sum() == 5
    assert report._difference(fits, "auc", "peer")["a"] == pytest.approx(0.1)
    assert report._ranks(fits, "auc").to_dict() == {report.OURS: 1, "peer": 2}


def test_a_part_is_worth_what_is_lost_without_it():
    rows = [
        {"table": table, "model": model, "repeat": 0, "fold": fold, "auc": auc, "log_loss": 1, "calibration_error": 0,
         "fit_cpu_seconds": seconds}
        for table in ("a", "b")
        for model, auc, seconds in ((report.OURS, 0.8, 3.0), ("without trees", 0.7, 1.0))
        for fold in range(5)
    ]
    fits = pd.DataFrame(rows).astype({"model": "category"})
    section = report._ablation(fits, {"without trees", "without lines"})[1]
    assert "| without trees | +0.1000 ± 0.0000, 2 of 2 |" in section and section.endswith("| +2.00 |")
    assert report._ablation(fits, set()) == []
