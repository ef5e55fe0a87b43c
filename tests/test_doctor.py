"""What the doctor learns of an endpoint is what is asked of it from then on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import model_projects
import pytest
from asked_rows import answer
from projects import needs, quorate

from quorate.doctor import examine
from quorate.errors import ProjectError
from quorate.loopback.server import Asked, Fault, Loopback
from quorate.project import open_project
from quorate.run import run


def fruit(text: str, choices: Any) -> dict[str, float]:
    """A model that is right about the doctor's easy question."""
    return {"APPLE": 0.9, "PEBBLE": 0.1} if "APPLE" in choices or not choices else answer(text, choices)


def takes_little(asked: Asked) -> Fault | None:
    """A server that refuses temperatures, and leaves out log-probabilities."""
    if "temperature" in asked.body:
        return Fault(status=400, body={"error": {"message": "Unsupported parameter: temperature", "code": "x"}})

    def silent(raw: dict[str, Any]) -> dict[str, Any]:
        raw["choices"][0]["logprobs"] = None
        return raw

    return Fault(edit=silent) if asked.body.get("logprobs") else None


@pytest.mark.parametrize("kind", ["openai", "cohere", "http"])
def test_a_good_endpoint_is_found_good(kind: str, tmp_path: Path) -> None:
    if kind != "http":
        needs(kind)
    with Loopback({"model": fruit}, requests_per_s=100.0) as server:
        project = model_projects.opened(tmp_path / "p", server, kind=kind)
        (found,) = examine(project)["endpoints"].values()
    assert (found["answers"], found["problem"], found["tells_usage"]) == (True, "", True)
    assert found["limits"]["requests"] == 6_000
    wanted = {} if kind == "http" else {"schema": "yes", "temperature": "yes", "logprobs": "yes"}
    assert found["found"] == wanted


def test_what_a_model_refuses_is_not_asked_of_it_again(tmp_path: Path) -> None:
    needs("openai")
    with Loopback({"model": fruit}, misbehave=takes_little) as server:
        folder = model_projects.write(tmp_path / "p", server, kind="openai")
        ended = quorate("doctor", folder, "--json")
        (found,) = ended.json["endpoints"].values()
        assert found["found"] == {"schema": "yes", "temperature": "refused", "logprobs": "ignored"}
        asked = len(server.log)
        report = run(open_project(folder)).report
        assert not report["failures"]
        assert all("temperature" not in served.asked.body for served in server.log[asked:])
        assert report["spend"]["attempts"] == len(server.log), "the doctor's questions are on the bill"


def test_an_endpoint_that_does_not_answer_is_told_with_the_reason(tmp_path: Path) -> None:
    with Loopback({}) as server:
        ended = quorate("doctor", model_projects.write(tmp_path / "p", server))
    assert ended.code == 0
    assert "model_not_found" in ended.out or "does not exist" in ended.out


def test_a_project_without_endpoints_needs_no_doctor(tmp_path: Path) -> None:
    from projects import write_project

    with pytest.raises(ProjectError, match="endpoints: there are none"):
        examine(open_project(write_project(tmp_path / "p")))
