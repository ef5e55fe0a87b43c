"""What contenders answer, each asked once: `peers/.answers` keeps answers by the contender's code and the votes."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from inspect import getsource
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import contenders
from benchmarks.measurement import ROOT
from benchmarks.peers import absence, python_with
from benchmarks.worker import Worker

KEPT = Path(__file__).parent / "peers" / ".answers"


@dataclass(frozen=True)
class Contender:
    """A label model: its function in `contenders`, the environment it needs, and what it is spared.

    `judges`: it can fit on some rows and judge others. `most_votes` and `most_cells` (sources times labels) keep those
    out that would take hours.
    """

    title: str
    make: Callable[[], Any]
    package: str = ""
    judges: bool = False
    fewest_sources: int = 1
    most_votes: float = float("inf")
    most_cells: float = float("inf")

    def excuse(self, matrix: NDArray[np.int16], k: int) -> str:
        """Why it has no answer about these votes; "" where it has."""
        if self.package and python_with(self.package) is None:
            return absence(self.package)
        if matrix.shape[1] < self.fewest_sources:
            return f"needs {self.fewest_sources} sources, {matrix.shape[1]} here"
        if matrix.shape[1] * k > self.most_cells:
            return f"{matrix.shape[1]} sources of {k} labels are too many"
        votes = int((matrix >= 0).sum())
        return f"{votes:,} votes are too many" if votes > self.most_votes else ""


OURS = Contender("quorum", contenders.quorum, judges=True)
PEERS = {
    "majority": Contender("majority vote", contenders.majority, judges=True),
    "weighted_majority": Contender("weighted majority", contenders.weighted_majority, judges=True),
    "dawid_skene": Contender("Dawid-Skene", contenders.dawid_skene, judges=True),
    "dawid_skene_abstaining": Contender("Dawid-Skene, abstaining", contenders.dawid_skene_abstaining, judges=True),
    # Snorkel fits a square matrix of this side; beyond it takes hours.
    "snorkel": Contender("Snorkel", contenders.snorkel, "snorkel", judges=True, fewest_sources=3, most_cells=1200),
    "hyperlm": Contender("HyperLM", contenders.hyperlm, "hyperlm", judges=True),
    "ebcc": Contender("EBCC", contenders.ebcc),
    "crowdkit_ds": Contender("crowd-kit DS", contenders.crowdkit_ds, "crowdkit"),
    "crowdkit_one_coin": Contender("crowd-kit OneCoin", contenders.crowdkit_one_coin, "crowdkit"),
    "crowdkit_mace": Contender("crowd-kit MACE", contenders.crowdkit_mace, "crowdkit", most_votes=60_000),
    "crowdkit_glad": Contender("crowd-kit GLAD", contenders.crowdkit_glad, "crowdkit", most_votes=6_000),
}


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """P(label) float64[n, k], and what it took: seconds of one core, MiB of memory (NaN where not counted)."""

    probs: NDArray[np.float64]
    cpu_s: float
    peak_mib: float


class Answers:
    """Asks contenders, each in a process of its own that starts when it is first needed."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._workers: dict[str, Worker] = {}

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def of(self, contender: Contender, matrix: NDArray[np.int16], k: int, judged: Any = None) -> Answer:
        """What the contender makes of votes whose rows all have some."""
        path = KEPT / f"{_key(contender, matrix, k, judged)}.npz"
        if path.exists():
            kept = np.load(path)
            return Answer(kept["probs"], float(kept["cpu_s"]), float(kept["peak_mib"]))
        also = {} if judged is None else {"judged": judged}
        reply = self._worker(contender).ask(keep=True, matrix=matrix, k=k, **also)
        answer = Answer(reply.answer[0], reply.took.cpu_s, reply.answer[1])
        KEPT.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part.npz")
        np.savez_compressed(beside, probs=answer.probs, cpu_s=answer.cpu_s, peak_mib=answer.peak_mib)
        beside.rename(path)
        return answer

    def _worker(self, contender: Contender) -> Worker:
        if contender.title not in self._workers:
            python = python_with(contender.package) if contender.package else None
            worker = Worker(contender.make, python) if python else Worker(contender.make)
            self._workers[contender.title] = self._stack.enter_context(worker)
        return self._workers[contender.title]


def _key(contender: Contender, matrix: NDArray[np.int16], k: int, judged: Any) -> str:
    digest = blake2b(digest_size=12)
    for part in (getsource(contender.make), contender.package or own_code(), str(matrix.shape), str(k)):
        digest.update(part.encode())
    for array in (matrix, judged):
        digest.update(b"-" if array is None else np.ascontiguousarray(array, np.int16).tobytes())
    return f"{contender.make.__name__}-{digest.hexdigest()}"


@cache
def own_code() -> str:
    """Changes with any code of ours that a label model may run: what their files import, and these in turn."""
    source = ROOT / "src"
    reached: set[Path] = set()
    found = [ROOT / "benchmarks" / "peers" / "ebcc.py", *(source / "quorate" / "label_models").glob("*.py")]
    while found:
        path = found.pop()
        if path.exists() and path not in reached:
            reached.add(path)
            imported = re.findall(r"^\s*from (quorate[\w.]*) import", path.read_text("utf-8"), re.MULTILINE)
            found += [source / f"{name.replace('.', '/')}.py" for name in imported]
    digest = blake2b(digest_size=12)
    for path in sorted(reached):
        digest.update(path.read_bytes())
    return digest.hexdigest()
