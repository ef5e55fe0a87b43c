"""Puts the helper modules of this folder, and the benchmarks, within reach of the tests; what several of them share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parent.parent))


@pytest.fixture(scope="session")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of the labels of three sources, 200 rows settled, as a file."""
    from compared import frame

    path = tmp_path_factory.mktemp("tables") / "labels.csv"
    frame(settled=200).to_csv(path, index=False)
    return path
