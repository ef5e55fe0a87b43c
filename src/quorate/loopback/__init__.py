"""A model server on this machine, for tests and demos."""
