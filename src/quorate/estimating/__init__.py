"""What a few settled rows say of the whole table."""
