"""Sources: how a thing becomes a voter."""
