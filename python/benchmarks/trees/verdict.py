"""What came out: asked and reached for each requirement, then every library's figures; also where keepwell misses."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from datetime import date

import markup
import numpy as np
import pandas as pd
from environment import version
from libraries import BINS, L2, LEAVES, OTHER_TASK, OURS, RATE, Library
from rounds import KEY, Cell, Results, size

#: What is asked, by number of rows: times faster than the fastest peer, AUC over the best's, part of LightGBM's memory.
FIT = {10_000: 3.0, 100_000: 2.5, 1_000_000: 2.0}
AUC = {10_000: -0.0005, 100_000: -0.0003, 1_000_000: -0.0002}
MEMORY = {10_000: 1.0, 100_000: 0.5, 1_000_000: 0.5}
#: Times as many rows a second, by peer.
PREDICT = {"LightGBM": 10.0, "XGBoost hist": 5.0, "CatBoost symmetric": 1.3}
CONTRIBUTIONS = {"LightGBM": 10.0, "CatBoost symmetric": 2.0}
#: Microseconds of one row over a bare call; times longer for ten times the rows; bytes beyond the input a cell.
ROW, STEP, CELL_BYTES, CELL_ROWS = 3.0, 10.5, 8.0, 5_000_000
#: Seconds between ours and the peers' measurements from which on they count as not interleaved.
APART_SECONDS = 600
#: Share of the machine's time that other work may take before figures are called noisy.
NOISE = 0.05
#: Share from which on a measurement is left out, if the same library has others in the cell that were quieter.
CONTENDED = 0.2

#: A line of the first table: requirement, asked, reached, and whether that is enough.
Line = tuple[str, str, str, bool]


def write(cells: dict[Cell, int], libraries: list[Library], results: Results) -> str:
    """Writes `report.md` into the results' folder; says what is in it and where it is."""
    measured = _of_now(results.done(), cells, libraries)
    if measured.empty:
        return "nothing to report: nothing has been measured"
    text = "\n\n".join(_sections(measured, libraries))
    path = results.folder / "report.md"
    path.write_text(text + "\n")
    return f"{text}\n\nwritten to {path}"


def _of_now(measured: pd.DataFrame, cells: dict[Cell, int], libraries: list[Library]) -> pd.DataFrame:
    """What was measured in these cells with these libraries as they are installed now."""
    versions = {library.name: version(library.package) for library in libraries}
    asked = {(*vars(cell).values(),) for cell in cells}
    names = KEY[: KEY.index("library")]
    in_cells = [key in asked for key in measured[names].itertuples(index=False, name=None)]
    current = measured["version"] == measured["library"].map(versions)
    return _without_contended(measured[current & np.array(in_cells, dtype=bool)])


def _without_contended(measured: pd.DataFrame) -> pd.DataFrame:
    """Leaves out what was measured while other work took much of the machine, unless nothing quieter is there."""
    cores = os.cpu_count() or 1
    contended = (measured["others_cpu_seconds"] > CONTENDED * measured["seconds"] * cores) & (measured["part"] != "auc")
    any_quiet = (~contended).groupby([measured[name] for name in KEY if name != "round"]).transform("any")
    return measured[~(contended & any_quiet)]


def _sections(measured: pd.DataFrame, libraries: list[Library]) -> list[str]:
    sections = ["# Gradient trees beside their peers", _setting(measured, libraries), *_warnings(measured)]
    lines = [line for part, find in _LINES.items() for cell in _cells(measured, part) for line in find(cell)]
    lines += _growth_lines(_of_part(measured, "growth"))
    if lines:
        sections += ["## Asked and reached", _asked_and_reached(lines)]
    for part, title, figure, text in _TABLES:
        if not (of_part := _of_part(measured, part)).empty:
            sections += [f"## {title}", _by_library(of_part, libraries, figure, text)]
    return sections


def _setting(measured: pd.DataFrame, libraries: list[Library]) -> str:
    packages = sorted({library.package for library in libraries if (measured["library"] == library.name).any()})
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return (
        f"{date.today()}, Python {platform.python_version()} on {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores. {versions}.\n\n"
        "Made-up customers: amounts, counts, shares, categories; 5 % missing, 15 % leave. "
        f"{LEAVES} leaves, rate {RATE}, {BINS} bins, L2 {L2:g}; 100 trees where nothing else is said. Medians of "
        "interleaved rounds, quartiles in brackets; each library in a process of its own. "
        f"{' and '.join(OTHER_TASK)} grow other trees than asked for: their times count, their AUC is shown only."
    )


