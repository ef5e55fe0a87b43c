"""What the default label model believes, and why: evidence of votes, members linear in them, what gold corrects."""
