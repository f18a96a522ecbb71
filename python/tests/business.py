"""Accounts of a small business, made up the same in every run."""

import numpy as np
import pandas as pd

N_ROWS = 600


def make_accounts(n_rows: int = N_ROWS, seed: int = 7) -> pd.DataFrame:
    """Numbers, counts, flags, categories, missing values, a label of each kind and a value."""
    rng = np.random.default_rng(seed)
    seats = rng.uniform(0, 1, n_rows)
    tickets = rng.poisson(2, n_rows)
    plan = rng.choice(["basic", "team", "enterprise"], n_rows, p=[0.5, 0.3, 0.2])
    auto_renew = rng.uniform(size=n_rows) < 0.6
    nps = np.where(rng.uniform(size=n_rows) < 0.3, np.nan, rng.integers(-100, 101, n_rows))
    risk = 1.5 - 4 * seats + 0.3 * tickets + (plan == "basic") - auto_renew - 0.004 * np.nan_to_num(nps)
    growth = 3 * seats - 2.5 + 0.8 * (plan == "team")
    return pd.DataFrame(
        {
            "account_id": [f"A{row:04}" for row in range(n_rows)],
            "seat_utilisation": seats,
            "tickets_open": tickets,
            "plan": plan,
            "auto_renew": auto_renew,
            "nps": nps,
            "mrr": np.round(rng.lognormal(5, 1, n_rows), 2),
            "churned": rng.uniform(size=n_rows) < 1 / (1 + np.exp(-risk)),
            "expanded": rng.uniform(size=n_rows) < 1 / (1 + np.exp(-growth)),
        }
    )


SIGNALS = ["seat_utilisation", "tickets_open", "plan", "auto_renew", "nps", "mrr"]
