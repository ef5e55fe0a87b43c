"""What the suite `scale` measures: synthetic votes of known truth, contenders, races between them, files, curves."""
