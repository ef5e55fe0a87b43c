"""The run of a project whose table need not fit into memory, a partition at a time."""
