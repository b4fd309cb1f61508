"""From `route` to what Envoy Gateway is told."""

from typing import Any

import pytest

from infra.models.isolation import network_policy
from infra.models.planning import ModelSpec
from infra.models.routing import RouteSpec, route
from infra.models.scaling import scaled
from infra.settings.gateway import Gateway
from infra.settings.models import Model
from infra.traffic import CLIENT_HEADER, Manifest

KEYS: dict[str, Any] = {"keys": {"secret": "clients"}}
TOKENS: dict[str, Any] = {"tokens": {"issuer": "me", "audiences": ["models"], "config-map": "signers"}}
BASE: dict[str, Any] = {"image": "built", "resources": {"cpu": 1, "memory": "1Gi"}}


def made(model: dict[str, Any] | None = None, gateway: dict[str, Any] | None = None) -> RouteSpec:
    return route(
        "digits", "models", Model.model_validate({**BASE, **(model or {})}), Gateway.model_validate(gateway or KEYS)
    )


def of_kind(spec: RouteSpec, kind: str) -> dict[str, Manifest]:
    return {each.name: each for each in spec.manifests if each.kind == kind}


def traffic(**model: Any) -> dict[str, Any]:
    return of_kind(made(model), "BackendTrafficPolicy")["digits"].spec


@pytest.mark.parametrize(
    ("gateway", "wanted"),
    [
        (KEYS, {"digits": {"apiKeyAuth"}}),
        (TOKENS, {"digits": {"jwt"}}),
        ({**KEYS, **TOKENS}, {"digits": {"apiKeyAuth"}, "digits-tokens": {"jwt"}}),
    ],
)
def test_every_route_asks_who_comes(gateway: dict[str, Any], wanted: dict[str, set[str]]) -> None:
    spec = made(gateway=gateway)
    assert {name: each.spec.keys() - {"targetRefs"} for name, each in of_kind(spec, "SecurityPolicy").items()} == wanted
    asked = {each.spec["targetRefs"][0]["name"] for each in of_kind(spec, "SecurityPolicy").values()}
    assert asked == of_kind(spec, "HTTPRoute").keys()


def test_nobody_comes_in_before_there_is_somebody_at_the_door() -> None:
    kinds = [each.kind for each in made(gateway={**KEYS, **TOKENS}).manifests]
    assert max(i for i, kind in enumerate(kinds) if kind == "SecurityPolicy") < kinds.index("HTTPRoute")


def test_an_open_route_asks_nobody_and_counts_addresses() -> None:
    spec = made({"route": {"open": True, "limit": {"requests": 5}}}, {**KEYS, **TOKENS})
    assert not of_kind(spec, "SecurityPolicy")
    (rule,) = of_kind(spec, "BackendTrafficPolicy")["digits"].spec["rateLimit"]["local"]["rules"]
    assert rule["clientSelectors"][0].keys() == {"sourceCIDR"}


def test_who_is_counted_is_who_was_recognised() -> None:
    spec = made({"route": {"limit": {"requests": 5, "per": "minute"}}}, {**KEYS, **TOKENS})
    named, nameless = of_kind(spec, "BackendTrafficPolicy")["digits"].spec["rateLimit"]["local"]["rules"]
    assert named["clientSelectors"] == [{"headers": [{"name": CLIENT_HEADER, "type": "Distinct"}]}]
    (header,) = nameless["clientSelectors"][0]["headers"]
    assert (header["name"], header["value"], header["invert"]) == (CLIENT_HEADER, ".+", True)
    assert named["limit"] == nameless["limit"] == {"requests": 5, "unit": "Minute"}
    policies = of_kind(spec, "SecurityPolicy")
    assert policies["digits"].spec["apiKeyAuth"]["forwardClientIDHeader"] == CLIENT_HEADER
    (provider,) = policies["digits-tokens"].spec["jwt"]["providers"]
    assert [each["header"] for each in provider["claimToHeaders"]] == [CLIENT_HEADER]


