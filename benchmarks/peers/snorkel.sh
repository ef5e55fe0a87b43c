#!/bin/sh
# Makes the environment that Snorkel is measured in: benchmarks/peers/.venv/snorkel.
# PYTHON names another interpreter; pip's own settings (PIP_INDEX_URL, ...) choose where packages come from.
set -eu
venv="$(cd "$(dirname "$0")" && pwd)/.venv/snorkel"
"${PYTHON:-python3}" -m venv "$venv"
# From 2.14 on torch refuses what Snorkel 0.10 asks of it.
"$venv/bin/python" -m pip install --quiet "snorkel>=0.10" "torch>=2.2,<2.14"
"$venv/bin/python" -c "import snorkel.labeling.model; print('Snorkel', snorkel.__version__, 'is ready')"
