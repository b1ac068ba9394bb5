"""Phrases on id token."""
