"""Signals: reasons for a person to look at a row."""
