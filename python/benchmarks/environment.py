"""Where a benchmark runs: a virtual environment of its own, with the peers in the versions that its folder asks for."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import venv
from pathlib import Path

#: Where a package's own name differs from the one it is imported by.
_DISTRIBUTIONS = {"interpret": "interpret-core", "sklearn": "scikit-learn", "xgboost": "xgboost-cpu"}


def enter(benchmark: Path) -> None:
    """Goes on in the environment of a benchmark's folder, made or brought up to date first; does not come back."""
    home = benchmark / "cache" / "venv"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print(f"making an environment in {home}", flush=True)
        venv.create(home, with_pip=True)
    _install(python, benchmark / "requirements.txt", home / "requirements.sha256")
    again = [str(python), str(benchmark), "--this-python", *sys.argv[1:]]
    raise SystemExit(subprocess.run(again).returncode)


def _install(python: Path, requirements: Path, stamp: Path) -> None:
    """The peers, if their versions have changed; keepwell always, so that it is this tree's."""
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([*pip, "-r", str(requirements)], check=True)
        stamp.write_text(wanted)
    print("building keepwell", flush=True)
    subprocess.run([*pip, "--force-reinstall", "--no-deps", str(requirements.parents[2])], check=True)


def installed(package: str) -> bool:
    """Whether a package can be imported."""
    return importlib.util.find_spec(package) is not None


def version(package: str) -> str:
    """Version of an installed package; keepwell's with a mark of its native half, which changes without it."""
    found = importlib.metadata.version(_DISTRIBUTIONS.get(package, package))
    return f"{found}+{_native_mark()}" if package == "keepwell" else found


def _native_mark() -> str:
    import keepwell._native as native

    return hashlib.sha256(Path(native.__file__).read_bytes()).hexdigest()[:8]
