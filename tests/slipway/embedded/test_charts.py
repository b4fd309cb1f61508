"""What becomes of the charts a program names: real, supervised, recorded, or refused; never passed over."""

import pytest

from infra.addons import cache, values
from infra.addons.gateway import IMAGE
from infra.addons.prometheus import declared
from infra.addons.table import DESCHEDULER, ENVOY_GATEWAY, KEDA, METRICS_SERVER, NVIDIA, PINS, PROMETHEUS, Pin
from infra.traffic import GATEWAY_NAMESPACE
from slipway.embedded import charts
from slipway.embedded.charts import CHARTS, KnownChart, Treatment, additions, find
from slipway.embedded.images import RECIPES
from slipway.embedded.node import REAL
from slipway.engines import serving
from slipway.engines.table import KARPENTER, engine
from slipway.errors import InstanceError

VERSION = KARPENTER.version
OCI = "oci://public.ecr.aws/karpenter"


@pytest.mark.parametrize(
    ("chart", "repository"),
    [(f"{OCI}/karpenter", ""), ("karpenter", OCI), ("karpenter", f"{OCI}/"), (f"{OCI}/karpenter", OCI)],
)
def test_a_chart_is_known_however_helm_is_told_of_it(chart: str, repository: str) -> None:
    known = find(chart, repository=repository, version=VERSION)
    assert (known.name, known.treatment, known.images) == ("karpenter", Treatment.REAL, ("karpenter",))
    assert find(chart, repository=repository, version=f"v{VERSION}") == known


@pytest.mark.parametrize("version", ["1.13.0", "1.14.1"])
def test_another_version_is_refused_with_both(version: str) -> None:
    with pytest.raises(InstanceError) as refused:
        find("karpenter-crd", repository=OCI, version=version)
    assert refused.value.what == (
        f"the program asks for the version {version} of the chart {OCI}/karpenter-crd, and this machine has {VERSION}"
    )
    assert f"state {VERSION}" in refused.value.remedy


def test_no_version_is_no_pin() -> None:
    with pytest.raises(InstanceError, match=f"asks for no version of .* this machine has {VERSION}"):
        find(f"{OCI}/karpenter")


@pytest.mark.parametrize(
    ("chart", "repository"),
    [
        ("karpenter", "oci://example.org/fork"),
        ("karpenter", ""),
        ("opencost", "https://opencost.github.io/opencost-helm-chart"),
    ],
)
def test_what_is_not_in_the_table_is_refused_by_name(chart: str, repository: str) -> None:
    with pytest.raises(InstanceError, match=f"the chart {repository}/?{chart} on one machine; known are {OCI}") as no:
        find(chart, repository=repository, version=VERSION)
    assert "slipway/embedded/charts.py" in no.value.remedy


def test_the_values_of_what_is_supervised_are_checked() -> None:
    plugin = find("nvidia-device-plugin", repository="https://nvidia.github.io/k8s-device-plugin", version="0.17.1")
    assert (plugin.treatment, plugin.processes) == (Treatment.SUPERVISED, ("fleet",))
    assert plugin.faults({"tolerations": [], "nodeSelector": {}}) == []
    assert plugin.faults({"migStrategy": "mixed", "config": {}}) == [
        "nvidia-device-plugin: fleet does not heed the value 'config'",
        "nvidia-device-plugin: fleet does not heed the value 'migStrategy'",
    ]


def test_helm_itself_checks_the_values_of_what_is_real() -> None:
    assert find("karpenter", repository=OCI, version=VERSION).faults({"anything": 1}) == []


def test_of_a_chart_that_is_installed_from_manifests_the_values_are_checked_here() -> None:
    known = find(KEDA.chart, repository=KEDA.repository, version=KEDA.version)
    assert known.treatment is Treatment.REAL
    assert known.faults(values.keda()) == []
    assert known.faults({"operator": {"replicaCount": 2}}) == [
        "keda: what upstream's manifests install does not heed the value 'operator'"
    ]
    stack = find(PROMETHEUS.chart, repository=PROMETHEUS.repository, version=PROMETHEUS.version)
    assert stack.faults(values.prometheus_operator()) == []


