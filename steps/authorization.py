"""Phrases on authorization."""