def _warnings(measured: pd.DataFrame) -> list[str]:
    """Cells during which the machine had other work, or whose libraries were not measured side by side."""
    warnings, timed = [], measured[~measured["part"].isin(["auc", "row"])]
    spent = timed.groupby("part")[["seconds", "others_cpu_seconds"]].sum()
    share = spent["others_cpu_seconds"] / (spent["seconds"] * (os.cpu_count() or 1))
    if noisy := [f"{part} ({value:.0%})" for part, value in share.items() if value > NOISE]:
        warnings += [f"**The machine was not quiet; other work took part of its time during: {', '.join(noisy)}.**"]
    if apart := [cell for cell in map(_not_interleaved, _all_cells(timed)) if cell]:
        warnings += [f"Ours and the peers' figures are of different times, not interleaved: {'; '.join(apart)}."]
    return warnings


def _not_interleaved(cell: pd.DataFrame) -> str | None:
    ours = cell[cell["library"] == OURS]["at"]
    others = cell[cell["library"] != OURS]["at"]
    if ours.empty or others.empty or max(ours.min() - others.max(), others.min() - ours.max()) < APART_SECONDS:
        return None
    return _cell_name(cell)


# ---------------------------------------------------------------------------------------------------- the cells


def _of_part(measured: pd.DataFrame, part: str) -> pd.DataFrame:
    return measured[measured["part"] == part]


def _cells(measured: pd.DataFrame, part: str) -> list[pd.DataFrame]:
    return _all_cells(_of_part(measured, part))


def _all_cells(measured: pd.DataFrame) -> list[pd.DataFrame]:
    return [cell for _, cell in measured.groupby(KEY[: KEY.index("library")], sort=True)]


def _cell_name(cell: pd.DataFrame) -> str:
    """What tells a cell from others of its part."""
    first = cell.iloc[0]
    threads = f"{first['threads']} thread" + ("s" if first["threads"] > 1 else "")
    names = {
        "predict": f"{first['form']}, {first['trees']} trees, {threads}",
        "contributions": f"{first['form']}, {threads}",
        "row": f"{first['form']}, {first['trees']} trees",
    }
    return names.get(first["part"], f"{size(first['rows'])}×{first['columns']} {first['form']}, {threads}")


def _figures(cell: pd.DataFrame, name: str) -> pd.DataFrame:
    """A figure of each round, rounds × libraries."""
    return cell.pivot(index="round", columns="library", values=name)


# -------------------------------------------------------------------------------------------- asked and reached


def _asked_and_reached(lines: list[Line]) -> str:
    rows = [[what, asked, reached, "yes" if enough else "**no**"] for what, asked, reached, enough in lines]
    return markup.table(["what", "asked", "reached", "enough"], rows)


def _fit_line(cell: pd.DataFrame) -> list[Line]:
    """How many times faster than the fastest peer."""
    seconds, asked = _figures(cell, "seconds"), FIT.get(cell["rows"].iloc[0])
    if asked is None or not _with_peers(seconds):
        return []
    peer = seconds.drop(columns=OURS).median().idxmin()
    return [_times_line(f"fit {_cell_name(cell)}: fastest peer ÷ ours", asked, seconds, peer)]


def _times_line(what: str, asked: float, seconds: pd.DataFrame, peer: str) -> Line:
    """Ratio of medians, and the least and greatest of the rounds."""
    ratio, by_round = seconds[peer].median() / seconds[OURS].median(), (seconds[peer] / seconds[OURS]).dropna()
    spread = f" ({by_round.min():.2f}–{by_round.max():.2f})" if len(by_round) > 1 else ""
    return what, f"≥ {asked:g}", f"{ratio:.2f}{spread}, {peer}", ratio >= asked


def _auc_line(cell: pd.DataFrame) -> list[Line]:
    """Mean difference to the peer of the same settings that is best on average, and its standard error over seeds."""
    auc, asked = _figures(cell, "auc"), AUC.get(cell["rows"].iloc[0])
    auc = auc.drop(columns=OTHER_TASK, errors="ignore")
    if asked is None or not _with_peers(auc):
        return []
    auc = auc.dropna()
    if auc.empty:
        return []
    peer = auc.drop(columns=OURS).mean().idxmax()
    mean, error = _mean_and_error(auc[OURS] - auc[peer])
    what = f"AUC {_cell_name(cell)}: ours − best peer's, {len(auc)} seeds"
    return [(what, f"≥ −{-asked:.4f}", f"{mean:+.4f} ± {error:.4f}, {peer}", mean >= asked)]


def _mean_and_error(values: pd.Series) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def _memory_line(cell: pd.DataFrame) -> list[Line]:
    """Share of the memory that LightGBM's thriftiest mode needs beyond the input."""
    held, asked = _figures(cell, "bytes").median(), MEMORY.get(cell["rows"].iloc[0])
    modes = held[[name for name in held.index if name.startswith("LightGBM")]]
    if asked is None or OURS not in held or modes.empty:
        return []
    share = held[OURS] / modes.min()
    reached = f"{share:.2f} ({held[OURS] / 1e6:,.0f} of {modes.min() / 1e6:,.0f} MB), {modes.idxmin()}"
    return [(f"memory {_cell_name(cell)}: ours ÷ LightGBM's", f"≤ {asked:g}", reached, share <= asked)]


