# One verb per chore, the same on a laptop and in CI. `python` is that of the active virtual environment.
.PHONY: check lint types test bench

check: lint types test

lint:
	python -m ruff check .
	python -m ruff format --check .

types:
	python -m mypy
	for rules in labeling_functions/*/rules.py; do python -m mypy --strict "$$rules" || exit 1; done

test:
	python -m pytest

bench:
	python -m benchmarks apply
	python -m benchmarks quality
