"""Two sources with known truth, for the tests of comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from projects import Ended
from typer.testing import CliRunner

from quorate.cli import app
from quorate.comparing.candidates import Candidates, Settled
from quorate.comparing.population import Population
from quorate.rows import Rows
from quorate.values import ABSTAIN, Votes

LABELS = ("no", "yes", "maybe")


def made(
    matrix: Any, gold: Any, *, settled: Any = None, names: tuple[str, ...] = ("a", "b"), **more: Any
) -> Candidates:
    """Candidates of a matrix int[n, m]; `gold` int[n] (-1 unknown), of which only `settled` positions are known."""
    votes = Votes.of(np.asarray(matrix), LABELS, names)
    truth = np.asarray(gold)
    at = np.flatnonzero(truth != ABSTAIN) if settled is None else np.asarray(settled, np.intp)
    order = more.pop("in_order", False)
    fits = truth[at][:, None] == np.arange(len(LABELS))
    rows = Rows(pa.table({"text": [f"text {i}" for i in range(len(truth))]}), votes.ids)
    known = Settled(at, fits, order, more.pop("sampled", ""))
    return Candidates("made", rows, votes, more.pop("compared", names), known, "text", **more)


def simulated(n: int, seed: int, skills: tuple[float, ...] = (0.9, 0.8)) -> tuple[NDArray[Any], NDArray[Any]]:
    """Sources that are right so often and else guess: (matrix, gold)."""
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, 3, n)
    columns = [np.where(generator.random(n) < skill, gold, generator.integers(0, 3, n)) for skill in skills]
    return np.stack(columns, axis=1), gold


def of(candidates: Candidates) -> Population:
    return Population.of(candidates)


def frame(n: int = 600, seed: int = 0, settled: int | None = None) -> pd.DataFrame:
    """A table of three sources and gold on the first `settled` rows."""
    matrix, gold = simulated(n, seed, (0.95, 0.75, 0.6))
    known = np.where(np.arange(n) < (n if settled is None else settled), np.array(LABELS)[gold], "")
    columns = {name: np.array(LABELS)[matrix[:, j]] for j, name in enumerate("abc")}
    text = [f"<b>row {i}</b> & more of it" for i in range(n)]
    return pd.DataFrame({"id": [f"r{i}" for i in range(n)], "text": text, **columns, "gold": known})


def inside(*arguments: object) -> Ended:
    """The command line in this process."""
    screen = {"COLUMNS": "160", "NO_COLOR": "1"}
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], env=screen, catch_exceptions=False)
    return Ended(done.exit_code, done.stdout, done.stderr)
