"""The features, steps and suites, importable under one qualified name.

In a wheel the folders lie inside this package.  In a checkout they lie at the top of the repository, as the layout wants, so the
repository's root is added to ``__path__``: ``smartlaunch._suite.steps`` then means the ``steps`` folder of this project, also when
some other package named ``steps`` is installed.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE if (_HERE / "features").is_dir() else _HERE.parent.parent

if _ROOT != _HERE and (_ROOT / "features").is_dir():
    __path__.append(str(_ROOT))


def suite_root() -> Path:
    """Return the folder that holds ``conftest.py``, ``features/``, ``steps/`` and ``suites/``."""
    return _ROOT
