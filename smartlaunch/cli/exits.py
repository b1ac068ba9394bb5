"""The exit codes; those of ``run`` are promised to users."""

from __future__ import annotations

GOOD = 0
FAILED = 1
USAGE = 2
BLOCKED = 3
INTERNAL = 4
INTERRUPTED = 130
