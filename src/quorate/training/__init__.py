"""End models: trained on the labels that votes gave, held against gold, and kept."""
