"""What the benchmark of scale makes, judges and draws: votes of known truth, the floor by hand, limits, summaries."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from racers import dies, falls_silent, half, sleeper

from benchmarks import output
from benchmarks.__main__ import main, names
from benchmarks.measurement import Context, Measurement, WrongAnswer
from benchmarks.scaling import editing, estimate, files, numpy_em, race, tables, verdicts
from benchmarks.scaling.contenders import Laps, judged, numpy_floor, quorum
from benchmarks.scaling.plot import figure
from benchmarks.scaling.synthetic import Shape, blocks, write_arrays, write_parquet
from benchmarks.suites import scale
from benchmarks.watch import Limits, Stopped
from benchmarks.worker import Took, Worker

SMALL = Shape(3_000, 10, 3)


def votes_of(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    made = list(blocks(shape))
    return np.concatenate([votes for votes, _ in made]), np.concatenate([truth for _, truth in made])


def test_votes_are_as_they_say_and_the_same_each_time() -> None:
    shape = Shape(60_000, 10, 3)
    votes, truth = votes_of(shape)
    again, _ = votes_of(shape)
    np.testing.assert_array_equal(votes, again)
    assert votes.shape == (60_000, 10)
    assert (votes >= 0).any(axis=1).all()
    assert np.bincount(truth).tolist() == pytest.approx([20_000] * 3, rel=0.05)
    right = [(votes[votes[:, j] >= 0, j] == truth[votes[:, j] >= 0]).mean() for j in range(10)]
    # The second source copies half of what the first says, and shares its errors.
    assert sorted(right[2:])[0] > 0.53
    assert sorted(right[2:])[-1] < 0.92
    both = (votes[:, 0] >= 0) & (votes[:, 1] >= 0)
    assert (votes[both, 0] == votes[both, 1]).mean() > 0.7
    assert 0.18 < (votes[:, 1:] >= 0).mean(axis=0).min() < (votes >= 0).mean(axis=0).max() < 0.73


def test_beyond_fifty_sources_a_row_has_no_more_votes() -> None:
    few, many = (np.mean((votes_of(Shape(2_000, m))[0] >= 0).sum(axis=1)) for m in (50, 500))
    assert many == pytest.approx(few, rel=0.05)


def test_a_title_tells_its_shape() -> None:
    assert Shape.of(Shape(10**6, 2_000, 20).title + files.PARQUET) == Shape(10**6, 2_000, 20)
    assert Shape.of("ten functions").rows == 0


def test_arrays_and_parquet_hold_the_same_votes(tmp_path: Path) -> None:
    from pyarrow import parquet

    write_arrays(tmp_path, SMALL)
    write_parquet(tmp_path / "file.parquet", SMALL)
    table = parquet.read_table(tmp_path / "file.parquet")
    votes = np.load(tmp_path / "votes.npy")
    said = table["source_0003"].combine_chunks().dictionary_decode().to_pylist()
    assert said == [None if y < 0 else f"label_{y}" for y in votes[:, 3]]
    np.testing.assert_array_equal(np.load(tmp_path / "file.npy"), np.load(tmp_path / "truth.npy"))


@pytest.mark.parametrize("sources", [10, 50])
def test_the_floor_folds_exactly_and_believes_what_the_posterior_says(sources: int) -> None:
    votes, truth = votes_of(Shape(2_000, sources, 2))
    patterns, where, counts = numpy_em.folded(votes, 2)
    np.testing.assert_array_equal(patterns[where], votes)
    assert counts.sum() == 2_000
    assert len(np.unique(patterns, axis=0)) == len(patterns)
    weights, prior = numpy_em.fitted(patterns, counts, 2)
    probs = numpy_em.posterior(patterns, weights, prior)
    by_hand = prior + sum(weights[j, y] for j, y in enumerate(patterns[0]) if y >= 0)
    np.testing.assert_allclose(probs[0], np.exp(by_hand) / np.exp(by_hand).sum())
    assert (probs[where].argmax(axis=1) == truth).mean() > 0.85


@pytest.mark.parametrize("make", [quorum, numpy_floor])
def test_a_contender_measures_itself_and_judges_its_answer(make: Callable[..., Any], tmp_path: Path) -> None:
    write_arrays(tmp_path, SMALL)
    answer = make(str(tmp_path), SMALL.labels)()
    assert {"prepare", "fold", "fit", "predict"} <= set(answer["laps"])
    assert (answer["rows"], answer["off"]) == (3_000, pytest.approx(0, abs=1e-6))
    assert answer["accuracy"] > 70
    assert answer["peak_mib"] > 10


def test_judging_by_hand() -> None:
    found = judged(np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5], [0.2, 0.7]]), np.array([0, 0, 1, 1], np.int16))
    assert found["accuracy"] == pytest.approx(100 * 2.5 / 4)
    assert found["off"] == pytest.approx(0.1)


def test_laps_of_one_name_add_up() -> None:
    laps = Laps()
    for _ in range(2):
        time.sleep(0.02)
        laps.note("sleep")
    assert laps.took["sleep"][0] >= 0.04


# ---- Limits ----------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def reachable_racers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of contenders find the ones of this folder."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *sys.path]))


def test_who_is_too_slow_is_stopped_and_the_reason_told() -> None:
    with pytest.raises(Stopped, match=r"over 0\.4 s"), Worker(sleeper, limits=Limits(0.4), seconds=30) as worker:
        worker.ask()


def test_who_would_take_the_last_memory_is_stopped() -> None:
    with (
        pytest.raises(Stopped, match="out of memory"),
        Worker(sleeper, limits=Limits(60, spare_gib=10**6, blamed_gib=0), seconds=30) as worker,
    ):
        worker.ask()


def test_who_holds_little_is_not_blamed_for_memory_that_others_took() -> None:
    with Worker(sleeper, limits=Limits(60, spare_gib=10**6), seconds=0.5) as worker:
        assert worker.ask().answer == 0.5


def test_peers_that_are_absent_die_or_answer_wrongly_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    entrants = (
        *race.ENTRANTS[:2],
        race.Entrant("absent", quorum, "no_such_package_at_all"),
        race.Entrant("dying", dies),
        race.Entrant("halving", half),
        race.Entrant("silent", falls_silent),
    )
    monkeypatch.setattr(race, "ENTRANTS", entrants)
    found = race.race(SMALL, 1, 60)
    assert set(found.finished) == {"quorate", "numpy"}
    assert found.excuses["absent"].startswith("absent; `sh benchmarks/peers/")
    assert found.excuses["dying"] == "died; ValueError: no such thing"
    assert found.excuses["silent"] == "died; without a word, as when the system kills it"
    assert found.excuses["halving"] == "wrong; 1,500 rows of 3,000 answered"
    lines = list(race.lines(found))
    assert {m.metric for m in lines} >= {"time", "cpu_time", "peak_memory", "accuracy", "cpu_time_to_fit"}
    assert lines[0].as_json("scale")["peers"]["dying"] is None


def test_ours_must_answer_rightly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "ENTRANTS", (race.Entrant(race.OURS, half),))
    with pytest.raises(WrongAnswer, match="1,500 rows of 3,000"):
        race.race(SMALL, 1, 60)


def test_who_has_no_prospect_is_not_started() -> None:
    took = Took(20.0, 20.0)
    slow = race.Finish({"prepare": Took(99, 99), "fit": took}, 100.0, 90.0)
    large = race.Finish({"fit": Took(1.0, 1.0)}, 10.0**9, 90.0)
    before = race.Race(Shape(10**5), {"slow": slow, "large": large}, {"dead": "died; it did"})
    assert slow.took == took
    assert before.prospect("slow", Shape(10**6), 100) == "over 100 s; 20 s at 100,000 rows"
    assert before.prospect("slow", Shape(10**6), 300) == ""
    assert before.prospect("large", Shape(10**6), 300).startswith("out of memory")
    assert before.prospect("dead", Shape(10**6), 300) == "died; it did"
    assert before.prospect("new", Shape(10**6), 300) == ""


# ---- Files, edits, paper ---------------------------------------------------------------------------------------


def test_a_file_is_fused_and_its_labels_judged() -> None:
    found = files.fused(SMALL, 120)
    assert found.accuracy > 70
    assert found.peak_mib > 10
    assert [m.metric for m in files.lines(SMALL, found)] == ["time", "cpu_time", "peak_memory", "accuracy"]


def test_a_file_of_labels_that_lost_rows_is_a_wrong_answer(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    write_parquet(tmp_path / "votes.parquet", SMALL)
    truth = np.load(tmp_path / "votes.npy")
    right = {f"p_label_{y}": (truth == y).astype(np.float32) for y in range(3)}
    parquet.write_table(pa.table(right), tmp_path / "labels.parquet")
    assert files.accuracy(tmp_path / "votes.parquet", tmp_path / "labels.parquet", SMALL) == 100
    with pytest.raises(WrongAnswer, match="3,000 rows of 4,000"):
        files.accuracy(tmp_path / "votes.parquet", tmp_path / "labels.parquet", Shape(4_000, 10, 3))


def test_every_step_of_a_partition_is_measured() -> None:
    answer = estimate.measured(SMALL, 120)
    assert {"read", "fold", "merge", "fit", "predict", "write"} == set(answer["laps"])
    assert answer["partitions"] == 1


def test_an_edited_rule_is_the_only_one_that_runs_again() -> None:
    found = {m.metric: m for m in editing.edited(Context(None, True), 300)}
    assert (found["columns run"].ours, found["columns run"].peers) == (1, {"full_run": 40})


def test_the_estimate_is_what_its_parts_add_up_to() -> None:
    spent = {"read": 2.0, "fold": 4.0, "predict": 1.0, "write": 3.0, "merge": 0.5, "fit": 7.0}
    laps = {name: (99.0, cpu_s) for name, cpu_s in spent.items()}
    cost = estimate.costs(Shape(2 * 10**6), {"laps": laps, "partitions": 2})
    assert cost == {"read": 1.0, "fold": 2.0, "predict": 0.5, "write": 1.5, "merge": 0.5, "fit": 7.0}
    # Ten thousand partitions of 5.5 s on 16 workers, four rounds of merging, one fit.
    assert estimate.hours(cost, 16) == pytest.approx((10_000 * 5.5 / 16 + 4 * 0.5 + 7) / 3600)


# ---- What it comes to ------------------------------------------------------------------------------------------


def measured() -> list[Measurement]:
    case, none = Shape(10**6).title, {"skweak": "over 300 s"}
    curve = [
        Measurement(Shape(10**n, m, k).title, metric, 0.1 * n, {"snorkel": 2.0 * n, "numpy": 0.2 * n}, unit)
        for n, m, k in ((4, 10, 2), (5, 10, 2), (5, 50, 2), (5, 20, 2), (5, 20, 10))
        for metric, unit in (("cpu_time", "s"), ("peak_memory", "MiB"), ("accuracy", "%"))
    ]
    return [
        Measurement(case, "cpu_time", 0.1, {"snorkel": 2.5, "numpy": 0.1}, "s", none),
        Measurement(case, "peak_memory", 100, {"snorkel": 1000, "numpy": 50}, "MiB", none),
        Measurement(case, "accuracy", 90.5, {"snorkel": 90.0, "numpy": 91.0}, "%", none),
        Measurement(f"{Shape(10**7).title}, Parquet", "time", 10.0, unit="s"),
        Measurement(f"{Shape(10**7).title}, Parquet", "peak_memory", 1024.0, unit="MiB"),
        Measurement(f"{Shape(10**8).title}, Parquet", "time", 110.0, unit="s"),
        Measurement(f"{Shape(10**8).title}, Parquet", "peak_memory", 1536.0, unit="MiB"),
        Measurement("ten functions", "cpu_time", 1.1, {"list_comprehension": 1.0}, "s"),
        Measurement("ten functions, 9 rows, two workers", "time", 1.0, {"one_worker": 1.9}, "s"),
        *curve,
    ]


def test_the_summary_divides_the_right_way_and_names_what_it_holds_to_bounds() -> None:
    numbers = verdicts.summary(measured())
    case, file = Shape(10**6).title, f"{Shape(10**8).title}, Parquet"
    assert numbers[f"{case}: times faster than snorkel"] == 25.0
    assert numbers[f"{case}: memory over that of snorkel"] == 0.1
    assert numbers[f"{case}: accuracy over that of snorkel"] == 0.5
    assert numbers[f"{case}: time over that of numpy"] == 1.0
    assert (numbers[f"{file}: GiB"], numbers[f"{file}: times the time of a tenth"]) == (1.5, 11.0)
    assert numbers["functions: time over a plain loop"] == 1.1
    assert numbers["two workers: times faster than one"] == 1.9
    bounded = set(verdicts.FLOORS) | set(verdicts.CEILINGS)
    assert len(bounded & set(numbers)) == 8


def test_the_tables_have_a_line_for_each_race_and_name_who_is_missing() -> None:
    drawn = tables.markdown(measured()).splitlines()
    assert drawn[0] == "| rows | sources | labels | quorate | snorkel | numpy | skweak |"
    million = next(line for line in drawn if line.startswith("| 1,000,000 |"))
    assert "| 2.5 s (x 25), 1,000 MiB, 90.00 % |" in million
    assert million.endswith("| over 300 s |")
    assert "| ten functions, 9 rows, two workers | time | 1 s | one worker 1.9 s |" in drawn


def test_the_figure_is_svg_with_a_line_for_each_contender() -> None:
    drawn = ElementTree.fromstring(figure(measured()))
    lines = drawn.findall(".//{http://www.w3.org/2000/svg}polyline")
    texts = ["".join(text.itertext()) for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert len(lines) == 3 + 4 + 3 + 3
    assert {"snorkel", "quorate, Parquet", "seconds, 10 sources, 2 labels"} <= set(texts)


def test_the_figure_of_one_part_alone_is_drawn_too() -> None:
    assert ElementTree.fromstring(figure([])).tag.endswith("svg")


# ---- The door --------------------------------------------------------------------------------------------------


class Toy:
    """A suite with one number, or a wrong answer."""

    FLOORS = {"speed": 2.0}  # noqa: RUF012

    def __init__(self, wrong: str = "") -> None:
        self.wrong = wrong

    def measure(self, context: Context) -> Any:
        if self.wrong:
            raise WrongAnswer(self.wrong)
        yield Measurement("toy", "time", 1.0, {"peer": 3.0}, "s", {"other": "absent; install it"})

    def summarise(self, measurements: Any) -> dict[str, Any]:
        return {"speed": measurements[0].peers["peer"]}


def test_all_is_every_suite_and_one_table_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    suites = {"good_one": Toy(), "bad": Toy("it is wrong")}
    assert output.all_as_table(suites, Context(None, True)) == 1
    printed = capsys.readouterr()
    last = printed.out[printed.out.rindex(" all ") :]
    assert "good-one" in last
    assert "it is wrong" in last
    assert "wrong answer: bad" in printed.err
    assert output.all_as_json({"good_one": Toy()}, Context(None, True)) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["benchmark"] == "good_one"
    assert lines[-1]["summary"]["good_one"]["speed"] == 3.0


def test_options_that_a_suite_does_not_hear_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["errors", "--limit", "5"])
    assert "it is for: scale" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["scale", "--only", "row"])
    assert "there are rows, dense" in capsys.readouterr().err


def test_scale_is_among_the_benchmarks_and_measures_what_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "scale" in names()
    monkeypatch.setattr(race, "ENTRANTS", (*race.ENTRANTS[:2], race.Entrant("absent", quorum, "no_such_package")))
    chart = tmp_path / "scale.svg"
    assert main(["scale", "--quick", "--json", "--only", "labels", "--plot", str(chart)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["case"] for line in lines[:-1]} == {Shape(1_000, 20, k).title for k in (20,)}
    assert list(lines[-1]["summary"]["missing"]) == ["absent"]
    assert "<svg" in chart.read_text("utf-8")


def test_the_parts_are_those_of_the_readme() -> None:
    readme = (Path(sys.modules["benchmarks"].__path__[0]) / "README.md").read_text("utf-8")
    assert all(f"`{part}`" in readme for part in scale.PARTS)
