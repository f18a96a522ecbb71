"""One model file, two languages: what Rust reads from it is bit for bit what Python reads from it."""

import csv
import io
import os
import subprocess
from pathlib import Path

import keepwell as kw
import numpy as np

from business import make_accounts

ROOT = Path(__file__).resolve().parents[2]


def score_in_rust(model: Path, accounts: Path) -> list[dict[str, str]]:
    """Scores by the example `score`, as the tests of Rust have built it: with other optimisations than Python's."""
    build = ["cargo", "build", "--quiet", "--profile", "test", "--workspace", "--all-features", "--example", "score"]
    subprocess.run(build, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    command = [target / "debug" / "examples" / "score", model, accounts]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return list(csv.DictReader(io.StringIO(run.stdout)))


def test_rust_scores_a_model_of_python_bit_for_bit(accounts, tmp_path):
    model = kw.HealthModel(kw.Schema.infer(accounts, value="mrr")).fit(accounts)
    model.save(tmp_path / "model.keepwell")
    today = make_accounts(300, seed=8).drop(columns=["churned", "expanded"])
    today.loc[::17, "plan"] = "unheard of"
    today.loc[::13, "seat_utilisation"] = np.nan
    today.to_csv(tmp_path / "today.csv", index=False)

    rows = score_in_rust(tmp_path / "model.keepwell", tmp_path / "today.csv")
    scored = model.score(today)
    for column in ("churn_probability", "expansion_probability", "health"):
        # The shortest text that reads back as the same number: equal numbers are equal bits.
        assert [float(row[column]) for row in rows] == scored[column].tolist()
    for column in ("account_id", "band"):
        assert [row[column] for row in rows] == scored[column]
    first = [reasons[0]["sentence"] if reasons else "" for reasons in scored["reasons"]]
    assert [row["first_reason"] for row in rows] == first
