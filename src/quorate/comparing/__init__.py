"""Which of two sources labels better, by how much, how sure, at what price."""
