"""Phrases on launch."""
