"""The load test is run as scripts from its folder, so its package is found there and not installed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
