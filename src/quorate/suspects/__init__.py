"""Suspects: rows whose label is probably wrong, how probably, and what speaks against it."""
