"""What the tests share."""

import pandas as pd
import pytest

from business import SIGNALS, make_accounts


@pytest.fixture(scope="session")
def accounts() -> pd.DataFrame:
    return make_accounts()


@pytest.fixture(scope="session")
def features(accounts) -> pd.DataFrame:
    return accounts[SIGNALS]
