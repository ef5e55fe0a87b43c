#!/bin/sh
# Makes the environment that cleanlab is measured in: benchmarks/peers/.venv/cleanlab.
# PYTHON names another interpreter; pip's own settings (PIP_INDEX_URL, ...) choose where packages come from.
set -eu
venv="$(cd "$(dirname "$0")" && pwd)/.venv/cleanlab"
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet "cleanlab>=2.8"
"$venv/bin/python" -c "import cleanlab.multiannotator; print('cleanlab', cleanlab.__version__, 'is ready')"
