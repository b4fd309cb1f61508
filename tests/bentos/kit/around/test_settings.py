import pytest
from slipway_kit.around.settings import AroundSettings, Step
from slipway_kit.settings import Settings
from slipway_kit.variables import SettingsError


def faults(**environment: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        AroundSettings.from_environment(environment)
    return raised.value.faults


def test_without_variables_nothing_is_around_the_model() -> None:
    settings = AroundSettings.from_environment({"PATH": "/bin", "SLIPWAY_OBJECTIVE_MS": "50"})
    assert settings == AroundSettings()
    assert (settings.has_cache, settings.fallback, settings.review_below) == (False, (), None)


def test_everything_can_be_said() -> None:
    said = {
        "SLIPWAY_CACHE_BYTES": "1000000",
        "SLIPWAY_CACHE_SECONDS": "60",
        "SLIPWAY_CACHE_URL": "rediss://:secret@cache:6379/0",
        "SLIPWAY_CACHE_TIMEOUT_MS": "5",
        "SLIPWAY_FALLBACK": "smaller, cached,default",
        "SLIPWAY_BREAKER_FAILURES": "0.3",
        "SLIPWAY_BREAKER_SECONDS": "5",
        "SLIPWAY_REVIEW_BELOW": "0.7",
        "SLIPWAY_REVIEW_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/review",
        "SLIPWAY_REVIEW_SPOOL_ITEMS": "10",
    }
    settings = AroundSettings.from_environment(said)
    assert settings.fallback == (Step.SMALLER, Step.CACHED, Step.DEFAULT)
    assert (settings.cache_seconds, settings.breaker_failures, settings.review_below) == (60, 0.3, 0.7)
    assert Settings.from_environment(said) == Settings(), "the kit's own settings take none of them for a misspelt one"


def test_all_faults_are_told_at_once() -> None:
    assert faults(
        SLIPWAY_FALLBACK="smaller,bigger", SLIPWAY_REVIEW_QUEUE_URL="https://x/q.fifo", SLIPWAY_CACHE_BYTE="1"
    ) == [
        "SLIPWAY_CACHE_BYTE is none of the kit's variables; did you mean SLIPWAY_CACHE_BYTES?",
        (
            "SLIPWAY_FALLBACK is 'smaller,bigger', and must be some of smaller, cached, default, each once, "
            "with commas between"
        ),
        "SLIPWAY_REVIEW_QUEUE_URL is 'https://x/q.fifo', and must be the URL of a standard queue (no .fifo) of SQS",
    ]
    assert faults(SLIPWAY_FALLBACK="default,default")[0].startswith("SLIPWAY_FALLBACK is 'default,default'")


def test_a_url_that_may_hold_a_password_is_not_repeated() -> None:
    [fault] = faults(SLIPWAY_CACHE_URL="http://:secret@cache")
    assert "secret" not in fault
    assert fault.startswith("SLIPWAY_CACHE_URL is something else, and must be a URL that starts with redis://")


@pytest.mark.parametrize(
    ("said", "begins"),
    [
        ({"SLIPWAY_FALLBACK": "cached"}, "SLIPWAY_FALLBACK names `cached`, and SLIPWAY_CACHE_BYTES is 0"),
        ({"SLIPWAY_REVIEW_BELOW": "0.5"}, "SLIPWAY_REVIEW_BELOW is set, and SLIPWAY_REVIEW_QUEUE_URL is not"),
        ({"SLIPWAY_REVIEW_QUEUE_URL": "http://q"}, "SLIPWAY_REVIEW_QUEUE_URL is set, and SLIPWAY_REVIEW_BELOW is not"),
    ],
)
def test_values_that_contradict_each_other_are_a_fault(said: dict[str, str], begins: str) -> None:
    [fault] = faults(**said)
    assert fault.startswith(begins)
