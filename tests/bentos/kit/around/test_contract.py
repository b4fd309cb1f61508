"""A class that lacks what the settings ask for is told so at start."""

import sys

import pytest
from slipway_kit.around.around import around
from slipway_kit.around.contract import check
from slipway_kit.around.metrics import AroundMetrics
from slipway_kit.around.settings import AroundSettings, Step
from slipway_kit.model import Contract, ContractError
from slipway_kit.variables import SettingsError

from tests.bentos.kit.around.builders import Length, Lengths, Text


class Bare:
    def predict_batch(self, items: list[Text]) -> list[Length]:
        return [Length(len(item.text)) for item in items]


class Async(Lengths):
    async def default(self, item: Text) -> Length:  # type: ignore[override]
        return Length(len(item.text))


EVERYTHING = AroundSettings(
    fallback=(Step.SMALLER, Step.DEFAULT), review_below=0.5, review_queue_url="http://q", cache_url="redis://r"
)


def test_a_class_that_has_all_can_be_served() -> None:
    check(Lengths, Contract.of(Lengths), EVERYTHING)


def test_each_thing_that_is_lacking_is_told_with_the_variable_and_what_to_write() -> None:
    with pytest.raises(ContractError) as raised:
        check(Bare, Contract.of(Bare), EVERYTHING)
    assert str(raised.value).splitlines() == [
        (
            "SLIPWAY_FALLBACK names `smaller`, and Bare has no predict_fallback: write "
            "`Bare.predict_fallback(self, items: list[Text]) -> list[Length]`, or leave `smaller` out"
        ),
        (
            "SLIPWAY_FALLBACK names `default`, and Bare has no default: write "
            "`Bare.default(self, item: Text) -> Length`, or leave `default` out"
        ),
        (
            "SLIPWAY_REVIEW_BELOW is set, and Bare has no confidence: write "
            "`Bare.confidence(self, output: Length) -> float`, or unset it together with SLIPWAY_REVIEW_QUEUE_URL"
        ),
        (
            "SLIPWAY_CACHE_URL is set, and Bare has no version: Redis outlives a deployment, and the next model would "
            'give the answers of this one; write `version = "1"` in the class, or use SLIPWAY_CACHE_BYTES alone'
        ),
    ]


def test_what_nobody_awaits_may_not_be_async() -> None:
    with pytest.raises(ContractError, match=r"Async\.default is async: write `Async\.default\(self, item: Text\)"):
        check(Async, Contract.of(Async), AroundSettings(fallback=(Step.DEFAULT,)))


def test_without_settings_there_is_nothing_around() -> None:
    check(Bare, Contract.of(Bare), AroundSettings())
    assert around(Bare(), Contract.of(Bare), "0", AroundSettings(), AroundMetrics()) is None


@pytest.mark.parametrize(
    ("module", "variable", "extra"),
    [
        ("slipway_kit.around.shared", "SLIPWAY_CACHE_URL", "cache"),
        ("slipway_kit.around.sending", "SLIPWAY_REVIEW_QUEUE_URL", "review"),
    ],
)
def test_an_extra_that_is_not_installed_is_named(
    module: str, variable: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    settings = (
        AroundSettings(cache_url="redis://r")
        if extra == "cache"
        else AroundSettings(review_below=0.5, review_queue_url="http://q")
    )
    with pytest.raises(SettingsError, match=rf"{variable} is set.*install slipway-kit\[{extra}\]"):
        around(Lengths(), Contract.of(Lengths), "7", settings, AroundMetrics())


def test_a_queue_without_a_region_is_told_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    settings = AroundSettings(review_below=0.5, review_queue_url="http://q")
    with pytest.raises(SettingsError, match="set AWS_DEFAULT_REGION"):
        around(Lengths(), Contract.of(Lengths), "7", settings, AroundMetrics())
