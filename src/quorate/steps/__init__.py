"""What is worth doing next: each file finds one kind of step, and what it is expected to bring."""
