"""The journal: what was paid for is on the disk, whoever dies when, and is found again by what was asked."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.asking.journal import Attempt, Journal, OpenBatch, Spent
from quorate.asking.letters import letter
from quorate.errors import JournalError
from quorate.wire import Usage

KEY = letter("openai.chat", "https://a", {"model": "m", "messages": ["hello"]}).key
WHOLE = Attempt(KEY, 1, "openai.chat", "m", raw={"label": "HAM"}, cost_usd=0.25, usage=Usage(8, 2))


def kept(path: Path | None, *attempts: Attempt) -> Journal:
    """An open journal with these attempts."""
    journal = Journal(path)

    async def add() -> None:
        for attempt in attempts:
            await journal.add(attempt)

    asyncio.run(add())
    return journal


def python(code: str, *arguments: Any) -> subprocess.Popen[str]:
    """A process of its own that runs the code; `key(i)` and `attempt(i)` are there."""
    head = """
    import asyncio, os, signal, sys
    from pathlib import Path
    from quorate.errors import JournalError
    from quorate.asking.journal import Attempt, Journal
    from quorate.asking.letters import letter

    def key(i):
        return letter("w", "https://a", {"i": i}).key

    def attempt(i):
        return Attempt(key(i), 1, "w", "m", raw={"i": i, "text": "x" * 2000}, cost_usd=0.5)
    """
    command = [sys.executable, "-c", dedent(head) + dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def numbered(i: int) -> bytes:
    return letter("w", "https://a", {"i": i}).key


def test_a_whole_answer_is_found_by_what_was_asked() -> None:
    with kept(None, WHOLE) as journal:
        assert journal.answer(KEY) == {"label": "HAM"}
        assert journal.answer(numbered(1)) is None


@pytest.mark.parametrize("reason", ["refused", "truncated", "filtered", "empty", "timeout", "http_503"])
def test_what_is_no_whole_answer_is_billed_and_not_used_again(reason: str) -> None:
    with kept(None, replace(WHOLE, reason=reason)) as journal:
        assert journal.answer(KEY) is None
        assert journal.spent() == Spent(0.25, 10, 1, 0)


def test_a_fault_hides_no_answer_and_the_newest_answer_counts() -> None:
    later = replace(WHOLE, number=2, raw={"label": "SPAM"})
    fault = replace(WHOLE, number=3, raw=None, reason="timeout")
    with kept(None, WHOLE, later, fault) as journal:
        assert journal.answer(KEY) == {"label": "SPAM"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
# Half a surrogate pair: what is left of an emoji that was cut in two.
BROKEN = st.text(st.characters(categories=["L", "Cs", "Cc", "So"]), max_size=8)


@settings(deadline=None, max_examples=50)
@given(st.lists(JSON | BROKEN | BROKEN.map(lambda text: {"choices": [text]}), min_size=1, max_size=5), BROKEN)
def test_an_answer_comes_back_as_it_came(raws: list[Any], message: str) -> None:
    """Whatever JSON it was: a thread that dies of one would leave everybody waiting."""
    attempts = [replace(WHOLE, key=numbered(i), raw=raw, message=message) for i, raw in enumerate(raws)]
    with kept(None, *attempts) as journal:
        assert [journal.answer(numbered(i)) for i in range(len(raws))] == raws


def test_every_attempt_is_on_the_bill() -> None:
    unknown = replace(WHOLE, cost_usd=None, usage=Usage(5, 5))
    free = replace(WHOLE, cost_usd=None, usage=Usage())
    with kept(None, WHOLE, replace(WHOLE, reason="refused"), unknown, free) as journal:
        assert journal.spent() == Spent(usd=0.5, tokens=30, attempts=4, unpriced=1)


def test_an_empty_journal_has_spent_nothing() -> None:
    with Journal(None) as journal:
        assert journal.spent() == Spent()


def test_a_count_of_tokens_that_cannot_be_does_not_end_the_run() -> None:
    absurd = replace(WHOLE, usage=Usage(10**30, 10**30))
    with kept(None, absurd, absurd, WHOLE) as journal:
        assert journal.answer(KEY) is not None
        assert 10 < journal.spent().tokens < 2**63


def test_only_whole_answers_of_the_model_are_measured_newest_first() -> None:
    attempts = [replace(WHOLE, sent_bytes=i, usage=Usage(i, 1)) for i in (10, 20, 30)]
    others = [replace(WHOLE, sent_bytes=99, **kw) for kw in ({"model": "n"}, {"endpoint": "http"}, {"reason": "empty"})]  # type: ignore[arg-type]
    with kept(None, *attempts, *others, WHOLE) as journal:
        assert journal.measured("openai.chat", "m") == [(30, 30, 1), (20, 20, 1), (10, 10, 1)]


def test_what_was_kept_is_there_when_the_journal_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "answers.sqlite"
    with kept(path, WHOLE):
        pass
    with Journal(path) as journal:
        assert journal.answer(KEY) == {"label": "HAM"}
        assert journal.spent().usd == 0.25


def test_an_answer_survives_the_process_once_it_is_kept(tmp_path: Path) -> None:
    died = python(
        """
        async def main():
            journal = Journal(Path(sys.argv[1]))
            for i in range(20):
                await journal.add(attempt(i))
            os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(main())
        """,
        tmp_path / "answers.sqlite",
    )
    died.communicate(timeout=60)
    assert died.returncode == -9
    with Journal(tmp_path / "answers.sqlite") as journal:
        assert [journal.answer(numbered(i))["i"] for i in range(20)] == list(range(20))


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    writes = """
    async def main():
        first = int(sys.argv[2])
        with Journal(Path(sys.argv[1])) as journal:
            for start in range(first, first + 100, 20):
                await asyncio.gather(*(journal.add(attempt(i)) for i in range(start, start + 20)))

    asyncio.run(main())
    """
    path = tmp_path / "answers.sqlite"
    both = [python(writes, path, first) for first in (0, 1_000)]
    for process in both:
        _, error = process.communicate(timeout=60)
        assert (process.returncode, error) == (0, "")
    with Journal(path) as journal:
        assert journal.spent().attempts == 200
        assert all(journal.answer(numbered(first + i)) for first in (0, 1_000) for i in range(100))


def test_many_at_once_are_each_kept(tmp_path: Path) -> None:
    async def add(journal: Journal) -> None:
        await asyncio.gather(*(journal.add(replace(WHOLE, key=numbered(i), raw=i)) for i in range(3_000)))

    with Journal(tmp_path / "answers.sqlite") as journal:
        asyncio.run(add(journal))
        assert [journal.answer(numbered(i)) for i in range(3_000)] == list(range(3_000))


def test_who_stops_waiting_stops_nobody_else(tmp_path: Path) -> None:
    """Even the loop may be gone when the row is on the disk; the journal is still there for the next."""

    async def leave(journal: Journal, i: int) -> None:
        waiting = asyncio.ensure_future(journal.add(replace(WHOLE, key=numbered(i))))
        await asyncio.sleep(0)
        waiting.cancel()

    with Journal(tmp_path / "answers.sqlite") as journal:
        for i in range(30):
            asyncio.run(leave(journal, i))
        asyncio.run(asyncio.wait_for(journal.add(WHOLE), 10.0))
        assert journal.spent().attempts == 31


def test_a_full_disk_is_told_and_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    """No file of the process may grow past 300 kB; then it may, as when somebody made room."""
    pytest.importorskip("resource")
    code = """
    import resource

    async def main():
        with Journal(Path(sys.argv[1])) as journal:
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
            kept = 0
            try:
                while kept < 2_000:
                    await asyncio.gather(*(journal.add(attempt(kept + i)) for i in range(10)))
                    kept += 10
            except JournalError as error:
                print(kept, journal.answer(key(0)) is not None, error, sep="|")
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            await journal.add(attempt(5_000))

    asyncio.run(main())
    """
    path = tmp_path / "answers.sqlite"
    process = python(code, path)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    told, is_readable, message = out.split("|", 2)
    assert 10 <= int(told) < 2_000
    assert is_readable == "True"
    assert str(path) in message
    assert "what was kept before is safe" in message
    with Journal(path) as journal:
        assert all(journal.answer(numbered(i)) for i in [*range(int(told)), 5_000])


def test_everybody_who_waits_for_a_failed_commit_is_told(tmp_path: Path) -> None:
    """One row that no table holds takes the others of its commit with it; none of them is said to be kept."""

    async def add(journal: Journal) -> list[Any]:
        adds = [journal.add(replace(WHOLE, key=numbered(i), number=2**70 if i == 5 else 1)) for i in range(10)]
        return await asyncio.gather(*adds, return_exceptions=True)

    with Journal(tmp_path / "answers.sqlite") as journal:
        told = asyncio.run(asyncio.wait_for(add(journal), 10.0))
        assert isinstance(told[5], JournalError)
        for i, outcome in enumerate(told):
            assert (journal.answer(numbered(i)) is None) == isinstance(outcome, JournalError)
        asyncio.run(asyncio.wait_for(journal.add(WHOLE), 10.0))
        assert journal.answer(KEY) is not None


@pytest.mark.parametrize("fault", ["a file where its folder should be", "a folder in its place", "no database"])
def test_a_journal_that_cannot_be_opened_says_so(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "state" / "answers.sqlite"
    if fault == "a folder in its place":
        path.mkdir(parents=True)
    elif fault == "no database":
        path.parent.mkdir()
        path.write_text("these are not the rows you are looking for, " * 100)
    else:
        path.parent.write_text("")
    with pytest.raises(JournalError, match="state") as caught:
        Journal(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 5


def test_open_batches_are_found_again_until_they_are_taken_home(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    first = OpenBatch("quorate-1", "", "mine", (KEY, numbered(1)))
    second = OpenBatch("quorate-2", "b2", "mine", (numbered(2),))
    other = OpenBatch("quorate-3", "b3", "other", ())

    async def put(journal: Journal) -> None:
        for batch in (first, second, other):
            await journal.put_batch(batch)

    with Journal(path) as journal:
        asyncio.run(put(journal))
    with Journal(path) as journal:
        assert journal.open_batches("mine") == [first, second]
        assert journal.open_batches("other") == [other]
        assert journal.open_batches("nobody") == []
        handed_in = replace(second, id="b2 at the vendor")
        asyncio.run(journal.put_batch(handed_in))
        asyncio.run(journal.put_batch(first, is_open=False))
        assert journal.open_batches("mine") == [handed_in]
    with Journal(path) as journal:
        assert journal.open_batches("mine") == [handed_in]
