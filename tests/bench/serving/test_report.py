"""Verdicts and reports, of figures that are given."""

import json
from pathlib import Path

import pytest

from tests.bench.serving.limit import limit
from tests.bench.serving.measuring import Measured
from tests.bench.serving.report import Report
from tests.bench.serving.rounds import Outcomes, Steady
from tests.bench.serving.scenarios import Endured, Mixed, Overloaded
from tests.bench.serving.shape import HEAVY, LIGHT
from tests.bench.serving.verdicts import reach, verdicts


def _measured(*, good: float = 100.0, share: float = 1.0) -> Measured:
    return Measured(
        offered=good / share, good=good, share=share, refused=1 - share, failed=0, p50=1, p99=2, p999=float("nan")
    )


def _steady(goodput: float) -> Steady:
    return Steady(goodput=goodput, at=_measured(good=goodput), memory_most=90, memory_end=80, tried=[(goodput, 1.0)])


def _endured(*, good: float, after: float = 100.0, recovery: float = 1.0, low: float = 0.1) -> Endured:
    measured = _measured(good=good)
    shares = {"high": _measured(share=0.999), "normal": _measured(share=0.9), "low": _measured(share=low)}
    return Endured(
        bursty=measured,
        traced=None,
        stalled=measured,
        mixed=Mixed(together=measured, by_priority=shares),
        overload=Overloaded(
            before=measured,
            during=measured,
            after=measured,
            accepted_p99=80.0,
            recovery=recovery,
            memory=(100.0, 120.0, after),
            timeline=[(0.0, 300.0, 100.0), (0.5, 300.0, 90.0)],
            capacity=good / 0.95,
        ),
    )


@pytest.fixture
def outcomes() -> Outcomes:
    """Two rounds; in the second one BentoML failed."""
    return Outcomes(
        steady={
            "ours": [_steady(9000), _steady(10_000)],
            "greedy": [_steady(9000), _steady(8000)],
            "bentoml": [_steady(900), None],
            "fastapi": [_steady(3000), _steady(2000)],
            "ray": [_steady(2000), _steady(4000)],
            "bare": [_steady(20_000), _steady(20_000)],
        },
        scenarios={"ours": [_endured(good=9000)], "greedy": [_endured(good=4500)]},
        limits=[limit(LIGHT, 50e-6, {1: 30e-6, 64: 1.6e-3})] * 2,
        faults=["round 2 of 2, light: bentoml ended"],
    )


def test_ratios_are_of_the_same_rounds(outcomes: Outcomes) -> None:
    found = {each.claim: each for each in verdicts(LIGHT, outcomes)}
    assert found["steady goodput, times BentoML's by default"].found.value == pytest.approx(10)
    greedy = found["steady goodput, times the greedy batcher's"].found
    assert (greedy.low, greedy.high) == pytest.approx((1, 1.25))


def test_the_best_of_the_others_is_chosen_round_by_round(outcomes: Outcomes) -> None:
    found = {each.claim: each for each in verdicts(LIGHT, outcomes)}
    best = found["steady goodput, times the best of the other servers'"]
    assert (best.found.low, best.found.high) == pytest.approx((2.5, 3))
    assert best.holds


def test_what_may_be_at_most_holds_below(outcomes: Outcomes) -> None:
    outcomes.scenarios["ours"] = [_endured(good=9000, after=120, recovery=-1, low=0.95)]
    failing = [each.claim for each in verdicts(LIGHT, outcomes) if not each.holds]
    assert failing == [
        "three times too much: memory after, times that before",
        "three times too much: seconds until latency is normal again",
        "mixed priorities: good share of normal ones, times that of low ones",
    ]


def test_overload_is_compared_with_the_goodput_of_that_time(outcomes: Outcomes) -> None:
    found = {each.claim: each for each in verdicts(LIGHT, outcomes)}
    share = found["three times too much: good answers, as a share of the goodput just after"].found
    assert share.value == pytest.approx(0.95), "of the goodput of that time"
    assert found["three times too much: good answers, as a share of steady goodput"].found.value == pytest.approx(1.0)


def test_a_server_that_answers_nothing_is_compared_all_the_same(outcomes: Outcomes) -> None:
    outcomes.scenarios["greedy"] = [_endured(good=0.0)]
    found = {each.claim: each for each in verdicts(LIGHT, outcomes)}
    for name in ("bursts", "stalls", "mixed priorities", "three times too much"):
        assert found[f"{name}: good answers per second, times the greedy batcher's"].found.value == pytest.approx(9000)


def test_under_the_heavy_workload_every_peer_is_compared(outcomes: Outcomes) -> None:
    claims = [each.claim for each in verdicts(HEAVY, outcomes)]
    assert claims[:4] == [f"steady goodput, times that of {name}" for name in ("greedy", "bentoml", "fastapi", "ray")]


def test_what_was_not_measured_is_not_judged() -> None:
    assert verdicts(LIGHT, Outcomes(steady={"ours": [None], "bare": [None]}, limits=[None])) == []


def test_the_generator_must_reach_twice_the_highest_rate(outcomes: Outcomes) -> None:
    assert not reach(19_000, {"light": outcomes}).holds
    assert reach(21_000, {"light": outcomes}).holds


def test_all_three_reports_tell_the_same(outcomes: Outcomes, tmp_path: Path) -> None:
    Report(pace="quick", rounds=2, seconds=480, generator=50_000, outcomes={"light": outcomes}).write(tmp_path)
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["workloads"]["light"]["steady"]["ours"][0]["at"]["p999"] is None
    assert told["workloads"]["light"]["steady"]["bentoml"][1] is None
    held = {each["claim"]: each["holds"] for each in told["verdicts"]["light"]}
    assert held["steady goodput, times BentoML's by default"] is True
    for name in ("report.md", "report.html"):
        text = (tmp_path / name).read_text()
        assert "steady goodput, times the greedy batcher" in text
        assert "9,487 (9,000 – 10,000)" in text
        assert "round 2 of 2, light: bentoml ended" in text
        assert "three times our goodput is 28,460 requests/s, and the bare server reads 20,000" in text


def test_the_page_needs_nothing_else(outcomes: Outcomes, tmp_path: Path) -> None:
    Report(pace="quick", rounds=2, seconds=480, generator=50_000, outcomes={"light": outcomes}).write(tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") == 2
    assert "http" not in page.replace("c_http", "").replace("HTTP", "")
