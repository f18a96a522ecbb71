"""The benchmark's own arithmetic, on cases small enough to work out by hand. Run: `pytest python/benchmarks`."""

import argparse
import runpy
import sys
from pathlib import Path

import customers
import numpy as np
import pandas as pd
import pytest
import rounds
import verdict
from libraries import LIBRARIES, OURS, Library

COMMAND = runpy.run_path(str(Path(__file__).with_name("__main__.py")))


def test_customers_are_the_same_for_the_same_seed_and_others_for_another():
    drawn, again, other = (customers.draw(300, 30, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(drawn.X, again.X)
    np.testing.assert_array_equal(drawn.y, again.y)
    assert not np.array_equal(drawn.X, other.X, equal_nan=True)


def test_customers_are_as_said():
    drawn = customers.draw(20_000, 30, 3)
    numbers = [column for column in range(30) if customers.levels(column) is None]
    assert np.isnan(drawn.X[:, numbers]).mean() == pytest.approx(customers.MISSING, abs=0.002)
    assert drawn.y.mean() == pytest.approx(customers.POSITIVE, abs=0.01)
    for column in sorted({*range(30)} - {*numbers}):
        assert sorted(set(drawn.X[:, column])) == list(range(customers.levels(column)))


@pytest.mark.parametrize("form", customers.FORMS)
def test_every_form_holds_the_same_values(form):
    X = customers.draw(50, 10, 0).X
    table = customers.in_form(X, form)
    columns = table.T if form.startswith("numpy") else [table[f"x{at}"] for at in range(10)]
    for at, column in enumerate(columns):
        is_category = form.startswith("frame") and customers.levels(at) is not None
        seen = column.cat.codes if is_category else column
        np.testing.assert_allclose(np.asarray(seen, dtype=float), X[:, at], rtol=1e-6)


def test_a_file_gives_what_was_drawn(tmp_path):
    path, drawn = customers.write(tmp_path, 60, 10, 5), customers.draw(60, 10, 5)
    X, y = customers.read(path, "numpy f64")
    np.testing.assert_array_equal(X, drawn.X)
    np.testing.assert_array_equal(y, drawn.y)


class Instant:
    """Stands in for a child; counts what it is told."""

    measured = 0

    def __init__(self, task, threads):
        self.ours = task["library"] == OURS

    def wait_until_ready(self):
        if self.ours and rounds.Child.broken:
            raise ChildProcessError("no such luck")

    def measure(self):
        type(self).measured += 1
        return {"seconds": 1.0 if self.ours else 3.5, "cpu_seconds": 1.0, "others_cpu_seconds": 0.0, "bytes": 10}

    def close(self):
        pass


@pytest.fixture
def instant(monkeypatch):
    monkeypatch.setattr(rounds, "Child", type("Counted", (Instant,), {"broken": False}))
    for module in (rounds, verdict):
        monkeypatch.setattr(module, "version", lambda package: "1")
    return rounds.Child


def libraries() -> list[Library]:
    return [library for library in LIBRARIES if library.name in (OURS, "LightGBM")]


CELL = rounds.Cell("fit", 10_000, 30, "frame f64")


def test_what_stands_is_not_measured_again_and_is_reported(tmp_path, instant):
    for n_rounds in (2, 2, 3):
        rounds.run({CELL: n_rounds}, libraries(), tmp_path / "cache", rounds.Results(tmp_path))
    assert instant.measured == 6
    text = verdict.write({CELL: 3}, libraries(), rounds.Results(tmp_path))
    asked = "| fit 10k×30 frame f64, 2 threads: fastest peer ÷ ours | ≥ 3 | 3.50 (3.50–3.50), LightGBM | yes |"
    assert asked in text
    assert "not quiet" not in text
    assert (tmp_path / "report.md").read_text().strip() in text
    rounds.run({CELL: 3}, libraries(), tmp_path / "cache", rounds.Results(tmp_path, again=True))
    assert instant.measured == 12


def test_a_library_that_fails_leaves_the_others(tmp_path, instant):
    instant.broken = True
    rounds.run({CELL: 2}, libraries(), tmp_path / "cache", rounds.Results(tmp_path))
    assert list(rounds.Results(tmp_path).done()["library"]) == ["LightGBM"] * 2


def canned(cell: rounds.Cell, **of_library: list[dict[str, float]]) -> pd.DataFrame:
    """Measurements of a cell, a dictionary a round, side by side."""
    none = dict.fromkeys(rounds.MEASURED, np.nan)
    rows = [
        {**vars(cell), **none, "library": name, "version": "1", "round": at, "load": 0.0, "at": float(at), **each}
        for name, measured in of_library.items()
        for at, each in enumerate(measured)
    ]
    return pd.DataFrame(rows)


def test_auc_is_compared_seed_by_seed_with_the_best_peer():
    cell = rounds.Cell("auc", 10_000, 30, "frame f64")
    measured = canned(
        cell,
        keepwell=[{"auc": 0.80}, {"auc": 0.70}],
        LightGBM=[{"auc": 0.79}, {"auc": 0.69}],
        hessboost=[{"auc": 0.79}, {"auc": 0.73}],
    )
    ((_, asked, reached, enough),) = verdict._auc_line(measured)
    assert (asked, reached, enough) == ("≥ −0.0005", "-0.0100 ± 0.0200, hessboost", False)


def test_memory_is_compared_with_the_thriftiest_lightgbm():
    cell = rounds.Cell("memory", 100_000, 50, "numpy f64")
    modes = {"LightGBM": [{"bytes": 40e6}], "LightGBM row-wise": [{"bytes": 20e6}]}
    ((_, _, reached, enough),) = verdict._memory_line(canned(cell, keepwell=[{"bytes": 10e6}], **modes))
    assert reached == "0.50 (10 of 20 MB), LightGBM row-wise"
    assert enough


def test_growth_is_asked_by_the_step():
    cells = [rounds.Cell("growth", rows, 30, "numpy f32") for rows in (100_000, 1_000_000, 5_000_000)]
    cost = [(1.0, 0.0), (10.4, 0.0), (60.0, 5_000_000 * 30 * 9.0)]
    measured = pd.concat(
        canned(cell, keepwell=[{"seconds": seconds, "bytes": held}])
        for cell, (seconds, held) in zip(cells, cost, strict=True)
    )
    lines = verdict._growth_lines(measured)
    assert [(asked, reached, enough) for _, asked, reached, enough in lines] == [
        ("≤ 10.5", "10.40", True),
        ("≤ 5.25", "5.77", False),
        ("< 8", "9.0", False),
    ]


def test_one_row_is_counted_over_a_bare_call():
    cell = rounds.Cell("row", 100_000, 50, "numpy f64", threads=1)
    measured = canned(cell, keepwell=[{"seconds": 2.95e-6, "bare_seconds": 5e-8}])
    assert verdict._row_line(measured)[0][2:] == ("2.9", True)


def test_noise_and_times_apart_are_told():
    busy = {"seconds": 1.0, "others_cpu_seconds": 4.0}
    measured = canned(CELL, keepwell=[busy], LightGBM=[busy])
    measured.loc[measured["library"] == OURS, "at"] = 1e9
    noisy, apart = verdict._warnings(measured)
    assert "not quiet" in noisy
    assert "not interleaved: 10k×30 frame f64, 2 threads" in apart


def test_contended_rounds_are_left_out_where_quiet_ones_are_there():
    quiet, busy = ({"seconds": 1.0, "others_cpu_seconds": others} for others in (0.0, 100.0))
    measured = canned(CELL, keepwell=[quiet, busy, quiet], LightGBM=[busy, busy])
    kept = verdict._without_contended(measured)
    assert list(kept[kept["library"] == OURS]["round"]) == [0, 2]
    assert list(kept[kept["library"] == "LightGBM"]["round"]) == [0, 1]


def test_a_name_that_is_not_known_is_refused(monkeypatch):
    with pytest.raises(SystemExit, match="no part fits; there are: fit, memory"):
        COMMAND["_chosen"](["fits"], COMMAND["PARTS"], "part")


def options(monkeypatch, *given: str) -> argparse.Namespace:
    monkeypatch.setattr(sys, "argv", ["trees", *given])
    return COMMAND["_options"]()


def test_what_is_asked_for_is_what_is_measured(monkeypatch):
    some = options(monkeypatch, "--only", "predict,growth", "--sizes", "10k,5m", "--forms", "numpy f64,numpy f32")
    cells = COMMAND["cells_of"](some)
    assert {(cell.trees, cell.threads, cell.form) for cell in cells if cell.part == "predict"} == {
        (trees, threads, form) for trees in (100, 500) for threads in (1, 2) for form in ("numpy f64", "numpy f32")
    }
    assert [cell.rows for cell in cells if cell.part == "growth"] == [10_000, 5_000_000]
    assert len(COMMAND["cells_of"](options(monkeypatch, "--quick"))) == 2 + 2 + 1 + 1 + 1 + 2 + 2
