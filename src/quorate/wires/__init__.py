"""Wire forms: a question as JSON, and what a reply says."""
