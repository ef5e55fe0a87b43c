"""The laws of FusionState: any cut equals all at once, byte for byte; a source forgotten never voted; files keep it."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from discovered import LABELS, label_matrices, space
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate import FusionState, Gold, Votes, fuse
from quorate.errors import TableError
from quorate.patterns import VotePatterns

Case = tuple[Votes, Gold]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Votes, and gold for some of their rows."""
    matrix, k = draw(label_matrices())
    votes = Votes.of(matrix, space(k))
    settled = draw(st.lists(st.integers(-1, k - 1), min_size=len(votes), max_size=len(votes)))
    names = [None if y < 0 else LABELS[y] for y in settled]
    return votes, Gold.of(votes.ids.to_pylist(), names, votes.space)


def part(votes: Votes, at: list[int]) -> Votes:
    return Votes.of(votes.matrix[at], votes.space, votes.sources, [votes.ids[i].as_py() for i in at])


def same(one: FusionState | VotePatterns, other: FusionState | VotePatterns) -> bool:
    a, b = (x.patterns if isinstance(x, FusionState) else x for x in (one, other))
    arrays = [(x.matrix.tobytes(), x.counts.tobytes(), x.gold.tobytes(), x.matrix.shape) for x in (a, b)]
    return arrays[0] == arrays[1] and a.sources == b.sources and a.space == b.space


@settings(deadline=None, max_examples=60)
@given(cases(), st.data())
def test_updates_in_any_cut_and_order_equal_all_at_once(case: Case, data: st.DataObject) -> None:
    votes, gold = case
    order = data.draw(st.permutations(range(len(votes))))
    cut = data.draw(st.integers(0, len(votes)))
    state = FusionState.of(part(votes, []))
    for at in (order[:cut], order[cut:]):
        state = state.update(part(votes, list(at)), gold)
    assert same(state, VotePatterns.of(votes, gold))


@settings(deadline=None, max_examples=60)
@given(cases(), st.data())
def test_merging_is_commutative_associative_and_takes_sources_in_any_order(case: Case, data: st.DataObject) -> None:
    votes, gold = case
    parts = [list(range(i, len(votes), 3)) for i in range(3)]
    a, b, c = (FusionState.of(part(votes, at), gold) for at in parts)
    assert same(a.merge(b), b.merge(a))
    assert same(a.merge(b).merge(c), a.merge(b.merge(c)))
    order = data.draw(st.permutations(range(len(votes.sources))))
    shuffled = part(votes, parts[1])
    names = [votes.sources[j] for j in order]
    other = Votes.of(shuffled.matrix[:, list(order)], votes.space, names, shuffled.ids.to_pylist())
    assert same(a.merge(FusionState.of(other, gold)), a.merge(b))


@settings(deadline=None, max_examples=60)
@given(cases(), st.data())
def test_a_source_that_is_forgotten_never_voted(case: Case, data: st.DataObject) -> None:
    votes, gold = case
    gone = data.draw(st.sampled_from(range(len(votes.sources))))
    kept = [j for j in range(len(votes.sources)) if j != gone]
    without = Votes.of(votes.matrix[:, kept], votes.space, [votes.sources[j] for j in kept], votes.ids.to_pylist())
    assert same(FusionState.of(votes, gold).forget(votes.sources[gone]), FusionState.of(without, gold))


@settings(deadline=None, max_examples=60)
@given(cases())
def test_gold_that_comes_later_equals_gold_that_came_with_the_votes(case: Case) -> None:
    votes, gold = case
    assert same(FusionState.of(votes).settle(votes, gold), FusionState.of(votes, gold))


@settings(deadline=None, max_examples=25)
@given(case=cases())
def test_a_file_keeps_the_state_and_equal_states_give_equal_files(
    case: Case, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, state = tmp_path_factory.mktemp("states"), FusionState.of(*case)
    state.save(folder / "one.npz")
    state.merge(FusionState.of(part(case[0], []))).save(folder / "two.npz")
    assert same(FusionState.load(folder / "one.npz"), state)
    assert (folder / "one.npz").read_bytes() == (folder / "two.npz").read_bytes()


SAMPLE = Votes.of(np.random.default_rng(0).integers(-1, 2, (400, 6)), ["HAM", "SPAM"])


@pytest.mark.parametrize("model", ["majority", "dawid_skene", "quorum"])
def test_a_model_of_the_state_gives_the_labels_that_fuse_gives(model: str) -> None:
    state = FusionState.of(part(SAMPLE, [])).update(part(SAMPLE, list(range(150))))
    state = state.update(part(SAMPLE, list(range(150, 400))))
    assert state.fuse(SAMPLE, model).probs.tobytes() == fuse(SAMPLE, model).probs.tobytes()
    assert state.fuse(SAMPLE, model).model == model


def test_sources_that_the_state_does_not_know_are_not_heard() -> None:
    state = FusionState.of(SAMPLE).forget("source_2").forget("source_4")
    kept = Votes.of(SAMPLE.matrix[:, [0, 1, 3, 5]], SAMPLE.space, state.patterns.sources)
    assert state.fuse(SAMPLE).probs.tobytes() == state.fuse(kept).probs.tobytes()
    with pytest.raises(ValueError, match="there are no votes of 'source_2', 'source_4'; `forget`"):
        FusionState.of(SAMPLE).fuse(kept)


def test_labels_keep_their_descriptions_and_the_file_its_name(tmp_path: Path) -> None:
    state = FusionState.of(SAMPLE)
    state.save(tmp_path / "fused")
    assert [path.name for path in tmp_path.iterdir()] == ["fused"]
    assert FusionState.load(tmp_path / "fused").patterns.space == SAMPLE.space


def test_a_refit_does_not_depend_on_the_rows() -> None:
    state = FusionState.of(Votes.of(np.random.default_rng(0).integers(-1, 2, (60_000, 5)), ["HAM", "SPAM"]))
    state.fit("dawid_skene")
    start = perf_counter()
    state.fit("dawid_skene")
    assert perf_counter() - start < 0.5  # a few ms on an idle machine


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    state = FusionState.of(SAMPLE)
    with pytest.raises(ValueError, match=r"no source is called 'source_9'\. Did you mean 'source_"):
        state.forget("source_9")
    with pytest.raises(ValueError, match="the sources differ by 'source_5'; `forget` a source"):
        state.merge(state.forget("source_5"))
    with pytest.raises(ValueError, match="the same labels"):
        state.merge(FusionState.of(Votes.of(SAMPLE.matrix, ["A", "B"])))
    gold = Gold.of(["0"], ["HAM"], SAMPLE.space)
    with pytest.raises(ValueError, match="give rows to `update` before they are settled"):
        FusionState.of(part(SAMPLE, [])).settle(SAMPLE, gold)


@pytest.mark.parametrize("content", [b"", b"PK nonsense", b"\x80\x04pickle", None])
def test_a_file_that_is_no_state_is_told(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "state.npz").write_bytes(content)
    with pytest.raises(TableError, match=r"state\.npz is no state that FusionState\.save wrote"):
        FusionState.load(tmp_path / "state.npz")


def test_a_file_of_objects_is_not_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "state.npz", head=np.array([{"schema": 1}], dtype=object))
    with pytest.raises(TableError, match="is no state"):
        FusionState.load(tmp_path / "state.npz")


def test_the_input_is_left_as_it_was() -> None:
    before = SAMPLE.matrix.tobytes()
    FusionState.of(SAMPLE).update(SAMPLE).forget("source_0")
    assert SAMPLE.matrix.tobytes() == before
