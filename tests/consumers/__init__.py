"""Real consumers read what the exporters write: `python -m tests.consumers`."""
