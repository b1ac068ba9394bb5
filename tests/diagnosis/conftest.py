"""Make the helper module of these tests importable without a package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
