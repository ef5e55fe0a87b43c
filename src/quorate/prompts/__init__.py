"""What is said to a model about a row, and what is heard."""
