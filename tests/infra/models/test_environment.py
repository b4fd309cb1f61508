"""What the kit is told, and that it takes whatever a stack file may say."""

import itertools
from dataclasses import fields
from typing import Any

import pytest
from pydantic import ValidationError
from slipway_kit import Settings as KitSettings
from slipway_kit.around.settings import AroundSettings, Step

from infra.models.environment import environment
from infra.settings.models import Serving
from infra.settings.quantities import bytes_of

QUEUE = "https://sqs.eu-central-1.amazonaws.com/111122223333/people"
PLAIN = environment(Serving(), region="eu-central-1")
READS = {
    f"SLIPWAY_{each.name.upper()}": each.metadata["accepts"].read
    for settings in (KitSettings, AroundSettings)
    for each in fields(settings)
}
"""How the kit reads each variable."""

# A key below `serving`, its variable, its least and its most, and a step beyond them.
BOUNDS: list[tuple[str, str, float, float, float]] = [
    ("objective", "SLIPWAY_OBJECTIVE_MS", 1, 3_600_000, 1),
    ("max-batch", "SLIPWAY_MAX_BATCH", 1, 65536, 1),
    ("concurrency", "SLIPWAY_CONCURRENCY", 1, 64, 1),
    ("queue", "SLIPWAY_QUEUE_ITEMS", 1, 1_000_000, 1),
    ("queue-memory", "SLIPWAY_QUEUE_BYTES", 1, bytes_of("1Ti"), 1),
    ("largest-request", "SLIPWAY_MAX_BODY_BYTES", 1, bytes_of("16Gi"), 1),
    ("cache.memory", "SLIPWAY_CACHE_BYTES", 1, bytes_of("1Ti"), 1),
    ("cache.seconds", "SLIPWAY_CACHE_SECONDS", 0.001, 31_536_000, 0.0001),
    ("breaker.failures", "SLIPWAY_BREAKER_FAILURES", 0.01, 1, 0.001),
    ("breaker.seconds", "SLIPWAY_BREAKER_SECONDS", 0.1, 3600, 0.01),
    ("review.below", "SLIPWAY_REVIEW_BELOW", 0, 1, 0.001),
]
OFF = {("cache.memory", 0)}
"""To the kit, no cache; in a stack file, a key that is left out."""


def told(**serving: Any) -> dict[str, str]:
    """The variables that are told beyond those that always are."""
    found = environment(Serving.model_validate(serving), region="eu-central-1")
    return {name: value for name, value in found.items() if name not in PLAIN}


def written(key: str, value: Any) -> dict[str, Any]:
    """A key below `serving` with its value, and what it needs beside it."""
    section, _, name = key.partition(".")
    beside: dict[str, dict[str, Any]] = {"cache": {"memory": "1Mi"}, "breaker": {}, "review": {"below": 0.5}}
    return {section: {**beside[section], name: value}} if name else {key: value}


def is_taken(key: str, value: Any) -> bool:
    try:
        Serving.model_validate(written(key, value))
    except ValidationError:
        return False
    return True


def is_read(variable: str, value: Any) -> bool:
    try:
        READS[variable](str(value))
    except ValueError:
        return False
    return True


def test_what_is_not_written_is_not_told() -> None:
    assert told() == {}
    assert AroundSettings.from_environment(PLAIN) == AroundSettings()


def test_all_of_it_reaches_the_kit() -> None:
    found = told(
        cache={"memory": "32Mi", "seconds": 60, "shared": "rediss://cache.internal:6379"},
        fallback=["smaller", "cached"],
        breaker={"failures": 0.25, "seconds": 2.5},
        review={"below": 0.75, "queue": QUEUE},
    )
    assert found == {
        "SLIPWAY_CACHE_BYTES": "33554432",
        "SLIPWAY_CACHE_SECONDS": "60",
        "SLIPWAY_CACHE_URL": "rediss://cache.internal:6379",
        "SLIPWAY_FALLBACK": "smaller,cached",
        "SLIPWAY_BREAKER_FAILURES": "0.25",
        "SLIPWAY_BREAKER_SECONDS": "2.5",
        "SLIPWAY_REVIEW_BELOW": "0.75",
        "SLIPWAY_REVIEW_QUEUE_URL": QUEUE,
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    assert AroundSettings.from_environment(found) == AroundSettings(
        cache_bytes=32 << 20,
        cache_seconds=60,
        cache_url="rediss://cache.internal:6379",
        fallback=(Step.SMALLER, Step.CACHED),
        breaker_failures=0.25,
        breaker_seconds=2.5,
        review_below=0.75,
        review_queue_url=QUEUE,
    )


def test_what_a_section_leaves_out_is_what_the_kit_takes() -> None:
    found = told(cache={"memory": "1Mi"}, fallback=["smaller"], breaker={})
    assert AroundSettings.from_environment(found) == AroundSettings(cache_bytes=1 << 20, fallback=(Step.SMALLER,))


def test_a_queue_that_the_stack_makes_is_told_where_none_is_named() -> None:
    serving = Serving.model_validate({"review": {"below": 1}})
    found = environment(serving, region="eu-central-1", review=QUEUE)
    assert (found["SLIPWAY_REVIEW_QUEUE_URL"], found["SLIPWAY_REVIEW_BELOW"]) == (QUEUE, "1")


@pytest.mark.parametrize(("key", "variable", "least", "most", "step"), BOUNDS, ids=[each[0] for each in BOUNDS])
def test_stack_file_and_kit_have_the_same_bounds(
    key: str, variable: str, least: float, most: float, step: float
) -> None:
    for value, fits in ((least, True), (most, True), (least - step, False), (most + step, False)):
        assert is_taken(key, value) == fits, value
        assert is_read(variable, value) == (fits or (key, value) in OFF), value


def test_every_number_that_is_told_has_its_bounds_held_here() -> None:
    found = told(
        cache={"memory": 1, "shared": "redis://x"},
        fallback=["default"],
        breaker={},
        review={"below": 0, "queue": QUEUE},
    )
    texts = {"SLIPWAY_CACHE_URL", "SLIPWAY_FALLBACK", "SLIPWAY_REVIEW_QUEUE_URL", "AWS_DEFAULT_REGION"}
    assert {variable for _, variable, *_ in BOUNDS} == {*PLAIN, *found} - texts


def test_whoever_may_answer_in_a_stack_file_may_in_the_kit() -> None:
    for count in (1, 2, 3):
        for steps in itertools.permutations(Step, count):
            assert is_taken("fallback", [*map(str, steps)])
            assert is_read("SLIPWAY_FALLBACK", told(fallback=[*map(str, steps)])["SLIPWAY_FALLBACK"])


@pytest.mark.parametrize(
    ("key", "variable", "urls"),
    [
        ("cache.shared", "SLIPWAY_CACHE_URL", ["redis://x", "rediss://x:6379/0", "unix:///run/redis.sock?db=1"]),
        ("review.queue", "SLIPWAY_REVIEW_QUEUE_URL", ["http://10.0.0.1:4566/111122223333/people", QUEUE]),
    ],
)
def test_urls_that_are_taken_are_read(key: str, variable: str, urls: list[str]) -> None:
    for url in urls:
        assert is_taken(key, url)
        assert is_read(variable, url)
    for wrong in ("", "people", "ftp://x/y", f"{QUEUE}.fifo"):
        assert not is_taken(key, wrong)
        assert not is_read(variable, wrong)
