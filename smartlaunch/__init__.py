"""Conformance test suite for SMART App Launch servers and apps."""

__version__ = "0.1.0"
