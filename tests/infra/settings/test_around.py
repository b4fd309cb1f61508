"""What may not be said of the cache, of who answers in a model's place, and of people."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from infra.settings import SettingsError, editor, load
from tests.infra.builders import WHOLE
from tests.infra.settings.stackfiles import VALID, as_engine, changed

SCHEMA = Draft202012Validator(editor.json_schema())
AT = ("slipway:models", "digits", "serving")
KEY = "slipway:models.digits.serving"
HERE = "https://sqs.us-east-1.amazonaws.com/111122223333/"
RIGHT: dict[str, Any] = {
    "cache": {"memory": "32Mi", "seconds": 0.5, "shared": "rediss://cache.internal:6379/1?ssl_cert_reqs=required"},
    "fallback": ["smaller", "cached", "default"],
    "breaker": {"failures": 0.25, "seconds": 30},
    "review": {"below": 0.75, "queue": f"{HERE}people"},
}
ELSEWHERE = {**VALID, "aws:region": "us-east-1"}
SECRET = "holds a user or a password, and stack files hold no secrets: take it out"
NETWORK = f"{SECRET}; its network says who reaches a Redis, by a security group or a NetworkPolicy"
REDIS = "is not a URL of Redis; write one such as rediss://cache.internal:6379, or cluster"
QUEUE = f"is not the URL of a standard queue (no .fifo) of SQS, such as {HERE}review"
STEPS = "names none, or one twice; write some of smaller, cached, default, each once, or take the key out"
KEYS = "the keys here are breaker, cache, concurrency, fallback, largest-request, max-batch, objective, queue, "

# What stands below `serving`, the key that is blamed, what is said, and whether a schema can tell.
WRONG: dict[str, tuple[dict[str, Any], str, str, bool]] = {
    "a key that is none": (
        {"fallbacks": ["smaller"]},
        "fallbacks",
        f"is not a key; did you mean `fallback`? {KEYS}queue-memory, review",
        True,
    ),
    "a cache of nothing": (
        {"cache": {"seconds": 60}},
        "cache",
        "has neither `memory` nor `shared`, so that nothing would be kept; write one of them, or both",
        False,
    ),
    "a cache in words": (
        {"cache": "32Mi"},
        "cache",
        "is '32Mi'; a map is expected; the keys here are memory, seconds, shared",
        True,
    ),
    "no memory": (
        {"cache": {"memory": 0}},
        "cache.memory",
        "'0' is not an amount of memory; write it with a unit, such as `512Mi` or `2Gi`",
        True,
    ),
    "more memory than the kit takes": (
        {"cache": {"memory": "2Ti"}},
        "cache.memory",
        "'2Ti' is more than slipway-kit takes; write 1Ti or less",
        False,
    ),
    "no time at all": (
        {"cache": {"memory": "1Mi", "seconds": 0}},
        "cache.seconds",
        "is 0; 0.001 or more is expected",
        True,
    ),
    "more than a year": (
        {"cache": {"memory": "1Mi", "seconds": 31_536_001}},
        "cache.seconds",
        "is 31536001; 31536000 or less is expected",
        True,
    ),
    "time in words": (
        {"cache": {"memory": "1Mi", "seconds": "5m"}},
        "cache.seconds",
        "is '5m'; a number is expected",
        True,
    ),
    "time as a truth": (
        {"cache": {"memory": "1Mi", "seconds": True}},
        "cache.seconds",
        "is true; a number is expected",
        True,
    ),
    "another store than Redis": (
        {"cache": {"shared": "memcached://cache:11211"}},
        "cache.shared",
        f"'memcached://cache:11211' {REDIS}",
        True,
    ),
    "a port that is none": (
        {"cache": {"shared": "redis://cache:six"}},
        "cache.shared",
        f"'redis://cache:six' {REDIS}",
        False,
    ),
    "a password": ({"cache": {"shared": "redis://:hunter2@cache:6379"}}, "cache.shared", NETWORK, True),
    "a user": ({"cache": {"shared": "redis://hunter2@cache"}}, "cache.shared", NETWORK, True),
    "a password behind the question mark": (
        {"cache": {"shared": "redis://cache?db=1&password=hunter2"}},
        "cache.shared",
        NETWORK,
        False,
    ),
    "a password that is disguised": (
        {"cache": {"shared": "redis://cache?p%61ssword=hunter2"}},
        "cache.shared",
        NETWORK,
        False,
    ),
    "the password of a certificate": (
        {"cache": {"shared": "rediss://cache?ssl_password=hunter2"}},
        "cache.shared",
        NETWORK,
        False,
    ),
    "a password in what is no URL of Redis": (
        {"cache": {"shared": "http://me:hunter2@x"}},
        "cache.shared",
        NETWORK,
        True,
    ),
    "nobody to answer": ({"fallback": []}, "fallback", STEPS, True),
    "somebody twice": ({"fallback": ["smaller", "smaller"]}, "fallback", STEPS, True),
    "somebody unknown": (
        {"fallback": ["larger"]},
        "fallback[0]",
        "is 'larger'; input should be 'smaller', 'cached' or 'default'",
        True,
    ),
    "old answers without memory": (
        {"fallback": ["smaller", "cached"]},
        "fallback",
        "names `cached`, and old answers are kept in memory; write `cache: {memory: 32Mi}`, or take it out",
        False,
    ),
    "old answers in Redis alone": (
        {"fallback": ["cached"], "cache": {"shared": "redis://cache"}},
        "fallback",
        "names `cached`, and old answers are kept in memory; write `cache: {memory: 32Mi}`, or take it out",
        False,
    ),
    "a breaker without anybody behind it": (
        {"breaker": {"failures": 0.5}},
        "breaker",
        "leaves a model that fails alone, and nobody answers in its place; write `fallback`, or take this out",
        False,
    ),
    "more failures than calls": (
        {"fallback": ["smaller"], "breaker": {"failures": 1.5}},
        "breaker.failures",
        "is 1.5; 1 or less is expected",
        True,
    ),
    "a share in percent": (
        {"fallback": ["smaller"], "breaker": {"failures": "50%"}},
        "breaker.failures",
        "is '50%'; a number is expected",
        True,
    ),
    "a pause that is none": (
        {"fallback": ["smaller"], "breaker": {"seconds": 0.05}},
        "breaker.seconds",
        "is 0.05; 0.1 or more is expected",
        True,
    ),
    "a queue for nothing": ({"review": {"queue": f"{HERE}people"}}, "review.below", "is missing", True),
    "surer than sure": (
        {"review": {"below": 75, "queue": f"{HERE}people"}},
        "review.below",
        "is 75; 1 or less is expected",
        True,
    ),
    "a queue by its name": ({"review": {"below": 0.5, "queue": "people"}}, "review.queue", f"'people' {QUEUE}", True),
    "a queue in order": (
        {"review": {"below": 0.5, "queue": f"{HERE}people.fifo"}},
        "review.queue",
        f"'{HERE}people.fifo' {QUEUE}",
        True,
    ),
    "a queue with a key": (
        {"review": {"below": 0.5, "queue": "https://AKIA:hunter2@sqs/people"}},
        "review.queue",
        f"{SECRET}; a pod sends as its own role",
        True,
    ),
    "no queue where none is made": (
        {"review": {"below": 0.5}},
        "review",
        "names no `queue`, and one is only made where EKS makes the cluster; write the URL of yours",
        False,
    ),
}


def told(config: dict[str, Any]) -> list[tuple[str, str]]:
    """The faults of a configuration, by key."""
    with pytest.raises(SettingsError) as refused:
        load(as_engine(config), stack="x")
    assert "hunter2" not in str(refused.value)
    return [(fault.key, fault.what) for fault in refused.value.faults]


def test_what_is_right_is_taken() -> None:
    config = changed(AT, RIGHT, of=ELSEWHERE)
    SCHEMA.validate({"config": config})
    serving = load(as_engine(config), stack="x").models["digits"].serving
    assert serving.model_dump(mode="json", by_alias=True, include={*RIGHT}) == RIGHT


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_with_its_key_and_by_the_schema_where_it_can(case: str) -> None:
    serving, key, says, by_schema = WRONG[case]
    config = changed(AT, serving, of=ELSEWHERE)
    assert told(config) == [(f"{KEY}.{key}", says)]
    assert SCHEMA.is_valid({"config": config}) != by_schema


@pytest.mark.parametrize("part", RIGHT)
def test_another_server_has_none_of_it(part: str) -> None:
    config = changed(AT, {"cache": RIGHT["cache"], part: RIGHT[part]}, of=ELSEWHERE)
    config["slipway:models"]["digits"]["server"] = "bentoml"
    assert told(config) == [(KEY, "is slipway-kit's, and this model's `server` is bentoml; take one of them out")]


def test_a_queue_is_in_a_region() -> None:
    assert told(changed(AT, {"review": RIGHT["review"]}, of=VALID)) == [
        ("aws:region", f"is missing; SQS ({KEY}.review) is in one, such as us-east-1")
    ]


def test_without_a_cluster_that_is_all_that_is_said() -> None:
    config = changed(AT, {"review": {"below": 0.5}}, of=VALID)
    del config["slipway:cluster"]
    assert [key for key, _ in told(config)] == ["slipway:cluster"]


@pytest.mark.parametrize("queue", [{}, {"queue": f"{HERE}people"}])
def test_where_eks_makes_the_cluster_a_queue_may_be_named_or_left_out(queue: dict[str, str]) -> None:
    config = changed(AT, {"review": {"below": 0.75, **queue}}, of=WHOLE)
    review = load(as_engine(config), stack="x").models["digits"].serving.review
    assert review is not None
    assert (review.below, review.queue) == (0.75, queue.get("queue"))


@pytest.mark.parametrize(
    "url",
    [
        "https://sqs.us-east-1.amazonaws.com/999900001111/people",
        "https://sqs.eu-west-1.amazonaws.com/111122223333/people",
        "https://queue.example/111122223333/people",
        f"{HERE}people/more",
        HERE,
    ],
)
def test_where_eks_makes_the_cluster_a_role_is_let_into_no_other_queue(url: str) -> None:
    ours = (
        f"{url!r} is not a queue of this account and region ({HERE}NAME), and the model's role may send to no other; "
        "write one, or take `queue` out: the model then has one of its own"
    )
    assert told(changed(AT, {"review": {"below": 0.75, "queue": url}}, of=WHOLE)) == [(f"{KEY}.review.queue", ours)]


def test_without_an_account_no_queue_is_judged() -> None:
    config = changed(AT, {"review": {"below": 0.75, "queue": f"{HERE}people"}}, of=WHOLE)
    del config["aws:allowedAccountIds"]
    assert [key for key, _ in told(config)] == ["aws:allowedAccountIds"]
