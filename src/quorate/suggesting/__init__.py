"""Rules that labels suggest: candidates, how good they are on rows that did not choose them, code in a user's file."""
