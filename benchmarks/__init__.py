"""Benchmarks with one door: `python -m benchmarks NAME [--data FOLDER] [--quick] [--json]`."""
