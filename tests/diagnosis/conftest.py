"""Make the helper module of these tests importable without a package, and have hypothesis try the same examples each time."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))
settings.register_profile("same each time", derandomize=True, deadline=None)
settings.load_profile("same each time")
