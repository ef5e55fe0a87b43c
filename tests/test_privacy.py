"""What leaves the machine, and what never does: keys, what is redacted, other hosts, anything at all when offline."""

from __future__ import annotations

import json
from pathlib import Path

import model_projects
import pytest
from asked_rows import answer
from projects import needs, quorate

from quorate.errors import ProjectError
from quorate.loopback.server import Asked, Fault, Loopback
from quorate.project import open_project
from quorate.run import run

CANARY = "canary-7f3ad91c55e0"
"""A key that must be found nowhere."""


def found_in(folder: Path) -> list[str]:
    """The files that hold the canary, in any form that a search would find."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]


def quotes_the_key(asked: Asked) -> Fault | None:
    """Servers like to quote what they refuse."""
    if "lovely" in str(asked.body):
        return Fault(
            status=400, body={"error": {"message": f"bad request of {CANARY}", "code": "x"}, "message": CANARY}
        )
    if "nothing" in str(asked.body):
        return Fault(body=f"<html>{CANARY}</html>".encode())
    return Fault(drop="mid_body") if "has this" in str(asked.body) else None


@pytest.mark.parametrize("kind", ["openai", "cohere", "http"])
@pytest.mark.parametrize("keys", [{CANARY}, {"another key"}], ids=["faults", "refused"])
def test_a_key_is_found_nowhere_after_a_run_with_failures(kind: str, keys: set[str], tmp_path: Path) -> None:
    if kind != "http":
        needs(kind)
    with Loopback({"model": answer}, misbehave=quotes_the_key, keys=keys) as server:
        options = {"headers": '{ Authorization = "Bearer {env:CANARY_KEY}" }'} if kind == "http" else {}
        more = "[run]\nmax_failure_share = 1.0\n"
        folder = model_projects.write(
            tmp_path / "p", server, kind=kind, key="env:CANARY_KEY", more=more, timeout_s=5, **options
        )
        told = []
        for command, *more_arguments in (["run"], ["run", "--json"], ["show", "b"], ["doctor"]):
            environment = {"CANARY_KEY": CANARY, "OPENAI_LOG": "debug", "PYTHONASYNCIODEBUG": "1"}
            ended = quorate(command, folder, *more_arguments, cwd=tmp_path, **environment)
            told.append(ended.out + ended.err)
        assert any(served.status != 200 for served in server.log) or keys != {CANARY}
    assert not [text for text in told if CANARY in text]
    assert not found_in(tmp_path)
    assert any("http_400" in text or "401" in text for text in told), "there was a failure to tell of"


def test_a_missing_key_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    needs("openai")
    with Loopback({"model": answer}) as server:
        folder = model_projects.write(tmp_path / "p", server, kind="openai", key="env:NO_SUCH_KEY_HERE")
        ended = quorate("run", folder)
        assert ended.code == 2
        assert "NO_SUCH_KEY_HERE" in ended.err
        assert not server.log


def test_a_key_that_is_written_down_is_refused_and_not_repeated(tmp_path: Path) -> None:
    needs("openai")
    with Loopback({"model": answer}) as server:
        folder = model_projects.write(tmp_path / "p", server, kind="openai", key=CANARY)
        ended = quorate("run", folder, "--json")
        assert ended.code == 2
        assert "env:NAME" in ended.out
        assert CANARY not in ended.out + ended.err
        assert not server.log


def test_what_is_redacted_leaves_in_no_byte(tmp_path: Path) -> None:
    texts = {"a": "write to ann@example.org about my channel", "b": "call Bob on 555-0199, lovely song"}
    more = '[privacy]\nredact = ["[\\\\w.]+@[\\\\w.]+"]\nredact_with = "hide.py:names"\n'
    with Loopback({"model": answer}) as server:
        folder = model_projects.write(tmp_path / "p", server, texts=texts, more=more)
        (folder / "hide.py").write_text('def names(text):\n    return text.replace("Bob", "[name]")\n')
        report = run(open_project(folder)).report
        sent = str([served.asked.body for served in server.log])
    assert "ann@example" not in sent
    assert "Bob" not in sent
    assert "[name] on 555-0199" in sent
    assert report["distribution"] == {"HAM": 1, "SPAM": 1, "undecided": 0}
    journal = (folder / ".quorate" / "answers.sqlite").read_bytes()
    assert b"ann@example" not in journal


def test_a_host_that_is_not_allowed_is_not_asked(tmp_path: Path) -> None:
    with Loopback({"model": answer}) as server:
        with pytest.raises(ProjectError, match=r"asks '127\.0\.0\.1', which privacy\.hosts does not allow"):
            model_projects.opened(tmp_path / "p", server, more='[privacy]\nhosts = ["models.example.org"]\n')
        run(model_projects.opened(tmp_path / "q", server, more='[privacy]\nhosts = ["127.0.0.1"]\n'))
        assert len(server.log) == 4


def test_offline_nothing_is_sent_and_kept_answers_serve(tmp_path: Path) -> None:
    with Loopback({"model": answer}) as server:
        folder = model_projects.write(tmp_path / "p", server)
        ended = quorate("run", folder, "--offline", "--json")
        assert ended.code == 0
        assert ended.json["spend"]["skipped"] == {"asks": 4}
        assert not server.log
        online = quorate("run", folder, "--json").json
        assert len(server.log) == 4
    again = quorate("run", folder, "--offline", "--json").json
    assert again["distribution"] == online["distribution"]
    assert not again["spend"]["skipped"]
    # Without the votes, the journal alone makes them again; the server is gone.
    for path in (folder / ".quorate").glob("votes*"):
        assert path.is_dir()
        for file in path.rglob("*"):
            if file.is_file():
                file.unlink()
    (folder / ".quorate" / "runs" / "latest").unlink()
    json.loads(quorate("show", folder, "a", "--json").out)
    assert quorate("export", folder, "--json").json["rows"] == 4
