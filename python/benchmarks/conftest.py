"""Lets the tests import what they test by the names that `python3 python/benchmarks/NAME` knows."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(main.parent) for main in HERE.glob("*/__main__.py"))]
