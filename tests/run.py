#!/usr/bin/env python3
"""Runs every test of both languages: ``python3 tests/run.py``.

First the Rust workspace. Then the Python package is built into a virtual environment of its own (``.venv`` beside
``Cargo.toml``) and its tests run there. Arguments go to pytest: ``python3 tests/run.py -k schema``.
A second run builds only what has changed.
"""

import hashlib
import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")


def run(*command: object) -> None:
    """Runs one command from the top of the repository; ends with its exit code if it fails."""
    print("$", *command, flush=True)
    # Tools of the environment, maturin among them, are found before any others of the machine.
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    code = subprocess.run([*map(str, command)], cwd=ROOT, env={**os.environ, "PATH": path}).returncode
    if code:
        sys.exit(code)


def requirements() -> list[str]:
    """What is needed to build and to test the Python package, as its pyproject.toml says."""
    project = tomllib.loads((ROOT / "python" / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    return [*project["build-system"]["requires"], *project["project"]["dependencies"], *extras["test"]]


def environment() -> None:
    """Makes the virtual environment, and again whenever the requirements have changed."""
    needed = requirements()
    mark = VENV / "requirements.sha256"
    digest = hashlib.sha256("\n".join(needed).encode()).hexdigest()
    if mark.exists() and mark.read_text() == digest:
        return
    if not BIN.exists():
        venv.create(VENV, with_pip=True)
    run(BIN / "python", "-m", "pip", "install", "--quiet", *needed)
    mark.write_text(digest)


def main() -> None:
    """Tests Rust, builds the package, tests Python."""
    if sys.version_info < (3, 11):
        sys.exit("keepwell needs Python 3.11 or later")
    run("cargo", "test", "--workspace", "--all-features")
    environment()
    pip = [BIN / "python", "-m", "pip", "install", "--quiet"]
    run(*pip, "--no-build-isolation", "--no-deps", "--force-reinstall", ROOT / "python")
    run(BIN / "python", "-m", "pytest", ROOT / "python" / "tests", *sys.argv[1:])


if __name__ == "__main__":
    main()