def test_the_limits_of_size_and_time_are_the_model_s() -> None:
    spec = traffic(serving={"largest-request": "2Mi", "objective": 1000})
    assert spec["requestBuffer"] == {"limit": str(2 * 2**20)}
    assert spec["timeout"]["http"] == {"requestTimeout": "10000ms"}
    assert spec["retry"]["perRetry"]["timeout"] == "8000ms"


def test_an_attempt_has_the_objective_at_least() -> None:
    assert traffic(serving={"objective": 900}, route={"timeout": 1000})["retry"]["perRetry"]["timeout"] == "900ms"


def test_what_has_effects_is_sent_once() -> None:
    assert "retry" not in traffic(route={"retries": 0})


def test_overload_is_no_reason_to_send_again() -> None:
    retry = traffic()["retry"]["retryOn"]
    assert retry["httpStatusCodes"] == [503]
    assert traffic()["circuitBreaker"]["retryBudget"]["percent"]["numerator"] < 50
    assert not {"5xx", "retriable-4xx", "gateway-error"} & {*retry["triggers"]}


def test_the_gateway_never_refuses_before_the_model_would() -> None:
    scaling = {"min": 1, "max": 3, "cpu": "50%"}
    breaker = traffic(scaling=scaling, serving={"queue": 10_000, "max-batch": 100, "concurrency": 2})["circuitBreaker"]
    del breaker["retryBudget"]
    assert min(breaker.values()) >= 3 * (10_000 + 200)
    assert breaker.items() <= traffic()["circuitBreaker"].items(), "replicas come and go, and the route stays as it is"


def test_metrics_are_not_for_clients() -> None:
    for path, hidden in (("/digits", "/digits/metrics"), ("/", "/metrics")):
        rules = of_kind(made({"route": {"path": path}}), "HTTPRoute")["digits"].spec["rules"]
        (match,) = rules[0]["matches"]
        assert match["path"]["value"] == hidden
        assert "backendRefs" not in rules[0]


def test_a_model_that_sleeps_is_woken_by_what_the_gateway_counts() -> None:
    model = Model.model_validate({**BASE, "scaling": {"min": 0, "max": 2, "in-flight": 8}})
    assert model.scaling is not None
    spec = made({"scaling": {"min": 0, "max": 2, "in-flight": 8}}, {**KEYS, **TOKENS})
    asked, in_flight = scaled("digits", "models", model.scaling).spec["triggers"]
    assert 'envoy_cluster_name=~"httproute/models/digits(-tokens)?/rule/.*"' in asked["metadata"]["query"]
    assert "activationThreshold" not in asked["metadata"]
    assert in_flight["metadata"]["query"].endswith(" or vector(0)")
    assert int(in_flight["metadata"]["activationThreshold"]) > 1000, "probes keep no model awake"
    (nobody,) = of_kind(spec, "Backend")
    for each in of_kind(spec, "HTTPRoute").values():
        awake, asleep = each.spec["rules"][-1]["backendRefs"]
        assert (awake["name"], asleep["name"]) == ("digits", nobody)
        assert awake["weight"] * 100_000 < asleep["weight"]
    assert "healthCheck" not in of_kind(spec, "BackendTrafficPolicy")["digits"].spec


def test_only_the_gateway_and_prometheus_reach_a_model() -> None:
    labels = ModelSpec(name="digits", namespace="models", image="x", replicas=1, cpu="1", memory="1Gi").labels
    for is_monitored, namespaces in ((False, {"envoy-gateway-system"}), (True, {"envoy-gateway-system", "monitoring"})):
        policy = network_policy(is_monitored=is_monitored)
        assert policy["podSelector"]["matchLabels"].items() <= labels.items()
        (rule,) = policy["ingress"]
        assert {each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for each in rule["from"]} == (
            namespaces
        )
