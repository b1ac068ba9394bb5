"""Pure checks: a message in, findings out. No I/O, no pytest, no engine.

A check names requirements and never decides how bad a breach is; the catalogue's strength does.
"""
