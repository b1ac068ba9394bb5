"""Refreshing: a line of refresh tokens of the suite's own, right refreshes that are shared, access that ends or stays, wrong refreshes.

A server may replace a refresh token at each use, and may end a whole grant when it is misused. So a line keeps the newest token,
proves it good by a right refresh just before each wrong one, and starts again with a fresh grant when a probe has killed it.
"""
