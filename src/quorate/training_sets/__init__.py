"""What exporters share: texts and labels as examples, limits, cards, splits in which near-duplicates stay together."""
