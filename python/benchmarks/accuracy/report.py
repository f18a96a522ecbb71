"""What came out: tables of the metrics, differences with intervals, ranks, a picture; also where keepwell loses."""

from __future__ import annotations

import os
import platform
from datetime import date
from pathlib import Path
from typing import Any

import markup
import numpy as np
import pandas as pd
from data import Table
from environment import version
from metrics import LEVEL, MORE_IS_BETTER, N_GROUPS, calibration_error, coverage
from models import Model
from run import N_FOLDS, Extent, Results, folds
from scipy import stats

#: The model that the others are compared with.
OURS = "keepwell blend"
#: The same with more effort.
BEST = "keepwell best"
#: Metrics by which models are ranked and drawn, and decimals of each metric in the tables.
RANKED = ["auc", "log_loss"]
TITLES = {
    "auc": "AUC",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
    "average_precision": "average precision",
    "brier": "Brier score",
    "lift_top_tenth": "lift of the top tenth",
    "profit": "profit a customer, over leaving all alone",
}
DECIMALS = {"lift_top_tenth": 2, "profit": 2, "fit_cpu_seconds": 2}


def write(tables: list[Table], models: list[Model], extent: Extent, results: Results) -> str:
    """Writes `report.md` and `report.png` into the results' folder; says where they are."""
    fits, unfinished = _comparable(_of_now(results.done(), tables, models, extent))
    if fits.empty:
        return f"nothing to report: no table has every fold of {OURS}"
    fits = fits.merge(_calibration(fits, {table.name: table for table in tables}, results), how="left")
    fits = _in_order(fits, tables, models)
    parts = {model.name for model in models if model.ablation}
    ablated = fits[fits["model"].isin(parts | {OURS, BEST})]
    fits = _in_order(fits[~fits["model"].isin(parts)], tables, models)
    text = "\n\n".join([*_sections(fits, tables, models, unfinished, results), *_ablation(ablated, parts)])
    path = results.folder / "report.md"
    path.write_text(text + "\n")
    _draw(fits, results.folder / "report.png")
    return f"{text}\n\nwritten to {path} and report.png beside it"


# ---------------------------------------------------------------------------------------------- what is compared


def _of_now(fits: pd.DataFrame, tables: list[Table], models: list[Model], extent: Extent) -> pd.DataFrame:
    """Fits of these tables and of these models as they are installed now."""
    versions = {model.name: version(model.package) for model in models}
    current = fits["version"] == fits["model"].map(versions)
    named = {table.name: table for table in tables}
    keys = zip(fits["table"], fits["repeat"], fits["fold"], strict=True)
    asked = [table in named and extent.covers(named[table], repeat, fold) for table, repeat, fold in keys]
    return fits[current & np.array(asked, dtype=bool)]


def _in_order(fits: pd.DataFrame, tables: list[Table], models: list[Model]) -> pd.DataFrame:
    """Tables and models as categories in the order in which they are reported, those without fits left out."""
    fits = fits.copy()
    for column, order in (("table", tables), ("model", models)):
        found = set(fits[column])
        fits[column] = pd.Categorical(fits[column], [each.name for each in order if each.name in found])
    return fits.sort_values(["table", "model", "repeat", "fold"])


