#!/bin/sh
# Makes the environment that skweak is measured in: benchmarks/peers/.venv/skweak.
# PYTHON names another interpreter; pip's own settings (PIP_INDEX_URL, ...) choose where packages come from.
set -eu
venv="$(cd "$(dirname "$0")" && pwd)/.venv/skweak"
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet "skweak==0.3.3"
"$venv/bin/python" -c "import skweak.generative; from importlib.metadata import version; print('skweak', version('skweak'), 'is ready')"
