"""Runs told to trackers: what is told, and one file for each tracker, the only home of its package."""
