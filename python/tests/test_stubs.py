"""The stubs say what the native module has: nothing more, nothing less."""

import subprocess
import sys
from pathlib import Path

CONFIG = Path(__file__).parent.parent / "pyproject.toml"


def check(*command):
    run = subprocess.run([sys.executable, "-m", *command, str(CONFIG)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_stubs_match_the_native_module():
    check("mypy.stubtest", "keepwell._native", "--mypy-config-file")


def test_types_hold_together():
    check("mypy", "--package", "keepwell", "--config-file")