def _speed_lines(asked: dict[str, float], what: str) -> Callable[[pd.DataFrame], list[Line]]:
    def lines(cell: pd.DataFrame) -> list[Line]:
        seconds = _figures(cell, "seconds")
        peers = [peer for peer in asked if peer in seconds] if OURS in seconds else []
        name = _cell_name(cell)
        return [_times_line(f"{what} {name}: {peer} ÷ ours", asked[peer], seconds, peer) for peer in peers]

    return lines


def _row_line(cell: pd.DataFrame) -> list[Line]:
    """Microseconds over a call that does nothing."""
    ours = cell[cell["library"] == OURS]
    if ours.empty:
        return []
    over = (ours["seconds"] - ours["bare_seconds"]).median() * 1e6
    what = f"one row from Python, {_cell_name(cell)}: µs over a bare call"
    return [(what, f"≤ {ROW:g}", f"{over:.1f}", over <= ROW)]


def _growth_lines(measured: pd.DataFrame) -> list[Line]:
    """Times longer from each number of rows to the next, and bytes a cell at the most rows."""
    ours, lines = measured[measured["library"] == OURS], []
    for _, of_form in ours.groupby(["form", "threads"]):
        seconds, held = of_form.groupby("rows")["seconds"].median(), of_form.groupby("rows")["bytes"].median()
        for before, after in zip(seconds.index, seconds.index[1:]):
            step = seconds[after] / seconds[before]
            asked = STEP * after / before / 10
            what = f"growth {size(before)} → {size(after)} rows, {of_form['form'].iloc[0]}: times longer"
            lines.append((what, f"≤ {asked:g}", f"{step:.2f}", step <= asked))
        if CELL_ROWS in held:
            a_cell = held[CELL_ROWS] / (CELL_ROWS * of_form["columns"].iloc[0])
            what = f"memory {size(CELL_ROWS)} rows, {of_form['form'].iloc[0]}: bytes a cell beyond the input"
            lines.append((what, f"< {CELL_BYTES:g}", f"{a_cell:.1f}", a_cell < CELL_BYTES))
    return lines


def _with_peers(figures: pd.DataFrame) -> bool:
    return OURS in figures and len(figures.columns) > 1


#: How the lines of a cell are found, by part.
_LINES = {
    "fit": _fit_line,
    "auc": _auc_line,
    "memory": _memory_line,
    "predict": _speed_lines(PREDICT, "predict"),
    "row": _row_line,
    "contributions": _speed_lines(CONTRIBUTIONS, "contributions"),
}


# -------------------------------------------------------------------------------------------- every library's


def _by_library(
    measured: pd.DataFrame, libraries: list[Library], figure: Callable[[pd.DataFrame], pd.Series], text: str
) -> str:
    """A row a library and a column a cell: median, and quartiles where there are rounds enough."""
    cells = _all_cells(measured)
    rows = []
    for library in libraries:
        of_library = [cell[cell["library"] == library.name] for cell in cells]
        if any(len(each) for each in of_library):
            rows.append([library.name, *(_spread(figure(each), text) for each in of_library)])
    return markup.table(["library", *map(_cell_name, cells)], rows)


def _spread(values: pd.Series, text: str) -> str:
    if values.empty:
        return "–"
    low, middle, high = (format(value, text) for value in values.quantile([0.25, 0.5, 0.75]))
    return middle if len(values) < 3 or low == high else f"{middle} [{low}–{high}]"


def _microseconds(measured: pd.DataFrame) -> pd.Series:
    return measured["seconds"] / measured["rows"] * 1e6


#: Part, title, the figure, and how it is written.
_TABLES = [
    ("fit", "Fit: seconds by the clock", lambda measured: measured["seconds"], ".3g"),
    ("fit", "Fit: seconds of the processor", lambda measured: measured["cpu_seconds"], ".3g"),
    ("auc", "Test AUC, by seed", lambda measured: measured["auc"], ".4f"),
    ("memory", "Most memory beyond the input while fitting, MB", lambda measured: measured["bytes"] / 1e6, ",.0f"),
    ("predict", "Prediction of a table: microseconds a row", _microseconds, ".3g"),
    ("row", "One row from Python: microseconds", lambda measured: measured["seconds"] * 1e6, ".3g"),
    ("contributions", "Contributions: rows a second", lambda measured: measured["rows"] / measured["seconds"], ",.0f"),
    ("growth", "Growth: seconds of a fit", lambda measured: measured["seconds"], ".3g"),
    ("growth", "Growth: bytes a cell beyond the input",
     lambda measured: measured["bytes"] / (measured["rows"] * measured["columns"]), ".1f"),
]
