"""The commands, a file for each that needs one, and how all of them speak."""
