"""What `slipway:gateway` and `route` may not say: ways that lead nowhere, and doors that nobody can open."""

from typing import Any

import pytest

from infra.settings import SettingsError, load
from tests.infra.settings.stackfiles import VALID, as_engine, changed

KEYS: dict[str, Any] = {"keys": {"secret": "clients"}}
TOKENS: dict[str, Any] = {"issuer": "https://login.example.com/", "audiences": ["models"]}
MODEL = "slipway:models.digits"

WRONG: dict[str, tuple[dict[str, Any] | None, dict[str, Any] | None, str, str]] = {
    "nobody could come": (
        {"replicas": 2},
        None,
        "slipway:gateway",
        (
            "says neither `keys` nor `tokens`, so that nobody could ask digits; write one of them, or let anybody in "
            "(`route: {open: true}`)"
        ),
    ),
    "a way without a gateway": (
        None,
        {"path": "/d"},
        f"{MODEL}.route",
        "is a way through the gateway, and the stack has none; write slipway:gateway, or take it out",
    ),
    "an internet that is not reached": (
        {**KEYS, "public-from": ["203.0.113.0/24"]},
        None,
        "slipway:gateway",
        (
            "has `public-from`, and nothing of the internet reaches 'internal'; write `exposure: load-balancer`, or "
            "take it out"
        ),
    ),
    "an exposure that is none": (
        {**KEYS, "exposure": "public"},
        None,
        "slipway:gateway.exposure",
        "is 'public'; input should be 'internal' or 'load-balancer'",
    ),
    "tokens without the keys that sign them": (
        {"tokens": TOKENS},
        None,
        "slipway:gateway.tokens",
        "needs the keys that tokens are signed with: write `jwks` (an address) or `config-map`, and not both",
    ),
    "tokens with two of them": (
        {"tokens": {**TOKENS, "jwks": "https://login.example.com/jwks", "config-map": "signers"}},
        None,
        "slipway:gateway.tokens",
        "needs the keys that tokens are signed with: write `jwks` (an address) or `config-map`, and not both",
    ),
    "tokens for nobody": (
        {"tokens": {**TOKENS, "config-map": "signers", "audiences": []}},
        None,
        "slipway:gateway.tokens.audiences",
        "is an empty list; write who a token has to be meant for, such as models",
    ),
    "a path that is none": (
        KEYS,
        {"path": "digits"},
        f"{MODEL}.route.path",
        "'digits' is not a path; write / or one such as /digits, in lower-case letters, digits, dashes and dots",
    ),
    "less time than the model has": (
        KEYS,
        {"timeout": 50},
        f"{MODEL}.route.timeout",
        "is 50, and the model has 100 ms (`objective`) to answer; write that or more",
    ),
}


def told(*changes: dict[str, Any]) -> list[tuple[str, str]]:
    merged: dict[str, Any] = {}
    for each in changes:
        merged.update(each)
    with pytest.raises(SettingsError) as refused:
        load(as_engine(merged), stack="local")
    return [(fault.key, fault.what) for fault in refused.value.faults]


def stack(gateway: dict[str, Any] | None, route: dict[str, Any] | None) -> dict[str, Any]:
    config = changed(("slipway:models", "digits", "route"), route) if route is not None else dict(VALID)
    return {**config, **({"slipway:gateway": gateway} if gateway is not None else {})}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_with_its_key(case: str) -> None:
    gateway, route, key, what = WRONG[case]
    assert told(stack(gateway, route)) == [(key, what)]


def test_two_models_at_one_path_are_told_at_the_second() -> None:
    config = stack(KEYS, None)
    models = config["slipway:models"]
    other = {**models["digits"], "route": {"path": "/digits"}}
    found = told({**config, "slipway:models": {**models, "risk": other}})
    assert found == [
        (
            "slipway:models.risk.route.path",
            "'/digits' is the path of slipway:models.digits, too; write another one",
        )
    ]


def test_a_model_called_as_the_route_of_another_is_told() -> None:
    config = stack(KEYS, None)
    models = config["slipway:models"]
    found = told({**config, "slipway:models": {**models, "digits-tokens": models["digits"]}})
    what = "is what the route for tokens of slipway:models.digits is called; write another name"
    assert found == [("slipway:models.digits-tokens", what)]


def test_a_path_below_another_is_one_of_its_own() -> None:
    config = stack(KEYS, {"path": "/"})
    models = config["slipway:models"]
    both = {**models, "risk": {**models["digits"], "route": {"path": "/v2/risk"}}}
    assert load(as_engine({**config, "slipway:models": both}), stack="local").models.keys() == {"digits", "risk"}
