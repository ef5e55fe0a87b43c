"""What every plug-in promises, and the laws of signals and executors, over everything that there is.

The laws of sources, label models, endpoints and exporters fill files of their own.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from discovered import every, example, label_matrices, law, votes_of
from hypothesis import strategies as st
from projects import needs_spark

from quorate.errors import PluginError, ProjectError
from quorate.fuse import fuse
from quorate.registry import KINDS, build, load, names
from quorate.values import ABSTAIN, Labels, LabelSpace, Votes

EVERYTHING = [(name, kind) for kind in KINDS for name in names(kind)]


# Every plug-in


@pytest.mark.parametrize(("name", "kind"), EVERYTHING)
def test_a_plugin_is_a_documented_frozen_dataclass_that_knows_its_kind(name: str, kind: str) -> None:
    plugin: Any = load(kind, name)
    assert is_dataclass(load(kind, name))
    assert plugin.__dataclass_params__.frozen
    assert plugin.kind == kind
    assert plugin.__doc__
    assert not plugin.__doc__.startswith(f"{plugin.__name__}("), "a dataclass without a docstring gets its signature"


@pytest.mark.parametrize(("name", "kind"), EVERYTHING)
def test_its_example_is_one_of_its_own(name: str, kind: str) -> None:
    assert isinstance(example(kind, name), load(kind, name))


@pytest.mark.parametrize(("name", "kind"), EVERYTHING)
def test_an_option_that_it_does_not_take_is_named(name: str, kind: str) -> None:
    refused = rf"{name} (takes no option 'no_such_option'|is made from objects of Python)"
    with pytest.raises((ProjectError, PluginError), match=refused):
        build(kind, name, {"no_such_option": 1})


# Signals


@st.composite
def judged(draw: st.DrawFn) -> tuple[Votes, Labels]:
    """Votes of rules and models, and what some label model believes of them."""
    matrix, k = draw(label_matrices(sources=1))
    families = tuple(draw(st.sampled_from(["rule", "model"])) for _ in range(matrix.shape[1]))
    votes = replace(votes_of(matrix, k), families=families)
    weight = np.array(draw(st.lists(st.integers(0, 9), min_size=len(votes) * k, max_size=len(votes) * k)), float)
    weight = weight.reshape(len(votes), k) + (votes.counts() > 0) + 1e-9
    return votes, Labels(votes.space, votes.ids, weight / weight.sum(axis=1, keepdims=True), votes.covered, "made up")


def _taken(case: tuple[Votes, Labels], rows: Any, sources: Any, labels: Any) -> tuple[Votes, Labels]:
    """The same judgement with its rows, sources and labels in another order."""
    votes, believed = case
    matrix = votes.matrix[rows][:, sources]
    matrix = np.where(matrix == ABSTAIN, ABSTAIN, np.argsort(labels)[matrix])
    space = LabelSpace(tuple(votes.space.names[y] for y in labels))
    ids = votes.ids.take(pa.array(rows, pa.int64()))
    moved = replace(Votes.of(matrix, space, ids=ids.to_pylist()), families=tuple(votes.families[j] for j in sources))
    return moved, Labels(space, ids, believed.probs[rows][:, labels], believed.covered[rows], "made up")


@law("signals", judged())
def test_a_signal_is_one_number_from_0_to_1_per_row(name: str, case: tuple[Votes, Labels]) -> None:
    score = example("signals", name).score(*case)
    assert score.dtype == np.float32
    assert score.shape == (len(case[0]),)
    assert np.isfinite(score).all()
    assert score.min(initial=0.0) >= 0
    assert score.max(initial=1.0) <= 1


@law("signals", judged())
def test_a_signal_follows_its_row_and_knows_no_order(name: str, case: tuple[Votes, Labels]) -> None:
    n, m = case[0].matrix.shape
    k, signal = len(case[0].space), example("signals", name)
    score = signal.score(*case)
    backwards = np.arange(n)[::-1]
    reordered = signal.score(*_taken(case, backwards, np.arange(m), np.arange(k)))
    assert reordered.tobytes() == score[backwards].tobytes()
    renamed = signal.score(*_taken(case, np.arange(n), np.arange(m)[::-1], np.roll(np.arange(k), 1)))
    np.testing.assert_allclose(renamed, score, atol=1e-6)


@every("signals")
def test_a_signal_of_no_rows_is_empty(name: str) -> None:
    votes = votes_of(np.zeros((0, 2), np.int16), 2)
    assert example("signals", name).score(votes, fuse(votes, "majority")).tolist() == []


# Executors


def _executors() -> list[Any]:
    """Each executor as its example is, and with two workers where it takes `workers`."""
    made = []
    for name in names("executors"):
        several = {"workers": 2} if "workers" in {f.name for f in fields(load("executors", name))} else None
        made += [pytest.param(name, {}, id=name)] + [pytest.param(name, several, id=f"{name}-2")] * bool(several)
    return made


def executor(name: str, options: dict[str, int]) -> Any:
    if name == "spark":
        needs_spark()
    return replace(example("executors", name), **options)


every_executor = pytest.mark.parametrize(("name", "options"), _executors())


@every_executor
@pytest.mark.parametrize("items", [[], [5], list(range(40))], ids=len)
def test_map_gives_results_in_the_order_of_the_items(name: str, options: dict[str, int], items: list[int]) -> None:
    offset = 100  # a closure, so that the function can travel by value alone
    assert list(executor(name, options).map(lambda i: i + offset, iter(items))) == [i + 100 for i in items]


@every_executor
@pytest.mark.parametrize("size", [1, 2, 17])
def test_fold_is_reduce_in_the_order_of_the_items(name: str, options: dict[str, int], size: int) -> None:
    joined = executor(name, options).fold(lambda i: f"<{i}>", lambda a, b: a + b, range(size))
    assert joined == reduce(lambda a, b: a + b, (f"<{i}>" for i in range(size)))


@every_executor
def test_what_the_function_raises_is_raised_here(name: str, options: dict[str, int]) -> None:
    with pytest.raises(ZeroDivisionError):
        list(executor(name, options).map(lambda i: 1 // (3 - i), range(6)))
    assert list(executor(name, options).map(str, range(3))) == ["0", "1", "2"]


@every_executor
def test_items_are_not_all_taken_before_the_first_result(name: str, options: dict[str, int]) -> None:
    taken: list[int] = []
    items = (taken.append(i) or i for i in range(1000))  # type: ignore[func-returns-value]
    assert next(iter(executor(name, options).map(str, items))) == "0"
    assert len(taken) < 100
