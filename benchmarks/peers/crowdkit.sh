#!/bin/sh
# Makes the environment that crowd-kit is measured in: benchmarks/peers/.venv/crowdkit.
# PYTHON names another interpreter; pip's own settings (PIP_INDEX_URL, ...) choose where packages come from.
set -eu
venv="$(cd "$(dirname "$0")" && pwd)/.venv/crowdkit"
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet "crowd-kit==1.4.2" "pandas<3"
"$venv/bin/python" -c "import crowdkit.aggregation; print('crowd-kit', crowdkit.__version__, 'is ready')"