def _comparable(fits: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Fits of the whole repeats that both a model and `OURS` have, a table; and what was left out for having fewer."""
    kept, unfinished = [], []
    for table, of_table in fits.groupby("table", observed=True):
        ours = of_table[of_table["model"] == OURS][["repeat", "fold"]]
        n_folds = ours.groupby("repeat").size()
        for model, of_model in of_table.groupby("model", observed=True):
            shared = of_model.merge(ours)
            whole = shared.groupby("repeat").size().reindex(n_folds.index) == n_folds
            kept.append(shared[shared["repeat"].isin(whole.index[whole])])
            if whole.sum() < len(whole):
                unfinished.append(f"{model} on {table}: {whole.sum()} of {len(whole)} repeats")
    return (pd.concat(kept) if kept else fits.head(0)), unfinished


def _calibration(fits: pd.DataFrame, tables: dict[str, Table], results: Results) -> pd.DataFrame:
    """Calibration error of each repeat, on the left-out rows of its folds together, a row a repeat."""
    groups = fits.groupby(["table", "model", "version", "repeat"], observed=True)
    errors = {key: _pooled_error(rows, tables[str(key[0])], results) for key, rows in groups}
    found = pd.Series(errors).rename_axis(["table", "model", "version", "repeat"])
    return found.rename("calibration_error").reset_index()


def _pooled_error(rows: pd.DataFrame, table: Table, results: Results) -> float:
    repeat = int(rows["repeat"].iloc[0])
    left_out = [left_out for _, left_out in folds(table, repeat)]
    y = np.concatenate([table.y[left_out[fold]] for fold in rows["fold"]])
    p = np.concatenate([np.load(results.scores_path(row)) for row in rows.to_dict("records")])
    return calibration_error(y, p)


def _means(fits: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean of a metric, models × tables; missing where it was not measured."""
    return fits.pivot_table(index="model", columns="table", values=metric, observed=True).dropna(axis=1, how="all")


# -------------------------------------------------------------------------------------------------- differences


def _difference(fits: pd.DataFrame, metric: str, model: str, ours: str = OURS) -> pd.Series:
    """Ours minus another's, the mean over the folds that both have, a table; positive is better for us."""
    of = {name: fits[fits["model"] == name].set_index(["table", "repeat", "fold"])[metric] for name in (ours, model)}
    sign = 1 if MORE_IS_BETTER[metric] else -1
    paired = (sign * (of[ours] - of[model])).dropna()
    return paired.groupby(level="table", observed=True).mean()


def _over_tables(differences: pd.Series) -> tuple[float, float]:
    """Mean and half width of its 95 % interval by Student's t over tables, as if they were drawn from all tables."""
    n = len(differences)
    half = stats.t.ppf(0.975, n - 1) * differences.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    return float(differences.mean()), float(half)


def _over_folds(fits: pd.DataFrame, metric: str, model: str, table: str) -> tuple[float, float]:
    """Mean difference on a table and half width of its 95 % interval, corrected for folds that share training rows.

    Nadeau & Bengio 2003, equation 6: the variance of a mean of `n` folds is (1 / n + left out / trained) that of one.
    """
    of_table = fits[fits["table"] == table].set_index(["repeat", "fold"])
    values = {name: of_table[of_table["model"] == name][metric] for name in (OURS, model)}
    sign = 1 if MORE_IS_BETTER[metric] else -1
    paired = (sign * (values[OURS] - values[model])).dropna().to_numpy(dtype=float)
    n = len(paired)
    if n < 2:
        return float(paired.mean()), float("nan")
    variance = paired.var(ddof=1) * (1 / n + 1 / (N_FOLDS - 1))
    return float(paired.mean()), float(stats.t.ppf(0.975, n - 1) * np.sqrt(variance))


# ------------------------------------------------------------------------------------------------------ sections


def _sections(
    fits: pd.DataFrame, tables: list[Table], models: list[Model], unfinished: list[str], results: Results
) -> list[str]:
    metrics = [metric for metric in TITLES if fits[metric].notna().any()]
    sections = ["# Accuracy with nothing tuned", _setting(fits, tables, models)]
    if unfinished:
        note = "Compared on fewer repeats, since the others were not measured: "
        sections += [note + "; ".join(unfinished) + ". Their means in the tables are over those."]
    sections += ["## keepwell's blend against each other model", _versus(fits)]
    sections += ["## Where keepwell loses", _losses(fits)]
    for metric in metrics:
        title = TITLES[metric][0].upper() + TITLES[metric][1:]
        better = "more" if MORE_IS_BETTER[metric] else "less"
        sections += [f"## {title} ({better} is better)", _by_table(fits, metric)]
    sections += _intervals(fits, {table.name: table for table in tables}, results)
    return [*sections, "## Time", _time(fits)]


def _setting(fits: pd.DataFrame, tables: list[Table], models: list[Model]) -> str:
    n_folds = fits[fits["model"] == OURS].groupby("table", observed=True).size()
    shown = {table.name: table for table in tables if table.name in n_folds.index}
    rows = "; ".join(
        f"{name} {len(table.y):,} × {table.X.shape[1]}, {table.y.mean():.1%}, {n_folds[name]}"
        for name, table in shown.items()
    )
    packages = sorted({model.package for model in models if (fits["model"] == model.name).any()})
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return (
        f"{date.today()}, Python {platform.python_version()} on {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores. {versions}.\n\n"
        f"Stratified folds of {N_FOLDS}, the same for all models. Rows × columns, share of positives, folds measured: "
        f"{rows}."
    )


def _versus(fits: pd.DataFrame) -> str:
    """A row a model: differences in the mean over tables, each with its interval, and tables won."""
    lines = ["Differences are in keepwell's favour where positive; 95 % intervals over tables."]
    metrics = ["auc", "log_loss", "calibration_error"]
    header = ["model", "tables", *(f"{TITLES[metric]}, tables won" for metric in metrics), "mean ranks"]
    ranks = {metric: _ranks(fits, metric) for metric in RANKED}
    rows = [[f"**{OURS}**", "", "", "", "", _rank_text(ranks, OURS)]]
    for model in fits["model"].cat.categories.drop(OURS):
        differences = {metric: _difference(fits, metric, model) for metric in metrics}
        cells = [_versus_cell(differences[metric]) for metric in metrics]
        rows.append([model, str(len(differences["auc"])), *cells, _rank_text(ranks, model)])
    n_ranked = {metric: len(rank) for metric, rank in ranks.items()}
    lines += ["", markup.table(header, rows), ""]
    note = f"Mean ranks by AUC and log loss, among the {n_ranked['auc']} models that have every table."
    return "\n".join([*lines, note])


def _versus_cell(differences: pd.Series) -> str:
    mean, half = _over_tables(differences)
    return f"{mean:+.4f} ± {half:.4f}, {(differences > 0).sum()} of {len(differences)}"


def _ranks(fits: pd.DataFrame, metric: str) -> pd.Series:
    """Mean rank over tables of the models that have them all, on the repeats that all of those have."""
    complete = _means(fits, metric).dropna(axis=0).index
    fits = fits[fits["model"].isin(complete)]
    n_models = fits.groupby(["table", "repeat"], observed=True)["model"].transform("nunique")
    means = _means(fits[n_models == len(complete)], metric).loc[complete]
    return means.rank(ascending=not MORE_IS_BETTER[metric]).mean(axis=1)


def _rank_text(ranks: dict[str, pd.Series], model: str) -> str:
    return " / ".join(f"{rank[model]:.1f}" if model in rank.index else "–" for rank in ranks.values())


def _losses(fits: pd.DataFrame) -> str:
    """Every table and model that is better than ours by AUC or log loss; marked where that is beyond chance."""
    lines = []
    for metric in RANKED:
        for model in fits["model"].cat.categories.drop(OURS):
            for table, difference in _difference(fits, metric, model).items():
                if difference < 0:
                    _, half = _over_folds(fits, metric, model, str(table))
                    lines.append((str(table), metric, model, difference, half))
    if not lines:
        return "Nowhere on these tables, by AUC or log loss."
    rows = [
        [table, TITLES[metric], model, f"{-difference:.4f} ± {half:.4f}", "yes" if -difference > half else "no"]
        for table, metric, model, difference, half in sorted(lines)
    ]
    note = "95 % intervals over folds, corrected for the training rows that they share.\n\n"
    return note + markup.table(["table", "metric", "better model", "by", "beyond chance"], rows)


def _by_table(fits: pd.DataFrame, metric: str) -> str:
    means = _means(fits, metric)
    decimals = DECIMALS.get(metric, 4)
    best = means.max() if MORE_IS_BETTER[metric] else means.min()
    rows = []
    for model, values in means.iterrows():
        cells = [_cell(values[table], best[table], decimals) for table in means.columns]
        mean = "–" if values.isna().any() or len(values) == 1 else f"{values.mean():.{decimals}f}"
        rows.append([str(model), *cells, *([mean] if len(values) > 1 else [])])
    header = ["model", *map(str, means.columns), *(["mean"] if len(means.columns) > 1 else [])]
    return markup.table(header, rows)


def _cell(value: float, best: float, decimals: int) -> str:
    if np.isnan(value):
        return "–"
    text = f"{value:.{decimals}f}"
    return f"**{text}**" if text == f"{best:.{decimals}f}" else text


def _intervals(fits: pd.DataFrame, tables: dict[str, Table], results: Results) -> list[str]:
    """How often the intervals of our scores hold what came of the rows left out; nothing where none were measured."""
    found = []
    for row in fits[fits["model"] == OURS].to_dict("records"):
        path, table = results.intervals_path(row), tables[str(row["table"])]
        if path.exists():
            _, left_out = folds(table, int(row["repeat"]))[int(row["fold"])]
            held = coverage(table.y[left_out], np.load(results.scores_path(row)), np.load(path))
            found.append({"table": table.name, **held})
    if not found:
        return []
    means = pd.DataFrame(found).groupby("table", sort=False).mean()
    means.loc["**mean**"] = means.mean()
    rows = [
        [str(table), f"{of['intervals']:.0%}", f"{of['chance']:.0%}", f"{of['width']:.3f}"]
        for table, of in means.iterrows()
    ]
    note = (
        f"Of {N_GROUPS} groups of a fold's left-out rows by score: how often the share of positives is within the "
        f"{LEVEL:.0%} interval of the group's rate, how often it would be if chance were all, and the mean width of a "
        "row's interval.\n\n"
    )
    header = ["table", f"within, of {LEVEL:.0%}", "chance alone", "width"]
    return ["## Intervals", note + markup.table(header, rows)]


def _time(fits: pd.DataFrame) -> str:
    """Seconds of the processor to fit, and of the clock to score a thousand rows."""
    busy = (fits["load"] > fits["threads"].clip(upper=os.cpu_count() or 1)).mean()
    notes = ["Processor seconds of a fit, all threads together; the mean over folds."]
    if busy > 0.1:
        notes.append(f"**Not for comparison: the machine had other work during {busy:.0%} of the fits.**")
    return " ".join(notes) + "\n\n" + _by_table(fits, "fit_cpu_seconds")


def _ablation(fits: pd.DataFrame, parts: set[str]) -> list[str]:
    """What each part of the blend is worth, and what it costs; nothing where it was not measured."""
    rows = []
    for model in fits["model"].cat.categories:
        ours = BEST if model.startswith("best ") else OURS
        if model not in parts or not (fits["model"] == model).any():
            continue
        gains = [_difference(fits, metric, model, ours) for metric in ("auc", "log_loss", "calibration_error")]
        seconds = -_difference(fits, "fit_cpu_seconds", model, ours)
        cost = f"{seconds.mean():+.2f}"
        rows.append([model, *(_versus_cell(gain) if len(gain) else "–" for gain in gains), cost])
    if not rows:
        return []
    note = (
        "What the whole is better by than without a part, and the processor seconds that the part takes of a fit; "
        "95 % intervals over tables, and tables on which it helps.\n\n"
    )
    header = ["left out", "AUC", "log loss", "calibration error", "seconds"]
    return ["## What each part is worth", note + markup.table(header, rows)]


# ------------------------------------------------------------------------------------------------------- picture


#: Differences beyond this stand at the picture's edge, so that the close ones can be told apart.
EDGE = 0.05


def _draw(fits: pd.DataFrame, path: Path) -> None:
    """A dot a table and a bar for the mean: how much better keepwell's blend is than each model."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    others = list(fits["model"].cat.categories.drop(OURS))
    others.sort(key=lambda model: _difference(fits, "log_loss", model).mean())
    names = list(fits["table"].cat.categories)
    colours = dict(zip(names, plt.get_cmap("tab10").colors, strict=False))
    figure, axes = plt.subplots(1, 2, figsize=(11, 1.4 + 0.4 * len(others)), sharey=True, layout="constrained")
    for axis, metric in zip(axes, RANKED, strict=True):
        for row, model in enumerate(others):
            _draw_row(axis, row, _difference(fits, metric, model), colours)
        axis.axvline(0, color="black", linewidth=0.8)
        axis.set_title(f"{TITLES[metric]}: how much better {OURS} is", fontsize=10)
        axis.grid(axis="x", alpha=0.3)
    axes[0].set_yticks(range(len(others)), others)
    handles = [plt.Line2D([], [], marker="o", linestyle="", color=colours[name], label=name) for name in names]
    handles.append(plt.Line2D([], [], marker=">", linestyle="", color="grey", label=f"beyond {EDGE}"))
    figure.legend(handles=handles, loc="outside lower center", ncol=len(handles), frameon=False, fontsize=9)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _draw_row(axis: Any, row: int, differences: pd.Series, colours: dict[str, Any]) -> None:
    axis.barh(row, min(differences.mean(), EDGE), color="#d5dbe3", zorder=1)
    for table, difference in differences.items():
        marker = "<" if difference < -EDGE else ">" if difference > EDGE else "o"
        at = np.clip(difference, -EDGE, EDGE)
        axis.plot(at, row, marker, color=colours[str(table)], markersize=5, zorder=2, clip_on=False)
