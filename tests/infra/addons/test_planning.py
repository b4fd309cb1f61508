"""Which charts a stack has, and that every value is a key of the chart it is for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.addons import table, values
from infra.addons.planning import AddonSpec, plan, plan_serving
from infra.addons.values import Surroundings
from infra.settings import Settings
from tests.infra.capacity.builders import CPU, GPU, planned
from tests.infra.capacity.crds import MODULE, module

AROUND = Surroundings(
    cluster="prod", endpoint="https://c.example", region="us-east-1", vpc="vpc-1", queue="prod", tags={"owner": "ml"}
)
WIDE = {**CPU, "mix": {"on-demand": "50%", "spot": "50%"}, "instances": {}}
METRICS_SERVER_MODULE = Path("sigs.k8s.io") / "metrics-server@v0.9.0"
ENVOY_GATEWAY_MODULE = Path("github.com/envoyproxy") / f"gateway@{table.ENVOY_GATEWAY.version}"
DESCHEDULER_MODULE = Path("sigs.k8s.io") / "descheduler@v0.35.1"


def by_name(**pools: dict[str, Any]) -> dict[str, AddonSpec]:
    return {each.pin.name: each for each in plan(planned(**pools), AROUND)}


def test_a_cluster_without_pools_has_load_balancers_alone() -> None:
    assert set(by_name()) == {"aws-load-balancer-controller"}


def test_pools_need_karpenter_after_its_crds() -> None:
    specs = by_name(cpu={**CPU, "mix": {"spot": "100%"}})
    assert set(specs) == {"aws-load-balancer-controller", "karpenter-crd", "karpenter"}
    assert specs["karpenter"].after == ("karpenter-crd",)


def test_a_ratio_needs_the_descheduler_and_gpus_the_device_plugin() -> None:
    assert set(by_name(cpu=CPU, gpu=GPU)) - set(by_name(cpu={**CPU, "mix": {"spot": "100%"}})) == {
        "descheduler",
        "nvidia-device-plugin",
    }


def stack(cluster: dict[str, Any], *, scales: bool = True) -> Settings:
    model: dict[str, Any] = {"image": f"x@sha256:{'0' * 64}", "resources": {"cpu": "1", "memory": "1Gi"}}
    model |= {"scaling": {"max": 4, "cpu": "70%"}} if scales else {}
    return Settings.model_validate({"slipway:cluster": cluster, "slipway:models": {"digits": model}})


def test_models_that_scale_need_keda_and_what_it_asks() -> None:
    eks = {"name": "dev", "version": "1.34", "admins": ["arn:aws:iam::111122223333:role/platform"]}
    assert {each.pin.name for each in plan_serving(stack(eks))} == {"keda", "kube-prometheus-stack"}
    everything = {"keda", "metrics-server", "kube-prometheus-stack"}
    assert {each.pin.name for each in plan_serving(stack({"context": "x"}))} == everything
    assert plan_serving(stack({"context": "x"}, scales=False)) == ()


@pytest.mark.parametrize(
    ("installed", "left"),
    [
        (["keda"], {"metrics-server", "kube-prometheus-stack"}),
        (["prometheus"], {"keda", "metrics-server"}),
        (["keda", "metrics-server", "prometheus"], set()),
    ],
)
def test_what_a_cluster_has_is_not_installed_again(installed: list[str], left: set[str]) -> None:
    found = plan_serving(stack({"context": "x", "installed": installed}))
    assert {each.pin.name for each in found} == left


@pytest.mark.parametrize(
    ("pools", "wide"),
    [
        ({"cpu": CPU}, False),
        ({"cpu": WIDE}, True),
        ({"a": WIDE, "b": CPU}, True),
        ({"cpu": {**WIDE, "mix": {"on-demand": "100%"}}}, False),
    ],
)
def test_spot_is_replaced_by_spot_where_a_pool_has_the_choice(pools: dict[str, Any], wide: bool) -> None:  # noqa: FBT001
    gates = by_name(**pools)["karpenter"].values["settings"]["featureGates"]
    assert gates == {"spotToSpotConsolidation": wide, "reservedCapacity": True}


def test_karpenter_is_told_of_its_cluster_and_its_queue() -> None:
    settings = by_name(cpu=CPU)["karpenter"].values["settings"]
    assert (settings["clusterName"], settings["clusterEndpoint"]) == ("prod", "https://c.example")
    assert settings["interruptionQueue"] == "prod"
    asked = values.karpenter(replace(AROUND, endpoint=None), spot_to_spot=False)["settings"]
    assert "clusterEndpoint" not in asked
    assert asked["eksControlPlane"] is True


def test_the_descheduler_moves_models_although_they_have_scratch_space() -> None:
    policy = values.descheduler()["deschedulerPolicy"]
    (profile,) = policy["profiles"]
    evictor, spread = profile["pluginConfig"]
    assert evictor["args"]["podProtections"]["defaultDisabled"] == ["PodsWithLocalStorage"]
    assert spread["args"]["constraints"] == ["DoNotSchedule"]
    assert profile["plugins"]["balance"]["enabled"] == [spread["name"]]


def test_the_device_plugin_finds_the_nodes_that_the_pools_label() -> None:
    labels = planned(gpu=GPU).node_pools[0].labels
    assert values.nvidia()["nodeSelector"].items() <= labels.items()
    assert values.nvidia()["tolerations"] == [{"operator": "Exists"}]


def test_what_runs_on_system_nodes_tolerates_their_taint() -> None:
    for each in (values.karpenter(AROUND, spot_to_spot=False), values.load_balancers(AROUND), values.descheduler()):
        assert each["tolerations"] == [{"key": "CriticalAddonsOnly", "operator": "Exists"}]


def strangers(given: dict[str, Any], known: dict[str, Any], at: str = "") -> list[str]:
    """Keys that a chart does not have; an empty map or null in it takes anything."""
    found = []
    for key, value in given.items():
        if key not in known:
            found.append(f"{at}{key}")
        elif isinstance(value, dict) and known[key]:
            found += strangers(value, known[key], f"{at}{key}.")
    return found


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (values.karpenter(AROUND, spot_to_spot=True), MODULE / "charts/karpenter"),
        (values.descheduler(), DESCHEDULER_MODULE / "charts/descheduler"),
        (values.metrics_server(), METRICS_SERVER_MODULE / "charts/metrics-server"),
        (values.envoy_gateway(), ENVOY_GATEWAY_MODULE / "charts/gateway-helm"),
    ],
    ids=["karpenter", "descheduler", "metrics-server", "envoy-gateway"],
)
def test_every_value_is_a_key_of_the_chart(given: dict[str, Any], path: Path) -> None:
    chart = module(Path(*path.parts[:-2])) / Path(*path.parts[-2:])
    files = [chart / name for name in ("values.yaml", "values.tmpl.yaml")]
    known = yaml.safe_load(next(file for file in files if file.exists()).read_text())
    given = {key: value for key, value in given.items() if key != "deschedulerPolicy"}  # held to its own schema below
    assert strangers(given, known) == []


def test_the_names_in_the_deschedulers_policy_are_the_programs_own() -> None:
    plugins = module(DESCHEDULER_MODULE) / "pkg/framework/plugins"
    evictor = (plugins / "defaultevictor/types.go").read_text()
    spread = (plugins / "removepodsviolatingtopologyspreadconstraint/types.go").read_text()
    policy = (module(DESCHEDULER_MODULE) / "pkg/api/v1alpha2/types.go").read_text()
    assert 'json:"podProtections,omitempty"' in evictor
    assert 'json:"defaultDisabled,omitempty"' in evictor
    assert '"PodsWithLocalStorage"' in evictor
    assert 'json:"constraints,omitempty"' in spread
    assert 'json:"maxNoOfPodsToEvictPerNamespace,omitempty"' in policy


def test_every_pin_says_why_and_where_from() -> None:
    assert len({each.name for each in table.PINS}) == len(table.PINS)
    for pin in table.PINS:
        assert pin.why
        assert pin.chart.startswith("oci://") != bool(pin.repository), pin.name


def test_controllers_run_as_the_accounts_that_their_identities_are_for() -> None:
    assert values.karpenter(AROUND, spot_to_spot=False)["serviceAccount"]["name"] == table.KARPENTER.account
    assert values.load_balancers(AROUND)["serviceAccount"]["name"] == table.LOAD_BALANCERS.account
