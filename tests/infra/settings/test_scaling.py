"""What `scaling` may not say: what would flap, never scale, or fight with something else."""

from typing import Any

import pytest

from infra.settings import SettingsError, load
from tests.infra.settings.stackfiles import VALID, as_engine, changed

AT = ("slipway:models", "digits", "scaling")
KEY = "slipway:models.digits.scaling"
WINDOW = {"start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "timezone": "Europe/Berlin", "min": 2}
RIGHT: dict[str, Any] = {"min": 1, "max": 4, "in-flight": 8, "schedule": [WINDOW]}
FREE = changed(("slipway:models", "digits", "replicas"), None)

WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "max below min": (
        {"min": 5, "max": 4, "in-flight": 8},
        KEY,
        "has a `max` (4) below its `min` (5); swap them, or raise `max`",
    ),
    "max equal to min": (
        {"min": 4, "max": 4, "in-flight": 8},
        KEY,
        "has a `max` equal to its `min` (4), so that nothing ever scales; write `replicas` instead",
    ),
    "no trigger": (
        {"max": 4},
        KEY,
        "has no trigger, so that nothing ever scales; write in-flight, queue-wait, cpu or schedule",
    ),
    "a forecast of nothing": (
        {"max": 4, "cpu": "70%", "forecast": "requests_expected"},
        KEY,
        "has a `forecast` without `in-flight`: how many of those requests is one replica for? write it",
    ),
    "more in flight than a replica takes": (
        {"max": 4, "in-flight": 2000},
        f"{KEY}.in-flight",
        (
            "is 2000, and a replica has 1088 in hand at most (its queue and batches), so that it would never scale; "
            "write less"
        ),
    ),
    "a wait that is refused before": (
        {"max": 4, "queue-wait": 100},
        f"{KEY}.queue-wait",
        (
            "is 100, and what waits for 100 ms (`objective`) is refused, so that it would never scale; "
            "write a part of that"
        ),
    ),
    "from nothing": (
        {"min": 0, "max": 4, "in-flight": 8},
        f"{KEY}.min",
        "is 0, and only a gateway would notice that somebody asks; write 1 or more, or add slipway:gateway",
    ),
    "without metrics beyond the maximum": (
        {"max": 4, "in-flight": 8, "without-metrics": 5},
        f"{KEY}.without-metrics",
        "is 5; write 1 to 4 (`min` and `max`)",
    ),
    "a window that changes nothing": (
        {"max": 4, "schedule": [{**WINDOW, "min": 1}]},
        f"{KEY}.schedule[0].min",
        "is 1; write more than `min` (1), and `max` (4) at most",
    ),
    "a window of no length": (
        {"max": 4, "schedule": [{**WINDOW, "end": WINDOW["start"]}]},
        f"{KEY}.schedule[0]",
        "begins and ends at '0 8 * * 1-5': it has no length; write another `end`",
    ),
    "a zone that is none": (
        {"max": 4, "schedule": [{**WINDOW, "timezone": "Europe/Berln"}]},
        f"{KEY}.schedule[0].timezone",
        "'Europe/Berln' is no time zone of the IANA's; did you mean `Europe/Berlin`? write one such as Europe/Berlin",
    ),
    "cron in words": (
        {"max": 4, "schedule": [{**WINDOW, "start": "daily"}]},
        f"{KEY}.schedule[0].start",
        "'daily' is not five fields of cron, in numbers, such as 0 8 * * 1-5",
    ),
    "a share without a sign": (
        {"max": 4, "cpu": "70"},
        f"{KEY}.cpu",
        "'70' is not a share; write 1% to 100%",
    ),
}


def told(config: dict[str, Any]) -> list[tuple[str, str]]:
    """The faults of a configuration, by key."""
    with pytest.raises(SettingsError) as refused:
        load(as_engine(config), stack="x")
    return [(fault.key, fault.what) for fault in refused.value.faults]


def test_what_is_right_is_taken() -> None:
    settings = load(as_engine(changed(AT, RIGHT, of=FREE)), stack="x")
    scaling = settings.models["digits"].scaling
    assert scaling is not None
    assert (scaling.min, scaling.max, scaling.in_flight, scaling.schedule[0].min) == (1, 4, 8, 2)


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_with_its_key(case: str) -> None:
    scaling, key, says = WRONG[case]
    assert told(changed(AT, scaling, of=FREE)) == [(key, says)]


def test_two_that_decide_the_number_of_replicas_are_one_too_many() -> None:
    assert told(changed(AT, RIGHT, of=VALID)) == [
        (
            "slipway:models.digits.replicas",
            "is written beside `scaling`, which decides it; take `replicas` out, or `scaling`",
        )
    ]


def test_what_the_kit_measures_is_not_there_without_it() -> None:
    config = changed(AT, {"max": 4, "in-flight": 8, "queue-wait": 20}, of=FREE)
    config = changed(("slipway:models", "digits", "server"), "bentoml", of=config)
    says = "is measured by slipway-kit, and this model's `server` is bentoml; write cpu instead"
    assert told(config) == [(f"{KEY}.in-flight", says), (f"{KEY}.queue-wait", says)]


def test_all_faults_are_told_at_once() -> None:
    config = changed(AT, {"min": 0, "max": 4, "in-flight": 5000, "queue-wait": 500}, of=FREE)
    assert {key for key, _ in told(config)} == {f"{KEY}.{each}" for each in ("min", "in-flight", "queue-wait")}
