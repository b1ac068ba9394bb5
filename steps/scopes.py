"""Phrases on scopes."""
