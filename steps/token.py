"""Phrases on token."""
