"""``python -m smartlaunch.cli`` is the same as ``smartlaunch``."""

from __future__ import annotations

import sys

from smartlaunch.cli import main

sys.exit(main())
