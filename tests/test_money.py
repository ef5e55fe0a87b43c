"""What is spent: never past the cap, by the server's own count; told before, and told right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import model_projects
import pytest
from asked_rows import answer, spent_in
from projects import needs

from quorate.errors import EndpointStopped, ProjectError
from quorate.loopback.server import Asked, Fault, Loopback
from quorate.plan import plan
from quorate.project import open_project
from quorate.run import run

MANY = {str(i): f"comment no. {i:05} on my channel" for i in range(10_000)}


def cost_usd(server: Loopback) -> float:
    given, made = server.tokens
    return (given * 1.0 + made * 2.0) / 1e6


def one_in_fifty_fails(asked: Asked) -> Fault | None:
    return Fault(drop="mid_body") if hash(asked.body["text"]) % 50 == 0 and asked.attempt == 0 else None


def test_ten_thousand_rows_at_half_the_price_stay_under_the_cap(tmp_path: Path) -> None:
    with Loopback({"model": answer}) as server:
        run(model_projects.opened(tmp_path / "one", server, texts={"0": MANY["0"]}))
        cap = round(cost_usd(server) * len(MANY) / 2, 9)
    with Loopback({"model": answer}, misbehave=one_in_fifty_fails) as server:
        capped = model_projects.opened(tmp_path / "all", server, texts=MANY, more=f"[budget]\nmax_usd = {cap}\n")
        report = run(capped).report
        assert cost_usd(server) <= cap
        assert 0.95 * cap <= report["spend"]["usd"] <= cap
        assert 4_000 < report["spend"]["skipped"]["asks"] < 6_000
        assert any("were not asked for" in warning for warning in report["warnings"])
        asked = len(server.log)
        run(capped)
        assert len(server.log) - asked <= 2, "what is left of the cap buys at most a last question"
        whole = run(model_projects.opened(tmp_path / "all", server, texts=MANY)).report
        assert not whole["spend"]["skipped"]
        assert len({served.asked.key for served in server.log if served.whole}) == len(MANY)
        assert sum(served.whole for served in server.log) == len(MANY), "no whole answer was bought twice"


def test_a_cap_on_tokens_holds_where_no_price_is_known(tmp_path: Path) -> None:
    texts = {i: text for i, text in MANY.items() if int(i) < 300}
    with Loopback({"model": answer}) as server:
        options: dict[str, Any] = {"texts": texts, "price": None, "more": "[budget]\nmax_tokens = 3000\n"}
        report = run(model_projects.opened(tmp_path / "p", server, **options)).report
        assert sum(server.tokens) <= 3_000
    assert report["spend"]["unpriced_attempts"] == report["spend"]["attempts"] > 0
    assert report["spend"]["skipped"]["asks"] > 0


def test_a_cap_in_dollars_needs_a_price(tmp_path: Path) -> None:
    with Loopback({"model": answer}) as server, pytest.raises(ProjectError, match=r"endpoints\.small.*no known price"):
        model_projects.opened(tmp_path / "p", server, price=None, more="[budget]\nmax_usd = 1\n")


def test_a_plan_sends_nothing_and_its_interval_holds_the_price(tmp_path: Path) -> None:
    texts = {i: text * (1 + int(i) % 7) for i, text in MANY.items() if int(i) < 400}
    with Loopback({"model": answer}) as server:
        project = model_projects.opened(tmp_path / "p", server, texts=texts)
        guess = plan(project)
        assert not server.log
        (entry,) = guess["sources"]
        assert (entry["rows_known"], entry["rows_to_ask"], entry["requests"]) == (0, 400, 400)
        assert entry["usd"]["low"] < entry["usd"]["likely"] < entry["usd"]["high"] <= entry["usd_at_most"]
        measured = plan(project, pilot=40)
        assert len(server.log) == 40
        (sharp,) = measured["sources"]
        assert (sharp["rows_known"], sharp["rows_to_ask"], sharp["measured_on"]) == (40, 360, 40)
        paid = cost_usd(server)
        run(project)
        assert len(server.log) == 400, "the pilot's answers were not asked for again"
        rest = cost_usd(server) - paid
        assert guess["sources"][0]["usd"]["low"] <= rest * 400 / 360 <= guess["sources"][0]["usd"]["high"]
        assert sharp["usd"]["low"] <= rest <= sharp["usd"]["high"]
        assert sharp["usd"]["high"] - sharp["usd"]["low"] < 0.2 * rest
        done = plan(project)
        assert done["total"]["requests"] == 0
        assert done["spent"]["usd"] == pytest.approx(cost_usd(server))


def test_two_sources_that_ask_alike_pay_once(tmp_path: Path) -> None:
    twin = '[[sources]]\nkind = "prompt"\nname = "twin"\nendpoint = "small"\n'
    with Loopback({"model": answer}, latency_s=0.05) as server:
        project = model_projects.opened(tmp_path / "p", server, more=twin)
        assert plan(project)["total"]["requests"] == 4
        report = run(project).report
        assert len(server.log) == 4
    assert [source["votes"] for source in report["sources"]] == [4, 4]


def test_an_alias_reads_old_answers_for_nothing(tmp_path: Path) -> None:
    def says_junk(asked: Asked) -> Fault:
        return Fault(edit=lambda raw: {**raw, "label": "promotion", "scores": {}})

    with Loopback({"model": answer}, misbehave=says_junk) as server:
        options: dict[str, Any] = {"more": "[run]\nmax_failure_share = 1.0\n"}
        project = model_projects.opened(tmp_path / "p", server, **options)
        report = run(project).report
        assert report["failures"][0]["reason"] == "unknown_label"
        assert len(server.log) == 8, "each row was asked about, and once more to mend the answer"
        toml = (project.folder / "quorate.toml").read_text()
        aliased = toml.replace('SPAM = "advertising"', 'SPAM = {description = "advertising", aliases = ["promotion"]}')
        (project.folder / "quorate.toml").write_text(aliased)

        report = run(open_project(project.folder)).report
        assert len(server.log) == 8
    assert report["distribution"]["SPAM"] == 4
    assert spent_in(project.folder / ".quorate").attempts == 8


@pytest.mark.parametrize("kind", ["openai", "cohere"])
def test_prices_of_known_models_are_found(kind: str) -> None:
    needs(kind)
    needs("genai_prices")
    from quorate.asking.prices import price_of
    from quorate.registry import build

    model = {"openai": "gpt-4o-mini", "cohere": "command-r-08-2024"}[kind]
    price = price_of(build("endpoints", kind, {"model": model, "key": ""}))
    assert price is not None
    assert price.input == pytest.approx(0.15)
    assert price.output == pytest.approx(0.6)
    assert price_of(build("endpoints", kind, {"model": "no-such-model", "key": ""})) is None


def test_when_one_endpoint_stops_the_run_the_answers_of_others_are_kept(tmp_path: Path) -> None:
    def misbehave(asked: Asked) -> Fault | None:
        if asked.model == "bad":
            return Fault(status=401, body={"error": {"message": "no", "code": "invalid_api_key"}})
        return Fault(delay_s=1.0)

    with Loopback({"model": answer, "bad": answer}, misbehave=misbehave) as server:
        folder = model_projects.write(tmp_path / "p", server)
        toml = (folder / "quorate.toml").read_text()
        bad = toml.partition("[endpoints.small]")[2].partition("[[sources]]")[0].replace('"model"', '"bad"')
        source = '[[sources]]\nkind = "prompt"\nname = "bad"\nendpoint = "bad"\n'
        (folder / "quorate.toml").write_text(f"{toml}\n[endpoints.bad]{bad}\n{source}")
        with pytest.raises(EndpointStopped):
            run(open_project(folder))
        good = [served for served in server.log if served.asked.model == "model"]
        assert len(good) == 4
        (folder / "quorate.toml").write_text(toml)
        report = run(open_project(folder)).report
        assert len([served for served in server.log if served.asked.model == "model"]) == 4
    assert report["coverage"] == 1.0
