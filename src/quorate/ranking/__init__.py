"""What an answer is worth, and a random sample of rows that stays put."""
