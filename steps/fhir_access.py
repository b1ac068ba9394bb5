"""Phrases on fhir access."""