def test_every_chart_has_a_reason_and_what_its_treatment_needs() -> None:
    for known in CHARTS:
        assert known.reason
        assert (known.treatment is Treatment.REAL) == bool(known.version)
        assert (known.treatment is Treatment.SUPERVISED) == bool(known.processes)
        assert all(RECIPES[each] and engine(each) for each in known.images)
    assert len({known.reference for known in CHARTS}) == len(CHARTS)


def test_what_is_recorded_takes_any_version_and_any_values(monkeypatch: pytest.MonkeyPatch) -> None:
    known = KnownChart(repository="https://example.org", name="x", treatment=Treatment.RECORDED, reason="no such thing")
    monkeypatch.setattr(charts, "CHARTS", (known,))
    assert find("x", repository="https://example.org") == known
    assert known.faults({"anything": 1}) == []


def test_karpenter_is_shown_the_endpoint_of_this_machine_and_nothing_else_is_added_to() -> None:
    karpenter, crds = (find(f"{OCI}/{name}", version=VERSION) for name in ("karpenter", "karpenter-crd"))
    added = additions(karpenter, "eu-west-1")
    env = {each["name"]: each["value"] for each in added["controller"]["env"]}
    assert (env["AWS_ENDPOINT_URL"], env["AWS_REGION"]) == ("http://10.88.0.1:5000", "eu-west-1")
    assert env["AWS_ACCESS_KEY_ID"] == env["AWS_SECRET_ACCESS_KEY"] == "slipway-offline"
    assert added["settings"] == {"disableDryRun": True}
    assert (added["replicas"], added["nodeSelector"]) == (1, {REAL: "true"})
    assert additions(crds, "eu-west-1") == {}


def test_the_descheduler_runs_where_pods_run() -> None:
    known = find(DESCHEDULER.chart, repository=DESCHEDULER.repository, version=DESCHEDULER.version)
    assert additions(known, "eu-west-1") == {"replicas": 1, "nodeSelector": {REAL: "true"}}


@pytest.mark.parametrize("pin", [KEDA, PROMETHEUS, METRICS_SERVER], ids=lambda pin: pin.name)
def test_what_models_are_scaled_by_runs_where_pods_run(pin: Pin) -> None:
    known = find(pin.chart, repository=pin.repository, version=pin.version)
    assert known.needed_by == "serving"
    assert additions(known, "")["nodeSelector"] == {REAL: "true"}


def test_the_prometheus_that_is_declared_is_the_one_that_is_built() -> None:
    assert declared()["version"] == f"v{serving.PROMETHEUS.version}"


def test_the_envoy_that_is_declared_is_the_one_that_is_built() -> None:
    recipe = RECIPES["envoy"]
    assert f"{recipe.repository}:{recipe.tag.format(version=serving.ENVOY.version)}" == IMAGE


def test_the_valkey_that_is_declared_is_the_one_that_is_built() -> None:
    recipe = RECIPES["valkey-server"]
    assert f"{recipe.repository}:{recipe.tag.format(version=serving.VALKEY.version)}" == cache.IMAGE
    assert recipe.program == cache.PROGRAM


def test_the_gateway_runs_where_pods_run() -> None:
    known = find(ENVOY_GATEWAY.chart, version=ENVOY_GATEWAY.version)
    assert known.needed_by == "gateway"
    added = additions(known, "")
    assert added["deployment"]["pod"] == added["certgen"]["job"] == {"nodeSelector": {REAL: "true"}}
    assert ENVOY_GATEWAY.namespace == GATEWAY_NAMESPACE


def test_the_charts_of_the_program_are_all_in_the_table() -> None:
    for pin in PINS:
        known = find(pin.chart, repository=pin.repository, version=pin.version)
        assert known.name == pin.chart.rpartition("/")[2]
    assert find(NVIDIA.chart, repository=NVIDIA.repository).faults(values.nvidia()) == []
