#!/bin/sh
# Makes the environment that HyperLM is measured in: benchmarks/peers/.venv/hyperlm.
# PYTHON names another interpreter; pip's own settings (PIP_INDEX_URL, ...) choose where packages come from.
set -eu
venv="$(cd "$(dirname "$0")" && pwd)/.venv/hyperlm"
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet "hyperlm==0.0.5" "torch>=2.6,<2.14" "numpy" "scipy"
# Its checkpoint is a pickle, which torch loads since 2.6 only when told to.
TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 "$venv/bin/python" -c "import hyperlm; hyperlm.HyperLabelModel(); print('HyperLM is ready')"
