"""The review page: one card at a time, decisions kept before they are confirmed, and what they change at once."""
